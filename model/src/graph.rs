//! From a network's weights to a graph of operations, one layer at a time.
//!
//! A block becomes depthwise (with the expand layer inside it), squeeze-excite and project, which takes the gate and
//! the residual; the head gives the sums that the classifier's mean comes from. Structure and names follow
//! EfficientECG (arXiv 2512.03804).

use crate::config::{BlockShape, Config, FeatureKind, Fusion, Task};
use crate::layers::{Affine, Layers};
use crate::weights::WeightsError;
use efficientecg_engine::{Graph, Value};
use efficientecg_kernels::op::Op;
use efficientecg_kernels::ops::classifier::Classifier;
use efficientecg_kernels::ops::conv::Conv;
use efficientecg_kernels::ops::cross_attention::{CrossAttention, Linear, Norm};
use efficientecg_kernels::ops::depthwise::{Depthwise, Expand};
use efficientecg_kernels::ops::pointwise::Pointwise;
use efficientecg_kernels::ops::squeeze_excite::SqueezeExcite;
use efficientecg_kernels::ops::tokens::{Encoder, Tokens};
use efficientecg_kernels::tensor::Shape;

/// The values of a network's graph that a run can ask for.
pub(crate) struct Wired<O> {
    pub(crate) graph: Graph<O>,
    /// `[1, classes]`.
    pub(crate) logits: Value,
    /// `[1, classes]`.
    pub(crate) probabilities: Value,
    /// Intermediate values under their names: `stem`, `blocks.{i}`, `head`, `tokens`, `attention`.
    pub(crate) taps: Vec<(String, Value)>,
}

/// Builds the graph. Its inputs are the signal `[leads, T]`, then for each feature in order one operand (continuous
/// `[1, 1]`, categorical `[1, 1]`) or two (sequence: rows `[S, inputs]` and steps `[1, 1]`). `make` takes each
/// operation as soon as its weights are there: what it gives is what stays of it.
pub(crate) fn build<O>(
    config: &Config,
    layers: &dyn Layers,
    make: impl FnMut(Box<dyn Op>) -> O,
) -> Result<Wired<O>, WeightsError> {
    let mut builder = Builder { layers, graph: Graph::default(), make };
    let mut taps = Vec::new();
    let signal = builder.graph.input();
    let blocks = config.blocks().map_err(|f| layers.invalid(f))?;

    let Affine { weight, bias } = layers.conv_bn_exact("stem")?;
    let (leads, kernel, stride) = (config.leads.len(), config.stem.kernel, config.stem.stride);
    let [mut x] = builder.push("stem".into(), Conv { weight, bias, leads, kernel, stride }, &[signal]);
    taps.push(("stem".to_owned(), x));

    for (i, block) in blocks.iter().enumerate() {
        x = builder.block(&format!("blocks.{i}"), block, x)?;
        taps.push((format!("blocks.{i}"), x));
    }

    // Before the head, which can then ask memory for what attention reads.
    let f = config.fusion.as_ref().map(|fusion| builder.tokens(fusion)).transpose()?;

    let Affine { weight, bias } = layers.conv_bn("head")?;
    let head = Pointwise { weight, bias, silu: true, gate: false, residual: false, sums: true };
    let [head, sums] = builder.push("head".into(), head, &[x]);
    taps.push(("head".to_owned(), head));

    let mut pooled = vec![head, sums];
    let mut tokens = Shape::new(0, 0);
    if let (Some(fusion), Some(f)) = (&config.fusion, f) {
        tokens = Shape::new(fusion.features.len(), fusion.dim);
        let [z] = builder.push("fusion.attention".into(), attention(layers, fusion)?, &[f, head]);
        taps.extend([("tokens".to_owned(), f), ("attention".to_owned(), z)]);
        pooled.push(z);
    }

    let Affine { weight, bias } = layers.linear("classifier")?;
    let softmax = config.task == Task::Multiclass;
    let classifier = Classifier { weight, bias, tokens, softmax };
    let [logits, probabilities] = builder.push("classifier".into(), classifier, &pooled);
    Ok(Wired { graph: builder.graph, logits, probabilities, taps })
}

struct Builder<'a, O, F> {
    layers: &'a dyn Layers,
    graph: Graph<O>,
    make: F,
}

