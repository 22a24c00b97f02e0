//! The transcendental functions of the network, and how far each is off at each instruction set.
//!
//! `exp` reduces its argument as `x = n ln 2 + r` with `|r| <= ln 2 / 2` (Cody and Waite, *Software Manual for the
//! Elementary Functions*, 1980), evaluates a degree-5 minimax polynomial of relative error 1.06e-7 (coefficients
//! rounded to f32) and scales by `2^n` in the exponent field. `ln 2` is one f32, 1.9e-9 too large, `n` times:
//! the relative error is at most `2e-7 + 3e-9 |x|`, worst for arguments whose results do not matter.
//! The others build on it: `sigmoid(x) = 1 / (1 + exp(-x))`, `silu(x) = x / (1 + exp(-x))`,
//! each with two roundings more (on Intel's AVX-512 a product with a reciprocal and a step of Newton's take the place of the division);
//! `tanh(x) = 2 sigmoid(2x) - 1` (an absolute, not a relative, accuracy near 0: 4e-7).
//! Where two registers hold 32 powers (AVX-512) their exponential is `2^(n / 32) e^f`, the power from a table (Tang, *Table-driven
//! implementation of the exponential function in IEEE floating-point arithmetic*, 1989) and `e^f` one square, 1.26e-7 off.
//!
//! Over all 2^32 bit patterns against f64 (`tests/scan.rs`), in units in the last place and relatively (`tanh`: absolutely):
//!
//! | | scalar | AVX2 | AVX-512 |
//! | --- | --- | --- | --- |
//! | `exp`, -87 to 88 | 2.44 ULP, 2.0e-7 | 5.54 ULP, 4.0e-7 | the same |
//! | `sigmoid` | 3.41 ULP, 2.5e-7 | 5.50 ULP, 4.2e-7 | 7.25 ULP, 4.9e-7 |
//! | `silu` | 3.62 ULP, 2.5e-7 | 6.71 ULP, 4.2e-7 | 7.81 ULP, 5.1e-7 |
//! | `silu_rough` | 7.9e-5 | 7.5e-5 | 1.1e-4 |
//! | `tanh` | 1.9e-7 | 1.9e-7 | 2.4e-7 |
//!
//! The worst lie where `|x|` is above 80; the bounds that `tests/kit/src/bounds` has for each `x` hold for all, by 4 % at the nearest.
//!
//! A NaN that arithmetic made (an empty payload) stays NaN; payloads must not reach these functions.

use crate::simd::{Isa, MAX_LANES, Powers};

/// Arguments of `exp` are clamped to this range, in which the result is a normal number.
const EXP_MIN: f32 = -87.0;
const EXP_MAX: f32 = 88.0;
/// `1.5 * 2^23`: adding it leaves the nearest integer in the low bits of the mantissa.
const MAGIC: f32 = 12_582_912.0;
/// `ln 2` in two parts, the first times an integer exact: for products that are rounded before they are added.
const LN2_HIGH: f32 = 0.693_359_4;
const LN2_LOW: f32 = -2.121_944_4e-4;
/// Coefficients of `r^2` to `r^5`; those of 1 and `r` are 1.
const EXP: [f32; 4] = [0.499_992_3, 0.166_671_16, 0.041_890_32, 0.008_312_44];

/// Coefficients of 1 to `r^3`, of relative error 7.5e-5.
const ROUGH: [f32; 4] = [0.999_927_94, 1.000_164_5, 0.504_968_17, 0.165_667_43];

/// `e^f` is `A ((f + C)^2 + B)` within 1.26e-7 of itself for `|f| <= ln 2 / 64`, where `C` is 46 steps of `ln 2 / 32`: near enough to 1 that
/// the square needs no linear term. `A`, times the powers of `2^(1/32)`.
static SQUARE_POWERS: Powers = Powers::times(0.501_816_86);
const SQUARE: f32 = 0.999_947_6;
/// `e^f` is `A (f + C)` within 5.3e-5 of itself there; `f + C` comes with its sign changed.
static LINE_POWERS: Powers = Powers::times(-1.003_660_2);
/// Steps of `C`.
const STEPS: f32 = 46.0;

