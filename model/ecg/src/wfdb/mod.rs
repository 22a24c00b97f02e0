//! PhysioNet's WFDB formats: header, signal and annotation files.
//!
//! Written from the WFDB Applications Guide (G. Moody, <https://physionet.org/physiotools/wag/>): header(5), signal(5),
//! annot(5).
//!
//! ```text
//! header.rs      the .hea text
//! moment.rs      its base time and date
//! patient.rs     age and sex out of its comments
//! format.rs      packing of samples (8, 16, 24, 32, 61, 80, 160, 212, 310, 311)
//! flac.rs        formats 508, 516, 524: feature `flac`
//! mat.rs         the MATLAB v4 frame around format 16
//! signal.rs      signal files: groups, skew, checksums, missing samples
//! range.rs       a part of a record's frames
//! segments.rs    records that are put together from several
//! codes.rs       annotation codes and their symbols
//! annotation.rs  .atr files
//! writer.rs      records out
//! ```

use std::path::Path;

mod annotation;
mod codes;
#[cfg(feature = "flac")]
mod flac;
mod format;
mod header;
mod mat;
mod moment;
mod patient;
mod range;
mod segments;
mod signal;
mod writer;

pub use annotation::{Annotation, Annotations};
pub use codes::Code;
pub use format::Format;
pub(crate) use header::header_path;
pub use header::{Header, SegmentSpec, SignalSpec};
pub use patient::patient_of;
pub(crate) use range::ranged;
pub use signal::{Digital, Signals};
pub use writer::{StorageFormat, write, write_exact};

use super::error::{Error, Result};
use super::source::Source;
use super::{Lead, Record};

/// Whether these bytes are the start of a header: a line of a name and a number of signals, after comments.
pub(crate) fn recognises(head: &[u8]) -> bool {
    let Some(line) =
        head.split(|b| *b == b'\n').map(<[u8]>::trim_ascii).find(|l| !l.is_empty() && l[0] != b'#')
    else {
        return false;
    };
    let Ok(line) = std::str::from_utf8(line) else { return false };
    let mut fields = line.split(' ').filter(|field| !field.is_empty());
    // Tables have commas or tabs.
    let name = |name: &str| !name.contains([',', ';', '"']) && !name.chars().any(char::is_control);
    let digits = |count: &str| !count.is_empty() && count.bytes().all(|b| b.is_ascii_digit());
    fields.next().is_some_and(name) && fields.next().is_some_and(digits)
}

/// Reads the record whose header is at `path`, with or without `.hea`. Every signal comes at its own rate: the
/// frame rate times its samples per frame.
///
/// # Errors
/// The header or a signal file cannot be read, contradicts itself, or is of an unsupported format.
pub fn open(path: &Path) -> Result<Record> {
    record(Header::read(path)?)
}

/// Reads the record of a header that may have any name; its signal files lie beside it.
///
/// # Errors
/// As [`open`].
pub fn read(source: Source<'_>) -> Result<Record> {
    let path = source.path();
    record(Header::parse(path, &header::text(source.bytes()?))?)
}

/// The record that a header describes.
fn record(header: Header) -> Result<Record> {
    if header.signal_count == 0 {
        return Err(Error::Content {
            path: header.path,
            item: "number of signals".into(),
            expected: "at least 1".into(),
            found: "0".into(),
            fix: "give a record that has signals",
        });
    }
    let mut warnings = header.warnings.clone();
    let leads = if header.segments.is_empty() {
        single(&header, &mut warnings)?.1
    } else {
        segments::assemble(&header, &mut warnings)?
    };
    if leads.iter().all(|lead| lead.samples.is_empty()) {
        return Err(Error::Content {
            path: header.path,
            item: "signals".into(),
            expected: "at least 1 sample".into(),
            found: "0".into(),
            fix: "get the record's signal files again",
        });
    }
    let start = header.start();
    let mut record = Record::new(header.name, header.sample_rate, leads);
    (record.age, record.sex) = patient::patient_of(&header.comments);
    record.start = start;
    record.comments = header.comments;
    record.warnings = warnings;
    Ok(record)
}

/// The frames and leads of a single-segment record.
fn single(header: &Header, warnings: &mut Vec<String>) -> Result<(u64, Vec<Lead>)> {
    let signals = Signals::read(header)?;
    warnings.extend(signals.warnings);
    let leads = header
        .signals
        .iter()
        .zip(&signals.digital)
        .map(|(spec, digital)| Lead {
            name: spec.description.clone(),
            units: spec.units.clone(),
            sample_rate: header.sample_rate * f64::from(spec.samples_per_frame),
            samples: signal::physical(spec, digital),
        })
        .collect();
    Ok((signals.frames, leads))
}
