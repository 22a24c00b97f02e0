//! Records part by part against the same as a whole.

use efficientecg::classify::{Finding, Settings};
use efficientecg::ecg::Record;
use efficientecg::ecg::parts::{MARGIN, Parts};
use efficientecg::ecg::wfdb::Annotations;
use efficientecg::{Model, Options};
use efficientecg_evaluate::pairing::BeatClass;
use efficientecg_tests::mitbih::{self, RECORDS};
use std::path::Path;

/// Of the beats of both: in the same place, and of the same class too.
#[derive(Default, Debug)]
struct Same {
    whole: usize,
    parts: usize,
    places: usize,
    classes: usize,
}

impl Same {
    fn add(&mut self, whole: &[Finding], parts: &[Finding]) {
        self.whole += whole.len();
        self.parts += parts.len();
        for a in whole {
            let at = parts.partition_point(|b| b.time < a.time);
            if let Some(b) = parts.get(at).filter(|b| b.time == a.time) {
                self.places += 1;
                self.classes += usize::from(a.class == b.class);
            }
        }
    }
}

/// Of the annotated beats, how many were found within 150 ms, and how many of these in the annotated class.
fn right(folder: &Path, name: &str, found: &[Finding], rate: f64) -> [usize; 2] {
    let annotations =
        Annotations::read(&folder.join(format!("{name}.atr"))).unwrap_or_else(|e| panic!("{e}"));
    let near = (0.15 * rate) as i64;
    let mut sums = [0; 2];
    for annotation in &annotations.items {
        let Some(class) = BeatClass::of(annotation.code, BeatClass::N) else { continue };
        let at = found.partition_point(|f| f.time < annotation.time - near);
        let around = found[at..].iter().take_while(|f| f.time <= annotation.time + near);
        if let Some(finding) = around.min_by_key(|f| f.time.abs_diff(annotation.time)) {
            sums[0] += 1;
            sums[1] += usize::from(finding.class == Ok(class as usize));
        }
    }
    sums
}

fn model() -> Model {
    Options::new().backend(efficientecg::Backend::Cpu).builtin("beats").expect("a model")
}

/// Classifies a record in parts of so many seconds.
fn in_parts(model: &Model, record: &Record, seconds: f64) -> (usize, Vec<Finding>) {
    let parts = Parts::of(record.clone()).lasting(seconds, MARGIN);
    let mut all: Vec<Finding> = Vec::new();
    for index in 0..parts.count() {
        let part = parts.part(index).expect("reads");
        let found = model.classify_part(&part, &Settings::new()).expect("classified");
        assert!(found.items.iter().all(|item| part.core.contains(&item.time)));
        assert!(found.unknown.iter().all(|span| part.core.start <= span.start && span.end <= part.core.end));
        all.extend(found.items);
    }
    assert!(all.windows(2).all(|w| w[0].time < w[1].time), "a beat twice");
    (parts.count(), all)
}

/// Of MIT-BIH in parts of 10 minutes at least 999 beats of 1,000 are those of the whole records, and 99 have their class: a class stands on the
/// usual QRS, the mean interval and the level of a record, which are those of a part.
#[test]
fn beats_of_parts_are_those_of_whole_records() {
    let Some(folder) = RECORDS.folder() else { return };
    let model = model();
    let (mut same, mut all, mut truth) = (Same::default(), 0, [[0; 2]; 2]);
    for name in mitbih::records(folder) {
        let record = Record::open(folder.join(&name)).unwrap_or_else(|e| panic!("{e}"));
        let whole = model.classify(&record).unwrap_or_else(|e| panic!("{e}")).items;
        let (count, parts) = in_parts(&model, &record, 600.0);
        assert_eq!(count, 3);
        for (sums, found) in truth.iter_mut().zip([&whole, &parts]) {
            let [beats, classes] = right(folder, &name, found, record.sample_rate);
            sums[0] += beats;
            sums[1] += classes;
        }
        let before = (same.places, same.classes);
        same.add(&whole, &parts);
        let (places, classes) = (same.places - before.0, same.classes - before.1);
        println!(
            "{name}: {} beats, {} in parts, {places} in the same place, {classes} of the same class",
            whole.len(),
            parts.len()
        );
        all += 1;
    }
    println!("{all} records: {same:?}, annotated beats found and right, whole and in parts: {truth:?}");
    let part = |count: usize| count as f64 / same.whole.max(same.parts) as f64;
    assert!(part(same.places) >= 0.999, "{same:?}");
    assert!(part(same.classes) >= 0.99, "{same:?}");
    // No worse by more than a beat in 500.
    let [whole, parts] = truth.map(|[found, right]| right as f64 / found as f64);
    assert!(parts > whole - 0.002, "{whole} {parts}");
}

/// One part is the whole record, and several are nearly so.
#[test]
fn parts_of_the_demo() {
    let record =
        Record::open(Path::new(env!("CARGO_MANIFEST_DIR")).join("../tools/demo/demo")).expect("reads");
    let model = model();
    let whole = model.classify(&record).expect("classified").items;
    let (count, one) = in_parts(&model, &record, 1200.0);
    assert_eq!((count, &one), (1, &whole));
    let (count, three) = in_parts(&model, &record, 30.0);
    assert_eq!(count, 3);
    let mut same = Same::default();
    same.add(&whole, &three);
    assert!(same.places + 1 >= whole.len() && three.len() <= whole.len() + 1, "{same:?}");
    assert!(same.classes as f64 >= 0.97 * whole.len() as f64, "{same:?}");
}
