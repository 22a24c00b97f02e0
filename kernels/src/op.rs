//! What an operation is.
//!
//! A [`Contract`] is what plans and tables need of an operation: its name, shapes and cost, without a weight. An [`Op`]
//! is the contract with its weights in f64, and the reference that plain loops compute. [`Op::pack`] turns it into a
//! [`Kernel`] for one instruction set: the weights are rounded to f32 and laid out for its register tile. The operation
//! is no longer needed then. A kernel's work is cut into *tasks* that depend on the shapes alone. Threads are given
//! runs of tasks. Results do not depend on how long the runs are, so any number of threads gives the same bits.

use crate::error::ShapeError;
#[cfg(feature = "gpu")]
use crate::gpu::Shader;
use crate::simd::Level;
use crate::tensor::{BLOCK, Layout, Matrix, Shape, TensorView, TensorViewMut};
use std::ops::Range;

pub use crate::precision::Precision;
pub use crate::time_chunk::{TIME_CHUNK, time_chunk, time_chunks};

/// What a call costs, whoever runs it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cost {
    /// Multiply-adds of the products as the contract writes them (not of activations); a kernel may do fewer.
    pub macs: u64,
    /// Bytes of operands and weights read once, in f32.
    pub read: u64,
    /// Bytes of results, in f32.
    pub written: u64,
}

impl Cost {
    /// The cost of `macs` multiply-adds over `weights` numbers and the given operands, each moved once.
    pub fn new(macs: usize, weights: usize, inputs: &[Shape], outputs: &[Shape]) -> Cost {
        let numbers = |shapes: &[Shape]| shapes.iter().map(|s| s.len()).sum::<usize>();
        Cost {
            macs: macs as u64,
            read: 4 * (weights + numbers(inputs)) as u64,
            written: 4 * numbers(outputs) as u64,
        }
    }
}

/// What an operation takes, gives and costs: all of it that depends on no weight's value.
pub trait Contract: Send + Sync {
    /// Its name: the folder under `ops/`.
    fn name(&self) -> &'static str;

    /// The shapes of its results for these operands, in the contract's order, or which operand does not fit.
    fn outputs(&self, inputs: &[Shape]) -> Result<Vec<Shape>, ShapeError>;

    /// What a call on these operands costs.
    fn cost(&self, inputs: &[Shape]) -> Cost;
}

/// An operation with its weights.
pub trait Op: Send + Sync {
    /// Its contract, which outlives the weights.
    fn contract(&self) -> Box<dyn Contract>;

    /// As the contract says.
    fn name(&self) -> &'static str {
        self.contract().name()
    }

    /// As the contract says.
    fn outputs(&self, inputs: &[Shape]) -> Result<Vec<Shape>, ShapeError> {
        self.contract().outputs(inputs)
    }

    /// As the contract says.
    fn cost(&self, inputs: &[Shape]) -> Cost {
        self.contract().cost(inputs)
    }

    /// Plain loops with f64 sums: the gold standard. `outputs` have the shapes that [`Contract::outputs`] gave.
    fn reference(&self, inputs: &[&Matrix], outputs: &mut [Matrix]);

    /// The kernel for an instruction set. The precision is for the products of pointwise convolutions and of expand layers;
    /// the others, a small part of the work, are in f32.
    fn pack(&self, level: Level, precision: Precision) -> Box<dyn Kernel>;

    /// The kernel for a GPU.
    #[cfg(feature = "gpu")]
    fn shader(&self) -> Box<dyn Shader + '_>;
}

impl Op for Box<dyn Op> {
    fn contract(&self) -> Box<dyn Contract> {
        (**self).contract()
    }

    fn reference(&self, inputs: &[&Matrix], outputs: &mut [Matrix]) {
        (**self).reference(inputs, outputs);
    }

    fn pack(&self, level: Level, precision: Precision) -> Box<dyn Kernel> {
        (**self).pack(level, precision)
    }

    #[cfg(feature = "gpu")]
    fn shader(&self) -> Box<dyn Shader + '_> {
        (**self).shader()
    }
}

/// Some tasks of a kernel, and what they work on.
pub struct Call<'a> {
    /// The operands.
    pub inputs: &'a [TensorView<'a>],
    /// The results.
    pub outputs: &'a [TensorViewMut<'a>],
    /// May hold anything.
    pub scratch: &'a mut [f32],
    /// Which tasks.
    pub tasks: Range<usize>,
    /// What the next node reads ([`Kernel::weights`]): it is prefetched meanwhile, where the kernel leaves memory idle.
    pub prefetch: [&'a [f32]; 2],
}

/// An operation made ready for one instruction set.
pub trait Kernel: Send + Sync {
    /// The weights that a call reads, for the node before it to prefetch.
    fn weights(&self) -> [&[f32]; 2] {
        [&[], &[]]
    }

