//! A network ready to run, shared by as many threads as like to call it.

use crate::config::{Config, FeatureKind};
use crate::error::RunError;
use crate::inputs::{Inputs, InputsView};
use crate::operands::operands;
use efficientecg_engine::{Batch, Engine, EngineError, Layer, Precision, Value};
use efficientecg_files::ItemError;
use efficientecg_kernels::tensor::Shape;

/// What a run gives: a row of numbers for each record, in the order of the inputs.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Outputs {
    /// `[B, classes]`.
    pub logits: Vec<f32>,
    /// `[B, classes]`: softmax rows for a multiclass task, independent sigmoids for a multilabel one.
    pub probabilities: Vec<f32>,
    /// The taps that were asked for, in that order.
    pub taps: Vec<Tap>,
    classes: usize,
}

/// The outputs of one record.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct OutputRow<'a> {
    /// `[classes]`.
    pub logits: &'a [f32],
    /// `[classes]`.
    pub probabilities: &'a [f32],
}

impl OutputRow<'_> {
    /// The class of the highest logit, by its place in the configuration's classes.
    pub fn best(&self) -> usize {
        (0..self.logits.len()).max_by(|a, b| self.logits[*a].total_cmp(&self.logits[*b])).unwrap_or(0)
    }
}

impl Outputs {
    /// The outputs of each record.
    pub fn rows(&self) -> impl ExactSizeIterator<Item = OutputRow<'_>> {
        let classes = self.classes.max(1);
        let rows = self.logits.chunks_exact(classes).zip(self.probabilities.chunks_exact(classes));
        rows.map(|(logits, probabilities)| OutputRow { logits, probabilities })
    }

    /// Logits, probabilities and taps, in this order.
    pub(crate) fn arrays(&self) -> impl Iterator<Item = &[f32]> {
        let taps = self.taps.iter().map(|tap| tap.data.as_slice());
        [self.logits.as_slice(), &self.probabilities].into_iter().chain(taps)
    }

    /// The arrays that are to be computed, each as this value of the graph.
    fn wanted(&mut self, values: &[Value]) -> Vec<(Value, &mut [f32])> {
        let taps = self.taps.iter_mut().map(|tap| tap.data.as_mut_slice());
        let arrays = [self.logits.as_mut_slice(), &mut self.probabilities].into_iter().chain(taps);
        values.iter().copied().zip(arrays).collect()
    }

    /// Fails on records whose logits are not finite.
    fn sound(self, batch: usize) -> Result<Outputs, RunError> {
        let overflows =
            |r: &usize| self.logits[r * self.classes..][..self.classes].iter().any(|x| !x.is_finite());
        match (0..batch).find(overflows) {
            Some(record) => {
                Err(RunError::Overflow { record, all: (record..batch).filter(overflows).collect() })
            }
            None => Ok(self),
        }
    }

    /// Adds the records of another run of the same model with the same taps.
    pub fn append(&mut self, other: Outputs) {
        self.classes = other.classes;
        self.logits.extend(other.logits);
        self.probabilities.extend(other.probabilities);
        if self.taps.is_empty() {
            self.taps = other.taps;
        } else {
            for (mine, its) in self.taps.iter_mut().zip(other.taps) {
                mine.data.extend(its.data);
            }
        }
    }
}

/// An intermediate value of every record.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Tap {
    /// Its name.
    pub name: String,
    /// Channels (or tokens) of a record.
    pub rows: usize,
    /// Positions (or width of a token) of a record.
    pub cols: usize,
    /// `[B, rows, cols]`.
    pub data: Vec<f32>,
}

/// A network ready to run. `run` takes `&self`: threads share a model without a lock.
///
/// ```
/// # #[cfg(feature = "models")] {
/// use efficientecg::{Inputs, Model};
///
/// let model = Model::builtin("mitbih-beats")?;
/// // Four beats: two leads of 720 samples each.
/// let inputs = Inputs::new(vec![0.25; 4 * 2 * 720], [4, 2, 720])?;
/// let outputs = model.run(&inputs)?;
/// for row in outputs.rows() {
///     println!("{} {:?}", model.config().classes[row.best()], row.probabilities);
/// }
/// # assert_eq!(outputs.rows().count(), 4);
/// # }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Model {
    pub(crate) config: Config,
    pub(crate) parameters: usize,
    pub(crate) engine: Engine,
    pub(crate) logits: Value,
    pub(crate) probabilities: Value,
    pub(crate) taps: Vec<(String, Value)>,
    pub(crate) phases: Vec<(&'static str, f64)>,
    pub(crate) precision: Precision,
    pub(crate) note: Option<String>,
    /// Threads that may prepare a record. Where the caller lent the network's threads none are started beside them.
    #[cfg(feature = "ecg")]
    pub(crate) helpers: usize,
}

