//! What the functions refuse: null pointers, wrong counts, memory that overlaps. Handles that go before what they made.

use efficientecg::{Precision, Weights};
use efficientecg_c::*;
use std::ffi::CStr;
use std::ptr::{null, null_mut};

fn packed(name: &str) -> Vec<u8> {
    let path = format!("{}/../../model/weights/{name}.npz", env!("CARGO_MANIFEST_DIR"));
    efficientecg::packed::pack(&Weights::load(path).expect("weights"), Precision::F16).expect("packed")
}

fn error() -> ecg_error {
    ecg_error { status: 0, message: [0; ECG_MESSAGE] }
}

fn text(error: &ecg_error) -> String {
    // SAFETY: the message ends with a zero.
    unsafe { CStr::from_ptr(error.message.as_ptr()) }.to_str().expect("UTF-8").to_owned()
}

fn load(bytes: &[u8]) -> *mut ecg_model {
    let (mut model, mut error) = (null_mut(), error());
    // SAFETY: pointers and counts are those of living values.
    let status = unsafe {
        ecg_model_load_from_memory(bytes.as_ptr().cast(), bytes.len(), null(), &mut model, &mut error)
    };
    assert_eq!(status, ECG_OK, "{}", text(&error));
    model
}

#[test]
fn null_pointers_and_wrong_counts_are_errors() {
    let bytes = packed("mitbih-beats");
    let mut e = error();
    // SAFETY: pointers are null or of living values; what is wrong is what the functions are to refuse.
    unsafe {
        let mut model = null_mut();
        assert_eq!(ecg_model_load(null(), null(), &mut model, &mut e), ECG_ERROR_ARGUMENT);
        assert!(text(&e).starts_with("path: expected a text, found a null pointer"), "{}", text(&e));
        assert_eq!(ecg_model_load(c"x".as_ptr(), null(), null_mut(), &mut e), ECG_ERROR_ARGUMENT);
        assert_eq!(ecg_model_load(c"\xff".as_ptr(), null(), &mut model, &mut e), ECG_ERROR_ARGUMENT);
        assert_eq!(ecg_model_load_from_memory(null(), 9, null(), &mut model, null_mut()), ECG_ERROR_ARGUMENT);
        assert_eq!(ecg_model_load_from_memory(null(), 0, null(), &mut model, &mut e), ECG_ERROR_LOAD);
        let cut = bytes.len() / 2;
        assert_eq!(
            ecg_model_load_from_memory(bytes.as_ptr().cast(), cut, null(), &mut model, &mut e),
            ECG_ERROR_LOAD
        );
        assert!(model.is_null());
        let mut options: ecg_options = std::mem::zeroed();
        assert_eq!(ecg_model_load(c"x".as_ptr(), &options, &mut model, &mut e), ECG_ERROR_ARGUMENT);
        options.size = size_of::<ecg_options>() as u32;
        options.level = c"av\nx".as_ptr();
        assert_eq!(ecg_model_load(c"x".as_ptr(), &options, &mut model, &mut e), ECG_ERROR_ARGUMENT);
        assert!(!text(&e).contains('\n') && text(&e).ends_with("; correct the call"), "{}", text(&e));
        options.level = null();
        for (threads, precision, status) in
            [(5000, 0, ECG_ERROR_LOAD), (1, 7, ECG_ERROR_ARGUMENT), (1, 2, ECG_OK)]
        {
            (options.threads, options.precision) = (threads, precision);
            let loaded =
                ecg_model_load_from_memory(bytes.as_ptr().cast(), bytes.len(), &options, &mut model, &mut e);
            assert_eq!(loaded, status, "{}", text(&e));
        }
        let mut session = null_mut();
        assert_eq!(ecg_plan(null(), 1, 720, 0, &mut session, &mut e), ECG_ERROR_ARGUMENT);
        assert_eq!(ecg_plan(model, 0, 720, 0, &mut session, &mut e), ECG_ERROR_INPUT);
        assert_eq!(
            ecg_plan(model, usize::MAX, usize::MAX, usize::MAX, &mut session, &mut e),
            ECG_ERROR_INPUT
        );
        for samples in [usize::MAX, usize::MAX >> 1, usize::MAX >> 8] {
            assert_eq!(ecg_plan(model, 1, samples, 0, &mut session, &mut e), ECG_ERROR_RUN, "{}", text(&e));
            assert!(text(&e).contains("memory"), "{}", text(&e));
        }
        assert!(session.is_null());
        assert_eq!(ecg_plan(model, 1, 720, 4, &mut session, &mut e), ECG_OK, "{}", text(&e));
        let signal = [0.5f32; 2 * 720];
        // Of more than a result's memory, to overlap.
        let mut results = [0f32; 10];
        let (logits, probabilities) = (results.as_mut_ptr(), results.as_mut_ptr().add(5));
        let mut run = |signal: &[f32], features: &[ecg_feature], logits, probabilities, count| {
            let (f, n) = (features.as_ptr(), features.len());
            ecg_run(session, signal.as_ptr(), signal.len(), f, n, logits, probabilities, count, &mut e)
        };
        assert_eq!(run(&signal, &[], logits, probabilities, 5), ECG_OK);
        assert_eq!(run(&signal[1..], &[], logits, probabilities, 5), ECG_ERROR_INPUT);
        assert_eq!(run(&signal, &[], logits, probabilities, 4), ECG_ERROR_INPUT);
        assert_eq!(run(&signal, &[], logits, logits.add(1), 5), ECG_ERROR_ARGUMENT);
        assert_eq!(run(&signal, &[], null_mut(), probabilities, 5), ECG_ERROR_ARGUMENT);
        assert_eq!(run(&[1e38; 2 * 720], &[], logits, probabilities, 5), ECG_ERROR_OVERFLOW);
        let feature = |name: &'static CStr| ecg_feature { name: name.as_ptr(), ..std::mem::zeroed() };
        assert_eq!(run(&signal, &[feature(c"weight")], logits, probabilities, 5), ECG_ERROR_ARGUMENT);
        assert_eq!(run(&signal, &[feature(c"rhythm")], logits, probabilities, 5), ECG_ERROR_ARGUMENT);
        assert_eq!(
            ecg_run(null_mut(), null(), 0, null(), 0, null_mut(), null_mut(), 0, null_mut()),
            ECG_ERROR_ARGUMENT
        );
        assert!(ecg_model_class(model, 4).is_aligned() && ecg_model_class(model, 5).is_null());
        assert!(ecg_model_name(null()).is_null() && ecg_model_category(model, 9, 0).is_null());
        let mut info = std::mem::zeroed();
        assert_eq!(ecg_model_feature(model, 99, &mut info, &mut e), ECG_ERROR_ARGUMENT);
        ecg_model_free(model);
        ecg_session_free(session);
        ecg_model_free(null_mut());
        ecg_session_free(null_mut());
        ecg_classify_stream_close(null_mut());
    }
}

