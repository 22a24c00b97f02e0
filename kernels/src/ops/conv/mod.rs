//! Convolution over leads and time: the stem.
//!
//! `y[o, t] = silu(bias[o] + sum over l, j of weight[o, l, j] * x[l, t * stride + j - kernel / 2])`, with zeros outside
//! `x`. Kernels are odd; `T' = floor((T + 2 floor(kernel / 2) - kernel) / stride) + 1`.
//!
//! | operand | shape |
//! | --- | --- |
//! | `x` | `[leads, T]` |
//! | → `y` | `[c_out, T']` |
//!
//! Error bound (see `tests/kit/src/bounds`; `u = 2^-24`), with `s_k` the partial sums over leads and taps from 0 on: `e = u
//! (sum of |s_k| + |s_n + bias|)`, and where multiply-adds round twice `u` times the sum of the magnitudes of the
//! products more; then `|silu'| e + e² / 4 + E |y|`, `E = 2 u + (3.1e-7 + 3e-9 |x|) sigmoid(-x)` the SiLU's own.
//!
//! Cases: `tests/kit/src/cases/conv.rs`. The bound, element by element: `tests/kit/src/bounds/conv.rs`.

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

/// A convolution with its folded weights.
#[derive(Clone, Debug)]
pub struct Conv {
    /// `[c_out, leads, kernel]`, row by row.
    pub weight: Vec<f64>,
    /// `[c_out]`.
    pub bias: Vec<f64>,
    /// Input channels.
    pub leads: usize,
    /// Taps; odd.
    pub kernel: usize,
    /// Samples from one output to the next.
    pub stride: usize,
}

impl Conv {
    fn window(&self) -> Window {
        Window { kernel: self.kernel, stride: self.stride }
    }
}

/// The shapes and flags of a [`Conv`]: all of it but the weights' values.
struct ConvSpec {
    leads: usize,
    c_out: usize,
    window: Window,
}

impl Contract for ConvSpec {
    fn name(&self) -> &'static str {
        "conv"
    }

    fn outputs(&self, inputs: &[Shape]) -> Result<Vec<Shape>, ShapeError> {
        let x = op::activation(self.name(), inputs, self.leads)?;
        Ok(vec![Shape::new(self.c_out, self.window.outputs(x.cols))])
    }

    fn cost(&self, inputs: &[Shape]) -> Cost {
        let y = Shape::new(self.c_out, self.window.outputs(inputs[0].cols));
        let weights = self.c_out * self.leads * self.window.kernel;
        Cost::new(weights * y.cols, weights + y.rows, inputs, &[y])
    }
}

impl Op for Conv {
    fn contract(&self) -> Box<dyn Contract> {
        Box::new(ConvSpec { leads: self.leads, c_out: self.bias.len(), window: self.window() })
    }

    fn reference(&self, inputs: &[&Matrix], outputs: &mut [Matrix]) {
        reference::run(self, inputs[0], &mut outputs[0]);
    }

    fn pack(&self, level: Level, _: Precision) -> Box<dyn Kernel> {
        Box::new(simd::ConvKernel::new(self, level))
    }

    #[cfg(feature = "gpu")]
    fn shader(&self) -> Box<dyn Shader + '_> {
        Box::new(gpu::ConvShader(self))
    }
}
