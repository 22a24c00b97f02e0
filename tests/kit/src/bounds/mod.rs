//! How far a kernel may be from the reference: forward error bounds, element by element.
//!
//! [`Bounded::bound`] does what a kernel does, in the kernel's order, on pairs of a value and a bound on its error
//! ([`Approx`]). This is the running error analysis of Higham, *Accuracy and Stability of Numerical Algorithms* (2nd ed.,
//! 2002), section 3.3, applied to every step: with `u = 2^-24` the model of section 2.2,
//! `fl(a op b) = (a op b)(1 + δ) + η` with `|δ| <= u` and `|η|` at most what underflow takes, gives
//!
//! - a sum: `e(a + b) = e(a) + e(b) + u (|a + b| + e(a) + e(b))`, so that a chain of `n` additions has the bound
//!   `u` times the sum of the magnitudes of its partial sums: at most `n u` times the sum of the magnitudes of its terms,
//!   and for terms of both signs far less. No constant is guessed, and no rounding error is taken to be random: data that
//!   repeat (a flat line) make errors that do, too;
//! - a product: `e(a b) = |a| e(b) + |b| e(a) + e(a) e(b)`, and the rounding unless an addition is fused with it;
//! - sums in `m` chains that are then added up in a tree of height `h <= log2 m`: each chain as above, then
//!   `γ(h) = h u / (1 - h u)` times the sum of the magnitudes of the chains (section 4.2);
//! - a sum of `n` terms in an order that is not known (GPUs): `γ(n)` times the sum of the magnitudes of the terms
//!   (section 3.1);
//! - a function `f` of slope `f'`: `|f'(x)| e + sup |f''| e² / 2`, never more than `sup |f'| e`, and its approximation's own
//!   error ([`exp_error`]).
//!
//! Operands that are *stored* in fewer bits (f16, bf16) are no rounding error of the kernel's: which numbers they become is
//! known. So the value of a pair is what exact arithmetic makes of the operands as stored, and its distance from the
//! reference is added at the end ([`Approx::tolerance`]).
//!
//! All this holds whatever the data, as it adds errors up as if they agreed in sign; through layer after layer of sums
//! (attention, an LSTM's steps) that is far more than what happens. So there is a second bound for data and weights without
//! a pattern: the probabilistic analysis of Higham and Mary, *A New Approach to Probabilistic Rounding Error Analysis*
//! (2019), in which the roundings are independent and of mean zero. One of `x` is spread over `± u |x|`, of variance
//! `(u |x|)² / 3` at most; variances add up, times the squares of slopes; and a result is off by more than [`LAMBDA`]
//! deviations with a probability of `2 exp(-LAMBDA² / 2)`, 3e-8 an element, by Hoeffding's inequality ([`Approx::likely`]).

use efficientecg_kernels::gpu::Storage;
use efficientecg_kernels::half;
use efficientecg_kernels::op::{Op, Precision};
use efficientecg_kernels::simd::{Body, Isa, Level};
use efficientecg_kernels::tensor::Matrix;

mod classifier;
mod conv;
mod cross_attention;
mod depthwise;
mod functions;
mod pointwise;
mod squeeze_excite;
mod sums;
mod tokens;
mod window;

pub use functions::{CLAMPED, ROUGH_ERROR, exp_error, sigmoid_error};

/// An operation whose kernels have an error bound.
pub trait Bounded: Op {
    /// How far a kernel's results may be from the reference's, for results in the contract's order, row by row. The operation's
    /// own page says what it comes to.
    fn bound(&self, inputs: &[&Matrix], arithmetic: &Arithmetic) -> Vec<Vec<Approx>>;
}

/// Half the distance of 1 and its upper neighbour: what rounding to f32 errs by at most, relatively.
pub const UNIT: f64 = 1.0 / (1u64 << 24) as f64;

/// The smallest normal number of f32.
const SMALLEST: f64 = f32::MIN_POSITIVE as f64;

/// Deviations that an error is taken never to exceed where roundings are independent.
pub const LAMBDA: f64 = 6.0;

/// A value in exact arithmetic on the operands as stored, and how far a kernel's may be from it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Approx {
    /// The value.
    pub value: f64,
    /// At most so far.
    pub error: f64,
    /// The variance of the error where roundings are independent.
    pub variance: f64,
}

impl Approx {
    /// A value that is known exactly.
    pub fn exact(value: f64) -> Approx {
        Approx { value, error: 0.0, variance: 0.0 }
    }

    /// A value that is off by at most so much.
    pub(crate) fn within(value: f64, error: f64) -> Approx {
        Approx { value, error, variance: error * error }
    }

