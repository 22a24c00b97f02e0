//! Feature tokens: one row of width `d` for each patient feature.
//!
//! | kind | operands | token | when missing |
//! | --- | --- | --- | --- |
//! | continuous | `value` `[1, 1]`, NaN: missing | `value * weight + bias` | `missing` |
//! | categorical | `index` `[1, 1]`, negative: missing | that row of `embedding` | its last row |
//! | sequence | `rows` `[S, inputs]`, `steps` `[1, 1]` | `proj · h + proj_bias` | `missing`, where `steps` is 0 |
//!
//! `h` is the last hidden state of an LSTM (Hochreiter and Schmidhuber, 1997) over the first `steps` rows, from zeros:
//! `i, f, g, o = W_ih x + W_hh h + b` in this order, `c = sigmoid(f) c + sigmoid(i) tanh(g)`, `h = sigmoid(o) tanh(c)`.
//!
//! Result: `tokens` `[n, d]`, a row for each feature in order. The rows past `steps` are never read.
//!
//! Error bound (see `tests/kit/src/bounds`): a product and a sum are rounded; a row of an embedding is exact. A sequence is
//! followed step by step. A gate is a chain that begins with its bias and goes over `x`, then `h`; errors of `h` count with
//! the magnitudes of the weights. The gate's error goes through the slope of sigmoid or tanh at that gate, which adds its
//! own. So a saturated gate forgets what came before. Over many steps the bound for any data is far above what happens, and
//! the likely one is what tests of networks' weights use.
//!
//! Cases: `tests/kit/src/cases/tokens.rs`. The bound, element by element: `tests/kit/src/bounds/tokens.rs`.

#[cfg(feature = "gpu")]
mod gpu;
mod lstm;
mod reference;
mod simd;

use crate::error::ShapeError;
#[cfg(feature = "gpu")]
use crate::gpu::Shader;
use crate::op::{self, Contract, Cost, Kernel, Op, Precision};
use crate::simd::Level;
use crate::tensor::{Matrix, Shape};

/// The features of a network, in order.
#[derive(Clone, Debug)]
pub struct Tokens {
    /// Width of a token.
    pub dim: usize,
    /// What makes each token.
    pub features: Vec<Encoder>,
}

/// The weights that make the token of one feature.
#[derive(Clone, Debug)]
pub enum Encoder {
    /// One number, less its offset and over its scale: the caller's affair, in f64, as it may cancel.
    Continuous {
        /// `[d]`.
        weight: Vec<f64>,
        /// `[d]`.
        bias: Vec<f64>,
        /// `[d]`.
        missing: Vec<f64>,
    },
    /// One of some categories.
    Categorical {
        /// `[categories + 1, d]`, the last row for missing.
        embedding: Vec<f64>,
    },
    /// Rows of numbers, through an LSTM.
    Sequence {
        /// Numbers a row.
        inputs: usize,
        /// Width of the hidden state.
        hidden: usize,
        /// `W_ih`: `[4 hidden, inputs]`.
        input_weight: Vec<f64>,
        /// `W_hh`: `[4 hidden, hidden]`.
        hidden_weight: Vec<f64>,
        /// `b_ih + b_hh`: `[4 hidden]`.
        bias: Vec<f64>,
        /// `[d, hidden]`.
        proj: Vec<f64>,
        /// `[d]`.
        proj_bias: Vec<f64>,
        /// `[d]`.
        missing: Vec<f64>,
    },
}

impl Tokens {
    /// Each feature with the index of its first operand.
    fn with_operands(&self) -> impl Iterator<Item = (usize, &Encoder)> {
        self.features.iter().scan(0, |next, f| {
            let first = *next;
            *next += if matches!(f, Encoder::Sequence { .. }) { 2 } else { 1 };
            Some((first, f))
        })
    }
}

/// The shapes and flags of a [`Tokens`]: all of it but the weights' values.
struct TokensSpec {
    dim: usize,
    /// With the index of each feature's first operand.
    features: Vec<(usize, FeatureSpec)>,
}

#[derive(Clone, Copy)]
enum FeatureSpec {
    Continuous,
    Categorical { rows: usize },
    Sequence { inputs: usize, hidden: usize },
}

impl FeatureSpec {
    fn of(feature: &Encoder, dim: usize) -> FeatureSpec {
        match feature {
            Encoder::Continuous { .. } => FeatureSpec::Continuous,
            Encoder::Categorical { embedding } => {
                FeatureSpec::Categorical { rows: embedding.len() / dim.max(1) }
            }
            Encoder::Sequence { inputs, hidden, .. } => {
                FeatureSpec::Sequence { inputs: *inputs, hidden: *hidden }
            }
        }
    }
}

impl Contract for TokensSpec {
    fn name(&self) -> &'static str {
        "tokens"
    }

    fn outputs(&self, inputs: &[Shape]) -> Result<Vec<Shape>, ShapeError> {
        let one = Shape::new(1, 1);
        for &(at, kind) in &self.features {
            match kind {
                FeatureSpec::Continuous => op::expect(self.name(), "value", inputs.get(at), one)?,
                FeatureSpec::Categorical { .. } => op::expect(self.name(), "index", inputs.get(at), one)?,
                FeatureSpec::Sequence { inputs: width, .. } => {
                    if inputs.get(at).is_none_or(|rows| rows.cols != width || rows.rows == 0) {
                        let expected = format!("[1 or more, {width}]");
                        return Err(op::mismatch(self.name(), "rows", inputs.get(at), expected));
                    }
                    op::expect(self.name(), "steps", inputs.get(at + 1), one)?;
                }
            }
        }
        Ok(vec![Shape::new(self.features.len(), self.dim)])
    }

    fn cost(&self, inputs: &[Shape]) -> Cost {
        let (mut macs, mut weights) = (0, 0);
        for &(at, kind) in &self.features {
            match kind {
                FeatureSpec::Continuous => {
                    macs += self.dim;
                    weights += 3 * self.dim;
                }
                FeatureSpec::Categorical { rows } => weights += rows * self.dim,
                FeatureSpec::Sequence { inputs: width, hidden } => {
                    let (step, proj) = (4 * hidden * (width + hidden), self.dim * hidden);
                    macs += inputs[at].rows * step + proj;
                    weights += step + 4 * hidden + proj + 2 * self.dim;
                }
            }
        }
        Cost::new(macs, weights, inputs, &[Shape::new(self.features.len(), self.dim)])
    }
}

impl Op for Tokens {
    fn contract(&self) -> Box<dyn Contract> {
        let features = self.with_operands().map(|(at, f)| (at, FeatureSpec::of(f, self.dim))).collect();
        Box::new(TokensSpec { dim: self.dim, features })
    }

    fn reference(&self, inputs: &[&Matrix], outputs: &mut [Matrix]) {
        reference::run(self, inputs, &mut outputs[0]);
    }

    fn pack(&self, level: Level, _: Precision) -> Box<dyn Kernel> {
        Box::new(simd::TokensKernel::new(self, level))
    }

    #[cfg(feature = "gpu")]
    fn shader(&self) -> Box<dyn Shader + '_> {
        Box::new(gpu::TokensShader(self))
    }
}
