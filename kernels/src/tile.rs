//! The matrix product that nine tenths of the network's work goes through.
//!
//! `y[r, t] = bias[r] + sum over k of w[r, k] * x_k[t]`: the rows of `w` are output channels, `t` is time along the
//! lanes, and `x_k` is a row of activations or, for a convolution, a row shifted by a tap. A *block* of up to
//! [`Isa::ROWS`] rows by [`Isa::COLUMNS`] vectors of columns stays in registers over the whole sum (Goto and van de Geijn,
//! *Anatomy of High-Performance Matrix Multiplication*, 2008): each step loads those vectors and as many weights as
//! rows, and does their product in multiply-adds. [`Packed`] lays the weights of a block out in the order in which
//! they are used. Rows that do not fill a block go to blocks of 4, 2 and 1, so that no channel count wastes a lane.
//! What becomes of a finished tile is the [`Sink`]'s affair; what a row of `x` is, the [`Source`]'s.

use crate::math;
use crate::simd::{Isa, Level, MAX_ROWS};
use crate::view::{View, ViewMut};

/// A `[rows, depth]` matrix in blocks of rows: block after block, in each `depth` columns of the block's rows.
pub(crate) struct Packed {
    depth: usize,
    blocks: Vec<Block>,
    weight: Vec<f32>,
    bias: Vec<f32>,
}

/// Some rows of a [`Packed`] matrix.
#[derive(Clone, Copy)]
pub(crate) struct Block {
    /// The first row.
    pub(crate) row: usize,
    /// How many: a power of two, at most the level's register tile.
    pub(crate) rows: usize,
}

impl Packed {
    /// Packs `weight` (`[rows, depth]`, row-major) and `bias` (`[rows]`) for a level.
    pub(crate) fn new(weight: &[f64], bias: &[f64], level: Level) -> Packed {
        let rows = bias.len();
        let depth = weight.len() / rows.max(1);
        let mut blocks = Vec::new();
        let mut size = level.rows();
        let mut row = 0;
        while row < rows {
            while size > rows - row {
                size /= 2;
            }
            blocks.push(Block { row, rows: size });
            row += size;
        }
        let mut packed = Vec::with_capacity(weight.len());
        for b in &blocks {
            for k in 0..depth {
                packed.extend((b.row..b.row + b.rows).map(|r| weight[r * depth + k] as f32));
            }
        }
        Packed { depth, blocks, weight: packed, bias: bias.iter().map(|b| *b as f32).collect() }
    }

    /// Terms of each sum.
    pub(crate) fn depth(&self) -> usize {
        self.depth
    }

    /// The blocks, in order of rows.
    pub(crate) fn blocks(&self) -> &[Block] {
        &self.blocks
    }

    /// The weights of a block, `[depth, block.rows]`.
    pub(crate) fn weight(&self, b: Block) -> &[f32] {
        &self.weight[b.row * self.depth..][..b.rows * self.depth]
    }

    /// What to ask for while a block is computed: the weights of the next.
    pub(crate) fn ahead(&self, b: Block) -> *const f32 {
        self.weight.as_ptr().wrapping_add((b.row + b.rows) * self.depth)
    }

    /// The biases of a block.
    pub(crate) fn bias(&self, b: Block) -> &[f32] {
        &self.bias[b.row..][..b.rows]
    }
}

/// Where the rows of `x` lie.
pub(crate) trait Source: Copy {
    /// The first column of row `k`.
    fn row(&self, k: usize) -> *const f32;
}

/// Rows at a constant distance.
#[derive(Clone, Copy)]
pub(crate) struct Rows {
    pub(crate) data: *const f32,
    pub(crate) pitch: usize,
}

impl Source for Rows {
    #[inline(always)]
    fn row(&self, k: usize) -> *const f32 {
        self.data.wrapping_add(k * self.pitch)
    }
}

/// Rows at listed offsets.
#[derive(Clone, Copy)]
pub(crate) struct Offsets<'a> {
    pub(crate) data: *const f32,
    pub(crate) offsets: &'a [usize],
}

impl Source for Offsets<'_> {
    #[inline(always)]
    fn row(&self, k: usize) -> *const f32 {
        self.data.wrapping_add(self.offsets[k])
    }
}

/// What takes the finished tiles.
pub(crate) trait Sink<I: Isa> {
    /// Takes `v` vectors of row `row` of the block, from column `col` on.
    ///
    /// # Safety
    /// The sink must have room for the columns that the call of [`block`] covers, rounded up to whole vectors.
    unsafe fn put<const V: usize>(&mut self, row: usize, col: usize, v: [I::F32; V]);
}

/// Computes a block of `R` rows over `cols` columns, rounded up to whole vectors.
///
/// # Safety
/// `weight` and `bias` must be a block of `rows` rows and `depth` columns, every row of `x` readable and the sink
/// writable for the columns rounded up to whole vectors.
#[inline(always)]
#[allow(clippy::too_many_arguments)]
pub(crate) unsafe fn block<I: Isa, S: Source, K: Sink<I>>(
    s: I,
    rows: usize,
    depth: usize,
    weight: *const f32,
    bias: *const f32,
    ahead: *const f32,
    x: S,
    cols: usize,
    sink: &mut K,
) {
    // SAFETY: handed on to the caller.
    unsafe {
        match rows {
            8 if I::ROWS >= 8 => block_of::<I, S, K, 8>(s, depth, weight, bias, ahead, x, cols, sink),
            4 => block_of::<I, S, K, 4>(s, depth, weight, bias, ahead, x, cols, sink),
            2 => block_of::<I, S, K, 2>(s, depth, weight, bias, ahead, x, cols, sink),
            1 => block_of::<I, S, K, 1>(s, depth, weight, bias, ahead, x, cols, sink),
            _ => unreachable!("blocks are powers of two up to {MAX_ROWS} rows"),
        }
    }
}

