//! A task is one token; a run of them shares each pass over the weights and the one pass over `h`. Queries are absorbed head
//! by head. Positions are taken some at a time while they lie in a cache: their scores, sums over channels along the lanes,
//! and their share of the weighted sums of `h`, block by block. What was summed before is rescaled where a larger score
//! turns up (Milakov and Gimelshein, *Online normalizer calculation for softmax*, 2018).

use super::{CrossAttention, Norm};
use crate::gemv::{self, PaddedMatrix};
use crate::math;
use crate::math::Function;
use crate::norm;
use crate::op::{self, Call, Kernel};
use crate::simd::{Body, Isa, Level, MAX_LANES};
use crate::softmax;
use crate::tensor::{BLOCK, Layout, Shape, TensorView, TensorViewMut};
use crate::tuning::{QUERIES, QUERY_BLOCKS};
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

pub(super) struct CrossAttentionKernel {
    level: Level,
    dim: usize,
    heads: usize,
    norm_q: Affine,
    norm_out: Affine,
    q: (PaddedMatrix, Vec<f32>),
    k: PaddedMatrix,
    v: (PaddedMatrix, Vec<f32>),
    out: (PaddedMatrix, Vec<f32>),
}

impl CrossAttentionKernel {
    pub(super) fn new(op: &CrossAttention, level: Level) -> CrossAttentionKernel {
        let (dim, channels) = (op.dim(), op.channels());
        // The factor 1 / sqrt(d / h) of the scores goes into the query.
        let scale = 1.0 / ((dim / op.heads) as f64).sqrt();
        let scaled = |x: &[f64]| -> Vec<f64> { x.iter().map(|x| x * scale).collect() };
        CrossAttentionKernel {
            level,
            dim,
            heads: op.heads,
            norm_q: Affine::new(&op.norm_q),
            norm_out: Affine::new(&op.norm_out),
            q: (PaddedMatrix::new(&scaled(&op.q.weight), dim), op::narrow(&scaled(&op.q.bias))),
            k: PaddedMatrix::new(&op.k.weight, channels),
            v: (PaddedMatrix::new(&op.v.weight, channels), op::narrow(&op.v.bias)),
            out: (PaddedMatrix::new(&op.out.weight, dim), op::narrow(&op.out.bias)),
        }
    }
}

/// Cells of scratch, by part.
struct Parts {
    /// Two vectors of a token each.
    token: usize,
    /// Of each head of each token, its absorbed query, or its weighted sum of `h`.
    absorbed: usize,
    /// The absorbed queries that share a pass, as [`score`] takes them.
    group: usize,
    /// Of some heads, a span of them.
    scores: usize,
}

/// Queries that share a pass over the columns, of so many.
#[inline(always)]
fn group<I: Isa>(queries: usize) -> usize {
    if queries > 4 && I::ACCUMULATORS >= 24 { QUERIES } else { 4 }
}

/// Positions of a span, which are scored and summed before the next span. Few, so that their columns of `h` stay in a
/// second-level cache; for long records the square root of all, so that neither the sums over spans nor those within one lose
/// digits. The error bound in `tests/kit` takes them so too.
fn span(positions: usize) -> usize {
    positions.isqrt().max(32).next_multiple_of(MAX_LANES)
}

impl CrossAttentionKernel {
    fn parts(&self, tokens: usize, positions: usize) -> Parts {
        Parts {
            token: tokens * self.q.0.pitch,
            absorbed: (tokens * self.heads).next_multiple_of(QUERIES) * self.k.pitch,
            group: QUERIES * self.k.pitch,
            scores: QUERIES * span(positions),
        }
    }
}

impl Kernel for CrossAttentionKernel {
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
        2 * p.token + 2 * p.absorbed + p.group + (1 + BLOCK) * p.scores
    }

    unsafe fn run(&self, call: Call<'_>) {
        let Call { inputs, outputs, scratch, tasks, .. } = call;
        self.level.dispatch(CrossAttentionBody {
            op: self,
            f: &inputs[0],
            h: &inputs[1],
            z: &outputs[0],
            scratch,
            tasks,
        });
    }
}

