use super::super::synth::{SynthOptions, generate};
use super::super::wfdb::Code;
use super::*;

const RATE: f64 = 250.0;

/// A lead of beats with QRS complexes, T waves and P waves at the given seconds: Gaussian waves.
fn lead(seconds: f64, beats: &[f64], waves: &[f64]) -> Vec<f32> {
    let all = beats.iter().flat_map(|t| [(*t, 1.0, 0.012), (*t + 0.3, 0.25, 0.045)]);
    let all: Vec<_> = all.chain(waves.iter().map(|t| (*t, 0.12, 0.022))).collect();
    let value =
        |t: f64| -> f64 { all.iter().map(|(at, h, w)| h * (-((t - at) / w).powi(2) / 2.0).exp()).sum() };
    (0..(seconds * RATE) as usize).map(|i| value(i as f64 / RATE) as f32).collect()
}

fn samples(seconds: &[f64]) -> Vec<i64> {
    seconds.iter().map(|t| (t * RATE).round() as i64).collect()
}

/// The waves found are these, within 8 ms, and no others.
fn same(found: &[Wave], seconds: &[f64], what: &str) {
    let places: Vec<f64> = found.iter().map(|w| w.place as f64 / RATE).collect();
    assert_eq!(places.len(), seconds.len(), "{what}: {places:?}, expected {seconds:?}");
    for (got, want) in places.iter().zip(seconds) {
        assert!((got - want).abs() <= 0.008, "{what}: {got}, expected {want}");
    }
}

#[test]
fn p_waves_are_found_where_they_are() {
    let beats: Vec<f64> = (1..12).map(|i| 0.9 * f64::from(i)).collect();
    for interval in [0.1, 0.14, 0.2, 0.26] {
        let waves: Vec<f64> = beats.iter().map(|t| t - interval).collect();
        let lead = lead(11.0, &beats, &waves);
        let found = find(&lead, &samples(&beats), RATE);
        same(&found.present(), &waves, &format!("{interval} s before"));
        assert!(found.present().iter().all(|w| (0.05..0.12).contains(&w.height)), "{found:?}");
        // Whatever the unit, and upside down.
        for scale in [1e-3, 2000.0, -1.0] {
            let scaled: Vec<f32> = lead.iter().map(|v| scale * v).collect();
            let found = find(&scaled, &samples(&beats), RATE).present();
            same(&found, &waves, &format!("times {scale}"));
            assert!(found.iter().all(|w| w.height.is_sign_positive() == (scale > 0.0)));
        }
    }
}

#[test]
fn beats_without_p_waves_have_none() {
    let beats: Vec<f64> = (1..12).map(|i| 0.9 * f64::from(i)).collect();
    let found = find(&lead(11.0, &beats, &[]), &samples(&beats), RATE);
    same(&found.present(), &[], "no P waves");
    assert_eq!(found.beats.len(), beats.len());
    // Every other beat has one.
    let waves: Vec<f64> = beats.iter().step_by(2).map(|t| t - 0.16).collect();
    let found = find(&lead(11.0, &beats, &waves), &samples(&beats), RATE);
    for (i, wave) in found.beats.iter().enumerate().filter(|(i, _)| i % 2 == 1) {
        assert!(wave.is_none_or(|w| w.probability < PRESENT), "beat {i}: {wave:?}");
    }
}

#[test]
fn blocked_p_waves_are_found_beside_the_beats_own() {
    // Two P waves a beat, as in second-degree block, 0.75 s apart.
    let beats: Vec<f64> = (1..9).map(|i| 1.5 * f64::from(i)).collect();
    let own: Vec<f64> = beats.iter().map(|t| t - 0.18).collect();
    let mut waves = own.clone();
    waves.extend(own.iter().skip(1).map(|t| t - 0.75));
    waves.sort_by(f64::total_cmp);
    let found = find(&lead(13.0, &beats, &waves), &samples(&beats), RATE);
    same(&found.present(), &waves, "blocked");
    assert_eq!(found.blocked.len(), beats.len() - 1);
}

#[test]
fn the_synthetic_records_p_waves_are_found() {
    let (mut matched, mut normal, mut extra) = (0, 0, 0);
    for seed in 0..6 {
        let options = SynthOptions { seed, heart_rate: 55.0 + 6.0 * seed as f64, ..SynthOptions::default() };
        let (record, truth) = generate(&options).expect("options in range");
        let lead = &record.leads[0];
        let beats: Vec<_> = truth.items.iter().filter(|a| a.code.is_beat()).collect();
        let times: Vec<i64> = beats.iter().map(|a| a.time).collect();
        let found = find(&lead.samples, &times, lead.sample_rate);
        for (i, (beat, wave)) in beats.iter().zip(&found.beats).enumerate().skip(1) {
            let present = wave.filter(|w| w.probability >= PRESENT);
            if beat.code == Code::NORMAL {
                normal += 1;
                let off = |w: Wave| (beat.time - w.place as i64) as f64 / lead.sample_rate - 0.165;
                matched += usize::from(present.is_some_and(|w| off(w).abs() < 0.02));
            } else if beat.code == Code::VENTRICULAR {
                // The P wave that is missing must not be seen, but that of the sinus beat behind it may not exist either.
                extra += usize::from(present.is_some());
            }
            assert!(wave.is_none_or(|w| (0.0..=1.0).contains(&w.probability)), "beat {i}");
        }
    }
    println!("{matched} of {normal} normal beats' P waves, {extra} of ventricular ones");
    assert!(matched as f64 >= 0.97 * f64::from(normal) && extra <= 3, "{matched} of {normal}, {extra}");
}

#[test]
fn whatever_the_signal_nothing_breaks() {
    // A linear congruential generator (Knuth's MMIX).
    let mut state = 1u64;
    let mut next = move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state >> 33
    };
    for case in 0..600 {
        let length = [0, 1, 2, 3, 10, 500, 3000][next() as usize % 7];
        let size = [0.0, 1e-38, 1.0, 1e4, 3e38][next() as usize % 5];
        let kind = next() % 3;
        let mut level = 0.0f32;
        let lead: Vec<f32> = (0..length)
            .map(|_| {
                let noise = next() as f32 / (1u64 << 30) as f32 - 1.0;
                match kind {
                    0 => level = noise,
                    1 => level = (level + 0.1 * noise).clamp(-1.0, 1.0),
                    _ => level = if next() % 50 == 0 { noise } else { level },
                }
                level * size
            })
            .collect();
        let mut beats: Vec<i64> =
            (0..next() % 40).map(|_| (next() % (length as u64 + 200)) as i64 - 100).collect();
        if case % 10 == 0 {
            beats.extend([i64::MIN, i64::MAX]);
        }
        if case % 7 > 0 {
            beats.sort_unstable();
        }
        let rate = [1.0, 50.0, 125.0, 300.0, 1000.0][next() as usize % 5];
        let found = find(&lead, &beats, rate);
        assert_eq!(found.beats.len(), beats.len());
        for wave in found.beats.iter().flatten().chain(&found.blocked) {
            assert!(wave.place < length && wave.height.is_finite(), "case {case}: {wave:?}");
            assert!((0.0..=1.0).contains(&wave.probability), "case {case}: {wave:?}");
        }
        assert!(found.present().is_sorted_by(|a, b| a.place < b.place), "case {case}");
    }
}
