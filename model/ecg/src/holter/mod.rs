//! What a record of hours or days holds, told from its beats as they come: hour by hour, and its most severe events.
//!
//! Beats are pushed one after another with their classes, and before them the stretches of which nothing is known: where samples are missing
//! or the signal cannot be assessed. An *interval* is the time from a beat to the next, if nothing unknown lies between. No sequence of beats leads across what is
//! unknown. Memory grows by one row an hour, and by the stretches that are unknown.
//!
//! | term | means |
//! | --- | --- |
//! | heart rate, mean | 60 over the mean interval |
//! | heart rate, minimum and maximum | 60 over the largest and the smallest mean of [`RATE_INTERVALS`] intervals one after another |
//! | couplet | exactly two ventricular beats one after another; likewise of supraventricular ones |
//! | run | three or more; its rate is 60 over the mean interval within it |
//! | bigeminy, trigeminy | three or more ventricular beats, each one or two normal beats after the one before |
//! | pause | an interval of at least [`HolterSettings::pause`], by default 2 s |
//! | fibrillation | what [`Holter::fibrillation`] is told; its burden is its part of the time that was assessed |
//! | NN interval | an interval between two normal beats, see [`crate::hrv`] |
//!
//! Couplets, runs and geminies are those of the AHA, ACC and HRS (S. M. Al-Khatib et al., *2017 AHA/ACC/HRS guideline for management of
//! patients with ventricular arrhythmias*, Circulation 138, 2018, e272–e391): three or more complexes make a run, one of 30 s or more is sustained. A
//! run counts here whatever its rate, which is told; there it is a tachycardia above 100 a minute. An event belongs to the hour in which it begins.

use crate::hrv::{BandPowers, Nn, TimeDomain, Variability};
use std::collections::VecDeque;
use std::ops::Range;

mod events;
mod hours;
mod plots;
mod sequences;

pub use events::{EventKind, HolterEvent};
pub use hours::{Ectopy, Hour, RateRange};
pub use plots::{Lorenz, Tachogram, TachogramBin};

use events::Severest;
use hours::Hours;
use sequences::Sequences;

/// Intervals whose mean counts for the minimum and maximum of the heart rate.
pub const RATE_INTERVALS: usize = 8;
/// Events that are kept.
pub const EVENTS: usize = 10;
/// Seconds of a record at most, a year: what follows does not count.
const LONGEST: f64 = 366.0 * 86_400.0;

/// The class of a beat by ANSI/AAMI EC57.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BeatType {
    /// N.
    Normal,
    /// S.
    Supraventricular,
    /// V.
    Ventricular,
    /// F, of a ventricular and a normal beat.
    Fusion,
    /// Q, paced or of no other class.
    Other,
}

impl BeatType {
    /// The type of this letter: N, S, V, F or Q.
    pub fn from_letter(letter: &str) -> Option<BeatType> {
        Some(match letter {
            "N" => BeatType::Normal,
            "S" => BeatType::Supraventricular,
            "V" => BeatType::Ventricular,
            "F" => BeatType::Fusion,
            "Q" => BeatType::Other,
            _ => return None,
        })
    }

    /// Its letter.
    pub fn letter(self) -> &'static str {
        match self {
            BeatType::Normal => "N",
            BeatType::Supraventricular => "S",
            BeatType::Ventricular => "V",
            BeatType::Fusion => "F",
            BeatType::Other => "Q",
        }
    }
}

/// What is told of a record before its beats.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct HolterSettings {
    /// Frames a second, in which beats have their times.
    pub rate: f64,
    /// Frames of the record.
    pub frames: i64,
    /// Seconds from the last full hour of the clock to the start of the record: rows are hours of the clock then.
    pub past_hour: f64,
    /// Seconds of a pause at least.
    pub pause: f64,
}

impl HolterSettings {
    /// Rows from the record's start, pauses from 2 s on.
    pub fn new(rate: f64, frames: i64) -> HolterSettings {
        HolterSettings { rate, frames, past_hour: 0.0, pause: 2.0 }
    }
}

