//! Episodes of atrial fibrillation in a long record, by a network that tells the rhythm of a short one.
//!
//! A record more than [`LONG`] times as long as those that the network was trained on is cut into windows of that length, which begin
//! [`STEPS`] times a window. Each is prepared and run as a record of its own. What a window says for fibrillation is
//!
//! ```text
//! logit(probability of A) + min(entropy + 1.4, 1)
//! ```
//!
//! with the coefficient of sample entropy of its R-R intervals ([`efficientecg_ecg::irregularity`]), for which -1.4 is the threshold of its authors; -3
//! stands for one that is not known. A window that cannot be assessed ([`efficientecg_ecg::quality`]) says nothing. The mean of [`SMOOTHED`] windows counts, at their centre: an episode begins where it comes above
//! [`BEGINS`], reaches to both sides as far as it is above [`GOES_ON`], and has at least [`LEAST`] windows. The constants were chosen on the
//! records of the MIT-BIH Arrhythmia Database that have even numbers; the network's card has the figures of these and of the others.

use super::{ClassifyError, Finding, Findings, Settings, Unit, found, lead, timed};
use crate::classify::{Prepared, Spent};
use crate::config::{Config, Task};
use crate::inputs::Inputs;
use crate::model::Model;
use efficientecg_ecg::irregularity::coefficient_of_sample_entropy;
use efficientecg_ecg::quality::{Reason, RecordQuality};
use efficientecg_ecg::workers::Workers;
use efficientecg_ecg::{Lead, Record, leads, peaks};
use std::ops::Range;
use std::sync::Arc;

/// Lengths of a window from which on a record is long: far more than that of the longest record of CinC 2017, 61 s.
const LONG: f64 = 4.0;
/// Windows that begin within the length of one.
const STEPS: usize = 6;
/// Windows whose mean counts, an odd number.
const SMOOTHED: usize = 7;
/// An episode begins above.
const BEGINS: f64 = 1.0;
/// An episode goes on above.
const GOES_ON: f64 = 0.0;
/// Windows of an episode at least.
const LEAST: usize = 4;
/// The entropy from which on intervals speak for fibrillation, the most that they may say for it, and what stands for one that is not known.
const ENTROPY: (f64, f64, f64) = (-1.4, 1.0, -3.0);
/// The least probability that counts, and the least of the others.
const SURE: f64 = 1e-4;

/// An episode of atrial fibrillation.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct FibrillationEpisode {
    /// Its first frame.
    pub onset: i64,
    /// The frame after its last.
    pub end: i64,
    /// The first in seconds.
    pub onset_seconds: f64,
    /// The end in seconds.
    pub end_seconds: f64,
}

/// What one window of a long record says.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct FibrillationWindow {
    /// Its first frame.
    pub time: i64,
    /// Why it cannot be assessed; none where it can.
    pub reason: Option<Reason>,
    /// `[classes]`; empty where it cannot be assessed.
    pub logits: Vec<f32>,
    /// `[classes]`; empty where it cannot be assessed.
    pub probabilities: Vec<f32>,
    /// The coefficient of sample entropy of its R-R intervals.
    pub entropy: Option<f64>,
}

/// Atrial fibrillation in a long record.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Fibrillation {
    /// In order of time.
    pub episodes: Vec<FibrillationEpisode>,
    /// The part of the record's time that is in episodes, from 0 to 1.
    pub burden: f64,
    /// Frames of the record.
    pub frames: i64,
    /// In order of time.
    pub windows: Vec<FibrillationWindow>,
}

impl Fibrillation {
    /// Whether the last episode goes to the end of the record.
    pub fn ends_open(&self) -> bool {
        self.episodes.last().is_some_and(|last| last.end >= self.frames)
    }
}

/// The same with what a classification says besides.
pub(super) struct Long {
    pub(super) fibrillation: Fibrillation,
    pub(super) times: Vec<i64>,
    pub(super) quality: RecordQuality,
    pub(super) missing: Vec<String>,
    pub(super) spent: Spent,
}

/// The class of fibrillation, where a network tells the rhythm of whole records as CinC 2017 does: N A O ~.
fn fibrillation(config: &Config) -> Option<usize> {
    let place = |class: &str| config.classes.iter().position(|c| c == class);
    (config.task == Task::Multiclass && place("N").is_some() && place("O").is_some()).then(|| place("A"))?
}

/// The windows of a record that is long for the network, in frames; none of any other record.
fn windows(config: &Config, record: &Record, settings: &Settings) -> Vec<Range<i64>> {
    let unit = settings.unit.unwrap_or_else(|| Unit::of(config));
    let length = config.samples as f64 / config.sample_rate;
    let seconds = record.seconds();
    if unit != Unit::Record || fibrillation(config).is_none() || seconds <= LONG * length {
        return Vec::new();
    }
    let frames = |seconds: f64| (seconds * record.sample_rate).round() as i64;
    let step = length / STEPS as f64;
    let count = ((seconds - length) / step) as usize + 1;
    (0..count).map(|i| frames(i as f64 * step)..frames(i as f64 * step + length)).collect()
}

