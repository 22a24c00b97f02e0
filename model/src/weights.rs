//! A network's weights: its configuration, and every array checked for name, shape and values before use.
//!
//! Names and shapes are those of the PyTorch module's `state_dict()`; [`table`] is the one list of them.

use crate::config::{Config, FeatureKind};
use crate::overflow::{Overflow, first};
use efficientecg_files::{Dim, FileError, ItemError, check_shape};
use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

#[cfg(feature = "npz")]
mod ahead;
#[cfg(feature = "npz")]
mod file;
mod tensor;

#[cfg(feature = "npz")]
pub(crate) use ahead::read_ahead;
#[cfg(feature = "npz")]
pub(crate) use file::WeightFile;
pub use tensor::{Tensor, Values};

/// What is wrong with a weight file: file, array, expected, found, fix.
pub type WeightsError = FileError;

/// One array that a configuration asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct WeightSpec {
    /// Its name, as in `state_dict()`.
    pub name: String,
    /// Its shape.
    pub shape: Vec<usize>,
}

/// Every array that `config` asks for, in the order of the network. Fails if a size overflows.
pub fn table(config: &Config) -> Result<Vec<WeightSpec>, ItemError> {
    let mut t = Table(Vec::new());
    let stem = config.stem.channels;
    t.conv_bn("stem", &[stem, config.leads.len(), config.stem.kernel])?;
    let mut c_last = stem;
    for (i, b) in config.blocks()?.iter().enumerate() {
        let part = |name: &str| format!("blocks.{i}.{name}");
        if b.expand != 1 {
            t.conv_bn(&part("expand"), &[b.e, b.c_in, 1])?;
        }
        t.conv_bn(&part("depthwise"), &[b.e, 1, b.kernel])?;
        t.linear(&part("se.reduce"), b.r, b.e)?;
        t.linear(&part("se.expand"), b.e, b.r)?;
        t.conv_bn(&part("project"), &[b.c_out, b.e, 1])?;
        c_last = b.c_out;
    }
    let c = config.head_channels;
    t.conv_bn("head", &[c, c_last, 1])?;
    let mut width = Some(c);
    if let Some(fusion) = &config.fusion {
        let d = fusion.dim;
        for feature in &fusion.features {
            let part = |name: &str| format!("fusion.features.{}.{name}", feature.name);
            match &feature.kind {
                FeatureKind::Continuous { .. } => {
                    for name in ["weight", "bias", "missing"] {
                        t.add(part(name), &[d])?;
                    }
                }
                FeatureKind::Categorical { categories } => {
                    t.add(part("embedding"), &[categories.len() + 1, d])?;
                }
                FeatureKind::Sequence { inputs, hidden } => {
                    t.add(part("lstm.weight_ih_l0"), &[4 * hidden, *inputs])?;
                    t.add(part("lstm.weight_hh_l0"), &[4 * hidden, *hidden])?;
                    t.add(part("lstm.bias_ih_l0"), &[4 * hidden])?;
                    t.add(part("lstm.bias_hh_l0"), &[4 * hidden])?;
                    t.linear(&part("proj"), d, *hidden)?;
                    t.add(part("missing"), &[d])?;
                }
            }
        }
        for name in ["norm_q", "norm_out"] {
            t.add(format!("fusion.{name}.weight"), &[d])?;
            t.add(format!("fusion.{name}.bias"), &[d])?;
        }
        for (name, input) in [("q", d), ("k", c), ("v", c), ("out", d)] {
            t.linear(&format!("fusion.{name}"), d, input)?;
        }
        width = d.checked_mul(fusion.features.len()).and_then(|n| n.checked_add(c));
    }
    let width = width.ok_or_else(|| too_big("classifier.weight"))?;
    t.linear("classifier", config.classes.len(), width)?;
    Ok(t.0)
}

/// Parts of a batch norm, in the table's order.
pub(crate) const BN: [&str; 4] = ["weight", "bias", "running_mean", "running_var"];

fn too_big(name: &str) -> ItemError {
    ItemError::new(
        name,
        "a size that fits in memory",
        "a product that overflows",
        "lower the configuration's sizes",
    )
}

struct Table(Vec<WeightSpec>);

impl Table {
    fn add(&mut self, name: String, shape: &[usize]) -> Result<(), ItemError> {
        let bytes = shape.iter().try_fold(8usize, |n, &s| n.checked_mul(s));
        if bytes.is_none_or(|n| n > isize::MAX as usize) {
            return Err(too_big(&name));
        }
        self.0.push(WeightSpec { name, shape: shape.to_vec() });
        Ok(())
    }

    fn conv_bn(&mut self, layer: &str, shape: &[usize]) -> Result<(), ItemError> {
        self.add(format!("{layer}.conv.weight"), shape)?;
        BN.iter().try_for_each(|part| self.add(format!("{layer}.bn.{part}"), &shape[..1]))
    }

    fn linear(&mut self, layer: &str, out: usize, input: usize) -> Result<(), ItemError> {
        self.add(format!("{layer}.weight"), &[out, input])?;
        self.add(format!("{layer}.bias"), &[out])
    }
}

/// Where a network's arrays come from.
pub(crate) trait Source {
    /// The configuration.
    fn config(&self) -> &Config;

    /// What names the source in messages.
    fn path(&self) -> &Path;

    /// The elements of an array of the [`table`], in C order, all finite in `f32`.
    fn values(&self, name: &str) -> Result<Values, WeightsError>;

    /// How long the system took so far to read files.
    fn reading(&self) -> Duration;
}

