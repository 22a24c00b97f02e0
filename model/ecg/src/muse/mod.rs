//! GE MUSE XML (`RestingECG`): resting ECGs as the MUSE system exports them.
//!
//! Written from the elements that GE's XML developer guide names and that published readers of such files describe. There is no
//! sample of the makers' own that may be given on: the test files are made by `tests/golden/muse/make.py`.
//!
//! A file has waveforms of the types `Rhythm`, which is read, and `Median`, the usual beat, which is left out. Leads are stored in
//! base64 as 16-bit integers, the low byte first. MUSE stores eight leads: III, aVR, aVL and aVF are computed from I and II as
//! MUSE itself does, unless they are there (Einthoven, Goldberger):
//!
//! ```text
//! III = II − I     aVR = −(I + II) / 2     aVL = I − II / 2     aVF = II − I / 2
//! ```
//!
//! Statements of the diagnosis are comments.

use roxmltree::Node;
use std::path::Path;

use crate::error::{Error, Result, quote};
use crate::source::Source;
use crate::{Lead, Record, Start, xml};
use efficientecg_files::one_line;

/// Largest power of ten of a rate.
const MOST_EXPONENT: f64 = 9.0;
/// Largest units a bit, so that samples are finite.
const MOST_SCALE: f64 = 1e30;

/// Whether these bytes are the start of such a file.
pub fn recognises(head: &[u8]) -> bool {
    xml::root_name(head).is_some_and(|name| name == "RestingECG")
}

/// Reads a record, with the four limb leads that the file does not store.
///
/// # Errors
/// The file is no XML, has no rhythm, or a lead contradicts its description.
pub fn read(source: Source<'_>) -> Result<Record> {
    let (path, name) = (source.path(), source.name());
    let text = xml::text(source)?;
    let document = xml::parse(path, &text.text)?;
    let root = document.root_element();
    let mut warnings: Vec<String> = text.warning.into_iter().collect();
    let is_rhythm = |node: &Node<'_, '_>| {
        xml::content_of(*node, &["WaveformType"]).is_some_and(|kind| kind.eq_ignore_ascii_case("rhythm"))
    };
    let mut rhythms = xml::children(root, "Waveform").filter(is_rhythm);
    let rhythm = rhythms.next().ok_or_else(|| {
        let kinds =
            xml::children(root, "Waveform").filter_map(|node| xml::content_of(node, &["WaveformType"]));
        let kinds: Vec<String> = kinds.map(|kind| quote(&kind)).collect();
        let found = if kinds.is_empty() { "no Waveform".to_owned() } else { kinds.join(", ") };
        xml::error(path, root, "Waveform", "one of the WaveformType Rhythm", found)
    })?;
    if rhythms.next().is_some() {
        warnings.push("the first Waveform of the WaveformType Rhythm is read; there are more".into());
    }
    let rate = rate(path, rhythm)?;
    let mut stored = Vec::new();
    for node in xml::children(rhythm, "LeadData") {
        stored.push(Stored::read(path, node, &mut warnings)?);
    }
    if stored.is_empty() {
        return Err(xml::error(path, rhythm, "Waveform", "at least 1 LeadData", "none".into()));
    }
    let mut leads = derived(&stored, rate, &mut warnings);
    let at = stored.iter().position(|lead| lead.name == "II").map_or(0, |at| at + 1);
    let mut all: Vec<Lead> = stored.iter().map(|lead| lead.lead(rate)).collect();
    all.splice(at..at, leads.drain(..));

    let mut record = Record::new(name, rate, all);
    let test = |element| xml::content_of(root, &["TestDemographics", element]);
    let date = test("AcquisitionDate").and_then(|text| xml::date(&text));
    record.start = Start::new(date, test("AcquisitionTime").and_then(|text| xml::clock(&text)));
    let patient = |element| xml::content_of(root, &["PatientDemographics", element]);
    record.sex = patient("Gender").and_then(|text| xml::sex(&text));
    let years = patient("PatientAge").and_then(|text| xml::number(&text));
    let unit = patient("AgeUnits").unwrap_or_default();
    let birth = patient("DateofBirth").and_then(|text| xml::date(&text));
    record.age = years.and_then(|years| xml::age_in_years(years, &unit)).or_else(|| birth?.age_on(date?));
    record.comments = statements(root);
    record.warnings = warnings;
    Ok(record)
}

/// Samples a second: a base times a power of ten.
fn rate(path: &Path, rhythm: Node<'_, '_>) -> Result<f64> {
    let base = xml::need(path, rhythm, &["SampleBase"])?;
    let value = xml::positive_in(path, base, &xml::content(base))?;
    let exponent = match xml::find(rhythm, &["SampleExponent"]) {
        Some(node) if !xml::content(node).is_empty() => {
            let exponent = xml::number_in(path, node, &xml::content(node))?;
            if exponent.abs() > MOST_EXPONENT || exponent.fract() != 0.0 {
                let expected = format!("a whole number up to {MOST_EXPONENT}");
                return Err(xml::error(path, node, "SampleExponent", &expected, exponent.to_string()));
            }
            exponent
        }
        _ => 0.0,
    };
    let rate = value * 10_f64.powi(exponent as i32);
    let fits = rate > 0.0 && rate.is_finite();
    fits.then_some(rate)
        .ok_or_else(|| xml::error(path, base, "SampleBase", "a finite rate", rate.to_string()))
}

