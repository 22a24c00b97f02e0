use super::*;
use crate::wfdb::{self, Format, StorageFormat};
use std::path::PathBuf;

struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Folder {
        let path = std::env::temp_dir().join(format!("efficientecg-parts-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).expect("a folder");
        Folder(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Two leads of so many seconds, each sample its own place, with a gap.
fn record(rate: f64, seconds: f64) -> Record {
    let lead = |name: &str, factor: f64| {
        let count = (rate * seconds) as usize;
        let samples = (0..count).map(|i| ((i as f64 * factor) % 1999.0 / 1000.0 - 1.0) as f32);
        let mut samples: Vec<f32> = samples.collect();
        samples[count / 3..count / 3 + 7].fill(f32::NAN);
        Lead::new(name, "mV", rate, samples)
    };
    Record::new("made", rate, vec![lead("II", 1.0), lead("V1", 3.0)])
}

fn storage(format: Format) -> StorageFormat {
    StorageFormat { format, gain: 200.0, ..StorageFormat::default() }
}

fn same(a: &[f32], b: &[f32]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a == b || (a.is_nan() && b.is_nan()))
}

#[test]
fn cores_are_the_record_and_parts_have_their_margins() {
    for (seconds, want) in [(10.0, 1), (59.0, 1), (89.0, 1), (90.0, 2), (120.0, 2), (1000.0, 17)] {
        let whole = record(50.0, seconds);
        let parts = Parts::of(whole.clone()).lasting(60.0, 5.0);
        assert_eq!(parts.count(), want, "{seconds} s");
        let mut at = 0;
        for index in 0..parts.count() {
            let part = parts.part(index).expect("reads");
            assert_eq!(part.core.start, at);
            at = part.core.end;
            let (from, to) = ((part.core.start - 250).max(0), (part.core.end + 250).min(parts.frames()));
            assert_eq!(part.start, from);
            for (lead, whole) in part.record.leads.iter().zip(&whole.leads) {
                assert!(same(&lead.samples, &whole.samples[from as usize..to as usize]));
            }
        }
        assert_eq!(at, (seconds * 50.0) as i64);
        assert_eq!(at, parts.frames());
    }
}

#[test]
fn stretches_are_cut_at_the_ends_of_the_record() {
    let whole = record(50.0, 100.0);
    let parts = Parts::of(whole.clone());
    let cases = [
        (10.0, 20.5, 500..1025),
        (-5.0, 1.0, 0..50),
        (99.0, 200.0, 4950..5000),
        (300.0, 400.0, 5000..5000),
        (20.0, 10.0, 1000..1000),
        (f64::NAN, f64::INFINITY, 0..5000),
    ];
    for (from, to, want) in cases {
        let made = parts.stretch(from, to).expect("cut");
        assert_eq!(made.leads.len(), 2);
        for (lead, whole) in made.leads.iter().zip(&whole.leads) {
            assert!(same(&lead.samples, &whole.samples[want.clone()]), "{from} {to}");
        }
    }
}

#[test]
fn files_give_the_parts_that_memory_gives() {
    let folder = Folder::new("files");
    // 61 samples a second: parts of packed formats begin within a word.
    let whole = record(61.0, 2000.0);
    for format in [Format::F16, Format::F212, Format::F32] {
        wfdb::write(&folder.0, &whole, &storage(format)).expect("written");
        let path = folder.0.join("made");
        let read = Record::open(&path).expect("reads");
        let files = Parts::open(&path, &ReadOptions::new()).expect("opens").lasting(61.5, 2.0);
        assert!(!files.in_memory());
        let memory = Parts::of(read).lasting(61.5, 2.0);
        assert_eq!((files.count(), files.frames()), (memory.count(), memory.frames()));
        for index in 0..files.count() {
            let (a, b) = (files.part(index).expect("reads"), memory.part(index).expect("cut"));
            assert_eq!((a.start, a.core), (b.start, b.core));
            for (a, b) in a.record.leads.iter().zip(&b.record.leads) {
                assert!(same(&a.samples, &b.samples), "{format:?} part {index}");
            }
        }
        let one = Parts::open(&path, &ReadOptions::new()).expect("opens").only(&[1]);
        let part = one.part(0).expect("reads");
        assert!(part.record.leads[0].samples.is_empty() && !part.record.leads[1].samples.is_empty());
    }
}

#[test]
fn a_file_that_is_cut_short_is_one_line() {
    let folder = Folder::new("short");
    wfdb::write(&folder.0, &record(50.0, 2000.0), &storage(Format::F16)).expect("written");
    let path = folder.0.join("made.dat");
    let bytes = std::fs::read(&path).expect("reads");
    let opened = Parts::open(folder.0.join("made"), &ReadOptions::new()).expect("opens");
    std::fs::write(&path, &bytes[..bytes.len() / 2]).expect("cut");
    // Before it is opened, and while it is read.
    let before = Parts::open(folder.0.join("made"), &ReadOptions::new()).err().expect("short").to_string();
    let while_read = opened.part(opened.count() - 1).expect_err("short").to_string();
    for line in [before, while_read] {
        assert!(line.contains("size: expected") && line.lines().count() == 1, "{line}");
    }
}
