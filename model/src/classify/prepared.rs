//! A record as the network takes it: its signals and features, before anything is run.

use super::lead::{Resamplers, choose, prepare, quality, without_hum};
use super::{ClassifyError, Settings, Spent, Unit, timed};
use crate::config::{Config, FeatureKind};
use crate::inputs::{FeatureInput, Inputs};
use efficientecg_ecg::workers::Workers;
use efficientecg_ecg::{
    self as ecg, Lead, Record, Sex, beat_sequence, beats,
    beats::HeartRate,
    gaps::Gaps,
    peaks,
    quality::{LeadQuality, Reason, RecordQuality},
    rhythm,
    rhythm::Missing,
    stream::History,
};
use efficientecg_files::ItemError;
use std::ops::Range;

/// Cells of the windows in flight at most: the configuration alone must not decide how much memory is taken.
pub(super) const CELLS: usize = 1 << 26;

/// Samples, over all leads, from which on a record is worth more than one thread.
const LONG: usize = 1 << 18;

/// A record as the network takes it.
///
/// ```
/// # #[cfg(feature = "models")] {
/// use efficientecg::{Model, ecg::Record};
/// use efficientecg::classify::{Prepared, Settings};
///
/// let model = Model::builtin("mitbih-beats")?;
/// let record = Record::open("../tools/demo/demo")?;
/// let prepared = Prepared::new(model.config(), &record, &Settings::new())?;
/// let outputs = model.run(&prepared.inputs(0, 10))?;
/// # assert_eq!(outputs.rows().len(), 10);
/// # }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Prepared {
    /// What a classification would be of.
    pub unit: Unit,
    /// Beats, detected or given, in the record's frames, ascending.
    pub times: Vec<i64>,
    /// Which parts hold an ECG that can be assessed.
    pub quality: RecordQuality,
    /// Where the time went; nothing was run.
    pub spent: Spent,
    /// Why each window cannot be assessed.
    reasons: Vec<Option<Reason>>,
    /// The times in samples of `signals`.
    places: Vec<i64>,
    /// The configuration's leads at its rate, all of one length.
    signals: Vec<Vec<f32>>,
    /// What is missing of them.
    missing: Missing,
    /// Samples of a window.
    samples: usize,
    patient: Patient,
}

impl Prepared {
    /// Prepares a record for the network of `config`.
    ///
    /// # Errors
    /// The record lacks a lead or has a rate that cannot be used; the beats given are out of order; the configuration asks for
    /// a feature that this program makes otherwise, or for windows that are too long.
    pub fn new(config: &Config, record: &Record, settings: &Settings) -> Result<Prepared, ClassifyError> {
        Prepared::by(config, record, settings, Workers::ALONE)
    }

