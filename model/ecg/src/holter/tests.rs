use super::*;

const RATE: f64 = 100.0;

/// What is told of a record of so many seconds.
fn told(beats: &[(i64, BeatType)], unknown: &[Range<i64>], seconds: f64) -> HolterReport {
    let mut holter = Holter::new(HolterSettings::new(RATE, (seconds * RATE) as i64));
    unknown.iter().for_each(|span| holter.unknown(span.clone()));
    beats.iter().for_each(|(frame, class)| holter.push(*frame, *class));
    holter.finish()
}

/// A beat of each letter, so many frames apart, the first at as many.
fn beats(letters: &str, apart: i64) -> Vec<(i64, BeatType)> {
    let class = |letter: char| BeatType::from_letter(&letter.to_string()).expect("a class");
    letters.chars().enumerate().map(|(i, letter)| ((i as i64 + 1) * apart, class(letter))).collect()
}

#[test]
fn couplets_runs_and_geminies_are_what_their_definitions_say() {
    // Letters; couplets, runs, bigeminy, trigeminy of V; couplets and runs of S.
    let cases = [
        ("NNNN", [0, 0, 0, 0, 0, 0]),
        ("NVN", [0, 0, 0, 0, 0, 0]),
        ("NVVN", [1, 0, 0, 0, 0, 0]),
        ("NVVVN", [0, 1, 0, 0, 0, 0]),
        ("VVNVVVVVNVV", [2, 1, 0, 0, 0, 0]),
        ("NVFVN", [0, 0, 0, 0, 0, 0]),
        ("NSSNSSSN", [0, 0, 0, 0, 1, 1]),
        ("NVSVN", [0, 0, 0, 0, 0, 0]),
        ("NVNVN", [0, 0, 0, 0, 0, 0]),
        ("NVNVNVN", [0, 0, 1, 0, 0, 0]),
        ("VNVNVNVNVNNVNVNV", [0, 0, 2, 0, 0, 0]),
        ("NVNNVNNVN", [0, 0, 0, 1, 0, 0]),
        ("VNNVNNV", [0, 0, 0, 1, 0, 0]),
        ("VNVNVNNVNNV", [0, 0, 1, 1, 0, 0]),
        ("VNNNVNNNVNNNV", [0, 0, 0, 0, 0, 0]),
        ("VNVSVNV", [0, 0, 0, 0, 0, 0]),
        ("VNVNVVNVNV", [1, 0, 2, 0, 0, 0]),
        ("VNVQVNVNV", [0, 0, 1, 0, 0, 0]),
    ];
    for (letters, want) in cases {
        let total = told(&beats(letters, 80), &[], 60.0).total;
        let (v, s) = (total.ventricular, total.supraventricular);
        let got = [v.couplets, v.runs, v.bigeminy, v.trigeminy, s.couplets, s.runs];
        assert_eq!(got, want, "{letters}");
        let count = |letter: char| letters.chars().filter(|l| *l == letter).count();
        assert_eq!(
            [total.normal, s.beats, v.beats, total.fusion, total.other],
            ['N', 'S', 'V', 'F', 'Q'].map(count)
        );
        assert_eq!(total.beats, letters.len());
    }
}

#[test]
fn nothing_leads_across_what_is_unknown() {
    // A beat every 0.8 s; what lies between the third and the fourth is unknown.
    let unknown = [250..300];
    let total = |letters: &str| told(&beats(letters, 80), &unknown, 60.0).total;
    assert_eq!(total("NVVVNN").ventricular, Ectopy { beats: 3, couplets: 1, ..Ectopy::default() });
    assert_eq!(total("NVVNNN").ventricular.couplets, 1);
    assert_eq!(total("VNVNVN").ventricular.bigeminy, 0);
    let report = told(&beats("NNNNNN", 80), &unknown, 60.0);
    assert_eq!(report.total.intervals, 4);
    assert!((report.total.assessed - 59.5).abs() < 1e-9);
    assert!((report.total.not_assessed() - 0.5 / 60.0).abs() < 1e-9);
    assert_eq!(report.time.map(|t| t.count), Some(4));
    assert_eq!(report.unknown, [2.5..3.0]);
    // What ends where a beat is, or begins there, lies on one side of it.
    assert_eq!(told(&beats("NNNNNN", 80), &[160..240], 60.0).total.intervals, 4);
    // A pause with something unknown within is none.
    let far = [(100, BeatType::Normal), (400, BeatType::Normal)];
    assert_eq!(told(&far, &[], 60.0).total.pauses, 1);
    assert_eq!(told(&far, &unknown, 60.0).total.pauses, 0);
    // Stretches that overlap count once.
    let report = told(&[], &[0..300, 100..200, 250..400, -50..10, 5900..9000], 60.0);
    assert_eq!(report.unknown, [0.0..4.0, 59.0..60.0]);
    assert!((report.total.assessed - 55.0).abs() < 1e-9);
}

