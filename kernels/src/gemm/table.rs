//! The table of micro-kernels: what dispatch, tests and reports all read.
//!
//! A name says type, operation, rows × columns and instruction set, as in XNNPACK: `f32_gemm_48x8__avx512_zen`. A number of
//! rows that is no multiple of [`BLOCK`] ends in half a block.

use super::micro_kernel::RegisterTiles;
use crate::tensor::BLOCK;

/// The most columns of a micro-kernel.
pub(crate) const MAX_COLUMNS: usize = 12;

/// Columns whose split into register tiles is in the table: divisions take as long as some steps of a product do.
const FEW: usize = 128;

/// A leaf function compiled for one instruction set, one shape and one type.
pub(crate) struct MicroKernel {
    /// `f32_gemm_48x8__avx512_zen`.
    pub(crate) name: &'static str,
    /// Columns of time.
    pub(crate) columns: usize,
    /// The function. It may run only where the processor has the instruction set, on a register tile as
    /// [`super::micro_kernel::run`] asks for.
    pub(crate) run: unsafe fn(&RegisterTiles),
}

/// The micro-kernels for one number of rows.
pub(crate) struct MicroKernels {
    /// Rows: blocks of [`BLOCK`], the last one half where it is no multiple.
    pub(crate) rows: usize,
    /// Lanes of their vectors.
    pub(crate) lanes: usize,
    /// By columns: for `n` columns, that at `n - 1` takes as many of them as any does.
    pub(crate) plain: [&'static MicroKernel; MAX_COLUMNS],
    /// What [`MicroKernels::first_of`] gives for few columns: those of a register tile, and how many there are.
    pub(crate) split: [(u8, u8); FEW],
    /// For the most columns: puts a gate into the weights.
    pub(crate) gated: Option<&'static MicroKernel>,
    /// For the most columns: activations come from no near cache.
    pub(crate) cold: Option<&'static MicroKernel>,
    /// For the most columns, and for one fewer: nothing to prefetch.
    pub(crate) quiet: &'static [MicroKernel],
}

impl MicroKernels {
    /// That of the most columns.
    pub(crate) fn largest(&self) -> &'static MicroKernel {
        self.plain[MAX_COLUMNS - 1]
    }

    /// The most columns of one.
    pub(crate) fn most(&self) -> usize {
        self.largest().columns
    }

    /// Blocks of rows.
    pub(crate) fn blocks(&self) -> usize {
        self.rows.div_ceil(BLOCK)
    }

    /// Vectors of rows.
    #[inline]
    pub(crate) fn vectors(&self) -> usize {
        match self.lanes {
            BLOCK => self.blocks(),
            lanes => self.blocks() * (BLOCK / lanes),
        }
    }

    /// Whether the last block is half.
    pub(crate) fn half(&self) -> bool {
        !self.rows.is_multiple_of(BLOCK)
    }

    /// The one for the first register tiles of `columns`, and how many it is for. Columns are split evenly, so that
    /// none is much smaller than another; where there is no micro-kernel of such a size, the largest comes first.
    #[inline]
    pub(crate) fn first_of(&self, columns: usize) -> (&'static MicroKernel, usize) {
        let (tile, count) = match self.split.get(columns) {
            Some(&(tile, count)) => (tile as usize, count as usize),
            None => split(&self.plain, !self.rows.is_multiple_of(BLOCK), columns),
        };
        (self.plain[tile - 1], count)
    }
}

