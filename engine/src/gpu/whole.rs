//! Measures whole batches: what activations are stored in, and how many records a submission takes (`choices.rs`).

use super::check::{self, Probe};
use super::device::Device;
use super::error::GpuError;
use super::network::Network;
use super::timing::{Budget, CLEARLY, RUNS, median};
use super::wait::block_on;
use super::{Gpu, choices};
use crate::Precision;
use crate::clock::Moment;
use efficientecg_kernels::gpu::Storage;
use efficientecg_kernels::tensor::Shape;

/// A batch is cut into halves so often, at most.
const HALVES: u32 = 4;

/// A whole batch, as it was run.
#[derive(Clone, Debug, PartialEq)]
pub struct WholeRun {
    /// What activations are stored in, as [`Gpu::describe`] has it.
    pub storage: &'static str,
    /// The most records of a submission.
    pub records: usize,
    /// Seconds from the inputs to the results, the median.
    pub seconds: f64,
}

impl Gpu {
    /// Measures the storages that the precision allows, and then, by the fastest, smaller submissions. Keeps what is clearly faster
    /// than the defaults. All runs, and which of them it is from here on; without time for one there is none.
    pub(super) fn tune_whole(
        &self,
        mut network: Network,
        batch: &Probe,
        budget: &Budget<'_>,
    ) -> Result<(Vec<WholeRun>, usize), GpuError> {
        let (mut runs, mut taken) = (Vec::new(), 0);
        let own = network.device.traits.storage;
        let Some(seconds) = self.whole(&network, batch, budget)? else { return Ok((runs, taken)) };
        runs.push(WholeRun { storage: choices::name(own), records: batch.batch, seconds });
        let others: &[Storage] = match (self.options.precision, own) {
            (Precision::F16, Storage::F16) => &[Storage::PackedF16, Storage::F32],
            (Precision::F16, Storage::PackedF16) => &[Storage::F32],
            _ => &[],
        };
        let mut best = own;
        for storage in others {
            // It compiles, and is held against the reference.
            if !budget.allows(3 * budget.first) {
                break;
            }
            let mut device = block_on(Device::open(&self.options))?;
            device.store_in(*storage);
            let failed = |error| GpuError::Device { adapter: self.adapter.name.clone(), error };
            let other = Network::new(device, &self.graph, &self.options, 0).map_err(failed)?;
            match block_on(check::check(&other, &self.graph, &self.probe, self.options.precision)) {
                Ok(()) => {}
                Err(error @ GpuError::Wrong { .. }) => {
                    (self.options.warn)(&format!(
                        "{error}; activations are not stored in {}",
                        choices::name(*storage)
                    ));
                    continue;
                }
                Err(error) => return Err(error),
            }
            let Some(seconds) = self.whole(&other, batch, budget)? else { continue };
            if seconds < CLEARLY * runs[taken].seconds {
                (taken, best, network) = (runs.len(), *storage, other);
            }
            runs.push(WholeRun { storage: choices::name(*storage), records: batch.batch, seconds });
        }
        // Where a number was asked for, it stays.
        let halves = if self.options.batch.is_none() { HALVES } else { 0 };
        for records in (1..=halves).map(|n| batch.batch >> n).take_while(|records| *records > 0) {
            network.batch = Some(records);
            let Some(seconds) = self.whole(&network, batch, budget)? else { break };
            if seconds < CLEARLY * runs[taken].seconds {
                taken = runs.len();
            }
            runs.push(WholeRun { storage: choices::name(best), records, seconds });
        }
        let inputs = |probe: &Probe| -> Vec<Shape> { probe.inputs.iter().map(|(s, _)| *s).collect() };
        let records = Some(runs[taken].records).filter(|records| *records < batch.batch);
        let of = (choices::fingerprint(&self.graph, &inputs(&self.probe)), inputs(batch));
        choices::keep(&network.device, &self.options, of, (Some(best).filter(|best| *best != own), records));
        Ok((runs, taken))
    }

    /// The seconds of a whole batch, the median after a run that makes plans; none where there is no time for it.
    fn whole(&self, network: &Network, batch: &Probe, budget: &Budget<'_>) -> Result<Option<f64>, GpuError> {
        let mut seconds = Vec::new();
        let mut expected = budget.first;
        for run in 0..=RUNS {
            if !budget.allows(expected) {
                return Ok(None);
            }
            let start = Moment::now();
            self.once(network, batch, None)?;
            expected = start.elapsed();
            if run > 0 {
                seconds.push(expected.as_secs_f64());
            }
        }
        Ok(Some(median(&seconds)))
    }
}
