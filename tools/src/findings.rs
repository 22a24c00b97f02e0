//! The findings of a record, for people and for programs.

use efficientecg::classify::{Findings, Settings};
use efficientecg::config::{Config, Task};
use efficientecg::ecg::wfdb::{Annotation, Annotations, Code};
use efficientecg::ecg::{Record, Sex};
use serde::Serialize;
use std::collections::BTreeMap;

/// Wall-clock time spent on a record.
#[derive(Clone, Copy, Serialize)]
pub(crate) struct Seconds {
    /// Reading its files.
    pub(crate) read: f64,
    /// From its name to its classes.
    pub(crate) all: f64,
}

/// All that is said of a record.
#[derive(Serialize)]
pub(crate) struct RecordReport {
    pub(crate) record: String,
    pub(crate) sample_rate: f64,
    /// The record's duration.
    pub(crate) seconds: f64,
    pub(crate) age: Option<f64>,
    pub(crate) sex: Option<&'static str>,
    /// `beat` or `record`: what each finding is of.
    pub(crate) unit: &'static str,
    pub(crate) classes: Vec<String>,
    /// Findings of each class.
    pub(crate) counts: BTreeMap<String, usize>,
    /// Beats a minute.
    pub(crate) heart_rate: Option<Rate>,
    /// Features that the model takes and the record does not give.
    pub(crate) missing: Vec<String>,
    pub(crate) warnings: Vec<String>,
    pub(crate) elapsed: Seconds,
    pub(crate) findings: Vec<Row>,
}

#[derive(Serialize)]
pub(crate) struct Rate {
    pub(crate) median: f64,
    pub(crate) mean: f64,
    pub(crate) min: f64,
    pub(crate) max: f64,
}

#[derive(Serialize)]
pub(crate) struct Row {
    /// In frames of the record.
    pub(crate) sample: i64,
    pub(crate) seconds: f64,
    /// The most probable class; of a multilabel model all that are at least even, joined by `+`, or `-` for none.
    pub(crate) class: String,
    /// The same as a list.
    pub(crate) found: Vec<String>,
    pub(crate) logits: Vec<f32>,
    pub(crate) probabilities: Vec<f32>,
}

impl RecordReport {
    pub(crate) fn new(
        config: &Config,
        record: &Record,
        settings: &Settings,
        found: &Findings,
        warnings: Vec<String>,
        elapsed: Seconds,
    ) -> RecordReport {
        let mut counts: BTreeMap<String, usize> = config.classes.iter().map(|c| (c.clone(), 0)).collect();
        let mut findings = Vec::with_capacity(found.items.len());
        for item in &found.items {
            let found: Vec<String> = item.labels().map(str::to_owned).collect();
            found.iter().for_each(|class| *counts.entry(class.clone()).or_default() += 1);
            findings.push(Row {
                sample: item.time,
                seconds: item.seconds,
                class: item.label(),
                found,
                logits: item.logits.clone(),
                probabilities: item.probabilities.clone(),
            });
        }
        RecordReport {
            record: record.name.clone(),
            sample_rate: record.sample_rate,
            seconds: record.seconds(),
            age: settings.age.or(record.age),
            sex: settings.sex.or(record.sex).map(|s| match s {
                Sex::Female => "female",
                Sex::Male => "male",
            }),
            unit: found.unit.name(),
            classes: config.classes.clone(),
            counts,
            heart_rate: found.heart_rate.map(|r| Rate {
                median: r.median,
                mean: r.mean,
                min: r.min,
                max: r.max,
            }),
            missing: found.missing.clone(),
            warnings,
            elapsed,
            findings,
        }
    }
}

/// A few lines for the terminal.
pub(crate) fn summary(r: &RecordReport) -> String {
    let mut text = format!("{}: {}", r.record, duration(r.seconds));
    if let Some(age) = r.age {
        text += &format!(", age {age}");
    }
    if let Some(sex) = r.sex {
        text += &format!(", {sex}");
    }
    text.push('\n');
    if r.unit == "beat" {
        text += &format!("  {} beats", r.findings.len());
        if let Some(rate) = &r.heart_rate {
            text += &format!(", {:.0} a minute ({:.0} to {:.0})", rate.median, rate.min, rate.max);
        }
        text.push('\n');
        for class in &r.classes {
            let n = r.counts.get(class).copied().unwrap_or(0);
            let share = 100.0 * n as f64 / r.findings.len().max(1) as f64;
            text += &format!("  {class:<8} {n:>6} {share:>6.1} %\n");
        }
    } else if let Some(row) = r.findings.first() {
        let found = if row.found.is_empty() { "none is likely" } else { &row.found.join(", ") };
        text += &format!("  {found}\n");
        for (class, p) in r.classes.iter().zip(&row.probabilities) {
            text += &format!("  {class:<8} {:>6.1} %\n", 100.0 * p);
        }
    }
    if !r.missing.is_empty() {
        text += &format!("  not known: {}\n", r.missing.join(", "));
    }
    text += &format!("  {:.2} s, {:.2} of them reading\n", r.elapsed.all, r.elapsed.read);
    text
}

fn duration(seconds: f64) -> String {
    let whole = seconds as u64;
    let (minutes, rest) = (whole / 60, seconds - (whole / 60 * 60) as f64);
    if minutes > 0 { format!("{minutes} min {rest:.1} s") } else { format!("{rest:.1} s") }
}

