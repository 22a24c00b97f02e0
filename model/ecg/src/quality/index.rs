//! The indices of one window, and the rules that fuse them.
//!
//! All but the shares of samples are measured on averages of neighbouring samples at about 125 Hz. Bands are differences of moving
//! averages: the QRS band lies between averages over 24 and 200 ms, wander is the average over a second.

use super::Reason;
use crate::beats::median_of;
use crate::filter::fill_missing;
use crate::held::runs;
use crate::statistics::{ascending, sum, sum_of};
use std::f64::consts::TAU;
use std::ops::Range;

/// Hz at which a window is looked at, about.
const RATE: f64 = 125.0;
/// The shortest lead, s.
const SHORTEST: f64 = 2.0;
/// The longest run of one value that is no flat line, s.
const RUN: f64 = 0.3;
/// Distance from the ends of the range at which a sample counts as clipped, as a part of the range.
const RAIL: f32 = 0.005;
/// Values that are told apart.
const LEVELS: usize = 10;
/// Averages, s: what the QRS band lies between, and wander.
const QRS_BAND: (f64, f64) = (0.024, 0.2);
const WANDER: f64 = 1.0;
/// The average that is taken off complexes before they are compared, s.
const LEVEL: f64 = 0.4;
/// The average of the QRS band's magnitude in which complexes stand out, and a block whose largest counts, s.
const COMPLEX: f64 = 0.1;
const BLOCK: f64 = 1.5;
/// No ventricle beats faster, s.
const REFRACTORY: f64 = 0.25;
/// Around a complex, s: what is compared; what is compared with its surroundings; what does not count as between; where edges are.
const SEGMENT: f64 = 0.1;
const SURROUNDINGS: f64 = 0.3;
const OUTSIDE: f64 = 0.12;
const EDGE: f64 = 0.06;
const FOCUS: (f64, f64) = (0.07, 0.25);
/// Mains, Hz, and the seconds that are looked at.
const MAINS: [f64; 2] = [50.0, 60.0];
const HUM_SECONDS: f64 = 2.0;

/// Signal quality of one window of a lead. Shares are from 0 to 1.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct QualityIndex {
    /// Seconds.
    pub seconds: f64,
    /// Samples a second.
    pub sample_rate: f64,
    /// Share of missing samples.
    pub missing: f64,
    /// Share of samples in runs of one value.
    pub flat: f64,
    /// Values of the samples, up to 10.
    pub levels: usize,
    /// Share of samples at the ends of the range.
    pub clipped: f64,
    /// Share of the power at 50 or 60 Hz and no others, in the first two seconds.
    pub hum: f64,
    /// `basSQI`: share of the power below some 40 Hz that is no wander.
    pub bas: f64,
    /// `pSQI`: power in the QRS band against that without wander.
    pub p: f64,
    /// `kSQI`: the kurtosis without wander, 3 of normal noise.
    pub k: f64,
    /// Complexes that stand out, a minute.
    pub rate: f64,
    /// Complexes that lie whole in the window.
    pub complexes: usize,
    /// Mean correlation of the more typical half of the complexes with the most typical one.
    pub likeness: f64,
    /// The same with 0.3 s on either side.
    pub surroundings: f64,
    /// Median height of complexes against the root mean square between them, both in the QRS band.
    pub height: f64,
    /// The part of the QRS band's energy within 0.25 s of a complex that lies within 0.07 s of it; the median. What oscillates has little.
    pub focus: f64,
    /// The largest step between two samples around a complex, as a part of the range there; the median.
    pub edge: f64,
    /// The largest slope of the typical complex in 10 ms, as a part of its range.
    pub slope: f64,
}

/// Memory that windows use one after another.
#[derive(Default)]
pub(super) struct Scratch {
    filled: Vec<f32>,
    slow: Vec<f64>,
    sums: Vec<f64>,
    band: Vec<f64>,
    level: Vec<f64>,
    strength: Vec<f64>,
    averages: Vec<f64>,
    segments: Vec<f64>,
    mean: Vec<f64>,
}

