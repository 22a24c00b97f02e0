//! A graph on a device: its weights there, and its plans. What runs them is in `submission.rs`.

use super::choices::Choices;
use super::device::Device;
use super::error::DeviceError;
use super::layout::{BatchLayout, BindingSource, Dispatch, Failure, Limits, Target};
use super::options::GpuOptions;
use super::pipelines::{Pipeline, Pipelines};
use super::tuned;
use super::variants::Variants;
use crate::graph::{Graph, Value};
use efficientecg_kernels::gpu::ALIGN;
use efficientecg_kernels::tensor::Shape;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicUsize};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Plans kept for later runs; the least recently used goes first.
const PLANS: usize = 16;

/// A graph on a device.
pub(super) struct Network {
    pub(super) device: Device,
    pipelines: Pipelines,
    weights: wgpu::Buffer,
    /// The bytes of each node's weights.
    pub(super) places: Vec<Vec<Range<usize>>>,
    plans: Mutex<Plans>,
    /// The most records of a submission, where a number was asked for.
    pub(super) batch: Option<usize>,
    pub(super) choices: Choices,
    /// How long to wait for a submission.
    pub(super) timeout: Duration,
    #[cfg(feature = "testing")]
    pub(super) hooks: super::testing::Hooks,
    pub(super) variants: Variants,
    guard: usize,
    counts: Counts,
}

/// What has been asked of the device so far.
#[derive(Default)]
pub(super) struct Counts {
    pub(super) submits: AtomicUsize,
    pub(super) waits: AtomicUsize,
    pub(super) readbacks: AtomicUsize,
}

#[derive(Default)]
struct Plans {
    /// Shared by all plans, as the queue runs one submission after another.
    arena: Option<wgpu::Buffer>,
    plans: Vec<Arc<DevicePlan>>,
}

/// A batch laid out, with all that its runs use.
pub(super) struct DevicePlan {
    inputs: Vec<Shape>,
    pub(super) kept: Vec<Value>,
    pub(super) batch: usize,
    pub(super) layout: BatchLayout,
    pub(super) arena: wgpu::Buffer,
    /// What each node dispatches, one after another.
    pub(super) nodes: Vec<Vec<(Arc<Pipeline>, wgpu::BindGroup)>>,
    /// The bytes of each input in a frame's upload.
    pub(super) uploads: Vec<Range<usize>>,
    /// The bytes of each kept value in a frame's readback.
    pub(super) readbacks: Vec<Range<usize>>,
    pub(super) frames: Mutex<Vec<StagingBuffers>>,
    /// Whether a batch of it was held against the CPU's.
    pub(super) trusted: AtomicBool,
}

/// The mapped buffers of a submission.
pub(super) struct StagingBuffers {
    pub(super) upload: wgpu::Buffer,
    pub(super) readback: wgpu::Buffer,
}

impl Network {
    /// Uploads a graph's weights to a device.
    pub(super) fn new(
        device: Device,
        graph: &Graph,
        options: &GpuOptions,
        guard: usize,
    ) -> Result<Network, DeviceError> {
        let mut places = Vec::new();
        let mut bytes: Vec<u8> = Vec::new();
        for node in graph.nodes() {
            let of_node = node.op.shader().weights().into_iter().map(|values| {
                let start = bytes.len();
                bytes.extend(values.bytes(device.traits.storage));
                // Ranges are bound whole, also where a kernel without that layer sees another type.
                bytes.resize(bytes.len().next_multiple_of(ALIGN).max(start + ALIGN), 0);
                start..bytes.len()
            });
            places.push(of_node.collect::<Vec<_>>());
        }
        let largest = places.iter().flatten().map(Range::len).max().unwrap_or(0);
        let Limits { binding, buffer, .. } = device.limits;
        if largest > binding || bytes.len() > buffer {
            return Err(DeviceError::Driver(format!(
                "the weights take {} bytes, {largest} of them in one layer, where {buffer} and {binding} are allowed",
                bytes.len()
            )));
        }
        let usage = wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_DST;
        let weights = device.buffer("weights", bytes.len(), usage, true)?;
        {
            let whole = weights.slice(..);
            let mapped = whole.get_mapped_range_mut();
            let mut mapped = mapped.map_err(|e| DeviceError::Driver(super::device::one_line(&e)))?;
            mapped.slice(..bytes.len()).copy_from_slice(&bytes);
        }
        weights.unmap();
        device.check()?;
        let pipelines = Pipelines::new(&device, options);
        let variants = Variants::new(device.class, device.traits, tuned::load(&device, options));
        Ok(Network {
            device,
            pipelines,
            weights,
            places,
            plans: Mutex::default(),
            batch: options.batch.map(|records| records.max(1)),
            choices: Choices::default(),
            timeout: options.timeout,
            #[cfg(feature = "testing")]
            hooks: options.hooks.clone(),
            variants,
            guard,
            counts: Counts::default(),
        })
    }

