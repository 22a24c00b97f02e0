//! The network's weights ready for a graph: batch norm folded, plain row-major `f64`.
//!
//! Structure and names follow EfficientECG (arXiv 2512.03804). [`crate::fold_bn`] makes a [`Network`] from
//! [`crate::weights::Weights`].

use crate::fault::Fault;

/// A 1-D convolution with the following batch norm folded in.
#[derive(Debug, Clone, PartialEq)]
pub struct ConvBn {
    /// Output channels.
    pub c_out: usize,
    /// Input channels a group: 1 if depthwise.
    pub c_in: usize,
    /// Kernel length, odd.
    pub kernel: usize,
    /// Stride.
    pub stride: usize,
    /// `[c_out, c_in, kernel]`.
    pub weight: Vec<f64>,
    /// `[c_out]`.
    pub bias: Vec<f64>,
}

/// `y = weight · x + bias`.
#[derive(Debug, Clone, PartialEq)]
pub struct Linear {
    /// Outputs.
    pub out: usize,
    /// Inputs.
    pub input: usize,
    /// `[out, input]`.
    pub weight: Vec<f64>,
    /// `[out]`.
    pub bias: Vec<f64>,
}

/// Scale and shift of a layer norm.
#[derive(Debug, Clone, PartialEq)]
pub struct LayerNorm {
    /// `[d]`.
    pub weight: Vec<f64>,
    /// `[d]`.
    pub bias: Vec<f64>,
}

/// One MBConv block.
#[derive(Debug, Clone, PartialEq)]
pub struct Block {
    /// 1×1 to the hidden channels; absent if `expand` is 1.
    pub expand: Option<ConvBn>,
    /// Depthwise convolution.
    pub depthwise: ConvBn,
    /// Squeeze-excite `W1`, `b1`: `[r, e]`.
    pub se_reduce: Linear,
    /// Squeeze-excite `W2`, `b2`: `[e, r]`.
    pub se_expand: Linear,
    /// 1×1 to the output channels.
    pub project: ConvBn,
    /// Whether the input is added to the output.
    pub residual: bool,
}

/// Weights that turn one feature into its token of `d` values.
#[derive(Debug, Clone, PartialEq)]
pub enum FeatureWeights {
    /// `((x - offset) / scale) * weight + bias`.
    Continuous {
        /// Subtracted from the value.
        offset: f64,
        /// Divides the difference.
        scale: f64,
        /// `[d]`.
        weight: Vec<f64>,
        /// `[d]`.
        bias: Vec<f64>,
        /// `[d]`, the token of a missing value.
        missing: Vec<f64>,
    },
    /// A row of the embedding.
    Categorical {
        /// `[n + 1, d]`; the last row is the token of a missing value.
        embedding: Vec<f64>,
        /// Number of categories.
        n: usize,
    },
    /// Last hidden state of an LSTM, projected. Gates in the order input, forget, cell, output.
    Sequence {
        /// Numbers a row.
        inputs: usize,
        /// Width of the state.
        hidden: usize,
        /// `[4 hidden, inputs]`.
        w_ih: Vec<f64>,
        /// `[4 hidden, hidden]`.
        w_hh: Vec<f64>,
        /// `[4 hidden]`.
        b_ih: Vec<f64>,
        /// `[4 hidden]`.
        b_hh: Vec<f64>,
        /// `[d, hidden]`.
        proj: Linear,
        /// `[d]`, the token of a missing or empty sequence.
        missing: Vec<f64>,
    },
}

/// Feature tokens and cross-attention.
#[derive(Debug, Clone, PartialEq)]
pub struct Fusion {
    /// Width `d` of a token.
    pub dim: usize,
    /// Attention heads.
    pub heads: usize,
    /// Name and weights of each feature, in the configuration's order.
    pub features: Vec<(String, FeatureWeights)>,
    /// Before the queries.
    pub norm_q: LayerNorm,
    /// After the residual.
    pub norm_out: LayerNorm,
    /// `[d, d]`.
    pub q: Linear,
    /// `[d, C]`.
    pub k: Linear,
    /// `[d, C]`.
    pub v: Linear,
    /// `[d, d]`.
    pub out: Linear,
}

/// The whole network.
#[derive(Debug, Clone, PartialEq)]
pub struct Network {
    /// First convolution.
    pub stem: ConvBn,
    /// MBConv blocks in order.
    pub blocks: Vec<Block>,
    /// 1×1 convolution to `C` channels.
    pub head: ConvBn,
    /// Fusion of patient features.
    pub fusion: Option<Fusion>,
    /// `[classes, C + n*d]`.
    pub classifier: Linear,
}