/// A function by name, for loops over many elements: a closure that is handed on is not always compiled for the
/// instruction set of the kernel around it.
#[derive(Clone, Copy, Debug)]
pub enum Function {
    /// [`exp`].
    Exp,
    /// [`sigmoid`].
    Sigmoid,
    /// [`silu`].
    Silu,
    /// [`silu_rough`].
    SiluRough,
    /// [`tanh`].
    Tanh,
}

impl Function {
    /// Its value.
    #[inline(always)]
    pub fn of<I: Isa>(self, s: I, x: I::F32) -> I::F32 {
        match self {
            Function::Exp => exp(s, x),
            Function::Sigmoid => sigmoid(s, x),
            Function::Silu => silu(s, x),
            Function::SiluRough => silu_rough(s, x),
            Function::Tanh => tanh(s, x),
        }
    }
}

/// `e^(sign x)` for a `sign` of 1 or -1, with `sign x` within the range.
#[inline(always)]
fn exp_in_range<I: Isa>(s: I, x: I::F32, sign: f32) -> I::F32 {
    let magic = s.mul_add(x, s.splat(sign * std::f32::consts::LOG2_E), s.splat(MAGIC));
    let n = s.sub(magic, s.splat(MAGIC));
    // `sign r`: the sign goes into the odd coefficients.
    let r = if I::FUSED {
        s.mul_add(n, s.splat(-sign * std::f32::consts::LN_2), x)
    } else {
        s.mul_add(n, s.splat(-sign * LN2_LOW), s.mul_add(n, s.splat(-sign * LN2_HIGH), x))
    };
    let mut p = s.splat(sign * EXP[3]);
    for c in [EXP[2], sign * EXP[1], EXP[0], sign, 1.0] {
        p = s.mul_add(p, r, s.splat(c));
    }
    s.scale_by_magic(p, magic)
}

/// `e^x`, with `x` clamped to -87 ..= 88.
#[inline(always)]
pub fn exp<I: Isa>(s: I, x: I::F32) -> I::F32 {
    exp_in_range(s, s.max(s.splat(EXP_MIN), s.min(s.splat(EXP_MAX), x)), 1.0)
}

/// `1 / (1 + e^-x)`; for `x` below -87, where it is less than 2e-38, that of -87.
#[inline(always)]
pub fn sigmoid<I: Isa>(s: I, x: I::F32) -> I::F32 {
    over_one_plus_exp(s, s.splat(1.0), s.max(s.splat(EXP_MIN), x))
}

/// `x / (1 + e^-x)`; for `x` below -87, where it is less than 2e-36, that of -87.
#[inline(always)]
pub fn silu<I: Isa>(s: I, x: I::F32) -> I::F32 {
    let x = s.max(s.splat(EXP_MIN), x);
    over_one_plus_exp(s, x, x)
}

/// `x / (1 + e^-x)` within 2e-4 of itself, for what is rounded to bf16; for `x` below -87 that of -87.
#[inline(always)]
pub fn silu_rough<I: Isa>(s: I, x: I::F32) -> I::F32 {
    let x = s.max(s.splat(EXP_MIN), x);
    let in_range = s.min(s.splat(-EXP_MIN), x);
    if let Some((h, power)) = by_table(s, in_range, &LINE_POWERS) {
        return s.mul(x, s.recip_rough(s.mul_add(h, power, s.splat(1.0))));
    }
    let magic = s.mul_add(in_range, s.splat(-std::f32::consts::LOG2_E), s.splat(MAGIC));
    let n = s.sub(magic, s.splat(MAGIC));
    let r = s.mul_add(n, s.splat(std::f32::consts::LN_2), in_range);
    let mut p = s.splat(-ROUGH[3]);
    for c in [ROUGH[2], -ROUGH[1], ROUGH[0]] {
        p = s.mul_add(p, r, s.splat(c));
    }
    let e = s.scale_by_magic(p, magic);
    s.mul(x, s.recip_rough(s.add(s.splat(1.0), e)))
}

