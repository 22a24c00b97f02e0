//! The matrix product that nine tenths of the network's work goes through.
//!
//! `y[r, t] = bias[r] + sum over k of w[r, k] * x[k, t]`: the rows of `w` are output channels and lie along the lanes,
//! columns are time. A *tile* of one to three vectors of rows by some columns stays in registers over the whole sum (Goto
//! and van de Geijn, *Anatomy of High-Performance Matrix Multiplication*, 2008): each step loads the vectors of weights,
//! and multiplies them with as many broadcast values of `x` as there are columns. Columns are dealt to tiles evenly, so
//! that no record's length wastes a lane and no tile is much smaller than another. Weights lie in blocks of
//! [`BLOCK`] rows, step after step; a tile takes neighbouring blocks side by side. A last block of few rows may be *half*: its
//! rows lie in a vector twice, which then takes two columns at once. In bf16, a processor that multiplies tiles itself
//! ([`crate::simd::amx`]) is given those.

use crate::aligned::Aligned;
use crate::half;
use crate::math;
use crate::op::Precision;
#[cfg(all(target_arch = "x86_64", not(miri)))]
use crate::simd::amx;
use crate::simd::{Isa, Level};
use crate::view::{BLOCK, View};
use std::ops::Range;

/// The most blocks of rows of a tile at any level.
pub(crate) const MAX_BLOCKS: usize = 3;

/// Columns that are taken through all that a kernel does to them before the next: what they take stays in the
/// first-level cache. A multiple of the columns of every tile.
pub(crate) const CHUNK: usize = 96;

/// Steps that weights are asked for before they are multiplied.
const NEAR: usize = 8;

/// A `[rows, depth]` matrix in blocks of rows, `[rows / BLOCK, steps, BLOCK]`, the last one filled with zeros. A step of a
/// product is one column of the matrix, or a pair of them in bf16: a cell then holds both, the first in its low half.
pub(crate) struct Packed {
    precision: Precision,
    /// Whether tiles multiply it ([`Level::has_tiles`]): steps are then zeros up to whole tiles.
    tiles: bool,
    steps: usize,
    /// Whether the last block is half: its first rows are there a second time, from the middle on.
    half: bool,
    /// In f16, two values a cell.
    weight: Aligned,
    bias: Aligned,
}

impl Packed {
    /// Packs `weight` (`[rows, depth]`, row-major) and `bias` (`[rows]`) for a level.
    pub(crate) fn new(level: Level, weight: &[f64], bias: &[f64], precision: Precision) -> Packed {
        Packed::with(level, weight, bias, precision, false)
    }

    /// Packs them with a half block at the end, where the level has any use for it.
    pub(crate) fn halved(level: Level, weight: &[f64], bias: &[f64], precision: Precision) -> Packed {
        let depth = weight.len() / bias.len().max(1);
        let last = bias.len() % BLOCK;
        let tiles = takes_tiles(level, precision);
        if tiles || !level.has_halves() || last == 0 || last > BLOCK / 2 {
            return Packed::new(level, weight, bias, precision);
        }
        // The rows again, after as many zeros as there are to the middle.
        let repeated = |values: &[f64], each: usize| {
            let mut values = values.to_vec();
            let again = values[values.len() - last * each..].to_vec();
            values.resize(values.len() + (BLOCK / 2 - last) * each, 0.0);
            values.extend(again);
            values
        };
        Packed::with(level, &repeated(weight, depth), &repeated(bias, 1), precision, true)
    }

