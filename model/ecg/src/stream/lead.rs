//! One lead of a stream: what came, and the same at the network's rate.

use super::recent::Recent;
use crate::gaps::Gaps;
use crate::resample::Resampler;
use crate::{filter, held};
use std::ops::Range;

/// Flags of a sample that was missing before it was bridged: any, and those of gaps that are too long to be bridged.
const MISSING: u8 = 1;
const LONG: u8 = 2;
/// Seconds before the end of what came, from which on bridges, held samples and what they are resampled to may yet change.
const OPEN: f64 = 1.0;

#[derive(Clone, Debug)]
pub(super) struct StreamLead {
    /// Samples as they came.
    pub(super) raw: Recent<f32>,
    /// Without gaps, at the network's rate.
    signal: Recent<f32>,
    flags: Recent<u8>,
    /// Outputs that no longer change.
    settled: usize,
}

impl StreamLead {
    /// For so many samples as they come, and so many at the network's rate.
    pub(super) fn new(raw: usize, signal: usize) -> StreamLead {
        StreamLead {
            raw: Recent::new(raw),
            signal: Recent::new(signal),
            flags: Recent::new(signal),
            settled: 0,
        }
    }

    /// Resamples what came, from a `rate` to the other; `known` are the samples that are looked at, up to the last that came of all leads.
    pub(super) fn refresh(&mut self, known: Range<usize>, rate: f64, to: f64, resampler: &Resampler) {
        let (first, came) = (known.start, known.end);
        let mut samples = self.raw.from(first)[..known.len()].to_vec();
        held::blank(&mut samples, rate);
        let gaps = Gaps::of(&samples);
        filter::fill_missing(&mut samples);

        let from = self.settled;
        let end = resampler.output_len(came).max(from);
        self.signal.cut(from);
        self.flags.cut(from);
        let mut outputs = Vec::with_capacity(end - from);
        resampler.part(&samples, first, from..end, &mut outputs);
        let mut flags = vec![0; end - from];
        // As `Gaps::resampled` places them.
        let at = |i: usize| (((first + i) as f64 - 0.5) * to / rate).ceil().max(from as f64) as usize;
        let outputs_of = |gap: &Range<usize>| at(gap.start).min(end) - from..at(gap.end).min(end) - from;
        for gap in gaps.spans() {
            flags[outputs_of(gap)].fill(MISSING);
        }
        for gap in gaps.long(rate).spans() {
            flags[outputs_of(gap)].fill(MISSING | LONG);
        }
        outputs.into_iter().for_each(|v| self.signal.push(v));
        flags.into_iter().for_each(|v| self.flags.push(v));
        let open = (OPEN * rate) as usize + resampler.reach();
        self.settled = self.settled.max(resampler.output_len(came.saturating_sub(open)));
    }

    /// The signal at the network's rate from an output on.
    pub(super) fn signal(&self, from: usize) -> &[f32] {
        self.signal.from(from)
    }

    /// What is missing of it: all gaps, and the long ones.
    pub(super) fn gaps(&self, from: usize) -> (Gaps, Gaps) {
        let flags = self.flags.from(from);
        (Gaps::flagged(flags, MISSING), Gaps::flagged(flags, LONG))
    }

    /// The output behind the last.
    pub(super) fn end(&self) -> usize {
        self.signal.end()
    }

    pub(super) fn bytes(&self) -> usize {
        self.raw.bytes() + self.signal.bytes() + self.flags.bytes()
    }
}
