//! Philips XML (SierraECG, PhilipsECG): resting ECGs of PageWriter, TraceMaster, IntelliSpace and HeartStart devices,
//! versions 1.03 and 1.04.
//!
//! Written from the files themselves and the public description of the compression in the project `sierra-ecg-tools`, which
//! was found out from such files: Philips publishes none. Samples equal those of that project's package `sierraecg`.
//!
//! ```text
//! xli.rs    the compression
//! limbs.rs  leads III, aVR, aVL and aVF, which are kept as differences
//! ```
//!
//! Representative beats and measurements are left out. Statements of the interpretation are comments.

use roxmltree::Node;
use std::path::Path;

use crate::error::{Error, Result, quote};
use crate::source::Source;
use crate::{Lead, Record, Start, xml};
use efficientecg_files::one_line;

mod limbs;
mod xli;

/// Names of the leads of a set of 12, where the file names none.
const TWELVE: [&str; 12] = ["I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6"];

/// Whether these bytes are the start of such a file.
pub fn recognises(head: &[u8]) -> bool {
    xml::root_name(head).is_some_and(|name| name == "restingecgdata")
}

/// Reads a record. Samples are in uV. Channels that neither the file nor its set of leads names are `Channel 1` and so on.
///
/// # Errors
/// The file is no XML, lacks waveforms, rate or resolution, is compressed in another way than XLI, or its samples are cut short.
pub fn read(source: Source<'_>) -> Result<Record> {
    let (path, name) = (source.path(), source.name());
    let text = xml::text(source)?;
    let document = xml::parse(path, &text.text)?;
    let root = document.root_element();
    let waveforms = Waveforms::new(path, root)?;
    let mut samples = waveforms.samples()?;
    let names = waveforms.names(samples.len())?;
    samples.truncate(names.len());
    if names.len() >= 6 && names.iter().zip(TWELVE).take(6).all(|(name, known)| name == known) {
        limbs::rebuild(&mut samples, waveforms.compressed);
    }
    let rate = waveforms.rate()?;
    let leads = waveforms.leads(names, samples, rate)?;

    let mut record = Record::new(name, rate, leads);
    let acquired = ["dataacquisition", "reportinfo"].into_iter().filter_map(|part| xml::find(root, &[part]));
    record.start = acquired.into_iter().find_map(start);
    let patient = xml::find(root, &["patient", "generalpatientdata"]);
    record.sex = patient.and_then(|patient| xml::sex(&xml::content_of(patient, &["sex"])?));
    record.age = patient.and_then(|patient| age(xml::find(patient, &["age"])?, record.start));
    record.comments = statements(root);
    record.warnings.extend(text.warning);
    Ok(record)
}

fn start(node: Node<'_, '_>) -> Option<Start> {
    Start::new(node.attribute("date").and_then(xml::date), node.attribute("time").and_then(xml::clock))
}

/// The age as the file says it, or since the birth.
fn age(node: Node<'_, '_>, start: Option<Start>) -> Option<f64> {
    for unit in ["years", "months", "weeks", "days", "hours"] {
        let count = xml::content_of(node, &[unit]).and_then(|text| xml::number(&text));
        if let Some(age) = count.and_then(|count| xml::age_in_years(count, unit)) {
            return Some(age);
        }
    }
    let birth = xml::content_of(node, &["dateofbirth"]).and_then(|text| xml::date(&text))?;
    birth.age_on(start?.date?)
}

fn statements(root: Node<'_, '_>) -> Vec<String> {
    let interpretations = xml::find(root, &["interpretations"]);
    let interpretations = interpretations.into_iter().flat_map(|node| xml::children(node, "interpretation"));
    interpretations
        .flat_map(|node| xml::children(node, "statement"))
        .filter_map(|statement| {
            let part = |name| xml::content_of(statement, &[name]);
            let parts: Vec<_> =
                [part("leftstatement"), part("rightstatement")].into_iter().flatten().collect();
            (!parts.is_empty()).then(|| one_line(&parts.join(": ")))
        })
        .collect()
}