#[test]
fn heart_rates_are_of_eight_intervals() {
    // 40 beats a second apart, 40 half a second apart, with one early beat and its pause among the slow ones.
    let mut frames: Vec<i64> = (1..=40).map(|i| i * 100).collect();
    frames[20] -= 40;
    frames.extend((1..=40).map(|i| 4000 + i * 50));
    let beats: Vec<(i64, BeatType)> = frames.iter().map(|f| (*f, BeatType::Normal)).collect();
    let report = told(&beats, &[], 80.0);
    let rate = report.total.rate.expect("rates");
    // Windows that begin or end within the early beat's intervals differ by 0.4 s in 8.
    assert!((rate.min - 60.0 * 8.0 / 8.4).abs() < 1e-9 && (rate.max - 120.0).abs() < 1e-9, "{rate:?}");
    assert!((rate.min_at - 29.0).abs() < 1e-9 || (rate.min_at - 20.6).abs() < 10.0);
    assert!((rate.max_at - 44.0).abs() < 1e-9);
    let mean = report.total.mean_rate().expect("a mean");
    assert!((mean - 60.0 * 79.0 / 59.0).abs() < 1e-9, "{mean}");
    let few = told(&beats[..8], &[], 80.0).total;
    assert!(few.rate.is_none() && few.mean_rate().is_some());
    assert!(told(&[], &[], 80.0).total.mean_rate().is_none());
}

#[test]
fn rows_are_hours_of_the_clock() {
    let mut settings = HolterSettings::new(RATE, (2.0 * 3600.0 * RATE) as i64);
    settings.past_hour = 1800.0;
    let mut holter = Holter::new(settings);
    // Half an hour from the start, and the last second of an hour.
    holter.unknown(170_000..190_000);
    for (seconds, class) in [(10, "N"), (1799, "V"), (1801, "N"), (5399, "S"), (5400, "V"), (7199, "N")] {
        holter.push(seconds * 100, BeatType::from_letter(class).expect("a class"));
    }
    // Outside, and not later.
    holter.push(720_000, BeatType::Normal);
    holter.push(5, BeatType::Normal);
    let report = holter.finish();
    let spans: Vec<(f64, f64)> = report.hours.iter().map(|h| (h.start, h.end)).collect();
    assert_eq!(spans, [(0.0, 1800.0), (1800.0, 5400.0), (5400.0, 7200.0)]);
    let counts: Vec<[usize; 3]> =
        report.hours.iter().map(|h| [h.normal, h.ventricular.beats, h.supraventricular.beats]).collect();
    assert_eq!(counts, [[1, 1, 0], [1, 0, 1], [1, 1, 0]]);
    let assessed: Vec<f64> = report.hours.iter().map(|h| h.assessed).collect();
    assert_eq!(assessed, [1700.0, 3500.0, 1800.0]);
    assert_eq!((report.total.start, report.total.end, report.total.beats), (0.0, 7200.0, 6));
}

#[test]
fn pauses_and_the_longest_interval() {
    let frames = [100, 299, 499, 900, 1000];
    let beats: Vec<(i64, BeatType)> = frames.iter().map(|f| (*f, BeatType::Normal)).collect();
    let report = told(&beats, &[], 60.0);
    // 1.99, 2.00, 4.01 and 1 s.
    assert_eq!(report.total.pauses, 2);
    assert_eq!(report.longest, Some(LongestInterval { onset: 4.99, seconds: 4.01 }));
    assert_eq!(report.total.longest, Some(4.01));
    let pause = report.events[0];
    assert_eq!((pause.kind, pause.onset, pause.end), (EventKind::Pause, 4.99, 9.0));
    let (onset, length) = pause.strip();
    assert!((onset - 1.99).abs() < 1e-9 && (length - 10.01).abs() < 1e-9, "{onset} {length}");
    assert_eq!(report.events[1].strip(), (0.0, 10.0));
}

