//! Each beat's P wave against those of the late beats around it: columns of its rhythm row.
//!
//! The formula is the contract with `tools/python/tests/oracles/atrial.py`, where it is written out; the two are held to
//! each other by a golden of rows (`tests/tests/rows.rs`) and by the classes of every beat of DS2.

use super::beats::{median, median_of};
use super::ranks::Ranks;
use super::segments::{AlignedBeats, Cuts, correlation_by, distance, dot, rest, rms_by, usual};
use super::statistics::{sum, sum_of};
use super::workers::Workers;
use std::ops::Range;

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
/// Beats whose P waves are held at once, but for their neighbours.
const BLOCK: usize = 240;
/// Seconds that a P wave is moved by, at rest in the middle.
const MOVES: [f64; 5] = [-0.025, -0.0125, 0.0, 0.0125, 0.025];
const REST: usize = 2;

/// Columns for so many leads.
pub fn inputs(leads: usize) -> usize {
    leads.saturating_add(SHARED)
}

/// `[beats, inputs(leads)]`; `beats` are those that `aligned` was made of.
pub fn columns(aligned: &AlignedBeats, beats: &[i64]) -> Vec<f32> {
    columns_by(aligned, beats, Workers::ALONE)
}

/// The same on several threads.
pub(super) fn columns_by(aligned: &AlignedBeats, beats: &[i64], workers: Workers) -> Vec<f32> {
    let (n, leads) = (aligned.places.len(), aligned.leads());
    let later: Vec<i64> = beats.windows(2).map(|w| w[1].saturating_sub(w[0]).max(1)).collect();
    let mut interval = vec![median(&later.iter().map(|x| (*x as f64).ln()).collect::<Vec<f64>>())];
    interval.extend(later.iter().map(|x| (*x as f64).ln()));
    let parts =
        workers.map(n.div_ceil(BLOCK), |i| block(aligned, &interval, i * BLOCK..((i + 1) * BLOCK).min(n)));
    let mut out = parts.concat();
    let (width, unknown) = (inputs(leads), aligned.cut_off());
    for column in [0, 1, 2, 6].into_iter().chain(SHARED..width) {
        usual(&mut out, width, column, &unknown);
    }
    // The record's first beat has none before it.
    let either: Vec<bool> = unknown.windows(2).map(|u| u[0] || u[1]).collect();
    usual(&mut out[width..], width, BEFORE, &either);
    out
}

/// The rows of some beats.
fn block(aligned: &AlignedBeats, interval: &[f64], own: Range<usize>) -> Vec<f32> {
    let (n, leads, level) = (aligned.places.len(), aligned.leads(), aligned.level);
    let low = own.start.saturating_sub(AROUND);
    let held = Held::new(aligned, low..(own.end + AROUND).min(n));
    let at_rest = &held.waves[REST];
    let size = |square: f64| (rms_by(square, at_rest.size) / level + 0.02).ln();
    let apart = |u: &[f32], v: &[f32]| (rest(u, v) / level + 0.02).ln();

    let mut out = Vec::with_capacity(own.len() * inputs(leads));
    let mut late = Late::new(at_rest.size);
    let (mut apart_of, mut like_of) = (Vec::new(), Vec::new());
    let (mut usual_apart, mut usual_like) = (0.0, 0.0);
    let part = at_rest.size / leads;
    for i in own {
        if late.choose(i, interval, &aligned.kept, at_rest, low) {
            let (middle, square) = (&late.middle, late.square);
            apart_of.clear();
            apart_of.extend(late.beats.iter().map(|j| apart(at_rest.get(j - low), middle)));
            usual_apart = median_of(&mut apart_of);
            like_of.clear();
            like_of.extend(late.beats.iter().map(|j| {
                let product = dot(at_rest.get(j - low), middle);
                correlation_by(product, held.squares[j - low], square)
            }));
            usual_like = median_of(&mut like_of);
        }
        let (middle, square) = (&late.middle, late.square);
        let mine = at_rest.get(i - low);
        let moved: Vec<&[f32]> = held.waves.iter().map(|w| w.get(i - low)).collect();
        let most = |values: &mut dyn Iterator<Item = f64>| values.fold(f64::NEG_INFINITY, f64::max);
        let like = most(&mut moved.iter().map(|w| correlation_by(dot(w, middle), dot(w, w), square)));
        let left = -most(&mut moved.iter().map(|w| -apart(w, middle)));
        let mut put = |x: f64| out.push(x.clamp(-LIMIT, LIMIT) as f32);
        put(8.0 * distance(like) - 2.0);
        put(left - usual_apart);
        put(1.5 * (left + 2.0));
        put(1.5 * (size(square) + 2.0));
        put(8.0 * distance(usual_like) - 2.0);
        put(match i.checked_sub(1) {
            Some(before) => {
                let product = dot(mine, at_rest.get(before - low));
                8.0 * distance(correlation_by(product, held.squares[i - low], held.squares[before - low]))
                    - 2.0
            }
            None => 0.0,
        });
        put(size(held.squares[i - low]) - size(square));
        for lead in 0..leads {
            let span = lead * part..(lead + 1) * part;
            let middle = &middle[span.clone()];
            let square = dot(middle, middle);
            let like = most(&mut moved.iter().map(|w| {
                let w = &w[span.clone()];
                correlation_by(dot(w, middle), dot(w, w), square)
            }));
            put(8.0 * distance(like) - 2.0);
        }
    }
    out
}

