//! WFDB headers, as header(5) of the WFDB Applications Guide describes them.
//!
//! A header is a record line, then one line a signal (or a segment), with `#` comments between or after:
//!
//! ```text
//! 100 2 360 650000                                name[/segments] signals rate[/counter[(base)]] samples time date
//! 100.dat 212 200 11 1024 995 -22131 0 MLII       file format[xN][:skew][+offset] gain[(baseline)][/units] bits zero
//! 100.dat 212 200 11 1024 1011 20052 0 V5             first-value checksum block-size description
//! # 69 M 1085 1629 x1
//! ```

use std::io::Read;
use std::path::{Component, Path, PathBuf};

use super::format::Format;
use super::moment;
use crate::Start;
use crate::error::{Error, Result, quote};
use crate::opened;
use efficientecg_files::one_line;

/// Longest header read: far above any real one, so that a stray path cannot fill the memory.
const MAX_HEADER_BYTES: u64 = 64 << 20;
/// Rate that header(5) lays down where the record line gives none.
const DEFAULT_RATE: f64 = 250.0;
/// Gain that header(5) lays down where a signal line gives none.
const DEFAULT_GAIN: f64 = 200.0;
const FIX: &str = "correct the header";

/// A parsed header.
#[derive(Debug, Clone, PartialEq)]
pub struct Header {
    /// Where it was read from.
    pub path: PathBuf,
    /// Record name on the record line.
    pub name: String,
    /// Frames a second.
    pub sample_rate: f64,
    /// Ticks a second of the counter that the record line may name; equal to `sample_rate` if it does not.
    pub counter_rate: f64,
    /// Counter value at sample 0.
    pub base_counter: f64,
    /// Frames in the record; `None` where the header leaves it to the size of the signal files.
    pub samples: Option<u64>,
    /// Start time as written, `HH:MM:SS.sss`.
    pub base_time: Option<String>,
    /// Start date as written, `DD/MM/YYYY` or `DD-Mmm-YYYY`.
    pub base_date: Option<String>,
    /// Signals the record line declares.
    pub signal_count: usize,
    /// Signal lines; empty in a multi-segment header.
    pub signals: Vec<SignalSpec>,
    /// Segment lines; empty in a single-segment header.
    pub segments: Vec<SegmentSpec>,
    /// Comment lines without their `#`, trimmed, in order.
    pub comments: Vec<String>,
    /// What was odd but readable.
    pub warnings: Vec<String>,
}

/// A signal line.
#[derive(Debug, Clone, PartialEq)]
pub struct SignalSpec {
    /// Line number in the header, from 1.
    pub line: usize,
    /// Signal file, relative to the header's folder; `~` in a layout header, where nothing is stored.
    pub file: String,
    /// Storage format.
    pub format: Format,
    /// Samples of this signal in one frame, at least 1.
    pub samples_per_frame: u32,
    /// Frames by which this signal lags in the file.
    pub skew: u32,
    /// Bytes before the first sample.
    pub byte_offset: u64,
    /// Digital units per physical unit; never 0.
    pub gain: f64,
    /// Digital value of 0 physical units.
    pub baseline: f64,
    /// Physical units.
    pub units: String,
    /// ADC resolution in bits, 0 where unknown.
    pub adc_bits: u32,
    /// ADC output at mid-range.
    pub adc_zero: i32,
    /// First sample (of difference formats: the value before the first difference), if given.
    pub initial_value: Option<i32>,
    /// Sum of all samples modulo 2^16, if given.
    pub checksum: Option<u16>,
    /// Block size of special files, most often 0.
    pub block_size: u32,
    /// Lead name or free description; never empty.
    pub description: String,
}

/// A segment line of a multi-segment header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SegmentSpec {
    /// Line number in the header, from 1.
    pub line: usize,
    /// Record name of the segment, relative to the header's folder; `None` for a gap (`~`).
    pub name: Option<String>,
    /// Frames.
    pub samples: u64,
}