    fn with(level: Level, weight: &[f64], bias: &[f64], precision: Precision, half: bool) -> Packed {
        let rows = bias.len();
        let depth = weight.len() / rows.max(1);
        let tiles = takes_tiles(level, precision);
        let pairs = depth.div_ceil(2);
        let steps = match precision {
            Precision::Bf16 if tiles => pairs.max(1).next_multiple_of(BLOCK),
            Precision::Bf16 => pairs,
            Precision::F32 | Precision::F16 => depth,
        };
        let cells = rows.next_multiple_of(BLOCK) * steps;
        let mut packed = Aligned::zeros(if precision == Precision::F16 { cells / 2 } else { cells });
        for (r, row) in weight.chunks_exact(depth.max(1)).enumerate() {
            // Where the row's weight of each step is.
            let cell = (0..steps).map(|step| (r / BLOCK * steps + step) * BLOCK + r % BLOCK);
            match precision {
                Precision::F32 => cell.zip(row).for_each(|(at, w)| packed[at] = *w as f32),
                Precision::F16 => cell.zip(half::round_row(row)).for_each(|(at, w)| {
                    packed[at / 2] = with_half(packed[at / 2], at % 2, w);
                }),
                Precision::Bf16 => cell.zip(row.chunks(2)).for_each(|(at, pair)| {
                    for (i, w) in pair.iter().enumerate() {
                        packed[at] = with_half(packed[at], i, half::bf16(*w as f32));
                    }
                }),
            }
        }
        let mut biases = Aligned::zeros(rows.next_multiple_of(BLOCK));
        biases.iter_mut().zip(bias).for_each(|(to, b)| *to = *b as f32);
        Packed { precision, tiles, steps, half, weight: packed, bias: biases }
    }

    /// What the weights are stored in.
    pub(crate) fn precision(&self) -> Precision {
        self.precision
    }

    /// Whether its activations are to be [`Pairs`] for tiles.
    pub(crate) fn tiles(&self) -> bool {
        self.tiles
    }

    /// How many blocks there are.
    pub(crate) fn blocks(&self) -> usize {
        self.bias.len() / BLOCK
    }

    /// The weights of `blocks` blocks from `first` on.
    pub(crate) fn weight(&self, first: usize, blocks: usize) -> &[f32] {
        let cells = match self.precision {
            Precision::F16 => BLOCK / 2 * self.steps,
            _ => BLOCK * self.steps,
        };
        &self.weight[first * cells..][..blocks * cells]
    }

    /// The biases of block `b`.
    pub(crate) fn bias(&self, b: usize) -> &[f32] {
        &self.bias[b * BLOCK..][..BLOCK]
    }

    /// Cells of scratch for [`Packed::unpack`].
    pub(crate) fn scratch(&self) -> usize {
        MAX_BLOCKS * BLOCK * self.steps
    }

    /// Those blocks' weights, in f32 or f16, times what `gate` has for each step, in f32.
    #[inline(always)]
    pub(crate) fn unpack<I: Isa>(
        &self,
        s: I,
        first: usize,
        blocks: usize,
        gate: Option<&[f32]>,
        to: &mut [f32],
    ) {
        let from = self.weight(first, blocks).as_ptr();
        let to = &mut to[..blocks * BLOCK * self.steps];
        assert!(gate.is_none_or(|g| g.len() == self.steps) && self.precision != Precision::Bf16);
        for (b, to) in to.chunks_exact_mut(self.steps * BLOCK).enumerate() {
            for (k, to) in to.chunks_exact_mut(BLOCK).enumerate() {
                let gate = gate.map(|g| s.splat(g[k]));
                for (part, to) in to.chunks_exact_mut(I::LANES).enumerate() {
                    let at = (b * self.steps + k) * BLOCK + part * I::LANES;
                    // SAFETY: a part of a row of the blocks, of whole vectors.
                    unsafe {
                        let w = match self.precision {
                            Precision::F16 => s.load_f16(from.cast::<u16>().add(at)),
                            _ => s.load(from.add(at)),
                        };
                        s.store(to.as_mut_ptr(), gate.map_or(w, |gate| s.mul(w, gate)));
                    }
                }
            }
        }
    }

