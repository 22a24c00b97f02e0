//! What each call does.

use crate::findings::{self, RecordReport, Seconds};
use crate::legend;
#[cfg(feature = "files")]
use crate::wishes::Reading;
use crate::wishes::{Given, Run, Wishes};
use efficientecg::classify::{ClassifyError, Unit};
#[cfg(feature = "files")]
use efficientecg::classify::{Findings, Settings};
use efficientecg::config::{Feature, FeatureKind};
use efficientecg::ecg::wfdb::Annotations;
use efficientecg::ecg::{self, Record, leads};
use efficientecg::{ItemError, LoadError, Model, Options, RunError};
#[cfg(feature = "files")]
use efficientecg_report::{Report, html, svg};
use serde_json::{Value, json};
use std::path::Path;
use std::time::Instant;

/// Why a call has no result: one line.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refused {
    #[error(transparent)]
    Load(#[from] LoadError),
    #[error(transparent)]
    Run(#[from] RunError),
    #[error(transparent)]
    Record(#[from] ecg::Error),
    #[error(transparent)]
    Classify(#[from] ClassifyError),
    #[error(transparent)]
    Item(#[from] ItemError),
    #[error("options: {0}; correct them")]
    Json(#[from] serde_json::Error),
    #[error("{what}: expected one that is loaded, found number {number}; load it first")]
    Gone { what: &'static str, number: u32 },
    #[error("{what}: expected a classified record, found none; classify one first")]
    NotClassified { what: &'static str },
    #[error("text: expected UTF-8, found other bytes; give text")]
    Text(#[from] std::str::Utf8Error),
    #[error("{0}")]
    File(#[from] std::io::Error),
}

impl Refused {
    /// The leads of the model that the record does not name, where that is what is wrong: a user can name them.
    pub(crate) fn leads(&self) -> Vec<String> {
        let error = match self {
            Refused::Record(error) | Refused::Classify(ClassifyError::Record(error)) => error,
            _ => return Vec::new(),
        };
        match error {
            ecg::Error::Lead { lead, .. } | ecg::Error::NoEcg { lead, .. } => vec![lead.clone()],
            ecg::Error::Leads { leads, .. } => leads.clone(),
            _ => Vec::new(),
        }
    }
}

/// A record's findings, and what pages of them are made with.
pub(crate) struct Classified {
    #[cfg(feature = "files")]
    settings: Settings,
    #[cfg(feature = "files")]
    found: Findings,
    told: RecordReport,
}

/// Loads the bytes of a weight file.
pub(crate) fn load(bytes: &[u8]) -> Result<Model, Refused> {
    Ok(Options::new().threads(1).from_bytes(bytes)?)
}

/// What a page needs to know of a model.
pub(crate) fn describe(model: &Model) -> Value {
    let config = model.config();
    let unit = Unit::of(config);
    json!({
        "name": config.name,
        "unit": unit.name(),
        "classes": config.classes,
        "meanings": legend::lines(unit, &config.classes),
        "leads": config.leads,
        "sampleRate": config.sample_rate,
        "samples": config.samples,
        "parameters": model.parameters(),
        "device": model.device(),
        "features": config.fusion.iter().flat_map(|fusion| &fusion.features).map(feature).collect::<Vec<_>>(),
    })
}

/// A feature that a model takes beside the signal.
fn feature(feature: &Feature) -> Value {
    match &feature.kind {
        FeatureKind::Continuous { .. } => json!({ "name": feature.name, "kind": "continuous" }),
        FeatureKind::Categorical { categories } => {
            json!({ "name": feature.name, "kind": "categorical", "categories": categories })
        }
        FeatureKind::Sequence { inputs, .. } => {
            json!({ "name": feature.name, "kind": "sequence", "inputs": inputs })
        }
        _ => json!({ "name": feature.name }),
    }
}

/// Runs a model on arrays: logits, then probabilities, each `[batch, classes]`.
pub(crate) fn run(model: &Model, wishes: &[u8], signal: Vec<f32>) -> Result<Vec<f32>, Refused> {
    let inputs = serde_json::from_slice::<Run>(wishes)?.inputs(model.config(), signal)?;
    let out = model.run(&inputs)?;
    let logits = out.rows().flat_map(|row| row.logits.iter().copied());
    Ok(logits.chain(out.rows().flat_map(|row| row.probabilities.iter().copied())).collect())
}

/// Paths of the records in a folder.
#[cfg(feature = "files")]
pub(crate) fn records(folder: &str) -> Result<Value, Refused> {
    let paths = ecg::paths::expand(Path::new(folder))?;
    Ok(paths.iter().map(|path| Value::from(path.to_string_lossy())).collect())
}

/// A record of arrays: the samples of one lead after another.
pub(crate) fn record(wishes: &[u8], samples: &[f32]) -> Result<Record, Refused> {
    Ok(serde_json::from_slice::<Given>(wishes)?.record(samples)?)
}

/// Reads a record.
#[cfg(feature = "files")]
pub(crate) fn open(path: &str, wishes: &[u8]) -> Result<Record, Refused> {
    let options = serde_json::from_slice::<Reading>(wishes)?.options();
    Ok(Record::open_with(path, &options)?)
}

/// What a page needs to know of a record beside its samples.
pub(crate) fn contents(record: &Record) -> Value {
    let lead = |(index, lead): (usize, &ecg::Lead)| {
        json!({
            "name": lead.name,
            "units": lead.units,
            "millivolts": lead.millivolts(),
            "sampleRate": lead.sample_rate,
            "samples": lead.samples.len(),
            "isEcg": leads::is_ecg(record, index),
        })
    };
    json!({
        "name": record.name,
        "sampleRate": record.sample_rate,
        "seconds": record.seconds(),
        "age": record.age,
        "sex": record.sex.map(|sex| match sex {
            ecg::Sex::Female => "female",
            ecg::Sex::Male => "male",
        }),
        "leads": record.leads.iter().enumerate().map(lead).collect::<Vec<_>>(),
        "comments": record.comments,
        "warnings": record.warnings,
    })
}

/// The samples of a record's lead.
pub(crate) fn samples(record: &Record, lead: usize) -> Result<&[f32], ItemError> {
    let count = record.leads.len();
    let found = record.leads.get(lead).map(|lead| lead.samples.as_slice());
    found.ok_or_else(|| {
        let expected = format!("the place of one of {count} leads, from 0");
        ItemError::new("lead", expected, (lead as isize).to_string(), "give one of these")
    })
}

/// Which leads of a record a model would take, in its order.
pub(crate) fn matched(model: &Model, record: &Record, wishes: &[u8]) -> Result<Value, Refused> {
    let settings = serde_json::from_slice::<Wishes>(wishes)?.settings();
    let config = model.config();
    let chosen = leads::select(record, &config.leads, &settings.leads)?;
    if !settings.any_lead {
        leads::check_ecg(record, &chosen, &config.leads)?;
    }
    Ok(chosen.into())
}

/// Classifies a record.
pub(crate) fn classify(
    model: &Model,
    record: &Record,
    wishes: &[u8],
    progress: &mut dyn FnMut(usize, usize),
) -> Result<(Classified, Vec<u8>), Refused> {
    let started = Instant::now();
    let settings = serde_json::from_slice::<Wishes>(wishes)?.settings();
    let found = model.classify_with_progress(record, &settings, progress)?;
    let mut warnings = record.warnings.clone();
    if found.reason().is_none() {
        warnings.extend(model.unusual(record, &settings));
    }
    let seconds = Seconds { read: 0.0, all: started.elapsed().as_secs_f64() };
    let told = RecordReport::new(model.config(), record, &settings, &found, warnings, seconds);
    let json = serde_json::to_vec(&told)?;
    let classified = Classified {
        #[cfg(feature = "files")]
        settings,
        #[cfg(feature = "files")]
        found,
        told,
    };
    Ok((classified, json))
}

/// A form of findings.
#[derive(Clone, Copy)]
pub(crate) enum Form {
    /// The program's `--format json`.
    Json,
    /// Its `--format csv`.
    Csv,
    /// Its `--format text`.
    Text,
    /// WFDB annotations.
    Annotations,
}

impl Form {
    /// By its number in JavaScript.
    pub(crate) fn by_number(number: u32) -> Result<Form, ItemError> {
        let all = [Form::Json, Form::Csv, Form::Text, Form::Annotations];
        let form = all.get(number as usize).copied();
        form.ok_or_else(|| ItemError::new("form", "0 to 3", number.to_string(), "name one of these"))
    }
}

/// The findings of a record in one of their forms.
pub(crate) fn written(of: &Classified, form: Form) -> Result<Vec<u8>, Refused> {
    Ok(match form {
        Form::Json => serde_json::to_vec_pretty(&of.told)?,
        Form::Csv => findings::csv(&of.told).into_bytes(),
        Form::Text => findings::text(&of.told).into_bytes(),
        Form::Annotations => annotations(&findings::annotations(&of.told))?,
    })
}

/// Pages of a record as devices print them, from `from` on to `to`, in seconds, where these are told: as SVG, or as a page of HTML with tables.
#[cfg(feature = "files")]
pub(crate) fn pages(
    of: &Classified,
    model: &Model,
    record: &Record,
    as_html: bool,
    span: (Option<f64>, Option<f64>),
    limits: &str,
) -> Result<Vec<u8>, Refused> {
    let report = Report::new(record, model.config(), &of.settings, &of.found)
        .warnings(of.told.warnings.clone())
        .limits(limits)
        .span(span.0, span.1);
    let pages = report.pages()?;
    let text = if as_html { html(&report.title(), &pages, &report.facts()) } else { svg(&pages) };
    Ok(text.into_bytes())
}

/// The bytes of an annotation file.
fn annotations(all: &Annotations) -> Result<Vec<u8>, Refused> {
    Ok(all.encode(Path::new("annotations"))?)
}
