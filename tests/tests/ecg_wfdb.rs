//! The WFDB reader against PyPI's `wfdb`, every sample (`tests/golden/wfdb/make.py`), and against damaged records.

use std::path::{Path, PathBuf};

use efficientecg::ecg::wfdb::{self, Annotations, Header, Signals};
use efficientecg::ecg::{Lead, Record, Sex};
use serde_json::Value;

/// The folder of sample records; where it is absent, the test is noted as skipped.
fn samples() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data/formats/wfdb");
    if folder.is_dir() {
        return Some(folder);
    }
    efficientecg_skipped::skipped(&format!("no sample records at {}", folder.display()));
    None
}

fn golden() -> Value {
    serde_json::from_str(include_str!("../golden/wfdb/golden.json")).expect("golden.json is JSON")
}

/// Sum and index-weighted sum modulo 2^64, as make.py computes them.
fn sums(values: impl Iterator<Item = i64>) -> [String; 2] {
    let (mut plain, mut weighted) = (0_u64, 0_u64);
    for (i, v) in values.enumerate() {
        plain = plain.wrapping_add(v as u64);
        weighted = weighted.wrapping_add((v as u64).wrapping_mul(i as u64 + 1));
    }
    [plain.to_string(), weighted.to_string()]
}

fn bits(v: f32) -> i64 {
    i64::from(if v.is_nan() { 0x7fc0_0000 } else { v.to_bits() })
}

#[test]
fn every_sample_equals_wfdbs() {
    let Some(folder) = samples() else { return };
    let golden = golden();
    for (name, want) in golden["records"].as_object().expect("records") {
        let path = folder.join(name);
        let record = Record::open(&path).unwrap_or_else(|e| panic!("{e}"));
        let signals = want["signals"].as_array().expect("signals");
        assert_eq!(record.leads.len(), signals.len(), "{name}");
        assert_eq!(Some(record.sample_rate), want["sample_rate"].as_f64(), "{name}");
        for (lead, want) in record.leads.iter().zip(signals) {
            let what = format!("{name} lead {}", lead.name);
            assert_eq!(lead.name, want["name"], "{what}");
            assert_eq!(lead.units, want["units"], "{what}");
            assert_eq!(lead.samples.len() as u64, want["count"], "{what}");
            let missing = lead.samples.iter().filter(|v| v.is_nan()).count();
            assert_eq!(missing as u64, want["missing"], "{what}");
            for (got, want) in lead.samples.iter().zip(want["physical_head"].as_array().expect("head")) {
                match want.as_f64() {
                    Some(want) => assert_eq!(*got, want as f32, "{what}"),
                    None => assert!(got.is_nan(), "{what}"),
                }
            }
            let got = sums(lead.samples.iter().map(|&v| bits(v)));
            assert_eq!(want["physical"], serde_json::json!(got), "{what}, physical");
        }
        let header = Header::read(&path).expect("opened before");
        if header.segments.is_empty() {
            digital(&header, signals);
        }
    }
}

fn digital(header: &Header, want: &[Value]) {
    let signals = Signals::read(header).expect("opened before");
    for ((spec, got), want) in header.signals.iter().zip(&signals.digital).zip(want) {
        let what = format!("{} lead {}", header.name, spec.description);
        let missing = spec.format.missing().unwrap_or(0);
        let values: Vec<i64> = got
            .samples
            .iter()
            .enumerate()
            .map(|(i, &v)| i64::from(if i < got.valid { v } else { missing }))
            .collect();
        let head = serde_json::json!(values[..4]);
        assert_eq!(want["digital_head"], head, "{what}");
        assert_eq!(want["digital_tail"], serde_json::json!(values[values.len() - 4..]), "{what}");
        assert_eq!(want["digital"], serde_json::json!(sums(values.into_iter())), "{what}, digital");
    }
}

#[test]
fn annotations_equal_wfdbs_and_are_written_back_to_the_byte() {
    let Some(folder) = samples() else { return };
    let path = folder.join("100.atr");
    let got = Annotations::read(&path).unwrap_or_else(|e| panic!("{e}"));
    assert!(got.warnings.is_empty(), "{:?}", got.warnings);
    let want = &golden()["annotations"]["100.atr"];
    assert_eq!(got.items.len() as u64, want["count"]);
    assert_eq!(want["time"], serde_json::json!(sums(got.items.iter().map(|a| a.time))));
    assert_eq!(want["subtype"], serde_json::json!(sums(got.items.iter().map(|a| a.subtype.into()))));
    assert_eq!(want["channel"], serde_json::json!(sums(got.items.iter().map(|a| a.channel.into()))));
    assert_eq!(want["num"], serde_json::json!(sums(got.items.iter().map(|a| a.num.into()))));
    let text: Vec<String> = got.items.iter().filter(|a| !a.aux.is_empty()).map(|a| a.text()).collect();
    assert_eq!(want["text"], serde_json::json!(text));
    for (symbol, count) in want["symbols"].as_object().expect("symbols") {
        let code = wfdb::Code::from_symbol(symbol.chars().next().expect("a symbol"));
        let found = got.items.iter().filter(|a| Some(a.code) == code).count();
        assert_eq!(found as u64, *count, "{symbol}");
    }
    let copy = Scratch::new("atr");
    let out = copy.0.join("100.atr");
    got.write(&out).unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(std::fs::read(out).expect("written"), std::fs::read(path).expect("read before"));
}

