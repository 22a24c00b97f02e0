//! Pseudo-random numbers.

use efficientecg_kernels::tensor::{Matrix, Shape};

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
