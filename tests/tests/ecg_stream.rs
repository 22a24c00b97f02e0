//! Records as they come against the same records at once, on the MIT-BIH Arrhythmia Database: on some of them, as it takes long. The example
//! `stream` counts what differs in all.
//!
//! Where the records are not there, the tests say so and are skipped.

use efficientecg::Model;
use efficientecg::classify::Settings;
use efficientecg::ecg::stream::DELAY;
use efficientecg::ecg::wfdb::Annotations;
use efficientecg::ecg::{Record, Stream, peaks};
use efficientecg_tests::live::compare;
use efficientecg_tests::mitbih::{RECORDS, records};
use std::sync::Arc;

/// The least share of a record's beats that are told as they come.
const SAME: f64 = 0.999;
/// Samples by which a beat may lie elsewhere and be the same.
const NEAR: i64 = 2;

#[test]
fn beats_of_every_fourth_record() {
    let Some(folder) = RECORDS.folder() else { return };
    let (mut all, mut same, mut exact, mut extra) = (0, 0, 0, 0);
    for name in records(folder).into_iter().step_by(4) {
        let record = Record::open(folder.join(&name)).unwrap_or_else(|e| panic!("{e}"));
        let lead = &record.leads[0];
        let whole = peaks::detect(&lead.samples, lead.sample_rate).unwrap_or_else(|e| panic!("{e}"));
        let whole: Vec<i64> = whole.into_iter().map(|peak| peak as i64).collect();
        let mut stream = Stream::new(1, lead.sample_rate, 180.0).unwrap_or_else(|e| panic!("{e}"));
        let mut told = Vec::new();
        let mut rest = &lead.samples[..];
        while !rest.is_empty() {
            rest = &rest[stream.push(rest)..];
            while let Some(beat) = stream.beat() {
                assert!(stream.seconds() - beat.seconds <= DELAY, "{name}: {beat:?}");
                told.push(beat.time);
            }
        }
        stream.finish();
        told.extend(std::iter::from_fn(|| stream.beat()).map(|beat| beat.time));
        assert!(told.is_sorted_by(|a, b| a < b), "{name}");
        let near = |all: &[i64], time: i64, far: i64| {
            all.get(all.partition_point(|t| *t < time - far)).is_some_and(|t| *t <= time + far)
        };
        let missed: Vec<i64> = whole.iter().copied().filter(|t| !near(&told, *t, NEAR)).collect();
        let more = told.iter().filter(|t| !near(&whole, **t, NEAR)).count();
        if !missed.is_empty() || more > 0 {
            println!("{name}: {} beats, without {missed:?}, and {more} more", whole.len());
        }
        all += whole.len();
        same += whole.len() - missed.len();
        exact += whole.iter().filter(|t| near(&told, **t, 0)).count();
        extra += more;
    }
    println!("{all} beats: {same} told within {NEAR} samples, {exact} at the same; {extra} more");
    assert!(all > 20_000, "{all}");
    assert!(same as f64 >= SAME * all as f64, "{same} of {all}");
    assert!(extra as f64 <= (1.0 - SAME) * all as f64, "{extra} beside {all}");
}

/// Where most beats are S it differs most, as nothing is known of the record but its last minutes.
#[test]
fn classes_of_a_record_of_s_beats() {
    classes("beats-1lead", "232", 0.9);
}

#[test]
fn classes_of_a_record_with_v_beats() {
    classes("mitbih-beats", "223", 0.95);
}

#[test]
fn classes_of_a_record_with_both() {
    classes("beats", "209", 0.97);
}

/// Holds what a model says of a record as it comes to what it says of the whole: the least share of beats that are of one class.
fn classes(model: &str, name: &str, agreed: f64) {
    let Some(folder) = RECORDS.folder() else { return };
    let model = Arc::new(Model::builtin(model).unwrap_or_else(|e| panic!("{e}")));
    let path = folder.join(name);
    let record = Record::open(&path).unwrap_or_else(|e| panic!("{e}"));
    let reference = Annotations::read(&path.with_extension("atr")).unwrap_or_else(|e| panic!("{e}"));
    let settings = match model.config().leads.iter().any(|lead| lead == "V1") {
        true => Settings::new().lead("V1", "#2"),
        false => Settings::new(),
    };
    let all = compare(&model, &record, &settings, &reference);
    println!("{} {name}: {}", model.config().name, all.line());
    assert!(all.same as f64 >= SAME * all.whole as f64, "{}", all.line());
    assert!(all.agreed as f64 >= agreed * all.assessed as f64, "{}", all.line());
    assert!(all.assessed as f64 >= 0.97 * all.whole as f64, "{}", all.line());
    // Of few beats one more is a large part.
    for [whole, live] in all.figures.into_iter().filter(|[whole, _]| whole.reference >= 20) {
        assert!(live.f1() >= whole.f1() - 0.1, "{}", all.line());
    }
    assert!(all.delay <= DELAY + 1e-9 && all.bytes < 4_000_000, "{}", all.line());
}
