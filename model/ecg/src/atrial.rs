//! Each beat's P wave against those of the late beats around it: columns of its rhythm row.
//!
//! The formula is the contract with `tools/train/efficientecg_train/atrial.py`, where it is written out; the two are held to
//! each other by a golden of rows (`tests/tests/rows.rs`) and by the classes of every beat of DS2.

use super::beats::median;
use super::segments::{AlignedBeats, Cuts, correlation, distance, rest, rms, usual};

/// Columns for all leads together.
const SHARED: usize = 7;
/// The one of them that sets a P wave against that of the beat before.
const BEFORE: usize = 5;
const LIMIT: f64 = 4.0;
/// Neighbours on either side.
const AROUND: usize = 60;
/// The share of the neighbours that is late, and the least number of them.
const PART: f64 = 0.15;
const LEAST: usize = 5;
/// Fewer neighbours than these like the template, and all are taken.
const FEW: usize = 8;
/// Seconds that a P wave is moved by, at rest in the middle.
const MOVES: [f64; 5] = [-0.025, -0.0125, 0.0, 0.0125, 0.025];
const REST: usize = 2;

/// Columns for so many leads.
pub fn inputs(leads: usize) -> usize {
    leads.saturating_add(SHARED)
}

/// `[beats, inputs(leads)]`; `beats` are those that `aligned` was made of.
pub fn columns(aligned: &AlignedBeats, beats: &[i64]) -> Vec<f32> {
    let (n, leads, level) = (aligned.places.len(), aligned.leads(), aligned.level);
    let later: Vec<i64> = beats.windows(2).map(|w| w[1].saturating_sub(w[0]).max(1)).collect();
    let mut interval = vec![median(&later.iter().map(|x| (*x as f64).ln()).collect::<Vec<f64>>())];
    interval.extend(later.iter().map(|x| (*x as f64).ln()));
    let size = |u: &[f32]| (rms(u) / level + 0.02).ln();
    let apart = |u: &[f32], v: &[f32]| (rest(u, v) / level + 0.02).ln();

    let mut out = Vec::with_capacity(n * inputs(leads));
    let mut middle = Vec::new();
    let mut held = Held::default();
    for i in 0..n {
        held.move_to(aligned, i);
        let around: Vec<usize> =
            (i.saturating_sub(AROUND)..(i + AROUND + 1).min(n)).filter(|j| *j != i).collect();
        let mut late: Vec<usize> = around.iter().copied().filter(|j| aligned.kept[*j]).collect();
        if late.len() < FEW {
            late = around;
        }
        let count = ((PART * late.len() as f64).ceil() as usize).max(LEAST);
        late.sort_by(|a, b| interval[*b].total_cmp(&interval[*a]));
        late.truncate(count);

        let at_rest = |j: usize| held.waves[REST].get(j - held.first);
        let own = at_rest(i);
        held.waves[REST].median(late.iter().map(|j| *j - held.first), &mut middle);
        let of = |f: &dyn Fn(&[f32]) -> f64| late.iter().map(|j| f(at_rest(*j))).collect::<Vec<f64>>();
        let moved: Vec<&[f32]> = held.waves.iter().map(|w| w.get(i - held.first)).collect();
        let most = |values: &mut dyn Iterator<Item = f64>| values.fold(f64::NEG_INFINITY, f64::max);
        let like = most(&mut moved.iter().map(|w| correlation(w, &middle)));
        let left = -most(&mut moved.iter().map(|w| -apart(w, &middle)));
        let mut put = |x: f64| out.push(x.clamp(-LIMIT, LIMIT) as f32);
        put(8.0 * distance(like) - 2.0);
        put(left - median(&of(&|w| apart(w, &middle))));
        put(1.5 * (left + 2.0));
        put(1.5 * (size(&middle) + 2.0));
        put(8.0 * distance(median(&of(&|w| correlation(w, &middle)))) - 2.0);
        put(if i == 0 { 0.0 } else { 8.0 * distance(correlation(own, at_rest(i - 1))) - 2.0 });
        put(size(own) - size(&middle));
        let part = middle.len() / leads;
        for lead in 0..leads {
            let span = lead * part..(lead + 1) * part;
            let like = most(&mut moved.iter().map(|w| correlation(&w[span.clone()], &middle[span.clone()])));
            put(8.0 * distance(like) - 2.0);
        }
    }
    let (width, unknown) = (inputs(leads), aligned.cut_off());
    for column in [0, 1, 2, 6].into_iter().chain(SHARED..width) {
        usual(&mut out, width, column, &unknown);
    }
    // The record's first beat has none before it.
    let either: Vec<bool> = unknown.windows(2).map(|u| u[0] || u[1]).collect();
    usual(&mut out[width..], width, BEFORE, &either);
    out
}

/// The P waves of a stretch of the beats at each move, cut anew now and then so that memory does not grow with the record.
#[derive(Default)]
struct Held {
    first: usize,
    end: usize,
    waves: Vec<Cuts>,
}