    /// What its batches are laid out for.
    pub(super) fn target(&self) -> Target<'_> {
        let Device { traits, limits, .. } = self.device;
        Target { traits, limits, variants: &self.variants, guard: self.guard }
    }

    pub(super) fn counts(&self) -> &Counts {
        &self.counts
    }

    /// Plans batches anew, in other variants.
    pub(super) fn forget_plans(&self) {
        self.plans.lock().unwrap_or_else(PoisonError::into_inner).plans.clear();
    }

    /// The plan for a batch; the first of its kind makes it.
    pub(super) fn planned(
        &self,
        graph: &Graph,
        inputs: &[Shape],
        kept: &[Value],
        batch: usize,
    ) -> Result<Arc<DevicePlan>, Failure> {
        let mut plans = self.plans.lock().unwrap_or_else(PoisonError::into_inner);
        let fits = |p: &Arc<DevicePlan>| p.batch == batch && p.inputs == inputs && p.kept == kept;
        if let Some(at) = plans.plans.iter().position(fits) {
            plans.plans[at..].rotate_left(1);
            return Ok(Arc::clone(&plans.plans[plans.plans.len() - 1]));
        }
        let device = &self.device;
        let layout = BatchLayout::new(graph, inputs, kept, batch, self.target())?;
        if plans.arena.as_ref().is_none_or(|arena| arena.size() < layout.arena as u64) {
            // The plans hold the smaller one: they go with it.
            plans.plans.clear();
            plans.arena = None;
            let usage =
                wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_SRC | wgpu::BufferUsages::COPY_DST;
            plans.arena = Some(device.buffer("arena", layout.arena, usage, false)?);
        }
        let Some(arena) = plans.arena.clone() else {
            return Err(DeviceError::OutOfMemory.into());
        };
        let planned = Arc::new(self.plan(graph, inputs, kept, batch, layout, arena)?);
        if plans.plans.len() == PLANS {
            plans.plans.remove(0);
        }
        plans.plans.push(Arc::clone(&planned));
        Ok(planned)
    }

    fn plan(
        &self,
        graph: &Graph,
        inputs: &[Shape],
        kept: &[Value],
        batch: usize,
        layout: BatchLayout,
        arena: wgpu::Buffer,
    ) -> Result<DevicePlan, DeviceError> {
        let device = &self.device;
        let launches: Vec<_> = layout.dispatches().map(|d| &d.launch).collect();
        let pipelines = self.pipelines.get(device, &launches)?;
        let usage = wgpu::BufferUsages::UNIFORM | wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_DST;
        let dims = device.buffer("dims", layout.dims, usage, true)?;
        {
            let whole = dims.slice(..);
            let mut mapped =
                whole.get_mapped_range_mut().map_err(|e| DeviceError::Driver(super::device::one_line(&e)))?;
            for dispatch in layout.dispatches() {
                let bytes: &[u8] = bytemuck::cast_slice(&dispatch.launch.dims);
                mapped.slice(dispatch.dims.start..dispatch.dims.start + bytes.len()).copy_from_slice(bytes);
            }
        }
        dims.unmap();
        let mut nodes = Vec::new();
        let mut pipelines = pipelines.into_iter();
        for (index, node) in layout.nodes.iter().enumerate() {
            let bind = |(dispatch, pipeline): (&Dispatch, Arc<Pipeline>)| {
                let range = |buffer, range: &Range<usize>| {
                    wgpu::BindingResource::Buffer(wgpu::BufferBinding {
                        buffer,
                        offset: range.start as u64,
                        size: std::num::NonZero::new(range.len() as u64),
                    })
                };
                let mut entries =
                    vec![wgpu::BindGroupEntry { binding: 0, resource: range(&dims, &dispatch.dims) }];
                for (i, bound) in dispatch.bound.iter().enumerate() {
                    let resource = match bound {
                        BindingSource::Arena(place) => range(&arena, place),
                        BindingSource::Weight(w) => range(&self.weights, &self.places[index][*w]),
                    };
                    entries.push(wgpu::BindGroupEntry { binding: 1 + i as u32, resource });
                }
                let group = device.device.create_bind_group(&wgpu::BindGroupDescriptor {
                    label: Some(&graph.nodes()[index].label),
                    layout: &pipeline.layout,
                    entries: &entries,
                });
                (pipeline, group)
            };
            nodes.push(node.dispatches.iter().zip(pipelines.by_ref()).map(bind).collect());
        }
        let pack = |values: &[Value]| -> Vec<Range<usize>> {
            let mut at = 0;
            let place = |v: &Value| {
                let range = at..at + layout.places[v.index()].len();
                at = range.end;
                range
            };
            values.iter().map(place).collect()
        };
        let (uploads, readbacks) = (pack(graph.inputs()), pack(kept));
        device.check()?;
        Ok(DevicePlan {
            inputs: inputs.to_vec(),
            kept: kept.to_vec(),
            batch,
            layout,
            arena,
            nodes,
            uploads,
            readbacks,
            frames: Mutex::default(),
            trusted: AtomicBool::new(false),
        })
    }
}
