//! Comma-separated values as RFC 4180 has them, but for fields with line ends: those are refused. Lines end as on any system; a
//! byte-order mark and empty lines are skipped.

use efficientecg_files::{self as files, FileError, one_line};
use std::collections::HashMap;
use std::io::Read as _;
use std::path::{Path, PathBuf};

/// A line of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CsvRow {
    /// From 1.
    pub line: usize,
    /// Unquoted, without blanks around.
    pub fields: Vec<String>,
}

/// A file of rows of equal length.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CsvTable {
    /// The file.
    pub path: PathBuf,
    /// Names of the columns, where the first line has them.
    pub header: Option<Vec<String>>,
    /// All other lines.
    pub rows: Vec<CsvRow>,
}

impl CsvTable {
    /// Reads a table. Its first line names the columns if the first name is one of `keys` (of any case).
    ///
    /// # Errors
    /// The file cannot be read, is no UTF-8, holds no rows, or rows of different lengths.
    pub fn read(path: &Path, keys: &[&str]) -> Result<CsvTable, FileError> {
        let read = || {
            let (mut file, _) = files::open(path)?;
            let mut bytes = Vec::new();
            file.read_to_end(&mut bytes).map(|_| bytes)
        };
        let bytes = read().map_err(|e| {
            FileError::new(path, "file", "a table that can be read", e.to_string(), "check the path")
        })?;
        let text = String::from_utf8(bytes).map_err(|e| {
            let at = format!("byte {}", e.utf8_error().valid_up_to());
            FileError::new(path, at, "UTF-8", "other bytes", "give comma-separated text")
        })?;
        CsvTable::parse(path, &text, keys)
    }

    /// Parses the text of the table at `path` (named in errors only).
    ///
    /// # Errors
    /// As for [`CsvTable::read`].
    pub fn parse(path: &Path, text: &str, keys: &[&str]) -> Result<CsvTable, FileError> {
        let mut rows: Vec<CsvRow> = Vec::new();
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        for (line, content) in text.lines().enumerate() {
            if content.trim().is_empty() {
                continue;
            }
            let line = line + 1;
            let fields = split(content).map_err(|found| {
                let expected = "plain or wholly quoted fields, each on one line";
                FileError::new(path, format!("line {line}"), expected, found, "correct its quotes")
            })?;
            if let Some(first) = rows.first()
                && first.fields.len() != fields.len()
            {
                let expected = format!("{} fields as in line {}", first.fields.len(), first.line);
                let (item, found) = (format!("line {line}"), fields.len().to_string());
                return Err(FileError::new(path, item, expected, found, "correct the line"));
            }
            rows.push(CsvRow { line, fields });
        }
        let named = rows.first().is_some_and(|r| keys.iter().any(|k| r.fields[0].eq_ignore_ascii_case(k)));
        let header = named.then(|| rows.remove(0).fields);
        if let Some(names) = &header {
            let mut seen = HashMap::new();
            for (place, name) in names.iter().enumerate() {
                if let Some(other) = seen.insert(name, place + 1) {
                    let item = format!("column {}", place + 1);
                    let found = format!("{name:?}, which column {other} is");
                    return Err(FileError::new(path, item, "a name of its own", found, "rename one"));
                }
            }
        }
        if rows.is_empty() {
            return Err(FileError::new(path, "rows", "at least 1", "0", "give a table that is not empty"));
        }
        Ok(CsvTable { path: path.to_path_buf(), header, rows })
    }

    /// What is wrong with the field of a row, in column `place` (from 0).
    pub fn invalid(&self, row: &CsvRow, place: usize, expected: &str, fix: &str) -> FileError {
        let name = self.header.as_ref().and_then(|h| h.get(place));
        let column = name.map_or_else(|| format!("column {}", place + 1), |n| format!("column {n:?}"));
        let found = row.fields.get(place).map_or("nothing".to_owned(), |f| format!("{f:?}"));
        FileError::new(&self.path, format!("line {} {column}", row.line), expected, found, fix)
    }

