//! The model's shapes and the edges.

use crate::{Case, Generator, Recipe};
use efficientecg_kernels::ops::cross_attention::{CrossAttention, Linear, Norm};
use efficientecg_kernels::tensor::Shape;

/// Cases for tests and benches.
pub(crate) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for (tokens, dim, heads, channels, cols) in [
        (2, 64, 4, 1280, 157),
        (3, 64, 4, 256, 23),
        (1, 1, 1, 1, 1),
        (2, 15, 5, 7, 17),
        (4, 22, 11, 33, 700),
        (1, 9, 1, 20, 16),
        (1, 300, 6, 5, 1030),
        (2, 12, 3, 600, 257),
        // Long sums, of one sign.
        (1, 6, 2, 20, 40_000),
    ] {
        let mut random = Generator::new(tokens + dim + heads + channels);
        let mut linear = |outputs: usize, inputs: usize| Linear {
            weight: random.weights(outputs * inputs, inputs),
            bias: random.values(outputs),
        };
        let (q, k, v, out) =
            (linear(dim, dim), linear(dim, channels), linear(dim, channels), linear(dim, dim));
        let mut norm = || Norm { weight: random.values(dim), bias: random.values(dim) };
        let (norm_q, norm_out) = (norm(), norm());
        let op = CrossAttention { tokens, heads, norm_q, norm_out, q, k, v, out };
        let mut h = random.matrix(Shape::new(channels, cols));
        if cols > 10_000 {
            h.data.iter_mut().for_each(|h| *h = f64::from((*h + 2.0) as f32));
        }
        cases.push(Case {
            name: format!("{tokens} tokens, d{dim} h{heads}, {channels}x{cols}"),
            op: Box::new(op),
            inputs: vec![random.matrix(Shape::new(tokens, dim)), h],
        });
    }
    cases
}

/// A random case.
pub(crate) fn random(recipe: &mut Recipe) -> Case {
    let (heads, tokens) = (1 + recipe.below(5), recipe.size(5));
    let dim = heads * recipe.size((65 / heads).max(1));
    let channels = recipe.size((40_000 / (dim * dim)).clamp(3, 600));
    let cols = recipe.size((100_000 / (channels * (dim + tokens * heads))).clamp(3, 5000));
    let mut random = recipe.random();
    let mut linear = |outputs: usize, inputs: usize| Linear {
        weight: recipe.layer(&mut random, outputs * inputs, inputs),
        bias: recipe.weights.take(&mut random, outputs),
    };
    let (q, k, v, out) = (linear(dim, dim), linear(dim, channels), linear(dim, channels), linear(dim, dim));
    let mut norm = || Norm { weight: random.values(dim), bias: random.values(dim) };
    let (norm_q, norm_out) = (norm(), norm());
    let f = recipe.matrix(&mut random, Shape::new(tokens, dim));
    let h = recipe.matrix(&mut random, Shape::new(channels, cols));
    recipe.case(CrossAttention { tokens, heads, norm_q, norm_out, q, k, v, out }, vec![f, h])
}
