//! The digital values that samples were, before they were read.
//!
//! A converter gives whole numbers; a file says how many of them are a unit. Readers keep the physical values alone, each the
//! nearest f32. To write the same whole numbers again they are found anew.

/// Largest whole number that f32 tells from its neighbours.
const MOST: f64 = (1 << 24) as f64;

/// Samples as whole numbers: `sample = (digital + offset) / gain`, rounded to f32.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Grid {
    /// Digital units a physical one, more than 0.
    pub(crate) gain: f64,
    /// From 0 to below 1.
    pub(crate) offset: f64,
}

impl Grid {
    /// The grid that all samples lie on to the bit; missing ones do not count. Round gains come first. `None` where there is none.
    pub(crate) fn find(samples: &[f32]) -> Option<Grid> {
        let round = (0..7).flat_map(|d| [1.0, 2.0, 4.0, 5.0].map(|m| m * 10_f64.powi(d)));
        let plain = |gain| Grid { gain, offset: 0.0 };
        if let Some(grid) = round.map(plain).find(|grid| grid.holds(samples)) {
            return Some(grid);
        }
        let gain = 1.0 / step(samples)?;
        // The step is known to some digits: a gain with few decimals, or a simple fraction, is meant where one fits.
        let parts = (0..7).map(|d| 10_f64.powi(d)).chain((2..100).map(f64::from));
        let simple = parts.map(|parts| (gain * parts).round() / parts);
        let first = f64::from(*samples.iter().find(|v| v.is_finite())?);
        simple.chain([gain]).filter(|gain| *gain > 0.0).find_map(|gain| {
            let digital = first * gain;
            [0.0, 0.5, digital - digital.floor()]
                .map(|offset| Grid { gain, offset })
                .into_iter()
                .find(|grid| grid.offset < 1.0 && grid.holds(samples))
        })
    }

    /// The digital value of a sample.
    pub(crate) fn digital(&self, sample: f32) -> f64 {
        (f64::from(sample) * self.gain - self.offset).round()
    }

    fn holds(&self, samples: &[f32]) -> bool {
        samples.iter().filter(|v| !v.is_nan()).all(|&v| {
            let digital = self.digital(v);
            digital.abs() <= MOST && ((digital + self.offset) / self.gain) as f32 == v
        })
    }
}

/// The smallest step between samples, refined over their whole range.
fn step(samples: &[f32]) -> Option<f64> {
    let mut values: Vec<f32> = samples.iter().copied().filter(|v| v.is_finite()).collect();
    values.sort_by(f32::total_cmp);
    values.dedup();
    let values: Vec<f64> = values.into_iter().map(f64::from).collect();
    let mut step =
        values.windows(2).map(|pair| pair[1] - pair[0]).filter(|d| *d > 0.0).min_by(f64::total_cmp)?;
    let (first, mut reach) = (values[0], 4.0);
    for (i, value) in values.iter().enumerate() {
        let steps = ((value - first) / step).round();
        if steps >= reach || i + 1 == values.len() {
            step = (value - first) / steps.max(1.0);
            reach = steps * 4.0;
        }
    }
    (step > 0.0 && step.is_finite()).then_some(step)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers_are_found_again() {
        let digital: Vec<i32> = (0..2000).map(|i| (i * 37 % 1999) - 700 + (i % 7)).collect();
        for (gain, offset) in [
            (200.0, 0.0),
            (1000.0, 0.0),
            (1.0, 0.0),
            (10_000.0, 0.0),
            (4880.0, 0.0),
            (204.8, 0.0),
            (6553.5, 0.5),
            (1e6, 0.0),
            (0.37, 0.0),
            (204.8, 0.25),
            (30.0 / 7.0, 0.0),
        ] {
            let samples: Vec<f32> =
                digital.iter().map(|d| ((f64::from(*d) + offset) / gain) as f32).collect();
            let grid = Grid::find(&samples).unwrap_or_else(|| panic!("{gain} {offset}"));
            for (sample, want) in samples.iter().zip(&digital) {
                let got = grid.digital(*sample);
                let back = ((got + grid.offset) / grid.gain) as f32;
                assert_eq!(back, *sample);
                // Gains that are a multiple of the file's are as good.
                assert!(
                    (got / f64::from(*want) - grid.gain / gain).abs() < 0.01 || want.abs() < 50,
                    "{gain}: {grid:?}"
                );
            }
        }
        assert_eq!(Grid::find(&[0.0, f32::NAN, 0.005, -0.01]), Some(Grid { gain: 200.0, offset: 0.0 }));
        assert_eq!(Grid::find(&[]), Some(Grid { gain: 1.0, offset: 0.0 }));
    }

    #[test]
    fn there_need_not_be_one() {
        let samples: Vec<f32> =
            (1..3000).map(|i| (i as f32 * 0.731).sin() * (i as f32 * 0.01).exp()).collect();
        assert_eq!(Grid::find(&samples), None);
        assert_eq!(Grid::find(&[1.0, f32::INFINITY]), None);
    }
}
