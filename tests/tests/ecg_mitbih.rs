//! The MIT-BIH Arrhythmia Database: every record read whole, annotations written back to the byte, R peaks found.
//!
//! Where the records are not there, the tests say so and are skipped.

use std::path::Path;

use efficientecg::ecg::wfdb::Annotations;
use efficientecg::ecg::{Record, Sex, peaks};
use efficientecg_evaluate::pairing;
use efficientecg_tests::mitbih::{RECORDS, records};

/// The bars, on gross figures over all 48 records.
const SENSITIVITY: f64 = 0.996;
const PREDICTIVE_VALUE: f64 = 0.996;

fn open(folder: &Path, name: &str) -> (Record, Annotations) {
    let record = Record::open(folder.join(name)).unwrap_or_else(|e| panic!("{e}"));
    let path = folder.join(format!("{name}.atr"));
    let annotations = Annotations::read(&path).unwrap_or_else(|e| panic!("{e}"));
    let copy = format!("{name}.atr.{:?}", std::thread::current().id());
    let copy = Path::new(env!("CARGO_TARGET_TMPDIR")).join(copy);
    annotations.write(&copy).unwrap_or_else(|e| panic!("{e}"));
    let same = std::fs::read(&copy).ok() == std::fs::read(&path).ok();
    let _ = std::fs::remove_file(&copy);
    assert!(same, "{name}.atr is not written back to the byte");
    (record, annotations)
}

#[test]
fn r_peaks_of_all_records() {
    let Some(folder) = RECORDS.folder() else { return };
    let names = records(folder);
    assert_eq!(names.len(), 48, "records in {}", folder.display());
    let (mut matched, mut missed, mut extra) = (0, 0, 0);
    let mut offsets = Vec::new();
    println!("record  beats  missed  extra  sensitivity  PPV");
    for name in &names {
        let (record, reference) = open(folder, name);
        let lead = &record.leads[0];
        let found = peaks::detect(&lead.samples, lead.sample_rate).unwrap_or_else(|e| panic!("{e}"));
        assert!(found.is_sorted_by(|a, b| a < b), "{name}");
        let found: Vec<i64> = found.iter().map(|&k| k as i64).collect();
        let s = pairing::detections(&reference, &found, lead.sample_rate);
        println!(
            "{name:>6} {:>6} {:>7} {:>6} {:>11.2} % {:>6.2} %",
            s.matched.len() + s.missed.len(),
            s.missed.len(),
            s.extra.len(),
            100.0 * s.sensitivity(),
            100.0 * s.predictive_value()
        );
        matched += s.matched.len();
        missed += s.missed.len();
        extra += s.extra.len();
        offsets.extend(s.matched.iter().map(|(r, d)| (d - r).abs()));
    }
    let sensitivity = matched as f64 / (matched + missed) as f64;
    let predictive = matched as f64 / (matched + extra) as f64;
    offsets.sort_unstable();
    let part = |p: f64| offsets[(p * (offsets.len() - 1) as f64) as usize] as f64 / 0.36;
    println!(
        " gross {:>6} {missed:>7} {extra:>6} {:>11.2} % {:>6.2} %",
        matched + missed,
        100.0 * sensitivity,
        100.0 * predictive
    );
    println!(
        "distance to the reference: median {:.0} ms, 95 % {:.0} ms, 99 % {:.0} ms",
        part(0.5),
        part(0.95),
        part(0.99)
    );
    assert_eq!(matched + missed, 109_494, "beats outside of flutter in the published annotations");
    assert!(sensitivity >= SENSITIVITY, "sensitivity {sensitivity}");
    assert!(predictive >= PREDICTIVE_VALUE, "positive predictive value {predictive}");
    assert!(part(0.95) <= 20.0, "95 % of the peaks within 20 ms of the reference");
}

#[test]
fn headers_tell_age_and_sex() {
    let Some(folder) = RECORDS.folder() else { return };
    let all: Vec<Record> = records(folder).iter().map(|n| open(folder, n).0).collect();
    for record in &all {
        assert!(record.warnings.is_empty(), "{}: {:?}", record.name, record.warnings);
        assert!(record.sex.is_some(), "{}", record.name);
        assert_eq!(record.leads.len(), 2);
        assert!(
            record
                .leads
                .iter()
                .all(|l| l.samples.len() == 650_000 && l.samples.iter().all(|v| v.is_finite()))
        );
    }
    let women = all.iter().filter(|r| r.sex == Some(Sex::Female)).count();
    let ages: Vec<f64> = all.iter().filter_map(|r| r.age).collect();
    assert_eq!((women, all.len() - ages.len()), (22, 2));
    assert_eq!(ages.iter().sum::<f64>(), 2929.0);
}