impl std::fmt::Debug for Model {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut text = f.debug_struct("Model");
        text.field("name", &self.config.name).field("device", &self.device()).finish_non_exhaustive()
    }
}

impl Model {
    /// Its configuration.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Whether batches go to a GPU, all or the larger ones.
    pub fn on_gpu(&self) -> bool {
        !matches!(self.engine, Engine::Cpu(_) | Engine::Reference(_))
    }

    /// Numbers that were trained.
    pub fn parameters(&self) -> usize {
        self.parameters
    }

    /// The back end, with the instruction set and threads of the CPU's.
    pub fn device(&self) -> String {
        match &self.engine {
            Engine::Cpu(cpu) => format!("cpu ({}, {} threads)", cpu.level().name(), cpu.threads()),
            Engine::Reference(_) => "reference".to_owned(),
            #[cfg(feature = "gpu")]
            Engine::Gpu(gpu) => gpu.describe(),
        }
    }

    /// What it is stored and computed in: what the options ask for, or f32 where the processor has no instructions for products of
    /// bf16, which would then be slower than f32, and where a GPU that was to compute in f16 is not fit for use.
    pub fn precision(&self) -> Precision {
        self.precision
    }

    /// Why its precision is not the one that the options ask for, in one line.
    pub fn note(&self) -> Option<&str> {
        self.note.as_deref()
    }

