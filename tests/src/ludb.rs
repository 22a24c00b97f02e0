//! The Lobachevsky University Database, where it is at hand: 12-lead records of 10 s at 500 Hz with every P, QRS and T marked.

use crate::data::DataSet;
use efficientecg::ecg::{Lead, Record};
use efficientecg_evaluate::pairing::{self, Detections, Rules, Track};
use std::path::Path;

/// How far a P wave found may be from the one marked, s.
pub const WINDOW_SECONDS: f64 = 0.05;

/// A record's marks in one lead, in samples, each ascending.
#[derive(Clone, Debug, Default)]
pub struct Marks {
    /// Peaks of P waves.
    pub p: Vec<i64>,
    /// R peaks.
    pub r: Vec<i64>,
    /// The first and the last mark of any wave: nothing is marked outside.
    pub span: (i64, i64),
}

impl Marks {
    /// Scores P waves found, those outside of the marked span left out.
    pub fn score(&self, found: impl IntoIterator<Item = usize>, rate: f64) -> Detections {
        let inside = |t: &i64| (self.span.0..=self.span.1).contains(t);
        let found: Vec<i64> = found.into_iter().map(|k| k as i64).filter(inside).collect();
        let rules = Rules { from: 0.0, window: WINDOW_SECONDS, ..Rules::default() };
        pairing::compare(&Track::detections(&self.p), &Track::detections(&found), rate, &rules)
    }
}

/// A record's number, one of its leads and the marks in it.
pub struct Marked {
    /// As the file is named.
    pub record: u32,
    /// What the header says of the rhythm.
    pub rhythm: String,
    /// Its samples.
    pub lead: Lead,
    /// What the cardiologists marked.
    pub marks: Marks,
}

impl Marked {
    /// Whether the P-wave finder was developed on it; the others were left aside.
    pub fn developed(&self) -> bool {
        self.record % 4 == 1
    }
}

/// Where the records are.
pub static RECORDS: DataSet = DataSet::new("LUDB", "ludb", "EFFICIENTECG_LUDB", "waves.csv");

/// All records of `folder` with the lead of this name (`ii`, `v1`, …) and its marks, by number.
///
/// # Panics
/// A file is missing or malformed.
pub fn records(folder: &Path, lead: &str) -> Vec<Marked> {
    let text = std::fs::read_to_string(folder.join("waves.csv")).expect("waves.csv");
    let mut marks = std::collections::BTreeMap::<u32, Vec<(i64, String)>>::new();
    for line in text.lines().skip(1) {
        let mut fields = line.splitn(4, ',');
        let mut next = || fields.next().unwrap_or_else(|| panic!("waves.csv: {line}"));
        let (record, name, sample, symbol) = (next(), next(), next(), next());
        if name == lead {
            let record = record.parse().expect("a record's number");
            let sample = sample.parse().expect("a sample");
            marks.entry(record).or_default().push((sample, symbol.to_owned()));
        }
    }
    marks.into_iter().map(|(record, items)| marked(folder, lead, record, items)).collect()
}

fn marked(folder: &Path, lead: &str, number: u32, mut items: Vec<(i64, String)>) -> Marked {
    items.sort();
    let of = |symbol: &str| items.iter().filter(|(_, s)| s == symbol).map(|(t, _)| *t).collect();
    let span = (items.first().map_or(0, |i| i.0), items.last().map_or(0, |i| i.0));
    let marks = Marks { p: of("p"), r: of("N"), span };
    let path = [folder.join(number.to_string()), folder.join("data").join(number.to_string())];
    let path = path.iter().find(|p| p.with_extension("hea").is_file()).expect("a header");
    let record = Record::open(path).unwrap_or_else(|e| panic!("{e}"));
    let rhythm = record.comments.iter().find_map(|c| c.split_once("Rhythm: ").map(|(_, r)| r.to_owned()));
    let lead = record.leads.into_iter().find(|l| l.name == lead).expect("the lead");
    Marked { record: number, rhythm: rhythm.unwrap_or_default(), lead, marks }
}
