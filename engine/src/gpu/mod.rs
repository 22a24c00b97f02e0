//! Runs a graph's shaders on a GPU: the only user of wgpu.
//!
//! [`Gpu`] is shared by threads and runs batches by `&self`. When it is made, it compares the
//! device with the references, node by node, on inputs that the caller gives. The first batch of every shape is compared with
//! the CPU. A device that fails during a run is opened again once. If that one fails soon, the CPU computes this batch and all
//! later ones. Either way the results are complete.
//!
//! In a browser ([`wgpu`]'s WebGPU) there is no thread to wait on and no clock: what blocks or measures is native alone.

#![cfg_attr(target_family = "wasm", allow(dead_code))]

mod cache;
mod check;
mod choices;
mod crossover;
mod device;
mod error;
mod landing;
mod layout;
mod memory;
mod network;
mod options;
mod pipelines;
mod profile;
mod rows;
mod submission;
#[cfg(not(target_family = "wasm"))]
mod system;
#[cfg(feature = "testing")]
mod testing;
#[cfg(test)]
mod tests;
mod timestamps;
#[cfg(not(target_family = "wasm"))]
mod timing;
#[cfg(not(target_family = "wasm"))]
mod tune;
mod tuned;
mod variants;
#[cfg(not(target_family = "wasm"))]
mod wait;
#[cfg(not(target_family = "wasm"))]
mod whole;

use crate::clock::Moment;
use crate::cpu::Cpu;
use crate::error::EngineError;
use crate::graph::{Graph, Value};
use crate::{Batch, Precision};
use choices::Choices;
use device::Device;
use efficientecg_kernels::tensor::Shape;
use error::caught_async;
use layout::Failure;
use network::{DevicePlan, Network};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
#[cfg(not(target_family = "wasm"))]
use wait::block_on;

pub use check::Probe;
#[cfg(not(target_family = "wasm"))]
pub use device::adapters;
pub use device::{Adapter, hardware};
pub use error::{DeviceError, GpuError};
pub use memory::Memory;
pub use options::{GpuFeatures, GpuOptions};
#[cfg(feature = "testing")]
pub use testing::FailPoint;
#[cfg(not(target_family = "wasm"))]
pub use tune::{TunedNode, Tuning};
#[cfg(not(target_family = "wasm"))]
pub use whole::WholeRun;

/// A device that was opened again may be opened once more after this many submissions.
const TRUSTED_AGAIN: usize = 100;

/// A graph on a GPU, with the CPU behind it.
pub struct Gpu {
    graph: Arc<Graph>,
    options: GpuOptions,
    probe: Probe,
    adapter: Adapter,
    /// Makes the CPU's engine when it is needed.
    make_cpu: Box<dyn Fn() -> Cpu + Send + Sync>,
    cpu: OnceLock<Cpu>,
    state: Mutex<State>,
    /// Batches of fewer records of the usual length go to the CPU.
    crossover: usize,
    /// Samples of a record of that length, over all leads.
    usual: usize,
    /// What making it ready took, in seconds.
    phases: Vec<(&'static str, f64)>,
}

/// Where batches go.
#[derive(Clone)]
enum State {
    /// To the device, and which one it is, from 1.
    Device(Arc<Network>, usize),
    /// To the CPU while a device is made anew.
    Waiting,
    /// To the CPU, for good.
    Cpu,
}

/// What a device computed of a batch, with the plans that are not trusted yet and the first record of each.
type OnDevice<T> = Result<(T, Vec<(Arc<DevicePlan>, usize)>), Failure>;

impl Gpu {
    /// [`Gpu::open`], on this thread, which a browser does not let wait.
    #[cfg(not(target_family = "wasm"))]
    pub fn new(
        graph: Arc<Graph>,
        options: GpuOptions,
        probe: Probe,
        make_cpu: impl Fn() -> Cpu + Send + Sync + 'static,
    ) -> Result<Gpu, GpuError> {
        block_on(Gpu::open(graph, options, probe, make_cpu))
    }

    /// Makes a device ready for a graph and checks it with `probe`. Where it fails later, the engine that `make_cpu` gives
    /// computes. Natively nothing but [`Gpu::new`] lets the device call back.
    pub async fn open(
        graph: Arc<Graph>,
        options: GpuOptions,
        probe: Probe,
        make_cpu: impl Fn() -> Cpu + Send + Sync + 'static,
    ) -> Result<Gpu, GpuError> {
        let (network, phases) = open(&graph, &options, &probe).await?;
        let adapter = network.device.adapter.clone();
        Ok(Gpu {
            graph,
            options,
            probe,
            adapter,
            make_cpu: Box::new(make_cpu),
            cpu: OnceLock::new(),
            state: Mutex::new(State::Device(Arc::new(network), 1)),
            crossover: 0,
            usual: 1,
            phases,
        })
    }

    /// What it computes.
    pub fn graph(&self) -> &Graph {
        &self.graph
    }