struct CrossAttentionBody<'a> {
    op: &'a CrossAttentionKernel,
    f: &'a TensorView<'a>,
    h: &'a TensorView<'a>,
    z: &'a TensorViewMut<'a>,
    scratch: &'a mut [f32],
    tasks: Range<usize>,
}

impl Body for CrossAttentionBody<'_> {
    type Output = ();

    #[inline(always)]
    fn call<I: Isa>(self, s: I) {
        let op = self.op;
        let (tokens, positions) = (self.tasks.len(), self.h.shape().cols);
        let parts = op.parts(tokens, positions);
        let (a, rest) = self.scratch.split_at_mut(parts.token);
        let (b, rest) = rest.split_at_mut(parts.token);
        let (absorbed, rest) = rest.split_at_mut(parts.absorbed);
        let (pooled, rest) = rest.split_at_mut(parts.absorbed);
        let (together, rest) = rest.split_at_mut(parts.group);
        let (scores, lanes) = rest.split_at_mut(parts.scores);
        let (pitch, wide) = (op.q.0.pitch, op.k.pitch);
        let width = op.dim / op.heads;
        // The absorbed query, or the weighted sum, of a head of a token.
        let query = |token: usize, head: usize| {
            (token * op.heads + head) * wide..(token * op.heads + head + 1) * wide
        };

        a.fill(0.0);
        for (token, a) in self.tasks.clone().zip(a.chunks_exact_mut(pitch)) {
            norm::layer_norm(self.f.row(token), &op.norm_q.weight, &op.norm_q.bias, &mut a[..op.dim]);
        }
        for j in 0..op.dim {
            for (a, b) in a.chunks_exact(pitch).zip(b.chunks_exact_mut(pitch)) {
                b[j] = gemv::dot(s, op.q.0.row(j), a) + op.q.1[j];
            }
        }
        absorbed.fill(0.0);
        for head in 0..op.heads {
            for (token, b) in b.chunks_exact(pitch).enumerate() {
                let q = &b[head * width..][..width];
                gemv::accumulate(s, &op.k, head * width, q, &mut absorbed[query(token, head)]);
            }
        }

        let group = group::<I>(tokens * op.heads);
        let queries = (tokens * op.heads).next_multiple_of(group) * wide;
        let (absorbed, pooled) = (&absorbed[..queries], &mut pooled[..queries]);
        let attention = Attention { h: self.h, wide, absorbed, pooled, together, scores, lanes };
        if group == QUERIES {
            attend::<I, QUERIES, 2>(s, attention)
        } else {
            attend::<I, 4, 2>(s, attention)
        }

        a.fill(0.0);
        for j in 0..op.dim {
            for (token, a) in a.chunks_exact_mut(pitch).enumerate() {
                a[j] = gemv::dot(s, op.v.0.row(j), &pooled[query(token, j / width)]) + op.v.1[j];
            }
        }
        for j in 0..op.dim {
            for ((token, a), b) in
                self.tasks.clone().zip(a.chunks_exact(pitch)).zip(b.chunks_exact_mut(pitch))
            {
                b[j] = self.f.row(token)[j] + gemv::dot(s, op.out.0.row(j), a) + op.out.1[j];
            }
        }
        for (token, b) in self.tasks.clone().zip(b.chunks_exact(pitch)) {
            // SAFETY: a task writes its own row.
            let z = unsafe { self.z.row_mut(token) };
            norm::layer_norm(&b[..op.dim], &op.norm_out.weight, &op.norm_out.bias, z);
        }
    }
}

