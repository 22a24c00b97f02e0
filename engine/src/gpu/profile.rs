//! What a profile wants to know of a GPU: where a batch's time goes, and the memory that it is computed in.

use super::Gpu;
use super::network::Network;
use super::timestamps::Timeline;
#[cfg(not(target_family = "wasm"))]
use super::wait::block_on;
use crate::Batch;
use crate::clock::Moment;
use crate::cpu::Cpu;
use crate::error::EngineError;
use crate::graph::Value;
use crate::profile::NodeProfile;
use efficientecg_kernels::tensor::Shape;

impl Gpu {
    /// [`Gpu::profile_async`] on this thread: in a browser, which does not let it wait for a device, of the CPU.
    pub fn profile(&self, batch: &mut Batch<'_>) -> Result<NodeProfile, EngineError> {
        #[cfg(not(target_family = "wasm"))]
        let done = block_on(self.profile_async(batch));
        #[cfg(target_family = "wasm")]
        let done = self.profile_cpu(self.cpu(), batch);
        done
    }

    /// Runs a batch by the clock: each node's time by the device's timestamps, the whole's by the processor's clock.
    /// Where the CPU computes the batch instead, its profile says so.
    pub async fn profile_async(&self, batch: &mut Batch<'_>) -> Result<NodeProfile, EngineError> {
        let on_device = async |network: &Network, batch: &mut Batch<'_>| {
            let start = Moment::now();
            let mut timeline = Timeline::default();
            let untrusted = network.run(&self.graph, batch, Some(&mut timeline)).await?;
            Ok((timeline.profile(start.elapsed().as_secs_f64()), untrusted))
        };
        self.compute(batch, on_device, |cpu, batch| self.profile_cpu(cpu, batch)).await
    }

    fn profile_cpu(&self, cpu: &Cpu, batch: &mut Batch<'_>) -> Result<NodeProfile, EngineError> {
        let note = Some(format!("the CPU computed this batch, not {}", self.adapter.name));
        Ok(NodeProfile { note, ..cpu.profile(batch)? })
    }

    /// Bytes of the arena that such a batch is computed in, be it on the device or on the CPU; none where the device cannot
    /// hold the batch in one part.
    pub fn arena_bytes(
        &self,
        inputs: &[Shape],
        kept: &[Value],
        batch: usize,
    ) -> Result<Option<usize>, EngineError> {
        let samples = inputs.first().map_or(0, |shape| shape.len());
        if self.faster_on_cpu(batch, samples) || self.fell_back() {
            return self.cpu().arena_bytes(inputs, kept, batch).map(Some);
        }
        Ok(self.memory(inputs, kept, batch).map(|m| m.arena))
    }
}
