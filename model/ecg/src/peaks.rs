//! R-peak detection.
//!
//! The detector is Elgendi's two moving averages (M. Elgendi, *Fast QRS detection with an optimized knowledge-based
//! method*, PLoS ONE 8(9), 2013), which found the 8–20 Hz band and both window lengths best on MIT-BIH. Since a whole
//! record is at hand, more is done around them:
//!
//! 1. The band-passed signal is divided by its local amplitude, the median over some seconds of the maxima of short
//!    blocks, so that neither a single artefact nor a change of gain moves the threshold. The amplitude has a floor
//!    relative to the record's, so that a pause stays a pause.
//! 2. *Blocks*: where the mean of the square over a QRS (97 ms) exceeds that over a beat (611 ms) plus a small offset
//!    for at least the length of a QRS. The largest sample of each block is a candidate; of two within 200 ms (no
//!    ventricle beats that fast) the larger stays.
//! 3. *Rhythm*: a candidate far smaller than its neighbours is dropped if the beats around it are a normal interval
//!    apart without it: a P or T wave, or noise. A small premature or escape beat stands in a longer gap, and stays.
//! 4. *Place*: the largest excursion within 100 ms in a wider band, 3–30 Hz, in which wide ventricular beats peak where
//!    cardiologists mark them.
//! 5. *Gaps* that are long for the rhythm are searched in that wider band for a wave of at least half the size of the
//!    beats around: ventricular beats among fast normal ones hardly show in the QRS band. The idea of searching back is
//!    that of J. Pan and W. J. Tompkins, *A real-time QRS detection algorithm*, IEEE Trans. Biomed. Eng. 32(3), 1985.
//!
//! Time and memory are linear in the number of samples. The constants are physiological; those that are ratios, and the
//! offset, were chosen on MIT-BIH (all 48 records) with an eye on LUDB, so results there are not blind.

use super::band_pass::band_passes;
use super::beats::{median, median_of};
use super::error::{Error, Result};
use super::filter::fill_missing;
use super::gaps::Gaps;
use super::held;
use super::statistics::running_medians;
use super::wide::wide;
use std::borrow::Cow;

/// Band of the QRS complex that sets it apart from P and T waves, Hz.
const QRS_BAND: (f64, f64) = (8.0, 20.0);
/// Band in which the peak is placed, Hz.
const PLACE_BAND: (f64, f64) = (3.0, 30.0);
/// Length of a QRS complex, s.
const QRS_SECONDS: f64 = 0.097;
/// Length of a beat from P to T, s.
const BEAT_SECONDS: f64 = 0.611;
/// Excess of the QRS mean over the beat mean, as a part of the squared local amplitude.
const OFFSET: f64 = 0.004;
/// Shortest time between two beats, s.
const REFRACTORY_SECONDS: f64 = 0.2;
/// Length of a block whose maximum counts for the local amplitude, s: more than a beat.
const AMPLITUDE_SECONDS: f64 = 1.5;
/// Blocks in the median of the local amplitude.
const AMPLITUDE_BLOCKS: usize = 9;
/// Least local amplitude, as a part of the record's median.
const AMPLITUDE_FLOOR: f64 = 0.1;
/// Beats before and after that a candidate is compared with.
const NEIGHBOURS: usize = 8;
/// A candidate of this part of its neighbours' median amplitude counts for the rhythm.
const STRONG: f64 = 0.5;
/// A candidate below this part must be needed for the rhythm.
const WEAK: f64 = 0.3;
/// A candidate below this part is dropped in any case.
const NOISE: f64 = 0.1;
/// A gap is normal up to this many local median intervals.
const NORMAL_GAP: f64 = 1.3;
/// A gap is long, and looked into again, from this many local median intervals.
const LONG_GAP: f64 = 1.5;
/// What is found there must have this part of its neighbours' median size.
const FOUND: f64 = 0.5;
/// No beat is looked for this near to another, s: there are T waves.
const CLEAR_SECONDS: f64 = 0.25;
/// Farthest that a peak is moved to its place, s.
const PLACE_SECONDS: f64 = 0.1;
/// Least sample rate: the upper corner must stay clear of half of it.
const MIN_RATE: f64 = 50.0;
/// Greatest sample rate: far above any ECG's.
const MAX_RATE: f64 = 100_000.0;

