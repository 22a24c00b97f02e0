//! Records out: a header and one signal file, of format 16, 32 or 212.

use std::fmt::Write as _;
use std::path::Path;

use super::format::Format;
use super::{Annotations, patient};
use crate::error::{Error, Result, quote};
use crate::grid::Grid;
use crate::{Record, Sex};
use efficientecg_files as files;

/// How samples are stored: `digital = round(physical * gain) + baseline`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StorageFormat {
    /// [`Format::F16`], [`Format::F32`] or [`Format::F212`].
    pub format: Format,
    /// Digital units per physical unit.
    pub gain: f64,
    /// Digital value of 0 physical units.
    pub baseline: i32,
}

impl Default for StorageFormat {
    /// MIT-BIH's: 12 bits, 5 µV a unit.
    fn default() -> Self {
        Self { format: Format::F212, gain: 200.0, baseline: 0 }
    }
}

/// Writes `record` as the header `path` with a signal file and, if it has annotations, an annotation file `.atr` beside it. The
/// record takes the file's name. Samples of a converter keep their digital values, in 16 bits, or in 32 where these are too few;
/// others are rounded to less than a millionth of a thousandth of their range. Start, age and sex are written.
///
/// # Errors
/// As [`write()`]; an annotation that its file cannot hold.
pub fn write_exact(path: &Path, record: &Record) -> Result<()> {
    let mut record = record.clone();
    record.name = path.file_stem().map_or_else(String::new, |stem| stem.to_string_lossy().into_owned());
    let (age, sex) = patient::patient_of(&record.comments);
    if let (None, Some(age)) = (age, record.age) {
        record.comments.push(format!("Age: {age}"));
    }
    if let (None, Some(sex)) = (sex, record.sex) {
        record.comments.push(format!("Sex: {}", if sex == Sex::Male { "M" } else { "F" }));
    }
    let scales: Vec<(f64, bool)> = record.leads.iter().map(|lead| scale(&lead.samples)).collect();
    let format = if scales.iter().all(|(_, short)| *short) { Format::F16 } else { Format::F32 };
    let storage: Vec<StorageFormat> =
        scales.iter().map(|(gain, _)| StorageFormat { format, gain: *gain, baseline: 0 }).collect();
    let folder = path.parent().unwrap_or(Path::new(""));
    write_each(folder, &record, &storage)?;
    if record.annotations.is_empty() {
        return Ok(());
    }
    let annotations = Annotations { items: record.annotations, ..Annotations::default() };
    annotations.write(&path.with_extension("atr"))
}

/// Digital units a physical one, and whether 16 bits hold the digital values.
fn scale(samples: &[f32]) -> (f64, bool) {
    let largest =
        samples.iter().filter(|v| !v.is_nan()).fold(0.0_f64, |most, v| most.max(f64::from(v.abs())));
    match Grid::find(samples) {
        Some(grid) if grid.offset == 0.0 || grid.offset == 0.5 => {
            // Halves are whole at twice the gain.
            let gain = if grid.offset == 0.5 { 2.0 * grid.gain } else { grid.gain };
            (gain, largest * gain <= 32767.0)
        }
        // By a power of two, so that all but the smallest samples stay as they are.
        _ if largest > 0.0 && largest.is_finite() => (2.0_f64.powi(30 - largest.log2().ceil() as i32), false),
        _ => (1.0, true),
    }
}

/// Writes `record` into `folder` as `NAME.hea` and `NAME.dat`; NaN becomes the format's mark of a missing sample.
///
/// # Errors
/// A name or text that a header cannot hold, leads of different rates or lengths, a sample out of the format's range,
/// or a file that cannot be written.
pub fn write(folder: &Path, record: &Record, storage: &StorageFormat) -> Result<()> {
    write_each(folder, record, &vec![*storage; record.leads.len()])
}

