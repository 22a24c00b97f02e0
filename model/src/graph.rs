//! From the network's weights to a graph of operations.
//!
//! A block becomes depthwise (with the expand layer inside it), squeeze-excite and project, which takes the gate and
//! the residual; the head gives the sums that the classifier's mean comes from.

use crate::network::{Block, ConvBn, FeatureWeights, Fusion, LayerNorm, Linear, Network};
use efficientecg_engine::{Graph, Value};
use efficientecg_kernels::ops::classifier::Classifier;
use efficientecg_kernels::ops::conv::Conv;
use efficientecg_kernels::ops::cross_attention::{self, CrossAttention};
use efficientecg_kernels::ops::depthwise::{Depthwise, Expand};
use efficientecg_kernels::ops::pointwise::Pointwise;
use efficientecg_kernels::ops::squeeze_excite::SqueezeExcite;
use efficientecg_kernels::ops::tokens::{Feature, Tokens};
use efficientecg_kernels::view::Shape;

/// The values of a network's graph that a run can ask for.
pub(crate) struct Wired {
    pub(crate) graph: Graph,
    /// `[1, classes]`.
    pub(crate) logits: Value,
    /// `[1, classes]`.
    pub(crate) probabilities: Value,
    /// Intermediate values under their names: `stem`, `blocks.{i}`, `head`, `tokens`, `attention`.
    pub(crate) taps: Vec<(String, Value)>,
}

/// Builds the graph. Its inputs are the signal `[leads, T]`, then for each feature in order one operand (continuous
/// `[1, 1]`, categorical `[1, 1]`) or two (sequence: rows `[S, inputs]` and steps `[1, 1]`).
pub(crate) fn build(network: Network, softmax: bool) -> Wired {
    let mut graph = Graph::new();
    let mut taps = Vec::new();
    let signal = graph.input();

    let ConvBn { c_in, kernel, stride, weight, bias, .. } = network.stem;
    let stem = Conv { weight, bias, leads: c_in, kernel, stride };
    let [mut x] = graph.push("stem".into(), stem, &[signal]);
    taps.push(("stem".to_owned(), x));

    for (i, block) in network.blocks.into_iter().enumerate() {
        x = push_block(&mut graph, &format!("blocks.{i}"), block, x);
        taps.push((format!("blocks.{i}"), x));
    }

    let channels = network.head.c_out;
    let ConvBn { weight, bias, .. } = network.head;
    let head = Pointwise { weight, bias, silu: true, gate: false, residual: false, sums: true };
    let [head, sums] = graph.push("head".into(), head, &[x]);
    taps.push(("head".to_owned(), head));

    let mut pooled = vec![head, sums];
    let mut tokens = Shape::new(0, 0);
    if let Some(fusion) = network.fusion {
        tokens = Shape::new(fusion.features.len(), fusion.dim);
        let (features, attention) = split_fusion(fusion);
        let operands: Vec<Value> = features
            .iter()
            .flat_map(|f| vec![(); if matches!(f, Feature::Sequence { .. }) { 2 } else { 1 }])
            .map(|()| graph.input())
            .collect();
        let made = Tokens { dim: tokens.cols, features };
        let [f] = graph.push("fusion.tokens".into(), made, &operands);
        let [z] = graph.push("fusion.attention".into(), attention, &[f, head]);
        taps.extend([("tokens".to_owned(), f), ("attention".to_owned(), z)]);
        pooled.push(z);
    }

    let Linear { weight, bias, .. } = network.classifier;
    debug_assert_eq!(weight.len(), bias.len() * (channels + tokens.len()));
    let classifier = Classifier { weight, bias, tokens, softmax };
    let [logits, probabilities] = graph.push("classifier".into(), classifier, &pooled);
    Wired { graph, logits, probabilities, taps }
}

fn push_block(graph: &mut Graph, name: &str, block: Block, x: Value) -> Value {
    let label = |part: &str| format!("{name}.{part}");
    let Block { expand, depthwise, se_reduce, se_expand, project, residual } = block;
    let expand = expand.map(|e| Expand { weight: e.weight, bias: e.bias });
    let ConvBn { kernel, stride, weight, bias, .. } = depthwise;
    let depthwise = Depthwise { expand, weight, bias, kernel, stride };
    let [y, sums] = graph.push(label("depthwise"), depthwise, &[x]);
    let squeeze_excite = SqueezeExcite {
        reduce: se_reduce.weight,
        reduce_bias: se_reduce.bias,
        expand: se_expand.weight,
        expand_bias: se_expand.bias,
    };
    let [gate] = graph.push(label("se"), squeeze_excite, &[y, sums]);
    let ConvBn { weight, bias, .. } = project;
    let project = Pointwise { weight, bias, silu: false, gate: true, residual, sums: false };
    let mut operands = vec![y, gate];
    if residual {
        operands.push(x);
    }
    let [out] = graph.push(label("project"), project, &operands);
    out
}

fn split_fusion(fusion: Fusion) -> (Vec<Feature>, CrossAttention) {
    let linear = |l: Linear| cross_attention::Linear { weight: l.weight, bias: l.bias };
    let norm = |n: LayerNorm| cross_attention::Norm { weight: n.weight, bias: n.bias };
    let attention = CrossAttention {
        tokens: fusion.features.len(),
        heads: fusion.heads,
        norm_q: norm(fusion.norm_q),
        norm_out: norm(fusion.norm_out),
        q: linear(fusion.q),
        k: linear(fusion.k),
        v: linear(fusion.v),
        out: linear(fusion.out),
    };
    (fusion.features.into_iter().map(|(_, weights)| feature(weights)).collect(), attention)
}

fn feature(weights: FeatureWeights) -> Feature {
    match weights {
        // Offset and scale are applied to the value in f64, before it becomes an operand.
        FeatureWeights::Continuous { weight, bias, missing, .. } => {
            Feature::Continuous { weight, bias, missing }
        }
        FeatureWeights::Categorical { embedding, .. } => Feature::Categorical { embedding },
        FeatureWeights::Sequence { inputs, hidden, w_ih, w_hh, b_ih, b_hh, proj, missing } => {
            Feature::Sequence {
                inputs,
                hidden,
                input_weight: w_ih,
                hidden_weight: w_hh,
                bias: b_ih.iter().zip(&b_hh).map(|(a, b)| a + b).collect(),
                proj: proj.weight,
                proj_bias: proj.bias,
                missing,
            }
        }
    }
}
