//! Small filters of the detector: gaps filled, Butterworth band-pass run both ways.

use super::qrs::EXTENT;
use std::f64::consts::{FRAC_1_SQRT_2, TAU};

/// Replaces samples that are not finite by the straight line between their neighbours, at the ends by the nearest
/// sample, and everything by 0 if there is none. The number replaced.
pub fn fill_missing(samples: &mut [f32]) -> usize {
    let mut replaced = 0;
    // Most records miss nothing: a stretch at a time is looked over at once.
    let whole = samples.chunks(256).take_while(|part| part.iter().fold(true, |all, v| all & v.is_finite()));
    let mut i = whole.map(<[f32]>::len).sum::<usize>();
    let mut last = i.checked_sub(1);
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

/// A second-order section, `a0` = 1.
#[derive(Debug, Clone, Copy)]
struct Section {
    b: [f64; 3],
    a: [f64; 2],
}

/// The last two inputs and outputs of a section, the last first; it begins at rest.
#[derive(Default)]
struct Last {
    x: [f64; 2],
    y: [f64; 2],
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

    /// Filters one sample in place. In this form (direct form I) only one product and one difference wait for the output before.
    fn step(&self, last: &mut Last, v: &mut f64) {
        let x = *v;
        let ahead = self.b[0] * x + self.b[1] * last.x[0] + self.b[2] * last.x[1] - self.a[1] * last.y[1];
        let y = ahead - self.a[0] * last.y[0];
        *last = Last { x: [x, last.x[0]], y: [y, last.y[0]] };
        *v = y;
    }
}

/// Filters two signals, each by its section, in place: neither waits for the other, so the processor does both at once.
fn run_both(sections: [Section; 2], [a, b]: [&mut [f64]; 2], backwards: bool) {
    let [mut last_a, mut last_b] = [Last::default(), Last::default()];
    let both = a.len().min(b.len());
    let (from_a, from_b) = if backwards { (a.len() - both, b.len() - both) } else { (0, 0) };
    let pairs = a[from_a..][..both].iter_mut().zip(&mut b[from_b..][..both]);
    let mut pair = |(x, y): (&mut f64, &mut f64)| {
        sections[0].step(&mut last_a, x);
        sections[1].step(&mut last_b, y);
    };
    if backwards {
        pairs.rev().for_each(&mut pair)
    } else {
        pairs.for_each(&mut pair)
    }
    for (section, x, last) in [(sections[0], a, &mut last_a), (sections[1], b, &mut last_b)] {
        let rest = if backwards { 0..x.len() - both } else { both..x.len() };
        let rest = x[rest].iter_mut();
        if backwards {
            rest.rev().for_each(|v| section.step(last, v));
        } else {
            rest.for_each(|v| section.step(last, v));
        }
    }
}

/// The signal mirrored through its end points, on which it goes on smoothly while the filters settle, and how far: for a corner
/// at `low` Hz. None of an empty signal.
fn padded(samples: &[f32], sample_rate: f64, low: f64) -> Option<(Vec<f64>, usize)> {
    let (first, last) = (f64::from(*samples.first()?), f64::from(*samples.last()?));
    let n = samples.len();
    let pad = ((3.0 * sample_rate / low) as usize).min(n - 1);
    let mut padded = Vec::with_capacity(n + 2 * pad);
    padded.extend((1..=pad).rev().map(|i| 2.0 * first - f64::from(samples[i])));
    padded.extend(samples.iter().map(|&v| f64::from(v)));
    padded.extend((1..=pad).map(|i| 2.0 * last - f64::from(samples[n - 1 - i])));
    Some((padded, pad))
}

/// Band-passes from the first to the second of each pair, in Hz, without delay: second-order Butterworth high-pass and low-pass,
/// forwards and backwards, so that each corner is at −6 dB. `samples` must be finite; the corners below half of `sample_rate`.
pub(crate) fn band_passes(samples: &[f32], sample_rate: f64, bands: [(f64, f64); 2]) -> [Vec<f64>; 2] {
    let mut both = bands.map(|(low, _)| padded(samples, sample_rate, low).unwrap_or_default());
    for is_high in [true, false] {
        if is_high {
            // The high-pass takes any offset away but would ring at its onset.
            for (signal, _) in &mut both {
                let offset = signal.first().copied().unwrap_or(0.0);
                signal.iter_mut().for_each(|v| *v -= offset);
            }
        }
        let sections = bands
            .map(|(low, high)| Section::butterworth(if is_high { low } else { high }, sample_rate, is_high));
        for backwards in [false, true] {
            let [(a, _), (b, _)] = &mut both;
            run_both(sections, [a, b], backwards);
        }
    }
    both.map(|(mut signal, pad)| {
        signal.drain(..pad);
        signal.truncate(samples.len());
        signal
    })
}

/// The same of one band.
pub(crate) fn band_pass(samples: &[f32], sample_rate: f64, low: f64, high: f64) -> Vec<f64> {
    let Some((mut signal, pad)) = padded(samples, sample_rate, low) else { return Vec::new() };
    let offset = signal[0];
    signal.iter_mut().for_each(|v| *v -= offset);
    for (corner, is_high) in [(low, true), (high, false)] {
        let sections = [Section::butterworth(corner, sample_rate, is_high); 2];
        for backwards in [false, true] {
            run_both(sections, [&mut signal, &mut []], backwards);
        }
    }
    signal.drain(..pad);
    signal.truncate(samples.len());
    signal
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
        assert!(band_passes(&[], rate, [(8.0, 20.0); 2]).iter().all(Vec::is_empty));
        assert_eq!(band_pass(&[3.0], rate, 8.0, 20.0).len(), 1);
    }

    /// The formula, plainly: transposed direct form II over one signal at a time.
    fn plain(samples: &[f32], rate: f64, (low, high): (f64, f64)) -> Vec<f64> {
        let (mut x, pad) = padded(samples, rate, low).unwrap_or_default();
        let offset = x[0];
        x.iter_mut().for_each(|v| *v -= offset);
        for (corner, is_high) in [(low, true), (high, false)] {
            let Section { b, a } = Section::butterworth(corner, rate, is_high);
            for _ in 0..2 {
                let (mut s1, mut s2) = (0.0, 0.0);
                for v in &mut x {
                    let y = b[0] * *v + s1;
                    s1 = b[1] * *v - a[0] * y + s2;
                    s2 = b[2] * *v - a[1] * y;
                    *v = y;
                }
                x.reverse();
            }
        }
        x[pad..pad + samples.len()].to_vec()
    }

    #[test]
    fn two_bands_at_once_are_the_formulas() {
        let mut random = crate::random::Random(2);
        let bands = [(8.0, 20.0), (3.0, 30.0)];
        for (rate, offset) in [(100.0, 0.0), (360.0, 5.0), (1000.0, -2000.0), (100_000.0, 1.0)] {
            for n in [1, 2, 50, 3000] {
                let x: Vec<f32> = (0..n).map(|_| (offset + random.normal()) as f32).collect();
                let both = band_passes(&x, rate, bands);
                for (band, got) in bands.into_iter().zip(both) {
                    let want = plain(&x, rate, band);
                    assert_eq!(got.len(), want.len());
                    assert_eq!(got, band_pass(&x, rate, band.0, band.1), "one band as two");
                    let near = |(g, w): (&f64, &f64)| (g - w).abs() <= 1e-7 * (1.0 + offset.abs() * 1e-3);
                    assert!(got.iter().zip(&want).all(near), "{n} samples at {rate} Hz");
                }
            }
        }
    }
}
