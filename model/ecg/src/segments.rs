//! Segments around a record's beats, cut at the places where they fit the record's usual beat best.
//!
//! The formula is written out in `tools/train/efficientecg_train/morphology.py`. Segments and templates are stored as f32;
//! every sum is f64.

use super::beats::median;
use std::ops::Range;

/// Every so many samples of a segment enter a median over other beats.
const COARSE: usize = 3;
/// A correlation above this counts as the same shape.
pub(super) const ALIKE: f64 = 0.9;
/// Fewer beats than these make no template.
const FEW: usize = 5;
/// A template whose root mean square is below this is flat.
pub(super) const FLAT: f64 = 1e-6;
/// Seconds from a beat's place: the QRS complex and the P wave before it.
const QRS: [f64; 2] = [-0.10, 0.12];
const WAVE: [f64; 2] = [-0.24, -0.07];

/// A record's beats on their template.
pub struct AlignedBeats {
    leads: Vec<Vec<f32>>,
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
        let [qrs, wave] = [QRS, WAVE].map(|s| at(s[0], rate)..at(s[1], rate));
        let samples = leads.first().map_or(0, |lead| lead.len());
        if beats.len() < 2 || samples == 0 || qrs.end - qrs.start < 2 || wave.end - wave.start < 2 {
            return None;
        }
        let leads: Vec<Vec<f32>> = leads.iter().map(|lead| smooth(lead, rate)).collect();
        let cutter = Cutter { leads: &leads, span: qrs };
        let mut template = cutter.median(beats, &vec![true; beats.len()]);
        let (mut places, mut kept) = (Vec::new(), Vec::new());
        for _ in 0..3 {
            (places, kept) = choose(&cutter, beats, &template, at(1.0 / 60.0, rate));
            template = cutter.median(&places, &kept);
        }
        let level = rms(&template);
        (level >= FLAT).then_some(AlignedBeats { leads, rate, places, kept, template, level })
    }

    /// Whether each beat's P wave begins before the record: nothing is known of it.
    pub(super) fn cut_off(&self) -> Vec<bool> {
        let start = at(WAVE[0], self.rate);
        self.places.iter().map(|place| place.saturating_add(start) < 0).collect()
    }

    pub(super) fn leads(&self) -> usize {
        self.leads.len()
    }

    pub(super) fn qrs(&self) -> Cutter<'_> {
        Cutter { leads: &self.leads, span: at(QRS[0], self.rate)..at(QRS[1], self.rate) }
    }

    /// The P wave, `seconds` later.
    pub(super) fn wave(&self, seconds: f64) -> Cutter<'_> {
        // Moved by whole samples, the same to either side.
        let shift = at(seconds.abs(), self.rate) * if seconds < 0.0 { -1 } else { 1 };
        Cutter { leads: &self.leads, span: at(WAVE[0], self.rate) + shift..at(WAVE[1], self.rate) + shift }
    }
}

/// Puts the median over the other beats into `column` of the rows of the `unknown` ones, where there are others.
pub(super) fn usual(rows: &mut [f32], width: usize, column: usize, unknown: &[bool]) {
    if unknown.iter().all(|u| !u) {
        return;
    }
    let with = |(row, unknown): (&[f32], &bool)| (!unknown).then(|| row[column]);
    let mut known: Vec<f32> = rows.chunks_exact(width).zip(unknown).filter_map(with).collect();
    if known.is_empty() {
        return;
    }
    let usual = middle(&mut known);
    for (row, _) in rows.chunks_exact_mut(width).zip(unknown).filter(|(_, u)| **u) {
        row[column] = usual;
    }
}

/// The sample nearest to this time.
fn at(seconds: f64, rate: f64) -> i64 {
    (seconds * rate + 0.5).floor() as i64
}

