//! Every micro-kernel of every table, one by one, on whole numbers, of which products and sums are exact: whatever the order,
//! each result has one right value. What operations make of them is held against f64 in `tests/operations`.

use super::micro_kernel::RegisterTiles;
use super::table::{MicroKernel, MicroKernels};
use super::*;
use crate::aligned::Aligned;
use std::collections::BTreeSet;

/// What results are surrounded with.
const GUARD: f32 = 12345.0;
/// Guard cells at each end, and columns between blocks.
const MARGIN: usize = 2 * BLOCK;

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    F32,
    Bf16,
    Conv { stride: usize },
}

/// A whole number from -3 to 3.
fn weight(row: usize, step: usize) -> f64 {
    ((row * 31 + step * 17) % 7) as f64 - 3.0
}

fn activation(step: usize, col: usize) -> f64 {
    ((step * 13 + col * 29) % 9) as f64 - 4.0
}

fn gate(step: usize) -> f64 {
    (step % 3) as f64 + 1.0
}

/// Runs one micro-kernel over `count` register tiles of `depth` terms, and checks every cell.
fn check(
    level: Level,
    shapes: &'static MicroKernels,
    kernel: &MicroKernel,
    kind: Kind,
    depth: usize,
    count: usize,
) {
    let (rows, cols) = (shapes.rows, kernel.columns * count);
    let weights: Vec<f64> = (0..rows).flat_map(|r| (0..depth).map(move |k| weight(r, k))).collect();
    let bias: Vec<f64> = (0..rows).map(|r| r as f64 - 5.0).collect();
    let precision = if kind == Kind::Bf16 { Precision::Bf16 } else { Precision::F32 };
    let packed = match kind {
        Kind::Conv { stride } => PackedMatrix::taps(level, &weights, &bias, stride),
        _ if shapes.half() => PackedMatrix::halved(level, &weights, &bias, precision),
        _ => PackedMatrix::new(level, &weights, &bias, precision),
    };
    let operand = packed.operand(0, shapes.blocks());
    assert!(std::ptr::eq(operand.shapes, shapes), "{}: packed for another", kernel.name);

    let view_shape = crate::tensor::Shape::new(depth, cols);
    let mut blocks = Aligned::zeros(crate::tensor::Layout::Blocks.cells(view_shape));
    for k in 0..depth {
        for t in 0..cols {
            blocks[crate::tensor::Layout::Blocks.at(view_shape, k, t)] = activation(k, t) as f32;
        }
    }
    let view = crate::tensor::TensorView::new(&blocks, view_shape, crate::tensor::Layout::Blocks);
    let mut rounded = Aligned::zeros(Bf16Blocks::cells(depth, cols, false));
    struct Round<'a>(&'a crate::tensor::TensorView<'a>, usize, &'a mut [f32]);
    impl crate::simd::Body for Round<'_> {
        type Output = Activations;
        #[inline(always)]
        fn call<I: Isa>(self, s: I) -> Activations {
            Bf16Blocks::round(s, self.0, 0..self.1, None, false, self.2)
        }
    }
    // Of a convolution: rows one after the other, the samples of a column `stride` apart.
    let pitch = |stride: usize| cols * stride;
    let (rows_of_taps, offsets): (Vec<f32>, Vec<usize>);
    let x = match kind {
        Kind::F32 => Activations::of(&view, 0),
        Kind::Bf16 => level.dispatch(Round(&view, cols, &mut rounded)),
        Kind::Conv { stride } => {
            let mut samples = vec![f32::NAN; depth * pitch(stride)];
            for k in 0..depth {
                (0..cols).for_each(|t| samples[k * pitch(stride) + t * stride] = activation(k, t) as f32);
            }
            rows_of_taps = samples;
            offsets = (0..depth).map(|k| k * pitch(stride)).collect();
            Activations::taps(&rows_of_taps, &offsets, stride)
        }
    };

    let to_pitch = cols * BLOCK + MARGIN;
    let mut to = vec![GUARD; MARGIN + shapes.blocks() * to_pitch];
    let gated = kernel.name.contains("gated");
    let gates: Vec<f32> = (0..depth).map(|k| gate(k) as f32).collect();
    let mut gated_weights = vec![GUARD; packed.weight(0, shapes.blocks()).len()];
    let tiles = RegisterTiles {
        count,
        weight: operand.weight,
        bias: operand.bias,
        steps: operand.steps,
        x: x.data,
        pitch: x.pitch,
        offsets: x.offsets,
        stride: x.stride,
        to: to[MARGIN..].as_mut_ptr(),
        to_pitch,
        prefetch: [operand.weight; 2],
        prefetch_advance: [0; 2],
        gate: gates.as_ptr(),
        gated: gated_weights.as_mut_ptr(),
    };
    // SAFETY: the level is there; operands and results are as long as the shapes say.
    unsafe { (kernel.run)(&tiles) };

    let mut expected = vec![GUARD; to.len()];
    for b in 0..shapes.blocks() {
        for t in 0..cols {
            for lane in 0..BLOCK {
                let r = b * BLOCK + lane;
                let factor = |k: usize| if gated { gate(k) } else { 1.0 };
                let term = |k: usize| weight(r, k) * factor(k) * activation(k, t);
                let value = if r < rows { (0..depth).map(term).sum::<f64>() + bias[r] } else { 0.0 };
                expected[MARGIN + b * to_pitch + t * BLOCK + lane] = value as f32;
            }
        }
    }
    for (i, (found, wanted)) in to.iter().zip(&expected).enumerate() {
        assert!(found == wanted, "{}: depth {depth}: cell {i} is {found}, not {wanted}", kernel.name);
    }
    if gated {
        let weights = packed.weight(0, shapes.blocks()).iter().enumerate();
        for (i, w) in weights {
            let wanted = w * gates[i / BLOCK % depth];
            assert!(gated_weights[i] == wanted, "{}: gated weight {i}", kernel.name);
        }
    }
}