    /// What making it ready took: the name of each phase, and its seconds.
    pub fn phases(&self) -> &[(&'static str, f64)] {
        &self.phases
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

    /// What computes, for people.
    pub fn describe(&self) -> String {
        let Adapter { name, backend, .. } = &self.adapter;
        match self.state() {
            State::Waiting | State::Cpu => format!("cpu, after a failure of {name}"),
            State::Device(network, _) => {
                let traits = network.device.traits;
                let storage = choices::name(traits.storage);
                let subgroups = if traits.subgroups { ", subgroups" } else { "" };
                let matrices = if traits.cooperative.is_some() { ", cooperative-matrix" } else { "" };
                let cpu = match self.crossover {
                    0 | 1 => String::new(),
                    usize::MAX => "; the cpu is faster".to_owned(),
                    n => format!("; the cpu below {n} records"),
                };
                format!("gpu ({name}, {backend}, {storage}{subgroups}{matrices}{cpu})")
            }
        }
    }

    /// Whether the device was given up for the CPU.
    pub fn fell_back(&self) -> bool {
        matches!(self.state(), State::Cpu)
    }

    /// Submissions, waits and readbacks so far, for tests.
    #[cfg(feature = "testing")]
    pub fn counts(&self) -> [usize; 3] {
        match self.state() {
            State::Device(network, _) => {
                let counts = network.counts();
                [&counts.submits, &counts.waits, &counts.readbacks].map(|c| c.load(Ordering::Relaxed))
            }
            State::Waiting | State::Cpu => [0; 3],
        }
    }

    /// The memory that a batch takes, if it fits the device in one part.
    pub fn memory(&self, inputs: &[Shape], kept: &[Value], batch: usize) -> Option<Memory> {
        match self.state() {
            State::Device(network, _) => network.memory(&self.graph, inputs, kept, batch).ok(),
            State::Waiting | State::Cpu => None,
        }
    }

    /// Runs a batch on this thread: in a browser, which does not let it wait for a device, on the CPU.
    pub fn run(&self, batch: &mut Batch<'_>) -> Result<(), EngineError> {
        #[cfg(not(target_family = "wasm"))]
        let done = block_on(self.run_async(batch));
        #[cfg(target_family = "wasm")]
        let done = self.cpu().run(batch);
        done
    }

    /// Runs a batch without blocking, but for what the CPU computes of it and, in the first of its shape, for compiling.
    pub async fn run_async(&self, batch: &mut Batch<'_>) -> Result<(), EngineError> {
        let on_device = async |network: &Network, batch: &mut Batch<'_>| {
            network.run(&self.graph, batch, None).await.map(|untrusted| ((), untrusted))
        };
        self.compute(batch, on_device, Cpu::run).await
    }

    /// Computes a batch `on_device`, or `on_cpu` where that is faster or the device fails.
    async fn compute<T>(
        &self,
        batch: &mut Batch<'_>,
        on_device: impl AsyncFn(&Network, &mut Batch<'_>) -> OnDevice<T>,
        on_cpu: impl Fn(&Cpu, &mut Batch<'_>) -> Result<T, EngineError>,
    ) -> Result<T, EngineError> {
        let samples = batch.inputs.first().map_or(0, |(shape, _)| shape.len());
        if self.faster_on_cpu(batch.size, samples) {
            return on_cpu(self.cpu(), batch);
        }
        // Each batch has a second try, no third.
        for _ in 0..2 {
            let State::Device(network, made) = self.state() else { break };
            let done = caught_async(on_device(&network, batch)).await;
            match done.unwrap_or_else(|failure| Err(failure.into())) {
                Ok((done, untrusted)) => match self.trust(&untrusted, batch)? {
                    Ok(()) => return Ok(done),
                    Err(error) => {
                        self.give_up(made, &error.to_string());
                        break;
                    }
                },
                Err(Failure::Engine(error)) => return Err(error),
                Err(Failure::TooLarge { what, needed, allowed }) => {
                    (self.options.warn)(&format!(
                        "{}: a record needs {needed} {what}, and the GPU allows {allowed}; the CPU runs it",
                        self.adapter.name
                    ));
                    break;
                }
                Err(Failure::Device(failure)) => {
                    // Its memory must be free before another device takes as much.
                    drop(network);
                    self.recover(made, &failure).await;
                }
            }
        }
        on_cpu(self.cpu(), batch)
    }

    /// Holds the first record of each plan's first batch against the CPU's: a kernel may be wrong for shapes or
    /// workgroup tiles that the self-test had not.
    fn trust(
        &self,
        untrusted: &[(Arc<DevicePlan>, usize)],
        batch: &Batch<'_>,
    ) -> Result<Result<(), GpuError>, EngineError> {
        for (planned, first) in untrusted {
            let inputs: Vec<(Shape, &[f32])> = batch
                .inputs
                .iter()
                .map(|(shape, data)| (*shape, &data[first * shape.len()..][..shape.len()]))
                .collect();
            let mut want: Vec<Vec<f32>> =
                batch.outputs.iter().map(|(_, data)| vec![0.0; data.len() / batch.size]).collect();
            let mut outputs: Vec<(Value, &mut [f32])> =
                batch.outputs.iter().map(|(v, _)| *v).zip(want.iter_mut().map(Vec::as_mut_slice)).collect();
            self.cpu().run(&mut Batch { size: 1, inputs: &inputs, outputs: &mut outputs })?;
            let made = batch.outputs.iter().zip(&want).map(|((value, data), want)| {
                (*value, &data[first * want.len()..][..want.len()], want.as_slice())
            });
            if let Err(error) =
                check::against_cpu(&self.graph, &self.adapter.name, made, self.options.precision)
            {
                return Ok(Err(error));
            }
            planned.trusted.store(true, Ordering::Relaxed);
        }
        Ok(Ok(()))
    }

    /// Leaves batches to the CPU from here on.
    fn give_up(&self, made: usize, why: &str) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if matches!(&*state, State::Device(_, now) if *now == made) {
            *state = State::Cpu;
            (self.options.warn)(&format!("{why}; using the CPU from here on"));
        }
    }

    /// Opens a failed device again, unless it hangs, or was opened again shortly before.
    async fn recover(&self, made: usize, failure: &DeviceError) {
        let name = &self.adapter.name;
        let network = {
            let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            match &*state {
                State::Device(_, now) if *now == made => {}
                // Another thread was here first.
                _ => return,
            }
            match std::mem::replace(&mut *state, State::Waiting) {
                State::Device(network, _) => network,
                State::Waiting | State::Cpu => return,
            }
        };
        let served = network.counts().submits.load(Ordering::Relaxed);
        let next = if matches!(failure, DeviceError::Timeout(_)) {
            // To drop a device that hangs would wait for it.
            std::mem::forget(network);
            Err(failure.to_string())
        } else {
            drop(network);
            if made == 1 || served >= TRUSTED_AGAIN {
                open(&self.graph, &self.options, &self.probe)
                    .await
                    .map_err(|error| format!("{failure}, and then: {error}"))
            } else {
                Err(failure.to_string())
            }
        };
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        match next {
            Ok((network, _)) => {
                *state = State::Device(Arc::new(network), made + 1);
                let line = format!("{name}: {failure}; it was opened again, and the batch runs again");
                (self.options.warn)(&line);
            }
            Err(why) => {
                *state = State::Cpu;
                (self.options.warn)(&format!("{name}: {why}; using the CPU from here on"));
            }
        }
    }
}

/// What was done, and the seconds it took.
type Phases = Vec<(&'static str, f64)>;

/// Opens a device, uploads the graph's weights and checks the results.
async fn open(graph: &Graph, options: &GpuOptions, probe: &Probe) -> Result<(Network, Phases), GpuError> {
    let adapter = || options.adapter.clone().unwrap_or_else(|| "the GPU".to_owned());
    caught_async(open_unguarded(graph, options, probe))
        .await
        .unwrap_or_else(|failure| Err(GpuError::Device { adapter: adapter(), error: failure }))
}

async fn open_unguarded(
    graph: &Graph,
    options: &GpuOptions,
    probe: &Probe,
) -> Result<(Network, Phases), GpuError> {
    let mut phases = Phases::new();
    let mut start = Moment::now();
    let mut phase = |name| {
        let begun = std::mem::replace(&mut start, Moment::now());
        phases.push((name, start.since(begun).as_secs_f64()));
    };
    let mut device = Device::open(options).await?;
    let inputs: Vec<Shape> = probe.inputs.iter().map(|(shape, _)| *shape).collect();
    let choices = Choices::load(&device, options, graph, &inputs);
    let chosen = choices.storage();
    chosen.into_iter().for_each(|storage| device.store_in(storage));
    phase("open the GPU");
    let mut network = match checked(device, graph, options, probe, &mut phase).await {
        Err(error) if chosen.is_some() => {
            // What was tuned must not take the GPU away.
            (options.warn)(&format!("{error}; the storage of activations that was tuned is not used"));
            let device = Device::open(options).await?;
            checked(device, graph, options, probe, &mut phase).await?
        }
        made => made?,
    };
    network.choices = choices;
    Ok((network, phases))
}

/// A network on a device, which passed its self-test.
async fn checked(
    device: Device,
    graph: &Graph,
    options: &GpuOptions,
    probe: &Probe,
    phase: &mut impl FnMut(&'static str),
) -> Result<Network, GpuError> {
    let adapter = device.adapter.name.clone();
    let network =
        Network::new(device, graph, options, 0).map_err(|error| GpuError::Device { adapter, error })?;
    phase("upload");
    check::check(&network, graph, probe, options.precision).await?;
    phase("pipelines and self-test");
    Ok(network)
}
