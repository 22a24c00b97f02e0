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
//! stands for one that is not known. Where the frequency of flutter prevails between the QRS complexes ([`efficientecg_ecg::flutter`]) it is [`FLUTTER`] at
//! most. Of a record of days, windows of [`REGULAR`] intervals are not run. A window that cannot be assessed ([`efficientecg_ecg::quality`]) says nothing. The mean of [`SMOOTHED`] windows counts, at their centre: an episode begins where it comes above
//! [`BEGINS`], reaches to both sides as far as it is above [`GOES_ON`], and has at least [`LEAST`] windows. All but [`FLUTTER`] and [`REGULAR`] were chosen on the
//! records of the MIT-BIH Arrhythmia Database that have even numbers; the network's card has their figures and those of odd numbers.

mod window;

use super::{ClassifyError, Finding, Findings, Settings, Unit, found, lead, timed};
use crate::classify::{Prepared, Spent};
use crate::config::{Config, Task};
use crate::inputs::Inputs;
use crate::model::Model;
use efficientecg_ecg::flutter::AtrialFrequency;
use efficientecg_ecg::irregularity::coefficient_of_sample_entropy;
use efficientecg_ecg::quality::{Reason, RecordQuality};
use efficientecg_ecg::workers::Workers;
use efficientecg_ecg::{Lead, Record, peaks};
use std::ops::Range;
use std::sync::Arc;
use window::{among, frequency, window};

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
/// Below the first a window is clearly not in fibrillation, above the second it clearly is. Five others between two of a kind must say the opposite, and
/// more, to end an episode or to make one.
const CLEAR: [f64; 2] = [-1.5, 3.0];
/// The most that a window with flutter waves says for fibrillation.
const FLUTTER: f64 = -2.0;
/// The entropy below which intervals are so regular that the network need not be asked where only episodes are wanted, and what that says for
/// fibrillation: 94 of 100 windows of the MIT-BIH Arrhythmia Database with such intervals say less. Set with all its 48 records in sight, whose
/// episodes it changes by ten seconds.
const REGULAR: (f64, f64) = (-1.9, -4.0);
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
    /// Its intervals are so regular that the network was not asked, or it is taken to be as such a window beside it.
    pub regular: bool,
    /// `[classes]`; empty where the network was not run.
    pub logits: Vec<f32>,
    /// `[classes]`; empty where the network was not run.
    pub probabilities: Vec<f32>,
    /// The coefficient of sample entropy of its R-R intervals.
    pub entropy: Option<f64>,
    /// The frequency that prevails between its QRS complexes; of windows that speak for fibrillation without it.
    pub atrial_frequency: Option<AtrialFrequency>,
}

impl FibrillationWindow {
    /// What it says for the class of fibrillation.
    fn evidence(&self, class: usize) -> Option<f64> {
        if self.regular {
            return Some(REGULAR.1);
        }
        let flutter = self.atrial_frequency.is_some_and(|a| a.is_flutter());
        self.probabilities.get(class).map(|p| evidence(*p, self.entropy, flutter))
    }
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
    /// Episodes by the windows of a long record that was classified part by part ([`Model::rhythm_of_part`]), in order of time: those of the network
    /// of `config`, of a record of so many frames, `rate` a second. None without a window.
    pub fn of_windows(
        config: &Config,
        windows: Vec<FibrillationWindow>,
        frames: i64,
        rate: f64,
    ) -> Option<Fibrillation> {
        let length = (config.samples as f64 / config.sample_rate * rate).round() as i64;
        let ranges: Vec<Range<i64>> = windows.iter().map(|w| w.time..w.time.saturating_add(length)).collect();
        (!windows.is_empty()).then(|| assembled(config, windows, &ranges, frames, rate))
    }

    /// Whether the last episode goes to the end of the record.
    pub fn ends_open(&self) -> bool {
        self.episodes.last().is_some_and(|last| last.end >= self.frames)
    }
}

/// The windows of a long record, run.
pub(super) struct Windows {
    pub(super) made: Vec<FibrillationWindow>,
    /// Where they lie, in frames.
    ranges: Vec<Range<i64>>,
    chosen: Vec<usize>,
    times: Vec<i64>,
    missing: Vec<String>,
    spent: Spent,
}

impl Windows {
    /// A window of which only the intervals are known.
    fn plain(&self, place: usize, rate: f64) -> FibrillationWindow {
        let range = &self.ranges[place];
        let beats = &self.times[among(&self.times, range)];
        let seconds: Vec<f64> = beats.iter().map(|t| *t as f64 / rate).collect();
        FibrillationWindow {
            time: range.start,
            reason: None,
            regular: false,
            logits: Vec::new(),
            probabilities: Vec::new(),
            entropy: coefficient_of_sample_entropy(&seconds),
            atrial_frequency: None,
        }
    }
}

