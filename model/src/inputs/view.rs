//! A batch whose signal lies elsewhere.

use super::{FeatureInput, length, mismatch, of_record};
use crate::config::{Config, FeatureKind};
use efficientecg_files::{Dim, ItemError, check_shape};

/// A batch as [`Inputs`](super::Inputs) is one, whose numbers are the caller's: a run reads them where they lie.
///
/// ```
/// # #[cfg(feature = "models")] {
/// use efficientecg::{FeatureInput, InputsView, Model};
///
/// // Two records of eight leads and ten seconds at 500 Hz, in mV, in memory that another language owns.
/// let signal = vec![0.1; 2 * 8 * 5000];
/// let features = [("age".to_owned(), FeatureInput::Continuous(vec![63.0, f64::NAN]))];
/// let inputs = InputsView::new(&signal, [2, 8, 5000])?.features(&features);
/// let outputs = Model::builtin("ptbxl-8lead")?.run_view(&inputs, &[])?;
/// # assert_eq!(outputs.rows().len(), 2);
/// # }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct InputsView<'a> {
    /// Number of records `B`.
    pub(crate) batch: usize,
    /// Leads a record.
    pub(crate) leads: usize,
    /// Samples a lead, `T`.
    pub(crate) samples: usize,
    /// `[B, leads, T]`.
    pub(crate) signal: &'a [f32],
    /// Each under its name; what is not here is missing.
    pub(crate) features: &'a [(String, FeatureInput)],
}

impl<'a> InputsView<'a> {
    /// Records of `[batch, leads, samples]` numbers, row by row, in the unit that the network was trained on.
    ///
    /// # Errors
    /// A size is 0, or `signal` is not as long as they say.
    pub fn new(signal: &'a [f32], shape: [usize; 3]) -> Result<InputsView<'a>, ItemError> {
        let [batch, leads, samples] = shape;
        let inputs = InputsView { batch, leads, samples, signal, features: &[] };
        inputs.check_signal()?;
        Ok(inputs)
    }

    /// Sets the values of the features, each by its name in the configuration; of two of one name the first counts.
    pub fn features(self, features: &'a [(String, FeatureInput)]) -> InputsView<'a> {
        InputsView { features, ..self }
    }

    /// Number of records.
    pub fn batch(&self) -> usize {
        self.batch
    }

    /// A feature's values, missing unless they were given.
    pub(crate) fn get(&self, name: &str) -> &'a FeatureInput {
        self.features
            .iter()
            .find(|(other, _)| other == name)
            .map_or(&FeatureInput::Missing, |(_, values)| values)
    }

    /// Checks a batch against the configuration, as a run does: counts, lengths, finite values, indices in range, names that the
    /// network knows. Errors name the array and the first record.
    ///
    /// # Errors
    /// The first thing that does not fit.
    pub fn check(&self, config: &Config) -> Result<(), ItemError> {
        self.check_signal()?;
        let leads = config.leads.len();
        let shape = [self.batch, self.leads, self.samples];
        check_shape("signal", &shape, &[Dim::Any("B"), Dim::Is(leads), Dim::Any("T")])?;
        let known = |name: &str| config.features().iter().any(|feature| feature.name == name);
        if let Some((name, _)) = self.features.iter().find(|(name, _)| !known(name)) {
            let names: Vec<&str> = config.features().iter().map(|f| f.name.as_str()).collect();
            let expected = match names.as_slice() {
                [] => "no features, as the network takes none".to_owned(),
                names => format!("only {}", names.join(", ")),
            };
            return Err(ItemError::new(
                name,
                expected,
                "an unknown feature",
                "remove it or correct its name",
            ));
        }
        for feature in config.features() {
            self.check_feature(&feature.name, &feature.kind, self.get(&feature.name))?;
        }
        (0..self.batch).try_for_each(|record| self.check_record(config, record))
    }

    /// Checks that there is a signal, and its length.
    pub(super) fn check_signal(&self) -> Result<(), ItemError> {
        if self.batch == 0 || self.samples == 0 {
            return Err(mismatch(
                "signal",
                "at least one record and one sample",
                format!("{} records of {} samples", self.batch, self.samples),
            ));
        }
        length("signal", &[self.batch, self.leads, self.samples], self.signal.len())
    }

    /// Checks the values of one record of a batch of the right sizes.
    pub(super) fn check_record(&self, config: &Config, record: usize) -> Result<(), ItemError> {
        let size = self.leads * self.samples;
        let signal = &self.signal[record * size..][..size];
        if let Some(i) = not_finite(signal) {
            let found = format!("{} at lead {}, sample {}", signal[i], i / self.samples, i % self.samples);
            return Err(of_record("signal", record, "finite values", found));
        }
        for feature in config.features() {
            let name = &feature.name;
            match (&feature.kind, self.get(name)) {
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
                (FeatureKind::Categorical { categories }, FeatureInput::Named(values)) => {
                    let unknown = values[record].as_ref().filter(|name| !categories.contains(name));
                    if let Some(found) = unknown {
                        let expected = format!("one of {}", categories.join(", "));
                        return Err(of_record(name, record, &expected, found));
                    }
                }
                (FeatureKind::Sequence { inputs, .. }, FeatureInput::Sequence { steps_max, rows, steps }) => {
                    let used = &rows[record * steps_max * inputs..][..steps[record] * inputs];
                    if let Some(j) = not_finite(used) {
                        let found = format!("{} in row {}", used[j], j / inputs);
                        return Err(of_record(name, record, "finite values", found));
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn check_feature(&self, name: &str, kind: &FeatureKind, input: &FeatureInput) -> Result<(), ItemError> {
        match (kind, input) {
            (_, FeatureInput::Missing) => Ok(()),
            (FeatureKind::Continuous { .. }, FeatureInput::Continuous(values)) => {
                length(name, &[self.batch], values.len())
            }
            (FeatureKind::Categorical { .. }, FeatureInput::Categorical(values)) => {
                length(name, &[self.batch], values.len())
            }
            (FeatureKind::Categorical { .. }, FeatureInput::Named(values)) => {
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

/// Where the first value is that is not finite. It looks at some at a time, which takes a few vector instructions.
pub(crate) fn not_finite(values: &[f32]) -> Option<usize> {
    const SOME: usize = 32;
    let finite = |some: &[f32]| some.iter().fold(true, |all, v| all & v.is_finite());
    let from = SOME * values.chunks(SOME).position(|some| !finite(some))?;
    values[from..].iter().position(|v| !v.is_finite()).map(|at| from + at)
}
