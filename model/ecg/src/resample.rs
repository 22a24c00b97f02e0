//! Resampling to another rate.
//!
//! A polyphase FIR filter: conceptually the signal is stuffed with zeros to a common multiple of both rates, low-passed,
//! and thinned out; practically each output sample is one dot product with the taps of its phase. The filter is a sinc
//! under a Kaiser window (J. F. Kaiser, 1974; design formulas as in Oppenheim & Schafer, *Discrete-Time Signal
//! Processing*, 7.6), of linear phase, its delay compensated: output sample `k` lies at time `k / to` exactly. Rates
//! whose ratio has no small terms (249.89 to 360) take the nearest of some thousand phases at each output sample, so
//! that time does not drift.
//!
//! With `f` half of the lower rate, frequencies up to 0.9 `f` pass within ±0.001 (relative amplitude), and what lies
//! above `f` is attenuated by 74 dB or more, so that nothing aliases. A constant stays the same constant, but for rounding. Beyond its
//! ends the signal is taken to hold its first and last value. Taps and sums are in f32: an output of `n` taps is off by at most `n / 8 + 5`
//! times 6e-8 of the sum of its products' magnitudes.

mod side_by_side;

use super::error::{Error, Result};
use std::ops::Range;

/// Stopband attenuation, dB.
const ATTENUATION: f64 = 80.0;
/// Width of the transition, as a part of the lower Nyquist frequency.
const TRANSITION: f64 = 0.1;
/// Largest term of the ratio, and most phases: bounds the filter to some 450,000 taps.
const MAX_TERM: u64 = 4096;
/// Largest upsampling. Rates come from headers: a small one must not blow up the memory.
const MAX_UP: f64 = 32.0;
/// Largest downsampling.
const MAX_DOWN: f64 = 1024.0;

/// A resampler from one rate to another, for any number of leads.
#[derive(Debug, Clone)]
pub struct Resampler {
    step: Step,
    #[cfg(test)]
    phases: usize,
    taps: Taps,
    reach: usize,
}

/// The taps of all phases.
#[derive(Debug, Clone)]
struct Taps {
    /// Phase by phase, `width` each, for input samples from the filter's reach before the last one at or before the output on; behind the
    /// filter's end zeros. Before and after each phase there are [`LANES`] more zeros.
    all: Vec<f32>,
    width: usize,
    /// How many of a phase are the filter's: the others are zeros.
    own: usize,
}

impl Taps {
    /// Of phases of a width, so many taps of each the filter's.
    fn new(phases: &[f64], width: usize, own: usize) -> Taps {
        let pitch = width + 2 * LANES;
        let mut all = vec![0.0; phases.len() / width.max(1) * pitch];
        for (row, phase) in all.chunks_exact_mut(pitch).zip(phases.chunks_exact(width)) {
            row[LANES..][..width].iter_mut().zip(phase).for_each(|(to, tap)| *to = *tap as f32);
        }
        Taps { all, width, own }
    }

    /// Those of a phase.
    fn of(&self, phase: usize) -> &[f32] {
        self.shifted(phase, 0, self.width)
    }

    /// So many from `by` before a phase's first one on, fewer than [`LANES`]: zeros, then its own, then zeros.
    #[inline(always)]
    fn shifted(&self, phase: usize, by: usize, count: usize) -> &[f32] {
        &self.all[phase * (self.width + 2 * LANES) + LANES - by..][..count]
    }
}

/// How far apart two outputs are, in input samples.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Step {
    /// `down / up`; there are `up` phases.
    Exact { up: u64, down: u64 },
    /// Any distance; the place between two input samples is rounded to one of `phases`.
    Nearest { step: f64, phases: usize },
}

impl Step {
    /// The last input sample at or before output `k`, and the phase.
    fn place(self, k: usize) -> (usize, usize) {
        match self {
            Self::Exact { up, down } => match (k as u64).checked_mul(down) {
                Some(at) => ((at / up) as usize, (at % up) as usize),
                None => {
                    let (at, up) = (k as u128 * u128::from(down), u128::from(up));
                    ((at / up) as usize, (at % up) as usize)
                }
            },
            Self::Nearest { step, phases } => {
                let at = k as f64 * step;
                let phase = (at.fract() * phases as f64).round() as usize;
                // A place that rounds up to the next sample is its first phase.
                (at as usize + phase / phases, phase % phases)
            }
        }
    }
}

