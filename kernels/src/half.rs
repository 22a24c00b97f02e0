//! Numbers of 16 bits, as the crate `half` converts them, and what it lacks: the nearest f16 of an f64, and rows whose sums
//! stay right. f16 is IEEE 754 binary16; bf16 is the upper half of an f32.
//!
//! Single numbers are converted by plain arithmetic, to the same bits on every machine. Rows are converted by the processor's
//! instructions where it has them, to the same values; NaNs stay NaNs.

use ::half::slice::{HalfBitsSliceExt, HalfFloatSliceExt};

/// An f32 that rounds to the same f16 as the f64. It is cut off, and made odd if anything was lost, so that no tie is
/// made or missed (Boldo and Melquiond, *Emulation of FMA and Correctly Rounded Sums*, 2008).
fn round_to_odd(value: f64) -> f32 {
    // Bits of the mantissa past an f32's.
    const LOST: u64 = (1 << 29) - 1;
    let bits = value.to_bits();
    let kept = bits & !LOST;
    // Past the range of normal f32 this rounds once more: among values that are 0 or infinite in f16.
    f64::from_bits(if bits == kept { kept } else { kept | (LOST + 1) }) as f32
}

/// The bits of the nearest f16, ties to even; infinite from 65,520 on. (`half::f16::from_f64` may round twice, by way of the
/// nearest f32, or not see what makes a value more than a tie.)
pub fn from_f64(value: f64) -> u16 {
    ::half::f16::from_f32_const(round_to_odd(value)).to_bits()
}

/// The bits of the nearest bf16, ties to even.
pub fn bf16(value: f32) -> u16 {
    ::half::bf16::from_f32_const(value).to_bits()
}

/// The value of an f16, exactly.
pub fn to_f32(bits: u16) -> f32 {
    ::half::f16::from_bits(bits).to_f32_const()
}

/// [`from_f64`] of each number.
fn row_from_f64(row: &[f64]) -> Vec<u16> {
    // Miri has no such instructions.
    if cfg!(miri) {
        return row.iter().map(|v| from_f64(*v)).collect();
    }
    let odd: Vec<f32> = row.iter().map(|v| round_to_odd(*v)).collect();
    let mut bits = vec![0; row.len()];
    bits.reinterpret_cast_mut::<::half::f16>().convert_from_f32_slice(&odd);
    bits
}

/// Puts [`to_f32`] of each number behind those that are there.
pub fn extend_f32(to: &mut Vec<f32>, bits: &[u16]) {
    if cfg!(miri) {
        to.extend(bits.iter().map(|b| to_f32(*b)));
        return;
    }
    let start = to.len();
    to.resize(start + bits.len(), 0.0);
    bits.reinterpret_cast::<::half::f16>().convert_to_f32_slice(&mut to[start..]);
}

/// The next value towards infinity, or towards minus infinity.
fn neighbour(bits: u16, up: bool) -> u16 {
    let negative = bits & 0x8000 != 0;
    match (bits & 0x7fff, negative == up) {
        // Past zero to the smallest value of the other sign, or away from it.
        (0, _) => u16::from(!up) << 15 | 1,
        (_, true) => bits - 1,
        (_, false) => bits + 1,
    }
}

