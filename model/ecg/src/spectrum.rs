//! Powers at single frequencies, by G. Goertzel's recurrence (Am. Math. Monthly 65, 1958).

use super::wide::wide;
use std::f64::consts::TAU;

/// Hann's window of `length` samples.
pub(crate) fn hann(length: usize) -> Vec<f64> {
    let mut window: Vec<f64> =
        (0..=length / 2).map(|i| 0.5 - 0.5 * (TAU * i as f64 / length as f64).cos()).take(length).collect();
    // It falls as it rose.
    for i in window.len()..length {
        window.push(window[length - i]);
    }
    window
}

wide! {
    /// The squared magnitude of the samples' transform at each angle, in radians a sample: all at once, so that the samples are read once.
    pub(crate) fn powers<const K: usize>(samples: &[f64], angles: &[f64; K]) -> [f64; K] {
        let factors = angles.map(|angle| 2.0 * angle.cos());
        let (mut last, mut before) = ([0.0; K], [0.0; K]);
        for x in samples {
            for k in 0..K {
                // Only one product and one sum wait for the result before.
                let next = (x - before[k]) + factors[k] * last[k];
                before[k] = last[k];
                last[k] = next;
            }
        }
        std::array::from_fn(|k| last[k] * last[k] + before[k] * before[k] - factors[k] * last[k] * before[k])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::SplitMix64;

    #[test]
    fn powers_are_those_of_the_transform() {
        let mut random = SplitMix64(7);
        let samples: Vec<f64> = (0..400).map(|_| random.uniform() - 0.5).collect();
        let angles: [f64; 9] = std::array::from_fn(|k| 0.05 + 0.37 * k as f64);
        let weighted: Vec<f64> = samples.iter().zip(hann(400)).map(|(x, w)| x * w).collect();
        for (angle, power) in angles.iter().zip(powers(&weighted, &angles)) {
            let at = |f: fn(f64) -> f64| {
                weighted.iter().enumerate().map(|(i, x)| x * f(angle * i as f64)).sum::<f64>()
            };
            let want = at(f64::cos).powi(2) + at(f64::sin).powi(2);
            assert!((power - want).abs() <= 1e-9 * want.max(1.0), "{angle}: {power} {want}");
        }
        assert_eq!(powers(&[], &angles), [0.0; 9]);
    }

    #[test]
    fn hann_is_that_of_its_formula() {
        for length in [0, 1, 2, 3, 8, 9, 501] {
            let window = hann(length);
            assert_eq!(window.len(), length);
            for (i, got) in window.into_iter().enumerate() {
                let want = (TAU / 2.0 * i as f64 / length as f64).sin().powi(2);
                assert!((got - want).abs() < 1e-15, "{i} of {length}: {got} {want}");
            }
        }
    }
}
