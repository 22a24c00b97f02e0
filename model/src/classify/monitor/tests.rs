//! Monitors against whole records.

use super::*;
use efficientecg_ecg::random::SplitMix64;
use efficientecg_ecg::stream::DELAY;

fn demo() -> Record {
    Record::open("../tools/demo/demo").expect("the record of the repository")
}

fn model(name: &str) -> Arc<Model> {
    Arc::new(Model::builtin(name).expect("a model"))
}

/// One sample of each of these leads in turn; none of NaN.
fn in_turn(record: &Record, leads: &[Option<usize>]) -> Vec<f32> {
    let sample =
        |i: usize| leads.iter().map(move |lead| lead.map_or(f32::NAN, |lead| record.leads[lead].samples[i]));
    (0..record.leads[0].samples.len()).flat_map(sample).collect()
}

/// All events of samples that are pushed in parts.
fn pushed(monitor: &mut Monitor, samples: &[f32], mut part: impl FnMut() -> usize) -> Vec<MonitorEvent> {
    let mut events = Vec::new();
    let mut rest = samples;
    while !rest.is_empty() {
        let (now, later) = rest.split_at(part().clamp(1, rest.len()));
        let known = events.len();
        monitor.push(now, &mut events).expect("runs");
        for beat in beats(&events[known..]) {
            let most = DELAY + now.len() as f64 / 2.0 / 360.0;
            assert!(monitor.seconds() - beat.seconds <= most, "{beat} at {}", monitor.seconds());
        }
        rest = later;
    }
    monitor.finish(&mut events).expect("runs");
    events
}

fn beats(events: &[MonitorEvent]) -> Vec<&Finding> {
    fn beat(event: &MonitorEvent) -> Option<&Finding> {
        if let MonitorEvent::Beat(beat) = event { Some(beat) } else { None }
    }
    events.iter().filter_map(beat).collect()
}

fn monitor(name: &str) -> Monitor {
    Monitor::new(model(name), &["MLII", "V1"], 360.0, &Settings::new()).expect("a monitor")
}

const BOTH: [Option<usize>; 2] = [Some(0), Some(1)];

#[test]
fn beats_and_most_classes_are_those_of_the_whole_record() {
    let record = demo();
    let samples = in_turn(&record, &BOTH);
    for name in ["mitbih-beats", "beats", "beats-1lead"] {
        let mut monitor = monitor(name);
        let events = pushed(&mut monitor, &samples, || 144);
        let (live, whole) = (beats(&events), model(name).classify(&record).expect("classifies"));
        assert_eq!(live.len(), whole.items.len(), "{name}");
        let (mut assessed, mut agreed) = (0, 0);
        for (a, b) in live.iter().zip(&whole) {
            assert!((a.time - b.time).abs() <= 1, "{name}: {a} {b}");
            assert!((a.seconds - a.time as f64 / 360.0).abs() < 1e-9 && a.unit == Unit::Beat);
            // The first seconds are too short to be assessed.
            assert_eq!(a.class.is_err(), a.seconds < 3.2, "{name}: {a}");
            if let (Ok(a), Ok(b)) = (a.class, b.class) {
                assessed += 1;
                agreed += usize::from(a == b);
            }
            let sum: f32 = a.probabilities.iter().sum();
            assert!(a.class.is_err() || (sum - 1.0).abs() < 1e-4, "{name}: {a:?}");
        }
        println!("{name}: {agreed} of {assessed} of one class");
        assert!(assessed > 90 && 100 * agreed >= 95 * assessed, "{name}: {agreed} of {assessed}");
        assert!(monitor.bytes() < 4_000_000, "{name}: {} bytes", monitor.bytes());
    }
}

#[test]
fn what_is_told_does_not_depend_on_the_parts() {
    let record = demo();
    let samples = &in_turn(&record, &BOTH)[..2 * 360 * 40 + 1];
    let want = pushed(&mut monitor("beats"), samples, || usize::MAX);
    assert!(beats(&want).len() > 40);
    let mut random = SplitMix64(5);
    for most in [3, 500, 20_000] {
        let got = pushed(&mut monitor("beats"), samples, || 1 + random.below(most) as usize);
        assert_eq!(got, want, "parts of up to {most}");
    }
}