#[test]
fn the_ten_severest_events_are_in_order() {
    let mut all = Vec::new();
    let mut at = 0;
    let mut add = |letters: &str, apart: i64| {
        for (frame, class) in beats(letters, apart) {
            all.push((at + frame, class));
        }
        at += apart * letters.len() as i64;
    };
    add("NNVVNN", 60);
    add("NNSSSNN", 60);
    add("NNVVVNN", 50);
    add("NNVNVNVNN", 80);
    add(&"V".repeat(80), 40);
    add("NN", 230);
    add("NN", 350);
    for _ in 0..12 {
        add("NNVVVVNN", 45);
    }
    let report = told(&all, &[], 200.0);
    let kinds: Vec<EventKind> = report.events.iter().map(|e| e.kind).collect();
    assert_eq!(kinds.len(), EVENTS);
    assert_eq!(kinds[..3], [EventKind::VentricularRun, EventKind::Pause, EventKind::Pause]);
    assert!(kinds[3..].iter().all(|kind| *kind == EventKind::VentricularRun));
    assert_eq!(report.events[0].beats, 80);
    // The first seven of the twelve.
    assert!(report.events[3..].windows(2).all(|w| w[0].onset < w[1].onset && w[0].beats == 4));
    let fastest = report.fastest_run.expect("a run");
    assert!((fastest.rate.expect("a rate") - 150.0).abs() < 1e-9 && fastest.beats == 80);
    assert_eq!(report.longest_run.map(|run| run.beats), Some(80));
    let rate = report.fastest_supraventricular_run.and_then(|run| run.rate).expect("a run");
    assert!((rate - 100.0).abs() < 1e-9);
}

#[test]
fn fibrillation_counts_where_it_was_assessed() {
    let hour = (3600.0 * RATE) as i64;
    let mut holter = Holter::new(HolterSettings::new(RATE, 2 * hour));
    holter.unknown(0..hour / 4);
    holter.unknown(hour / 2..hour / 2 + 1000);
    holter.fibrillation(&[hour / 8..hour / 2 + 2000, hour - 5000..hour + 10_000]);
    let report = holter.finish();
    // From the quarter to the half, 10 s after what is unknown, and 50 s; then 100 s.
    let [first, second] = [0, 1].map(|i| report.hours[i].fibrillation.expect("assessed"));
    assert!(
        (first - (900.0 + 10.0 + 50.0)).abs() < 1e-6 && (second - 100.0).abs() < 1e-6,
        "{first} {second}"
    );
    let burden = report.hours[0].burden().expect("assessed");
    assert!((burden - 960.0 / (2700.0 - 10.0)).abs() < 1e-9);
    assert_eq!(report.events.iter().filter(|e| e.kind == EventKind::Fibrillation).count(), 2);
    // Without a network of rhythms nothing is said.
    let nothing = told(&[], &[], 60.0);
    assert_eq!((nothing.total.fibrillation, nothing.total.burden()), (None, None));
    let mut none = Holter::new(HolterSettings::new(RATE, 2 * hour));
    none.fibrillation(&[]);
    assert_eq!(none.finish().total.burden(), Some(0.0));
}

#[test]
fn nn_intervals_are_between_normal_beats() {
    let report = told(&beats("NNNVNNSNNNFNN", 80), &[], 60.0);
    // Two, one, two, one.
    assert_eq!(report.time.map(|t| t.count), Some(6));
    assert_eq!(report.lorenz.normal.iter().sum::<u32>(), 2);
    assert_eq!(report.lorenz.other.iter().sum::<u32>(), 9);
    let all: usize = report.tachogram.bins.iter().map(|bin| bin.count).sum();
    assert_eq!(all, 12);
    let known = report.tachogram.bins.iter().filter(|bin| bin.count > 0);
    assert!(known.clone().count() >= 9 && known.clone().all(|bin| (bin.mean - 0.8).abs() < 1e-9));
}

#[test]
fn days_take_no_more_than_their_rows() {
    let week = 7.0 * 86_400.0;
    let mut holter = Holter::new(HolterSettings::new(RATE, (week * RATE) as i64));
    let mut frame = 0;
    let mut i: i64 = 0;
    while frame < (week * RATE) as i64 {
        holter.push(frame, if i % 9 == 0 { BeatType::Ventricular } else { BeatType::Normal });
        frame += 70 + (i * i) % 30;
        i += 1;
    }
    assert_eq!(holter.tachogram.bins.len(), 1440);
    assert!(holter.severest.events.len() <= EVENTS && holter.recent.len() <= RATE_INTERVALS);
    assert!(holter.unknown.is_empty());
    let report = holter.finish();
    assert_eq!((report.hours.len(), report.total.beats), (7 * 24, i as usize));
    assert!(report.windows.1 > 4000 && report.time.is_some());
}

#[test]
fn odd_settings_are_survived() {
    for (rate, frames) in [
        (100.0, 0),
        (100.0, -5),
        (f64::NAN, 100),
        (0.0, 100),
        (1e-300, i64::MAX),
        (1.0, i64::MAX),
        (f64::INFINITY, i64::MAX),
    ] {
        let settings = HolterSettings { rate, frames, past_hour: f64::NAN, pause: f64::NAN };
        let mut holter = Holter::new(settings);
        holter.unknown(-5..3);
        holter.push(0, BeatType::Normal);
        holter.push(7, BeatType::Normal);
        let report = holter.finish();
        assert!((1..=366 * 24 + 1).contains(&report.hours.len()));
    }
}