impl Model {
    /// The rhythm of a long record, window by window; `None` where the record is not long or the network tells no rhythm.
    pub(super) fn long(
        &self,
        record: &Record,
        settings: &Settings,
        batch: usize,
        progress: &mut dyn FnMut(usize, usize),
    ) -> Result<Option<Long>, ClassifyError> {
        let config = self.config();
        let windows = windows(config, record, settings);
        let (Some(class), false) = (fibrillation(config), windows.is_empty()) else { return Ok(None) };
        let chosen = leads::select(record, &config.leads, &settings.leads)?;
        let mut spent = Spent::default();
        let times = match &settings.beats {
            Some(beats) => beats.clone(),
            None => {
                let lead = &record.leads[chosen[0]];
                let scale = record.sample_rate / lead.sample_rate;
                let found = timed(&mut spent.peaks, || peaks::detect(&lead.samples, lead.sample_rate))?;
                found.into_iter().map(|p| (p as f64 * scale).round() as i64).collect()
            }
        };
        let workers = Workers::new(self.helpers);
        let mut made: Vec<FibrillationWindow> = Vec::with_capacity(windows.len());
        let mut missing = Vec::new();
        for part in windows.chunks(batch.max(1)) {
            let prepared = workers.map(part.len(), |i| {
                let (cut, own) = window(config, record, settings, &chosen, &times, &part[i]);
                Prepared::new(config, &cut, &own)
            });
            let (mut inputs, mut run) = (Vec::with_capacity(part.len()), Vec::with_capacity(part.len()));
            for (range, one) in part.iter().zip(prepared) {
                let one = one?;
                spent.quality += one.spent.quality;
                spent.resample += one.spent.resample;
                spent.normalize += one.spent.normalize;
                spent.windows += one.spent.windows;
                missing = one.missing().to_vec();
                let reason = one.reasons().first().copied().flatten();
                if reason.is_none() {
                    run.push(made.len());
                    inputs.push(one.inputs(0, 1));
                }
                let beats = &times[among(&times, range)];
                let seconds: Vec<f64> = beats.iter().map(|t| *t as f64 / record.sample_rate).collect();
                made.push(FibrillationWindow {
                    time: range.start,
                    reason,
                    logits: Vec::new(),
                    probabilities: Vec::new(),
                    entropy: coefficient_of_sample_entropy(&seconds),
                });
            }
            if !inputs.is_empty() {
                let out = timed(&mut spent.network, || Inputs::join(inputs).map(|i| self.run(&i)))??;
                for (place, row) in run.into_iter().zip(out.rows()) {
                    made[place].logits = row.logits.to_vec();
                    made[place].probabilities = row.probabilities.to_vec();
                }
            }
            progress(made.len(), windows.len());
        }
        let evidence: Vec<Option<f64>> =
            made.iter().map(|w| w.probabilities.get(class).map(|p| evidence(*p, w.entropy))).collect();
        let end = (record.seconds() * record.sample_rate).round() as i64;
        let episodes: Vec<FibrillationEpisode> = episodes(&evidence)
            .into_iter()
            .map(|places| {
                let (onset, end) = frames(&places, &windows, end);
                let [onset_seconds, end_seconds] = [onset, end].map(|t| t as f64 / record.sample_rate);
                FibrillationEpisode { onset, end, onset_seconds, end_seconds }
            })
            .collect();
        let inside: i64 = episodes.iter().map(|e| e.end - e.onset).sum();
        let burden = inside as f64 / end as f64;
        let fibrillation = Fibrillation { episodes, burden, frames: end, windows: made };
        let leads: Vec<&Lead> = chosen.iter().map(|index| &record.leads[*index]).collect();
        let qualities =
            timed(&mut spent.quality, || workers.map(leads.len(), |i| lead::quality(Unit::Record, leads[i])));
        let quality = if settings.any_quality {
            RecordQuality::unmeasured(record.seconds())
        } else {
            RecordQuality::new(&qualities, false)
        };
        Ok(Some(Long { fibrillation, times, quality, missing, spent }))
    }

