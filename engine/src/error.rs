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
    #[error("{what} holds {found}, expected {expected}")]
    Length {
        /// Which buffer.
        what: String,
        /// Numbers that the shape asks for.
        expected: usize,
        /// Numbers that there are.
        found: usize,
    },
    /// The activations do not fit into memory.
    #[error("the activations need {bytes} bytes of memory, more than there is; try a shorter record")]
    Memory {
        /// Bytes of one arena.
        bytes: usize,
    },
    /// A kernel panicked: a defect of this program.
    #[error("{node} failed inside; please report it")]
    Panic {
        /// The node's label.
        node: String,
    },
}
