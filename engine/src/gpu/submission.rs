//! Runs of a network's plans.
//!
//! A batch is one submission: the inputs are copied from a mapped buffer into the arena, every node is a dispatch or two,
//! and the wanted values are copied into another mapped buffer. A batch larger than the device's limits allow is cut
//! into parts, of which two are under way at any time, so that one is filled or read while the other computes.

use super::error::DeviceError;
use super::landing::{Landing, Mappings, mappings};
use super::layout::Failure;
use super::network::{DevicePlan, Network, StagingBuffers};
use super::rows::{read_matrix, write_row};
#[cfg(feature = "testing")]
use super::testing::FailPoint;
use super::timestamps::{Queries, Timeline};
use crate::Batch;
use crate::clock::Moment;
use crate::graph::{Graph, Value};
use efficientecg_kernels::gpu::{Element, Storage, pitch};
use efficientecg_kernels::tensor::Shape;
use std::collections::VecDeque;
use std::ops::Range;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};

/// A submission under way.
struct InFlight {
    planned: Arc<DevicePlan>,
    frame: StagingBuffers,
    index: wgpu::SubmissionIndex,
    mapped: Mappings,
    /// The first record.
    first: usize,
    queries: Option<Queries>,
}

impl Network {
    /// Runs a batch, in parts if it must be, with the times of its nodes where someone wants them. Gives the plans that
    /// are not trusted yet, each with the first record that it computed.
    pub(super) async fn run(
        &self,
        graph: &Graph,
        batch: &mut Batch<'_>,
        mut timeline: Option<&mut Timeline>,
    ) -> Result<Vec<(Arc<DevicePlan>, usize)>, Failure> {
        let inputs: Vec<Shape> = batch.inputs.iter().map(|(s, _)| *s).collect();
        if batch.size == 0 {
            return Ok(crate::check_lengths(batch, &graph.shapes(&inputs)?).map(|()| Vec::new())?);
        }
        let kept: Vec<Value> = batch.outputs.iter().map(|(v, _)| *v).collect();
        let most = self.batch.or_else(|| self.choices.records(&inputs, batch.size)).unwrap_or(usize::MAX);
        let mut part = most.min(batch.size);
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
            crate::check_lengths(batch, &planned.layout.shapes)?;
            if flights.len() == 2
                && let Some(flight) = flights.pop_front()
            {
                self.land(flight, batch, timeline.as_deref_mut()).await?;
            }
            let queries = match timeline.as_deref_mut() {
                Some(timeline) => {
                    let nodes = planned.layout.nodes.iter();
                    timeline.variants = nodes.map(|node| node.variant.clone()).collect();
                    Queries::new(&self.device, graph.nodes().len(), timeline)?
                }
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
            self.land(flight, batch, timeline.as_deref_mut()).await?;
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
        #[cfg(feature = "testing")]
        self.inject(FailPoint::Submit)?;
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
            if self.target().guard > 0 {
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
        let (done, mapped) = mappings(2);
        for (buffer, mode) in [(&frame.upload, wgpu::MapMode::Write), (&frame.readback, wgpu::MapMode::Read)]
        {
            let done = done.clone();
            encoder.map_buffer_on_submit(buffer, mode, .., move |result| done.call(result.is_ok()));
        }
        let commands = encoder.finish();
        device.check()?;
        let index = device.queue.submit([commands]);
        self.counts().submits.fetch_add(1, Ordering::Relaxed);
        device.check()?;
        Ok(InFlight { planned, frame, index, mapped, first, queries })
    }

    /// Fails as a test asks for.
    #[cfg(feature = "testing")]
    fn inject(&self, point: FailPoint) -> Result<(), DeviceError> {
        match self.hooks.fail.as_ref().and_then(|fail| fail(point)) {
            // What follows meets a device that is gone.
            Some(DeviceError::Lost(_)) => self.device.device.destroy(),
            Some(DeviceError::Driver(_)) => std::panic::resume_unwind(Box::new(())),
            Some(failure) => return Err(failure),
            None => {}
        }
        Ok(())
    }

    /// Waits for a submission and copies its results out.
    async fn land(
        &self,
        flight: InFlight,
        batch: &mut Batch<'_>,
        timeline: Option<&mut Timeline>,
    ) -> Result<(), Failure> {
        let device = &self.device;
        let InFlight { planned, frame, index, mapped, first, queries } = flight;
        self.counts().waits.fetch_add(1, Ordering::Relaxed);
        #[cfg(feature = "testing")]
        self.inject(FailPoint::Wait)?;
        Landing { device, index, mappings: mapped, timeout: self.timeout, since: Moment::now() }.await?;
        {
            let view = frame.readback.slice(..).get_mapped_range();
            let view = view.map_err(|e| DeviceError::Driver(super::device::one_line(&e)))?;
            self.counts().readbacks.fetch_add(1, Ordering::Relaxed);
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
            for ((pipeline, group), dispatch) in self.nodes[at].iter().zip(&self.layout.nodes[at].dispatches)
            {
                pass.set_pipeline(&pipeline.pipeline);
                pass.set_bind_group(0, group, &[]);
                let [x, y, z] = dispatch.launch.grid.map(|g| g as u32);
                pass.dispatch_workgroups(x, y, z);
            }
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
fn end(ranges: &[Range<usize>]) -> usize {
    ranges.last().map_or(0, |r| r.end)
}
