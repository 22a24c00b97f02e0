//! A batch of inputs: signals and patient features, from arrays in a file or in memory, checked before use.
//!
//! A feature's array goes by the feature's configured name; a sequence may have `<name>_steps` beside it. A missing
//! array means a feature missing for every record.

use crate::config::{Config, FeatureKind};
use efficientecg_files::{Dim, Fault, check_shape};

#[cfg(feature = "npz")]
mod arrays;
mod join;
#[cfg(feature = "npz")]
mod read;
mod synthetic;

#[cfg(feature = "npz")]
pub use read::{Expected, Refused, read_inputs, read_reference, read_sound_inputs};

/// A batch of records of one length.
#[derive(Debug, Clone, PartialEq)]
pub struct Inputs {
    /// Number of records `B`.
    pub batch: usize,
    /// Leads a record.
    pub leads: usize,
    /// Samples a lead, `T`.
    pub samples: usize,
    /// `[B, leads, T]`, in the unit that the network was trained on.
    pub signal: Vec<f32>,
    /// One entry per configured feature, in that order; empty without fusion.
    pub features: Vec<FeatureInput>,
}

/// One feature's values for the whole batch.
#[derive(Debug, Clone, PartialEq)]
pub enum FeatureInput {
    /// Missing for every record.
    Missing,
    /// `[B]`; NaN is missing.
    Continuous(Vec<f64>),
    /// `[B]`, an index into the categories; `None` is missing.
    Categorical(Vec<Option<usize>>),
    /// Rows of numbers, one row a beat.
    Sequence {
        /// `S`, rows kept for each record.
        steps_max: usize,
        /// `[B, S, inputs]`; rows past a record's steps are padding.
        rows: Vec<f32>,
        /// `[B]`, rows that count, 0 to `S`; 0 is missing.
        steps: Vec<usize>,
    },
}

fn mismatch(item: &str, expected: impl AsRef<str>, found: impl AsRef<str>) -> Fault {
    Fault::new(item, expected, found, "correct the input")
}

fn of_record(array: &str, record: usize, expected: &str, found: impl AsRef<str>) -> Fault {
    mismatch(&format!("{array}, record {record}"), expected, found)
}

impl Inputs {
    /// The records `first` to `first + count`, which must be among these.
    pub fn slice(&self, first: usize, count: usize) -> Inputs {
        let records = |width: usize| first * width..(first + count) * width;
        let feature = |f: &FeatureInput| match f {
            FeatureInput::Missing => FeatureInput::Missing,
            FeatureInput::Continuous(x) => FeatureInput::Continuous(x[records(1)].to_vec()),
            FeatureInput::Categorical(x) => FeatureInput::Categorical(x[records(1)].to_vec()),
            FeatureInput::Sequence { steps_max, rows, steps } => FeatureInput::Sequence {
                steps_max: *steps_max,
                rows: rows[records(rows.len() / self.batch)].to_vec(),
                steps: steps[records(1)].to_vec(),
            },
        };
        Inputs {
            batch: count,
            leads: self.leads,
            samples: self.samples,
            signal: self.signal[records(self.leads * self.samples)].to_vec(),
            features: self.features.iter().map(feature).collect(),
        }
    }

    /// Checks a batch against the configuration: counts, lengths, finite values, indices in range. Errors name the array
    /// and the first record.
    pub fn check(&self, config: &Config) -> Result<(), Fault> {
        let leads = config.leads.len();
        if self.batch == 0 || self.samples == 0 {
            return Err(mismatch(
                "signal",
                "at least one record and one sample",
                format!("{} records of {} samples", self.batch, self.samples),
            ));
        }
        let shape = [self.batch, self.leads, self.samples];
        check_shape("signal", &shape, &[Dim::Any("B"), Dim::Is(leads), Dim::Any("T")])?;
        length("signal", &shape, self.signal.len())?;
        if self.features.len() != config.features().len() {
            return Err(mismatch(
                "features",
                format!("{} entries", config.features().len()),
                self.features.len().to_string(),
            ));
        }
        for (feature, input) in config.features().iter().zip(&self.features) {
            self.check_feature(&feature.name, &feature.kind, input)?;
        }
        (0..self.batch).try_for_each(|record| self.check_record(config, record))
    }

