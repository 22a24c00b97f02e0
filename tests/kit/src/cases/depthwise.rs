//! The model's shapes and the edges.

use crate::{Case, Generator, Recipe};
use efficientecg_kernels::ops::depthwise::{Depthwise, Expand};
use efficientecg_kernels::tensor::Shape;

/// Cases for tests and benches.
pub(crate) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    // Input channels, expand factor (0: no expand layer), kernel, stride, samples.
    for (c_in, factor, kernel, stride, cols) in [
        (32, 0, 3, 1, 2500),
        (16, 6, 3, 2, 2500),
        (24, 6, 5, 2, 1250),
        (80, 6, 5, 1, 157),
        (112, 6, 5, 2, 157),
        (192, 6, 5, 1, 23),
        (1, 0, 1, 1, 1),
        (1, 1, 31, 3, 1),
        (3, 2, 31, 1, 7),
        (5, 3, 7, 3, 1600),
        (7, 0, 5, 2, 1027),
        (13, 1, 9, 2, 33),
        (2, 5, 1, 3, 1540),
        (4, 4, 3, 1, 513),
        (3, 3, 5, 1, 1),
        (2, 2, 31, 2, 2090),
        (3, 2, 1, 2, 1029),
        (3, 2, 3, 7, 4000),
        (2, 3, 5, 1 << 24, 9),
    ] {
        let channels = c_in * factor.max(1);
        let mut random = Generator::new(c_in * 5 + factor * 3 + kernel * 11 + stride);
        let expand = (factor > 0).then(|| Expand {
            weight: random.weights(channels * c_in, c_in).into(),
            bias: random.values(channels),
        });
        let weight = random.weights(channels * kernel, kernel);
        let op = Depthwise { expand, weight, bias: random.values(channels), kernel, stride };
        cases.push(Case {
            name: format!("{c_in}x{cols} expand {factor} k{kernel} s{stride}"),
            op: Box::new(op),
            inputs: vec![random.matrix(Shape::new(c_in, cols))],
        });
    }
    cases
}

/// A random case.
pub(crate) fn random(recipe: &mut Recipe) -> Case {
    let factor = if recipe.flag(0) { 1 + recipe.below(5) } else { 0 };
    let c_in = recipe.size(if factor > 0 { 65 } else { 200 });
    let kernel = if recipe.flag(1) { 3 + 2 * recipe.below(1) } else { 2 * recipe.below(15) + 1 };
    let stride = if recipe.flag(2) { 1 + recipe.below(2) } else { recipe.size(97) };
    let channels = c_in * factor.max(1);
    let work = channels * (kernel + if factor > 0 { c_in } else { 0 });
    let cols = recipe.size((200_000 / work).clamp(17, 5000));
    let mut random = recipe.random();
    let expand = (factor > 0).then(|| Expand {
        weight: recipe.layer(&mut random, channels * c_in, c_in).into(),
        bias: recipe.weights.take(&mut random, channels),
    });
    let weight = recipe.layer(&mut random, channels * kernel, kernel);
    let bias = recipe.weights.take(&mut random, channels);
    let inputs = vec![recipe.matrix(&mut random, Shape::new(c_in, cols))];
    recipe.case(Depthwise { expand, weight, bias, kernel, stride }, inputs)
}
