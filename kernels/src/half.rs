//! IEEE 754 binary16, for what a GPU stores: conversions alone.

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
    let steps = (magnitude * 2f64.powi(10 - exponent)).round_ties_even() as u16;
    // A mantissa that rounds up to 2^11 carries into the exponent by itself.
    sign | (((exponent + 14) as u16) << 10).wrapping_add(steps)
}

/// The value of an f16, exactly.
pub fn to_f32(bits: u16) -> f32 {
    let sign = if bits & 0x8000 == 0 { 1.0 } else { -1.0 };
    let (exponent, mantissa) = (i32::from(bits >> 10 & 0x1f), f32::from(bits & 0x3ff));
    sign * match exponent {
        0 => mantissa * 2f32.powi(-24),
        31 if mantissa == 0.0 => f32::INFINITY,
        31 => f32::NAN,
        _ => (1024.0 + mantissa) * 2f32.powi(exponent - 25),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