/// What [`attend`] works with, for groups of `Q` queries; rows of queries that fill up the last group are zeros.
struct Attention<'a> {
    h: &'a TensorView<'a>,
    /// Cells from query to query in `absorbed` and `pooled`: the channels, to whole blocks.
    wide: usize,
    absorbed: &'a [f32],
    /// Sums over positions of weights times `h`.
    pooled: &'a mut [f32],
    /// Absorbed queries of a group, block by block: `[wide / BLOCK, Q, BLOCK]`
    together: &'a mut [f32],
    /// `[Q, span]`
    scores: &'a mut [f32],
    /// `[span, Q, BLOCK]`
    lanes: &'a mut [f32],
}

/// `pooled[q, c] = sum over t of softmax over t of (absorbed[q] · h[:, t]) * h[c, t]`, `Q` queries, and `P` positions or blocks
/// of channels, at a time: as many as registers hold sums.
#[inline(always)]
fn attend<I: Isa, const Q: usize, const P: usize>(s: I, a: Attention<'_>) {
    let Attention { h, wide, absorbed, pooled, together, scores, lanes } = a;
    let positions = h.shape().cols;
    let span = span(positions);
    assert!(wide == h.shape().rows.next_multiple_of(BLOCK) && absorbed.len() == pooled.len());
    assert!(scores.len() >= Q * span && lanes.len() >= Q * span * BLOCK);
    let (scores, together) = (&mut scores[..Q * span], &mut together[..Q * wide]);
    pooled.fill(0.0);
    for (absorbed, pooled) in absorbed.chunks_exact(Q * wide).zip(pooled.chunks_exact_mut(Q * wide)) {
        for (b, together) in together.chunks_exact_mut(Q * BLOCK).enumerate() {
            for (q, together) in together.chunks_exact_mut(BLOCK).enumerate() {
                together.copy_from_slice(&absorbed[q * wide + b * BLOCK..][..BLOCK]);
            }
        }
        // The score that a query's weights are relative to, and their sum.
        let mut tops = [f32::NEG_INFINITY; Q];
        let mut totals = [0.0; Q];
        for start in (0..positions).step_by(span) {
            let part = start..positions.min(start + span);
            score::<I, Q, P>(s, together, h, part.clone(), lanes, scores, span);
            for (q, scores) in scores.chunks_exact_mut(span).enumerate() {
                let scores = &mut scores[..part.len().next_multiple_of(MAX_LANES)];
                scores[part.len()..].fill(f32::NEG_INFINITY);
                let top = softmax::max(s, scores).max(tops[q]);
                if top > tops[q] {
                    let mut scale = [tops[q] - top];
                    math::map(s, &mut scale, Function::Exp);
                    pooled[q * wide..][..wide].iter_mut().for_each(|p| *p *= scale[0]);
                    totals[q] *= scale[0];
                    tops[q] = top;
                }
                scores.iter_mut().for_each(|score| *score -= top);
                math::map(s, scores, Function::Exp);
                totals[q] += softmax::sum(s, scores);
            }
            pool::<I, Q, P>(s, scores, span, h, part, pooled, wide);
        }
        for (pooled, total) in pooled.chunks_exact_mut(wide).zip(totals) {
            let scale = 1.0 / total;
            pooled.iter_mut().for_each(|p| *p *= scale);
        }
    }
}

