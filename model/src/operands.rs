//! From checked inputs to the operands of the graph.

use crate::config::{Config, Feature, FeatureKind};
use crate::inputs::{FeatureInput, InputsView};
use efficientecg_files::ItemError;
use efficientecg_kernels::tensor::Shape;
use std::borrow::Cow;

/// A graph input: its shape for one record, and its values for all.
pub(crate) type Operand<'a> = (Shape, Cow<'a, [f32]>);

/// The graph's inputs, in its order.
pub(crate) fn operands<'a>(config: &Config, inputs: &InputsView<'a>) -> Result<Vec<Operand<'a>>, ItemError> {
    let signal = Shape::new(inputs.leads, inputs.samples);
    let mut out = vec![(signal, Cow::Borrowed(inputs.signal))];
    for feature in config.features() {
        push_feature(&mut out, feature, inputs.get(&feature.name), inputs.batch)?;
    }
    Ok(out)
}

/// Adds a feature's operands.
fn push_feature(
    out: &mut Vec<Operand<'_>>,
    feature: &Feature,
    values: &FeatureInput,
    batch: usize,
) -> Result<(), ItemError> {
    let one = Shape::new(1, 1);
    match (&feature.kind, values) {
        (FeatureKind::Continuous { offset, scale }, FeatureInput::Continuous(values)) => {
            let mut scaled = Vec::with_capacity(batch);
            for (record, value) in values.iter().enumerate() {
                let x = ((value - offset) / scale) as f32;
                if x.is_infinite() {
                    let item = format!("{}, record {record}", feature.name);
                    let expected = "a value that fits f32 after its offset and scale";
                    return Err(ItemError::new(item, expected, value.to_string(), "correct the value"));
                }
                scaled.push(x);
            }
            out.push((one, Cow::Owned(scaled)));
        }
        (FeatureKind::Categorical { .. }, FeatureInput::Categorical(values)) => {
            let index = |v: &Option<usize>| v.map_or(-1.0, |v| v as f32);
            out.push((one, Cow::Owned(values.iter().map(index).collect())));
        }
        (FeatureKind::Categorical { .. }, FeatureInput::Named(values)) => {
            let index = |name: &Option<String>| {
                let place = name.as_ref().and_then(|name| feature.category(name));
                place.map_or(-1.0, |place| place as f32)
            };
            out.push((one, Cow::Owned(values.iter().map(index).collect())));
        }
        (FeatureKind::Sequence { inputs, .. }, FeatureInput::Sequence { steps_max, rows, steps }) => {
            // A matrix has at least one row; no step reads it.
            let shape = Shape::new((*steps_max).max(1), *inputs);
            let padded = if *steps_max == 0 { vec![0.0; batch * inputs] } else { rows.clone() };
            out.push((shape, Cow::Owned(padded)));
            out.push((one, Cow::Owned(steps.iter().map(|s| *s as f32).collect())));
        }
        (FeatureKind::Sequence { inputs, .. }, _) => {
            out.push((Shape::new(1, *inputs), Cow::Owned(vec![0.0; batch * inputs])));
            out.push((one, Cow::Owned(vec![0.0; batch])));
        }
        (FeatureKind::Continuous { .. }, _) => out.push((one, Cow::Owned(vec![f32::NAN; batch]))),
        (FeatureKind::Categorical { .. }, _) => out.push((one, Cow::Owned(vec![-1.0; batch]))),
    }
    Ok(())
}
