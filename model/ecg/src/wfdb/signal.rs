//! Signal files: from the header's signal lines to digital samples.
//!
//! Signals that share a file form a group: their samples are interleaved, `samples_per_frame` of each in a frame.

use std::io::{Read, Seek, SeekFrom};

#[cfg(feature = "flac")]
use super::flac;
use super::format::{Format, sign};
use super::header::{Header, SignalSpec};
use super::mat;
use crate::error::{Error, Result, quote};
use crate::opened::{self, Opened};
use efficientecg_files::one_line;

/// One signal as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Digital {
    /// Samples, `samples_per_frame` a frame, aligned in time: the skew is undone.
    pub samples: Vec<i32>,
    /// The first sample index that the file does not hold, because undoing the skew ran past its end.
    pub valid: usize,
}

/// All signals of a single-segment record, in digital units.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signals {
    /// Frames in the record.
    pub frames: u64,
    /// One entry a signal line.
    pub digital: Vec<Digital>,
    /// Checksums and initial values that do not match.
    pub warnings: Vec<String>,
}

impl Signals {
    /// Reads every signal of `header`.
    ///
    /// # Errors
    /// A signal file that cannot be read, is too short, is of an unknown format, or a group whose lines contradict
    /// each other.
    pub fn read(header: &Header) -> Result<Self> {
        let groups = groups(header)?;
        let frames = match header.samples {
            Some(n) => n,
            None => declared_by_size(header, &groups)?,
        };
        let mut signals = Self { frames, digital: Vec::new(), warnings: Vec::new() };
        for group in groups {
            let raw = read_group(header, group, frames)?;
            for (spec, samples) in group.iter().zip(raw) {
                signals.verify(spec, &samples, frames);
                signals.digital.push(unskew(spec, samples, frames));
            }
        }
        Ok(signals)
    }

    /// Holds a signal as stored against the checksum and the initial value of its header line.
    fn verify(&mut self, spec: &SignalSpec, samples: &[i32], frames: u64) {
        let name = one_line(&spec.description);
        let count = frames as usize * spec.samples_per_frame as usize;
        let declared = &samples[..count.min(samples.len())];
        if let Some(expected) = spec.checksum {
            let sum = declared.iter().fold(0_u16, |s, &v| s.wrapping_add(v as u16));
            if sum != expected {
                self.warnings.push(format!(
                    "lead {name}: checksum is {}, the header says {}: the file may be damaged",
                    sum as i16, expected as i16
                ));
            }
        }
        // The initial value of differences is the value before the first of them.
        if spec.format != Format::F8
            && let (Some(expected), Some(&first)) = (spec.initial_value, declared.first())
            && expected != first
        {
            self.warnings.push(format!(
                "lead {name}: first sample is {first}, the header says {expected}: the file may be damaged"
            ));
        }
    }
}

/// Signal lines by file. A file's lines stand together and agree on format and byte offset.
pub(super) fn groups(header: &Header) -> Result<Vec<&[SignalSpec]>> {
    let groups: Vec<&[SignalSpec]> = header.signals.chunk_by(|a, b| a.file == b.file).collect();
    let mut seen = std::collections::HashSet::new();
    let error = |spec: &SignalSpec, item: &str, expected: String, found: String| Error::Line {
        path: header.path.clone(),
        line: spec.line,
        item: item.to_owned(),
        expected,
        found,
        fix: "correct the header",
    };
    for group in &groups {
        let first = &group[0];
        if !seen.insert(first.file.as_str()) {
            let found = format!("{} again after another file", quote(&first.file));
            return Err(error(first, "signal file", "lines of one file together".into(), found));
        }
        for spec in *group {
            if spec.format != first.format {
                let (want, got) = (first.format.code(), spec.format.code());
                return Err(error(
                    spec,
                    "format",
                    format!("{want} as in the file's first line"),
                    got.to_string(),
                ));
            }
            if spec.byte_offset != first.byte_offset {
                let (want, got) = (first.byte_offset, spec.byte_offset);
                return Err(error(
                    spec,
                    "byte offset",
                    format!("{want} as in the file's first line"),
                    got.to_string(),
                ));
            }
        }
    }
    Ok(groups)
}