    /// The number in a field.
    ///
    /// # Errors
    /// The field is no number from 0 to 1.
    pub fn probability(&self, row: &CsvRow, place: usize) -> Result<f64, FileError> {
        let number = row.fields.get(place).and_then(|f| f.parse::<f64>().ok());
        number.filter(|p| (0.0..=1.0).contains(p)).ok_or_else(|| {
            self.invalid(row, place, "a probability from 0 to 1", "give probabilities, not scores or percent")
        })
    }

    /// The rows by their first field, a record's name.
    ///
    /// # Errors
    /// A name that is empty, or there twice.
    pub fn by_record(&self) -> Result<HashMap<&str, &CsvRow>, FileError> {
        let mut all: HashMap<&str, &CsvRow> = HashMap::new();
        for row in &self.rows {
            let name = row.fields[0].as_str();
            if name.is_empty() {
                return Err(self.invalid(row, 0, "a record's name", "name the record"));
            }
            if let Some(other) = all.insert(name, row) {
                let expected = format!("one row a record, and line {} has this one", other.line);
                return Err(self.invalid(row, 0, &expected, "delete one of them"));
            }
        }
        Ok(all)
    }
}

/// Records of a reference and of predictions, by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Joined {
    /// In both, in the reference's order.
    pub records: Vec<String>,
    /// In the reference alone.
    pub missing: Vec<String>,
    /// In the predictions alone.
    pub unknown: Vec<String>,
    /// In both, and without a prediction: its class is [`NOT_ASSESSED`]. Not among `records`.
    pub not_assessed: Vec<String>,
}

/// The class of a record whose signal could not be assessed.
pub const NOT_ASSESSED: &str = "-";

/// The name of a column that says why.
pub const REASON: &str = "reason";

impl Joined {
    /// Finds the records that both tables have.
    ///
    /// # Errors
    /// A name that is empty or there twice; no record that both have and that was assessed; unless `common`, a record that one table lacks.
    pub fn new(reference: &CsvTable, predictions: &CsvTable, common: bool) -> Result<Joined, FileError> {
        let (truth, given) = (reference.by_record()?, predictions.by_record()?);
        let names = |table: &CsvTable, other: &HashMap<&str, &CsvRow>, within: bool| -> Vec<String> {
            let all = table.rows.iter().map(|r| &r.fields[0]);
            all.filter(|n| other.contains_key(n.as_str()) == within).cloned().collect()
        };
        let class = match &predictions.header {
            Some(names) => names.iter().position(|n| n.eq_ignore_ascii_case("class")),
            None => predictions.rows.first().filter(|row| row.fields.len() == 2).map(|_| 1),
        };
        let is_refused = |name: &String| {
            let row = given.get(name.as_str());
            row.zip(class).is_some_and(|(row, class)| row.fields[class] == NOT_ASSESSED)
        };
        let (not_assessed, records) = names(reference, &given, true).into_iter().partition(is_refused);
        let joined = Joined {
            records,
            missing: names(reference, &given, false),
            unknown: names(predictions, &truth, false),
            not_assessed,
        };
        let other = one_line(&reference.path.to_string_lossy());
        let invalid = |expected: String, found: String, fix: &str| {
            Err(FileError::new(&predictions.path, "records", expected, found, fix))
        };
        let none = joined.records.is_empty();
        if none && !joined.not_assessed.is_empty() {
            let found = format!("{}, none of them assessed", joined.not_assessed.len());
            return invalid("records with a class".to_owned(), found, "give records that could be assessed");
        }
        if !joined.missing.is_empty() && (!common || none) {
            let expected = format!("all {} of {other}", reference.rows.len());
            let found = format!("none named {}", listed(&joined.missing));
            return invalid(expected, found, "add them, or score only the records that both files have");
        }
        if !joined.unknown.is_empty() && !common {
            let found = format!("also {}", listed(&joined.unknown));
            let fix = "delete them, or score only the records that both files have";
            return invalid(format!("those of {other} alone"), found, fix);
        }
        Ok(joined)
    }
}

/// A few names, and how many more there are.
pub fn listed(names: &[String]) -> String {
    let few: Vec<&str> = names.iter().take(5).map(String::as_str).collect();
    let more = names.len() - few.len();
    if more == 0 { few.join(", ") } else { format!("{} and {more} more", few.join(", ")) }
}

