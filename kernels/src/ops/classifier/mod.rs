//! The classifier: logits and probabilities from the pooled head and the fused tokens.
//!
//! `logits = W · concat(m, z row by row) + b` with `m[c] = (sum over j of sums[j, c]) / T`; the probabilities are the
//! softmax or the sigmoid of the logits.
//!
//! | operand | shape | |
//! | --- | --- | --- |
//! | `x` | `[c, T]` | the head; only its shape is used |
//! | `sums` | `[time_chunks(T), c]` | as the head gives them |
//! | `z` | `[n, d]` | if `n > 0` |
//! | → `logits` | `[1, classes]` | |
//! | → `probabilities` | `[1, classes]` | softmax rows sum to 1 |
//!
//! Error bound (see `tests/kit/src/bounds`; `u = 2^-24`): means are in f64, rounded once; a logit is a dot product in 4 `l`
//! chains, `l` the lanes of a vector, and a tree of height `log2 4 l`, rounded once more with its bias. An error `e` of a
//! logit is a factor `exp(e)` of its exponential. A probability has its own factor and the mean of all of them, each with
//! the exponential's `2e-7 + 3e-9 |x|`, and two roundings. What all logits err by in common drops out.
//!
//! Cases: `tests/kit/src/cases/classifier.rs`. The bound, element by element: `tests/kit/src/bounds/classifier.rs`.

#[cfg(feature = "gpu")]
mod gpu;

use crate::error::ShapeError;
use crate::gemv::{self, PaddedMatrix};
#[cfg(feature = "gpu")]
use crate::gpu::Shader;
use crate::math::{self, Function};
use crate::op::{self, Call, Contract, Cost, Kernel, Op, Precision};
use crate::ops::mean_of_time_chunks;
use crate::simd::{Body, Isa, Level, MAX_LANES};
use crate::softmax;
use crate::tensor::{Layout, Matrix, Shape, TensorView};
use crate::time_chunk;

/// A linear layer and what makes probabilities of it.
#[derive(Clone, Debug)]
pub struct Classifier {
    /// `[classes, c + n d]`, row by row.
    pub weight: Vec<f64>,
    /// `[classes]`.
    pub bias: Vec<f64>,
    /// Rows and columns of `z`; `[0, 0]` without fusion.
    pub tokens: Shape,
    /// Softmax over the classes, else a sigmoid of each.
    pub softmax: bool,
}

impl Classifier {
    fn width(&self) -> usize {
        self.weight.len() / self.bias.len().max(1)
    }
}

/// The shapes and flags of a [`Classifier`]: all of it but the weights' values.
struct ClassifierSpec {
    channels: usize,
    tokens: Shape,
    classes: usize,
}

impl Contract for ClassifierSpec {
    fn name(&self) -> &'static str {
        "classifier"
    }

    fn outputs(&self, inputs: &[Shape]) -> Result<Vec<Shape>, ShapeError> {
        let c = self.channels;
        let x = op::activation(self.name(), inputs, c)?;
        op::expect(self.name(), "sums", inputs.get(1), Shape::new(op::time_chunks(x.cols), c))?;
        if self.tokens.rows > 0 {
            op::expect(self.name(), "z", inputs.get(2), self.tokens)?;
        }
        Ok(vec![Shape::new(1, self.classes); 2])
    }

    fn cost(&self, inputs: &[Shape]) -> Cost {
        let outputs = [Shape::new(1, self.classes); 2];
        let weights = self.classes * (self.channels + self.tokens.len());
        Cost::new(weights, weights + self.classes, &inputs[1..], &outputs)
    }
}

impl Op for Classifier {
    fn contract(&self) -> Box<dyn Contract> {
        let channels = self.width() - self.tokens.len();
        Box::new(ClassifierSpec { channels, tokens: self.tokens, classes: self.bias.len() })
    }

    fn reference(&self, inputs: &[&Matrix], outputs: &mut [Matrix]) {
        let mut x = mean_of_time_chunks(inputs[1], inputs[0].shape.cols);
        if self.tokens.rows > 0 {
            x.extend(&inputs[2].data);
        }
        for (class, logit) in outputs[0].row_mut(0).iter_mut().enumerate() {
            let row = &self.weight[class * x.len()..][..x.len()];
            *logit = self.bias[class] + row.iter().zip(&x).map(|(w, x)| w * x).sum::<f64>();
        }
        let logits = outputs[0].data.clone();
        let top = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let total: f64 = logits.iter().map(|l| (l - top).exp()).sum();
        for (p, l) in outputs[1].row_mut(0).iter_mut().zip(logits) {
            *p = if self.softmax { (l - top).exp() / total } else { math::f64::sigmoid(l) };
        }
    }

    fn pack(&self, level: Level, _: Precision) -> Box<dyn Kernel> {
        Box::new(ClassifierKernel {
            level,
            weight: PaddedMatrix::new(&self.weight, self.width()),
            bias: op::narrow(&self.bias),
            softmax: self.softmax,
        })
    }

    #[cfg(feature = "gpu")]
    fn shader(&self) -> Box<dyn Shader + '_> {
        Box::new(gpu::ClassifierShader(self))
    }
}

/// One task.
struct ClassifierKernel {
    level: Level,
    weight: PaddedMatrix,
    bias: Vec<f32>,
    softmax: bool,
}

impl Kernel for ClassifierKernel {
    fn tasks(&self, _: &[Shape]) -> usize {
        1
    }

    fn input_layout(&self, index: usize) -> Layout {
        if index == 0 { Layout::Blocks } else { Layout::Rows }
    }

    fn scratch(&self, _: &[Shape]) -> usize {
        self.weight.pitch + MAX_LANES
    }

    unsafe fn run(&self, call: Call<'_>) {
        let Call { inputs, outputs, scratch, .. } = call;
        // SAFETY: the only task of the call writes both rows.
        let (logits, probabilities) = unsafe { (outputs[0].row_mut(0), outputs[1].row_mut(0)) };
        self.level.dispatch(ClassifierBody { op: self, inputs, logits, probabilities, scratch });
    }
}

struct ClassifierBody<'a> {
    op: &'a ClassifierKernel,
    inputs: &'a [TensorView<'a>],
    logits: &'a mut [f32],
    probabilities: &'a mut [f32],
    scratch: &'a mut [f32],
}

impl Body for ClassifierBody<'_> {
    type Output = ();

    #[inline(always)]
    fn call<I: Isa>(self, s: I) {
        let ClassifierKernel { weight, bias, softmax, .. } = self.op;
        let x = &mut self.scratch[..weight.pitch];
        let (head, sums) = (self.inputs[0].shape(), &self.inputs[1]);
        time_chunk::mean_of_time_chunks(sums, head.cols, x);
        if let Some(z) = self.inputs.get(2) {
            let width = z.shape().cols;
            for r in 0..z.shape().rows {
                x[head.rows + r * width..][..width].copy_from_slice(z.row(r));
            }
        }
        for (class, logit) in self.logits.iter_mut().enumerate() {
            *logit = gemv::dot(s, weight.row(class), x) + bias[class];
        }
        self.probabilities.copy_from_slice(self.logits);
        if *softmax {
            softmax::softmax(s, self.probabilities);
        } else {
            math::map(s, self.probabilities, Function::Sigmoid);
        }
    }
}
