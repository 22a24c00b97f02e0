//! What can go wrong between a graph and its run.

use efficientecg_kernels::error::ShapeError;
use std::error::Error;
use std::fmt;

/// A run that could not be planned or started.
#[derive(Debug)]
#[non_exhaustive]
pub enum EngineError {
    /// The operands of a node do not fit.
    Shape {
        /// The node's label.
        node: String,
        /// Which operand, and how.
        error: ShapeError,
    },
    /// A buffer of the batch is not as long as its shape says.
    Length {
        /// What there are too few or too many of.
        item: String,
        /// How many the shapes ask for.
        expected: usize,
        /// How many there are.
        found: usize,
    },
    /// The activations do not fit into memory.
    Memory {
        /// Bytes of one arena.
        bytes: usize,
    },
    /// A kernel panicked: a defect of this program.
    Panic {
        /// The node's label.
        node: String,
    },
}

impl fmt::Display for EngineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            EngineError::Shape { node, error } => write!(f, "{node}: {error}"),
            EngineError::Length { item, expected, found } => {
                write!(f, "{item}: expected {expected}, found {found}; give as many as the shapes say")
            }
            EngineError::Memory { bytes } => {
                write!(f, "activations: expected {bytes} bytes of memory, found less; try a shorter record")
            }
            EngineError::Panic { node } => {
                write!(f, "{node}: expected results, found a panic; please report it")
            }
        }
    }
}

impl Error for EngineError {}
