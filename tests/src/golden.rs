//! Networks with the results that PyTorch computed for them in f64.

use efficientecg::inputs::{Expected, read_reference};
use efficientecg::{Inputs, Weights};
use std::path::{Path, PathBuf};

/// One network, its inputs and the results expected of it.
pub struct Golden {
    /// Its file's name without the ending.
    pub name: String,
    /// The network.
    pub weights: Weights,
    /// A batch.
    pub inputs: Inputs,
    /// `logits`, and `tap.NAME` for every tap.
    pub expected: Vec<Expected>,
}

/// Where the goldens lie that are kept with the code.
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("golden/networks")
}

/// The references `NAME.ref.npz` in a folder with their weights `NAME.npz` or `NAME`, sorted. Panics where there are none.
pub fn list(folder: &Path) -> Vec<(PathBuf, PathBuf)> {
    let entries = std::fs::read_dir(folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    let mut found: Vec<(PathBuf, PathBuf)> = entries
        .map(|e| e.expect("an entry of the folder").path())
        .filter_map(|reference| {
            let name = reference.file_name()?.to_str()?.strip_suffix(".ref.npz")?.to_owned();
            let file = folder.join(format!("{name}.npz"));
            Some((if file.exists() { file } else { folder.join(name) }, reference))
        })
        .collect();
    assert!(!found.is_empty(), "{}: no NAME.ref.npz here", folder.display());
    found.sort();
    found
}

impl Golden {
    /// Reads one. Panics, naming the file, where it is not sound.
    pub fn load(weights: &Path, reference: &Path) -> Golden {
        let name = weights.file_stem().map_or_else(String::new, |s| s.to_string_lossy().into_owned());
        let weights = Weights::load(weights).unwrap_or_else(|e| panic!("{e}"));
        let read = read_reference(reference, weights.config());
        let (inputs, expected) = read.unwrap_or_else(|e| panic!("{e}"));
        Golden { name, weights, inputs, expected }
    }

    /// The names of its taps, in the order of `expected`.
    pub fn taps(&self) -> Vec<&str> {
        self.expected.iter().filter_map(|e| e.name.strip_prefix("tap.")).collect()
    }
}
