//! Each beat's shape against the shapes of its own record: columns of its rhythm row.
//!
//! The formula is the contract with `tools/python/tests/oracles/morphology.py`, where it is written out; the two are
//! held to each other by a golden of rows (`tests/tests/rows.rs`) and by the classes of every beat of DS2.

use super::beats::{median, median_of};
use super::ranks::Ranks;
use super::segments::{
    ALIKE, AlignedBeats, Cuts, Cutter, FLAT, correlation_by, distance, dot, rest, rms, rms_by, usual,
};
use super::statistics::sum_of;
use super::wide::wide;
use super::workers::Workers;
use std::ops::Range;

/// Columns for all leads together.
const SHARED: usize = 6;
/// Columns for each lead.
const PER_LEAD: usize = 10;
const LIMIT: f64 = 4.0;
/// Neighbours on either side.
const AROUND: usize = 12;
/// Beats spread over the record that each beat is compared with.
const SPREAD: usize = 120;
/// Beats whose segments are held at once.
const BLOCK: usize = 256;

/// Columns for so many leads.
pub fn inputs(leads: usize) -> usize {
    leads.saturating_mul(PER_LEAD).saturating_add(SHARED)
}

/// `[beats, inputs(leads)]`; a flat lead's are zeros.
pub fn columns(aligned: &AlignedBeats) -> Vec<f32> {
    columns_by(aligned, Workers::ALONE)
}

/// The same on several threads.
pub(super) fn columns_by(aligned: &AlignedBeats, workers: Workers) -> Vec<f32> {
    let width = inputs(aligned.leads());
    let mut out = vec![0.0; aligned.places.len() * width];
    let figures = Figures::new(aligned, workers);
    let (qrs, template) = (aligned.qrs(), &aligned.template);
    let mut put = |column: usize, values: &[f64]| {
        for (row, value) in out.chunks_exact_mut(width).zip(values) {
            row[column] = value.clamp(-LIMIT, LIMIT) as f32;
        }
    };
    put(0, &robust(&figures.far, 0.03));
    put(1, &robust(&figures.rest, 0.1));
    put(2, &robust(&figures.near, 0.03));
    put(3, &figures.around);
    put(4, &figures.everywhere);
    put(5, &figures.before);
    for (lead, own) in figures.leads.iter().enumerate() {
        if rms(&template[qrs.lead(lead)]) < FLAT {
            continue;
        }
        let first = SHARED + PER_LEAD * lead;
        let times = |factor: f64, of: &[f64]| of.iter().map(|x| factor * x).collect::<Vec<f64>>();
        put(first, &times(2.0, &own.energy));
        put(first + 1, &times(4.0, &own.width));
        put(first + 2, &times(2.0, &own.slope));
        put(first + 3, &robust(&own.far, 0.03));
        put(first + 4, &robust(&own.rest, 0.1));
        put(first + 5, &robust(&own.width, 0.1));
        put(first + 6, &robust(&own.slope, 0.1));
        put(first + 7, &own.wave);
        put(first + 8, &own.steady);
        put(first + 9, &own.wave_rest);
    }
    let unknown = aligned.cut_off();
    for first in (0..aligned.leads()).map(|lead| SHARED + PER_LEAD * lead) {
        [7, 9].iter().for_each(|column| usual(&mut out, width, first + column, &unknown));
    }
    out
}

/// What is measured of each beat, `[beats]` each, before it is set against the record's others.
#[derive(Default)]
struct Figures {
    far: Vec<f64>,
    rest: Vec<f64>,
    near: Vec<f64>,
    around: Vec<f64>,
    everywhere: Vec<f64>,
    before: Vec<f64>,
    leads: Vec<OfLead>,
}

#[derive(Default)]
struct OfLead {
    energy: Vec<f64>,
    width: Vec<f64>,
    slope: Vec<f64>,
    far: Vec<f64>,
    rest: Vec<f64>,
    wave: Vec<f64>,
    steady: Vec<f64>,
    wave_rest: Vec<f64>,
}