impl Header {
    /// Reads the header at `path`, with or without `.hea`.
    ///
    /// # Errors
    /// The file cannot be read, or a line of it does not parse.
    pub fn read(path: &Path) -> Result<Self> {
        let path = header_path(path);
        let (file, _) = opened::open(&path).map_err(Error::reading(&path))?;
        let mut bytes = Vec::new();
        file.take(MAX_HEADER_BYTES + 1).read_to_end(&mut bytes).map_err(Error::reading(&path))?;
        if bytes.len() as u64 > MAX_HEADER_BYTES {
            return Err(Error::Unsupported {
                path,
                item: format!("a header of more than {} MiB", MAX_HEADER_BYTES >> 20),
                fix: "give the record's text header",
            });
        }
        Self::parse(&path, &text(bytes))
    }

    /// Parses the text of the header at `path` (named in errors only).
    ///
    /// # Errors
    /// A line that does not parse, or fewer or more lines than the record line declares.
    pub fn parse(path: &Path, text: &str) -> Result<Self> {
        let mut comments = Vec::new();
        let mut lines = Vec::new();
        for (i, raw) in text.lines().enumerate() {
            let line = raw.trim();
            if let Some(comment) = line.strip_prefix('#') {
                comments.push(comment.trim().to_owned());
            } else if !line.is_empty() {
                lines.push((i + 1, line));
            }
        }
        let Some((&(number, record), rest)) = lines.split_first() else {
            return Err(Error::Line {
                path: path.to_path_buf(),
                line: 0,
                item: "record line".into(),
                expected: "name, number of signals, rate, number of samples".into(),
                found: "no such line".into(),
                fix: "give the path of a WFDB header",
            });
        };
        let (mut header, segments) = record_line(&Cursor::new(path, number), record)?;
        let (wanted, kind) = match segments {
            Some(n) => (n, "segment"),
            None => (header.signal_count, "signal"),
        };
        if rest.len() != wanted {
            let at = Cursor::new(path, number);
            let expected = format!("{wanted} {kind} lines");
            return Err(at.error(&format!("number of {kind}s"), &expected, &rest.len().to_string()));
        }
        for (index, &(number, line)) in rest.iter().enumerate() {
            let at = Cursor::new(path, number);
            if segments.is_some() {
                header.segments.push(segment_line(&at, line)?);
            } else {
                let signal = signal_line(&at, line, index, &mut header.warnings)?;
                header.signals.push(signal);
            }
        }
        header.comments = comments;
        Ok(header)
    }

    /// When the record starts, as far as the record line says.
    pub fn start(&self) -> Option<Start> {
        moment::start(self.base_time.as_deref(), self.base_date.as_deref())
    }

    /// The path of `name`, a file or record that line `line` of this header names.
    ///
    /// # Errors
    /// The name is absolute or climbs out of the header's folder.
    pub fn beside(&self, name: &str, line: usize) -> Result<PathBuf> {
        let relative = Path::new(name);
        let plain = !name.is_empty()
            && !name.contains(['\\', '\0'])
            && relative.components().all(|part| matches!(part, Component::Normal(_)));
        if !plain {
            return Err(Error::UnsafePath { path: self.path.clone(), line, name: name.to_owned() });
        }
        Ok(self.path.parent().unwrap_or(Path::new("")).join(relative))
    }
}

/// A header's bytes as text. Old headers carry Latin-1 names; its code points are Unicode's first 256.
pub(super) fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap_or_else(|e| e.into_bytes().iter().map(|&b| char::from(b)).collect())
}

/// `path` itself if it ends in `.hea`, else with `.hea` added: record names may hold dots.
pub(crate) fn header_path(path: &Path) -> PathBuf {
    if path.extension().is_some_and(|e| e == "hea") {
        return path.to_path_buf();
    }
    let mut name = path.as_os_str().to_owned();
    name.push(".hea");
    PathBuf::from(name)
}

/// A place in the header, for errors.
struct Cursor<'a> {
    path: &'a Path,
    line: usize,
}