    /// What is said of a long record as a whole: the mean of its windows that could be assessed.
    pub(super) fn mean_of(&self, long: Long, rate: f64) -> Findings {
        let windows: Vec<&FibrillationWindow> =
            long.fibrillation.windows.iter().filter(|w| w.reason.is_none()).collect();
        let names: Arc<[String]> = self.config().classes.clone().into();
        let unit = Unit::Record;
        let item = if windows.is_empty() || long.quality.reason().is_some() {
            let reasons = || long.fibrillation.windows.first().and_then(|w| w.reason);
            let reason = long.quality.reason().or_else(reasons).unwrap_or(Reason::Noise);
            Finding::refused(unit, 0, 0.0, reason, &names)
        } else {
            let mean = |of: fn(&FibrillationWindow) -> &[f32]| -> Vec<f32> {
                let sum = |c: usize| windows.iter().map(|w| f64::from(of(w)[c])).fold(0.0, |sum, x| sum + x);
                (0..names.len()).map(|c| (sum(c) / windows.len() as f64) as f32).collect()
            };
            let (logits, probabilities) = (mean(|w| &w.logits), mean(|w| &w.probabilities));
            let best = |a: &usize, b: &usize| probabilities[*a].total_cmp(&probabilities[*b]);
            let class = (0..probabilities.len()).rev().max_by(best).unwrap_or(0);
            let found = found(self.config().task, class, &probabilities);
            let class = Ok(class);
            Finding { unit, time: 0, seconds: 0.0, class, logits, probabilities, found, names }
        };
        Findings {
            unit,
            items: vec![item],
            heart_rate: efficientecg_ecg::beats::heart_rate(&long.times, rate),
            missing: long.missing,
            quality: long.quality,
            fibrillation: Some(long.fibrillation),
            spent: long.spent,
        }
    }
}

/// Places of the ascending `times` that lie in a window.
fn among(times: &[i64], window: &Range<i64>) -> Range<usize> {
    times.partition_point(|t| *t < window.start)..times.partition_point(|t| *t < window.end)
}

/// One window as a record of its own, with the network's leads and the window's beats, and how to read it.
fn window(
    config: &Config,
    record: &Record,
    settings: &Settings,
    chosen: &[usize],
    times: &[i64],
    window: &Range<i64>,
) -> (Record, Settings) {
    let cut = |(lead, name): (&Lead, &String)| {
        let place = |frame: i64| (frame as f64 * lead.sample_rate / record.sample_rate).round() as usize;
        let end = place(window.end).min(lead.samples.len());
        let samples = lead.samples[place(window.start).min(end)..end].to_vec();
        // A lead that may be any keeps its name.
        let name = if name == leads::ANY { &lead.name } else { name };
        Lead::new(name, &lead.units, lead.sample_rate, samples)
    };
    let leads = chosen.iter().map(|index| &record.leads[*index]).zip(&config.leads).map(cut).collect();
    let mut made = Record::new(&record.name, record.sample_rate, leads);
    (made.age, made.sex) = (record.age, record.sex);
    let beats: Vec<i64> = times[among(times, window)].iter().map(|t| t - window.start).collect();
    (made, Settings { leads: Vec::new(), beats: Some(beats), ..settings.clone() })
}

/// What a window says for fibrillation, against it below 0.
fn evidence(probability: f32, entropy: Option<f64>) -> f64 {
    let p = f64::from(probability).clamp(SURE, 1.0 - SURE);
    let (threshold, most, unknown) = ENTROPY;
    (p / (1.0 - p)).ln() + (entropy.unwrap_or(unknown) - threshold).min(most)
}

/// Episodes as places of windows; those that say nothing are left out of means.
fn episodes(evidence: &[Option<f64>]) -> Vec<Range<usize>> {
    let last = evidence.len().saturating_sub(1);
    let smooth = |place: usize| -> f64 {
        let around = (0..SMOOTHED).map(|i| (place + i).saturating_sub(SMOOTHED / 2).min(last));
        let known = around.filter_map(|i| evidence[i]).fold((0.0, 0_u32), |(sum, n), e| (sum + e, n + 1));
        // Where nothing is known there is no episode.
        if known.1 == 0 { f64::NEG_INFINITY } else { known.0 / f64::from(known.1) }
    };
    let smoothed: Vec<f64> = (0..evidence.len()).map(smooth).collect();
    let mut made = Vec::new();
    let mut at = 0;
    for part in smoothed.chunk_by(|a, b| (*a > GOES_ON) == (*b > GOES_ON)) {
        // All of a part is above, or none.
        if part.len() >= LEAST && part.iter().any(|e| *e > BEGINS) {
            made.push(at..at + part.len());
        }
        at += part.len();
    }
    made
}

/// From the frame midway between the centres of a first window and the one before it to that after the last; the record's start and end
/// where there is none.
fn frames(places: &Range<usize>, windows: &[Range<i64>], end: i64) -> (i64, i64) {
    let centre = |place: usize| (windows[place].start + windows[place].end) / 2;
    let between = |place: usize| (centre(place - 1) + centre(place)) / 2;
    let onset = if places.start == 0 { 0 } else { between(places.start) };
    (onset, if places.end == windows.len() { end } else { between(places.end) })
}

#[cfg(test)]
#[allow(clippy::single_range_in_vec_init)] // A list of one episode.
mod tests;
