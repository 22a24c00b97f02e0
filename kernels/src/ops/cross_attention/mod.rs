//! Cross-attention: each feature token looks at the ECG (Vaswani et al., 2017, with layer norm on both sides).
//!
//! `Q = LN_q(F) Wqᵀ + bq`, `K = Hᵀ Wkᵀ + bk`, `V = Hᵀ Wvᵀ + bv`; per head `i` (columns `i d/h` to `(i + 1) d/h`)
//! `A = softmax(Q Kᵀ / sqrt(d/h))` over the `T` positions; `O = concat(A V) Woᵀ + bo`; `Z = LN_out(F + O)`.
//!
//! | operand | shape | |
//! | --- | --- | --- |
//! | `f` | `[n, d]` | tokens |
//! | `h` | `[c, T]` | the head |
//! | → `z` | `[n, d]` | |
//!
//! The reference computes this as written. The kernel never makes `K` or `V`, which are `T` columns wide, but absorbs
//! their weights into the few queries: `q · (Wk h + bk) = (Wkᵀ q) · h + q · bk`, whose last term is the same at all
//! positions and drops out of the softmax; and `sum of a_t (Wv h_t + bv) = Wv (sum of a_t h_t) + bv`, as the `a_t` sum
//! to 1. Only the scores of one token are ever held, a row for each head.
//!
//! Error bound (see `tests/kit/src/bounds`): layer norm of exact tokens, rounded at the end; queries in 4 `l` chains;
//! absorbed ones a chain of `d / h` products; scores in `l` chains. An error `e` in a score is a factor `exp(e)` in
//! its weight; the softmax divides by the mean of these factors over all positions. A sum that is rescaled for a
//! larger score takes the error of an exponential each time. Pooled are spans of positions, then the spans; values
//! and outputs in 4 `l` chains; layer norm divides by the spread of a token, wherever that may lie within its error.
//! Errors pass seven sums in a row: for layers of hundreds the bound for any data is far above what happens, and the
//! likely one is what tests of networks' weights use.
//!
//! Cases: `tests/kit/src/cases/cross_attention.rs`. The bound, element by element: `tests/kit/src/bounds/cross_attention.rs`.

#[cfg(feature = "gpu")]
mod gpu;
mod reference;
mod simd;

use crate::error::ShapeError;
#[cfg(feature = "gpu")]
use crate::gpu::Shader;
use crate::op::{self, Contract, Cost, Kernel, Op, Precision};
use crate::simd::Level;
use crate::tensor::{Matrix, Shape};

/// A layer norm's weights.
#[derive(Clone, Debug)]
pub struct Norm {
    /// `[d]`.
    pub weight: Vec<f64>,
    /// `[d]`.
    pub bias: Vec<f64>,
}

/// A linear layer.
#[derive(Clone, Debug)]
pub struct Linear {
    /// `[outputs, inputs]`, row by row.
    pub weight: Vec<f64>,
    /// `[outputs]`.
    pub bias: Vec<f64>,
}

/// The weights of a cross-attention.
#[derive(Clone, Debug)]
pub struct CrossAttention {
    /// `n`.
    pub tokens: usize,
    /// `h`; divides `d`.
    pub heads: usize,
    /// `LN_q`.
    pub norm_q: Norm,
    /// `LN_out`.
    pub norm_out: Norm,
    /// `Wq, bq`: `[d, d]`.
    pub q: Linear,
    /// `Wk, bk`: `[d, c]`.
    pub k: Linear,
    /// `Wv, bv`: `[d, c]`.
    pub v: Linear,
    /// `Wo, bo`: `[d, d]`.
    pub out: Linear,
}

impl CrossAttention {
    fn dim(&self) -> usize {
        self.q.bias.len()
    }

    fn channels(&self) -> usize {
        self.k.weight.len() / self.dim().max(1)
    }
}

/// The shapes and flags of a [`CrossAttention`]: all of it but the weights' values.
struct CrossAttentionSpec {
    tokens: usize,
    dim: usize,
    channels: usize,
}

impl Contract for CrossAttentionSpec {
    fn name(&self) -> &'static str {
        "cross_attention"
    }

    fn outputs(&self, inputs: &[Shape]) -> Result<Vec<Shape>, ShapeError> {
        let f = Shape::new(self.tokens, self.dim);
        op::expect(self.name(), "f", inputs.first(), f)?;
        op::activation(self.name(), inputs.get(1..).unwrap_or_default(), self.channels)?;
        Ok(vec![f])
    }

    fn cost(&self, inputs: &[Shape]) -> Cost {
        // As written; absorbing keys and values saves most of it.
        let (n, d, h) = (self.tokens, self.dim, inputs[1]);
        let macs = n * (2 * d * d + 2 * d * h.cols) + 2 * d * h.len();
        let weights = 2 * d * d + 2 * d * h.rows + 7 * d;
        Cost::new(macs, weights, inputs, &inputs[..1])
    }
}

impl Op for CrossAttention {
    fn contract(&self) -> Box<dyn Contract> {
        Box::new(CrossAttentionSpec { tokens: self.tokens, dim: self.dim(), channels: self.channels() })
    }

    fn reference(&self, inputs: &[&Matrix], outputs: &mut [Matrix]) {
        reference::run(self, inputs[0], inputs[1], &mut outputs[0]);
    }

    fn pack(&self, level: Level, _: Precision) -> Box<dyn Kernel> {
        Box::new(simd::CrossAttentionKernel::new(self, level))
    }

    #[cfg(feature = "gpu")]
    fn shader(&self) -> Box<dyn Shader + '_> {
        Box::new(gpu::CrossAttentionShader(self))
    }
}
