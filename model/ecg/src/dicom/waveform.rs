//! Multiplex groups: channels of one rate, a sample of each after another.

use super::dataset::{DataSetError, Element, Set};
use crate::Lead;

/// Unit of channels that are not calibrated.
pub(super) const NO_UNIT: &str = "NU";
/// Blanks and words before a lead's name.
const WORDS: [&str; 2] = ["ecg ", "lead "];

/// Channels of one rate and what they hold.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) label: String,
    /// Made from other samples, as a median beat is.
    pub(super) derived: bool,
    /// Seconds after the object's time.
    pub(super) offset: f64,
    pub(super) leads: Vec<Lead>,
}

type Found<T> = std::result::Result<T, DataSetError>;

impl Group {
    /// A group's description, and its samples.
    pub(super) fn read(set: &Set<'_>, number: usize) -> Found<Group> {
        let within =
            |error: DataSetError| DataSetError { item: format!("group {number}: {}", error.item), ..error };
        read(set).map_err(within)
    }

    /// Seconds.
    pub(super) fn seconds(&self) -> f64 {
        self.leads.first().map_or(0.0, |lead| lead.samples.len() as f64 / lead.sample_rate)
    }

    /// Whether a channel is a voltage.
    pub(super) fn voltage(&self) -> bool {
        self.leads.iter().any(|lead| lead.millivolts().is_some())
    }
}

fn read(set: &Set<'_>) -> Found<Group> {
    let channels = set.integer(0x003a_0005, "number of channels")? as usize;
    let samples = set.integer(0x003a_0010, "number of samples")? as usize;
    let rate = set.decimal(0x003a_001a, "sampling frequency")?.filter(|rate| *rate > 0.0);
    let rate = rate.ok_or_else(|| DataSetError::new("sampling frequency", "more than 0", "none, or less"))?;
    let coding = Coding::read(set)?;
    for (item, count) in [("number of channels", channels), ("number of samples", samples)] {
        if count == 0 {
            return Err(DataSetError::new(item, "at least 1", "0"));
        }
    }
    let data = set.find(0x5400_1010).copied();
    let data = data.ok_or_else(|| DataSetError::new("waveform data", "samples", "none"))?;
    let frame = channels * coding.width;
    let needed = frame.checked_mul(samples);
    let bytes = needed.and_then(|needed| data.value.get(..needed)).ok_or_else(|| {
        let expected = format!("{samples} samples of {channels} channels, {} bits each", 8 * coding.width);
        DataSetError::new("waveform data", expected, format!("{} bytes", data.value.len()))
    })?;
    let padding = set.find(0x5400_100a).and_then(|e| coding.values(e.value, e).next());
    // Programs write 0 there of signals that cross 0.
    let padding = padding.filter(|padding| *padding != 0);

    let definitions = set.items(0x003a_0200)?;
    if definitions.len() != channels {
        let found = definitions.len().to_string();
        return Err(DataSetError::new("channel definitions", channels.to_string(), found));
    }
    let mut leads = Vec::new();
    for (i, definition) in definitions.iter().enumerate() {
        let channel = Channel::read(definition, i + 1)
            .map_err(|error| DataSetError { item: format!("channel {}: {}", i + 1, error.item), ..error })?;
        let own = bytes.chunks_exact(frame).map(|frame| &frame[i * coding.width..(i + 1) * coding.width]);
        let samples = own.flat_map(|bytes| coding.values(bytes, &data)).map(|value| {
            if padding == Some(value) {
                f32::NAN
            } else {
                (f64::from(value) * channel.scale + channel.baseline) as f32
            }
        });
        leads.push(Lead::new(channel.name, channel.units, rate, samples.collect()));
    }
    let derived = set.text(0x003a_0004).is_some_and(|text| text.eq_ignore_ascii_case("derived"));
    let offset = set.decimal(0x0018_1068, "time offset")?.unwrap_or(0.0) / 1e3;
    let label = set.text(0x003a_0020).unwrap_or_default();
    Ok(Group { label, derived, offset, leads })
}

/// Bits and sign of samples.
#[derive(Debug, Clone, Copy)]
struct Coding {
    /// Bytes a sample: 1, 2 or 4.
    width: usize,
    signed: bool,
}

impl Coding {
    fn read(set: &Set<'_>) -> Found<Coding> {
        let bits = set.integer(0x5400_1004, "bits allocated")?;
        let word = set.text(0x5400_1006).unwrap_or_default();
        let (width, signed) = match (bits, word.as_str()) {
            (8, "SB") => (1, true),
            (8, "UB") => (1, false),
            (16, "SS") => (2, true),
            (16, "US") => (2, false),
            (32, "SL") => (4, true),
            _ => {
                let expected = "SB or UB of 8 bits, SS or US of 16, or SL of 32";
                let found = format!("{} of {bits}", crate::error::quote(&word));
                return Err(DataSetError::new("sample interpretation", expected, found));
            }
        };
        Ok(Coding { width, signed })
    }

    /// The samples in these bytes.
    fn values(self, bytes: &[u8], of: &Element<'_>) -> impl Iterator<Item = i32> {
        let syntax = of.syntax;
        bytes.chunks_exact(self.width).map(move |bytes| match (bytes, self.signed) {
            (&[a], true) => i32::from(a as i8),
            (&[a], false) => i32::from(a),
            (&[a, b], true) => i32::from(syntax.u16([a, b]) as i16),
            (&[a, b], false) => i32::from(syntax.u16([a, b])),
            (&[a, b, c, d], _) => syntax.u32([a, b, c, d]) as i32,
            _ => 0,
        })
    }
}

/// A channel's description.
#[derive(Debug)]
struct Channel {
    name: String,
    units: String,
    scale: f64,
    baseline: f64,
}

impl Channel {
    fn read(set: &Set<'_>, number: usize) -> Found<Channel> {
        let source = set.items(0x003a_0208)?;
        let meaning = source.first().and_then(|code| code.text(0x0008_0104));
        let name = meaning.as_deref().map(short).filter(|name| !name.is_empty() && !name.contains(' '));
        let label = set.text(0x003a_0203);
        let label = label.as_deref().map(short).filter(|label| !label.is_empty());
        let name = name.or(label).or(meaning.as_deref());
        let name = name.map_or_else(|| format!("channel {number}"), str::to_owned);
        let sensitivity = set.decimal(0x003a_0210, "sensitivity")?;
        let correction = set.decimal(0x003a_0212, "correction factor")?.unwrap_or(1.0);
        let baseline = set.decimal(0x003a_0213, "baseline")?.unwrap_or(0.0);
        let units = set.items(0x003a_0211)?;
        let units = units.first().and_then(|code| code.text(0x0008_0100));
        let (Some(sensitivity), Some(units)) = (sensitivity, units) else {
            return Ok(Channel { name, units: NO_UNIT.to_owned(), scale: 1.0, baseline: 0.0 });
        };
        Ok(Channel { name, units, scale: sensitivity * correction, baseline })
    }
}

/// A lead's name of what a code means: `I` of `Lead I (Einthoven)`.
fn short(meaning: &str) -> &str {
    let mut name = meaning.split(" (").next().unwrap_or_default().trim();
    for word in WORDS {
        if name.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word)) {
            name = name[word.len()..].trim_start();
        }
    }
    name
}
