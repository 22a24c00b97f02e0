//! The rhythm feature: rows of each beat and its neighbours, R-R intervals relative to the beats nearby and to the record,
//! then the columns of [`super::morphology`] and [`super::atrial`], and in wide rows those of `surroundings.rs`.
//!
//! The formula is the contract with `tools/python/tests/oracles/rhythm.py`, where it is written out; the two are
//! held to each other by the classes of every beat of DS2 (`tests/tests/ecg_ds2.rs`). All arithmetic is f64; a row is cast to f32 at its end.
//!
//! Where samples are missing ([`Missing`]), an interval across a gap is missing: it is 0 in its own columns, as one before the first beat,
//! and takes no part in means, medians and quantiles. The columns of a QRS complex or a P wave that a gap touches are 0.

use super::gaps::Gaps;
use super::qrs::SEGMENT;
use super::segments::AlignedBeats;
use super::statistics;
use super::workers::Workers;
use super::{atrial, morphology, surroundings};
use std::ops::Range;

/// R-R figures of a beat.
const FIGURES: usize = 10;
/// Rows a beat: the beat before, the beat, the beat after.
pub const STEPS: usize = 3;
/// Beats on either side that the local mean and the change look at.
const WINDOW: usize = 20;
/// Beats on either side that the longer and shorter intervals are of.
const WIDE: usize = 50;
const RATIO_SCALE: f64 = 5.0;
const CHANGE_SCALE: f64 = 10.0;
const LONG_SCALE: f64 = 4.0;
const LIMIT: f64 = 4.0;
/// Changes of the interval's logarithm below this count as steady.
const STEADY: f64 = 0.08;
/// The quantiles of the longer and the shorter intervals.
const LONG: f64 = 0.8;
const SHORT: f64 = 0.1;
/// Seconds before a beat from which its P wave may begin.
const P_REACH: f64 = 0.3;

/// What is missing of a record's leads, in the samples of its beats. Only gaps that are too long to be bridged count.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Missing {
    /// Where a beat may lie that is not among the beats.
    pub beats: Gaps,
    /// Where any lead lacks samples.
    pub any: Gaps,
}

impl Missing {
    /// Nothing is missing.
    pub const NONE: Missing = Missing { beats: Gaps::NONE, any: Gaps::NONE };

    /// Seconds between each two beats, at least a sample; `None` where a beat may lie between them that is not known.
    pub(super) fn intervals(&self, beats: &[i64], rate: f64) -> Vec<Option<f64>> {
        let interval = |w: &[i64]| {
            let seconds = w[1].saturating_sub(w[0]).max(1) as f64 / rate;
            (!self.beats.touch_between(w[0], w[1])).then_some(seconds)
        };
        beats.windows(2).map(interval).collect()
    }

    /// Whether a gap touches the time from so many seconds before a beat to so many after it.
    pub(super) fn touch(&self, beat: i64, before: f64, after: f64, rate: f64) -> bool {
        let samples = |seconds: f64| (seconds * rate).round() as i64;
        !self.any.is_empty()
            && self.any.touch_between(
                beat.saturating_sub(samples(before)),
                beat.saturating_add(samples(after)).saturating_add(1),
            )
    }
}

/// Numbers a row, for so many leads.
pub fn inputs(leads: usize) -> usize {
    FIGURES.saturating_add(morphology::inputs(leads)).saturating_add(atrial::inputs(leads))
}

/// Numbers a wide row: those of a row, then what the beats around are like.
pub fn wide_inputs(leads: usize) -> usize {
    inputs(leads).saturating_add(surroundings::INPUTS)
}

/// `[beats, STEPS, inputs(leads)]` for ascending `beats`, in samples at `rate` a second, of normalised `leads`; `None` for
/// fewer than two beats. Where shapes cannot be compared their columns are 0, as are the rows of beats outside the record.
pub fn rows(leads: &[&[f32]], beats: &[i64], rate: f64) -> Option<Vec<f32>> {
    rows_by(leads, beats, rate, &Missing::NONE, Workers::ALONE)
}

/// The same where samples are missing, which are bridged in `leads`; on several threads. The rows do not depend on their number.
pub fn rows_by(
    leads: &[&[f32]],
    beats: &[i64],
    rate: f64,
    missing: &Missing,
    workers: Workers,
) -> Option<Vec<f32>> {
    Some(stacked(&columns(leads, beats, rate, missing, workers)?, inputs(leads.len())))
}

