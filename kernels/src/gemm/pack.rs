//! The weights of a product, packed at load for a level and a precision.

use super::table::{MicroKernel, MicroKernels};
use crate::aligned::Aligned;
use crate::half;
use crate::half_blocks::HalfBlocks;
use crate::op::Precision;
use crate::simd::{Isa, Level};
use crate::tensor::BLOCK;
use crate::tuning::MAX_BLOCKS;
use crate::weight_rows::{WeightRows, WeightRowsRef};
use std::ops::Deref;

/// A `[rows, depth]` matrix in blocks of rows, `[rows / BLOCK, steps, BLOCK]`, the last one filled with zeros. A step of a
/// product is one column of the matrix, or a pair of them in bf16: a cell then holds both, the first in its low half.
pub(crate) struct PackedMatrix {
    precision: Precision,
    /// The micro-kernels that multiply it.
    shapes: &'static [MicroKernels],
    /// Whether AMX multiplies it ([`Level::has_amx`]): steps are then zeros up to whole AMX tiles.
    amx: bool,
    steps: usize,
    /// Whether the last block is half: its first rows are there a second time, from the middle on.
    half: bool,
    weight: Cells,
    bias: Aligned,
}

/// The cells of a matrix; in f16 two values each.
enum Cells {
    Own(Aligned),
    /// Where they lie: [`HalfBlocks::in_place`] has them.
    Shared(HalfBlocks),
}

impl Deref for Cells {
    type Target = [f32];
    fn deref(&self) -> &[f32] {
        match self {
            Cells::Own(cells) => cells,
            Cells::Shared(blocks) => blocks.in_place().unwrap_or_default(),
        }
    }
}

impl PackedMatrix {
    /// Packs `weight` (`[rows, depth]`, row-major) and `bias` (`[rows]`) for a level.
    pub(crate) fn new<'a>(
        level: Level,
        weight: impl Into<WeightRowsRef<'a>>,
        bias: &[f64],
        precision: Precision,
    ) -> PackedMatrix {
        PackedMatrix::with(level, weight.into(), bias, precision, false)
    }

    /// Packs them in f32 for activations that are [taps](super::Activations::taps), columns `stride` cells apart.
    pub(crate) fn taps(level: Level, weight: &Vec<f64>, bias: &[f64], stride: usize) -> PackedMatrix {
        let conv = super::table(level).conv;
        let shapes = conv[if (1..=2).contains(&stride) { stride - 1 } else { 2 }];
        PackedMatrix { shapes, ..PackedMatrix::new(level, weight, bias, Precision::F32) }
    }

    /// Packs them with a half block at the end, where the level has any use for it.
    pub(crate) fn halved<'a>(
        level: Level,
        weight: impl Into<WeightRowsRef<'a>>,
        bias: &[f64],
        precision: Precision,
    ) -> PackedMatrix {
        let weight = weight.into();
        let depth = weight.len() / bias.len().max(1);
        let last = bias.len() % BLOCK;
        if takes_amx(level, precision) || !super::table(level).halves() || last == 0 || last > BLOCK / 2 {
            return PackedMatrix::new(level, weight, bias, precision);
        }
        // The rows again, after as many zeros as there are to the middle.
        let zeros = BLOCK / 2 - last;
        let weight = match weight {
            WeightRowsRef::Exact(values) => WeightRows::Exact(repeated(values, zeros * depth, last * depth)),
            WeightRowsRef::Scaled { values, factors } => WeightRows::Scaled {
                values: repeated(values, zeros * depth, last * depth),
                factors: repeated(factors, zeros, last),
            },
            WeightRowsRef::Halves(blocks) => {
                WeightRows::Exact(repeated(&blocks.exact(), zeros * depth, last * depth))
            }
        };
        let bias = repeated(bias, zeros, last);
        PackedMatrix::with(level, WeightRowsRef::from(&weight), &bias, precision, true)
    }

    fn with(
        level: Level,
        weight: WeightRowsRef<'_>,
        bias: &[f64],
        precision: Precision,
        half: bool,
    ) -> PackedMatrix {
        let rows = bias.len();
        let depth = weight.len() / rows.max(1);
        let in_place = match weight {
            WeightRowsRef::Halves(blocks) if takes_halves(level, precision) => {
                blocks.in_place().and(Some(blocks))
            }
            _ => None,
        };
        let precision = if in_place.is_some() { Precision::F16 } else { precision };
        let amx = takes_amx(level, precision);
        let pairs = depth.div_ceil(2);
        let steps = match precision {
            Precision::Bf16 if amx => pairs.max(1).next_multiple_of(BLOCK),
            Precision::Bf16 => pairs,
            Precision::F32 | Precision::F16 => depth,
        };
        let weight = match in_place {
            Some(blocks) => Cells::Shared(blocks.clone()),
            None => Cells::Own(cells(weight, precision, rows, depth, steps)),
        };
        let mut biases = Aligned::zeros(rows.next_multiple_of(BLOCK));
        biases.iter_mut().zip(bias).for_each(|(to, b)| *to = *b as f32);
        let table = super::table(level);
        let shapes = if precision == Precision::Bf16 { table.bf16 } else { table.f32 };
        PackedMatrix { precision, shapes, amx, steps, half, weight, bias: biases }
    }

    /// What the weights are stored in: f16 in place of f32 where they were there already.
    pub(crate) fn precision(&self) -> Precision {
        self.precision
    }

    /// Whether its activations are to be rounded for AMX.
    pub(crate) fn amx(&self) -> bool {
        self.amx
    }

    /// How many blocks there are.
    pub(crate) fn blocks(&self) -> usize {
        self.bias.len() / BLOCK
    }

    /// The name of the largest micro-kernel for groups of so many blocks.
    pub(crate) fn micro_kernel(&self, blocks: usize) -> Option<&'static str> {
        let shapes = self.operand(0, blocks.min(self.blocks())).shapes;
        (!self.amx).then(|| shapes.largest().name)
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

    /// Cells of scratch for [`PackedMatrix::unpack`].
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

    /// Those blocks as an operand of [`super::product`]; no more than there is a micro-kernel for.
    pub(crate) fn operand(&self, first: usize, blocks: usize) -> WeightBlocks {
        let weight = self.weight(first, blocks);
        let half = self.half && first + blocks == self.blocks();
        let shapes = self.shapes.iter().find(|s| s.blocks() == blocks && s.half() == half);
        let Some(shapes) = shapes else { unreachable!("no micro-kernel for {blocks} blocks") };
        WeightBlocks {
            weight: weight.as_ptr(),
            bias: self.bias[first * BLOCK..][..blocks * BLOCK].as_ptr(),
            next: weight.as_ptr().wrapping_add(weight.len()),
            steps: self.steps,
            shapes,
            amx: self.amx,
        }
    }
}