    /// The most that the kernel's result may be from the reference's.
    pub fn tolerance(self, reference: f64) -> f64 {
        // The reference itself rounds, in f64.
        (self.value - reference).abs() + self.error + 1e-13 * (self.value.abs() + reference.abs())
    }

    /// The same for data without a pattern.
    pub fn likely(self, reference: f64) -> f64 {
        let error = self.error.min(LAMBDA * self.variance.sqrt());
        Approx { error, ..self }.tolerance(reference)
    }
}

/// `n u / (1 - n u)`: the most that `n` roundings make of a number, relatively.
pub(crate) fn gamma(n: usize) -> f64 {
    let nu = n as f64 * UNIT;
    nu / (1.0 - nu)
}

/// The constants of [`Isa`] that errors depend on.
struct Constants {
    lanes: usize,
    fused: bool,
    quotient_error: f64,
}

impl Constants {
    /// Those of a level.
    fn of(level: Level) -> Constants {
        struct Ask;
        impl Body for Ask {
            type Output = Constants;
            #[inline(always)]
            fn call<I: Isa>(self, _: I) -> Constants {
                Constants { lanes: I::LANES, fused: I::FUSED, quotient_error: I::QUOTIENT_ERROR }
            }
        }
        level.dispatch(Ask)
    }
}

/// How a backend computes, as far as errors depend on it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Arithmetic {
    /// What the weights of the large layers are stored in, and in bf16 the operands of their products.
    precision: Precision,
    /// What activations and weights are stored in on a GPU.
    gpu: Option<Storage>,
    /// Whether cooperative matrices of f16 multiply.
    matrices: bool,
    /// Whether what an expand layer makes passes through a GPU's memory.
    apart: bool,
    /// Whether a multiply-add rounds once.
    fused: bool,
    /// Whether AMX multiplies bf16.
    amx: bool,
    /// Lanes of a vector.
    lanes: usize,
    /// What a division errs by, relatively.
    division: f64,
    /// What an operation may lose to underflow.
    lost: f64,
    /// What the sigmoid's exponential errs by beyond [`exp_error`], relatively.
    table: f64,
    /// What the sigmoid's quotient errs by beyond a division, relatively.
    quotient: f64,
}

impl Arithmetic {
    /// That of kernels packed for a level.
    pub fn cpu(level: Level, precision: Precision) -> Arithmetic {
        let Constants { lanes, fused, quotient_error: quotient, .. } = Constants::of(level);
        // Half of the smallest subnormal; dot products of bf16 may take subnormals for zeros.
        let lost = if precision == Precision::Bf16 { SMALLEST } else { SMALLEST * UNIT };
        Arithmetic {
            precision,
            gpu: None,
            matrices: false,
            apart: false,
            fused,
            amx: level.has_amx(),
            lanes,
            division: UNIT,
            lost,
            table: functions::table_error(level),
            quotient,
        }
    }

    /// That of a GPU, by what WGSL says of accuracy: division within 2.5 ULP, subnormals may be zeros, sums in any order.
    pub fn gpu(storage: Storage) -> Arithmetic {
        let precision = if storage == Storage::F32 { Precision::F32 } else { Precision::F16 };
        let gpu = Some(storage);
        Arithmetic {
            precision,
            gpu,
            matrices: false,
            apart: false,
            fused: false,
            amx: false,
            lanes: 1,
            division: 5.0 * UNIT,
            lost: SMALLEST,
            table: 0.0,
            quotient: 0.0,
        }
    }

    /// The same where cooperative matrices of f16 multiply: what a gate makes of an operand is rounded to f16. Products are exact then.
    /// They are added up in any order, and devices may cut off a sum in place of rounding it, or line all terms of a matrix up with the
    /// largest: each term errs by up to `2 u` of the largest sum, for each addition.
    pub fn by_matrices(self) -> Arithmetic {
        Arithmetic { matrices: true, ..self }
    }

    /// The same where an expand layer is a dispatch of its own: what it makes is stored like all activations.
    pub fn apart(self) -> Arithmetic {
        Arithmetic { apart: true, ..self }
    }

    /// The same with everything in f32.
    pub(crate) fn in_f32(&self) -> Arithmetic {
        Arithmetic { precision: Precision::F32, lost: SMALLEST * UNIT, ..*self }
    }

    /// Whether it is a GPU's.
    pub(crate) fn is_gpu(&self) -> bool {
        self.gpu.is_some()
    }

    /// A weight in f32.
    pub(crate) fn narrow(value: f64) -> f64 {
        f64::from(value as f32)
    }

