//! A record whose samples can be read from any place on, without those before.

use crate::Record;
use crate::error::Result;
use std::ops::Range;

/// Reads a range of frames: for each lead its samples, none of a lead that is not wanted.
pub(crate) type ReadRange = dyn Fn(Range<u64>, &[bool]) -> Result<Vec<Vec<f32>>> + Send + Sync;

/// A record in files that can be read in part.
pub(crate) struct Ranged {
    /// The record, its leads without samples.
    pub(crate) record: Record,
    /// Frames of the record.
    pub(crate) frames: u64,
    /// Reads the samples. Several threads may read at once.
    pub(crate) read: Box<ReadRange>,
}
