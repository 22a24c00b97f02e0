//! Resampling against sums in f64, and what a band-limited signal must keep.

use proptest::strategy::Strategy;
use std::f64::consts::TAU;

use super::*;

fn sine(hz: f64, rate: f64, seconds: f64) -> Vec<f32> {
    (0..(rate * seconds) as usize).map(|i| (TAU * hz * i as f64 / rate + 0.3).sin() as f32).collect()
}

/// Rates of the published databases, both ways, and odd ones.
const PAIRS: [(f64, f64); 12] = [
    (500.0, 360.0),
    (360.0, 500.0),
    (1000.0, 360.0),
    (250.0, 360.0),
    (128.0, 360.0),
    (257.0, 360.0),
    (300.0, 360.0),
    (360.0, 100.0),
    (249.89, 360.0),
    (977.5, 500.0),
    (100.0, 1000.0),
    (8000.0, 125.0),
];

#[test]
fn sines_pass_or_vanish() {
    for (from, to) in PAIRS {
        let nyquist = f64::min(from, to) / 2.0;
        let resampler = Resampler::new(from, to).expect("fair rates");
        // The edges count 60 samples of the lower rate; leave out 1.5 times as many.
        let seconds = 400.0 / nyquist;
        for part in [0.01, 0.2, 0.5, 0.8, 0.9] {
            let hz = part * nyquist;
            let out = resampler.apply(&sine(hz, from, seconds));
            let skip = (45.0 / nyquist * to) as usize;
            let mut checked = 0;
            for (k, &y) in out.iter().enumerate().take(out.len() - skip).skip(skip) {
                let want = (TAU * hz * k as f64 / to + 0.3).sin();
                assert!((f64::from(y) - want).abs() <= 1e-3, "{from} to {to}, {hz} Hz, {k}: {y} {want}");
                checked += 1;
            }
            assert!(checked > 500, "{checked}");
        }
        if to < from {
            for part in [1.0, 1.02, 1.3, 1.9, 2.0, 3.0] {
                let hz = part * nyquist;
                if hz > 0.99 * from / 2.0 {
                    continue;
                }
                let out = resampler.apply(&sine(hz, from, seconds));
                let skip = (45.0 / nyquist * to) as usize;
                for (k, &y) in out.iter().enumerate().take(out.len() - skip).skip(skip) {
                    assert!(y.abs() <= 2e-4, "{from} to {to}, {hz} Hz, {k}: {y}");
                }
            }
        }
    }
}

#[test]
fn constants_lengths_and_positions() {
    for (from, to) in PAIRS {
        let resampler = Resampler::new(from, to).expect("fair rates");
        for n in [1, 2, 7, 1000] {
            let out = resampler.apply(&vec![1.75_f32; n]);
            assert_eq!(out.len(), resampler.output_len(n));
            assert!((out.len() as f64 - n as f64 * to / from).abs() < 1.0 + 1e-6);
            assert!(out.iter().all(|&v| (v - 1.75).abs() <= 1e-6), "{from} to {to}: {out:?}");
        }
        for at in [0_i64, 1, 12_345, 650_000] {
            let want = at as f64 * to / from;
            assert!((resampler.position(at) as f64 - want).abs() <= 0.501);
        }
        assert!(resampler.apply(&[]).is_empty());
    }
}

/// The formula, plainly: each output a sum over the input in f64, taps made for it alone; and what it may be off by.
fn plain(from: f64, to: f64, x: &[f32]) -> Vec<(f64, f64)> {
    let resampler = Resampler::new(from, to).expect("fair rates");
    if resampler.is_identity() {
        return x.iter().map(|x| (f64::from(*x), 0.0)).collect();
    }
    let bessel = |x: f64| -> f64 {
        let mut term = 1.0;
        (1..40).fold(1.0, |sum, k| {
            term *= x * x / 4.0 / f64::from(k * k);
            sum + term
        })
    };
    let stretch = (from / to).max(1.0);
    let beta = 0.1102 * (ATTENUATION - 8.7);
    let half = (ATTENUATION - 8.0) / (2.285 * std::f64::consts::PI * TRANSITION / stretch) / 2.0;
    let cutoff = (1.0 - TRANSITION / 2.0) / stretch;
    let tap = |t: f64| {
        let rim = 1.0 - (t / half) * (t / half);
        let a = std::f64::consts::PI * t * cutoff;
        let sinc = if a.abs() < 1e-9 { 1.0 } else { a.sin() / a };
        if rim < 0.0 { 0.0 } else { sinc * bessel(beta * rim.sqrt()) / bessel(beta) }
    };
    let value = |k: usize| {
        let (center, phase) = resampler.step.place(k);
        let at = phase as f64 / resampler.phases as f64;
        let reach = half.ceil() as i64 + 1;
        let (mut sum, mut taps, mut sizes) = (0.0, 0.0, 0.0);
        for i in -reach..=reach {
            let tap = tap(at - i as f64);
            let held = (center as i64 + i).clamp(0, x.len() as i64 - 1) as usize;
            sum += tap * f64::from(x[held]);
            sizes += (tap * f64::from(x[held])).abs();
            taps += tap;
        }
        // As the module says.
        let roundings = (2 * reach + 1) as f64 / 8.0 + 5.0;
        (sum / taps, roundings * 2f64.powi(-24) * sizes / taps)
    };
    (0..resampler.output_len(x.len())).map(value).collect()
}

