//! Errors as C takes them, and the guard around every entry.

use efficientecg::ItemError;
use std::ffi::c_char;
use std::fmt::Display;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// What a function returns: ECG_OK or one of ECG_ERROR_...
pub type ecg_status = i32;

/// All is well.
pub const ECG_OK: ecg_status = 0;
/// An argument that cannot be: a null pointer, a wrong count, an unknown name.
pub const ECG_ERROR_ARGUMENT: ecg_status = 1;
/// A weight file is missing, malformed, or does not fit; or an option cannot be.
pub const ECG_ERROR_LOAD: ecg_status = 2;
/// Inputs that do not fit the network or the plan, in number or kind, or are not finite.
pub const ECG_ERROR_INPUT: ecg_status = 3;
/// A record's activations left the range of f32: the results are not to be used.
pub const ECG_ERROR_OVERFLOW: ecg_status = 4;
/// The run failed: no memory, or a defect of the library.
pub const ECG_ERROR_RUN: ecg_status = 5;
/// The model, leads or rate are not fit for a stream.
pub const ECG_ERROR_STREAM: ecg_status = 6;
/// Too many events wait to be polled; nothing was taken.
pub const ECG_ERROR_FULL: ecg_status = 7;
/// A defect of the library; its handle may still be freed, and no more.
pub const ECG_ERROR_PANIC: ecg_status = 8;

/// Bytes of an error's message, its final zero among them.
pub const ECG_MESSAGE: usize = 1020;

/// An error, in the caller's memory. After ECG_OK its message is empty.
#[repr(C)]
pub struct ecg_error {
    /// What was returned.
    pub status: ecg_status,
    /// One line of UTF-8 that ends with a zero: the item, what was expected and found, and the fix.
    pub message: [c_char; ECG_MESSAGE],
}

/// What an entry fails with.
pub(crate) struct Failure {
    pub(crate) status: ecg_status,
    pub(crate) message: String,
}

impl Failure {
    pub(crate) fn new(status: ecg_status, message: impl Display) -> Failure {
        Failure { status, message: message.to_string() }
    }

    /// An argument that cannot be.
    pub(crate) fn argument(name: &str, expected: &str, found: &str) -> Failure {
        Failure::new(ECG_ERROR_ARGUMENT, ItemError::new(name, expected, found, "correct the call"))
    }
}

/// Calls what an entry does. No panic leaves it.
pub(crate) fn guard(error: *mut ecg_error, call: impl FnOnce() -> Result<(), Failure>) -> ecg_status {
    let (status, message) = match catch_unwind(AssertUnwindSafe(call)) {
        Ok(Ok(())) => (ECG_OK, String::new()),
        Ok(Err(failure)) => (failure.status, failure.message),
        Err(payload) => {
            // To drop it may panic again.
            std::mem::forget(payload);
            (ECG_ERROR_PANIC, "library: expected a result, found a panic; please report it".to_owned())
        }
    };
    if !error.is_null() {
        // SAFETY: the caller's error is writable where it is not null, by the header's contract.
        unsafe { write(error, status, &message) };
    }
    status
}

/// # Safety
/// `error` must be writable.
unsafe fn write(error: *mut ecg_error, status: ecg_status, message: &str) {
    let mut length = message.len().min(ECG_MESSAGE - 1);
    while !message.is_char_boundary(length) {
        length -= 1;
    }
    // SAFETY: the message is shorter than its room, and the error is writable, perhaps not initialised.
    unsafe {
        (&raw mut (*error).status).write(status);
        let room = (&raw mut (*error).message).cast::<u8>();
        room.copy_from_nonoverlapping(message.as_ptr(), length);
        room.add(length).write(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::CStr;

    fn text(error: &ecg_error) -> &str {
        // SAFETY: the message was written.
        unsafe { CStr::from_ptr(error.message.as_ptr()) }.to_str().expect("UTF-8")
    }

    #[test]
    fn panics_do_not_leave_and_long_messages_are_cut() {
        let mut error = ecg_error { status: 77, message: [1; ECG_MESSAGE] };
        assert_eq!(guard(&mut error, || panic!("on purpose")), ECG_ERROR_PANIC);
        assert!(error.status == ECG_ERROR_PANIC && text(&error).contains("panic"));
        // A character of three bytes lies across the end.
        let long = "€".repeat(ECG_MESSAGE);
        guard(&mut error, || Err(Failure::new(ECG_ERROR_INPUT, &long)));
        assert_eq!(text(&error), &long[..(ECG_MESSAGE - 1) / 3 * 3]);
        assert_eq!(guard(&mut error, || Ok(())), ECG_OK);
        assert!(error.status == ECG_OK && text(&error).is_empty());
        assert_eq!(guard(std::ptr::null_mut(), || Err(Failure::new(9, "x"))), 9);
    }
}
