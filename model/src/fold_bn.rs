//! Weights as operations take them: in `f64`, each batch norm folded into the convolution before it,
//! `w' = w * gamma / sqrt(var + eps)`, `b' = beta - mean * gamma / sqrt(var + eps)`.

use crate::overflow::Overflow;
use crate::weights::{Source, WeightsError};
use efficientecg_engine::clock::Moment;
use efficientecg_files::ItemError;
use std::cell::Cell;
use std::time::Duration;

/// A layer's weight, row by row of its outputs, and bias.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Affine {
    pub(crate) weight: Vec<f64>,
    pub(crate) bias: Vec<f64>,
}

/// Takes arrays from a source, layer by layer.
pub(crate) struct Folder<'a> {
    source: &'a dyn Source,
    limit: Overflow,
    taken: Cell<Duration>,
}

impl<'a> Folder<'a> {
    /// Layers of `source`, of which every value stays finite below `limit` and in `f32`.
    pub(crate) fn new(source: &'a dyn Source, limit: Overflow) -> Folder<'a> {
        Folder { source, limit, taken: Cell::default() }
    }

    /// The time that taking arrays from the source took so far.
    pub(crate) fn taken(&self) -> Duration {
        self.taken.get()
    }

    fn raw(&self, name: &str) -> Result<Vec<f64>, WeightsError> {
        let start = Moment::now();
        let values = self.source.values(name);
        self.taken.set(self.taken.get() + start.elapsed());
        values
    }

    pub(crate) fn invalid(&self, error: ItemError) -> WeightsError {
        error.in_file(self.source.path())
    }

    /// Fails on a value that overflows the limit; a source's values are finite in `f32`.
    fn check(&self, name: &str, values: &[f64]) -> Result<(), WeightsError> {
        if self.limit == Overflow::F32 {
            return Ok(());
        }
        match self.limit.first_in(values) {
            None => Ok(()),
            Some((i, v)) => Err(self.invalid(ItemError::new(
                name,
                format!("values that are finite in {}", self.limit.name),
                format!("{v:e} at element {i}, which overflows {}", self.limit.name),
                "choose a wider precision or correct the weights",
            ))),
        }
    }

    /// An array as it is.
    pub(crate) fn values(&self, name: &str) -> Result<Vec<f64>, WeightsError> {
        let values = self.raw(name)?;
        self.check(name, &values)?;
        Ok(values)
    }

    /// `<layer>.weight` and `<layer>.bias` as they are.
    pub(crate) fn linear(&self, layer: &str) -> Result<Affine, WeightsError> {
        let weight = self.values(&format!("{layer}.weight"))?;
        Ok(Affine { weight, bias: self.values(&format!("{layer}.bias"))? })
    }

    /// The sum of two arrays of one length, the first of which names what is wrong with it.
    pub(crate) fn sum(&self, name: &str, other: &str) -> Result<Vec<f64>, WeightsError> {
        let mut sum = self.values(name)?;
        sum.iter_mut().zip(self.values(other)?).for_each(|(a, b)| *a += b);
        self.finite(name, &format!("a sum with {other} that is finite"), &sum)?;
        self.check(name, &sum)?;
        Ok(sum)
    }

    /// Fails on a value that overflows `f32`, which arithmetic on finite ones can give.
    fn finite(&self, item: &str, expected: &str, values: &[f64]) -> Result<(), WeightsError> {
        match Overflow::F32.first_in(values) {
            None => Ok(()),
            Some((i, v)) => Err(self.invalid(ItemError::new(
                item,
                expected,
                format!("{v:e} at element {i}, which overflows f32"),
                "train or export the weights again",
            ))),
        }
    }

    /// `<layer>.conv` with `<layer>.bn` folded in.
    pub(crate) fn conv_bn(&self, layer: &str) -> Result<Affine, WeightsError> {
        let mut weight = self.raw(&format!("{layer}.conv.weight"))?;
        let part = |part: &str| self.raw(&format!("{layer}.bn.{part}"));
        let (gamma, beta) = (part("weight")?, part("bias")?);
        let (mean, var) = (part("running_mean")?, part("running_var")?);
        let eps = self.source.config().bn_eps;
        let (mut bias, mut finite) = (Vec::with_capacity(gamma.len()), true);
        // Sizes are at least 1: the configuration's check sees to it.
        let width = weight.len() / gamma.len().max(1);
        for (o, row) in weight.chunks_exact_mut(width).enumerate() {
            let scale = gamma[o] / (var[o] + eps).sqrt();
            // Without a branch, which the compiler makes vectors of.
            finite &= row.iter_mut().fold(true, |all, w| {
                *w *= scale;
                all & (w.abs() < Overflow::F32.from)
            });
            bias.push(beta[o] - mean[o] * scale);
        }
        for (what, values) in [("weight", &weight), ("bias", &bias)] {
            if what == "bias" || !finite {
                let expected = format!("a {what} that is finite once batch norm is folded in");
                self.finite(&format!("{layer}.bn"), &expected, values)?;
            }
            self.check(&format!("{layer}.{what}"), values)?;
        }
        Ok(Affine { weight, bias })
    }
}

#[cfg(test)]
mod tests;
