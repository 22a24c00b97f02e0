//! The algorithm of every micro-kernel, once: a register tile over the whole sum.
//!
//! Each step loads the vectors of weights, and multiplies them with as many broadcast values of the activations as there
//! are columns. The instruction sets' files make leaf functions of it.

use crate::simd::Isa;
use crate::tensor::BLOCK;
use crate::tuning::NEAR;

/// What a micro-kernel works on: some register tiles, one after the other in time. Everything that only moves a
/// pointer is here, so that one function serves every caller.
#[derive(Clone, Copy)]
pub(crate) struct RegisterTiles {
    /// How many register tiles.
    pub(crate) count: usize,
    /// `[blocks, steps, BLOCK]`.
    pub(crate) weight: *const f32,
    /// `[blocks, BLOCK]`.
    pub(crate) bias: *const f32,
    /// Terms of each sum; in bf16, pairs of them.
    pub(crate) steps: usize,
    /// The activations' first column.
    pub(crate) x: *const f32,
    /// Cells from a block of activations to the next.
    pub(crate) pitch: usize,
    /// Of a convolution: the cell of each step.
    pub(crate) offsets: *const usize,
    /// Of a convolution with [`Taps<0>`]: cells from a column to the next.
    pub(crate) stride: usize,
    /// The results' first column, in blocks.
    pub(crate) to: *mut f32,
    /// Cells from a block of results to the next.
    pub(crate) to_pitch: usize,
    /// What to prefetch meanwhile: a vector and a line a step. It need not be readable.
    pub(crate) prefetch: [*const f32; 2],
    /// How many cells further the next register tile prefetches.
    pub(crate) prefetch_advance: [usize; 2],
    /// For [`Gated`]: a factor for each step.
    pub(crate) gate: *const f32,
    /// For [`Gated`]: where the weights go, times the factors.
    pub(crate) gated: *mut f32,
}

/// How the activations of a product lie, and how they are multiplied.
pub(crate) trait ActivationFormat {
    /// Whether a cell holds two bf16, of neighbouring rows.
    const PAIRS: bool;
    /// How many rows from a multiple of it on lie side by side.
    const RUN: usize;
    /// Cells from a column to the next.
    fn stride(t: &RegisterTiles) -> usize;
    /// Step `k` of the column at `x`.
    fn row(t: &RegisterTiles, x: *const f32, k: usize) -> *const f32;
}

/// f32 in blocks of channels.
pub(crate) struct F32;

impl ActivationFormat for F32 {
    const PAIRS: bool = false;
    const RUN: usize = BLOCK;
    #[inline(always)]
    fn stride(_: &RegisterTiles) -> usize {
        BLOCK
    }
    #[inline(always)]
    fn row(t: &RegisterTiles, x: *const f32, k: usize) -> *const f32 {
        x.wrapping_add(k / BLOCK * t.pitch + k % BLOCK)
    }
}

/// bf16 in blocks of channels, neighbouring rows of a column sharing a cell.
pub(crate) struct Bf16;

impl ActivationFormat for Bf16 {
    const PAIRS: bool = true;
    const RUN: usize = BLOCK / 2;
    #[inline(always)]
    fn stride(_: &RegisterTiles) -> usize {
        BLOCK / 2
    }
    #[inline(always)]
    fn row(t: &RegisterTiles, x: *const f32, k: usize) -> *const f32 {
        x.wrapping_add(k / (BLOCK / 2) * t.pitch + k % (BLOCK / 2))
    }
}

/// Taps of a convolution over rows in f32: steps at listed offsets, columns `STRIDE` cells apart, or as many as the
/// register tile says where `STRIDE` is 0.
pub(crate) struct Taps<const STRIDE: usize>;

impl<const STRIDE: usize> ActivationFormat for Taps<STRIDE> {
    const PAIRS: bool = false;
    const RUN: usize = 1;
    #[inline(always)]
    fn stride(t: &RegisterTiles) -> usize {
        if STRIDE > 0 { STRIDE } else { t.stride }
    }
    #[inline(always)]
    fn row(t: &RegisterTiles, x: *const f32, k: usize) -> *const f32 {
        // SAFETY: there is an offset for each step.
        x.wrapping_add(unsafe { *t.offsets.add(k) })
    }
}

/// What a micro-kernel does beside the multiply-adds.
pub(crate) trait Variant {
    /// Whether it prefetches what the register tile says.
    const PREFETCH: bool;
    /// Whether it multiplies the weights with the gate, and stores them.
    const GATE: bool = false;
    /// Whether it prefetches the activations of the columns after its own.
    const COLD: bool = false;
}

/// Prefetches weights.
pub(crate) struct Plain;
/// Puts a gate into the weights on the way, for all register tiles after it, rather than in a pass over the weights.
pub(crate) struct Gated;
/// Prefetches activations too: no processor follows as many streams as there are blocks of a long record.
pub(crate) struct Cold;
/// Prefetches nothing, where the instructions for it cost time.
#[cfg(avx512)]
pub(crate) struct Quiet;

impl Variant for Plain {
    const PREFETCH: bool = true;
}
impl Variant for Gated {
    const PREFETCH: bool = false;
    const GATE: bool = true;
}
impl Variant for Cold {
    const PREFETCH: bool = true;
    const COLD: bool = true;
}
#[cfg(avx512)]
impl Variant for Quiet {
    const PREFETCH: bool = false;
}

