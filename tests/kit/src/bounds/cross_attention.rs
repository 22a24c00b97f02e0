//! The rules are in [`super`]; what comes of them is on the operation's page, `kernels/src/ops/cross_attention/mod.rs`.

use super::{Approx, Arithmetic, Bounded};
use efficientecg_kernels::ops::cross_attention::{CrossAttention, Linear};
use efficientecg_kernels::simd::MAX_LANES;
use efficientecg_kernels::tensor::Matrix;

impl Bounded for CrossAttention {
    fn bound(&self, inputs: &[&Matrix], arithmetic: &Arithmetic) -> Vec<Vec<Approx>> {
        run(self, inputs[0], inputs[1], arithmetic)
    }
}

/// Positions that a GPU sums before it adds them to the others.
const CHUNK: usize = 256;

/// Positions that a kernel on a CPU takes together, as `kernels/src/ops/cross_attention/simd.rs` cuts them.
fn span(positions: usize) -> usize {
    positions.isqrt().max(32).next_multiple_of(MAX_LANES)
}

fn narrow(values: &[f64], scale: f64) -> Vec<f64> {
    values.iter().map(|v| Arithmetic::narrow(v * scale)).collect()
}

/// A linear layer's dot products and biases, the weights rounded with a factor in them.
fn linear(layer: &Linear, scale: f64, x: &[Approx], a: &Arithmetic) -> Vec<Approx> {
    let (weight, bias) = (narrow(&layer.weight, scale), narrow(&layer.bias, scale));
    let rows = weight.chunks(x.len()).zip(bias);
    rows.map(|(row, b)| a.add(a.dot(row, x, 4), Approx::exact(b))).collect()
}

fn run(op: &CrossAttention, f: &Matrix, h: &Matrix, a: &Arithmetic) -> Vec<Vec<Approx>> {
    let (dim, channels) = (f.shape.cols, h.shape.rows);
    let width = dim / op.heads;
    let positions = h.shape.cols;
    let span = if a.is_gpu() { CHUNK } else { span(positions) };
    let (k, v) = (narrow(&op.k.weight, 1.0), narrow(&op.v.weight, 1.0));
    // [T, c]
    let h: Vec<Vec<f64>> =
        (0..positions).map(|t| (0..channels).map(|c| a.loaded(h.row(c)[t])).collect()).collect();
    let mut z = Vec::new();
    for n in 0..op.tokens {
        let f: Vec<Approx> = f.row(n).iter().map(|f| Approx::exact(*f)).collect();
        let norm = a.layer_norm(&f, &op.norm_q.weight, &op.norm_q.bias);
        let q = linear(&op.q, 1.0 / (width as f64).sqrt(), &norm, a);
        let mut mixed = Vec::new();
        for head in 0..op.heads {
            let rows = head * width..(head + 1) * width;
            let absorbed: Vec<Approx> = (0..channels)
                .map(|c| a.chain(Approx::default(), rows.clone().map(|j| (k[j * channels + c], q[j]))))
                .collect();
            let scores: Vec<Approx> = h.iter().map(|h| a.dot(h, &absorbed, 1)).collect();
            let weights = a.softmax(&scores, Some(span));
            let pooled: Vec<Approx> = (0..channels)
                .map(|c| {
                    let spans: Vec<Approx> = weights
                        .chunks(span)
                        .zip(h.chunks(span))
                        .map(|(w, h)| {
                            let terms = w.iter().zip(h).map(|(w, h)| (h[c], *w));
                            a.chain(Approx::default(), terms)
                        })
                        .collect();
                    a.total(&spans)
                })
                .collect();
            for j in rows {
                let dot = a.dot(&v[j * channels..][..channels], &pooled, 4);
                mixed.push(a.add(dot, Approx::exact(Arithmetic::narrow(op.v.bias[j]))));
            }
        }
        let weight = narrow(&op.out.weight, 1.0);
        let sums: Vec<Approx> = f
            .iter()
            .zip(weight.chunks(dim).zip(&op.out.bias))
            .map(|(f, (row, bias))| {
                let bias = Approx::exact(Arithmetic::narrow(*bias));
                // The bias first on a GPU: the larger of both orders.
                let dot = a.dot(row, &mixed, 4);
                let [x, y] = [a.add(a.add(*f, dot), bias), a.add(*f, a.add(dot, bias))];
                if a.is_gpu() && y.error > x.error { y } else { x }
            })
            .collect();
        z.extend(a.layer_norm(&sums, &op.norm_out.weight, &op.norm_out.bias));
    }
    vec![z]
}