/// The cells of a `[rows, depth]` matrix in a precision.
fn cells(
    weight: WeightRowsRef<'_>,
    precision: Precision,
    rows: usize,
    depth: usize,
    steps: usize,
) -> Aligned {
    let cells = rows.next_multiple_of(BLOCK) * steps;
    let mut packed = match precision {
        Precision::F32 => return Aligned::filled(cells, |to| weight.turn_into(depth, to)),
        Precision::F16 => Aligned::zeros(cells / 2),
        Precision::Bf16 => Aligned::zeros(cells),
    };
    for (r, row) in weight.exact().chunks_exact(depth.max(1)).enumerate() {
        // Where the row's weight of each step is.
        let cell = (0..steps).map(|step| (r / BLOCK * steps + step) * BLOCK + r % BLOCK);
        if precision == Precision::F16 {
            cell.zip(half::round_row(row)).for_each(|(at, w)| {
                packed[at / 2] = with_half(packed[at / 2], at % 2, w);
            });
        } else {
            cell.zip(row.chunks(2)).for_each(|(at, pair)| {
                for (i, w) in pair.iter().enumerate() {
                    packed[at] = with_half(packed[at], i, half::bf16(*w as f32));
                }
            });
        }
    }
    packed
}

/// Values, so many zeros, and the last of the values again.
fn repeated<T: Copy + Default>(values: &[T], zeros: usize, again: usize) -> Vec<T> {
    let mut out = values.to_vec();
    out.resize(out.len() + zeros, T::default());
    out.extend(&values[values.len() - again..]);
    out
}

/// Whether weights are packed for AMX tiles of bf16.
fn takes_amx(level: Level, precision: Precision) -> bool {
    precision == Precision::Bf16 && level.has_amx()
}

/// Whether weights that are in f16 stay so: where they are to be, and where vectors are widened by one instruction.
fn takes_halves(level: Level, precision: Precision) -> bool {
    precision == Precision::F16 || precision == Precision::F32 && level.widens_halves()
}

/// The cell with one of its halves replaced.
fn with_half(cell: f32, half: usize, bits: u16) -> f32 {
    let shift = 16 * half;
    f32::from_bits(cell.to_bits() & !(0xffff << shift) | u32::from(bits) << shift)
}

/// Blocks of weights, `[blocks, steps, BLOCK]`, and what multiplies them.
#[derive(Clone, Copy)]
pub(crate) struct WeightBlocks {
    pub(crate) weight: *const f32,
    /// `[blocks, BLOCK]`.
    pub(super) bias: *const f32,
    /// What to prefetch meanwhile, as many cells as `weight`: the next weights. It need not be readable.
    pub(super) next: *const f32,
    pub(super) steps: usize,
    /// The micro-kernels for so many blocks.
    pub(super) shapes: &'static MicroKernels,
    /// Whether AMX multiplies them, in place of the micro-kernels.
    #[cfg_attr(not(avx512), expect(dead_code, reason = "what has it, has AVX-512"))]
    pub(super) amx: bool,
}

/// A factor for each step of a product's weights, and where they go once it is in them: as many cells as they have.
#[derive(Clone, Copy)]
pub(crate) struct Gating {
    pub(super) gate: *const f32,
    pub(super) to: *mut f32,
}

impl WeightBlocks {
    /// Whether a product of so many columns may put a gate into the weights: its first register tile is a full one,
    /// and in f32.
    pub(crate) fn takes_gate(&self, cols: usize) -> bool {
        let first = |gated: &MicroKernel| self.shapes.first_of(cols).0.columns == gated.columns;
        cols > 0 && self.shapes.gated.is_some_and(first)
    }

    /// To put `gate` into these on their way to `to`.
    pub(crate) fn gating(&self, gate: &[f32], to: &mut [f32]) -> Gating {
        assert!(gate.len() == self.steps && to.len() >= self.shapes.blocks() * BLOCK * self.steps);
        Gating { gate: gate.as_ptr(), to: to.as_mut_ptr() }
    }
}
