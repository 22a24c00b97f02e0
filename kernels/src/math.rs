//! The transcendental functions of the network, one approximation for every instruction set.
//!
//! `exp` reduces its argument as `x = n ln 2 + r` with `|r| <= ln 2 / 2` (Cody and Waite, *Software Manual for the
//! Elementary Functions*, 1980, the constant split in two), evaluates a degree-6 minimax polynomial of relative error
//! 2e-8 (Remez exchange, coefficients rounded to f32) and scales by `2^n` in the exponent field. Worst error over all arguments in range: 2 ULP.
//! The others build on it: `sigmoid(x) = 1 / (1 + exp(-x))`, `silu(x) = x sigmoid(x)`,
//! `tanh(x) = 2 sigmoid(2x) - 1` (an absolute, not a relative, accuracy near 0: 2e-7).
//! A NaN that arithmetic made (an empty payload) stays NaN; payloads must not reach these functions.

use crate::simd::Isa;

/// Arguments of `exp` are clamped to this range, in which the result is a normal number.
const EXP_MIN: f32 = -87.0;
const EXP_MAX: f32 = 88.0;
const LN2_HIGH: f32 = 0.693_359_4;
const LN2_LOW: f32 = -2.121_944_4e-4;
/// `1.5 * 2^23`: adding it leaves the nearest integer in the low bits of the mantissa.
const MAGIC: f32 = 12_582_912.0;
/// Coefficients of `r^2` to `r^6`; those of 1 and `r` are 1.
const EXP: [f32; 5] = [0.499_999_9, 0.166_664_2, 0.041_668_225, 0.008_374_815, 0.001_383_684_6];

/// `e^x`, with `x` clamped to -87 ..= 88.
#[inline(always)]
pub fn exp<I: Isa>(s: I, x: I::F32) -> I::F32 {
    let x = s.max(s.splat(EXP_MIN), s.min(s.splat(EXP_MAX), x));
    let magic = s.mul_add(x, s.splat(std::f32::consts::LOG2_E), s.splat(MAGIC));
    let n = s.sub(magic, s.splat(MAGIC));
    let r = s.mul_add(n, s.splat(-LN2_HIGH), x);
    let r = s.mul_add(n, s.splat(-LN2_LOW), r);
    let mut p = s.splat(EXP[4]);
    for c in [EXP[3], EXP[2], EXP[1], EXP[0], 1.0, 1.0] {
        p = s.mul_add(p, r, s.splat(c));
    }
    s.scale_by_magic(p, magic)
}

/// `1 / (1 + e^-x)`.
#[inline(always)]
pub fn sigmoid<I: Isa>(s: I, x: I::F32) -> I::F32 {
    let e = exp(s, s.sub(s.splat(0.0), x));
    s.recip(s.add(s.splat(1.0), e))
}

/// `x / (1 + e^-x)`; for `x` below -87, where it is less than 2e-36, that of -87.
#[inline(always)]
pub fn silu<I: Isa>(s: I, x: I::F32) -> I::F32 {
    let x = s.max(s.splat(EXP_MIN), x);
    s.mul(x, sigmoid(s, x))
}

/// `tanh x`.
#[inline(always)]
pub fn tanh<I: Isa>(s: I, x: I::F32) -> I::F32 {
    let g = sigmoid(s, s.add(x, x));
    s.sub(s.add(g, g), s.splat(1.0))
}

/// The same functions in f64, from the standard library: what the references use.
pub mod f64 {
    /// `1 / (1 + e^-x)`.
    pub fn sigmoid(x: f64) -> f64 {
        1.0 / (1.0 + (-x).exp())
    }

    /// `x / (1 + e^-x)`.
    pub fn silu(x: f64) -> f64 {
        x * sigmoid(x)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simd::{Body, Level, MAX_LANES};

    #[derive(Clone, Copy, Debug)]
    enum Function {
        Exp,
        Sigmoid,
        Silu,
        Tanh,
    }

    struct Eval<'a>(Function, &'a mut [f32]);

    impl Body for Eval<'_> {
        type Output = ();
        #[inline(always)]
        fn call<I: Isa>(self, s: I) {
            for chunk in self.1.chunks_exact_mut(I::LANES) {
                // SAFETY: the chunk is one vector long.
                unsafe {
                    let x = s.load(chunk.as_ptr());
                    let y = match self.0 {
                        Function::Exp => exp(s, x),
                        Function::Sigmoid => sigmoid(s, x),
                        Function::Silu => silu(s, x),
                        Function::Tanh => tanh(s, x),
                    };
                    s.store(chunk.as_mut_ptr(), y);
                }
            }
        }
    }

    fn eval(level: Level, f: Function, xs: &[f32]) -> Vec<f32> {
        let mut y = xs.to_vec();
        y.resize(xs.len().next_multiple_of(MAX_LANES), 0.0);
        level.dispatch(Eval(f, &mut y));
        y.truncate(xs.len());
        y
    }

    /// Every 1,009th bit pattern: all exponents, both signs; NaN and the infinities.
    fn arguments() -> Vec<f32> {
        let mut xs: Vec<f32> =
            (0..=u32::MAX).step_by(1009).map(f32::from_bits).filter(|x| !x.is_nan()).collect();
        xs.extend([f32::NAN, -f32::NAN, f32::INFINITY, f32::NEG_INFINITY]);
        xs
    }

    #[test]
    fn within_bounds_of_f64() {
        let xs = arguments();
        for level in Level::available() {
            for (f, exact, relative, absolute) in [
                (Function::Exp, (|x| x.clamp(-87.0, 88.0).exp()) as fn(f64) -> f64, 1.5e-7, 0.0),
                (Function::Sigmoid, f64::sigmoid, 2e-7, 2e-38),
                (Function::Silu, f64::silu, 2.5e-7, 1e-35),
                (Function::Tanh, ::std::primitive::f64::tanh, 0.0, 4e-7),
            ] {
                let mut worst = 0.0f64;
                for (x, y) in xs.iter().zip(eval(level, f, &xs)) {
                    if x.is_nan() {
                        assert!(y.is_nan(), "{level:?}: NaN gave {y}");
                        continue;
                    }
                    let want = exact(f64::from(*x));
                    if want.is_nan() || want.is_infinite() {
                        continue; // silu at the infinities
                    }
                    assert!(y.is_finite(), "{level:?}: f({x:e}) = {y}");
                    let bound = want.abs() * relative + absolute;
                    let error = (f64::from(y) - want).abs();
                    assert!(error <= bound, "{level:?}: {f:?}({x:e}) = {y:e}, want {want:e}");
                    worst = worst.max(error / bound);
                }
                println!("{level:?} {f:?}: worst error {worst:.2} of its bound");
            }
        }
    }
}
