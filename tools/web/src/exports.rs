//! What JavaScript calls.
//!
//! A call takes numbers. Bytes, text and samples go through memory that [`ecg_take`] gives. A call that fails returns 0; what it made, or the line
//! that says why it failed, is at [`ecg_made`] until the next call. `tools/web/js/runtime.js` is the other side.

use crate::calls::{self, Form, Refused};
use crate::state::{self, State};
use efficientecg::ecg::Record;
use serde_json::json;

#[cfg(target_family = "wasm")]
#[link(wasm_import_module = "efficientecg")]
unsafe extern "C" {
    /// Hears of findings that are done, of so many in all.
    fn progress(done: usize, all: usize);
}

#[cfg(target_family = "wasm")]
unsafe extern "C" {
    /// The linker's: what C's library does before a program begins.
    fn __wasm_call_ctors();
}

/// Begins: JavaScript calls it once, before all others. Where nothing calls the linker's function, it puts that around every export.
#[cfg(target_family = "wasm")]
#[unsafe(no_mangle)]
pub extern "C" fn _initialize() {
    // SAFETY: called once, before anything else.
    unsafe { __wasm_call_ctors() };
}

/// Tells how far a classification is.
fn tell(done: usize, all: usize) {
    #[cfg(target_family = "wasm")]
    // SAFETY: JavaScript takes two numbers and gives none.
    unsafe {
        progress(done, all);
    }
    #[cfg(not(target_family = "wasm"))]
    let _ = (done, all);
}

/// Keeps what a call made, or why it made nothing; the number that it returns.
fn end(made: Result<(u32, Vec<u8>), Refused>) -> u32 {
    match made {
        Ok((number, bytes)) => {
            state::keep(bytes);
            number
        }
        Err(refused) => {
            let told = json!({ "message": refused.to_string(), "leads": refused.leads() });
            state::keep(told.to_string().into_bytes());
            0
        }
    }
}

/// Bytes that JavaScript wrote.
///
/// # Safety
/// `at` is of [`ecg_take`] with this length, or the length is 0.
unsafe fn bytes<'a>(at: *const u8, length: usize) -> &'a [u8] {
    if length == 0 {
        return &[];
    }
    // SAFETY: the caller vouches for it.
    unsafe { std::slice::from_raw_parts(at, length) }
}

/// Samples that JavaScript wrote.
///
/// # Safety
/// `at` is of [`ecg_take`] with four times this length, or the length is 0.
unsafe fn floats<'a>(at: *const f32, length: usize) -> &'a [f32] {
    if length == 0 {
        return &[];
    }
    // SAFETY: the caller vouches for it; memory of `ecg_take` is aligned for f32.
    unsafe { std::slice::from_raw_parts(at, length) }
}

/// Memory for `length` bytes, at a multiple of 8.
#[unsafe(no_mangle)]
pub extern "C" fn ecg_take(length: usize) -> *mut u8 {
    Box::leak(vec![0_u64; length.div_ceil(8)].into_boxed_slice()).as_mut_ptr().cast()
}

/// Gives memory of [`ecg_take`] back.
///
/// # Safety
/// `at` is of [`ecg_take`] with this length, and is given back once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ecg_give(at: *mut u8, length: usize) {
    let words = std::ptr::slice_from_raw_parts_mut(at.cast::<u64>(), length.div_ceil(8));
    // SAFETY: the caller vouches for it.
    drop(unsafe { Box::from_raw(words) });
}

/// Where what the last call made lies.
#[unsafe(no_mangle)]
pub extern "C" fn ecg_made() -> *const u8 {
    state::made().0
}

/// Its length in bytes.
#[unsafe(no_mangle)]
pub extern "C" fn ecg_made_length() -> usize {
    state::made().1
}

/// Loads the bytes of a weight file; the model's number. Makes its description in JSON.
///
/// # Safety
/// The bytes are of [`ecg_take`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ecg_load(at: *const u8, length: usize) -> u32 {
    // SAFETY: handed on.
    let weights = unsafe { bytes(at, length) };
    end((|| {
        let model = calls::load(weights)?;
        let told = calls::describe(&model).to_string().into_bytes();
        Ok((state::with(|state| state.add_model(model)), told))
    })())
}

/// Frees a model or a record.
#[unsafe(no_mangle)]
pub extern "C" fn ecg_free(number: u32) {
    state::with(|state| state.remove(number));
}

/// Runs a model on samples in f32; `options` are shape and features in JSON. Makes logits and probabilities in f32.
///
/// # Safety
/// Both are of [`ecg_take`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ecg_run(
    model: u32,
    options: *const u8,
    options_length: usize,
    samples: *const f32,
    count: usize,
) -> u32 {
    // SAFETY: handed on.
    let (options, samples) = unsafe { (bytes(options, options_length), floats(samples, count)) };
    end(state::with(|state: &mut State| {
        let made = calls::run(state.model(model)?, options, samples.to_vec())?;
        Ok((1, made.iter().flat_map(|x| x.to_le_bytes()).collect()))
    }))
}