#[inline(always)]
unsafe fn block_of<I: Isa, S: Source, K: Sink<I>, const R: usize>(
    s: I,
    depth: usize,
    weight: *const f32,
    bias: *const f32,
    ahead: *const f32,
    x: S,
    cols: usize,
    sink: &mut K,
) {
    let vectors = cols.div_ceil(I::LANES);
    let mut v = 0;
    while v < vectors {
        let col = v * I::LANES;
        // SAFETY: handed on to the caller; the tiles cover `vectors` vectors of columns.
        unsafe {
            match (vectors - v).min(I::COLUMNS) {
                1 => {
                    tile::<I, S, K, R, 1>(s, depth, weight, bias, ahead, x, col, sink);
                    v += 1;
                }
                // Four are better halved: a single vector leaves the multiply-add units waiting.
                3 if vectors - v != 4 => {
                    tile::<I, S, K, R, 3>(s, depth, weight, bias, ahead, x, col, sink);
                    v += 3;
                }
                _ => {
                    tile::<I, S, K, R, 2>(s, depth, weight, bias, ahead, x, col, sink);
                    v += 2;
                }
            }
        }
    }
}

#[inline(always)]
unsafe fn tile<I: Isa, S: Source, K: Sink<I>, const R: usize, const V: usize>(
    s: I,
    depth: usize,
    weight: *const f32,
    bias: *const f32,
    ahead: *const f32,
    x: S,
    col: usize,
    sink: &mut K,
) {
    // SAFETY: handed on to the caller.
    unsafe {
        let mut acc = [[s.splat(0.0); V]; R];
        let mut w = weight;
        for k in 0..depth {
            let row = x.row(k).wrapping_add(col);
            let mut xs = [s.splat(0.0); V];
            for (v, x) in xs.iter_mut().enumerate() {
                *x = s.load(row.add(v * I::LANES));
            }
            for (r, acc) in acc.iter_mut().enumerate() {
                let w = s.splat(*w.add(r));
                for (acc, x) in acc.iter_mut().zip(xs) {
                    *acc = s.mul_add(w, x, *acc);
                }
            }
            s.prefetch(ahead.wrapping_add(k * R));
            w = w.add(R);
        }
        for (r, row) in acc.into_iter().enumerate() {
            // Last, so that a large bias is rounded with once and not at every step of the sum.
            let bias = s.splat(*bias.add(r));
            let row = row.map(|acc| s.add(acc, bias));
            sink.put(r, col, row);
        }
    }
}

/// Stores a block into a matrix: SiLU, residual and partial sums on the way.
pub(crate) struct Store<I: Isa> {
    s: I,
    silu: bool,
    /// Where the block's first row and column go, and the distance of rows.
    y: *mut f32,
    pitch: usize,
    /// The same place in the matrix to add, or null.
    residual: *const f32,
    /// Columns that count towards the sums.
    cols: usize,
    sums: [I::F32; MAX_ROWS],
}

impl<I: Isa> Store<I> {
    /// A sink for the block whose first row is `row`, for `cols` columns from `col` on.
    #[inline(always)]
    pub(crate) fn new(
        s: I,
        silu: bool,
        y: &ViewMut<'_>,
        residual: Option<&View<'_>>,
        row: usize,
        col: usize,
        cols: usize,
    ) -> Store<I> {
        Store {
            s,
            silu,
            y: y.row_ptr(row).wrapping_add(col),
            pitch: y.shape().pitch(),
            residual: residual.map_or(std::ptr::null(), |r| r.row_ptr(row).wrapping_add(col)),
            cols,
            sums: [s.splat(0.0); MAX_ROWS],
        }
    }

    /// The sum of each of the block's rows over its columns.
    #[inline(always)]
    pub(crate) fn sums(&self) -> [f32; MAX_ROWS] {
        let mut out = [0.0; MAX_ROWS];
        for (out, sum) in out.iter_mut().zip(self.sums) {
            *out = self.s.reduce_add(sum);
        }
        out
    }
}

impl<I: Isa> Sink<I> for Store<I> {
    #[inline(always)]
    unsafe fn put<const V: usize>(&mut self, row: usize, col: usize, mut v: [I::F32; V]) {
        let s = self.s;
        let at = row * self.pitch + col;
        for (i, y) in v.iter_mut().enumerate() {
            let at = at + i * I::LANES;
            if self.silu {
                *y = math::silu(s, *y);
            }
            // SAFETY: the caller of `block` gave room for whole vectors in `y`; the residual has the same shape.
            unsafe {
                if !self.residual.is_null() {
                    *y = s.add(*y, s.load(self.residual.add(at)));
                }
                s.store(self.y.add(at), *y);
            }
            let left = self.cols.saturating_sub(col + i * I::LANES);
            let counted = if left < I::LANES { s.keep_first(*y, left) } else { *y };
            self.sums[row] = s.add(self.sums[row], counted);
        }
    }
}
