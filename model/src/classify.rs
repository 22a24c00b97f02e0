//! From a record to classes: leads by name, gaps filled, resampled and normalised as the configuration says; then the
//! whole record, or a window around each beat, through the network.
//!
//! Before that the quality of the signal is measured ([`ecg::quality`]). A record, or a beat, around which there is no ECG that can be
//! assessed does not go through the network: its finding has a [`Reason`] in place of a class.
//!
//! [`Model::classify`] does that; [`Model::classify_with`] takes [`Settings`].

use crate::config::{Config, Task};
use crate::error::RunError;
use crate::inputs::Inputs;
use crate::model::Model;
use efficientecg_ecg::beats::HeartRate;
use efficientecg_ecg::quality::{Episode, Reason, RecordQuality};
use efficientecg_ecg::workers::Workers;
use efficientecg_ecg::{self as ecg, Record, Sex};
use efficientecg_engine::clock::Moment;
use efficientecg_files::{ItemError, one_line};
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

mod episodes;
mod lead;
mod monitor;
mod part;
mod prepared;
mod unusual;

pub use episodes::{Fibrillation, FibrillationEpisode, FibrillationWindow};
pub use monitor::{Monitor, MonitorEvent};
pub use part::PartFindings;
pub use prepared::Prepared;

/// Windows that go through the network at once, unless told: enough to keep threads busy, few enough to stay small.
const BATCH: usize = 64;

/// Where a model gives several labels at once, one is found from this probability on.
pub const EVEN: f32 = 0.5;

/// What one classification is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Unit {
    /// A beat: the network sees a window of the configuration's `samples` around it.
    Beat,
    /// The record, at its own length.
    Record,
}

impl Unit {
    /// What a configuration's classes are of: beats if all are beat classes of ANSI/AAMI EC57 (N S V F Q).
    pub fn of(config: &Config) -> Unit {
        let beat = |class: &String| matches!(class.as_str(), "N" | "S" | "V" | "F" | "Q");
        if config.classes.iter().all(beat) { Unit::Beat } else { Unit::Record }
    }

    /// `beat` or `record`.
    pub fn name(self) -> &'static str {
        match self {
            Unit::Beat => "beat",
            Unit::Record => "record",
        }
    }
}

/// How to read a record. Each setting has a method of its name.
///
/// ```
/// use efficientecg::classify::Settings;
///
/// // The record's V5 stands for the model's V1; the patient is 63.
/// let settings = Settings::new().lead("V1", "V5").age(63.0);
/// assert_eq!(settings.age, Some(63.0));
/// ```
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Settings {
    /// Pairs of a configuration's lead and the record's lead that stands for it.
    pub leads: Vec<(String, String)>,
    /// In years; over what the record says.
    pub age: Option<f64>,
    /// Over what the record says.
    pub sex: Option<Sex>,
    /// What to classify; `None` for [`Unit::of`] the configuration.
    pub unit: Option<Unit>,
    /// Ascending beat positions in the record's frames; `None` to detect them.
    pub beats: Option<Vec<i64>>,
    /// Windows that go through the network at once; `None` for 64.
    pub batch: Option<usize>,
    /// Whether a record is classified whatever the quality of its signal.
    pub any_quality: bool,
    /// Whether leads that are no ECG by name or unit may stand for the model's.
    pub any_lead: bool,
}

impl Settings {
    /// The record as it is.
    pub fn new() -> Settings {
        Settings::default()
    }

    /// Lets a lead of the record stand for one of the model's; `#2` is the record's second. Several for one lead are alternatives, tried in order.
    pub fn lead(mut self, model: impl Into<String>, record: impl Into<String>) -> Settings {
        self.leads.push((model.into(), record.into()));
        self
    }

    /// Sets the patient's age in years, over what the record says.
    pub fn age(mut self, years: f64) -> Settings {
        self.age = Some(years);
        self
    }

    /// Sets the patient's sex, over what the record says.
    pub fn sex(mut self, sex: Sex) -> Settings {
        self.sex = Some(sex);
        self
    }

    /// Sets what to classify.
    pub fn unit(mut self, unit: Unit) -> Settings {
        self.unit = Some(unit);
        self
    }

