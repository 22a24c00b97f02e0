//! From a record to classes: leads by name, gaps filled, resampled and normalised as the configuration says; then the
//! whole record, or a window around each beat, through the network.

use crate::config::Config;
use crate::error::RunError;
use crate::inputs::Inputs;
use crate::model::Model;
use efficientecg_ecg::beats::{self, HeartRate};
use efficientecg_ecg::{self as ecg, Record, Sex};
use efficientecg_files::one_line;
use std::time::Instant;

mod prepared;

pub use prepared::Prepared;

/// Windows that go through the network at once, unless told: enough to keep threads busy, few enough to stay small.
const BATCH: usize = 64;

/// What one classification is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
}

/// How to read a record.
#[derive(Clone, Debug, Default)]
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
}

/// One classification.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// The beat's place in the record's frames; 0 for a whole record.
    pub time: i64,
    /// The class of the highest probability.
    pub class: usize,
    /// `[classes]`.
    pub logits: Vec<f32>,
    /// `[classes]`.
    pub probabilities: Vec<f32>,
}

/// What a record holds.
#[derive(Clone, Debug)]
pub struct Findings {
    /// What the findings are of.
    pub unit: Unit,
    /// In order of time.
    pub items: Vec<Finding>,
    /// From the beats, where there are two or more.
    pub heart_rate: Option<HeartRate>,
    /// Features that the network takes and the record does not give.
    pub missing: Vec<String>,
    /// Where the time went.
    pub spent: Spent,
}

/// Seconds of a classification, by what they went into.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Spent {
    /// Finding the beats in the signal; about 0 where they were given.
    pub peaks: f64,
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
    let start = Instant::now();
    let made = call();
    *seconds += start.elapsed().as_secs_f64();
    made
}

/// A record that could not be classified.
#[derive(Debug, thiserror::Error)]
pub enum ClassifyError {
    /// The record does not give what the network needs.
    #[error(transparent)]
    Record(#[from] ecg::Error),
    /// The configuration asks for what this program cannot make.
    #[error("{item}: expected {expected}, found {found}; {mend}")]
    Feature {
        /// The feature, or the configuration's key.
        item: String,
        /// What this program makes.
        expected: String,
        /// What the configuration asks for.
        found: String,
        /// What to do about it.
        mend: &'static str,
    },
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
    /// The unit of a lead is no voltage, and the model reads voltages.
    #[error(
        "lead {}: expected samples in V, mV, uV or nV, as the model reads voltages, found {}; mend the units in the record's header, or let another lead stand in",
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

/// Classifies a record; `progress` hears of findings done and in all.
pub fn classify(
    model: &Model,
    record: &Record,
    settings: &Settings,
    progress: &mut dyn FnMut(usize, usize),
) -> Result<Findings, ClassifyError> {
    let prepared = Prepared::new(model.config(), record, settings)?;
    let mut findings = Findings {
        unit: prepared.unit,
        items: Vec::new(),
        heart_rate: beats::heart_rate(&prepared.times, record.sample_rate),
        missing: prepared.missing().to_vec(),
        spent: prepared.spent,
    };
    let all = prepared.windows();
    let batch = settings.batch.unwrap_or(BATCH).clamp(1, prepared.most_windows());
    for first in (0..all).step_by(batch) {
        let count = batch.min(all - first);
        let inputs = timed(&mut findings.spent.windows, || prepared.inputs(first, count));
        let times = match prepared.unit {
            Unit::Record => &[0][..],
            Unit::Beat => &prepared.times[first..first + count],
        };
        collect(model, &inputs, times, &mut findings)?;
        progress(first + count, all);
    }
    Ok(findings)
}

fn collect(model: &Model, inputs: &Inputs, times: &[i64], findings: &mut Findings) -> Result<(), RunError> {
    let classes = model.config().classes.len();
    let out = timed(&mut findings.spent.network, || model.run(inputs))?;
    let rows = out.logits.chunks_exact(classes).zip(out.probabilities.chunks_exact(classes));
    for (time, (logits, probabilities)) in times.iter().zip(rows) {
        let (logits, probabilities) = (logits.to_vec(), probabilities.to_vec());
        let best = (0..classes).max_by(|a, b| logits[*a].total_cmp(&logits[*b]));
        findings.items.push(Finding { time: *time, class: best.unwrap_or(0), logits, probabilities });
    }
    Ok(())
}
