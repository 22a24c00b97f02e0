//! Episode by episode: the rules of ANSI/AAMI EC57 (and EC38:2007) for atrial and for ventricular fibrillation, as PhysioNet's
//! `epicmp` and `sumstats` apply them.
//!
//! What is known of them (G. B. Moody; their manual pages and *Evaluating ECG Analyzers* in the WFDB Applications Guide, and how
//! release 10.7.0 behaves), and held to here:
//!
//! - *Atrial fibrillation* begins with a rhythm change whose text begins with `(AFIB`, and ends with the next whose text does not. Flutter
//!   (`(AFL`) is a rhythm like any other: a test that calls it fibrillation is wrong.
//! - *Ventricular flutter or fibrillation* begins with `[` and ends with the next `]`. Rhythm changes mean nothing here.
//! - An episode that does not end reaches to the end of the record; where the header has no length, to the last annotation of the
//!   reference.
//! - *The part that is compared* begins 5 minutes after the record's start. Episodes are cut to it; what lies outside is nothing.
//! - *Episode sensitivity* is the part of the reference's episodes, and *predictivity* the part of the test's, that overlap one of the
//!   other's, by any amount. Each episode counts alike.
//! - *Duration sensitivity* is the time in both's episodes as a part of that in the reference's, *predictivity* as a part of that
//!   in the test's.
//!
//! Shutdowns, beats and other annotations mean nothing here. Times that go back are sorted.
//!
//! *Over records.* Episodes are summed. `sumstats` has the printed line of each record alone, so its gross duration figures come from rounded
//! numbers: [`EpisodeSummary::gross_durations`] does the same, [`EpisodeSummary::sum`] has what is exact. The average is the mean
//! of the records for which a figure is defined, of durations in whole percent.

use super::{Ratio, mean};
use efficientecg_ecg::wfdb::{Annotations, Code};
use std::ops::Range;

/// What an episode is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EpisodeKind {
    /// Atrial fibrillation.
    Atrial,
    /// Ventricular flutter or fibrillation.
    Ventricular,
}

impl EpisodeKind {
    /// All.
    pub const ALL: [EpisodeKind; 2] = [EpisodeKind::Atrial, EpisodeKind::Ventricular];

    /// The abbreviation of reports: `AF` or `VF`.
    pub fn name(self) -> &'static str {
        match self {
            EpisodeKind::Atrial => "AF",
            EpisodeKind::Ventricular => "VF",
        }
    }
}

/// What is compared.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Extent {
    /// Seconds that are not scored, from the record's start; 300 in EC57.
    pub from: f64,
    /// Seconds from the record's start to where the comparison stops; `None` for its end.
    pub to: Option<f64>,
}

impl Default for Extent {
    fn default() -> Extent {
        Extent { from: 300.0, to: None }
    }
}

impl Extent {
    /// Where the comparison of a record of `samples` ticks stops; a time that was asked for may lie past the record's end.
    pub fn end(&self, rate: f64, samples: i64) -> i64 {
        self.to.map_or(samples, |seconds| ticks(seconds, rate))
    }
}

/// Seconds as ticks, halves up.
fn ticks(seconds: f64, rate: f64) -> i64 {
    (seconds * rate + 0.5).floor().clamp(0.0, NEVER as f64) as i64
}

/// Episodes of one annotation file, in ticks of the record, ascending, apart from one another; none is empty.
type Spans = Vec<Range<i64>>;

/// The last tick that is kept apart from "for ever".
const NEVER: i64 = 1 << 60;

/// The episodes of `annotations` on a record of `rate` ticks a second, as long as the file goes: one that does not end reaches to
/// `end`. Times in other ticks, where the file says so, are rounded to the record's.
fn spans(annotations: &Annotations, kind: EpisodeKind, rate: f64, end: i64) -> Spans {
    let time = ticks_of(annotations, rate);
    let mut changes: Vec<(i64, bool)> = Vec::new();
    for item in &annotations.items {
        let on = match kind {
            EpisodeKind::Atrial if item.code == Code::RHYTHM => item.aux.starts_with(b"(AFIB"),
            EpisodeKind::Ventricular if item.code == Code::FLUTTER_ON => true,
            EpisodeKind::Ventricular if item.code == Code::FLUTTER_OFF => false,
            _ => continue,
        };
        changes.push((time(item.time), on));
    }
    changes.sort_by_key(|c| c.0);
    let mut spans = Vec::new();
    let mut start = None;
    for (time, on) in changes {
        match (start, on) {
            (None, true) => start = Some(time),
            (Some(from), false) => {
                spans.push(from..time);
                start = None;
            }
            _ => {}
        }
    }
    spans.extend(start.map(|from| from..end));
    spans.retain(|s| !s.is_empty());
    spans
}

