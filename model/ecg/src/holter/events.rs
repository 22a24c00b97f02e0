//! Events, and which of them are the severest.

use super::EVENTS;

/// Seconds from which on a run is sustained.
const SUSTAINED: f64 = 30.0;
/// Seconds from which on a pause is long: that of the 2018 ACC/AHA/HRS guideline on bradycardia (F. M. Kusumoto et al., Circulation 140, 2019).
const LONG_PAUSE: f64 = 3.0;
/// Seconds of a strip before its event, and of a whole strip at least and at most.
const BEFORE: f64 = 3.0;
const SHORTEST: f64 = 10.0;
const LONGEST: f64 = 30.0;

/// What an event is. The order of severity, which is one for reading and no triage: sustained ventricular runs (30 s or more), pauses of 3 s or
/// more, other ventricular runs, fibrillation, other pauses, supraventricular runs, ventricular couplets, bigeminy, trigeminy. Of one kind
/// the longer one is severer, of runs the one of more beats.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum EventKind {
    /// Three or more ventricular beats.
    VentricularRun,
    /// A long interval.
    Pause,
    /// Atrial fibrillation.
    Fibrillation,
    /// Three or more supraventricular beats.
    SupraventricularRun,
    /// Two ventricular beats.
    VentricularCouplet,
    /// Every second beat is ventricular.
    Bigeminy,
    /// Every third beat is ventricular.
    Trigeminy,
}

impl EventKind {
    /// In words.
    pub fn name(self) -> &'static str {
        match self {
            EventKind::VentricularRun => "ventricular run",
            EventKind::Pause => "pause",
            EventKind::Fibrillation => "atrial fibrillation",
            EventKind::SupraventricularRun => "supraventricular run",
            EventKind::VentricularCouplet => "ventricular couplet",
            EventKind::Bigeminy => "ventricular bigeminy",
            EventKind::Trigeminy => "ventricular trigeminy",
        }
    }
}

/// An event of a record.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct HolterEvent {
    /// What it is.
    pub kind: EventKind,
    /// The time of its first beat, in seconds.
    pub onset: f64,
    /// The time of its last beat, in seconds.
    pub end: f64,
    /// Its ventricular or supraventricular beats; 0 of pauses and fibrillation.
    pub beats: usize,
    /// Of a run or a couplet, beats a minute.
    pub rate: Option<f64>,
}

impl HolterEvent {
    /// Its length in seconds.
    pub fn seconds(&self) -> f64 {
        self.end - self.onset
    }

    /// The strip to look at, onset and length in seconds: from 3 s before the event to as long after it, 10 to 30 s in all.
    pub fn strip(&self) -> (f64, f64) {
        let onset = (self.onset - BEFORE).max(0.0);
        (onset, (self.end + BEFORE - onset).clamp(SHORTEST, LONGEST))
    }

    /// How severe, the highest first.
    fn severity(&self) -> (u8, f64) {
        let seconds = self.seconds();
        match self.kind {
            EventKind::VentricularRun if seconds >= SUSTAINED => (9, seconds),
            EventKind::Pause if seconds >= LONG_PAUSE => (8, seconds),
            EventKind::VentricularRun => (7, self.beats as f64),
            EventKind::Fibrillation => (6, seconds),
            EventKind::Pause => (5, seconds),
            EventKind::SupraventricularRun => (4, self.beats as f64),
            EventKind::VentricularCouplet => (3, self.rate.unwrap_or(0.0)),
            EventKind::Bigeminy => (2, self.beats as f64),
            EventKind::Trigeminy => (1, self.beats as f64),
        }
    }
}

/// The severest events so far, and records of runs.
#[derive(Debug, Clone, Default)]
pub(super) struct Severest {
    /// The severest first; of equals the earlier.
    pub(super) events: Vec<HolterEvent>,
    /// The fastest ventricular and supraventricular run.
    pub(super) fastest: [Option<HolterEvent>; 2],
    /// The ventricular run of most beats.
    pub(super) longest: Option<HolterEvent>,
}

impl Severest {
    pub(super) fn add(&mut self, event: HolterEvent) {
        let after = |other: &HolterEvent| other.severity() >= event.severity();
        let place = self.events.partition_point(after);
        if place < EVENTS {
            self.events.truncate(EVENTS - 1);
            self.events.insert(place, event);
        }
        let fastest = match event.kind {
            EventKind::VentricularRun => &mut self.fastest[0],
            EventKind::SupraventricularRun => &mut self.fastest[1],
            _ => return,
        };
        if fastest.is_none_or(|other| event.rate > other.rate) {
            *fastest = Some(event);
        }
        if event.kind == EventKind::VentricularRun && self.longest.is_none_or(|o| event.beats > o.beats) {
            self.longest = Some(event);
        }
    }
}