fn assert_plain(from: f64, to: f64, x: &[f32]) {
    let (got, want) = (Resampler::new(from, to).expect("fair rates").apply(x), plain(from, to, x));
    assert_eq!(got.len(), want.len(), "{from} to {to}");
    for (k, (got, (want, most))) in got.iter().zip(&want).enumerate() {
        let off = (f64::from(*got) - want).abs();
        assert!(
            off <= *most,
            "{from} to {to}, {k} of {}: {got} {want}, {off:e} off, at most {most:e}",
            x.len()
        );
    }
}

#[test]
fn outputs_are_the_formulas() {
    let mut random = crate::random::SplitMix64(9);
    for (from, to) in PAIRS.into_iter().chain([(128.0, 500.0), (100.0, 500.0), (360.0, 300.0)]) {
        for n in [1, 2, 60, 1300] {
            let n = if from > 2000.0 { n.min(150) } else { n };
            let x: Vec<f32> = (0..n).map(|_| random.normal() as f32).collect();
            assert_plain(from, to, &x);
        }
    }
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(40))]
    #[test]
    fn outputs_are_the_formulas_at_any_rates(
        from in proptest::prop_oneof![50.0..2000.0f64, (50u32..1000).prop_map(f64::from)],
        to in proptest::prop_oneof![50.0..2000.0f64, (50u32..1000).prop_map(f64::from)],
        n in 1usize..300,
        seed: u64,
    ) {
        proptest::prop_assume!(to / from <= MAX_UP);
        let mut random = crate::random::SplitMix64(seed);
        let x: Vec<f32> = (0..n).map(|_| (random.normal() * 3.0) as f32).collect();
        assert_plain(from, to, &x);
    }

    #[test]
    fn resampling_is_linear_and_passes_constants(from in 50.0..1500.0f64, to in 50.0..1500.0f64, seed: u64) {
        let mut random = crate::random::SplitMix64(seed);
        let r = Resampler::new(from, to).expect("fair rates");
        let x: Vec<f32> = (0..200).map(|_| random.normal() as f32).collect();
        let moved: Vec<f32> = x.iter().map(|v| 2.0 * v + 1.0).collect();
        let bounds = plain(from, to, &x).into_iter().zip(plain(from, to, &moved));
        for ((a, b), ((_, of_a), (_, of_b))) in r.apply(&x).iter().zip(r.apply(&moved)).zip(bounds) {
            let off = (2.0 * f64::from(*a) + 1.0 - f64::from(b)).abs();
            // What is moved was rounded too.
            proptest::prop_assert!(off <= 2.0 * of_a + 2.0 * of_b, "{a} {b}");
        }
    }
}

/// Phases round to the nearest, over a day of samples: some round up to the next sample.
#[test]
fn places_are_the_nearest_phases() {
    for (from, to) in PAIRS.into_iter().chain([(360.0, 360.001), (1000.0, 999.9)]) {
        let resampler = Resampler::new(from, to).expect("fair rates");
        let phases = resampler.phases;
        let most = match resampler.step {
            Step::Exact { .. } => 1e-6,
            Step::Nearest { .. } => 0.5 / phases as f64 + 1e-6,
        };
        for k in (0..1000).chain((0..360 * 86_400).step_by(997)) {
            let (at, phase) = resampler.step.place(k);
            assert!(phase < phases, "{from} to {to}, {k}: phase {phase} of {phases}");
            let off = at as f64 + phase as f64 / phases as f64 - k as f64 * from / to;
            assert!(off.abs() <= most, "{from} to {to}, {k}: {off} samples off");
        }
    }
}

