//! Tensors of `f32` as kernels see them.
//!
//! Every operand has two dimensions, `[rows, cols]`: activations are `[channels, time]`, vectors are one row. It lies
//! in memory in one of two layouts, see [`Layout`].

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

    /// Cells that carry values.
    pub const fn len(self) -> usize {
        self.rows * self.cols
    }

    /// Whether there are no values.
    pub const fn is_empty(self) -> bool {
        self.len() == 0
    }
}

/// Rows of a block of [`Layout::Blocks`].
pub const BLOCK: usize = MAX_LANES;

/// How a matrix lies in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// Rows are contiguous and start [`Shape::pitch`] cells apart. Kernels write whole vectors, so the cells from
    /// the last column to the pitch hold anything, NaN included: they may be read, but never into a sum.
    Rows,
    /// Blocks of [`BLOCK`] rows; in each, column after column, the rows of a column side by side. The layout of
    /// activations. Lanes are channels: a vector is full at any length of the record, a tap of a convolution is an
    /// aligned load at any stride, and sums over time need no sums over lanes. Rows past the last hold zeros.
    Blocks,
}

impl Layout {
    /// Cells that a buffer of this shape needs: in rows, with one vector that reads may run into.
    pub const fn cells(self, shape: Shape) -> usize {
        match self {
            Layout::Rows => shape.rows * shape.pitch() + MAX_LANES,
            Layout::Blocks => shape.rows.next_multiple_of(BLOCK) * shape.cols,
        }
    }

    /// The cell of a row and a column.
    pub const fn at(self, shape: Shape, row: usize, col: usize) -> usize {
        match self {
            Layout::Rows => row * shape.pitch() + col,
            Layout::Blocks => (row / BLOCK * shape.cols + col) * BLOCK + row % BLOCK,
        }
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{}, {}]", self.rows, self.cols)
    }
}

/// A tensor to read.
#[derive(Clone, Copy)]
pub struct TensorView<'a> {
    data: *const f32,
    shape: Shape,
    layout: Layout,
    /// From a row to the next, of rows.
    pitch: usize,
    life: PhantomData<&'a [f32]>,
}

// SAFETY: a view is a shared borrow of plain floats.
unsafe impl Send for TensorView<'_> {}
// SAFETY: as above.
unsafe impl Sync for TensorView<'_> {}

impl<'a> TensorView<'a> {
    /// The matrix of `shape` in `data`, which must hold at least [`Layout::cells`].
    pub fn new(data: &'a [f32], shape: Shape, layout: Layout) -> TensorView<'a> {
        assert!(data.len() >= layout.cells(shape), "a buffer of {} cells for {shape}", data.len());
        TensorView { data: data.as_ptr(), shape, layout, pitch: shape.pitch(), life: PhantomData }
    }

    /// The matrix of `shape` in `data`, row by row without padding: for kernels that [take it](crate::op::Kernel::takes_dense).
    pub fn dense(data: &'a [f32], shape: Shape) -> TensorView<'a> {
        assert!(data.len() == shape.len(), "a buffer of {} cells for {shape}", data.len());
        TensorView { data: data.as_ptr(), shape, layout: Layout::Rows, pitch: shape.cols, life: PhantomData }
    }

    /// # Safety
    /// `data` must be readable for [`Layout::cells`] floats during `'a`, and the cells of `shape` not written.
    pub unsafe fn from_raw(data: *const f32, shape: Shape, layout: Layout) -> TensorView<'a> {
        TensorView { data, shape, layout, pitch: shape.pitch(), life: PhantomData }
    }

    /// Its shape.
    pub fn shape(&self) -> Shape {
        self.shape
    }

    /// Its layout.
    pub fn layout(&self) -> Layout {
        self.layout
    }

    /// The start of block `b`.
    #[inline(always)]
    pub fn block_ptr(&self, b: usize) -> *const f32 {
        debug_assert!(self.layout == Layout::Blocks && b * BLOCK < self.shape.rows);
        self.data.wrapping_add(b * self.shape.cols * BLOCK)
    }

    /// The start of row `r`.
    #[inline(always)]
    pub fn row_ptr(&self, r: usize) -> *const f32 {
        debug_assert!(self.layout == Layout::Rows && r < self.shape.rows);
        self.data.wrapping_add(r * self.pitch)
    }

    /// The values of row `r`.
    #[inline(always)]
    pub fn row(&self, r: usize) -> &'a [f32] {
        assert!(self.layout == Layout::Rows && r < self.shape.rows);
        // SAFETY: the constructor's caller vouched for the cells of the shape.
        unsafe { std::slice::from_raw_parts(self.row_ptr(r), self.shape.cols) }
    }
}

