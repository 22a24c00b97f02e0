//! A task is one token; a run of them shares each pass over the weights and over `h`. Queries are absorbed head by head;
//! scores are sums over channels, along the lanes, and weighted sums of `h` go block by block.

use super::{CrossAttention, Norm};
use crate::linear::{self, Padded};
use crate::op::{self, Call, Kernel};
use crate::simd::{Body, Isa, Level};
use crate::view::{BLOCK, Layout, Shape, View, ViewMut};
use std::ops::Range;

struct Affine {
    weight: Vec<f32>,
    bias: Vec<f32>,
}

impl Affine {
    fn new(norm: &Norm) -> Affine {
        Affine { weight: op::narrow(&norm.weight), bias: op::narrow(&norm.bias) }
    }
}

pub(super) struct Packed {
    level: Level,
    dim: usize,
    heads: usize,
    norm_q: Affine,
    norm_out: Affine,
    q: (Padded, Vec<f32>),
    k: Padded,
    v: (Padded, Vec<f32>),
    out: (Padded, Vec<f32>),
}

impl Packed {
    pub(super) fn new(op: &CrossAttention, level: Level) -> Packed {
        let (dim, channels) = (op.dim(), op.channels());
        // The factor 1 / sqrt(d / h) of the scores goes into the query.
        let scale = 1.0 / ((dim / op.heads) as f64).sqrt();
        let scaled = |x: &[f64]| -> Vec<f64> { x.iter().map(|x| x * scale).collect() };
        Packed {
            level,
            dim,
            heads: op.heads,
            norm_q: Affine::new(&op.norm_q),
            norm_out: Affine::new(&op.norm_out),
            q: (Padded::new(&scaled(&op.q.weight), dim), op::narrow(&scaled(&op.q.bias))),
            k: Padded::new(&op.k.weight, channels),
            v: (Padded::new(&op.v.weight, channels), op::narrow(&op.v.bias)),
            out: (Padded::new(&op.out.weight, dim), op::narrow(&op.out.bias)),
        }
    }
}

/// Cells of scratch, by part.
struct Parts {
    /// Two vectors of a token each.
    token: usize,
    /// Of each head of each token, its absorbed query, then its weighted sum of `h`.
    absorbed: usize,
    /// Of each head of each token.
    scores: usize,
}

impl Packed {
    fn parts(&self, tokens: usize, positions: usize) -> Parts {
        Parts {
            token: tokens * self.q.0.pitch,
            absorbed: tokens * self.heads * self.k.pitch,
            scores: tokens * self.heads * positions,
        }
    }
}

impl Kernel for Packed {
    fn tasks(&self, inputs: &[Shape]) -> usize {
        inputs[0].rows
    }

    fn weights(&self) -> [&[f32]; 2] {
        [self.k.all(), self.v.0.all()]
    }

    fn input_layout(&self, index: usize) -> Layout {
        if index == 1 { Layout::Blocks } else { Layout::Rows }
    }

    fn scratch(&self, inputs: &[Shape]) -> usize {
        let p = self.parts(inputs[0].rows, inputs[1].cols);
        2 * p.token + p.absorbed + p.scores
    }

    unsafe fn run(&self, call: Call<'_>) {
        let Call { inputs, outputs, scratch, tasks, .. } = call;
        self.level.dispatch(Run { op: self, f: &inputs[0], h: &inputs[1], z: &outputs[0], scratch, tasks });
    }
}

struct Run<'a> {
    op: &'a Packed,
    f: &'a View<'a>,
    h: &'a View<'a>,
    z: &'a ViewMut<'a>,
    scratch: &'a mut [f32],
    tasks: Range<usize>,
}

impl Body for Run<'_> {
    type Output = ();

    #[inline(always)]
    fn call<I: Isa>(self, s: I) {
        let op = self.op;
        let (tokens, positions) = (self.tasks.len(), self.h.shape().cols);
        let parts = op.parts(tokens, positions);
        let (a, rest) = self.scratch.split_at_mut(parts.token);
        let (b, rest) = rest.split_at_mut(parts.token);
        let (absorbed, rest) = rest.split_at_mut(parts.absorbed);
        let scores = &mut rest[..parts.scores];
        let (pitch, wide) = (op.q.0.pitch, op.k.pitch);
        let width = op.dim / op.heads;
        // The absorbed query, and later the weighted sum, of a head of a token.
        let query = |token: usize, head: usize| {
            (token * op.heads + head) * wide..(token * op.heads + head + 1) * wide
        };

        a.fill(0.0);
        for (token, a) in self.tasks.clone().zip(a.chunks_exact_mut(pitch)) {
            linear::layer_norm(self.f.row(token), &op.norm_q.weight, &op.norm_q.bias, &mut a[..op.dim]);
        }
        for j in 0..op.dim {
            for (a, b) in a.chunks_exact(pitch).zip(b.chunks_exact_mut(pitch)) {
                b[j] = linear::dot(s, op.q.0.row(j), a) + op.q.1[j];
            }
        }
        absorbed.fill(0.0);
        for head in 0..op.heads {
            for (token, b) in b.chunks_exact(pitch).enumerate() {
                let q = &b[head * width..][..width];
                linear::accumulate(s, &op.k, head * width, q, &mut absorbed[query(token, head)]);
            }
        }

        // Queries, and positions or blocks of channels, that share a pass over what they are multiplied with: as many as
        // registers hold sums.
        if I::ACCUMULATORS >= 24 {
            score::<I, 8, 3>(s, absorbed, wide, self.h, scores);
        } else {
            score::<I, 4, 2>(s, absorbed, wide, self.h, scores);
        }
        for row in scores.chunks_exact_mut(positions) {
            linear::softmax(s, row);
        }
        if I::ACCUMULATORS >= 24 {
            pool::<I, 8, 3>(s, scores, self.h, absorbed, wide);
        } else {
            pool::<I, 4, 2>(s, scores, self.h, absorbed, wide);
        }

        a.fill(0.0);
        for j in 0..op.dim {
            for (token, a) in a.chunks_exact_mut(pitch).enumerate() {
                a[j] = linear::dot(s, op.v.0.row(j), &absorbed[query(token, j / width)]) + op.v.1[j];
            }
        }
        for j in 0..op.dim {
            for ((token, a), b) in
                self.tasks.clone().zip(a.chunks_exact(pitch)).zip(b.chunks_exact_mut(pitch))
            {
                b[j] = self.f.row(token)[j] + linear::dot(s, op.out.0.row(j), a) + op.out.1[j];
            }
        }
        for (token, b) in self.tasks.clone().zip(b.chunks_exact(pitch)) {
            // SAFETY: a task writes its own row.
            let z = unsafe { self.z.row_mut(token) };
            linear::layer_norm(&b[..op.dim], &op.norm_out.weight, &op.norm_out.bias, z);
        }
    }
}

