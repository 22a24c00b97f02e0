//! The detector on made-up signals.

use super::*;

/// A spike train with P and T waves: R of `size` mV at every time of `beats` (s), 10 % T waves.
fn signal(beats: &[(f64, f64)], seconds: f64, rate: f64) -> Vec<f32> {
    let bump = |t: f64, at: f64, width: f64| (-((t - at) / width).powi(2) / 2.0).exp();
    (0..(seconds * rate) as usize)
        .map(|i| {
            let t = i as f64 / rate;
            let beat = |&(at, size): &(f64, f64)| {
                size * (bump(t, at, 0.012) - 0.2 * bump(t, at + 0.03, 0.012)
                    + 0.25 * bump(t, at + 0.25, 0.05)
                    + 0.1 * bump(t, at - 0.16, 0.025))
            };
            (beats.iter().map(beat).sum::<f64>() + 0.3 * (0.5 * t).sin()) as f32
        })
        .collect()
}

fn regular(count: usize, every: f64) -> Vec<(f64, f64)> {
    (0..count).map(|i| (0.5 + every * i as f64, 1.0)).collect()
}

fn assert_peaks(beats: &[(f64, f64)], x: &[f32], rate: f64) {
    let found = detect(x, rate).expect("a fair rate");
    let want: Vec<f64> = beats.iter().map(|b| b.0).collect();
    let got: Vec<f64> = found.iter().map(|&k| k as f64 / rate).collect();
    assert_eq!(got.len(), want.len(), "{got:?}\n{want:?}");
    for (g, w) in got.iter().zip(&want) {
        assert!((g - w).abs() <= 0.012 + 1.0 / rate, "{g} {w}");
    }
}

#[test]
fn every_rate_and_either_polarity() {
    let beats = regular(20, 0.8);
    for rate in [50.0, 100.0, 128.0, 250.0, 360.0, 1000.0] {
        let mut x = signal(&beats, 17.0, rate);
        assert_peaks(&beats, &x, rate);
        x.iter_mut().for_each(|v| *v = 1000.0 - 37.0 * *v);
        assert_peaks(&beats, &x, rate);
    }
}

#[test]
fn slow_fast_and_premature_beats() {
    let slow = regular(12, 1.8);
    assert_peaks(&slow, &signal(&slow, 22.0, 360.0), 360.0);
    let fast = regular(60, 0.3);
    assert_peaks(&fast, &signal(&fast, 19.0, 360.0), 360.0);
    let mut early = regular(20, 0.8);
    early[9] = (early[9].0 - 0.3, 0.5);
    assert_peaks(&early, &signal(&early, 17.0, 360.0), 360.0);
}

#[test]
fn gain_steps_artefacts_pauses_and_gaps() {
    let rate = 360.0;
    let mut beats = regular(60, 0.8);
    beats[30..].iter_mut().for_each(|b| b.1 = 0.2);
    assert_peaks(&beats, &signal(&beats, 50.0, rate), rate);
    // A pause of 12 s with noise of 1 %.
    let mut beats = regular(30, 0.8);
    beats[15..].iter_mut().for_each(|b| b.0 += 12.0);
    let mut x = signal(&beats, 37.0, rate);
    let mut state = 1_u32;
    for v in &mut x {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        *v += 0.01 * ((state >> 8) as f32 / 8_388_608.0 - 1.0);
    }
    assert_peaks(&beats, &x, rate);
    // An electrode pop, thirty times the size of a beat.
    let beats = regular(60, 0.8);
    let mut x = signal(&beats, 50.0, rate);
    let pop = (beats[20].0 * rate) as usize + 140;
    x[pop..pop + 10].iter_mut().for_each(|v| *v += 30.0);
    let found = detect(&x, rate).expect("a fair rate");
    let missed = beats.iter().filter(|b| {
        let at = b.0 * rate;
        !found.iter().any(|&k| (k as f64 - at).abs() < 10.0)
    });
    assert!(missed.count() <= 1 && found.len() <= 61, "{found:?}");
    // Five seconds missing.
    let mut x = signal(&beats, 50.0, rate);
    x[3600..5400].fill(f32::NAN);
    let kept: Vec<_> = beats.into_iter().filter(|b| !(9.95..15.05).contains(&b.0)).collect();
    assert_peaks(&kept, &x, rate);
}

#[test]
fn squares_are_against_the_amplitude_on_lines_between_blocks() {
    let mut random = crate::random::SplitMix64(4);
    let (rate, block) = (100.0, 150);
    let y: Vec<f32> = (0..2000).map(|i| (random.normal() * f64::from(1 + i / 400)) as f32).collect();
    let amplitude = Amplitude::new(&[], &y, rate);
    let maxima: Vec<f64> = y
        .chunks_exact(block)
        .map(|part| part.iter().fold(0.0, |most, v| f64::from(*v).abs().max(most)))
        .collect();
    assert_eq!(amplitude.maxima, maxima);
    for (first, count) in [(0, 2000), (74, 256), (1930, 70), (149, 1), (500, 0)] {
        let mut squares = vec![0.0; count];
        amplitude.squares(first, &y[first..first + count], &mut squares);
        for (k, square) in squares.into_iter().enumerate() {
            let middle = ((first + k) as f64 + 0.5) / block as f64 - 0.5;
            let left = middle.max(0.0).floor().min((maxima.len() - 1) as f64);
            let at = |i: f64| amplitude.medians[(i as usize).min(maxima.len() - 1)];
            let share = (middle - left).clamp(0.0, 1.0);
            let usual = at(left) * (1.0 - share) + at(left + 1.0) * share;
            let want = (f64::from(y[first + k]) / usual).powi(2).min(4.0);
            assert!((square - want).abs() <= 1e-12, "{first} {k}: {square} {want}");
        }
    }
}

#[test]
fn a_missing_sample_costs_no_beat() {
    for rate in [50.0, 128.0, 360.0, 1000.0] {
        let beats = regular(20, 0.8);
        let mut x = signal(&beats, 17.0, rate);
        for (at, _) in &beats {
            x[(at * rate).round() as usize] = f32::NAN;
        }
        assert_peaks(&beats, &x, rate);
    }
}

#[test]
fn nothing_is_found_in_nothing() {
    for x in [vec![], vec![1.0], vec![0.0; 3600], vec![f32::NAN; 3600], vec![2.5; 7]] {
        assert_eq!(detect(&x, 360.0).expect("a fair rate"), Vec::<usize>::new());
    }
    for rate in [0.0, -1.0, 49.0, f64::NAN, 1e300, f64::INFINITY] {
        assert!(detect(&[0.0; 100], rate).is_err());
    }
}

/// Filters overflow f32 on such samples. Whatever is found lies among them, in order, and nothing panics.
#[test]
fn the_largest_samples_are_no_panic() {
    for n in [2, 100, 5000] {
        let x: Vec<f32> = (0..n).map(|i| if i % 90 < 3 { f32::MAX } else { f32::MIN }).collect();
        let found = detect(&x, 360.0).expect("a fair rate");
        assert!(found.is_sorted_by(|a, b| a < b) && found.iter().all(|k| *k < n), "{found:?}");
    }
}