impl QualityIndex {
    /// Why the window cannot be assessed; none where it can.
    pub fn reason(&self) -> Option<Reason> {
        let noise = if self.hum > 0.5 { Reason::Hum } else { Reason::Noise };
        let none = if self.hum > 0.5 { Reason::Hum } else { Reason::NoQrs };
        let is_slow = self.k < 3.35 && self.p < 0.19;
        let is_smooth = self.k < 1.9
            || (self.k < 6.0 && self.slope < 0.165)
            || (is_slow && (self.slope < 0.25 || self.height < 4.5))
            // Heavy tails come with high complexes, and no recording is without noise.
            || (self.k < 3.0 && self.height > 15.0)
            || self.height > 250.0;
        let is_oscillating = (self.k < 3.2 && self.height < 4.4 && self.focus < 0.58)
            || (self.k < 4.0 && self.height < 3.4 && self.focus < 0.55);
        // Between samples farther apart a QRS complex rises as far as a pulse, nearly.
        let step = if self.sample_rate < 200.0 { 0.94 } else { 0.8 };
        let is_unlike = self.likeness < 0.45
            || self.surroundings < 0.36
            || (self.likeness < 0.66 && self.surroundings < 0.5)
            || (self.likeness < 0.8 && self.height < 3.2);
        let rules = [
            (Reason::Short, self.seconds < SHORTEST),
            (Reason::Missing, self.missing > 0.5),
            // At the rails it is flat too.
            (Reason::Clipped, self.clipped > 0.2 && self.levels >= LEVELS),
            (Reason::Flat, self.flat > 0.5),
            (Reason::Coarse, self.levels < LEVELS),
            (none, self.p * self.bas < 0.003 || self.complexes < 2 || self.rate > 300.0),
            (Reason::Shape, self.edge > step),
            (noise, self.height < 1.8 || is_unlike || is_oscillating),
            (Reason::Shape, is_smooth),
        ];
        rules.into_iter().find(|(_, holds)| *holds).map(|(reason, _)| reason)
    }

    /// Of the samples of a window, of which those that are not finite are missing.
    pub(super) fn of(samples: &[f32], rate: f64, scratch: &mut Scratch) -> QualityIndex {
        let seconds = samples.len() as f64 / rate;
        let mut made = QualityIndex { seconds, sample_rate: rate, ..QualityIndex::default() };
        if made.seconds < SHORTEST || !rate.is_finite() {
            return made;
        }
        let count = samples.len() as f64;
        let missing = samples.iter().filter(|v| !v.is_finite()).count();
        made.missing = missing as f64 / count;
        if made.missing > 0.5 {
            return made;
        }
        let mut filled = std::mem::take(&mut scratch.filled);
        let whole = if missing == 0 {
            samples
        } else {
            filled.clear();
            filled.extend_from_slice(samples);
            fill_missing(&mut filled);
            &filled
        };
        made.measure(whole, rate, scratch);
        scratch.filled = filled;
        made
    }

