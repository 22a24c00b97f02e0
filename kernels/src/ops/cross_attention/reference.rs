//! Plain loops, f64 sums, keys and values as written.

use super::{CrossAttention, Linear, Norm};
use crate::norm::LAYER_NORM_EPS;
use crate::tensor::Matrix;

fn layer_norm(x: &[f64], norm: &Norm) -> Vec<f64> {
    let n = x.len() as f64;
    let mean = x.iter().sum::<f64>() / n;
    let var = x.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / n;
    let scale = (var + LAYER_NORM_EPS).sqrt();
    x.iter().zip(&norm.weight).zip(&norm.bias).map(|((x, w), b)| (x - mean) / scale * w + b).collect()
}

fn linear(layer: &Linear, x: &[f64]) -> Vec<f64> {
    let rows = layer.weight.chunks_exact(x.len());
    rows.zip(&layer.bias).map(|(w, b)| b + w.iter().zip(x).map(|(w, x)| w * x).sum::<f64>()).collect()
}

pub(super) fn run(op: &CrossAttention, f: &Matrix, h: &Matrix, z: &mut Matrix) {
    let (d, positions) = (op.dim(), h.shape.cols);
    let width = d / op.heads;
    let column = |t: usize| -> Vec<f64> { (0..h.shape.rows).map(|c| h.row(c)[t]).collect() };
    let (keys, values): (Vec<_>, Vec<_>) = (0..positions)
        .map(|t| {
            let x = column(t);
            (linear(&op.k, &x), linear(&op.v, &x))
        })
        .unzip();
    for n in 0..op.tokens {
        let q = linear(&op.q, &layer_norm(f.row(n), &op.norm_q));
        let mut mixed = vec![0.0; d];
        for head in 0..op.heads {
            let part = head * width..(head + 1) * width;
            let scores: Vec<f64> = keys
                .iter()
                .map(|k| {
                    let dot: f64 = part.clone().map(|j| q[j] * k[j]).sum();
                    dot / (width as f64).sqrt()
                })
                .collect();
            let top = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let weights: Vec<f64> = scores.iter().map(|s| (s - top).exp()).collect();
            let total: f64 = weights.iter().sum();
            for (a, v) in weights.iter().zip(&values) {
                for j in part.clone() {
                    mixed[j] += a / total * v[j];
                }
            }
        }
        let o = linear(&op.out, &mixed);
        let sum: Vec<f64> = f.row(n).iter().zip(&o).map(|(f, o)| f + o).collect();
        z.row_mut(n).copy_from_slice(&layer_norm(&sum, &op.norm_out));
    }
}
