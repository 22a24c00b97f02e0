//! Whether one frequency prevails between the QRS complexes of a lead, as in atrial flutter, whose wave is as regular as a saw; in
//! fibrillation none does (S. Petrutiu et al., *Atrial fibrillation and waveform characteristics*, IEEE Eng. Med. Biol. Mag. 25(6), 2006, on spectra of what is left
//! without QRS and T).
//!
//! *What is left.* `s` is the segment from 0.10 s before to 0.35 s after a beat, less its mean; of beats whose segment lies in the lead. `u` is the
//! median of the segments, sample by sample. `u (u·s) / (u·u)` is taken off the lead at each beat. Then the samples
//! from 0.05 s before to 0.06 s after it become a straight line.
//!
//! *Its spectrum.* Stretches of 8 s that begin 4 s apart, each less its mean, times Hann's window. The mean of their powers at 3, 3 1/8, … 12 Hz. The frequency
//! that prevails is that of most power below 9 Hz. Its share is the power within 3/8 Hz of it and within 1/2 Hz of its double, as a part of all.

use crate::spectrum::{hann, powers};
use crate::statistics::median_of;
use std::f64::consts::TAU;

/// Seconds before and after a beat that its complex has.
const COMPLEX: (f64, f64) = (0.10, 0.35);
/// Those that become a line.
const QRS: (f64, f64) = (0.05, 0.06);
/// Beats of which a usual complex is made, at least.
const LEAST: usize = 8;
/// Seconds of a stretch, and from the start of one to that of the next.
const STRETCH: (f64, f64) = (8.0, 4.0);
/// Hz: the first frequency, and from one to the next; how many there are. The prevailing one lies below the last number.
const FREQUENCIES: (f64, f64) = (3.0, 0.125);
const COUNT: usize = 73;
const BELOW: f64 = 9.0;
/// Hz to either side of the frequency, and of its double.
const AROUND: (f64, f64) = (0.375, 0.5);
/// Samples a second: there must be room for 12 Hz, and a rate beyond the last is none of an ECG.
const RATES: std::ops::RangeInclusive<f64> = 50.0..=10_000.0;
/// Hz at which flutter waves come: 240 to 390 a minute.
const FLUTTER: std::ops::RangeInclusive<f64> = 4.0..=6.5;
/// The share from which on one frequency prevails. Of a hundred records with fibrillation of CinC 2017 one has more at such a frequency.
const PREVAILS: f64 = 0.62;

/// The frequency that prevails between QRS complexes.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct AtrialFrequency {
    /// Hz, from 3 to 9.
    pub hertz: f64,
    /// The part of the power from 3 to 12 Hz that it has, from 0 to 1.
    pub share: f64,
}

impl AtrialFrequency {
    /// Of a finite `lead` with ascending `beats`, in samples at `rate` a second. `None` for fewer than 8 beats, less than 8 s, a lead in
    /// which nothing is left, and rates below 50 Hz.
    ///
    /// ```
    /// use efficientecg_ecg::flutter::AtrialFrequency;
    ///
    /// // Flutter waves, five a second, and beats that are not seen in this lead.
    /// let lead: Vec<f32> = (0..3_000).map(|i| 0.1 * (std::f32::consts::TAU * i as f32 / 20.0).sin()).collect();
    /// let beats: Vec<i64> = (1..60).map(|i| 47 * i).collect();
    /// let found = AtrialFrequency::of(&lead, &beats, 100.0).expect("30 s");
    /// assert!(found.is_flutter() && found.hertz == 5.0);
    /// ```
    pub fn of(lead: &[f32], beats: &[i64], rate: f64) -> Option<AtrialFrequency> {
        if !RATES.contains(&rate) {
            return None;
        }
        let left = left(lead, beats, rate)?;
        let power = spectrum(&left, rate)?;
        let (first, step) = FREQUENCIES;
        let hertz = |k: usize| first + step * k as f64;
        let below = (0..power.len()).filter(|k| hertz(*k) < BELOW);
        // Of equals the first.
        let peak = hertz(below.rev().max_by(|a, b| power[*a].total_cmp(&power[*b]))?);
        let near = |f: f64| (f - peak).abs() <= AROUND.0 || (f - 2.0 * peak).abs() <= AROUND.1;
        let all: f64 = power.iter().sum();
        let part: f64 = (0..power.len()).filter(|k| near(hertz(*k))).map(|k| power[k]).sum();
        let share = part / all;
        (all > 0.0 && share.is_finite()).then_some(AtrialFrequency { hertz: peak, share })
    }