/// The time of the last annotation, in ticks of a record of `rate` a second; 0 where there is none.
fn last(annotations: &Annotations, rate: f64) -> i64 {
    let time = ticks_of(annotations, rate);
    annotations.items.iter().map(|item| time(item.time)).fold(0, i64::max)
}

/// From the file's ticks to the record's.
fn ticks_of(annotations: &Annotations, rate: f64) -> impl Fn(i64) -> i64 {
    let scale = annotations.sample_rate.filter(|r| *r != rate).map_or(1.0, |r| rate / r);
    move |time| {
        let time = if scale == 1.0 { time } else { (time as f64 * scale).round() as i64 };
        time.clamp(-NEVER, NEVER)
    }
}

/// What a comparison counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EpisodeScore {
    /// The reference's episodes: those that the test overlaps, of all.
    pub reference: Ratio,
    /// The test's episodes: those that the reference overlaps, of all.
    pub test: Ratio,
    /// Ticks in the reference's episodes.
    pub reference_ticks: u64,
    /// Ticks in the test's episodes.
    pub test_ticks: u64,
    /// Ticks in both's episodes.
    pub overlap_ticks: u64,
}

/// Compares the episodes in two files on a record of `rate` ticks a second and `samples` ticks, or, where that is not known, as long
/// as the reference's last annotation says.
pub fn compare(
    reference: &Annotations,
    test: &Annotations,
    kind: EpisodeKind,
    rate: f64,
    samples: Option<i64>,
    extent: &Extent,
) -> EpisodeScore {
    let to = extent.end(rate, samples.unwrap_or_else(|| last(reference, rate)));
    let from = ticks(extent.from, rate);
    let cut = |annotations: &Annotations| -> Spans {
        let all = spans(annotations, kind, rate, to);
        let cut = all.iter().map(|s| s.start.max(from)..s.end.min(to));
        cut.filter(|s| !s.is_empty()).collect()
    };
    let (reference, test) = (cut(reference), cut(test));
    let length = |spans: &[Range<i64>]| spans.iter().map(|s| s.start.abs_diff(s.end)).sum();
    let (right, overlap_ticks) = overlapped(&test, &reference);
    let (found, _) = overlapped(&reference, &test);
    EpisodeScore {
        reference: Ratio { part: found, of: reference.len() as u64 },
        test: Ratio { part: right, of: test.len() as u64 },
        reference_ticks: length(&reference),
        test_ticks: length(&test),
        overlap_ticks,
    }
}

/// How many of `spans` the `others` overlap, and the ticks in both.
fn overlapped(spans: &[Range<i64>], others: &[Range<i64>]) -> (u64, u64) {
    let (mut count, mut ticks) = (0, 0);
    for span in spans {
        let first = others.partition_point(|o| o.end <= span.start);
        let near = others[first..].iter().take_while(|o| o.start < span.end);
        let common: u64 = near.map(|o| o.start.max(span.start).abs_diff(o.end.min(span.end))).sum();
        count += u64::from(common > 0);
        ticks += common;
    }
    (count, ticks)
}

impl EpisodeScore {
    /// Part of the time in the reference's episodes that is also in the test's.
    pub fn duration_sensitivity(&self) -> Ratio {
        Ratio { part: self.overlap_ticks, of: self.reference_ticks }
    }

    /// Part of the time in the test's episodes that is also in the reference's.
    pub fn duration_predictivity(&self) -> Ratio {
        Ratio { part: self.overlap_ticks, of: self.test_ticks }
    }
}

/// One record's line in a summary.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RecordEpisodes {
    /// What was counted.
    pub score: EpisodeScore,
    /// Ticks a second.
    pub rate: f64,
}

impl RecordEpisodes {
    /// Ticks as milliseconds, halves up.
    fn milliseconds(&self, ticks: u64) -> u64 {
        (ticks as f64 * 1e3 / self.rate + 0.5).floor() as u64
    }

    /// Milliseconds in the reference's episodes.
    pub fn reference_milliseconds(&self) -> u64 {
        self.milliseconds(self.score.reference_ticks)
    }

    /// Milliseconds in the test's episodes.
    pub fn test_milliseconds(&self) -> u64 {
        self.milliseconds(self.score.test_ticks)
    }
}