impl<O, F: FnMut(Box<dyn Op>) -> O> Builder<'_, O, F> {
    fn push<const N: usize>(&mut self, label: String, op: impl Op + 'static, inputs: &[Value]) -> [Value; N] {
        let contract = op.contract();
        let made = (self.make)(Box::new(op));
        self.graph.add(label, contract, made, inputs)
    }

    fn block(&mut self, name: &str, block: &BlockShape, x: Value) -> Result<Value, WeightsError> {
        let part = |part: &str| format!("{name}.{part}");
        let mut expand = None;
        if block.expand != 1 {
            let Affine { weight, bias } = self.layers.conv_bn(&part("expand"))?;
            expand = Some(Expand { weight, bias });
        }
        let Affine { weight, bias } = self.layers.conv_bn_exact(&part("depthwise"))?;
        let depthwise = Depthwise { expand, weight, bias, kernel: block.kernel, stride: block.stride };
        let [y, sums] = self.push(part("depthwise"), depthwise, &[x]);

        let Affine { weight: reduce, bias: reduce_bias } = self.layers.linear_rows(&part("se.reduce"))?;
        let Affine { weight: expand, bias: expand_bias } = self.layers.linear_rows(&part("se.expand"))?;
        let squeeze_excite = SqueezeExcite { reduce, reduce_bias, expand, expand_bias };
        let [gate] = self.push(part("se"), squeeze_excite, &[y, sums]);

        let Affine { weight, bias } = self.layers.conv_bn(&part("project"))?;
        let residual = block.residual;
        let project = Pointwise { weight, bias, silu: false, gate: true, residual, sums: false };
        let mut operands = vec![y, gate];
        if residual {
            operands.push(x);
        }
        let [out] = self.push(part("project"), project, &operands);
        Ok(out)
    }

    fn tokens(&mut self, fusion: &Fusion) -> Result<Value, WeightsError> {
        let (mut features, mut operands) = (Vec::new(), Vec::new());
        for feature in &fusion.features {
            let part = |part: &str| format!("fusion.features.{}.{part}", feature.name);
            let values = |name: &str| self.layers.values(&part(name));
            operands.push(self.graph.input());
            features.push(match feature.kind {
                // Offset and scale are applied to the value in f64, before it becomes an operand.
                FeatureKind::Continuous { .. } => Encoder::Continuous {
                    weight: values("weight")?,
                    bias: values("bias")?,
                    missing: values("missing")?,
                },
                FeatureKind::Categorical { .. } => Encoder::Categorical { embedding: values("embedding")? },
                FeatureKind::Sequence { inputs, hidden } => {
                    operands.push(self.graph.input());
                    Encoder::Sequence {
                        inputs,
                        hidden,
                        input_weight: values("lstm.weight_ih_l0")?,
                        hidden_weight: values("lstm.weight_hh_l0")?,
                        bias: self.layers.sum(&part("lstm.bias_ih_l0"), &part("lstm.bias_hh_l0"))?,
                        proj: values("proj.weight")?,
                        proj_bias: values("proj.bias")?,
                        missing: values("missing")?,
                    }
                }
            });
        }
        let tokens = Tokens { dim: fusion.dim, features };
        let [f] = self.push("fusion.tokens".into(), tokens, &operands);
        Ok(f)
    }
}

fn attention(layers: &dyn Layers, fusion: &Fusion) -> Result<CrossAttention, WeightsError> {
    let linear = |name: &str| -> Result<Linear, WeightsError> {
        let Affine { weight, bias } = layers.linear(&format!("fusion.{name}"))?;
        Ok(Linear { weight, bias })
    };
    let norm = |name: &str| -> Result<Norm, WeightsError> {
        let Affine { weight, bias } = layers.linear(&format!("fusion.{name}"))?;
        Ok(Norm { weight, bias })
    };
    Ok(CrossAttention {
        tokens: fusion.features.len(),
        heads: fusion.heads,
        norm_q: norm("norm_q")?,
        norm_out: norm("norm_out")?,
        q: linear("q")?,
        k: linear("k")?,
        v: linear("v")?,
        out: linear("out")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layers::fold_bn::Folder;
    use crate::weights::tests::{generate, small};
    use crate::weights::{Source, Values, Weights, table};
    use std::cell::RefCell;
    use std::path::Path;
    use std::time::Duration;

    /// Weights that note what is taken of them.
    struct Noted(Weights, RefCell<Vec<String>>);

    impl Source for Noted {
        fn config(&self) -> &Config {
            self.0.config()
        }

        fn path(&self) -> &Path {
            self.0.path()
        }

        fn values(&self, name: &str) -> Result<Values, WeightsError> {
            self.1.borrow_mut().push(name.to_owned());
            Source::values(&self.0, name)
        }

        fn reading(&self) -> Duration {
            Duration::ZERO
        }
    }

    /// The table names the arrays and the graph wires them up: two walks over a configuration, of which neither may forget one.
    #[test]
    fn every_array_of_the_table_is_taken_once() {
        for config in [small(), Config { fusion: None, ..small() }] {
            let source = Noted(generate(config), RefCell::default());
            build(source.config(), &Folder::new(&source), drop).expect("a graph");
            let mut want: Vec<String> =
                table(source.config()).expect("a table").into_iter().map(|e| e.name).collect();
            let mut taken = source.1.into_inner();
            want.sort();
            taken.sort();
            assert_eq!(taken, want);
        }
    }
}
