//! What threads may hand to each other and share: every public type.

use efficientecg_engine::clock::Moment;
#[cfg(feature = "gpu")]
use efficientecg_engine::gpu::{
    Adapter, DeviceError, Gpu, GpuError, GpuFeatures, GpuOptions, Memory, Probe, TunedNode, Tuning, WholeRun,
};
use efficientecg_engine::graph::Node;
use efficientecg_engine::plan::Plan;
use efficientecg_engine::pool::Pool;
use efficientecg_engine::profile::{NodeProfile, Span};
use efficientecg_engine::{
    Batch, Cpu, Engine, EngineError, Graph, Kernels, Layer, Reference, ReservedRun, Value,
};
use std::path::Path;

const fn shared<T: Send + Sync>() {}

/// Types that do not compile here unless threads may share them, and their names.
macro_rules! shared {
    ($list:ident: $($of:ty),*) => {
        const $list: &[&str] = {
            $(shared::<$of>();)*
            &[$(stringify!($of)),*]
        };
    };
}

shared!(ALWAYS:
    Batch<'static>, Cpu, Engine, EngineError, Graph, Kernels, Layer, Moment, Plan, Pool, NodeProfile, Reference,
    ReservedRun, Span, Node, Value);
#[cfg(feature = "gpu")]
shared!(OF_GPUS: Adapter, DeviceError, GpuFeatures, Gpu, GpuError, GpuOptions, Memory, Probe, TunedNode, Tuning,
    WholeRun);
#[cfg(not(feature = "gpu"))]
const OF_GPUS: &[&str] = &[];

/// The names of the public types in a folder's sources.
fn types(folder: &Path, found: &mut Vec<String>) {
    for entry in std::fs::read_dir(folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display())) {
        let path = entry.unwrap_or_else(|e| panic!("{e}")).path();
        if path.is_dir() {
            if cfg!(feature = "gpu") || !path.ends_with("gpu") {
                types(&path, found);
            }
            continue;
        }
        // What tests alone have of a GPU, a test has on one thread.
        if path.extension().is_none_or(|e| e != "rs") || path.ends_with("gpu/testing.rs") {
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        let words = |line: &str| {
            let rest = line.strip_prefix("pub struct ").or_else(|| line.strip_prefix("pub enum "))?;
            rest.split(|c: char| !c.is_alphanumeric()).next().map(str::to_owned)
        };
        found.extend(text.lines().filter_map(words));
    }
}

#[test]
fn no_public_type_is_left_out() {
    let mut found = Vec::new();
    types(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut found);
    assert!(found.len() >= 14, "{found:?}");
    let known = |name: &String| ALWAYS.iter().chain(OF_GPUS).any(|t| t.split('<').next() == Some(name));
    let missing: Vec<&String> = found.iter().filter(|name| !known(name)).collect();
    assert!(missing.is_empty(), "name these here: {missing:?}");
}
