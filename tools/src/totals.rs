//! What is said of many records together.

use crate::findings::{NOT_ASSESSED, RecordReport, share};
use crate::times;
use std::collections::BTreeMap;

/// Counts over records.
#[derive(Default)]
pub(crate) struct Totals {
    records: usize,
    failed: usize,
    refused: usize,
    seconds: f64,
    unit: &'static str,
    /// Findings, those that could not be assessed among them.
    findings: usize,
    not_assessed: usize,
    classes: Vec<String>,
    counts: BTreeMap<String, usize>,
}

impl Totals {
    /// Adds a record.
    pub(crate) fn add(&mut self, r: &RecordReport) {
        self.records += 1;
        self.refused += usize::from(r.reason.is_some());
        self.seconds += r.seconds;
        self.unit = r.unit;
        self.findings += r.findings.len();
        self.not_assessed += r.findings.iter().filter(|row| row.class.is_none()).count();
        self.classes.clone_from(&r.classes);
        for (class, count) in &r.counts {
            *self.counts.entry(class.clone()).or_default() += count;
        }
    }

    /// Adds a record that failed.
    pub(crate) fn failed(&mut self) {
        self.failed += 1;
    }

    /// Whether no record was classified.
    pub(crate) fn is_empty(&self) -> bool {
        self.records == 0
    }

    /// A few lines for the terminal; none of a single record, which has said it all.
    pub(crate) fn text(&self) -> String {
        if self.records + self.failed < 2 {
            return String::new();
        }
        let mut text = format!("{} records, {} in all", self.records, times::length(self.seconds));
        if self.refused > 0 {
            text += &format!(", {} not assessed", self.refused);
        }
        if self.failed > 0 {
            text += &format!(", {} more failed", self.failed);
        }
        text.push('\n');
        if self.unit == "beat" {
            text += &format!("  {} beats\n", self.findings);
        }
        for class in &self.classes {
            text += &share(class, self.counts.get(class).copied().unwrap_or(0), self.findings);
            text.push('\n');
        }
        if self.not_assessed > 0 {
            text += &format!("{}, not assessed\n", share(NOT_ASSESSED, self.not_assessed, self.findings));
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::findings::tests::{refused, report};

    #[test]
    fn records_are_counted_together() {
        let mut totals = Totals::default();
        totals.add(&report());
        assert_eq!(totals.text(), "");
        totals.add(&refused());
        totals.failed();
        let text = totals.text();
        let lines: Vec<&str> = text.lines().map(str::trim).collect();
        assert_eq!(lines[0], "2 records, 0:02:03 in all, 1 more failed");
        assert_eq!(lines[1], "4 beats");
        assert!(lines[2].starts_with("N ") && lines[2].ends_with(" 2   50.0 %"), "{text}");
        assert!(lines[4].ends_with(" 1   25.0 %, not assessed"), "{text}");
    }
}