impl Figures {
    fn new(aligned: &AlignedBeats, workers: Workers) -> Figures {
        let usual = Usual::new(aligned);
        let parts = workers.map(aligned.places.len().div_ceil(BLOCK), |part| usual.block(part * BLOCK));
        let mut all = Figures::of(aligned.leads());
        for part in parts {
            all.append(part);
        }
        all
    }

    fn of(leads: usize) -> Figures {
        let mut all = Figures::default();
        all.leads.resize_with(leads, OfLead::default);
        all
    }

    fn append(&mut self, mut other: Figures) {
        self.far.append(&mut other.far);
        self.rest.append(&mut other.rest);
        self.near.append(&mut other.near);
        self.around.append(&mut other.around);
        self.everywhere.append(&mut other.everywhere);
        self.before.append(&mut other.before);
        for (own, mut other) in self.leads.iter_mut().zip(other.leads) {
            own.energy.append(&mut other.energy);
            own.width.append(&mut other.width);
            own.slope.append(&mut other.slope);
            own.far.append(&mut other.far);
            own.rest.append(&mut other.rest);
            own.wave.append(&mut other.wave);
            own.steady.append(&mut other.steady);
            own.wave_rest.append(&mut other.wave_rest);
        }
    }
}

/// What all beats are compared with.
struct Usual<'a> {
    aligned: &'a AlignedBeats,
    qrs: Cutter<'a>,
    wave: Cutter<'a>,
    /// Beats spread over the record, and their lengths.
    spread: Cuts,
    spread_lengths: Vec<f64>,
    /// Sum of the template's squares.
    square: f64,
    /// Of each lead of the template.
    shapes: Vec<Shape>,
}

/// One lead of a segment.
struct Shape {
    square: f64,
    rms: f64,
    width: f64,
    slope: f64,
}

impl Shape {
    fn new(a: &[f32]) -> Shape {
        let square = dot(a, a);
        Shape { square, rms: rms_by(square, a.len()), width: width(a), slope: slope(a) }
    }
}

