//! Runs a graph's shaders on a GPU: the only user of wgpu.
//!
//! [`Gpu`] is shared by threads and runs batches by `&self`. At its making it checks the device against the CPU, step
//! by step, on inputs that the caller gives. A device that fails during a run is made anew once; if that fails
//! too, the CPU computes this batch and all later ones. Either way the results are complete.

mod cache;
mod check;
mod device;
mod error;
mod layout;
mod network;
mod options;
mod pipelines;
#[cfg(test)]
mod tests;

use crate::Batch;
use crate::cpu::Cpu;
use crate::error::EngineError;
use crate::graph::{Graph, Value};
use device::Device;
use efficientecg_kernels::view::Shape;
use layout::Failure;
use network::Network;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

pub use device::{Adapter, adapters};
pub use error::{Fault, GpuError};
pub use network::Memory;
pub use options::{Features, GpuOptions, Precision};

/// Inputs to check a device with: their shapes, and values for this many records.
pub struct Probe {
    /// Records.
    pub batch: usize,
    /// Each graph input's shape and its values `[batch, rows, cols]`.
    pub inputs: Vec<(Shape, Vec<f32>)>,
}

/// A graph on a GPU, with the CPU behind it.
pub struct Gpu {
    graph: Arc<Graph>,
    options: GpuOptions,
    adapter: Adapter,
    /// Makes the CPU's engine when it is needed.
    make_cpu: Box<dyn Fn() -> Cpu + Send + Sync>,
    cpu: OnceLock<Cpu>,
    state: Mutex<State>,
}

/// Where batches go.
#[derive(Clone)]
enum State {
    /// To the device, made this many times.
    Device(Arc<Network>, usize),
    /// To the CPU, for good.
    Cpu,
}

impl Gpu {
    /// Makes a device ready for a graph and checks it with `probe` against the engine that `make_cpu` gives.
    pub fn new(
        graph: Arc<Graph>,
        options: GpuOptions,
        probe: &Probe,
        make_cpu: impl Fn() -> Cpu + Send + Sync + 'static,
    ) -> Result<Gpu, GpuError> {
        let device = Device::open(&options)?;
        let adapter = device.adapter.clone();
        let fault = |fault| GpuError::Fault { adapter: adapter.name.clone(), fault };
        let network = Network::new(device, &graph, &options, 0).map_err(fault)?;
        let cpu = make_cpu();
        check::check(&network, &graph, probe, &cpu, options.precision)?;
        Ok(Gpu {
            graph,
            options,
            adapter,
            make_cpu: Box::new(make_cpu),
            cpu: OnceLock::new(),
            state: Mutex::new(State::Device(Arc::new(network), 1)),
        })
    }

    /// What it computes.
    pub fn graph(&self) -> &Graph {
        &self.graph
    }

    /// The adapter that was chosen.
    pub fn adapter(&self) -> &Adapter {
        &self.adapter
    }

    /// The precision of activations and weights.
    pub fn precision(&self) -> Precision {
        self.options.precision
    }

    fn state(&self) -> State {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn cpu(&self) -> &Cpu {
        self.cpu.get_or_init(|| (self.make_cpu)())
    }

    /// Whether the device was given up for the CPU.
    pub fn fell_back(&self) -> bool {
        matches!(self.state(), State::Cpu)
    }

    /// Submissions, waits and readbacks so far.
    pub fn counts(&self) -> [usize; 3] {
        match self.state() {
            State::Device(network, _) => {
                let counts = network.counts();
                [&counts.submits, &counts.waits, &counts.readbacks]
                    .map(|c| c.load(std::sync::atomic::Ordering::Relaxed))
            }
            State::Cpu => [0; 3],
        }
    }

    /// The memory that a batch takes, if it fits the device in one part.
    pub fn memory(&self, inputs: &[Shape], kept: &[Value], batch: usize) -> Option<Memory> {
        match self.state() {
            State::Device(network, _) => {
                let planned = network.planned(&self.graph, inputs, kept, batch).ok()?;
                Some(network.memory(&planned, &self.graph))
            }
            State::Cpu => None,
        }
    }

    /// Runs a batch.
    pub fn run(&self, batch: &mut Batch<'_>) -> Result<(), EngineError> {
        loop {
            let State::Device(network, made) = self.state() else {
                return self.cpu().run(batch);
            };
            match network.run(&self.graph, batch) {
                Ok(()) => return Ok(()),
                Err(Failure::Engine(error)) => return Err(error),
                Err(Failure::TooLarge { what, needed, allowed }) => {
                    (self.options.warn)(&format!(
                        "{}: a record needs {needed} {what}, {allowed} are allowed; using the CPU for it",
                        self.adapter.name
                    ));
                    return self.cpu().run(batch);
                }
                Err(Failure::Fault(fault)) => self.recover(made, &fault),
            }
        }
    }

    /// Makes the device anew after the first failure, gives it up after the second.
    fn recover(&self, made: usize, fault: &Fault) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        match &*state {
            // Another thread was here first.
            State::Cpu => return,
            State::Device(_, now) if *now != made => return,
            State::Device(..) => {}
        }
        let name = &self.adapter.name;
        if made == 1 {
            let again = Device::open(&self.options)
                .and_then(|device| {
                    Network::new(device, &self.graph, &self.options, 0)
                        .map_err(|fault| GpuError::Fault { adapter: name.clone(), fault })
                })
                .ok();
            if let Some(network) = again {
                (self.options.warn)(&format!(
                    "{name}: {fault}; it was set up anew and the batch is run again"
                ));
                *state = State::Device(Arc::new(network), 2);
                return;
            }
        }
        (self.options.warn)(&format!("{name}: {fault}; using the CPU from here on"));
        *state = State::Cpu;
    }
}
