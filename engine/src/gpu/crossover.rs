//! From which batch on the GPU is faster than the CPU: measured once for a device, a model and a number of threads, and
//! remembered on disk.

use super::{Gpu, Probe, State, cache};
use crate::Batch;
use crate::graph::Value;
use efficientecg_kernels::view::Shape;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::{Duration, Instant};

/// The largest batch that is tried; where the CPU is faster even then, it computes them all.
const LARGEST: usize = 64;
/// Runs of which the fastest counts.
const RUNS: usize = 3;

impl Gpu {
    /// Sends batches to the CPU that it is faster on. `key` names the model, `probe` gives inputs of its usual length for
    /// a batch.
    pub fn with_crossover(mut self, key: &str, probe: impl Fn(usize) -> Probe) -> Gpu {
        let start = Instant::now();
        let adapter = &self.adapter;
        let mut hash = DefaultHasher::new();
        for step in self.graph.steps() {
            (step.label.as_str(), step.op.name()).hash(&mut hash);
        }
        let names = [&adapter.name, &adapter.backend, &adapter.driver];
        (key, names, self.cpu().threads(), self.cpu().level().name(), env!("CARGO_PKG_VERSION"))
            .hash(&mut hash);
        let path = cache::folder(&self.options).map(|f| f.join(format!("crossover-{:016x}", hash.finish())));
        let remembered = path.as_ref().and_then(|p| std::fs::read_to_string(p).ok());
        self.crossover = match remembered.and_then(|text| text.trim().parse().ok()) {
            Some(batch) => batch,
            None => {
                let batch = self.measure(probe);
                if let Some(path) = path {
                    // Without it the next process measures again.
                    let _ = cache::write(&path, batch.to_string().as_bytes());
                }
                batch
            }
        };
        self.phases.push(("crossover", start.elapsed().as_secs_f64()));
        self
    }

    /// The batch from which on the GPU computes.
    pub fn crossover(&self) -> usize {
        self.crossover
    }

    fn measure(&self, probe: impl Fn(usize) -> Probe) -> usize {
        let State::Device(network, _) = self.state() else { return usize::MAX };
        let Some(last) = self.graph.steps().last() else { return 0 };
        let kept = last.outputs().to_vec();
        let mut size = 1;
        while size <= LARGEST {
            let probe = probe(size);
            let fastest = |run: &dyn Fn(&mut Batch<'_>) -> bool| {
                (0..=RUNS).filter_map(|_| time(&probe, &kept, &self.graph, run)).min()
            };
            let gpu = fastest(&|batch| network.run(&self.graph, batch).is_ok());
            let cpu = fastest(&|batch| self.cpu().run(batch).is_ok());
            match (gpu, cpu) {
                (Some(gpu), Some(cpu)) if gpu < cpu => return size,
                (None, _) => return usize::MAX,
                _ => size *= 2,
            }
        }
        usize::MAX
    }
}

/// How long a run takes; none if it fails.
fn time(
    probe: &Probe,
    kept: &[Value],
    graph: &crate::Graph,
    run: &dyn Fn(&mut Batch<'_>) -> bool,
) -> Option<Duration> {
    let shapes: Vec<Shape> = probe.inputs.iter().map(|(s, _)| *s).collect();
    let shapes = graph.shapes(&shapes).ok()?;
    let mut data: Vec<Vec<f32>> =
        kept.iter().map(|v| vec![0.0; probe.batch * shapes[v.index()].len()]).collect();
    let inputs: Vec<(Shape, &[f32])> = probe.inputs.iter().map(|(s, d)| (*s, d.as_slice())).collect();
    let mut outputs: Vec<(Value, &mut [f32])> =
        kept.iter().copied().zip(data.iter_mut().map(Vec::as_mut_slice)).collect();
    let mut batch = Batch { size: probe.batch, inputs: &inputs, outputs: &mut outputs };
    let start = Instant::now();
    run(&mut batch).then(|| start.elapsed())
}