/// Where the samples and their description stand. Version 1.03 has the description in an element of its own, 1.04 in both.
struct Waveforms<'a, 'i> {
    path: &'a Path,
    /// The element `parsedwaveforms`.
    node: Node<'a, 'i>,
    /// The element `signalcharacteristics`.
    signal: Option<Node<'a, 'i>>,
    compressed: bool,
}

impl<'a, 'i> Waveforms<'a, 'i> {
    fn new(path: &'a Path, root: Node<'a, 'i>) -> Result<Self> {
        let node = xml::need(path, root, &["waveforms", "parsedwaveforms"])?;
        let signal = xml::find(root, &["dataacquisition", "signalcharacteristics"]);
        let method = node.attribute("compressmethod").or_else(|| node.attribute("compression"));
        let flag = node.attribute("compressflag").is_none_or(|flag| !flag.eq_ignore_ascii_case("false"));
        let compressed = match method.map(str::trim) {
            _ if !flag => false,
            None | Some("") => false,
            Some(method) if method.eq_ignore_ascii_case("XLI") => true,
            Some(method)
                if method.eq_ignore_ascii_case("uncompressed") || method.eq_ignore_ascii_case("none") =>
            {
                false
            }
            Some(method) => return Err(refuse(path, format!("the compression {}", quote(method)))),
        };
        let this = Waveforms { path, node, signal, compressed };
        let encoding = node.attribute("dataencoding").unwrap_or("Base64");
        if !encoding.eq_ignore_ascii_case("base64") {
            return Err(refuse(path, format!("the encoding {} of samples", quote(encoding))));
        }
        for name in ["bitspersample", "nbitspersample"] {
            match this.value(name) {
                Some(bits) if bits != "16" => {
                    return Err(refuse(path, format!("{} bits a sample", quote(bits))));
                }
                _ => {}
            }
        }
        if this.value("signalsigned").is_some_and(|signed| signed.eq_ignore_ascii_case("false")) {
            return Err(refuse(path, "samples without a sign".into()));
        }
        Ok(this)
    }

