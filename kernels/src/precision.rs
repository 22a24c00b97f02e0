//! What numbers are stored in.

/// What weights are stored in, and activations where that is fewer bytes to move; sums are f32.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Precision {
    /// 32 bits.
    F32,
    /// IEEE 754 binary16: on a CPU for weights alone, which are multiplied in f32.
    F16,
    /// The upper half of an f32: operands of products. The SiLU around them is within 2e-4 of itself.
    Bf16,
}

impl Precision {
    /// All of them.
    pub const ALL: [Precision; 3] = [Precision::F32, Precision::F16, Precision::Bf16];

    /// `f32`, `f16` or `bf16`.
    pub fn name(self) -> &'static str {
        match self {
            Precision::F32 => "f32",
            Precision::F16 => "f16",
            Precision::Bf16 => "bf16",
        }
    }

    /// The precision of this name.
    ///
    /// ```
    /// # use efficientecg_kernels::op::Precision;
    /// assert_eq!(Precision::by_name("bf16"), Some(Precision::Bf16));
    /// assert!(Precision::ALL.iter().all(|p| Precision::by_name(p.name()) == Some(*p)));
    /// ```
    pub fn by_name(name: &str) -> Option<Precision> {
        Precision::ALL.into_iter().find(|p| p.name() == name)
    }

    /// The most that a network's results may be off those in f64, of the larger of 1 and the largest magnitude of them.
    pub fn tolerance(self) -> f64 {
        match self {
            Precision::F32 => 2e-5,
            Precision::F16 => 2e-2,
            Precision::Bf16 => 6e-2,
        }
    }
}