/// Aligned columns.
pub(crate) fn text(r: &RecordReport) -> String {
    let mut text = format!("{:>10} {:>10} {:<8}", "sample", "seconds", "class");
    r.classes.iter().for_each(|c| text += &format!(" {c:>8}"));
    text.push('\n');
    for row in &r.findings {
        text += &format!("{:>10} {:>10.3} {:<8}", row.sample, row.seconds, row.class);
        row.probabilities.iter().for_each(|p| text += &format!(" {p:>8.4}"));
        text.push('\n');
    }
    text
}

/// Comma-separated values (RFC 4180, but for its line ends).
pub(crate) fn csv(r: &RecordReport) -> String {
    let mut text = String::from("sample,seconds,class");
    r.classes.iter().for_each(|c| text += &format!(",{}", quote(c)));
    text.push('\n');
    for row in &r.findings {
        text += &format!("{},{:.6},{}", row.sample, row.seconds, quote(&row.class));
        row.probabilities.iter().for_each(|p| text += &format!(",{p}"));
        text.push('\n');
    }
    text
}

fn quote(field: &str) -> String {
    if field.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", field.replace('"', "\"\""))
    } else {
        field.to_owned()
    }
}

/// The first line of a table with a row a record: no class where records have several.
pub(crate) fn table_header(config: &Config) -> String {
    let mut text = String::from(if config.task == Task::Multilabel { "record" } else { "record,class" });
    config.classes.iter().for_each(|c| text += &format!(",{}", quote(c)));
    text + "\n"
}

/// A record's row.
pub(crate) fn table_row(r: &RecordReport, task: Task) -> String {
    let Some(row) = r.findings.first() else {
        return String::new();
    };
    let mut text = quote(&r.record);
    if task == Task::Multiclass {
        text += &format!(",{}", quote(&row.class));
    }
    row.probabilities.iter().for_each(|p| text += &format!(",{p}"));
    text + "\n"
}

/// WFDB annotations: a beat's class that is an annotation symbol becomes that code, any other, and a record's, a note.
pub(crate) fn annotations(r: &RecordReport) -> Annotations {
    let item = |row: &Row| {
        let mut symbols = row.class.chars();
        let symbol = symbols.next().filter(|_| symbols.next().is_none() && r.unit == "beat");
        match symbol.and_then(Code::from_symbol) {
            Some(code) => Annotation::new(row.sample, code),
            None => {
                let mut note = Annotation::new(row.sample, Code::NOTE);
                note.aux = row.class.bytes().take(255).collect();
                note
            }
        }
    };
    Annotations { items: r.findings.iter().map(item).collect(), ..Annotations::default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report() -> RecordReport {
        let row = |sample: i64, class: &str| Row {
            sample,
            seconds: sample as f64 / 100.0,
            class: class.to_owned(),
            found: vec![class.to_owned()],
            logits: vec![1.0, 0.0],
            probabilities: vec![0.75, 0.25],
        };
        RecordReport {
            record: "r".to_owned(),
            sample_rate: 100.0,
            seconds: 61.5,
            age: None,
            sex: Some("female"),
            unit: "beat",
            classes: vec!["N".to_owned(), "a,b".to_owned()],
            counts: BTreeMap::from([("N".to_owned(), 1), ("a,b".to_owned(), 1)]),
            heart_rate: None,
            missing: vec!["age".to_owned()],
            warnings: Vec::new(),
            elapsed: Seconds { read: 0.0, all: 0.0 },
            findings: vec![row(100, "N"), row(250, "a,b")],
        }
    }

    #[test]
    fn csv_quotes_what_needs_it() {
        assert_eq!(
            csv(&report()),
            "sample,seconds,class,N,\"a,b\"\n100,1.000000,N,0.75,0.25\n250,2.500000,\"a,b\",0.75,0.25\n"
        );
    }

    #[test]
    fn classes_become_codes_or_notes() {
        let a = annotations(&report());
        assert_eq!(a.items[0], Annotation::new(100, Code::from_symbol('N').unwrap_or(Code::NOTE)));
        assert_eq!((a.items[1].code, a.items[1].text().as_str()), (Code::NOTE, "a,b"));
    }

    #[test]
    fn a_records_class_is_no_beat() {
        let record = RecordReport { unit: "record", ..report() };
        assert!(annotations(&record).items.iter().all(|a| a.code == Code::NOTE));
    }

    #[test]
    fn several_labels_of_a_record_are_all_told() {
        let record = |found: &[&str]| {
            let mut report = RecordReport { unit: "record", ..report() };
            report.findings.truncate(1);
            report.findings[0].found = found.iter().map(|s| (*s).to_owned()).collect();
            summary(&report)
        };
        assert!(record(&["N", "a,b"]).contains("  N, a,b\n"), "{}", record(&["N", "a,b"]));
        assert!(record(&[]).contains("none is likely"));
    }

    #[test]
    fn a_summary_counts_every_class() {
        let text = summary(&report());
        for part in ["r: 1 min 1.5 s, female", "2 beats", "N             1   50.0 %", "not known: age"] {
            assert!(text.contains(part), "{part} in {text}");
        }
    }
}
