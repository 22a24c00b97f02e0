//! One file an operation: the model's shapes, the edges, and random cases.

pub(crate) mod classifier;
pub(crate) mod conv;
pub(crate) mod cross_attention;
pub(crate) mod depthwise;
pub(crate) mod pointwise;
pub(crate) mod squeeze_excite;
pub(crate) mod tokens;
