use super::*;
use crate::wfdb::Code;
use crate::{ReadOptions, Sex};
use std::path::Path;

/// A file of signals (label, unit, samples in a data record) and the bytes of its data records.
struct File {
    version: &'static [u8],
    patient: &'static str,
    recording: &'static str,
    reserved: &'static str,
    records: i64,
    duration: &'static str,
    signals: Vec<(&'static str, &'static str, usize)>,
    data: Vec<u8>,
}

impl File {
    fn new(signals: Vec<(&'static str, &'static str, usize)>) -> File {
        File {
            version: b"0       ",
            patient: "X F 02-MAY-1951 X",
            recording: "Startdate 02-MAY-2002 X X X",
            reserved: "EDF+C",
            records: 0,
            duration: "1",
            signals,
            data: Vec::new(),
        }
    }

    fn bytes(&self) -> Vec<u8> {
        let count = self.signals.len();
        let mut out = self.version.to_vec();
        let mut put = |text: &str, width: usize| out.extend(format!("{text:width$}").as_bytes());
        put(self.patient, 80);
        put(self.recording, 80);
        put("02.05.02", 8);
        put("10.20.30", 8);
        put(&(256 * (count + 1)).to_string(), 8);
        put(self.reserved, 44);
        put(&self.records.to_string(), 8);
        put(self.duration, 8);
        put(&count.to_string(), 4);
        let mut each = |width: usize, text: &dyn Fn(usize) -> String| {
            (0..count).for_each(|i| put(&text(i), width));
        };
        each(16, &|i| self.signals[i].0.to_owned());
        each(80, &|_| String::new());
        each(8, &|i| self.signals[i].1.to_owned());
        each(8, &|_| "-10".to_owned());
        each(8, &|_| "10,0".to_owned());
        each(8, &|_| "-1000".to_owned());
        each(8, &|_| "1000".to_owned());
        each(80, &|_| String::new());
        each(8, &|i| self.signals[i].2.to_string());
        each(32, &|_| String::new());
        out.extend(&self.data);
        out
    }

    fn read(&self) -> Record {
        read(Source::of_bytes(Path::new("a/r.edf"), &self.bytes(), &ReadOptions::new()))
            .unwrap_or_else(|e| panic!("{e}"))
    }
}

fn samples(values: &[i16]) -> Vec<u8> {
    values.iter().flat_map(|v| v.to_le_bytes()).collect()
}

/// Text in a field of a data record.
fn list(text: &[u8], width: usize) -> Vec<u8> {
    let mut out = text.to_vec();
    out.resize(width, 0);
    out
}

fn bits(samples: &[f32]) -> Vec<u32> {
    samples.iter().map(|v| v.to_bits()).collect()
}

#[test]
fn each_signal_has_its_rate_unit_and_scale() {
    let mut file = File::new(vec![("ECG II", "uV", 4), ("Resp", "%", 1)]);
    file.records = 2;
    file.duration = "0.5";
    file.data = [samples(&[1, 2, 3, 4, 50]), samples(&[-1000, 1000, 0, 7, -50])].concat();
    let record = file.read();
    assert!(record.warnings.is_empty(), "{:?}", record.warnings);
    assert_eq!((record.name.as_str(), record.sample_rate), ("r", 8.0));
    let [ecg, resp] = &record.leads[..] else { panic!("two leads") };
    assert_eq!((ecg.name.as_str(), ecg.units.as_str(), ecg.sample_rate), ("ECG II", "uV", 8.0));
    assert_eq!(ecg.samples, [0.01, 0.02, 0.03, 0.04, -10.0, 10.0, 0.0, 0.07]);
    assert_eq!((resp.name.as_str(), resp.sample_rate, &resp.samples[..]), ("Resp", 2.0, &[0.5, -0.5][..]));
    assert_eq!((record.age, record.sex), (Some(51.0), Some(Sex::Female)));
    assert_eq!(record.start.map(|s| s.to_string()).as_deref(), Some("2002-05-02 10:20:30"));
}

#[test]
fn a_stream_and_an_unknown_number_of_data_records() {
    let mut file = File::new(vec![("II", "mV", 2)]);
    file.data = samples(&[1, 2, 3, 4, 5]);
    file.records = -1;
    let want = [0.01, 0.02, 0.03, 0.04];
    assert_eq!(file.read().leads[0].samples, want);
    let bytes = file.bytes();
    let record = Record::read("stream", &bytes[..], &ReadOptions::new()).unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(record.leads[0].samples, want);
    // Of fewer records than there are the rest is told.
    file.records = 1;
    let record = file.read();
    assert_eq!(record.leads[0].samples, want[..2]);
    assert!(record.warnings[0].starts_with("6 bytes after"), "{:?}", record.warnings);
    file.records = 3;
    let (bytes, options) = (file.bytes(), ReadOptions::new());
    let whole = read(Source::of_bytes(Path::new("r.edf"), &bytes, &options));
    for read in [whole, Record::read("stream", &bytes[..], &options)] {
        let error = read.expect_err("too few").to_string();
        assert!(error.contains("data records: expected 3, in 524 bytes, found 522 bytes"), "{error}");
    }
}

#[test]
fn samples_of_24_bits() {
    let mut file = File::new(vec![("II", "mV", 4)]);
    file.version = b"\xffBIOSEMI";
    file.reserved = "24BIT";
    file.records = 1;
    file.data =
        [-1_000_000, 8_388_607, -1, 1].iter().flat_map(|v: &i32| v.to_le_bytes()[..3].to_vec()).collect();
    let want: Vec<f32> = [-1e4, 83_886.07, -0.01, 0.01].into();
    assert_eq!(bits(&file.read().leads[0].samples), bits(&want));
}