    fn measure(&mut self, samples: &[f32], rate: f64, scratch: &mut Scratch) {
        let count = samples.len() as f64;
        self.flat = runs(samples, (RUN * rate) as usize).iter().map(Range::len).sum::<usize>() as f64 / count;
        self.levels = levels(samples);
        let (low, high) = ends(samples);
        let rail = RAIL * (high - low);
        let (floor, ceiling) = (low + rail, high - rail);
        let clipped = samples.iter().filter(|v| **v <= floor || **v >= ceiling).count();
        self.clipped = clipped as f64 / count;
        // Nothing varies, or too much for sums of fourth powers.
        if !(f64::from(high) - f64::from(low)).is_normal() || self.levels < LEVELS || high - low > 1e30 {
            return;
        }
        self.hum = hum(samples, rate);
        let Scratch { slow, sums, band, level, strength, averages, .. } = scratch;
        let every = ((rate / RATE).round() as usize).max(1);
        let offset = f64::from(samples[0]);
        slow.clear();
        let part = 1.0 / every as f64;
        let average = |samples: &[f32]| samples.iter().map(|v| f64::from(*v)).sum::<f64>() * part - offset;
        slow.extend(samples.chunks_exact(every).map(average));
        let rate_slow = rate / every as f64;
        running(slow, sums);

        let of = |seconds| Average::new(seconds, rate_slow);
        let (short, long, wander, flat) = (of(QRS_BAND.0), of(QRS_BAND.1), of(WANDER), of(LEVEL));
        wander.all(sums, level);
        let w = Moments::of(level);
        level.iter_mut().zip(&*slow).for_each(|(slowly, v)| *slowly = v - *slowly);
        let x = Moments::of(level);
        short.all(sums, band);
        long.all(sums, strength);
        band.iter_mut().zip(&*strength).for_each(|(short, long)| *short -= long);
        let y = Moments::of(band);
        flat.all(sums, level);
        level.iter_mut().zip(&*slow).for_each(|(flat, v)| *flat = v - *flat);
        self.bas = share(x.variance(), x.variance() + w.variance());
        self.p = share(y.variance(), x.variance());
        self.k = x.kurtosis();

        strength.clear();
        strength.extend(band.iter().map(|v| v.abs()));
        running(strength, sums);
        Average::new(COMPLEX, rate_slow).all(sums, averages);
        let peaks = complexes(strength, averages, rate_slow);
        self.rate = 60.0 * peaks.len() as f64 / self.seconds;
        self.compare(&peaks, samples, every, rate_slow, scratch);
    }

    /// Compares complexes with each other, and with what lies between them.
    fn compare(&mut self, peaks: &[usize], samples: &[f32], every: usize, rate: f64, scratch: &mut Scratch) {
        let Scratch { level, band, strength, sums, segments, mean, .. } = scratch;
        let reach = |seconds: f64| (seconds * rate).round() as usize;
        let whole = |at: &&usize| **at >= reach(SEGMENT) && **at + reach(SEGMENT) < level.len();
        let mut heights: Vec<f64> = peaks.iter().filter(whole).map(|at| strength[*at]).collect();
        self.complexes = heights.len();
        if self.complexes < 2 {
            return;
        }
        let (mut square, mut between, mut from) = (0.0, 0, 0);
        for at in peaks.iter().copied().chain([usize::MAX]) {
            let to = at.saturating_sub(reach(OUTSIDE)).min(band.len());
            if to > from {
                square += band[from..to].iter().map(|v| v * v).sum::<f64>();
                between += to - from;
            }
            from = at.saturating_add(reach(OUTSIDE) + 1);
        }
        let quiet = if between > 5 { (square / between as f64).sqrt() } else { f64::INFINITY };
        self.height = share(median_of(&mut heights), quiet.max(f64::MIN_POSITIVE)).min(1e6);

        running_squares(band, sums);
        let energy = |at: usize, seconds: f64| {
            let (from, to) = (at.saturating_sub(reach(seconds)), (at + reach(seconds) + 1).min(band.len()));
            sums[to] - sums[from]
        };
        let focus = |at: &usize| share(energy(*at, FOCUS.0), energy(*at, FOCUS.1));
        self.focus = median_of(&mut peaks.iter().map(focus).collect::<Vec<f64>>());

        let edge = |at: &usize| {
            let (middle, reach) = (at * every + every / 2, reach(EDGE) * every);
            let part = &samples[middle.saturating_sub(reach)..(middle + reach + 1).min(samples.len())];
            let larger = |most: f32, step: f32| if step > most { step } else { most };
            let step = part.windows(2).fold(0.0, |most, w| larger(most, (w[1] - w[0]).abs()));
            let (low, high) = ends(part);
            share(f64::from(step), f64::from(high - low))
        };
        self.edge = median_of(&mut peaks.iter().map(edge).collect::<Vec<f64>>());
        self.surroundings =
            likeness(level, peaks, reach(SURROUNDINGS), segments, mean).map_or(1.0, |(c, _)| c);
        if let Some((c, typical)) = likeness(level, peaks, reach(SEGMENT), segments, mean) {
            self.likeness = c;
            let (low, high) =
                typical.iter().fold((f64::MAX, f64::MIN), |(low, high), v| (low.min(*v), high.max(*v)));
            let steepest = typical.windows(2).fold(0.0, |most: f64, w| most.max((w[1] - w[0]).abs()));
            self.slope = share(steepest, high - low) * rate / 100.0;
        }
    }
}

