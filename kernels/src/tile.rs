//! The matrix product that nine tenths of the network's work goes through.
//!
//! `y[r, t] = bias[r] + sum over k of w[r, k] * x[k, t]`: the rows of `w` are output channels and lie along the lanes,
//! columns are time. A *tile* of one to three vectors of rows by some columns stays in registers over the whole sum (Goto
//! and van de Geijn, *Anatomy of High-Performance Matrix Multiplication*, 2008): each step loads the vectors of weights,
//! and multiplies them with as many broadcast values of `x` as there are columns. Columns are dealt to tiles evenly, so
//! that no record's length wastes a lane and no tile is much smaller than another. Weights lie in blocks of
//! [`BLOCK`] rows, step after step; a tile takes neighbouring blocks side by side.

use crate::math;
use crate::simd::{Isa, Level};
use crate::view::{BLOCK, View};

/// The most blocks of rows of a tile at any level.
pub(crate) const MAX_BLOCKS: usize = 3;

/// Columns that are taken through all that a kernel does to them before the next: what they take stays in the
/// first-level cache. A multiple of the columns of every tile.
pub(crate) const CHUNK: usize = 96;

/// A `[rows, depth]` matrix in blocks of rows, `[rows / BLOCK, depth, BLOCK]`, the last one filled with zeros.
pub(crate) struct Packed {
    depth: usize,
    weight: Vec<f32>,
    bias: Vec<f32>,
}

impl Packed {
    /// Packs `weight` (`[rows, depth]`, row-major) and `bias` (`[rows]`).
    pub(crate) fn new(weight: &[f64], bias: &[f64]) -> Packed {
        let rows = bias.len();
        let depth = weight.len() / rows.max(1);
        let mut packed = vec![0.0; rows.next_multiple_of(BLOCK) * depth];
        for (r, row) in weight.chunks_exact(depth.max(1)).enumerate() {
            let block = &mut packed[r / BLOCK * BLOCK * depth..];
            for (to, w) in block[r % BLOCK..].iter_mut().step_by(BLOCK).zip(row) {
                *to = *w as f32;
            }
        }
        let mut bias: Vec<f32> = bias.iter().map(|b| *b as f32).collect();
        bias.resize(rows.next_multiple_of(BLOCK), 0.0);
        Packed { depth, weight: packed, bias }
    }

    /// Terms of each sum.
    pub(crate) fn depth(&self) -> usize {
        self.depth
    }

    /// How many blocks there are.
    pub(crate) fn blocks(&self) -> usize {
        self.bias.len() / BLOCK
    }

    /// The weights of `blocks` blocks from `first` on.
    pub(crate) fn weight(&self, first: usize, blocks: usize) -> &[f32] {
        &self.weight[first * BLOCK * self.depth..][..blocks * BLOCK * self.depth]
    }

    /// Those blocks as an operand of [`product`].
    pub(crate) fn operand(&self, first: usize, blocks: usize) -> Weights {
        let weight = self.weight(first, blocks);
        Weights {
            weight: weight.as_ptr(),
            bias: self.bias[first * BLOCK..][..blocks * BLOCK].as_ptr(),
            ahead: weight.as_ptr().wrapping_add(weight.len()),
            depth: self.depth,
            blocks,
        }
    }
}

/// How many blocks a tile takes side by side, so that `tasks` (a function of it) are enough for some threads.
pub(crate) fn blocks_of_tile(level: Level, tasks: impl Fn(usize) -> usize) -> usize {
    /// Tasks that keep some threads evenly busy.
    const ENOUGH: usize = 8;
    (1..=level.blocks()).rev().find(|blocks| tasks(*blocks) >= ENOUGH).unwrap_or(1)
}

/// The first of `total` things that part `part` of `parts` has when they are dealt evenly.
pub(crate) fn dealt(total: usize, parts: usize, part: usize) -> usize {
    total * part / parts
}

