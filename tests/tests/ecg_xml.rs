//! The readers of HL7 aECG, Philips XML and GE MUSE XML: every sample against what Python reads
//! (`tests/golden/{aecg,philips,muse}/make.py`).

use efficientecg::ecg::wfdb::Code;
use efficientecg::ecg::{Lead, Record, Sex};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

fn here(format: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("golden").join(format)
}

fn golden(format: &str) -> Value {
    let text = std::fs::read_to_string(here(format).join("golden.json")).expect("golden.json");
    serde_json::from_str(&text).expect("JSON")
}

fn open(path: &Path) -> Record {
    Record::open(path).unwrap_or_else(|e| panic!("{e}"))
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
    let record = open(path);
    let what = path.display();
    assert!(record.warnings.is_empty(), "{what}: {:?}", record.warnings);
    let leads = want["leads"].as_array().expect("leads");
    assert_eq!(record.leads.len(), leads.len(), "{what}");
    for (lead, want) in record.leads.iter().zip(leads) {
        let what = format!("{what} lead {}", lead.name);
        assert_eq!(want["name"], lead.name, "{what}");
        assert_eq!(want["units"], lead.units, "{what}");
        assert_eq!(want["rate"].as_f64(), Some(lead.sample_rate), "{what}");
        assert_eq!(want["count"], lead.samples.len(), "{what}");
        for (got, want) in lead.samples.iter().zip(want["head"].as_array().expect("head")) {
            assert_eq!(*got, want.as_f64().expect("a number") as f32, "{what}");
        }
        assert_eq!(want["sums"], json!(sums(lead)), "{what}");
    }
    assert_eq!(record.sample_rate, record.leads[0].sample_rate, "{what}");
    record
}

/// The sample files of a format, or nothing where they are not there.
fn shared(format: &str, then: impl Fn(Record, &Value)) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data/formats").join(format);
    if !folder.is_dir() {
        efficientecg_skipped::skipped(&format!("no sample records at {}", folder.display()));
        return;
    }
    let golden = golden(format);
    let files = golden["shared"].as_object().expect("files");
    assert!(files.len() >= 2);
    for (name, want) in files {
        then(check(&folder.join(name), want), want);
    }
}

fn start(record: &Record) -> String {
    record.start.map(|start| start.to_string()).unwrap_or_default()
}

#[test]
fn aecg_puts_sequence_sets_at_their_times() {
    let record = open(&here("aecg").join("sets.xml"));
    let golden = golden("aecg");
    assert_eq!(record.leads.len(), 3);
    for (lead, (name, unit)) in record.leads.iter().zip([("II", "uV"), ("V1", "uV"), ("aVL", "nV")]) {
        assert_eq!((lead.name.as_str(), lead.units.as_str(), lead.sample_rate), (name, unit, 200.0));
        let want = golden["sets"][name].as_array().expect("a lead");
        assert_eq!(lead.samples.len(), want.len(), "{name}");
        for (i, (got, want)) in lead.samples.iter().zip(want).enumerate() {
            match want.as_f64() {
                Some(want) => assert_eq!(*got, want as f32, "{name} {i}"),
                None => assert!(got.is_nan(), "{name} {i}: {got}"),
            }
        }
    }
    assert_eq!(record.warnings, ["leads do not all cover the whole record; samples there are missing"]);
    assert_eq!(
        (start(&record).as_str(), record.age, record.sex),
        ("2024-02-29 23:59:59", Some(60.0), Some(Sex::Female))
    );
    let beats: Vec<_> = record.annotations.iter().map(|a| (a.time, a.code)).collect();
    assert_eq!(beats, [(30, Code::NORMAL), (142, Code::VENTRICULAR)]);
}

#[test]
fn aecg_samples_equal_a_plain_reading() {
    shared("aecg", |record, want| {
        let beats = record.annotations.iter().filter(|a| a.code.is_beat()).count();
        assert_eq!(want["beats"], beats);
        // 2002-11-22 less 1953-05-08, or no birth at all.
        let age = want["birth"].as_str().filter(|birth| !birth.is_empty()).map(|birth| {
            assert_eq!(birth, "19530508");
            49.542
        });
        assert_eq!(record.age.map(|age| (age * 1e3).round() / 1e3), age);
        assert!(start(&record).starts_with("20"), "{}", start(&record));
    });
}

#[test]
fn philips_samples_equal_sierraecgs() {
    let golden = golden("philips");
    let record = check(&here("philips").join("made.xml"), &golden["here"]["made.xml"]);
    assert_eq!(
        (start(&record).as_str(), record.age, record.sex),
        ("2024-02-29 23:59:58", Some(60.0), Some(Sex::Female))
    );
    assert_eq!(record.comments, ["SINUS RHYTHM: V-rate 60-99"]);
    shared("philips", |record, _| {
        assert_eq!(record.sex, Some(Sex::Male));
        assert!(matches!(
            (start(&record).as_str(), record.age.map(f64::round)),
            ("2011-12-01 07:27:34", Some(50.0)) | ("2010-01-19 15:19:22", Some(60.0))
        ));
        assert!(record.comments.len() >= 3);
    });
}

#[test]
fn muse_samples_and_computed_leads() {
    let golden = golden("muse");
    let record = check(&here("muse").join("made.xml"), &golden["here"]["made.xml"]);
    assert_eq!(
        (start(&record).as_str(), record.age, record.sex),
        ("2024-02-28 23:59:58", Some(59.0), Some(Sex::Female))
    );
    assert_eq!(record.comments, ["Sinus rhythm", "Normal ECG"]);
}
