//! Folds each batch norm into the convolution before it, in `f64`:
//! `w' = w * gamma / sqrt(var + eps)`, `b' = beta - mean * gamma / sqrt(var + eps)`.

use crate::config::FeatureKind;
use crate::fault::Fault;
use crate::network::{Block, ConvBn, FeatureWeights, Fusion, LayerNorm, Linear, Network, Overflow};
use crate::weights::Weights;

/// Builds the network; fails if a folded value overflows `f32`.
pub(crate) fn fold(weights: &Weights) -> Result<Network, Fault> {
    let w = Source(weights);
    let config = weights.config();
    let stem = w.conv_bn("stem", config.stem.stride)?;
    let mut blocks = Vec::new();
    for (i, b) in config.blocks()?.iter().enumerate() {
        let part = |name: &str| format!("blocks.{i}.{name}");
        blocks.push(Block {
            expand: match b.expand {
                1 => None,
                _ => Some(w.conv_bn(&part("expand"), 1)?),
            },
            depthwise: w.conv_bn(&part("depthwise"), b.stride)?,
            se_reduce: w.linear(&part("se.reduce"))?,
            se_expand: w.linear(&part("se.expand"))?,
            project: w.conv_bn(&part("project"), 1)?,
            residual: b.residual,
        });
    }
    let fusion = match &config.fusion {
        None => None,
        Some(f) => {
            let mut features = Vec::new();
            for feature in &f.features {
                let prefix = format!("fusion.features.{}", feature.name);
                features.push((feature.name.clone(), w.feature(&prefix, &feature.kind)?));
            }
            Some(Fusion {
                dim: f.dim,
                heads: f.heads,
                features,
                norm_q: w.norm("fusion.norm_q")?,
                norm_out: w.norm("fusion.norm_out")?,
                q: w.linear("fusion.q")?,
                k: w.linear("fusion.k")?,
                v: w.linear("fusion.v")?,
                out: w.linear("fusion.out")?,
            })
        }
    };
    Ok(Network { stem, blocks, head: w.conv_bn("head", 1)?, fusion, classifier: w.linear("classifier")? })
}

struct Source<'a>(&'a Weights);

impl Source<'_> {
    fn values(&self, name: &str) -> Result<Vec<f64>, Fault> {
        Ok(self.0.array(name)?.data.to_f64())
    }

    fn conv_bn(&self, layer: &str, stride: usize) -> Result<ConvBn, Fault> {
        let name = format!("{layer}.conv.weight");
        let shape = &self.0.array(&name)?.shape;
        let [c_out, c_in, kernel] = shape[..] else {
            return Err(Fault::new(
                &name,
                "three dimensions",
                format!("shape {shape:?}"),
                "save the array with the expected shape",
            ));
        };
        let mut weight = self.values(&name)?;
        let part = |part: &str| self.values(&format!("{layer}.bn.{part}"));
        let (gamma, beta) = (part("weight")?, part("bias")?);
        let (mean, var) = (part("running_mean")?, part("running_var")?);
        let eps = self.0.config().bn_eps;
        let mut bias = Vec::with_capacity(c_out);
        for (o, row) in weight.chunks_exact_mut(c_in * kernel).enumerate() {
            let scale = gamma[o] / (var[o] + eps).sqrt();
            row.iter_mut().for_each(|w| *w *= scale);
            bias.push(beta[o] - mean[o] * scale);
        }
        for (what, values) in [("weight", &weight), ("bias", &bias)] {
            if let Some((i, v)) = Overflow::F32.first_in(values) {
                return Err(Fault::new(
                    format!("{layer}.bn"),
                    format!("a {what} that is finite once batch norm is folded in"),
                    format!("{v:e} at element {i}, which overflows f32"),
                    "train or export the weights again",
                ));
            }
        }
        Ok(ConvBn { c_out, c_in, kernel, stride, weight, bias })
    }

    fn linear(&self, layer: &str) -> Result<Linear, Fault> {
        let weight = self.values(&format!("{layer}.weight"))?;
        let bias = self.values(&format!("{layer}.bias"))?;
        Ok(Linear {
            out: bias.len(),
            // Sizes are at least 1: the configuration's check sees to it.
            input: weight.len() / bias.len().max(1),
            weight,
            bias,
        })
    }

    fn norm(&self, layer: &str) -> Result<LayerNorm, Fault> {
        Ok(LayerNorm {
            weight: self.values(&format!("{layer}.weight"))?,
            bias: self.values(&format!("{layer}.bias"))?,
        })
    }

    fn feature(&self, prefix: &str, kind: &FeatureKind) -> Result<FeatureWeights, Fault> {
        let part = |name: &str| self.values(&format!("{prefix}.{name}"));
        Ok(match kind {
            FeatureKind::Continuous { offset, scale } => FeatureWeights::Continuous {
                offset: *offset,
                scale: *scale,
                weight: part("weight")?,
                bias: part("bias")?,
                missing: part("missing")?,
            },
            FeatureKind::Categorical { categories } => {
                FeatureWeights::Categorical { embedding: part("embedding")?, n: categories.len() }
            }
            FeatureKind::Sequence { inputs, hidden } => FeatureWeights::Sequence {
                inputs: *inputs,
                hidden: *hidden,
                w_ih: part("lstm.weight_ih_l0")?,
                w_hh: part("lstm.weight_hh_l0")?,
                b_ih: part("lstm.bias_ih_l0")?,
                b_hh: part("lstm.bias_hh_l0")?,
                proj: self.linear(&format!("{prefix}.proj"))?,
                missing: part("missing")?,
            },
        })
    }
}

#[cfg(test)]
mod tests;