/// Wide rows, `[beats, STEPS, wide_inputs(leads)]`.
pub fn wide_rows_by(
    leads: &[&[f32]],
    beats: &[i64],
    rate: f64,
    missing: &Missing,
    workers: Workers,
) -> Option<Vec<f32>> {
    let base = columns(leads, beats, rate, missing, workers)?;
    let around = surroundings::columns(&base, FIGURES, leads.len());
    let both = base.chunks_exact(inputs(leads.len())).zip(around.chunks_exact(surroundings::INPUTS));
    let wide: Vec<f32> = both.flat_map(|(base, around)| base.iter().chain(around)).copied().collect();
    Some(stacked(&wide, wide_inputs(leads.len())))
}

/// `[beats, inputs(leads)]`: the columns of each beat.
fn columns(
    leads: &[&[f32]],
    beats: &[i64],
    rate: f64,
    missing: &Missing,
    workers: Workers,
) -> Option<Vec<f32>> {
    let figures = figures(beats, rate, missing)?;
    let (shapes, waves) = (morphology::inputs(leads.len()), atrial::inputs(leads.len()));
    let width = FIGURES + shapes + waves;
    let mut columns = vec![0.0; beats.len() * width];
    for (row, figures) in columns.chunks_exact_mut(width).zip(figures.chunks_exact(FIGURES)) {
        row[..FIGURES].copy_from_slice(figures);
    }
    if let Some(aligned) = AlignedBeats::by(leads, beats, rate, workers) {
        let shape = morphology::columns_by(&aligned, workers);
        let wave = atrial::columns_by(&aligned, beats, workers);
        let both = shape.chunks_exact(shapes).zip(wave.chunks_exact(waves));
        for ((row, (shape, wave)), beat) in columns.chunks_exact_mut(width).zip(both).zip(beats) {
            if !missing.touch(*beat, SEGMENT.before, SEGMENT.after, rate) {
                row[FIGURES..FIGURES + shapes].copy_from_slice(shape);
            }
            if !missing.touch(*beat, P_REACH, 0.0, rate) {
                row[FIGURES + shapes..].copy_from_slice(wave);
            }
        }
    }
    Some(columns)
}

/// `[beats, FIGURES]`.
fn figures(beats: &[i64], rate: f64, missing: &Missing) -> Option<Vec<f32>> {
    let n = beats.len();
    if n < 2 {
        return None;
    }
    // `interval[j]` ends at beat `j + 1`, as does `change[j]`, from the interval before to this one.
    let interval = missing.intervals(beats, rate);
    let change: Vec<Option<f64>> = interval.windows(2).map(|w| Some((w[1]? / w[0]?).ln().abs())).collect();
    let sorted = statistics::ascending(&interval.iter().flatten().copied().collect::<Vec<f64>>());
    let (record, longest) = (mean(&interval), quantile(&sorted, LONG));
    let [mut nearby, mut around, mut changing] = [Sorted::default(), Sorted::default(), Sorted::default()];

    let mut out = vec![0.0; n * FIGURES];
    for (i, row) in out.chunks_exact_mut(FIGURES).enumerate() {
        let near = |reach: usize| i.saturating_sub(reach)..(i + reach).min(n - 1);
        let span = near(WINDOW);
        let local = mean(&interval[span.clone()]);
        let middle = nearby.cover(&interval, span.clone()).median();
        let wide = around.cover(&interval, near(WIDE));
        let (long, short) = (quantile(&wide.values, LONG), quantile(&wide.values, SHORT));
        let span = span.start..span.end - 1;
        let changes = change.get(span.clone()).unwrap_or_default();
        let usual = changing.cover(&change, span.start..span.start + changes.len()).median();
        let known = changes.iter().flatten().count();
        let steady = if known == 0 {
            1.0
        } else {
            changes.iter().flatten().filter(|c| **c < STEADY).count() as f64 / known as f64
        };
        let before = i.checked_sub(1).and_then(|j| interval.get(j)).copied().flatten();
        let earlier = i.checked_sub(2).and_then(|j| interval.get(j)).copied().flatten();
        let after = interval.get(i).copied().flatten();
        let ratio = |x: Option<f64>, to: f64, scale: f64| x.map_or(0.0, |x| scale * (x / to).ln());
        let values = [
            ratio(before, local, RATIO_SCALE),
            ratio(after, local, RATIO_SCALE),
            ratio(before, record, RATIO_SCALE),
            CHANGE_SCALE * usual,
            4.0 * steady - 2.0,
            ratio(before, long, LONG_SCALE),
            ratio(after, long, LONG_SCALE),
            LONG_SCALE * (long / short).ln(),
            LONG_SCALE * (middle / longest).ln(),
            earlier.map_or(0.0, |earlier| ratio(before, earlier, LONG_SCALE)),
        ];
        for (to, value) in row.iter_mut().zip(values) {
            // Where no interval nearby is known there is nothing to compare.
            *to = if value.is_nan() { 0.0 } else { value.clamp(-LIMIT, LIMIT) as f32 };
        }
        if nearby.values.is_empty() {
            row[8] = 0.0;
        }
    }
    Some(out)
}