/// The signals that the process catches, and those that it ignores.
#[cfg(target_os = "linux")]
fn caught() -> Vec<String> {
    let status = std::fs::read_to_string("/proc/self/status").expect("a status");
    let of = |line: &&str| line.starts_with("SigCgt") || line.starts_with("SigIgn");
    status.lines().filter(of).map(str::to_owned).collect()
}

#[test]
#[cfg(target_os = "linux")]
fn no_signal_is_caught_or_ignored() {
    // What the C library catches once a thread has been started.
    std::thread::spawn(|| ()).join().expect("a thread");
    let before = caught();
    assert_eq!(before.len(), 2);
    let (bytes, mut e) = (packed("mitbih-beats"), error());
    let size = size_of::<ecg_options>() as u32;
    let options = ecg_options { size, threads: 2, precision: 0, reserved: 0, level: null() };
    let (mut model, mut session, mut stream) = (null_mut(), null_mut(), null_mut());
    let leads = [c"MLII".as_ptr(), c"V1".as_ptr()];
    let (signal, mut logits, mut probabilities) = ([0.5f32; 2 * 720], [0f32; 5], [0f32; 5]);
    // SAFETY: pointers and counts are those of living values.
    unsafe {
        let (from, count) = (bytes.as_ptr().cast(), signal.len());
        assert_eq!(ecg_model_load_from_memory(from, bytes.len(), &options, &mut model, &mut e), ECG_OK);
        assert_eq!(ecg_plan(model, 1, 720, 0, &mut session, &mut e), ECG_OK);
        let (l, p) = (logits.as_mut_ptr(), probabilities.as_mut_ptr());
        assert_eq!(ecg_run(session, signal.as_ptr(), count, null(), 0, l, p, 5, &mut e), ECG_OK);
        let opened = ecg_classify_stream_open(model, leads.as_ptr(), 2, 360.0, null(), &mut stream, &mut e);
        assert_eq!(opened, ECG_OK);
        assert_eq!(ecg_classify_stream_push(stream, signal.as_ptr(), count, &mut e), ECG_OK);
        assert_eq!(caught(), before);
        ecg_classify_stream_close(stream);
        ecg_session_free(session);
        ecg_model_free(model);
    }
    assert_eq!(caught(), before);
}