/// The diagnosis line by line: a statement goes on until one that ends the line.
fn statements(root: Node<'_, '_>) -> Vec<String> {
    let diagnosis = xml::find(root, &["Diagnosis"]).into_iter();
    let mut lines = vec![String::new()];
    for statement in diagnosis.flat_map(|node| xml::children(node, "DiagnosisStatement")) {
        let text = xml::content_of(statement, &["StmtText"]).unwrap_or_default();
        if let Some(line) = lines.last_mut() {
            let blank = if line.is_empty() || text.is_empty() { "" } else { " " };
            *line += &format!("{blank}{}", one_line(&text));
        }
        let mut flags = xml::children(statement, "StmtFlag");
        if flags.any(|flag| xml::content(flag) == "ENDSLINE") {
            lines.push(String::new());
        }
    }
    lines.retain(|line| !line.is_empty());
    lines
}

/// A lead as the file holds it.
struct Stored {
    name: String,
    unit: String,
    /// Units a bit.
    scale: f64,
    samples: Vec<i16>,
}

impl Stored {
    fn read(path: &Path, node: Node<'_, '_>, warnings: &mut Vec<String>) -> Result<Stored> {
        let name = xml::lead_name(&xml::content(xml::need(path, node, &["LeadID"])?));
        let item = format!("lead {}", one_line(&name));
        let error = |expected: &str, found: String| Err(xml::error(path, node, &item, expected, found));
        let size = xml::content_of(node, &["LeadSampleSize"]).unwrap_or("2".into());
        if size != "2" {
            return Err(Error::Unsupported {
                path: path.to_path_buf(),
                item: format!("{item} with {} bytes a sample", quote(&size)),
                fix: "export the record with samples of 2 bytes",
            });
        }
        let scale = xml::need(path, node, &["LeadAmplitudeUnitsPerBit"])?;
        let scale = xml::number_in(path, scale, &xml::content(scale))?;
        if scale == 0.0 || scale.abs() > MOST_SCALE {
            return error("LeadAmplitudeUnitsPerBit that is neither 0 nor endless", scale.to_string());
        }
        let unit = xml::content_of(node, &["LeadAmplitudeUnits"]).unwrap_or_default();
        let data = xml::need(path, node, &["WaveFormData"])?;
        let bytes = match xml::base64(&xml::content(data)) {
            Ok(bytes) => bytes,
            Err(found) => return error("base64", found),
        };
        let declared = |element| xml::content_of(node, &[element]).and_then(|text| xml::number(&text));
        let count = bytes.len() / 2;
        if bytes.len() % 2 == 1 || count == 0 {
            return error("at least 1 sample of 2 bytes", format!("{} bytes", bytes.len()));
        }
        if let Some(declared) = declared("LeadSampleCountTotal").filter(|n| *n != count as f64) {
            return error(&format!("{declared} samples"), count.to_string());
        }
        let sum = xml::content_of(node, &["LeadDataCRC32"]).and_then(|text| text.parse::<u32>().ok());
        if sum.is_some_and(|sum| sum != crc32(&bytes)) {
            warnings.push(format!("{item}: the checksum LeadDataCRC32 does not match the samples"));
        }
        if xml::content_of(node, &["LeadOff"]).is_some_and(|off| off.eq_ignore_ascii_case("true")) {
            warnings.push(format!("{item}: the electrode was off"));
        }
        let samples = bytes.as_chunks::<2>().0.iter().map(|pair| i16::from_le_bytes(*pair)).collect();
        Ok(Stored { name, unit: unit_name(&unit), scale, samples })
    }

    fn lead(&self, rate: f64) -> Lead {
        let samples = self.samples.iter().map(|raw| (f64::from(*raw) * self.scale) as f32).collect();
        Lead::new(self.name.clone(), self.unit.clone(), rate, samples)
    }
}

/// The short word for a unit.
fn unit_name(unit: &str) -> String {
    match xml::volts(unit) {
        Some(0) => "V",
        Some(-3) => "mV",
        Some(-6) => "uV",
        Some(-9) => "nV",
        _ => unit,
    }
    .to_owned()
}

/// The limb leads that I and II give and that are not stored.
fn derived(stored: &[Stored], rate: f64, warnings: &mut Vec<String>) -> Vec<Lead> {
    // How many halves of I and II.
    const FORMULAS: [(&str, i32, i32); 4] = [("III", -2, 2), ("aVR", -1, -1), ("aVL", 2, -1), ("aVF", -1, 2)];
    let named = |name: &str| stored.iter().find(|lead| lead.name == name);
    let missing: Vec<_> = FORMULAS.iter().filter(|(name, ..)| named(name).is_none()).collect();
    let (Some(i), Some(ii)) = (named("I"), named("II")) else { return Vec::new() };
    if missing.is_empty() {
        return Vec::new();
    }
    if i.samples.len() != ii.samples.len() || i.scale != ii.scale || i.unit != ii.unit {
        warnings.push("leads I and II differ in length or scale: no further limb leads are computed".into());
        return Vec::new();
    }
    let (unit, scale) = (ii.unit.as_str(), ii.scale);
    let lead = |(name, a, b): &&(&str, i32, i32)| {
        let pairs = i.samples.iter().zip(&ii.samples);
        let halves = pairs.map(|(i, ii)| i32::from(*i) * a + i32::from(*ii) * b);
        let samples = halves.map(|halves| (f64::from(halves) / 2.0 * scale) as f32);
        Lead::new(*name, unit, rate, samples.collect())
    };
    missing.iter().map(lead).collect()
}

/// The CRC of zip and PNG, over the bytes of the samples.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |sum, byte| {
        (0..8).fold(sum ^ u32::from(*byte), |sum, _| sum >> 1 ^ (0xedb8_8320 & (sum & 1).wrapping_neg()))
    })
}

#[cfg(test)]
mod tests;
