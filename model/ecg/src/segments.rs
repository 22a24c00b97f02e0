//! Segments around a record's beats, cut at the places where they fit the record's usual beat best.
//!
//! The formula is written out in `tools/python/tests/oracles/morphology.py`. Segments and templates are stored as f32;
//! every sum is f64.

mod fit;

use super::beats::median;
use super::qrs;
use super::statistics::{sum, sum_of};
use super::workers::Workers;
use fit::{Fit, Fitted};
use std::ops::Range;

/// Every so many samples of a segment enter a median over other beats.
const COARSE: usize = 3;
/// A correlation above this counts as the same shape.
pub(super) const ALIKE: f64 = 0.9;
/// Fewer beats than these make no template.
const FEW: usize = 5;
/// A template whose root mean square is below this is flat.
pub(super) const FLAT: f64 = 1e-6;
/// Seconds from a beat's place: the P wave before the QRS complex.
const WAVE: [f64; 2] = [-0.24, -0.07];
/// Seconds that a beat is moved by at most, to either side, to fit the template.
const REACH: f64 = 1.0 / 60.0;
/// Rounds of places and template.
const ROUNDS: usize = 3;
/// Beats, and samples of a template, of one part of the work.
const BEATS: usize = 128;
const SAMPLES: usize = 8;

/// A record's beats on their template.
pub struct AlignedBeats {
    leads: Leads,
    rate: f64,
    /// `[beats]` samples.
    pub(super) places: Vec<i64>,
    /// Whether each beat is like the template.
    pub(super) kept: Vec<bool>,
    /// `[leads, samples]`, the usual QRS.
    pub(super) template: Vec<f32>,
    /// Root mean square of the template.
    pub(super) level: f64,
}

impl AlignedBeats {
    /// For ascending `beats`, in samples at `rate` a second, of normalised `leads` of one length. `None` for fewer than two
    /// beats, flat leads, and records without samples or at too low a rate to hold a segment.
    pub fn new(leads: &[&[f32]], beats: &[i64], rate: f64) -> Option<AlignedBeats> {
        AlignedBeats::by(leads, beats, rate, Workers::ALONE)
    }

    /// The same on several threads.
    pub(super) fn by(leads: &[&[f32]], beats: &[i64], rate: f64, workers: Workers) -> Option<AlignedBeats> {
        let (qrs, wave) = (qrs::SEGMENT.samples(rate), at(WAVE[0], rate)..at(WAVE[1], rate));
        let samples = leads.first().map_or(0, |lead| lead.len());
        if beats.len() < 2 || samples == 0 || qrs.end - qrs.start < 2 || wave.end - wave.start < 2 {
            return None;
        }
        let reach = at(REACH, rate);
        let longest = (qrs.end - qrs.start).max(wave.end - wave.start) + 2 * reach + 1;
        let leads = Leads::new(leads, rate, longest as usize + 2 * fit::SHIFTS, workers);
        let cutter = Cutter { leads: &leads, span: qrs };
        let mut fitted = each(beats, workers, |beat| {
            let mut fitted = Fitted { place: *beat, means: Vec::new(), likeness: 1.0, square: None };
            cutter.means(*beat, &mut fitted.means);
            fitted
        });
        let mut kept = vec![true; beats.len()];
        let mut template = cutter.median(&fitted, &kept, workers);
        for _ in 0..ROUNDS {
            fitted = Fit::new(&cutter, &template, reach as usize).all(beats, &fitted, workers);
            kept = alike(&fitted);
            template = cutter.median(&fitted, &kept, workers);
        }
        let places = fitted.iter().map(|f| f.place).collect();
        let level = rms(&template);
        (level >= FLAT).then_some(AlignedBeats { leads, rate, places, kept, template, level })
    }

    /// Whether each beat's P wave begins before the record: nothing is known of it.
    pub(super) fn cut_off(&self) -> Vec<bool> {
        let start = at(WAVE[0], self.rate);
        self.places.iter().map(|place| place.saturating_add(start) < 0).collect()
    }

    pub(super) fn leads(&self) -> usize {
        self.leads.data.len()
    }

    pub(super) fn qrs(&self) -> Cutter<'_> {
        Cutter { leads: &self.leads, span: qrs::SEGMENT.samples(self.rate) }
    }

    /// The P wave, `seconds` later.
    pub(super) fn wave(&self, seconds: f64) -> Cutter<'_> {
        // Moved by whole samples, the same to either side.
        let shift = at(seconds.abs(), self.rate) * if seconds < 0.0 { -1 } else { 1 };
        Cutter { leads: &self.leads, span: at(WAVE[0], self.rate) + shift..at(WAVE[1], self.rate) + shift }
    }
}

