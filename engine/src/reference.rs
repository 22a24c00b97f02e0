//! Runs a graph through the references: plain loops in f64 from input to output, one thread. Slow, and what everything
//! else is held to.

use crate::clock::Moment;
use crate::error::EngineError;
use crate::graph::Graph;
use crate::profile::{NodeProfile, Recorder};
use crate::{Batch, check_lengths};
use efficientecg_kernels::tensor::Matrix;
use std::sync::Arc;

/// A graph and nothing else.
pub struct Reference {
    graph: Arc<Graph>,
}

impl Reference {
    /// Runs `graph`.
    pub fn new(graph: Arc<Graph>) -> Reference {
        Reference { graph }
    }

    /// What it computes.
    pub fn graph(&self) -> &Graph {
        &self.graph
    }

    /// Runs a batch; results are rounded to f32 at the end.
    pub fn run(&self, batch: &mut Batch<'_>) -> Result<(), EngineError> {
        self.run_profiled(batch, None)
    }

    /// Runs a batch by the clock.
    pub fn profile(&self, batch: &mut Batch<'_>) -> Result<NodeProfile, EngineError> {
        let profiler = Recorder::start(1);
        self.run_profiled(batch, Some(&profiler))?;
        Ok(profiler.stop())
    }

    fn run_profiled(&self, batch: &mut Batch<'_>, profiler: Option<&Recorder>) -> Result<(), EngineError> {
        let inputs: Vec<_> = batch.inputs.iter().map(|(s, _)| *s).collect();
        let shapes = self.graph.shapes(&inputs)?;
        check_lengths(batch, &shapes)?;
        for r in 0..batch.size {
            let mut values: Vec<Option<Matrix>> = vec![None; shapes.len()];
            for (value, (shape, data)) in self.graph.inputs().iter().zip(batch.inputs) {
                let data = data[r * shape.len()..][..shape.len()].iter().map(|x| f64::from(*x)).collect();
                values[value.0] = Some(Matrix { shape: *shape, data });
            }
            let mut since = profiler.map(|_| Moment::now());
            for (index, node) in self.graph.nodes().iter().enumerate() {
                let mut outputs: Vec<Matrix> =
                    node.outputs.iter().map(|v| Matrix::zeros(shapes[v.0])).collect();
                let inputs: Vec<&Matrix> = node.inputs.iter().filter_map(|v| values[v.0].as_ref()).collect();
                node.op.reference(&inputs, &mut outputs);
                for (v, matrix) in node.outputs.iter().zip(outputs) {
                    values[v.0] = Some(matrix);
                }
                since = since.zip(profiler).map(|(since, profiler)| profiler.took(index, 0, 1, since));
            }
            for (value, data) in batch.outputs.iter_mut() {
                let len = shapes[value.0].len();
                let made = values[value.0].iter().flat_map(|m| &m.data);
                for (to, from) in data[r * len..][..len].iter_mut().zip(made) {
                    *to = *from as f32;
                }
            }
        }
        Ok(())
    }
}