    /// Gives the beats, ascending, in the record's frames, in place of those that would be found.
    pub fn beats(mut self, beats: impl Into<Vec<i64>>) -> Settings {
        self.beats = Some(beats.into());
        self
    }

    /// Classifies the record whatever the quality of its signal: to compare networks, not to learn of a patient.
    pub fn any_quality(mut self) -> Settings {
        self.any_quality = true;
        self
    }

    /// Lets leads that are no ECG by name or unit, as pressures, stand for the model's.
    pub fn any_lead(mut self) -> Settings {
        self.any_lead = true;
        self
    }

    /// Sets how many windows go through the network at once.
    pub fn batch(mut self, windows: usize) -> Settings {
        self.batch = Some(windows);
        self
    }
}

/// One classification.
///
/// As text (`{}`) it is the time in seconds, unless it is of a whole record, then the classes that were found with their
/// probabilities: `1.239 s N 0.998`; of several labels at once `MI 0.93, STTC 0.61`, or `none`. What could not be assessed is `-` with the
/// reason: `1.239 s - noise`.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Finding {
    /// What it is of.
    pub unit: Unit,
    /// The beat's place in the record's frames; 0 for a whole record.
    pub time: i64,
    /// The same in seconds.
    pub seconds: f64,
    /// The class of the highest probability, or why there is none: the signal could not be assessed.
    pub class: Result<usize, Reason>,
    /// `[classes]`; empty without a class.
    pub logits: Vec<f32>,
    /// `[classes]`; empty without a class.
    pub probabilities: Vec<f32>,
    /// What was found, by its place among the classes.
    found: Vec<usize>,
    names: Arc<[String]>,
}

impl Finding {
    /// The classes that were found: the most probable one; of a model of several labels at once all that are at least even,
    /// which may be none. None of what could not be assessed.
    pub fn labels(&self) -> impl ExactSizeIterator<Item = &str> {
        self.found.iter().map(|class| self.names[*class].as_str())
    }

    /// The same as one text: several joined by `+`, nothing where no label was found, and `-` where it could not be assessed.
    pub fn label(&self) -> String {
        if self.class.is_err() { "-".to_owned() } else { self.labels().collect::<Vec<_>>().join("+") }
    }

    /// Of what could not be assessed.
    fn refused(unit: Unit, time: i64, seconds: f64, reason: Reason, names: &Arc<[String]>) -> Finding {
        let (logits, probabilities, found) = (Vec::new(), Vec::new(), Vec::new());
        let names = Arc::clone(names);
        Finding { unit, time, seconds, class: Err(reason), logits, probabilities, found, names }
    }

    /// Why it could not be assessed; none where it could.
    pub fn reason(&self) -> Option<Reason> {
        self.class.err()
    }

    /// The probability of the most probable class; none where it could not be assessed.
    pub fn probability(&self) -> Option<f32> {
        self.class.ok().and_then(|class| self.probabilities.get(class)).copied()
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.unit == Unit::Beat {
            write!(f, "{:.3} s ", self.seconds)?;
        }
        if let Err(reason) = self.class {
            return write!(f, "- {}", reason.name());
        }
        if self.found.is_empty() {
            return f.write_str("none");
        }
        for (i, (label, class)) in self.labels().zip(&self.found).enumerate() {
            let comma = if i > 0 { ", " } else { "" };
            write!(f, "{comma}{label} {:.3}", self.probabilities[*class])?;
        }
        Ok(())
    }
}

/// What a record holds: its findings, over which it can be iterated.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Findings {
    /// What the findings are of.
    pub unit: Unit,
    /// In order of time.
    pub items: Vec<Finding>,
    /// From the beats, where there are two or more; intervals across a gap do not count.
    pub heart_rate: Option<HeartRate>,
    /// Features that the network takes and the record does not give.
    pub missing: Vec<String>,
    /// Frames in which a beat may lie that is not among the findings, as samples are missing; of findings of beats alone.
    pub gaps: Vec<Range<i64>>,
    /// Which parts of the record hold an ECG that can be assessed.
    pub quality: RecordQuality,
    /// Episodes of fibrillation, where a network of rhythms was given a long record. The one finding is then the mean of its windows'.
    pub fibrillation: Option<Fibrillation>,
    /// Where the time went.
    pub spent: Spent,
}

