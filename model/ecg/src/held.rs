//! Stretches in which a lead holds its value, as that of a loose electrode or a saturated amplifier does: nothing is known there, as where
//! samples are missing.

use std::ops::Range;

/// The shortest such stretch, s. Of the 7,675 records of CinC 2017 one has a longer one: equal samples that belong to an ECG are fewer.
pub const SHORTEST: f64 = 0.2;
/// A lead that holds its value more often than this a second, on average, is drawn so: a signal without noise is flat between its waves.
const OFTEN: f64 = 0.5;

/// Makes samples NaN where a lead holds its value for longer than [`SHORTEST`], but for a lead that does so again and again; how many.
/// `rate` in Hz.
pub fn blank(samples: &mut [f32], rate: f64) -> usize {
    let stretches = stretches(samples, rate);
    let blanked = stretches.iter().map(Range::len).sum();
    stretches.into_iter().for_each(|stretch| samples[stretch].fill(f32::NAN));
    blanked
}

/// The stretches that are blanked.
pub(crate) fn stretches(samples: &[f32], rate: f64) -> Vec<Range<usize>> {
    let least = SHORTEST * rate;
    let mut stretches = Vec::new();
    let mut start = 0;
    while start < samples.len() {
        let value = samples[start];
        let end = (start + 1..samples.len()).find(|&i| samples[i] != value).unwrap_or(samples.len());
        if value.is_finite() && (end - start) as f64 > least {
            stretches.push(start..end);
        }
        start = end;
    }
    if stretches.len() as f64 > (OFTEN * samples.len() as f64 / rate).max(1.0) {
        stretches.clear();
    }
    stretches
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wave(n: usize) -> Vec<f32> {
        (0..n).map(|i| (i as f32 * 0.3).sin()).collect()
    }

    #[test]
    fn a_held_value_is_missing() {
        // At 100 Hz 20 samples may be equal, 21 not.
        let mut x = wave(1000);
        x[100..120].fill(2.0);
        x[300..321].fill(-3.0);
        x[980..].fill(0.5);
        let before = x.clone();
        assert_eq!(blank(&mut x, 100.0), 21);
        for (i, (a, b)) in x.iter().zip(&before).enumerate() {
            if (300..321).contains(&i) {
                assert!(a.is_nan(), "{i}: {a}");
            } else {
                assert_eq!(a, b, "{i}");
            }
        }
        // One more at the end.
        before.iter().chain(&[0.5]).copied().collect::<Vec<f32>>().clone_into(&mut x);
        assert_eq!(stretches(&x, 100.0), [300..321, 980..1001]);
    }

    #[test]
    fn a_lead_without_noise_keeps_its_baseline() {
        // A beat a second, nothing between.
        let drawn: Vec<f32> = (0..1000).map(|i| if i % 100 < 40 { (i % 100) as f32 } else { 0.0 }).collect();
        let mut x = drawn.clone();
        assert_eq!(blank(&mut x, 100.0), 0);
        assert_eq!(x, drawn);
    }

    #[test]
    fn nothing_but_a_held_value() {
        for (mut x, want) in [(vec![1.0; 500], 500), (vec![f32::NAN; 500], 0), (vec![], 0), (vec![4.0], 0)] {
            assert_eq!(blank(&mut x, 100.0), want);
            assert!(x.len() <= 1 || x.iter().all(|v| v.is_nan()));
        }
    }
}