#[test]
fn edges_hold_their_value() {
    // A ramp leaves no trace of an assumed zero before or after it.
    let ramp: Vec<f32> = (0..2000).map(|i| 5.0 + i as f32 * 1e-3).collect();
    let out = Resampler::new(500.0, 360.0).expect("fair rates").apply(&ramp);
    for (k, &y) in out.iter().enumerate() {
        let want = 5.0 + k as f32 * 500.0 / 360.0 * 1e-3;
        assert!((y - want).abs() < 2e-3, "{k}: {y} {want}");
    }
}

#[test]
fn the_same_rate_copies() {
    let same = Resampler::new(360.0, 360.0).expect("fair rates");
    assert!(same.is_identity());
    let x = [1.0_f32, f32::NAN, -3.5e-30];
    let bits = |v: &[f32]| v.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
    assert_eq!(bits(&same.apply(&x)), bits(&x));
}

#[test]
fn absurd_rates_are_refused() {
    for (from, to) in
        [(0.0, 1.0), (1.0, -1.0), (f64::NAN, 1.0), (1.0, f64::INFINITY), (1e-3, 360.0), (1e9, 360.0)]
    {
        assert!(Resampler::new(from, to).is_err(), "{from} {to}");
    }
}

#[test]
fn ratios_and_bounded_filters() {
    assert_eq!(rational(0.72), Some((18, 25)));
    assert_eq!(rational(360.0 / 977.5), Some((144, 391)));
    assert_eq!(rational(32.0), Some((32, 1)));
    assert_eq!(rational(1.0 + 1e-5), None);
    for (from, to) in
        [(1.0, std::f64::consts::PI), (1000.0, 0.977), (360.0, 360.001), (4095.0, 4096.0), (4096.0, 4027.0)]
    {
        let r = Resampler::new(from, to).expect("fair rates");
        assert!(!r.is_identity() && r.taps.all.len() < 520_000, "{from} {to}: {}", r.taps.all.len());
    }
}

/// Whatever the processor: parts of 16 and of 32, two outputs that begin on the same sample or up to seven apart, and signals of more samples than are put in
/// place at once.
#[test]
fn outputs_side_by_side_are_those_made_alone() {
    let rates =
        [(1000.0, 200.0), (700.0, 100.0), (799.0, 100.0), (360.0, 50.0), (360.0, 500.0), (500.0, 360.0)];
    for (from, to) in rates.into_iter().chain([(100.0, 3200.0), (8000.0, 125.0), (360.0, 180.0)]) {
        let resampler = Resampler::new(from, to).expect("fair rates");
        let mut random = crate::random::SplitMix64(7);
        for count in [40 * STRETCH, 70 * STRETCH + 13] {
            let samples: Vec<f32> = (0..count).map(|_| random.normal() as f32).collect();
            let all = resampler.output_len(count);
            let (mut some, mut more, mut alone) = (vec![0.0; all], vec![0.0; all], Vec::new());
            let counts = [
                resampler.by_parts::<16>(&samples, &mut some),
                resampler.by_parts::<32>(&samples, &mut more),
            ];
            resampler.part(&samples, 0, 0..all, &mut alone);
            for (made, count) in [some, more].into_iter().zip(counts) {
                assert!(count > 0, "{from} to {to}");
                let bits = |values: &[f32]| values.iter().map(|v| v.to_bits()).collect::<Vec<u32>>();
                assert!(bits(&made[..count]) == bits(&alone[..count]), "{from} to {to}, {count} samples");
                assert!(made[count..].iter().all(|v| *v == 0.0), "{from} to {to}: others are left alone");
            }
        }
    }
}

#[test]
fn parts_are_those_of_the_whole() {
    for (from, to) in PAIRS.into_iter().chain([(360.0, 180.0), (360.0, 360.0)]) {
        let resampler = Resampler::new(from, to).expect("fair rates");
        let samples = sine(1.3, from, 12.0);
        let whole = resampler.apply(&samples);
        // Of some outputs in the middle, samples as far as they reach.
        let which = whole.len() / 3..2 * whole.len() / 3;
        let place = |k: usize| (k as f64 * from / to) as usize;
        let first = place(which.start) - resampler.reach() - 1;
        let last = (place(which.end) + resampler.reach() + 2).min(samples.len());
        let mut part = Vec::new();
        resampler.part(&samples[first..last], first, which.clone(), &mut part);
        assert_eq!(part, whole[which], "{from} to {to}");
        // All of them, held at the ends.
        let mut all = Vec::new();
        resampler.part(&samples, 0, 0..whole.len(), &mut all);
        assert_eq!(all, whole, "{from} to {to}");
        resampler.part(&[], 0, 0..5, &mut all);
        assert_eq!(all.len(), whole.len());
    }
}
