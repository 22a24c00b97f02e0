//! The LSTM of a sequence.
//!
//! Its gates are padded apart to whole vectors, `[4, hidden]`, so that each is a run of lanes. The weights of the hidden state are too many for the
//! first-level cache, and each time step needs them all; so a step's sums stay in registers. The inputs of several time steps are multiplied together,
//! which reads their weights once. Each sum is a chain all the same: its bias, then the inputs, then the hidden state, in order.

use crate::aligned::Aligned;
use crate::gemv::{self, PaddedMatrix};
use crate::math;
use crate::op;
use crate::simd::{Body, Isa, MAX_LANES};
use crate::tensor::TensorView;

/// Gates of a panel. The padded gates are a multiple of it.
const PANEL: usize = 4 * MAX_LANES;
/// Time steps whose inputs are multiplied together, at most.
const STEPS: usize = 5;
/// Vectors of sums over the hidden state that are in registers at a time.
const SUMS: usize = 8;

pub(super) struct Lstm {
    hidden: usize,
    /// `hidden` in whole vectors.
    width: usize,
    inputs: Panels,
    recurrent: Panels,
    bias: Vec<f32>,
    /// Transposed: `[hidden, d]`.
    proj: PaddedMatrix,
    proj_bias: Vec<f32>,
}

/// The weights of gates in panels, `[4 * width / PANEL, rows, PANEL]`: a row for each input or hidden unit.
struct Panels {
    rows: usize,
    data: Aligned,
}

impl Panels {
    /// Of `[4 * hidden, rows]`.
    fn new(weight: &[f64], rows: usize, hidden: usize, width: usize) -> Panels {
        let mut data = Aligned::zeros(rows * 4 * width);
        for (from, weights) in weight.chunks_exact(rows.max(1)).enumerate() {
            let to = from / hidden * width + from % hidden;
            for (row, w) in weights.iter().enumerate() {
                data[(to / PANEL * rows + row) * PANEL + to % PANEL] = *w as f32;
            }
        }
        Panels { rows, data }
    }

    /// Where the weights of a gate and those after it begin, in the first row.
    fn column(&self, gate: usize) -> &[f32] {
        // Without rows there is nothing to read.
        self.data.get(gate / PANEL * self.rows * PANEL + gate % PANEL..).unwrap_or_default()
    }
}

impl Lstm {
    /// Of weights as [`super::Encoder::Sequence`] has them.
    pub(super) fn new(
        (inputs, hidden): (usize, usize),
        (input_weight, hidden_weight, bias): (&[f64], &[f64], &[f64]),
        (proj, proj_bias): (&[f64], &[f64]),
    ) -> Lstm {
        let width = hidden.next_multiple_of(MAX_LANES);
        let mut wide_bias = vec![0.0; 4 * width];
        for (from, b) in bias.iter().enumerate() {
            wide_bias[from / hidden * width + from % hidden] = *b;
        }
        Lstm {
            hidden,
            width,
            inputs: Panels::new(input_weight, inputs, hidden, width),
            recurrent: Panels::new(hidden_weight, hidden, hidden, width),
            bias: op::narrow(&wide_bias),
            proj: PaddedMatrix::transposed(proj, hidden),
            proj_bias: gemv::padded(proj_bias),
        }
    }

    /// Floats of scratch that a run needs.
    pub(super) fn scratch(&self) -> usize {
        (4 * STEPS + 2) * self.width + self.proj.pitch
    }
}

/// A run over the first `steps` rows.
pub(super) struct LstmBody<'a> {
    pub(super) lstm: &'a Lstm,
    pub(super) rows: &'a TensorView<'a>,
    pub(super) steps: usize,
    pub(super) token: &'a mut [f32],
    pub(super) scratch: &'a mut [f32],
}