    /// Those blocks as an operand of [`product`].
    pub(crate) fn operand(&self, first: usize, blocks: usize) -> Weights {
        let weight = self.weight(first, blocks);
        Weights {
            weight: weight.as_ptr(),
            bias: self.bias[first * BLOCK..][..blocks * BLOCK].as_ptr(),
            ahead: weight.as_ptr().wrapping_add(weight.len()),
            steps: self.steps,
            blocks,
            tiles: self.tiles,
            half: self.half && first + blocks == self.blocks(),
        }
    }
}

/// Whether weights are packed for tiles of bf16.
fn takes_tiles(level: Level, precision: Precision) -> bool {
    precision == Precision::Bf16 && level.has_tiles()
}

/// How many blocks a tile takes side by side in a product of `cols` columns, so that `tasks` (a function of it) are enough
/// for some threads.
pub(crate) fn blocks_of_tile(level: Level, cols: usize, tasks: impl Fn(usize) -> usize) -> usize {
    /// Tasks that keep some threads evenly busy: five or seven leave one of two threads waiting.
    const ENOUGH: usize = 8;
    let even = |tasks: usize| tasks >= ENOUGH || tasks == 4 || tasks == 6;
    // A product of few columns waits for its weights, which wide tiles load less often than tall ones.
    let most = if cols <= 48 { level.blocks().min(2) } else { level.blocks() };
    (1..=most).rev().find(|blocks| even(tasks(*blocks))).unwrap_or(1)
}

/// The first of `total` things that part `part` of `parts` has when they are dealt evenly.
pub(crate) fn dealt(total: usize, parts: usize, part: usize) -> usize {
    total * part / parts
}

/// The cell with one of its halves replaced.
fn with_half(cell: f32, half: usize, bits: u16) -> f32 {
    let shift = 16 * half;
    f32::from_bits(cell.to_bits() & !(0xffff << shift) | u32::from(bits) << shift)
}

/// Blocks of weights, `[blocks, steps, BLOCK]`.
#[derive(Clone, Copy)]
pub(crate) struct Weights {
    pub(crate) weight: *const f32,
    /// `[blocks, BLOCK]`.
    pub(crate) bias: *const f32,
    /// What to ask memory for meanwhile, as many cells as `weight`: the next weights. It need not be readable.
    pub(crate) ahead: *const f32,
    pub(crate) steps: usize,
    /// At most what [`Level::blocks`] says.
    pub(crate) blocks: usize,
    /// Whether tiles multiply them.
    pub(crate) tiles: bool,
    /// Whether the last of them is half.
    pub(crate) half: bool,
}

/// A factor for each step of a product's weights, and where they go once it is in them: as many cells as they have.
#[derive(Clone, Copy)]
pub(crate) struct Gating {
    gate: *const f32,
    to: *mut f32,
}

impl Weights {
    /// To put `gate` into these on their way to `to`.
    pub(crate) fn gating(&self, gate: &[f32], to: &mut [f32]) -> Gating {
        assert!(gate.len() == self.steps && to.len() >= self.blocks * BLOCK * self.steps);
        Gating { gate: gate.as_ptr(), to: to.as_mut_ptr() }
    }
}

/// What to ask memory for beside the product's own weights, a line a step.
pub(crate) struct Ahead<'a>([&'a [f32]; 2]);

