//! Functions of a value with an error, and norms made of them.

use super::{Approx, Arithmetic, Constants, UNIT, gamma};
use efficientecg_kernels::math::f64::{sigmoid, silu};
use efficientecg_kernels::op::Precision;
use efficientecg_kernels::simd::{Body, Isa, Level, Powers};

/// What layer norm adds to a variance: the format's, not what the kernels say.
const LAYER_NORM_EPS: f64 = 1e-5;

/// Whether the sigmoid and the SiLU of a level take their exponential from a table: where a vector looks one up.
fn has_table(level: Level) -> bool {
    static POWERS: Powers = Powers::times(1.0);
    struct Probe;
    impl Body for Probe {
        type Output = bool;
        #[inline(always)]
        fn call<I: Isa>(self, s: I) -> bool {
            // `1.5 * 2^23`: the power of 0.
            s.power(&POWERS, s.splat(12_582_912.0)).is_some()
        }
    }
    level.dispatch(Probe)
}

/// What [`efficientecg_kernels::math::exp`] errs by at most, relatively, for `x` in its range: the polynomial's 1.06e-7 and its roundings,
/// and `ln 2` rounded to f32, `x / ln 2` times. Every f32 there is is held against this by `kernels/tests/scan.rs`.
pub fn exp_error(x: f64) -> f64 {
    2e-7 + 3e-9 * x.abs().min(88.0)
}

/// What the sigmoid's exponential errs by beyond [`exp_error`]: by a table of powers 1.26e-7 of the square, its two roundings and the
/// table's, which are 1.1e-7 more than the polynomial and its roundings.
pub(super) fn table_error(level: Level) -> f64 {
    if has_table(level) { 1.1e-7 } else { 0.0 }
}

/// What the sigmoid errs by at a level, relatively: the exponential counts for `sigmoid(-x)` of it, then two roundings.
pub fn sigmoid_error(level: Level, x: f64) -> f64 {
    let quotient = UNIT + Constants::of(level).quotient_error;
    (exp_error(x) + table_error(level)) * sigmoid(-x) + UNIT + quotient + UNIT * UNIT
}

/// What [`efficientecg_kernels::math::silu_rough`] errs by, relatively: 7.5e-5 of the polynomial, and 1e-4 of the reciprocal.
pub const ROUGH_ERROR: f64 = 2e-4;

/// What is lost where the argument of the exponential is clamped, before a factor of `x`.
pub const CLAMPED: f64 = 2e-38;

impl Arithmetic {
    /// What `exp` errs by, relatively: on a GPU 2 ULP of its own polynomial.
    fn exp_error(&self, x: f64) -> f64 {
        if self.is_gpu() { 4.0 * UNIT } else { exp_error(x) }
    }

    /// What the sigmoid errs by, relatively.
    fn sigmoid_error(&self, x: f64) -> f64 {
        (self.exp_error(x) + self.table) * sigmoid(-x) + UNIT + self.division + self.quotient
    }

    /// A function's value, from its slope, the most that it inherits, and what its approximation errs by where the operand
    /// and the value are off by so much.
    fn applied(x: Approx, value: f64, slope: f64, most: f64, own: impl Fn(f64, f64) -> f64) -> Approx {
        let variance = slope * slope * x.variance + own(0.0, 0.0).powi(2);
        Approx { value, error: most + own(x.error, most), variance }
    }

    /// `1 / (1 + e^-x)`.
    pub(crate) fn sigmoid(&self, x: Approx) -> Approx {
        let (value, e) = (sigmoid(x.value), x.error);
        let slope = value * sigmoid(-x.value);
        // The greatest second derivative is 0.0962.
        let inherited = (slope * e + 0.05 * e * e).min(0.25 * e).min(1.0);
        let own = |e, off| self.sigmoid_error(x.value - e) * (value + off) + CLAMPED + self.lost;
        Self::applied(x, value, slope, inherited, own)
    }

    /// `x / (1 + e^-x)`.
    pub(crate) fn silu(&self, x: Approx) -> Approx {
        let (value, e) = (silu(x.value), x.error);
        let s = sigmoid(x.value);
        let slope = s * (1.0 + x.value * (1.0 - s));
        // The greatest derivatives are 1.0999 and 0.5.
        let inherited = (slope.abs() * e + 0.25 * e * e).min(1.1 * e);
        // On a GPU the product is rounded once more.
        let more = if self.is_gpu() { UNIT } else { 0.0 };
        let own = |e, off| {
            (self.sigmoid_error(x.value - e) + more) * (value.abs() + off) + 100.0 * CLAMPED + self.lost
        };
        Self::applied(x, value, slope, inherited, own)
    }

    /// The SiLU of the large layers: the rough one in bf16.
    pub(crate) fn activate(&self, x: Approx) -> Approx {
        let mut y = self.silu(x);
        if self.precision == Precision::Bf16 {
            let own = ROUGH_ERROR * (y.value.abs() + y.error);
            y = Approx { error: y.error + own, variance: y.variance + own * own, ..y };
        }
        y
    }

    /// `tanh x = 2 sigmoid(2 x) - 1`.
    pub(crate) fn tanh(&self, x: Approx) -> Approx {
        let twice = |x: Approx, value| Approx { value, error: 2.0 * x.error, variance: 4.0 * x.variance };
        let half = self.sigmoid(twice(x, 2.0 * x.value));
        self.rounded(twice(half, x.value.tanh()))
    }

    /// `a / n` for an exact `n`.
    pub(crate) fn over(&self, a: Approx, n: f64) -> Approx {
        let (value, error) = (a.value / n, a.error / n);
        let own = self.division * (value.abs() + error) + self.lost;
        Approx { value, error: error + own, variance: a.variance / (n * n) + own * own }
    }

