//! The memory that a batch takes.

use super::layout::{BatchLayout, Failure, Target};
use super::network::Network;
use crate::graph::{Graph, Value};
use efficientecg_kernels::tensor::Shape;
use std::ops::Range;

/// What a submission takes: bytes on the device and in host memory that it can reach, and dispatches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Memory {
    /// Weights.
    pub weights: usize,
    /// Activations of a batch.
    pub arena: usize,
    /// The two largest activations of a batch that live at the same time.
    pub largest_two: usize,
    /// Host-visible buffers of one submission: inputs and results.
    pub staging: usize,
    /// Dispatches of a submission.
    pub dispatches: usize,
}

impl Network {
    /// The memory that a batch takes in one part.
    pub(super) fn memory(
        &self,
        graph: &Graph,
        inputs: &[Shape],
        kept: &[Value],
        batch: usize,
    ) -> Result<Memory, Failure> {
        let layout = BatchLayout::new(graph, inputs, kept, batch, Target { guard: 0, ..self.target() })?;
        let lifetimes = crate::plan::lifetimes(graph, layout.shapes.len(), kept);
        let size = |v: usize| layout.places[v].len();
        let mut largest_two = 0;
        for a in 0..lifetimes.len() {
            for b in 0..a {
                if lifetimes[a].0 <= lifetimes[b].1 && lifetimes[b].0 <= lifetimes[a].1 {
                    largest_two = largest_two.max(size(a) + size(b));
                }
            }
        }
        Ok(Memory {
            weights: self.places.iter().flatten().map(Range::len).sum(),
            arena: layout.arena,
            dispatches: layout.dispatches().count(),
            largest_two,
            staging: graph.inputs().iter().chain(kept).map(|v| size(v.index())).sum(),
        })
    }
}
