//! DICOM: ECG waveforms in Part 10 files.
//!
//! Written from DICOM PS3.3 (C.10.9, waveforms), PS3.5 (data sets) and PS3.10 (files).
//!
//! ```text
//! dataset.rs   elements and sequences of any data set
//! waveform.rs  multiplex groups and their channels
//! ```
//!
//! An object may have several groups of channels, such as a rhythm and the median beat that a device made of it. The record
//! is the longest group that is no derived one and has voltages, with the others that begin and end with it.

use crate::error::{Error, Result, quote};
use crate::source::Source;
use crate::{Date, Record, Sex, Start};
use efficientecg_files::one_line;
use std::path::Path;

mod dataset;
mod waveform;

use dataset::{DataSetError, Set, Syntax};
use waveform::Group;

/// Bytes before the mark `DICM`.
const PREAMBLE: usize = 128;
const MARK: &[u8] = b"DICM";
/// The first element of a file's description, its length, as files without a preamble begin.
const META: &[u8] = b"\x02\0\0\0UL\x04\0";
/// A data set that is deflated has at most this many times as many bytes, or `FREE_BYTES`.
const MOST_DEFLATED: usize = 64;
const FREE_BYTES: usize = 1 << 24;
const FIX: &str = "export the object again";

/// Whether these bytes are the start of a DICOM file.
pub fn recognises(head: &[u8]) -> bool {
    head.get(PREAMBLE..PREAMBLE + MARK.len()) == Some(MARK) || head.starts_with(META)
}

/// Reads a record. A padding value stands for a missing sample, unless it is 0. Channels without sensitivity or unit are not
/// calibrated. Skews of channels, which are below a sample, and annotations are not read.
///
/// # Errors
/// The data set is cut short, of a transfer syntax that holds compressed images, or without waveforms; a group
/// contradicts itself.
pub fn read(source: Source<'_>) -> Result<Record> {
    let (path, name) = (source.path(), source.name());
    let bytes = source.bytes()?;
    let start = if bytes.starts_with(META) { 0 } else { PREAMBLE + MARK.len() };
    let (meta, rest) =
        Set::group(bytes.get(start..).unwrap_or_default(), 2).map_err(|error| error.at(path))?;
    let uid = meta.text(0x0002_0010).unwrap_or_default();
    let (syntax, deflated) = match uid.as_str() {
        "1.2.840.10008.1.2" => (Syntax::IMPLICIT, false),
        "1.2.840.10008.1.2.1" => (Syntax::EXPLICIT, false),
        "1.2.840.10008.1.2.1.99" => (Syntax::EXPLICIT, true),
        "1.2.840.10008.1.2.2" => (Syntax { big_endian: true, ..Syntax::EXPLICIT }, false),
        _ => {
            return Err(Error::Unsupported {
                path: path.to_path_buf(),
                item: format!("the transfer syntax {}", quote(&uid)),
                fix: "export the object with explicit VR little endian",
            });
        }
    };
    let inflated;
    let data = if deflated {
        inflated = inflate(rest).map_err(|error| error.at(path))?;
        &inflated[..]
    } else {
        rest
    };
    let (set, error) = Set::read(data, syntax);
    let mut warnings = Vec::new();
    match error {
        // What lies after the waveforms does not cost them.
        Some(error) if set.find(0x5400_0100).is_some() => {
            let DataSetError { item, expected, found } = error;
            warnings.push(format!("after the waveforms: {item}: expected {expected}, found {found}"));
        }
        Some(error) => return Err(error.at(path)),
        None => {}
    }
    let groups = set.items(0x5400_0100).map_err(|error| error.at(path))?;
    if groups.is_empty() {
        let class = set.text(0x0008_0016).map_or_else(|| "no class".to_owned(), |uid| quote(&uid));
        return Err(
            DataSetError::new("waveforms", "at least one group", format!("none, class {class}")).at(path)
        );
    }
    let mut read = Vec::new();
    for (i, group) in groups.iter().enumerate() {
        read.push(Group::read(group, i + 1).map_err(|error| error.at(path))?);
    }
    let (leads, offset) = choose(read, &mut warnings);
    let plain = leads.iter().filter(|lead| lead.units == waveform::NO_UNIT).count();
    if plain > 0 {
        warnings.push(format!("{plain} channels are not calibrated"));
    }
    let rates = |voltages: bool| {
        let leads = leads.iter().filter(|lead| !voltages || lead.millivolts().is_some());
        leads.map(|lead| lead.sample_rate).fold(0.0, f64::max)
    };
    let rate = if rates(true) > 0.0 { rates(true) } else { rates(false) };
    let mut record = Record::new(name, rate, leads);
    record.warnings = warnings;
    patient(&set, &mut record);
    record.start = record.start.map(|start| start.later(offset));
    Ok(record)
}

