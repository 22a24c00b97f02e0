//! Measures whole batches, in turns: what activations are stored in, and how many records a submission takes (`choices.rs`).

use super::check::{self, Probe};
use super::device::Device;
use super::error::GpuError;
use super::network::Network;
use super::timing::{Budget, CLEARLY, RUNS, median};
use super::variants::Variants;
use super::wait::block_on;
use super::{Gpu, choices};
use crate::Precision;
use crate::clock::Moment;
use efficientecg_kernels::gpu::Storage;
use std::collections::HashMap;
use std::time::Duration;

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
    /// Measures the storages that the precision allows, each by its default variants; `own` is on a device of the one that the options ask for.
    /// The network in the one that is clearly the fastest, or `own`; the runs, none where there is one storage, or no time; and which of them it is.
    pub(super) fn by_storage(
        &self,
        own: Network,
        batch: &Probe,
        budget: &Budget<'_>,
    ) -> Result<(Network, Vec<WholeRun>, usize), GpuError> {
        let storage = own.device.traits.storage;
        let others: &[Storage] = match (self.options.precision, storage) {
            (Precision::F16, Storage::F16) => &[Storage::PackedF16, Storage::F32],
            (Precision::F16, Storage::PackedF16) => &[Storage::F32],
            _ => &[],
        };
        let mut networks = vec![own];
        for storage in others.iter().filter(|_| budget.allows(Duration::ZERO)) {
            match self.stored_in(*storage) {
                Ok(network) => networks.push(network),
                // The default goes on without it.
                Err(error) => (self.options.warn)(&format!(
                    "{error}; activations are not stored in {}",
                    choices::name(*storage)
                )),
            }
        }
        let mut best = 0;
        let mut runs = Vec::new();
        if networks.len() > 1 {
            let seconds =
                self.in_turns(networks.len(), |at| self.once(&networks[at], batch, None), budget)?;
            best = fastest(&seconds);
            let records = self.options.batch.unwrap_or(usize::MAX).min(batch.batch);
            let storages = networks.iter().map(|network| choices::name(network.device.traits.storage));
            runs = storages
                .zip(seconds)
                .map(|(storage, seconds)| WholeRun { storage, records, seconds })
                .collect();
        }
        Ok((networks.swap_remove(best), runs, best))
    }

    /// The network on a device of its own with such a storage, held against the reference.
    fn stored_in(&self, storage: Storage) -> Result<Network, GpuError> {
        let mut device = block_on(Device::open(&self.options))?;
        device.store_in(storage);
        let failed = |error| GpuError::Device { adapter: self.adapter.name.clone(), error };
        let mut network = Network::new(device, &self.graph, &self.options, 0).map_err(failed)?;
        network.variants = Variants::new(network.device.class, network.device.traits, HashMap::new());
        block_on(check::check(&network, &self.graph, &self.probe, self.options.precision))?;
        Ok(network)
    }

    /// Measures submissions of the whole batch, of its half and so on. The runs, and the one that is clearly the fastest, or the first; none where
    /// there is no time, or where the options say how many records a submission takes.
    pub(super) fn by_records(
        &self,
        network: &mut Network,
        batch: &Probe,
        budget: &Budget<'_>,
    ) -> Result<(Vec<WholeRun>, usize), GpuError> {
        let sizes: Vec<usize> =
            (0..=HALVES).map(|n| batch.batch >> n).take_while(|records| *records > 0).collect();
        if self.options.batch.is_some() || sizes.len() < 2 {
            return Ok((Vec::new(), 0));
        }
        let one = |at: usize| {
            network.batch = Some(sizes[at]);
            self.once(network, batch, None)
        };
        let seconds = self.in_turns(sizes.len(), one, budget)?;
        let taken = fastest(&seconds);
        let storage = choices::name(network.device.traits.storage);
        let runs = sizes.into_iter().zip(seconds);
        Ok((runs.map(|(records, seconds)| WholeRun { storage, records, seconds }).collect(), taken))
    }

    /// Runs each of some once, to compile and to plan, and then all of them in turns. The medians; none where there is no time for all.
    fn in_turns(
        &self,
        count: usize,
        mut run: impl FnMut(usize) -> Result<(), GpuError>,
        budget: &Budget<'_>,
    ) -> Result<Vec<f64>, GpuError> {
        let mut seconds = vec![Vec::new(); count];
        let mut expected = Duration::ZERO;
        for turn in 0..=RUNS {
            for (at, seconds) in seconds.iter_mut().enumerate() {
                if !budget.allows(expected) {
                    return Ok(Vec::new());
                }
                let start = Moment::now();
                run(at)?;
                expected = start.elapsed();
                if turn > 0 {
                    seconds.push(expected.as_secs_f64());
                }
            }
        }
        Ok(seconds.iter().map(|seconds| median(seconds)).collect())
    }
}

/// The one that is clearly faster than the first, and the fastest of these; else the first.
fn fastest(seconds: &[f64]) -> usize {
    let best = (0..seconds.len()).min_by(|a, b| seconds[*a].total_cmp(&seconds[*b])).unwrap_or(0);
    if best > 0 && seconds[best] < CLEARLY * seconds[0] { best } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fastest_is_clearly_faster_than_the_first() {
        assert_eq!(fastest(&[1.0, 0.9, 0.8, 0.85]), 2);
        assert_eq!(fastest(&[1.0, 0.98, 0.99]), 0);
        assert_eq!(fastest(&[]), 0);
    }
}
