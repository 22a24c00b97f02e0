//! A batch of inputs: signals and patient features, from arrays in a file or in memory, checked before use.
//!
//! A feature goes by its configured name, in memory as in a file, where a sequence may have `<name>_steps` beside it. One that
//! is not given is missing for every record.

use crate::config::Config;
use efficientecg_files::ItemError;

#[cfg(feature = "npz")]
mod arrays;
mod join;
#[cfg(feature = "npz")]
mod read;
mod synthetic;
mod view;

#[cfg(feature = "npz")]
pub use read::{Expected, Refused, read_inputs, read_reference, read_reference_bytes, read_sound_inputs};
pub use view::InputsView;
pub(crate) use view::not_finite;

/// A batch of records of one length: their signals and what else the network takes, by name.
///
/// ```
/// # #[cfg(feature = "models")] {
/// use efficientecg::{Inputs, Model};
///
/// // Two records of eight leads and ten seconds at 500 Hz, in mV.
/// let signal = vec![0.1; 2 * 8 * 5000];
/// let inputs = Inputs::new(signal, [2, 8, 5000])?.age([63.0, 48.0]).sex([Some("female"), None]);
/// let outputs = Model::builtin("ptbxl-8lead")?.run(&inputs)?;
/// # assert_eq!(outputs.rows().len(), 2);
/// # }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Inputs {
    /// Number of records `B`.
    pub(crate) batch: usize,
    /// Leads a record.
    pub(crate) leads: usize,
    /// Samples a lead, `T`.
    pub(crate) samples: usize,
    /// `[B, leads, T]`.
    pub(crate) signal: Vec<f32>,
    /// Each under its name; what is not here is missing.
    pub(crate) features: Vec<(String, FeatureInput)>,
}

/// One feature's values for the whole batch.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum FeatureInput {
    /// Missing for every record.
    Missing,
    /// `[B]`; NaN is missing.
    Continuous(Vec<f64>),
    /// `[B]`, an index into the categories; `None` is missing.
    Categorical(Vec<Option<usize>>),
    /// `[B]`, the name of a category; `None` is missing.
    Named(Vec<Option<String>>),
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

pub(crate) fn mismatch(item: &str, expected: impl AsRef<str>, found: impl AsRef<str>) -> ItemError {
    ItemError::new(item, expected, found, "correct the input")
}

pub(crate) fn of_record(array: &str, record: usize, expected: &str, found: impl AsRef<str>) -> ItemError {
    mismatch(&format!("{array}, record {record}"), expected, found)
}

/// Made of arrays. Features are held against the configuration when they are run, or by [`Inputs::check`].
impl Inputs {
    /// Records of `[batch, leads, samples]` numbers, row by row, in the unit that the network was trained on.
    ///
    /// # Errors
    /// A size is 0, or `signal` is not as long as they say.
    pub fn new(signal: impl Into<Vec<f32>>, shape: [usize; 3]) -> Result<Inputs, ItemError> {
        let [batch, leads, samples] = shape;
        let inputs = Inputs { batch, leads, samples, signal: signal.into(), features: Vec::new() };
        inputs.view().check_signal()?;
        Ok(inputs)
    }

    /// The ages in years, one a record, as the feature `age`; `None` and NaN are missing.
    pub fn age(self, ages: impl IntoIterator<Item = impl Into<Option<f64>>>) -> Inputs {
        let ages = ages.into_iter().map(|age| age.into().unwrap_or(f64::NAN));
        self.feature("age", FeatureInput::Continuous(ages.collect()))
    }

    /// The sexes, one a record, as the feature `sex`, by the names of the configuration's categories; `None` is missing.
    pub fn sex<'a>(self, sexes: impl IntoIterator<Item = impl Into<Option<&'a str>>>) -> Inputs {
        let sexes = sexes.into_iter().map(|sex| sex.into().map(str::to_owned));
        self.feature("sex", FeatureInput::Named(sexes.collect()))
    }

    /// The values of any feature by its name in the configuration; in place of those that it had.
    ///
    /// ```
    /// # fn main() -> Result<(), efficientecg::ItemError> {
    /// use efficientecg::{FeatureInput, Inputs};
    ///
    /// // Two records; the first has three beats of two numbers each, the second one and padding.
    /// let rows = vec![0.8, 0.1, 0.9, 0.0, 0.7, 0.2, 1.1, 0.3, 0.0, 0.0, 0.0, 0.0];
    /// let rhythm = FeatureInput::Sequence { steps_max: 3, rows, steps: vec![3, 1] };
    /// let inputs = Inputs::new(vec![0.0; 2 * 300], [2, 1, 300])?.feature("rhythm", rhythm);
    /// # assert_eq!(inputs.features().count(), 1);
    /// # Ok(())
    /// # }
    /// ```
    pub fn feature(mut self, name: impl Into<String>, values: FeatureInput) -> Inputs {
        let name = name.into();
        self.features.retain(|(other, _)| *other != name);
        self.features.push((name, values));
        self
    }
}

