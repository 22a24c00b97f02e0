//! NumPy's arrays as slices, and vectors as arrays. What has the right type and lies row by row is read where it is; all else is
//! converted by NumPy first.

use crate::errors::wrong;
use numpy::{Element, PyArray1, PyArrayDyn, PyArrayMethods, PyReadonlyArrayDyn, PyUntypedArrayMethods};
use pyo3::prelude::*;

/// A type that arrays are taken in, with NumPy's name for it.
pub(crate) trait Number: Element + Copy {
    /// As in `numpy.dtype(NAME)`.
    const NAME: &'static str;
}

impl Number for f32 {
    const NAME: &'static str = "float32";
}

impl Number for f64 {
    const NAME: &'static str = "float64";
}

impl Number for i64 {
    const NAME: &'static str = "int64";
}

/// Numbers that Python owns, row by row.
pub(crate) struct Numbers<'py, T: Number> {
    array: PyReadonlyArrayDyn<'py, T>,
    item: &'static str,
}

impl<'py, T: Number> Numbers<'py, T> {
    /// Takes what Python gives for `item`.
    pub(crate) fn of(given: &Bound<'py, PyAny>, item: &'static str) -> PyResult<Numbers<'py, T>> {
        if let Ok(array) = given.cast::<PyArrayDyn<T>>()
            && array.is_c_contiguous()
            && (array.data() as usize).is_multiple_of(align_of::<T>())
        {
            return Numbers::borrowed(array, item);
        }
        let converted = given
            .py()
            .import("numpy")?
            .call_method1("require", (given, T::NAME, ("C", "ALIGNED")))
            .ok()
            .and_then(|array| array.cast_into::<PyArrayDyn<T>>().ok());
        match converted {
            Some(array) => Numbers::borrowed(&array, item),
            None => {
                let found = given.get_type().name()?.to_string();
                Err(wrong(item, "an array of numbers", &found, "give a NumPy array, or what becomes one"))
            }
        }
    }

    fn borrowed(array: &Bound<'py, PyArrayDyn<T>>, item: &'static str) -> PyResult<Numbers<'py, T>> {
        let array = array.try_readonly().map_err(|_| {
            wrong(
                item,
                "an array that nobody writes to",
                "one that is being written",
                "wait for the other use",
            )
        })?;
        Ok(Numbers { array, item })
    }

    /// The shape.
    pub(crate) fn shape(&self) -> &[usize] {
        self.array.shape()
    }

    /// All numbers, where they lie.
    pub(crate) fn slice(&self) -> PyResult<&[T]> {
        self.array.as_slice().map_err(|_| {
            wrong(self.item, "numbers that lie row by row and aligned", "others", "give a copy of the array")
        })
    }

    /// All numbers of a row; an error of more dimensions than one.
    pub(crate) fn row(&self) -> PyResult<&[T]> {
        if self.shape().len() != 1 {
            let found = format!("shape {:?}", self.shape());
            return Err(wrong(self.item, "one dimension", &found, "give one lead, or one list"));
        }
        self.slice()
    }

    /// The rows of an array of two dimensions, or of one, which is one row.
    pub(crate) fn rows(&self) -> PyResult<Vec<&[T]>> {
        let width = match *self.shape() {
            [width] => width,
            [_, width] => width,
            _ => {
                let found = format!("shape {:?}", self.shape());
                return Err(wrong(self.item, "shape [leads, samples]", &found, "give a row for each lead"));
            }
        };
        let count = if self.shape().len() == 1 { 1 } else { self.shape()[0] };
        let all = self.slice()?;
        Ok((0..count).map(|row| &all[row * width..(row + 1) * width]).collect())
    }
}

/// Whole numbers that Python gives in any form.
pub(crate) fn whole(given: &Bound<'_, PyAny>, item: &'static str) -> PyResult<Vec<i64>> {
    // Seconds given for samples would all become the first few samples.
    let numbers = Numbers::<f64>::of(given, item)?;
    if let Some(x) = numbers.row()?.iter().find(|x| x.fract() != 0.0) {
        return Err(wrong(
            item,
            "whole numbers",
            &x.to_string(),
            "give positions in samples, not in seconds",
        ));
    }
    Ok(Numbers::<i64>::of(given, item)?.row()?.to_vec())
}

/// A rate of samples, within what recorders have: buffers grow with it.
pub(crate) fn rate(fs: f64) -> PyResult<f64> {
    if fs > 0.0 && fs <= 100_000.0 {
        return Ok(fs);
    }
    Err(wrong("fs", "samples a second, above 0 to 100000", &fs.to_string(), "correct it"))
}

/// A vector as an array of this shape, without a copy.
pub(crate) fn array<'py, T: Element>(
    py: Python<'py>,
    values: Vec<T>,
    shape: &[usize],
) -> PyResult<Bound<'py, PyArrayDyn<T>>> {
    PyArray1::from_vec(py, values).reshape(shape.to_vec())
}
