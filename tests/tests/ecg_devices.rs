//! The readers of SCP-ECG and of DICOM, formats that electrocardiographs write, against other programs: every sample
//! (`tests/golden/scp/make.py`, `tests/golden/dicom/make.py`).

use efficientecg::ecg::{Lead, Record, Sex};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// Sum and index-weighted sum modulo 2^64.
fn sums(values: impl Iterator<Item = u64>) -> Value {
    let (mut plain, mut weighted) = (0_u64, 0_u64);
    for (i, value) in values.enumerate() {
        plain = plain.wrapping_add(value);
        weighted = weighted.wrapping_add(value.wrapping_mul(i as u64 + 1));
    }
    json!([plain.to_string(), weighted.to_string()])
}

/// The raw samples that these were made of.
fn digital(lead: &Lead, scale: f64, baseline: f64) -> Value {
    sums(lead.samples.iter().map(|v| ((f64::from(*v) - baseline) / scale).round() as i64 as u64))
}

fn check(path: &Path, leads: &Value) -> Record {
    let record = Record::open(path).unwrap_or_else(|e| panic!("{e}"));
    let what = path.display();
    assert!(record.warnings.is_empty(), "{what}: {:?}", record.warnings);
    let leads = leads.as_array().expect("leads");
    assert_eq!(record.leads.len(), leads.len(), "{what}");
    for (lead, want) in record.leads.iter().zip(leads) {
        let what = format!("{what} lead {}", lead.name);
        assert_eq!(want["name"], lead.name, "{what}");
        assert_eq!(want["rate"].as_f64(), Some(lead.sample_rate), "{what}");
        assert_eq!(want["rate"].as_f64(), Some(record.sample_rate), "{what}");
        assert_eq!(want.get("units").map_or("mV", |units| units.as_str().expect("a unit")), lead.units);
        assert_eq!(want["count"], lead.samples.len(), "{what}");
        assert!(lead.samples.iter().all(|v| v.is_finite()), "{what}");
        for (got, want) in lead.samples.iter().zip(want["head"].as_array().expect("head")) {
            assert_eq!(*got, want.as_f64().expect("a number") as f32, "{what}");
        }
        assert_eq!(want["physical"], sums(lead.samples.iter().map(|v| v.to_bits().into())), "{what}");
        if let (Some(scale), Some(baseline)) = (want["scale"].as_f64(), want["baseline"].as_f64()) {
            assert_eq!(want["digital"], digital(lead, scale, baseline), "{what}");
        }
    }
    record
}

fn golden(format: &str) -> (PathBuf, Value) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden").join(format);
    let text = std::fs::read_to_string(folder.join("golden.json")).expect("golden.json");
    (folder, serde_json::from_str(&text).expect("JSON"))
}

fn here(format: &str, start: &str) {
    let (folder, golden) = golden(format);
    let files = golden["here"].as_object().expect("files");
    assert!(files.len() >= 3);
    for (name, leads) in files {
        let record = check(&folder.join(name), leads);
        assert_eq!((record.age, record.sex), (Some(63.0), Some(Sex::Female)), "{name}");
        assert_eq!(record.start.map(|s| s.to_string()).as_deref(), Some(start), "{name}");
    }
}

/// Records of the sample files, or nothing where there are none.
fn shared(format: &str) -> Vec<Record> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data/formats").join(format);
    if !folder.is_dir() {
        efficientecg_skipped::skipped(&format!("no sample records at {}", folder.display()));
        return Vec::new();
    }
    let files = golden(format).1;
    let files = files["shared"].as_object().expect("files");
    files.iter().map(|(name, leads)| check(&folder.join(name), leads)).collect()
}

const LEADS: [&str; 12] = ["I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6"];

#[test]
fn every_sample_of_scp_ecg_equals_ecgdatakits() {
    here("scp", "2002-11-22 09:10:30");
}

#[test]
fn every_sample_of_scp_ecg_sample_files() {
    for record in shared("scp") {
        let mut names: Vec<_> = record.leads.iter().map(|lead| lead.name.as_str()).collect();
        names.sort_by_key(|name| LEADS.iter().position(|lead| lead == name));
        assert_eq!(names, LEADS);
        assert_eq!(record.sex, Some(Sex::Male));
        assert_eq!(record.start.map(|s| s.to_string()).as_deref(), Some("2002-11-22 09:10:00"));
    }
}

#[test]
fn every_sample_of_dicom_equals_pydicoms() {
    here("dicom", "2002-11-22 09:10:30.250");
}

#[test]
fn every_sample_of_dicom_sample_files() {
    let told: Vec<_> = shared("dicom")
        .iter()
        .map(|record| {
            let names: Vec<_> = record.leads.iter().map(|lead| lead.name.as_str()).collect();
            assert_eq!(names, LEADS, "{}", record.name);
            let start = record.start.expect("a start").to_string();
            (record.name.clone(), record.age.map(f64::round), record.sex, start)
        })
        .collect();
    let told: Vec<_> = told.iter().map(|(n, a, s, t)| (n.as_str(), *a, *s, t.as_str())).collect();
    let want = [
        ("cardio_sample", Some(39.0), Some(Sex::Male), "2009-04-28 11:39:09"),
        ("ecgtoolkit_example", Some(50.0), Some(Sex::Male), "2002-11-22 09:10:00"),
        ("pydicom_12lead", Some(42.0), Some(Sex::Female), "2013-01-25 10:59:19"),
    ];
    assert!(told.is_empty() || told == want, "{told:?}");
}