/// The signal under a triangle, to take the noise out.
fn smooth(x: &[f32], rate: f64) -> Vec<f32> {
    // Wider than the record makes no difference worth its time.
    let half = ((rate / 90.0 + 0.5).floor() as usize).min(x.len());
    let last = x.len() - 1;
    let total = ((half + 1) * (half + 1)) as f64;
    let value = |i: usize| {
        let mut sum = 0.0;
        for k in 0..=2 * half {
            let weight = (half + 1 - k.abs_diff(half)) as f64;
            sum += weight * f64::from(x[(i + k).saturating_sub(half).min(last)]);
        }
        (sum / total) as f32
    };
    (0..x.len()).map(value).collect()
}

/// Cuts a segment around beats, each lead's part minus its mean.
pub(super) struct Cutter<'a> {
    pub(super) leads: &'a [Vec<f32>],
    /// Samples from the beat's place on.
    pub(super) span: Range<i64>,
}

impl Cutter<'_> {
    pub(super) fn len(&self) -> usize {
        (self.span.end - self.span.start) as usize
    }

    /// Where a lead's part lies in a segment.
    pub(super) fn lead(&self, lead: usize) -> Range<usize> {
        lead * self.len()..(lead + 1) * self.len()
    }

    /// Sample `k` of the segment at `place`; beyond the record its first or last.
    pub(super) fn sample(&self, lead: &[f32], place: i64, k: usize) -> f32 {
        let index = place.saturating_add(self.span.start).saturating_add(k as i64);
        lead[usize::try_from(index).unwrap_or(0).min(lead.len() - 1)]
    }

    /// One lead's part as it is, into `out`; its mean.
    pub(super) fn raw(&self, lead: &[f32], place: i64, out: &mut [f32]) -> f64 {
        let start = usize::try_from(place.saturating_add(self.span.start)).ok();
        match start.and_then(|s| lead.get(s..s.checked_add(out.len())?)) {
            Some(part) => out.copy_from_slice(part),
            None => (0..out.len()).for_each(|k| out[k] = self.sample(lead, place, k)),
        }
        out.iter().map(|x| f64::from(*x)).sum::<f64>() / out.len() as f64
    }

    /// `[leads, len]` for the beat at `place`.
    pub(super) fn cut(&self, place: i64, out: &mut [f32]) {
        for (lead, part) in self.leads.iter().zip(out.chunks_exact_mut(self.len())) {
            let mean = self.raw(lead, place, part);
            part.iter_mut().for_each(|x| *x = (f64::from(*x) - mean) as f32);
        }
    }

    pub(super) fn all(&self, places: &[i64]) -> Cuts {
        let size = self.leads.len() * self.len();
        let mut data = vec![0.0; places.len() * size];
        for (place, out) in places.iter().zip(data.chunks_exact_mut(size)) {
            self.cut(*place, out);
        }
        Cuts { data, size }
    }

    /// The median of the kept beats' segments, sample by sample, so that memory does not grow with their length.
    pub(super) fn median(&self, places: &[i64], kept: &[bool]) -> Vec<f32> {
        let kept: Vec<i64> = places.iter().zip(kept).filter(|(_, k)| **k).map(|(p, _)| *p).collect();
        let mut part = vec![0.0; self.len()];
        let mut values = Vec::with_capacity(kept.len());
        let mut out = Vec::with_capacity(self.leads.len() * self.len());
        for lead in self.leads {
            let means: Vec<f64> = kept.iter().map(|p| self.raw(lead, *p, &mut part)).collect();
            for k in 0..self.len() {
                let value = |(p, mean): (&i64, &f64)| (f64::from(self.sample(lead, *p, k)) - mean) as f32;
                values.clear();
                values.extend(kept.iter().zip(&means).map(value));
                out.push(middle(&mut values));
            }
        }
        out
    }
}

/// Segments of one size, one after the other.
pub(super) struct Cuts {
    pub(super) data: Vec<f32>,
    pub(super) size: usize,
}

impl Cuts {
    pub(super) fn get(&self, i: usize) -> &[f32] {
        &self.data[i * self.size..][..self.size]
    }

