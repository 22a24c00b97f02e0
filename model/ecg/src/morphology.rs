//! Each beat's shape against the shapes of its own record: columns of its rhythm row.
//!
//! The formula is the contract with `tools/train/efficientecg_train/morphology.py`, where it is written out; the two are
//! held to each other by a golden of rows (`tests/tests/rows.rs`) and by the classes of every beat of DS2.

use super::beats::median;
use super::segments::{ALIKE, AlignedBeats, Cuts, FLAT, correlation, distance, dot, rest, rms, usual};

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
    let width = inputs(aligned.leads());
    let mut out = vec![0.0; aligned.places.len() * width];
    let figures = Figures::new(aligned);
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
    fn new(aligned: &AlignedBeats) -> Figures {
        let AlignedBeats { places, template, level, .. } = aligned;
        let (qrs, wave, n) = (aligned.qrs(), aligned.wave(0.0), places.len());
        let mut all = Figures::default();
        all.leads.resize_with(qrs.leads.len(), OfLead::default);
        let count = n.min(SPREAD);
        let spread: Vec<i64> = (0..count).map(|k| places[k * (n - 1) / (count - 1)]).collect();
        let spread = qrs.all(&spread);
        let spread_lengths = lengths(&spread);

        let (mut middle_q, mut middle_p) = (Vec::new(), Vec::new());
        for start in (0..n).step_by(BLOCK) {
            let end = (start + BLOCK).min(n);
            // The block's beats and their neighbours; `own` counts from the first of these.
            let low = start.saturating_sub(AROUND);
            let held = &places[low..(end + AROUND).min(n)];
            let q = qrs.all(held);
            let (thin_q, p) = (q.coarse(qrs.len()), wave.all(held).coarse(wave.len()));
            let lengths = lengths(&q);
            for own in start - low..end - low {
                let w = q.get(own);
                let near =
                    (own.saturating_sub(AROUND)..(own + AROUND + 1).min(held.len())).filter(|j| *j != own);
                let total = near.clone().count() as f64;
                let alike = |j: usize| dot(w, q.get(j)) / (lengths[own] * lengths[j]);
                let like_spread =
                    |k: &usize| dot(w, spread.get(*k)) / (lengths[own] * spread_lengths[*k]) > ALIKE;
                all.far.push(distance(correlation(w, template)));
                all.rest.push((rest(w, template) / level + 0.02).ln());
                thin_q.median(near.clone(), &mut middle_q);
                all.near.push(distance(correlation(thin_q.get(own), &middle_q)));
                let around = near.clone().filter(|j| alike(*j) > ALIKE).count() as f64;
                all.around.push(4.0 * around / total - 2.0);
                let everywhere = (0..count).filter(like_spread).count() as f64;
                all.everywhere.push(4.0 * everywhere / count as f64 - 2.0);
                let first = low + own == 0;
                all.before.push(if first { 0.0 } else { 8.0 * distance(alike(own - 1)) - 2.0 });

                p.median(near.clone(), &mut middle_p);
                let size = middle_p.len() / all.leads.len();
                for (lead, of) in all.leads.iter_mut().enumerate() {
                    of.shape(&w[qrs.lead(lead)], &template[qrs.lead(lead)]);
                    let part = lead * size..(lead + 1) * size;
                    let m = &middle_p[part.clone()];
                    let like: Vec<f64> =
                        near.clone().map(|j| correlation(&p.get(j)[part.clone()], m)).collect();
                    let mine = &p.get(own)[part];
                    of.wave.push(8.0 * distance(correlation(mine, m)) - 2.0);
                    of.steady.push(8.0 * distance(median(&like)) - 2.0);
                    of.wave_rest.push(1.5 * ((rest(mine, m) / level + 0.01).ln() + 2.0));
                }
            }
        }
        all
    }
}

impl OfLead {
    /// One lead of a beat against that of the template. Where the template is flat the figures may not be finite.
    fn shape(&mut self, own: &[f32], base: &[f32]) {
        self.energy.push((rms(own) / rms(base) + 0.02).ln());
        self.width.push(((width(own) + 1.0) / (width(base) + 1.0)).ln());
        self.slope.push((slope(own) / slope(base) + 0.02).ln());
        self.far.push(distance(correlation(own, base)));
        self.rest.push((rest(own, base) / rms(base) + 0.02).ln());
    }
}

fn lengths(cuts: &Cuts) -> Vec<f64> {
    cuts.data.chunks_exact(cuts.size).map(|w| dot(w, w).sqrt() + 1e-9).collect()
}

/// The width, in samples, of a rectangle of the same height and area.
fn width(a: &[f32]) -> f64 {
    let most = a.iter().fold(0f32, |m, x| m.max(x.abs()));
    a.iter().map(|x| f64::from(x.abs())).sum::<f64>() / (f64::from(most) + 1e-9)
}

/// The steepest step from a sample to the next.
fn slope(a: &[f32]) -> f64 {
    a.windows(2).map(|w| (f64::from(w[1]) - f64::from(w[0])).abs()).fold(0.0, f64::max)
}

/// How far each value is from the median, in robust standard deviations, halved and shifted.
fn robust(values: &[f64], floor: f64) -> Vec<f64> {
    let center = median(values);
    let off: Vec<f64> = values.iter().map(|x| (x - center).abs()).collect();
    let spread = 1.4826 * median(&off) + floor;
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
