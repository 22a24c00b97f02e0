//! The findings of a record, for people and for programs.

use crate::episodes::Episodes;
use crate::legend;
use crate::times::{clock, length};
use efficientecg::classify::{Findings, Settings, Unit};
use efficientecg::config::Config;
use efficientecg::ecg::quality::Reason;
use efficientecg::ecg::wfdb::{Annotation, Annotations, Code};
use efficientecg::ecg::{Record, Sex};
use serde::Serialize;
use std::borrow::Cow;
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
    /// Why nothing of the record could be assessed.
    pub(crate) reason: Option<&'static str>,
    /// Parts of the record that could not be assessed.
    pub(crate) not_assessed: Vec<Part>,
    pub(crate) warnings: Vec<String>,
    pub(crate) elapsed: Seconds,
    /// Episodes of fibrillation; of long records alone.
    #[serde(flatten)]
    pub(crate) fibrillation: Option<Episodes>,
    pub(crate) findings: Vec<Row>,
}

#[derive(Serialize)]
pub(crate) struct Rate {
    pub(crate) median: f64,
    pub(crate) mean: f64,
    pub(crate) min: f64,
    pub(crate) max: f64,
}

/// A part of a record, in seconds, and why it could not be assessed.
#[derive(Serialize)]
pub(crate) struct Part {
    pub(crate) onset: f64,
    pub(crate) end: f64,
    pub(crate) reason: &'static str,
}

#[derive(Clone, Serialize)]
pub(crate) struct Row {
    /// In frames of the record.
    pub(crate) sample: i64,
    pub(crate) seconds: f64,
    /// The most probable class; of a multilabel model all that are at least even, joined by `+`. None where it could not be assessed.
    pub(crate) class: Option<String>,
    /// Why there is no class.
    pub(crate) reason: Option<&'static str>,
    /// The classes as a list.
    pub(crate) found: Vec<String>,
    pub(crate) logits: Vec<f32>,
    pub(crate) probabilities: Vec<f32>,
}

impl Row {
    /// The class, or `-` without one.
    pub(crate) fn told(&self) -> &str {
        self.class.as_deref().unwrap_or(NOT_ASSESSED)
    }
}

/// In place of a class where there is none, as the signal could not be assessed.
pub(crate) const NOT_ASSESSED: &str = "-";

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
                class: item.class.is_ok().then(|| item.label()),
                reason: item.reason().map(Reason::name),
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
            reason: found.reason().map(Reason::name),
            not_assessed: found
                .not_assessed()
                .into_iter()
                .map(|part| Part { onset: part.onset, end: part.end, reason: part.reason.name() })
                .collect(),
            warnings,
            elapsed,
            fibrillation: found.fibrillation.as_ref().map(Episodes::new),
            findings,
        }
    }
}

/// Parts of a record that could not be assessed and are listed in a summary.
const PARTS: usize = 10;

/// A few lines for the terminal.
pub(crate) fn summary(r: &RecordReport) -> String {
    let mut text = format!("{}: {}", r.record, length(r.seconds));
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
            text += &share(class, n, r.findings.len());
            text.push('\n');
        }
        let n = r.findings.iter().filter(|row| row.class.is_none()).count();
        if n > 0 {
            text += &format!("{}, not assessed\n", share(NOT_ASSESSED, n, r.findings.len()));
        }
    } else if let Some(row) = r.findings.first() {
        match row.reason {
            Some(reason) => text += &format!("  {NOT_ASSESSED} not assessed: {reason}\n"),
            None if row.found.is_empty() => text += "  none is likely\n",
            None => text += &format!("  {}\n", row.found.join(", ")),
        }
        for (class, p) in r.classes.iter().zip(&row.probabilities) {
            text += &format!("  {class:<8} {:>6.1} %\n", 100.0 * p);
        }
    }
    // A whole record that could not be assessed has said so.
    let parts = if r.unit == "record" && r.reason.is_some() { &[][..] } else { &r.not_assessed };
    for part in parts.iter().take(PARTS) {
        text += &format!("  {NOT_ASSESSED} {} to {}: {}\n", clock(part.onset), clock(part.end), part.reason);
    }
    if parts.len() > PARTS {
        text += &format!("  {NOT_ASSESSED} and {} more parts\n", parts.len() - PARTS);
    }
    if let Some(found) = &r.fibrillation {
        text += &found.summary();
    }
    if !r.missing.is_empty() {
        text += &format!("  not known: {}\n", r.missing.join(", "));
    }
    text += &format!("  {:.2} s, {:.2} of them reading\n", r.elapsed.all, r.elapsed.read);
    text
}