/// `scores[q, t] = absorbed[q] · h[:, t]`, absorbed queries `wide` cells apart, `Q` of them and `P` positions at a time.
/// Where fewer are left, the last one is computed again.
#[inline(always)]
fn score<I: Isa, const Q: usize, const P: usize>(
    s: I,
    absorbed: &[f32],
    wide: usize,
    h: &View<'_>,
    scores: &mut [f32],
) {
    let Shape { rows, cols } = h.shape();
    let queries = scores.len() / cols;
    assert!(absorbed.len() == queries * wide && wide == rows.next_multiple_of(BLOCK));
    for first in (0..queries).step_by(Q) {
        let query = |i: usize| (first + i).min(queries - 1);
        for t in (0..cols).step_by(P) {
            let position = |i: usize| (t + i).min(cols - 1);
            let mut acc = [[s.splat(0.0); Q]; P];
            for b in 0..wide / BLOCK {
                for part in (0..BLOCK).step_by(I::LANES) {
                    // SAFETY: a part of a block of a query, and of a column of a block of `h`, whose rows past the
                    // last are zeros, as the queries' are.
                    unsafe {
                        let q: [I::F32; Q] = std::array::from_fn(|i| {
                            s.load(absorbed.as_ptr().add(query(i) * wide + b * BLOCK + part))
                        });
                        for (i, acc) in acc.iter_mut().enumerate() {
                            let h = s.load(h.block_ptr(b).add(position(i) * BLOCK + part));
                            for (acc, q) in acc.iter_mut().zip(q) {
                                *acc = s.mul_add(q, h, *acc);
                            }
                        }
                    }
                }
            }
            for (i, acc) in acc.into_iter().enumerate() {
                for (j, acc) in acc.into_iter().enumerate() {
                    scores[query(j) * cols + position(i)] = s.reduce_add(acc);
                }
            }
        }
    }
}

/// `pooled[q, c] = sum over t of weights[q, t] * h[c, t]`, rows of `pooled` `wide` cells apart, `Q` of them and `P` blocks
/// of channels at a time. Where fewer are left, the last one is computed again.
#[inline(always)]
fn pool<I: Isa, const Q: usize, const P: usize>(
    s: I,
    weights: &[f32],
    h: &View<'_>,
    pooled: &mut [f32],
    wide: usize,
) {
    let cols = h.shape().cols;
    let queries = weights.len() / cols;
    let blocks = wide / BLOCK;
    assert!(pooled.len() == queries * wide);
    /// Terms of a sum before it is added to the others: a sum of many thousands in one go loses digits.
    const RUN: usize = 256;
    pooled.fill(0.0);
    let runs = (0..cols).step_by(RUN).map(|t| t..cols.min(t + RUN));
    for (run, first) in runs.flat_map(|run| (0..queries).step_by(Q).map(move |q| (run.clone(), q))) {
        let query = |i: usize| (first + i).min(queries - 1);
        for b in (0..blocks).step_by(P) {
            let block = |i: usize| (b + i).min(blocks - 1);
            for part in (0..BLOCK).step_by(I::LANES) {
                let mut acc = [[s.splat(0.0); Q]; P];
                for t in run.clone() {
                    // SAFETY: positions of the queries' weights, and parts of columns of blocks of `h`.
                    unsafe {
                        let w: [I::F32; Q] =
                            std::array::from_fn(|i| s.splat(*weights.as_ptr().add(query(i) * cols + t)));
                        for (i, acc) in acc.iter_mut().enumerate() {
                            let h = s.load(h.block_ptr(block(i)).add(t * BLOCK + part));
                            for (acc, w) in acc.iter_mut().zip(w) {
                                *acc = s.mul_add(w, h, *acc);
                            }
                        }
                    }
                }
                for (i, acc) in acc.into_iter().enumerate().take(blocks - b) {
                    for (j, acc) in acc.into_iter().enumerate().take(queries - first) {
                        let to = &mut pooled[query(j) * wide + block(i) * BLOCK + part..][..I::LANES];
                        // SAFETY: one vector.
                        unsafe { s.store(to.as_mut_ptr(), s.add(s.load(to.as_ptr()), acc)) };
                    }
                }
            }
        }
    }
}
