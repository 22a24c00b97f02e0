//! Layers as operations take them: batch norm folded in, checked.
//!
//! ```text
//! fold_bn.rs   from arrays as they were trained, batch norm folded in
//! ```
//!
//! [`crate::packed`] has them from packed files.

pub(crate) mod fold_bn;

use crate::config::Config;
use crate::overflow::Overflow;
use crate::weights::WeightsError;
use efficientecg_files::ItemError;
use efficientecg_kernels::weight_rows::WeightRows;
use std::path::Path;
use std::time::Duration;

/// A layer's weight, row by row of its outputs, and bias.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Affine<W = Vec<f64>> {
    pub(crate) weight: W,
    pub(crate) bias: Vec<f64>,
}

impl Affine<WeightRows> {
    /// The same, the factor of each row multiplied in.
    pub(crate) fn exact(self) -> Affine {
        Affine { weight: self.weight.exact().into_owned(), bias: self.bias }
    }
}

/// Where a network's layers come from. Each is asked for once, in the order of [`crate::graph::build`].
pub(crate) trait Layers {
    /// The configuration.
    fn config(&self) -> &Config;

    /// What names the source in messages.
    fn path(&self) -> &Path;

    /// From now on a value that overflows this limit is an error.
    fn set_limit(&self, limit: Overflow);

    /// A convolution with its batch norm folded in, whose weights kernels may store in 16 bits: pointwise and expand layers.
    fn conv_bn(&self, layer: &str) -> Result<Affine<WeightRows>, WeightsError>;

    /// The same of one whose weights they do not: stem and depthwise layers.
    fn conv_bn_exact(&self, layer: &str) -> Result<Affine, WeightsError>;

    /// An array as it is.
    fn values(&self, name: &str) -> Result<Vec<f64>, WeightsError>;

    /// The sum of two arrays of one length, the first of which names what is wrong with it.
    fn sum(&self, name: &str, other: &str) -> Result<Vec<f64>, WeightsError>;

    /// `<layer>.weight` and `<layer>.bias` as they are.
    fn linear(&self, layer: &str) -> Result<Affine, WeightsError> {
        let weight = self.values(&format!("{layer}.weight"))?;
        Ok(Affine { weight, bias: self.values(&format!("{layer}.bias"))? })
    }

    /// The same, of weights that are many.
    fn linear_rows(&self, layer: &str) -> Result<Affine<WeightRows>, WeightsError> {
        let Affine { weight, bias } = self.linear(layer)?;
        Ok(Affine { weight: weight.into(), bias })
    }

    /// Once all layers were taken: fails where the source is not what it says.
    fn finish(&self) -> Result<(), WeightsError>;

    /// The time that taking arrays from the source took so far.
    fn taken(&self) -> Duration;

    /// How long the system took so far to read files.
    fn reading(&self) -> Duration;

    /// Names the source that an item is in.
    fn invalid(&self, error: ItemError) -> WeightsError {
        error.in_file(self.path())
    }
}

/// Fails on a value that overflows the limit; values are finite in `f32`.
pub(crate) fn within(limit: Overflow, name: &str, values: &[f64]) -> Result<(), ItemError> {
    if limit == Overflow::F32 {
        return Ok(());
    }
    match limit.first_in(values) {
        None => Ok(()),
        Some((i, v)) => Err(ItemError::new(
            name,
            format!("values that are finite in {}", limit.name),
            format!("{v:e} at element {i}, which overflows {}", limit.name),
            "choose a wider precision or correct the weights",
        )),
    }
}

/// Fails on a value that overflows `f32`, which arithmetic on finite ones can give.
fn finite(item: &str, expected: &str, values: &[f64]) -> Result<(), ItemError> {
    match Overflow::F32.first_in(values) {
        None => Ok(()),
        Some((i, v)) => Err(ItemError::new(
            item,
            expected,
            format!("{v:e} at element {i}, which overflows f32"),
            "train or export the weights again",
        )),
    }
}

/// Whether a weight may overflow a limit, or `f32`: its row's largest value does when it is scaled.
fn may_overflow(limit: Overflow, weight: &WeightRows) -> bool {
    let WeightRows::Scaled { values, factors } = weight else { return true };
    let limit = limit.from.min(Overflow::F32.from);
    let rows = values.chunks_exact((values.len() / factors.len().max(1)).max(1));
    rows.zip(factors).any(|(row, factor)| {
        let fits = f64::from(largest(row)) * factor.abs() < limit;
        !fits
    })
}

/// The largest magnitude of finite values; 0 if there are none.
fn largest(values: &[f32]) -> f32 {
    // Several at a time, which the compiler makes vectors of.
    const LANES: usize = 16;
    let more = |most: f32, w: f32| if w.abs() > most { w.abs() } else { most };
    let (lines, rest) = values.as_chunks::<LANES>();
    let mut most = [0.0; LANES];
    for line in lines {
        most.iter_mut().zip(line).for_each(|(most, w)| *most = more(*most, *w));
    }
    most.into_iter().chain(rest.iter().copied()).fold(0.0, more)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_magnitude_is_found_wherever_it_is() {
        assert_eq!(largest(&[]), 0.0);
        for n in [1, 15, 16, 17, 50] {
            for at in 0..n {
                let mut values = vec![0.5f32; n];
                values[at] = -3.0;
                assert_eq!(largest(&values), 3.0, "{at} of {n}");
            }
        }
    }
}