/// Makes the windows among these whose intervals are regular; gives the others.
fn pass_regular(
    all: &Windows,
    rate: f64,
    which: &[usize],
    made: &mut [Option<FibrillationWindow>],
) -> Vec<usize> {
    let asked = |place: &usize| {
        let window = all.plain(*place, rate);
        let regular = window.entropy.is_some_and(|entropy| entropy < REGULAR.0);
        if regular {
            made[*place] = Some(FibrillationWindow { regular, ..window });
        }
        !regular
    };
    which.iter().copied().filter(asked).collect()
}

/// Windows that have not been run and whose neighbours among the `first` differ, or are not clear.
fn unclear(config: &Config, first: &[usize], made: &[Option<FibrillationWindow>]) -> Vec<usize> {
    let class = fibrillation(config);
    let clear = |place: usize| {
        let window = made[place].as_ref()?;
        let evidence = window.evidence(class?)?;
        let [no, yes] = CLEAR;
        (evidence < no || evidence > yes).then_some(evidence > yes)
    };
    let between = first.windows(2).filter(|pair| {
        let [before, after] = [clear(pair[0]), clear(pair[1])];
        before.is_none() || before != after
    });
    between.flat_map(|pair| pair[0] + 1..pair[1]).collect()
}

/// Gives windows that were not run what the nearer of the `first` says, with their own intervals.
fn settle(record: &Record, all: &Windows, first: &[usize], made: &mut [Option<FibrillationWindow>]) {
    for place in 0..made.len() {
        if made[place].is_some() {
            continue;
        }
        let next = first.partition_point(|other| *other < place);
        let (before, after) = (first[next.saturating_sub(1)], first[next.min(first.len() - 1)]);
        let nearer = if place - before <= after - place { before } else { after };
        let mut window = all.plain(place, record.sample_rate);
        if let Some(other) = &made[nearer] {
            window.probabilities.clone_from(&other.probabilities);
            window.logits.clone_from(&other.logits);
            (window.atrial_frequency, window.regular) = (other.atrial_frequency, other.regular);
        }
        made[place] = Some(window);
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

/// Whether a record is taken in windows.
pub(super) fn takes(config: &Config, record: &Record, settings: &Settings) -> bool {
    !windows(config, record, settings).is_empty()
}

impl Model {
    /// Runs the windows of a long record; `None` where the record is not long or the network tells no rhythm. With `few`, windows between two that
    /// are both clearly in fibrillation or both clearly not are not run: they are as the nearer one. Nor are windows of [`REGULAR`] intervals.
    pub(super) fn windows(
        &self,
        record: &Record,
        settings: &Settings,
        batch: usize,
        progress: &mut dyn FnMut(usize, usize),
        few: bool,
    ) -> Result<Option<Windows>, ClassifyError> {
        let config = self.config();
        let windows = windows(config, record, settings);
        if windows.is_empty() {
            return Ok(None);
        }
        let chosen = lead::choose(config, record, settings)?;
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
        let mut run =
            Windows { made: Vec::new(), ranges: windows, chosen, times, missing: Vec::new(), spent };
        let count = run.ranges.len();
        let mut made: Vec<Option<FibrillationWindow>> = vec![None; count];
        let first: Vec<usize> = (0..count).filter(|i| !few || i % STEPS == 0 || i + 1 == count).collect();
        if few {
            let left = pass_regular(&run, record.sample_rate, &first, &mut made);
            self.run_windows(record, settings, batch, &mut run, &left, &mut made, progress)?;
            let between = unclear(config, &first, &made);
            let left = pass_regular(&run, record.sample_rate, &between, &mut made);
            self.run_windows(record, settings, batch, &mut run, &left, &mut made, progress)?;
            settle(record, &run, &first, &mut made);
        } else {
            self.run_windows(record, settings, batch, &mut run, &first, &mut made, progress)?;
        }
        run.made = made.into_iter().flatten().collect();
        Ok(Some(run))
    }

    /// Runs some windows, by their places.
    #[allow(clippy::too_many_arguments)]
    fn run_windows(
        &self,
        record: &Record,
        settings: &Settings,
        batch: usize,
        all: &mut Windows,
        which: &[usize],
        made: &mut [Option<FibrillationWindow>],
        progress: &mut dyn FnMut(usize, usize),
    ) -> Result<(), ClassifyError> {
        let config = self.config();
        let workers = Workers::new(self.helpers);
        let mut done = 0;
        for part in which.chunks(batch.max(1)) {
            let prepared = workers.map(part.len(), |i| {
                let range = &all.ranges[part[i]];
                let (cut, own) = window(config, record, settings, &all.chosen, &all.times, range);
                Prepared::new(config, &cut, &own)
            });
            let (mut inputs, mut run) = (Vec::with_capacity(part.len()), Vec::with_capacity(part.len()));
            for (place, one) in part.iter().zip(prepared) {
                let one = one?;
                all.spent.quality += one.spent.quality;
                all.spent.resample += one.spent.resample;
                all.spent.normalize += one.spent.normalize;
                all.spent.windows += one.spent.windows;
                all.missing = one.missing().to_vec();
                let reason = one.reasons().first().copied().flatten();
                if reason.is_none() {
                    run.push(*place);
                    inputs.push(one.inputs(0, 1));
                }
                made[*place] = Some(FibrillationWindow { reason, ..all.plain(*place, record.sample_rate) });
            }
            if !inputs.is_empty() {
                let out = timed(&mut all.spent.network, || Inputs::join(inputs).map(|i| self.run(&i)))??;
                for (place, row) in run.into_iter().zip(out.rows()) {
                    if let Some(window) = &mut made[place] {
                        window.logits = row.logits.to_vec();
                        window.probabilities = row.probabilities.to_vec();
                    }
                }
            }
            let class = fibrillation(config);
            let frequencies = timed(&mut all.spent.windows, || {
                workers.map(part.len(), |i| {
                    let window = made[part[i]].as_ref()?;
                    let speaks = window.evidence(class?).is_some_and(|e| e > FLUTTER);
                    let range = &all.ranges[part[i]];
                    speaks
                        .then(|| frequency(config, record, settings, &all.chosen, &all.times, range))
                        .flatten()
                })
            });
            for (place, frequency) in part.iter().zip(frequencies) {
                if let Some(window) = &mut made[*place] {
                    window.atrial_frequency = frequency;
                }
            }
            done += part.len();
            progress(done, which.len());
        }
        Ok(())
    }

    /// The rhythm of a long record; `None` where the record is not long or the network tells no rhythm.
    pub(super) fn long(
        &self,
        record: &Record,
        settings: &Settings,
        batch: usize,
        progress: &mut dyn FnMut(usize, usize),
    ) -> Result<Option<Long>, ClassifyError> {
        let Some(windows) = self.windows(record, settings, batch, progress, false)? else { return Ok(None) };
        let Windows { made, ranges, chosen, times, missing, mut spent } = windows;
        let end = (record.seconds() * record.sample_rate).round() as i64;
        let fibrillation = assembled(self.config(), made, &ranges, end, record.sample_rate);
        let workers = Workers::new(self.helpers);
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
            gaps: Vec::new(),
            quality: long.quality,
            fibrillation: Some(long.fibrillation),
            spent: long.spent,
        }
    }
}

/// The episodes of windows that lie in these ranges of frames.
fn assembled(
    config: &Config,
    windows: Vec<FibrillationWindow>,
    ranges: &[Range<i64>],
    end: i64,
    rate: f64,
) -> Fibrillation {
    let class = fibrillation(config);
    let says = |w: &FibrillationWindow| w.evidence(class?);
    let evidence: Vec<Option<f64>> = windows.iter().map(says).collect();
    let episodes: Vec<FibrillationEpisode> = episodes(&evidence)
        .into_iter()
        .map(|places| {
            let (onset, end) = frames(&places, ranges, end);
            let [onset_seconds, end_seconds] = [onset, end].map(|t| t as f64 / rate);
            FibrillationEpisode { onset, end, onset_seconds, end_seconds }
        })
        .collect();
    let inside: i64 = episodes.iter().map(|e| e.end - e.onset).sum();
    let burden = inside as f64 / end as f64;
    Fibrillation { episodes, burden, frames: end, windows }
}

/// What a window says for fibrillation, against it below 0.
fn evidence(probability: f32, entropy: Option<f64>, flutter: bool) -> f64 {
    let p = f64::from(probability).clamp(SURE, 1.0 - SURE);
    let (threshold, most, unknown) = ENTROPY;
    let known = (p / (1.0 - p)).ln() + (entropy.unwrap_or(unknown) - threshold).min(most);
    if flutter { known.min(FLUTTER) } else { known }
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