/// A record's figure in whole percent, halves up, as `epicmp` prints it; `None` where undefined.
pub fn whole_percent(ratio: Ratio) -> Option<u32> {
    let twice = 200 * u128::from(ratio.part);
    (ratio.of > 0).then(|| ((twice + u128::from(ratio.of)) / (2 * u128::from(ratio.of))) as u32)
}

/// Figures from 0 to 1 over records; `None` is undefined.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EpisodeFigures {
    /// Part of the reference's episodes that were found.
    pub episode_sensitivity: Option<f64>,
    /// Part of the test's episodes that are right.
    pub episode_predictivity: Option<f64>,
    /// Part of the time in the reference's episodes.
    pub duration_sensitivity: Option<f64>,
    /// Part of the time in the test's episodes.
    pub duration_predictivity: Option<f64>,
}

impl EpisodeFigures {
    /// Those of one comparison, exact.
    pub fn of(score: &EpisodeScore) -> EpisodeFigures {
        EpisodeFigures {
            episode_sensitivity: score.reference.value(),
            episode_predictivity: score.test.value(),
            duration_sensitivity: score.duration_sensitivity().value(),
            duration_predictivity: score.duration_predictivity().value(),
        }
    }
}

/// All records together.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EpisodeSummary {
    /// Episodes, summed.
    pub reference: Ratio,
    /// The same of the test's.
    pub test: Ratio,
    /// Milliseconds in the reference's episodes: the sum of the records', each rounded.
    pub reference_milliseconds: u64,
    /// The same of the test's.
    pub test_milliseconds: u64,
    /// Exact figures of the sums.
    pub sum: EpisodeFigures,
    /// Duration sensitivity and predictivity as `sumstats` gives them: the overlap of a record is the percentage of the longer side, in
    /// whole percent, times that side.
    pub gross_durations: [Option<f64>; 2],
    /// Means of the records' figures, those of durations in whole percent.
    pub average: EpisodeFigures,
}

impl EpisodeSummary {
    /// Sums up records.
    pub fn new(records: &[RecordEpisodes]) -> EpisodeSummary {
        let add = |a: Ratio, b: Ratio| Ratio { part: a.part + b.part, of: a.of + b.of };
        let (mut reference, mut test) = (Ratio::default(), Ratio::default());
        let (mut reference_ms, mut test_ms, mut overlap) = (0_u64, 0_u64, 0.0);
        let mut seconds = [0.0; 3];
        for record in records {
            let score = &record.score;
            reference = add(reference, score.reference);
            test = add(test, score.test);
            let (a, b) = (record.reference_milliseconds(), record.test_milliseconds());
            reference_ms += a;
            test_ms += b;
            let (of, longer) =
                if a > b { (score.duration_sensitivity(), a) } else { (score.duration_predictivity(), b) };
            overlap += f64::from(whole_percent(of).unwrap_or(0)) / 100.0 * longer as f64;
            let ticks = [score.overlap_ticks, score.reference_ticks, score.test_ticks];
            seconds.iter_mut().zip(ticks).for_each(|(sum, t)| *sum += t as f64 / record.rate);
        }
        let part = |of: f64, part: f64| (of > 0.0).then(|| part / of);
        let figures: Vec<EpisodeFigures> = records.iter().map(|r| EpisodeFigures::of(&r.score)).collect();
        let average = |one: fn(&EpisodeFigures) -> Option<f64>| mean(figures.iter().map(one));
        let whole = |one: fn(&EpisodeScore) -> Ratio| {
            mean(records.iter().map(|r| whole_percent(one(&r.score)).map(|p| f64::from(p) / 100.0)))
        };
        EpisodeSummary {
            reference,
            test,
            reference_milliseconds: reference_ms,
            test_milliseconds: test_ms,
            sum: EpisodeFigures {
                episode_sensitivity: reference.value(),
                episode_predictivity: test.value(),
                duration_sensitivity: part(seconds[1], seconds[0]),
                duration_predictivity: part(seconds[2], seconds[0]),
            },
            gross_durations: [part(reference_ms as f64, overlap), part(test_ms as f64, overlap)],
            average: EpisodeFigures {
                episode_sensitivity: average(|f| f.episode_sensitivity),
                episode_predictivity: average(|f| f.episode_predictivity),
                duration_sensitivity: whole(EpisodeScore::duration_sensitivity),
                duration_predictivity: whole(EpisodeScore::duration_predictivity),
            },
        }
    }
}

#[cfg(test)]
#[allow(clippy::single_range_in_vec_init)] // A list of one episode.
mod tests;