/// Samples of all the group's signals in one frame.
pub(super) fn frame_size(group: &[SignalSpec]) -> u64 {
    group.iter().map(|s| u64::from(s.samples_per_frame)).sum()
}

/// Opens a group's file and says how long it is.
pub(super) fn open_group(header: &Header, spec: &SignalSpec) -> Result<(std::path::PathBuf, Opened, u64)> {
    let path = header.beside(&spec.file, spec.line)?;
    let unsupported = |item: String, fix| Error::Unsupported { path: path.clone(), item, fix };
    match spec.format {
        #[cfg(not(feature = "flac"))]
        Format::Flac(code) => {
            return Err(unsupported(
                format!("signal format {code} (FLAC) in a build without the feature flac"),
                "convert the record to format 16 with PhysioNet's xform",
            ));
        }
        Format::Null => {
            return Err(unsupported(
                "signal format 0 (nothing stored)".to_owned(),
                "give the record's own header, not a layout segment",
            ));
        }
        _ => {}
    }
    let (file, len) = opened::open(&path).map_err(Error::reading(&path))?;
    Ok((path, file, len))
}

/// Frames of a record whose header does not say: what the shortest of its files holds whole.
pub(super) fn declared_by_size(header: &Header, groups: &[&[SignalSpec]]) -> Result<u64> {
    let mut frames = None;
    for group in groups {
        let (path, mut file, len) = open_group(header, &group[0])?;
        #[cfg(feature = "flac")]
        if let Format::Flac(code) = group[0].format {
            let held = flac::read(&path, file, len, code, group, u64::MAX)?[0].len() as u64;
            let here = held / u64::from(group[0].samples_per_frame);
            frames = Some(frames.map_or(here, |f: u64| f.min(here)));
            continue;
        }
        let here = match mat::check(&path, &mut file, len, &group[0], frame_size(group))? {
            Some(columns) => columns,
            None => {
                let bytes = len.saturating_sub(group[0].byte_offset);
                group[0].format.samples_in(bytes).unwrap_or(0) / frame_size(group)
            }
        };
        frames = Some(frames.map_or(here, |f: u64| f.min(here)));
    }
    Ok(frames.unwrap_or(0))
}

/// The group's signals as stored, before their skew is undone: `frames` frames, and as many more as the largest
/// skew asks for and the file holds.
fn read_group(header: &Header, group: &[SignalSpec], frames: u64) -> Result<Vec<Vec<i32>>> {
    let first = &group[0];
    let (path, mut file, len) = open_group(header, first)?;
    #[cfg(feature = "flac")]
    if let Format::Flac(code) = first.format {
        let skew = group.iter().map(|s| u64::from(s.skew)).max().unwrap_or(0);
        let signals = flac::read(&path, file, len, code, group, frames.saturating_add(skew))?;
        let held = signals[0].len() as u64 / u64::from(first.samples_per_frame);
        if held < frames {
            return Err(Error::Content {
                path,
                item: "frames".into(),
                expected: frames.to_string(),
                found: held.to_string(),
                fix: "get the whole file again, or correct the number of samples in the header",
            });
        }
        return Ok(signals);
    }
    mat::check(&path, &mut file, len, first, frame_size(group))?;
    let per_frame = frame_size(group);
    let need = frames
        .checked_mul(per_frame)
        .and_then(|n| first.format.bytes(n))
        .and_then(|bytes| bytes.checked_add(first.byte_offset));
    if need.is_none_or(|need| need > len) {
        return Err(Error::Short { path, samples: frames, expected: need.unwrap_or(u64::MAX), found: len });
    }
    // From here on, every size is bounded by the file's real length.
    let held = first.format.samples_in(len - first.byte_offset).unwrap_or(0) / per_frame;
    let skew = group.iter().map(|s| u64::from(s.skew)).max().unwrap_or(0);
    let total = held.min(frames.saturating_add(skew));
    let bytes = first.format.bytes(total * per_frame).unwrap_or(0);
    let mut data = Vec::new();
    file.seek(SeekFrom::Start(first.byte_offset)).map_err(Error::reading(&path))?;
    file.take(bytes).read_to_end(&mut data).map_err(Error::reading(&path))?;
    if (data.len() as u64) < bytes {
        let found = first.byte_offset + data.len() as u64;
        return Err(Error::Short { path, samples: frames, expected: first.byte_offset + bytes, found });
    }
    Ok(deinterleave(group, &data, total as usize))
}

