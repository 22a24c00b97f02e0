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

mod source;
mod weights;

use crate::math;
use crate::op::Precision;
#[cfg(target_arch = "x86_64")]
use crate::simd::amx;
use crate::simd::{Isa, Level};
use crate::view::BLOCK;
pub(crate) use source::{Blocks, Cold, Offsets, Pairs, Source};
use std::ops::Range;
use weights::Gating;
pub(crate) use weights::{Packed, Weights};

/// The most blocks of rows of a tile at any level.
pub(crate) const MAX_BLOCKS: usize = 3;

/// Columns that are taken through all that a kernel does to them before the next: what they take stays in the
/// first-level cache. A multiple of the columns of every tile.
pub(crate) const CHUNK: usize = 96;

/// Steps that weights are asked for before they are multiplied.
const NEAR: usize = 8;

/// How many blocks a tile takes side by side in a product of `cols` columns, so that `tasks` (a function of it) are enough
/// for some threads.
pub(crate) fn blocks_of_tile(level: Level, cols: usize, tasks: impl Fn(usize) -> usize) -> usize {
    /// Tasks that keep some threads evenly busy: five or seven leave one of two threads waiting.
    const ENOUGH: usize = 8;
    let even = |tasks: usize| tasks >= ENOUGH || tasks == 4 || tasks == 6;
    // A product of few columns waits for its weights, which wide tiles load less often than tall ones.
    let most = level.constants().blocks.min(if cols <= 48 { 2 } else { MAX_BLOCKS });
    (1..=most).rev().find(|blocks| even(tasks(*blocks))).unwrap_or(1)
}

/// The first of `total` things that part `part` of `parts` has when they are dealt evenly.
pub(crate) fn dealt(total: usize, parts: usize, part: usize) -> usize {
    total * part / parts
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
    if w.tiles {
        #[cfg(target_arch = "x86_64")]
        if let Some(x) = x.pairs() {
            // SAFETY: handed on to the caller.
            return unsafe { by_tiles(s, w, x, cols, to, pitch, later) };
        }
        unreachable!("weights for tiles, and nothing that multiplies them");
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
#[cfg(target_arch = "x86_64")]
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
