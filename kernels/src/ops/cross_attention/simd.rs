//! A task is one token. The absorbed queries of its heads are the rows of a matrix product with `h`, packed on the
//! fly; the weighted sums are dot products along time.

use super::{CrossAttention, Norm};
use crate::linear::{self, Padded};
use crate::op::{self, Kernel};
use crate::simd::{Body, Isa, Level, MAX_LANES, MAX_ROWS};
use crate::tile::{self, Rows, Store};
use crate::view::{Shape, View, ViewMut};
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
    channels: usize,
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
            channels,
            norm_q: Affine::new(&op.norm_q),
            norm_out: Affine::new(&op.norm_out),
            q: (Padded::new(&scaled(&op.q.weight), dim), op::narrow(&scaled(&op.q.bias))),
            k: Padded::new(&op.k.weight, channels),
            v: (Padded::new(&op.v.weight, channels), op::narrow(&op.v.bias)),
            out: (Padded::new(&op.out.weight, dim), op::narrow(&op.out.bias)),
        }
    }
}

/// The cells of scratch, part by part.
struct Scratch {
    token: usize,
    absorbed: usize,
    block: usize,
    scores: usize,
}

impl Packed {
    fn parts(&self, positions: usize) -> Scratch {
        Scratch {
            token: self.q.0.pitch,
            absorbed: self.heads * self.k.pitch,
            block: self.channels * MAX_ROWS,
            scores: Shape::new(self.heads, positions).cells(),
        }
    }
}

impl Kernel for Packed {
    fn tasks(&self, inputs: &[Shape]) -> usize {
        inputs[0].rows
    }

    fn scratch(&self, inputs: &[Shape]) -> usize {
        let p = self.parts(inputs[1].cols);
        2 * p.token + p.absorbed + p.block + p.scores
    }

    unsafe fn run(
        &self,
        inputs: &[View<'_>],
        outputs: &[ViewMut<'_>],
        scratch: &mut [f32],
        tasks: Range<usize>,
    ) {
        for task in tasks {
            // SAFETY: a task writes its own row.
            let z = unsafe { outputs[0].row_mut(task) };
            let f = inputs[0].row(task);
            self.level.dispatch(Task { op: self, f, h: &inputs[1], z, scratch: &mut *scratch });
        }
    }
}

struct Task<'a> {
    op: &'a Packed,
    f: &'a [f32],
    h: &'a View<'a>,
    z: &'a mut [f32],
    scratch: &'a mut [f32],
}

impl Body for Task<'_> {
    type Output = ();

    #[inline(always)]
    fn call<I: Isa>(self, s: I) {
        let op = self.op;
        let positions = self.h.shape().cols;
        let shape = Shape::new(op.heads, positions);
        let parts = op.parts(positions);
        let (a, rest) = self.scratch.split_at_mut(parts.token);
        let (b, rest) = rest.split_at_mut(parts.token);
        let (absorbed, rest) = rest.split_at_mut(parts.absorbed);
        let (block, scores) = rest.split_at_mut(parts.block);
        let scores = &mut scores[..parts.scores];
        let width = op.dim / op.heads;

        a.fill(0.0);
        linear::layer_norm(self.f, &op.norm_q.weight, &op.norm_q.bias, &mut a[..op.dim]);
        for (j, q) in b.iter_mut().enumerate().take(op.dim) {
            *q = linear::dot(s, op.q.0.row(j), a) + op.q.1[j];
        }
        absorbed.fill(0.0);
        for (head, row) in absorbed.chunks_exact_mut(op.k.pitch).enumerate() {
            linear::accumulate(s, &op.k, head * width, &b[head * width..][..width], row);
        }

        score(s, op, absorbed, block, self.h, scores);
        for row in scores.chunks_exact_mut(shape.pitch()).take(op.heads) {
            linear::softmax(s, &mut row[..positions]);
            row[positions..].fill(0.0);
        }
        // The absorbed queries have done their work; their rows take the weighted sums of `h`.
        pool(s, op, scores, self.h, absorbed);

        a.fill(0.0);
        for (j, a) in a.iter_mut().enumerate().take(op.dim) {
            let head = j / width;
            let pooled = &absorbed[head * op.k.pitch..][..op.k.pitch];
            *a = linear::dot(s, op.v.0.row(j), pooled) + op.v.1[j];
        }
        for (j, b) in b.iter_mut().enumerate().take(op.dim) {
            *b = self.f[j] + linear::dot(s, op.out.0.row(j), a) + op.out.1[j];
        }
        linear::layer_norm(&b[..op.dim], &op.norm_out.weight, &op.norm_out.bias, self.z);
    }
}

