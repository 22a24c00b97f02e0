//! How operations run: [`graph::Graph`] says what to compute, [`plan`] lays it out for given shapes, [`Engine`] runs it
//! on the CPU ([`cpu`]), on a GPU (`gpu`, behind the feature of this name, and in a browser behind `webgpu`) or through the references ([`mod@reference`]). See `engine/README.md` for how a run flows.

pub mod clock;
pub mod cpu;
pub mod error;
#[cfg(feature = "gpu")]
pub mod gpu;
pub mod graph;
pub mod plan;
pub mod pool;
pub mod profile;
pub mod reference;
mod sync;
mod tasks;

pub use cpu::{Cpu, ReservedRun};
pub use error::EngineError;
pub use graph::{Graph, Kernels, Layer, Value};
pub use profile::{NodeProfile, Span};
pub use reference::Reference;

pub use efficientecg_kernels::op::Precision;
use efficientecg_kernels::tensor::Shape;

/// What a batch is computed from and into.
///
/// Inputs and outputs are dense: `[batch, rows, cols]`, row by row.
pub struct Batch<'a> {
    /// Records.
    pub size: usize,
    /// Rows and columns of each graph input, and its values for every record.
    pub inputs: &'a [(Shape, &'a [f32])],
    /// The wanted values, and where each goes for every record.
    pub outputs: &'a mut [(Value, &'a mut [f32])],
}

/// Where a network runs: a closed set.
pub enum Engine {
    /// The SIMD kernels.
    Cpu(Cpu),
    /// The references: plain loops in f64, for checking.
    Reference(Reference),
    /// The shaders, with the CPU behind them.
    #[cfg(feature = "gpu")]
    Gpu(Box<gpu::Gpu>),
}

impl Engine {
    /// Runs a batch.
    pub fn run(&self, batch: &mut Batch<'_>) -> Result<(), EngineError> {
        match self {
            Engine::Cpu(cpu) => cpu.run(batch),
            Engine::Reference(reference) => reference.run(batch),
            #[cfg(feature = "gpu")]
            Engine::Gpu(gpu) => gpu.run(batch),
        }
    }

    /// Runs a batch without blocking on a GPU where that is a browser's; elsewhere it is [`Engine::run`].
    #[cfg(feature = "webgpu")]
    pub async fn run_async(&self, batch: &mut Batch<'_>) -> Result<(), EngineError> {
        match self {
            #[cfg(target_family = "wasm")]
            Engine::Gpu(gpu) => gpu.run_async(batch).await,
            _ => self.run(batch),
        }
    }

    /// A plan and memory of their own for batches of `size` records of these shapes; none where the engine is not the CPU's.
    ///
    /// # Errors
    /// The shapes fit no node, or the memory is not there.
    pub fn reserve(
        &self,
        inputs: &[Shape],
        kept: &[Value],
        size: usize,
    ) -> Result<Option<ReservedRun>, EngineError> {
        match self {
            Engine::Cpu(cpu) => cpu.reserve(inputs, kept, size).map(Some),
            _ => Ok(None),
        }
    }

    /// Runs a batch by the clock: the same bits as [`Engine::run`], and where the time went.
    pub fn profile(&self, batch: &mut Batch<'_>) -> Result<NodeProfile, EngineError> {
        match self {
            Engine::Cpu(cpu) => cpu.profile(batch),
            Engine::Reference(reference) => reference.profile(batch),
            #[cfg(feature = "gpu")]
            Engine::Gpu(gpu) => gpu.profile(batch),
        }
    }

    /// Bytes of the arenas that such a batch is computed in; none where every value has memory of its own, and on a
    /// GPU that cannot hold the batch in one part.
    pub fn arena_bytes(
        &self,
        inputs: &[Shape],
        kept: &[Value],
        batch: usize,
    ) -> Result<Option<usize>, EngineError> {
        match self {
            Engine::Cpu(cpu) => cpu.arena_bytes(inputs, kept, batch).map(Some),
            Engine::Reference(_) => Ok(None),
            #[cfg(feature = "gpu")]
            Engine::Gpu(gpu) => gpu.arena_bytes(inputs, kept, batch),
        }
    }

    /// The shape of every value for these inputs, by [`Value`].
    pub fn shapes(&self, inputs: &[Shape]) -> Result<Vec<Shape>, EngineError> {
        match self {
            Engine::Cpu(cpu) => cpu.graph().shapes(inputs),
            Engine::Reference(reference) => reference.graph().shapes(inputs),
            #[cfg(feature = "gpu")]
            Engine::Gpu(gpu) => gpu.graph().shapes(inputs),
        }
    }

    /// The nodes of a run on these inputs.
    pub fn layers(&self, inputs: &[Shape]) -> Result<Vec<Layer>, EngineError> {
        match self {
            Engine::Cpu(cpu) => cpu.graph().chosen(inputs),
            Engine::Reference(reference) => reference.graph().layers(inputs),
            #[cfg(feature = "gpu")]
            Engine::Gpu(gpu) => gpu.graph().layers(inputs),
        }
    }
}

/// Fails unless every buffer of the batch is as long as its shape says.
fn check_lengths(batch: &Batch<'_>, shapes: &[Shape]) -> Result<(), EngineError> {
    // The name is made for an error alone: runs do not allocate.
    let check = |what: &str, i: usize, shape: Shape, found: usize| {
        // No buffer is so long that a product which overflows could be its length.
        let expected = batch.size.saturating_mul(shape.rows).saturating_mul(shape.cols);
        if found == expected {
            return Ok(());
        }
        Err(EngineError::Length { item: format!("numbers of {what} {i}"), expected, found })
    };
    for (i, (shape, data)) in batch.inputs.iter().enumerate() {
        check("input", i, *shape, data.len())?;
    }
    for (i, (value, data)) in batch.outputs.iter().enumerate() {
        check("output", i, shapes[value.0], data.len())?;
    }
    Ok(())
}