/// All micro-kernels of a kind.
fn check_all(name: &str, kind: Kind) {
    let Some(level) = Level::by_name(name) else {
        efficientecg_skipped::skipped(&format!("this processor has no {name}"));
        return;
    };
    if kind == Kind::Bf16 && level.has_amx() {
        efficientecg_skipped::skipped(&format!("{name} multiplies bf16 by AMX here"));
        return;
    }
    let table = super::table(level);
    let all = match kind {
        Kind::F32 => table.f32,
        Kind::Bf16 => table.bf16,
        Kind::Conv { stride } => table.conv[stride.min(3) - 1],
    };
    let depths: &[usize] = if cfg!(miri) { &[1, 17] } else { &[1, 2, 15, 16, 17, 40, 101] };
    let mut names = BTreeSet::new();
    for shapes in all {
        let others = shapes.gated.into_iter().chain(shapes.cold).chain(shapes.quiet);
        for kernel in shapes.plain.into_iter().chain(others) {
            if !names.insert(kernel.name) {
                continue;
            }
            assert!(kernel.name.ends_with(&format!("x{}__{name}", kernel.columns)), "{}", kernel.name);
            for depth in depths {
                (1..=2).for_each(|count| check(level, shapes, kernel, kind, *depth, count));
            }
        }
    }
    println!("{name}: {} micro-kernels", names.len());
    assert!(!names.is_empty());
}

/// The tests of an instruction set, so that its name finds them.
macro_rules! tests {
    ($level:ident) => {
        mod $level {
            use super::{Kind, check_all};

            #[test]
            fn f32_gemm() {
                check_all(stringify!($level), Kind::F32);
            }

            #[test]
            fn bf16_gemm() {
                check_all(stringify!($level), Kind::Bf16);
            }

            #[test]
            fn f32_conv() {
                (1..=3).for_each(|stride| check_all(stringify!($level), Kind::Conv { stride }));
            }
        }
    };
}
efficientecg_kit::for_each_level!(tests!);

#[test]
fn register_tiles_cover_the_columns_and_are_even() {
    for level in Level::available() {
        let table = super::table(level);
        for shapes in table.f32.iter().chain(table.bf16).chain(table.conv.into_iter().flatten()) {
            for cols in 1..400 {
                let (mut left, mut sizes) = (cols, Vec::new());
                while left > 0 {
                    let (kernel, count) = shapes.first_of(left);
                    assert!(count >= 1 && count * kernel.columns <= left, "{} of {left}", kernel.name);
                    sizes.extend(std::iter::repeat_n(kernel.columns, count));
                    left -= count * kernel.columns;
                }
                let all_there = shapes.plain.iter().map(|k| k.columns).collect::<BTreeSet<_>>();
                if !shapes.half() && all_there.len() == shapes.most() {
                    let (least, most) = (sizes.iter().min(), sizes.iter().max());
                    assert!(least.zip(most).is_some_and(|(a, b)| b - a <= 1), "{cols}: {sizes:?}");
                }
            }
        }
    }
}
