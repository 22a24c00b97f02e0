//! Weights as they were trained: each batch norm folded into the convolution before it,
//! `w' = w * gamma / sqrt(var + eps)`, `b' = beta - mean * gamma / sqrt(var + eps)`, in f64.

use super::{Affine, Layers, finite, may_overflow, within};
use crate::config::Config;
use crate::overflow::Overflow;
use crate::weights::{Source, Values, WeightsError};
use efficientecg_engine::clock::Moment;
use efficientecg_kernels::weight_rows::WeightRows;
use std::cell::Cell;
use std::path::Path;
use std::time::Duration;

/// Takes arrays from a source, layer by layer.
pub(crate) struct Folder<'a> {
    source: &'a dyn Source,
    limit: Cell<Overflow>,
    taken: Cell<Duration>,
}

impl<'a> Folder<'a> {
    /// Layers of `source`, of which every value stays finite in `f32`.
    pub(crate) fn new(source: &'a dyn Source) -> Folder<'a> {
        Folder { source, limit: Cell::new(Overflow::F32), taken: Cell::default() }
    }

    fn raw(&self, name: &str) -> Result<Values, WeightsError> {
        let start = Moment::now();
        let values = self.source.values(name);
        self.taken.set(self.taken.get() + start.elapsed());
        values
    }
}

impl Layers for Folder<'_> {
    fn config(&self) -> &Config {
        self.source.config()
    }

    fn path(&self) -> &Path {
        self.source.path()
    }

    fn set_limit(&self, limit: Overflow) {
        self.limit.set(limit);
    }

    fn conv_bn(&self, layer: &str) -> Result<Affine<WeightRows>, WeightsError> {
        let weight = self.raw(&format!("{layer}.conv.weight"))?;
        let part = |part: &str| Ok(self.raw(&format!("{layer}.bn.{part}"))?.into_f64());
        let (gamma, beta) = (part("weight")?, part("bias")?);
        let (mean, var) = (part("running_mean")?, part("running_var")?);
        let eps = self.config().bn_eps;
        let factors: Vec<f64> =
            gamma.iter().zip(&var).map(|(gamma, var)| gamma / (var + eps).sqrt()).collect();
        let of_mean = beta.iter().zip(&mean).zip(&factors);
        let bias: Vec<f64> = of_mean.map(|((beta, mean), factor)| beta - mean * factor).collect();
        let weight = match weight {
            Values::F32(values) => WeightRows::Scaled { values, factors },
            Values::F64(mut values) => {
                // Sizes are at least 1: the configuration's check sees to it.
                let width = values.len() / factors.len().max(1);
                for (row, factor) in values.chunks_exact_mut(width).zip(&factors) {
                    row.iter_mut().for_each(|w| *w *= factor);
                }
                WeightRows::Exact(values)
            }
        };
        let (item, limit) = (format!("{layer}.bn"), self.limit.get());
        let expected = |what: &str| format!("a {what} that is finite once batch norm is folded in");
        let check = || {
            if may_overflow(limit, &weight) {
                let weight = weight.exact();
                finite(&item, &expected("weight"), &weight)?;
                within(limit, &format!("{layer}.weight"), &weight)?;
            }
            finite(&item, &expected("bias"), &bias)?;
            within(limit, &format!("{layer}.bias"), &bias)
        };
        check().map_err(|e| self.invalid(e))?;
        Ok(Affine { weight, bias })
    }

    fn conv_bn_exact(&self, layer: &str) -> Result<Affine, WeightsError> {
        Ok(self.conv_bn(layer)?.exact())
    }

    fn values(&self, name: &str) -> Result<Vec<f64>, WeightsError> {
        let values = self.raw(name)?.into_f64();
        within(self.limit.get(), name, &values).map_err(|e| self.invalid(e))?;
        Ok(values)
    }

    fn linear_rows(&self, layer: &str) -> Result<Affine<WeightRows>, WeightsError> {
        let name = format!("{layer}.weight");
        let weight = self.raw(&name)?;
        let bias = self.values(&format!("{layer}.bias"))?;
        let weight = match weight {
            Values::F32(values) => WeightRows::unscaled(values, bias.len()),
            Values::F64(values) => WeightRows::Exact(values),
        };
        if may_overflow(self.limit.get(), &weight) {
            within(self.limit.get(), &name, &weight.exact()).map_err(|e| self.invalid(e))?;
        }
        Ok(Affine { weight, bias })
    }

    fn sum(&self, name: &str, other: &str) -> Result<Vec<f64>, WeightsError> {
        let mut sum = self.values(name)?;
        sum.iter_mut().zip(self.values(other)?).for_each(|(a, b)| *a += b);
        finite(name, &format!("a sum with {other} that is finite"), &sum)
            .and_then(|()| within(self.limit.get(), name, &sum))
            .map_err(|e| self.invalid(e))?;
        Ok(sum)
    }

    fn finish(&self) -> Result<(), WeightsError> {
        Ok(())
    }

    fn taken(&self) -> Duration {
        self.taken.get()
    }

    fn reading(&self) -> Duration {
        self.source.reading()
    }
}

#[cfg(test)]
mod tests;
