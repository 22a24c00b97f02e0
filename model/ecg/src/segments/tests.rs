//! Places and templates against the formula, plainly: every place in f64, every sample by its index.

use super::*;
use crate::random::SplitMix64;

/// Smoothed plainly.
fn smoothed(x: &[f32], rate: f64) -> Vec<f32> {
    let half = ((rate / 90.0 + 0.5).floor() as usize).min(x.len());
    let value = |i: usize| {
        let held = |k: usize| f64::from(x[(i + k).saturating_sub(half).min(x.len() - 1)]);
        let sum: f64 = (0..=2 * half).map(|k| (half + 1 - k.abs_diff(half)) as f64 * held(k)).sum();
        (sum / ((half + 1) * (half + 1)) as f64) as f32
    };
    (0..x.len()).map(value).collect()
}

/// A segment of smoothed leads at `place`, sample by sample.
fn segment(leads: &[Vec<f32>], place: i64, span: &Range<i64>) -> Vec<f32> {
    let part = |lead: &Vec<f32>| -> Vec<f32> {
        let at = |k: i64| {
            let index = place.saturating_add(span.start).saturating_add(k);
            lead[usize::try_from(index).unwrap_or(0).min(lead.len() - 1)]
        };
        let part: Vec<f32> = (0..span.end - span.start).map(at).collect();
        let mean = part.iter().map(|x| f64::from(*x)).sum::<f64>() / part.len() as f64;
        part.iter().map(|x| (f64::from(*x) - mean) as f32).collect()
    };
    leads.iter().flat_map(part).collect()
}

fn template(leads: &[Vec<f32>], places: &[i64], kept: &[bool], span: &Range<i64>) -> Vec<f32> {
    let kept = places.iter().zip(kept).filter(|(_, k)| **k);
    let segments: Vec<Vec<f32>> = kept.map(|(place, _)| segment(leads, *place, span)).collect();
    let sorted_middle = |k: usize| {
        let mut values: Vec<f32> = segments.iter().map(|s| s[k]).collect();
        values.sort_by(f32::total_cmp);
        let (low, high) = (values[(values.len() - 1) / 2], values[values.len() / 2]);
        ((f64::from(low) + f64::from(high)) / 2.0) as f32
    };
    (0..leads.len() * (span.end - span.start) as usize).map(sorted_middle).collect()
}

/// Places, kept and template by the formula.
fn plain(leads: &[Vec<f32>], beats: &[i64], rate: f64) -> (Vec<i64>, Vec<bool>, Vec<f32>) {
    let leads: Vec<Vec<f32>> = leads.iter().map(|lead| smoothed(lead, rate)).collect();
    let (span, reach) = (qrs::SEGMENT.samples(rate), at(REACH, rate));
    let (mut places, mut kept) = (beats.to_vec(), vec![true; beats.len()]);
    let mut made = template(&leads, &places, &kept, &span);
    for _ in 0..ROUNDS {
        let mut best = Vec::new();
        for (beat, place) in beats.iter().zip(&mut places) {
            let mut most = f64::NEG_INFINITY;
            for shift in (0..=reach).flat_map(|d| [-d, d]) {
                let there = beat.saturating_add(shift);
                let part = segment(&leads, there, &span);
                let c = dot(&part, &made) / ((dot(&part, &part) * dot(&made, &made)).sqrt() + 1e-9);
                if c > most {
                    (*place, most) = (there, c);
                }
            }
            best.push(most);
        }
        kept = best.iter().map(|c| *c > ALIKE).collect();
        if kept.iter().filter(|k| **k).count() < FEW {
            let least = median(&best);
            kept = best.iter().map(|c| *c >= least).collect();
        }
        made = template(&leads, &places, &kept, &span);
    }
    (places, kept, made)
}

/// Noisy beats of two shapes, on a baseline that wanders; the second lead with an offset.
fn leads(random: &mut SplitMix64, beats: &[i64], samples: usize, noise: f64) -> Vec<Vec<f32>> {
    [(1.0, 0.0), (-0.4, 3000.0)]
        .map(|(gain, offset)| {
            let mut x: Vec<f64> = (0..samples)
                .map(|i| offset + 2.0 * (i as f64 / 700.0).sin() + noise * random.normal())
                .collect();
            for (i, beat) in beats.iter().enumerate() {
                let width = if i % 7 == 3 { 14.0 } else { 6.0 };
                let late = i64::from(random.below(9)) - 4;
                for k in -40..=40 {
                    if let Some(v) =
                        usize::try_from(beat.saturating_add(k + late)).ok().and_then(|at| x.get_mut(at))
                    {
                        *v += gain * (-(k as f64 / width).powi(2)).exp();
                    }
                }
            }
            x.into_iter().map(|v| v as f32).collect()
        })
        .to_vec()
}

fn bits(x: &[f32]) -> Vec<u32> {
    x.iter().map(|v| v.to_bits()).collect()
}

#[test]
fn places_and_template_are_the_formulas_to_the_bit() {
    let mut random = SplitMix64(3);
    for (rate, noise) in
        [(360.0, 0.01), (360.0, 0.5), (300.0, 0.1), (500.0, 0.05), (100.0, 0.02), (1000.0, 0.02)]
    {
        let mut beats: Vec<i64> = (0..40).map(|i| 30 + i * 150 + i64::from(random.below(30))).collect();
        let leads = leads(&mut random, &beats, 6000, noise);
        // Some outside of the record, however far.
        beats.insert(0, i64::MIN);
        beats.insert(1, -7);
        beats.extend([5999, 6000, 6300, i64::MAX]);
        let slices: Vec<&[f32]> = leads.iter().map(Vec::as_slice).collect();
        let (places, kept, template) = plain(&leads, &beats, rate);
        for threads in [1, 3] {
            let got =
                AlignedBeats::by(&slices, &beats, rate, Workers::new(threads)).expect("beats of a shape");
            assert_eq!(got.places, places, "{rate} Hz, noise {noise}");
            assert_eq!(got.kept, kept);
            assert_eq!(bits(&got.template), bits(&template));
        }
    }
}

#[test]
fn smoothing_is_the_formulas_to_the_bit() {
    let mut random = SplitMix64(11);
    for len in [1, 2, 7, 8, 9, 40, 333] {
        let x: Vec<f32> = (0..len).map(|_| random.normal() as f32).collect();
        for rate in [50.0, 100.0, 360.0, 1000.0, 90_000.0] {
            let got = smooth(&x, rate, 5);
            let want = smoothed(&x, rate);
            assert_eq!(bits(&got[5..5 + len]), bits(&want), "{len} samples at {rate} Hz");
            assert!(got[..5].iter().all(|v| *v == want[0]) && got[5 + len..] == [want[len - 1]; 5]);
        }
    }
}

#[test]
fn medians_by_keys_are_those_of_the_sorted_values() {
    let mut random = SplitMix64(5);
    for len in 1..60 {
        let values: Vec<f32> =
            (0..len).map(|_| ((random.uniform() * 30.0).floor() - 15.0) as f32 / 7.0).collect();
        let mut sorted = values.clone();
        sorted.sort_by(f32::total_cmp);
        let want = (f64::from(sorted[(len - 1) / 2]) + f64::from(sorted[len / 2])) / 2.0;
        assert_eq!(middle(&values), want as f32);
    }
    assert_eq!(middle(&[]), 0.0);
}
