//! How long a gap may be for the beat in it to be found: what `efficientecg_ecg::gaps::BRIDGED` was set by.
//!
//!     cargo run --release -p efficientecg-tests --example gaps -- FOLDER ...
//!
//! In each WFDB record every second beat that was found lies in the middle of a gap of the first lead. The share of these that are found again
//! within 50 ms when the gap is bridged, and beats that were not there before, for gaps of growing length.

use efficientecg::ecg::{Record, filter, peaks};
use std::path::Path;

const MILLISECONDS: [f64; 9] = [2.0, 10.0, 20.0, 30.0, 40.0, 60.0, 80.0, 100.0, 150.0];

fn main() {
    for folder in std::env::args().skip(1) {
        let mut names: Vec<_> =
            std::fs::read_dir(Path::new(&folder)).into_iter().flatten().flatten().collect();
        names.sort_by_key(std::fs::DirEntry::path);
        let headers = names.iter().map(std::fs::DirEntry::path);
        let headers: Vec<_> = headers.filter(|p| p.extension().is_some_and(|e| e == "hea")).collect();
        let (mut hidden, mut found, mut added) = (0usize, [0usize; 9], [0usize; 9]);
        // At most a few hundred records: the figures stand still before that.
        for path in headers.iter().step_by(headers.len().div_ceil(300).max(1)) {
            let Ok(record) = Record::open(path) else { continue };
            let Some(lead) = record.leads.first() else { continue };
            let Ok(beats) = peaks::detect(&lead.samples, lead.sample_rate) else { continue };
            let chosen: Vec<usize> = beats.iter().copied().skip(1).step_by(2).collect();
            hidden += chosen.len();
            let near = (0.05 * lead.sample_rate) as usize;
            let is_near = |all: &[usize], beat: usize| {
                let from = all.partition_point(|p| p + near < beat);
                all.get(from).is_some_and(|p| *p <= beat + near)
            };
            for (i, length) in MILLISECONDS.iter().enumerate() {
                let mut samples = lead.samples.clone();
                let gap = ((length * 1e-3 * lead.sample_rate).round() as usize).max(1);
                for beat in &chosen {
                    let from = beat.saturating_sub(gap / 2);
                    let to = (from + gap).min(samples.len());
                    samples[from..to].fill(f32::NAN);
                }
                filter::fill_missing(&mut samples);
                let again = peaks::detect(&samples, lead.sample_rate).unwrap_or_default();
                found[i] += chosen.iter().filter(|beat| is_near(&again, **beat)).count();
                added[i] += again.iter().filter(|beat| !is_near(&beats, **beat)).count();
            }
        }
        println!("{folder}: {hidden} beats in gaps");
        for (i, length) in MILLISECONDS.iter().enumerate() {
            let share = |n: usize| 100.0 * n as f64 / hidden.max(1) as f64;
            println!("  {length:5} ms: {:6.2} % found, {:5.2} % added", share(found[i]), share(added[i]));
        }
    }
}
