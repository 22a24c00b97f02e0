//! Layer norm.

/// `(x - mean) / sqrt(var + 1e-5) * weight + bias` over the row: layer norm (Ba, Kiros and Hinton, 2016), with f64
/// moments.
#[inline(always)]
pub(crate) fn layer_norm(x: &[f32], weight: &[f32], bias: &[f32], y: &mut [f32]) {
    let n = x.len() as f64;
    let mean = x.iter().map(|x| f64::from(*x)).sum::<f64>() / n;
    let square = |x: f64| x * x;
    let var = x.iter().map(|x| square(f64::from(*x) - mean)).sum::<f64>() / n;
    let scale = 1.0 / (var + LAYER_NORM_EPS).sqrt();
    for (((y, x), w), b) in y.iter_mut().zip(x).zip(weight).zip(bias) {
        *y = ((f64::from(*x) - mean) * scale) as f32 * w + b;
    }
}

/// What layer norm adds to the variance.
pub(crate) const LAYER_NORM_EPS: f64 = 1e-5;
