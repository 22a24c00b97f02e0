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

/// Second-order sections with `a0` = 1, one for each of the signals that are filtered side by side.
#[derive(Debug, Clone, Copy)]
struct Sections<const N: usize> {
    b: [[f64; N]; 3],
    a: [[f64; N]; 2],
}

/// The last two inputs and outputs of a section, the last first; it begins at rest.
#[derive(Debug, Clone, Copy)]
struct Last<const N: usize> {
    x: [[f64; N]; 2],
    y: [[f64; N]; 2],
}

impl<const N: usize> Sections<N> {
    /// Second-order Butterworth by the bilinear transform, their corners at `corners` Hz; `high` for a high-pass.
    fn butterworth(corners: [f64; N], sample_rate: f64, high: bool) -> Self {
        let mut made = Sections { b: [[0.0; N]; 3], a: [[0.0; N]; 2] };
        for (l, corner) in corners.into_iter().enumerate() {
            let w = TAU * corner / sample_rate;
            let (sin, cos) = w.sin_cos();
            let alpha = sin * FRAC_1_SQRT_2;
            let a0 = 1.0 + alpha;
            let side = if high { 1.0 + cos } else { 1.0 - cos };
            let middle = if high { -side } else { side };
            for (to, value) in made.b.iter_mut().zip([side / 2.0 / a0, middle / a0, side / 2.0 / a0]) {
                to[l] = value;
            }
            for (to, value) in made.a.iter_mut().zip([-2.0 * cos / a0, (1.0 - alpha) / a0]) {
                to[l] = value;
            }
        }
        made
    }

    /// Filters one sample of each signal in place. In this form (direct form I) only one product and one difference wait for the
    /// output before.
    #[inline(always)]
    fn step(&self, last: &mut Last<N>, v: &mut [f64; N]) {
        let (x, b, a) = (*v, &self.b, &self.a);
        for l in 0..N {
            let ahead =
                b[0][l] * x[l] + b[1][l] * last.x[0][l] + b[2][l] * last.x[1][l] - a[1][l] * last.y[1][l];
            v[l] = ahead - a[0][l] * last.y[0][l];
        }
        *last = Last { x: [x, last.x[0]], y: [*v, last.y[0]] };
    }
}

/// A band-pass of each signal; none waits for another, so the processor does all at once.
struct BandPasses<const N: usize> {
    high: Sections<N>,
    low: Sections<N>,
    last_high: Last<N>,
    last_low: Last<N>,
}

impl<const N: usize> BandPasses<N> {
    fn new(bands: [(f64, f64); N], sample_rate: f64) -> BandPasses<N> {
        let rest = || Last { x: [[0.0; N]; 2], y: [[0.0; N]; 2] };
        BandPasses {
            high: Sections::butterworth(bands.map(|band| band.0), sample_rate, true),
            low: Sections::butterworth(bands.map(|band| band.1), sample_rate, false),
            last_high: rest(),
            last_low: rest(),
        }
    }

    /// Filters the next samples in place. Not inlined: the compiler finds other vectors than those of [f64; N] where it sees more.
    #[inline(never)]
    fn run(&mut self, samples: &mut [[f64; N]]) {
        // Of its own, what came last stays in registers.
        let (high, low, mut last_high, mut last_low) = (self.high, self.low, self.last_high, self.last_low);
        samples.iter_mut().for_each(|v| {
            high.step(&mut last_high, v);
            low.step(&mut last_low, v);
        });
        (self.last_high, self.last_low) = (last_high, last_low);
    }
}