    /// The same on several threads, where the record is long enough; what is made does not depend on their number.
    pub(super) fn by(
        config: &Config,
        record: &Record,
        settings: &Settings,
        workers: Workers,
    ) -> Result<Prepared, ClassifyError> {
        let unit = settings.unit.unwrap_or_else(|| Unit::of(config));
        if let Some(late) = settings.beats.iter().flat_map(|beats| beats.windows(2)).find(|w| w[0] > w[1]) {
            let found = format!("{} after {}", late[1], late[0]);
            let expected = "ascending positions in the record's frames";
            return Err(ecg::Error::Parameter { item: "beats", expected, found }.into());
        }
        let chosen = choose(config, record, settings)?;
        let leads: Vec<&Lead> = chosen.iter().map(|index| &record.leads[*index]).collect();
        let mut spent = Spent::default();
        let resamplers = timed(&mut spent.resample, || Resamplers::new(record, &leads, config.sample_rate))?;
        let numbers: usize = leads.iter().map(|lead| lead.samples.len()).sum();
        let workers = workers.when(numbers >= LONG);
        let detect = leads.first().filter(|_| settings.beats.is_none());
        // The longest part comes first.
        let jobs = usize::from(detect.is_some()) + leads.len();
        let made = workers.map(jobs, |job| -> Result<Made, ClassifyError> {
            let mut spent = Spent::default();
            match (detect, job.checked_sub(usize::from(detect.is_some()))) {
                (Some(lead), None) => {
                    let scale = record.sample_rate / lead.sample_rate;
                    let found = timed(&mut spent.peaks, || {
                        peaks::detect(&without_hum(unit, lead), lead.sample_rate)
                    })?;
                    let times = found.into_iter().map(|p| (p as f64 * scale).round() as i64).collect();
                    Ok(Made { times, lead: None, spent })
                }
                (_, place) => {
                    let lead = leads[place.unwrap_or(0)];
                    let quality = timed(&mut spent.quality, || quality(unit, lead));
                    let (signal, gaps) = prepare(config, lead, unit, &resamplers, &mut spent)?;
                    Ok(Made { times: Vec::new(), lead: Some((signal, gaps, quality)), spent })
                }
            }
        });
        let (mut signals, mut detected) = (Vec::with_capacity(leads.len()), None);
        let (mut gaps, mut qualities) = (Vec::new(), Vec::new());
        for made in made {
            let made = made?;
            spent.peaks += made.spent.peaks;
            spent.resample += made.spent.resample;
            spent.normalize += made.spent.normalize;
            spent.quality += made.spent.quality;
            match made.lead {
                Some((signal, missing, quality)) => {
                    signals.push(signal);
                    gaps.push(missing);
                    qualities.push(quality);
                }
                None => detected = Some(made.times),
            }
        }
        // Leads of different rates may differ by a sample at the end.
        let length = signals.iter().map(Vec::len).min().unwrap_or(0);
        signals.iter_mut().for_each(|s| s.truncate(length));
        let samples = match unit {
            Unit::Record => length,
            Unit::Beat => config.samples,
        };
        let window = samples.saturating_mul(signals.len());
        if unit == Unit::Beat && window > CELLS {
            return Err(ClassifyError::Window { most: CELLS, found: window });
        }
        if unit == Unit::Record && window > CELLS {
            return Err(ClassifyError::Long { most: CELLS, found: window });
        }
        let times: Vec<i64> = settings.beats.clone().or(detected).unwrap_or_default();
        let places: Vec<i64> = times.iter().map(|t| resamplers.position(record.sample_rate, *t)).collect();
        let missing = missing(&gaps, settings.beats.is_none());
        let rows: Vec<&[f32]> = signals.iter().map(Vec::as_slice).collect();
        let beats = Beats { unit, signals: &rows, places: &places, missing: &missing };
        let known = (settings.age.or(record.age), settings.sex.or(record.sex));
        let patient = timed(&mut spent.windows, || Patient::new(config, known, &beats, workers))?;
        let quality = if settings.any_quality {
            RecordQuality::unmeasured(record.seconds())
        } else {
            RecordQuality::new(&qualities, unit == Unit::Beat && settings.beats.is_none())
        };
        let reasons = match unit {
            Unit::Record => vec![quality.reason()],
            Unit::Beat => times.iter().map(|t| quality.at(*t as f64 / record.sample_rate)).collect(),
        };
        Ok(Prepared { unit, times, quality, reasons, spent, places, signals, missing, samples, patient })
    }

    /// The beats of what a stream keeps; `signals` are its leads, normalised.
    pub(super) fn of_stream(
        config: &Config,
        history: History<'_>,
        signals: Vec<Vec<f32>>,
        settings: &Settings,
    ) -> Result<Prepared, ClassifyError> {
        let History { places, missing, .. } = history;
        let rows: Vec<&[f32]> = signals.iter().map(Vec::as_slice).collect();
        let beats = Beats { unit: Unit::Beat, signals: &rows, places: &places, missing: &missing };
        let patient = Patient::new(config, (settings.age, settings.sex), &beats, Workers::ALONE)?;
        Ok(Prepared {
            unit: Unit::Beat,
            times: Vec::new(),
            quality: RecordQuality::unmeasured(0.0),
            reasons: Vec::new(),
            spent: Spent::default(),
            places,
            signals,
            missing,
            samples: config.samples,
            patient,
        })
    }

    /// Windows of the record: one a beat, or one in all.
    pub fn windows(&self) -> usize {
        match self.unit {
            Unit::Record => 1,
            Unit::Beat => self.places.len(),
        }
    }

    /// Why each window cannot be assessed, and would get no class; none of those that can.
    pub fn reasons(&self) -> &[Option<Reason>] {
        &self.reasons
    }

    /// Samples of a window.
    pub fn samples(&self) -> usize {
        self.samples
    }

    /// The heart rate of the beats, in frames at `rate` a second, without intervals across gaps.
    pub(super) fn heart_rate(&self, rate: f64) -> Option<HeartRate> {
        let known = self.places.windows(2).map(|w| !self.missing.beats.touch_between(w[0], w[1]));
        let pairs = self.times.windows(2).zip(known).filter(|(_, known)| *known);
        beats::heart_rate_of(pairs.map(|(w, _)| w[1].saturating_sub(w[0]) as f64 / rate))
    }

    /// Frames, `rate` a second, in which a beat may hide; the signals have `own` samples a second.
    pub(super) fn gaps(&self, own: f64, rate: f64) -> Vec<Range<i64>> {
        let frame = |sample: usize| (sample as f64 / own * rate).round() as i64;
        let spans = self.missing.beats.spans().iter().filter(|_| self.unit == Unit::Beat);
        spans.map(|span| frame(span.start)..frame(span.end)).collect()
    }

