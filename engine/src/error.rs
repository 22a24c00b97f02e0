//! What can go wrong between a graph and its run.

use efficientecg_kernels::error::ShapeError;

/// A run that could not be planned or started.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EngineError {
    /// The operands of a node do not fit.
    #[error("{node}: {error}")]
    Shape {
        /// The node's label.
        node: String,
        /// Which operand, and how.
        error: ShapeError,
    },
    /// A buffer of the batch is not as long as its shape says.
    #[error("{item}: expected {expected}, found {found}; give as many as the shapes say")]
    Length {
        /// What there are too few or too many of.
        item: String,
        /// How many the shapes ask for.
        expected: usize,
        /// How many there are.
        found: usize,
    },
    /// The activations do not fit into memory.
    #[error("activations: expected {bytes} bytes of memory, found less; try a shorter record")]
    Memory {
        /// Bytes of one arena.
        bytes: usize,
    },
    /// A kernel panicked: a defect of this program.
    #[error("{node}: expected results, found a panic; please report it")]
    Panic {
        /// The node's label.
        node: String,
    },
}
