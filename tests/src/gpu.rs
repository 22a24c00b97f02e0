//! Tests on a GPU, be it a software adapter; skipped where there is none.

use efficientecg::{Backend, GpuOptions, Options, adapters};
use std::sync::{Arc, Mutex, PoisonError};

/// Whether there is an adapter; without one the test is noted as skipped. Panics without one where `EFFICIENTECG_REQUIRE_GPU=1`.
pub fn found() -> bool {
    if !adapters().is_empty() {
        return true;
    }
    let required = std::env::var("EFFICIENTECG_REQUIRE_GPU").is_ok_and(|v| v == "1");
    assert!(!required, "EFFICIENTECG_REQUIRE_GPU=1, and no GPU nor software adapter was found");
    efficientecg_skipped::skipped(
        "no GPU nor software adapter was found (apt install mesa-vulkan-drivers libvulkan1)",
    );
    false
}

/// The lines of warning so far.
pub type Warnings = Arc<Mutex<Vec<String>>>;

/// Options for a GPU whose warnings are kept.
pub fn options(gpu: GpuOptions) -> (Options, Warnings) {
    let warnings = Warnings::default();
    let kept = Arc::clone(&warnings);
    let warn = move |line: &str| kept.lock().unwrap_or_else(PoisonError::into_inner).push(line.to_owned());
    // Not among what the user's own runs keep.
    let cache = std::env::temp_dir().join("efficientecg-tests");
    let gpu = gpu.warn(warn).cache(cache);
    (Options::new().backend(Backend::Gpu).precision(gpu.precision).gpu(gpu), warnings)
}

/// Takes the warnings so far.
pub fn taken(warnings: &Warnings) -> Vec<String> {
    std::mem::take(&mut *warnings.lock().unwrap_or_else(PoisonError::into_inner))
}
