//! Pseudo-random numbers.

use efficientecg_kernels::tensor::{Matrix, Shape};

// The library's generator, by its source: an arrow from the tests of `kernels` to `model/ecg` would point the wrong way.
#[path = "../../../model/ecg/src/random.rs"]
mod splitmix64;

pub use splitmix64::SplitMix64;

/// Pseudo-random numbers for cases, networks and inputs, drawn from [`SplitMix64`].
pub struct Generator(SplitMix64);

impl Generator {
    /// A sequence of its own for each seed.
    pub fn new(seed: usize) -> Generator {
        Generator(SplitMix64(seed as u64))
    }

    /// The next 64 bits.
    pub fn bits(&mut self) -> u64 {
        self.0.next()
    }

    /// A whole number below `n`.
    pub fn below(&mut self, n: usize) -> usize {
        (self.bits() % n as u64) as usize
    }

    /// Of mean 0 and standard deviation 1: uniform, so that no libm decides its bits.
    pub fn unit(&mut self) -> f64 {
        (self.0.uniform() - 0.5) * 12f64.sqrt()
    }

    /// `n` numbers of [`Generator::unit`], in f32.
    pub fn units(&mut self, n: usize) -> Vec<f32> {
        (0..n).map(|_| self.unit() as f32).collect()
    }

    /// A multiple of 2^-20 in -1 to 1, exact in f32.
    pub fn value(&mut self) -> f64 {
        ((self.bits() >> 43) as f64 - (1u64 << 20) as f64) / (1u64 << 20) as f64
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
