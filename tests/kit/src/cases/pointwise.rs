//! The model's shapes and the edges.

use crate::{Case, Generator, Recipe};
use efficientecg_kernels::ops::pointwise::Pointwise;
use efficientecg_kernels::tensor::Shape;

/// Cases for tests and benches.
pub(crate) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    let flags = [(false, false, false, false), (true, false, false, true), (false, true, true, false)];
    for (c_in, c_out, cols) in [
        (32, 16, 2500),
        (144, 24, 1250),
        (672, 112, 157),
        (1152, 320, 79),
        (320, 1280, 79),
        (1152, 192, 23),
        (1, 1, 1),
        (3, 7, 15),
        (5, 13, 17),
        (17, 33, 47),
        (2, 15, 513),
        (9, 4, 1025),
        // More than a window of activations.
        (300, 40, 2100),
    ] {
        for (silu, gate, residual, sums) in flags {
            let mut random = Generator::new(c_in * 31 + c_out);
            let op = Pointwise {
                weight: random.weights(c_out * c_in, c_in).into(),
                bias: random.values(c_out),
                silu,
                gate,
                residual,
                sums,
            };
            let mut inputs = vec![random.matrix(Shape::new(c_in, cols))];
            if gate {
                inputs.push(random.gate(c_in));
            }
            if residual {
                inputs.push(random.matrix(Shape::new(c_out, cols)));
            }
            let name = format!(
                "{c_in}x{cols} to {c_out}{}{}{}",
                if silu { " silu" } else { "" },
                if gate { " gated" } else { "" },
                if residual { " residual" } else { "" },
            );
            cases.push(Case { name, op: Box::new(op), inputs });
        }
    }
    cases
}

/// A random case.
pub(crate) fn random(recipe: &mut Recipe) -> Case {
    let [silu, gate, residual, sums] = [0, 1, 2, 3].map(|i| recipe.flag(i));
    let deep = recipe.flag(4);
    let c_in = recipe.size(if deep { 2500 } else { 129 });
    let c_out = recipe.size((40_000 / c_in).clamp(3, 200));
    let cols = recipe.size((200_000 / (c_in * c_out)).clamp(17, 5000));
    let mut random = recipe.random();
    let weight = recipe.layer(&mut random, c_out * c_in, c_in);
    let weight = weight.into();
    let op = Pointwise { weight, bias: recipe.weights.take(&mut random, c_out), silu, gate, residual, sums };
    let mut inputs = vec![recipe.matrix(&mut random, Shape::new(c_in, cols))];
    if gate {
        inputs.push(random.gate(c_in));
    }
    if residual {
        inputs.push(recipe.matrix(&mut random, Shape::new(c_out, cols)));
    }
    recipe.case(op, inputs)
}