/// Whether each beat is like the template.
fn alike(fitted: &[Fitted]) -> Vec<bool> {
    let kept: Vec<bool> = fitted.iter().map(|f| f.likeness > ALIKE).collect();
    if kept.iter().filter(|k| **k).count() >= FEW {
        return kept;
    }
    let least = median(&fitted.iter().map(|f| f.likeness).collect::<Vec<f64>>());
    fitted.iter().map(|f| f.likeness >= least).collect()
}

/// What `make` makes of each item, some items a part.
fn each<T: Sync, U: Send>(items: &[T], workers: Workers, make: impl Fn(&T) -> U + Sync) -> Vec<U> {
    let parts: Vec<&[T]> = items.chunks(BEATS).collect();
    let made = workers.map(parts.len(), |i| parts[i].iter().map(&make).collect::<Vec<U>>());
    made.into_iter().flatten().collect()
}

/// Puts the median over the other beats into `column` of the rows of the `unknown` ones, where there are others.
pub(super) fn usual(rows: &mut [f32], width: usize, column: usize, unknown: &[bool]) {
    if unknown.iter().all(|u| !u) {
        return;
    }
    let with = |(row, unknown): (&[f32], &bool)| (!unknown).then(|| row[column]);
    let known: Vec<f32> = rows.chunks_exact(width).zip(unknown).filter_map(with).collect();
    if known.is_empty() {
        return;
    }
    let usual = middle(&known);
    for (row, _) in rows.chunks_exact_mut(width).zip(unknown).filter(|(_, u)| **u) {
        row[column] = usual;
    }
}

/// The sample nearest to this time.
fn at(seconds: f64, rate: f64) -> i64 {
    (seconds * rate + 0.5).floor() as i64
}

/// Smoothed leads of one length, which beyond both ends hold their first and last value for a margin: a segment anywhere is a
/// slice of them.
struct Leads {
    data: Vec<Vec<f32>>,
    samples: usize,
    margin: usize,
}

impl Leads {
    fn new(leads: &[&[f32]], rate: f64, margin: usize, workers: Workers) -> Leads {
        let samples = leads.first().map_or(0, |lead| lead.len());
        let data = workers.map(leads.len(), |lead| smooth(leads[lead], rate, margin));
        Leads { data, samples, margin }
    }

    /// So many samples of a lead from `start` on, which may lie anywhere; at most the margin's.
    fn part(&self, lead: usize, start: i64, len: usize) -> &[f32] {
        let start = start.clamp(-(self.margin as i64), self.samples as i64) + self.margin as i64;
        &self.data[lead][start as usize..][..len]
    }
}

/// Samples that are smoothed side by side, and samples that are widened at once.
const BLOCK: usize = 8;
const STRETCH: usize = 1024;

/// The signal under a triangle, to take the noise out, between margins.
fn smooth(x: &[f32], rate: f64, margin: usize) -> Vec<f32> {
    // Wider than the record makes no difference worth its time.
    let half = ((rate / 90.0 + 0.5).floor() as usize).min(x.len());
    let weights: Vec<f64> = (0..=2 * half).map(|k| (half + 1 - k.abs_diff(half)) as f64).collect();
    let total = ((half + 1) * (half + 1)) as f64;
    let near_an_end = |i: usize| {
        let mut sum = 0.0;
        for (k, weight) in weights.iter().enumerate() {
            sum += weight * f64::from(x[(i + k).saturating_sub(half).min(x.len() - 1)]);
        }
        (sum / total) as f32
    };
    let mut out = Vec::with_capacity(x.len() + 2 * margin);
    out.resize(margin, 0.0);
    // Widened a stretch at a time, each sample once.
    let mut wide: Vec<f64> = Vec::with_capacity(STRETCH + 2 * half);
    let mut i = 0;
    while i < x.len() {
        let blocks = (x.len().saturating_sub(i + half) / BLOCK).min(STRETCH / BLOCK);
        if i < half || blocks == 0 {
            out.push(near_an_end(i));
            i += 1;
            continue;
        }
        wide.clear();
        wide.extend(x[i - half..i + half + blocks * BLOCK].iter().map(|v| f64::from(*v)));
        for block in 0..blocks {
            let mut sums = [0.0; BLOCK];
            for (weight, values) in weights.iter().zip(wide[block * BLOCK..].windows(BLOCK)) {
                for (sum, value) in sums.iter_mut().zip(values) {
                    *sum += weight * value;
                }
            }
            out.extend(sums.map(|sum| (sum / total) as f32));
        }
        i += blocks * BLOCK;
    }
    let [first, last] = [out.get(margin), out.last()].map(|v| v.copied().unwrap_or(0.0));
    out[..margin].fill(first);
    out.resize(out.len() + margin, last);
    out
}

