//! The model's shapes and the edges.

use crate::{Case, Generator, Recipe};
use efficientecg_kernels::ops::conv::Conv;
use efficientecg_kernels::tensor::Shape;

/// Cases for tests and benches.
pub(crate) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for (leads, c_out, kernel, stride, cols) in [
        (12, 32, 3, 2, 5000),
        (2, 32, 3, 2, 720),
        (1, 16, 7, 2, 9000),
        (1, 1, 1, 1, 1),
        (1, 3, 31, 3, 1),
        (3, 5, 5, 1, 2),
        (15, 13, 9, 3, 1100),
        (2, 20, 31, 2, 1030),
        (8, 7, 1, 3, 1537),
        (2, 6, 5, 1, 513),
        (2, 3, 1, 2, 1029),
        (3, 5, 3, 7, 4000),
        (2, 3, 5, 1 << 24, 9),
    ] {
        let mut random = Generator::new(leads * 7 + c_out * 3 + kernel);
        let weight = random.weights(c_out * leads * kernel, leads * kernel);
        let op = Conv { weight, bias: random.values(c_out), leads, kernel, stride };
        cases.push(Case {
            name: format!("{leads}x{cols} to {c_out} k{kernel} s{stride}"),
            op: Box::new(op),
            inputs: vec![random.matrix(Shape::new(leads, cols))],
        });
    }
    cases
}

/// A random case.
pub(crate) fn random(recipe: &mut Recipe) -> Case {
    let (leads, kernel) = (recipe.size(15), 2 * recipe.below(15) + 1);
    let (stride, c_out) =
        (if recipe.flag(0) { 1 + recipe.below(3) } else { recipe.size(97) }, recipe.size(65));
    let cols = recipe.size((200_000 / (leads * kernel * c_out)).clamp(17, 5000));
    let mut random = recipe.random();
    let weight = recipe.layer(&mut random, c_out * leads * kernel, leads * kernel);
    let op = Conv { weight, bias: recipe.weights.take(&mut random, c_out), leads, kernel, stride };
    let inputs = vec![recipe.matrix(&mut random, Shape::new(leads, cols))];
    recipe.case(op, inputs)
}