/// The mean of those that are known.
fn mean(x: &[Option<f64>]) -> f64 {
    x.iter().flatten().sum::<f64>() / x.iter().flatten().count() as f64
}

/// A quantile of sorted values; 0 of none.
fn quantile(sorted: &[f64], part: f64) -> f64 {
    statistics::quantile(sorted, part).unwrap_or(0.0)
}

/// The known values of a span that moves on, in ascending order.
#[derive(Default)]
struct Sorted {
    values: Vec<f64>,
    span: Range<usize>,
}

impl Sorted {
    /// Moves on to a span that neither begins nor ends earlier.
    fn cover(&mut self, of: &[Option<f64>], span: Range<usize>) -> &Sorted {
        let place = |values: &[f64], x: &f64| values.partition_point(|v| v.total_cmp(x).is_lt());
        for x in of[self.span.start..span.start.min(self.span.end)].iter().flatten() {
            self.values.remove(place(&self.values, x));
        }
        for x in of[self.span.end.max(span.start)..span.end].iter().flatten() {
            self.values.insert(place(&self.values, x), *x);
        }
        self.span = span;
        self
    }

    fn median(&self) -> f64 {
        let n = self.values.len();
        if n == 0 { 0.0 } else { (self.values[(n - 1) / 2] + self.values[n / 2]) / 2.0 }
    }
}