    /// Features that the network takes and the record does not give.
    pub fn missing(&self) -> &[String] {
        &self.patient.missing
    }

    /// Windows that may be in memory at once.
    pub(super) fn most_windows(&self) -> usize {
        (CELLS / (self.samples * self.signals.len()).max(1)).max(1)
    }

    /// What the network takes for `count` windows from the `first` on.
    ///
    /// # Panics
    /// There are fewer windows.
    pub fn inputs(&self, first: usize, count: usize) -> Inputs {
        let rows: Vec<&[f32]> = self.signals.iter().map(Vec::as_slice).collect();
        let signal = match self.unit {
            Unit::Record => rows.concat(),
            Unit::Beat => beats::windows(&rows, &self.places[first..first + count], self.samples),
        };
        Inputs { samples: self.samples, signal, ..self.features(first, count) }
    }

    /// The same without signals: zero samples.
    ///
    /// # Panics
    /// There are fewer windows.
    pub fn features(&self, first: usize, count: usize) -> Inputs {
        assert!(first + count <= self.windows(), "windows of the record");
        let features = self.patient.features(first, count);
        Inputs { batch: count, leads: self.signals.len(), samples: 0, signal: Vec::new(), features }
    }
}

/// What one job of a preparation makes: a lead's signal, or the beats.
struct Made {
    times: Vec<i64>,
    /// The signal, its long gaps, and its quality.
    lead: Option<(Vec<f32>, Gaps, LeadQuality)>,
    spent: Spent,
}

/// What is missing of leads with these long gaps. A beat hides where the lead lacks samples in which beats were `detected`, which is the first;
/// one that somebody else did not give where all leads do.
fn missing(gaps: &[Gaps], detected: bool) -> Missing {
    let mut all = gaps.iter();
    let first = all.next().cloned().unwrap_or_default();
    let any = all.clone().fold(first.clone(), |any, gaps| any.or(gaps));
    let beats = if detected { first } else { all.fold(first, |all, gaps| all.and(gaps)) };
    Missing { beats, any }
}

/// The beats of a record, and where they lie in its signals.
struct Beats<'a> {
    unit: Unit,
    signals: &'a [&'a [f32]],
    places: &'a [i64],
    missing: &'a Missing,
}

/// The features of one patient, in the configuration's order.
#[derive(Clone, Debug)]
struct Patient {
    values: Vec<(String, Value)>,
    missing: Vec<String>,
}

#[derive(Clone, Debug)]
enum Value {
    Missing,
    Number(f64),
    Category(usize),
    /// `[windows, steps, inputs]`.
    Rhythm {
        rows: Vec<f32>,
        steps: usize,
        inputs: usize,
    },
}

impl Patient {
    fn new(
        config: &Config,
        (age, sex): (Option<f64>, Option<Sex>),
        beats: &Beats<'_>,
        workers: Workers,
    ) -> Result<Patient, ClassifyError> {
        let mut patient = Patient { values: Vec::new(), missing: Vec::new() };
        for feature in config.features() {
            let value = match (&feature.kind, feature.name.as_str()) {
                (FeatureKind::Continuous { .. }, "age") => age.map_or(Value::Missing, Value::Number),
                (FeatureKind::Categorical { categories }, "sex") => {
                    sex.map_or(Ok(Value::Missing), |s| category(categories, s))?
                }
                (FeatureKind::Sequence { inputs, .. }, "rhythm") => {
                    rhythm_value(*inputs, beats, config.sample_rate, workers)?
                }
                _ => Value::Missing,
            };
            if matches!(value, Value::Missing) {
                patient.missing.push(feature.name.clone());
            }
            patient.values.push((feature.name.clone(), value));
        }
        Ok(patient)
    }

    /// The features of `count` windows from the `first` on.
    fn features(&self, first: usize, count: usize) -> Vec<(String, FeatureInput)> {
        let one = |value: &Value| match value {
            Value::Missing => FeatureInput::Missing,
            Value::Number(x) => FeatureInput::Continuous(vec![*x; count]),
            Value::Category(c) => FeatureInput::Categorical(vec![Some(*c); count]),
            Value::Rhythm { rows, steps, inputs } => {
                let width = steps * inputs;
                FeatureInput::Sequence {
                    steps_max: *steps,
                    rows: rows[first * width..(first + count) * width].to_vec(),
                    steps: vec![*steps; count],
                }
            }
        };
        self.values.iter().map(|(name, value)| (name.clone(), one(value))).collect()
    }
}