    /// What making it ready took: the name of each phase, and its seconds. To `read` is to wait for the system to open and read
    /// the weights' files, to `unpack` to inflate, check and widen what they hold; then batch norm is folded and kernels packed.
    pub fn phases(&self) -> &[(&'static str, f64)] {
        &self.phases
    }

    /// Bytes of the arenas that these inputs are computed in; none where the back end has no arena, or several of them for
    /// the parts of a batch.
    pub fn arena_bytes(&self, inputs: &Inputs) -> Result<Option<usize>, RunError> {
        let kept = [self.logits, self.probabilities];
        Ok(self.engine.arena_bytes(&self.shapes(inputs)?, &kept, inputs.batch)?)
    }

    /// The names of the taps, in the order of the network.
    pub fn tap_names(&self) -> impl Iterator<Item = &str> {
        self.taps.iter().map(|(name, _)| name.as_str())
    }

    /// Logits and probabilities of a batch.
    pub fn run(&self, inputs: &Inputs) -> Result<Outputs, RunError> {
        self.run_with_taps(inputs, &[])
    }

    /// The same, with intermediate values. Fails on a tap that the network has not.
    pub fn run_with_taps(&self, inputs: &Inputs, taps: &[&str]) -> Result<Outputs, RunError> {
        self.run_view(&inputs.view(), taps)
    }

    /// The same on a signal that is read where it lies.
    pub fn run_view(&self, inputs: &InputsView<'_>, taps: &[&str]) -> Result<Outputs, RunError> {
        self.run_by(inputs, taps, Engine::run)
    }

    /// The same, `run` being how.
    pub(crate) fn run_by(
        &self,
        inputs: &InputsView<'_>,
        taps: &[&str],
        run: impl FnOnce(&Engine, &mut Batch<'_>) -> Result<(), EngineError>,
    ) -> Result<Outputs, RunError> {
        inputs.check(&self.config)?;
        let operands = operands(&self.config, inputs)?;
        let operands: Vec<(Shape, &[f32])> = operands.iter().map(|(s, d)| (*s, d.as_ref())).collect();
        let (mut out, values) = self.room(inputs.batch, &operands, taps)?;
        run(
            &self.engine,
            &mut Batch { size: inputs.batch, inputs: &operands, outputs: &mut out.wanted(&values) },
        )?;
        out.sound(inputs.batch)
    }

    /// Logits and probabilities of a batch, by an engine that may be waited for: in a browser, which lets no thread wait, this is how a
    /// GPU computes. Elsewhere it is [`Model::run`].
    ///
    /// # Errors
    /// As those of [`Model::run`].
    #[cfg(feature = "webgpu")]
    pub async fn run_async(&self, inputs: &Inputs) -> Result<Outputs, RunError> {
        inputs.check(&self.config)?;
        let operands = operands(&self.config, &inputs.view())?;
        let operands: Vec<(Shape, &[f32])> = operands.iter().map(|(s, d)| (*s, d.as_ref())).collect();
        let (mut out, values) = self.room(inputs.batch, &operands, &[])?;
        let batch = &mut Batch { size: inputs.batch, inputs: &operands, outputs: &mut out.wanted(&values) };
        self.engine.run_async(batch).await?;
        out.sound(inputs.batch)
    }

    /// Room for what a batch gives, and what each array of it is.
    fn room(
        &self,
        batch: usize,
        operands: &[(Shape, &[f32])],
        taps: &[&str],
    ) -> Result<(Outputs, Vec<Value>), RunError> {
        let shapes = self.engine.shapes(&operands.iter().map(|(s, _)| *s).collect::<Vec<_>>())?;
        let classes = self.config.classes.len();
        let mut out = Outputs {
            logits: vec![0.0; batch * classes],
            probabilities: vec![0.0; batch * classes],
            taps: Vec::new(),
            classes,
        };
        let mut values = vec![self.logits, self.probabilities];
        for name in taps {
            let Some((_, value)) = self.taps.iter().find(|(n, _)| n == name) else {
                let known: Vec<&str> = self.tap_names().collect();
                let expected = format!("one of {}", known.join(", "));
                return Err(ItemError::new("tap", expected, name, "name a tap of this network").into());
            };
            let Shape { rows, cols } = shapes[value.index()];
            values.push(*value);
            let data = vec![0.0; batch * rows * cols];
            out.taps.push(Tap { name: (*name).to_owned(), rows, cols, data });
        }
        Ok((out, values))
    }

    /// The shapes of a record's inputs over `samples` samples, sequences of one row.
    fn input_shapes(&self, samples: usize) -> Vec<Shape> {
        let mut inputs = vec![Shape::new(self.config.leads.len(), samples)];
        for feature in self.config.features() {
            match feature.kind {
                FeatureKind::Sequence { inputs: width, .. } => {
                    inputs.extend([Shape::new(1, width), Shape::new(1, 1)]);
                }
                _ => inputs.push(Shape::new(1, 1)),
            }
        }
        inputs
    }

    /// The GPU's memory that a batch takes; none on the CPU, and where the batch must be cut into parts.
    #[cfg(feature = "gpu")]
    pub fn gpu_memory(&self, batch: usize, samples: usize) -> Option<efficientecg_engine::gpu::Memory> {
        match &self.engine {
            Engine::Gpu(gpu) => {
                gpu.memory(&self.input_shapes(samples), &[self.logits, self.probabilities], batch)
            }
            _ => None,
        }
    }

    /// The nodes that a run over `samples` samples takes; sequences are counted at one row.
    pub fn layers(&self, samples: usize) -> Result<Vec<Layer>, RunError> {
        self.layers_of(&self.input_shapes(samples))
    }

    /// The nodes that a run on these inputs takes.
    pub fn layers_of_inputs(&self, inputs: &Inputs) -> Result<Vec<Layer>, RunError> {
        self.layers_of(&self.shapes(inputs)?)
    }

    /// The shape of each of the graph's inputs for one record.
    pub(crate) fn shapes(&self, inputs: &Inputs) -> Result<Vec<Shape>, RunError> {
        Ok(operands(&self.config, &inputs.view())?.iter().map(|(shape, _)| *shape).collect())
    }

    /// Whether activations and weights lie in memory as f16.
    pub(crate) fn halves(&self) -> bool {
        match &self.engine {
            #[cfg(feature = "gpu")]
            Engine::Gpu(gpu) => gpu.precision() == efficientecg_engine::Precision::F16,
            _ => false,
        }
    }

    /// The nodes on graph inputs of these shapes.
    pub(crate) fn layers_of(&self, inputs: &[Shape]) -> Result<Vec<Layer>, RunError> {
        Ok(self.engine.layers(inputs)?)
    }
}
