//! A graph on a device: its weights there, its plans, its runs.
//!
//! A batch is one submission: the inputs are copied from a mapped buffer into the arena, every node is one dispatch,
//! and the wanted values are copied into another mapped buffer. A batch larger than the device's limits allow is cut
//! into parts, of which two are under way at any time, so that one is filled or read while the other computes.

use super::device::Device;
use super::error::DeviceError;
use super::layout::{self, BindingSource, Failure, Layout, Limits};
use super::options::{Fail, GpuOptions, Stage};
use super::pipelines::{Pipeline, Pipelines};
use super::rows::{read_matrix, write_row};
use super::timestamps::{Queries, Timeline};
use crate::Batch;
use crate::graph::{Graph, Value};
use efficientecg_kernels::gpu::{ALIGN, Element, Storage, pitch};
use efficientecg_kernels::tensor::Shape;
use std::collections::VecDeque;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
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
    batch: usize,
    timeout: Duration,
    fail: Option<Fail>,
    /// Bytes between values, to find writes outside of them.
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
    batch: usize,
    pub(super) layout: Layout,
    pub(super) arena: wgpu::Buffer,
    nodes: Vec<(Arc<Pipeline>, wgpu::BindGroup)>,
    /// The bytes of each input in a frame's upload.
    pub(super) uploads: Vec<Range<usize>>,
    /// The bytes of each kept value in a frame's readback.
    pub(super) readbacks: Vec<Range<usize>>,
    frames: Mutex<Vec<StagingBuffers>>,
    /// Whether a batch of it was held against the CPU's.
    pub(super) trusted: AtomicBool,
}

/// The mapped buffers of a submission.
struct StagingBuffers {
    upload: wgpu::Buffer,
    readback: wgpu::Buffer,
}

