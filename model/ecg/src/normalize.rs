//! The configuration's `"normalize": "zscore"`: per lead over the record, less the mean, divided by the population
//! standard deviation plus 1e-6.

use super::statistics::{sum, sum_of};

/// Added to the standard deviation, so that a constant lead gives zeros.
const EPSILON: f64 = 1e-6;

/// Normalises one lead in place; sums and means in f64. Samples that are not finite do not count and become 0, the mean.
pub fn z_score(samples: &mut [f32]) {
    let (mean, scale) = if samples.iter().fold(true, |all, v| all & v.is_finite()) {
        mean_and_scale(samples)
    } else {
        mean_and_scale(&samples.iter().copied().filter(|v| v.is_finite()).collect::<Vec<f32>>())
    };
    for v in samples {
        *v = if v.is_finite() { ((f64::from(*v) - mean) * scale) as f32 } else { 0.0 };
    }
}

/// The mean of some values, and what their distances from it are multiplied with.
fn mean_and_scale(values: &[f32]) -> (f64, f64) {
    let count = values.len().max(1) as f64;
    let mean = sum(values) / count;
    // The mean is taken off before squaring: a large offset costs no digits.
    let variance = sum_of(values, values, |v, _| (v - mean) * (v - mean)) / count;
    (mean, 1.0 / (variance.sqrt() + EPSILON))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_hand() {
        // Mean 3, squares 4 + 1 + 0 + 1 + 4, population variance 2.
        let mut x = [1.0, 2.0, 3.0, 4.0, 5.0];
        z_score(&mut x);
        let s = 2.0_f64.sqrt() + 1e-6;
        for (got, want) in x.iter().zip([-2.0, -1.0, 0.0, 1.0, 2.0]) {
            assert!((f64::from(*got) - want / s).abs() < 1e-7, "{got}");
        }
    }

    #[test]
    fn offsets_and_scales_vanish() {
        let wave = |i: usize| (i as f32 * 0.1).sin();
        let mut plain: Vec<f32> = (0..5000).map(wave).collect();
        let mut moved: Vec<f32> = (0..5000).map(|i| 4096.0 + 64.0 * wave(i)).collect();
        z_score(&mut plain);
        z_score(&mut moved);
        for (p, m) in plain.iter().zip(&moved) {
            assert!((p - m).abs() < 1e-4, "{p} {m}");
        }
        let n = plain.len() as f64;
        let sum: f64 = plain.iter().map(|&v| f64::from(v)).sum();
        let squares: f64 = plain.iter().map(|&v| f64::from(v) * f64::from(v)).sum();
        assert!((sum / n).abs() < 1e-6 && (squares / n - 1.0).abs() < 1e-5, "{sum} {squares}");
    }

    #[test]
    fn constant_and_missing_samples_give_zeros() {
        for value in [0.0, 7.25, -1e30, f32::NAN] {
            let mut x = [value; 9];
            z_score(&mut x);
            assert_eq!(x, [0.0; 9], "{value}");
        }
        let mut x = [1.0, f32::NAN, 3.0, f32::INFINITY];
        z_score(&mut x);
        assert!((x[0] + 1.0).abs() < 2e-6 && (x[2] - 1.0).abs() < 2e-6, "{x:?}");
        assert_eq!((x[1], x[3]), (0.0, 0.0));
        z_score(&mut []);
    }
}