impl Resampler {
    /// Designs the filter. Rates in samples a second, in any unit that both share.
    ///
    /// # Errors
    /// A rate is not positive and finite, or the ratio `to / from` is above 32 or below 1/1024.
    pub fn new(from: f64, to: f64) -> Result<Self> {
        for rate in [from, to] {
            if !rate.is_finite() || rate <= 0.0 {
                return Err(Error::Parameter {
                    item: "sample rate",
                    expected: "a positive number",
                    found: rate.to_string(),
                });
            }
        }
        let ratio = to / from;
        if !(1.0 / MAX_DOWN..=MAX_UP).contains(&ratio) {
            return Err(Error::Parameter {
                item: "ratio of the model's sample rate to the lead's",
                expected: "1/1024 to 32",
                found: format!("{to} / {from}"),
            });
        }
        // The filter is as many input samples longer as the output is coarser.
        let stretch = (1.0 / ratio).max(1.0);
        let (step, phases) = match rational(ratio) {
            Some((up, down)) => (Step::Exact { up, down }, up as usize),
            None => {
                let phases = ((MAX_TERM as f64 / stretch) as usize).max(1);
                let step = 1.0 / ratio;
                (Step::Nearest { step, phases }, phases)
            }
        };
        if step == (Step::Exact { up: 1, down: 1 }) {
            return Ok(Self {
                step,
                taps: Taps { all: Vec::new(), width: 0, own: 0 },
                reach: 0,
                #[cfg(test)]
                phases,
            });
        }
        let filter = Filter::new(stretch);
        let reach = filter.half.ceil() as usize;
        let width = width(reach);
        let mut taps = vec![0.0_f64; phases * width];
        for phase in 0..=phases / 2 {
            let row = filter.taps(phase as f64 / phases as f64, reach);
            taps[phase * width..][..row.len()].copy_from_slice(&row);
            // The filter is symmetric: a phase mirrors the one as far from the next sample.
            if phase > 0 && 2 * phase < phases {
                let mirrored = &mut taps[(phases - phase) * width..][..row.len()];
                mirrored[0] = 0.0;
                mirrored[1..].iter_mut().zip(row.iter().rev()).for_each(|(to, tap)| *to = *tap);
            }
        }
        for row in taps.chunks_exact_mut(width) {
            // Each phase by itself passes a constant unchanged.
            let sum: f64 = row.iter().sum();
            row.iter_mut().for_each(|t| *t /= sum);
        }
        Ok(Self {
            step,
            taps: Taps::new(&taps, width, 2 * reach + 1),
            reach,
            #[cfg(test)]
            phases,
        })
    }

    /// Whether the rates are the same, so that [`Self::apply`] copies.
    pub fn is_identity(&self) -> bool {
        self.reach == 0
    }

    /// Output samples for `n` input samples: those that lie within the input's duration.
    pub fn output_len(&self, n: usize) -> usize {
        match self.step {
            Step::Exact { up, down } => (n as u128 * u128::from(up)).div_ceil(u128::from(down)) as usize,
            Step::Nearest { step, .. } => (n as f64 / step).ceil() as usize,
        }
    }

    /// Where input sample `index` comes to lie, rounded to the nearest output sample.
    pub fn position(&self, index: i64) -> i64 {
        match self.step {
            Step::Exact { up, down } => {
                let (up, down) = (i128::from(up), i128::from(down));
                (i128::from(index) * 2 * up + down).div_euclid(2 * down) as i64
            }
            Step::Nearest { step, .. } => (index as f64 / step).round() as i64,
        }
    }

    /// Resamples one lead. `samples` should be finite: a NaN spreads over the filter's length, and up to 15 samples further, as many as suits the
    /// processor.
    pub fn apply(&self, samples: &[f32]) -> Vec<f32> {
        let mut out = vec![0.0; self.output_len(samples.len())];
        self.fill(samples, &mut out);
        out
    }

