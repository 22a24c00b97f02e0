//! A record of days, part by part, in memory that does not grow with it.
//!
//! A long record is split into parts of [`SECONDS`]. Each is read with a margin of [`MARGIN`] seconds of the record on either side, so that
//! what is measured at a part's ends has the surroundings that it has in the whole record. What is found in a margin is the other part's:
//! only the *core* of a part counts. A record of up to one and a half parts is one part, which is the record.
//!
//! Single-segment WFDB records in formats of a fixed size and without skew are read part by part, and so are EDF and BDF files without gaps. Their check sums
//! and annotations are not looked at. Records of other formats and those in archives are read as a whole first: [`Parts::in_memory`].
//!
//! ```
//! use efficientecg_ecg::parts::Parts;
//! use efficientecg_ecg::{Lead, Record};
//!
//! // An hour is three parts of 20 minutes.
//! let lead = Lead::new("II", "mV", 100.0, vec![0.0; 360_000]);
//! let parts = Parts::of(Record::new("hour", 100.0, vec![lead]));
//! assert_eq!(parts.count(), 3);
//! let second = parts.part(1)?;
//! assert_eq!(second.core, 120_000..240_000);
//! assert_eq!(second.start, 120_000 - 6_000);
//! assert_eq!(second.record.seconds(), 1200.0 + 2.0 * 60.0);
//! # Ok::<(), efficientecg_ecg::Error>(())
//! ```

use crate::error::Result;
use crate::formats;
use crate::opened;
use crate::ranged::Ranged;
use crate::source::ReadOptions;
use crate::{Lead, Record};
use std::ops::Range;
use std::path::Path;

/// Seconds of a part: as many as leave a classification what it needs to know of the record, and no more, as memory grows with them.
pub const SECONDS: f64 = 1200.0;
/// Seconds of a margin: the 50 beats on either side that the rhythm feature looks at, at 50 a minute. A multiple of the windows of signal quality and of
/// rhythm, so that these lie in a part as in the whole record.
pub const MARGIN: f64 = 60.0;

/// A record that is read part by part.
pub struct Parts {
    held: Held,
    /// Frames of the record.
    frames: u64,
    /// Seconds of a part and of a margin.
    seconds: f64,
    margin: f64,
    /// Which leads are read.
    wanted: Vec<bool>,
}

enum Held {
    Files(Ranged),
    Memory(Record),
}

/// A part of a record.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Part {
    /// The part with its margins, as a record.
    pub record: Record,
    /// The frame of the whole record at which it begins, margin included.
    pub start: i64,
    /// The frames of the whole record of which this part tells.
    pub core: Range<i64>,
}

impl Parts {
    /// Opens the record at `path`, of any format. One that is short enough to be one part is read.
    ///
    /// # Errors
    /// As [`Record::open_with`].
    pub fn open(path: impl AsRef<Path>, options: &ReadOptions) -> Result<Parts> {
        let path = path.as_ref();
        // Files of an archive are unpacked as a whole.
        let archived = opened::is_archive(path) || opened::archive_of(path).is_some();
        let ranged = if archived { None } else { formats::ranged(path, options)? };
        if let Some(ranged) = ranged {
            let seconds = ranged.frames as f64 / ranged.record.sample_rate;
            if seconds >= 1.5 * SECONDS {
                let (frames, wanted) = (ranged.frames, vec![true; ranged.record.leads.len()]);
                let held = Held::Files(ranged);
                return Ok(Parts { held, frames, seconds: SECONDS, margin: MARGIN, wanted });
            }
        }
        Ok(Parts::of(Record::open_with(path, options)?))
    }

    /// The parts of a record in memory.
    pub fn of(record: Record) -> Parts {
        let frames = (record.seconds() * record.sample_rate).round() as u64;
        let wanted = vec![true; record.leads.len()];
        Parts { held: Held::Memory(record), frames, seconds: SECONDS, margin: MARGIN, wanted }
    }

    /// The same with parts and margins of so many seconds, at least one of a part.
    pub fn lasting(mut self, seconds: f64, margin: f64) -> Parts {
        (self.seconds, self.margin) = (seconds.max(1.0), margin.max(0.0));
        self
    }

