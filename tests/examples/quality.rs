//! The distribution of every index of signal quality over real records, and what is refused: what the thresholds of
//! `efficientecg_ecg::quality` were set by.
//!
//!     cargo run --release -p efficientecg-tests --example quality -- FOLDER [LEADS] ...
//!
//! `FOLDER` holds WFDB records, also in folders of its own. `LEADS` is how many leads of a record, from the first on, make it up; by default all.
//! Where the records have a table `REFERENCE.csv`, those of its class `~` are counted by themselves.

use efficientecg::ecg::quality::{LeadQuality, QualityIndex, Reason, RecordQuality};
use efficientecg::ecg::statistics::{ascending, quantile};
use efficientecg::ecg::{Record, wfdb::Annotations};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

type Column = (&'static str, fn(&QualityIndex) -> f64);

const COLUMNS: [Column; 16] = [
    ("missing", |q| q.missing),
    ("flat", |q| q.flat),
    ("levels", |q| q.levels as f64),
    ("clipped", |q| q.clipped),
    ("hum", |q| q.hum),
    ("bas", |q| q.bas),
    ("p", |q| q.p),
    ("p·bas", |q| q.p * q.bas),
    ("k", |q| q.k),
    ("rate", |q| q.rate),
    ("likeness", |q| q.likeness),
    ("surroundings", |q| q.surroundings),
    ("height", |q| q.height),
    ("focus", |q| q.focus),
    ("edge", |q| q.edge),
    ("slope", |q| q.slope),
];
const QUANTILES: [f64; 9] = [0.0, 0.001, 0.005, 0.05, 0.5, 0.95, 0.995, 0.999, 1.0];

#[derive(Default)]
struct Counts {
    records: usize,
    refused: Vec<String>,
    windows: usize,
    reasons: BTreeMap<Reason, usize>,
    beats: usize,
    refused_beats: usize,
    indices: Vec<QualityIndex>,
    spent: Duration,
}

fn headers(folder: &Path, found: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    let mut paths: Vec<PathBuf> = entries.flatten().map(|e| e.path()).collect();
    paths.sort();
    for path in paths {
        if path.is_dir() {
            headers(&path, found);
        } else if path.extension().is_some_and(|e| e == "hea") {
            found.push(path);
        }
    }
}

/// The records that somebody found too noisy.
fn noisy(folder: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(folder.join("REFERENCE.csv")).unwrap_or_default();
    text.lines().filter_map(|line| line.strip_suffix(",~")).map(str::to_owned).collect()
}

fn count(path: &Path, leads: usize, counts: &mut Counts) {
    let record = match Record::open(path) {
        Ok(record) => record,
        Err(error) => return println!("{error}"),
    };
    let leads = record.leads.iter().take(leads);
    let start = Instant::now();
    let qualities: Vec<LeadQuality> = leads.map(|l| LeadQuality::of(&l.samples, l.sample_rate)).collect();
    counts.spent += start.elapsed();
    let quality = RecordQuality::new(&qualities, true);
    counts.records += 1;
    if let Some(reason) = quality.reason() {
        counts.refused.push(format!("{} {}", record.name, reason.name()));
    }
    counts.windows += quality.windows.len();
    for reason in quality.windows.iter().flatten() {
        *counts.reasons.entry(*reason).or_default() += 1;
    }
    if let Ok(annotations) = Annotations::read(&path.with_extension("atr")) {
        let beats = annotations.beats();
        counts.beats += beats.len();
        let refused = |t: &&i64| quality.at(**t as f64 / record.sample_rate).is_some();
        counts.refused_beats += beats.iter().filter(refused).count();
    }
    counts.indices.extend(qualities.into_iter().flat_map(|q| q.windows));
}

fn print(name: &str, counts: &Counts) {
    if counts.records == 0 {
        return;
    }
    let percent = |part: usize, of: usize| 100.0 * part as f64 / of.max(1) as f64;
    println!(
        "\n{name}: {} of {} records refused, {:.2} %",
        counts.refused.len(),
        counts.records,
        percent(counts.refused.len(), counts.records)
    );
    println!("  {}", counts.refused.join(", "));
    let all: usize = counts.reasons.values().sum();
    println!(
        "  {all} of {} windows, {:.2} %: {:?}",
        counts.windows,
        percent(all, counts.windows),
        counts.reasons
    );
    if counts.beats > 0 {
        let share = percent(counts.refused_beats, counts.beats);
        println!("  {} of {} beats, {share:.2} %", counts.refused_beats, counts.beats);
    }
    let seconds: f64 = counts.indices.iter().map(|q| q.seconds).sum();
    println!("  {:.1} µs for 10 s of a lead", 1e7 * counts.spent.as_secs_f64() / seconds);
    print!("  {:13}", "quantile");
    QUANTILES.iter().for_each(|q| print!(" {q:>9}"));
    println!();
    for (name, of) in COLUMNS {
        let sorted = ascending(&counts.indices.iter().map(of).collect::<Vec<f64>>());
        print!("  {name:13}");
        QUANTILES.iter().for_each(|q| print!(" {:>9.4}", quantile(&sorted, *q).unwrap_or(0.0)));
        println!();
    }
}

fn main() {
    let mut arguments = std::env::args().skip(1).peekable();
    while let Some(folder) = arguments.next() {
        let leads = arguments.peek().and_then(|a| a.parse().ok()).inspect(|_| {
            arguments.next();
        });
        let mut paths = Vec::new();
        headers(Path::new(&folder), &mut paths);
        let noisy = noisy(Path::new(&folder));
        let (mut good, mut bad) = (Counts::default(), Counts::default());
        for path in paths {
            let name = path.file_stem().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
            let counts = if noisy.contains(&name) { &mut bad } else { &mut good };
            count(&path, leads.unwrap_or(usize::MAX), counts);
        }
        print(&folder, &good);
        print(&format!("{folder}, class ~"), &bad);
    }
}