    /// The same, in memory of the caller's.
    ///
    /// # Panics
    /// `out` does not hold [`Self::output_len`] samples.
    pub fn fill(&self, samples: &[f32], out: &mut [f32]) {
        let (width, all) = (width(self.reach), self.output_len(samples.len()));
        assert_eq!(out.len(), all, "outputs of {} samples", samples.len());
        if self.is_identity() || samples.is_empty() {
            return out.copy_from_slice(samples);
        }
        let mut done = self.side_by_side(samples, out);
        // A stretch of the input at a time: every output is a product of two slices.
        let mut input: Vec<f32> = Vec::with_capacity(STRETCH + width);
        while done < all {
            let start = self.step.place(done).0;
            input.clear();
            held(samples, start as i64 - self.reach as i64, STRETCH + width, |_, x| input.push(x));
            while done < all {
                let place = |k: usize| {
                    let (center, phase) = self.step.place(k);
                    (center - start, self.taps.of(phase))
                };
                let (at, taps) = place(done);
                if at > STRETCH {
                    break;
                }
                let input = &input[at..];
                // Upsampled, a next output may have its product with the same samples.
                match (done + 1 < all).then(|| place(done + 1)) {
                    Some((next, others)) if next == at => {
                        out[done..done + 2].copy_from_slice(&products(input, [taps, others]));
                        done += 2;
                    }
                    _ => {
                        [out[done]] = products(input, [taps]);
                        done += 1;
                    }
                }
            }
        }
    }
}

/// Parts of a signal, for one that comes part by part.
impl Resampler {
    /// Input samples to either side that an output is made of.
    pub(crate) fn reach(&self) -> usize {
        self.reach
    }

    /// Adds the outputs `which` of a signal, of which `samples` begin with input `first`, to `out`: of finite samples the same as [`Self::apply`] makes of the
    /// whole signal, wherever these samples reach to either side. Beyond them they are held.
    pub(crate) fn part(&self, samples: &[f32], first: usize, which: Range<usize>, out: &mut Vec<f32>) {
        let Some(last) = samples.len().checked_sub(1) else { return };
        if self.is_identity() {
            out.extend(which.map(|k| samples[k.saturating_sub(first).min(last)]));
            return;
        }
        let width = width(self.reach);
        let mut input: Vec<f32> = Vec::new();
        // Stretches of the input, as a long part at once would take memory.
        let mut from = 0;
        for k in which {
            let (center, phase) = self.step.place(k);
            let start = center as i64 - self.reach as i64 - first as i64;
            if input.is_empty() || start + width as i64 > from + input.len() as i64 {
                from = start;
                input.clear();
                held(samples, from, STRETCH + width, |_, x| input.push(x));
            }
            let taps = self.taps.of(phase);
            out.extend(products(&input[(start - from) as usize..], [taps]));
        }
    }
}

/// Gives `count` samples from sample `from` on, each with its number; before the first and after the last these are held. There
/// must be some.
fn held(samples: &[f32], from: i64, count: usize, mut give: impl FnMut(usize, f32)) {
    let (first, last) = (samples[0], samples[samples.len() - 1]);
    let before = usize::try_from(-from).unwrap_or(0).min(count);
    let begin = usize::try_from(from).unwrap_or(0).min(samples.len());
    let within = &samples[begin..];
    let within = &within[..within.len().min(count - before)];
    (0..before).for_each(|i| give(i, first));
    within.iter().enumerate().for_each(|(i, x)| give(before + i, *x));
    (before + within.len()..count).for_each(|i| give(i, last));
}

/// Input samples that are copied at once, at least.
const STRETCH: usize = 1024;
/// Products that are summed side by side.
const LANES: usize = 8;

/// Taps of a phase, filled up with zeros.
fn width(reach: usize) -> usize {
    (2 * reach + 1).next_multiple_of(LANES)
}

/// The sums of products of the samples with some rows of taps.
fn products<const N: usize>(input: &[f32], rows: [&[f32]; N]) -> [f32; N] {
    let mut sums = [[0.0; LANES]; N];
    let width = rows[0].len();
    let rows = rows.map(|row| row[..width].as_chunks::<LANES>().0);
    for (i, x) in input[..width].as_chunks::<LANES>().0.iter().enumerate() {
        for (sums, row) in sums.iter_mut().zip(rows) {
            for l in 0..LANES {
                sums[l] += x[l] * row[i][l];
            }
        }
    }
    sums.map(|sums| {
        let [a, b, c, d, e, f, g, h] = sums;
        ((a + e) + (c + g)) + ((b + f) + (d + h))
    })
}

