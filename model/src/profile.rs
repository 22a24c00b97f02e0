//! Where the time of a run goes, layer by layer.

use crate::error::RunError;
use crate::inputs::Inputs;
use crate::model::{Model, Outputs};
use efficientecg_engine::Layer;
use efficientecg_engine::profile::Span;

/// A run by the clock.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Profile {
    /// The same bits as those of [`Model::run`].
    pub outputs: Outputs,
    /// The nodes, with what each costs for one record; in f16 a number counts two bytes.
    pub layers: Vec<Layer>,
    /// When each node was computed: [`Span::node`] is its place in `layers`. Empty where the back end cannot time
    /// nodes.
    pub spans: Vec<Span>,
    /// How long the run took in the engine, copies and waits counted in.
    pub seconds: f64,
    /// Threads that shared the time; 1 on a GPU.
    pub threads: usize,
    /// Whether a GPU computed it.
    pub gpu: bool,
    /// What kept the nodes from being timed, or the GPU from computing them.
    pub note: Option<String>,
}

impl Profile {
    /// The part of `seconds` that a span took: the time of one thread of several counts as much less.
    pub fn share(&self, span: &Span) -> f64 {
        span.seconds * span.threads as f64 / self.threads as f64
    }
}

impl Model {
    /// Runs a batch by the clock.
    pub fn profile(&self, inputs: &Inputs) -> Result<Profile, RunError> {
        let mut profile = None;
        let outputs = self.run_by(&inputs.view(), &[], |engine, batch| {
            profile = Some(engine.profile(batch)?);
            Ok(())
        })?;
        let efficientecg_engine::NodeProfile { spans, seconds, threads, gpu, variants, note } =
            profile.unwrap_or_default();
        let mut layers = self.layers_of_inputs(inputs)?;
        for (layer, variant) in layers.iter_mut().zip(variants) {
            layer.variant = Some(variant);
        }
        if gpu && self.halves() {
            for layer in &mut layers {
                layer.cost.read /= 2;
                layer.cost.written /= 2;
            }
        }
        Ok(Profile { outputs, layers, spans, seconds, threads, gpu, note })
    }
}
