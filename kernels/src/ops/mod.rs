//! One folder an operation, and the table of them all.

pub mod classifier;
pub mod conv;
pub mod cross_attention;
pub mod depthwise;
pub mod pointwise;
pub mod squeeze_excite;
pub mod tokens;

mod recipe;
mod window;

pub use recipe::{Draw, Recipe, Values};

use crate::op::{self, Op};
use crate::tensor::{Matrix, Shape};

/// An operation in the table: its name and the shapes that tests and benches run.
pub struct Entry {
    /// The folder under `ops/`.
    pub name: &'static str,
    /// Its cases.
    pub cases: fn() -> Vec<Case>,
    /// A random case of it.
    pub random: fn(&mut Recipe) -> Case,
}

/// An operation with weights and operands made from a fixed seed.
pub struct Case {
    /// Shapes and flags, for people.
    pub name: String,
    /// The operation.
    pub op: Box<dyn Op>,
    /// Its operands: f32 values, held in f64.
    pub inputs: Vec<Matrix>,
}

/// Every operation: what tests and benches loop over.
pub fn ops() -> [Entry; 7] {
    [
        Entry { name: "conv", cases: conv::cases, random: conv::random },
        Entry { name: "pointwise", cases: pointwise::cases, random: pointwise::random },
        Entry { name: "depthwise", cases: depthwise::cases, random: depthwise::random },
        Entry { name: "squeeze_excite", cases: squeeze_excite::cases, random: squeeze_excite::random },
        Entry { name: "tokens", cases: tokens::cases, random: tokens::random },
        Entry { name: "cross_attention", cases: cross_attention::cases, random: cross_attention::random },
        Entry { name: "classifier", cases: classifier::cases, random: classifier::random },
    ]
}

/// Sums of the rows of `y` over time chunks: `[time_chunks(cols), rows]`.
fn sum_time_chunks(y: &Matrix, sums: &mut Matrix) {
    for r in 0..y.shape.rows {
        for time_chunk in 0..sums.shape.rows {
            sums.row_mut(time_chunk)[r] = y.row(r)[op::time_chunk(y.shape.cols, time_chunk)].iter().sum();
        }
    }
}

/// The mean over `cols` positions of each of `width` channels, from their sums over time chunks.
fn mean_of_time_chunks(sums: &Matrix, cols: usize) -> Vec<f64> {
    let mut mean = vec![0.0; sums.shape.cols];
    for time_chunk in 0..sums.shape.rows {
        for (m, s) in mean.iter_mut().zip(sums.row(time_chunk)) {
            *m += s;
        }
    }
    mean.iter_mut().for_each(|m| *m /= cols as f64);
    mean
}

/// Pseudo-random numbers for cases: SplitMix64 (Steele, Lea and Flood, 2014). Values are exact in f32.
pub struct Random(u64);

impl Random {
    /// A sequence of its own for each seed.
    pub fn new(seed: usize) -> Random {
        Random(seed as u64)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A multiple of 2^-20 in -1 to 1.
    pub fn value(&mut self) -> f64 {
        ((self.next() >> 43) as f64 - (1u64 << 20) as f64) / (1u64 << 20) as f64
    }

    /// `n` values.
    pub fn values(&mut self, n: usize) -> Vec<f64> {
        (0..n).map(|_| self.value()).collect()
    }

    /// `n` weights of a layer of `inputs` inputs, scaled so that activations keep their size; exact in f32.
    pub fn weights(&mut self, n: usize, inputs: usize) -> Vec<f64> {
        let scale = (3.0 / inputs as f64).sqrt();
        (0..n).map(|_| f64::from((self.value() * scale) as f32)).collect()
    }

    /// A matrix of values in -2 to 2.
    pub fn matrix(&mut self, shape: Shape) -> Matrix {
        let data = (0..shape.len()).map(|_| 2.0 * self.value()).collect();
        Matrix { shape, data }
    }

    /// One row of gates in 0 to 1.
    pub fn gate(&mut self, n: usize) -> Matrix {
        let data = (0..n).map(|_| self.value().abs()).collect();
        Matrix { shape: Shape::new(1, n), data }
    }
}