/// The block of each column of `$count`, one after the other: a loop is not unrolled in programs that are built to be small, and then sums
/// do not stay in registers.
macro_rules! for_each_column {
    ($count:expr, $column:ident => $block:block) => {
        for_each_column!($count, $column => $block, 0 1 2 3 4 5 6 7 8 9 10 11)
    };
    ($count:expr, $column:ident => $block:block, $($number:literal)*) => {{
        const { assert!($count <= [$($number),*].len()) };
        $(if $number < $count {
            let $column: usize = $number;
            $block
        })*
    }};
}

/// Computes register tiles of `N` columns by `V` vectors of rows. Where `HALF`, the last vector has its rows twice
/// and takes two columns at once.
///
/// # Safety
/// Weights, biases and the register tiles' activations must be readable, and the results writable.
#[inline(always)]
pub(super) unsafe fn run<
    I: Isa,
    X: ActivationFormat,
    W: Variant,
    const V: usize,
    const N: usize,
    const HALF: bool,
>(
    s: I,
    t: &RegisterTiles,
) {
    let RegisterTiles { weight, steps, gate, gated, .. } = *t;
    // Where vector `v` of a step, a bias or a column is: in block `v / parts`, its part `v % parts`.
    let parts = BLOCK / I::LANES;
    let stride = X::stride(t);
    // Vectors of a column. The one after them is of two columns, at the first of the two in `acc`.
    let whole = if HALF { V - 1 } else { V };
    let (mut x, mut to, mut prefetch) = (t.x, t.to, t.prefetch);
    for _ in 0..t.count {
        // SAFETY: handed on to the caller.
        unsafe {
            let mut acc = [[s.splat(0.0); V]; N];
            macro_rules! step {
                ($k:expr, $row:expr) => {{
                    let (k, row): (usize, *const f32) = ($k, $row);
                    let mut ws = [s.splat(0.0); V];
                    for (v, to) in ws.iter_mut().enumerate() {
                        let at = (v / parts * steps + k) * BLOCK + v % parts * I::LANES;
                        *to = s.load(weight.add(at));
                        s.prefetch_near(weight.wrapping_add(at + NEAR * BLOCK));
                        if W::GATE {
                            *to = s.mul(*to, s.splat(*gate.add(k)));
                            s.store(gated.add(at), *to);
                        }
                    }
                    if W::PREFETCH {
                        s.prefetch(prefetch[0].wrapping_add(k * I::LANES));
                        s.prefetch(prefetch[1].wrapping_add(k * BLOCK));
                    }
                    if W::COLD {
                        // A column of a block is a cache line, and a block has as many steps as a register tile has
                        // columns or more.
                        s.prefetch(x.wrapping_add(k / BLOCK * t.pitch + (N + k % BLOCK) * BLOCK));
                    }
                    let multiply_add = |acc: &mut I::F32, w: I::F32, x: I::F32| {
                        *acc = if X::PAIRS { s.dot_bf16(*acc, w, x) } else { s.mul_add(w, x, *acc) };
                    };
                    let mut before = s.splat(0.0);
                    for_each_column!(N, n => {
                        let x = s.splat(*row.add(n * stride));
                        for (acc, w) in acc[n].iter_mut().zip(ws).take(whole) {
                            multiply_add(acc, w, x);
                        }
                        if HALF && n % 2 == 1 {
                            multiply_add(&mut acc[n - 1][whole], ws[whole], s.join(before, x));
                        } else if HALF && n + 1 == N {
                            multiply_add(&mut acc[n][whole], ws[whole], x);
                        }
                        before = x;
                    });
                }};
            }
            if I::LEAN && X::RUN > 1 {
                for first in (0..steps).step_by(X::RUN) {
                    let mut row = X::row(t, x, first);
                    for k in first..steps.min(first + X::RUN) {
                        step!(k, row);
                        row = row.wrapping_add(1);
                    }
                }
            } else {
                for k in 0..steps {
                    step!(k, X::row(t, x, k));
                }
            }
            for (v, part) in (0..V).map(|v| (v, v % parts * I::LANES)) {
                // Last, so that a large bias is rounded with once and not at every step of the sum.
                let bias = s.load(t.bias.add(v / parts * BLOCK + part));
                let to = to.add(v / parts * t.to_pitch + part);
                for_each_column!(N, n => {
                    if v < whole {
                        s.store(to.add(n * BLOCK), s.add(acc[n][v], bias));
                    } else if n.is_multiple_of(2) {
                        let [low, high] = s.split(s.add(acc[n][v], bias));
                        s.store(to.add(n * BLOCK), low);
                        if n + 1 < N {
                            s.store(to.add((n + 1) * BLOCK), high);
                        }
                    }
                });
            }
        }
        x = x.wrapping_add(N * stride);
        to = to.wrapping_add(N * BLOCK);
        if W::PREFETCH {
            for (prefetch, advance) in prefetch.iter_mut().zip(t.prefetch_advance) {
                *prefetch = prefetch.wrapping_add(advance);
            }
        }
    }
}
