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
//! above `f` is attenuated by 74 dB or more, so that nothing aliases. A constant stays the same constant. Beyond its
//! ends the signal is taken to hold its first and last value.

use super::error::{Error, Result};

/// Stopband attenuation, dB.
const ATTENUATION: f64 = 80.0;
/// Width of the transition, as a part of the lower Nyquist frequency.
const TRANSITION: f64 = 0.1;
/// Largest term of the ratio, and most phases: bounds the filter to some 400,000 taps.
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
    /// Taps of all phases, phase by phase, [`Self::width`] each, for input samples from `reach` before the last one at or
    /// before the output on; behind the filter's end zeros.
    taps: Vec<f64>,
    reach: usize,
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
                taps: Vec::new(),
                reach: 0,
                #[cfg(test)]
                phases,
            });
        }
        let filter = Filter::new(stretch);
        let reach = filter.half.ceil() as usize;
        let width = width(reach);
        let mut taps = vec![0.0; phases * width];
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
            taps,
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

    /// Resamples one lead. `samples` should be finite: a NaN spreads over the filter's length.
    pub fn apply(&self, samples: &[f32]) -> Vec<f32> {
        let (Some(first), Some(last)) = (samples.first(), samples.last()) else { return Vec::new() };
        if self.is_identity() {
            return samples.to_vec();
        }
        let (width, all) = (width(self.reach), self.output_len(samples.len()));
        let mut out = Vec::with_capacity(all);
        // A stretch of the input at a time in f64, beyond its ends held: every output is a product of two slices.
        let mut held: Vec<f64> = Vec::with_capacity(STRETCH + width);
        let mut done = 0;
        while done < all {
            let start = self.step.place(done).0;
            held.clear();
            // Sample `start - reach` is the first.
            let before = self.reach.saturating_sub(start);
            held.resize(before, f64::from(*first));
            let from = (start + before).saturating_sub(self.reach).min(samples.len());
            let to = (from + STRETCH + width - before).min(samples.len());
            held.extend(samples[from..to].iter().map(|x| f64::from(*x)));
            held.resize(STRETCH + width, f64::from(*last));
            while done < all {
                let place = |k: usize| {
                    let (center, phase) = self.step.place(k);
                    (center - start, &self.taps[phase * width..][..width])
                };
                let (at, taps) = place(done);
                if at > STRETCH {
                    break;
                }
                let input = &held[at..];
                // Upsampled, a next output may have its product with the same samples.
                match (done + 1 < all).then(|| place(done + 1)) {
                    Some((next, others)) if next == at => {
                        out.extend(products(input, [taps, others]).map(|sum| sum as f32));
                        done += 2;
                    }
                    _ => {
                        out.extend(products(input, [taps]).map(|sum| sum as f32));
                        done += 1;
                    }
                }
            }
        }
        out
    }
}

/// Input samples that are widened at once, at least.
const STRETCH: usize = 1024;
/// Products that are summed side by side.
const LANES: usize = 8;

/// Taps of a phase, filled up with zeros.
fn width(reach: usize) -> usize {
    (2 * reach + 1).next_multiple_of(LANES)
}

/// The sums of products of the samples with some rows of taps.
fn products<const N: usize>(input: &[f64], rows: [&[f64]; N]) -> [f64; N] {
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
mod tests {
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

    /// The formula, plainly: each output a sum over the input in f64, taps made for it alone.
    fn plain(from: f64, to: f64, x: &[f32]) -> Vec<f32> {
        let resampler = Resampler::new(from, to).expect("fair rates");
        if resampler.is_identity() {
            return x.to_vec();
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
            let (mut sum, mut taps) = (0.0, 0.0);
            for i in -reach..=reach {
                let tap = tap(at - i as f64);
                let held = (center as i64 + i).clamp(0, x.len() as i64 - 1) as usize;
                sum += tap * f64::from(x[held]);
                taps += tap;
            }
            (sum / taps) as f32
        };
        (0..resampler.output_len(x.len())).map(value).collect()
    }

    fn assert_plain(from: f64, to: f64, x: &[f32]) {
        let (got, want) = (Resampler::new(from, to).expect("fair rates").apply(x), plain(from, to, x));
        assert_eq!(got.len(), want.len(), "{from} to {to}");
        let most = x.iter().fold(1e-6f32, |m, v| m.max(v.abs()));
        for (k, (g, w)) in got.iter().zip(&want).enumerate() {
            assert!((g - w).abs() <= 2e-7 * most, "{from} to {to}, {k} of {}: {g} {w}", got.len());
        }
    }

    #[test]
    fn outputs_are_the_formulas() {
        let mut random = crate::random::Random(9);
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
            let mut random = crate::random::Random(seed);
            let x: Vec<f32> = (0..n).map(|_| (random.normal() * 3.0) as f32).collect();
            assert_plain(from, to, &x);
        }

        #[test]
        fn resampling_is_linear_and_passes_constants(from in 50.0..1500.0f64, to in 50.0..1500.0f64, seed: u64) {
            let mut random = crate::random::Random(seed);
            let r = Resampler::new(from, to).expect("fair rates");
            let x: Vec<f32> = (0..200).map(|_| random.normal() as f32).collect();
            let moved: Vec<f32> = x.iter().map(|v| 2.0 * v + 1.0).collect();
            for (a, b) in r.apply(&x).iter().zip(r.apply(&moved)) {
                proptest::prop_assert!((2.0 * a + 1.0 - b).abs() <= 2e-6, "{a} {b}");
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
        for (from, to) in [(1.0, std::f64::consts::PI), (1000.0, 0.977), (360.0, 360.001), (4095.0, 4096.0)] {
            let r = Resampler::new(from, to).expect("fair rates");
            assert!(!r.is_identity() && r.taps.len() < 500_000, "{from} {to}: {}", r.taps.len());
        }
    }
}