    /// Reads these leads alone, by their places; the others have no samples then. Memory and time are saved where a record has many.
    pub fn only(mut self, leads: &[usize]) -> Parts {
        self.wanted = (0..self.wanted.len()).map(|lead| leads.contains(&lead)).collect();
        self
    }

    /// The record's name, rate, leads and patient; its leads have samples only if it is in memory.
    pub fn record(&self) -> &Record {
        match &self.held {
            Held::Files(ranged) => &ranged.record,
            Held::Memory(record) => record,
        }
    }

    /// Whether the whole record is in memory.
    pub fn in_memory(&self) -> bool {
        matches!(self.held, Held::Memory(_))
    }

    /// Frames of the record.
    pub fn frames(&self) -> i64 {
        i64::try_from(self.frames).unwrap_or(i64::MAX)
    }

    /// Length of the record in seconds.
    pub fn seconds(&self) -> f64 {
        self.frames as f64 / self.record().sample_rate
    }

    /// Parts, at least one.
    pub fn count(&self) -> usize {
        // What is left after the last whole part is one of its own from half a part on.
        ((self.seconds() / self.seconds + 0.5) as usize).max(1)
    }

    /// The frames of which a part tells.
    fn core(&self, index: usize) -> Range<u64> {
        let rate = self.record().sample_rate;
        let place = |index: usize| ((index as f64 * self.seconds * rate).round() as u64).min(self.frames);
        let end = if index + 1 >= self.count() { self.frames } else { place(index + 1) };
        place(index)..end
    }

    /// Reads a part.
    ///
    /// # Errors
    /// Its samples cannot be read.
    ///
    /// # Panics
    /// There are not so many parts.
    pub fn part(&self, index: usize) -> Result<Part> {
        assert!(index < self.count(), "a part of the record");
        let (core, rate) = (self.core(index), self.record().sample_rate);
        let margin = (self.margin * rate).round() as u64;
        let range = core.start.saturating_sub(margin)..core.end.saturating_add(margin).min(self.frames);
        let record = self.read(&range)?;
        let frame = |frame: u64| i64::try_from(frame).unwrap_or(i64::MAX);
        Ok(Part { record, start: frame(range.start), core: frame(core.start)..frame(core.end) })
    }

    /// Reads some seconds of the record, as far as it has them; they are a record of their own, which begins at 0.
    ///
    /// # Errors
    /// Its samples cannot be read.
    pub fn stretch(&self, from: f64, to: f64) -> Result<Record> {
        let frame =
            |seconds: f64| ((seconds * self.record().sample_rate).round().max(0.0) as u64).min(self.frames);
        let (from, to) = (frame(from), frame(to));
        self.read(&(from..to.max(from)))
    }

    /// Reads a range of frames.
    fn read(&self, range: &Range<u64>) -> Result<Record> {
        let rate = self.record().sample_rate;
        let samples = match &self.held {
            Held::Files(ranged) => (ranged.read)(range.clone(), &self.wanted)?,
            Held::Memory(record) => record
                .leads
                .iter()
                .zip(&self.wanted)
                .map(|(lead, wanted)| if *wanted { cut(lead, range, rate) } else { Vec::new() })
                .collect(),
        };
        let whole = self.record();
        let leads = whole.leads.iter().zip(samples);
        let leads = leads.map(|(lead, samples)| {
            Lead::new(lead.name.clone(), lead.units.clone(), lead.sample_rate, samples)
        });
        let mut record = Record::new(whole.name.clone(), rate, leads.collect());
        (record.age, record.sex) = (whole.age, whole.sex);
        Ok(record)
    }
}

/// The samples of a range of frames, `rate` a second.
fn cut(lead: &Lead, range: &Range<u64>, rate: f64) -> Vec<f32> {
    let place =
        |frame: u64| ((frame as f64 * lead.sample_rate / rate).round() as usize).min(lead.samples.len());
    lead.samples[place(range.start)..place(range.end)].to_vec()
}

#[cfg(test)]
mod tests;
