//! A run's inputs from the arrays of a NumPy file.

use super::{FeatureInput, Inputs, mismatch, of_record};
use crate::config::{Config, FeatureKind};
use efficientecg_files::{Dim, FileError, ItemError};
use efficientecg_npz::{Archive, Array, Class, Data};
use std::collections::{BTreeMap, HashSet};
use std::path::Path;

/// An array that a reference file expects the network to give.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Expected {
    /// `logits`, `probabilities`, or `tap.` and a tap's name.
    pub name: String,
    /// Its shape, the batch first.
    pub shape: Vec<usize>,
    /// Its elements in C order, all finite.
    pub data: Vec<f64>,
}

/// The part of a feature that an array of a run's input file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Value(usize),
    Steps(usize),
}

/// Reads the inputs of a run: `signal [B, leads, T]` and the features' arrays, nothing else. The first record that is
/// wrong is an error.
pub fn read_inputs(path: impl AsRef<Path>, config: &Config) -> Result<Inputs, FileError> {
    read_all(&Archive::open(path)?, config, &[])
}

/// The same, but records that are wrong are put aside: they come out as zeros and missing features, beside what is wrong
/// with each. What concerns an array as a whole is an error still.
pub fn read_sound_inputs(path: impl AsRef<Path>, config: &Config) -> Result<(Inputs, Refused), FileError> {
    let archive = Archive::open(path.as_ref())?;
    read(&archive, config, &[])
}

/// Records that are not run: what is wrong with each, by its place in the batch.
pub type Refused = BTreeMap<usize, FileError>;

/// Reads the inputs of a verification and the arrays expected from it, `logits` first: `logits` must be there;
/// `probabilities` and `tap.*` may be.
pub fn read_reference(path: impl AsRef<Path>, config: &Config) -> Result<(Inputs, Vec<Expected>), FileError> {
    reference(&Archive::open(path)?, config)
}

/// The same of an archive in memory.
pub fn read_reference_bytes(bytes: &[u8], config: &Config) -> Result<(Inputs, Vec<Expected>), FileError> {
    reference(&Archive::from_bytes(bytes)?, config)
}

fn reference(archive: &Archive, config: &Config) -> Result<(Inputs, Vec<Expected>), FileError> {
    let invalid = |f: ItemError| f.in_file(archive.path());
    let mut names = vec!["logits".to_owned(), "probabilities".to_owned()];
    names.retain(|n| n == "logits" || archive.has(n));
    names.extend(archive.names().into_iter().filter(|n| n.starts_with("tap.")));
    let inputs = read_all(archive, config, &names)?;
    let mut expected = Vec::new();
    for name in names {
        let shape = tap_shape(&name, config, &inputs).map_err(invalid)?;
        let want: Vec<Dim> = shape.iter().map(|&n| Dim::Is(n)).collect();
        let data = archive.read(&name, Class::Float, Some(&want))?.data.into_f64();
        if let Some(i) = data.iter().position(|v| !v.is_finite()) {
            let record = i / (data.len() / inputs.batch);
            let f = of_record(&name, record, "finite values", data[i].to_string());
            return Err(invalid(f));
        }
        expected.push(Expected { name, shape, data });
    }
    Ok((inputs, expected))
}