/// The R peaks of one lead, as ascending sample indices.
///
/// `samples` in any unit and either polarity; samples that are not finite are missing, and so are those of a lead that holds its value
/// ([`super::held`]). A short gap is bridged, and a peak may lie in it; none is reported in one longer than [`super::gaps::BRIDGED`]. `sample_rate` in Hz, 50 to 100,000.
///
/// # Errors
/// The sample rate is out of its range.
pub fn detect(samples: &[f32], sample_rate: f64) -> Result<Vec<usize>> {
    check(sample_rate)?;
    Ok(detect_after(&[], samples, sample_rate).peaks)
}

/// That beats can be found at a sample rate.
pub(crate) fn check(sample_rate: f64) -> Result<()> {
    if !(MIN_RATE..=MAX_RATE).contains(&sample_rate) {
        return Err(Error::Parameter {
            item: "sample rate for R-peak detection",
            expected: "50 to 100000 Hz",
            found: format!("{sample_rate} Hz"),
        });
    }
    Ok(())
}

/// What is found in a part of a lead.
pub(crate) struct Found {
    /// As [`detect`] gives them.
    pub(crate) peaks: Vec<usize>,
    /// The largest magnitude of each [`amplitude_block`] in the QRS band, but for a last one that is short.
    pub(crate) maxima: Vec<f64>,
}

/// Samples of a block whose maximum counts for the local amplitude.
pub(crate) fn amplitude_block(sample_rate: f64) -> usize {
    ((AMPLITUDE_SECONDS * sample_rate) as usize).max(1)
}

/// [`detect`] at a rate that was checked, in a lead of which something came before: the maxima of `earlier` blocks tell the lead's
/// usual amplitude together with its own.
pub(crate) fn detect_after(earlier: &[f64], samples: &[f32], sample_rate: f64) -> Found {
    let mut filled = Cow::Borrowed(samples);
    for stretch in held::stretches(samples, sample_rate) {
        filled.to_mut()[stretch].fill(f32::NAN);
    }
    let gaps = Gaps::of(&filled);
    if !gaps.is_empty() {
        fill_missing(filled.to_mut());
    }
    let gaps = gaps.long(sample_rate);
    let place_band = (PLACE_BAND.0, PLACE_BAND.1.min(0.4 * sample_rate));
    let bands = band_passes(&filled, sample_rate, [QRS_BAND, place_band]);
    let (qrs, wide) = (bands.band(0), bands.band(1));
    let amplitude = Amplitude::new(earlier, qrs, sample_rate);
    let candidates = blocks(qrs, &amplitude, sample_rate);
    let maxima = amplitude.maxima;
    let candidates = weigh(qrs, &weigh(qrs, &candidates));
    let placed = place(wide, &candidates, sample_rate);
    let mut peaks = recover(wide, &placed, sample_rate);
    peaks.retain(|&k| !gaps.touch(k..k + 1));
    Found { peaks, maxima }
}

/// Moves candidates to the largest excursion nearby.
fn place(y: &[f32], candidates: &[usize], sample_rate: f64) -> Vec<usize> {
    let reach = (PLACE_SECONDS * sample_rate) as usize;
    let mut peaks = Vec::with_capacity(candidates.len());
    for &k in candidates {
        let end = (k + reach + 1).min(y.len());
        let peak = largest(y, k.saturating_sub(reach), end);
        keep_larger(&mut peaks, peak, y, sample_rate);
    }
    peaks
}

/// Looks again into gaps for beats that are wide and slow, and so faint in the QRS band.
fn recover(y: &[f32], peaks: &[usize], sample_rate: f64) -> Vec<usize> {
    let sizes: Vec<f64> = peaks.iter().map(|&k| f64::from(y[k].abs())).collect();
    let intervals: Vec<f64> = peaks.windows(2).map(|w| (w[1] - w[0]) as f64).collect();
    let clear = (CLEAR_SECONDS * sample_rate) as usize;
    let mut out = Vec::with_capacity(peaks.len());
    for (i, &k) in peaks.iter().enumerate() {
        out.push(k);
        let Some(&next) = peaks.get(i + 1) else { break };
        let near = around(&intervals, i, NEIGHBOURS);
        // Most gaps are not long even for the shortest of them, which is found sooner than the median.
        let shortest = near.iter().fold(f64::INFINITY, |least, v| v.min(least));
        let is_long = |usual: f64| (next - k) as f64 > LONG_GAP * usual;
        if next - k <= 2 * clear || !is_long(shortest) || !is_long(median(near)) {
            continue;
        }
        let best = largest(y, k + clear, next - clear);
        if f64::from(y[best].abs()) >= FOUND * median(around(&sizes, i, NEIGHBOURS)) {
            out.push(best);
        }
    }
    out
}