/// Band-passes from the first to the second of each pair, in Hz, without delay: second-order Butterworth high-pass and low-pass,
/// forwards and backwards, so that each corner is at −6 dB. `samples` must be finite; the corners below half of `sample_rate`.
pub(crate) fn band_passes<const N: usize>(
    samples: &[f32],
    sample_rate: f64,
    bands: [(f64, f64); N],
) -> [Vec<f64>; N] {
    let (Some(first), Some(last)) = (samples.first(), samples.last()) else {
        return [(); N].map(|()| Vec::new());
    };
    let (first, last) = (f64::from(*first), f64::from(*last));
    // Mirrored through its end points the signal goes on smoothly while the filters settle.
    let n = samples.len();
    let lowest = bands.iter().fold(f64::INFINITY, |lowest, band| band.0.min(lowest));
    let pad = ((3.0 * sample_rate / lowest) as usize).min(n - 1);
    // A high-pass takes any offset away, but would ring at its onset.
    let offset = 2.0 * first - f64::from(samples[pad]);
    let before = samples[1..=pad].iter().rev().map(|v| 2.0 * first - f64::from(*v) - offset);
    let after = samples[n - 1 - pad..n - 1].iter().rev().map(|v| 2.0 * last - f64::from(*v) - offset);
    let mut before: Vec<[f64; N]> = before.map(|v| [v; N]).collect();
    let mut after: Vec<[f64; N]> = after.map(|v| [v; N]).collect();
    let mut made = bands.map(|_| vec![0.0; n]);
    let mut part = [[0.0; N]; PART];
    // Forwards and, over what that made, backwards, a few samples at a time: the whole signals side by side would take as much memory again.
    let mut filters = BandPasses::new(bands, sample_rate);
    filters.run(&mut before);
    for (k, samples) in samples.chunks(PART).enumerate() {
        let part = &mut part[..samples.len()];
        part.iter_mut().zip(samples).for_each(|(to, v)| *to = [f64::from(*v) - offset; N]);
        filters.run(part);
        for (l, made) in made.iter_mut().enumerate() {
            made[k * PART..].iter_mut().zip(&*part).for_each(|(to, v)| *to = v[l]);
        }
    }
    filters.run(&mut after);
    let mut filters = BandPasses::new(bands, sample_rate);
    after.reverse();
    filters.run(&mut after);
    for end in (1..=n).rev().step_by(PART) {
        let within = end.saturating_sub(PART)..end;
        let part = &mut part[..within.len()];
        for (l, made) in made.iter().enumerate() {
            part.iter_mut().zip(made[within.clone()].iter().rev()).for_each(|(to, v)| to[l] = *v);
        }
        filters.run(part);
        for (l, made) in made.iter_mut().enumerate() {
            made[within.clone()].iter_mut().rev().zip(&*part).for_each(|(to, v)| *to = v[l]);
        }
    }
    made
}

/// Samples of a long signal that are filtered at a time.
const PART: usize = 512;

/// The same of one band.
pub(crate) fn band_pass(samples: &[f32], sample_rate: f64, low: f64, high: f64) -> Vec<f64> {
    let [signal] = band_passes(samples, sample_rate, [(low, high)]);
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

    /// The formula, plainly: transposed direct form II over one signal at a time, mirrored at its ends by as much as `lowest` asks for.
    fn plain(samples: &[f32], rate: f64, (low, high): (f64, f64), lowest: f64) -> Vec<f64> {
        let (n, wide) = (samples.len(), samples.iter().map(|v| f64::from(*v)).collect::<Vec<f64>>());
        let pad = ((3.0 * rate / lowest) as usize).min(n - 1);
        let mut x: Vec<f64> = (1..=pad).rev().map(|i| 2.0 * wide[0] - wide[i]).collect();
        x.extend(&wide);
        x.extend((1..=pad).map(|i| 2.0 * wide[n - 1] - wide[n - 1 - i]));
        let offset = x[0];
        x.iter_mut().for_each(|v| *v -= offset);
        for _ in 0..2 {
            for (corner, is_high) in [(low, true), (high, false)] {
                let Sections { b, a } = Sections::butterworth([corner], rate, is_high);
                let (mut s1, mut s2) = (0.0, 0.0);
                for v in &mut x {
                    let y = b[0][0] * *v + s1;
                    s1 = b[1][0] * *v - a[0][0] * y + s2;
                    s2 = b[2][0] * *v - a[1][0] * y;
                    *v = y;
                }
            }
            x.reverse();
        }
        x[pad..pad + n].to_vec()
    }

    #[test]
    fn two_bands_at_once_are_the_formulas() {
        let mut random = crate::random::SplitMix64(2);
        let bands = [(8.0, 20.0), (3.0, 30.0)];
        for (rate, offset) in [(100.0, 0.0), (360.0, 5.0), (1000.0, -2000.0), (100_000.0, 1.0)] {
            for n in [1, 2, 50, 3000] {
                let x: Vec<f32> = (0..n).map(|_| (offset + random.normal()) as f32).collect();
                let both = band_passes(&x, rate, bands);
                for (band, got) in bands.into_iter().zip(both) {
                    let near = |(g, w): (&f64, &f64)| (g - w).abs() <= 1e-7 * (1.0 + offset.abs() * 1e-3);
                    let alone = band_pass(&x, rate, band.0, band.1);
                    for (got, lowest) in [(got, bands[1].0), (alone, band.0)] {
                        let want = plain(&x, rate, band, lowest);
                        assert_eq!(got.len(), want.len());
                        assert!(got.iter().zip(&want).all(near), "{n} samples at {rate} Hz");
                    }
                }
            }
        }
    }
}