/// Shape of an expected array, the batch first.
fn tap_shape(name: &str, config: &Config, inputs: &Inputs) -> Result<Vec<usize>, ItemError> {
    let blocks = config.blocks()?;
    let b = inputs.batch;
    let lengths = config.lengths(inputs.samples)?;
    let fused = config.fusion.as_ref().map(|f| vec![b, f.features.len(), f.dim]);
    let block = |name: &str| {
        let i: usize = name.strip_prefix("tap.blocks.")?.parse().ok()?;
        // "tap.blocks.01" parses too, but is no block's name.
        let block = blocks.get(i).filter(|_| name == format!("tap.blocks.{i}"))?;
        Some(vec![b, block.c_out, lengths[i + 1]])
    };
    let shape = match name {
        "logits" | "probabilities" => Some(vec![b, config.classes.len()]),
        "tap.stem" => Some(vec![b, config.stem.channels, lengths[0]]),
        "tap.head" => Some(vec![b, config.head_channels, lengths[blocks.len()]]),
        "tap.tokens" | "tap.attention" => fused,
        _ => block(name),
    };
    shape.ok_or_else(|| {
        mismatch(
            name,
            format!(
                "tap.stem, tap.blocks.0 to tap.blocks.{}, tap.head{}",
                blocks.len().saturating_sub(1),
                if config.fusion.is_some() {
                    ", tap.tokens or tap.attention"
                } else {
                    " (there is no fusion)"
                }
            ),
            "an unknown tap",
        )
    })
}

/// Reads inputs of which every record must be sound.
fn read_all(archive: &Archive, config: &Config, others: &[String]) -> Result<Inputs, FileError> {
    let (inputs, refused) = read(archive, config, others)?;
    refused.into_values().next().map_or(Ok(inputs), Err)
}

/// What is wrong with each record, of all that is the first.
type RecordErrors = BTreeMap<usize, ItemError>;

/// Reads the inputs; arrays in `others` are left to the caller, any further one is an error.
fn read(archive: &Archive, config: &Config, others: &[String]) -> Result<(Inputs, Refused), FileError> {
    let invalid = |f: ItemError| f.in_file(archive.path());
    let known = known_names(config, others).map_err(invalid)?;
    for name in archive.names() {
        let part = known.iter().find(|(n, _)| *n == name);
        if let Some((_, Part::Steps(i))) = part
            && !archive.has(&config.features()[*i].name)
        {
            let f = mismatch(&name, format!("the array {:?} beside it", config.features()[*i].name), "none");
            return Err(invalid(f));
        }
        if part.is_none() && name != "signal" && !others.contains(&name) {
            let names: Vec<&str> = known.iter().map(|(n, _)| n.as_str()).collect();
            return Err(invalid(ItemError::new(
                &name,
                format!("only signal{}{}", if names.is_empty() { "" } else { ", " }, names.join(", ")),
                "an unknown array",
                "remove it or correct its name",
            )));
        }
    }
    let leads = config.leads.len();
    let want = [Dim::Any("B"), Dim::Is(leads), Dim::Any("T")];
    let signal = archive.read("signal", Class::Float, Some(&want))?;
    let (batch, samples) = (signal.shape[0], signal.shape[2]);
    if batch == 0 || samples == 0 {
        let f = mismatch("signal", "at least one record and one sample", format!("shape {:?}", signal.shape));
        return Err(invalid(f));
    }
    let mut errors = RecordErrors::new();
    let signal = narrow("signal", signal, |_| true, &mut errors);
    let mut features = Vec::with_capacity(config.features().len());
    for feature in config.features().iter().filter(|feature| archive.has(&feature.name)) {
        let values = read_feature(archive, &feature.name, &feature.kind, batch, &mut errors)?;
        features.push((feature.name.clone(), values));
    }
    let mut inputs = Inputs { batch, leads, samples, signal, features };
    for record in 0..batch {
        if let Err(f) = inputs.view().check_record(config, record) {
            errors.entry(record).or_insert(f);
        }
    }
    errors.keys().for_each(|record| inputs.clear(*record));
    inputs.check(config).map_err(invalid)?;
    Ok((inputs, errors.into_iter().map(|(record, f)| (record, invalid(f))).collect()))
}

