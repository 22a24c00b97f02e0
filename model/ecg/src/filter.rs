//! Small filters of the detector: gaps filled, Butterworth band-pass run both ways.

use super::qrs::EXTENT;
use std::f64::consts::{FRAC_1_SQRT_2, TAU};

/// Replaces samples that are not finite by the straight line between their neighbours, at the ends by the nearest
/// sample, and everything by 0 if there is none. The number replaced.
pub fn fill_missing(samples: &mut [f32]) -> usize {
    let mut replaced = 0;
    let mut last: Option<usize> = None;
    let mut i = 0;
    while i < samples.len() {
        if samples[i].is_finite() {
            last = Some(i);
            i += 1;
            continue;
        }
        let end = (i..samples.len()).find(|&j| samples[j].is_finite()).unwrap_or(samples.len());
        let after = samples.get(end).copied();
        let (from, to) = match (last, after) {
            (Some(l), Some(after)) => (samples[l], after),
            (Some(l), None) => (samples[l], samples[l]),
            (None, Some(after)) => (after, after),
            (None, None) => (0.0, 0.0),
        };
        let span = (end - i + 1) as f32;
        for (k, v) in samples[i..end].iter_mut().enumerate() {
            let share = (k + 1) as f32 / span;
            *v = from * (1.0 - share) + to * share;
        }
        replaced += end - i;
        i = end;
    }
    replaced
}

/// Seconds around an end of a QRS complex that are averaged.
const END: f64 = 0.01;

/// The lead with the QRS complexes around `beats`, in samples, replaced by straight lines, so that filters of low
/// frequencies do not spread them over the waves beside. `lead` must be finite.
pub(crate) fn without_qrs(lead: &[f32], beats: &[i64], sample_rate: f64) -> Vec<f32> {
    let mut out = lead.to_vec();
    let Some(last) = lead.len().checked_sub(1) else { return out };
    let samples = |seconds: f64| (seconds * sample_rate).round() as i64;
    let clamp = |i: i64| usize::try_from(i).unwrap_or(0).min(last);
    let level = |i: i64| {
        let half = samples(END);
        let part = &lead[clamp(i.saturating_sub(half))..=clamp(i.saturating_add(half))];
        part.iter().map(|v| f64::from(*v)).sum::<f64>() / part.len() as f64
    };
    for beat in beats {
        let Some(part) = EXTENT.within(*beat, sample_rate, lead.len()) else { continue };
        let (from, to) = EXTENT.ends(*beat, sample_rate);
        let (start, end) = (level(from), level(to));
        let span = (to - from).max(1) as f64;
        let first = *part.start();
        for (k, v) in out[part].iter_mut().enumerate() {
            let share = ((first + k) as i64 - from) as f64 / span;
            *v = (start + share * (end - start)) as f32;
        }
    }
    out
}

/// A second-order section in transposed direct form II, `a0` = 1.
#[derive(Debug, Clone, Copy)]
struct Section {
    b: [f64; 3],
    a: [f64; 2],
}

impl Section {
    /// Second-order Butterworth by the bilinear transform, its corner at `corner` Hz; `high` for a high-pass.
    fn butterworth(corner: f64, sample_rate: f64, high: bool) -> Self {
        let w = TAU * corner / sample_rate;
        let (sin, cos) = w.sin_cos();
        let alpha = sin * FRAC_1_SQRT_2;
        let a0 = 1.0 + alpha;
        let side = if high { 1.0 + cos } else { 1.0 - cos };
        let middle = if high { -side } else { side };
        Self { b: [side / 2.0 / a0, middle / a0, side / 2.0 / a0], a: [-2.0 * cos / a0, (1.0 - alpha) / a0] }
    }

    /// Filters in place, from rest.
    fn run<'a>(&self, samples: impl Iterator<Item = &'a mut f64>) {
        let (mut s1, mut s2) = (0.0, 0.0);
        for v in samples {
            let x = *v;
            let y = self.b[0] * x + s1;
            s1 = self.b[1] * x - self.a[0] * y + s2;
            s2 = self.b[2] * x - self.a[1] * y;
            *v = y;
        }
    }
}