/// A submission under way.
struct InFlight {
    planned: Arc<DevicePlan>,
    frame: StagingBuffers,
    index: wgpu::SubmissionIndex,
    /// How each of the two mappings went. Another thread's wait may be what calls back.
    mapped: Receiver<bool>,
    /// The first record.
    first: usize,
    queries: Option<Queries>,
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
        Ok(Network {
            device,
            pipelines,
            weights,
            places,
            plans: Mutex::default(),
            batch: options.batch.unwrap_or(usize::MAX).max(1),
            timeout: options.timeout,
            fail: options.fail.clone(),
            guard,
            counts: Counts::default(),
        })
    }

    pub(super) fn counts(&self) -> &Counts {
        &self.counts
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
        let layout = Layout::new(graph, inputs, kept, batch, device.traits, device.limits, self.guard)?;
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
        layout: Layout,
        arena: wgpu::Buffer,
    ) -> Result<DevicePlan, DeviceError> {
        let device = &self.device;
        let programs = graph.nodes().iter().map(|s| s.op.shader().program());
        let launches: Vec<_> = programs.zip(layout.dispatches.iter().map(|d| &d.launch)).collect();
        let pipelines = self.pipelines.get(device, &launches)?;
        let usage = wgpu::BufferUsages::UNIFORM | wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_DST;
        let dims = device.buffer("dims", layout.dims, usage, true)?;
        {
            let whole = dims.slice(..);
            let mut mapped =
                whole.get_mapped_range_mut().map_err(|e| DeviceError::Driver(super::device::one_line(&e)))?;
            for dispatch in &layout.dispatches {
                let bytes: &[u8] = bytemuck::cast_slice(&dispatch.launch.dims);
                mapped.slice(dispatch.dims.start..dispatch.dims.start + bytes.len()).copy_from_slice(bytes);
            }
        }
        dims.unmap();
        let mut nodes = Vec::new();
        for (index, (pipeline, dispatch)) in pipelines.into_iter().zip(&layout.dispatches).enumerate() {
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
            nodes.push((pipeline, group));
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

    /// Runs a batch, in parts if it must be, with the times of its nodes where someone wants them. Gives the plans that
    /// are not trusted yet, each with the first record that it computed.
    pub(super) fn run(
        &self,
        graph: &Graph,
        batch: &mut Batch<'_>,
        mut timeline: Option<&mut Timeline>,
    ) -> Result<Vec<(Arc<DevicePlan>, usize)>, Failure> {
        let inputs: Vec<Shape> = batch.inputs.iter().map(|(s, _)| *s).collect();
        crate::check_lengths(batch, &layout::shapes(graph, &inputs)?.0)?;
        let kept: Vec<Value> = batch.outputs.iter().map(|(v, _)| *v).collect();
        let mut part = self.batch.min(batch.size);
        let mut flights: VecDeque<InFlight> = VecDeque::new();
        let mut untrusted: Vec<(Arc<DevicePlan>, usize)> = Vec::new();
        let mut first = 0;
        while first < batch.size {
            let size = part.min(batch.size - first);
            let planned = match self.planned(graph, &inputs, &kept, size) {
                Err(Failure::TooLarge { .. }) if size > 1 => {
                    part = size.div_ceil(2);
                    continue;
                }
                other => other?,
            };
            if flights.len() == 2
                && let Some(flight) = flights.pop_front()
            {
                self.land(flight, batch, timeline.as_deref_mut())?;
            }
            let queries = match timeline.as_deref_mut() {
                Some(timeline) => Queries::new(&self.device, graph.nodes().len(), timeline)?,
                None => None,
            };
            if !planned.trusted.load(Ordering::Relaxed)
                && untrusted.iter().all(|(p, _)| !Arc::ptr_eq(p, &planned))
            {
                untrusted.push((Arc::clone(&planned), first));
            }
            flights.push_back(self.launch(graph, planned, batch, first, queries)?);
            first += size;
        }
        for flight in flights {
            self.land(flight, batch, timeline.as_deref_mut())?;
        }
        Ok(untrusted)
    }

    /// Fills a frame with the records from `first` on and submits it.
    fn launch(
        &self,
        graph: &Graph,
        planned: Arc<DevicePlan>,
        batch: &Batch<'_>,
        first: usize,
        queries: Option<Queries>,
    ) -> Result<InFlight, Failure> {
        let device = &self.device;
        self.inject(Stage::Submit)?;
        device.check()?;
        let free = match &queries {
            // Its readback must hold the timestamps too.
            Some(_) => None,
            None => planned.frames.lock().unwrap_or_else(PoisonError::into_inner).pop(),
        };
        let stamps = queries.as_ref().map_or(0, Queries::bytes);
        let frame = match free {
            Some(frame) => frame,
            None => {
                let up = wgpu::BufferUsages::MAP_WRITE | wgpu::BufferUsages::COPY_SRC;
                let down = wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST;
                StagingBuffers {
                    upload: device.buffer("upload", end(&planned.uploads), up, true)?,
                    readback: device.buffer("readback", end(&planned.readbacks) + stamps, down, false)?,
                }
            }
        };
        let refused = |e: &dyn std::fmt::Display| DeviceError::Driver(super::device::one_line(&e));
        {
            let whole = frame.upload.slice(..);
            let mut mapped =
                whole.get_mapped_range_mut().map_err(|e| device.check().err().unwrap_or(refused(&e)))?;
            if self.guard > 0 {
                // What lies between the values must not matter.
                mapped.slice(..).copy_from_slice(&vec![0x7f; end(&planned.uploads).max(4)]);
            }
            for (value, ((shape, data), range)) in
                graph.inputs().iter().zip(batch.inputs.iter().zip(&planned.uploads))
            {
                let data = &data[first * shape.len()..][..planned.batch * shape.len()];
                let halves = planned.layout.elements[value.index()] == Element::Four
                    && device.traits.storage != Storage::F32;
                let pitch = if halves { 2 } else { 4 } * pitch(shape.cols);
                for (row, at) in data.chunks_exact(shape.cols).zip((range.start..).step_by(pitch)) {
                    write_row(&mut mapped, at, row, halves);
                }
            }
        }
        frame.upload.unmap();

        let mut encoder =
            device.device.create_command_encoder(&wgpu::CommandEncoderDescriptor { label: Some("batch") });
        for (value, range) in graph.inputs().iter().zip(&planned.uploads) {
            let place = &planned.layout.places[value.index()];
            encoder.copy_buffer_to_buffer(
                &frame.upload,
                range.start as u64,
                &planned.arena,
                place.start as u64,
                range.len() as u64,
            );
        }
        planned.encode(&mut encoder, queries.as_ref());
        for (value, range) in planned.kept.iter().zip(&planned.readbacks) {
            let place = &planned.layout.places[value.index()];
            encoder.copy_buffer_to_buffer(
                &planned.arena,
                place.start as u64,
                &frame.readback,
                range.start as u64,
                range.len() as u64,
            );
        }
        if let Some(queries) = &queries {
            queries.resolve(&mut encoder, &frame.readback, end(&planned.readbacks));
        }
        let (done, mapped) = channel();
        for (buffer, mode) in [(&frame.upload, wgpu::MapMode::Write), (&frame.readback, wgpu::MapMode::Read)]
        {
            let done = done.clone();
            encoder.map_buffer_on_submit(buffer, mode, .., move |result| {
                // Nobody listens any more if the batch was given up.
                let _ = done.send(result.is_ok());
            });
        }
        let commands = encoder.finish();
        device.check()?;
        let index = device.queue.submit([commands]);
        self.counts.submits.fetch_add(1, Ordering::Relaxed);
        device.check()?;
        Ok(InFlight { planned, frame, index, mapped, first, queries })
    }

    /// Fails as a test asks for.
    fn inject(&self, stage: Stage) -> Result<(), DeviceError> {
        match self.fail.as_ref().and_then(|fail| fail(stage)) {
            // What follows meets a device that is gone.
            Some(DeviceError::Lost(_)) => self.device.device.destroy(),
            Some(DeviceError::Driver(_)) => std::panic::resume_unwind(Box::new(())),
            Some(failure) => return Err(failure),
            None => {}
        }
        Ok(())
    }

    /// Waits for a submission and copies its results out.
    fn land(
        &self,
        flight: InFlight,
        batch: &mut Batch<'_>,
        timeline: Option<&mut Timeline>,
    ) -> Result<(), Failure> {
        let device = &self.device;
        let InFlight { planned, frame, index, mapped, first, queries } = flight;
        let wait = wgpu::PollType::Wait { submission_index: Some(index), timeout: Some(self.timeout) };
        self.counts.waits.fetch_add(1, Ordering::Relaxed);
        self.inject(Stage::Wait)?;
        let polled = device.device.poll(wait);
        device.check()?;
        match polled {
            Ok(_) => {}
            Err(wgpu::PollError::Timeout) => return Err(DeviceError::Timeout(self.timeout.as_secs()).into()),
            // The submission never was: the device had gone before.
            Err(wgpu::PollError::WrongSubmissionIndex(..)) => {
                return Err(DeviceError::Lost("it took no submission".to_owned()).into());
            }
        }
        for _ in 0..2 {
            match mapped.recv_timeout(self.timeout) {
                Ok(true) => {}
                Ok(false) | Err(RecvTimeoutError::Disconnected) => {
                    return Err(DeviceError::Lost("its results cannot be read".to_owned()).into());
                }
                Err(RecvTimeoutError::Timeout) => {
                    return Err(DeviceError::Timeout(self.timeout.as_secs()).into());
                }
            }
        }
        {
            let view = frame.readback.slice(..).get_mapped_range();
            let view = view.map_err(|e| DeviceError::Driver(super::device::one_line(&e)))?;
            self.counts.readbacks.fetch_add(1, Ordering::Relaxed);
            for ((value, data), range) in batch.outputs.iter_mut().zip(&planned.readbacks) {
                let shape = planned.layout.shapes[value.index()];
                let data = &mut data[first * shape.len()..][..planned.batch * shape.len()];
                let element = planned.layout.elements[value.index()];
                read_matrix(&view[range.clone()], element, device.traits.storage, shape, data);
            }
            if let (Some(queries), Some(timeline)) = (&queries, timeline) {
                let ticks = queries.read(&view[end(&planned.readbacks)..][..queries.bytes()]);
                timeline.add(&ticks, planned.batch, f64::from(device.queue.get_timestamp_period()));
            }
        }
        frame.readback.unmap();
        if queries.is_some() {
            return Ok(());
        }
        let mut frames = planned.frames.lock().unwrap_or_else(PoisonError::into_inner);
        if frames.len() < 2 {
            frames.push(frame);
        }
        Ok(())
    }
}

impl DevicePlan {
    /// The dispatches of all nodes: in one pass, or in one each between timestamps.
    fn encode(&self, encoder: &mut wgpu::CommandEncoder, queries: Option<&Queries>) {
        let node = |pass: &mut wgpu::ComputePass<'_>, at: usize| {
            let (pipeline, group) = &self.nodes[at];
            pass.set_pipeline(&pipeline.pipeline);
            pass.set_bind_group(0, group, &[]);
            let [x, y, z] = self.layout.dispatches[at].launch.grid.map(|g| g as u32);
            pass.dispatch_workgroups(x, y, z);
        };
        let Some(queries) = queries else {
            let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor::default());
            return (0..self.nodes.len()).for_each(|at| node(&mut pass, at));
        };
        for at in 0..self.nodes.len() {
            let timestamp_writes = Some(queries.around(at));
            let mut pass =
                encoder.begin_compute_pass(&wgpu::ComputePassDescriptor { label: None, timestamp_writes });
            node(&mut pass, at);
        }
    }
}

/// Where the last of a row of ranges ends.
pub(super) fn end(ranges: &[Range<usize>]) -> usize {
    ranges.last().map_or(0, |r| r.end)
}
