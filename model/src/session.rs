//! Runs of one shape, from the caller's memory into the caller's, without an allocation.

use crate::config::{Feature, FeatureKind};
use crate::error::RunError;
use crate::inputs::{length, mismatch, not_finite, of_record};
use crate::model::Model;
use efficientecg_engine::{Batch, ReservedRun};
use efficientecg_files::ItemError;
use efficientecg_kernels::tensor::Shape;
use std::sync::Arc;

/// Operands that a session has room for: the signal, and one or two for each feature.
const OPERANDS: usize = 32;

/// The values of a feature for a batch, where the caller has them.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum FeatureValues<'a> {
    /// `[batch]`; NaN is missing.
    Continuous(&'a [f64]),
    /// `[batch]`, an index into the categories; -1 is missing.
    Categorical(&'a [i32]),
    /// Rows of numbers, one row a beat.
    Sequence {
        /// `[batch, steps, inputs]` for the session's steps; rows past a record's steps are padding, and never read.
        rows: &'a [f32],
        /// `[batch]`, rows that count, 0 to the session's steps; 0 is missing.
        steps: &'a [u32],
    },
}

/// A model made ready for batches of one shape: [`Session::run`] allocates nothing on the CPU, unless it fails.
///
/// The results are the bits of [`Model::run`]. Threads that run at once have a session each; they share the model.
///
/// ```
/// # #[cfg(feature = "models")] {
/// use efficientecg::{FeatureValues, Model, Session};
///
/// // One record of eight leads and ten seconds at 500 Hz.
/// let model = Model::builtin("ptbxl-8lead")?;
/// let classes = model.config().classes.len();
/// let mut session = Session::new(model.into(), 1, 5000, 0)?;
/// let (mut logits, mut probabilities) = (vec![0.0; classes], vec![0.0; classes]);
/// let signal = vec![0.0; 8 * 5000];
/// let features = [("age", FeatureValues::Continuous(&[63.0])), ("sex", FeatureValues::Categorical(&[-1]))];
/// session.run(&signal, &features, &mut logits, &mut probabilities)?;
/// # assert!(logits.iter().all(|x| x.is_finite()));
/// # }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Session {
    model: Arc<Model>,
    batch: usize,
    samples: usize,
    steps: usize,
    /// Each feature's operands for the whole batch: the values, and of a sequence the rows and then the steps.
    operands: Vec<(Shape, Vec<f32>)>,
    /// Where each feature's operands begin.
    places: Vec<usize>,
    /// None where the engine is not the CPU's.
    reserved: Option<ReservedRun>,
}

impl Session {
    /// Plans runs of `batch` records of `samples` samples a lead, with sequences of at most `steps` rows, and allocates
    /// what they take.
    ///
    /// # Errors
    /// A size is 0 or does not fit into memory; the network has more than 31 features, a sequence counting as two.
    pub fn new(model: Arc<Model>, batch: usize, samples: usize, steps: usize) -> Result<Session, RunError> {
        let config = model.config();
        if batch == 0 || samples == 0 {
            let found = format!("{batch} records of {samples} samples");
            return Err(mismatch("signal", "at least one record and one sample", found).into());
        }
        // A matrix has at least one row; no step reads it.
        let (one, rows) = (Shape::new(1, 1), steps.max(1));
        let (mut operands, mut places) = (Vec::new(), Vec::new());
        let too_large = |name: &str| {
            ItemError::new(
                name,
                "a size that fits in memory",
                format!("{batch} records of {steps} rows"),
                "plan fewer",
            )
        };
        for feature in config.features() {
            places.push(operands.len());
            let mut add = |shape: Shape| {
                let cells = shape.rows.checked_mul(shape.cols).and_then(|n| n.checked_mul(batch));
                let mut values = Vec::new();
                let cells = cells.filter(|n| values.try_reserve_exact(*n).is_ok());
                values.resize(cells.ok_or_else(|| too_large(&feature.name))?, 0.0);
                operands.push((shape, values));
                Ok::<(), ItemError>(())
            };
            if let FeatureKind::Sequence { inputs, .. } = feature.kind {
                add(Shape::new(rows, inputs))?;
            }
            add(one)?;
        }
        if operands.len() >= OPERANDS {
            let found = format!("{} with two for each sequence", operands.len());
            return Err(mismatch("features", format!("fewer than {OPERANDS}"), found).into());
        }
        let signal = Shape::new(config.leads.len(), samples);
        let shapes: Vec<Shape> =
            std::iter::once(signal).chain(operands.iter().map(|(shape, _)| *shape)).collect();
        let reserved = model.engine.reserve(&shapes, &[model.logits, model.probabilities], batch)?;
        Ok(Session { model, batch, samples, steps, operands, places, reserved })
    }

    /// The model that it runs.
    pub fn model(&self) -> &Arc<Model> {
        &self.model
    }

    /// Records of a batch.
    pub fn batch(&self) -> usize {
        self.batch
    }

    /// Samples a lead.
    pub fn samples(&self) -> usize {
        self.samples
    }

    /// Rows of a sequence at most.
    pub fn steps(&self) -> usize {
        self.steps
    }

