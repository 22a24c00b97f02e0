//! EDF, EDF+, BDF and BDF+: physiological signals of any kind, each at its own rate.
//!
//! Written from <https://www.edfplus.info/specs>: B. Kemp et al. 1992 (EDF), B. Kemp and J. Olivan 2003 (EDF+); BDF is
//! BioSemi's, with 24 bits a sample.
//!
//! ```text
//! header.rs       the text at the file's start
//! annotations.rs  annotations and times of EDF+
//! range.rs        a part of a record's frames
//! writer.rs       records out
//! ```
//!
//! A header is followed by data records, each of which holds some seconds of one signal after another. They are read
//! one by one. The records of a discontinuous file (EDF+D) leave gaps: samples there are missing.

use std::io::Read;

use crate::error::{Error, Result};
use crate::source::Source;
use crate::wfdb::Annotation;
use crate::{Lead, Record};
use efficientecg_files::one_line;

mod annotations;
mod header;
mod range;
mod writer;

pub(crate) use range::ranged;
pub use writer::{bytes, write};

use annotations::Event;
use header::{Header, Signal};

/// A record may be this many times as long as what is stored of it: gaps cost memory but no file bytes.
const MAX_GAP_FACTOR: f64 = 64.0;
/// Samples that a record may have besides, however little is stored.
const FREE_SAMPLES: f64 = (1 << 22) as f64;
/// Frames a second of a file that holds annotations alone.
const TICKS: f64 = 1000.0;

/// The specification's text for the end of a recording: in the last data record nothing counts that follows it.
const RECORDING_ENDS: &str = "Recording ends";

/// Whether these bytes are the start of an EDF or BDF file.
pub fn recognises(head: &[u8]) -> bool {
    // A table may begin with a zero too: at byte 184 stands the header's length, unless the file is cut before.
    let length = head.get(184..192).map(<[u8]>::trim_ascii);
    let number = |text: &[u8]| !text.is_empty() && text.iter().all(u8::is_ascii_digit);
    head.starts_with(b"\xffBIOSEMI") || (head.starts_with(b"0       ") && length.is_none_or(number))
}

/// Reads a record. Its base rate is the highest of the leads in volts, or of all if there is none. Annotations of EDF+ that
/// name a beat by WFDB's symbol or its meaning are beats, others notes; how long they last is not kept.
///
/// # Errors
/// The header contradicts itself, data records are missing, or their times would leave more than 64 times as many samples
/// missing as there are.
pub fn read(mut source: Source<'_>) -> Result<Record> {
    let header = Header::read(&mut source)?;
    let mut reader = Reader::new(&header, source.length())?;
    let mut bytes = Vec::new();
    let mut left = header.records.unwrap_or(u64::MAX);
    while left > 0 && next(&header, &mut source, reader.size, &mut bytes)? {
        reader.data_record(&bytes)?;
        left -= 1;
    }
    if let (Some(declared), 1..) = (header.records, left) {
        let held = header.bytes + reader.count * reader.size as u64 + bytes.len() as u64;
        return Err(short(&header, declared, reader.size, held));
    }
    reader.finish(source)
}

/// Reads the next data record; `false` where the file ends before it is whole.
fn next(header: &Header, source: &mut Source<'_>, size: usize, bytes: &mut Vec<u8>) -> Result<bool> {
    bytes.clear();
    source.by_ref().take(size as u64).read_to_end(bytes).map_err(Error::reading(&header.path))?;
    Ok(bytes.len() == size)
}

/// Data records are missing.
fn short(header: &Header, declared: u64, size: usize, found: u64) -> Error {
    let expected = declared.saturating_mul(size as u64).saturating_add(header.bytes);
    Error::Content {
        path: header.path.clone(),
        item: "data records".into(),
        expected: format!("{declared}, in {expected} bytes"),
        found: format!("{found} bytes"),
        fix: "get the whole file again, or correct the number of data records in the header",
    }
}

