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
//! Tolerance: a sequence's error grows with its steps, damped by the forget gate; 1e-5 covers 200 of them.

mod cases;
mod gpu;
mod reference;
mod simd;

use crate::error::ShapeError;
use crate::gpu::Shader;
use crate::op::{self, Cost, Kernel, Op};
use crate::simd::Level;
use crate::view::{Matrix, Shape};

pub(crate) use cases::cases;

/// The features of a network, in order.
#[derive(Clone, Debug)]
pub struct Tokens {
    /// Width of a token.
    pub dim: usize,
    /// What makes each token.
    pub features: Vec<Feature>,
}

/// The weights of one feature.
#[derive(Clone, Debug)]
pub enum Feature {
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

impl Feature {
    fn operands(&self) -> usize {
        match self {
            Feature::Continuous { .. } | Feature::Categorical { .. } => 1,
            Feature::Sequence { .. } => 2,
        }
    }

    fn weights(&self) -> usize {
        match self {
            Feature::Continuous { weight, .. } => 3 * weight.len(),
            Feature::Categorical { embedding } => embedding.len(),
            Feature::Sequence { input_weight, hidden_weight, bias, proj, missing, .. } => {
                input_weight.len() + hidden_weight.len() + bias.len() + proj.len() + 2 * missing.len()
            }
        }
    }
}

impl Tokens {
    /// Each feature with the index of its first operand.
    fn with_operands(&self) -> impl Iterator<Item = (usize, &Feature)> {
        self.features.iter().scan(0, |next, f| {
            let first = *next;
            *next += f.operands();
            Some((first, f))
        })
    }
}

impl Op for Tokens {
    fn name(&self) -> &'static str {
        "tokens"
    }

    fn outputs(&self, inputs: &[Shape]) -> Result<Vec<Shape>, ShapeError> {
        let one = Shape::new(1, 1);
        for (at, feature) in self.with_operands() {
            match feature {
                Feature::Continuous { .. } => op::expect(self.name(), "value", inputs.get(at), one)?,
                Feature::Categorical { .. } => op::expect(self.name(), "index", inputs.get(at), one)?,
                Feature::Sequence { inputs: width, .. } => {
                    if inputs.get(at).is_none_or(|rows| rows.cols != *width || rows.rows == 0) {
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
        let mut macs = 0;
        for (at, feature) in self.with_operands() {
            macs += match feature {
                Feature::Continuous { .. } => self.dim,
                Feature::Categorical { .. } => 0,
                Feature::Sequence { input_weight, hidden_weight, proj, .. } => {
                    inputs[at].rows * (input_weight.len() + hidden_weight.len()) + proj.len()
                }
            };
        }
        let weights = self.features.iter().map(Feature::weights).sum();
        Cost::new(macs, weights, inputs, &[Shape::new(self.features.len(), self.dim)])
    }

    fn reference(&self, inputs: &[&Matrix], outputs: &mut [Matrix]) {
        reference::run(self, inputs, &mut outputs[0]);
    }

    fn pack(&self, level: Level) -> Box<dyn Kernel> {
        Box::new(simd::Packed::new(self, level))
    }

    fn shader(&self) -> Box<dyn Shader + '_> {
        Box::new(gpu::Gpu(self))
    }
}