    /// How many tasks a call on these operands is cut into.
    fn tasks(&self, inputs: &[Shape]) -> usize;

    /// The largest micro-kernel of its matrix product on these operands, by its name in the table of the instruction set; none where
    /// it has no product, or AMX multiplies.
    fn micro_kernel(&self, inputs: &[Shape]) -> Option<&'static str> {
        let _ = inputs;
        None
    }

    /// How operand `index` lies in memory.
    fn input_layout(&self, index: usize) -> Layout {
        let _ = index;
        Layout::Rows
    }

    /// Whether its only operand, in rows, may be [dense](TensorView::dense): read by [`TensorView::row`] alone.
    fn takes_dense(&self) -> bool {
        false
    }

    /// How result `index` lies in memory.
    fn output_layout(&self, index: usize) -> Layout {
        let _ = index;
        Layout::Rows
    }

    /// Cells of scratch that a thread needs to run tasks of such a call.
    fn scratch(&self, inputs: &[Shape]) -> usize;

    /// Runs some tasks; what neighbours share is prepared once. A run of all tasks may do their work in another order;
    /// the bits are the same.
    ///
    /// # Safety
    /// [`Contract::outputs`] must accept the operands' shapes and give the results'. Tensors must be in the kernel's layouts,
    /// dense only where [`Kernel::takes_dense`]. `scratch` must be as long as [`Kernel::scratch`] says. No two threads may run
    /// the same task of a call at once.
    unsafe fn run(&self, call: Call<'_>);
}

/// Fails unless the operand has the shape.
pub(crate) fn expect(
    op: &'static str,
    operand: &'static str,
    found: Option<&Shape>,
    expected: Shape,
) -> Result<(), ShapeError> {
    match found {
        Some(found) if *found == expected => Ok(()),
        _ => Err(mismatch(op, operand, found, expected.to_string())),
    }
}

/// The error of an operand that is absent or of another shape.
pub(crate) fn mismatch(
    op: &'static str,
    operand: &'static str,
    found: Option<&Shape>,
    expected: String,
) -> ShapeError {
    let found = found.map_or_else(|| "nothing".to_owned(), Shape::to_string);
    ShapeError { op, operand, expected, found }
}

/// The first operand, an activation of `channels` rows, at least one, and at least one column.
pub(crate) fn activation(op: &'static str, inputs: &[Shape], channels: usize) -> Result<Shape, ShapeError> {
    match inputs.first() {
        Some(x) if x.rows == channels.max(1) && x.cols > 0 => Ok(*x),
        found => Err(mismatch(op, "x", found, format!("[{}, 1 or more]", channels.max(1)))),
    }
}

/// Rounds weights to the precision that kernels compute in.
pub(crate) fn narrow(values: &[f64]) -> Vec<f32> {
    values.iter().map(|v| *v as f32).collect()
}

/// Rounds up to [`BLOCK`] rows of `depth` weights to that precision, and turns them: `to` gets a row of `pitch` cells for each
/// column, of which it writes as many as there are rows. Whole blocks go a line of the cache at a time.
pub(crate) fn narrow_columns(rows: &[f64], depth: usize, to: &mut [f32], pitch: usize) {
    let columns = to.chunks_mut(pitch.max(1));
    if rows.len() == BLOCK * depth {
        let rows: [&[f64]; BLOCK] = std::array::from_fn(|r| &rows[r * depth..][..depth]);
        for (k, to) in columns.take(depth).enumerate() {
            if let Some(to) = to.first_chunk_mut::<BLOCK>() {
                *to = std::array::from_fn(|r| rows[r][k] as f32);
            }
        }
    } else {
        for (k, to) in columns.take(depth).enumerate() {
            let column = rows.chunks_exact(depth).map(|row| row[k] as f32);
            to.iter_mut().zip(column).for_each(|(to, w)| *to = w);
        }
    }
}

/// The same, behind the cells of `to`: columns of [`BLOCK`] cells, zeros past the last row.
pub(crate) fn narrow_block(rows: &[f64], depth: usize, to: &mut Vec<f32>) {
    if rows.len() == BLOCK * depth {
        let rows: [&[f64]; BLOCK] = std::array::from_fn(|r| &rows[r * depth..][..depth]);
        let column = |k: usize| -> [f32; BLOCK] { std::array::from_fn(|r| rows[r][k] as f32) };
        (0..depth).for_each(|k| to.extend_from_slice(&column(k)));
    } else {
        let start = to.len();
        to.resize(start + BLOCK * depth, 0.0);
        narrow_columns(rows, depth, &mut to[start..], BLOCK);
    }
}
