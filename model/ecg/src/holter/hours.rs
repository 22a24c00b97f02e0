//! Hour by hour.

use super::BeatType;
use std::ops::Range;

const HOUR: f64 = 3600.0;

/// Heart rates of a part of a record, beats a minute.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RateRange {
    /// 60 over the largest mean of some intervals, a minute.
    pub min: f64,
    /// When the last of these intervals ends, in seconds.
    pub min_at: f64,
    /// 60 over the smallest mean, a minute.
    pub max: f64,
    /// When the last of these intervals ends, in seconds.
    pub max_at: f64,
}

/// Ectopic beats of one kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Ectopy {
    /// Beats.
    pub beats: usize,
    /// Couplets.
    pub couplets: usize,
    /// Runs.
    pub runs: usize,
    /// Episodes of bigeminy; of ventricular beats alone.
    pub bigeminy: usize,
    /// Episodes of trigeminy; of ventricular beats alone.
    pub trigeminy: usize,
}

/// What an hour holds, or a whole record. Counts are of what was assessed.
#[derive(Debug, Clone, PartialEq, Default)]
#[non_exhaustive]
pub struct Hour {
    /// Its start in seconds from the record's.
    pub start: f64,
    /// Its end.
    pub end: f64,
    /// Seconds that were assessed.
    pub assessed: f64,
    /// Beats of any class.
    pub beats: usize,
    /// Normal beats.
    pub normal: usize,
    /// Ventricular beats, and sequences of them that begin in the hour.
    pub ventricular: Ectopy,
    /// Supraventricular beats, likewise.
    pub supraventricular: Ectopy,
    /// Fusion beats.
    pub fusion: usize,
    /// Beats of no other class.
    pub other: usize,
    /// Intervals, and their sum in seconds.
    pub intervals: usize,
    /// Their sum.
    pub interval_seconds: f64,
    /// The slowest and the fastest; none without enough intervals one after another.
    pub rate: Option<RateRange>,
    /// Pauses.
    pub pauses: usize,
    /// The longest interval in seconds, by its end.
    pub longest: Option<f64>,
    /// Seconds in fibrillation, of those that were assessed; none where nothing is said of it.
    pub fibrillation: Option<f64>,
}

impl Hour {
    /// The part of its time that was not assessed, from 0 to 1.
    pub fn not_assessed(&self) -> f64 {
        (1.0 - self.assessed / (self.end - self.start)).max(0.0)
    }

    /// The mean heart rate, beats a minute; none without an interval.
    pub fn mean_rate(&self) -> Option<f64> {
        (self.intervals > 0).then(|| 60.0 * self.intervals as f64 / self.interval_seconds)
    }

    /// The part of the assessed time that is in fibrillation, from 0 to 1; none where nothing is said of it or nothing was assessed.
    pub fn burden(&self) -> Option<f64> {
        self.fibrillation.filter(|_| self.assessed > 0.0).map(|seconds| (seconds / self.assessed).min(1.0))
    }

    fn add(&mut self, other: &Hour) {
        self.end = other.end;
        self.assessed += other.assessed;
        self.beats += other.beats;
        self.normal += other.normal;
        for (sum, part) in [
            (&mut self.ventricular, &other.ventricular),
            (&mut self.supraventricular, &other.supraventricular),
        ] {
            sum.beats += part.beats;
            sum.couplets += part.couplets;
            sum.runs += part.runs;
            sum.bigeminy += part.bigeminy;
            sum.trigeminy += part.trigeminy;
        }
        self.fusion += other.fusion;
        self.other += other.other;
        self.intervals += other.intervals;
        self.interval_seconds += other.interval_seconds;
        if let Some(rate) = other.rate {
            self.rate(rate.min_at, rate.min);
            self.rate(rate.max_at, rate.max);
        }
        self.pauses += other.pauses;
        self.longest = self.longest.into_iter().chain(other.longest).reduce(f64::max);
        self.fibrillation = self.fibrillation.into_iter().chain(other.fibrillation).reduce(|a, b| a + b);
    }

