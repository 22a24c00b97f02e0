//! From a record to classes: leads by name, gaps filled, resampled and normalised as the configuration says; then the
//! whole record, or a window around each beat, through the network.

use crate::config::{Config, FeatureKind, Normalize};
use crate::ecg::beats::{self, HeartRate};
use crate::ecg::resample::Resampler;
use crate::ecg::{self, Record, Sex, filter, leads, normalize, peaks, rhythm};
use crate::inputs::{FeatureInput, Inputs};
use crate::model::{Model, RunError};
use std::time::Instant;

/// Windows that go through the network at once, unless told: enough to keep threads busy, few enough to stay small.
const BATCH: usize = 64;

/// Cells of the windows in flight at most: the configuration alone must not decide how much memory is taken.
const CELLS: usize = 1 << 26;

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
    let config = model.config();
    let unit = settings.unit.unwrap_or_else(|| Unit::of(config));
    let chosen = leads::select(record, &config.leads, &settings.leads)?;
    let frames = Resampler::new(record.sample_rate, config.sample_rate)?;

    let mut signals = Vec::with_capacity(chosen.len());
    let mut detected = None;
    let mut spent = Spent::default();
    for (place, index) in chosen.iter().enumerate() {
        let lead = &record.leads[*index];
        if place == 0 && settings.beats.is_none() {
            let scale = record.sample_rate / lead.sample_rate;
            let found = timed(&mut spent.peaks, || peaks::detect(&lead.samples, lead.sample_rate))?;
            detected = Some(found.into_iter().map(|p| (p as f64 * scale).round() as i64).collect());
        }
        signals.push(prepare(config, &lead.samples, lead.sample_rate, &mut spent)?);
    }
    // Leads of different rates may differ by a sample at the end.
    let samples = signals.iter().map(Vec::len).min().unwrap_or(0);
    signals.iter_mut().for_each(|s| s.truncate(samples));
    let times: Vec<i64> = settings.beats.clone().or(detected).unwrap_or_default();
    let places: Vec<i64> = times.iter().map(|t| frames.position(*t)).collect();

    let rows: Vec<&[f32]> = signals.iter().map(Vec::as_slice).collect();
    let patient = timed(&mut spent.windows, || Patient::new(config, record, settings, unit, &rows, &places))?;
    let mut findings = Findings {
        unit,
        items: Vec::new(),
        heart_rate: beats::heart_rate(&times, record.sample_rate),
        missing: patient.missing.clone(),
        spent,
    };
    match unit {
        Unit::Record => {
            let inputs = timed(&mut findings.spent.windows, || Inputs {
                batch: 1,
                leads: rows.len(),
                samples,
                signal: rows.concat(),
                features: patient.features(0, 1),
            });
            collect(model, &inputs, &[0], &mut findings)?;
            progress(1, 1);
        }
        Unit::Beat => {
            let window = config.samples.saturating_mul(rows.len());
            if window > CELLS {
                return Err(ClassifyError::Feature {
                    item: "samples".to_owned(),
                    expected: format!("windows of at most {CELLS} samples over all leads"),
                    found: window.to_string(),
                    mend: "use a model of shorter windows, or --per record",
                });
            }
            let batch = settings.batch.unwrap_or(BATCH).clamp(1, CELLS / window);
            for first in (0..places.len()).step_by(batch) {
                let count = batch.min(places.len() - first);
                let inputs = timed(&mut findings.spent.windows, || Inputs {
                    batch: count,
                    leads: rows.len(),
                    samples: config.samples,
                    signal: beats::windows(&rows, &places[first..first + count], config.samples),
                    features: patient.features(first, count),
                });
                collect(model, &inputs, &times[first..first + count], &mut findings)?;
                progress(first + count, places.len());
            }
        }
    }
    Ok(findings)
}

/// One lead as the network takes it.
fn prepare(config: &Config, samples: &[f32], rate: f64, spent: &mut Spent) -> Result<Vec<f32>, ecg::Error> {
    let mut samples = timed(&mut spent.resample, || -> Result<Vec<f32>, ecg::Error> {
        let mut samples = samples.to_vec();
        filter::fill_missing(&mut samples);
        Ok(Resampler::new(rate, config.sample_rate)?.apply(&samples))
    })?;
    timed(&mut spent.normalize, || match config.normalize {
        Normalize::Zscore => normalize::z_score(&mut samples),
        Normalize::None => {}
    });
    Ok(samples)
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

/// The features of one patient, in the configuration's order.
struct Patient {
    values: Vec<Value>,
    missing: Vec<String>,
}

enum Value {
    Missing,
    Number(f64),
    Category(usize),
    /// `[beats, STEPS, inputs]`.
    Rhythm {
        rows: Vec<f32>,
        inputs: usize,
    },
}

impl Patient {
    fn new(
        config: &Config,
        record: &Record,
        settings: &Settings,
        unit: Unit,
        signals: &[&[f32]],
        beats: &[i64],
    ) -> Result<Patient, ClassifyError> {
        let mut patient = Patient { values: Vec::new(), missing: Vec::new() };
        for feature in config.features() {
            let value = match (&feature.kind, feature.name.as_str()) {
                (FeatureKind::Continuous { .. }, "age") => {
                    settings.age.or(record.age).map_or(Value::Missing, Value::Number)
                }
                (FeatureKind::Categorical { categories }, "sex") => {
                    settings.sex.or(record.sex).map_or(Ok(Value::Missing), |s| category(categories, s))?
                }
                (FeatureKind::Sequence { inputs, .. }, "rhythm") if unit == Unit::Beat => {
                    let made = rhythm::inputs(signals.len());
                    if *inputs != made {
                        return Err(ClassifyError::Feature {
                            item: "rhythm".to_owned(),
                            expected: format!("{made} numbers a row"),
                            found: inputs.to_string(),
                            mend: "use a model that takes this program's rhythm rows",
                        });
                    }
                    let rows = rhythm::rows(signals, beats, config.sample_rate);
                    rows.map_or(Value::Missing, |rows| Value::Rhythm { rows, inputs: *inputs })
                }
                _ => Value::Missing,
            };
            if matches!(value, Value::Missing) {
                patient.missing.push(feature.name.clone());
            }
            patient.values.push(value);
        }
        Ok(patient)
    }

    /// The features of `count` windows from the `first` on.
    fn features(&self, first: usize, count: usize) -> Vec<FeatureInput> {
        let one = |value: &Value| match value {
            Value::Missing => FeatureInput::Missing,
            Value::Number(x) => FeatureInput::Continuous(vec![*x; count]),
            Value::Category(c) => FeatureInput::Categorical(vec![Some(*c); count]),
            Value::Rhythm { rows, inputs } => {
                let width = rhythm::STEPS * inputs;
                FeatureInput::Sequence {
                    steps_max: rhythm::STEPS,
                    rows: rows[first * width..(first + count) * width].to_vec(),
                    steps: vec![rhythm::STEPS; count],
                }
            }
        };
        self.values.iter().map(one).collect()
    }
}

/// The category that means `sex`.
fn category(categories: &[String], sex: Sex) -> Result<Value, ClassifyError> {
    let names = match sex {
        Sex::Female => ["female", "f"],
        Sex::Male => ["male", "m"],
    };
    let found = categories.iter().position(|c| names.contains(&c.to_lowercase().as_str()));
    found.map(Value::Category).ok_or_else(|| ClassifyError::Feature {
        item: "sex".to_owned(),
        expected: format!("a category named {}", names[0]),
        found: categories.join(", "),
        mend: "name the model's categories female and male",
    })
}