/// `scores[head, t] = absorbed[head] · h[:, t]`.
#[inline(always)]
fn score<I: Isa>(s: I, op: &Packed, absorbed: &[f32], block: &mut [f32], h: &View<'_>, scores: &mut [f32]) {
    let shape = Shape::new(op.heads, h.shape().cols);
    let to = ViewMut::new(scores, shape);
    let source = Rows { data: h.row_ptr(0), pitch: h.shape().pitch() };
    let zeros = [0.0f32; MAX_ROWS];
    let mut first = 0;
    while first < op.heads {
        let mut rows = I::ROWS;
        while rows > op.heads - first {
            rows /= 2;
        }
        for (c, to) in block.chunks_exact_mut(rows).take(op.channels).enumerate() {
            for (r, to) in to.iter_mut().enumerate() {
                *to = absorbed[(first + r) * op.k.pitch + c];
            }
        }
        let mut sink = Store::new(s, false, &to, None, first, 0, shape.cols);
        // SAFETY: the block is `channels` deep; rows of `h` and of the scores reach to their pitch.
        unsafe {
            let (weight, bias) = (block.as_ptr(), zeros.as_ptr());
            tile::block(s, rows, op.channels, weight, bias, weight, source, shape.cols, &mut sink);
        }
        first += rows;
    }
}

/// `pooled[head, c] = sum over t of weights[head, t] * h[c, t]`.
#[inline(always)]
fn pool<I: Isa>(s: I, op: &Packed, weights: &[f32], h: &View<'_>, pooled: &mut [f32]) {
    /// Heads that share a pass over `h`.
    const GROUP: usize = 4;
    let shape = Shape::new(op.heads, h.shape().cols);
    let whole = shape.cols / I::LANES * I::LANES;
    assert!(weights.len() >= shape.cells() && shape.pitch() >= shape.cols.next_multiple_of(MAX_LANES));
    for first in (0..op.heads).step_by(GROUP) {
        let heads = GROUP.min(op.heads - first);
        for c in 0..op.channels {
            let x = h.row_ptr(c);
            let mut acc = [s.splat(0.0); GROUP];
            // SAFETY: rows of `h` and of the weights reach to their pitch, which is whole vectors; heads past the
            // last read the last.
            unsafe {
                let row = |g: usize| weights.as_ptr().add((first + g.min(heads - 1)) * shape.pitch());
                let mut t = 0;
                while t < whole {
                    let x = s.load(x.add(t));
                    for (g, acc) in acc.iter_mut().enumerate() {
                        *acc = s.mul_add(s.load(row(g).add(t)), x, *acc);
                    }
                    t += I::LANES;
                }
                if t < shape.cols {
                    let x = s.keep_first(s.load(x.add(t)), shape.cols - t);
                    for (g, acc) in acc.iter_mut().enumerate() {
                        *acc = s.mul_add(s.load(row(g).add(t)), x, *acc);
                    }
                }
            }
            for (g, acc) in acc.into_iter().enumerate().take(heads) {
                pooled[(first + g) * op.k.pitch + c] = s.reduce_add(acc);
            }
        }
    }
}