/// Blocks of weights, `[blocks, depth, BLOCK]`.
#[derive(Clone, Copy)]
pub(crate) struct Weights {
    pub(crate) weight: *const f32,
    /// `[blocks, BLOCK]`.
    pub(crate) bias: *const f32,
    /// What to ask memory for meanwhile, as many cells as `weight`: the next weights. It need not be readable.
    pub(crate) ahead: *const f32,
    pub(crate) depth: usize,
    /// At most what [`Level::blocks`] says.
    pub(crate) blocks: usize,
}

/// Where the values of `x` lie.
pub(crate) trait Source: Copy {
    /// Column 0 of row `k`.
    fn row(self, k: usize) -> *const f32;
    /// Cells from a column to the next.
    fn step(self) -> usize;
}

/// A matrix in blocks.
#[derive(Clone, Copy)]
pub(crate) struct Blocks {
    pub(crate) data: *const f32,
    /// Cells from block to block.
    pub(crate) pitch: usize,
}

impl Blocks {
    /// An activation from column `col` on.
    pub(crate) fn of(x: &View<'_>, col: usize) -> Blocks {
        Blocks { data: x.block_ptr(0).wrapping_add(col * BLOCK), pitch: x.shape().cols * BLOCK }
    }
}

impl Source for Blocks {
    #[inline(always)]
    fn row(self, k: usize) -> *const f32 {
        self.data.wrapping_add(k / BLOCK * self.pitch + k % BLOCK)
    }
    #[inline(always)]
    fn step(self) -> usize {
        BLOCK
    }
}

/// Rows at listed offsets, columns `STEP` cells apart, or `step` where `STEP` is 0.
#[derive(Clone, Copy)]
pub(crate) struct Offsets<'a, const STEP: usize> {
    pub(crate) data: *const f32,
    pub(crate) offsets: &'a [usize],
    pub(crate) step: usize,
}

impl<const STEP: usize> Source for Offsets<'_, STEP> {
    #[inline(always)]
    fn row(self, k: usize) -> *const f32 {
        self.data.wrapping_add(self.offsets[k])
    }
    #[inline(always)]
    fn step(self) -> usize {
        if STEP > 0 { STEP } else { self.step }
    }
}

/// Computes blocks of rows over `cols` columns, to `to`, blocks `pitch` cells apart.
///
/// # Safety
/// Weights, biases and the values of `x` must be readable, `to` writable for the columns of each block, and the blocks
/// no more than the level's.
#[inline(always)]
pub(crate) unsafe fn product<I: Isa, S: Source>(
    s: I,
    w: Weights,
    x: S,
    cols: usize,
    to: *mut f32,
    pitch: usize,
) {
    // SAFETY: handed on to the caller.
    unsafe {
        match w.blocks * (BLOCK / I::LANES) {
            1 if I::LANES == BLOCK => columns::<I, S, 1>(s, w, x, cols, to, pitch),
            2 if I::LANES >= BLOCK / 2 => columns::<I, S, 2>(s, w, x, cols, to, pitch),
            3 if I::LANES == BLOCK => columns::<I, S, 3>(s, w, x, cols, to, pitch),
            4 if I::LANES == BLOCK / 4 => columns::<I, S, 4>(s, w, x, cols, to, pitch),
            _ => unreachable!("{} blocks of vectors of {} lanes", w.blocks, I::LANES),
        }
    }
}

/// Deals columns to tiles of `V` vectors of rows.
#[inline(always)]
unsafe fn columns<I: Isa, S: Source, const V: usize>(
    s: I,
    w: Weights,
    x: S,
    cols: usize,
    to: *mut f32,
    pitch: usize,
) {
    let most = (I::ACCUMULATORS / V).min(12);
    let tiles = cols.div_ceil(most);
    let mut col = 0;
    for i in 0..tiles {
        let n = (cols - col).div_ceil(tiles - i);
        // Each of the first tiles asks for a vector of every step of the next weights; later ones have nothing to ask.
        let ahead = if i < V { w.ahead.wrapping_add(i * w.depth * I::LANES) } else { w.weight };
        macro_rules! tile {
            ($($n:literal)*) => {
                match n {
                    // SAFETY: handed on to the caller; the tiles cover the columns.
                    $($n if $n <= most => unsafe { tile::<I, S, V, $n>(s, w, ahead, x, col, to, pitch) },)*
                    _ => unreachable!("a tile of {n} columns"),
                }
            };
        }
        tile!(1 2 3 4 5 6 7 8 9 10 11 12);
        col += n;
    }
}

