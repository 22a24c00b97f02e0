//! The device's own clock: each node in a compute pass of its own between two timestamps, which come back with the
//! results in the one readback.

use super::device::Device;
use super::error::DeviceError;
use crate::profile::{NodeProfile, Span};

/// Bytes of a timestamp.
const STAMP: usize = 8;

/// What the device told of the parts of a batch so far.
#[derive(Default)]
pub(super) struct Timeline {
    /// The first timestamp of all: where the spans count from.
    origin: Option<u64>,
    parts: usize,
    spans: Vec<Span>,
    /// The variants of the first part's nodes.
    pub(super) variants: Vec<String>,
    /// What kept the nodes from being timed.
    failure: Option<String>,
}

impl Timeline {
    /// What the whole came to, in this many seconds.
    pub(super) fn profile(self, seconds: f64) -> NodeProfile {
        let Timeline { spans, failure, variants, .. } = self;
        let note = failure.map(|why| format!("nodes are not timed: {why}"));
        NodeProfile { spans, seconds, threads: 1, gpu: true, variants, note }
    }

    /// Notes that nodes could not be timed.
    pub(super) fn give_up(&mut self, why: impl Into<String>) {
        self.spans.clear();
        self.failure.get_or_insert_with(|| why.into());
    }

    /// Adds a part of `records` records: the begin and end of each node, in ticks of `period` nanoseconds.
    pub(super) fn add(&mut self, ticks: &[u64], records: usize, period: f64) {
        if self.failure.is_some() {
            return;
        }
        if let Err(why) = sound(ticks, period) {
            return self.give_up(why);
        }
        let origin = *self.origin.get_or_insert(ticks.first().copied().unwrap_or(0));
        let seconds = |from: u64, to: u64| to.saturating_sub(from) as f64 * period * 1e-9;
        let track = self.parts;
        self.parts += 1;
        self.spans.extend(ticks.chunks_exact(2).enumerate().map(|(node, t)| Span {
            node,
            track,
            threads: 1,
            records,
            start: seconds(origin, t[0]),
            seconds: seconds(t[0], t[1]),
        }));
    }
}

/// Fails unless timestamps can be durations: not all the same, and none before the one that was written before it.
fn sound(ticks: &[u64], period: f64) -> Result<(), String> {
    if !(period.is_finite() && period > 0.0) {
        return Err(format!("the driver says that a tick takes {period} ns"));
    }
    if ticks.first() == ticks.last() {
        return Err("the driver's timestamps are all the same".to_owned());
    }
    if !ticks.is_sorted() {
        return Err("the driver's timestamps run backwards".to_owned());
    }
    Ok(())
}

/// The timestamps of one submission, on their way.
pub(super) struct Queries {
    set: wgpu::QuerySet,
    /// Where they become numbers: a buffer that can be mapped cannot take them.
    resolved: wgpu::Buffer,
    nodes: usize,
}

impl Queries {
    /// Room for the timestamps of this many nodes; none, and a note of why, where the device has none.
    pub(super) fn new(
        device: &Device,
        nodes: usize,
        timeline: &mut Timeline,
    ) -> Result<Option<Queries>, DeviceError> {
        if !device.timestamps {
            timeline.give_up(format!("{} has no timestamps, or they are switched off", device.adapter.name));
            return Ok(None);
        }
        let (count, most) = (2 * nodes, wgpu::QUERY_SET_MAX_QUERIES as usize);
        if count == 0 || count > most {
            timeline.give_up(format!("{count} timestamps are needed, from 1 to {most} can be had"));
            return Ok(None);
        }
        let set = device.device.create_query_set(&wgpu::QuerySetDescriptor {
            label: Some("profile"),
            ty: wgpu::QueryType::Timestamp,
            count: count as u32,
        });
        let usage = wgpu::BufferUsages::QUERY_RESOLVE | wgpu::BufferUsages::COPY_SRC;
        let resolved = device.buffer("timestamps", STAMP * count, usage, false)?;
        Ok(Some(Queries { set, resolved, nodes }))
    }

    /// Bytes that they take in a readback.
    pub(super) fn bytes(&self) -> usize {
        2 * STAMP * self.nodes
    }

    /// The timestamps around a node's pass.
    pub(super) fn around(&self, node: usize) -> wgpu::ComputePassTimestampWrites<'_> {
        wgpu::ComputePassTimestampWrites {
            query_set: &self.set,
            beginning_of_pass_write_index: Some(2 * node as u32),
            end_of_pass_write_index: Some(2 * node as u32 + 1),
        }
    }

    /// Writes them into a readback from byte `at` on.
    pub(super) fn resolve(&self, encoder: &mut wgpu::CommandEncoder, readback: &wgpu::Buffer, at: usize) {
        encoder.resolve_query_set(&self.set, 0..2 * self.nodes as u32, &self.resolved, 0);
        encoder.copy_buffer_to_buffer(&self.resolved, 0, readback, at as u64, self.bytes() as u64);
    }

    /// Reads them from there.
    pub(super) fn read(&self, bytes: &[u8]) -> Vec<u64> {
        let mut stamps = vec![0; bytes.len() / STAMP];
        bytemuck::cast_slice_mut(&mut stamps).copy_from_slice(bytes);
        stamps
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timestamps_become_spans() {
        let mut timeline = Timeline::default();
        timeline.add(&[1000, 1010, 1010, 1040], 3, 2.0);
        timeline.add(&[1050, 1060, 1070, 1070], 2, 2.0);
        assert!(timeline.failure.is_none());
        let seen: Vec<_> = timeline.spans.iter().map(|s| (s.node, s.track, s.records)).collect();
        assert_eq!(seen, [(0, 0, 3), (1, 0, 3), (0, 1, 2), (1, 1, 2)]);
        let near = |a: f64, b: f64| (a - b).abs() < 1e-15;
        assert!(near(timeline.spans[1].start, 20e-9) && near(timeline.spans[1].seconds, 60e-9));
        assert!(near(timeline.spans[2].start, 100e-9) && timeline.spans[3].seconds == 0.0);
    }

    #[test]
    fn timestamps_that_are_no_times() {
        for (ticks, period, why) in [
            (&[0, 0, 0, 0][..], 1.0, "the same"),
            (&[7, 7, 7, 7], 1.0, "the same"),
            (&[10, 20, 15, 30], 1.0, "backwards"),
            (&[10, 20, 30, 25], 1.0, "backwards"),
            (&[10, 20, 0, 0], 1.0, "backwards"),
            (&[10, 20], 0.0, "0 ns"),
            (&[10, 20], f64::NAN, "NaN ns"),
        ] {
            let mut timeline = Timeline::default();
            timeline.add(&[1, 2], 1, 1.0);
            timeline.add(ticks, 1, period);
            timeline.add(&[50, 60], 1, 1.0);
            assert!(timeline.spans.is_empty(), "{ticks:?}");
            assert!(
                timeline.failure.as_ref().is_some_and(|f| f.contains(why)),
                "{ticks:?}: {:?}",
                timeline.failure
            );
        }
    }
}