/// A class with its findings, and their part of all.
pub(crate) fn share(class: &str, count: usize, all: usize) -> String {
    format!("  {class:<8} {count:>6} {:>6.1} %", 100.0 * count as f64 / all.max(1) as f64)
}

/// The findings, and a row for each part that could not be assessed and has no beat in it, in order of time.
pub(crate) fn rows(r: &RecordReport) -> Vec<Cow<'_, Row>> {
    let mut rows: Vec<Cow<'_, Row>> = r.findings.iter().map(Cow::Borrowed).collect();
    if r.unit == "beat" {
        let is_empty = |part: &&Part| {
            !r.findings.iter().any(|row| row.class.is_none() && (part.onset..part.end).contains(&row.seconds))
        };
        for part in r.not_assessed.iter().filter(is_empty) {
            rows.push(Cow::Owned(Row {
                sample: (part.onset * r.sample_rate).round() as i64,
                seconds: part.onset,
                class: None,
                reason: Some(part.reason),
                found: Vec::new(),
                logits: Vec::new(),
                probabilities: Vec::new(),
            }));
        }
        rows.sort_by_key(|row| row.sample);
    }
    rows
}

/// Aligned columns, and below them what the classes mean, in lines that begin with `#`.
pub(crate) fn text(r: &RecordReport) -> String {
    let unit = if r.unit == Unit::Beat.name() { Unit::Beat } else { Unit::Record };
    let legend = legend::lines(unit, &r.classes);
    columns(r) + &legend.iter().map(|line| format!("# {line}\n")).collect::<String>()
}

fn columns(r: &RecordReport) -> String {
    if let Some(found) = &r.fibrillation {
        return found.text();
    }
    let mut text = format!("{:>10} {:>10} {:<8}", "sample", "seconds", "class");
    r.classes.iter().for_each(|c| text += &format!(" {c:>8}"));
    text.push('\n');
    for row in rows(r) {
        let class = if row.told().is_empty() { "none" } else { row.told() };
        text += &format!("{:>10} {:>10.3} {class:<8}", row.sample, row.seconds);
        row.probabilities.iter().for_each(|p| text += &format!(" {p:>8.4}"));
        if let Some(reason) = row.reason {
            text += &format!(" {reason}");
        }
        text.push('\n');
    }
    text
}

/// The fields after a class: probabilities, all empty without a class.
pub(crate) fn fields(row: &Row, classes: usize) -> String {
    if row.class.is_some() {
        row.probabilities.iter().map(|p| format!(",{p}")).collect()
    } else {
        ",".repeat(classes)
    }
}

/// Comma-separated values (RFC 4180, but for its line ends).
pub(crate) fn csv(r: &RecordReport) -> String {
    if let Some(found) = &r.fibrillation {
        return found.csv();
    }
    let rows = rows(r);
    let has_reasons = rows.iter().any(|row| row.reason.is_some());
    let mut text = String::from("sample,seconds,class");
    r.classes.iter().for_each(|c| text += &format!(",{}", quote(c)));
    text += if has_reasons { ",reason\n" } else { "\n" };
    for row in rows {
        text += &format!("{},{:.6},{}", row.sample, row.seconds, quote(row.told()));
        text += &fields(&row, r.classes.len());
        if has_reasons {
            text += &format!(",{}", row.reason.unwrap_or_default());
        }
        text.push('\n');
    }
    text
}

