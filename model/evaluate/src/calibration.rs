//! Whether a probability of 0.8 is right in 8 cases of 10: the expected calibration error.
//!
//! C. Guo, G. Pleiss, Y. Sun and K. Q. Weinberger, *On calibration of modern neural networks*, ICML 2017: cases fall into 15 bins of
//! equal width by their probability, bin `k` (from 1) holding `(k-1)/15 < p <= k/15` and the first 0 too. The error is the
//! mean over cases of the distance between a bin's mean probability and its part of right cases:
//!
//! ```text
//! ECE = Σ over bins  (cases of the bin / all cases) · | right / cases - mean p |
//! ```
//!
//! Where a case has one class, `p` is the probability of the class that it was given, and right means that the class is. Where classes
//! are independent, each has an error of its own: `p` is its probability, and right means that the case has the class.

/// Bins of equal width.
pub const BINS: usize = 15;

/// A probability, and whether it came true.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Judged {
    /// From 0 to 1.
    pub confidence: f64,
    /// Whether it is so.
    pub right: bool,
}

/// The cases of one bin.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Bin {
    /// Cases.
    pub cases: u64,
    /// Right ones.
    pub right: u64,
    /// Sum of their probabilities.
    pub confidence: f64,
}

/// Cases by probability.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Calibration {
    /// By rising probability.
    pub bins: [Bin; BINS],
}

impl Calibration {
    /// Sorts cases into bins. Probabilities outside of 0 to 1 go into the first or the last.
    pub fn new<'a>(cases: impl IntoIterator<Item = &'a Judged>) -> Calibration {
        let mut bins = [Bin::default(); BINS];
        for case in cases {
            let place = (case.confidence * BINS as f64).ceil() as usize;
            let bin = &mut bins[place.clamp(1, BINS) - 1];
            bin.cases += 1;
            bin.right += u64::from(case.right);
            bin.confidence += case.confidence;
        }
        Calibration { bins }
    }

    /// The expected calibration error; `None` without cases.
    pub fn error(&self) -> Option<f64> {
        let cases: u64 = self.bins.iter().map(|b| b.cases).sum();
        let gaps: f64 = self.bins.iter().map(|b| (b.right as f64 - b.confidence).abs()).sum();
        (cases > 0).then(|| gaps / cases as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(cases: &[(f64, bool)]) -> Option<f64> {
        let cases: Vec<Judged> = cases
            .iter()
            .map(|(confidence, right)| Judged { confidence: *confidence, right: *right })
            .collect();
        Calibration::new(&cases).error()
    }

    #[test]
    fn worked_by_hand() {
        assert_eq!(error(&[]), None);
        // Bin 15: mean 0.97, half right: off by 0.47. Bin 9 (0.533 to 0.6): 0.55, right: off by 0.45.
        let all = error(&[(0.96, true), (0.98, false), (0.55, true)]).expect("cases");
        assert!((all - (2.0 * 0.47 + 0.45) / 3.0).abs() < 1e-12, "{all}");
        // Right as often as said.
        let good = error(&[(0.75, true), (0.75, true), (0.75, true), (0.75, false)]).expect("cases");
        assert!(good.abs() < 1e-12, "{good}");
    }

    #[test]
    fn edges_belong_to_the_bin_below() {
        let place = |confidence: f64| {
            let bins = Calibration::new(&[Judged { confidence, right: true }]).bins;
            bins.iter().position(|b| b.cases == 1)
        };
        assert_eq!([0.0, 1e-9, 0.2, 0.2 + 1e-9, 1.0].map(place), [0, 0, 2, 3, 14].map(Some));
    }
}
