//! The table of all operations.

use crate::case::Case;
use crate::cases::{classifier, conv, cross_attention, depthwise, pointwise, squeeze_excite, tokens};
use crate::recipe::Recipe;
use efficientecg_kernels::op::Precision;

/// An operation in the table: its name and the shapes that tests and benches run.
pub struct Entry {
    /// The folder under `kernels/src/ops`.
    pub name: &'static str,
    /// What its kernels are packed in. The small operations are in f32 whatever is asked for.
    pub precisions: &'static [Precision],
    /// Its cases.
    pub cases: fn() -> Vec<Case>,
    /// A random case of it.
    pub random: fn(&mut Recipe) -> Case,
}

const F32: &[Precision] = &[Precision::F32];

/// Every operation: what tests and benches loop over.
pub fn ops() -> [Entry; 7] {
    let all = Precision::ALL.as_slice();
    [
        Entry { name: "conv", precisions: F32, cases: conv::cases, random: conv::random },
        Entry { name: "pointwise", precisions: all, cases: pointwise::cases, random: pointwise::random },
        Entry { name: "depthwise", precisions: all, cases: depthwise::cases, random: depthwise::random },
        Entry {
            name: "squeeze_excite",
            precisions: F32,
            cases: squeeze_excite::cases,
            random: squeeze_excite::random,
        },
        Entry { name: "tokens", precisions: F32, cases: tokens::cases, random: tokens::random },
        Entry {
            name: "cross_attention",
            precisions: F32,
            cases: cross_attention::cases,
            random: cross_attention::random,
        },
        Entry { name: "classifier", precisions: F32, cases: classifier::cases, random: classifier::random },
    ]
}

/// The operation of this name.
///
/// # Panics
/// If there is none.
pub fn entry(name: &str) -> Entry {
    ops().into_iter().find(|e| e.name == name).unwrap_or_else(|| panic!("there is no operation {name}"))
}