/// Each beat's columns between its neighbours': `[beats, STEPS, width]` of `[beats, width]`.
fn stacked(columns: &[f32], width: usize) -> Vec<f32> {
    let rows: Vec<&[f32]> = columns.chunks_exact(width).collect();
    let mut out = Vec::with_capacity(columns.len() * STEPS);
    for beat in 0..rows.len() {
        for step in 0..STEPS {
            match (beat + step).checked_sub(1).and_then(|j| rows.get(j)) {
                Some(row) => out.extend_from_slice(row),
                None => out.resize(out.len() + width, 0.0),
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_premature_beat_stands_out() {
        // Beats a second apart, the third half a second early, then a pause; 100 Hz.
        let rows = figures(&[0, 100, 150, 300, 400], 100.0, &Missing::NONE).unwrap_or_default();
        assert_eq!(rows.len(), 5 * FIGURES);
        let expect = |x: f64| x.clamp(-LIMIT, LIMIT) as f32;
        // Intervals 1, 0.5, 1.5, 1: mean and median 1; changes ln 2, ln 3, ln 1.5, median ln 2. Sorted 0.5, 1, 1, 1.5: the 0.8
        // quantile lies 0.4 of the way from 1 to 1.5, the 0.1 quantile 0.3 of the way from 0.5 to 1.
        let row = |before: f64, after: f64, change: f64| {
            [
                expect(5.0 * before.ln()),
                expect(5.0 * after.ln()),
                expect(5.0 * before.ln()),
                expect(10.0 * 2f64.ln()),
                -2.0,
                expect(4.0 * (before / 1.2).ln()),
                expect(4.0 * (after / 1.2).ln()),
                expect(4.0 * (1.2f64 / 0.65).ln()),
                expect(4.0 * (1.0 / 1.2f64).ln()),
                expect(4.0 * change.ln()),
            ]
        };
        let want = [row(0.5, 1.5, 0.5), row(1.5, 1.0, 3.0)].concat();
        for (got, want) in rows[2 * FIGURES..].iter().zip(want) {
            assert!((got - want).abs() < 1e-6, "{got} {want}");
        }
        // No interval before the first beat, none before that of the second.
        assert_eq!([rows[0], rows[2], rows[5], rows[9]], [0.0; 4]);
        assert_eq!(rows[FIGURES + 9], 0.0);
    }

    #[test]
    fn an_interval_across_a_gap_is_missing_and_not_long() {
        // A beat a second at 100 Hz; of one beat nothing is known but that it may lie in the gap.
        let beats: Vec<i64> = (0..40).filter(|i| *i != 20).map(|i| i * 100).collect();
        let all: Vec<i64> = (0..40).map(|i| i * 100).collect();
        let gap = {
            let mut x = vec![0.0; 4000];
            x[1950..2050].fill(f32::NAN);
            Gaps::of(&x)
        };
        let missing = Missing { beats: gap.clone(), any: gap };
        let [steady, long, got] = [(&all, &Missing::NONE), (&beats, &Missing::NONE), (&beats, &missing)]
            .map(|(beats, missing)| figures(beats, 100.0, missing).unwrap_or_default());
        // All rows are those of the steady rhythm: what is unknown is 0 there too, as each interval is the usual one.
        assert_eq!(got[..], steady[..39 * FIGURES]);
        assert_ne!(got, long);
        // Nothing but a gap: no interval, and all is finite.
        let all_missing = Missing { beats: Gaps::of(&[f32::NAN; 4000]), any: Gaps::NONE };
        let rows = figures(&beats, 100.0, &all_missing).unwrap_or_default();
        assert!(
            rows.chunks_exact(FIGURES).all(|row| row == [0.0, 0.0, 0.0, 0.0, 2.0, 0.0, 0.0, 0.0, 0.0, 0.0])
        );
    }

    #[test]
    fn waves_that_a_gap_touches_are_not_described() {
        let lead: Vec<f32> =
            (0..2000).map(|i| if i % 100 == 50 { 1.0 } else { 0.01 * (i % 7) as f32 }).collect();
        let beats: Vec<i64> = (0..20).map(|i| 50 + i * 100).collect();
        let mut x = lead.clone();
        // From 0.15 s before the beat at 1050: the P wave, not the complex.
        x[1030..1038].fill(f32::NAN);
        let missing = Missing { beats: Gaps::NONE, any: Gaps::of(&x).long(100.0) };
        let plain = rows(&[&lead], &beats, 100.0).unwrap_or_default();
        let got = rows_by(&[&lead], &beats, 100.0, &missing, Workers::ALONE).unwrap_or_default();
        let (width, shapes) = (inputs(1), morphology::inputs(1));
        for (i, (got, plain)) in got.chunks_exact(width).zip(plain.chunks_exact(width)).enumerate() {
            let beat = (i / STEPS + i % STEPS).checked_sub(1);
            let waves = FIGURES + shapes;
            assert_eq!(got[..waves], plain[..waves]);
            if beat == Some(10) {
                assert!(got[waves..].iter().all(|x| *x == 0.0) && plain[waves..].iter().any(|x| *x != 0.0));
            } else {
                assert_eq!(got[waves..], plain[waves..]);
            }
        }
    }

    #[test]
    fn rows_are_those_of_the_beat_and_its_neighbours() {
        let got = stacked(&[1.0, 2.0, 3.0], 1);
        assert_eq!(got, [0.0, 1.0, 2.0, 1.0, 2.0, 3.0, 2.0, 3.0, 0.0]);
        let flat = [0f32; 400];
        let rows = rows(&[&flat], &[0, 100, 200], 100.0).unwrap_or_default();
        assert_eq!(rows.len(), 3 * STEPS * inputs(1));
        assert!(rows.chunks_exact(inputs(1)).all(|row| row[FIGURES..].iter().all(|x| *x == 0.0)));
        assert!(rows.iter().any(|x| *x != 0.0));
    }

    #[test]
    fn beats_at_one_place_and_lone_beats_are_survived() {
        assert!(rows(&[&[0.0]], &[], 360.0).is_none());
        assert!(rows(&[&[0.0]], &[5], 360.0).is_none());
        let rows = rows(&[&[0.0; 9]], &[5, 5], 360.0).unwrap_or_default();
        assert!(rows.iter().all(|x| x.is_finite()) && rows.len() == 2 * STEPS * inputs(1));
    }
}
