//! The model's shapes and the edges.

use crate::{Case, Generator, Recipe};
use efficientecg_kernels::op;
use efficientecg_kernels::ops::classifier::Classifier;
use efficientecg_kernels::tensor::{Matrix, Shape};

/// Cases for tests and benches.
pub(crate) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for (c, n, d, classes, cols, biases) in [
        (1280, 2, 64, 5, 157, 1.0),
        (256, 3, 64, 4, 23, 1.0),
        (1, 0, 0, 1, 1, 1.0),
        (17, 1, 5, 33, 3, 1.0),
        (9, 0, 0, 20, 1500, 1.0),
        (600, 4, 7, 301, 600, 1.0),
        // Logits whose exponentials neither f32 nor the range of `exp` holds.
        (3, 0, 0, 30, 4, 512.0),
    ] {
        for softmax in [false, true] {
            let mut random = Generator::new(c + n + d + classes);
            let width = c + n * d;
            let op = Classifier {
                weight: random.weights(classes * width, width),
                bias: random.values(classes).iter().map(|b| b * biases).collect(),
                tokens: Shape::new(n, d),
                softmax,
            };
            let x = Matrix::zeros(Shape::new(c, cols));
            let mut inputs = vec![x, random.matrix(Shape::new(op::time_chunks(cols), c))];
            if n > 0 {
                inputs.push(random.matrix(Shape::new(n, d)));
            }
            cases.push(Case {
                name: format!("{c} + {n}x{d} to {classes}{}", if softmax { " softmax" } else { "" }),
                op: Box::new(op),
                inputs,
            });
        }
    }
    cases
}

/// A random case; one in two has no tokens.
pub(crate) fn random(recipe: &mut Recipe) -> Case {
    let tokens =
        if recipe.flag(0) { Shape::new(1 + recipe.below(4), recipe.size(65)) } else { Shape::new(0, 0) };
    let (c, cols) = (recipe.size(1100), recipe.size(2500));
    let width = c + tokens.len();
    let classes = recipe.size((100_000 / width).clamp(2, 200));
    let mut random = recipe.random();
    let op = Classifier {
        weight: recipe.layer(&mut random, classes * width, width),
        bias: recipe.weights.take(&mut random, classes),
        tokens,
        softmax: recipe.flag(1),
    };
    let x = Matrix::zeros(Shape::new(c, cols));
    let mut inputs = vec![x, recipe.matrix(&mut random, Shape::new(op::time_chunks(cols), c))];
    if tokens.rows > 0 {
        inputs.push(recipe.matrix(&mut random, tokens));
    }
    recipe.case(op, inputs)
}
