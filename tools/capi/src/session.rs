//! A plan, and runs that allocate nothing.

use crate::error::{
    ECG_ERROR_INPUT, ECG_ERROR_OVERFLOW, ECG_ERROR_RUN, Failure, ecg_error, ecg_status, guard,
};
use crate::memory::{free, hand_out, reference, reference_mut, slice, slice_mut, text};
use crate::model::ecg_model;
use efficientecg::config::{Config, FeatureKind};
use efficientecg::{FeatureValues, RunError, Session};
use std::ffi::c_char;
use std::sync::Arc;

/// A model made ready for batches of one shape, with all the memory that runs take. One thread at a time.
pub struct ecg_session(Session);

/// The values of a feature for a batch, in the caller's memory; what its kind does not need is not looked at.
#[repr(C)]
pub struct ecg_feature {
    /// Its name, as `ecg_model_feature` tells it.
    pub name: *const c_char,
    /// Of a continuous feature, [batch]: NaN is missing.
    pub numbers: *const f64,
    /// Of a categorical feature, [batch]: a category by its place, -1 is missing.
    pub categories: *const i32,
    /// Of a sequence, [batch, steps, width] for the session's steps: rows past a record's steps are not read.
    pub rows: *const f32,
    /// Of a sequence, [batch]: a record's rows, 0 is missing.
    pub steps: *const u32,
}

fn failure(error: &RunError) -> Failure {
    let status = match error {
        RunError::Input(_) => ECG_ERROR_INPUT,
        RunError::Overflow { .. } => ECG_ERROR_OVERFLOW,
        _ => ECG_ERROR_RUN,
    };
    Failure::new(status, error)
}

/// Plans runs of `batch` records of `samples` samples a lead, with sequences of at most `steps` rows (0 where there are none), and
/// allocates what they take. The session shares the model's weights and threads.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ecg_plan(
    model: *const ecg_model,
    batch: usize,
    samples: usize,
    steps: usize,
    session: *mut *mut ecg_session,
    error: *mut ecg_error,
) -> ecg_status {
    // SAFETY: handed on to the caller.
    guard(error, || unsafe {
        hand_out(session, || {
            let model = reference("model", model)?;
            let session = Session::new(Arc::clone(&model.model), batch, samples, steps);
            session.map(ecg_session).map_err(|e| failure(&e))
        })
    })
}

/// The values of a feature, as the library takes them.
///
/// # Safety
/// The feature must be as the header says.
unsafe fn values<'a>(
    config: &Config,
    batch: usize,
    steps: usize,
    feature: &'a ecg_feature,
) -> Result<(&'a str, FeatureValues<'a>), Failure> {
    // SAFETY: here and below: handed on to the caller.
    let name = unsafe { text("feature's name", feature.name) }?;
    let Some(configured) = config.features().iter().find(|f| f.name == name) else {
        let names: Vec<&str> = config.features().iter().map(|f| f.name.as_str()).collect();
        return Err(Failure::argument("feature", &format!("one of {}", names.join(", ")), name));
    };
    let values = match &configured.kind {
        // SAFETY: as above.
        FeatureKind::Continuous { .. } => unsafe {
            FeatureValues::Continuous(slice("numbers", feature.numbers, batch)?)
        },
        // SAFETY: as above.
        FeatureKind::Categorical { .. } => unsafe {
            FeatureValues::Categorical(slice("categories", feature.categories, batch)?)
        },
        FeatureKind::Sequence { inputs, .. } => {
            let count = batch.saturating_mul(steps).saturating_mul(*inputs);
            // SAFETY: as above.
            unsafe {
                let rows = slice("rows", feature.rows, count)?;
                FeatureValues::Sequence { rows, steps: slice("steps", feature.steps, batch)? }
            }
        }
        _ => {
            return Err(Failure::argument("feature", "one of a kind that this version knows", "another"));
        }
    };
    Ok((name, values))
}

/// Whether two pieces of memory, each an address and its bytes, share a byte.
fn overlap(a: (usize, usize), b: (usize, usize)) -> bool {
    a.0 < b.0.saturating_add(b.1) && b.0 < a.0.saturating_add(a.1)
}

/// Runs a batch. `signal` is [batch, leads, samples], normalised as `ecg_model_info.normalize` says; `logits` and `probabilities` are
/// [batch, classes]. The counts are those of all values in an array. A feature that is not given is missing; of two of one name
/// the last counts. Nothing is allocated, unless the run fails; the results then hold anything. The results of the same inputs are the
/// same bits, on any number of threads.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ecg_run(
    session: *mut ecg_session,
    signal: *const f32,
    signal_count: usize,
    features: *const ecg_feature,
    feature_count: usize,
    logits: *mut f32,
    probabilities: *mut f32,
    result_count: usize,
    error: *mut ecg_error,
) -> ecg_status {
    guard(error, || {
        // SAFETY: here and below: handed on to the caller.
        let (session, signal, features) = unsafe {
            (
                &mut reference_mut("session", session)?.0,
                slice("signal", signal, signal_count)?,
                slice("features", features, feature_count)?,
            )
        };
        let read = (signal.as_ptr() as usize, size_of_val(signal));
        let written =
            [logits, probabilities].map(|p| (p as usize, result_count.saturating_mul(size_of::<f32>())));
        if written.iter().any(|w| overlap(*w, read)) || overlap(written[0], written[1]) {
            return Err(Failure::argument("results", "memory of their own", "memory that overlaps"));
        }
        // SAFETY: as above.
        let (logits, probabilities) = unsafe {
            (
                slice_mut("logits", logits, result_count)?,
                slice_mut("probabilities", probabilities, result_count)?,
            )
        };
        let model = Arc::clone(session.model());
        let (config, batch, steps) = (model.config(), session.batch(), session.steps());
        // SAFETY: as above.
        let values = |feature| unsafe { values(config, batch, steps, feature) };
        for feature in features {
            values(feature)?;
        }
        let values = features.iter().filter_map(|feature| values(feature).ok());
        session.run_features(signal, values, logits, probabilities).map_err(|e| failure(&e))
    })
}

/// Frees a session; NULL is none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ecg_session_free(session: *mut ecg_session) {
    // SAFETY: handed on to the caller.
    unsafe { free(session) };
}
