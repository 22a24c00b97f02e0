//! A weight file: an `.npz`, or a directory of `.npy` files and `config.json`.

use super::{
    Source, Tensor, Values, WeightSpec, Weights, WeightsError, check_names, check_values, dims, missing,
    table,
};
use crate::config::Config;
use efficientecg_files::ItemError;
use efficientecg_npz::{Archive, Array, Class, Data, Packing, write_npz};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;
use std::time::Duration;

/// Arrays that PyTorch saves and inference has no use for.
const SKIPPED: &str = ".num_batches_tracked";

/// A weight file whose configuration and names are checked. Its arrays are read when they are asked for, one by one.
pub(crate) struct WeightFile {
    archive: Archive,
    config: Config,
    table: Vec<WeightSpec>,
    /// Where each array is in the table.
    places: HashMap<String, usize>,
}

impl WeightFile {
    /// Opens an `.npz`, or a directory of `.npy` files and `config.json`.
    pub(crate) fn open(path: &Path) -> Result<WeightFile, WeightsError> {
        WeightFile::check(Archive::open(path)?, path.is_dir())
    }

    /// The same of an `.npz` in memory.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Result<WeightFile, WeightsError> {
        WeightFile::check(Archive::from_bytes(bytes)?, false)
    }

    /// Checks the configuration, and the names of the arrays.
    fn check(archive: Archive, folder: bool) -> Result<WeightFile, WeightsError> {
        let invalid = |f: ItemError| f.in_file(archive.path());
        let config = Config::from_json(&archive.config_text()?).map_err(invalid)?;
        let table = table(&config).map_err(invalid)?;
        let mut names: HashSet<String> = archive.names().into_iter().collect();
        if !folder {
            names.remove("config");
        }
        names.retain(|name| !name.ends_with(SKIPPED));
        check_names(&names, &table).map_err(invalid)?;
        let places = table.iter().enumerate().map(|(i, e)| (e.name.clone(), i)).collect();
        Ok(WeightFile { archive, config, table, places })
    }

    /// Its configuration.
    #[cfg(feature = "models")]
    pub(crate) fn into_config(self) -> Config {
        self.config
    }

    /// The names of its arrays, in the order of the table.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.table.iter().map(|e| e.name.as_str())
    }

    /// Where in the table an array is.
    pub(super) fn place(&self, name: &str) -> Option<usize> {
        self.places.get(name).copied()
    }

    /// Reads all arrays.
    fn weights(self) -> Result<Weights, WeightsError> {
        let mut arrays = BTreeMap::new();
        for entry in &self.table {
            arrays.insert(entry.name.clone(), self.tensor(entry)?);
        }
        Ok(Weights { path: self.path().to_path_buf(), config: self.config, arrays })
    }

    fn tensor(&self, entry: &WeightSpec) -> Result<Tensor, WeightsError> {
        let Array { shape, data } = self.archive.read(&entry.name, Class::Float, Some(&dims(entry)))?;
        let data = match data {
            Data::F32(values) => Values::F32(values),
            // `Class::Float` takes no other types.
            wide => Values::F64(wide.into_f64()),
        };
        check_values(&entry.name, &data, &self.config).map_err(|f| f.in_file(self.path()))?;
        Ok(Tensor { shape, data })
    }
}

impl Source for WeightFile {
    fn config(&self) -> &Config {
        &self.config
    }

    fn path(&self) -> &Path {
        self.archive.path()
    }

    fn values(&self, name: &str) -> Result<Values, WeightsError> {
        match self.places.get(name) {
            Some(at) => Ok(self.tensor(&self.table[*at])?.data),
            None => Err(missing(name, &[]).in_file(self.path())),
        }
    }

    fn reading(&self) -> Duration {
        self.archive.reading()
    }
}

impl Weights {
    /// Reads an `.npz`, or a directory of `.npy` files and `config.json`.
    pub fn load(path: impl AsRef<Path>) -> Result<Weights, WeightsError> {
        WeightFile::open(path.as_ref())?.weights()
    }

    /// Reads the bytes of an `.npz`, such as `include_bytes!` gives. Messages call it `<memory>`.
    pub fn from_bytes(bytes: &[u8]) -> Result<Weights, WeightsError> {
        WeightFile::from_bytes(bytes)?.weights()
    }

    /// Writes an `.npz` that [`Weights::load`] reads.
    pub fn save(&self, path: impl AsRef<Path>, packing: Packing) -> Result<(), WeightsError> {
        let path = path.as_ref();
        let text = self.config.to_json().map_err(|f| f.in_file(path))?;
        let config = Array { shape: vec![text.len()], data: Data::U8(text.into_bytes()) };
        let mut arrays = vec![("config", config)];
        arrays.extend(self.arrays.iter().map(|(name, tensor)| (name.as_str(), tensor.clone().into())));
        let list: Vec<(&str, &Array)> = arrays.iter().map(|(name, array)| (*name, array)).collect();
        write_npz(path, &list, packing)
    }
}

impl From<Tensor> for Array {
    fn from(tensor: Tensor) -> Array {
        let data = match tensor.data {
            Values::F32(values) => Data::F32(values),
            Values::F64(values) => Data::F64(values),
        };
        Array { shape: tensor.shape, data }
    }
}

#[cfg(test)]
mod tests;
