//! What [`crate::op::Op::outputs`] says of operands that do not fit.

use std::fmt;

/// An operand whose shape the operation cannot take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShapeError {
    /// The operation's name.
    pub op: &'static str,
    /// Which operand, by the name its contract gives it.
    pub operand: &'static str,
    /// The shape that was expected.
    pub expected: String,
    /// The shape that was found.
    pub found: String,
}

impl fmt::Display for ShapeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ShapeError { op, operand, expected, found } = self;
        write!(f, "{op} {operand}: expected {expected}, found {found}; correct the graph or its inputs")
    }
}

impl std::error::Error for ShapeError {}
