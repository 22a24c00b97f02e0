//! Mains hum: found and taken off.
//!
//! For each of [`MAINS`] that the rate can hold, in stretches of 30 to 60 s:
//!
//! 1. *Found*: in up to ten blocks of a second, spread over the stretch and less their mean, under Hann's window, the amplitude `A` at the mains
//!    frequency and the root `B` of the mean square of the amplitudes 4 and 7 Hz to either side. A QRS complex has as much beside the mains
//!    frequency as at it, hum has not. There is hum where the median of `A / B` is at least 3 and the median of `A` at least a hundredth of the
//!    stretch's standard deviation.
//! 2. *Taken off*: `2 Re(c[i] exp(jwi))`, where `c` is the lead, less the stretch's mean, times `exp(-jwi)`, averaged over a second around each
//!    sample and these averages over a second again. So the hum may change its size and phase within seconds. Averages are over what there is:
//!    missing samples and those beyond the ends take no part.
//!
//! Harmonics stay. The formula is the contract with `tools/python/tests/oracles/mains.py`.

use super::beats::median;
use super::gaps::all_finite;
use super::spectrum::{hann, powers};
use super::statistics::{sum, sum_of};
use super::wide::wide;
use std::f64::consts::TAU;

/// Mains frequencies of the world, Hz.
pub const MAINS: [f64; 2] = [50.0, 60.0];
/// Distances, Hz, of what the hum is compared with.
const BESIDE: [f64; 4] = [-7.0, -4.0, 4.0, 7.0];
/// Frequencies that are looked at: each of the mains, and those beside it.
const LOOKED_AT: usize = MAINS.len() * (1 + BESIDE.len());
/// Least amplitude of hum, as a multiple of that beside it.
const STANDS_OUT: f64 = 3.0;
/// Least amplitude of hum, as a part of the standard deviation.
const LEAST: f64 = 0.01;
/// The shortest of the stretches that are judged by themselves, s, of longer records.
const STRETCH: f64 = 30.0;
/// Length of a block, s.
const BLOCK: f64 = 1.0;
/// Blocks of a stretch at most.
const BLOCKS: usize = 10;
/// The shortest stretch, s, in which hum can be told.
const SHORTEST: f64 = 0.5;
/// Frequencies up to this part of the rate can be told.
const HIGHEST: f64 = 0.45;
/// What the hum's amplitude and phase are averaged over, s.
const AVERAGED: f64 = 1.0;

/// Takes mains hum off a lead, in place, where there is some: in how many stretches. Samples that are not finite are missing. `rate` in Hz.
pub fn remove(samples: &mut [f32], rate: f64) -> usize {
    let n = samples.len();
    if !(rate.is_finite() && rate > 0.0) || n == 0 {
        return 0;
    }
    let count = ((n as f64 / (STRETCH * rate)) as usize).clamp(1, n);
    let mut found = 0;
    for stretch in samples.chunks_mut(n.div_ceil(count)) {
        if (stretch.len() as f64) < SHORTEST * rate {
            continue;
        }
        let is_there = hums(stretch, rate);
        found += usize::from(is_there.contains(&true));
        for (hertz, _) in MAINS.iter().zip(is_there).filter(|(_, is_there)| *is_there) {
            take_off(stretch, *hertz, rate);
        }
    }
    found
}

/// The mean and the population standard deviation of the samples that are not missing.
fn mean_and_deviation(samples: &[f32]) -> (f64, f64) {
    if all_finite(samples) && !samples.is_empty() {
        let mean = mean_of(samples);
        return (mean, (squares_around(samples, mean) / samples.len() as f64).sqrt());
    }
    let known = || samples.iter().filter(|v| v.is_finite()).map(|v| f64::from(*v));
    let count = known().count().max(1) as f64;
    let mean = known().sum::<f64>() / count;
    (mean, (known().map(|v| (v - mean) * (v - mean)).sum::<f64>() / count).sqrt())
}

wide! {
    fn mean_of(samples: &[f32]) -> f64 {
        sum(samples) / samples.len() as f64
    }
}

wide! {
    /// The sum of the squares of the samples' distances to a value.
    fn squares_around(samples: &[f32], mean: f64) -> f64 {
        sum_of(samples, samples, |x, _| (x - mean) * (x - mean))
    }
}