/// The fields of a line; else what is odd in it.
fn split(line: &str) -> Result<Vec<String>, String> {
    let mut fields = Vec::new();
    let mut rest = line;
    loop {
        if let Some(quoted) = rest.trim_start().strip_prefix('"') {
            let mut field = String::new();
            let mut inside = quoted;
            let after = loop {
                let Some((text, tail)) = inside.split_once('"') else {
                    return Err("a quote that does not end".to_owned());
                };
                field.push_str(text);
                match tail.strip_prefix('"') {
                    Some(more) => {
                        field.push('"');
                        inside = more;
                    }
                    None => break tail.trim_start(),
                }
            };
            fields.push(field);
            match after.strip_prefix(',') {
                Some(more) => rest = more,
                None if after.is_empty() => return Ok(fields),
                None => return Err(format!("{:.20} after a quoted field", after)),
            }
        } else {
            match rest.split_once(',') {
                Some((field, more)) => {
                    fields.push(field.trim().to_owned());
                    rest = more;
                }
                None => {
                    fields.push(rest.trim().to_owned());
                    return Ok(fields);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<CsvTable, FileError> {
        CsvTable::parse(Path::new("t.csv"), text, &["record"])
    }

    #[test]
    fn rows_and_quotes() {
        let table =
            parse("\u{feff}Record,class, \"a,\"\"b\"\" \" \r\n\r\nx , ,3\n\"\",~,\n").expect("a table");
        assert_eq!(table.header.as_deref(), Some(&["Record", "class", "a,\"b\" "].map(String::from)[..]));
        let fields: Vec<&[String]> = table.rows.iter().map(|r| r.fields.as_slice()).collect();
        assert_eq!(fields, [["x", "", "3"], ["", "~", ""]]);
        assert_eq!(table.rows[1].line, 4);
        let plain = parse("A1,N").expect("a table");
        assert_eq!((plain.header, plain.rows.len()), (None, 1));
    }

    #[test]
    fn records_are_found_by_name() {
        let (a, b) = (parse("x,1\ny,1\nz,1\n").expect("a table"), parse("z,1\nw,1\nx,0\n").expect("a table"));
        let joined = Joined::new(&a, &b, true).expect("common records");
        assert_eq!(joined.records, ["x", "z"]);
        assert_eq!((joined.missing, joined.unknown), (vec!["y".to_owned()], vec!["w".to_owned()]));
        let line = Joined::new(&a, &b, false).expect_err("y is missing").to_string();
        assert!(
            line.contains("expected all 3 of t.csv, found none named y; ")
                && line.contains("score only the records"),
            "{line}"
        );
        let c = parse("x,1\n").expect("a table");
        let line = Joined::new(&c, &b, false).expect_err("z, w").to_string();
        assert!(line.contains("found also z, w; "), "{line}");
        let d = parse("q,1\n").expect("a table");
        assert!(Joined::new(&c, &d, true).is_err(), "nothing in common");
        let names: Vec<String> = (0..7).map(|i| i.to_string()).collect();
        assert_eq!(listed(&names), "0, 1, 2, 3, 4 and 2 more");
    }

    #[test]
    fn what_is_wrong_names_the_line() {
        for (text, part) in [
            ("", "rows: expected at least 1"),
            ("record,class\n\n", "rows: expected at least 1"),
            ("a,b\nc\n", "line 2: expected 2 fields as in line 1, found 1"),
            ("a,\"b\n", "line 1: expected plain or wholly quoted fields"),
            ("a,\"b\"c\n", "c after a quoted field"),
            ("record,N,N\nx,1,1\n", "column 3: expected a name of its own"),
        ] {
            let line = parse(text).expect_err(text).to_string();
            assert!(line.starts_with("t.csv: ") && line.contains(part), "{line}");
        }
        let table = parse("a,2\n,0.5\na,x\n").expect("a table");
        for place in [0, 2] {
            assert!(table.probability(&table.rows[place], 1).is_err());
        }
        assert_eq!(table.probability(&table.rows[1], 1), Ok(0.5));
        let line = table.by_record().expect_err("no name").to_string();
        assert!(line.contains("line 2 column 1"), "{line}");
        let line = parse("a,2\na,3\n").and_then(|t| t.by_record().map(drop)).expect_err("twice").to_string();
        assert!(line.contains("line 2") && line.contains("line 1 has"), "{line}");
    }
}
