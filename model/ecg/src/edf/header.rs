//! The header: 256 bytes of fixed fields of ASCII, then 256 bytes a signal, field by field.

use std::io::Read;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result, quote};
use crate::source::Source;
use crate::{Date, Sex, Start};
use efficientecg_files::one_line;

/// Bytes of the fixed part, and of each signal's.
const PART: usize = 256;
/// Widths of a signal's fields, in order.
const WIDTHS: [usize; 10] = [16, 80, 8, 8, 8, 8, 8, 80, 8, 32];
const FIX: &str = "correct the header, or export the file again";

/// A file's description of itself.
#[derive(Debug)]
pub(super) struct Header {
    pub(super) path: PathBuf,
    /// Bytes of the header.
    pub(super) bytes: u64,
    /// Bytes of a sample: 2, or 3 in BDF.
    pub(super) width: usize,
    /// The data records need not follow one another in time.
    pub(super) discontinuous: bool,
    /// Data records, where the header says.
    pub(super) records: Option<u64>,
    /// Seconds of a data record.
    pub(super) duration: f64,
    pub(super) signals: Vec<Signal>,
    pub(super) start: Option<Start>,
    pub(super) sex: Option<Sex>,
    pub(super) birth: Option<Date>,
    /// Years, where a further part of the patient field says them: `Age_63`.
    pub(super) age: Option<f64>,
    pub(super) warnings: Vec<String>,
}

/// A signal's description.
#[derive(Debug)]
pub(super) struct Signal {
    pub(super) label: String,
    pub(super) units: String,
    /// Samples in a data record.
    pub(super) samples: usize,
    /// It holds annotations in place of samples.
    pub(super) annotations: bool,
    /// Physical units a digital one, and the digital value that is added before.
    pub(super) scale: Scale,
}

/// From digital to physical: `step * (offset + digital)`, as EDFlib computes it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Scale {
    step: f64,
    offset: f64,
}

impl Scale {
    /// The scale of these ranges, physical and digital; `None` where one of them is empty.
    pub(super) fn new(physical: [f64; 2], digital: [f64; 2]) -> Option<Scale> {
        let step = (physical[1] - physical[0]) / (digital[1] - digital[0]);
        let offset = physical[1] / step - digital[1];
        let fits = digital[1] > digital[0] && step != 0.0 && step.is_finite() && offset.is_finite();
        fits.then_some(Scale { step, offset })
    }

    pub(super) fn physical(self, digital: i32) -> f32 {
        (self.step * (self.offset + f64::from(digital))) as f32
    }
}

impl Header {
    pub(super) fn read(source: &mut Source<'_>) -> Result<Header> {
        let path = source.path();
        let fixed = part(source, PART, "a header of 256 bytes")?;
        let wide = fixed[0] == 0xff;
        let mut fields = Fields { bytes: &fixed, at: 8 };
        let [patient, recording] = [80, 80].map(|width| fields.text(width));
        let [date, time] = [8, 8].map(|width| fields.text(width));
        let error = |item: &str, expected: &str, found: &str| error(path, item.to_owned(), expected, found);
        let length = fields.text(8);
        let reserved = fields.text(44);
        let records = fields.text(8);
        let records = match number(&records).filter(|n| n.fract() == 0.0) {
            Some(-1.0) => None,
            Some(n) if n >= 0.0 => Some(n as u64),
            _ => return Err(error("number of data records", "a whole number, or -1", &records)),
        };
        let text = fields.text(8);
        let duration = number(&text).filter(|d| *d >= 0.0);
        let duration = duration.ok_or_else(|| error("seconds of a data record", "a number", &text))?;
        let text = fields.text(4);
        let count: usize = text.parse().map_err(|_| error("number of signals", "a whole number", &text))?;
        if count == 0 {
            return Err(error("number of signals", "at least 1", "0"));
        }
        let bytes = PART * (1 + count);
        if number(&length) != Some(bytes as f64) {
            return Err(error(
                "length of the header",
                &format!("{bytes} bytes for {count} signals"),
                &length,
            ));
        }
        let plus = reserved.starts_with(if wide { "BDF+" } else { "EDF+" });
        let mut warnings = Vec::new();
        let described = part(source, PART * count, &format!("a header of {bytes} bytes"))?;
        let signals = signals(path, &described, count, plus, &mut warnings)?;
        let samples = signals.iter().filter(|s| !s.annotations).map(|s| s.samples).max().unwrap_or(0);
        if samples > 0 && duration == 0.0 {
            return Err(error("seconds of a data record", "more than 0", "0"));
        }
        let (sex, birth, age) = if plus { person(&patient) } else { (None, None, None) };
        Ok(Header {
            path: path.to_path_buf(),
            bytes: bytes as u64,
            width: if wide { 3 } else { 2 },
            discontinuous: plus && reserved[4..].starts_with('D'),
            records,
            duration,
            signals,
            start: start(&date, &time, &recording, &mut warnings),
            sex,
            birth,
            age,
            warnings,
        })
    }

    /// Samples a second of a signal.
    pub(super) fn rate(&self, signal: &Signal) -> f64 {
        signal.samples as f64 / self.duration
    }
}

/// The next bytes of a file, so many.
fn part(source: &mut Source<'_>, count: usize, expected: &str) -> Result<Vec<u8>> {
    let path = source.path();
    let mut bytes = Vec::new();
    source.by_ref().take(count as u64).read_to_end(&mut bytes).map_err(Error::reading(path))?;
    if bytes.len() < count {
        let found = format!("the end of the file {} bytes before", count - bytes.len());
        return Err(Error::Content {
            path: path.to_path_buf(),
            item: "header".into(),
            expected: expected.to_owned(),
            found,
            fix: "get the whole file again",
        });
    }
    Ok(bytes)
}