impl Findings {
    /// The parts of the record that could not be assessed, with onset and end.
    pub fn not_assessed(&self) -> Vec<Episode> {
        self.quality.episodes()
    }

    /// Why nothing of the record could be assessed: it has no finding with a class, and the signal is the reason. None if something could, and of
    /// a good signal without a beat.
    pub fn reason(&self) -> Option<Reason> {
        if self.items.iter().any(|finding| finding.class.is_ok()) {
            return None;
        }
        self.quality.reason().or_else(|| self.items.first().and_then(Finding::reason))
    }
}

impl IntoIterator for Findings {
    type Item = Finding;
    type IntoIter = std::vec::IntoIter<Finding>;

    fn into_iter(self) -> Self::IntoIter {
        self.items.into_iter()
    }
}

impl<'a> IntoIterator for &'a Findings {
    type Item = &'a Finding;
    type IntoIter = std::slice::Iter<'a, Finding>;

    fn into_iter(self) -> Self::IntoIter {
        self.items.iter()
    }
}

/// Seconds of a classification, by what they went into. With several threads what is before the network overlaps, and the times of all
/// threads count.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Spent {
    /// Finding the beats in the signal; about 0 where they were given.
    pub peaks: f64,
    /// Measuring the quality of all leads.
    pub quality: f64,
    /// Filling gaps and resampling, all leads.
    pub resample: f64,
    /// Normalising, all leads.
    pub normalize: f64,
    /// Cutting windows and making features.
    pub windows: f64,
    /// Running the network.
    pub network: f64,
}

/// Adds the time of a call.
fn timed<T>(seconds: &mut f64, call: impl FnOnce() -> T) -> T {
    let start = Moment::now();
    let made = call();
    *seconds += start.elapsed().as_secs_f64();
    made
}

/// A record that could not be classified.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClassifyError {
    /// The record does not give what the network needs.
    #[error(transparent)]
    Record(#[from] ecg::Error),
    /// The configuration asks for what this program cannot make.
    #[error(transparent)]
    Feature(#[from] ItemError),
    /// Windows of this model are too large.
    #[error(
        "samples: expected windows of at most {most} samples over all leads, found {found}; use a model of shorter windows, or classify the record as a whole"
    )]
    Window {
        /// Samples of a window at most, over all leads.
        most: usize,
        /// What the configuration and the record's leads come to.
        found: usize,
    },
    /// The record is too long to be classified as a whole.
    #[error(
        "samples: expected a record of at most {most} samples over all leads, found {found}; classify a part of it"
    )]
    Long {
        /// Samples at most, over all leads at the model's rate.
        most: usize,
        /// Those of the record.
        found: usize,
    },
    /// The unit of a lead is no voltage, and the model reads voltages.
    #[error(
        "lead {}: expected samples in V, mV, uV or nV, as the model reads voltages, found {}; correct the units in the record's header, or let another lead stand in",
        one_line(lead),
        one_line(units)
    )]
    Units {
        /// The record's lead.
        lead: String,
        /// Its unit.
        units: String,
    },
    /// The network failed on it.
    #[error(transparent)]
    Run(#[from] RunError),
}

/// Records to classes, by a model of [`Unit::Beat`] or [`Unit::Record`].
impl Model {
    /// Classifies the beats of a record, or the record.
    ///
    /// ```
    /// # #[cfg(feature = "models")] {
    /// use efficientecg::{Model, ecg::Record};
    ///
    /// let model = Model::builtin("mitbih-beats")?;
    /// let beats = model.classify(&Record::open("../tools/demo/demo")?)?;
    /// let early = beats.items.iter().filter(|beat| beat.label() == "V").count();
    /// # assert!(early > 3 && beats.items.len() > 100, "{early} of {}", beats.items.len());
    /// # }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// The record lacks a lead that the model needs (leads are matched by name and never guessed), a unit of voltage where the
    /// model reads voltages, or has a rate that cannot be used; the network fails on it.
    pub fn classify(&self, record: &Record) -> Result<Findings, ClassifyError> {
        self.classify_with(record, &Settings::default())
    }

