//! Prints candidates for P waves with their features and whether they are P waves: what
//! `tools/train/efficientecg_train/experiments/p_waves.py` fits the score's weights to.
//!
//!     cargo run --release -p efficientecg-tests --example p_wave_candidates > candidates.csv
//!
//! From LUDB, some leads: a candidate is a P wave (1) if it is the highest within 50 ms of a mark; only the marked span
//! counts. From MIT-BIH, excerpts of the first lead in atrial fibrillation or flutter: none is (0).

use efficientecg::ecg::Record;
use efficientecg::ecg::p_waves::{self, Candidate, FEATURES};
use efficientecg::ecg::wfdb::{Annotations, Code};
use efficientecg_tests::{ludb, mitbih};
use std::path::Path;

/// Leads in which P waves are upright as a rule.
const LEADS: [&str; 6] = ["ii", "i", "avf", "v4", "v5", "v6"];

/// Of a record as short as LUDB's a few waves may agree by chance.
const EXCERPT_SECONDS: f64 = 10.0;

fn main() {
    let (Some(ludb), Some(mitbih)) = (ludb::RECORDS.folder(), mitbih::RECORDS.folder()) else {
        std::process::exit(2)
    };
    let names: Vec<String> = (0..FEATURES).map(|i| format!("f{i}")).collect();
    println!("source,record,beat,sample,p,{}", names.join(","));
    LEADS.iter().for_each(|lead| marked(ludb, lead));
    for name in mitbih::records(mitbih) {
        fibrillating(mitbih, &name);
    }
}

fn print(source: &str, record: &str, c: &Candidate, is: bool) {
    let features: Vec<String> = c.features.iter().map(|f| format!("{f:.6}")).collect();
    println!("{source},{record},{},{},{},{}", c.beat, c.place, u8::from(is), features.join(","));
}

fn marked(folder: &Path, lead: &str) {
    for marked in ludb::records(folder, lead) {
        let (rate, marks) = (marked.lead.sample_rate, &marked.marks);
        let window = (ludb::WINDOW_SECONDS * rate).round() as i64;
        let mut all = p_waves::candidates(&marked.lead.samples, &marks.r, rate);
        all.retain(|c| (marks.span.0..=marks.span.1).contains(&(c.place as i64)));
        let near = |p: i64| all.iter().filter(move |c| (c.place as i64 - p).abs() <= window);
        let highest = |p: &i64| near(*p).max_by(|a, b| a.height.total_cmp(&b.height)).map(|c| c.place);
        let waves: Vec<usize> = marks.p.iter().filter_map(highest).collect();
        for c in &all {
            print(lead, &marked.record.to_string(), c, waves.contains(&c.place));
        }
    }
}

fn fibrillating(folder: &Path, name: &str) {
    let record = Record::open(folder.join(name)).unwrap_or_else(|e| panic!("{e}"));
    let annotations =
        Annotations::read(&folder.join(format!("{name}.atr"))).unwrap_or_else(|e| panic!("{e}"));
    let rhythms: Vec<(i64, bool)> = annotations
        .items
        .iter()
        .filter(|a| a.code == Code::RHYTHM)
        .map(|a| (a.time, a.text().starts_with("(AFIB") || a.text().starts_with("(AFL")))
        .collect();
    if !rhythms.iter().any(|r| r.1) {
        return;
    }
    let (lead, beats) = (&record.leads[0], annotations.beats());
    let length = (EXCERPT_SECONDS * lead.sample_rate) as usize;
    for (i, part) in lead.samples.chunks_exact(length).enumerate() {
        let start = (i * length) as i64;
        let of = |t: i64| rhythms.iter().rev().find(|r| r.0 <= t).is_some_and(|r| r.1);
        let inside = |t: &&i64| (start..start + length as i64).contains(*t);
        let own: Vec<i64> = beats.iter().filter(inside).map(|t| t - start).collect();
        if !own.iter().all(|t| of(t + start)) {
            continue;
        }
        for c in p_waves::candidates(part, &own, lead.sample_rate) {
            print("mitbih", name, &c, false);
        }
    }
}