impl<'a> Cursor<'a> {
    fn new(path: &'a Path, line: usize) -> Self {
        Self { path, line }
    }

    fn error(&self, item: &str, expected: &str, found: &str) -> Error {
        Error::Line {
            path: self.path.to_path_buf(),
            line: self.line,
            item: item.to_owned(),
            expected: expected.to_owned(),
            found: found.to_owned(),
            fix: FIX,
        }
    }

    fn number<T: std::str::FromStr>(&self, item: &str, expected: &str, text: &str) -> Result<T> {
        text.parse().map_err(|_| self.error(item, expected, &quote(text)))
    }

    /// A decimal that is finite.
    fn real(&self, item: &str, expected: &str, text: &str) -> Result<f64> {
        let value: f64 = self.number(item, expected, text)?;
        if value.is_finite() { Ok(value) } else { Err(self.error(item, expected, &quote(text))) }
    }
}

/// Splits `text` at `open … )`: `"200(1024)"` gives `("200", Some("1024"))`.
fn bracketed(text: &str) -> (&str, Option<&str>) {
    match text.split_once('(') {
        Some((before, inside)) => (before, Some(inside.strip_suffix(')').unwrap_or(inside))),
        None => (text, None),
    }
}

fn record_line(at: &Cursor, line: &str) -> Result<(Header, Option<usize>)> {
    let mut fields = line.split_whitespace();
    let first = fields.next().unwrap_or_default();
    let (name, segments) = match first.split_once('/') {
        None => (first, None),
        Some((name, count)) => {
            let count: usize = at.number("number of segments", "a whole number", count)?;
            if count == 0 {
                return Err(at.error("number of segments", "at least 1", "0"));
            }
            (name, Some(count))
        }
    };
    let Some(count) = fields.next() else {
        return Err(at.error("number of signals", "a whole number", "the end of the line"));
    };
    let signal_count = at.number("number of signals", "a whole number", count)?;

    let (mut sample_rate, mut counter_rate, mut base_counter) = (DEFAULT_RATE, None, 0.0);
    if let Some(field) = fields.next() {
        let (rate, counter) = match field.split_once('/') {
            Some((rate, counter)) => (rate, Some(counter)),
            None => (field, None),
        };
        sample_rate = at.real("rate", "samples a second", rate)?;
        if sample_rate <= 0.0 {
            return Err(at.error("rate", "more than 0 samples a second", &quote(rate)));
        }
        if let Some(counter) = counter {
            let (rate, base) = bracketed(counter);
            let rate = at.real("counter rate", "ticks a second", rate)?;
            // header(5): a counter rate that is not positive means "as the sampling rate".
            counter_rate = (rate > 0.0).then_some(rate);
            if let Some(base) = base {
                base_counter = at.real("base counter value", "a number", base)?;
            }
        }
    }
    let samples = match fields.next() {
        None => None,
        Some(field) => {
            let n: u64 = at.number("number of samples", "a whole number", field)?;
            (n != 0).then_some(n)
        }
    };
    let (base_time, base_date, warning) = moment::fields(fields.next(), fields.next());
    let warnings = warning.map(|w| format!("header line {}: {w}", at.line)).into_iter().collect();
    let header = Header {
        path: at.path.to_path_buf(),
        name: name.to_owned(),
        sample_rate,
        counter_rate: counter_rate.unwrap_or(sample_rate),
        base_counter,
        samples,
        base_time,
        base_date,
        signal_count,
        signals: Vec::new(),
        segments: Vec::new(),
        comments: Vec::new(),
        warnings,
    };
    Ok((header, segments))
}

fn segment_line(at: &Cursor, line: &str) -> Result<SegmentSpec> {
    let mut fields = line.split_whitespace();
    let name = fields.next().unwrap_or_default();
    let samples =
        at.number("segment", "a name and a number of samples", fields.next().unwrap_or_default())?;
    Ok(SegmentSpec { line: at.line, name: (name != "~").then(|| name.to_owned()), samples })
}

