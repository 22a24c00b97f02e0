//! After `ecg_plan` a run allocates nothing, through the functions that C calls. One test in a program of its own, as the count is of
//! the whole process.

use efficientecg::{Precision, Weights};
use efficientecg_c::*;
use efficientecg_kit::allocations::{self, Counting};
use std::ptr::{null, null_mut};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[test]
fn runs_allocate_nothing_after_the_plan() {
    let weights = Weights::load(concat!(env!("CARGO_MANIFEST_DIR"), "/../../model/weights/mitbih-beats.npz"));
    let weights = weights.expect("weights");
    let packed = efficientecg::packed::pack(&weights, Precision::F16).expect("packed");
    for threads in [1, 2, 3] {
        for batch in [1, 5] {
            let options = ecg_options {
                size: size_of::<ecg_options>() as u32,
                threads,
                precision: ECG_PRECISION_F32,
                reserved: 0,
                level: null(),
            };
            let (mut model, mut session) = (null_mut(), null_mut());
            let mut error = ecg_error { status: 0, message: [0; ECG_MESSAGE] };
            let (samples, steps) = (720, 3);
            // SAFETY: pointers and counts are those of living values.
            unsafe {
                let bytes = packed.as_ptr().cast();
                let loaded =
                    ecg_model_load_from_memory(bytes, packed.len(), &options, &mut model, &mut error);
                assert_eq!(loaded, ECG_OK);
                assert_eq!(ecg_plan(model, batch, samples, steps, &mut session, &mut error), ECG_OK);
                let mut info = std::mem::zeroed();
                assert_eq!(ecg_model_describe(model, &mut info, &mut error), ECG_OK);
                let of = |place| {
                    let mut feature: ecg_feature_info = std::mem::zeroed();
                    assert_eq!(ecg_model_feature(model, place, &mut feature, null_mut()), ECG_OK);
                    feature
                };
                let sequence = |f: &ecg_feature_info| f.kind == ECG_FEATURE_SEQUENCE;
                let feature = (0..info.features).map(of).find(sequence).expect("rhythm");
                let signal = vec![0.25f32; batch * info.leads as usize * samples];
                let rows = vec![0.5f32; batch * steps * feature.width as usize];
                let counts = vec![2u32; batch];
                let mut logits = vec![0f32; batch * info.classes as usize];
                let mut probabilities = logits.clone();
                let feature = ecg_feature {
                    name: feature.name,
                    numbers: null(),
                    categories: null(),
                    rows: rows.as_ptr(),
                    steps: counts.as_ptr(),
                };
                // The very first run, too.
                let before = allocations::count();
                for _ in 0..40 {
                    let status = ecg_run(
                        session,
                        signal.as_ptr(),
                        signal.len(),
                        &feature,
                        1,
                        logits.as_mut_ptr(),
                        probabilities.as_mut_ptr(),
                        logits.len(),
                        &mut error,
                    );
                    assert_eq!(status, ECG_OK);
                }
                let after = allocations::count();
                assert_eq!(after - before, 0, "{threads} threads, {batch} records");
                assert!(logits.iter().chain(&probabilities).all(|x| x.is_finite()));
                ecg_model_free(model);
                ecg_session_free(session);
            }
        }
    }
}