/// Index of the largest magnitude in `y[from..to]`, the first of equals.
fn largest(y: &[f32], from: usize, to: usize) -> usize {
    let y = y.get(from..to).unwrap_or_default();
    let most = largest_magnitude(y);
    // Where there are no samples, or none is a number, it is the first place.
    from + y.iter().position(|v| v.abs() == most).unwrap_or(0)
}

/// Appends a peak, or lets the larger stand if the one before is within the refractory time.
fn keep_larger(peaks: &mut Vec<usize>, peak: usize, y: &[f32], sample_rate: f64) {
    match peaks.last_mut() {
        Some(last) if ((peak.saturating_sub(*last)) as f64) < REFRACTORY_SECONDS * sample_rate => {
            if y[peak].abs() > y[*last].abs() {
                *last = peak;
            }
        }
        _ => peaks.push(peak),
    }
}

/// Candidates: the largest sample of every block in which the QRS mean stands out.
fn blocks(y: &[f32], amplitude: &Amplitude, sample_rate: f64) -> Vec<usize> {
    let half = |seconds: f64| (seconds * sample_rate / 2.0).round() as usize;
    let (short, long) = (half(QRS_SECONDS), half(BEAT_SECONDS));
    let min = QRS_SECONDS * sample_rate;
    let mut peaks = Vec::new();
    let mut start = None;
    let mut turn = |i: usize, inside: bool| match start {
        None if inside => start = Some(i),
        Some(from) if !inside => {
            start = None;
            if (i - from) as f64 >= min {
                keep_larger(&mut peaks, largest(y, from, i), y, sample_rate);
            }
        }
        _ => {}
    };
    let mut sums = Sums::new(y, amplitude, short.max(long));
    let mut inside = [false; AT_ONCE];
    for first in (0..y.len()).step_by(AT_ONCE) {
        let inside = &mut inside[..AT_ONCE.min(y.len() - first)];
        sums.reach(first + inside.len());
        sums.above(first, [short, long], inside);
        let mut at = first;
        for part in inside.chunks(ALIKE) {
            // Most are, and are told so without a look at each.
            if part.iter().fold(true, |all, v| all & (*v == part[0])) {
                turn(at, part[0]);
                at += part.len();
                continue;
            }
            for same in part.chunk_by(|a, b| a == b) {
                turn(at, same[0]);
                at += same.len();
            }
        }
    }
    turn(y.len(), false);
    peaks
}

/// Samples that are looked at together.
const AT_ONCE: usize = 1024;

/// Samples that may all be inside a block, or outside.
const ALIKE: usize = 32;

/// Running sums of the squares against the local amplitude. Only those are held that the windows around the samples looked at reach.
struct Sums<'a> {
    y: &'a [f32],
    amplitude: &'a Amplitude,
    longest: usize,
    /// The sums up to the samples from `first` on, itself left out.
    sums: Vec<f64>,
    first: usize,
}

