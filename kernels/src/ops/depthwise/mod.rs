//! Depthwise convolution, fused with the expand layer that makes its input.
//!
//! With an expand layer `h[c, t] = silu(b_e[c] + sum over i of w_e[c, i] * x[i, t])`, else `h = x`;
//! `y[c, t] = silu(bias[c] + sum over j of weight[c, j] * h[c, t * stride + j - kernel / 2])`, with zeros outside `h`.
//! `sums[j, c]` is the sum of `y[c, t]` over the `j`-th [time chunk](op::time_chunk): what squeeze-excite starts from.
//! Kernels are odd; `T' = floor((T + 2 floor(kernel / 2) - kernel) / stride) + 1`.
//!
//! | operand | shape |
//! | --- | --- |
//! | `x` | `[c_in, T]`, `c_in = channels` without expand |
//! | → `y` | `[channels, T']` |
//! | → `sums` | `[time_chunks(T'), channels]` |
//!
//! The two are one operation because the expanded activations are the largest of the network, six times the block's
//! input, and each is used a few times only, close together in time: they stay in the first-level cache.
//!
//! Error bound (see `tests/kit/src/bounds`; `u = 2^-24`): of `h` that of [`crate::ops::pointwise`] with SiLU, without an
//! expand layer none. Then, with `s_j` the partial sums over taps from the bias on, `e = sum of |w_j| e(h_j) + u sum
//! of |s_j|` (and of the products where multiply-adds round twice), the SiLU's part, and for `sums` the errors of
//! their terms and `u` times the sum of the magnitudes of their partial sums.
//!
//! Cases: `tests/kit/src/cases/depthwise.rs`. The bound, element by element: `tests/kit/src/bounds/depthwise.rs`.

#[cfg(feature = "gpu")]
mod gpu;
mod reference;
mod simd;

use super::window::Window;
use crate::error::ShapeError;
#[cfg(feature = "gpu")]
use crate::gpu::Shader;
use crate::op::{self, Contract, Cost, Kernel, Op, Precision};
use crate::simd::Level;
use crate::tensor::{Matrix, Shape};
use crate::weight_rows::WeightRows;

/// The expand layer with its folded weights.
#[derive(Clone, Debug)]
pub struct Expand {
    /// `[channels, c_in]`, row by row.
    pub weight: WeightRows,
    /// `[channels]`.
    pub bias: Vec<f64>,
}

/// A depthwise convolution with its folded weights.
#[derive(Clone, Debug)]
pub struct Depthwise {
    /// The layer before it, if it is fused.
    pub expand: Option<Expand>,
    /// `[channels, kernel]`, row by row.
    pub weight: Vec<f64>,
    /// `[channels]`.
    pub bias: Vec<f64>,
    /// Taps; odd.
    pub kernel: usize,
    /// Samples from one output to the next.
    pub stride: usize,
}

impl Depthwise {
    fn window(&self) -> Window {
        Window { kernel: self.kernel, stride: self.stride }
    }

    fn channels(&self) -> usize {
        self.bias.len()
    }

    fn c_in(&self) -> usize {
        self.expand.as_ref().map_or(self.channels(), |e| e.weight.len() / e.bias.len().max(1))
    }
}

/// The shapes and flags of a [`Depthwise`]: all of it but the weights' values.
struct DepthwiseSpec {
    expand: bool,
    c_in: usize,
    channels: usize,
    window: Window,
}

impl Contract for DepthwiseSpec {
    fn name(&self) -> &'static str {
        "depthwise"
    }

    fn outputs(&self, inputs: &[Shape]) -> Result<Vec<Shape>, ShapeError> {
        let x = op::activation(self.name(), inputs, self.c_in)?;
        let cols = self.window.outputs(x.cols);
        Ok(vec![Shape::new(self.channels, cols), Shape::new(op::time_chunks(cols), self.channels)])
    }

    fn cost(&self, inputs: &[Shape]) -> Cost {
        let y = Shape::new(self.channels, self.window.outputs(inputs[0].cols));
        let expand = if self.expand { self.c_in * self.channels } else { 0 };
        let weights = self.channels * self.window.kernel;
        let macs = expand * inputs[0].cols + weights * y.cols;
        Cost::new(macs, expand + weights + 2 * self.channels, inputs, &[y])
    }
}

impl Op for Depthwise {
    fn contract(&self) -> Box<dyn Contract> {
        let (c_in, channels, window) = (self.c_in(), self.channels(), self.window());
        Box::new(DepthwiseSpec { expand: self.expand.is_some(), c_in, channels, window })
    }

    fn reference(&self, inputs: &[&Matrix], outputs: &mut [Matrix]) {
        reference::run(self, inputs[0], outputs);
    }

    fn pack(&self, level: Level, precision: Precision) -> Box<dyn Kernel> {
        Box::new(simd::DepthwiseKernel::new(self, level, precision))
    }

    #[cfg(feature = "gpu")]
    fn shader(&self) -> Box<dyn Shader + '_> {
        Box::new(gpu::DepthwiseShader(self))
    }
}
