//! What the beats around a beat are like: columns that follow the others in the rows of wide rhythm features.
//!
//! The formula is the contract with `tools/python/tests/oracles/surroundings.py`, where it is written out; the two are
//! held to each other by a golden of rows (`tests/tests/rows.rs`) and by the classes of every beat of DS2. All arithmetic is f64.

use super::statistics::median;
use super::{atrial, morphology};
use std::ops::Range;

/// Columns of a beat.
pub(super) const INPUTS: usize = 12;
const LIMIT: f64 = 4.0;
/// The column of the interval against the record's mean, and what its logarithm was multiplied with.
const INTERVAL: usize = 2;
const INTERVAL_SCALE: f64 = 5.0;
/// Beats on either side among which an interval's like are looked for, and how many of them foretell it.
const AROUND: usize = 40;
const NEAREST: usize = 3;
/// A miss below this counts as foretold.
const FORETOLD: f64 = 0.05;
/// Where misses, and changes, are cut off.
const MISS: f64 = 0.3;
const CHANGE: f64 = 0.5;

/// `[beats, INPUTS]` for the columns of the beats of a whole record, `[beats, width]`; `figures` of them are R-R figures, then come
/// those of `morphology` and `atrial`.
pub(super) fn columns(base: &[f32], figures: usize, leads: usize) -> Vec<f32> {
    let atrial = figures + morphology::inputs(leads);
    let width = atrial + atrial::inputs(leads);
    let n = base.len() / width;
    let column = |k: usize| base.iter().skip(k).step_by(width).map(|x| f64::from(*x)).collect::<Vec<f64>>();
    let logs: Vec<f64> = column(INTERVAL).iter().map(|x| x / INTERVAL_SCALE).collect();
    let misses: Vec<f64> = (0..n).map(|i| miss(&logs, i)).collect();
    let sizes: Vec<f64> = misses.iter().map(|x| x.abs()).collect();
    let cut = |of: &[f64], at: f64| of.iter().map(|x| x.min(at)).collect::<Vec<f64>>();
    let change = |by: usize| {
        (0..n).map(|i| if i < by { 0.0 } else { (logs[i] - logs[i - by]).abs() }).collect::<Vec<f64>>()
    };
    let foretold: Vec<f64> = sizes.iter().map(|x| f64::from(u8::from(*x < FORETOLD))).collect();
    let (few, steps, skips) = (cut(&sizes, MISS), cut(&change(1), CHANGE), cut(&change(2), CHANGE));
    let means: Vec<Vec<f64>> = [atrial, atrial + 1, atrial + 5, figures, figures + 5].map(column).into();

    let mut out = Vec::with_capacity(n * INPUTS);
    for (i, missed) in misses.iter().enumerate() {
        let near = |reach: usize| i.saturating_sub(reach)..(i + reach + 1).min(n);
        let values = [
            20.0 * median(&sizes[near(20)]),
            20.0 * mean(&few[near(30)]),
            4.0 * mean(&foretold[near(30)]) - 2.0,
            5.0 * missed,
            10.0 * mean(&steps[near(30)]),
            10.0 * deviation(&logs[near(10)]),
            10.0 * mean(&skips[near(15)]),
        ];
        let means = means.iter().map(|column| mean(&column[near(30)]));
        out.extend(values.into_iter().chain(means).map(|x| x.clamp(-LIMIT, LIMIT) as f32));
    }
    out
}

/// How far an interval is from what followed the intervals most like those before it.
fn miss(logs: &[f64], i: usize) -> f64 {
    if i < 2 {
        return 0.0;
    }
    let others: Range<usize> = i.saturating_sub(AROUND).max(2)..(i + AROUND + 1).min(logs.len());
    // The nearest so far, in order; of equals the earlier stays first.
    let mut nearest: [Option<(f64, f64)>; NEAREST] = [None; NEAREST];
    for k in others.filter(|k| *k != i) {
        let far = (logs[k - 1] - logs[i - 1]).abs().max((logs[k - 2] - logs[i - 2]).abs());
        let place = nearest.iter().position(|found| found.is_none_or(|(other, _)| far < other));
        if let Some(place) = place {
            nearest[place..].rotate_right(1);
            nearest[place] = Some((far, logs[k]));
        }
    }
    let followed: Vec<f64> = nearest.iter().flatten().map(|(_, log)| *log).collect();
    if followed.len() < NEAREST { 0.0 } else { logs[i] - median(&followed) }
}

fn mean(of: &[f64]) -> f64 {
    of.iter().sum::<f64>() / of.len().max(1) as f64
}

/// Of the population.
fn deviation(of: &[f64]) -> f64 {
    let mean = mean(of);
    (of.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / of.len().max(1) as f64).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIGURES: usize = 10;

    /// Columns of beats of one lead with these logarithms of their intervals, all others 1.
    fn beats(logs: &[f64]) -> Vec<f32> {
        let width = FIGURES + morphology::inputs(1) + atrial::inputs(1);
        let mut base = vec![1.0; logs.len() * width];
        for (row, log) in base.chunks_exact_mut(width).zip(logs) {
            row[INTERVAL] = (log * INTERVAL_SCALE) as f32;
        }
        columns(&base, FIGURES, 1)
    }

    #[test]
    fn what_recurs_is_foretold_and_what_does_not_is_missed() {
        // Every second beat early.
        let geminy: Vec<f64> = (0..60).map(|i| if i % 2 == 0 { 0.25 } else { -0.25 }).collect();
        let rows = beats(&geminy);
        assert_eq!(rows.len(), 60 * INPUTS);
        assert!(rows.iter().all(|x| x.is_finite()));
        let middle = &rows[30 * INPUTS..31 * INPUTS];
        assert_eq!(middle[..4], [0.0, 0.0, 2.0, 0.0]);
        // All but the first two of the 60 steps are 0.5, and no skip is above 0.
        assert!(middle[4] == 4.0 && (middle[5] - 2.5).abs() < 0.01 && middle[6] == 0.0, "{middle:?}");
        assert_eq!(middle[7..], [1.0; 5]);
        // One early beat among regular ones: nothing foretells it, nor, as the only one of its kind, the beat after it.
        let mut single = vec![0.0; 60];
        single[30] = -0.2;
        let rows = beats(&single);
        assert!((rows[30 * INPUTS + 3] + 1.0).abs() < 1e-6);
        assert_eq!(rows[31 * INPUTS + 3], 0.0);
        assert_eq!(rows[30 * INPUTS], 0.0);
        assert!((rows[30 * INPUTS + 1] - (20.0 * 0.2 / 60.0) as f32).abs() < 0.01);
    }

    #[test]
    fn few_beats_are_survived() {
        for n in 0..6 {
            let rows = beats(&vec![0.1; n]);
            assert!(rows.len() == n * INPUTS && rows.iter().all(|x| x.is_finite()), "{n}");
        }
    }
}
