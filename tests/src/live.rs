//! A record as it comes, against the same record at once and against the reference annotations.

use efficientecg::Model;
use efficientecg::classify::{Finding, Monitor, MonitorEvent, Settings};
use efficientecg::ecg::Record;
use efficientecg::ecg::wfdb::Annotations;
use efficientecg_evaluate::pairing::{self, BeatClass};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

/// Samples by which a beat may lie elsewhere and be the same.
const NEAR: i64 = 2;
/// Samples of a lead that are pushed at once.
const PART: usize = 36;

/// Beats of a class by the reference, by the findings, and by both.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Counts {
    /// By the reference.
    pub reference: usize,
    /// By the findings.
    pub said: usize,
    /// By both.
    pub both: usize,
}

impl Counts {
    /// F1.
    pub fn f1(&self) -> f64 {
        2.0 * self.both as f64 / (self.reference + self.said).max(1) as f64
    }

    /// Adds those of another record.
    pub fn add(&mut self, other: &Counts) {
        self.reference += other.reference;
        self.said += other.said;
        self.both += other.both;
    }
}

/// What differs.
#[derive(Clone, Debug, Default)]
pub struct Compared {
    /// Beats that are found at once.
    pub whole: usize,
    /// Those of them that are told as they come, at most two samples elsewhere.
    pub same: usize,
    /// Beats that are told and are none of those.
    pub extra: usize,
    /// Of the same beats, those that can be assessed both ways, and of one class.
    pub assessed: usize,
    /// Of one class.
    pub agreed: usize,
    /// Of the same beats, those that can be assessed one way only.
    pub refused: usize,
    /// The longest time from a beat to when it was told, s.
    pub delay: f64,
    /// Seconds that the stream took, and its signal.
    pub spent: f64,
    /// Seconds of signal.
    pub seconds: f64,
    /// Bytes that the monitor holds.
    pub bytes: usize,
    /// Of S and V: at once, and as they come.
    pub figures: [[Counts; 2]; 2],
}

impl Compared {
    /// Adds those of another record.
    pub fn add(&mut self, other: &Compared) {
        self.whole += other.whole;
        self.same += other.same;
        self.extra += other.extra;
        self.assessed += other.assessed;
        self.agreed += other.agreed;
        self.refused += other.refused;
        self.delay = self.delay.max(other.delay);
        self.spent += other.spent;
        self.seconds += other.seconds;
        self.bytes = self.bytes.max(other.bytes);
        for (mine, its) in self.figures.iter_mut().flatten().zip(other.figures.iter().flatten()) {
            mine.add(its);
        }
    }

    /// A line.
    pub fn line(&self) -> String {
        let percent = |part: usize, whole: usize| 100.0 * part as f64 / whole.max(1) as f64;
        let f1 = |k: usize| self.figures[k].map(|counts| format!("{:.3}", counts.f1())).join(" ");
        format!(
            "{} beats, {:.3} % the same and {} more; {:.2} % of one class, {} assessed one way only; S F1 {}, V F1 {}; after {:.2} s, {:.1} ms a second, {} bytes",
            self.whole,
            percent(self.same, self.whole),
            self.extra,
            percent(self.agreed, self.assessed),
            self.refused,
            f1(0),
            f1(1),
            self.delay,
            1e3 * self.spent / self.seconds.max(1e-9),
            self.bytes,
        )
    }
}

/// Compares a record, whose leads have one rate; the settings are those of both ways.
pub fn compare(
    model: &Arc<Model>,
    record: &Record,
    settings: &Settings,
    reference: &Annotations,
) -> Compared {
    let whole = model.classify_with(record, settings).unwrap_or_else(|e| panic!("{e}")).items;
    let (live, mut made) = live(model, record, settings);
    made.whole = whole.len();
    let places: BTreeMap<i64, &Finding> = live.iter().map(|f| (f.time, f)).collect();
    let near = |time: i64| places.range(time - NEAR..=time + NEAR).min_by_key(|(t, _)| (*t - time).abs());
    for beat in &whole {
        let Some((_, other)) = near(beat.time) else { continue };
        made.same += 1;
        match (beat.class, other.class) {
            (Ok(a), Ok(b)) => {
                made.assessed += 1;
                made.agreed += usize::from(a == b);
            }
            (Err(_), Err(_)) => {}
            _ => made.refused += 1,
        }
    }
    made.extra = live.len().saturating_sub(made.same);
    for (way, findings) in [&whole, &live].into_iter().enumerate() {
        for (k, class) in [BeatClass::S, BeatClass::V].into_iter().enumerate() {
            made.figures[k][way] = counts(model, findings, reference, record.sample_rate, class);
        }
    }
    made
}

/// The findings of a record as it comes.
fn live(model: &Arc<Model>, record: &Record, settings: &Settings) -> (Vec<Finding>, Compared) {
    let names: Vec<&str> = record.leads.iter().map(|lead| lead.name.as_str()).collect();
    let mut monitor = Monitor::new(Arc::clone(model), &names, record.sample_rate, settings)
        .unwrap_or_else(|e| panic!("{e}"));
    let length = record.leads.iter().map(|lead| lead.samples.len()).min().unwrap_or(0);
    let mut made = Compared { seconds: record.seconds(), ..Compared::default() };
    let (mut events, mut found) = (Vec::new(), Vec::new());
    let start = Instant::now();
    for from in (0..length).step_by(PART) {
        let frames = from..(from + PART).min(length);
        let samples: Vec<f32> =
            frames.flat_map(|i| record.leads.iter().map(move |lead| lead.samples[i])).collect();
        monitor.push(&samples, &mut events).unwrap_or_else(|e| panic!("{e}"));
        if from + PART >= length {
            monitor.finish(&mut events).unwrap_or_else(|e| panic!("{e}"));
        }
        for event in events.drain(..) {
            if let MonitorEvent::Beat(beat) = event {
                made.delay = made.delay.max(monitor.seconds() - beat.seconds);
                found.push(beat);
            }
        }
    }
    made.spent = start.elapsed().as_secs_f64();
    made.bytes = monitor.bytes();
    (found, made)
}

/// Beats of a class; escape beats are N.
fn counts(
    model: &Model,
    findings: &[Finding],
    reference: &Annotations,
    rate: f64,
    class: BeatClass,
) -> Counts {
    let name = class.letter().to_string();
    let is = |finding: &Finding| finding.class.is_ok_and(|c| model.config().classes[c] == name);
    let by_time: BTreeMap<i64, bool> = findings.iter().map(|f| (f.time, is(f))).collect();
    let annotated = |code| BeatClass::of(code, BeatClass::N) == Some(class);
    let truth: BTreeMap<i64, bool> = reference.items.iter().map(|a| (a.time, annotated(a.code))).collect();
    let found: Vec<i64> = by_time.keys().copied().collect();
    let pairs = pairing::detections(reference, &found, rate);
    let has = |map: &BTreeMap<i64, bool>, time: &i64| map.get(time).copied().unwrap_or(false);
    let matched = || pairs.matched.iter();
    Counts {
        reference: matched().map(|(r, _)| r).chain(&pairs.missed).filter(|r| has(&truth, r)).count(),
        said: matched().map(|(_, d)| d).chain(&pairs.extra).filter(|d| has(&by_time, d)).count(),
        both: matched().filter(|(r, d)| has(&truth, r) && has(&by_time, d)).count(),
    }
}
