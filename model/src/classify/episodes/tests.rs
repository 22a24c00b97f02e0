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
    assert!((evidence(0.5, Some(-1.4))).abs() < 1e-9);
    assert!((evidence(0.5, Some(5.0)) - 1.0).abs() < 1e-9);
    assert!((evidence(0.5, None) + 1.6).abs() < 1e-9);
    assert!((evidence(1.0, Some(-2.4)) - (logit(1.0 - 1e-4) - 1.0)).abs() < 1e-6);
    assert!((evidence(0.0, Some(-2.4)) - (logit(1e-4) - 1.0)).abs() < 1e-6);
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
