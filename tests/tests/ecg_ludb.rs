//! P waves on the Lobachevsky University Database, lead II, against the cardiologists' marks: one to one, within 50 ms, in the
//! marked span of each record. The finder's weights were fitted to half of the records (numbers 1, 5, 9, …); the others were left
//! aside, but looked at while its features were chosen.
//!
//! Where the records are not there, the test says so and is skipped.

use efficientecg::ecg::{p_waves, peaks};
use efficientecg_evaluate::pairing::Detections;
use efficientecg_tests::ludb::{self, Marked};

/// The least sensitivity and positive predictive value, gross over all records: at R peaks as marked, and as detected.
const MARKED: (f64, f64) = (0.95, 0.95);
const DETECTED: (f64, f64) = (0.95, 0.93);

fn found(marked: &Marked, beats: &[i64]) -> Detections {
    let lead = &marked.lead;
    let waves = p_waves::find(&lead.samples, beats, lead.sample_rate).present();
    marked.marks.score(waves.iter().map(|w| w.place), lead.sample_rate)
}

#[test]
fn p_waves_of_lead_ii() {
    let Some(folder) = ludb::RECORDS.folder() else { return };
    let records = ludb::records(folder, "ii");
    println!("{} records", records.len());
    let mut figures = Vec::new();
    for (beats, ours) in [("marked", true), ("marked", false), ("detected", true), ("detected", false)] {
        let half = if ours { "developed on" } else { "left aside" };
        let (mut matched, mut missed, mut extra) = (0, 0, 0);
        let mut offsets = Vec::new();
        for marked in records.iter().filter(|m| m.developed() == ours) {
            let lead = &marked.lead;
            let detect = || peaks::detect(&lead.samples, lead.sample_rate).expect("a fair rate");
            let beats = match beats {
                "marked" => marked.marks.r.clone(),
                _ => detect().into_iter().map(|k| k as i64).collect(),
            };
            let score = found(marked, &beats);
            if score.missed.len() + score.extra.len() > 0 {
                let (record, rhythm) = (marked.record, &marked.rhythm);
                println!("  {record} ({rhythm}): {} missed, {} extra", score.missed.len(), score.extra.len());
            }
            matched += score.matched.len();
            missed += score.missed.len();
            extra += score.extra.len();
            offsets.extend(score.matched.iter().map(|(a, b)| (b - a).abs() as f64 / lead.sample_rate));
        }
        assert!(matched > 100, "P waves in the records that were {half}");
        let (all, given) = (matched + missed, matched + extra);
        let (sensitivity, predictive) = (matched as f64 / all as f64, matched as f64 / given as f64);
        offsets.sort_by(f64::total_cmp);
        let middle = 1e3 * offsets[offsets.len() / 2];
        println!(
            "{half}, R peaks {beats}: {all} P waves, sensitivity {:.2} %, PPV {:.2} %, {middle:.0} ms off in the median",
            100.0 * sensitivity,
            100.0 * predictive,
        );
        figures.push((beats, matched, missed, extra));
    }
    for (beats, least) in [("marked", MARKED), ("detected", DETECTED)] {
        let mut sums = (0, 0, 0);
        for (_, matched, missed, extra) in figures.iter().filter(|f| f.0 == beats) {
            sums = (sums.0 + matched, sums.1 + missed, sums.2 + extra);
        }
        let sensitivity = sums.0 as f64 / (sums.0 + sums.1) as f64;
        let predictive = sums.0 as f64 / (sums.0 + sums.2) as f64;
        println!(
            "all, R peaks {beats}: sensitivity {:.2} %, PPV {:.2} %",
            100.0 * sensitivity,
            100.0 * predictive
        );
        assert!(sensitivity >= least.0, "R peaks {beats}: sensitivity {sensitivity}");
        assert!(predictive >= least.1, "R peaks {beats}: PPV {predictive}");
    }
}