impl<'a> Ahead<'a> {
    /// Nothing.
    pub(crate) fn nothing() -> Ahead<'static> {
        Ahead([&[], &[]])
    }

    /// The part of `all` that belongs to `tasks` of `total`.
    pub(crate) fn share(all: [&'a [f32]; 2], tasks: &Range<usize>, total: usize) -> Ahead<'a> {
        Ahead(all.map(|all| {
            let at = |task: usize| all.len() / BLOCK * task / total.max(1) * BLOCK;
            &all[at(tasks.start)..at(tasks.end)]
        }))
    }

    /// Whether there is nothing left.
    #[inline(always)]
    fn is_empty(&self) -> bool {
        self.0.iter().all(|lines| lines.is_empty())
    }

    /// The lines for the next `steps` steps.
    #[inline(always)]
    fn take(&mut self, steps: usize) -> *const f32 {
        let from = usize::from(self.0[0].is_empty());
        let (now, later) = self.0[from].split_at((steps * BLOCK).min(self.0[from].len()));
        self.0[from] = later;
        now.as_ptr()
    }
}

/// Where the values of `x` lie.
pub(crate) trait Source: Copy {
    /// Whether a cell holds two bf16, of neighbouring rows.
    const PAIRS: bool = false;
    /// How many rows from one of a multiple of it on lie side by side.
    const RUN: usize = 1;
    /// Whether [`Source::ask`] has any to ask.
    const ASKS: bool = false;
    /// Column 0 of step `k`.
    fn row(self, k: usize) -> *const f32;
    /// Cells from a column to the next.
    fn step(self) -> usize;
    /// Asks memory, in step `k` of a tile, for what the tile from column `col` on takes.
    #[inline(always)]
    fn ask<I: Isa>(self, _: I, _k: usize, _col: usize) {}
    /// For a product by tiles.
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    #[inline(always)]
    fn pairs(self) -> Option<Pairs> {
        None
    }
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
        Blocks { data: x.block_ptr(0), pitch: x.shape().cols * BLOCK }.from(col)
    }

    /// The same from column `col` on.
    pub(crate) fn from(self, col: usize) -> Blocks {
        Blocks { data: self.data.wrapping_add(col * BLOCK), ..self }
    }
}

impl Source for Blocks {
    const RUN: usize = BLOCK;
    #[inline(always)]
    fn row(self, k: usize) -> *const f32 {
        self.data.wrapping_add(k / BLOCK * self.pitch + k % BLOCK)
    }
    #[inline(always)]
    fn step(self) -> usize {
        BLOCK
    }
}

/// A matrix in blocks that is in no cache. No processor follows as many streams as there are blocks.
#[derive(Clone, Copy)]
pub(crate) struct Cold(pub(crate) Blocks);

impl Source for Cold {
    const RUN: usize = BLOCK;
    const ASKS: bool = true;
    #[inline(always)]
    fn row(self, k: usize) -> *const f32 {
        self.0.row(k)
    }
    #[inline(always)]
    fn step(self) -> usize {
        BLOCK
    }
    #[inline(always)]
    fn ask<I: Isa>(self, s: I, k: usize, col: usize) {
        // A column of a block is a line of a cache, and a block has as many steps as a tile has columns or more.
        s.prefetch(self.0.data.wrapping_add(k / BLOCK * self.0.pitch + (col + k % BLOCK) * BLOCK));
    }
}

/// A matrix in bf16, neighbouring rows of a column sharing a cell, in blocks of [`BLOCK`] rows, or of twice as many for tiles.
#[derive(Clone, Copy)]
pub(crate) struct Pairs {
    data: *const f32,
    /// Cells from block to block.
    pitch: usize,
    /// Cells of a column of a block.
    run: usize,
}

impl Source for Pairs {
    const PAIRS: bool = true;
    const RUN: usize = BLOCK / 2;
    #[inline(always)]
    fn row(self, k: usize) -> *const f32 {
        self.data.wrapping_add(k / (BLOCK / 2) * self.pitch + k % (BLOCK / 2))
    }
    #[inline(always)]
    fn step(self) -> usize {
        BLOCK / 2
    }
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    #[inline(always)]
    fn pairs(self) -> Option<Pairs> {
        Some(self)
    }
}

impl Pairs {
    /// None yet.
    pub(crate) fn none() -> Pairs {
        Pairs { data: std::ptr::null(), pitch: 0, run: 0 }
    }

    /// Cells of a column of a block.
    fn run(tiles: bool) -> usize {
        if tiles { BLOCK } else { BLOCK / 2 }
    }

    /// Cells for `rows` rows and `cols` columns. A tile may read, but not use, columns behind them.
    pub(crate) fn cells(rows: usize, cols: usize, tiles: bool) -> usize {
        let run = Pairs::run(tiles);
        rows.div_ceil(2 * run) * run * cols + if tiles { BLOCK * BLOCK } else { 0 }
    }

