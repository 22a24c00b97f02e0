//! The memory that a batch takes.

use super::network::{Network, Planned, end};
use crate::graph::Graph;
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
    /// The memory that a batch takes.
    pub(super) fn memory(&self, planned: &Planned, graph: &Graph) -> Memory {
        let lives = crate::plan::lives(graph, planned.layout.shapes.len(), &planned.kept);
        let size = |v: usize| planned.layout.places[v].len();
        let mut largest_two = 0;
        for a in 0..lives.len() {
            for b in 0..a {
                if lives[a].0 <= lives[b].1 && lives[b].0 <= lives[a].1 {
                    largest_two = largest_two.max(size(a) + size(b));
                }
            }
        }
        Memory {
            weights: self.places.iter().flatten().map(Range::len).sum(),
            arena: planned.layout.arena,
            largest_two,
            staging: end(&planned.uploads) + end(&planned.readbacks),
        }
    }
}