/// Takes a record of arrays; its number. `options` are rate and leads in JSON, the samples one lead after another. Makes what it says of itself in
/// JSON.
///
/// # Safety
/// Both are of [`ecg_take`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ecg_record(
    options: *const u8,
    options_length: usize,
    samples: *const f32,
    count: usize,
) -> u32 {
    // SAFETY: handed on.
    let (options, samples) = unsafe { (bytes(options, options_length), floats(samples, count)) };
    end((|| added(calls::record(options, samples)?))())
}

/// Keeps a record; its number and what it says of itself.
fn added(record: Record) -> Result<(u32, Vec<u8>), Refused> {
    let told = calls::contents(&record).to_string().into_bytes();
    Ok((state::with(|state| state.add_record(record)), told))
}

/// Makes the paths of the records in a folder, in JSON.
///
/// # Safety
/// The path is of [`ecg_take`].
#[cfg(feature = "files")]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ecg_records(path: *const u8, length: usize) -> u32 {
    // SAFETY: handed on.
    let path = unsafe { bytes(path, length) };
    end((|| Ok((1, calls::records(std::str::from_utf8(path)?)?.to_string().into_bytes())))())
}

/// Reads a record; its number. Makes what it says of itself in JSON.
///
/// # Safety
/// Both are of [`ecg_take`].
#[cfg(feature = "files")]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ecg_open(
    path: *const u8,
    length: usize,
    options: *const u8,
    options_length: usize,
) -> u32 {
    // SAFETY: handed on.
    let (path, options) = unsafe { (bytes(path, length), bytes(options, options_length)) };
    end((|| added(calls::open(std::str::from_utf8(path)?, options)?))())
}

/// Makes the samples of a record's lead in f32.
#[unsafe(no_mangle)]
pub extern "C" fn ecg_samples(record: u32, lead: usize) -> u32 {
    end(state::with(|state| {
        let samples = calls::samples(state.record(record)?, lead)?;
        let mut bytes = vec![0; 4 * samples.len()];
        bytes.as_chunks_mut().0.iter_mut().zip(samples).for_each(|(to, x)| *to = x.to_le_bytes());
        Ok((1, bytes))
    }))
}

/// Makes the places of the leads that a model would take of a record, in JSON.
///
/// # Safety
/// The options are of [`ecg_take`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ecg_match(model: u32, record: u32, options: *const u8, length: usize) -> u32 {
    // SAFETY: handed on.
    let options = unsafe { bytes(options, length) };
    end(state::with(|state| {
        let places = calls::matched(state.model(model)?, state.record(record)?, options)?;
        Ok((1, places.to_string().into_bytes()))
    }))
}

/// Classifies a record. Makes its findings in JSON.
///
/// # Safety
/// The options are of [`ecg_take`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ecg_classify(model: u32, record: u32, options: *const u8, length: usize) -> u32 {
    // SAFETY: handed on.
    let options = unsafe { bytes(options, length) };
    end(state::with(|state| {
        let (found, json) = calls::classify(state.model(model)?, state.record(record)?, options, &mut tell)?;
        state.add_classified(model, record, found);
        Ok((1, json))
    }))
}

/// Makes the findings of a record in a form: 0 JSON, 1 CSV, 2 text, 3 WFDB annotations.
#[unsafe(no_mangle)]
pub extern "C" fn ecg_written(model: u32, record: u32, form: u32) -> u32 {
    end(state::with(|state| {
        let form = Form::by_number(form)?;
        Ok((1, calls::written(state.classified(model, record)?, form)?))
    }))
}

/// Makes pages of a record that was classified, in SVG, or in HTML where `html` is not 0. They are of `from` to `to` in seconds, where these are
/// numbers; `limits` says what the model gets wrong.
///
/// # Safety
/// The text is of [`ecg_take`].
#[cfg(feature = "files")]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ecg_pages(
    model: u32,
    record: u32,
    html: u32,
    from: f64,
    to: f64,
    limits: *const u8,
    length: usize,
) -> u32 {
    // SAFETY: handed on.
    let limits = unsafe { bytes(limits, length) };
    let told = |seconds: f64| seconds.is_finite().then_some(seconds);
    end(state::with(|state| {
        let (model_of, record_of) = (state.model(model)?, state.record(record)?);
        let found = state.classified(model, record)?;
        let (span, limits) = ((told(from), told(to)), std::str::from_utf8(limits)?);
        Ok((1, calls::pages(found, model_of, record_of, html != 0, span, limits)?))
    }))
}