    /// Makes a record one of zeros, its features missing.
    pub fn clear(&mut self, record: usize) {
        let size = self.leads * self.samples;
        self.signal[record * size..][..size].fill(0.0);
        for feature in &mut self.features {
            match feature {
                FeatureInput::Missing => {}
                FeatureInput::Continuous(values) => values[record] = f64::NAN,
                FeatureInput::Categorical(values) => values[record] = None,
                FeatureInput::Sequence { rows, steps, .. } => {
                    let size = rows.len() / self.batch;
                    rows[record * size..][..size].fill(0.0);
                    steps[record] = 0;
                }
            }
        }
    }

    /// Checks the values of one record of a batch of the right sizes.
    fn check_record(&self, config: &Config, record: usize) -> Result<(), Fault> {
        let size = self.leads * self.samples;
        let signal = &self.signal[record * size..][..size];
        if let Some(i) = signal.iter().position(|v| !v.is_finite()) {
            let found = format!("{} at lead {}, sample {}", signal[i], i / self.samples, i % self.samples);
            return Err(of_record("signal", record, "finite values", found));
        }
        for (feature, input) in config.features().iter().zip(&self.features) {
            let name = &feature.name;
            match (&feature.kind, input) {
                (_, FeatureInput::Continuous(values)) if values[record].is_infinite() => {
                    let expected = "a finite number, or NaN if missing";
                    return Err(of_record(name, record, expected, values[record].to_string()));
                }
                (FeatureKind::Continuous { offset, scale }, FeatureInput::Continuous(values))
                    if (((values[record] - offset) / scale) as f32).is_infinite() =>
                {
                    let expected = "a value that fits f32 after its offset and scale";
                    return Err(of_record(name, record, expected, values[record].to_string()));
                }
                (FeatureKind::Categorical { categories }, FeatureInput::Categorical(values)) => {
                    if let Some(v) = values[record].filter(|v| *v >= categories.len()) {
                        let expected = format!("a category below {}", categories.len());
                        return Err(of_record(name, record, &expected, v.to_string()));
                    }
                }
                (FeatureKind::Sequence { inputs, .. }, FeatureInput::Sequence { steps_max, rows, steps }) => {
                    let used = &rows[record * steps_max * inputs..][..steps[record] * inputs];
                    if let Some(j) = used.iter().position(|v| !v.is_finite()) {
                        let found = format!("{} in row {}", used[j], j / inputs);
                        return Err(of_record(name, record, "finite values", found));
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn check_feature(&self, name: &str, kind: &FeatureKind, input: &FeatureInput) -> Result<(), Fault> {
        match (kind, input) {
            (_, FeatureInput::Missing) => Ok(()),
            (FeatureKind::Continuous { .. }, FeatureInput::Continuous(values)) => {
                length(name, &[self.batch], values.len())
            }
            (FeatureKind::Categorical { .. }, FeatureInput::Categorical(values)) => {
                length(name, &[self.batch], values.len())
            }
            (FeatureKind::Sequence { inputs, .. }, FeatureInput::Sequence { steps_max, rows, steps }) => {
                length(name, &[self.batch, *steps_max, *inputs], rows.len())?;
                let steps_name = format!("{name}_steps");
                length(&steps_name, &[self.batch], steps.len())?;
                match steps.iter().position(|count| count > steps_max) {
                    Some(i) => {
                        let expected = format!("0 to {steps_max}");
                        Err(of_record(&steps_name, i, &expected, steps[i].to_string()))
                    }
                    None => Ok(()),
                }
            }
            _ => Err(mismatch(name, "values of the feature's configured kind", "another kind")),
        }
    }
}

/// Holds a vector's length against its shape.
fn length(name: &str, shape: &[usize], found: usize) -> Result<(), Fault> {
    let count = shape.iter().try_fold(1usize, |product, &n| product.checked_mul(n));
    if count == Some(found) {
        return Ok(());
    }
    Err(mismatch(name, format!("the elements of shape {shape:?}"), format!("{found} elements")))
}

#[cfg(all(test, feature = "npz"))]
mod tests;
