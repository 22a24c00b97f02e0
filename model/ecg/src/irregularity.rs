//! How irregular R-R intervals are: the coefficient of sample entropy (D. E. Lake, J. R. Moorman, *Accurate estimation of entropy in very
//! short physiological time series: the problem of atrial fibrillation detection in implanted ventricular devices*, Am. J. Physiol. Heart
//! Circ. Physiol. 300, 2011).
//!
//! Sample entropy is `-ln(A / B)`: of `B` pairs of intervals that are alike within a tolerance `r`, `A` pairs are followed by
//! intervals that are alike as well. The coefficient adds `ln(2 r)`, so that it does not depend on `r`, and takes off the logarithm of the mean
//! interval, as fibrillation is fast. The authors tell fibrillation from other rhythms above -1.4.
//!
//! The tolerance is the least of 30 ms, 35 ms, … 225 ms with at least 5 pairs in `A`.

/// Intervals in seconds that a beat may have: shorter and longer ones are of missed and of extra beats.
const LIKELY: std::ops::Range<f64> = 0.2..2.5;
/// Fewer intervals tell nothing.
const LEAST: usize = 8;
/// Pairs that a tolerance must find.
const PAIRS: usize = 5;
/// Tolerances in seconds: the first, from one to the next, how many.
const TOLERANCES: (f64, f64, u32) = (0.03, 0.005, 40);

/// The coefficient of sample entropy of the intervals between ascending `beats`, in seconds; intervals that no beat has are left
/// out. `None` for fewer than 8, and where no two intervals are followed by like ones.
///
/// ```
/// use efficientecg_ecg::irregularity::coefficient_of_sample_entropy;
///
/// let regular: Vec<f64> = (0..40).map(|beat| 0.8 * f64::from(beat)).collect();
/// assert!(coefficient_of_sample_entropy(&regular).is_some_and(|entropy| entropy < -2.0));
/// ```
pub fn coefficient_of_sample_entropy(beats: &[f64]) -> Option<f64> {
    let intervals: Vec<f64> =
        beats.windows(2).map(|w| w[1] - w[0]).filter(|rr| rr > &LIKELY.start && rr < &LIKELY.end).collect();
    if intervals.len() < LEAST {
        return None;
    }
    let (first, step, count) = TOLERANCES;
    let mut matched = None;
    for r in (0..count).map(|i| first + f64::from(i) * step) {
        let (longer, all) = matches(&intervals, r);
        matched = (longer > 0).then_some((longer, all, r));
        if longer >= PAIRS {
            break;
        }
    }
    let (longer, all, r) = matched?;
    let mean = intervals.iter().sum::<f64>() / intervals.len() as f64;
    Some((all as f64 / longer as f64).ln() + (2.0 * r).ln() - mean.ln())
}

/// Pairs of intervals less than `r` apart: those that are followed by such a pair, and all that are followed by anything.
fn matches(intervals: &[f64], r: f64) -> (usize, usize) {
    let (mut longer, mut all) = (0, 0);
    let near = |i: usize, j: usize| (intervals[i] - intervals[j]).abs() < r;
    for i in 0..intervals.len() - 1 {
        for j in i + 1..intervals.len() - 1 {
            if near(i, j) {
                all += 1;
                longer += usize::from(near(i + 1, j + 1));
            }
        }
    }
    (longer, all)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::SplitMix64;

    fn beats(intervals: &[f64]) -> Vec<f64> {
        let mut time = 1.0;
        std::iter::once(time)
            .chain(intervals.iter().map(|rr| {
                time += rr;
                time
            }))
            .collect()
    }

    #[test]
    fn worked_by_hand() {
        // 0.8 and 1.0 in turns: of 9 intervals 8 have one after. Of those 4 and 4 are alike, 6 + 6 pairs, all followed by like ones.
        let turns: Vec<f64> = (0..9).map(|i| if i % 2 == 0 { 0.8 } else { 1.0 }).collect();
        let mean = (5.0 * 0.8 + 4.0) / 9.0;
        let want = (2.0 * 0.03_f64).ln() - f64::ln(mean);
        let entropy = coefficient_of_sample_entropy(&beats(&turns)).expect("9 intervals");
        assert!((entropy - want).abs() < 1e-9, "{entropy} for {want}");
        assert_eq!(matches(&turns, 0.03), (12, 12));
    }

    #[test]
    fn unknown_without_intervals() {
        assert_eq!(coefficient_of_sample_entropy(&[]), None);
        assert_eq!(coefficient_of_sample_entropy(&beats(&[0.8; 7])), None);
        // Too short and too long to be intervals.
        assert_eq!(coefficient_of_sample_entropy(&beats(&[0.1; 50])), None);
        assert_eq!(coefficient_of_sample_entropy(&beats(&[3.0; 50])), None);
        // No two are alike.
        let apart: Vec<f64> = (0..9).map(|i| 0.21 + 0.25 * f64::from(i)).collect();
        assert_eq!(coefficient_of_sample_entropy(&beats(&apart)), None);
        assert_eq!(coefficient_of_sample_entropy(&[f64::NAN; 40]), None);
    }

    #[test]
    fn chance_is_above_the_authors_threshold_and_order_below() {
        let mut random = SplitMix64(7);
        let chance: Vec<f64> = (0..40).map(|_| 0.4 + 0.5 * random.uniform()).collect();
        let sinus: Vec<f64> = (0..40).map(|i| 0.85 + 0.03 * (0.9 * f64::from(i)).sin()).collect();
        assert!(coefficient_of_sample_entropy(&beats(&chance)).is_some_and(|e| e > -1.4));
        assert!(coefficient_of_sample_entropy(&beats(&sinus)).is_some_and(|e| e < -1.4));
    }
}