#[test]
fn leads_are_chosen_by_name_among_those_that_come() {
    let record = demo();
    let want = pushed(&mut monitor("mitbih-beats"), &in_turn(&record, &BOTH), || 999);
    let mut other =
        Monitor::new(model("mitbih-beats"), &["RESP", "V1", "aVF", "MLII"], 360.0, &Settings::new())
            .expect("a monitor");
    let samples = in_turn(&record, &[None, Some(1), None, Some(0)]);
    assert_eq!(pushed(&mut other, &samples, || 1001), want);
    let settings = Settings::new().lead("V1", "#2").lead("MLII", "X");
    let mut other = Monitor::new(model("mitbih-beats"), &["X", "Y"], 360.0, &settings).expect("a monitor");
    assert_eq!(pushed(&mut other, &in_turn(&record, &BOTH), || 7), want);
}

#[test]
fn a_lead_that_falls_off_is_told_once_and_its_beats_are_refused() {
    let mut record = demo();
    let (from, to) = (30 * 360, 60 * 360);
    for lead in &mut record.leads {
        // Beats that are hardly larger than the steps of their samples, then nothing.
        lead.samples[from..to].iter_mut().for_each(|v| *v = (*v * 2.0).round() / 2.0);
        lead.samples[to..to + 3600].fill(f32::NAN);
    }
    let samples = in_turn(&record, &BOTH);
    let events = pushed(&mut monitor("beats"), &samples, || 500);
    let signals: Vec<(f64, Option<Reason>)> = events
        .iter()
        .filter_map(|event| match event {
            MonitorEvent::Signal { seconds, reason } => Some((*seconds, *reason)),
            _ => None,
        })
        .collect();
    assert!(signals.len() >= 2 && signals.len() <= 6, "{signals:?}");
    assert!(signals[0].1.is_some() && (30.0..45.0).contains(&signals[0].0), "{signals:?}");
    assert!(signals.iter().any(|(_, reason)| *reason == Some(Reason::Missing)), "{signals:?}");
    assert_eq!(signals.last().and_then(|s| s.1), None, "{signals:?}");
    let refused = beats(&events).into_iter().filter(|beat| beat.seconds > 5.0 && beat.class.is_err());
    let refused: Vec<&Finding> = refused.collect();
    assert!(refused.len() > 10, "{refused:?}");
    assert!(refused.iter().all(|beat| (28.0..77.0).contains(&beat.seconds) && beat.probabilities.is_empty()));
    // Whatever the quality.
    let all = Settings::new().any_quality();
    let mut monitor = Monitor::new(model("beats"), &["MLII", "V1"], 360.0, &all).expect("a monitor");
    let events = pushed(&mut monitor, &samples, || 500);
    assert!(beats(&events).iter().all(|beat| beat.class.is_ok()));
}

#[test]
fn what_cannot_be_monitored_is_an_error_of_one_line() {
    let new = |name: &str, leads: &[&str], rate: f64, settings: &Settings| {
        Monitor::new(model(name), leads, rate, settings).expect_err("no monitor").to_string()
    };
    for (said, part) in [
        (new("cinc2017-rhythm", &["ECG"], 300.0, &Settings::new()), "expected a model of beats"),
        (new("mitbih-beats", &["MLII", "V5"], 360.0, &Settings::new()), "V1"),
        (new("mitbih-beats", &[], 360.0, &Settings::new()), "MLII"),
        (new("beats", &["II", "V1"], 20.0, &Settings::new()), "50 to 4000 Hz"),
        (new("beats", &["II", "V1"], f64::NAN, &Settings::new()), "50 to 4000 Hz"),
        (
            new("beats", &["II", "V1"], 360.0, &Settings::new().unit(Unit::Record)),
            "expected a model of beats",
        ),
    ] {
        assert!(said.contains(part) && !said.contains('\n'), "{said}");
    }
    fn sent<T: Send>(_: T) {}
    sent(monitor("beats"));
}