/// Rounds a row of weights so that its sum stays right, too: some go to their second nearest f16, those first for which that
/// costs least. The inputs of a layer mostly share a sign (SiLU, gates). So an error of a row's sum shifts its output, while
/// errors that cancel average out (the bias of Nagel et al., *Data-Free Quantization*, 2019).
pub fn round_row(row: &[f64]) -> Vec<u16> {
    let mut bits = row_from_f64(row);
    let mut nearest = Vec::with_capacity(bits.len());
    extend_f32(&mut nearest, &bits);
    let mut excess: f64 = nearest.iter().zip(row).map(|(v, w)| f64::from(*v) - w).sum();
    // Each weight's other neighbour, how far that moves the sum, and what it adds to the error.
    let mut moves: Vec<(f64, usize, u16, f64)> = Vec::new();
    for (i, ((b, v), w)) in bits.iter().zip(nearest).zip(row).enumerate() {
        let value = f64::from(v);
        let other = neighbour(*b, value < *w);
        let next = f64::from(to_f32(other));
        let step = next - value;
        if step.is_finite() && step * excess < 0.0 {
            moves.push(((next - w).abs() - (value - w).abs(), i, other, step));
        }
    }
    moves.sort_by(|a, b| a.0.total_cmp(&b.0));
    for (_, i, other, step) in moves {
        if (excess + step).abs() < excess.abs() {
            excess += step;
            bits[i] = other;
        }
    }
    bits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_are_next_to_each_other() {
        let mut at = 0xfc00;
        let mut last = f32::NEG_INFINITY;
        while at != 0x7c00 {
            at = neighbour(at, true);
            assert!(to_f32(at) > last, "{at:x}");
            last = to_f32(at);
            if at & 0x7fff != 0 && at != 0x7c00 {
                assert_eq!(neighbour(neighbour(at, false), true) & 0x7fff, at & 0x7fff);
            }
        }
        assert_eq!(last, f32::INFINITY);
    }

    #[test]
    fn rows_keep_their_sums() {
        let mut state = 7u64;
        let mut unit = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 11) as f64 / (1u64 << 53) as f64 - 0.5
        };
        let (mut nearest, mut kept) = (0.0f64, 0.0f64);
        for length in [1, 2, 3, 16, 100, 700] {
            for _ in 0..20 {
                let row: Vec<f64> = (0..length).map(|_| unit()).collect();
                let bits = round_row(&row);
                let sum = |of: &dyn Fn(usize) -> u16| -> f64 {
                    (0..length).map(|i| f64::from(to_f32(of(i))) - row[i]).sum::<f64>().abs()
                };
                nearest += sum(&|i| from_f64(row[i]));
                kept += sum(&|i| bits[i]);
                for (b, w) in bits.iter().zip(&row) {
                    // Within a step, which is at most 2^-12 below 0.5.
                    let error = (f64::from(to_f32(*b)) - w).abs();
                    assert!(error <= 2f64.powi(-12), "{w} became {}", to_f32(*b));
                }
            }
        }
        assert!(kept < nearest / 5.0, "sums are off by {kept}, by {nearest} with the nearest");
        assert_eq!(round_row(&[65_519.0, 1.0]), [0x7bff, 0x3c00]);
        assert!(round_row(&[]).is_empty());
    }

    /// What an f16 is, by the standard's formula, in f64: exactly.
    fn meaning(bits: u16) -> f64 {
        let sign = if bits & 0x8000 == 0 { 1.0 } else { -1.0 };
        let (exponent, mantissa) = (i32::from(bits >> 10 & 0x1f), f64::from(bits & 0x3ff));
        let power = |n: i32| f64::from_bits(((1023 + n) as u64) << 52);
        sign * match (exponent, bits & 0x3ff) {
            (0, _) => mantissa * power(-24),
            (31, 0) => f64::INFINITY,
            (31, _) => f64::NAN,
            _ => (1024.0 + mantissa) * power(exponent - 25),
        }
    }

    /// The nearest f16, ties to even, found among all of them. What two neighbours have in the middle is exact in f64.
    fn nearest(value: f64) -> u16 {
        let (sign, magnitude) = (if value.is_sign_negative() { 0x8000 } else { 0 }, value.abs());
        // Between the largest and infinity as if that were the next power of two.
        let of = |bits: u16| if bits == 0x7c00 { 65_536.0 } else { meaning(bits) };
        let (mut low, mut high) = (0u16, 0x7c00u16);
        if magnitude >= of(high) {
            return sign | high;
        }
        while high - low > 1 {
            let middle = low + (high - low) / 2;
            *(if of(middle) <= magnitude { &mut low } else { &mut high }) = middle;
        }
        let tie = (of(low) + of(high)) / 2.0;
        sign | if magnitude > tie || magnitude == tie && low % 2 == 1 { high } else { low }
    }

    #[test]
    fn every_value_comes_back() {
        let all: Vec<u16> = (0..=u16::MAX).step_by(if cfg!(miri) { 97 } else { 1 }).collect();
        let mut values = vec![1.0];
        extend_f32(&mut values, &all);
        let values = values.split_off(1);
        let again = row_from_f64(&values.iter().map(|v| f64::from(*v)).collect::<Vec<_>>());
        for ((bits, value), again) in all.into_iter().zip(values).zip(again) {
            let want = meaning(bits);
            if want.is_nan() {
                assert!(value.is_nan() && to_f32(bits).is_nan() && to_f32(again).is_nan(), "{bits:x}");
                assert!(to_f32(from_f64(want)).is_nan(), "{bits:x}");
            } else {
                // Signs of zeros, too.
                let same = |v: f32| f64::from(v).to_bits() == want.to_bits();
                assert!(same(value) && same(to_f32(bits)), "{bits:x} is {want}, not {value}");
                assert_eq!((from_f64(want), again), (bits, bits), "{want}");
            }
        }
    }

    #[test]
    fn rounds_to_the_nearest() {
        // Halfway between neighbours goes to the even one, the least bit more or less to the nearer one.
        let step = if cfg!(miri) { 97 } else { 1 };
        for bits in (0..0x7bffu16).chain(0x8000..0xfbff).step_by(step) {
            let (a, b) = (meaning(bits), meaning(bits + 1));
            let (tie, even) = ((a + b) / 2.0, bits + (bits & 1));
            // Away from zero: the bits of a float count upwards.
            let [less, more] = [tie.to_bits() - 1, tie.to_bits() + 1].map(f64::from_bits);
            let values = [tie, less, more, a * 0.51 + b * 0.49, a * 0.49 + b * 0.51];
            let want = [even, bits, bits + 1, bits, bits + 1];
            assert_eq!(values.map(from_f64), want, "between {a} and {b}");
            assert_eq!(row_from_f64(&values), want, "between {a} and {b}");
            assert_eq!(values.map(nearest), want, "the test itself, between {a} and {b}");
        }
        assert_eq!(from_f64(65_519.999), 0x7bff);
        assert_eq!(from_f64(65_520f64.next_down()), 0x7bff);
        assert_eq!(from_f64(65_520.0), 0x7c00);
        assert_eq!(from_f64(-1e300), 0xfc00);
        assert_eq!(from_f64(f64::INFINITY), 0x7c00);
        assert_eq!([1e-300, 5e-324, 2f64.powi(-25)].map(from_f64), [0; 3]);
        assert_eq!(from_f64(-2f64.powi(-25).next_up()), 0x8001);
        assert!(to_f32(from_f64(f64::NAN)).is_nan());
        // One whose bits all lie beyond an f32's.
        assert!(to_f32(from_f64(f64::from_bits(0x7ff0_0000_0000_0001))).is_nan());
    }

    /// Numbers that any of the ways through an f32 might round twice: near ties, by distances of every size, and anywhere.
    #[test]
    fn random_numbers_round_once() {
        let mut state = 11u64;
        let mut next = || {
            // Marsaglia, *Xorshift RNGs*, 2003.
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state
        };
        let mut values = Vec::new();
        for _ in 0..if cfg!(miri) { 200 } else { 300_000 } {
            let bits = (next() % 0x7bff) as u16;
            let tie = (meaning(bits) + meaning(bits + 1)) / 2.0;
            // By one bit of the mantissa, or by some.
            let by = (next() >> 12) >> (next() % 53);
            let near = if next() % 2 == 0 { tie.to_bits() + by } else { tie.to_bits().saturating_sub(by) };
            let sign = next() << 63;
            values.push(f64::from_bits(near | sign));
            // Exponents from 2^-40 to 2^23.
            values.push(f64::from_bits((983 + next() % 64) << 52 | next() >> 12 | sign));
        }
        let rows = row_from_f64(&values);
        for (value, row) in values.into_iter().zip(rows) {
            let want = nearest(value);
            assert_eq!((from_f64(value), row), (want, want), "{value:e}");
        }
    }

    #[test]
    fn bf16_is_the_nearest() {
        for bits in (0..0x7f80u16).step_by(if cfg!(miri) { 97 } else { 1 }) {
            // What is cut off of an f32 is half of the way to the next bf16 at 0x8000.
            let at = |low: u32| f32::from_bits(u32::from(bits) << 16 | low);
            let even = bits + (bits & 1);
            for (low, want) in
                [(0, bits), (0x7fff, bits), (0x8000, even), (0x8001, bits + 1), (0xffff, bits + 1)]
            {
                assert_eq!((bf16(at(low)), bf16(-at(low))), (want, 0x8000 | want), "{:e}", at(low));
            }
        }
        assert_eq!((bf16(f32::MAX), bf16(f32::NEG_INFINITY)), (0x7f80, 0xff80));
        for nan in [f32::NAN.to_bits(), 0x7f80_0001, 0xff80_0001, 0x7fff_ffff, u32::MAX] {
            assert!(bf16(f32::from_bits(nan)) & 0x7fff > 0x7f80, "{nan:x}");
        }
    }
}
