//! Pointwise (1×1) convolution: the project and head layers.
//!
//! `y[o, t] = act(bias[o] + sum over i of weight[o, i] * gate[i] * x[i, t]) + residual[o, t]`, with `act` the SiLU or
//! nothing, and gate and residual optional. `sums[j, o]` is the sum of `y[o, t]` over the `j`-th [time
//! chunk](op::time_chunk).
//!
//! | operand | shape | |
//! | --- | --- | --- |
//! | `x` | `[c_in, T]` | |
//! | `gate` | `[1, c_in]` | if `gate` |
//! | `residual` | `[c_out, T]` | if `residual` |
//! | → `y` | `[c_out, T]` | |
//! | → `sums` | `[time_chunks(T), c_out]` | if `sums` |
//!
//! Error bound (see `tests/kit/src/bounds`; `u = 2^-24`), with `s_k` the partial sums over input channels from 0 on: `e = u
//! (sum of |s_k| + |s_n + bias|)`; where multiply-adds round twice, and for the gate's product, `u` times the sum of
//! the magnitudes of the products more each. SiLU makes of it `|silu'| e + e² / 4 + E |y|`, `E = 2 u + (3.1e-7 + 3e-9
//! |x|) sigmoid(-x)` (2e-4 in bf16); the residual adds `u |y|`. `sums` add the errors of their terms, and `u` times
//! the sum of the magnitudes of their partial sums. All that is of the weights, and in bf16 the activations, as they
//! are stored; in bf16 a pair of products is rounded twice at most, in either order. By a GPU's cooperative matrices
//! `gate[i] * x[i, t]` is rounded to f16, `2^-11` of its magnitude more, times the weight's; and the sum is in any order, cut off or rounded: `2
//! γ(17/16 n)` times the sum of the magnitudes of the products in place of the first term.
//!
//! Cases: `tests/kit/src/cases/pointwise.rs`. The bound, element by element: `tests/kit/src/bounds/pointwise.rs`.

#[cfg(feature = "gpu")]
pub(super) mod gpu;
mod reference;
mod simd;

use crate::error::ShapeError;
#[cfg(feature = "gpu")]
use crate::gpu::Shader;
use crate::op::{self, Contract, Cost, Kernel, Op, Precision};
use crate::simd::Level;
use crate::tensor::{Matrix, Shape};
use crate::weight_rows::WeightRows;

/// A pointwise convolution with its folded weights.
#[derive(Clone, Debug)]
pub struct Pointwise {
    /// `[c_out, c_in]`, row by row.
    pub weight: WeightRows,
    /// `[c_out]`.
    pub bias: Vec<f64>,
    /// Whether SiLU follows.
    pub silu: bool,
    /// Whether a gate multiplies the input channels.
    pub gate: bool,
    /// Whether a residual is added.
    pub residual: bool,
    /// Whether the sums over time are wanted.
    pub sums: bool,
}

impl Pointwise {
    fn c_out(&self) -> usize {
        self.bias.len()
    }

    fn c_in(&self) -> usize {
        self.weight.len() / self.bias.len().max(1)
    }
}

/// The shapes and flags of a [`Pointwise`]: all of it but the weights' values.
struct PointwiseSpec {
    c_in: usize,
    c_out: usize,
    gate: bool,
    residual: bool,
    sums: bool,
}

impl Contract for PointwiseSpec {
    fn name(&self) -> &'static str {
        "pointwise"
    }

    fn outputs(&self, inputs: &[Shape]) -> Result<Vec<Shape>, ShapeError> {
        let x = op::activation(self.name(), inputs, self.c_in)?;
        let y = Shape::new(self.c_out, x.cols);
        let mut rest = inputs[1..].iter();
        if self.gate {
            op::expect(self.name(), "gate", rest.next(), Shape::new(1, self.c_in))?;
        }
        if self.residual {
            op::expect(self.name(), "residual", rest.next(), y)?;
        }
        let mut outputs = vec![y];
        if self.sums {
            outputs.push(Shape::new(op::time_chunks(y.cols), y.rows));
        }
        Ok(outputs)
    }

    fn cost(&self, inputs: &[Shape]) -> Cost {
        let y = Shape::new(self.c_out, inputs[0].cols);
        let weights = self.c_in * self.c_out;
        Cost::new(weights * y.cols, weights + self.c_out, inputs, &[y])
    }
}

impl Op for Pointwise {
    fn contract(&self) -> Box<dyn Contract> {
        let Pointwise { gate, residual, sums, .. } = *self;
        Box::new(PointwiseSpec { c_in: self.c_in(), c_out: self.c_out(), gate, residual, sums })
    }

    fn reference(&self, inputs: &[&Matrix], outputs: &mut [Matrix]) {
        reference::run(self, inputs, outputs);
    }

    fn pack(&self, level: Level, precision: Precision) -> Box<dyn Kernel> {
        Box::new(simd::PointwiseKernel::new(self, level, precision))
    }

    #[cfg(feature = "gpu")]
    fn shader(&self) -> Box<dyn Shader + '_> {
        Box::new(gpu::PointwiseShader(self))
    }
}