impl<'a> Sums<'a> {
    /// For windows of up to `longest` samples to either side.
    fn new(y: &'a [f32], amplitude: &'a Amplitude, longest: usize) -> Sums<'a> {
        Sums { y, amplitude, longest, sums: vec![0.0], first: 0 }
    }

    /// Sums up as far as windows around the `AT_ONCE` samples before sample `end` reach.
    fn reach(&mut self, end: usize) {
        let low = end.saturating_sub(AT_ONCE + self.longest);
        self.sums.drain(..low.saturating_sub(self.first));
        self.first = low.max(self.first);
        let (from, to) = (self.first + self.sums.len() - 1, (end + self.longest).min(self.y.len()));
        let mut sum = self.sums.last().copied().unwrap_or(0.0);
        let mut sums = [0.0; CHAINS * CHAIN];
        for at in (from..to).step_by(CHAINS * CHAIN) {
            let y = &self.y[at..to.min(at + CHAINS * CHAIN)];
            self.amplitude.squares(at, y, &mut sums[..y.len()]);
            sum = add_up(&mut sums, sum);
            self.sums.extend_from_slice(&sums[..y.len()]);
        }
    }

    /// Whether the mean over `short` samples to either side stands out of that over `long`, for the samples from `first` on.
    fn above(&self, first: usize, [short, long]: [usize; 2], out: &mut [bool]) {
        let n = self.y.len();
        let reach = short.max(long);
        let whole = first >= reach && first + out.len() + reach <= n;
        if whole {
            let around = |half: usize| {
                let from = first - half - self.first;
                let (from, to) = (&self.sums[from..], &self.sums[from + 2 * half + 1..]);
                (from, to, 1.0 / (2 * half + 1) as f64)
            };
            return stand_out(around(short), around(long), out);
        }
        // Near the ends windows are cut off.
        let mean = |i: usize, half: usize| {
            let (from, to) = (i.saturating_sub(half), (i + half + 1).min(n));
            let sum = self.sums[to - self.first] - self.sums[from - self.first];
            if to - from == 2 * half + 1 {
                sum * (1.0 / (2 * half + 1) as f64)
            } else {
                sum / (to - from) as f64
            }
        };
        for (k, out) in out.iter_mut().enumerate() {
            *out = mean(first + k, short) > mean(first + k, long) + OFFSET;
        }
    }
}

/// Running sums before and behind the windows around some samples, and the inverse of the windows' length.
type Windows<'a> = (&'a [f64], &'a [f64], f64);

wide! {
    /// Whether the mean over the short windows stands out of that over the long ones.
    fn stand_out(short: Windows<'_>, long: Windows<'_>, out: &mut [bool]) {
        let n = out.len();
        let [(short_from, short_to, per_short), (long_from, long_to, per_long)] = [short, long];
        let (short_from, short_to) = (&short_from[..n], &short_to[..n]);
        let (long_from, long_to) = (&long_from[..n], &long_to[..n]);
        for k in 0..n {
            let short = (short_to[k] - short_from[k]) * per_short;
            out[k] = short > (long_to[k] - long_from[k]) * per_long + OFFSET;
        }
    }
}

wide! {
    /// Makes running sums of values, after a sum of those before; the last of them.
    fn add_up(values: &mut [f64; CHAINS * CHAIN], before: f64) -> f64 {
        // Each sum waits for the one before, but not those of other chains.
        let mut chains = [0.0; CHAINS];
        for k in 0..CHAIN {
            for (c, chain) in chains.iter_mut().enumerate() {
                *chain += values[c * CHAIN + k];
                values[c * CHAIN + k] = *chain;
            }
        }
        let mut sum = before;
        for (values, chain) in values.as_chunks_mut::<CHAIN>().0.iter_mut().zip(chains) {
            values.iter_mut().for_each(|v| *v += sum);
            sum += chain;
        }
        sum
    }
}

/// Squares that are summed one after another, and chains of them side by side.
const CHAIN: usize = 64;
const CHAINS: usize = 4;

/// The local amplitude: medians of block maxima, joined by straight lines.
struct Amplitude {
    /// Of a sample.
    blocks: f64,
    medians: Vec<f64>,
    /// The maxima that the medians are of.
    maxima: Vec<f64>,
}

impl Amplitude {
    fn new(earlier: &[f64], y: &[f32], sample_rate: f64) -> Self {
        let block = amplitude_block(sample_rate);
        let mut maxima: Vec<f64> = y.chunks(block).map(|part| f64::from(largest_magnitude(part))).collect();
        // A short last block may hold no beat.
        if !y.len().is_multiple_of(block) && maxima.len() > 1 {
            maxima.pop();
        }
        let usual = median_of(&mut [earlier, &maxima].concat());
        let floor = (AMPLITUDE_FLOOR * usual).max(f64::MIN_POSITIVE.sqrt());
        let medians =
            running_medians(&maxima, AMPLITUDE_BLOCKS / 2).into_iter().map(|v| v.max(floor)).collect();
        Self { blocks: 1.0 / block as f64, medians, maxima }
    }