impl Inputs {
    /// Number of records.
    pub fn batch(&self) -> usize {
        self.batch
    }

    /// Leads a record.
    pub fn leads(&self) -> usize {
        self.leads
    }

    /// Samples a lead.
    pub fn samples(&self) -> usize {
        self.samples
    }

    /// `[batch, leads, samples]`, row by row.
    pub fn signal(&self) -> &[f32] {
        &self.signal
    }

    /// The same, to change: a batch can be filled anew for each run.
    pub fn signal_mut(&mut self) -> &mut [f32] {
        &mut self.signal
    }

    /// The features that were given, with their names.
    pub fn features(&self) -> impl Iterator<Item = (&str, &FeatureInput)> {
        self.features.iter().map(|(name, values)| (name.as_str(), values))
    }

    /// A feature's values, missing unless they were given.
    pub(crate) fn get(&self, name: &str) -> &FeatureInput {
        self.view().get(name)
    }

    /// The records `first` to `first + count`.
    ///
    /// # Panics
    /// They are not among these, or a feature has no values for them.
    pub fn slice(&self, first: usize, count: usize) -> Inputs {
        let records = |width: usize| first * width..(first + count) * width;
        let feature = |f: &FeatureInput| match f {
            FeatureInput::Missing => FeatureInput::Missing,
            FeatureInput::Continuous(x) => FeatureInput::Continuous(x[records(1)].to_vec()),
            FeatureInput::Categorical(x) => FeatureInput::Categorical(x[records(1)].to_vec()),
            FeatureInput::Named(x) => FeatureInput::Named(x[records(1)].to_vec()),
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
            features: self.features.iter().map(|(name, f)| (name.clone(), feature(f))).collect(),
        }
    }

    /// The same batch, borrowed.
    pub fn view(&self) -> InputsView<'_> {
        let Inputs { batch, leads, samples, signal, features } = self;
        InputsView { batch: *batch, leads: *leads, samples: *samples, signal, features }
    }

    /// Checks a batch against the configuration, as a run does: counts, lengths, finite values, indices in range, names that the
    /// network knows. Errors name the array and the first record.
    ///
    /// # Errors
    /// The first thing that does not fit.
    pub fn check(&self, config: &Config) -> Result<(), ItemError> {
        self.view().check(config)
    }

    /// Makes a record one of zeros, its features missing.
    ///
    /// # Panics
    /// There is no such record, or a feature has no value for it.
    pub fn clear(&mut self, record: usize) {
        let size = self.leads * self.samples;
        self.signal[record * size..][..size].fill(0.0);
        for (_, feature) in &mut self.features {
            match feature {
                FeatureInput::Missing => {}
                FeatureInput::Continuous(values) => values[record] = f64::NAN,
                FeatureInput::Categorical(values) => values[record] = None,
                FeatureInput::Named(values) => values[record] = None,
                FeatureInput::Sequence { rows, steps, .. } => {
                    let size = rows.len() / self.batch;
                    rows[record * size..][..size].fill(0.0);
                    steps[record] = 0;
                }
            }
        }
    }
}

/// Holds a vector's length against its shape.
pub(crate) fn length(name: &str, shape: &[usize], found: usize) -> Result<(), ItemError> {
    let count = shape.iter().try_fold(1usize, |product, &n| product.checked_mul(n));
    if count == Some(found) {
        return Ok(());
    }
    Err(mismatch(name, format!("the elements of shape {shape:?}"), format!("{found} elements")))
}

#[cfg(all(test, feature = "npz"))]
mod tests;