/// Band-pass from `low` to `high` Hz without delay: second-order Butterworth high-pass and low-pass, forwards and
/// backwards, so that each corner is at −6 dB. `samples` must be finite; `high` below half of `sample_rate`.
pub(crate) fn band_pass(samples: &[f32], sample_rate: f64, low: f64, high: f64) -> Vec<f64> {
    let n = samples.len();
    let Some((&first, &last)) = samples.first().zip(samples.last()) else {
        return Vec::new();
    };
    // Mirrored through the end points, the signal goes on smoothly while the filters settle.
    let pad = ((3.0 * sample_rate / low) as usize).min(n - 1);
    let (first, last) = (f64::from(first), f64::from(last));
    let mut padded = Vec::with_capacity(n + 2 * pad);
    padded.extend((1..=pad).rev().map(|i| 2.0 * first - f64::from(samples[i])));
    padded.extend(samples.iter().map(|&v| f64::from(v)));
    padded.extend((1..=pad).map(|i| 2.0 * last - f64::from(samples[n - 1 - i])));
    for (corner, is_high) in [(low, true), (high, false)] {
        let section = Section::butterworth(corner, sample_rate, is_high);
        // The high-pass, which comes first, takes any offset away but would ring at its onset.
        let offset = if is_high { padded[0] } else { 0.0 };
        padded.iter_mut().for_each(|v| *v -= offset);
        section.run(padded.iter_mut());
        section.run(padded.iter_mut().rev());
    }
    padded.drain(..pad);
    padded.truncate(n);
    padded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_become_lines() {
        let nan = f32::NAN;
        let mut x = [nan, 1.0, nan, nan, 4.0, f32::INFINITY];
        assert_eq!(fill_missing(&mut x), 4);
        assert_eq!(x, [1.0, 1.0, 2.0, 3.0, 4.0, 4.0]);
        let mut none = [nan; 3];
        assert_eq!(fill_missing(&mut none), 3);
        assert_eq!(none, [0.0; 3]);
        assert_eq!(fill_missing(&mut []), 0);
    }

    #[test]
    fn qrs_complexes_become_lines() {
        // At 100 Hz a complex is replaced from 7 samples before to 10 after, ends averaged over 3.
        let line = |i: usize| 1.0 + 0.5 * i as f32;
        let mut x: Vec<f32> = (0..60).map(line).collect();
        (25..=33).for_each(|i| x[i] = 50.0);
        for (i, v) in without_qrs(&x, &[30], 100.0).iter().enumerate() {
            assert!((v - line(i)).abs() < 1e-5, "{i}: {v}");
        }
        // Cut by the edges, outside, or of nothing.
        for beats in [&[-8i64, 2, 59, 70][..], &[i64::MIN, i64::MAX], &[]] {
            assert!(without_qrs(&x, beats, 100.0).iter().all(|v| v.is_finite()));
        }
        assert!(without_qrs(&[], &[3], 100.0).is_empty());
    }

    #[test]
    fn band_pass_has_the_stated_gains_and_no_delay() {
        let rate = 360.0;
        for (hz, gain, tolerance) in
            [(0.0, 0.0, 1e-9), (8.0, 0.5, 0.03), (12.6, 0.75, 0.05), (20.0, 0.5, 0.03), (100.0, 0.0, 2e-3)]
        {
            let wave = |i: usize| (TAU * hz * i as f64 / rate).cos() as f32;
            let x: Vec<f32> = (0..3600).map(wave).collect();
            let y = band_pass(&x, rate, 8.0, 20.0);
            assert_eq!(y.len(), x.len());
            for i in 1000..2600 {
                let want = gain * f64::from(x[i]);
                assert!((y[i] - want).abs() <= tolerance, "{hz} Hz sample {i}: {} {want}", y[i]);
            }
        }
        assert!(band_pass(&[], rate, 8.0, 20.0).is_empty());
        assert_eq!(band_pass(&[3.0], rate, 8.0, 20.0).len(), 1);
    }
}