impl<'a> Usual<'a> {
    fn new(aligned: &'a AlignedBeats) -> Usual<'a> {
        let (places, qrs, wave) = (&aligned.places, aligned.qrs(), aligned.wave(0.0));
        let (n, template) = (places.len(), &aligned.template);
        let count = n.min(SPREAD);
        let spread: Vec<i64> = (0..count).map(|k| places[k * (n - 1) / (count - 1)]).collect();
        let spread = qrs.all(&spread);
        let spread_lengths = lengths(&spread.squares());
        let spread = spread.padded(LANES);
        let shapes = (0..qrs.leads()).map(|lead| Shape::new(&template[qrs.lead(lead)])).collect();
        Usual { aligned, qrs, wave, spread, spread_lengths, square: dot(template, template), shapes }
    }

    /// The figures of the beats from `start` on, at most a block.
    fn block(&self, start: usize) -> Figures {
        let AlignedBeats { places, template, level, .. } = self.aligned;
        let (qrs, n) = (&self.qrs, places.len());
        let end = (start + BLOCK).min(n);
        // The block's beats and their neighbours; `own` counts from the first of these.
        let low = start.saturating_sub(AROUND);
        let held = &places[low..(end + AROUND).min(n)];
        let q = qrs.all(held);
        let (thin_q, p) = (q.coarse(qrs.len()), self.wave.thin(held));
        let (squares, thin_squares) = (q.squares(), thin_q.squares());
        let lengths = lengths(&squares);
        let size = self.wave.thin_len();
        let p_squares: Vec<f64> = p.data.chunks_exact(size).map(|w| dot(w, w)).collect();
        let padded = q.padded(LANES);
        let around = around(&padded, &lengths);

        let leads = qrs.leads();
        let mut all = Figures::of(leads);
        let (mut near_q, mut near_p) = (Moving::new(thin_q.size), Moving::new(p.size));
        let (mut middle_q, mut middle_p) = (vec![0.0; thin_q.size], vec![0.0; p.size]);
        let mut like = Vec::with_capacity(2 * AROUND);
        for own in start - low..end - low {
            let w = q.get(own);
            let span = own.saturating_sub(AROUND)..(own + AROUND + 1).min(held.len());
            let total = (span.len() - 1) as f64;
            all.far.push(distance(correlation_by(dot(w, template), squares[own], self.square)));
            all.rest.push((rest(w, template) / level + 0.02).ln());
            near_q.cover(&thin_q, span.clone());
            near_q.ranks.medians_without(thin_q.get(own), &mut middle_q);
            let product = dot(thin_q.get(own), &middle_q);
            let middle_square = dot(&middle_q, &middle_q);
            all.near.push(distance(correlation_by(product, thin_squares[own], middle_square)));
            all.around.push(4.0 * f64::from(around[own]) / total - 2.0);
            let count = self.spread.count();
            let everywhere = count_alike(
                padded.get(own),
                lengths[own],
                &self.spread,
                0..count,
                &self.spread_lengths,
                |_| {},
            );
            all.everywhere.push(4.0 * f64::from(everywhere) / count as f64 - 2.0);
            let before = match own.checked_sub(1) {
                Some(before) => {
                    8.0 * distance(dot(w, q.get(before)) / (lengths[own] * lengths[before])) - 2.0
                }
                None => 0.0,
            };
            all.before.push(before);

            near_p.cover(&p, span.clone());
            near_p.ranks.medians_without(p.get(own), &mut middle_p);
            for (lead, of) in all.leads.iter_mut().enumerate() {
                of.shape(&w[qrs.lead(lead)], &template[qrs.lead(lead)], &self.shapes[lead]);
                let part = lead * size..(lead + 1) * size;
                let m = &middle_p[part.clone()];
                let square = dot(m, m);
                let likeness = |j: usize| {
                    let product = dot(&p.get(j)[part.clone()], m);
                    correlation_by(product, p_squares[j * leads + lead], square)
                };
                like.clear();
                like.extend(span.clone().filter(|j| *j != own).map(likeness));
                let mine = &p.get(own)[part.clone()];
                of.wave.push(8.0 * distance(likeness(own)) - 2.0);
                of.steady.push(8.0 * distance(median_of(&mut like)) - 2.0);
                of.wave_rest.push(1.5 * ((rest(mine, m) / level + 0.01).ln() + 2.0));
            }
        }
        all
    }
}

/// Medians over a span of segments that moves on.
struct Moving {
    ranks: Ranks,
    span: Range<usize>,
}

impl Moving {
    fn new(columns: usize) -> Moving {
        Moving { ranks: Ranks::new(columns, 2 * AROUND + 1), span: 0..0 }
    }

