//! Choices that concern a whole network, where they were measured (`whole.rs`): what its activations are stored in, and how many records a
//! submission takes. They are kept in a file for each adapter, driver and set of options. A line is a choice for a network and, after a
//! tab, what was faster than the default.

use super::device::Device;
use super::options::GpuOptions;
use super::{cache, tuned};
use crate::graph::Graph;
use efficientecg_kernels::gpu::Storage;
use efficientecg_kernels::tensor::Shape;
use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::PathBuf;

/// The name of a storage, for people and for the file.
pub(super) fn name(storage: Storage) -> &'static str {
    match storage {
        Storage::F32 => "f32",
        Storage::PackedF16 => "f16, packed",
        Storage::F16 => "f16",
    }
}

/// What tells one network from others: its operations, and all shapes for such inputs.
pub(super) fn fingerprint(graph: &Graph, inputs: &[Shape]) -> u64 {
    let mut hash = DefaultHasher::new();
    let shapes = graph.shapes(inputs).unwrap_or_default();
    for node in graph.nodes() {
        let operands: Vec<Shape> =
            node.inputs().iter().filter_map(|v| shapes.get(v.index()).copied()).collect();
        (node.label.as_str(), node.contract.name(), &operands).hash(&mut hash);
    }
    shapes.hash(&mut hash);
    hash.finish()
}

/// What was chosen for a network.
#[derive(Clone, Debug, Default)]
pub(super) struct Choices {
    fingerprint: u64,
    kept: HashMap<String, String>,
}

impl Choices {
    /// What was kept for a network on a device; `inputs` are those of its self-test.
    pub(super) fn load(device: &Device, options: &GpuOptions, graph: &Graph, inputs: &[Shape]) -> Choices {
        let kept: HashMap<String, String> =
            path(device, options).map(|path| tuned::read(&path)).unwrap_or_default().into_iter().collect();
        let fingerprint = if kept.is_empty() { 0 } else { fingerprint(graph, inputs) };
        Choices { fingerprint, kept }
    }

    /// What activations are stored in, if not in what the options ask for.
    pub(super) fn storage(&self) -> Option<Storage> {
        let kept = self.kept.get(&storage_key(self.fingerprint))?;
        [Storage::F32, Storage::PackedF16, Storage::F16].into_iter().find(|storage| name(*storage) == kept)
    }

    /// The most records of a submission, for a batch of so many with inputs of these shapes. Of a larger batch than was measured nothing is known.
    pub(super) fn records(&self, inputs: &[Shape], batch: usize) -> Option<usize> {
        if self.kept.is_empty() {
            return None;
        }
        let (records, measured) =
            self.kept.get(&records_key(self.fingerprint, inputs))?.split_once(" of ")?;
        let (records, measured) = (records.parse().ok()?, measured.parse::<usize>().ok()?);
        (records > 0 && batch <= measured).then_some(records)
    }
}

fn storage_key(fingerprint: u64) -> String {
    format!("storage {fingerprint:016x}")
}

fn records_key(fingerprint: u64, inputs: &[Shape]) -> String {
    let inputs: Vec<String> = inputs.iter().map(ToString::to_string).collect();
    format!("records {fingerprint:016x} {}", inputs.join(","))
}

/// The file for a device; none if there is no folder for it.
fn path(device: &Device, options: &GpuOptions) -> Option<PathBuf> {
    let mut hash = DefaultHasher::new();
    let super::Adapter { name, backend, driver, .. } = &device.adapter;
    let super::GpuFeatures { subgroups, f16, cooperative_matrix, .. } = options.features;
    (name, backend, driver, options.checked, options.precision).hash(&mut hash);
    (subgroups, f16, cooperative_matrix, env!("CARGO_PKG_VERSION")).hash(&mut hash);
    Some(cache::folder(options)?.join(format!("whole-{:016x}", hash.finish())))
}

/// Keeps the storage for a network by its fingerprint; none is the one that the options ask for.
#[cfg(not(target_family = "wasm"))]
pub(super) fn keep_storage(
    device: &Device,
    options: &GpuOptions,
    fingerprint: u64,
    storage: Option<Storage>,
) {
    let line = (storage_key(fingerprint), storage.map(|storage| name(storage).to_owned()));
    if let Some(path) = path(device, options) {
        tuned::keep(&path, std::iter::once(line));
    }
}

/// Keeps the records of a submission, and of the batch that was measured, for inputs of these shapes; none is all in one submission.
#[cfg(not(target_family = "wasm"))]
pub(super) fn keep_records(
    device: &Device,
    options: &GpuOptions,
    (fingerprint, inputs): (u64, &[Shape]),
    records: Option<(usize, usize)>,
) {
    let kept = records.map(|(records, batch)| format!("{records} of {batch}"));
    let line = (records_key(fingerprint, inputs), kept);
    if let Some(path) = path(device, options) {
        tuned::keep(&path, std::iter::once(line));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn choices_are_those_of_the_network_and_its_inputs() {
        let shapes = [Shape::new(12, 5000), Shape::new(1, 1)];
        let kept = HashMap::from([
            (storage_key(7), "f16, packed".to_owned()),
            (records_key(7, &shapes), "16 of 32".to_owned()),
            (records_key(8, &shapes), "0 of 32".to_owned()),
            (storage_key(8), "f8".to_owned()),
        ]);
        let of = |fingerprint| Choices { fingerprint, kept: kept.clone() };
        assert_eq!((of(7).storage(), of(7).records(&shapes, 32)), (Some(Storage::PackedF16), Some(16)));
        assert_eq!((of(7).records(&shapes[..1], 32), of(7).records(&shapes, 33)), (None, None));
        assert_eq!((of(8).storage(), of(8).records(&shapes, 32)), (None, None));
        assert_eq!((of(9).storage(), of(9).records(&shapes, 32)), (None, None));
    }
}