#[test]
fn comments_checksums_and_gaps_are_told() {
    let Some(folder) = samples() else { return };
    let open = |name: &str| Record::open(folder.join(name)).unwrap_or_else(|e| panic!("{e}"));
    let plain = open("100.hea");
    assert_eq!((plain.age, plain.sex), (Some(69.0), Some(Sex::Male)));
    assert!(plain.warnings.is_empty(), "{:?}", plain.warnings);
    assert_eq!(plain.comments, ["unnecessary comment", "69 M 1085 1629 x1", "Aldomet, Inderal"]);
    assert!((plain.seconds() - 650_000.0 / 360.0).abs() < 1e-9);
    let female = open("s0010_re");
    assert_eq!((female.age, female.sex), (Some(81.0), Some(Sex::Female)));
    for name in ["100_3chan", "100skew", "03700181", "a103l", "a103l-no-len", "binformats", "s0010_re"] {
        assert!(open(name).warnings.is_empty(), "{name}: {:?}", open(name).warnings);
    }
    let gappy = open("multi-segment/s25047/s25047-2704-05-04-10-44");
    assert_eq!(gappy.warnings.len(), 1, "{:?}", gappy.warnings);
    assert!(gappy.warnings[0].contains("gaps"), "{:?}", gappy.warnings);
}