/// Number of learned values: everything but the batch norms' running statistics.
pub(crate) fn parameters(config: &Config) -> Result<usize, ItemError> {
    let learned = |e: &&WeightSpec| !e.name.ends_with(".running_mean") && !e.name.ends_with(".running_var");
    Ok(table(config)?.iter().filter(learned).map(|e| e.shape.iter().product::<usize>()).sum())
}

/// A configuration and its arrays, all checked and in memory.
#[derive(Debug, Clone)]
pub struct Weights {
    path: PathBuf,
    config: Config,
    arrays: BTreeMap<String, Tensor>,
}

impl Weights {
    /// Takes arrays from memory, with the checks of a weight file.
    pub fn from_arrays(config: Config, arrays: BTreeMap<String, Tensor>) -> Result<Weights, WeightsError> {
        let path = PathBuf::from("<memory>");
        let check = || -> Result<(), ItemError> {
            config.check()?;
            let table = table(&config)?;
            let names = arrays.keys().cloned().collect();
            check_names(&names, &table)?;
            for entry in &table {
                let array = &arrays[&entry.name];
                check_shape(&entry.name, &array.shape, &dims(entry))?;
                let count: usize = entry.shape.iter().product();
                if array.data.len() != count {
                    return Err(ItemError::new(
                        &entry.name,
                        format!("{count} floats"),
                        format!("{} elements", array.data.len()),
                        "correct the array",
                    ));
                }
                check_values(&entry.name, &array.data, &config)?;
            }
            Ok(())
        };
        check().map_err(|f| f.in_file(&path))?;
        Ok(Weights { path, config, arrays })
    }

    /// Makes every array by `value(name, shape)`, which gives its elements in C order: random weights for tests and
    /// benchmarks.
    pub fn generate(
        config: Config,
        mut value: impl FnMut(&str, &[usize]) -> Vec<f64>,
    ) -> Result<Weights, WeightsError> {
        let table =
            config.check().and_then(|()| table(&config)).map_err(|f| f.in_file(Path::new("<memory>")))?;
        let arrays = table
            .into_iter()
            .map(|entry| {
                let data = Values::F64(value(&entry.name, &entry.shape));
                let shape = entry.shape;
                (entry.name, Tensor { shape, data })
            })
            .collect();
        Weights::from_arrays(config, arrays)
    }

    /// The configuration.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The file or directory that was loaded; `<memory>` if none was.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Every array by name.
    pub fn arrays(&self) -> &BTreeMap<String, Tensor> {
        &self.arrays
    }

    /// One array; `name` must be in the [`table`].
    pub fn array(&self, name: &str) -> Result<&Tensor, ItemError> {
        self.arrays.get(name).ok_or_else(|| missing(name, &[]))
    }
}

impl Source for Weights {
    fn config(&self) -> &Config {
        &self.config
    }

    fn path(&self) -> &Path {
        &self.path
    }

    fn values(&self, name: &str) -> Result<Values, WeightsError> {
        Ok(self.array(name).map_err(|f| f.in_file(&self.path))?.data.clone())
    }

    fn reading(&self) -> Duration {
        Duration::ZERO
    }
}

fn dims(entry: &WeightSpec) -> Vec<Dim> {
    entry.shape.iter().map(|&n| Dim::Is(n)).collect()
}

fn missing(name: &str, shape: &[usize]) -> ItemError {
    ItemError::new(
        name,
        format!("an array of shape {shape:?}"),
        "none of this name",
        "save the whole state_dict() of the configured network",
    )
}

/// Holds the names that are there against the table.
fn check_names(found: &HashSet<String>, table: &[WeightSpec]) -> Result<(), ItemError> {
    if let Some(entry) = table.iter().find(|e| !found.contains(&e.name)) {
        return Err(missing(&entry.name, &entry.shape));
    }
    let known: HashSet<&str> = table.iter().map(|e| e.name.as_str()).collect();
    let mut unknown: Vec<&String> = found.iter().filter(|n| !known.contains(n.as_str())).collect();
    unknown.sort_unstable();
    match unknown.first() {
        None => Ok(()),
        Some(name) => Err(ItemError::new(
            name,
            "only arrays of the configured network",
            "an unknown array",
            "remove it or correct the configuration",
        )),
    }
}

/// Whether an array has values that are to be divided by, beyond being finite.
fn is_variance(name: &str) -> bool {
    name.ends_with(".running_var")
}

/// Values: finite, also in `f32`; a variance that can be divided by.
fn check_values(name: &str, data: &Values, config: &Config) -> Result<(), ItemError> {
    let n = data.len();
    let odd = match data {
        Values::F32(v) => first(v, f32::is_finite).map(|(i, _)| i),
        Values::F64(v) => Overflow::F32.first_in(v).map(|(i, _)| i),
    };
    if let Some(i) = odd {
        let v = data.at(i);
        let found = if v.is_finite() {
            format!("{v:e} at element {i}, which overflows f32")
        } else {
            format!("{v} at element {i} of {n}")
        };
        return Err(ItemError::new(name, "finite values", found, "train or export the weights again"));
    }
    if is_variance(name)
        && let Some(i) = (0..n).find(|&i| data.at(i) + config.bn_eps <= 0.0)
    {
        return Err(ItemError::new(
            name,
            format!("variances above -bn_eps = {}", -config.bn_eps),
            format!("{} at element {i}", data.at(i)),
            "train or export the weights again",
        ));
    }
    Ok(())
}

#[cfg(test)]
pub(crate) mod tests;
