//! Comparisons: finite first, then every element.

use efficientecg::config::{Config, Task};
use efficientecg::{Outputs, Tap};

/// The most that f32 results may differ from an f64 reference, normalised as by [`worst_error`].
pub const TOLERANCE: f64 = 2e-5;

/// `max |got - want| / max(1, max |want|)`. An error where lengths differ, where there is nothing to compare, or where
/// either side is not finite.
pub fn worst_error(got: &[f32], want: &[f64]) -> Result<f64, String> {
    if got.is_empty() || got.len() != want.len() {
        return Err(format!("{} numbers, expected {}", got.len(), want.len()));
    }
    if let Some(i) = got.iter().position(|x| !x.is_finite()) {
        return Err(format!("{} at element {i}", got[i]));
    }
    if let Some(i) = want.iter().position(|x| !x.is_finite()) {
        return Err(format!("the reference is {} at element {i}", want[i]));
    }
    let size = want.iter().fold(1.0f64, |m, w| m.max(w.abs()));
    let worst = got.iter().zip(want).fold(0.0f64, |m, (g, w)| m.max((f64::from(*g) - w).abs()));
    Ok(worst / size)
}

/// Fails unless `got` is within `tolerance` of `want`; gives the worst error.
pub fn assert_close(label: &str, got: &[f32], want: &[f32], tolerance: f64) -> f64 {
    let want: Vec<f64> = want.iter().map(|x| f64::from(*x)).collect();
    match worst_error(got, &want) {
        Ok(error) if error <= tolerance => error,
        Ok(error) => panic!("{label}: an error of {error:.2e}, above {tolerance:.0e}"),
        Err(message) => panic!("{label}: {message}"),
    }
}

/// Every array of a run by name: logits, probabilities, then the taps.
pub fn arrays(outputs: &Outputs) -> impl Iterator<Item = (&str, &[f32])> {
    let own = [("logits", outputs.logits.as_slice()), ("probabilities", &outputs.probabilities)];
    own.into_iter().chain(outputs.taps.iter().map(|t: &Tap| (t.name.as_str(), t.data.as_slice())))
}

/// [`assert_close`] for every array of two runs; gives the worst error.
pub fn assert_runs_close(label: &str, got: &Outputs, want: &Outputs, tolerance: f64) -> f64 {
    assert_eq!(got.taps.len(), want.taps.len(), "{label}: taps");
    let pairs = arrays(got).zip(arrays(want));
    pairs.fold(0.0, |worst: f64, ((name, got), (same, want))| {
        assert_eq!(name, same, "{label}");
        worst.max(assert_close(&format!("{label}: {name}"), got, want, tolerance))
    })
}

/// Fails unless every array of two runs is finite and the same bit for bit.
pub fn assert_same_bits(label: &str, got: &Outputs, want: &Outputs) {
    assert_eq!(got.taps.len(), want.taps.len(), "{label}: taps");
    for ((name, got), (same, want)) in arrays(got).zip(arrays(want)) {
        assert_eq!(name, same, "{label}");
        assert!(!got.is_empty() && got.len() == want.len(), "{label}: {name}: lengths");
        for (i, (g, w)) in got.iter().zip(want).enumerate() {
            assert!(g.is_finite(), "{label}: {name}: {g} at element {i}");
            assert_eq!(g.to_bits(), w.to_bits(), "{label}: {name}: {g} and {w} at element {i}");
        }
    }
}

/// The probabilities of logits `[B, classes]`, in f64.
pub fn probabilities(config: &Config, logits: &[f64]) -> Vec<f64> {
    let sigmoid = |x: &f64| 1.0 / (1.0 + (-x).exp());
    match config.task {
        Task::Multilabel => logits.iter().map(sigmoid).collect(),
        Task::Multiclass => logits
            .chunks(config.classes.len())
            .flat_map(|row| {
                let max = row.iter().fold(f64::MIN, |m, x| m.max(*x));
                let sum: f64 = row.iter().map(|x| (x - max).exp()).sum();
                row.iter().map(move |x| (x - max).exp() / sum)
            })
            .collect(),
        other => panic!("{other:?}: a task without probabilities here"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_is_seen() {
        assert_eq!(worst_error(&[1.0, 2.0], &[1.0, 4.0]), Ok(0.5));
        assert_eq!(worst_error(&[0.25], &[0.5]), Ok(0.25));
        for (got, want) in [
            (&[f32::NAN, 1.0][..], &[1.0, 1.0][..]),
            (&[f32::INFINITY], &[1.0]),
            (&[1.0], &[f64::NAN]),
            (&[1.0], &[1.0, 1.0]),
            (&[], &[]),
        ] {
            worst_error(got, want).expect_err("not comparable");
        }
    }

    #[test]
    #[should_panic(expected = "element 1")]
    fn zeros_of_other_signs_are_other_bits() {
        let run = |x: f32| {
            let mut outputs = Outputs::default();
            (outputs.logits, outputs.probabilities) = (vec![1.0, x], vec![1.0]);
            outputs
        };
        assert_same_bits("zeros", &run(0.0), &run(-0.0));
    }
}
