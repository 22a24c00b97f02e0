//! Matrices of `f32` as kernels see them.
//!
//! Every operand is a matrix `[rows, cols]`: activations are `[channels, time]`, vectors are one row. Rows are
//! contiguous and start [`Shape::pitch`] cells apart. A kernel writes whole vectors, so the cells from `cols` to the
//! pitch hold anything, NaN included: they may be read, but never into a sum.

use crate::simd::MAX_LANES;
use std::fmt;
use std::marker::PhantomData;

/// Rows and columns of a matrix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Shape {
    /// Rows: channels of an activation.
    pub rows: usize,
    /// Columns: positions in time of an activation.
    pub cols: usize,
}

impl Shape {
    /// A shape of `rows` by `cols`.
    pub const fn new(rows: usize, cols: usize) -> Shape {
        Shape { rows, cols }
    }

    /// Cells from one row's start to the next: `cols` rounded up to whole vectors, and to an odd number of cache
    /// lines, so that a column of rows does not fall into one set of the cache.
    pub const fn pitch(self) -> usize {
        let vectors = self.cols.div_ceil(MAX_LANES);
        MAX_LANES * if self.rows > 1 && vectors > 1 { vectors | 1 } else { vectors }
    }

    /// Cells that a buffer of this shape needs: its rows, and one vector that reads may run into.
    pub const fn cells(self) -> usize {
        self.rows * self.pitch() + MAX_LANES
    }

    /// Cells that carry values.
    pub const fn len(self) -> usize {
        self.rows * self.cols
    }

    /// Whether there are no values.
    pub const fn is_empty(self) -> bool {
        self.len() == 0
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{}, {}]", self.rows, self.cols)
    }
}

/// A matrix to read.
#[derive(Clone, Copy)]
pub struct View<'a> {
    data: *const f32,
    shape: Shape,
    life: PhantomData<&'a [f32]>,
}

// SAFETY: a view is a shared borrow of plain floats.
unsafe impl Send for View<'_> {}
// SAFETY: as above.
unsafe impl Sync for View<'_> {}

impl<'a> View<'a> {
    /// The matrix of `shape` in `data`, which must hold at least [`Shape::cells`].
    pub fn new(data: &'a [f32], shape: Shape) -> View<'a> {
        assert!(data.len() >= shape.cells(), "a buffer of {} cells for {shape}", data.len());
        View { data: data.as_ptr(), shape, life: PhantomData }
    }

    /// # Safety
    /// `data` must be readable for [`Shape::cells`] floats during `'a`, and the cells of `shape` not written.
    pub unsafe fn from_raw(data: *const f32, shape: Shape) -> View<'a> {
        View { data, shape, life: PhantomData }
    }

    /// Its shape.
    pub fn shape(&self) -> Shape {
        self.shape
    }

    /// The start of row `r`.
    #[inline(always)]
    pub fn row_ptr(&self, r: usize) -> *const f32 {
        debug_assert!(r < self.shape.rows);
        self.data.wrapping_add(r * self.shape.pitch())
    }

    /// The values of row `r`.
    #[inline(always)]
    pub fn row(&self, r: usize) -> &'a [f32] {
        assert!(r < self.shape.rows);
        // SAFETY: the constructor's caller vouched for the cells of the shape.
        unsafe { std::slice::from_raw_parts(self.row_ptr(r), self.shape.cols) }
    }
}

/// A matrix to write, shared by the tasks of one kernel, which write disjoint cells of it.
#[derive(Clone, Copy)]
pub struct ViewMut<'a> {
    data: *mut f32,
    shape: Shape,
    life: PhantomData<&'a mut [f32]>,
}

// SAFETY: writing takes an unsafe call, whose caller vouches for disjointness.
unsafe impl Send for ViewMut<'_> {}
// SAFETY: as above.
unsafe impl Sync for ViewMut<'_> {}

impl<'a> ViewMut<'a> {
    /// The matrix of `shape` in `data`, which must hold at least [`Shape::cells`].
    pub fn new(data: &'a mut [f32], shape: Shape) -> ViewMut<'a> {
        assert!(data.len() >= shape.cells(), "a buffer of {} cells for {shape}", data.len());
        ViewMut { data: data.as_mut_ptr(), shape, life: PhantomData }
    }

    /// # Safety
    /// `data` must be writable for [`Shape::cells`] floats during `'a`.
    pub unsafe fn from_raw(data: *mut f32, shape: Shape) -> ViewMut<'a> {
        ViewMut { data, shape, life: PhantomData }
    }

    /// Its shape.
    pub fn shape(&self) -> Shape {
        self.shape
    }

    /// The start of row `r`.
    #[inline(always)]
    pub fn row_ptr(&self, r: usize) -> *mut f32 {
        debug_assert!(r < self.shape.rows);
        self.data.wrapping_add(r * self.shape.pitch())
    }

    /// The values of row `r`, to write.
    ///
    /// # Safety
    /// No other borrow of these cells may live, on any thread.
    #[inline(always)]
    #[allow(clippy::mut_from_ref)]
    pub unsafe fn row_mut(&self, r: usize) -> &'a mut [f32] {
        assert!(r < self.shape.rows);
        // SAFETY: the constructor's caller vouched for the cells, this call's caller for the borrow.
        unsafe { std::slice::from_raw_parts_mut(self.row_ptr(r), self.shape.cols) }
    }
}

/// A dense matrix of `f64`, row by row without padding: what the references compute on.
#[derive(Clone, Debug, PartialEq)]
pub struct Matrix {
    /// Rows and columns.
    pub shape: Shape,
    /// The values, row by row.
    pub data: Vec<f64>,
}

impl Matrix {
    /// Zeros.
    pub fn zeros(shape: Shape) -> Matrix {
        Matrix { shape, data: vec![0.0; shape.len()] }
    }

    /// The values of row `r`.
    pub fn row(&self, r: usize) -> &[f64] {
        &self.data[r * self.shape.cols..][..self.shape.cols]
    }

    /// The values of row `r`, to write.
    pub fn row_mut(&mut self, r: usize) -> &mut [f64] {
        &mut self.data[r * self.shape.cols..][..self.shape.cols]
    }
}