/// Smallest magnitude that rounds to infinity in a storage type, with the type's name.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Overflow {
    /// Name for messages.
    pub name: &'static str,
    /// Values of this magnitude and above overflow.
    pub from: f64,
}

impl Overflow {
    /// IEEE 754 binary32: 2^128 - 2^103.
    pub const F32: Overflow =
        Overflow { name: "f32", from: 340_282_356_779_733_661_637_539_395_458_142_568_448.0 };
    /// IEEE 754 binary16: 65504 and half a step.
    pub const F16: Overflow = Overflow { name: "f16", from: 65_520.0 };
    /// bfloat16: 2^128 - 2^119.
    pub const BF16: Overflow =
        Overflow { name: "bf16", from: 339_617_752_923_046_005_526_922_703_901_628_039_168.0 };

    /// The first value that overflows or is not finite: its place and itself.
    pub(crate) fn first_in(self, values: &[f64]) -> Option<(usize, f64)> {
        // A NaN fails the comparison as well.
        values
            .iter()
            .copied()
            .enumerate()
            .find(|(_, v)| !matches!(v.abs().partial_cmp(&self.from), Some(std::cmp::Ordering::Less)))
    }
}

impl Network {
    /// Calls `visit` with every array's name and values. Folded convolutions go by `<layer>.weight` and
    /// `<layer>.bias`, the rest by their names in the weight file.
    pub fn for_each(&self, visit: &mut dyn FnMut(&str, &[f64])) {
        conv(visit, "stem", &self.stem);
        for (i, block) in self.blocks.iter().enumerate() {
            let name = |part: &str| format!("blocks.{i}.{part}");
            if let Some(expand) = &block.expand {
                conv(visit, &name("expand"), expand);
            }
            conv(visit, &name("depthwise"), &block.depthwise);
            linear(visit, &name("se.reduce"), &block.se_reduce);
            linear(visit, &name("se.expand"), &block.se_expand);
            conv(visit, &name("project"), &block.project);
        }
        conv(visit, "head", &self.head);
        if let Some(fusion) = &self.fusion {
            for (name, weights) in &fusion.features {
                feature(visit, &format!("fusion.features.{name}"), weights);
            }
            for (name, norm) in [("norm_q", &fusion.norm_q), ("norm_out", &fusion.norm_out)] {
                pair(visit, &format!("fusion.{name}"), &norm.weight, &norm.bias);
            }
            for (name, part) in [("q", &fusion.q), ("k", &fusion.k), ("v", &fusion.v), ("out", &fusion.out)] {
                linear(visit, &format!("fusion.{name}"), part);
            }
        }
        linear(visit, "classifier", &self.classifier);
    }

    /// Checks that every value stays finite in a storage type. Errors name the array and the element.
    pub fn check_fits(&self, limit: Overflow) -> Result<(), Fault> {
        let mut worst = None;
        self.for_each(&mut |name, values| {
            if worst.is_none()
                && let Some((i, v)) = limit.first_in(values)
            {
                worst = Some(Fault::new(
                    name,
                    format!("values that are finite in {}", limit.name),
                    format!("{v:e} at element {i}, which overflows {}", limit.name),
                    "choose a wider precision or mend the weights",
                ));
            }
        });
        worst.map_or(Ok(()), Err)
    }
}

type Visit<'a> = &'a mut dyn FnMut(&str, &[f64]);

fn pair(visit: Visit<'_>, name: &str, weight: &[f64], bias: &[f64]) {
    visit(&format!("{name}.weight"), weight);
    visit(&format!("{name}.bias"), bias);
}

fn conv(visit: Visit<'_>, name: &str, c: &ConvBn) {
    pair(visit, name, &c.weight, &c.bias);
}

fn linear(visit: Visit<'_>, name: &str, l: &Linear) {
    pair(visit, name, &l.weight, &l.bias);
}

fn feature(visit: Visit<'_>, name: &str, weights: &FeatureWeights) {
    match weights {
        FeatureWeights::Continuous { weight, bias, missing, .. } => {
            pair(visit, name, weight, bias);
            visit(&format!("{name}.missing"), missing);
        }
        FeatureWeights::Categorical { embedding, .. } => {
            visit(&format!("{name}.embedding"), embedding);
        }
        FeatureWeights::Sequence { w_ih, w_hh, b_ih, b_hh, proj, missing, .. } => {
            visit(&format!("{name}.lstm.weight_ih_l0"), w_ih);
            visit(&format!("{name}.lstm.weight_hh_l0"), w_hh);
            visit(&format!("{name}.lstm.bias_ih_l0"), b_ih);
            visit(&format!("{name}.lstm.bias_hh_l0"), b_hh);
            linear(visit, &format!("{name}.proj"), proj);
            visit(&format!("{name}.missing"), missing);
        }
    }
}