    /// The rows of a large layer's weights as they are stored.
    pub(crate) fn stored_rows(&self, weight: &[f64], depth: usize) -> Vec<Approx> {
        let row = |row: &[f64]| -> Vec<Approx> {
            match self.precision {
                Precision::F32 => row.iter().map(|w| Approx::exact(Self::narrow(*w))).collect(),
                Precision::F16 => {
                    let value = |b: &u16| Approx::exact(f64::from(half::to_f32(*b)));
                    half::round_row(row).iter().map(value).collect()
                }
                Precision::Bf16 => row.iter().map(|w| bf16_operand(to_bf16(*w))).collect(),
                other => panic!("{other:?}: there is no bound for it"),
            }
        };
        weight.chunks(depth.max(1)).flat_map(row).collect()
    }

    /// A weight, with what is lost of its product with a gate where that underflows, before it is multiplied.
    pub(crate) fn gated(&self, weight: Approx, gate: f64) -> Approx {
        if gate == 0.0 || self.precision == Precision::Bf16 {
            return weight;
        }
        sum(weight, Approx::within(0.0, self.lost / gate.abs()))
    }

    /// An activation that is read from where activations are stored.
    pub(crate) fn loaded(&self, value: f64) -> f64 {
        match self.gpu {
            None | Some(Storage::F32) => value,
            Some(_) => f64::from(half::to_f32(half::from_f64(value))),
        }
    }

    /// An activation that is written to where activations are stored.
    pub(crate) fn stored(&self, x: Approx) -> Approx {
        // The type's own conversion gives the nearest; `pack2x16float` may give either neighbour.
        let unit = match self.gpu {
            None | Some(Storage::F32) => return x,
            Some(Storage::F16) => 2f64.powi(-11),
            Some(Storage::PackedF16) => 2f64.powi(-10),
        };
        let own = unit * (x.value.abs() + x.error) + 2f64.powi(-24);
        Approx { value: x.value, error: x.error + own, variance: x.variance + own * own }
    }

    /// An operand of a product of a large layer, a weight apart: what the gate makes of it is rounded in f32 first.
    pub(crate) fn operand(&self, x: f64, gate: Option<f64>) -> Approx {
        match (self.precision, self.gpu) {
            (Precision::Bf16, _) => bf16_operand(to_bf16(f64::from((x * gate.unwrap_or(1.0)) as f32))),
            _ => match gate {
                None => Approx::exact(self.loaded(x)),
                Some(gate) => {
                    let value = self.rounded(Approx::exact(self.loaded(x) * gate));
                    if self.matrices { self.stored(value) } else { value }
                }
            },
        }
    }

    /// A value that is rounded.
    #[inline(always)]
    pub(crate) fn rounded(&self, x: Approx) -> Approx {
        let own = UNIT * (x.value.abs() + x.error);
        let variance = x.variance + own * own / 3.0 + self.lost * self.lost;
        Approx { value: x.value, error: x.error + own + self.lost, variance }
    }

    /// `a + b`.
    #[inline(always)]
    pub(crate) fn add(&self, a: Approx, b: Approx) -> Approx {
        self.rounded(sum(a, b))
    }

    /// `a b`.
    #[inline(always)]
    pub(crate) fn mul(&self, a: Approx, b: Approx) -> Approx {
        self.rounded(product(a, b))
    }

    /// `a b + c`.
    #[inline(always)]
    pub(crate) fn mul_add(&self, a: Approx, b: Approx, c: Approx) -> Approx {
        let p = product(a, b);
        self.add(if self.fused { p } else { self.rounded(p) }, c)
    }
}

/// `a + b`, not rounded.
#[inline(always)]
fn sum(a: Approx, b: Approx) -> Approx {
    Approx { value: a.value + b.value, error: a.error + b.error, variance: a.variance + b.variance }
}

/// `a b`, not rounded.
#[inline(always)]
fn product(a: Approx, b: Approx) -> Approx {
    let error = a.value.abs() * b.error + (b.value.abs() + b.error) * a.error;
    let variance = a.value * a.value * b.variance + b.value * b.value * a.variance;
    Approx { value: a.value * b.value, error, variance }
}

/// A bf16 to multiply: a subnormal may be taken for zero.
fn bf16_operand(value: f64) -> Approx {
    Approx::within(value, if value.abs() < SMALLEST { value.abs() } else { 0.0 })
}

/// The nearest bf16.
fn to_bf16(value: f64) -> f64 {
    f64::from(f32::from_bits(u32::from(half::bf16(value as f32)) << 16))
}

#[cfg(test)]
mod tests;