    /// The squares of the samples from `first` on against their amplitudes, at most 4.
    fn squares(&self, first: usize, y: &[f32], out: &mut [f64]) {
        let last = self.medians.len() - 1;
        let mut done = 0;
        while done < out.len() {
            let left = (place_among((first + done) as f64, self.blocks) as usize).min(last);
            let next = ((left as f64 + 1.5) / self.blocks - 0.5).ceil() as usize;
            // Beyond the last block its median goes on.
            let end =
                if left == last { out.len() } else { next.saturating_sub(first).clamp(done + 1, out.len()) };
            let line = Line {
                first: (first + done) as f64,
                blocks: self.blocks,
                left: left as f64,
                ends: [self.medians[left], self.medians[(left + 1).min(last)]],
            };
            squares_along(line, &y[done..end], &mut out[done..end]);
            done = end;
        }
    }
}

/// Where a sample lies among the middles of blocks, of which a sample is the part `blocks`.
#[inline(always)]
fn place_among(sample: f64, blocks: f64) -> f64 {
    let place = (sample + 0.5) * blocks - 0.5;
    if place > 0.0 { place } else { 0.0 }
}

/// The amplitude between two blocks.
#[derive(Clone, Copy)]
struct Line {
    /// The first sample.
    first: f64,
    /// Blocks of a sample.
    blocks: f64,
    /// The block before, and the medians of both.
    left: f64,
    ends: [f64; 2],
}

wide! {
    /// The squares of samples against the amplitude on a line.
    fn squares_along(line: Line, y: &[f32], out: &mut [f64]) {
        let [here, there] = line.ends;
        let y = &y[..out.len()];
        for k in 0..out.len() {
            // Numbers of 32 bits convert in vectors.
            let share = place_among(line.first + f64::from(k as i32), line.blocks) - line.left;
            let share = if share < 1.0 { share } else { 1.0 };
            let z = f64::from(y[k]) / (here * (1.0 - share) + there * share);
            out[k] = if z * z < 4.0 { z * z } else { 4.0 };
        }
    }
}

wide! {
    /// The largest magnitude; 0 of none.
    fn largest_magnitude(y: &[f32]) -> f32 {
        const LANES: usize = 16;
        let mut most = [0.0; LANES];
        let (whole, rest) = y.as_chunks::<LANES>();
        for y in whole {
            for l in 0..LANES {
                let v = y[l].abs();
                most[l] = if v > most[l] { v } else { most[l] };
            }
        }
        most.iter().chain(rest).fold(0.0, |most: f32, v| v.abs().max(most))
    }
}

/// Up to `reach` values on both sides of `values[i]`, and itself.
fn around(values: &[f64], i: usize, reach: usize) -> &[f64] {
    &values[i.saturating_sub(reach)..(i + reach + 1).min(values.len())]
}

/// Drops candidates that are far smaller than their neighbours and not needed for the rhythm.
fn weigh(y: &[f32], candidates: &[usize]) -> Vec<usize> {
    let sizes: Vec<f64> = candidates.iter().map(|&k| f64::from(y[k].abs())).collect();
    // What is less than strong counts exactly; most are strong, for which it is enough that most of their neighbours are not twice as large.
    let ratio = |i: usize| {
        let (size, near) = (sizes[i], around(&sizes, i, NEIGHBOURS));
        let below = near.iter().filter(|v| **v * STRONG <= size).count();
        if below > near.len() / 2 {
            return STRONG;
        }
        size / median(near).max(f64::MIN_POSITIVE)
    };
    let ratios: Vec<f64> = (0..sizes.len()).map(ratio).collect();
    let strong: Vec<usize> =
        (0..candidates.len()).filter(|&i| ratios[i] >= STRONG).map(|i| candidates[i]).collect();
    if strong.len() < 3 {
        return candidates.to_vec();
    }
    let intervals: Vec<f64> = strong.windows(2).map(|w| (w[1] - w[0]) as f64).collect();
    let mut kept: Vec<usize> = Vec::with_capacity(candidates.len());
    let mut next_strong = 0;
    for (i, &k) in candidates.iter().enumerate() {
        while next_strong + 1 < intervals.len() && strong[next_strong] < k {
            next_strong += 1;
        }
        let needed = || match (kept.last(), candidates.get(i + 1)) {
            (Some(&before), Some(&after)) => {
                let usual = median(around(&intervals, next_strong, NEIGHBOURS));
                (after - before) as f64 > NORMAL_GAP * usual
            }
            _ => true,
        };
        if ratios[i] >= WEAK || (ratios[i] >= NOISE && needed()) {
            kept.push(k);
        }
    }
    kept
}

#[cfg(test)]
mod tests;
