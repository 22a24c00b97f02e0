//! Records out: a header and one signal file, format 16 or 212.

use std::fmt::Write as _;
use std::path::Path;

use super::format::Format;
use crate::Record;
use crate::error::{Error, Result, quote};
use efficientecg_files as files;

/// How samples are stored: `digital = round(physical * gain) + baseline`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StorageFormat {
    /// [`Format::F16`] or [`Format::F212`].
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

/// Writes `record` into `folder` as `NAME.hea` and `NAME.dat`; NaN becomes the format's mark of a missing sample.
///
/// # Errors
/// A name or text that a header cannot hold, leads of different rates or lengths, a sample out of the format's range,
/// or a file that cannot be written.
pub fn write(folder: &Path, record: &Record, storage: &StorageFormat) -> Result<()> {
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
    let Some(first) = record.leads.first() else {
        return Err(error("leads".into(), "at least 1", "0".into(), "add a lead"));
    };
    let (Some((low, high)), Some(missing)) = (storage.format.range(), storage.format.missing()) else {
        let found = storage.format.code().to_string();
        return Err(error("format".into(), "16 or 212", found, "choose another"));
    };
    if !storage.gain.is_finite() || storage.gain == 0.0 {
        let found = storage.gain.to_string();
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
    for lead in &record.leads {
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
        format!("{} {} {} {}\n", record.name, record.leads.len(), record.sample_rate, first.samples.len());
    let bits = if storage.format == Format::F212 { 12 } else { 16 };
    for (lead, column) in record.leads.iter().zip(&columns) {
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
