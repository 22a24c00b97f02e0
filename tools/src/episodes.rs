//! Episodes of fibrillation in a long record, for people and for programs.

use crate::times::clock;
use efficientecg::classify::Fibrillation;
use efficientecg::ecg::wfdb::{Annotation, Annotations, Code};
use serde::Serialize;

/// Atrial fibrillation.
const KIND: &str = "AF";
/// Episodes that a summary lists.
const LISTED: usize = 10;

/// What is said of fibrillation in a record.
#[derive(Clone, Serialize)]
pub(crate) struct Episodes {
    /// In order of time.
    pub(crate) episodes: Vec<Episode>,
    /// Percent of the record's time.
    pub(crate) burden: f64,
    /// Whether the last episode goes to the end of the record.
    #[serde(skip)]
    pub(crate) ends_open: bool,
}

/// One episode.
#[derive(Clone, Serialize)]
pub(crate) struct Episode {
    /// `AF`.
    pub(crate) kind: &'static str,
    /// In frames of the record.
    pub(crate) onset_sample: i64,
    /// The frame after its last.
    pub(crate) end_sample: i64,
    pub(crate) onset_seconds: f64,
    pub(crate) end_seconds: f64,
}

impl Episodes {
    pub(crate) fn new(found: &Fibrillation) -> Episodes {
        let episodes: Vec<Episode> = found
            .episodes
            .iter()
            .map(|e| Episode {
                kind: KIND,
                onset_sample: e.onset,
                end_sample: e.end,
                onset_seconds: e.onset_seconds,
                end_seconds: e.end_seconds,
            })
            .collect();
        Episodes { episodes, burden: 100.0 * found.burden, ends_open: found.ends_open() }
    }

    /// Lines of a summary.
    pub(crate) fn summary(&self) -> String {
        let count = self.episodes.len();
        let plural = if count == 1 { "episode" } else { "episodes" };
        let mut text = format!("  AF burden {:.1} %, {count} {plural}\n", self.burden);
        for e in self.episodes.iter().take(LISTED) {
            let (onset, end) = (clock(e.onset_seconds), clock(e.end_seconds));
            text += &format!("  {:<8} {onset:>10} to {end:>10}\n", e.kind);
        }
        if count > LISTED {
            text += &format!("  and {} more\n", count - LISTED);
        }
        text
    }

    /// Aligned columns.
    pub(crate) fn text(&self) -> String {
        let mut text =
            format!("{:<8} {:>10} {:>10} {:>10} {:>10}\n", "kind", "onset", "end", "onset s", "end s");
        for e in &self.episodes {
            text += &format!(
                "{:<8} {:>10} {:>10} {:>10.3} {:>10.3}\n",
                e.kind, e.onset_sample, e.end_sample, e.onset_seconds, e.end_seconds
            );
        }
        text
    }

    /// Comma-separated values.
    pub(crate) fn csv(&self) -> String {
        let mut text = String::from("kind,onset_sample,end_sample,onset_seconds,end_seconds\n");
        for e in &self.episodes {
            text += &format!(
                "{},{},{},{:.6},{:.6}\n",
                e.kind, e.onset_sample, e.end_sample, e.onset_seconds, e.end_seconds
            );
        }
        text
    }

    /// WFDB annotations: `(AFIB` where an episode begins, `(N` where there is none.
    pub(crate) fn annotations(&self) -> Annotations {
        let change = |time: i64, text: &str| {
            let mut change = Annotation::new(time, Code::RHYTHM);
            change.aux = text.as_bytes().to_vec();
            change
        };
        let mut items = Vec::new();
        if self.episodes.first().is_none_or(|e| e.onset_sample > 0) {
            items.push(change(0, "(N"));
        }
        for (place, e) in self.episodes.iter().enumerate() {
            items.push(change(e.onset_sample, "(AFIB"));
            if !self.ends_open || place + 1 < self.episodes.len() {
                items.push(change(e.end_sample, "(N"));
            }
        }
        Annotations { items, ..Annotations::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(spans: &[(i64, i64)], ends_open: bool) -> Episodes {
        let episode = |(onset, end): &(i64, i64)| Episode {
            kind: "AF",
            onset_sample: *onset,
            end_sample: *end,
            onset_seconds: *onset as f64 / 100.0,
            end_seconds: *end as f64 / 100.0,
        };
        Episodes { episodes: spans.iter().map(episode).collect(), burden: 12.34, ends_open }
    }

    #[test]
    fn changes_of_rhythm() {
        let of = |spans: &[(i64, i64)], open| -> Vec<(i64, String)> {
            let made = made(spans, open).annotations();
            assert!(made.items.iter().all(|a| a.code == Code::RHYTHM));
            made.items.iter().map(|a| (a.time, a.text())).collect()
        };
        let list = |items: &[(i64, &str)]| -> Vec<(i64, String)> {
            items.iter().map(|(t, s)| (*t, (*s).to_owned())).collect()
        };
        assert_eq!(of(&[], false), list(&[(0, "(N")]));
        assert_eq!(of(&[(0, 50)], false), list(&[(0, "(AFIB"), (50, "(N")]));
        assert_eq!(
            of(&[(10, 50), (70, 90)], true),
            list(&[(0, "(N"), (10, "(AFIB"), (50, "(N"), (70, "(AFIB")])
        );
    }

    #[test]
    fn tables_of_episodes() {
        let one = made(&[(1_234, 370_000)], false);
        assert_eq!(
            one.csv(),
            "kind,onset_sample,end_sample,onset_seconds,end_seconds\nAF,1234,370000,12.340000,3700.000000\n"
        );
        assert_eq!(
            one.text(),
            "kind          onset        end    onset s      end s\n\
             AF             1234     370000     12.340   3700.000\n"
        );
        assert_eq!(one.summary(), "  AF burden 12.3 %, 1 episode\n  AF        0:00:12.3 to  1:01:40.0\n");
        let many = made(&[(0, 1); 12], false).summary();
        assert!(many.ends_with("  and 2 more\n") && many.lines().count() == 12, "{many}");
    }
}
