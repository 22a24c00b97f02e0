//! What JavaScript asks for, as JSON.

use efficientecg::classify::{Settings, Unit};
use efficientecg::config::{Config, FeatureKind};
#[cfg(feature = "files")]
use efficientecg::ecg::ReadOptions;
use efficientecg::ecg::{Lead, Record, Sex};
use efficientecg::{FeatureInput, Inputs, ItemError};
use serde::Deserialize;
use std::collections::BTreeMap;

/// How to read a record, and how to classify it.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct Wishes {
    /// Pairs of a lead of the model and one of the record.
    leads: Vec<(String, String)>,
    age: Option<f64>,
    sex: Option<SexName>,
    per: Option<Per>,
    beats: Option<Vec<i64>>,
    any_quality: bool,
    any_lead: bool,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum SexName {
    Female,
    Male,
}

impl From<SexName> for Sex {
    fn from(name: SexName) -> Sex {
        match name {
            SexName::Female => Sex::Female,
            SexName::Male => Sex::Male,
        }
    }
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Per {
    Beat,
    Record,
}

impl Wishes {
    pub(crate) fn settings(self) -> Settings {
        let mut settings = Settings::new();
        settings.leads = self.leads;
        settings.age = self.age;
        settings.sex = self.sex.map(Sex::from);
        settings.unit = self.per.map(|per| match per {
            Per::Beat => Unit::Beat,
            Per::Record => Unit::Record,
        });
        settings.beats = self.beats;
        settings.any_quality = self.any_quality;
        settings.any_lead = self.any_lead;
        settings
    }
}

/// What a record of arrays is, beside its samples.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct Given {
    #[serde(default)]
    name: String,
    /// Samples a second of every lead.
    sample_rate: f64,
    leads: Vec<GivenLead>,
    #[serde(default)]
    age: Option<f64>,
    #[serde(default)]
    sex: Option<SexName>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct GivenLead {
    name: String,
    units: String,
}

impl Given {
    /// The record; all samples of a lead follow those of the lead before.
    pub(crate) fn record(self, samples: &[f32]) -> Result<Record, ItemError> {
        let count = self.leads.len();
        if !(self.sample_rate.is_finite() && self.sample_rate > 0.0) {
            let found = self.sample_rate.to_string();
            return Err(ItemError::new("sampleRate", "samples a second", found, "give the leads' rate"));
        }
        if count == 0 || samples.is_empty() || !samples.len().is_multiple_of(count) {
            let found = format!("{} samples of {count} leads", samples.len());
            return Err(ItemError::new(
                "leads",
                "one or more of as many samples each",
                found,
                "correct them",
            ));
        }
        let parts = samples.chunks_exact(samples.len() / count);
        let lead = |(given, part): (GivenLead, &[f32])| {
            Lead::new(given.name, given.units, self.sample_rate, part.to_vec())
        };
        let leads = self.leads.into_iter().zip(parts).map(lead).collect();
        let mut record = Record::new(self.name, self.sample_rate, leads);
        (record.age, record.sex) = (self.age, self.sex.map(Sex::from));
        Ok(record)
    }
}

/// What a file does not say itself.
#[cfg(feature = "files")]
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Reading {
    rate: Option<f64>,
    unit: Option<String>,
    names: Vec<String>,
}

#[cfg(feature = "files")]
impl Reading {
    pub(crate) fn options(self) -> ReadOptions {
        let mut options = ReadOptions::new().leads(self.names);
        (options.rate, options.unit) = (self.rate, self.unit);
        options
    }
}

/// What a run on arrays takes beside the signal.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Run {
    /// Batch, leads, samples.
    shape: [usize; 3],
    /// By name; of a feature that is not here all are missing.
    #[serde(default)]
    features: BTreeMap<String, Feature>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Feature {
    Numbers(Vec<Option<f64>>),
    Names(Vec<Option<String>>),
    /// Of each record its rows.
    Rows(Vec<Vec<Vec<f32>>>),
}

impl Run {
    pub(crate) fn inputs(self, config: &Config, signal: Vec<f32>) -> Result<Inputs, ItemError> {
        let mut inputs = Inputs::new(signal, self.shape)?;
        for (name, feature) in self.features {
            let mut known = config.fusion.iter().flat_map(|fusion| &fusion.features);
            let kind = known.find(|known| known.name == name).map(|known| &known.kind);
            let width = match kind {
                Some(FeatureKind::Sequence { inputs, .. }) => Some(*inputs),
                _ => None,
            };
            let values = match (feature, kind) {
                // Where all are missing, their form does not tell what they are.
                (Feature::Numbers(all), Some(FeatureKind::Categorical { .. }))
                    if all.iter().all(Option::is_none) =>
                {
                    FeatureInput::Named(vec![None; all.len()])
                }
                (Feature::Numbers(all), _) => {
                    FeatureInput::Continuous(all.into_iter().map(|x| x.unwrap_or(f64::NAN)).collect())
                }
                (Feature::Names(all), _) => FeatureInput::Named(all),
                (Feature::Rows(all), _) => sequence(&name, &all, width)?,
            };
            inputs = inputs.feature(name, values);
        }
        Ok(inputs)
    }
}

/// Rows of all records, padded to the most.
fn sequence(name: &str, records: &[Vec<Vec<f32>>], width: Option<usize>) -> Result<FeatureInput, ItemError> {
    let steps_max = records.iter().map(Vec::len).max().unwrap_or(0).max(1);
    let width = width.or_else(|| records.iter().flatten().map(Vec::len).next()).unwrap_or(1);
    let mut rows = vec![0.0; records.len() * steps_max * width];
    for (r, record) in records.iter().enumerate() {
        for (s, row) in record.iter().enumerate() {
            if row.len() != width {
                let found = format!("{} in row {s} of record {r}", row.len());
                return Err(ItemError::new(
                    name,
                    format!("rows of {width} numbers"),
                    found,
                    "correct the input",
                ));
            }
            rows[(r * steps_max + s) * width..][..width].copy_from_slice(row);
        }
    }
    Ok(FeatureInput::Sequence { steps_max, rows, steps: records.iter().map(Vec::len).collect() })
}