/// A field of comma-separated values.
pub(crate) fn quote(field: &str) -> String {
    if field.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", field.replace('"', "\"\""))
    } else {
        field.to_owned()
    }
}

/// WFDB annotations: a beat's class that is an annotation symbol becomes that code, any other, and a record's, a note. What could not be
/// assessed is a note `- REASON`. Of a long record the changes of rhythm.
pub(crate) fn annotations(r: &RecordReport) -> Annotations {
    if let Some(found) = &r.fibrillation {
        return found.annotations();
    }
    let item = |row: &Row| {
        let mut symbols = row.class.as_deref().unwrap_or_default().chars();
        let symbol = symbols.next().filter(|_| symbols.next().is_none() && r.unit == "beat");
        match symbol.and_then(Code::from_symbol) {
            Some(code) => Annotation::new(row.sample, code),
            None => {
                let mut note = Annotation::new(row.sample, Code::NOTE);
                let text = match row.reason {
                    Some(reason) => format!("{NOT_ASSESSED} {reason}"),
                    None if row.found.is_empty() => "none".to_owned(),
                    None => row.told().to_owned(),
                };
                note.aux = text.bytes().take(255).collect();
                note
            }
        }
    };
    Annotations { items: rows(r).iter().map(|row| item(row)).collect(), ..Annotations::default() }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn report() -> RecordReport {
        let row = |sample: i64, class: &str| Row {
            sample,
            seconds: sample as f64 / 100.0,
            class: Some(class.to_owned()),
            reason: None,
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
            reason: None,
            not_assessed: Vec::new(),
            warnings: Vec::new(),
            elapsed: Seconds { read: 0.0, all: 0.0 },
            fibrillation: None,
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

    /// The report with its second beat, and five seconds without a beat, not assessed.
    pub(crate) fn refused() -> RecordReport {
        let mut report = report();
        let second = &mut report.findings[1];
        *second = Row { class: None, reason: Some("noise"), found: Vec::new(), ..second.clone() };
        (second.logits, second.probabilities) = (Vec::new(), Vec::new());
        report.not_assessed = vec![
            Part { onset: 2.0, end: 4.0, reason: "noise" },
            Part { onset: 10.0, end: 15.0, reason: "flat" },
        ];
        report
    }

    #[test]
    fn what_could_not_be_assessed_has_no_class_and_a_reason_in_every_form() {
        let r = refused();
        assert_eq!(
            csv(&r),
            "sample,seconds,class,N,\"a,b\",reason\n100,1.000000,N,0.75,0.25,\n250,2.500000,-,,,noise\n1000,10.000000,-,,,flat\n"
        );
        let lines: Vec<String> =
            text(&r).lines().map(|l| l.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
        assert_eq!(
            lines[2..],
            ["250 2.500 - noise", "1000 10.000 - flat", "# Research only, not for diagnosis."]
        );
        let json = serde_json::to_value(&r).expect("JSON");
        assert!(json["findings"][1]["class"].is_null() && json["findings"][1]["reason"] == "noise", "{json}");
        assert_eq!(json["not_assessed"][1]["end"], 15.0);
        let notes: Vec<String> = annotations(&r).items.iter().map(|a| a.text()).collect();
        assert_eq!(notes, ["", "- noise", "- flat"]);
        let told = summary(&r);
        assert!(told.contains("  -             1   50.0 %, not assessed\n"), "{told}");
        assert!(told.contains("  - 0:00:10.0 to 0:00:15.0: flat\n"), "{told}");
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
        for part in ["r: 0:01:01.5, female", "2 beats", "N             1   50.0 %", "not known: age"] {
            assert!(text.contains(part), "{part} in {text}");
        }
    }
}