impl TensorView<'_> {
    /// Writes the values row by row, without padding, to `out`.
    pub fn unpack(&self, out: &mut [f32]) {
        let Shape { rows, cols } = self.shape;
        assert!(out.len() == rows * cols);
        match self.layout {
            Layout::Rows => {
                for (r, out) in out.chunks_exact_mut(cols.max(1)).enumerate() {
                    out.copy_from_slice(self.row(r));
                }
            }
            Layout::Blocks => {
                for (r, out) in out.chunks_exact_mut(cols.max(1)).enumerate() {
                    for (c, out) in out.iter_mut().enumerate() {
                        // SAFETY: a cell of the shape, which the constructor's caller vouched for.
                        *out = unsafe { *self.data.add(self.layout.at(self.shape, r, c)) };
                    }
                }
            }
        }
    }
}

/// A tensor to write, shared by the tasks of one kernel, which write disjoint cells of it.
#[derive(Clone, Copy)]
pub struct TensorViewMut<'a> {
    data: *mut f32,
    shape: Shape,
    layout: Layout,
    life: PhantomData<&'a mut [f32]>,
}

// SAFETY: writing takes an unsafe call, whose caller vouches for disjointness.
unsafe impl Send for TensorViewMut<'_> {}
// SAFETY: as above.
unsafe impl Sync for TensorViewMut<'_> {}

impl<'a> TensorViewMut<'a> {
    /// The matrix of `shape` in `data`, which must hold at least [`Layout::cells`].
    pub fn new(data: &'a mut [f32], shape: Shape, layout: Layout) -> TensorViewMut<'a> {
        assert!(data.len() >= layout.cells(shape), "a buffer of {} cells for {shape}", data.len());
        TensorViewMut { data: data.as_mut_ptr(), shape, layout, life: PhantomData }
    }

    /// # Safety
    /// `data` must be writable for [`Layout::cells`] floats during `'a`.
    pub unsafe fn from_raw(data: *mut f32, shape: Shape, layout: Layout) -> TensorViewMut<'a> {
        TensorViewMut { data, shape, layout, life: PhantomData }
    }

    /// Its shape.
    pub fn shape(&self) -> Shape {
        self.shape
    }

    /// Its layout.
    pub fn layout(&self) -> Layout {
        self.layout
    }

    /// The start of block `b`.
    #[inline(always)]
    pub fn block_ptr(&self, b: usize) -> *mut f32 {
        debug_assert!(self.layout == Layout::Blocks && b * BLOCK < self.shape.rows);
        self.data.wrapping_add(b * self.shape.cols * BLOCK)
    }

    /// The start of row `r`.
    #[inline(always)]
    pub fn row_ptr(&self, r: usize) -> *mut f32 {
        debug_assert!(self.layout == Layout::Rows && r < self.shape.rows);
        self.data.wrapping_add(r * self.shape.pitch())
    }

    /// The same matrix, to read.
    ///
    /// # Safety
    /// Nobody may write it while the view lives.
    pub unsafe fn as_view(&self) -> TensorView<'a> {
        // SAFETY: handed on to the caller; what can be written can be read.
        unsafe { TensorView::from_raw(self.data, self.shape, self.layout) }
    }

    /// The values of row `r`, to write.
    ///
    /// # Safety
    /// No other borrow of these cells may live, on any thread.
    #[inline(always)]
    #[allow(clippy::mut_from_ref)]
    pub unsafe fn row_mut(&self, r: usize) -> &'a mut [f32] {
        assert!(self.layout == Layout::Rows && r < self.shape.rows);
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
