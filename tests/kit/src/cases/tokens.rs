//! Each kind alone and together, present and missing, and the edges.

use crate::{Case, Generator, Recipe};
use efficientecg_kernels::ops::tokens::{Encoder, Tokens};
use efficientecg_kernels::tensor::{Matrix, Shape};

fn one(value: f64) -> Matrix {
    Matrix { shape: Shape::new(1, 1), data: vec![value] }
}

fn continuous(random: &mut Generator, dim: usize) -> Encoder {
    let [weight, bias, missing] = [0, 1, 2].map(|_| random.values(dim));
    Encoder::Continuous { weight, bias, missing }
}

fn sequence(random: &mut Generator, dim: usize, inputs: usize, hidden: usize) -> Encoder {
    Encoder::Sequence {
        inputs,
        hidden,
        input_weight: random.weights(4 * hidden * inputs, inputs),
        hidden_weight: random.weights(4 * hidden * hidden, hidden),
        bias: random.values(4 * hidden),
        proj: random.weights(dim * hidden, hidden),
        proj_bias: random.values(dim),
        missing: random.values(dim),
    }
}

/// Cases for tests and benches.
pub(crate) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for (dim, inputs, hidden, rows, steps) in [
        (64, 4, 32, 20, 20),
        (64, 4, 32, 20, 7),
        (5, 1, 1, 1, 1),
        (33, 3, 17, 200, 200),
        (1, 2, 40, 4, 0),
        (300, 70, 130, 5, 5),
    ] {
        for missing in [false, true] {
            let mut random = Generator::new(dim + inputs + hidden + steps);
            let features = vec![
                continuous(&mut random, dim),
                sequence(&mut random, dim, inputs, hidden),
                Encoder::Categorical { embedding: random.values(3 * dim) },
            ];
            let mut table = random.matrix(Shape::new(rows, inputs));
            // Rows past the steps must not be read.
            for row in steps..rows {
                table.row_mut(row).fill(f64::NAN);
            }
            let (value, index) = if missing { (f64::NAN, -1.0) } else { (-1.75, 1.0) };
            cases.push(Case {
                name: format!("d{dim} lstm {inputs} to {hidden}, {steps} of {rows} steps, missing {missing}"),
                op: Box::new(Tokens { dim, features }),
                inputs: vec![one(value), table, one(steps as f64), one(index)],
            });
        }
    }
    cases
}

/// A random case of none to four features.
pub(crate) fn random(recipe: &mut Recipe) -> Case {
    let (dim, count) = (recipe.size(129), recipe.below(4));
    let mut random = recipe.random();
    let (mut features, mut inputs) = (Vec::new(), Vec::new());
    for i in 0..count as u32 {
        let missing = recipe.flag(3 * i + 2);
        let mut vector = |n: usize| recipe.weights.take(&mut random, n);
        match (recipe.flag(3 * i), recipe.flag(3 * i + 1)) {
            (false, _) => {
                let [weight, bias, none] = [0, 1, 2].map(|_| vector(dim));
                features.push(Encoder::Continuous { weight, bias, missing: none });
                let value = recipe.values.take(&mut random, 1)[0];
                inputs.push(one(if missing { f64::NAN } else { value }));
            }
            (true, false) => {
                let categories = recipe.size(5);
                features.push(Encoder::Categorical {
                    embedding: recipe.weights.take(&mut random, (categories + 1) * dim),
                });
                inputs.push(one(if missing { -1.0 } else { recipe.below(categories - 1) as f64 }));
            }
            (true, true) => {
                let (width, hidden) = (recipe.size(33), recipe.size(49));
                let rows = recipe.size((40_000 / (hidden * (hidden + width))).clamp(3, 200));
                let steps = if missing { 0 } else { rows - recipe.below(rows - 1) };
                features.push(Encoder::Sequence {
                    inputs: width,
                    hidden,
                    input_weight: recipe.layer(&mut random, 4 * hidden * width, width),
                    hidden_weight: recipe.layer(&mut random, 4 * hidden * hidden, hidden),
                    bias: recipe.weights.take(&mut random, 4 * hidden),
                    proj: recipe.layer(&mut random, dim * hidden, hidden),
                    proj_bias: recipe.weights.take(&mut random, dim),
                    missing: recipe.weights.take(&mut random, dim),
                });
                let mut table = recipe.matrix(&mut random, Shape::new(rows, width));
                for row in steps..rows {
                    table.row_mut(row).fill(f64::NAN);
                }
                inputs.extend([table, one(steps as f64)]);
            }
        }
    }
    recipe.case(Tokens { dim, features }, inputs)
}
