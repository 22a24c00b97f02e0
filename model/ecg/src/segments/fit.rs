//! Each beat's place nearby where it fits the template best.
//!
//! The correlation at every place is first bounded in f32, all places of a beat side by side; only those that may be the best
//! are measured as the formula has it, in f64. The bound holds for any rounding of the sums, so the places and their
//! correlations are those of the formula, to the bit.

use super::{BEATS, Cutter, Workers, dot, sum};

/// Places that are bounded side by side.
pub(super) const SHIFTS: usize = 16;
/// Added to a correlation's denominator, so that a flat segment has a correlation of 0.
const FLOOR: f64 = 1e-9;

/// A beat in its place.
#[derive(Clone, Debug)]
pub(super) struct Fitted {
    pub(super) place: i64,
    /// Of each lead's part there.
    pub(super) means: Vec<f64>,
    /// Correlation with the template.
    pub(super) likeness: f64,
    /// The sum of the segment's squares, once it is known.
    pub(super) square: Option<f64>,
}

/// A template to fit beats to.
pub(super) struct Fit<'a> {
    cutter: &'a Cutter<'a>,
    template: &'a [f32],
    square: f64,
    /// Of each lead: the template's sum and its sum of squares.
    sums: Vec<(f64, f64)>,
    /// Samples to either side.
    reach: usize,
}

/// What is reused from beat to beat.
#[derive(Default)]
struct Scratch {
    near: Vec<f32>,
    segment: Vec<f32>,
    means: Vec<f64>,
    bounds: Vec<Bound>,
    /// The least and the most that the correlation may be, at each place.
    ends: Vec<(f64, f64)>,
}

/// What is known of the correlation at one place.
#[derive(Clone, Copy, Default)]
struct Bound {
    product: f64,
    /// Of `product`, at most.
    error: f64,
    /// The sum of the segment's squares.
    square: f64,
    /// The same of its samples less one mean for all places.
    raw: f64,
}

impl Bound {
    /// The least and the most that the correlation may be.
    fn ends(self, template: f64) -> (f64, f64) {
        let below = (self.square.max(0.0) * template).sqrt() + FLOOR;
        let c = self.product / below;
        // Samples are rounded once more before they are squared.
        let off = 2.0 * self.error / below + 1e-6 * self.raw / self.square.max(f64::MIN_POSITIVE);
        if below > 1e3 * FLOOR && off < 0.1 { (c - off, c + off) } else { (f64::NEG_INFINITY, f64::INFINITY) }
    }
}

impl<'a> Fit<'a> {
    pub(super) fn new(cutter: &'a Cutter<'a>, template: &'a [f32], reach: usize) -> Fit<'a> {
        let sums = template.chunks_exact(cutter.len());
        let sums = sums.map(|t| (sum(t), dot(t, t))).collect();
        Fit { cutter, template, square: dot(template, template), sums, reach }
    }

    /// All beats, `before` being what is known of each from another template.
    pub(super) fn all(&self, beats: &[i64], before: &[Fitted], workers: Workers) -> Vec<Fitted> {
        let parts: Vec<(&[i64], &[Fitted])> = beats.chunks(BEATS).zip(before.chunks(BEATS)).collect();
        let made = workers.map(parts.len(), |part| {
            let mut scratch = Scratch::default();
            let (beats, before) = parts[part];
            let one = |(beat, before): (&i64, &Fitted)| self.one(*beat, before, &mut scratch);
            beats.iter().zip(before).map(one).collect::<Vec<_>>()
        });
        made.into_iter().flatten().collect()
    }

    /// The place within reach of `beat` where the correlation is largest; of equals the nearest, then the earliest.
    fn one(&self, beat: i64, before: &Fitted, scratch: &mut Scratch) -> Fitted {
        self.bound(beat, scratch);
        scratch.ends.clear();
        scratch.ends.extend(scratch.bounds.iter().map(|bound| bound.ends(self.square)));
        let least = scratch.ends.iter().fold(f64::NEG_INFINITY, |least, ends| ends.0.max(least));
        let mut best = Fitted { place: beat, means: Vec::new(), likeness: f64::NEG_INFINITY, square: None };
        let reach = self.reach as i64;
        for shift in std::iter::once(0).chain((1..=reach).flat_map(|d| [-d, d])) {
            if scratch.ends[(reach + shift) as usize].1 < least {
                continue;
            }
            let place = beat.saturating_add(shift);
            let known = before.square.filter(|_| before.place == place);
            let means = match known {
                Some(_) => &before.means,
                None => {
                    self.cutter.means(place, &mut scratch.means);
                    &scratch.means
                }
            };
            scratch.segment.resize(self.template.len(), 0.0);
            self.cutter.cut_by(place, means, &mut scratch.segment);
            let square = known.unwrap_or_else(|| dot(&scratch.segment, &scratch.segment));
            let c = dot(&scratch.segment, self.template) / ((square * self.square).sqrt() + FLOOR);
            if c > best.likeness {
                best.means.clone_from(means);
                best = Fitted { place, likeness: c, square: Some(square), ..best };
            }
        }
        if best.means.is_empty() {
            // Nothing compares where samples are so large that they overflow.
            self.cutter.means(beat, &mut best.means);
        }
        best
    }

    /// Bounds the correlations at all places within reach of `beat`.
    fn bound(&self, beat: i64, scratch: &mut Scratch) {
        let (len, places) = (self.cutter.len(), 2 * self.reach + 1);
        let Scratch { near, bounds, .. } = scratch;
        bounds.clear();
        bounds.resize(places, Bound::default());
        let start = beat.saturating_add(self.cutter.span.start).saturating_sub(self.reach as i64);
        // Rounding of `len` products and of their sum.
        let rounding = (len + 4) as f64 * f64::from(f32::EPSILON) / 2.0;
        for (lead, (template, (whole, squares))) in
            self.template.chunks_exact(len).zip(&self.sums).enumerate()
        {
            let part = self.cutter.leads.part(lead, start, len + places + SHIFTS);
            // Any value near the mean will do.
            let some = part[self.reach..][..len].iter().step_by(8);
            let level = some.clone().sum::<f32>() / some.len() as f32;
            near.clear();
            near.extend(part.iter().map(|x| x - level));
            let (mut total, mut square) = (sum(&near[..len]), dot(&near[..len], &near[..len]));
            for first in (0..places).step_by(SHIFTS) {
                let products = products(template, &near[first..]);
                for (place, product) in (first..places.min(first + SHIFTS)).zip(products) {
                    let mean = total / len as f64;
                    let bound = &mut bounds[place];
                    bound.product += f64::from(product) - mean * whole;
                    bound.error += rounding * (square.max(0.0) * squares).sqrt();
                    bound.square += square - total * mean;
                    bound.raw += square;
                    let (old, new) = (f64::from(near[place]), f64::from(near[place + len]));
                    total += new - old;
                    square += new * new - old * old;
                }
            }
        }
    }
}

/// The sums of products of the template with the samples from each of some places on.
fn products(template: &[f32], near: &[f32]) -> [f32; SHIFTS] {
    let mut sums = [0.0; SHIFTS];
    for (weight, values) in template.iter().zip(near.windows(SHIFTS)) {
        for (sum, value) in sums.iter_mut().zip(values) {
            *sum += weight * value;
        }
    }
    sums
}
