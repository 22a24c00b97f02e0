//! The caller's memory, checked as far as a callee can.

use crate::error::Failure;
use std::ffi::{CStr, c_char};

/// Fails where `count` values cannot lie at `pointer`.
fn check<T>(name: &str, pointer: *const T, count: usize) -> Result<(), Failure> {
    if pointer.is_null() {
        return Err(Failure::argument(name, &format!("{count} values"), "a null pointer"));
    }
    if !pointer.is_aligned() {
        return Err(Failure::argument(name, "values at an address that fits their type", "another address"));
    }
    if count > isize::MAX as usize / size_of::<T>().max(1) {
        return Err(Failure::argument(name, "a count that fits in memory", &count.to_string()));
    }
    Ok(())
}

/// Values to read; none may be at a null pointer.
///
/// # Safety
/// `count` values must be readable there until the caller's function returns.
pub(crate) unsafe fn slice<'a, T>(name: &str, pointer: *const T, count: usize) -> Result<&'a [T], Failure> {
    if count == 0 {
        return Ok(&[]);
    }
    check(name, pointer, count)?;
    // SAFETY: handed on to the caller.
    Ok(unsafe { std::slice::from_raw_parts(pointer, count) })
}

/// Numbers to write, zeros until then: the caller's memory may hold anything.
///
/// # Safety
/// `count` numbers must be writable there, and of nobody else until the caller's function returns.
pub(crate) unsafe fn slice_mut<'a>(
    name: &str,
    pointer: *mut f32,
    count: usize,
) -> Result<&'a mut [f32], Failure> {
    if count == 0 {
        return Ok(&mut []);
    }
    check(name, pointer, count)?;
    // SAFETY: handed on to the caller; zeros are numbers.
    Ok(unsafe {
        pointer.write_bytes(0, count);
        std::slice::from_raw_parts_mut(pointer, count)
    })
}

/// A text that ends with a zero.
///
/// # Safety
/// It must be readable up to its zero until the caller's function returns.
pub(crate) unsafe fn text<'a>(name: &str, pointer: *const c_char) -> Result<&'a str, Failure> {
    if pointer.is_null() {
        return Err(Failure::argument(name, "a text", "a null pointer"));
    }
    // SAFETY: handed on to the caller.
    let text = unsafe { CStr::from_ptr(pointer) };
    text.to_str().map_err(|_| Failure::argument(name, "text in UTF-8", "other bytes"))
}

/// What a pointer points at.
///
/// # Safety
/// It must be null or point at a living value.
pub(crate) unsafe fn reference<'a, T>(name: &str, pointer: *const T) -> Result<&'a T, Failure> {
    // SAFETY: handed on to the caller.
    unsafe { pointer.as_ref() }.ok_or_else(|| Failure::argument(name, "a handle or struct", "a null pointer"))
}

/// What a pointer points at, to change.
///
/// # Safety
/// It must be null or point at a living value that nobody else uses meanwhile.
pub(crate) unsafe fn reference_mut<'a, T>(name: &str, pointer: *mut T) -> Result<&'a mut T, Failure> {
    // SAFETY: handed on to the caller.
    unsafe { pointer.as_mut() }.ok_or_else(|| Failure::argument(name, "a handle or struct", "a null pointer"))
}

/// Puts a new handle where the caller wants it; a null pointer is left there until then.
///
/// # Safety
/// `to` must be null or writable.
pub(crate) unsafe fn hand_out<T>(
    to: *mut *mut T,
    make: impl FnOnce() -> Result<T, Failure>,
) -> Result<(), Failure> {
    if to.is_null() {
        return Err(Failure::argument("handle", "a place for it", "a null pointer"));
    }
    // SAFETY: handed on to the caller.
    unsafe { to.write(std::ptr::null_mut()) };
    let made = Box::new(make()?);
    // SAFETY: as above.
    unsafe { to.write(Box::into_raw(made)) };
    Ok(())
}

/// Frees a handle; null is none.
///
/// # Safety
/// It must be null or come from [`hand_out`], and be of no more use.
pub(crate) unsafe fn free<T>(handle: *mut T) {
    let drop = || {
        if !handle.is_null() {
            // SAFETY: handed on to the caller.
            drop(unsafe { Box::from_raw(handle) });
        }
        Ok(())
    };
    crate::error::guard(std::ptr::null_mut(), drop);
}
