//! One table of many records: a row a record or a beat as CSV, or a line of JSON a record.

use crate::findings::{RecordReport, Row, fields, quote, rows};
use efficientecg::classify::Unit;
use efficientecg::config::Config;
use std::path::Path;

/// A table as it grows.
pub(crate) struct Table {
    /// None of JSON Lines.
    header: Option<String>,
    unit: Unit,
    classes: usize,
    /// Lines without their ends, and the reason of a row where the class would be.
    lines: Vec<(String, &'static str)>,
    has_reasons: bool,
}

impl Table {
    /// A table for the file of this name: `.jsonl` or `.ndjson` is JSON Lines, anything else CSV.
    pub(crate) fn new(path: &Path, config: &Config, unit: Unit) -> Table {
        let json = path
            .extension()
            .is_some_and(|e| e.eq_ignore_ascii_case("jsonl") || e.eq_ignore_ascii_case("ndjson"));
        let mut header = String::from(match unit {
            Unit::Beat => "record,sample,seconds,class",
            _ => "record,class",
        });
        config.classes.iter().for_each(|c| header += &format!(",{}", quote(c)));
        let classes = config.classes.len();
        Table { header: (!json).then_some(header), unit, classes, lines: Vec::new(), has_reasons: false }
    }

    /// Adds a record.
    pub(crate) fn add(&mut self, r: &RecordReport) -> std::io::Result<()> {
        if self.header.is_none() {
            self.lines.push((serde_json::to_string(r).map_err(std::io::Error::other)?, ""));
            return Ok(());
        }
        let record = quote(&r.record);
        match self.unit {
            Unit::Beat => {
                for row in rows(r) {
                    self.row(format!("{record},{},{:.6}", row.sample, row.seconds), &row);
                }
            }
            _ => r.findings.iter().take(1).for_each(|row| self.row(record.clone(), row)),
        }
        Ok(())
    }

    fn row(&mut self, start: String, row: &Row) {
        self.has_reasons |= row.reason.is_some();
        let line = format!("{start},{}{}", quote(row.told()), fields(row, self.classes));
        self.lines.push((line, row.reason.unwrap_or_default()));
    }

    /// Rows so far.
    pub(crate) fn rows(&self) -> usize {
        self.lines.len()
    }

    /// Its text. There is a column of reasons if anything could not be assessed.
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        if let Some(header) = &self.header {
            text += header;
            text += if self.has_reasons { ",reason\n" } else { "\n" };
        }
        for (line, reason) in &self.lines {
            text += line;
            if self.has_reasons {
                text += ",";
                text += reason;
            }
            text.push('\n');
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::findings::summary;
    use crate::findings::tests::{refused, report};
    use efficientecg::config::presets::Setup;

    fn config() -> Config {
        Config::lite(Setup::new("t", ["I"], 100.0, 100, ["N", "a,b"]))
    }

    #[test]
    fn a_table_has_reasons_where_there_are_some() {
        let mut table = Table::new(Path::new("t.csv"), &config(), Unit::Record);
        let mut record = RecordReport { unit: "record", ..report() };
        table.add(&record).expect("added");
        assert_eq!(table.text(), "record,class,N,\"a,b\"\nr,N,0.75,0.25\n");
        record.findings = refused().findings.split_off(1);
        table.add(&record).expect("added");
        assert_eq!(table.text(), "record,class,N,\"a,b\",reason\nr,N,0.75,0.25,\nr,-,,,noise\n");
        record.reason = Some("noise");
        assert!(summary(&record).contains("  - not assessed: noise\n"), "{}", summary(&record));
    }

    #[test]
    fn beats_of_many_records_in_one_table() {
        let mut table = Table::new(Path::new("-"), &config(), Unit::Beat);
        table.add(&report()).expect("added");
        table.add(&RecordReport { record: "s,t".to_owned(), ..report() }).expect("added");
        assert_eq!(
            table.text(),
            "record,sample,seconds,class,N,\"a,b\"\nr,100,1.000000,N,0.75,0.25\nr,250,2.500000,\"a,b\",0.75,0.25\n\
             \"s,t\",100,1.000000,N,0.75,0.25\n\"s,t\",250,2.500000,\"a,b\",0.75,0.25\n"
        );
        let mut table = Table::new(Path::new("-"), &config(), Unit::Beat);
        table.add(&refused()).expect("added");
        assert!(table.text().ends_with("class,N,\"a,b\",reason\nr,100,1.000000,N,0.75,0.25,\nr,250,2.500000,-,,,noise\nr,1000,10.000000,-,,,flat\n"), "{}", table.text());
    }

    #[test]
    fn lines_of_json() {
        let mut table = Table::new(Path::new("t.jsonl"), &config(), Unit::Beat);
        table.add(&report()).expect("added");
        table.add(&refused()).expect("added");
        let lines: Vec<serde_json::Value> =
            table.text().lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
        assert_eq!((lines.len(), table.rows()), (2, 2));
        assert_eq!(lines[0]["findings"][1]["class"], "a,b");
        assert_eq!(lines[1]["not_assessed"][0]["reason"], "noise");
    }
}