/// Raw deflate, to a size in proportion.
fn inflate(bytes: &[u8]) -> std::result::Result<Vec<u8>, DataSetError> {
    let most = bytes.len().saturating_mul(MOST_DEFLATED).clamp(FREE_BYTES, 1 << 28);
    miniz_oxide::inflate::decompress_to_vec_with_limit(bytes, most).map_err(|error| {
        let expected = format!("deflated bytes that hold at most {most}");
        DataSetError::new("data set", expected, format!("{:?}", error.status))
    })
}

impl DataSetError {
    fn at(self, path: &Path) -> Error {
        let DataSetError { item, expected, found } = self;
        Error::Content { path: path.to_path_buf(), item, expected, found, fix: FIX }
    }
}

/// The leads of the record, and when they begin.
fn choose(groups: Vec<Group>, warnings: &mut Vec<String>) -> (Vec<crate::Lead>, f64) {
    let rank = |group: &Group| (group.voltage(), !group.derived);
    let best = groups.iter().map(rank).max().unwrap_or_default();
    let fits = |group: &&Group| rank(group) == best;
    let seconds = groups.iter().filter(fits).map(Group::seconds).fold(0.0, f64::max);
    let offset = groups.iter().find(|g| fits(g) && g.seconds() == seconds).map_or(0.0, |g| g.offset);
    let mut leads = Vec::new();
    for (i, group) in groups.into_iter().enumerate() {
        let period = group.leads.first().map_or(0.0, |lead| 1.0 / lead.sample_rate);
        let together =
            group.offset == offset && (group.seconds() - seconds).abs() <= period && rank(&group) == best;
        if together {
            leads.extend(group.leads);
        } else if !group.derived {
            let label = one_line(&group.label);
            warnings.push(format!("group {} {} is left out", i + 1, quote(&label)));
        }
    }
    (leads, offset)
}

/// Age, sex and start.
fn patient(set: &Set<'_>, record: &mut Record) {
    record.sex = match set.text(0x0010_0040).as_deref() {
        Some("F" | "f") => Some(Sex::Female),
        Some("M" | "m") => Some(Sex::Male),
        _ => None,
    };
    let whole = set.text(0x0008_002a).and_then(|text| {
        let (day, clock) = text.split_at_checked(8)?;
        Start::new(date(day), time(clock))
    });
    // Of the acquisition, the content, the study.
    let apart = || {
        [(0x0008_0022, 0x0008_0032), (0x0008_0023, 0x0008_0033), (0x0008_0020, 0x0008_0030)]
            .into_iter()
            .find_map(|(day, clock)| {
                let day = set.text(day).and_then(|text| date(&text))?;
                Start::new(Some(day), set.text(clock).and_then(|text| time(&text)))
            })
    };
    record.start = whole.or_else(apart);
    let birth = set.text(0x0010_0030).and_then(|text| date(&text));
    let day = record.start.and_then(|start| start.date);
    let age = set.text(0x0010_1010).and_then(|text| years(&text));
    record.age = age.or_else(|| birth.zip(day).and_then(|(birth, day)| birth.age_on(day)));
}

/// `20130125`; `2013.01.25` of old objects.
fn date(text: &str) -> Option<Date> {
    let digits: String = text.chars().filter(|c| *c != '.').collect();
    let part = |range: std::ops::Range<usize>| digits.get(range)?.parse::<u16>().ok();
    let small = |range| part(range).and_then(|value| u8::try_from(value).ok());
    (digits.len() == 8).then(|| Date::new(part(0..4)?, small(4..6)?, small(6..8)?))?
}

/// `105919.25`, with a time zone or without; minutes and seconds may be left out.
fn time(text: &str) -> Option<f64> {
    let text = text.split(['+', '-', '&']).next().unwrap_or_default();
    let digits: String = text.chars().filter(|c| *c != ':').collect();
    let part = |at: usize| match digits.get(at..at + 2) {
        Some(two) => two.parse::<u8>().ok(),
        None => Some(0),
    };
    let seconds = digits.get(4..).filter(|rest| !rest.is_empty());
    let seconds = seconds.map_or(Some(0.0), |rest| rest.parse::<f64>().ok())?;
    (digits.len() >= 2).then(|| Start::clock(part(0)?, part(2)?, seconds))?
}

/// `042Y`, `018M`, `006W`, `003D`.
fn years(text: &str) -> Option<f64> {
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let value: f64 = digits.parse::<u16>().ok()?.into();
    let years = match unit {
        "Y" => value,
        "M" => value / 12.0,
        "W" => value * 7.0 / 365.2425,
        "D" => value / 365.2425,
        _ => return None,
    };
    (0.0..=150.0).contains(&years).then_some(years)
}

#[cfg(test)]
mod tests;