/// A sinc under a Kaiser window.
struct Filter {
    /// Input samples to either side.
    half: f64,
    /// Of the sampling rate's half.
    cutoff: f64,
    /// Coefficients of the window, a power series.
    window: Vec<f64>,
}

impl Filter {
    /// The filter for outputs that are `stretch` input samples apart, at least one.
    fn new(stretch: f64) -> Filter {
        let beta = 0.1102 * (ATTENUATION - 8.7);
        let width = std::f64::consts::PI * TRANSITION / stretch;
        let half = (ATTENUATION - 8.0) / (2.285 * width) / 2.0;
        let cutoff = (1.0 - TRANSITION / 2.0) / stretch;
        // The modified Bessel function of order 0 at `beta sqrt(rim)`, over that at `beta`, as a series in `rim`.
        let quarter = beta * beta / 4.0;
        let mut window = vec![1.0];
        let (mut term, mut sum) = (1.0, 1.0);
        for k in 1..200 {
            term *= quarter / f64::from(k * k);
            sum += term;
            window.push(term);
            if term < sum * 1e-17 {
                break;
            }
        }
        window.iter_mut().for_each(|c| *c /= sum);
        Filter { half, cutoff, window }
    }

    /// The taps of the output that lies `place` of a sample after the last input sample before it.
    fn taps(&self, place: f64, reach: usize) -> Vec<f64> {
        let angle = std::f64::consts::PI * self.cutoff;
        let width = width(reach);
        let (mut taps, mut rims) = (vec![0.0; width], vec![-1.0; width]);
        // The sine goes round by one sample's angle from tap to tap, anew every so often so that no error grows.
        let (turn_sin, turn_cos) = (-angle).sin_cos();
        let (mut sin, mut cos) = (0.0, 1.0);
        for (i, (tap, rim)) in taps.iter_mut().zip(&mut rims).enumerate().take(2 * reach + 1) {
            let t = place + reach as f64 - i as f64;
            if i.is_multiple_of(ANEW) {
                (sin, cos) = (angle * t).sin_cos();
            }
            *tap = if t.abs() < 1e-6 { 1.0 } else { sin / (angle * t) };
            *rim = 1.0 - (t / self.half) * (t / self.half);
            (sin, cos) = (sin * turn_cos + cos * turn_sin, cos * turn_cos - sin * turn_sin);
        }
        // The window, for some taps side by side.
        for (taps, rims) in taps.as_chunks_mut::<LANES>().0.iter_mut().zip(rims.as_chunks::<LANES>().0) {
            let mut window = [0.0; LANES];
            for c in self.window.iter().rev() {
                for l in 0..LANES {
                    window[l] = window[l] * rims[l] + c;
                }
            }
            for l in 0..LANES {
                taps[l] = if rims[l] < 0.0 { 0.0 } else { taps[l] * window[l] };
            }
        }
        taps.truncate(2 * reach + 1);
        taps
    }
}

/// Taps between two sines that are computed as such.
const ANEW: usize = 32;

/// `x` as a fraction with terms up to [`MAX_TERM`], by its continued fraction; `None` if it is none, to rounding.
fn rational(x: f64) -> Option<(u64, u64)> {
    let (mut p, mut q) = ([0_u64, 1], [1_u64, 0]);
    let mut rest = x;
    loop {
        let whole = rest.floor();
        let next = |v: [u64; 2]| (whole as u64).saturating_mul(v[1]).saturating_add(v[0]);
        (p, q) = ([p[1], next(p)], [q[1], next(q)]);
        if p[1] > MAX_TERM || q[1] > MAX_TERM {
            return None;
        }
        if (p[1] as f64 / q[1] as f64 - x).abs() <= 1e-12 * x {
            return Some((p[1], q[1]));
        }
        // Terms grow at each turn, and a fraction of 0 was exact above.
        rest = 1.0 / (rest - whole);
    }
}

#[cfg(test)]
mod tests;