    fn rate(&mut self, at: f64, rate: f64) {
        let known = self.rate.get_or_insert(RateRange { min: rate, min_at: at, max: rate, max_at: at });
        if rate < known.min {
            (known.min, known.min_at) = (rate, at);
        }
        if rate > known.max {
            (known.max, known.max_at) = (rate, at);
        }
    }
}

/// The table; times in seconds.
#[derive(Debug, Clone)]
pub(super) struct Hours {
    rows: Vec<Hour>,
    past: f64,
}

impl Hours {
    /// Of a record of so many seconds that begins so many after a full hour.
    pub(super) fn new(seconds: f64, past_hour: f64) -> Hours {
        let past = if (0.0..HOUR).contains(&past_hour) { past_hour } else { 0.0 };
        let seconds = if seconds.is_finite() { seconds.max(0.0) } else { 0.0 };
        let count = ((seconds + past) / HOUR).ceil().max(1.0) as usize;
        let edge = |place: usize| (place as f64 * HOUR - past).clamp(0.0, seconds);
        let row = |place: usize| Hour { start: edge(place), end: edge(place + 1), ..Hour::default() };
        Hours { rows: (0..count).map(row).collect(), past }
    }

    fn place(&self, at: f64) -> usize {
        (((at + self.past) / HOUR) as usize).min(self.rows.len() - 1)
    }

    /// The row of a time.
    pub(super) fn at(&mut self, at: f64) -> &mut Hour {
        let place = self.place(at);
        &mut self.rows[place]
    }

    pub(super) fn beat(&mut self, at: f64, class: BeatType) {
        let hour = self.at(at);
        hour.beats += 1;
        *match class {
            BeatType::Normal => &mut hour.normal,
            BeatType::Supraventricular => &mut hour.supraventricular.beats,
            BeatType::Ventricular => &mut hour.ventricular.beats,
            BeatType::Fusion => &mut hour.fusion,
            BeatType::Other => &mut hour.other,
        } += 1;
    }

    pub(super) fn interval(&mut self, end: f64, seconds: f64) {
        let hour = self.at(end);
        hour.intervals += 1;
        hour.interval_seconds += seconds;
        hour.longest = Some(hour.longest.map_or(seconds, |longest| longest.max(seconds)));
    }

    pub(super) fn rate(&mut self, at: f64, rate: f64) {
        self.at(at).rate(at, rate);
    }

    pub(super) fn fibrillation_assessed(&mut self) {
        self.rows.iter_mut().for_each(|hour| hour.fibrillation = Some(0.0));
    }

    /// Time in fibrillation.
    pub(super) fn fibrillation(&mut self, from: f64, to: f64) {
        self.overlaps(from, to, |hour, seconds| *hour.fibrillation.get_or_insert(0.0) += seconds);
    }

    /// The rows that a time overlaps, and how far.
    fn overlaps(&mut self, from: f64, to: f64, mut with: impl FnMut(&mut Hour, f64)) {
        let (first, last) = (self.place(from), self.place(to));
        for hour in &mut self.rows[first..=last] {
            let seconds = to.min(hour.end) - from.max(hour.start);
            if seconds > 0.0 {
                with(hour, seconds);
            }
        }
    }

    /// The rows and their sum, with what is unknown taken off.
    pub(super) fn finish(mut self, unknown: &[Range<f64>]) -> (Vec<Hour>, Hour) {
        self.rows.iter_mut().for_each(|hour| hour.assessed = hour.end - hour.start);
        for span in unknown {
            self.overlaps(span.start, span.end, |hour, seconds| hour.assessed -= seconds);
        }
        let mut total = Hour::default();
        for hour in &mut self.rows {
            hour.assessed = hour.assessed.max(0.0);
            total.add(hour);
        }
        (self.rows, total)
    }
}
