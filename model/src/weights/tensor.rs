//! An array of a network's weights in memory.

/// An array with its elements in C order (last index fastest).
#[derive(Debug, Clone, PartialEq)]
pub struct Tensor {
    /// Sizes of the dimensions.
    pub shape: Vec<usize>,
    /// The elements.
    pub data: Values,
}

/// Elements in the precision that they were given in.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Values {
    /// Of 32 bits, or fewer in a file.
    F32(Vec<f32>),
    /// Of 64 bits.
    F64(Vec<f64>),
}

impl Values {
    /// Number of elements.
    pub fn len(&self) -> usize {
        match self {
            Values::F32(v) => v.len(),
            Values::F64(v) => v.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The elements as `f64`, exact.
    pub fn into_f64(self) -> Vec<f64> {
        match self {
            Values::F32(v) => v.into_iter().map(f64::from).collect(),
            Values::F64(v) => v,
        }
    }

    /// A copy of the elements as `f64`, exact.
    pub fn to_f64(&self) -> Vec<f64> {
        match self {
            Values::F32(v) => v.iter().copied().map(f64::from).collect(),
            Values::F64(v) => v.clone(),
        }
    }

    /// One element as `f64`; panics if `i` is out of range.
    pub(crate) fn at(&self, i: usize) -> f64 {
        match self {
            Values::F32(v) => f64::from(v[i]),
            Values::F64(v) => v[i],
        }
    }
}