    /// Whether it prevails and is one of flutter waves.
    pub fn is_flutter(&self) -> bool {
        FLUTTER.contains(&self.hertz) && self.share > PREVAILS
    }
}

/// The lead without its usual complex.
fn left(lead: &[f32], beats: &[i64], rate: f64) -> Option<Vec<f64>> {
    let samples = |seconds: f64| (seconds * rate + 0.5) as usize;
    let (before, after) = (samples(COMPLEX.0), samples(COMPLEX.1));
    let inside = |beat: &i64| {
        let beat = usize::try_from(*beat).ok()?;
        (beat >= before && beat.checked_add(after)? <= lead.len()).then_some(beat)
    };
    let beats: Vec<usize> = beats.iter().filter_map(inside).collect();
    if beats.len() < LEAST {
        return None;
    }
    let length = before + after;
    let segment = |beat: &usize| -> Vec<f64> {
        let own = &lead[beat - before..beat + after];
        let mean = own.iter().map(|x| f64::from(*x)).sum::<f64>() / length as f64;
        own.iter().map(|x| f64::from(*x) - mean).collect()
    };
    let segments: Vec<Vec<f64>> = beats.iter().map(segment).collect();
    let mut column = vec![0.0; segments.len()];
    let usual: Vec<f64> = (0..length)
        .map(|k| {
            column.iter_mut().zip(&segments).for_each(|(x, s)| *x = s[k]);
            median_of(&mut column)
        })
        .collect();
    let product = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(x, y)| x * y).sum::<f64>();
    let energy = product(&usual, &usual);
    let mut left: Vec<f64> = lead.iter().map(|x| f64::from(*x)).collect();
    for (beat, own) in beats.iter().zip(&segments) {
        let gain = if energy > 0.0 { product(&usual, own) / energy } else { 0.0 };
        left[beat - before..].iter_mut().zip(&usual).for_each(|(x, u)| *x -= gain * u);
    }
    for beat in &beats {
        let (start, end) = (beat - samples(QRS.0), (beat + samples(QRS.1)).min(left.len() - 1));
        let (from, to) = (left[start], left[end]);
        let length = end.saturating_sub(start) as f64;
        for (k, x) in left.iter_mut().take(end).skip(start).enumerate() {
            *x = from + (to - from) * k as f64 / length;
        }
    }
    Some(left)
}

