//! The rhythm feature: rows of R-R intervals around each beat, relative to the beats nearby.
//!
//! The formula is the contract with `tools/train/efficientecg_train/rhythm.py`, where it is written out; the two are
//! held to each other by the classes of every beat of DS2 (`tests/tests/ecg_ds2.rs`). All arithmetic is f64; a row is cast to f32 at its end.

use super::beats::median;

/// Numbers a row.
pub const INPUTS: usize = 5;
/// Rows a beat: the beat before, the beat, the beat after.
pub const STEPS: usize = 3;
/// Beats on either side that the local mean and the change look at.
const WINDOW: usize = 20;
const RATIO_SCALE: f64 = 5.0;
const CHANGE_SCALE: f64 = 10.0;
const LIMIT: f64 = 4.0;
/// Changes of the interval's logarithm below this count as steady.
const STEADY: f64 = 0.08;

/// `[beats, STEPS, INPUTS]` for ascending `beats` in samples at `rate` a second; `None` for fewer than two beats.
pub fn rows(beats: &[i64], rate: f64) -> Option<Vec<f32>> {
    let n = beats.len();
    if n < 2 {
        return None;
    }
    // `interval[j]` ends at beat `j + 1`, as does `change[j]`, from the interval before to this one.
    let interval: Vec<f64> =
        beats.windows(2).map(|w| w[1].saturating_sub(w[0]).max(1) as f64 / rate).collect();
    let change: Vec<f64> = interval.windows(2).map(|w| (w[1] / w[0]).ln().abs()).collect();
    let mean = |x: &[f64]| x.iter().sum::<f64>() / x.len() as f64;
    let record = mean(&interval);

    let mut out = vec![0.0; n * STEPS * INPUTS];
    for (i, rows) in out.chunks_exact_mut(STEPS * INPUTS).enumerate() {
        let (low, high) = (i.saturating_sub(WINDOW), (i + WINDOW).min(n - 1));
        let local = mean(&interval[low..high]);
        let changes = change.get(low..high - 1).unwrap_or_default();
        let irregular = median(changes);
        let steady = if changes.is_empty() {
            1.0
        } else {
            changes.iter().filter(|c| **c < STEADY).count() as f64 / changes.len() as f64
        };
        for (step, row) in rows.chunks_exact_mut(INPUTS).enumerate() {
            let Some(beat) = (i + step).checked_sub(1).filter(|b| *b < n) else { continue };
            let before = beat.checked_sub(1).and_then(|j| interval.get(j));
            let after = interval.get(beat);
            let ratio = |x: Option<&f64>, to: f64| x.map_or(0.0, |x| RATIO_SCALE * (x / to).ln());
            let values = [
                ratio(before, local),
                ratio(after, local),
                ratio(before, record),
                CHANGE_SCALE * irregular,
                4.0 * steady - 2.0,
            ];
            for (to, value) in row.iter_mut().zip(values) {
                *to = value.clamp(-LIMIT, LIMIT) as f32;
            }
        }
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_premature_beat_stands_out() {
        // Beats a second apart, the third half a second early, then a pause; 100 Hz.
        let rows = rows(&[0, 100, 150, 300, 400], 100.0).unwrap_or_default();
        assert_eq!(rows.len(), 5 * STEPS * INPUTS);
        // Intervals 1, 0.5, 1.5, 1: mean 1; changes ln 2, ln 3, ln 1.5, median ln 2.
        let expect = |x: f64| x.clamp(-LIMIT, LIMIT) as f32;
        let irregular = expect(CHANGE_SCALE * 2f64.ln());
        let steady = expect(-2.0);
        let third = &rows[2 * STEPS * INPUTS..][..STEPS * INPUTS];
        let want = [
            [expect(0.0), expect(5.0 * 0.5f64.ln()), expect(0.0), irregular, steady],
            [
                expect(5.0 * 0.5f64.ln()),
                expect(5.0 * 1.5f64.ln()),
                expect(5.0 * 0.5f64.ln()),
                irregular,
                steady,
            ],
            [expect(5.0 * 1.5f64.ln()), expect(0.0), expect(5.0 * 1.5f64.ln()), irregular, steady],
        ];
        assert_eq!(third, want.concat());
        // The first beat has none before it: a row of zeros, then one without its first interval.
        assert_eq!(rows[..INPUTS], [0.0; INPUTS]);
        assert_eq!(rows[INPUTS..INPUTS + 2], [0.0, 0.0]);
    }

    #[test]
    fn beats_at_one_place_and_lone_beats_are_survived() {
        assert!(rows(&[], 360.0).is_none());
        assert!(rows(&[5], 360.0).is_none());
        let rows = rows(&[5, 5], 360.0).unwrap_or_default();
        assert!(rows.iter().all(|x| x.is_finite()) && rows.len() == 2 * STEPS * INPUTS);
    }
}
