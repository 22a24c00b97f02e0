//! A case of an operation.

use crate::bounds::Bounded;
use efficientecg_kernels::tensor::{Matrix, Shape};

/// An operation with weights and operands made from a fixed seed.
pub struct Case {
    /// Shapes and flags, for people.
    pub name: String,
    /// The operation.
    pub op: Box<dyn Bounded>,
    /// Its operands: f32 values, held in f64.
    pub inputs: Vec<Matrix>,
}

impl Case {
    /// The shapes of its operands.
    pub fn shapes(&self) -> Vec<Shape> {
        self.inputs.iter().map(|m| m.shape).collect()
    }
}
