//! What a report tells, as tables: for people who do not see the pages, and for copying.

use super::{Report, foot, head};
use crate::words;
use efficientecg::classify::Unit;

/// Rows of beats at most.
const BEATS: usize = 200;

/// A table of a report.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Facts {
    /// What it is of.
    pub caption: String,
    /// Names of its columns.
    pub columns: Vec<String>,
    /// As many cells a row.
    pub rows: Vec<Vec<String>>,
}

impl Facts {
    pub(crate) fn new(caption: impl Into<String>, columns: &[&str], rows: Vec<Vec<String>>) -> Facts {
        Facts { caption: caption.into(), columns: columns.iter().map(|c| (*c).to_owned()).collect(), rows }
    }
}

impl Report<'_> {
    /// What its pages tell, as tables.
    pub fn facts(&self) -> Vec<Facts> {
        let found = self.findings;
        let pair = |name: &str, value: String| vec![name.to_owned(), value];
        let mut about = vec![pair("record", self.record.name.clone()), pair("result", head::result(self))];
        about.extend(head::measured(self).into_iter().map(|(name, value)| pair(name, value)));
        about.extend(self.warnings.iter().map(|warning| pair("note", warning.clone())));
        about.push(pair("signal as drawn", foot::FILTER.to_owned()));
        about.push(pair("model", foot::model(self)));
        about.push(pair("caution", words::CAUTION.to_owned()));
        let mut made = vec![Facts::new("Record", &["what", "value"], about)];
        if found.unit == Unit::Beat {
            let row = |(class, meaning, count): (String, &str, usize)| {
                vec![class, meaning.to_owned(), count.to_string()]
            };
            let rows = head::counted(self).into_iter().map(row).collect();
            made.push(Facts::new("Beats of each class", &["class", "meaning", "beats"], rows));
            made.extend(self.unusual_beats());
        } else if let Some(item) = found.items.first().filter(|item| item.class.is_ok()) {
            let classes = &self.config.classes;
            let row = |(class, p): (&String, &f32)| {
                let given = if item.labels().any(|label| label == class) { "yes" } else { "no" };
                let meaning = words::meaning(found.unit, class, classes).unwrap_or_default();
                vec![class.clone(), meaning.to_owned(), format!("{p:.3}"), given.to_owned()]
            };
            let rows = classes.iter().zip(&item.probabilities).map(row).collect();
            let caption = format!("Probabilities: {}", head::rule(self));
            made.push(Facts::new(caption, &["class", "meaning", "probability", "given"], rows));
        }
        if let Some(found) = &found.fibrillation {
            let rows = found
                .episodes
                .iter()
                .map(|e| vec![words::clock(e.onset_seconds), words::clock(e.end_seconds)]);
            made.push(Facts::new("Episodes of atrial fibrillation", &["onset", "end"], rows.collect()));
        }
        let parts = found.not_assessed();
        if !parts.is_empty() {
            let row = |part: &efficientecg_ecg::quality::Episode| {
                vec![words::clock(part.onset), words::clock(part.end), part.reason.to_string()]
            };
            made.push(Facts::new(
                "Not assessed",
                &["onset", "end", "reason"],
                parts.iter().map(row).collect(),
            ));
        }
        made
    }

    /// Beats of other classes than the first.
    fn unusual_beats(&self) -> Option<Facts> {
        let classes = &self.config.classes;
        let mut rows: Vec<Vec<String>> = Vec::new();
        let mut more = 0;
        for item in &self.findings.items {
            let Some(class) = item.class.ok().filter(|class| *class > 0) else { continue };
            if rows.len() == BEATS {
                more += 1;
                continue;
            }
            let p = item.probability().map_or(String::new(), |p| format!("{p:.3}"));
            rows.push(vec![words::clock(item.seconds), classes[class].clone(), p]);
        }
        let more = if more > 0 { format!(", the first {BEATS}; {more} more") } else { String::new() };
        let first = classes.first().map_or("", String::as_str);
        let caption = format!("Beats that are not {first}{more}");
        (!rows.is_empty()).then(|| Facts::new(caption, &["time", "class", "probability"], rows))
    }
}
