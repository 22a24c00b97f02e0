//! Numbers of 16 bits: conversions alone. f16 is IEEE 754 binary16; bf16 is the upper half of an f32.

/// The bits of the nearest f16, ties to even; infinite from 65,520 on.
pub fn from_f64(value: f64) -> u16 {
    let sign = if value.is_sign_negative() { 0x8000 } else { 0 };
    let magnitude = value.abs();
    if magnitude.is_nan() {
        return sign | 0x7e00;
    }
    if magnitude >= 65_520.0 {
        return sign | 0x7c00;
    }
    // The distance of neighbours: 2^(e - 10) for a value of exponent e, 2^-24 below 2^-14.
    let exponent = (((magnitude.to_bits() >> 52) as i32) - 1023).max(-14);
    let scale = f64::from_bits(((1023 + 10 - exponent) as u64) << 52);
    let steps = (magnitude * scale).round_ties_even() as u16;
    // A mantissa that rounds up to 2^11 carries into the exponent by itself.
    sign | (((exponent + 14) as u16) << 10).wrapping_add(steps)
}

/// The bits of the nearest bf16, ties to even; of what is no number, of one that is none.
pub fn bf16(value: f32) -> u16 {
    let bits = value.to_bits();
    (bits.wrapping_add(0x7fff + (bits >> 16 & 1)) >> 16) as u16
}

/// The value of an f16, exactly.
pub fn to_f32(bits: u16) -> f32 {
    let sign = if bits & 0x8000 == 0 { 1.0 } else { -1.0 };
    let (exponent, mantissa) = (i32::from(bits >> 10 & 0x1f), f32::from(bits & 0x3ff));
    // From its bits: `powi` need not be exact.
    let power = |n: i32| f32::from_bits(((127 + n) as u32) << 23);
    sign * match exponent {
        0 => mantissa * power(-24),
        31 if mantissa == 0.0 => f32::INFINITY,
        31 => f32::NAN,
        _ => (1024.0 + mantissa) * power(exponent - 25),
    }
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

/// Rounds a row of weights so that its sum stays right, too: some go to their second nearest f16, those first for which that costs
/// least. The inputs of a layer share a sign more often than not (SiLU, gates), so that what a row's sum loses shifts its
/// output, while errors that cancel average out (the bias of Nagel et al., *Data-Free Quantization*, 2019).
pub fn round_row(row: &[f64]) -> Vec<u16> {
    let mut bits: Vec<u16> = row.iter().map(|w| from_f64(*w)).collect();
    let value = |b: u16| f64::from(to_f32(b));
    let mut excess: f64 = bits.iter().zip(row).map(|(b, w)| value(*b) - w).sum();
    // Each weight's other neighbour, how far that moves the sum, and what it adds to the error.
    let mut moves: Vec<(f64, usize, u16, f64)> = Vec::new();
    for (i, (b, w)) in bits.iter().zip(row).enumerate() {
        let other = neighbour(*b, value(*b) < *w);
        let step = value(other) - value(*b);
        if step.is_finite() && step * excess < 0.0 {
            moves.push(((value(other) - w).abs() - (value(*b) - w).abs(), i, other, step));
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

    #[test]
    fn every_value_comes_back() {
        for bits in 0..=u16::MAX {
            let value = to_f32(bits);
            if value.is_nan() {
                assert!(to_f32(from_f64(f64::from(value))).is_nan());
            } else {
                assert_eq!(from_f64(f64::from(value)), bits, "{value}");
            }
        }
    }

    #[test]
    fn rounds_to_the_nearest() {
        // Halfway between neighbours goes to the even one, a little more or less to the nearer one.
        for bits in (0..0x7bffu16).chain(0x8000..0xfbff) {
            let (a, b) = (f64::from(to_f32(bits)), f64::from(to_f32(bits + 1)));
            let even = bits + (bits & 1);
            assert_eq!(from_f64((a + b) / 2.0), even, "between {a} and {b}");
            assert_eq!(from_f64(a * 0.51 + b * 0.49), bits);
            assert_eq!(from_f64(a * 0.49 + b * 0.51), bits + 1);
        }
        assert_eq!(from_f64(65_519.999), 0x7bff);
        assert_eq!(from_f64(65_520.0), 0x7c00);
        assert_eq!(from_f64(-1e300), 0xfc00);
        assert_eq!(from_f64(1e-300), 0);
    }
}