    /// The same from column `col` on.
    pub(crate) fn from(self, col: usize) -> Pairs {
        Pairs { data: self.data.wrapping_add(col * self.run), ..self }
    }

    /// Columns `cols` of `x`, times what `gate` has for each row, rounded to bf16 into `to`.
    #[inline(always)]
    pub(crate) fn round<I: Isa>(
        s: I,
        x: &View<'_>,
        cols: Range<usize>,
        gate: Option<&[f32]>,
        tiles: bool,
        to: &mut [f32],
    ) -> Pairs {
        let rows = x.shape().rows;
        let run = Pairs::run(tiles);
        let pitch = cols.len() * run;
        assert!(to.len() >= Pairs::cells(rows, cols.len(), tiles) && cols.end <= x.shape().cols);
        let blocks = rows.div_ceil(BLOCK);
        for b in 0..blocks {
            let mut gates = [1.0; BLOCK];
            if let Some(gate) = gate {
                let gate = &gate[b * BLOCK..rows.min((b + 1) * BLOCK)];
                gates[..gate.len()].copy_from_slice(gate);
            }
            let from = x.block_ptr(b).wrapping_add(cols.start * BLOCK);
            // The block's first cell of the first column.
            let first = b * (BLOCK / 2) / run * pitch + b * (BLOCK / 2) % run;
            let to = &mut to[first..];
            for part in (0..BLOCK).step_by(I::LANES) {
                // SAFETY: the columns are within the block, and `to` has half a cell for each of its values.
                unsafe {
                    let gates = s.load(gates.as_ptr().add(part));
                    for col in 0..cols.len() {
                        let value = s.mul(s.load(from.add(col * BLOCK + part)), gates);
                        s.store_bf16(to.as_mut_ptr().add(col * run).cast::<u16>().add(part), value);
                    }
                }
            }
            if b + 1 == blocks && !((b + 1) * (BLOCK / 2)).is_multiple_of(run) {
                // The second half of a tile's rows.
                let columns = to[BLOCK / 2..].chunks_mut(run).take(cols.len());
                columns.for_each(|cells| cells[..BLOCK / 2].fill(0.0));
            }
        }
        Pairs { data: to.as_ptr(), pitch, run }
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

/// Computes blocks of rows over `cols` columns, to `to`, blocks `pitch` cells apart. `HALF` says whether the last is half.
///
/// # Safety
/// Weights, biases and the values of `x` must be readable, `to` writable for the columns of each block, and the blocks
/// no more than the level's. Where tiles multiply, 16 columns must be readable from each column of `x` on: [`Pairs::cells`] has
/// room for them.
#[inline(always)]
pub(crate) unsafe fn product<I: Isa, S: Source, const HALF: bool>(
    s: I,
    w: Weights,
    x: S,
    cols: usize,
    to: *mut f32,
    pitch: usize,
    later: &mut Ahead<'_>,
) {
    assert!(HALF == w.half && (I::HALVES || !HALF));
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    if let (true, Some(x)) = (w.tiles, x.pairs()) {
        // SAFETY: handed on to the caller.
        return unsafe { by_tiles(s, w, x, cols, to, pitch, later) };
    }
    // SAFETY: handed on to the caller.
    unsafe {
        match w.blocks * (BLOCK / I::LANES) {
            1 if I::LANES == BLOCK => columns::<I, S, 1, HALF>(s, w, x, cols, to, pitch, later),
            2 if I::LANES >= BLOCK / 2 => columns::<I, S, 2, HALF>(s, w, x, cols, to, pitch, later),
            3 if I::LANES == BLOCK => columns::<I, S, 3, HALF>(s, w, x, cols, to, pitch, later),
            4 if I::LANES == BLOCK / 4 => columns::<I, S, 4, HALF>(s, w, x, cols, to, pitch, later),
            _ => unreachable!("{} blocks of vectors of {} lanes", w.blocks, I::LANES),
        }
    }
}

/// The first tile of [`product`], which puts a gate into the weights (of f32) on the way, for all tiles after it, rather than in a pass
/// over the weights. Returns how many columns it has done.
///
/// # Safety
/// As for [`product`]; `gating` must have a factor for each step, and room for the weights.
#[inline(always)]
pub(crate) unsafe fn gated_tile<I: Isa, const HALF: bool>(
    s: I,
    w: Weights,
    gating: Gating,
    x: Blocks,
    cols: usize,
    to: *mut f32,
    pitch: usize,
) -> usize {
    macro_rules! tile {
        ($v:literal: $($n:literal)*) => {{
            let n = of_tiles::<I, $v, HALF>(cols);
            match n {
                // SAFETY: handed on to the caller; the tile covers the first columns.
                $($n if $n <= most::<I, $v, HALF>() => unsafe {
                    tile::<I, Blocks, $v, $n, true, false, HALF>(s, w, gating, [w.weight; 2], x, 0, to, pitch)
                },)*
                _ => unreachable!("a tile of {n} columns"),
            }
            n
        }};
    }
    assert!(HALF == w.half && (I::HALVES || !HALF));
    match w.blocks * (BLOCK / I::LANES) {
        1 if I::LANES == BLOCK => tile!(1: 1 2 3 4 5 6 7 8 9 10 11 12),
        2 if I::LANES >= BLOCK / 2 => tile!(2: 1 2 3 4 5 6 7 8 9 10 11 12),
        3 if I::LANES == BLOCK => tile!(3: 1 2 3 4 5 6 7 8),
        4 if I::LANES == BLOCK / 4 => tile!(4: 1 2 3 4 5 6),
        _ => unreachable!("{} blocks of vectors of {} lanes", w.blocks, I::LANES),
    }
}

/// The most columns of a tile of `V` vectors of rows, the last of them half where `HALF`: then an even number.
#[inline(always)]
const fn most<I: Isa, const V: usize, const HALF: bool>() -> usize {
    let most = if HALF { 2 * I::ACCUMULATORS / (2 * V - 1) / 2 * 2 } else { I::ACCUMULATORS / V };
    if most < 12 { most } else { 12 }
}

/// The columns of the first of the tiles that `cols` are dealt to.
#[inline(always)]
fn of_tiles<I: Isa, const V: usize, const HALF: bool>(cols: usize) -> usize {
    let n = cols.div_ceil(cols.div_ceil(most::<I, V, HALF>()));
    if HALF && n < cols { n.next_multiple_of(2) } else { n }
}

/// Deals columns to tiles of `V` vectors of rows.
#[inline(always)]
unsafe fn columns<I: Isa, S: Source, const V: usize, const HALF: bool>(
    s: I,
    w: Weights,
    x: S,
    cols: usize,
    to: *mut f32,
    pitch: usize,
    later: &mut Ahead<'_>,
) {
    let none = Gating { gate: std::ptr::null(), to: std::ptr::null_mut() };
    let mut col = 0;
    for i in 0.. {
        if col == cols {
            break;
        }
        let n = of_tiles::<I, V, HALF>(cols - col);
        // Each of the first tiles asks for a vector of every step of the next weights; later ones have nothing to ask.
        let ahead = if i < V { w.ahead.wrapping_add(i * w.steps * I::LANES) } else { w.weight };
        // Large tiles alone are compiled without the asking: small ones are rare.
        let quiet = I::LEAN && !S::ASKS && !S::PAIRS && i >= V && later.is_empty();
        let later = later.take(w.steps);
        macro_rules! tile {
            ($($n:literal)*) => {
                match n {
                    // SAFETY: handed on to the caller; the tiles cover the columns.
                    $($n if quiet && $n <= most::<I, V, HALF>() && $n + 1 >= most::<I, V, HALF>() => unsafe {
                        if I::LEAN && !S::ASKS && !S::PAIRS {
                            tile::<I, S, V, $n, false, false, HALF>(s, w, none, [ahead, later], x, col, to, pitch)
                        }
                    },)*
                    // SAFETY: as above.
                    $($n if $n <= most::<I, V, HALF>() => unsafe {
                        tile::<I, S, V, $n, false, true, HALF>(s, w, none, [ahead, later], x, col, to, pitch)
                    },)*
                    _ => unreachable!("a tile of {n} columns"),
                }
            };
        }
        tile!(1 2 3 4 5 6 7 8 9 10 11 12);
        col += n;
    }
}

/// One tile. A gate goes into the weights where `GATED`, and memory is asked for what comes later where `ASKS`.
#[inline(always)]
#[allow(clippy::too_many_arguments)]
unsafe fn tile<
    I: Isa,
    S: Source,
    const V: usize,
    const N: usize,
    const GATED: bool,
    const ASKS: bool,
    const HALF: bool,
>(
    s: I,
    w: Weights,
    gating: Gating,
    ahead: [*const f32; 2],
    x: S,
    col: usize,
    to: *mut f32,
    pitch: usize,
) {
    // Where vector `v` of a step, a bias or a column is: in block `v / parts`, its part `v % parts`.
    let parts = BLOCK / I::LANES;
    let step = x.step();
    // Vectors of a column. The one after them is of two columns, at the first of the two in `acc`.
    let whole = if HALF { V - 1 } else { V };
    // SAFETY: handed on to the caller.
    unsafe {
        let mut acc = [[s.splat(0.0); V]; N];
        macro_rules! step {
            ($k:expr, $row:expr) => {{
                let (k, row): (usize, *const f32) = ($k, $row);
                let mut ws = [s.splat(0.0); V];
                for (v, to) in ws.iter_mut().enumerate() {
                    let at = (v / parts * w.steps + k) * BLOCK + v % parts * I::LANES;
                    *to = s.load(w.weight.add(at));
                    s.prefetch_near(w.weight.wrapping_add(at + NEAR * BLOCK));
                    if GATED {
                        *to = s.mul(*to, s.splat(*gating.gate.add(k)));
                        s.store(gating.to.add(at), *to);
                    }
                }
                if ASKS {
                    s.prefetch(ahead[0].wrapping_add(k * I::LANES));
                    s.prefetch(ahead[1].wrapping_add(k * BLOCK));
                    x.ask(s, k, col + N);
                }
                let multiply_add = |acc: &mut I::F32, w: I::F32, x: I::F32| {
                    *acc = if S::PAIRS { s.dot_bf16(*acc, w, x) } else { s.mul_add(w, x, *acc) };
                };
                let mut before = s.splat(0.0);
                for n in 0..N {
                    let x = s.splat(*row.add(n * step));
                    for (acc, w) in acc[n].iter_mut().zip(ws).take(whole) {
                        multiply_add(acc, w, x);
                    }
                    if HALF && n % 2 == 1 {
                        multiply_add(&mut acc[n - 1][whole], ws[whole], s.join(before, x));
                    } else if HALF && n + 1 == N {
                        multiply_add(&mut acc[n][whole], ws[whole], x);
                    }
                    before = x;
                }
            }};
        }
        if I::LEAN && S::RUN > 1 {
            for first in (0..w.steps).step_by(S::RUN) {
                let mut row = x.row(first).wrapping_add(col * step);
                for k in first..w.steps.min(first + S::RUN) {
                    step!(k, row);
                    row = row.wrapping_add(1);
                }
            }
        } else {
            for k in 0..w.steps {
                step!(k, x.row(k).wrapping_add(col * step));
            }
        }
        for (v, part) in (0..V).map(|v| (v, v % parts * I::LANES)) {
            // Last, so that a large bias is rounded with once and not at every step of the sum.
            let bias = s.load(w.bias.add(v / parts * BLOCK + part));
            let to = to.add(v / parts * pitch + col * BLOCK + part);
            for (n, acc) in acc.iter().enumerate() {
                if v < whole {
                    s.store(to.add(n * BLOCK), s.add(acc[v], bias));
                } else if n % 2 == 0 {
                    let [low, high] = s.split(s.add(acc[v], bias));
                    s.store(to.add(n * BLOCK), low);
                    if n + 1 < N {
                        s.store(to.add((n + 1) * BLOCK), high);
                    }
                }
            }
        }
    }
}

/// [`product`] by tiles.
///
/// # Safety
/// As for [`product`]; besides, a whole tile of columns must be readable from each column of `x` on.
#[cfg(all(target_arch = "x86_64", not(miri)))]
#[inline(always)]
unsafe fn by_tiles<I: Isa>(
    s: I,
    w: Weights,
    x: Pairs,
    cols: usize,
    to: *mut f32,
    pitch: usize,
    later: &mut Ahead<'_>,
) {
    use amx::{COLUMNS, Product, Registers, STEPS};
    use std::mem::MaybeUninit;
    const CELL: usize = size_of::<f32>();
    assert!(x.run == STEPS && w.steps.is_multiple_of(STEPS) && w.steps > 0);
    // Results of fewer columns than a tile has go here first.
    let mut few = MaybeUninit::<[f32; MAX_BLOCKS * COLUMNS * BLOCK]>::uninit();
    let (results, out) =
        if cols < COLUMNS { (few.as_mut_ptr().cast(), COLUMNS * BLOCK) } else { (to, pitch) };
    // SAFETY: weights are packed for tiles where there are any.
    let registers = unsafe { Registers::new() };
    for (i, col) in (0..cols).step_by(2 * COLUMNS).enumerate() {
        // A last tile begins earlier, and computes some columns again.
        let last = cols.saturating_sub(COLUMNS);
        let starts = [col.min(last), (col + COLUMNS).min(last)];
        let ahead = if i < w.blocks { w.ahead.wrapping_add(i * w.steps * BLOCK) } else { w.weight };
        let p = Product {
            weight: w.weight,
            block: w.steps * BLOCK * CELL,
            depth: w.steps / STEPS,
            x: starts.map(|start| x.data.wrapping_add(start * x.run)),
            pitch: x.pitch * CELL,
            to: starts.map(|start| results.wrapping_add(start * BLOCK)),
            out: out * CELL,
            ask: [ahead, later.take(w.steps)],
        };
        // SAFETY: handed on to the caller; both tiles are within the columns, or have room in `few`.
        unsafe { amx::product(&registers, &p, if cols - col > COLUMNS { 2 } else { 1 }, w.blocks) };
    }
    for b in 0..w.blocks {
        for part in (0..BLOCK).step_by(I::LANES) {
            // SAFETY: the columns were just written, and `to` is writable for them.
            unsafe {
                let bias = s.load(w.bias.add(b * BLOCK + part));
                for at in (part..cols * BLOCK).step_by(BLOCK) {
                    s.store(to.add(b * pitch + at), s.add(s.load(results.add(b * out + at)), bias));
                }
            }
        }
    }
}

/// Applies the SiLU to `cols` columns of a block, see [`activate`].
///
/// # Safety
/// `y` must be writable for the columns.
#[inline(always)]
pub(crate) unsafe fn silu<I: Isa>(s: I, y: *mut f32, cols: usize, precision: Precision) {
    for v in 0..cols * BLOCK / I::LANES {
        // SAFETY: within the columns.
        unsafe {
            let y = y.add(v * I::LANES);
            s.store(y, activate(s, s.load(y), precision));
        }
    }
}

/// The SiLU, as exactly as the precision of the products around it needs.
#[inline(always)]
pub(crate) fn activate<I: Isa>(s: I, x: I::F32, precision: Precision) -> I::F32 {
    match precision {
        Precision::Bf16 => math::silu_rough(s, x),
        _ => math::silu(s, x),
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