#[inline(always)]
unsafe fn tile<I: Isa, S: Source, const V: usize, const N: usize>(
    s: I,
    w: Weights,
    ahead: *const f32,
    x: S,
    col: usize,
    to: *mut f32,
    pitch: usize,
) {
    // Where vector `v` of a step, a bias or a column is: in block `v / parts`, its part `v % parts`.
    let parts = BLOCK / I::LANES;
    let step = x.step();
    // SAFETY: handed on to the caller.
    unsafe {
        let mut acc = [[s.splat(0.0); V]; N];
        for k in 0..w.depth {
            let mut ws = [s.splat(0.0); V];
            for (v, to) in ws.iter_mut().enumerate() {
                *to = s.load(w.weight.add((v / parts * w.depth + k) * BLOCK + v % parts * I::LANES));
            }
            s.prefetch(ahead.wrapping_add(k * I::LANES));
            let x = x.row(k).wrapping_add(col * step);
            for (n, acc) in acc.iter_mut().enumerate() {
                let x = s.splat(*x.add(n * step));
                for (acc, w) in acc.iter_mut().zip(ws) {
                    *acc = s.mul_add(w, x, *acc);
                }
            }
        }
        for (v, part) in (0..V).map(|v| (v, v % parts * I::LANES)) {
            // Last, so that a large bias is rounded with once and not at every step of the sum.
            let bias = s.load(w.bias.add(v / parts * BLOCK + part));
            let to = to.add(v / parts * pitch + col * BLOCK + part);
            for (n, acc) in acc.iter().enumerate() {
                s.store(to.add(n * BLOCK), s.add(acc[v], bias));
            }
        }
    }
}

/// Applies the SiLU to `cols` columns of a block.
///
/// # Safety
/// `y` must be writable for the columns.
#[inline(always)]
pub(crate) unsafe fn silu<I: Isa>(s: I, y: *mut f32, cols: usize) {
    for v in 0..cols * BLOCK / I::LANES {
        // SAFETY: within the columns.
        unsafe {
            let y = y.add(v * I::LANES);
            s.store(y, math::silu(s, s.load(y)));
        }
    }
}

/// Adds to `cols` columns of a block those at `x`.
///
/// # Safety
/// `y` must be writable and `x` readable for the columns.
#[inline(always)]
pub(crate) unsafe fn add<I: Isa>(s: I, y: *mut f32, x: *const f32, cols: usize) {
    for v in 0..cols * BLOCK / I::LANES {
        // SAFETY: within the columns.
        unsafe {
            let y = y.add(v * I::LANES);
            s.store(y, s.add(s.load(y), s.load(x.add(v * I::LANES))));
        }
    }
}

/// Adds to `sums` the sum of each row of a block over `cols` columns.
///
/// # Safety
/// `y` must be readable for the columns.
#[inline(always)]
pub(crate) unsafe fn sum<I: Isa>(s: I, y: *const f32, cols: usize, sums: &mut [f32; BLOCK]) {
    for (part, sums) in sums.chunks_exact_mut(I::LANES).enumerate() {
        // SAFETY: a part is a vector long, and within the columns.
        unsafe {
            let y = y.add(part * I::LANES);
            let mut acc = s.load(sums.as_ptr());
            for t in 0..cols {
                acc = s.add(acc, s.load(y.add(t * BLOCK)));
            }
            s.store(sums.as_mut_ptr(), acc);
        }
    }
}