/// [`write()`], with a gain and a baseline for each lead; the format is the first's.
fn write_each(folder: &Path, record: &Record, each: &[StorageFormat]) -> Result<()> {
    let path = folder.join(format!("{}.hea", record.name));
    let error = |item: String, expected: &str, found: String, fix: &'static str| Error::Content {
        path: path.clone(),
        item,
        expected: expected.to_owned(),
        found,
        fix,
    };
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    if record.name.is_empty() || !record.name.chars().all(plain) {
        let found = quote(&record.name);
        return Err(error("record name".into(), "letters, digits, _ and -", found, "rename the record"));
    }
    let (Some(first), Some(storage)) = (record.leads.first(), each.first()) else {
        return Err(error("leads".into(), "at least 1", "0".into(), "add a lead"));
    };
    let (Some((low, high)), Some(missing)) = (storage.format.range(), storage.format.missing()) else {
        let found = storage.format.code().to_string();
        return Err(error("format".into(), "16, 32 or 212", found, "choose another"));
    };
    if let Some(odd) = each.iter().find(|storage| !storage.gain.is_finite() || storage.gain == 0.0) {
        let found = odd.gain.to_string();
        return Err(error("gain".into(), "a finite number that is not 0", found, "choose another"));
    }
    for lead in &record.leads {
        let same = lead.samples.len() == first.samples.len()
            && lead.sample_rate == first.sample_rate
            && lead.sample_rate == record.sample_rate;
        if !same {
            return Err(error(
                format!("lead {}", lead.name),
                "the record's rate and the first lead's length",
                format!("{} samples at {}", lead.samples.len(), lead.sample_rate),
                "resample and cut the leads alike",
            ));
        }
        let line = |text: &str| !text.is_empty() && !text.contains(['\n', '\r']);
        if !line(&lead.name) || !line(&lead.units) || lead.units.contains(char::is_whitespace) {
            let found = format!("{} in {}", quote(&lead.name), quote(&lead.units));
            return Err(error("lead".into(), "a name of one line, units of one word", found, "rename it"));
        }
    }

    let mut columns = Vec::with_capacity(record.leads.len());
    for (lead, storage) in record.leads.iter().zip(each) {
        let mut column = Vec::with_capacity(lead.samples.len());
        for (i, &v) in lead.samples.iter().enumerate() {
            let digital = (f64::from(v) * storage.gain).round() + f64::from(storage.baseline);
            if v.is_nan() {
                column.push(missing);
            } else if (f64::from(low)..=f64::from(high)).contains(&digital) {
                column.push(digital as i32);
            } else {
                return Err(error(
                    format!("lead {} sample {i}", lead.name),
                    &format!("{low} to {high} digital units"),
                    format!("{digital}"),
                    "choose a smaller gain or another baseline",
                ));
            }
        }
        columns.push(column);
    }

    let mut text =
        format!("{} {} {} {}", record.name, record.leads.len(), record.sample_rate, first.samples.len());
    // A date stands behind a time.
    if let Some((date, time)) = record.start.and_then(|start| Some((start.date, start.time?))) {
        let seconds = (time * 1e3).floor() / 1e3;
        let (hours, minutes) = (seconds as u32 / 3600, seconds as u32 / 60 % 60);
        let seconds = seconds - f64::from(hours * 3600 + minutes * 60);
        let _ = write!(text, " {hours:02}:{minutes:02}:{seconds:06.3}");
        if let Some(date) = date {
            let _ = write!(text, " {:02}/{:02}/{:04}", date.day(), date.month(), date.year());
        }
    }
    text.push('\n');
    let bits = match storage.format {
        Format::F212 => 12,
        Format::F32 => 32,
        _ => 16,
    };
    for ((lead, column), storage) in record.leads.iter().zip(&columns).zip(each) {
        let sum = column.iter().fold(0_u16, |s, &v| s.wrapping_add(v as u16)) as i16;
        let initial = column.first().copied().unwrap_or(0);
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "{}.dat {} {}({})/{} {bits} 0 {initial} {sum} 0 {}",
            record.name,
            storage.format.code(),
            storage.gain,
            storage.baseline,
            lead.units,
            lead.name
        );
    }
    for comment in record.comments.iter().flat_map(|c| c.lines()) {
        let _ = writeln!(text, "# {comment}");
    }

    let mut frames = Vec::with_capacity(columns.len() * first.samples.len());
    for i in 0..first.samples.len() {
        frames.extend(columns.iter().map(|column| column[i]));
    }
    let bytes = storage.format.encode(&frames).unwrap_or_default();
    let data = folder.join(format!("{}.dat", record.name));
    // A header without its signals, or beside those of another record, would be worse than none.
    files::write_all(&[(data, &bytes), (path.clone(), text.as_bytes())])
        .map_err(|(path, error)| Error::writing(&path)(error))
}
