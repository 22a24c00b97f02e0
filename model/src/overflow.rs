//! Values that a storage type cannot hold.

use efficientecg_engine::Precision;

/// Smallest magnitude that rounds to infinity in a storage type, with the type's name.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Overflow {
    /// Name for messages.
    pub(crate) name: &'static str,
    /// Values of this magnitude and above overflow.
    pub(crate) from: f64,
}

impl Overflow {
    /// IEEE 754 binary32: 2^128 - 2^103.
    pub(crate) const F32: Overflow =
        Overflow { name: "f32", from: 340_282_356_779_733_661_637_539_395_458_142_568_448.0 };
    /// IEEE 754 binary16: 65504 and half a step.
    pub(crate) const F16: Overflow = Overflow { name: "f16", from: 65_520.0 };
    /// bfloat16: 2^128 - 2^119.
    pub(crate) const BF16: Overflow =
        Overflow { name: "bf16", from: 339_617_752_923_046_005_526_922_703_901_628_039_168.0 };

    /// That of a precision's storage.
    pub(crate) fn of(precision: Precision) -> Overflow {
        match precision {
            Precision::F16 => Overflow::F16,
            Precision::Bf16 => Overflow::BF16,
            _ => Overflow::F32,
        }
    }

    /// The first value that overflows or is not finite: its place and itself.
    pub(crate) fn first_in(self, values: &[f64]) -> Option<(usize, f64)> {
        first(values, |v| v.abs() < self.from)
    }
}

/// The first value that fails `fits`: its place and itself.
pub(crate) fn first<T: Copy>(values: &[T], fits: impl Fn(T) -> bool) -> Option<(usize, T)> {
    // Whole chunks without a branch, which the compiler makes vectors of.
    const CHUNK: usize = 256;
    let chunk = values.chunks(CHUNK).position(|c| !c.iter().fold(true, |all, v| all & fits(*v)))?;
    let at = chunk * CHUNK;
    values[at..].iter().position(|v| !fits(*v)).map(|i| (at + i, values[at + i]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_misfit_is_found_wherever_it_is() {
        for at in [0, 1, 255, 256, 257, 999] {
            let mut values = vec![1.0f32; 1000];
            values[at] = f32::NAN;
            values[999] = f32::INFINITY;
            assert_eq!(first(&values, f32::is_finite).map(|(i, _)| i), Some(at));
        }
        assert_eq!(first(&[1.0f32; 1000], f32::is_finite), None);
    }
}
