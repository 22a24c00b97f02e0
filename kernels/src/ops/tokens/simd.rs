//! A task is one feature. The LSTM's gates are padded apart to whole vectors, `[4, hidden]`, so that each is a run of
//! lanes; its weights stand transposed, a row for each input and each hidden unit.

use super::{Encoder, Tokens};
use crate::gemv::{self, PaddedMatrix};
use crate::math;
use crate::op::{self, Call, Kernel};
use crate::simd::{Body, Isa, Level, MAX_LANES};
use crate::tensor::{Shape, TensorView};

pub(super) struct TokensKernel {
    level: Level,
    features: Vec<(usize, FeatureKernel)>,
}

enum FeatureKernel {
    Continuous { weight: Vec<f32>, bias: Vec<f32>, missing: Vec<f32> },
    Categorical { embedding: Vec<f32> },
    Sequence(Lstm),
}

struct Lstm {
    hidden: usize,
    /// `hidden` in whole vectors.
    width: usize,
    /// `[inputs + hidden, 4 * width]`.
    weight: PaddedMatrix,
    bias: Vec<f32>,
    /// Transposed: `[hidden, d]`.
    proj: PaddedMatrix,
    proj_bias: Vec<f32>,
    missing: Vec<f32>,
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
            let hidden = *hidden;
            let width = hidden.next_multiple_of(MAX_LANES);
            let mut rows = vec![0.0; (inputs + hidden) * 4 * width];
            let mut wide_bias = vec![0.0; 4 * width];
            for gate in 0..4 {
                for unit in 0..hidden {
                    let (from, to) = (gate * hidden + unit, gate * width + unit);
                    wide_bias[to] = bias[from];
                    for i in 0..*inputs {
                        rows[i * 4 * width + to] = input_weight[from * inputs + i];
                    }
                    for i in 0..hidden {
                        rows[(inputs + i) * 4 * width + to] = hidden_weight[from * hidden + i];
                    }
                }
            }
            FeatureKernel::Sequence(Lstm {
                hidden,
                width,
                weight: PaddedMatrix::new(&rows, 4 * width),
                bias: op::narrow(&wide_bias),
                proj: PaddedMatrix::transposed(proj, hidden),
                proj_bias: gemv::padded(proj_bias),
                missing: op::narrow(missing),
            })
        }
    }
}

impl Kernel for TokensKernel {
    fn tasks(&self, _: &[Shape]) -> usize {
        self.features.len()
    }

    fn scratch(&self, _: &[Shape]) -> usize {
        let need = |f: &FeatureKernel| match f {
            FeatureKernel::Sequence(lstm) => 6 * lstm.width + lstm.proj.pitch,
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
            FeatureKernel::Sequence(lstm) => {
                let (rows, steps) = (&inputs[*at], inputs[*at + 1].row(0)[0] as usize);
                if steps == 0 {
                    token.copy_from_slice(&lstm.missing);
                } else {
                    self.level.dispatch(LstmBody { lstm, rows, steps, token, scratch });
                }
            }
        }
    }
}

struct LstmBody<'a> {
    lstm: &'a Lstm,
    rows: &'a TensorView<'a>,
    steps: usize,
    token: &'a mut [f32],
    scratch: &'a mut [f32],
}

impl Body for LstmBody<'_> {
    type Output = ();

    #[inline(always)]
    fn call<I: Isa>(self, s: I) {
        let Lstm { hidden, width, weight, bias, proj, proj_bias, .. } = self.lstm;
        let (gates, rest) = self.scratch.split_at_mut(4 * width);
        let (h, rest) = rest.split_at_mut(*width);
        let (c, token) = rest.split_at_mut(*width);
        h.fill(0.0);
        c.fill(0.0);
        for step in 0..self.steps.min(self.rows.shape().rows) {
            let x = self.rows.row(step);
            gates.copy_from_slice(bias);
            gemv::accumulate(s, weight, 0, x, gates);
            gemv::accumulate(s, weight, x.len(), &h[..*hidden], gates);
            for j in (0..*width).step_by(I::LANES) {
                // SAFETY: gates, `h` and `c` are whole vectors wide.
                unsafe {
                    let gate = |n: usize| s.load(gates.as_ptr().add(n * width + j));
                    let keep = s.mul(math::sigmoid(s, gate(1)), s.load(c.as_ptr().add(j)));
                    let next = s.mul_add(math::sigmoid(s, gate(0)), math::tanh(s, gate(2)), keep);
                    s.store(c.as_mut_ptr().add(j), next);
                    let out = s.mul(math::sigmoid(s, gate(3)), math::tanh(s, next));
                    s.store(h.as_mut_ptr().add(j), out);
                }
            }
        }
        let token = &mut token[..proj.pitch];
        token.copy_from_slice(proj_bias);
        gemv::accumulate(s, proj, 0, &h[..*hidden], token);
        self.token.copy_from_slice(&token[..self.token.len()]);
    }
}
