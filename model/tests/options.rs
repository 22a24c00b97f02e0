//! What options ask for, and what of it cannot be: errors that name the option.
#![cfg(feature = "models")]

use efficientecg::{Backend, Inputs, Level, LoadError, Model, Options, Pool, Precision, Weights, models};
use std::sync::Arc;

const NAME: &str = "mitbih-beats";

fn refused(options: Options) -> String {
    options.builtin(NAME).expect_err("options that cannot be").to_string()
}

#[test]
fn what_cannot_be_is_named() {
    assert!(refused(Options::new().threads(0)).starts_with("threads: expected 1 to 1024, found 0; "));
    assert!(refused(Options::new().threads(1025)).starts_with("threads: expected 1 to 1024, found 1025; "));
    let half = Options::new().backend(Backend::Reference).precision(Precision::F16);
    assert!(refused(half).contains("use f32, or the CPU for f16"));
    #[cfg(not(feature = "gpu"))]
    assert!(refused(Options::new().backend(Backend::Gpu)).starts_with("backend: expected another, as "));
    #[cfg(feature = "gpu")]
    {
        let gpu = |gpu| Options::new().gpu(gpu);
        let none = efficientecg::GpuOptions::new().batch(0);
        assert!(refused(gpu(none)).starts_with("gpu batch: expected 1 to "));
        let unknown = efficientecg::GpuOptions::new().adapter("no such adapter");
        assert!(refused(gpu(unknown).backend(Backend::Gpu)).contains("no such adapter"));
    }
    let unknown = Model::builtin("mitbih").expect_err("no such model");
    assert!(matches!(unknown, LoadError::Option(_)));
    assert!(models::ALL.iter().all(|model| unknown.to_string().contains(model.name)), "{unknown}");
    for (bytes, part) in
        [(&b""[..], "an empty file"), (b"PK\x03\x04", "cut off"), (b"text", "not a zip archive")]
    {
        let message = Model::from_bytes(bytes).expect_err("no weights").to_string();
        assert!(message.starts_with("<memory>: archive: ") && message.contains(part), "{message}");
    }
}

#[test]
fn what_is_asked_for_is_had() {
    let device = |options: Options| options.builtin(NAME).unwrap_or_else(|e| panic!("{e}")).device();
    assert_eq!(device(Options::new().threads(1).level(Level::SCALAR)), "cpu (scalar, 1 threads)");
    assert_eq!(device(Options::new().backend(Backend::Reference)), "reference");
    // A pool decides the number of threads.
    let pool = Arc::new(Pool::new(3));
    assert!(device(Options::new().threads(1).pool(pool)).ends_with("3 threads)"));
    assert_eq!(device(Model::builder()), device(Options::default()));
    #[cfg(not(feature = "gpu"))]
    assert!(device(Options::new().backend(Backend::Auto)).starts_with("cpu"));
}

/// The ways to load give one model: by name, from bytes, from a file, from weights in memory.
#[test]
fn every_way_to_load_gives_the_same() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("weights/{NAME}.npz"));
    let bytes = std::fs::read(&path).unwrap_or_else(|e| panic!("{e}"));
    let weights = Weights::from_bytes(&bytes).unwrap_or_else(|e| panic!("{e}"));
    let loaded =
        [Model::builtin(NAME), Model::from_bytes(&bytes), Model::load(&path), Model::from_weights(&weights)];
    let mut first = None;
    for model in loaded {
        let model = model.unwrap_or_else(|e| panic!("{e}"));
        assert_eq!(model.config().name, NAME);
        let inputs = Inputs::synthetic(model.config(), 144, 2);
        let outputs = model.run(&inputs).unwrap_or_else(|e| panic!("{e}"));
        assert!(outputs.rows().len() == 2 && outputs.logits.iter().all(|x| x.is_finite()));
        assert_eq!(*first.get_or_insert(outputs.clone()), outputs);
    }
}