impl Held {
    /// Holds beat `i` and its neighbours.
    fn move_to(&mut self, aligned: &AlignedBeats, i: usize) {
        let n = aligned.places.len();
        if !self.waves.is_empty() && (i + AROUND + 1).min(n) <= self.end {
            return;
        }
        self.first = i.saturating_sub(AROUND);
        self.end = i.saturating_add(4 * AROUND).min(n);
        let places = &aligned.places[self.first..self.end];
        let cut = |seconds: &f64| {
            let wave = aligned.wave(*seconds);
            let len = wave.len();
            let mut cuts = wave.all(places).coarse(len);
            let part = cuts.size / aligned.leads();
            cuts.data.chunks_exact_mut(part).for_each(straighten);
            cuts
        };
        self.waves = MOVES.iter().map(cut).collect();
    }
}

/// Takes away the line that fits best.
fn straighten(w: &mut [f32]) {
    let n = w.len() as f64;
    let place = |k: usize| k as f64 - (n - 1.0) / 2.0;
    let mean = w.iter().map(|x| f64::from(*x)).sum::<f64>() / n;
    let squares: f64 = (0..w.len()).map(|k| place(k) * place(k)).sum();
    let slope =
        w.iter().enumerate().map(|(k, x)| (f64::from(*x) - mean) * place(k)).sum::<f64>() / squares.max(1.0);
    for (k, x) in w.iter_mut().enumerate() {
        *x = (f64::from(*x) - mean - slope * place(k)) as f32;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: f64 = 100.0;

    fn bump(x: &mut [f32], center: i64, half: i64, height: f32) {
        for k in -half..=half {
            x[(center + k) as usize] += height * (1.0 - k.abs() as f32 / (half + 1) as f32);
        }
    }

    /// Sixty beats at 100 Hz, four of five of them early with the P wave `early`, the others late with an upright one.
    fn record(early: f32) -> (Vec<f32>, Vec<i64>) {
        let (mut x, mut beats, mut at) = (vec![0f32; 5000], Vec::new(), 100);
        for i in 0..60 {
            at += if i % 5 == 0 { 120 } else { 60 };
            beats.push(at);
            bump(&mut x, at, 4, 1.0);
            bump(&mut x, at - 15, 4, if i % 5 == 0 { 0.2 } else { early });
        }
        (x, beats)
    }

    fn made(x: &[f32], beats: &[i64]) -> Vec<f32> {
        AlignedBeats::new(&[x], beats, RATE).map_or(Vec::new(), |a| columns(&a, beats))
    }

    #[test]
    fn early_beats_stand_out_where_they_prevail() {
        let (x, beats) = record(-0.2);
        let columns = made(&x, &beats);
        assert_eq!(columns.len(), 60 * inputs(1));
        for (i, row) in columns.chunks_exact(inputs(1)).enumerate() {
            assert_eq!(row[0] < -1.5, i % 5 == 0, "{i}: {row:?}");
            assert_eq!(row[2] > 1.0, i % 5 != 0, "{i}: {row:?}");
            assert!((row[0] - row[SHARED]).abs() < 1e-6, "{i}: {row:?}");
            assert!(row[4] < -1.5, "{i}: the late ones are alike: {row:?}");
        }
    }

    #[test]
    fn no_p_waves_and_edges_are_survived() {
        let (x, beats) = record(0.0);
        let mut far = vec![i64::MIN, -7];
        far.extend(&beats);
        far.extend([4999, 6000, i64::MAX]);
        for beats in [&beats[..], &far[..], &beats[..2]] {
            let columns = made(&x, beats);
            assert!(columns.len() == beats.len() * inputs(1) && columns.iter().all(|v| v.is_finite()));
        }
    }

    #[test]
    fn a_p_wave_before_the_record_is_taken_for_the_usual_one() {
        let (x, beats) = record(-0.2);
        let whole = made(&x, &beats);
        // The record begins at the first beat's QRS.
        let cut = beats[0] - 10;
        let later: Vec<i64> = beats.iter().map(|b| b - cut).collect();
        let columns = made(&x[cut as usize..], &later);
        let (width, rows) = (inputs(1), columns.chunks_exact(inputs(1)).collect::<Vec<_>>());
        for column in [0, 1, 2, 6, SHARED] {
            let mut others: Vec<f32> = rows[1..].iter().map(|row| row[column]).collect();
            others.sort_by(f32::total_cmp);
            assert_eq!(rows[0][column], others[29], "column {column}");
        }
        let mut others: Vec<f32> = rows[2..].iter().map(|row| row[BEFORE]).collect();
        others.sort_by(f32::total_cmp);
        assert_eq!(rows[0][BEFORE], 0.0);
        assert_eq!(rows[1][BEFORE], ((f64::from(others[28]) + f64::from(others[29])) / 2.0) as f32);
        // Of the beats far from it nothing changes, but for the first late beat's own wave among the late ones'.
        assert!(
            whole[50 * width] < -1.5 && rows[50][0] < -1.5 && whole[51 * width] > 1.0 && rows[51][0] > 1.0
        );
    }

    #[test]
    fn a_line_is_taken_away_whole() {
        let mut w: Vec<f32> = (0..9).map(|k| 3.0 - 0.5 * k as f32).collect();
        straighten(&mut w);
        assert!(w.iter().all(|x| x.abs() < 1e-6), "{w:?}");
    }
}
