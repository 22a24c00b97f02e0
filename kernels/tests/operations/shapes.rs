//! What operations refuse.

use efficientecg_kernels::op::Op;
use efficientecg_kernels::ops::conv::Conv;
use efficientecg_kernels::ops::depthwise::Depthwise;
use efficientecg_kernels::ops::pointwise::Pointwise;
use efficientecg_kernels::tensor::Shape;
use efficientecg_kit::operations::entry;

pub(crate) fn refuses_what_does_not_fit(operation: &str) {
    for case in (entry(operation).cases)() {
        let shapes = case.shapes();
        assert!(case.op.outputs(&[]).is_err(), "{}: took no operands", case.name);
        for i in 0..shapes.len() {
            let mut wrong = shapes.clone();
            wrong[i].rows += 1;
            wrong[i].cols += 1;
            let Err(error) = case.op.outputs(&wrong) else {
                panic!("{operation} {}: took operand {i} as {}", case.name, wrong[i]);
            };
            assert_eq!(error.op, operation);
        }
    }
}

/// Nothing may be of size 0, neither an operand nor what is packed.
pub(crate) fn refuses_what_is_empty(operation: &str) {
    let no_input = || Pointwise {
        weight: Vec::new().into(),
        bias: vec![0.0; 3],
        silu: false,
        gate: false,
        residual: false,
        sums: false,
    };
    let no_leads = || Conv { weight: vec![], bias: vec![0.0; 3], leads: 0, kernel: 3, stride: 1 };
    let no_channels = || Depthwise { expand: None, weight: vec![], bias: vec![], kernel: 3, stride: 1 };
    let empty: Option<Box<dyn Op>> = match operation {
        "pointwise" => Some(Box::new(no_input())),
        "conv" => Some(Box::new(no_leads())),
        "depthwise" => Some(Box::new(no_channels())),
        _ => None,
    };
    if let Some(op) = empty {
        assert_eq!(op.name(), operation);
        for shape in [Shape::new(0, 7), Shape::new(1, 7), Shape::new(0, 0)] {
            assert!(op.outputs(&[shape]).is_err() || shape.rows == 1, "{operation} took {shape}");
        }
    }
    for mut case in (entry(operation).cases)().into_iter().take(2) {
        let at = case.inputs.iter().position(|m| m.shape.cols > 1);
        if let Some(at) = at {
            case.inputs[at].shape.cols = 0;
            assert!(case.op.outputs(&case.shapes()).is_err(), "{operation} took no columns");
        }
    }
}