    /// The same with settings.
    ///
    /// ```
    /// # #[cfg(feature = "models")] {
    /// use efficientecg::{Model, classify::Settings, ecg::Record};
    ///
    /// let model = Model::builtin("cinc2017-rhythm")?;
    /// let record = Record::open("../tools/demo/demo")?;
    /// // The model takes one lead, called ECG.
    /// let findings = model.classify_with(&record, &Settings::new().lead("ECG", "MLII"))?;
    /// println!("{}", findings.items[0]);
    /// # assert!(findings.items.len() == 1 && model.classify(&record).is_err());
    /// # }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As those of [`Model::classify`]; the settings name a lead that is not there, or beats out of order.
    pub fn classify_with(&self, record: &Record, settings: &Settings) -> Result<Findings, ClassifyError> {
        self.classify_with_progress(record, settings, &mut |_, _| {})
    }

    /// The same; `progress` hears of findings done and in all, batch by batch.
    ///
    /// # Errors
    /// As those of [`Model::classify_with`].
    pub fn classify_with_progress(
        &self,
        record: &Record,
        settings: &Settings,
        progress: &mut dyn FnMut(usize, usize),
    ) -> Result<Findings, ClassifyError> {
        if let Some(long) = self.long(record, settings, settings.batch.unwrap_or(BATCH), progress)? {
            return Ok(self.mean_of(long, record.sample_rate));
        }
        let workers = Workers::new(self.helpers);
        let prepared = Prepared::by(self.config(), record, settings, workers)?;
        let mut findings = Findings {
            unit: prepared.unit,
            items: Vec::new(),
            heart_rate: prepared.heart_rate(record.sample_rate),
            missing: prepared.missing().to_vec(),
            gaps: prepared.gaps(self.config().sample_rate, record.sample_rate),
            quality: prepared.quality.clone(),
            fibrillation: None,
            spent: prepared.spent,
        };
        let all = prepared.windows();
        let batch = settings.batch.unwrap_or(BATCH).clamp(1, prepared.most_windows());
        let names: Arc<[String]> = self.config().classes.clone().into();
        // Windows side by side of which all, or none, go through the network.
        let mut from = 0;
        for part in prepared.reasons().chunk_by(|a, b| a.is_some() == b.is_some()) {
            let to = from + part.len();
            for first in (from..to).step_by(batch) {
                let count = batch.min(to - first);
                let times = match prepared.unit {
                    Unit::Record => &[0][..],
                    Unit::Beat => &prepared.times[first..first + count],
                };
                let reasons = &prepared.reasons()[first..first + count];
                if part[0].is_some() {
                    let none =
                        times.iter().zip(reasons).filter_map(|(time, reason)| Some((*time, (*reason)?)));
                    findings.items.extend(none.map(|(time, reason)| {
                        let seconds = time as f64 / record.sample_rate;
                        Finding::refused(prepared.unit, time, seconds, reason, &names)
                    }));
                } else {
                    let inputs = timed(&mut findings.spent.windows, || prepared.inputs(first, count));
                    self.collect(&inputs, times, record.sample_rate, &names, &mut findings)?;
                }
                progress(first + count, all);
            }
            from = to;
        }
        Ok(findings)
    }

    /// Runs windows and adds what is found in them.
    fn collect(
        &self,
        inputs: &Inputs,
        times: &[i64],
        rate: f64,
        names: &Arc<[String]>,
        findings: &mut Findings,
    ) -> Result<(), RunError> {
        let out = timed(&mut findings.spent.network, || self.run(inputs))?;
        for (time, row) in times.iter().zip(out.rows()) {
            let place = (*time, *time as f64 / rate);
            findings.items.push(Finding::of(self.config(), findings.unit, place, row, names));
        }
        Ok(())
    }
}

/// The classes that are found: the best, or of several labels all that are at least even.
fn found(task: Task, best: usize, probabilities: &[f32]) -> Vec<usize> {
    match task {
        Task::Multiclass => vec![best],
        Task::Multilabel => (0..probabilities.len()).filter(|c| probabilities[*c] >= EVEN).collect(),
    }
}

#[cfg(test)]
mod tests;