/// The longest interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LongestInterval {
    /// The time of its first beat, in seconds.
    pub onset: f64,
    /// Its length in seconds.
    pub seconds: f64,
}

/// What a record holds, from its beats in order of time.
#[derive(Debug, Clone)]
pub struct Holter {
    settings: HolterSettings,
    hours: Hours,
    /// What is unknown, merged, and the first stretch that may touch the next interval.
    unknown: Vec<Range<i64>>,
    next_unknown: usize,
    last: Option<(i64, BeatType)>,
    recent: VecDeque<f64>,
    /// The interval before, if the next follows it, and whether it was of normal beats.
    before: Option<(f64, bool)>,
    sequences: Sequences,
    severest: Severest,
    longest: Option<LongestInterval>,
    variability: Variability,
    tachogram: Tachogram,
    lorenz: Lorenz,
}

/// All that is told of a record.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct HolterReport {
    /// Hour by hour.
    pub hours: Vec<Hour>,
    /// All of it.
    pub total: Hour,
    /// The most severe events, the severest first: [`EventKind`] has the order.
    pub events: Vec<HolterEvent>,
    /// The longest interval.
    pub longest: Option<LongestInterval>,
    /// The fastest ventricular run.
    pub fastest_run: Option<HolterEvent>,
    /// The ventricular run of most beats.
    pub longest_run: Option<HolterEvent>,
    /// The fastest supraventricular run.
    pub fastest_supraventricular_run: Option<HolterEvent>,
    /// Heart rate variability in the time domain; none without an NN interval.
    pub time: Option<TimeDomain>,
    /// Heart rate variability in the frequency domain; none where no window of five minutes can be assessed.
    pub bands: Option<BandPowers>,
    /// Windows of the frequency domain that were assessed, and windows in all.
    pub windows: (usize, usize),
    /// What is unknown, in seconds.
    pub unknown: Vec<Range<f64>>,
    /// Intervals over time.
    pub tachogram: Tachogram,
    /// Each interval against the one before.
    pub lorenz: Lorenz,
}

impl Holter {
    /// A record of which nothing is known yet. One of more than a year ends after a year.
    pub fn new(mut settings: HolterSettings) -> Holter {
        settings.frames = settings.frames.clamp(0, (LONGEST * settings.rate).max(0.0) as i64);
        let seconds = settings.frames as f64 / settings.rate;
        Holter {
            settings,
            hours: Hours::new(seconds, settings.past_hour),
            unknown: Vec::new(),
            next_unknown: 0,
            last: None,
            recent: VecDeque::with_capacity(RATE_INTERVALS + 1),
            before: None,
            sequences: Sequences::default(),
            severest: Severest::default(),
            longest: None,
            variability: Variability::default(),
            tachogram: Tachogram::new(seconds),
            lorenz: Lorenz::default(),
        }
    }

    /// Frames of which nothing is known. They are told in order of their starts, and before the beats that follow them.
    pub fn unknown(&mut self, frames: Range<i64>) {
        let frames = frames.start.max(0)..frames.end.min(self.settings.frames);
        if frames.is_empty() {
            return;
        }
        match self.unknown.last_mut() {
            Some(last) if frames.start <= last.end => last.end = last.end.max(frames.end),
            _ => self.unknown.push(frames),
        }
    }

    /// Takes the next beat, at a frame. One no later than the one before does not count, nor one outside of the record.
    pub fn push(&mut self, frame: i64, class: BeatType) {
        if self.last.is_some_and(|(last, _)| frame <= last) || !(0..self.settings.frames).contains(&frame) {
            return;
        }
        let at = frame as f64 / self.settings.rate;
        self.hours.beat(at, class);
        let interval = self.last.filter(|(last, _)| !self.is_unknown(*last, frame));
        match interval {
            Some((last, before)) => self.interval(last, frame, (before, class)),
            None => self.interrupt(),
        }
        self.sequences.push(at, class, &mut self.hours, &mut self.severest);
        self.last = Some((frame, class));
    }