/// Cuts a segment around beats, each lead's part minus its mean.
pub(super) struct Cutter<'a> {
    leads: &'a Leads,
    /// Samples from the beat's place on.
    span: Range<i64>,
}

impl Cutter<'_> {
    /// Samples of a segment, of each lead.
    pub(super) fn len(&self) -> usize {
        (self.span.end - self.span.start) as usize
    }

    /// Where a lead's part lies in a segment.
    pub(super) fn lead(&self, lead: usize) -> Range<usize> {
        lead * self.len()..(lead + 1) * self.len()
    }

    pub(super) fn leads(&self) -> usize {
        self.leads.data.len()
    }

    /// One lead's part at `place`, as it is; beyond the record its first or last sample.
    fn raw(&self, lead: usize, place: i64) -> &[f32] {
        self.leads.part(lead, place.saturating_add(self.span.start), self.len())
    }

    /// Each lead's mean at `place`.
    fn means(&self, place: i64, out: &mut Vec<f64>) {
        out.clear();
        out.extend((0..self.leads()).map(|lead| mean(self.raw(lead, place))));
    }

    /// `[leads, len]` for the beat at `place`.
    pub(super) fn cut(&self, place: i64, out: &mut [f32]) {
        for (lead, to) in out.chunks_exact_mut(self.len()).enumerate() {
            let part = self.raw(lead, place);
            less(part, mean(part), to);
        }
    }

    /// The same, by means that are known.
    fn cut_by(&self, place: i64, means: &[f64], out: &mut [f32]) {
        for ((lead, to), mean) in out.chunks_exact_mut(self.len()).enumerate().zip(means) {
            less(self.raw(lead, place), *mean, to);
        }
    }

    /// One lead's mean at each place.
    fn all_means(&self, lead: usize, places: &[i64]) -> Vec<f64> {
        places.iter().map(|place| mean(self.raw(lead, *place))).collect()
    }

    pub(super) fn all(&self, places: &[i64]) -> Cuts {
        let (part, size) = (self.len(), self.leads() * self.len());
        let mut data = vec![0.0; places.len() * size];
        for lead in 0..self.leads() {
            let means = self.all_means(lead, places);
            let rows = data.chunks_exact_mut(size).zip(places).zip(means);
            rows.for_each(|((row, place), mean)| {
                less(self.raw(lead, *place), mean, &mut row[lead * part..][..part]);
            });
        }
        Cuts::new(data, size)
    }

    /// Samples of each lead's part of a segment that is thinned out.
    pub(super) fn thin_len(&self) -> usize {
        self.len().div_ceil(COARSE)
    }

    /// Segments of every `COARSE`th sample of each lead's part, from its first.
    pub(super) fn thin(&self, places: &[i64]) -> Cuts {
        let (part, size) = (self.thin_len(), self.leads() * self.thin_len());
        let mut data = vec![0.0; places.len() * size];
        for lead in 0..self.leads() {
            let means = self.all_means(lead, places);
            for ((row, place), mean) in data.chunks_exact_mut(size).zip(places).zip(means) {
                let whole = self.raw(lead, *place).iter().step_by(COARSE);
                for (to, x) in row[lead * part..][..part].iter_mut().zip(whole) {
                    *to = (f64::from(*x) - mean) as f32;
                }
            }
        }
        Cuts::new(data, size)
    }

    /// The median of the kept beats' segments, sample by sample, so that memory does not grow with their length.
    fn median(&self, beats: &[Fitted], kept: &[bool], workers: Workers) -> Vec<f32> {
        let kept: Vec<&Fitted> = beats.iter().zip(kept).filter(|(_, k)| **k).map(|(f, _)| f).collect();
        // Places and means stand together, as each is asked for once a part.
        let of = |lead: usize| kept.iter().map(|f| (f.place, f.means[lead])).collect::<Vec<(i64, f64)>>();
        let kept: Vec<Vec<(i64, f64)>> = (0..self.leads()).map(of).collect();
        let parts = self.len().div_ceil(SAMPLES);
        let made = workers.map(self.leads() * parts, |part| {
            let (lead, first) = (part / parts, part % parts * SAMPLES);
            let (kept, count) = (&kept[lead], SAMPLES.min(self.len() - first));
            let mut values = vec![0; count * kept.len()];
            for (i, (place, mean)) in kept.iter().enumerate() {
                let samples = &self.raw(lead, *place)[first..first + count];
                for (k, x) in samples.iter().enumerate() {
                    values[k * kept.len() + i] = key((f64::from(*x) - mean) as f32);
                }
            }
            // Without beats there are no values, and each median is 0.
            (0..count).map(|k| middle_key(&mut values[k * kept.len()..][..kept.len()])).collect::<Vec<f32>>()
        });
        made.concat()
    }
}