/// A folder of its own for one test, removed at the end.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("efficientecg-wfdb-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a folder for temporary files");
        Self(folder)
    }

    fn put(&self, name: &str, bytes: impl AsRef<[u8]>) {
        std::fs::write(self.0.join(name), bytes).expect("a file in the temporary folder");
    }

    /// The record with this header, and `r.dat` of `bytes`.
    fn open(&self, header: &str, bytes: &[u8]) -> Result<Record, String> {
        self.put("r.hea", header);
        self.put("r.dat", bytes);
        Record::open(self.0.join("r")).map_err(|e| e.to_string())
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[test]
fn frames_skew_and_missing_samples_by_hand() {
    let s = Scratch::new("hand");
    // Frame: two samples of A, one of B (which lags one frame). Format 16; B's second stored sample is missing.
    let words: [i16; 9] = [10, 20, 7, 30, 40, -32768, 50, 60, 9];
    let bytes: Vec<u8> = words.iter().flat_map(|w| w.to_le_bytes()).collect();
    let head = "r 2 100 3\nr.dat 16x2 10(10)/mV 16 0 10 210 0 A\nr.dat 16:1 1/uV 16 0 7 -32752 0 B\n";
    let r = s.open(head, &bytes).expect("a sound record");
    assert_eq!(r.leads[0].samples, [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]);
    assert_eq!(r.leads[0].sample_rate, 200.0);
    let b = &r.leads[1];
    assert!(b.samples[0].is_nan() && b.samples[1] == 9.0 && b.samples[2].is_nan(), "{:?}", b.samples);
    assert!(r.warnings.is_empty(), "{:?}", r.warnings);
    // A lags instead: a skew is one of frames, of two samples each.
    let head = "r 2 100 3\nr.dat 16x2:1 10(10)/mV 16 0 10 210 0 A\nr.dat 16 1/uV 16 0 7 -32752 0 B\n";
    let r = s.open(head, &bytes).expect("a sound record");
    assert_eq!(r.leads[0].samples[..4], [2.0, 3.0, 4.0, 5.0]);
    assert!(r.leads[0].samples[4..].iter().all(|v| v.is_nan()), "{:?}", r.leads[0].samples);
    assert_eq!([r.leads[1].samples[0], r.leads[1].samples[2]], [7.0, 9.0]);
    // The same without a length, with two bytes in front, a wrong checksum and first value.
    let head = "r 1 100\nr.dat 16+2 0 16 0 11 5 0\n";
    let r = s.open(head, &bytes).expect("a sound record");
    assert_eq!(r.leads[0].samples.len(), 8);
    assert_eq!(r.leads[0].samples[0], 20.0 / 200.0);
    assert_eq!(r.leads[0].name, "signal 0");
    assert_eq!(r.warnings.len(), 3, "{:?}", r.warnings);
    // Format 8: differences on top of the initial value, which differs by signal.
    let r = s.open("r 2 100 2\nr.dat 8 1 8 0 100 0 0 A\nr.dat 8 1 8 0 -5 0 0 B\n", &[1, 2, 0xff, 3]);
    let r = r.expect("a sound record");
    assert_eq!(r.leads[0].samples, [101.0, 100.0]);
    assert_eq!(r.leads[1].samples, [-3.0, 0.0]);
    // Without one they start from the converter's zero, which is the baseline as well.
    let r = s.open("r 1 100 3\nr.dat 8 2 8 100\n", &[2, 2, 0xfe]).expect("a sound record");
    assert_eq!(r.leads[0].samples, [1.0, 2.0, 1.0]);
}

#[test]
fn damaged_records_are_errors_of_one_line() {
    let s = Scratch::new("damage");
    let huge = u64::MAX.to_string();
    let dat = "r.dat 16 200 16 0 0 0 0 A\n";
    for (header, want) in [
        (String::new(), "record line"),
        ("r".into(), "number of signals"),
        ("r x".into(), "number of signals"),
        ("r 0 360".into(), "number of signals"),
        ("r 2 360 4\nr.dat 16 200\n".into(), "2 signal lines"),
        (format!("r 1 360 5\n{dat}"), "expected 10 bytes for 5 samples a signal, found 8"),
        (format!("r 1 360 {huge}\n{dat}"), "found 8"),
        (format!("r 18446744073709551615 360 1\n{dat}"), "signal lines"),
        (format!("r 1 0 4\n{dat}"), "rate"),
        (format!("r 1 nan 4\n{dat}"), "rate"),
        ("r 1 360 4\nr.dat 17 200\n".into(), "format"),
        ("r 1 360 4\nr.dat 16x0 200\n".into(), "samples per frame"),
        ("r 1 360 0\nr.dat 16x4294967295 200\n".into(), "at least 1 sample"),
        ("r 1 360 4\nr.dat 16:-1 200\n".into(), "skew"),
        (format!("r 1 360 4\nr.dat 16+{huge} 200\n"), "found 8"),
        ("r 1 360 4\nr.dat 16 inf\n".into(), "gain"),
        ("r 1 360 4\nr.dat\n".into(), "a file name and a format"),
        ("r 1 360 4\n../r.dat 16 200\n".into(), "in the header's folder"),
        ("r 1 360 4\n/etc/passwd 16 200\n".into(), "in the header's folder"),
        ("r 1 360 4\n./../r.dat 16 200\n".into(), "in the header's folder"),
        ("r 1 360 4\ngone.dat 16 200\n".into(), "gone.dat: cannot read"),
        ("r 1 360 4\nr.dat 0 200\n".into(), "format 0"),
        ("r 2 360 2\nr.dat 16 200\nr.dat 212 200\n".into(), "16 as in the file's first line"),
        ("r 2 360 2\nr.dat 16+2 200\nr.dat 16 200\n".into(), "byte offset"),
        ("r 3 360 1\nr.dat 16 1\nq.dat 16 1\nr.dat 16 1\n".into(), "together"),
        ("r/2 1 360 4\nr 4\n".into(), "2 segment lines"),
        ("r/0 1 360 4\n".into(), "at least 1"),
        ("r/1 1 360 4\nr 4\n".into(), "a multi-segment one"),
        ("r/1 1 360 4\nr 3\n".into(), "sum of the segments"),
        (format!("r/2 1 360\na {huge}\na 5\n"), "sum of the segments"),
        ("r/1 1 360 4\n~ 4\n".into(), "gaps only"),
        ("r/1 1 360 4\n../r 4\n".into(), "in the header's folder"),
    ] {
        let error = s.open(&header, &[0; 8]).expect_err(&header);
        assert!(error.contains(want), "{header:?} gave {error:?}, not {want:?}");
        assert_eq!(error.lines().count(), 1, "{error}");
        assert!(error.contains(s.0.to_str().expect("UTF-8")), "{error} names no file");
    }
    assert!(Record::open(&s.0).is_err(), "a folder");
    assert!(Record::open(s.0.join("none")).is_err(), "no file");
    assert!(s.open("r 1 360 0\nr.dat 16 200\n", &[]).is_err(), "no samples");
}

#[test]
fn segments_by_hand() {
    let s = Scratch::new("segments");
    s.put("a.hea", "a 1 10 2\na.dat 80 1/mV 8 0 1 3 0 I\n");
    s.put("a.dat", [129, 130]);
    s.put("b.hea", "b 2 10 1\nb.dat 80 2/mV 8 0 8 8 0 II\nb.dat 80 1/mV 8 0 5 5 0 I\n");
    s.put("b.dat", [136, 133]);
    s.put("l.hea", "l 2 10 0\n~ 0 1/mV 0 0 0 0 0 I\n~ 0 1/mV 0 0 0 0 0 II\n");
    let r = s.open("r/4 2 10 4\nl 0\na 2\n~ 1\nb 1\n", &[]).expect("a sound record");
    let shown: Vec<String> = r.leads.iter().map(|l| format!("{}:{:?}", l.name, l.samples)).collect();
    assert_eq!(shown, ["I:[1.0, 2.0, NaN, 5.0]", "II:[NaN, NaN, NaN, 4.0]"]);
    assert_eq!(r.warnings.len(), 1);
    for (header, want) in [
        ("r/3 2 10 1000000000003\nl 0\na 2\n~ 1000000000001\n", "gaps"),
        ("r/3 2 10 4\nl 0\na 2\na 2\n", "a second time"),
        ("r/2 2 10 3\nl 0\na 3\n", "segment a"),
        ("r/2 1 10 3\na 2\nb 1\n", "1 signals"),
        ("r/2 2 20 2\nl 0\na 2\n", "20 samples a second"),
    ] {
        let error = s.open(header, &[]).expect_err(header);
        assert!(error.contains(want), "{header:?} gave {error:?}, not {want:?}");
    }
}

#[test]
fn matlab_headers_are_checked() {
    let s = Scratch::new("mat");
    let good: Vec<u8> = [30_i32, 2, 3, 0, 4]
        .iter()
        .flat_map(|v| v.to_le_bytes())
        .chain(*b"val\0")
        .chain([1_i16, -1, 2, -2, 3, -3].iter().flat_map(|v| v.to_le_bytes()))
        .collect();
    let open = |bytes: &[u8], header: &str| {
        s.put("m.mat", bytes);
        s.put("m.hea", header);
        Record::open(s.0.join("m")).map_err(|e| e.to_string())
    };
    for samples in ["", " 3"] {
        let header = format!("m 2 500{samples}\nm.mat 16+24 1 16 0 1 6 0 I\nm.mat 16+24 1 16 0 -1 -6 0 II\n");
        let r = open(&good, &header).expect("a sound record");
        assert_eq!(r.leads[0].samples, [1.0, 2.0, 3.0]);
        assert_eq!(r.leads[1].samples, [-1.0, -2.0, -3.0]);
        assert!(r.warnings.is_empty(), "{:?}", r.warnings);
        for (at, value, want) in
            [(0, 10, "type"), (4, 3, "rows"), (8, 255, "found 36"), (12, 1, "imaginary"), (16, 8, "offset")]
        {
            let mut bad = good.clone();
            bad[at] = value;
            let error = open(&bad, &header).expect_err(want);
            assert!(error.contains(want), "{error}");
        }
        assert!(open(&good[..10], &header).is_err());
        assert!(open(&good[..30], &header).is_err());
    }
}

#[test]
fn what_is_written_is_read_back() {
    let s = Scratch::new("write");
    let lead = |name: &str, samples: &[f32]| Lead::new(name, "mV", 360.0, samples.to_vec());
    let leads =
        vec![lead("MLII", &[0.0, 0.5, -1.0, f32::NAN, 1.25]), lead("V1", &[5.0, -5.0, 0.1, 0.005, 0.0])];
    let mut record = Record::new("demo-1", 360.0, leads);
    (record.age, record.sex) = (Some(61.0), Some(Sex::Female));
    record.comments = vec!["61 F".into(), "synthetic".into()];
    for format in [wfdb::Format::F16, wfdb::Format::F212] {
        let storage = wfdb::StorageFormat { format, ..wfdb::StorageFormat::default() };
        wfdb::write(&s.0, &record, &storage).unwrap_or_else(|e| panic!("{e}"));
        let mut back = Record::open(s.0.join("demo-1")).unwrap_or_else(|e| panic!("{e}"));
        assert!(back.leads[0].samples[3].is_nan());
        back.leads[0].samples[3] = 0.0;
        let mut want = record.clone();
        want.leads[0].samples[3] = 0.0;
        assert_eq!(back, want);
    }
    let storage = wfdb::StorageFormat::default();
    record.leads[0].samples[1] = 11.0;
    let error = wfdb::write(&s.0, &record, &storage).expect_err("out of 12 bits").to_string();
    assert!(error.contains("lead MLII sample 1"), "{error}");
    record.leads[0].samples.pop();
    assert!(wfdb::write(&s.0, &record, &storage).is_err(), "lengths differ");
    record.name = "../x".into();
    assert!(wfdb::write(&s.0, &record, &storage).is_err(), "a path as a name");
}
