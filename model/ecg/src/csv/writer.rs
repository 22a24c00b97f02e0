//! Records out, as the reader takes them.

use std::io::Write as _;
use std::path::Path;

use super::layout::with_unit;
use crate::error::{Error, Result, quote};
use crate::{Record, Sex};
use efficientecg_files as files;

/// Writes a record as a table: times in seconds, then a column a lead, samples in as many digits as bring back the same number, and
/// empty cells where they are missing. Age and sex are comments before it. Units other than mV stand in brackets after the name. Names
/// that hold separators are quoted.
///
/// # Errors
/// Leads of different rates or lengths, a name that the reader would take for another, or a file that cannot be written.
pub fn write(path: &Path, record: &Record) -> Result<()> {
    let separator = if path.extension().is_some_and(|e| e.eq_ignore_ascii_case("tsv")) { '\t' } else { ',' };
    files::write(path, &bytes(path, record, separator)?).map_err(Error::writing(path))
}

/// The table's bytes, as [`write()`] writes them, cells separated by a comma or a tab; `path` is named in errors only.
///
/// # Errors
/// As [`write()`], but for the file.
pub fn bytes(path: &Path, record: &Record, separator: char) -> Result<Vec<u8>> {
    let error = |item: String, expected: &str, found: String, fix: &'static str| Error::Content {
        path: path.to_path_buf(),
        item,
        expected: expected.to_owned(),
        found,
        fix,
    };
    let Some(first) = record.leads.first() else {
        return Err(error("leads".into(), "at least 1", "0".into(), "add a lead"));
    };
    let mut out = Vec::new();
    if let Some(age) = record.age {
        out.extend(format!("# Age: {age}\n").as_bytes());
    }
    if let Some(sex) = record.sex {
        out.extend(format!("# Sex: {}\n", if sex == Sex::Male { "M" } else { "F" }).as_bytes());
    }
    out.extend(b"time");
    for lead in &record.leads {
        if lead.samples.len() != first.samples.len() || lead.sample_rate != first.sample_rate {
            let found = format!("{} samples at {}", lead.samples.len(), lead.sample_rate);
            let fix = "write the leads apart, or resample them alike";
            return Err(error(
                format!("lead {}", quote(&lead.name)),
                "the first lead's rate and length",
                found,
                fix,
            ));
        }
        let name = match lead.units.as_str() {
            "mV" if !lead.name.ends_with([']', ')']) => lead.name.clone(),
            units => format!("{} [{units}]", lead.name),
        };
        // Quotes around a name are no part of it where it is read.
        let bare = lead.name.trim();
        if bare.is_empty()
            || bare.starts_with('\'')
            || bare.ends_with('\'')
            || name.contains(char::is_control)
        {
            let found = quote(&name);
            let expected = "a name of one line that no single quotes enclose";
            return Err(error("lead".into(), expected, found, "rename it"));
        }
        if with_unit(&name).unwrap_or((bare, "mV")) != (bare, lead.units.trim()) {
            let expected = "a unit without square brackets";
            return Err(error(
                format!("lead {}", quote(bare)),
                expected,
                quote(&lead.units),
                "name another unit",
            ));
        }
        if name.contains(['"', ',', ';']) {
            out.extend(format!("{separator}\"{}\"", name.replace('"', "\"\"")).as_bytes());
        } else {
            out.extend(format!("{separator}{name}").as_bytes());
        }
    }
    out.push(b'\n');
    let rate = first.sample_rate;
    // A whole rate comes back from times that are rounded.
    let whole = rate.fract() == 0.0;
    for i in 0..first.samples.len() {
        let time = i as f64 / rate;
        // Writing to memory cannot fail.
        let _ = if whole { write!(out, "{time:.6}") } else { write!(out, "{time}") };
        for lead in &record.leads {
            let value = lead.samples[i];
            out.push(separator as u8);
            if !value.is_nan() {
                let _ = write!(out, "{value}");
            }
        }
        out.push(b'\n');
    }
    Ok(out)
}