impl Body for LstmBody<'_> {
    type Output = ();

    #[inline(always)]
    fn call<I: Isa>(self, s: I) {
        let Lstm { hidden, width, proj, proj_bias, .. } = self.lstm;
        let (gates, rest) = self.scratch.split_at_mut(STEPS * 4 * width);
        let (h, rest) = rest.split_at_mut(*width);
        let (c, token) = rest.split_at_mut(*width);
        h.fill(0.0);
        c.fill(0.0);
        let steps = self.steps.min(self.rows.shape().rows);
        let mut step = 0;
        while step < steps {
            // As even as may be: nine steps are five and four.
            let together = (steps - step).div_ceil((steps - step).div_ceil(STEPS));
            match together {
                5 => self.lstm.of_inputs::<I, 5>(s, self.rows, step, gates),
                4 => self.lstm.of_inputs::<I, 4>(s, self.rows, step, gates),
                3 => self.lstm.of_inputs::<I, 3>(s, self.rows, step, gates),
                2 => self.lstm.of_inputs::<I, 2>(s, self.rows, step, gates),
                _ => self.lstm.of_inputs::<I, 1>(s, self.rows, step, gates),
            }
            for gates in gates.chunks_exact_mut(4 * width).take(together) {
                self.lstm.of_hidden(s, &h[..*hidden], gates);
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
            step += together;
        }
        let token = &mut token[..proj.pitch];
        token.copy_from_slice(proj_bias);
        gemv::accumulate(s, proj, 0, &h[..*hidden], token);
        self.token.copy_from_slice(&token[..self.token.len()]);
    }
}

impl Lstm {
    /// The gates of time steps from `step` on, `[N, 4 * width]`, of their biases and inputs.
    #[inline(always)]
    fn of_inputs<I: Isa, const N: usize>(&self, s: I, rows: &TensorView<'_>, step: usize, gates: &mut [f32]) {
        const TWO: usize = 2;
        let x: [&[f32]; N] = std::array::from_fn(|n| &rows.row(step + n)[..self.inputs.rows]);
        let pitch = 4 * self.width;
        assert!(gates.len() >= N * pitch && self.bias.len() == pitch);
        for gate in (0..pitch).step_by(TWO * I::LANES) {
            let weights = self.inputs.column(gate);
            assert!((self.inputs.rows * PANEL).saturating_sub(gate % PANEL) <= weights.len());
            // SAFETY: two vectors divide a panel, so both are in each of its rows, and in the gates and biases.
            unsafe {
                let bias: [I::F32; TWO] =
                    std::array::from_fn(|v| s.load(self.bias.as_ptr().add(gate + v * I::LANES)));
                let mut sums = [bias; N];
                for i in 0..self.inputs.rows {
                    let w: [I::F32; TWO] =
                        std::array::from_fn(|v| s.load(weights.as_ptr().add(i * PANEL + v * I::LANES)));
                    for (sums, x) in sums.iter_mut().zip(x) {
                        let x = s.splat(*x.get_unchecked(i));
                        for (sum, w) in sums.iter_mut().zip(w) {
                            *sum = s.mul_add(x, w, *sum);
                        }
                    }
                }
                for (n, sums) in sums.into_iter().enumerate() {
                    for (v, sum) in sums.into_iter().enumerate() {
                        s.store(gates.as_mut_ptr().add(n * pitch + gate + v * I::LANES), sum);
                    }
                }
            }
        }
    }

    /// Adds what the hidden state gives to the gates of a time step.
    #[inline(always)]
    fn of_hidden<I: Isa>(&self, s: I, h: &[f32], gates: &mut [f32]) {
        let vectors = (PANEL / I::LANES).min(SUMS);
        for gate in (0..gates.len()).step_by(vectors * I::LANES) {
            match vectors {
                SUMS => self.of_hidden_by::<I, SUMS>(s, h, gate, gates),
                _ => self.of_hidden_by::<I, 4>(s, h, gate, gates),
            }
        }
    }

    /// The same for `N` vectors of gates from `gate` on, which lie in a panel.
    #[inline(always)]
    fn of_hidden_by<I: Isa, const N: usize>(&self, s: I, h: &[f32], gate: usize, gates: &mut [f32]) {
        let weights = self.recurrent.column(gate);
        assert!(gate % PANEL + N * I::LANES <= PANEL && gates.len() >= gate + N * I::LANES);
        assert!((h.len() * PANEL).saturating_sub(gate % PANEL) <= weights.len());
        // SAFETY: the vectors are in a panel, in each of its rows, and in the gates.
        unsafe {
            let at = gates.as_mut_ptr().add(gate);
            let mut sums: [I::F32; N] = std::array::from_fn(|v| s.load(at.add(v * I::LANES)));
            for (i, h) in h.iter().enumerate() {
                let h = s.splat(*h);
                for (v, sum) in sums.iter_mut().enumerate() {
                    *sum = s.mul_add(h, s.load(weights.as_ptr().add(i * PANEL + v * I::LANES)), *sum);
                }
            }
            for (v, sum) in sums.into_iter().enumerate() {
                s.store(at.add(v * I::LANES), sum);
            }
        }
    }
}