/// `a / (1 + e^-x)` for `x` from -87 on.
#[inline(always)]
fn over_one_plus_exp<I: Isa>(s: I, a: I::F32, x: I::F32) -> I::F32 {
    let x = s.min(s.splat(-EXP_MIN), x);
    let one = s.splat(1.0);
    let sum = match by_table(s, x, &SQUARE_POWERS) {
        Some((h, power)) => s.mul_add(s.mul_add(h, h, s.splat(SQUARE)), power, one),
        None => s.add(one, exp_in_range(s, x, -1.0)),
    };
    s.quotient(a, sum)
}

/// For `e^-x = 2^(n / 32) e^f` with the nearest whole `n`: `-(f + C)`, and `2^(n / 32)` by `table`.
#[inline(always)]
fn by_table<I: Isa>(s: I, x: I::F32, table: &Powers) -> Option<(I::F32, I::F32)> {
    let magic = s.mul_add(x, s.splat(-32.0 * std::f32::consts::LOG2_E), s.splat(MAGIC));
    let power = s.power(table, magic)?;
    let n = s.sub(magic, s.splat(MAGIC + STEPS));
    Some((s.mul_add(n, s.splat(std::f32::consts::LN_2 / 32.0), x), power))
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

/// Applies a function to every element.
#[inline(always)]
pub(crate) fn map<I: Isa>(s: I, x: &mut [f32], f: Function) {
    let mut chunks = x.chunks_exact_mut(I::LANES);
    for c in &mut chunks {
        // SAFETY: the chunk is one vector long.
        unsafe { s.store(c.as_mut_ptr(), f.of(s, s.load(c.as_ptr()))) };
    }
    let rest = chunks.into_remainder();
    let mut last = [0.0; MAX_LANES];
    last[..rest.len()].copy_from_slice(rest);
    // SAFETY: `last` is at least one vector long.
    unsafe { s.store(last.as_mut_ptr(), f.of(s, s.load(last.as_ptr()))) };
    rest.copy_from_slice(&last[..rest.len()]);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simd::{Body, Level};

    /// Whether the sigmoid and the SiLU of a level take their exponential from a table.
    fn has_table(level: Level) -> bool {
        struct Probe;
        impl Body for Probe {
            type Output = bool;
            #[inline(always)]
            fn call<I: Isa>(self, s: I) -> bool {
                s.power(&SQUARE_POWERS, s.splat(MAGIC)).is_some()
            }
        }
        level.dispatch(Probe)
    }

    struct Eval<'a>(Function, &'a mut [f32]);

    impl Body for Eval<'_> {
        type Output = ();
        #[inline(always)]
        fn call<I: Isa>(self, s: I) {
            for chunk in self.1.chunks_exact_mut(I::LANES) {
                // SAFETY: the chunk is one vector long.
                unsafe {
                    s.store(chunk.as_mut_ptr(), self.0.of(s, s.load(chunk.as_ptr())));
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

    fn check(name: &str) {
        let Some(level) = Level::by_name(name) else {
            efficientecg_skipped::skipped(&format!("this processor has no {name}"));
            return;
        };
        let xs = arguments();
        let by_exp = if has_table(level) { 4.4e-7 } else { 3e-7 };
        for (f, exact, relative, absolute) in [
            (Function::Exp, (|x| x.clamp(-87.0, 88.0).exp()) as fn(f64) -> f64, 2e-7, 0.0),
            (Function::Sigmoid, f64::sigmoid, by_exp, 2e-38),
            (Function::Silu, f64::silu, by_exp, 2e-36),
            (Function::SiluRough, f64::silu, 2e-4, 2e-36),
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
                let reduction = if relative > 0.0 { 3e-9 * f64::from(x.abs().min(88.0)) } else { 0.0 };
                let bound = want.abs() * (relative + reduction) + absolute;
                let error = (f64::from(y) - want).abs();
                assert!(error <= bound, "{level:?}: {f:?}({x:e}) = {y:e}, want {want:e}");
                worst = worst.max(error / bound);
            }
            println!("{level:?} {f:?}: worst error {worst:.2} of its bound");
        }
    }

    /// The test of each instruction set, so that its name finds it.
    macro_rules! tests {
        ($level:ident) => {
            mod $level {
                #[test]
                fn functions_are_within_their_bounds() {
                    super::check(stringify!($level));
                }
            }
        };
    }
    efficientecg_kit::for_each_level!(tests!);
}