/// A part of a whole; 0 of nothing.
fn share(part: f64, whole: f64) -> f64 {
    if whole > 0.0 { part / whole } else { 0.0 }
}

/// Means of the first powers of some values.
struct Moments([f64; 4]);

impl Moments {
    fn of(values: &[f64]) -> Moments {
        let mean = |power: fn(f64) -> f64| sum_of(values, values, |v, _| power(v)) / values.len() as f64;
        Moments([mean(|v| v), mean(|v| v * v), mean(|v| v * v * v), mean(|v| (v * v) * (v * v))])
    }

    fn variance(&self) -> f64 {
        let [mean, square, ..] = self.0;
        (square - mean * mean).max(0.0)
    }

    fn kurtosis(&self) -> f64 {
        let [mean, square, cube, fourth] = self.0;
        let central = fourth - 4.0 * mean * cube + 6.0 * mean * mean * square - 3.0 * mean.powi(4);
        share(central, self.variance().powi(2))
    }
}

/// Sums up to each place.
fn running(values: &[f64], sums: &mut Vec<f64>) {
    sums.clear();
    sums.push(0.0);
    let mut sum = 0.0;
    sums.extend(values.iter().map(|v| {
        sum += v;
        sum
    }));
}

/// The same of squares.
fn running_squares(values: &[f64], sums: &mut Vec<f64>) {
    sums.clear();
    sums.push(0.0);
    let mut sum = 0.0;
    sums.extend(values.iter().map(|v| {
        sum += v * v;
        sum
    }));
}

/// An average over so many places to either side, beyond neither end.
#[derive(Clone, Copy)]
struct Average {
    half: usize,
    per_whole: f64,
}

impl Average {
    fn new(seconds: f64, rate: f64) -> Average {
        let half = ((seconds * rate) as usize | 1) / 2;
        Average { half, per_whole: 1.0 / (2 * half + 1) as f64 }
    }

    /// Around each place of the values that `sums` sums up.
    fn all(self, sums: &[f64], out: &mut Vec<f64>) {
        let (count, half) = (sums.len() - 1, self.half);
        let near_an_end = |i: usize| {
            let (from, to) = (i.saturating_sub(half), (i + half + 1).min(count));
            (sums[to] - sums[from]) / (to - from) as f64
        };
        out.clear();
        if count <= 2 * half {
            out.extend((0..count).map(near_an_end));
            return;
        }
        out.extend((0..half).map(near_an_end));
        out.extend(sums.iter().zip(&sums[2 * half + 1..]).map(|(from, to)| (to - from) * self.per_whole));
        out.extend((count - half..count).map(near_an_end));
    }
}

/// The least and the greatest sample, which are finite.
fn ends(samples: &[f32]) -> (f32, f32) {
    // Comparisons that the processor does many at once, as `f32::min` does not.
    let least = |a: f32, b: f32| if b < a { b } else { a };
    let most = |a: f32, b: f32| if b > a { b } else { a };
    let mut lanes = [(f32::MAX, f32::MIN); 16];
    let parts = samples.chunks_exact(lanes.len());
    let rest = parts.remainder();
    for part in parts {
        lanes.iter_mut().zip(part).for_each(|((low, high), v)| {
            *low = least(*low, *v);
            *high = most(*high, *v);
        });
    }
    let all = lanes.iter().copied().chain(rest.iter().map(|v| (*v, *v)));
    all.fold((f32::MAX, f32::MIN), |(low, high), (l, h)| (least(low, l), most(high, h)))
}

/// Different values, up to [`LEVELS`].
fn levels(samples: &[f32]) -> usize {
    let (mut known, mut count) = ([0f32; LEVELS], 0);
    for v in samples {
        if !known[..count].contains(v) {
            known[count] = *v;
            count += 1;
            if count == LEVELS {
                break;
            }
        }
    }
    count
}

