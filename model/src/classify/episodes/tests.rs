//! Episodes of made-up evidence, and windows of made-up records.

use super::*;

/// Evidence that is known.
fn found(evidence: &[f64]) -> Vec<Range<usize>> {
    episodes(&evidence.iter().copied().map(Some).collect::<Vec<_>>())
}

#[test]
fn an_episode_begins_high_and_goes_on_low() {
    // Smoothed over 7 windows a step of 30 becomes a slope; what is above 1 somewhere is an episode as far as it is above 0.
    let step = |n: usize, low: f64, high: f64, m: usize| -> Vec<f64> {
        [vec![low; n], vec![high; 30], vec![low; m]].concat()
    };
    assert_eq!(found(&step(20, -4.0, 4.0, 20)), [20..50]);
    // At the ends of the record too.
    assert_eq!(found(&step(0, -4.0, 4.0, 20)), [0..30]);
    assert_eq!(found(&step(20, -4.0, 4.0, 0)), [20..50]);
    // Never above 1.
    assert_eq!(found(&step(20, -4.0, 0.9, 20)), [0..0; 0]);
    assert_eq!(found(&step(20, -4.0, 1.1, 20)), [22..48]);
    // A gap that does not come down to 0 when it is smoothed parts nothing.
    let mut gap = step(20, -4.0, 4.0, 20);
    gap[34..37].fill(-4.0);
    assert_eq!(found(&gap), [20..50]);
    gap[34..40].fill(-4.0);
    assert_eq!(found(&gap), [20..34, 40..50]);
}

#[test]
fn a_short_one_is_none() {
    let of = |windows: usize, high: f64| {
        let mut evidence = vec![-4.0; 40];
        evidence[20..20 + windows].fill(high);
        found(&evidence)
    };
    assert_eq!(of(1, 9.0), [0..0; 0]);
    assert_eq!(of(4, 6.0), [19..25]);
    assert_eq!(of(4, 4.5), [0..0; 0]);
    // Fewer than 4 windows in all.
    assert_eq!(found(&[5.0; 4]), [0..4]);
    assert_eq!(found(&[5.0; 3]), [0..0; 0]);
    assert_eq!(found(&[]), [0..0; 0]);
}

#[test]
fn evidence_is_bounded_where_nothing_is_known() {
    let logit = |p: f64| (p / (1.0 - p)).ln();
    assert!((evidence(0.5, Some(-1.4), false)).abs() < 1e-9);
    assert!((evidence(0.5, Some(5.0), false) - 1.0).abs() < 1e-9);
    assert!((evidence(0.5, None, false) + 1.6).abs() < 1e-9);
    assert!((evidence(1.0, Some(-2.4), false) - (logit(1.0 - 1e-4) - 1.0)).abs() < 1e-6);
    assert!((evidence(0.0, Some(-2.4), false) - (logit(1e-4) - 1.0)).abs() < 1e-6);
    // Flutter waves speak against it, and never for it.
    assert_eq!(evidence(1.0, Some(5.0), true), -2.0);
    assert_eq!(evidence(0.0, Some(5.0), true), evidence(0.0, Some(5.0), false));
}

#[test]
fn windows_of_regular_intervals_are_not_run() {
    // At 100 frames a second: 30 s of equal intervals but for 10 ms, then 30 s of random ones.
    let mut random = efficientecg_ecg::random::SplitMix64(9);
    let mut times = vec![0];
    while times[times.len() - 1] < 6_000 {
        let regular = times[times.len() - 1] < 3_000;
        let interval = if regular { 80.0 + random.uniform() } else { 40.0 + 80.0 * random.uniform() };
        times.push(times[times.len() - 1] + interval as i64);
    }
    let all = Windows {
        made: Vec::new(),
        ranges: vec![0..3_000, 3_000..6_000, 6_000..9_000],
        chosen: vec![0],
        times,
        missing: Vec::new(),
        spent: Spent::default(),
    };
    let mut made = vec![None; 3];
    // What is not asked for is not made; without beats nothing is known of the intervals.
    assert_eq!(pass_regular(&all, 100.0, &[1, 2], &mut made), [1, 2]);
    assert_eq!(made, [None, None, None]);
    assert_eq!(pass_regular(&all, 100.0, &[0, 1, 2], &mut made), [1, 2]);
    let first = made[0].as_ref().expect("regular");
    assert!(first.regular && first.probabilities.is_empty() && first.entropy.is_some_and(|e| e < REGULAR.0));
    assert_eq!((first.evidence(1), &made[1], &made[2]), (Some(REGULAR.1), &None, &None));
}

#[test]
fn flutter_waves_of_a_window_are_found_from_its_own_beats() {
    // At 100 frames a second, in a lead of 200 samples a second: 60 s of complexes, over 5 waves a second in the second half.
    let mut random = efficientecg_ecg::random::SplitMix64(4);
    let mut times = vec![30];
    while times[times.len() - 1] < 5_950 {
        times.push(times[times.len() - 1] + 40 + (40.0 * random.uniform()) as i64);
    }
    let samples = (0..12_000_i64).map(|i| {
        let wave = if i < 6_000 { 0.0 } else { 0.1 * (std::f64::consts::TAU * i as f64 / 40.0).sin() };
        let noise = 0.01 * (random.uniform() - 0.5);
        let complex = times.iter().map(|t| (-((i - 2 * t) as f64 / 4.0).powi(2)).exp()).sum::<f64>();
        (wave + noise + complex) as f32
    });
    let lead = Lead::new("II", "mV", 200.0, samples.collect());
    let record = Record::new("flutter", 100.0, vec![lead]);
    let config =
        Config::b0(crate::config::presets::Setup::new("rhythm", ["II"], 300.0, 9_000, ["N", "A", "O", "~"]));
    let of = |range| frequency(&config, &record, &Settings::new(), &[0], &times, &range);
    let [calm, flutter] = [of(0..3_000), of(3_000..6_000)].map(|f| f.expect("30 s with beats"));
    assert!(!calm.is_flutter(), "{calm:?}");
    assert!(flutter.is_flutter() && flutter.hertz == 5.0, "{flutter:?}");
    assert_eq!(of(0..500), None);
}

#[test]
fn bounds_lie_between_centres() {
    let windows: Vec<Range<i64>> = (0..5).map(|i| 500 * i..500 * i + 3_000).collect();
    assert_eq!(frames(&(0..2), &windows, 5_100), (0, 2_250));
    assert_eq!(frames(&(1..5), &windows, 5_100), (1_750, 5_100));
}

#[test]
fn beats_of_a_window_are_told_from_its_start() {
    let times = [10, 100, 199, 200, 250];
    assert_eq!(among(&times, &(100..200)), 1..3);
    assert_eq!(among(&times, &(300..400)), 5..5);
    assert_eq!(among(&[], &(0..10)), 0..0);
}

#[test]
fn windows_that_say_nothing_are_left_out() {
    let mut evidence = vec![Some(-4.0); 50];
    evidence[20..40].fill(Some(4.0));
    evidence[28..33].fill(None);
    assert_eq!(episodes(&evidence), [20..40]);
    // Where nothing is known around a window, it is in no episode.
    evidence[25..36].fill(None);
    assert_eq!(episodes(&evidence), [20..28, 33..40]);
    assert_eq!(episodes(&[None; 9]), [0..0; 0]);
}