/// Samples that stay in the nearest cache.
const NEAR: usize = 8192;

fn deinterleave(group: &[SignalSpec], data: &[u8], frames: usize) -> Vec<Vec<i32>> {
    let mut out: Vec<Vec<i32>> =
        group.iter().map(|s| Vec::with_capacity(frames * s.samples_per_frame as usize)).collect();
    // `order` is as long as a frame, which the file is known to hold only if there is one.
    if frames == 0 {
        return out;
    }
    let order: Vec<usize> = group
        .iter()
        .enumerate()
        .flat_map(|(i, s)| std::iter::repeat_n(i, s.samples_per_frame as usize))
        .collect();
    if let ([a, b], Format::F212) = (&mut out[..], group[0].format)
        && order == [0, 1]
        && let Some(triples) = data.get(..3 * frames)
    {
        // The commonest of all: a frame is three bytes.
        for triple in triples.as_chunks::<3>().0 {
            let [low, middle, high] = triple.map(i32::from);
            a.push(sign(low | (middle & 0x0f) << 8, 12));
            b.push(sign(high | (middle & 0xf0) << 4, 12));
        }
        return out;
    }
    if group[0].format == Format::F16
        && order.iter().copied().eq(0..group.len())
        && let Some(words) = data.get(..2 * frames * group.len())
    {
        // Signal by signal, of some frames that stay in the nearest cache.
        for part in words.as_chunks::<2>().0.chunks(NEAR / group.len().min(NEAR) * group.len()) {
            for (signal, out) in out.iter_mut().enumerate() {
                out.extend(
                    part[signal..].iter().step_by(group.len()).map(|w| i32::from(i16::from_le_bytes(*w))),
                );
            }
        }
        return out;
    }
    let differences = group[0].format == Format::F8;
    let mut sums: Vec<i32> = group.iter().map(|s| s.initial_value.unwrap_or(s.adc_zero)).collect();
    let mut slot = 0;
    group[0].format.decode(data, frames * order.len(), |value| {
        let signal = order[slot];
        slot = if slot + 1 == order.len() { 0 } else { slot + 1 };
        out[signal].push(if differences {
            sums[signal] = sums[signal].wrapping_add(value);
            sums[signal]
        } else {
            value
        });
    });
    out
}

/// Moves a signal earlier by its skew; what the file does not hold is 0 and marked by `valid`.
fn unskew(spec: &SignalSpec, mut samples: Vec<i32>, frames: u64) -> Digital {
    let per_frame = spec.samples_per_frame as usize;
    let want = frames as usize * per_frame;
    let skip = (spec.skew as usize).saturating_mul(per_frame);
    samples.drain(..skip.min(samples.len()));
    let valid = samples.len().min(want);
    samples.resize(want, 0);
    Digital { samples, valid }
}

/// Physical samples of one signal: `(digital - baseline) / gain`, NaN where there is none.
pub(crate) fn physical(spec: &SignalSpec, digital: &Digital) -> Vec<f32> {
    let missing = spec.format.missing();
    let convert = |(i, &v): (usize, &i32)| {
        if i >= digital.valid { f32::NAN } else { sample(spec, v, missing) }
    };
    digital.samples.iter().enumerate().map(convert).collect()
}

/// One physical sample, of a format with this `missing` value.
pub(super) fn sample(spec: &SignalSpec, digital: i32, missing: Option<i32>) -> f32 {
    if Some(digital) == missing {
        f32::NAN
    } else {
        ((f64::from(digital) - spec.baseline) / spec.gain) as f32
    }
}
