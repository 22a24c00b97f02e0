//! The EDF reader against pyedflib and MNE, every sample (`tests/golden/edf/make.py`).

use efficientecg::ecg::{Lead, Record, Sex};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

fn here() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("golden/edf")
}

fn golden() -> Value {
    serde_json::from_str(include_str!("../golden/edf/golden.json")).expect("golden.json is JSON")
}

/// Sum and index-weighted sum modulo 2^64 of bit patterns, as make.py computes them.
fn sums(lead: &Lead) -> [String; 2] {
    let (mut plain, mut weighted) = (0_u64, 0_u64);
    for (i, v) in lead.samples.iter().enumerate() {
        assert!(v.is_finite(), "{} sample {i}: {v}", lead.name);
        let bits = u64::from(v.to_bits());
        plain = plain.wrapping_add(bits);
        weighted = weighted.wrapping_add(bits.wrapping_mul(i as u64 + 1));
    }
    [plain.to_string(), weighted.to_string()]
}

fn check(path: &Path, want: &Value) -> Record {
    let record = Record::open(path).unwrap_or_else(|e| panic!("{e}"));
    let what = path.display();
    assert!(record.warnings.is_empty(), "{what}: {:?}", record.warnings);
    let signals = want["signals"].as_array().expect("signals");
    assert_eq!(record.leads.len(), signals.len(), "{what}");
    for (lead, want) in record.leads.iter().zip(signals) {
        let what = format!("{what} lead {}", lead.name);
        assert_eq!(want["name"], lead.name, "{what}");
        assert_eq!(want["units"], lead.units, "{what}");
        assert_eq!(want["rate"], lead.sample_rate, "{what}");
        assert_eq!(want["count"], lead.samples.len(), "{what}");
        for (got, want) in lead.samples.iter().zip(want["head"].as_array().expect("head")) {
            assert_eq!(*got, want.as_f64().expect("a number") as f32, "{what}");
        }
        assert_eq!(want["physical"], json!(sums(lead)), "{what}");
    }
    assert_eq!(want["all"], record.annotations.len(), "{what}");
    for (got, want) in record.annotations.iter().zip(want["annotations"].as_array().expect("annotations")) {
        let onset = want[0].as_f64().expect("seconds");
        assert_eq!(got.time, (onset * record.sample_rate).round() as i64, "{what}");
    }
    record
}

#[test]
fn every_sample_equals_pyedflibs() {
    let golden = golden();
    for (name, want) in golden["here"].as_object().expect("files") {
        let record = check(&here().join(name), want);
        // The fastest lead in volts.
        assert_eq!(record.sample_rate, 250.0);
        assert_eq!((record.age, record.sex), (Some(51.0), Some(Sex::Female)));
        assert_eq!(want["start"], record.start.expect("a start").to_string());
        let symbols: Vec<_> = record.annotations.iter().map(|a| a.code.symbol()).collect();
        assert_eq!(symbols, ['N', 'V', '"', 'Q'].map(Some));
        assert_eq!(record.annotations[2].text(), "noise");
    }
}

#[test]
fn every_sample_of_the_sample_files_equals_pyedflibs() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data/formats/edf");
    if !folder.is_dir() {
        efficientecg_skipped::skipped(&format!("no sample records at {}", folder.display()));
        return;
    }
    let golden = golden();
    let files = golden["shared"].as_object().expect("files");
    assert!(files.len() >= 2);
    for (name, want) in files {
        check(&folder.join(name), want);
    }
}

#[test]
fn gaps_are_missing_and_the_rest_is_mnes() {
    let record = Record::open(here().join("gaps.edf")).unwrap_or_else(|e| panic!("{e}"));
    let golden = golden();
    let signals = golden["gaps"]["signals"].as_array().expect("signals");
    assert_eq!(record.leads.len(), signals.len());
    for (lead, want) in record.leads.iter().zip(signals) {
        assert_eq!(want["name"], lead.name);
        assert_eq!(want["rate"], lead.sample_rate);
        let rate = lead.sample_rate as usize;
        let (gap, end) = (rate..rate * 7 / 2, rate * 11 / 2);
        assert_eq!(lead.samples.len(), end, "{}", lead.name);
        assert!(lead.samples[gap.clone()].iter().all(|v| v.is_nan()), "{}", lead.name);
        let held: Vec<f32> = [&lead.samples[..gap.start], &lead.samples[gap.end..]].concat();
        let values = want["values"].as_array().expect("values");
        assert_eq!(held.len(), values.len(), "{}", lead.name);
        for (i, (got, want)) in held.iter().zip(values).enumerate() {
            let want = want.as_f64().expect("a number");
            assert!(
                (f64::from(*got) - want).abs() <= 1e-6 * want.abs().max(1e-3),
                "{} {i}: {got} {want}",
                lead.name
            );
        }
    }
    assert_eq!(record.warnings, ["the data records leave gaps of 2.5 s in all; samples there are missing"]);
    let times: Vec<i64> = record.annotations.iter().map(|a| a.time).collect();
    assert_eq!(times, [20, 370, 470]);
}