#[test]
fn gaps_are_missing_samples_and_annotations_keep_their_times() {
    let mut file = File::new(vec![("II", "mV", 4), ("EDF Annotations", "", 16), ("Resp", "l", 1)]);
    file.reserved = "EDF+D";
    file.records = 3;
    // The second begins half a second late, the third at once.
    for (times, values) in [
        (&b"+0.25\x14\x14\0+1\x14N\x14V\x14\0"[..], [1, 2, 3, 4]),
        (b"+1.75\x14\x14\0+2.25\x151\x14noise\x14\0", [5, 6, 7, 8]),
        (b"+2.75\x14\x14\0", [9, 10, 11, 12]),
    ] {
        file.data.extend(samples(&values));
        file.data.extend(list(times, 32));
        file.data.extend(samples(&[values[0]]));
    }
    let record = file.read();
    let nan = f32::NAN;
    let ecg: Vec<f32> = [1, 2, 3, 4, -1, -1, 5, 6, 7, 8, 9, 10, 11, 12].map(|v| v as f32 / 100.0).into();
    let ecg: Vec<f32> = ecg.into_iter().map(|v| if v < 0.0 { nan } else { v }).collect();
    assert_eq!(bits(&record.leads[0].samples), bits(&ecg));
    // At one sample a second half a second is rounded to one.
    assert_eq!(bits(&record.leads[1].samples), bits(&[0.01, nan, 0.05, 0.09]));
    assert_eq!(record.warnings, ["the data records leave gaps of 1.0 s in all; samples there are missing"]);
    assert_eq!(record.start.map(|s| s.to_string()).as_deref(), Some("2002-05-02 10:20:30.250"));
    let told: Vec<_> = record.annotations.iter().map(|a| (a.time, a.code, a.text())).collect();
    assert_eq!(
        told,
        [
            (3, Code::NORMAL, String::new()),
            (3, Code::VENTRICULAR, String::new()),
            (8, Code::NOTE, "noise".into())
        ]
    );
}

#[test]
fn a_gap_takes_memory_only_up_to_a_limit() {
    let mut file = File::new(vec![("II", "mV", 4), ("EDF Annotations", "", 16)]);
    file.reserved = "EDF+D";
    file.records = 2;
    for times in [&b"+0\x14\x14\0"[..], b"+1e15\x14\x14\0"] {
        file.data.extend(samples(&[1, 2, 3, 4]));
        file.data.extend(list(times, 32));
    }
    let (bytes, options) = (file.bytes(), ReadOptions::new());
    let error = read(Source::of_bytes(Path::new("r.edf"), &bytes, &options))
        .expect_err("a gap without end")
        .to_string();
    assert!(error.contains("data record 2: expected a gap of at most"), "{error}");
}

#[test]
fn annotations_alone() {
    let mut file = File::new(vec![("EDF Annotations", "", 16)]);
    file.records = 1;
    file.duration = "0";
    file.data = list(b"+0\x14\x14\0+30.5\x1530\x14Sleep stage W\x14\0", 32);
    let record = file.read();
    assert!(record.leads.is_empty());
    assert_eq!((record.sample_rate, record.annotations[0].time), (1000.0, 30_500));
    assert_eq!(record.annotations[0].text(), "Sleep stage W");
}

#[test]
fn what_is_not_known_stays_so() {
    let mut file = File::new(vec![("II", "mV", 1)]);
    file.records = 1;
    file.data = samples(&[1]);
    file.patient = "X X X X";
    file.recording = "Startdate X X X X";
    let record = file.read();
    assert_eq!((record.age, record.sex), (None, None));
    assert_eq!(record.start.map(|s| s.to_string()).as_deref(), Some("10:20:30"));
    assert!(record.warnings.is_empty(), "{:?}", record.warnings);
    // Plain EDF has free text there.
    file.reserved = "";
    (file.patient, file.recording) = ("Mr. M 02-MAY-1951", "");
    let record = file.read();
    assert_eq!((record.age, record.sex), (None, None));
    assert_eq!(record.start.map(|s| s.to_string()).as_deref(), Some("2002-05-02 10:20:30"));
}

/// Data records of at most a minute: their seconds are a multiple of those in which every lead has whole samples.
#[test]
fn data_records_hold_whole_samples() {
    for seconds in [1_u32, 7, 11, 30, 31, 59] {
        let lead = |name: &str, count: usize| {
            let samples = (0..60 * count).map(|i| (i % 50) as f32 / 50.0).collect();
            Lead::new(name, "mV", count as f64 / f64::from(seconds), samples)
        };
        let record = Record::new("slow", 3.0 / f64::from(seconds), vec![lead("II", 3), lead("V1", 2)]);
        let bytes = super::bytes(Path::new("slow.edf"), &record, false).expect("whole samples");
        let options = ReadOptions::new();
        let again = read(Source::of_bytes(Path::new("slow.edf"), &bytes, &options)).expect("read back");
        for (lead, want) in again.leads.iter().zip(&record.leads) {
            assert!(
                (lead.sample_rate / want.sample_rate - 1.0).abs() < 1e-9,
                "{seconds}: {}",
                lead.sample_rate
            );
            assert!(lead.samples.len() >= want.samples.len(), "{seconds}: {}", lead.samples.len());
            // What a last data record is filled up with is more than the record has.
            let held = lead.samples.iter().zip(&want.samples);
            assert!(held.clone().all(|(a, b)| (a - b).abs() < 1e-4), "{seconds}");
        }
    }
}
