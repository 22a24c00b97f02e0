//! Squeeze-excite: a gate for each channel from the channels' means over time (Hu et al., 2018).
//!
//! `s[c] = (sum over j of sums[j, c]) / T`, `gate = sigmoid(W2 · silu(W1 · s + b1) + b2)`. The multiplication is the
//! next layer's ([`crate::ops::pointwise`]).
//!
//! | operand | shape | |
//! | --- | --- | --- |
//! | `x` | `[c, T]` | only its shape is used |
//! | `sums` | `[time_chunks(T), c]` | as depthwise gives them |
//! | → `gate` | `[1, c]` | in 0 to 1 |
//!
//! Error bound (see `tests/kit/src/bounds`; `u = 2^-24`): the mean is in f64, rounded once. A hidden unit is a dot product
//! in 4 `l` chains, `l` the lanes of a vector, with a tree of height `log2 4 l` over them. Each chain errs as a sum does.
//! The error goes through the SiLU's slope into the second layer, a chain of `r` products that begins with the bias: `sum
//! of |w_r| e(h_r) + u sum of |s_r|`. The sigmoid's slope, at most 1/4, and its own `2 u + (3.1e-7 + 3e-9 |x|)
//! sigmoid(-x)` end it.
//!
//! Cases: `tests/kit/src/cases/squeeze_excite.rs`. The bound, element by element: `tests/kit/src/bounds/squeeze_excite.rs`.

#[cfg(feature = "gpu")]
mod gpu;

use crate::error::ShapeError;
use crate::gemv::{self, PaddedMatrix};
#[cfg(feature = "gpu")]
use crate::gpu::Shader;
use crate::math::{self, Function};
use crate::op::{self, Call, Contract, Cost, Kernel, Op, Precision};
use crate::ops::mean_of_time_chunks;
use crate::simd::{Body, Isa, Level};
use crate::tensor::{Layout, Matrix, Shape, TensorView};
use crate::time_chunk;
use crate::weight_rows::WeightRows;

/// The two layers of a squeeze-excite.
#[derive(Clone, Debug)]
pub struct SqueezeExcite {
    /// `W1`: `[r, c]`, row by row.
    pub reduce: WeightRows,
    /// `b1`: `[r]`.
    pub reduce_bias: Vec<f64>,
    /// `W2`: `[c, r]`, row by row.
    pub expand: WeightRows,
    /// `b2`: `[c]`.
    pub expand_bias: Vec<f64>,
}

/// The shapes and flags of a [`SqueezeExcite`]: all of it but the weights' values.
struct SqueezeExciteSpec {
    channels: usize,
    hidden: usize,
}

impl Contract for SqueezeExciteSpec {
    fn name(&self) -> &'static str {
        "squeeze_excite"
    }

    fn outputs(&self, inputs: &[Shape]) -> Result<Vec<Shape>, ShapeError> {
        let c = self.channels;
        let x = op::activation(self.name(), inputs, c)?;
        op::expect(self.name(), "sums", inputs.get(1), Shape::new(op::time_chunks(x.cols), c))?;
        Ok(vec![Shape::new(1, c)])
    }

    fn cost(&self, inputs: &[Shape]) -> Cost {
        let weights = 2 * self.channels * self.hidden;
        let biases = self.hidden + self.channels;
        Cost::new(weights, weights + biases, &inputs[1..], &[Shape::new(1, self.channels)])
    }
}

impl Op for SqueezeExcite {
    fn contract(&self) -> Box<dyn Contract> {
        Box::new(SqueezeExciteSpec { channels: self.expand_bias.len(), hidden: self.reduce_bias.len() })
    }

    fn reference(&self, inputs: &[&Matrix], outputs: &mut [Matrix]) {
        let mean = mean_of_time_chunks(inputs[1], inputs[0].shape.cols);
        let layer = |weight: &[f64], bias: &[f64], x: &[f64]| -> Vec<f64> {
            let rows = weight.chunks_exact(x.len());
            rows.zip(bias).map(|(w, b)| b + w.iter().zip(x).map(|(w, x)| w * x).sum::<f64>()).collect()
        };
        let mut hidden = layer(&self.reduce.exact(), &self.reduce_bias, &mean);
        hidden.iter_mut().for_each(|h| *h = math::f64::silu(*h));
        let gate = layer(&self.expand.exact(), &self.expand_bias, &hidden);
        for (to, g) in outputs[0].row_mut(0).iter_mut().zip(gate) {
            *to = math::f64::sigmoid(g);
        }
    }

    fn pack(&self, level: Level, _: Precision) -> Box<dyn Kernel> {
        Box::new(SqueezeExciteKernel {
            level,
            reduce: PaddedMatrix::new(&self.reduce, self.expand_bias.len()),
            reduce_bias: op::narrow(&self.reduce_bias),
            expand: PaddedMatrix::transposed(&self.expand, self.reduce_bias.len()),
            expand_bias: gemv::padded(&self.expand_bias),
        })
    }

    #[cfg(feature = "gpu")]
    fn shader(&self) -> Box<dyn Shader + '_> {
        Box::new(gpu::SqueezeExciteShader(self))
    }
}

/// One task: both layers are a small part of a block's work.
struct SqueezeExciteKernel {
    level: Level,
    reduce: PaddedMatrix,
    reduce_bias: Vec<f32>,
    /// Transposed: `[r, c]`.
    expand: PaddedMatrix,
    expand_bias: Vec<f32>,
}

impl Kernel for SqueezeExciteKernel {
    fn tasks(&self, _: &[Shape]) -> usize {
        1
    }

    fn weights(&self) -> [&[f32]; 2] {
        [self.reduce.all(), self.expand.all()]
    }

    fn input_layout(&self, index: usize) -> Layout {
        if index == 0 { Layout::Blocks } else { Layout::Rows }
    }

    fn scratch(&self, _: &[Shape]) -> usize {
        2 * self.expand.pitch + self.reduce_bias.len()
    }

    unsafe fn run(&self, call: Call<'_>) {
        let Call { inputs, outputs, scratch, .. } = call;
        // SAFETY: the only task of the call writes the only row.
        let gate = unsafe { outputs[0].row_mut(0) };
        self.level.dispatch(SqueezeExciteBody {
            op: self,
            cols: inputs[0].shape().cols,
            sums: &inputs[1],
            gate,
            scratch,
        });
    }
}

struct SqueezeExciteBody<'a> {
    op: &'a SqueezeExciteKernel,
    cols: usize,
    sums: &'a TensorView<'a>,
    gate: &'a mut [f32],
    scratch: &'a mut [f32],
}

impl Body for SqueezeExciteBody<'_> {
    type Output = ();

    #[inline(always)]
    fn call<I: Isa>(self, s: I) {
        let SqueezeExciteKernel { reduce, reduce_bias, expand, expand_bias, .. } = self.op;
        let (mean, rest) = self.scratch.split_at_mut(reduce.pitch);
        let (gate, hidden) = rest.split_at_mut(expand.pitch);
        time_chunk::mean_of_time_chunks(self.sums, self.cols, mean);
        for (r, h) in hidden.iter_mut().enumerate().take(reduce_bias.len()) {
            *h = gemv::dot(s, reduce.row(r), mean) + reduce_bias[r];
        }
        let hidden = &mut hidden[..reduce_bias.len()];
        math::map(s, hidden, Function::Silu);
        gate.copy_from_slice(expand_bias);
        gemv::accumulate(s, expand, 0, hidden, gate);
        math::map(s, gate, Function::Sigmoid);
        self.gate.copy_from_slice(&gate[..self.gate.len()]);
    }
}