/// See [`MicroKernels::first_of`]: the columns of the first register tiles, and how many have as many.
const fn split(plain: &[&'static MicroKernel; MAX_COLUMNS], half: bool, columns: usize) -> (usize, usize) {
    let most = plain[MAX_COLUMNS - 1].columns;
    let tiles = columns.div_ceil(most);
    let even = columns.div_ceil(tiles);
    // Of a half block, two columns share a vector.
    let wanted = if half && even < columns { even.next_multiple_of(2) } else { even };
    let tile = plain[wanted - 1].columns;
    if tile < even && columns >= most {
        return (most, columns / most);
    }
    // The others have a column less.
    (tile, if tile == even { tiles - (tiles * even - columns) } else { 1 })
}

/// [`split`] of every few columns.
pub(super) const fn splits(plain: &[&'static MicroKernel; MAX_COLUMNS], rows: usize) -> [(u8, u8); FEW] {
    let mut all = [(0, 0); FEW];
    let mut columns = 1;
    while columns < FEW {
        let (tile, count) = split(plain, !rows.is_multiple_of(BLOCK), columns);
        all[columns] = (tile as u8, count as u8);
        columns += 1;
    }
    all
}

/// The micro-kernels of an instruction set.
pub(crate) struct Table {
    /// Products in f32.
    pub(crate) f32: &'static [MicroKernels],
    /// Products in bf16, sums in f32.
    pub(crate) bf16: &'static [MicroKernels],
    /// Convolutions over rows in f32, by stride: 1, 2, any.
    pub(crate) conv: [&'static [MicroKernels]; 3],
}

impl Table {
    /// The most blocks of rows of a micro-kernel.
    pub(crate) fn blocks(&self) -> usize {
        self.f32.iter().map(MicroKernels::blocks).max().unwrap_or(1)
    }

    /// Whether there are micro-kernels whose last block is half.
    pub(crate) fn halves(&self) -> bool {
        self.f32.iter().any(MicroKernels::half)
    }
}

/// For each number of columns the largest of some micro-kernels, in rising order, that takes no more.
pub(super) const fn by_columns(kernels: &'static [MicroKernel]) -> [&'static MicroKernel; MAX_COLUMNS] {
    let mut all = [&kernels[0]; MAX_COLUMNS];
    let mut columns = 1;
    while columns <= MAX_COLUMNS {
        let mut i = 0;
        while i < kernels.len() {
            if kernels[i].columns <= columns {
                all[columns - 1] = &kernels[i];
            }
            i += 1;
        }
        columns += 1;
    }
    all
}

/// Micro-kernels of a type and a variant, `rows x [columns ...]`, by the `leaf` functions of an instruction set.
macro_rules! kernels {
    ($name:literal, $isa:literal, $operand:ty, $variant:ty, $rows:literal x $([$($columns:literal)*])?) => {
        &[$($(MicroKernel {
            name: concat!($name, "_", $rows, "x", $columns, "__", $isa),
            columns: $columns,
            run: leaf::<$operand, $variant, { usize::div_ceil($rows, LANES) }, $columns, { $rows % BLOCK != 0 }>,
        }),*)?]
    };
}
pub(super) use kernels;

/// The [`MicroKernels`] of a type: for each number of rows its columns, and those that have a micro-kernel of each
/// variant.
macro_rules! micro_kernels {
    ($type:literal, $isa:literal, $operand:ty: $($rows:literal x $plain:tt
        $(gated $gated:tt)? $(cold $cold:tt)? $(quiet $quiet:tt)?;)+) => {
        &[$({
            const PLAIN: &[&MicroKernel; MAX_COLUMNS] =
                &by_columns(kernels!($type, $isa, $operand, Plain, $rows x $plain));
            const GATED: &[MicroKernel] =
                kernels!("f32_gemm_gated", $isa, $operand, Gated, $rows x $($gated)?);
            const COLD: &[MicroKernel] = kernels!("f32_gemm_cold", $isa, $operand, Cold, $rows x $($cold)?);
            MicroKernels {
                rows: $rows,
                lanes: LANES,
                plain: *PLAIN,
                split: splits(PLAIN, $rows),
                gated: GATED.first(),
                cold: COLD.first(),
                quiet: kernels!("f32_gemm_quiet", $isa, $operand, Quiet, $rows x $($quiet)?),
            }
        }),+]
    };
}
pub(super) use micro_kernels;
