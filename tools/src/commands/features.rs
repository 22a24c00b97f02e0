//! `efficientecg features`: records in, the arrays that a network would get of them out.

use super::classify::{patients, settings};
use crate::args::{Features, usable_threads};
use crate::error::Failure;
use crate::patients::Patients;
use crate::{ordered, out, records};
use efficientecg::Inputs;
use efficientecg::available_threads;
use efficientecg::classify::{Prepared, Unit};
use efficientecg::config::Config;
use efficientecg::npz::{Array, Packing, npz_bytes, write_npz};
use efficientecg_evaluate::csv::listed;
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Instant;

#[derive(Serialize)]
struct Summary {
    records: usize,
    /// Rows of the arrays: records, or beats of all of them.
    inputs: usize,
    /// `beat` or `record`: what each input is of.
    unit: &'static str,
    /// Shapes by name.
    arrays: BTreeMap<String, Vec<usize>>,
    seconds: f64,
}

/// What one record gives.
struct One {
    inputs: Inputs,
    unit: Unit,
    /// Samples of a window, also where there is no signal.
    samples: usize,
    warnings: Vec<String>,
}

pub(crate) fn run(args: &Features) -> Result<(), Failure> {
    let started = Instant::now();
    let config = args.network.config()?;
    let records = records::named(&args.records)?;
    let patients = patients(&args.reading)?;
    let done = all(args, &config, patients.as_ref(), &records);

    let mut parts = Vec::with_capacity(records.len());
    let mut failed = Vec::new();
    let mut unit = Unit::of(&config);
    let mut first: Option<(&PathBuf, usize)> = None;
    for (path, one) in records.iter().zip(done) {
        let one = match one {
            Ok(one) => one,
            Err(failure) => {
                failed.push(failure);
                continue;
            }
        };
        for warning in &one.warnings {
            out::warn(path, warning);
        }
        unit = one.unit;
        let (other, samples) = *first.get_or_insert((path, one.samples));
        if !args.no_signal && one.samples != samples {
            failed.push(Failure::usage(format!(
                "{}: expected {samples} samples, as in {}, found {}; give records of one length, or --no-signal",
                path.display(),
                other.display(),
                one.samples
            )));
            continue;
        }
        parts.push(one.inputs);
    }
    let count = failed.len();
    if let Some(last) = failed.pop() {
        if failed.is_empty() {
            return Err(last);
        }
        failed.push(last);
        failed.iter().for_each(|f| out::complain(&f.to_string()));
        return Err(Failure::Several { failed: count, all: records.len() });
    }
    // Those without a beat have nothing to add.
    parts.retain(|part| part.batch() > 0);
    if parts.is_empty() {
        return Err(Failure::usage(format!("no beats found in {} records; give others", records.len())));
    }
    let inputs = Inputs::join(parts).map_err(|invalid| Failure::usage(invalid.to_string()))?;
    let batch = inputs.batch();
    let arrays = inputs.into_arrays(&config);
    if arrays.is_empty() {
        let line = "--no-signal: no record gives a feature that the network takes; leave --no-signal out";
        return Err(Failure::usage(line));
    }
    let list: Vec<(&str, &Array)> = arrays.iter().map(|(name, array)| (name.as_str(), array)).collect();
    if out::is_standard_output(&args.output) {
        return Ok(out::bytes(&npz_bytes(&args.output, &list, Packing::Stored)?)?);
    }
    write_npz(&args.output, &list, Packing::Stored)?;
    let unit = unit.name();
    let seconds = started.elapsed().as_secs_f64();
    if args.json {
        let shapes = arrays.iter().map(|(name, array)| (name.clone(), array.shape.clone())).collect();
        out::json(&Summary { records: records.len(), inputs: batch, unit, arrays: shapes, seconds })?;
    } else {
        let mut text =
            format!("{} records, {batch} inputs of a {unit} each, {seconds:.2} s\n", records.len());
        arrays.iter().for_each(|(name, array)| text += &format!("  {name} {:?}\n", array.shape));
        out::text(&text)?;
    }
    Ok(())
}

/// Prepares all records, on several threads; in their order.
fn all(
    args: &Features,
    config: &Config,
    patients: Option<&Patients>,
    records: &[PathBuf],
) -> Vec<Result<One, Failure>> {
    let threads = args.threads.map_or_else(available_threads, |asked| usable_threads(asked.into()));
    let progress = out::Progress::new("records", records.len());
    let mut made = Vec::new();
    let make = |index: usize| one(args, config, patients, &records[index]);
    ordered::in_order(threads.min(records.len()), records.len(), make, |index, one| {
        progress.at(index + 1);
        made.push(one);
        true
    });
    made
}

fn one(args: &Features, config: &Config, patients: Option<&Patients>, path: &Path) -> Result<One, Failure> {
    let record = args.records.tables.open(path)?;
    let (settings, mut warnings) = settings(&args.reading, path, patients, None)?;
    warnings.splice(0..0, record.warnings.iter().cloned());
    let prepared = Prepared::new(config, &record, &settings).map_err(|e| Failure::classify(path, e))?;
    warnings.extend(not_assessed(&prepared));
    let windows = prepared.windows();
    let inputs = if args.no_signal { prepared.features(0, windows) } else { prepared.inputs(0, windows) };
    Ok(One { inputs, unit: prepared.unit, samples: prepared.samples(), warnings })
}

/// What is said of rows whose signal could not be assessed. The rows stay, at their places, so that they fit tables of records and beats.
fn not_assessed(prepared: &Prepared) -> Option<String> {
    let refused = || prepared.reasons().iter().flatten();
    let reason = refused().next()?.name();
    Some(match prepared.unit {
        Unit::Record => format!("not assessed: {reason}; its row is there all the same"),
        _ => {
            let (n, all) = (refused().count(), prepared.windows());
            let parts: Vec<String> = prepared
                .quality
                .episodes()
                .iter()
                .map(|e| format!("{:.1}-{:.1} s {}", e.onset, e.end, e.reason.name()))
                .collect();
            format!("{n} of {all} beats not assessed ({}); their rows are there all the same", listed(&parts))
        }
    })
}
