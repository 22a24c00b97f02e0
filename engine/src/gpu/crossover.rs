//! From which batch on the GPU is faster than the CPU: measured once for a device, a model and a number of threads, and
//! remembered on disk.

use super::check::Probe;
use super::choices::{self, fingerprint};
use super::error::caught_async;
#[cfg(not(target_family = "wasm"))]
use super::wait::block_on;
use super::{Gpu, GpuFeatures, GpuOptions, State, cache};
use crate::Batch;
use crate::clock::Moment;
use crate::graph::Value;
use efficientecg_kernels::tensor::Shape;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

/// The largest batch that is tried; where the CPU is faster even then, it computes them all.
const LARGEST: usize = 64;
/// After so long no larger batch is tried.
const PATIENCE: Duration = Duration::from_secs(2);
/// Runs of which the fastest counts.
const RUNS: usize = 3;

impl Gpu {
    /// [`Gpu::with_crossover_async`], on this thread.
    #[cfg(not(target_family = "wasm"))]
    pub fn with_crossover(self, key: &str, probe: impl Fn(usize) -> Probe) -> Gpu {
        block_on(self.with_crossover_async(key, probe))
    }

    /// Sends batches to the CPU that it is faster on. `key` names the model, `probe` gives inputs of its usual length for
    /// a batch.
    pub async fn with_crossover_async(mut self, key: &str, probe: impl Fn(usize) -> Probe) -> Gpu {
        let start = Moment::now();
        let adapter = &self.adapter;
        let mut hash = DefaultHasher::new();
        let inputs: Vec<Shape> = probe(1).inputs.iter().map(|(s, _)| *s).collect();
        self.usual = inputs.first().map_or(1, |shape| shape.len()).max(1);
        fingerprint(&self.graph, &inputs).hash(&mut hash);
        let GpuOptions { checked, batch, features, precision, .. } = &self.options;
        let GpuFeatures { subgroups, f16, cooperative_matrix, .. } = features;
        (checked, batch, subgroups, f16, cooperative_matrix, precision).hash(&mut hash);
        let names = [&adapter.name, &adapter.backend, &adapter.driver];
        // What is tuned later is another matter.
        if let State::Device(network, _) = self.state() {
            choices::name(network.device.traits.storage).hash(&mut hash);
            network.choices.records(&inputs, 1).hash(&mut hash);
        }
        (key, names, self.cpu().threads(), self.cpu().level().name(), env!("CARGO_PKG_VERSION"))
            .hash(&mut hash);
        let path = cache::folder(&self.options).map(|f| f.join(format!("crossover-{:016x}", hash.finish())));
        let remembered = path.as_ref().and_then(|p| String::from_utf8(cache::load(p)?).ok());
        self.crossover = match remembered.and_then(|text| text.parse().ok()) {
            Some(batch) => batch,
            None => match self.measure(probe).await {
                Some(batch) => {
                    if let Some(path) = path {
                        cache::save(&path, batch.to_string().as_bytes());
                    }
                    batch
                }
                // It failed: this process does without, the next may try again.
                None => usize::MAX,
            },
        };
        self.phases.push(("crossover", start.elapsed().as_secs_f64()));
        self
    }

    /// Whether the CPU is faster on a batch of this many records, each of so many samples over all leads. What counts is what
    /// the GPU is given at once.
    pub(super) fn faster_on_cpu(&self, records: usize, samples: usize) -> bool {
        let part = records.min(self.options.batch.unwrap_or(usize::MAX));
        part.saturating_mul(samples) < self.crossover.saturating_mul(self.usual)
    }

    /// The batch from which on the GPU computes records of the usual length.
    pub fn crossover(&self) -> usize {
        self.crossover
    }

    /// None if the GPU fails meanwhile.
    async fn measure(&self, probe: impl Fn(usize) -> Probe) -> Option<usize> {
        let State::Device(network, _) = self.state() else { return None };
        let kept = self.graph.nodes().last()?.outputs().to_vec();
        let start = Moment::now();
        let mut size = 1;
        while size <= LARGEST && start.elapsed() < PATIENCE {
            let probe = probe(size);
            let on_gpu = async |batch: &mut Batch<'_>| {
                matches!(caught_async(network.run(&self.graph, batch, None)).await, Ok(Ok(_)))
            };
            let gpu = fastest(&probe, &kept, &self.graph, on_gpu).await?;
            let on_cpu = async |batch: &mut Batch<'_>| self.cpu().run(batch).is_ok();
            let cpu = fastest(&probe, &kept, &self.graph, on_cpu).await?;
            if gpu < cpu {
                return Some(size);
            }
            size *= 2;
        }
        Some(usize::MAX)
    }
}

/// How long the fastest of some runs takes; none if all fail.
async fn fastest(
    probe: &Probe,
    kept: &[Value],
    graph: &crate::Graph,
    run: impl AsyncFn(&mut Batch<'_>) -> bool,
) -> Option<Duration> {
    let shapes: Vec<Shape> = probe.inputs.iter().map(|(s, _)| *s).collect();
    let shapes = graph.shapes(&shapes).ok()?;
    let mut data: Vec<Vec<f32>> =
        kept.iter().map(|v| vec![0.0; probe.batch * shapes[v.index()].len()]).collect();
    let inputs: Vec<(Shape, &[f32])> = probe.inputs.iter().map(|(s, d)| (*s, d.as_slice())).collect();
    let mut outputs: Vec<(Value, &mut [f32])> =
        kept.iter().copied().zip(data.iter_mut().map(Vec::as_mut_slice)).collect();
    let mut batch = Batch { size: probe.batch, inputs: &inputs, outputs: &mut outputs };
    let mut best: Option<Duration> = None;
    for _ in 0..=RUNS {
        let start = Moment::now();
        if run(&mut batch).await {
            let took = start.elapsed();
            best = Some(best.map_or(took, |best| best.min(took)));
        }
    }
    best
}
