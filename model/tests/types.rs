//! What a program may do with the library's types, held by the compiler: send them to other threads and share them.

use efficientecg::config::Config;
use efficientecg::{
    Backend, FeatureInput, FileError, Inputs, LoadError, Model, Options, Outputs, Pool, Profile, RunError,
    Tap, Weights,
};

const fn shared<T: Send + Sync + 'static>() {}

/// Errors also go through `?` into a boxed one.
const fn error<T: std::error::Error + Send + Sync + 'static>() {}

const _: () = {
    shared::<Model>();
    shared::<Options>();
    shared::<Backend>();
    shared::<Pool>();
    shared::<Inputs>();
    shared::<FeatureInput>();
    shared::<Outputs>();
    shared::<Tap>();
    shared::<Profile>();
    shared::<Weights>();
    shared::<Config>();
    error::<LoadError>();
    error::<RunError>();
    error::<FileError>();
    error::<efficientecg::ItemError>();
};

#[cfg(feature = "ecg")]
const _: () = {
    shared::<efficientecg::ecg::Record>();
    shared::<efficientecg::ecg::wfdb::Annotations>();
    shared::<efficientecg::classify::Settings>();
    shared::<efficientecg::classify::Prepared>();
    shared::<efficientecg::classify::Findings>();
    error::<efficientecg::classify::ClassifyError>();
    error::<efficientecg::ecg::Error>();
};

#[cfg(feature = "npz")]
const _: () = {
    shared::<efficientecg::npz::Archive>();
    shared::<efficientecg::npz::Array>();
};

#[cfg(feature = "gpu")]
const _: () = {
    shared::<efficientecg::GpuOptions>();
    shared::<efficientecg::Adapter>();
    error::<efficientecg::GpuError>();
};

/// Threads share a model without a lock, and get what one alone gets.
#[cfg(feature = "models")]
#[test]
fn a_model_is_shared() {
    let model = Model::builtin("mitbih-beats").unwrap_or_else(|e| panic!("{e}"));
    let inputs = Inputs::synthetic(model.config(), 72, 2);
    let run = || model.run(&inputs).unwrap_or_else(|e| panic!("{e}"));
    let alone = run();
    std::thread::scope(|scope| {
        let others: Vec<_> = (0..4).map(|_| scope.spawn(run)).collect();
        for other in others {
            assert_eq!(other.join().expect("it ran"), alone);
        }
    });
}
