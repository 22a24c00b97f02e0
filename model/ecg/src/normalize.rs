//! The configuration's `"normalize"`, per lead over the record: `"zscore"`, less the mean, divided by the population standard
//! deviation plus 1e-6; `"median"`, less the median. Missing samples take no part in mean, deviation and median: these are samples that
//! are not finite, and those in the [`Gaps`] given, which are already bridged.

use super::gaps::Gaps;
use super::statistics::{sum, sum_of};

/// Added to the standard deviation, so that a constant lead gives zeros.
const EPSILON: f64 = 1e-6;

/// Normalises one lead in place; sums and means in f64. Samples that are not finite become 0, the mean.
pub fn z_score(samples: &mut [f32]) {
    z_score_without(samples, &Gaps::NONE);
}

/// The same; samples in `gaps` are scaled with the others, but do not count.
pub fn z_score_without(samples: &mut [f32], gaps: &Gaps) {
    let (mean, scale) = if gaps.is_empty() && all_finite(samples) {
        mean_and_scale(samples)
    } else {
        mean_and_scale(&known(samples, gaps).collect::<Vec<f32>>())
    };
    for v in samples {
        *v = if v.is_finite() { ((f64::from(*v) - mean) * scale) as f32 } else { 0.0 };
    }
}

/// Takes a lead's median off it, in place; of an even number of samples the mean of the middle two. Samples that are not finite become 0,
/// the median; those in `gaps` move with the others, but do not count.
pub fn less_median(samples: &mut [f32], gaps: &Gaps) {
    let median = median(&mut known(samples, gaps).collect::<Vec<f32>>());
    for v in samples {
        *v = if v.is_finite() { (f64::from(*v) - median) as f32 } else { 0.0 };
    }
}

fn all_finite(samples: &[f32]) -> bool {
    samples.iter().fold(true, |all, v| all & v.is_finite())
}

/// The samples that are not missing.
fn known<'a>(samples: &'a [f32], gaps: &'a Gaps) -> impl Iterator<Item = f32> + Clone + 'a {
    gaps.between(samples.len()).flat_map(|part| &samples[part]).copied().filter(|v| v.is_finite())
}

/// The median; 0 of none. Reorders the values.
fn median(values: &mut [f32]) -> f64 {
    let (n, half) = (values.len(), values.len() / 2);
    if n == 0 {
        return 0.0;
    }
    let (below, upper, _) = values.select_nth_unstable_by(half, f32::total_cmp);
    let upper = f64::from(*upper);
    let lower = below.iter().copied().max_by(f32::total_cmp).filter(|_| n % 2 == 0).map_or(upper, f64::from);
    (lower + upper) / 2.0
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

    #[test]
    fn the_median_by_hand() {
        for (x, want) in [
            (&[3.0, 1.0, 8.0][..], &[0.0, -2.0, 5.0][..]),
            (&[4.0, 1.0, 3.0, 2.0], &[1.5, -1.5, 0.5, -0.5]),
            (&[7.5], &[0.0]),
            (&[f32::NAN, 2.0, f32::INFINITY, 4.0], &[0.0, -1.0, 0.0, 1.0]),
            (&[f32::NAN; 2], &[0.0; 2]),
            (&[], &[]),
        ] {
            let mut got = x.to_vec();
            less_median(&mut got, &Gaps::NONE);
            assert_eq!(got, want);
        }
        // A constant offset vanishes to the last digit where the samples are whole numbers.
        let wave: Vec<f32> = (0..999).map(|i| (i * i % 37) as f32).collect();
        let (mut plain, mut moved) = (wave.clone(), wave.iter().map(|v| v + 400.0).collect::<Vec<f32>>());
        less_median(&mut plain, &Gaps::NONE);
        less_median(&mut moved, &Gaps::NONE);
        assert_eq!(plain, moved);
    }

    #[test]
    fn missing_samples_take_no_part() {
        let gaps = Gaps::of(&[0.0, f32::NAN, f32::NAN, 0.0, 0.0]);
        // Mean and median of 1, 3 and 5; the bridged samples move along.
        let bridged = [1.0, 100.0, 101.0, 3.0, 5.0];
        let mut x = bridged;
        less_median(&mut x, &gaps);
        assert_eq!(x, [-2.0, 97.0, 98.0, 0.0, 2.0]);
        let (mut x, mut known) = (bridged, [1.0, 3.0, 5.0]);
        z_score_without(&mut x, &gaps);
        z_score(&mut known);
        assert_eq!([x[0], x[3], x[4]], known);
        assert!((x[1] - 97.0 * known[2] / 2.0).abs() < 1e-3, "{x:?}");
    }
}