    /// A value of the description: an attribute of the samples, or an element.
    fn value(&self, name: &'static str) -> Option<&'a str> {
        let attribute = self.node.attribute(name);
        let element = || xml::find(self.signal?, &[name])?.text();
        attribute.or_else(element).map(str::trim).filter(|text| !text.is_empty())
    }

    /// A number of the description, by whichever of its names is there.
    fn number(&self, names: &[&'static str]) -> Result<Option<f64>> {
        let found = names.iter().find_map(|name| Some((*name, self.value(name)?)));
        found.map(|(name, text)| self.parse(name, text)).transpose()
    }

    fn parse(&self, name: &str, text: &str) -> Result<f64> {
        xml::number(text).ok_or_else(|| xml::error(self.path, self.node, name, "a number", quote(text)))
    }

    fn positive(&self, names: &[&'static str]) -> Result<f64> {
        let value = self.number(names)?;
        value.filter(|value| *value > 0.0).ok_or_else(|| {
            let found = value.map_or_else(|| "none".to_owned(), |value| value.to_string());
            xml::error(self.path, self.node, names[0], "more than 0", found)
        })
    }

    fn rate(&self) -> Result<f64> {
        self.positive(&["samplespersecond", "samplingrate"])
    }

    /// Samples of each lead that the file declares.
    fn declared(&self) -> Result<Option<usize>> {
        let milliseconds = self.number(&["durationperchannel"])?;
        let rate = self.rate()?;
        Ok(milliseconds
            .filter(|duration| *duration > 0.0)
            .map(|duration| (duration * rate / 1000.0) as usize))
    }

    /// As they are stored, before the differences are resolved.
    fn samples(&self) -> Result<Vec<Vec<i32>>> {
        let error =
            |item: &str, expected: &str, found| xml::error(self.path, self.node, item, expected, found);
        let bytes = xml::base64(&xml::content(self.node)).map_err(|e| error("samples", "base64", e))?;
        if self.compressed {
            return xli::decode(&bytes).map_err(|e| error("samples", "XLI", e));
        }
        let all: Vec<i32> =
            bytes.as_chunks::<2>().0.iter().map(|pair| i16::from_le_bytes(*pair).into()).collect();
        let length = match self.declared()? {
            Some(declared) => declared,
            None => all.len() / self.channels()?.unwrap_or(1),
        };
        if length == 0 {
            return Err(error("samples", "at least 1 a lead", "none".into()));
        }
        Ok(all.chunks_exact(length).map(<[i32]>::to_vec).collect())
    }

    fn channels(&self) -> Result<Option<usize>> {
        let count = self.number(&["numberofleads", "numberchannelsvalid", "numberchannelsallocated"])?;
        Ok(count.map(|count| count as usize).filter(|count| *count > 0))
    }

    /// Names of the leads, of which `stored` are there.
    fn names(&self, stored: usize) -> Result<Vec<String>> {
        let channels = self.channels()?;
        let labels = self.value("leadlabels").map(|text| text.split_whitespace().map(xml::lead_name));
        let set = self.value("acquisitiontype").or_else(|| self.value("leadset"));
        let twelve = matches!(set, Some("STD-12" | "10-WIRE"));
        let mut names: Vec<String> = match labels {
            Some(labels) => labels.collect(),
            None => {
                let number = |i: usize| format!("Channel {}", i + 1);
                let name =
                    |i| TWELVE.get(i).filter(|_| twelve).map_or_else(|| number(i), |name| (*name).to_owned());
                (0..channels.unwrap_or(stored).min(stored.saturating_add(1))).map(name).collect()
            }
        };
        names.truncate(channels.unwrap_or(names.len()));
        if names.is_empty() || names.len() > stored {
            let expected = channels.unwrap_or(names.len()).max(1);
            let expected = format!("{expected} leads");
            return Err(xml::error(self.path, self.node, "samples", &expected, format!("{stored}")));
        }
        Ok(names)
    }

    /// The leads in uV, each of the length that is declared.
    fn leads(&self, names: Vec<String>, samples: Vec<Vec<i32>>, rate: f64) -> Result<Vec<Lead>> {
        let resolution = self.positive(&["resolution", "signalresolution"])?;
        let offset = self.number(&["signaloffset"])?.unwrap_or(0.0);
        let declared = self.declared()?;
        let mut leads = Vec::with_capacity(names.len());
        for (name, stored) in names.into_iter().zip(samples) {
            // The compression may add some at the end.
            let count = declared.unwrap_or(stored.len());
            if stored.len() < count || count == 0 {
                let item = format!("lead {name}");
                let expected = format!("{} samples", count.max(1));
                return Err(xml::error(self.path, self.node, &item, &expected, stored.len().to_string()));
            }
            let microvolts = |raw: &i32| ((f64::from(*raw) - offset) * resolution) as f32;
            let samples: Vec<f32> = stored[..count].iter().map(microvolts).collect();
            if samples.iter().any(|value| !value.is_finite()) {
                let found = format!("a resolution of {resolution} uV");
                return Err(xml::error(
                    self.path,
                    self.node,
                    "resolution",
                    "samples in the range of f32",
                    found,
                ));
            }
            leads.push(Lead::new(name, "uV", rate, samples));
        }
        Ok(leads)
    }
}

fn refuse(path: &Path, item: String) -> Error {
    let fix = "export the record as version 1.04, compressed by XLI or not at all";
    Error::Unsupported { path: path.to_path_buf(), item, fix }
}

#[cfg(test)]
mod tests;