/// Share of the power at 50 or at 60 Hz, whichever is larger.
fn hum(samples: &[f32], rate: f64) -> f64 {
    let part = &samples[..samples.len().min((HUM_SECONDS * rate) as usize)];
    let count = part.len() as f64;
    let mean = sum(part) / count;
    let power = sum_of(part, part, |v, _| (v - mean) * (v - mean)) / count;
    // One turn of each frequency waits for the one before, so the frequencies go side by side.
    let steps = MAINS.map(|hz| (TAU * hz / rate).sin_cos());
    let (mut re, mut im, mut turns) = ([0.0; 2], [0.0; 2], [(1.0, 0.0); 2]);
    for v in part {
        let v = f64::from(*v) - mean;
        for (k, (sin, cos)) in steps.iter().enumerate() {
            let turn = turns[k];
            re[k] += v * turn.0;
            im[k] += v * turn.1;
            turns[k] = (turn.0 * cos - turn.1 * sin, turn.0 * sin + turn.1 * cos);
        }
    }
    let at = |k: usize| share(2.0 * (re[k] * re[k] + im[k] * im[k]) / (count * count), power);
    (0..MAINS.len()).filter(|k| 2.2 * MAINS[*k] <= rate).map(at).fold(0.0, f64::max)
}

/// Places at which complexes stand out of the QRS band's magnitude, by its averages.
fn complexes(strength: &[f64], averages: &[f64], rate: f64) -> Vec<usize> {
    let count = strength.len();
    let blocks = ((count as f64 / (BLOCK * rate)) as usize).max(1);
    let block = (count / blocks).max(1);
    let largest = |i: usize| {
        averages[i * block..((i + 1) * block).min(count)].iter().fold(0.0, |most: f64, v| most.max(*v))
    };
    let threshold = 0.5 * median_of(&mut (0..blocks).map(largest).collect::<Vec<f64>>());
    let mut peaks: Vec<usize> = Vec::new();
    let mut best: Option<usize> = None;
    for i in 0..=count {
        if i < count && averages[i] > threshold {
            if best.is_none_or(|k| strength[i] > strength[k]) {
                best = Some(i);
            }
        } else if let Some(at) = best.take() {
            match peaks.last_mut() {
                Some(last) if ((at - *last) as f64) < REFRACTORY * rate => {
                    if strength[at] > strength[*last] {
                        *last = at;
                    }
                }
                _ => peaks.push(at),
            }
        }
    }
    peaks
}

/// The mean correlation of the more typical half of the segments around `peaks` with the most typical one, and the latter, less its mean. None of
/// fewer than two segments.
fn likeness<'a>(
    lead: &[f64],
    peaks: &[usize],
    reach: usize,
    segments: &'a mut Vec<f64>,
    mean: &mut Vec<f64>,
) -> Option<(f64, &'a [f64])> {
    let width = 2 * reach + 1;
    segments.clear();
    mean.clear();
    mean.resize(width, 0.0);
    for at in peaks.iter().filter(|at| **at >= reach && **at + reach < lead.len()) {
        let part = &lead[at - reach..=at + reach];
        let level = sum(part) / width as f64;
        let norm = sum_of(part, part, |v, _| (v - level) * (v - level)).sqrt();
        let scale = if norm > 0.0 { 1.0 / norm } else { 0.0 };
        segments.extend(part.iter().zip(mean.iter_mut()).map(|(v, mean)| {
            let unit = (v - level) * scale;
            *mean += unit;
            unit
        }));
    }
    let product = |a: &[f64], b: &[f64]| sum_of(a, b, |a, b| a * b);
    let all: Vec<&[f64]> = segments.chunks_exact(width).collect();
    if all.len() < 2 {
        return None;
    }
    let typical = |(i, segment): (usize, &&[f64])| (product(segment, mean), i);
    let (_, best) = all.iter().enumerate().map(typical).max_by(|a, b| a.0.total_cmp(&b.0))?;
    let others = all.iter().enumerate().filter(|(i, _)| *i != best);
    let likeness: Vec<f64> = others.map(|(_, segment)| product(segment, all[best])).collect();
    let count = (all.len() / 2).max(1);
    let highest = ascending(&likeness).into_iter().rev().take(count);
    Some((highest.sum::<f64>() / count as f64, all[best]))
}