/// The rhythm rows of a beat and its neighbours, or of the whole record.
fn rhythm_value(
    inputs: usize,
    beats: &Beats<'_>,
    rate: f64,
    workers: Workers,
) -> Result<Value, ClassifyError> {
    let Beats { unit, signals, places, missing } = *beats;
    let made = match unit {
        Unit::Beat => rhythm::inputs(signals.len()),
        Unit::Record => beat_sequence::INPUTS,
    };
    let wide = unit == Unit::Beat && inputs == rhythm::wide_inputs(signals.len());
    if inputs != made && !wide {
        let (expected, found) = (format!("{made} numbers a row"), inputs.to_string());
        let fix = "use a model that takes this program's rhythm rows";
        return Err(ItemError::new("rhythm", expected, found, fix).into());
    }
    Ok(match unit {
        Unit::Beat => {
            let make = if wide { rhythm::wide_rows_by } else { rhythm::rows_by };
            make(signals, places, rate, missing, workers).map_or(Value::Missing, |rows| Value::Rhythm {
                rows,
                steps: rhythm::STEPS,
                inputs,
            })
        }
        Unit::Record => {
            let rows = signals
                .first()
                .map_or(Vec::new(), |lead| beat_sequence::rows_of(lead, places, rate, missing));
            match rows.len() / inputs {
                0 => Value::Missing,
                steps => Value::Rhythm { rows, steps, inputs },
            }
        }
    })
}

/// The category that means `sex`.
fn category(categories: &[String], sex: Sex) -> Result<Value, ClassifyError> {
    let names = match sex {
        Sex::Female => ["female", "f"],
        Sex::Male => ["male", "m"],
    };
    let found = categories.iter().position(|c| names.iter().any(|name| c.eq_ignore_ascii_case(name)));
    found.map(Value::Category).ok_or_else(|| {
        let (expected, found) = (format!("a category named {}", names[0]), categories.join(", "));
        ItemError::new("sex", expected, found, "name the model's categories female and male").into()
    })
}

#[cfg(all(test, feature = "npz"))]
mod tests {
    use super::*;

    fn prepared(normalize: &str, units: &str) -> Result<Vec<f32>, String> {
        let config = format!(
            r#"{{"format": "efficientecg/1", "name": "volts", "leads": ["II"], "sample_rate": 100, "samples": 4,
            "normalize": "{normalize}", "task": "multilabel", "classes": ["high", "low"], "bn_eps": 1e-3,
            "se_ratio": 0.25, "stem": {{"channels": 2, "kernel": 3, "stride": 2}}, "head_channels": 2,
            "stages": [{{"expand": 1, "kernel": 3, "stride": 1, "channels": 2, "repeats": 1}}]}}"#
        );
        let config = Config::from_json(&config).map_err(|e| e.to_string())?;
        let samples = vec![1.0, -2.0, f32::NAN, 4.0, 2.0];
        let lead = Lead::new("II", units, 100.0, samples);
        let record = Record::new("r", 100.0, vec![lead]);
        let made = Prepared::new(&config, &record, &Settings::default()).map_err(|e| e.to_string())?;
        Ok(made.inputs(0, 1).signal)
    }

    #[test]
    fn models_of_voltages_less_their_median_take_it_of_what_is_known() {
        // The median of 1, -2, 4 and 2; the gap is bridged.
        let want = [-0.5, -3.5, -0.5, 2.5, 0.5];
        for (units, scale) in [("mV", 1.0), ("V", 1e3)] {
            let want = want.map(|x: f32| x * scale);
            assert_eq!(prepared("median", units).as_deref(), Ok(&want[..]), "{units}");
        }
        assert!(prepared("median", "mmHg").is_err());
    }

    #[test]
    fn models_of_voltages_get_millivolts() {
        for (units, scale) in [("mV", 1.0), ("uV", 1e-3), ("V", 1e3)] {
            // The gap is bridged.
            let want = [1.0, -2.0, 1.0, 4.0, 2.0].map(|x: f32| x * scale);
            assert_eq!(prepared("none", units).as_deref(), Ok(&want[..]), "{units}");
        }
        assert_eq!(prepared("zscore", "mV"), prepared("zscore", "uV"));
        let said = prepared("none", "adu").expect_err("not a voltage");
        assert!(
            said.starts_with("lead II: expected samples in V, mV, uV or nV") && said.contains("adu"),
            "{said}"
        );
        assert!(prepared("zscore", "adu").is_ok());
        let said = prepared("zscore", "mmHg").expect_err("a pressure");
        assert!(said.contains("lead II: \"II\" in \"mmHg\" is no ECG"), "{said}");
    }
}