#[inline(always)]
fn mean(part: &[f32]) -> f64 {
    sum(part) / part.len() as f64
}

#[inline(always)]
fn less(part: &[f32], mean: f64, out: &mut [f32]) {
    for (to, x) in out.iter_mut().zip(part) {
        *to = (f64::from(*x) - mean) as f32;
    }
}

/// Segments of one size, one after the other.
#[derive(Default)]
pub(super) struct Cuts {
    pub(super) data: Vec<f32>,
    pub(super) size: usize,
    /// Samples before those that only fill up.
    pub(super) len: usize,
}

impl Cuts {
    fn new(data: Vec<f32>, size: usize) -> Cuts {
        Cuts { data, size, len: size }
    }

    pub(super) fn get(&self, i: usize) -> &[f32] {
        &self.data[i * self.size..][..self.size]
    }

    /// Their number.
    pub(super) fn count(&self) -> usize {
        self.data.len().checked_div(self.size).unwrap_or(0)
    }

    /// Every `COARSE`th sample of each part of `len`, from its first.
    pub(super) fn coarse(&self, len: usize) -> Cuts {
        let size = self.size / len * len.div_ceil(COARSE);
        let data =
            self.data.chunks_exact(len).flat_map(|part| part.iter().step_by(COARSE)).copied().collect();
        Cuts::new(data, size)
    }

    /// The same filled up with zeros to a multiple of so many samples.
    pub(super) fn padded(&self, lanes: usize) -> Cuts {
        let size = self.size.next_multiple_of(lanes);
        let mut data = vec![0.0; self.count() * size];
        for (to, from) in data.chunks_exact_mut(size).zip(self.data.chunks_exact(self.size)) {
            to[..self.size].copy_from_slice(from);
        }
        Cuts { data, size, len: self.size }
    }

    /// The sum of squares of each.
    pub(super) fn squares(&self) -> Vec<f64> {
        self.data.chunks_exact(self.size).map(|w| dot(w, w)).collect()
    }
}

/// The sum of products.
#[inline(always)]
pub(super) fn dot(a: &[f32], b: &[f32]) -> f64 {
    sum_of(a, b, |x, y| x * y)
}

pub(super) fn correlation(a: &[f32], b: &[f32]) -> f64 {
    correlation_by(dot(a, b), dot(a, a), dot(b, b))
}

/// The same, of segments by the sum of their products and those of their squares.
pub(super) fn correlation_by(product: f64, a: f64, b: f64) -> f64 {
    product / ((a * b).sqrt() + 1e-9)
}

/// 0 the same shape, 1 its mirror image.
pub(super) fn distance(correlation: f64) -> f64 {
    ((1.0 - correlation) / 2.0).clamp(0.0, 1.0).sqrt()
}

pub(super) fn rms(a: &[f32]) -> f64 {
    rms_by(dot(a, a), a.len())
}

/// The same by the sum of squares.
pub(super) fn rms_by(square: f64, len: usize) -> f64 {
    (square / len as f64).sqrt()
}

/// The root mean square of the difference.
#[inline(always)]
pub(super) fn rest(a: &[f32], b: &[f32]) -> f64 {
    (sum_of(a, b, |x, y| (x - y) * (x - y)) / a.len() as f64).sqrt()
}

/// The median of an `f32` list, rounded to f32. 0 of none.
pub(super) fn middle(values: &[f32]) -> f32 {
    middle_key(&mut values.iter().map(|x| key(*x)).collect::<Vec<i32>>())
}

/// A whole number that sorts as the value does by `total_cmp`.
fn key(x: f32) -> i32 {
    turned(x.to_bits() as i32)
}

/// Between bits and key, both ways.
fn turned(bits: i32) -> i32 {
    bits ^ ((bits >> 31) as u32 >> 1) as i32
}

/// The median of values by their keys; reorders them.
fn middle_key(keys: &mut [i32]) -> f32 {
    let (n, half) = (keys.len(), keys.len() / 2);
    if n == 0 {
        return 0.0;
    }
    let value = |key: i32| f64::from(f32::from_bits(turned(key) as u32));
    let (below, upper, _) = keys.select_nth_unstable(half);
    let upper = *upper;
    let lower = if n % 2 == 1 { upper } else { below.iter().copied().max().unwrap_or(upper) };
    ((value(lower) + value(upper)) / 2.0) as f32
}

#[cfg(test)]
mod tests;