    /// Runs a batch: `signal` is `[batch, leads, samples]`, row by row; `logits` and `probabilities` are `[batch, classes]`.
    /// A feature that is not given is missing for every record; of two of one name the last counts. After an error the results hold anything.
    ///
    /// # Errors
    /// A slice is not as long as the session says, a value is out of its range, a feature is unknown or of another kind, or
    /// a record's activations leave the range of f32.
    pub fn run(
        &mut self,
        signal: &[f32],
        features: &[(&str, FeatureValues<'_>)],
        logits: &mut [f32],
        probabilities: &mut [f32],
    ) -> Result<(), RunError> {
        self.run_features(signal, features.iter().copied(), logits, probabilities)
    }

    /// [`Session::run`], the features being told one by one.
    ///
    /// # Errors
    /// As those of [`Session::run`].
    pub fn run_features<'a>(
        &mut self,
        signal: &[f32],
        features: impl IntoIterator<Item = (&'a str, FeatureValues<'a>)>,
        logits: &mut [f32],
        probabilities: &mut [f32],
    ) -> Result<(), RunError> {
        let model = Arc::clone(&self.model);
        let config = model.config();
        let leads = config.leads.len();
        length("signal", &[self.batch, leads, self.samples], signal.len())?;
        for (name, results) in [("logits", &*logits), ("probabilities", &*probabilities)] {
            length(name, &[self.batch, config.classes.len()], results.len())?;
        }
        if let Some(i) = not_finite(signal) {
            let (record, i) = (i / (leads * self.samples), i % (leads * self.samples));
            let found =
                format!("a value that is not, at lead {}, sample {}", i / self.samples, i % self.samples);
            return Err(of_record("signal", record, "finite values", found).into());
        }
        for (place, feature) in self.places.iter().zip(config.features()) {
            let missing = match feature.kind {
                FeatureKind::Continuous { .. } => f32::NAN,
                FeatureKind::Categorical { .. } => -1.0,
                FeatureKind::Sequence { .. } => 0.0,
            };
            let steps = usize::from(matches!(feature.kind, FeatureKind::Sequence { .. }));
            self.operands[place + steps].1.fill(missing);
        }
        for (name, values) in features {
            let Some(at) = config.features().iter().position(|feature| feature.name == name) else {
                let names: Vec<&str> = config.features().iter().map(|f| f.name.as_str()).collect();
                let expected = format!("one of the network's features ({})", names.join(", "));
                return Err(mismatch(name, expected, "an unknown feature").into());
            };
            self.take(self.places[at], &config.features()[at], values)?;
        }

        let mut inputs = [(Shape::new(leads, self.samples), signal); OPERANDS];
        for (to, (shape, values)) in inputs[1..].iter_mut().zip(&self.operands) {
            *to = (*shape, values);
        }
        let mut batch = Batch {
            size: self.batch,
            inputs: &inputs[..=self.operands.len()],
            outputs: &mut [(model.logits, &mut *logits), (model.probabilities, probabilities)],
        };
        match &mut self.reserved {
            Some(reserved) => reserved.run(&mut batch)?,
            None => model.engine.run(&mut batch)?,
        }
        let classes = config.classes.len();
        let overflows = |r: &usize| logits[r * classes..][..classes].iter().any(|x| !x.is_finite());
        match (0..self.batch).find(overflows) {
            Some(record) => {
                Err(RunError::Overflow { record, all: (record..self.batch).filter(overflows).collect() })
            }
            None => Ok(()),
        }
    }

    /// Makes a feature's values its operands, at `place`.
    fn take(&mut self, place: usize, feature: &Feature, values: FeatureValues<'_>) -> Result<(), ItemError> {
        let (name, batch) = (feature.name.as_str(), self.batch);
        match (&feature.kind, values) {
            (FeatureKind::Continuous { offset, scale }, FeatureValues::Continuous(values)) => {
                length(name, &[batch], values.len())?;
                for (record, (to, value)) in self.operands[place].1.iter_mut().zip(values).enumerate() {
                    *to = ((value - offset) / scale) as f32;
                    if to.is_infinite() {
                        let expected =
                            "a finite number that fits f32 after its offset and scale, or NaN if missing";
                        return Err(of_record(name, record, expected, value.to_string()));
                    }
                }
            }
            (FeatureKind::Categorical { categories }, FeatureValues::Categorical(values)) => {
                length(name, &[batch], values.len())?;
                for (record, (to, value)) in self.operands[place].1.iter_mut().zip(values).enumerate() {
                    if !(-1..categories.len() as i64).contains(&i64::from(*value)) {
                        let expected = format!("a category below {}, or -1 if missing", categories.len());
                        return Err(of_record(name, record, &expected, value.to_string()));
                    }
                    *to = *value as f32;
                }
            }
            (FeatureKind::Sequence { inputs, .. }, FeatureValues::Sequence { rows, steps }) => {
                length(name, &[batch, self.steps, *inputs], rows.len())?;
                length("steps", &[batch], steps.len())?;
                let (size, most) = (self.steps * inputs, self.steps);
                let [(shape, to), (_, counts)] = &mut self.operands[place..place + 2] else { return Ok(()) };
                for (record, (count, steps)) in counts.iter_mut().zip(steps).enumerate() {
                    let steps = *steps as usize;
                    if steps > most {
                        let expected = format!("0 to {most}");
                        return Err(of_record(
                            &format!("{name}'s steps"),
                            record,
                            &expected,
                            steps.to_string(),
                        ));
                    }
                    let used = &rows[record * size..][..steps * inputs];
                    if let Some(j) = not_finite(used) {
                        let found = format!("{} in row {}", used[j], j / inputs);
                        return Err(of_record(name, record, "finite values", found));
                    }
                    to[record * shape.len()..][..used.len()].copy_from_slice(used);
                    *count = steps as f32;
                }
            }
            _ => return Err(mismatch(name, "values of the feature's configured kind", "another kind")),
        }
        Ok(())
    }
}

#[cfg(all(test, feature = "models"))]
mod tests;
