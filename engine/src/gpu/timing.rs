//! What measuring variants and whole batches share: a run, a median, what counts as faster, and the time that is left.

use super::error::{DeviceError, GpuError};
use super::layout::Failure;
use super::network::Network;
use super::timestamps::Timeline;
use super::wait::block_on;
use super::{Gpu, Probe};
use crate::Batch;
use crate::clock::Moment;
use crate::graph::Value;
use efficientecg_kernels::tensor::Shape;
use std::time::Duration;

/// What takes a default's place must take less than this part of its time.
pub(super) const CLEARLY: f64 = 0.97;
/// Runs that make a median.
pub(super) const RUNS: usize = 3;

/// NaN of none.
pub(super) fn median(seconds: &[f64]) -> f64 {
    let mut sorted = seconds.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
}

/// The time that may be taken, and what is over of it.
pub(super) struct Budget<'a> {
    pub(super) started: Moment,
    /// When it is over, from the start on.
    pub(super) end: Duration,
    /// The whole time, of which `progress` hears.
    pub(super) all: Duration,
    pub(super) progress: &'a dyn Fn(f64),
}

impl Budget<'_> {
    /// Whether so much more fits.
    pub(super) fn allows(&self, more: Duration) -> bool {
        (self.progress)((self.started.elapsed().as_secs_f64() / self.all.as_secs_f64()).min(1.0));
        self.started.elapsed() + more < self.end
    }
}

impl Gpu {
    /// Runs a batch once.
    pub(super) fn once(
        &self,
        network: &Network,
        batch: &Probe,
        timeline: Option<&mut Timeline>,
    ) -> Result<(), GpuError> {
        let adapter = || self.adapter.name.clone();
        let failed = |text: String| GpuError::Device { adapter: adapter(), error: DeviceError::Driver(text) };
        let kept: Vec<Value> = self.graph.nodes().last().map_or(Vec::new(), |n| n.outputs().to_vec());
        let inputs: Vec<(Shape, &[f32])> = batch.inputs.iter().map(|(s, d)| (*s, d.as_slice())).collect();
        let shapes: Vec<Shape> = inputs.iter().map(|(s, _)| *s).collect();
        let shapes = self.graph.shapes(&shapes).map_err(|e| failed(e.to_string()))?;
        let mut data: Vec<Vec<f32>> =
            kept.iter().map(|v| vec![0.0; batch.batch * shapes[v.index()].len()]).collect();
        let mut outputs: Vec<(Value, &mut [f32])> =
            kept.iter().copied().zip(data.iter_mut().map(Vec::as_mut_slice)).collect();
        let mut run = Batch { size: batch.batch, inputs: &inputs, outputs: &mut outputs };
        match block_on(network.run(&self.graph, &mut run, timeline)) {
            Ok(_) => Ok(()),
            Err(Failure::Device(error)) => Err(GpuError::Device { adapter: adapter(), error }),
            Err(Failure::Engine(error)) => Err(failed(error.to_string())),
            Err(Failure::TooLarge { what, needed, allowed }) => {
                Err(failed(format!("a record needs {needed} {what}, {allowed} are allowed")))
            }
        }
    }
}