    /// Moves on to a span that neither begins nor ends earlier, and overlaps.
    fn cover(&mut self, cuts: &Cuts, span: Range<usize>) {
        if self.span.is_empty() {
            self.span = span.start..span.start;
        }
        let (mut old, mut new) = (self.span.start..span.start, self.span.end..span.end);
        loop {
            match (old.next(), new.next()) {
                (Some(old), Some(new)) => self.ranks.exchange(cuts.get(old), cuts.get(new)),
                (Some(old), None) => self.ranks.remove(cuts.get(old)),
                (None, Some(new)) => self.ranks.insert(cuts.get(new)),
                (None, None) => break,
            }
        }
        self.span = span;
    }
}

/// Of each segment how many of its neighbours are like it.
fn around(cuts: &Cuts, lengths: &[f64]) -> Vec<u32> {
    let mut counts = vec![0; lengths.len()];
    for own in 0..lengths.len() {
        let later = own + 1..(own + AROUND + 1).min(lengths.len());
        // What is like it, it is like.
        counts[own] +=
            count_alike(cuts.get(own), lengths[own], cuts, later, lengths, |other| counts[other] += 1);
    }
    counts
}

/// Samples that are multiplied side by side.
const LANES: usize = 16;
/// A correlation in f32 that is so far from [`ALIKE`] is on that side of it in f64 too.
const CLEAR: f64 = 1e-4;
/// Of shorter segments products in f32 may vanish.
const SHORT: f64 = 1e-12;

/// How many of some padded segments are like one of this length; `found` hears of each.
fn count_alike(
    own: &[f32],
    length: f64,
    others: &Cuts,
    which: Range<usize>,
    lengths: &[f64],
    mut found: impl FnMut(usize),
) -> u32 {
    let mut products = [[0.0; LANES]; SPREAD];
    let products = &mut products[..which.len()];
    multiply(own, &others.data[which.start * others.size..which.end * others.size], products);
    let mut count = 0;
    for (other, product) in which.zip(products) {
        let both = length * lengths[other];
        let off = f64::from(folded(product)) - ALIKE * both;
        let is_alike = if both > SHORT && off.abs() > CLEAR * both {
            off > 0.0
        } else {
            // Zeros behind the end would come into other sums.
            dot(&own[..others.len], &others.get(other)[..others.len]) / both > ALIKE
        };
        if is_alike {
            count += 1;
            found(other);
        }
    }
    count
}

wide! {
    /// The products in f32 of a segment with each of some, in as many sums as there are lanes. Segments are [`Cuts::padded`].
    fn multiply(own: &[f32], others: &[f32], products: &mut [[f32; LANES]]) {
        let own = own.as_chunks::<LANES>().0;
        for (other, product) in others.chunks_exact(own.len() * LANES).zip(products) {
            let mut sums = [0.0f32; LANES];
            for (x, y) in own.iter().zip(other.as_chunks::<LANES>().0) {
                for l in 0..LANES {
                    sums[l] += x[l] * y[l];
                }
            }
            *product = sums;
        }
    }
}

/// The sum of the lanes, off by at most 2^-24 of both segments' lengths' product for each sixteenth sample and a few more.
fn folded(lanes: &[f32; LANES]) -> f32 {
    let eight: [f32; 8] = std::array::from_fn(|l| lanes[l] + lanes[l + 8]);
    let four: [f32; 4] = std::array::from_fn(|l| eight[l] + eight[l + 4]);
    (four[0] + four[2]) + (four[1] + four[3])
}

impl OfLead {
    /// One lead of a beat against that of the template. Where the template is flat the figures may not be finite.
    fn shape(&mut self, own: &[f32], base: &[f32], usual: &Shape) {
        let shape = Shape::new(own);
        self.energy.push((shape.rms / usual.rms + 0.02).ln());
        self.width.push(((shape.width + 1.0) / (usual.width + 1.0)).ln());
        self.slope.push((shape.slope / usual.slope + 0.02).ln());
        self.far.push(distance(correlation_by(dot(own, base), shape.square, usual.square)));
        self.rest.push((rest(own, base) / usual.rms + 0.02).ln());
    }
}

fn lengths(squares: &[f64]) -> Vec<f64> {
    squares.iter().map(|square| square.sqrt() + 1e-9).collect()
}

/// The width, in samples, of a rectangle of the same height and area.
fn width(a: &[f32]) -> f64 {
    let most = a.iter().fold(0f32, |m, x| m.max(x.abs()));
    sum_of(a, a, |x, _| x.abs()) / (f64::from(most) + 1e-9)
}

/// The steepest step from a sample to the next.
fn slope(a: &[f32]) -> f64 {
    a.windows(2).map(|w| (f64::from(w[1]) - f64::from(w[0])).abs()).fold(0.0, f64::max)
}

/// How far each value is from the median, in robust standard deviations, halved and shifted.
fn robust(values: &[f64], floor: f64) -> Vec<f64> {
    let center = median(values);
    let mut off: Vec<f64> = values.iter().map(|x| (x - center).abs()).collect();
    let spread = 1.4826 * median_of(&mut off) + floor;
    values.iter().map(|x| (x - center) / spread / 2.0 - 1.0).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: f64 = 100.0;

    /// Ten seconds at 100 Hz: a triangle a second, `wide` samples to either side, upside down for one beat.
    fn lead(odd: usize) -> (Vec<f32>, Vec<i64>) {
        let beats: Vec<i64> = (0..10).map(|i| 50 + 100 * i).collect();
        let mut x = vec![0f32; 1000];
        for (i, beat) in beats.iter().enumerate() {
            let (wide, sign) = if i == odd { (8, -1.0) } else { (4, 1.0) };
            for k in -wide..=wide {
                x[(beat + k) as usize] = sign * (1.0 - k.abs() as f32 / (wide + 1) as f32);
            }
        }
        (x, beats)
    }

    fn columns(leads: &[&[f32]], beats: &[i64], rate: f64) -> Vec<f32> {
        AlignedBeats::new(leads, beats, rate).map_or(Vec::new(), |a| super::columns(&a))
    }

    #[test]
    fn an_odd_beat_stands_out() {
        let (x, beats) = lead(6);
        let columns = columns(&[&x], &beats, RATE);
        let width = inputs(1);
        assert_eq!(columns.len(), 10 * width);
        for (beat, row) in columns.chunks_exact(width).enumerate() {
            let odd = beat == 6;
            // Far from the template, alone among its neighbours and in the record, wider than the template.
            assert_eq!(row[0], if odd { 4.0 } else { -1.0 }, "{beat}: {row:?}");
            assert_eq!(row[3] == -2.0, odd, "{beat}: {row:?}");
            assert!((row[4] - if odd { 4.0 * 0.1 - 2.0 } else { 4.0 * 0.9 - 2.0 }).abs() < 1e-6);
            assert!((row[SHARED + 1] > 1.0) == odd, "{beat}: {row:?}");
            // Unlike the beat before: itself, and the beat after it.
            assert_eq!(row[5] > 0.0, beat == 6 || beat == 7, "{beat}: {row:?}");
        }
    }

    #[test]
    fn gain_and_sign_of_a_lead_change_nothing() {
        let (x, beats) = lead(6);
        let turned: Vec<f32> = x.iter().map(|v| -4.0 * v).collect();
        let (a, b) = (columns(&[&x], &beats, RATE), columns(&[&turned], &beats, RATE));
        // Distances are steep near 0, where rounding shows.
        assert!(a.iter().zip(&b).all(|(a, b)| (a - b).abs() < 5e-3));
    }

    #[test]
    fn flat_leads_edges_and_few_beats_are_survived() {
        let (x, beats) = lead(6);
        let flat = vec![3.0; 1000];
        assert!(AlignedBeats::new(&[&flat], &beats, RATE).is_none());
        let two = columns(&[&x, &flat], &beats, RATE);
        for row in two.chunks_exact(inputs(2)) {
            assert!(row[SHARED + PER_LEAD..].iter().all(|v| *v == 0.0));
            assert!(row[..SHARED].iter().any(|v| *v != 0.0));
        }
        let mut far = vec![i64::MIN, -7];
        far.extend(&beats);
        far.extend([950, 999, 5000, i64::MAX]);
        for beats in [&far[..], &beats[..2], &[50, 50]] {
            let out = columns(&[&x], beats, RATE);
            assert!(out.len() == beats.len() * inputs(1) && out.iter().all(|v| v.is_finite()));
        }
        for (leads, beats, rate) in [
            (&[&x[..]][..], &[5][..], RATE),
            (&[&x[..]], &[], RATE),
            (&[&[][..]], &[1, 2], RATE),
            (&[&x[..]], &beats[..], 3.0),
            (&[&[1.0][..]], &[0, 0], RATE),
        ] {
            assert!(AlignedBeats::new(leads, beats, rate).is_none());
        }
    }
}