/// `scores[q, t] = absorbed[q] · h[:, part.start + t]`, with the queries of `together`. Some blocks of channels come after others,
/// whose sums wait in `lanes`; where fewer than `P` positions are left, the last one is computed again.
#[inline(always)]
#[allow(clippy::too_many_arguments)]
fn score<I: Isa, const Q: usize, const P: usize>(
    s: I,
    together: &[f32],
    h: &TensorView<'_>,
    part: Range<usize>,
    lanes: &mut [f32],
    scores: &mut [f32],
    span: usize,
) {
    let blocks = h.shape().rows.div_ceil(BLOCK);
    assert!(part.len() <= span && part.end <= h.shape().cols && together.len() == Q * blocks * BLOCK);
    for some in (0..blocks).step_by(QUERY_BLOCKS) {
        for t in part.clone().step_by(P) {
            let position = |i: usize| (t + i).min(part.end - 1);
            // SAFETY: parts of blocks of queries, and of columns of blocks of `h`, whose rows past the last are zeros, as
            // the queries' are; `lanes` has `Q` vectors for each position. What is asked for need not be readable.
            unsafe {
                let sums = lanes.as_mut_ptr().add((t - part.start) * Q * I::LANES);
                let mut acc = [[s.splat(0.0); P]; Q];
                if some > 0 {
                    for (q, acc) in acc.iter_mut().enumerate() {
                        for (i, acc) in acc.iter_mut().enumerate() {
                            *acc = s.load(sums.add((i * Q + q) * I::LANES));
                        }
                    }
                }
                for b in some..blocks.min(some + QUERY_BLOCKS) {
                    let (block, queries) = (h.block_ptr(b), together.as_ptr().add(b * Q * BLOCK));
                    for lane in (0..BLOCK).step_by(I::LANES) {
                        let mut column = [s.splat(0.0); P];
                        for (i, column) in column.iter_mut().enumerate() {
                            s.prefetch(block.wrapping_add((t + P + i) * BLOCK));
                            *column = s.load(block.add(position(i) * BLOCK + lane));
                        }
                        for (q, acc) in acc.iter_mut().enumerate() {
                            let query = s.load(queries.add(q * BLOCK + lane));
                            for (acc, column) in acc.iter_mut().zip(column) {
                                *acc = s.mul_add(query, column, *acc);
                            }
                        }
                    }
                }
                for (q, acc) in acc.iter().enumerate() {
                    for (i, acc) in acc.iter().enumerate() {
                        s.store(sums.add((i * Q + q) * I::LANES), *acc);
                    }
                }
            }
        }
    }
    for (t, sums) in lanes.chunks_exact(Q * I::LANES).take(part.len()).enumerate() {
        for (q, sums) in sums.chunks_exact(I::LANES).enumerate() {
            // SAFETY: one vector.
            scores[q * span + t] = s.reduce_add(unsafe { s.load(sums.as_ptr()) });
        }
    }
}

/// `pooled[q, c] += sum over t of weights[q, t] * h[c, part.start + t]`. Where fewer than `P` blocks are left, the last one is
/// computed again.
#[inline(always)]
fn pool<I: Isa, const Q: usize, const P: usize>(
    s: I,
    weights: &[f32],
    span: usize,
    h: &TensorView<'_>,
    part: Range<usize>,
    pooled: &mut [f32],
    wide: usize,
) {
    let blocks = wide / BLOCK;
    assert!(weights.len() == Q * span && part.len() <= span && part.end <= h.shape().cols);
    for b in (0..blocks).step_by(P) {
        let block = |i: usize| (b + i).min(blocks - 1);
        for lane in (0..BLOCK).step_by(I::LANES) {
            let mut acc = [[s.splat(0.0); P]; Q];
            for t in 0..part.len() {
                // SAFETY: positions of the queries' weights, and parts of columns of blocks of `h`.
                unsafe {
                    let mut column = [s.splat(0.0); P];
                    for (i, column) in column.iter_mut().enumerate() {
                        *column = s.load(h.block_ptr(block(i)).add((part.start + t) * BLOCK + lane));
                    }
                    for (q, acc) in acc.iter_mut().enumerate() {
                        let w = s.splat(*weights.as_ptr().add(q * span + t));
                        for (acc, column) in acc.iter_mut().zip(column) {
                            *acc = s.mul_add(w, column, *acc);
                        }
                    }
                }
            }
            for (q, acc) in acc.into_iter().enumerate() {
                for (i, acc) in acc.into_iter().enumerate().take(blocks - b) {
                    let to = &mut pooled[q * wide + block(i) * BLOCK + lane..][..I::LANES];
                    // SAFETY: one vector.
                    unsafe { s.store(to.as_mut_ptr(), s.add(s.load(to.as_ptr()), acc)) };
                }
            }
        }
    }
}
