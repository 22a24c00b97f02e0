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
    // More than `SHORTEST`; a cast to an integer saturates.
    let mut stretches = runs(samples, ((SHORTEST * rate) as usize).saturating_add(1));
    stretches.retain(|stretch| samples[stretch.start].is_finite());
    if stretches.len() as f64 > (OFTEN * samples.len() as f64 / rate).max(1.0) {
        stretches.clear();
    }
    stretches
}

/// Runs of at least so many equal samples, in order; two at least.
pub(crate) fn runs(samples: &[f32], least: usize) -> Vec<Range<usize>> {
    let least = least.max(2);
    // Of such a run two samples that are looked at are the same, and so is the one in their middle.
    let step = (least / 2).max(1);
    let (mut runs, mut end) = (Vec::new(), 0);
    for at in (step..samples.len()).step_by(step) {
        let value = samples[at];
        if at < end || value != samples[at - step] || value != samples[at - step / 2] {
            continue;
        }
        let before = samples[end..at].iter().rev().take_while(|v| **v == value).count();
        let after = samples[at..].iter().take_while(|v| **v == value).count();
        if before + after >= least {
            end = at + after;
            runs.push(at - before..end);
        }
    }
    runs
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::SplitMix64;

    /// Sample by sample.
    fn plain(samples: &[f32], least: usize) -> Vec<Range<usize>> {
        let (mut runs, mut from) = (Vec::new(), 0);
        for i in 1..=samples.len() {
            if i == samples.len() || samples[i] != samples[i - 1] {
                if i - from >= least.max(2) {
                    runs.push(from..i);
                }
                from = i;
            }
        }
        runs
    }

    #[test]
    fn runs_are_those_of_a_plain_search() {
        let mut random = SplitMix64(3);
        let mut some = 0;
        for n in [0, 1, 2, 7, 500] {
            for _ in 0..200 {
                // Few values, some of them held.
                let mut value = 0.0;
                let samples: Vec<f32> = (0..n)
                    .map(|_| {
                        if random.uniform() < 0.4 {
                            value = [0.0, 1.0, f32::NAN, f32::INFINITY][(random.uniform() * 4.0) as usize];
                        }
                        value
                    })
                    .collect();
                for least in [0, 1, 2, 3, 4, 5, 8, 11] {
                    let got = runs(&samples, least);
                    assert_eq!(got, plain(&samples, least), "{least} of {samples:?}");
                    some += got.len();
                }
            }
        }
        assert!(some > 10_000, "{some}");
    }

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