    /// Every `COARSE`th sample of each part of `len`, from its first.
    pub(super) fn coarse(&self, len: usize) -> Cuts {
        let size = self.size / len * len.div_ceil(COARSE);
        let data =
            self.data.chunks_exact(len).flat_map(|part| part.iter().step_by(COARSE)).copied().collect();
        Cuts { data, size }
    }

    /// The median of some segments, sample by sample.
    pub(super) fn median(&self, of: impl Iterator<Item = usize> + Clone, out: &mut Vec<f32>) {
        let mut values = Vec::new();
        out.clear();
        for k in 0..self.size {
            values.clear();
            values.extend(of.clone().map(|i| self.data[i * self.size + k]));
            out.push(middle(&mut values));
        }
    }
}

/// The place of each beat, within `reach` samples of its own, where it correlates best with the template, and whether
/// it is like the template there.
fn choose(qrs: &Cutter, beats: &[i64], template: &[f32], reach: i64) -> (Vec<i64>, Vec<bool>) {
    let square = dot(template, template);
    let mut part = vec![0.0; template.len()];
    let mut best = Vec::with_capacity(beats.len());
    let mut places = Vec::with_capacity(beats.len());
    for beat in beats {
        let (mut place, mut most) = (*beat, f64::NEG_INFINITY);
        for distance in 0..=reach {
            for shift in [-distance, distance] {
                let there = beat.saturating_add(shift);
                qrs.cut(there, &mut part);
                let c = dot(&part, template) / ((dot(&part, &part) * square).sqrt() + 1e-9);
                if c > most {
                    (place, most) = (there, c);
                }
            }
        }
        places.push(place);
        best.push(most);
    }
    let mut kept: Vec<bool> = best.iter().map(|c| *c > ALIKE).collect();
    if kept.iter().filter(|k| **k).count() < FEW {
        let least = median(&best);
        kept = best.iter().map(|c| *c >= least).collect();
    }
    (places, kept)
}

/// The sum of products, in eight sums that the processor can keep apart.
pub(super) fn dot(a: &[f32], b: &[f32]) -> f64 {
    let mut sums = [0.0; 8];
    let (a8, b8) = (a.chunks_exact(8), b.chunks_exact(8));
    let tail: f64 =
        a8.remainder().iter().zip(b8.remainder()).map(|(x, y)| f64::from(*x) * f64::from(*y)).sum();
    for (x, y) in a8.zip(b8) {
        for ((sum, x), y) in sums.iter_mut().zip(x).zip(y) {
            *sum += f64::from(*x) * f64::from(*y);
        }
    }
    sums.iter().sum::<f64>() + tail
}

pub(super) fn correlation(a: &[f32], b: &[f32]) -> f64 {
    dot(a, b) / ((dot(a, a) * dot(b, b)).sqrt() + 1e-9)
}

/// 0 the same shape, 1 its mirror image.
pub(super) fn distance(correlation: f64) -> f64 {
    ((1.0 - correlation) / 2.0).clamp(0.0, 1.0).sqrt()
}

pub(super) fn rms(a: &[f32]) -> f64 {
    (dot(a, a) / a.len() as f64).sqrt()
}

/// The root mean square of the difference.
pub(super) fn rest(a: &[f32], b: &[f32]) -> f64 {
    let square = |(x, y): (&f32, &f32)| (f64::from(*x) - f64::from(*y)).powi(2);
    (a.iter().zip(b).map(square).sum::<f64>() / a.len() as f64).sqrt()
}

/// The median of an `f32` list, rounded to f32; reorders it. 0 of none.
pub(super) fn middle(values: &mut [f32]) -> f32 {
    let (n, half) = (values.len(), values.len() / 2);
    if n == 0 {
        return 0.0;
    }
    let (below, upper, _) = values.select_nth_unstable_by(half, f32::total_cmp);
    let upper = f64::from(*upper);
    let lower =
        if n % 2 == 1 { upper } else { below.iter().copied().fold(f32::NEG_INFINITY, f32::max).into() };
    ((lower + upper) / 2.0) as f32
}