/// The leads so far.
struct Reader<'a> {
    header: &'a Header,
    /// Bytes of a data record.
    size: usize,
    /// Data records so far.
    count: u64,
    /// One a signal; empty for annotations.
    samples: Vec<Vec<f32>>,
    events: Vec<Event>,
    /// When the first data record begins, in seconds after the header's start.
    first: f64,
    /// Seconds that are missing.
    gaps: f64,
    /// Data records that begin before the end of the one before.
    overlaps: u64,
    /// Data records whose annotations could not be read.
    unread: u64,
}

impl<'a> Reader<'a> {
    fn new(header: &'a Header, length: Option<u64>) -> Result<Reader<'a>> {
        let samples = header.signals.iter().try_fold(0_usize, |sum, s| sum.checked_add(s.samples));
        let size = samples.and_then(|n| n.checked_mul(header.width));
        let size = size.filter(|n| *n > 0).ok_or_else(|| {
            let found = samples.map_or_else(|| "an overflow".to_owned(), |n| n.to_string());
            header::error(&header.path, "samples in a data record".into(), "at least 1", &found)
        })?;
        let held = length.map(|n| n.saturating_sub(header.bytes) / size as u64);
        if let (Some(declared), Some(held), Some(length)) = (header.records, held, length)
            && declared > held
        {
            return Err(short(header, declared, size, length));
        }
        // Of a file the length is known, so that no more is reserved than is there.
        let records = held.map_or(0, |held| header.records.unwrap_or(held).min(held)) as usize;
        let room =
            |signal: &Signal| if signal.annotations { 0 } else { signal.samples.saturating_mul(records) };
        let samples = header.signals.iter().map(|signal| Vec::with_capacity(room(signal))).collect();
        Ok(Reader {
            header,
            size,
            count: 0,
            samples,
            events: Vec::new(),
            first: 0.0,
            gaps: 0.0,
            overlaps: 0,
            unread: 0,
        })
    }

    /// Takes the bytes of the next data record.
    fn data_record(&mut self, bytes: &[u8]) -> Result<()> {
        let header = self.header;
        let parts = || {
            let mut at = 0;
            header.signals.iter().map(move |signal| {
                let part = at..at + signal.samples * header.width;
                at = part.end;
                part
            })
        };
        let (mut begins, mut whole, mut first) = (None, true, true);
        for (_, part) in header.signals.iter().zip(parts()).filter(|(s, _)| s.annotations) {
            let (time, read) = annotations::parse(&bytes[part], &mut self.events);
            // The first signal of annotations keeps the time.
            begins = if first { time } else { begins };
            first = false;
            whole &= read;
        }
        self.unread += u64::from(!whole);
        if self.count == 0 {
            self.first = begins.unwrap_or(0.0);
        } else if let (true, Some(begins)) = (header.discontinuous, begins) {
            self.gap(begins - self.first)?;
        }
        for ((signal, samples), part) in header.signals.iter().zip(&mut self.samples).zip(parts()) {
            if !signal.annotations {
                convert(signal, header.width, &bytes[part], samples);
            }
        }
        self.count += 1;
        Ok(())
    }

    /// Fills the leads up to `time`, in seconds after the first data record.
    fn gap(&mut self, time: f64) -> Result<()> {
        let header = self.header;
        let stored: f64 =
            header.signals.iter().map(|s| s.samples as f64).sum::<f64>() * (self.count + 1) as f64;
        let rates: f64 = header.signals.iter().filter(|s| !s.annotations).map(|s| header.rate(s)).sum();
        if time * rates > stored * MAX_GAP_FACTOR + FREE_SAMPLES {
            return Err(Error::Content {
                path: header.path.clone(),
                item: format!("data record {}", self.count + 1),
                expected: format!("a gap of at most {MAX_GAP_FACTOR} times what is stored"),
                found: format!("a begin at {time} s"),
                fix: "correct the times of the data records, or cut the file at the gap",
            });
        }
        let (mut longest, mut overlap) = (0.0_f64, false);
        for (signal, samples) in header.signals.iter().zip(&mut self.samples).filter(|(s, _)| s.samples > 0) {
            if signal.annotations {
                continue;
            }
            let rate = header.rate(signal);
            let place = (time * rate).round();
            // Times are rounded when they are written: less than a sample is none.
            overlap |= place + 1.0 < samples.len() as f64;
            let end = (place.max(0.0) as usize).max(samples.len());
            longest = longest.max((end - samples.len()) as f64 / rate);
            samples.resize(end, f32::NAN);
        }
        self.gaps += longest;
        self.overlaps += u64::from(overlap);
        Ok(())
    }

    fn finish(self, mut source: Source<'_>) -> Result<Record> {
        let header = self.header;
        let mut warnings = header.warnings.clone();
        let rest = std::io::copy(&mut source, &mut std::io::sink()).map_err(Error::reading(&header.path))?;
        if header.records.is_some() && rest > 0 {
            warnings.push(format!("{rest} bytes after the last data record are left out"));
        }
        if self.gaps > 0.0 {
            warnings.push(format!(
                "the data records leave gaps of {:.1} s in all; samples there are missing",
                self.gaps
            ));
        }
        if self.overlaps > 0 {
            warnings.push(format!(
                "{} data records begin before the end of the one before; they are put after it",
                self.overlaps
            ));
        }
        if self.unread > 0 {
            warnings.push(format!("{} data records have annotations that are no such", self.unread));
        }
        let last = self.gaps + self.count.saturating_sub(1) as f64 * header.duration;
        let end = self.events.iter().find(|e| e.text == RECORDING_ENDS && e.onset - self.first >= last);
        let end = end.map(|event| event.onset - self.first);
        let (mut leads, mut labels) = (Vec::new(), Vec::new());
        for (signal, mut samples) in header.signals.iter().zip(self.samples) {
            if signal.annotations {
                continue;
            }
            if let Some(end) = end {
                samples.truncate((end * header.rate(signal)).round() as usize);
            }
            labels.push(signal.label.as_str());
            if signal.samples == 0 {
                warnings.push(format!("lead {} has no samples and is left out", one_line(&signal.label)));
                continue;
            }
            leads.push(Lead::new(signal.label.clone(), signal.units.clone(), header.rate(signal), samples));
        }
        if self.count == 0 || (leads.is_empty() && self.events.is_empty()) {
            return Err(Error::Content {
                path: header.path.clone(),
                item: "data records".into(),
                expected: "at least 1 sample or annotation".into(),
                found: "none".into(),
                fix: "get the whole file again",
            });
        }
        let rate = base_rate(&leads);
        let events = self.events.iter().filter(|event| end.is_none() || event.text != RECORDING_ENDS);
        let mut annotations: Vec<Annotation> = events
            .map(|event| {
                let time = ((event.onset - self.first) * rate).round() as i64;
                annotations::annotation(event, time, &labels)
            })
            .collect();
        annotations.sort_by_key(|a| a.time);

        let mut record = Record::new(source.name(), rate, leads);
        record.start = header.start.map(|start| start.later(self.first));
        record.sex = header.sex;
        let day = header.start.and_then(|start| start.date);
        record.age = header.birth.zip(day).and_then(|(birth, day)| birth.age_on(day)).or(header.age);
        record.annotations = annotations;
        record.warnings = warnings;
        Ok(record)
    }
}

/// Frames a second of a record of these leads.
fn base_rate(leads: &[Lead]) -> f64 {
    let highest = |leads: &mut dyn Iterator<Item = &Lead>| leads.map(|l| l.sample_rate).fold(0.0, f64::max);
    let voltages = highest(&mut leads.iter().filter(|lead| lead.millivolts().is_some()));
    [voltages, highest(&mut leads.iter()), TICKS].into_iter().find(|r| *r > 0.0).unwrap_or(TICKS)
}

/// Appends a data record's part of a signal.
fn convert(signal: &Signal, width: usize, bytes: &[u8], samples: &mut Vec<f32>) {
    let scale = signal.scale;
    if width == 2 {
        let pairs = bytes.as_chunks::<2>().0;
        samples.extend(pairs.iter().map(|b| scale.physical(i16::from_le_bytes(*b).into())));
    } else {
        // Three bytes in the upper part of a word, which shifts back with its sign.
        let triples = bytes.as_chunks::<3>().0;
        samples
            .extend(triples.iter().map(|[a, b, c]| scale.physical(i32::from_le_bytes([0, *a, *b, *c]) >> 8)));
    }
}

#[cfg(test)]
mod tests;