#[test]
fn sessions_outlive_their_model_and_run_on_many_threads() {
    let bytes = packed("mitbih-beats");
    let model = load(&bytes);
    let mut sessions = Vec::new();
    for _ in 0..4 {
        let (mut session, mut e) = (null_mut(), error());
        // SAFETY: the model lives.
        assert_eq!(unsafe { ecg_plan(model, 1, 720, 0, &mut session, &mut e) }, ECG_OK);
        sessions.push(session as usize);
    }
    // SAFETY: the sessions do not need it.
    unsafe { ecg_model_free(model) };
    let results = |session: usize| {
        let session = session as *mut ecg_session;
        let signal: Vec<f32> = (0..1440).map(|i| (i as f32 / 9.0).cos()).collect();
        let (mut logits, mut probabilities) = ([0f32; 5], [0f32; 5]);
        for _ in 0..20 {
            // SAFETY: pointers and counts are those of living values; each thread has its session.
            let status = unsafe {
                let (l, p) = (logits.as_mut_ptr(), probabilities.as_mut_ptr());
                ecg_run(session, signal.as_ptr(), signal.len(), null(), 0, l, p, 5, null_mut())
            };
            assert_eq!(status, ECG_OK);
        }
        // SAFETY: nobody uses it any more.
        unsafe { ecg_session_free(session) };
        logits.map(f32::to_bits)
    };
    let all: Vec<[u32; 5]> = std::thread::scope(|scope| {
        let threads: Vec<_> = sessions.into_iter().map(|s| scope.spawn(move || results(s))).collect();
        threads.into_iter().map(|thread| thread.join().expect("results")).collect()
    });
    assert!(all.iter().all(|one| *one == all[0] && f32::from_bits(one[0]).is_finite()));
}

#[test]
fn streams_refuse_what_they_cannot_take() {
    let (beats, record) = (load(&packed("mitbih-beats")), load(&packed("ptbxl-8lead")));
    let leads = [c"MLII".as_ptr(), c"V1".as_ptr()];
    let mut e = error();
    // SAFETY: pointers and counts are those of living values.
    unsafe {
        let mut stream = null_mut();
        let open = |model, count, rate, patient: *const ecg_patient, stream: &mut _, e: &mut _| {
            ecg_classify_stream_open(model, leads.as_ptr(), count, rate, patient, stream, e)
        };
        assert_eq!(open(record, 2, 360.0, null(), &mut stream, &mut e), ECG_ERROR_STREAM);
        assert_eq!(open(beats, 1, 360.0, null(), &mut stream, &mut e), ECG_ERROR_STREAM);
        assert!(text(&e).contains("V1"), "{}", text(&e));
        assert_eq!(open(beats, 2, f64::NAN, null(), &mut stream, &mut e), ECG_ERROR_STREAM);
        let mut patient = ecg_patient { age: f64::INFINITY, sex: 0, reserved: 0 };
        assert_eq!(open(beats, 2, 360.0, &patient, &mut stream, &mut e), ECG_ERROR_ARGUMENT);
        (patient.age, patient.sex) = (63.0, 9);
        assert_eq!(open(beats, 2, 360.0, &patient, &mut stream, &mut e), ECG_ERROR_ARGUMENT);
        assert!(stream.is_null());
        (patient.sex, patient.reserved) = (ECG_SEX_FEMALE, 1);
        assert_eq!(open(beats, 2, 360.0, &patient, &mut stream, &mut e), ECG_ERROR_ARGUMENT);
        patient.reserved = 0;
        assert_eq!(open(beats, 2, 360.0, &patient, &mut stream, &mut e), ECG_OK, "{}", text(&e));
        ecg_model_free(beats);
        ecg_model_free(record);
        // Silence has no beats, and no class is ever told of it.
        let silence = vec![0f32; 2 * 360 * 30];
        assert_eq!(ecg_classify_stream_push(stream, silence.as_ptr(), silence.len(), &mut e), ECG_OK);
        assert_eq!(ecg_classify_stream_push(stream, null(), 9, &mut e), ECG_ERROR_ARGUMENT);
        assert_eq!(ecg_classify_stream_finish(stream, &mut e), ECG_OK);
        let (mut event, mut seen) = (std::mem::zeroed::<ecg_event>(), Vec::new());
        loop {
            assert_eq!(ecg_classify_stream_poll(stream, &mut event, null_mut(), 0, &mut e), ECG_OK);
            if event.kind == ECG_EVENT_NONE {
                break;
            }
            assert!(event.class_index == -1 && event.reason != ECG_REASON_NONE);
            seen.push(CStr::from_ptr(ecg_reason_text(event.reason)).to_str().expect("text"));
        }
        assert!(seen.contains(&"flat"), "{seen:?}");
        ecg_classify_stream_close(stream);
    }
}