/// The next field and what follows it, both trimmed.
fn next_field(text: &str) -> (Option<&str>, &str) {
    let text = text.trim_start();
    match text.split_once(char::is_whitespace) {
        Some((field, rest)) => (Some(field), rest.trim()),
        None => ((!text.is_empty()).then_some(text), ""),
    }
}

/// The format field, `212x4:4+24`: format, samples per frame, skew, byte offset.
fn format_field(at: &Cursor, field: &str) -> Result<(Format, u32, u32, u64)> {
    let (field, offset) = match field.split_once('+') {
        Some((rest, text)) => (rest, at.number("byte offset", "a whole number", text)?),
        None => (field, 0),
    };
    let (field, skew) = match field.split_once(':') {
        Some((rest, text)) => (rest, at.number("skew", "a whole number", text)?),
        None => (field, 0),
    };
    let (code, per_frame) = match field.split_once('x') {
        Some((rest, text)) => (rest, at.number("samples per frame", "a whole number", text)?),
        None => (field, 1),
    };
    if per_frame == 0 {
        return Err(at.error("samples per frame", "at least 1", "0"));
    }
    let code: u32 = at.number("format", "a WFDB format number", code)?;
    let format = Format::from_code(code)
        .ok_or_else(|| at.error("format", "a WFDB signal format", &code.to_string()))?;
    Ok((format, per_frame, skew, offset))
}

fn signal_line(at: &Cursor, line: &str, index: usize, warnings: &mut Vec<String>) -> Result<SignalSpec> {
    let (file, rest) = next_field(line);
    let (format, rest) = next_field(rest);
    let Some(format) = format else {
        return Err(at.error("signal", "a file name and a format", &quote(line)));
    };
    let (format, samples_per_frame, skew, byte_offset) = format_field(at, format)?;

    let (gain_field, rest) = next_field(rest);
    let (mut gain, mut baseline, mut units) = (0.0, None, "mV");
    if let Some(field) = gain_field {
        let (number, unit) = match field.split_once('/') {
            Some((number, unit)) => (number, Some(unit)),
            None => (field, None),
        };
        let (number, base) = bracketed(number);
        gain = at.real("gain", "a number", number)?;
        if let Some(base) = base {
            baseline = Some(at.real("baseline", "a number", base)?);
        }
        units = unit.filter(|u| !u.is_empty()).unwrap_or("mV");
    }
    let (bits, rest) = next_field(rest);
    let adc_bits = bits.map_or(Ok(0), |t| at.number("ADC resolution", "bits", t))?;
    let (zero, rest) = next_field(rest);
    let adc_zero = zero.map_or(Ok(0), |t| at.number("ADC zero", "a whole number", t))?;
    let (initial, rest) = next_field(rest);
    let initial_value = initial.map(|t| at.number("initial value", "a whole number", t)).transpose()?;
    let (checksum, rest) = next_field(rest);
    let checksum = checksum
        .map(|t| at.number::<i64>("checksum", "a whole number", t))
        .transpose()?
        .map(|sum| sum.rem_euclid(1 << 16) as u16);
    let (block, description) = next_field(rest);
    let block_size = block.map_or(Ok(0), |t| at.number("block size", "a whole number", t))?;

    let description = if description.is_empty() { format!("signal {index}") } else { description.to_owned() };
    if gain == 0.0 {
        gain = DEFAULT_GAIN;
        warnings.push(format!(
            "signal {index} ({}) is not calibrated: gain {DEFAULT_GAIN} per {} is assumed",
            one_line(&description),
            one_line(units)
        ));
    }
    Ok(SignalSpec {
        line: at.line,
        file: file.unwrap_or_default().to_owned(),
        format,
        samples_per_frame,
        skew,
        byte_offset,
        gain,
        baseline: baseline.unwrap_or(f64::from(adc_zero)),
        units: units.to_owned(),
        adc_bits,
        adc_zero,
        initial_value,
        checksum,
        block_size,
        description,
    })
}