/// Fields of fixed width, one after another.
struct Fields<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Fields<'_> {
    /// The next field without the blanks around it. Other characters than ASCII are taken as Latin-1, or UTF-8 if they are.
    fn text(&mut self, width: usize) -> String {
        let bytes = self.bytes.get(self.at..self.at + width).unwrap_or_default();
        self.at += width;
        let blank = |b: &u8| *b == 0 || b.is_ascii_whitespace();
        let start = bytes.iter().position(|b| !blank(b)).unwrap_or(bytes.len());
        let end = bytes.iter().rposition(|b| !blank(b)).map_or(start, |last| last + 1);
        text(&bytes[start..end])
    }
}

/// UTF-8, else Latin-1, whose code points are Unicode's first 256.
pub(super) fn text(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => bytes.iter().map(|&b| char::from(b)).collect(),
    }
}

/// A finite decimal; some programs write it with a comma.
fn number(text: &str) -> Option<f64> {
    text.replace(',', ".").parse().ok().filter(|value: &f64| value.is_finite())
}

fn signals(
    path: &Path,
    bytes: &[u8],
    count: usize,
    plus: bool,
    warnings: &mut Vec<String>,
) -> Result<Vec<Signal>> {
    // Field `f` of signal `i` lies behind all signals' fields before `f`.
    let field = |f: usize, i: usize| {
        let before: usize = WIDTHS[..f].iter().sum();
        Fields { bytes, at: before * count + WIDTHS[f] * i }.text(WIDTHS[f])
    };
    let mut signals = Vec::new();
    for i in 0..count {
        let label = field(0, i);
        let text = field(8, i);
        let item = |what: &str| format!("signal {} ({}): {what}", i + 1, one_line(&label));
        let samples: usize = text
            .parse()
            .map_err(|_| error(path, item("samples in a data record"), "a whole number", &text))?;
        let annotations = plus && (label == "EDF Annotations" || label == "BDF Annotations");
        let range = |low: usize, what: &str| -> Result<[f64; 2]> {
            let mut ends = [0.0; 2];
            for (end, f) in ends.iter_mut().zip([low, low + 1]) {
                let text = field(f, i);
                let what = format!("{what} {}", if f == low { "minimum" } else { "maximum" });
                *end = number(&text).ok_or_else(|| error(path, item(&what), "a number", &text))?;
            }
            Ok(ends)
        };
        let (mut units, mut scale) = (field(2, i), Scale { step: 1.0, offset: 0.0 });
        if !annotations {
            match Scale::new(range(3, "physical")?, range(5, "digital")?) {
                Some(known) => scale = known,
                None => {
                    // Channels that were not used are often left so: they must not cost the others.
                    warnings.push(format!("lead {} is not calibrated: its range is empty", one_line(&label)));
                    units = "NU".to_owned();
                }
            }
        }
        signals.push(Signal { label, units, samples, annotations, scale });
    }
    Ok(signals)
}

/// `DD.MM.YY` and `HH.MM.SS`. The year's century is the recording field's in EDF+, else by the rule that 85 to 99 are of the
/// last. Where that field says that the date is not known, what stands for it does not count.
fn start(date: &str, time: &str, recording: &str, warnings: &mut Vec<String>) -> Option<Start> {
    let three = |text: &str| {
        let mut parts = text.split(['.', ':', '-', '/']).map(|part| part.trim().parse::<u8>().ok());
        let all = [parts.next()??, parts.next()??, parts.next()??];
        parts.next().is_none().then_some(all)
    };
    let clock = three(time).and_then(|[h, m, s]| Start::clock(h, m, f64::from(s)));
    let written = recording.strip_prefix("Startdate ").map(str::trim_start);
    let plain = || {
        let [day, month, year] = three(date)?;
        Date::new(u16::from(year) + if year >= 85 { 1900 } else { 2000 }, month, day)
    };
    let unknown =
        written.is_some_and(|text| text == "X" || text.starts_with("X ") || text.starts_with("not "));
    let day = written.and_then(|text| long_date(text.split(' ').next()?));
    let day = if unknown { None } else { day.or_else(plain) };
    if clock.is_none() || (day.is_none() && !unknown) {
        warnings.push(format!("the start {} is no date and time", quote(&format!("{date} {time}"))));
    }
    Start::new(day, clock)
}

/// `02-MAY-1951`.
fn long_date(text: &str) -> Option<Date> {
    let mut parts = text.split('-');
    let (day, month, year) = (parts.next()?, parts.next()?, parts.next()?);
    Date::new(year.parse().ok()?, Date::month_of(month)?, day.parse().ok()?)
}

/// Sex, date of birth and age of the patient field of EDF+: `MCH-0234567 F 02-MAY-1951 Haagse_Harry`, X for what is not known.
fn person(patient: &str) -> (Option<Sex>, Option<Date>, Option<f64>) {
    let mut fields = patient.split(' ').skip(1);
    let sex = match fields.next() {
        Some("F" | "f") => Some(Sex::Female),
        Some("M" | "m") => Some(Sex::Male),
        _ => None,
    };
    let birth = fields.next().and_then(long_date);
    let age = fields.find_map(|field| field.strip_prefix("Age_")).and_then(|age| age.parse().ok());
    (sex, birth, age.filter(|age| (0.0..=150.0).contains(age)))
}

pub(super) fn error(path: &Path, item: String, expected: &str, found: &str) -> Error {
    Error::Content {
        path: path.to_path_buf(),
        item,
        expected: expected.to_owned(),
        found: quote(found),
        fix: FIX,
    }
}