    /// `exp(x - max) / sum`. What all scores are off by in common, the greatest's error among it, is a factor of every
    /// exponential and of their sum, and drops out. Where scores come in spans, sums are in f32, and rescaled at most once
    /// a span; else they are in f64.
    pub(crate) fn softmax(&self, x: &[Approx], span: Option<usize>) -> Vec<Approx> {
        let top = x.iter().fold(f64::NEG_INFINITY, |m, x| m.max(x.value));
        let top_error = x.iter().fold(0.0f64, |m, x| m.max(x.error));
        let turns = span.map_or(0, |span| x.len().div_ceil(span));
        let turn = self.exp_error(0.0) + 2.0 * UNIT;
        // Additions that a term of the sum goes through.
        let depth = match span {
            _ if self.is_gpu() => x.len(),
            Some(span) => span.div_ceil(self.lanes) + self.lanes.ilog2() as usize + turns,
            None => 0,
        };
        // Of each: its exponential, relative error, and the variance of that.
        let terms: Vec<(f64, f64, f64)> = x
            .iter()
            .map(|x| {
                let d = x.value - top;
                let off = x.error + UNIT * (d.abs() + x.error + top_error);
                let own = self.exp_error(d) + turns as f64 * turn;
                let variance = x.variance + (UNIT * d).powi(2) + own * own;
                (d.exp(), (1.0 + own) * off.exp() - 1.0, variance)
            })
            .collect();
        let total: f64 = terms.iter().map(|t| t.0).sum();
        let sum = |f: &dyn Fn(f64, f64, f64) -> f64| {
            terms.iter().map(|(v, e, s)| f(v / total, *e, *s)).sum::<f64>()
        };
        let sums = gamma(depth);
        let shared = sums + sum(&|v, e, _| v * e);
        let shared_variance = sums * sums + sum(&|v, _, s| v * v * s);
        let each = |(v, e, s): (f64, f64, f64)| {
            let value = v / total;
            let relative = if shared < 1.0 { (1.0 + e) / (1.0 - shared) - 1.0 } else { f64::INFINITY };
            let error = (value * relative).min(1.0);
            let own = (UNIT + self.division) * (value + error) + 2.0 * CLAMPED + self.lost;
            let variance = value * value * (s + shared_variance) + own * own;
            Approx { value, error: error + own, variance }
        };
        terms.into_iter().map(each).collect()
    }

    /// Layer norm. An operand's error `e_j` moves `x_j - mean` by `(1 - 1/n) e_j` and the others by `e_j / n`; the variance by
    /// `2/n` times the sum of `|x_j - mean| e_j`, and by squares; and what both make is at most `sqrt(n)`. On a CPU the
    /// moments are in f64.
    pub(crate) fn layer_norm(&self, x: &[Approx], weight: &[f64], bias: &[f64]) -> Vec<Approx> {
        let n = x.len() as f64;
        let average = |f: &dyn Fn(&Approx) -> f64| x.iter().map(f).sum::<f64>() / n;
        let unit = if self.is_gpu() { UNIT } else { 0.0 };
        let sums = if self.is_gpu() { gamma(x.len()) + self.division } else { 0.0 };
        let mean = average(&|x| x.value);
        // What the kernel's own mean is off by.
        let shift = sums * average(&|x| x.value.abs() + x.error);
        let (inherited, spread) = (average(&|x| x.error), average(&|x| x.variance) / n);
        let off: Vec<Approx> = x
            .iter()
            .map(|x| {
                let value = x.value - mean;
                let error = (x.error * (1.0 - 2.0 / n) + inherited).max(0.0) + shift;
                let own = unit * (value.abs() + error);
                let variance = (x.variance * (1.0 - 2.0 / n)).max(0.0) + spread + (shift + own).powi(2);
                Approx { value, error: error + own, variance }
            })
            .collect();
        let var = off.iter().map(|o| o.value * o.value).sum::<f64>() / n;
        let squares = |e: &dyn Fn(usize) -> f64| -> f64 {
            off.iter().enumerate().map(|(i, o)| (2.0 * o.value.abs() + e(i)) * e(i)).sum::<f64>() / n
        };
        let own = |i: usize| shift + unit * (off[i].value.abs() + off[i].error);
        let own_error = squares(&own) + 2.0 * sums * var;
        let var_error = squares(&|i| x[i].error) + own_error;
        let var_variance = off.iter().zip(x).map(|(o, x)| o.value * o.value * x.variance).sum::<f64>();
        let scale = 1.0 / (var + LAYER_NORM_EPS).sqrt();
        let most = 1.0 / ((var - var_error).max(0.0) + LAYER_NORM_EPS).sqrt();
        let least = 1.0 / (var + var_error + LAYER_NORM_EPS).sqrt();
        // The square root and its reciprocal on a GPU.
        let scale_error = (most - scale).max(scale - least) + 12.0 * unit * most;
        let slope = scale.powi(3) / 2.0;
        let scale_variance = (slope * 2.0 / n).powi(2) * var_variance
            + (slope * own_error).powi(2)
            + (12.0 * unit * scale).powi(2);
        off.iter()
            .zip(weight.iter().zip(bias))
            .map(|(o, (w, b))| {
                let error = o.value.abs() * scale_error + (scale + scale_error) * o.error;
                let variance = o.value.powi(2) * scale_variance + scale * scale * o.variance;
                let norm = Approx { value: o.value * scale, error: error.min(2.0 * n.sqrt()), variance };
                let [w, b] = [w, b].map(|v| Approx::exact(Arithmetic::narrow(*v)));
                self.add(self.mul(self.rounded(norm), w), b)
            })
            .collect()
    }
}
