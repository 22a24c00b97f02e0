//! A task is one feature.

use super::lstm::{Lstm, LstmBody};
use super::{Encoder, Tokens};
use crate::op::{self, Call, Kernel};
use crate::simd::Level;
use crate::tensor::{Shape, TensorView};

pub(super) struct TokensKernel {
    level: Level,
    features: Vec<(usize, FeatureKernel)>,
}

enum FeatureKernel {
    Continuous { weight: Vec<f32>, bias: Vec<f32>, missing: Vec<f32> },
    Categorical { embedding: Vec<f32> },
    Sequence { lstm: Lstm, missing: Vec<f32> },
}

impl TokensKernel {
    pub(super) fn new(op: &Tokens, level: Level) -> TokensKernel {
        let features = op.with_operands().map(|(at, f)| (at, pack(f))).collect();
        TokensKernel { level, features }
    }
}

fn pack(feature: &Encoder) -> FeatureKernel {
    match feature {
        Encoder::Continuous { weight, bias, missing } => FeatureKernel::Continuous {
            weight: op::narrow(weight),
            bias: op::narrow(bias),
            missing: op::narrow(missing),
        },
        Encoder::Categorical { embedding } => FeatureKernel::Categorical { embedding: op::narrow(embedding) },
        Encoder::Sequence { inputs, hidden, input_weight, hidden_weight, bias, proj, proj_bias, missing } => {
            let lstm = Lstm::new((*inputs, *hidden), (input_weight, hidden_weight, bias), (proj, proj_bias));
            FeatureKernel::Sequence { lstm, missing: op::narrow(missing) }
        }
    }
}

impl Kernel for TokensKernel {
    fn tasks(&self, _: &[Shape]) -> usize {
        self.features.len()
    }

    fn scratch(&self, _: &[Shape]) -> usize {
        let need = |f: &FeatureKernel| match f {
            FeatureKernel::Sequence { lstm, .. } => lstm.scratch(),
            _ => 0,
        };
        self.features.iter().map(|(_, f)| need(f)).max().unwrap_or(0)
    }

    unsafe fn run(&self, call: Call<'_>) {
        let Call { inputs, outputs, scratch, tasks, .. } = call;
        for task in tasks {
            // SAFETY: a task writes its own row.
            let token = unsafe { outputs[0].row_mut(task) };
            self.token(task, inputs, token, scratch);
        }
    }
}

impl TokensKernel {
    fn token(&self, feature: usize, inputs: &[TensorView<'_>], token: &mut [f32], scratch: &mut [f32]) {
        let (at, feature) = &self.features[feature];
        match feature {
            FeatureKernel::Continuous { weight, bias, missing } => {
                let value = inputs[*at].row(0)[0];
                if value.is_nan() {
                    token.copy_from_slice(missing);
                    return;
                }
                for ((token, w), b) in token.iter_mut().zip(weight).zip(bias) {
                    *token = value * w + b;
                }
            }
            FeatureKernel::Categorical { embedding } => {
                let index = inputs[*at].row(0)[0];
                let last = embedding.len() / token.len() - 1;
                let row = if index >= 0.0 { (index as usize).min(last) } else { last };
                token.copy_from_slice(&embedding[row * token.len()..][..token.len()]);
            }
            FeatureKernel::Sequence { lstm, missing } => {
                let (rows, steps) = (&inputs[*at], inputs[*at + 1].row(0)[0] as usize);
                if steps == 0 {
                    token.copy_from_slice(missing);
                } else {
                    self.level.dispatch(LstmBody { lstm, rows, steps, token, scratch });
                }
            }
        }
    }
}
