//! Records of which any range of frames can be read: one segment, formats of a fixed size, no skew.

use std::io::{Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::PathBuf;

use super::format::Format;
use super::header::{Header, SignalSpec};
use super::{mat, patient, signal};
use crate::error::{Error, Result};
use crate::ranged::Ranged;
use crate::{Lead, Record};
use efficientecg_files as files;

/// A sample of a packed format may begin only at a multiple of so many: 2 of format 212, 3 of 310 and 311.
const PACKED: u64 = 6;

/// The signals of one file.
struct Group {
    path: PathBuf,
    format: Format,
    offset: u64,
    /// Samples of a frame.
    size: u64,
    /// The record's lead that each sample of a frame belongs to.
    order: Vec<usize>,
}

/// The record of a header, if it can be read in ranges. Check sums are not looked at: they are of whole signals.
///
/// # Errors
/// A signal file cannot be opened, is too short, or contradicts the header.
pub(crate) fn ranged(header: &Header) -> Result<Option<Ranged>> {
    let fixed = |spec: &SignalSpec| {
        spec.skew == 0 && !matches!(spec.format, Format::Null | Format::F8 | Format::Flac(_))
    };
    if header.signals.is_empty() || !header.signals.iter().all(fixed) {
        return Ok(None);
    }
    let specs = signal::groups(header)?;
    let frames = match header.samples {
        Some(frames) => frames,
        None => signal::declared_by_size(header, &specs)?,
    };
    let (mut groups, mut first) = (Vec::new(), 0);
    for group in specs {
        let (path, mut file, len) = signal::open_group(header, &group[0])?;
        let (format, offset, size) = (group[0].format, group[0].byte_offset, signal::frame_size(group));
        mat::check(&path, &mut file, len, &group[0], size)?;
        let need = frames.checked_mul(size).and_then(|n| format.bytes(n)).and_then(|n| n.checked_add(offset));
        if need.is_none_or(|need| need > len) {
            let expected = need.unwrap_or(u64::MAX);
            return Err(Error::Short { path, samples: frames, expected, found: len });
        }
        // A record without frames has no room for an order of any length.
        let places = group.iter().enumerate().filter(|_| frames > 0);
        let order =
            places.flat_map(|(i, s)| std::iter::repeat_n(first + i, s.samples_per_frame as usize)).collect();
        groups.push(Group { path, format, offset, size, order });
        first += group.len();
    }
    let leads = header.signals.iter().map(|spec| {
        let rate = header.sample_rate * f64::from(spec.samples_per_frame);
        Lead::new(spec.description.clone(), spec.units.clone(), rate, Vec::new())
    });
    let mut record = Record::new(header.name.clone(), header.sample_rate, leads.collect());
    (record.age, record.sex) = patient::patient_of(&header.comments);
    record.start = header.start();
    record.comments.clone_from(&header.comments);
    record.warnings.clone_from(&header.warnings);
    let signals = header.signals.clone();
    let read = move |range: Range<u64>, wanted: &[bool]| {
        let range = range.start.min(frames)..range.end.min(frames);
        let mut out: Vec<Vec<f32>> = signals
            .iter()
            .zip(wanted)
            .map(|(spec, wanted)| {
                let count = range.end.saturating_sub(range.start) * u64::from(spec.samples_per_frame);
                Vec::with_capacity(if *wanted { count as usize } else { 0 })
            })
            .collect();
        for group in &groups {
            read_group(group, &signals, &range, wanted, &mut out)?;
        }
        Ok(out)
    };
    Ok(Some(Ranged { record, frames, read: Box::new(read) }))
}

/// Appends the frames of a range to the leads of a group that are wanted.
fn read_group(
    group: &Group,
    signals: &[SignalSpec],
    range: &Range<u64>,
    wanted: &[bool],
    out: &mut [Vec<f32>],
) -> Result<()> {
    if range.is_empty() || group.order.iter().all(|signal| !wanted[*signal]) {
        return Ok(());
    }
    let path = &group.path;
    // The whole record was held to fit in a file when it was opened.
    let (from, to) = (range.start * group.size, range.end * group.size);
    let first = from - from % PACKED;
    let bytes = |samples: u64| group.format.bytes(samples).unwrap_or(0);
    let length = bytes(to) - bytes(first);
    let (mut file, held) = files::open(path).map_err(Error::reading(path))?;
    let start = group.offset + bytes(first);
    file.seek(SeekFrom::Start(start)).map_err(Error::reading(path))?;
    let mut data = Vec::with_capacity(length.min(held) as usize);
    file.take(length).read_to_end(&mut data).map_err(Error::reading(path))?;
    if (data.len() as u64) < length {
        let found = start + data.len() as u64;
        return Err(Error::Short { path: path.clone(), samples: range.end, expected: start + length, found });
    }
    let missing = group.format.missing();
    let mut left = (from - first) as usize;
    let mut slot = 0;
    let mut take = |value: i32| {
        if left > 0 {
            left -= 1;
            return;
        }
        let signal = group.order[slot];
        slot = if slot + 1 == group.order.len() { 0 } else { slot + 1 };
        if wanted[signal] {
            out[signal].push(signal::sample(&signals[signal], value, missing));
        }
    };
    let count = (to - first) as usize;
    if group.format == Format::F16 {
        // The commonest of long records.
        data.as_chunks::<2>().0.iter().for_each(|pair| take(i16::from_le_bytes(*pair).into()));
    } else {
        group.format.decode(&data, count, take);
    }
    Ok(())
}