/// Powers at [`FREQUENCIES`]; none of less than a stretch.
fn spectrum(x: &[f64], rate: f64) -> Option<[f64; COUNT]> {
    let (length, step) = ((STRETCH.0 * rate + 0.5) as usize, (STRETCH.1 * rate + 0.5) as usize);
    let (first, apart) = FREQUENCIES;
    let angles: [f64; COUNT] = std::array::from_fn(|k| TAU * (first + apart * k as f64) / rate);
    let window: Vec<f64> = hann(length);
    let mut power = [0.0; COUNT];
    let starts = (0..x.len().checked_sub(length)? + 1).step_by(step);
    for stretch in starts.map(|start| &x[start..start + length]) {
        let mean = stretch.iter().sum::<f64>() / length as f64;
        let weighted: Vec<f64> = stretch.iter().zip(&window).map(|(x, w)| (x - mean) * w).collect();
        let of_stretch = powers(&weighted, &angles);
        power.iter_mut().zip(of_stretch).for_each(|(sum, p)| *sum += p);
    }
    Some(power)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::SplitMix64;

    const RATE: f64 = 200.0;

    /// 30 s of complexes at irregular intervals, and the beats; `wave` of the time lies between.
    fn lead(seed: u64, wave: impl Fn(f64) -> f64) -> (Vec<f32>, Vec<i64>) {
        let mut random = SplitMix64(seed);
        let mut beats = vec![100];
        while beats[beats.len() - 1] < 5_850 {
            beats.push(beats[beats.len() - 1] + (RATE * (0.4 + 0.5 * random.uniform())) as i64);
        }
        let complex =
            |t: f64| 1.2 * (-(t / 0.015).powi(2)).exp() + 0.25 * (-((t - 0.22) / 0.05).powi(2)).exp();
        let lead = (0..6_000).map(|i| {
            let near = beats.iter().map(|b| complex((i - b) as f64 / RATE)).sum::<f64>();
            (near + wave(i as f64 / RATE)) as f32
        });
        (lead.collect(), beats)
    }

    #[test]
    fn a_regular_wave_is_flutter_and_an_unsteady_one_is_not() {
        let saw = |t: f64| 0.12 * ((TAU * 5.2 * t).sin() + 0.4 * (2.0 * TAU * 5.2 * t).sin());
        let (x, beats) = lead(3, saw);
        let found = AtrialFrequency::of(&x, &beats, RATE).expect("30 s");
        assert!((found.hertz - 5.2).abs() <= 0.125 && found.is_flutter(), "{found:?}");
        // Its frequency changes every half second, from 4 to 8.
        let mut random = SplitMix64(5);
        let mut phase = 0.0;
        let phases: Vec<f64> = (0..6_100)
            .scan(6.0, |f, i| {
                if i % 100 == 0 {
                    *f = 4.0 + 4.0 * random.uniform();
                }
                phase += TAU * *f / RATE;
                Some(phase)
            })
            .collect();
        let (x, beats) = lead(3, |t| 0.12 * phases[(t * RATE + 0.5) as usize].sin());
        let found = AtrialFrequency::of(&x, &beats, RATE).expect("30 s");
        assert!(!found.is_flutter(), "{found:?}");
        // Regular, but not as fast as flutter.
        let (x, beats) = lead(3, |t| 0.12 * (TAU * 3.3 * t).sin());
        let found = AtrialFrequency::of(&x, &beats, RATE).expect("30 s");
        assert!(!found.is_flutter() && (found.hertz - 3.3).abs() <= 0.125, "{found:?}");
    }

    #[test]
    fn powers_are_those_of_the_definition() {
        let mut random = SplitMix64(9);
        let x: Vec<f64> = (0..2_600).map(|_| random.uniform() - 0.5).collect();
        let got = spectrum(&x, RATE).expect("13 s");
        assert_eq!(got.len(), 73);
        for (k, got) in got.iter().enumerate() {
            let f = 3.0 + 0.125 * k as f64;
            let want: f64 = [0, 800]
                .map(|start| {
                    let stretch = &x[start..start + 1_600];
                    let mean = stretch.iter().sum::<f64>() / 1_600.0;
                    let of = |wave: fn(f64) -> f64| -> f64 {
                        let term = |(i, x): (usize, &f64)| {
                            let hann = (TAU / 2.0 * i as f64 / 1_600.0).sin().powi(2);
                            (x - mean) * hann * wave(TAU * f * i as f64 / RATE)
                        };
                        stretch.iter().enumerate().map(term).sum()
                    };
                    of(f64::cos).powi(2) + of(f64::sin).powi(2)
                })
                .iter()
                .sum();
            assert!(got.is_finite() && (got - want).abs() < 1e-7 * want.max(1.0), "{f} Hz: {got} for {want}");
        }
    }

    #[test]
    fn unknown_where_too_little_is_there() {
        let (x, beats) = lead(3, |t| (TAU * 5.0 * t).sin());
        assert!(AtrialFrequency::of(&x, &beats, RATE).is_some());
        assert_eq!(AtrialFrequency::of(&x, &beats[..7], RATE), None);
        assert_eq!(AtrialFrequency::of(&x[..1_599], &beats, RATE), None);
        assert_eq!(AtrialFrequency::of(&[], &[], RATE), None);
        assert_eq!(AtrialFrequency::of(&vec![0.0; 6_000], &beats, RATE), None);
        assert_eq!(AtrialFrequency::of(&vec![f32::NAN; 6_000], &beats, RATE), None);
        for rate in [0.0, 40.0, f64::NAN, f64::INFINITY] {
            assert_eq!(AtrialFrequency::of(&x, &beats, rate), None);
        }
        // Beats that are not in the lead.
        assert_eq!(
            AtrialFrequency::of(&x, &[-5, i64::MIN, i64::MAX, 1 << 40, 7, 9, 11, 13, 5_999], RATE),
            None
        );
    }
}
