//! The model's shapes and the edges.

use crate::{Case, Generator, Recipe};
use efficientecg_kernels::op::{self, TIME_CHUNK};
use efficientecg_kernels::ops::squeeze_excite::SqueezeExcite;
use efficientecg_kernels::tensor::{Matrix, Shape};

/// Cases for tests and benches.
pub(crate) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for (c, r, cols) in
        [(32, 8, 2500), (480, 20, 313), (1152, 48, 79), (1, 1, 1), (17, 3, 5), (33, 40, 1030), (700, 301, 77)]
    {
        let mut random = Generator::new(c * 3 + r);
        let op = SqueezeExcite {
            reduce: random.weights(r * c, c).into(),
            reduce_bias: random.values(r),
            expand: random.weights(c * r, r).into(),
            expand_bias: random.values(c),
        };
        let x = Matrix::zeros(Shape::new(c, cols));
        let mut sums = random.matrix(Shape::new(op::time_chunks(cols), c));
        sums.data.iter_mut().for_each(|v| *v = f64::from((*v * cols.min(TIME_CHUNK) as f64) as f32));
        cases.push(Case {
            name: format!("{c} channels, {r} hidden, {cols} positions"),
            op: Box::new(op),
            inputs: vec![x, sums],
        });
    }
    cases
}

/// A random case.
pub(crate) fn random(recipe: &mut Recipe) -> Case {
    let (c, cols) = (recipe.size(1100), recipe.size(5000));
    let r = recipe.size((100_000 / c).clamp(2, 300));
    let mut random = recipe.random();
    let op = SqueezeExcite {
        reduce: recipe.layer(&mut random, r * c, c).into(),
        reduce_bias: recipe.weights.take(&mut random, r),
        expand: recipe.layer(&mut random, c * r, r).into(),
        expand_bias: recipe.weights.take(&mut random, c),
    };
    let mut sums = recipe.matrix(&mut random, Shape::new(op::time_chunks(cols), c));
    sums.data.iter_mut().for_each(|v| *v = f64::from((*v * cols.min(TIME_CHUNK) as f64) as f32));
    recipe.case(op, vec![Matrix::zeros(Shape::new(c, cols)), sums])
}
