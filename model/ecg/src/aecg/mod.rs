//! HL7 annotated ECG (aECG): the XML in which the FDA takes ECGs of trials, and that many devices export.
//!
//! Written from B. D. Brown and F. Badilini, HL7 aECG Implementation Guide (2005), and its example.
//!
//! ```text
//! sequences.rs    one sequence set: times and values
//! place.rs        pieces of leads, put together by their times
//! annotations.rs  beats, rhythms and statements
//! ```
//!
//! Series of rhythm are read. Series that are derived from them, such as representative beats, are left out, and so are all
//! measurements. A record's leads may come in several sequence sets, one after another: each lead is put at its time, and
//! is missing elsewhere.

use roxmltree::Node;

use crate::error::Result;
use crate::source::Source;
use crate::{Record, Start, xml};

mod annotations;
mod place;
mod sequences;

/// Whether these bytes are the start of such a file.
pub fn recognises(head: &[u8]) -> bool {
    xml::root_name(head).is_some_and(|name| name == "AnnotatedECG")
}

/// Reads a record. Its base rate is the highest of the leads in volts, or of all if there is none. Beats stand at the middle of
/// their QRS complex. Where a value has no unit, [`ReadOptions`](crate::ReadOptions) give it, and the rate where times are missing.
///
/// # Errors
/// The file is no XML, has no series of rhythm, a value is no number, times are not evenly spaced, or they would leave more
/// than 64 times as many samples missing as there are.
pub fn read(source: Source<'_>) -> Result<Record> {
    let (path, name, options) = (source.path(), source.name(), source.options());
    let text = xml::text(source)?;
    let document = xml::parse(path, &text.text)?;
    let root = document.root_element();
    let mut warnings: Vec<String> = text.warning.into_iter().collect();
    let series: Vec<Node<'_, '_>> = rhythms(root).collect();
    let mut pieces = Vec::new();
    for (number, series) in series.iter().enumerate() {
        let low = low(*series);
        for set in xml::children(*series, "component").flat_map(|part| xml::children(part, "sequenceSet")) {
            sequences::read(path, set, options, (number, low), &mut pieces, &mut warnings)?;
        }
    }
    let Some(first) = series.first().copied().filter(|_| !pieces.is_empty()) else {
        let found = if series.is_empty() { "none" } else { "no lead in it" };
        return Err(xml::error(path, root, "series", "one of rhythm, with leads", found.into()));
    };
    let starts = pieces.iter().filter_map(|piece| piece.start);
    let origin = starts.reduce(|a, b| if place::seconds_between(a, b) > 0.0 { b } else { a });
    let leads = place::place(path, first, pieces, origin, &mut warnings)?;
    let highest = |voltage: bool| {
        let rates =
            leads.iter().filter(|lead| !voltage || lead.millivolts().is_some()).map(|lead| lead.sample_rate);
        rates.fold(0.0, f64::max)
    };
    let rate = if highest(true) > 0.0 { highest(true) } else { highest(false) };

    let mut record = Record::new(name, rate, leads);
    let told = || low(first).or_else(|| low(root));
    record.start = origin.or_else(told);
    for series in series {
        let begin = origin.or_else(|| low(series));
        annotations::read(series, begin, rate, &mut record);
    }
    record.annotations.sort_by_key(|annotation| annotation.time);
    if let Some(person) = xml::first(root, "subjectDemographicPerson") {
        let code = xml::attribute_of(person, &["administrativeGenderCode"], "code");
        record.sex = code.and_then(xml::sex);
        let birth = xml::attribute_of(person, &["birthTime"], "value").and_then(xml::timestamp);
        let days = birth.and_then(|birth| birth.date).zip(record.start.and_then(|start| start.date));
        record.age = days.and_then(|(birth, day)| birth.age_on(day));
    }
    record.warnings = warnings;
    Ok(record)
}

/// The series of the root that are not of representative beats.
fn rhythms<'a, 'i>(root: Node<'a, 'i>) -> impl Iterator<Item = Node<'a, 'i>> {
    let series = xml::children(root, "component").flat_map(|part| xml::children(part, "series"));
    series.filter(|node| code(*node) != "REPRESENTATIVE_BEAT")
}

/// What an element is, by the code in it.
fn code<'a>(node: Node<'a, '_>) -> &'a str {
    xml::attribute_of(node, &["code"], "code").unwrap_or_default()
}

/// When something begins, by its effective time.
fn low(node: Node<'_, '_>) -> Option<Start> {
    let time = xml::find(node, &["effectiveTime"])?;
    let value = |name| xml::attribute_of(time, &[name], "value");
    xml::timestamp(value("low").or_else(|| value("center")).or_else(|| time.attribute("value"))?)
}

#[cfg(test)]
mod tests;