    /// Whether something between two frames is unknown.
    fn is_unknown(&mut self, from: i64, to: i64) -> bool {
        while self.unknown.get(self.next_unknown).is_some_and(|span| span.end <= from) {
            self.next_unknown += 1;
        }
        self.unknown.get(self.next_unknown).is_some_and(|span| span.start < to)
    }

    fn interrupt(&mut self) {
        self.recent.clear();
        self.before = None;
        self.sequences.end(&mut self.hours, &mut self.severest);
    }

    fn interval(&mut self, from: i64, to: i64, (before, class): (BeatType, BeatType)) {
        let rate = self.settings.rate;
        let (onset, end) = (from as f64 / rate, to as f64 / rate);
        let seconds = (to - from) as f64 / rate;
        self.hours.interval(end, seconds);
        self.recent.push_back(seconds);
        if self.recent.len() > RATE_INTERVALS {
            self.recent.pop_front();
        }
        if self.recent.len() == RATE_INTERVALS {
            let sum: f64 = self.recent.iter().sum();
            self.hours.rate(end, 60.0 * RATE_INTERVALS as f64 / sum);
        }
        if self.longest.is_none_or(|longest| seconds > longest.seconds) {
            self.longest = Some(LongestInterval { onset, seconds });
        }
        if seconds >= self.settings.pause {
            self.hours.at(onset).pauses += 1;
            self.severest.add(HolterEvent { kind: EventKind::Pause, onset, end, beats: 0, rate: None });
        }
        let normal = before == BeatType::Normal && class == BeatType::Normal;
        if normal {
            self.variability.push(Nn { end, ms: seconds * 1000.0 });
        }
        self.tachogram.add(end, seconds);
        if let Some((earlier, normal_before)) = self.before {
            self.lorenz.add(earlier, seconds, normal && normal_before);
        }
        self.before = Some((seconds, normal));
    }

    /// Episodes of fibrillation, in frames and order of time, once all that is unknown has been told. Without this call nothing is said of
    /// fibrillation.
    pub fn fibrillation(&mut self, episodes: &[Range<i64>]) {
        let rate = self.settings.rate;
        self.hours.fibrillation_assessed();
        for episode in episodes {
            let mut at = episode.start.max(0);
            let end = episode.end.min(self.settings.frames);
            let first = self.unknown.partition_point(|span| span.end <= at);
            let edge = self.settings.frames..self.settings.frames;
            for span in self.unknown[first..].iter().chain([&edge]) {
                if at < span.start.min(end) {
                    self.hours.fibrillation(at as f64 / rate, span.start.min(end) as f64 / rate);
                }
                at = at.max(span.end);
            }
            let [onset, end] = [episode.start, end].map(|frame| frame as f64 / rate);
            let kind = EventKind::Fibrillation;
            self.severest.add(HolterEvent { kind, onset, end, beats: 0, rate: None });
        }
    }

    /// Ends the record.
    pub fn finish(mut self) -> HolterReport {
        self.interrupt();
        let rate = self.settings.rate;
        let unknown: Vec<Range<f64>> =
            self.unknown.iter().map(|span| span.start as f64 / rate..span.end as f64 / rate).collect();
        let (hours, total) = self.hours.finish(&unknown);
        HolterReport {
            hours,
            total,
            events: self.severest.events,
            longest: self.longest,
            fastest_run: self.severest.fastest[0],
            longest_run: self.severest.longest,
            fastest_supraventricular_run: self.severest.fastest[1],
            time: self.variability.time(),
            bands: self.variability.bands(),
            windows: self.variability.windows(),
            unknown,
            tachogram: self.tachogram,
            lorenz: self.lorenz,
        }
    }
}

#[cfg(test)]
#[allow(clippy::single_range_in_vec_init)] // A list of one span.
mod tests;