wide! {
    /// A block less its mean, under a window.
    fn weigh(block: &[f32], window: &[f64], out: &mut [f64]) {
        let mean = sum(block) / block.len() as f64;
        for ((out, v), w) in out.iter_mut().zip(block).zip(window) {
            *out = (f64::from(*v) - mean) * w;
        }
    }
}

/// Which of the mains hum in a stretch.
fn hums(stretch: &[f32], rate: f64) -> [bool; MAINS.len()] {
    let len = ((BLOCK * rate) as usize).clamp(1, stretch.len());
    let window: Vec<f64> = hann(len);
    let scale = 2.0 / window.iter().sum::<f64>().max(f64::MIN_POSITIVE);
    let mut hertz = [0.0; LOOKED_AT];
    for (of, mains) in hertz.chunks_exact_mut(1 + BESIDE.len()).zip(MAINS) {
        of[0] = mains;
        of[1..].iter_mut().zip(BESIDE).for_each(|(f, beside)| *f = mains + beside);
    }
    let angles = hertz.map(|f| TAU * f / rate);
    let whole = stretch.len() / len;
    let blocks = whole.min(BLOCKS);
    let mut ratios: [Vec<f64>; MAINS.len()] = Default::default();
    let mut sizes: [Vec<f64>; MAINS.len()] = Default::default();
    let mut weighted = window.clone();
    for block in 0..blocks {
        let part = &stretch[(block * whole / blocks) * len..][..len];
        if !all_finite(part) {
            continue;
        }
        weigh(part, &window, &mut weighted);
        let powers = powers(&weighted, &angles).map(|p| p.max(0.0) * scale * scale);
        for (k, of) in powers.chunks_exact(1 + BESIDE.len()).enumerate() {
            let beside = (of[1..].iter().sum::<f64>() / BESIDE.len() as f64).sqrt();
            sizes[k].push(of[0].sqrt());
            ratios[k].push(of[0].sqrt() / beside.max(f64::MIN_POSITIVE));
        }
    }
    let (_, deviation) = mean_and_deviation(stretch);
    let mut out = [false; MAINS.len()];
    for (k, is_there) in out.iter_mut().enumerate() {
        *is_there = MAINS[k] <= HIGHEST * rate
            && !ratios[k].is_empty()
            && deviation > 0.0
            && median(&ratios[k]) >= STANDS_OUT
            && median(&sizes[k]) >= LEAST * deviation;
    }
    out
}

/// Takes the hum of one frequency off a stretch.
fn take_off(stretch: &mut [f32], hertz: f64, rate: f64) {
    let (mean, _) = mean_and_deviation(stretch);
    let half = (AVERAGED * rate / 2.0) as usize;
    // The carrier's real and imaginary parts; a phase of whole turns is dropped first, so that long stretches lose no digits.
    let carrier = |i: usize| (TAU * (i as f64 * hertz / rate).fract()).sin_cos();
    let mut moved = Vec::with_capacity(stretch.len());
    for (i, v) in stretch.iter().enumerate() {
        let (sin, cos) = carrier(i);
        let x = f64::from(*v) - mean;
        moved.push(v.is_finite().then_some([x * cos, -x * sin]));
    }
    let once = averaged(&moved, half);
    let twice = averaged(&once, half);
    for (i, (v, c)) in stretch.iter_mut().zip(twice).enumerate() {
        let (sin, cos) = carrier(i);
        let [re, im] = c.unwrap_or_default();
        *v = (f64::from(*v) - 2.0 * (re * cos - im * sin)) as f32;
    }
}

/// The mean of what there is up to `half` samples to either side of each; none where there is nothing.
fn averaged(values: &[Option<[f64; 2]>], half: usize) -> Vec<Option<[f64; 2]>> {
    let (mut sum, mut known) = ([0.0; 2], 0usize);
    let (mut from, mut to) = (0, 0);
    let mut out = Vec::with_capacity(values.len());
    for i in 0..values.len() {
        while to < (i + half + 1).min(values.len()) {
            if let Some(v) = values[to] {
                sum = [sum[0] + v[0], sum[1] + v[1]];
                known += 1;
            }
            to += 1;
        }
        while from < i.saturating_sub(half) {
            if let Some(v) = values[from] {
                sum = [sum[0] - v[0], sum[1] - v[1]];
                known -= 1;
            }
            from += 1;
        }
        out.push((known > 0).then(|| sum.map(|s| s / known as f64)));
    }
    out
}

#[cfg(test)]
mod tests;
