//! What a GPU's compiler makes of the kernels, without the GPU: see `benches/README.md`.

pub mod assembly;
pub mod card;
pub mod measure;
pub mod network;
pub mod radv;
pub mod roofline;
pub mod spirv;

/// Why there are no statistics.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A program that naga refuses.
    #[error("{program}: {text}")]
    Shader {
        /// The program's name.
        program: &'static str,
        /// What naga says.
        text: String,
    },
    /// Vulkan fails.
    #[error("Vulkan: {what}: {error}")]
    Vulkan {
        /// What was tried.
        what: &'static str,
        /// The driver's answer.
        error: String,
    },
    /// A network that cannot be.
    #[error("{0}")]
    Config(String),
}