/// The features' arrays by name. Two meanings for one name are an error.
fn known_names(config: &Config, others: &[String]) -> Result<Vec<(String, Part)>, ItemError> {
    let mut known = Vec::new();
    let mut taken: HashSet<String> = others.iter().cloned().collect();
    taken.insert("signal".to_owned());
    for (i, feature) in config.features().iter().enumerate() {
        known.push((feature.name.clone(), Part::Value(i)));
        if matches!(feature.kind, FeatureKind::Sequence { .. }) {
            known.push((format!("{}_steps", feature.name), Part::Steps(i)));
        }
    }
    match known.iter().find(|(name, _)| !taken.insert(name.clone())) {
        None => Ok(known),
        Some((name, _)) => Err(ItemError::new(
            name,
            "one meaning for each array name",
            "a feature whose array has the name of another",
            "rename the feature in the configuration",
        )),
    }
}

fn read_feature(
    archive: &Archive,
    name: &str,
    kind: &FeatureKind,
    batch: usize,
    errors: &mut RecordErrors,
) -> Result<FeatureInput, FileError> {
    let one = [Dim::Is(batch)];
    match kind {
        FeatureKind::Continuous { .. } => {
            let array = archive.read(name, Class::Number, Some(&one))?;
            Ok(FeatureInput::Continuous(array.data.into_f64()))
        }
        FeatureKind::Categorical { categories } => {
            let n = categories.len();
            let data = archive.read(name, Class::Integer, Some(&one))?.data;
            let index = |record: usize| match data.int_at(record) {
                -1 => None,
                v => {
                    let index = usize::try_from(v).ok().filter(|&v| v < n);
                    if index.is_none() {
                        let expected = format!("-1 (missing) to {}", n - 1);
                        let invalid = || of_record(name, record, &expected, v.to_string());
                        errors.entry(record).or_insert_with(invalid);
                    }
                    index
                }
            };
            Ok(FeatureInput::Categorical((0..batch).map(index).collect()))
        }
        FeatureKind::Sequence { inputs, .. } => {
            let want = [Dim::Is(batch), Dim::Any("S"), Dim::Is(*inputs)];
            let rows = archive.read(name, Class::Float, Some(&want))?;
            let steps_max = rows.shape[1];
            let steps_name = format!("{name}_steps");
            let steps = if archive.has(&steps_name) {
                let data = archive.read(&steps_name, Class::Integer, Some(&one))?.data;
                let count = |record: usize| {
                    let v = data.int_at(record);
                    usize::try_from(v).ok().filter(|&v| v <= steps_max).unwrap_or_else(|| {
                        let invalid =
                            || of_record(&steps_name, record, &format!("0 to {steps_max}"), v.to_string());
                        errors.entry(record).or_insert_with(invalid);
                        0
                    })
                };
                (0..batch).map(count).collect()
            } else {
                vec![steps_max; batch]
            };
            let record = steps_max * inputs;
            let used = |i: usize| i % record < steps[i / record] * inputs;
            let rows = narrow(name, rows, used, errors);
            Ok(FeatureInput::Sequence { steps_max, rows, steps })
        }
    }
}

/// Rounds to `f32`. An element that is finite and used must stay finite; one that is not used becomes 0.
fn narrow(name: &str, array: Array, used: impl Fn(usize) -> bool, errors: &mut RecordErrors) -> Vec<f32> {
    let record = array.data.len() / array.shape[0].max(1);
    let mut values = match array.data {
        Data::F32(values) => values,
        wide => {
            let wide = wide.into_f64();
            let overflow = |(i, v): (usize, &f64)| v.is_finite() && !(*v as f32).is_finite() && used(i);
            for (i, v) in wide.iter().enumerate().filter(|i| overflow(*i)) {
                let found = || format!("{v:e}, which overflows f32");
                let invalid = || of_record(name, i / record, "values that fit f32", found());
                errors.entry(i / record).or_insert_with(invalid);
            }
            wide.into_iter().map(|v| v as f32).collect()
        }
    };
    for (i, v) in values.iter_mut().enumerate() {
        if !v.is_finite() && !used(i) {
            *v = 0.0;
        }
    }
    values
}
