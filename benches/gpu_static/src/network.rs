//! The dispatches of a network, by shapes alone: its weights are zeros.

use efficientecg::ItemError;
use efficientecg::config::{BlockShape, Config, Fusion};
use efficientecg_kernels::op::Op;
use efficientecg_kernels::ops::classifier::Classifier;
use efficientecg_kernels::ops::conv::Conv;
use efficientecg_kernels::ops::cross_attention::{CrossAttention, Linear, Norm};
use efficientecg_kernels::ops::depthwise::{Depthwise, Expand};
use efficientecg_kernels::ops::pointwise::Pointwise;
use efficientecg_kernels::ops::squeeze_excite::SqueezeExcite;
use efficientecg_kernels::tensor::Shape;

/// A node of the network: one dispatch, or two.
pub struct NetworkNode {
    /// Where it stands: `blocks.3.project`.
    pub label: String,
    /// The operation.
    pub op: Box<dyn Op>,
    /// The shapes of its operands for one record, sums apart.
    pub inputs: Vec<Shape>,
    /// Which operand is the sums of the node before.
    pub sums: Option<usize>,
    /// Products in each sum of its matrix product; 0 where it is no such thing in the main.
    pub depth: usize,
    /// Runs of loops beside the product: taps of a depthwise convolution; 0 for others.
    pub taps: usize,
}

/// All nodes but the tokens, whose inputs are a few numbers.
pub fn nodes(config: &Config) -> Result<Vec<NetworkNode>, ItemError> {
    let lengths = config.lengths(config.samples)?;
    let mut nodes = Vec::new();
    let mut push = |label: String, op: Box<dyn Op>, inputs: &[Shape], sums, depth, taps| {
        nodes.push(NetworkNode { label, op, inputs: inputs.to_vec(), sums, depth, taps });
    };
    let (leads, stem) = (config.leads.len(), config.stem.channels);
    let conv = Conv {
        weight: vec![0.0; stem * leads * config.stem.kernel],
        bias: vec![0.0; stem],
        leads,
        kernel: config.stem.kernel,
        stride: config.stem.stride,
    };
    push(
        "stem".to_owned(),
        Box::new(conv),
        &[Shape::new(leads, config.samples)],
        None,
        leads * config.stem.kernel,
        0,
    );

    let blocks = config.blocks()?;
    for (i, block) in blocks.iter().enumerate() {
        let BlockShape { c_in, c_out, e, kernel, stride, r, residual, .. } = *block;
        let part = |part: &str| format!("blocks.{i}.{part}");
        let (x, y) = (Shape::new(c_in, lengths[i]), Shape::new(e, lengths[i + 1]));
        let expand =
            (block.expand != 1).then(|| Expand { weight: vec![0.0; e * c_in].into(), bias: vec![0.0; e] });
        let depthwise =
            Depthwise { expand, weight: vec![0.0; e * kernel], bias: vec![0.0; e], kernel, stride };
        push(
            part("depthwise"),
            Box::new(depthwise),
            &[x],
            None,
            if block.expand == 1 { 0 } else { c_in },
            kernel,
        );
        let squeeze_excite = SqueezeExcite {
            reduce: vec![0.0; r * e].into(),
            reduce_bias: vec![0.0; r],
            expand: vec![0.0; r * e].into(),
            expand_bias: vec![0.0; e],
        };
        push(part("se"), Box::new(squeeze_excite), &[y, Shape::new(1, e)], Some(1), 0, 0);
        let mut inputs = vec![y, Shape::new(1, e)];
        if residual {
            inputs.push(x);
        }
        let project = pointwise(e, c_out, Pointwise { gate: true, residual, ..plain() });
        push(part("project"), Box::new(project), &inputs, None, e, 0);
    }

    let c_last = blocks.last().map_or(stem, |block| block.c_out);
    let cols = lengths[lengths.len() - 1];
    let h = Shape::new(config.head_channels, cols);
    let head = pointwise(c_last, h.rows, Pointwise { silu: true, sums: true, ..plain() });
    push("head".to_owned(), Box::new(head), &[Shape::new(c_last, cols)], None, c_last, 0);

    let mut tokens = Shape::new(0, 0);
    let mut pooled = vec![h, Shape::new(1, h.rows)];
    if let Some(fusion) = &config.fusion {
        tokens = Shape::new(fusion.features.len(), fusion.dim);
        push("fusion.attention".to_owned(), Box::new(attention(fusion, h.rows)), &[tokens, h], None, 0, 0);
        pooled.push(tokens);
    }
    let classes = config.classes.len();
    let classifier = Classifier {
        weight: vec![0.0; classes * (h.rows + tokens.len())],
        bias: vec![0.0; classes],
        tokens,
        softmax: true,
    };
    push("classifier".to_owned(), Box::new(classifier), &pooled, Some(1), 0, 0);
    Ok(nodes)
}

fn plain() -> Pointwise {
    let none = Vec::new();
    Pointwise {
        weight: none.clone().into(),
        bias: none,
        silu: false,
        gate: false,
        residual: false,
        sums: false,
    }
}

fn pointwise(c_in: usize, c_out: usize, with: Pointwise) -> Pointwise {
    Pointwise { weight: vec![0.0; c_in * c_out].into(), bias: vec![0.0; c_out], ..with }
}

fn attention(fusion: &Fusion, channels: usize) -> CrossAttention {
    let d = fusion.dim;
    let norm = || Norm { weight: vec![0.0; d], bias: vec![0.0; d] };
    let linear = |inputs: usize| Linear { weight: vec![0.0; d * inputs], bias: vec![0.0; d] };
    CrossAttention {
        tokens: fusion.features.len(),
        heads: fusion.heads,
        norm_q: norm(),
        norm_out: norm(),
        q: linear(d),
        k: linear(channels),
        v: linear(channels),
        out: linear(d),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use efficientecg::{Backend, Options};
    use efficientecg_benches::{networks, random_model};

    #[test]
    fn the_nodes_are_those_of_the_library() {
        for (name, config) in networks() {
            let options = Options::new().backend(Backend::Cpu);
            let model = random_model(config.clone(), &options).unwrap_or_else(|e| panic!("{name}: {e}"));
            let layers = model.layers(config.samples).unwrap_or_else(|e| panic!("{name}: {e}"));
            let want: Vec<_> = layers
                .into_iter()
                .filter(|layer| layer.op != "tokens")
                .map(|layer| (layer.name, layer.op, layer.input, layer.cost.macs))
                .collect();
            let nodes = nodes(&config).unwrap_or_else(|e| panic!("{name}: {e}"));
            let found = nodes
                .iter()
                .map(|n| (n.label.clone(), n.op.contract().name(), n.inputs[0], n.op.cost(&n.inputs).macs));
            assert_eq!(found.collect::<Vec<_>>(), want, "{name}");
        }
    }
}