/// The late beats around one, and their usual P wave.
struct Late {
    /// Ascending.
    beats: Vec<usize>,
    ranks: Ranks,
    middle: Vec<f32>,
    /// The sum of `middle`'s squares.
    square: f64,
    chosen: Vec<usize>,
}

impl Late {
    fn new(columns: usize) -> Late {
        let most = ((PART * (2 * AROUND) as f64).ceil() as usize).max(LEAST);
        let ranks = Ranks::new(columns, most);
        Late { beats: Vec::new(), ranks, middle: vec![0.0; columns], square: 0.0, chosen: Vec::new() }
    }

    /// Chooses those around beat `i`; whether they are others than before.
    fn choose(&mut self, i: usize, interval: &[f64], kept: &[bool], waves: &Cuts, low: usize) -> bool {
        let around = || (i.saturating_sub(AROUND)..(i + AROUND + 1).min(kept.len())).filter(|j| *j != i);
        let chosen = &mut self.chosen;
        chosen.clear();
        chosen.extend(around().filter(|j| kept[*j]));
        if chosen.len() < FEW {
            chosen.clear();
            chosen.extend(around());
        }
        let count = ((PART * chosen.len() as f64).ceil() as usize).max(LEAST);
        if count < chosen.len() {
            // Of equal intervals the earlier.
            chosen.select_nth_unstable_by(count, |a, b| interval[*b].total_cmp(&interval[*a]).then(a.cmp(b)));
            chosen.truncate(count);
        }
        chosen.sort_unstable();
        if *chosen == self.beats {
            return false;
        }
        let gone: Vec<usize> =
            self.beats.iter().copied().filter(|j| chosen.binary_search(j).is_err()).collect();
        let come: Vec<usize> =
            chosen.iter().copied().filter(|j| self.beats.binary_search(j).is_err()).collect();
        for k in 0..gone.len().max(come.len()) {
            match (gone.get(k), come.get(k)) {
                (Some(old), Some(new)) => self.ranks.exchange(waves.get(old - low), waves.get(new - low)),
                (Some(old), None) => self.ranks.remove(waves.get(old - low)),
                (None, Some(new)) => self.ranks.insert(waves.get(new - low)),
                (None, None) => {}
            }
        }
        std::mem::swap(&mut self.beats, chosen);
        self.ranks.medians(&mut self.middle);
        self.square = dot(&self.middle, &self.middle);
        true
    }
}

/// The P waves of a stretch of the beats at each move.
struct Held {
    waves: Vec<Cuts>,
    /// The sums of squares of those at rest.
    squares: Vec<f64>,
}

impl Held {
    fn new(aligned: &AlignedBeats, beats: Range<usize>) -> Held {
        let places = &aligned.places[beats];
        let cut = |seconds: &f64| {
            let wave = aligned.wave(*seconds);
            let mut cuts = wave.thin(places);
            let straight = Straight::new(wave.thin_len());
            cuts.data.chunks_exact_mut(wave.thin_len()).for_each(|w| straight.take_away(w));
            cuts
        };
        let waves: Vec<Cuts> = MOVES.iter().map(cut).collect();
        let squares = waves[REST].squares();
        Held { waves, squares }
    }
}

/// Takes away the line that fits best.
struct Straight {
    /// Of each sample, from the middle.
    places: Vec<f32>,
    squares: f64,
}

impl Straight {
    fn new(len: usize) -> Straight {
        let places: Vec<f32> = (0..len).map(|k| k as f32 - (len as f32 - 1.0) / 2.0).collect();
        let squares = dot(&places, &places).max(1.0);
        Straight { places, squares }
    }

    fn take_away(&self, w: &mut [f32]) {
        let mean = sum(w) / w.len() as f64;
        let slope = sum_of(w, &self.places, |x, place| (x - mean) * place) / self.squares;
        for (x, place) in w.iter_mut().zip(&self.places) {
            *x = (f64::from(*x) - mean - slope * f64::from(*place)) as f32;
        }
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
        Straight::new(9).take_away(&mut w);
        assert!(w.iter().all(|x| x.abs() < 1e-6), "{w:?}");
    }
}
