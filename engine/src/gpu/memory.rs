//! The memory that a batch takes.

use super::device::Device;
use super::layout::{Failure, Layout};
use super::network::Network;
use crate::graph::{Graph, Value};
use efficientecg_kernels::view::Shape;
use std::ops::Range;

/// Bytes on the device and in host memory that it can reach.
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
        let Device { traits, limits, .. } = &self.device;
        let layout = Layout::new(graph, inputs, kept, batch, *traits, *limits, 0)?;
        let lives = crate::plan::lives(graph, layout.shapes.len(), kept);
        let size = |v: usize| layout.places[v].len();
        let mut largest_two = 0;
        for a in 0..lives.len() {
            for b in 0..a {
                if lives[a].0 <= lives[b].1 && lives[b].0 <= lives[a].1 {
                    largest_two = largest_two.max(size(a) + size(b));
                }
            }
        }
        Ok(Memory {
            weights: self.places.iter().flatten().map(Range::len).sum(),
            arena: layout.arena,
            largest_two,
            staging: graph.inputs().iter().chain(kept).map(|v| size(v.index())).sum(),
        })
    }
}
