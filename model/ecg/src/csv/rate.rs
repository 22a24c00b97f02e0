//! Samples a second, from a column of times.

use std::path::Path;

use crate::error::{Error, Result};

/// Most decimals of a rate that are looked for.
const MOST_DECIMALS: i32 = 9;

/// Decimals of a number as written.
pub(super) fn digits(text: &str) -> i32 {
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let decimals = mantissa.split_once(['.', ',']).map_or(0, |(_, decimals)| decimals.len() as i32);
    decimals.saturating_sub(exponent.parse().unwrap_or(0)).clamp(0, 300)
}

/// The rate of evenly spaced times, each with its line. Times are rounded by `unit`, their last decimal: of the rates that fit it is
/// the one with the fewest decimals.
///
/// # Errors
/// There are fewer than two times, or they are not evenly spaced.
pub(super) fn of(path: &Path, times: &[(f64, u64)], unit: f64) -> Result<f64> {
    let [(first, _), .., (last, _)] = times else {
        return Err(Error::Rate { path: path.to_path_buf() });
    };
    let (steps, seconds) = ((times.len() - 1) as f64, last - first);
    let mean = steps / seconds;
    // Both ends are off by half a unit, and by what a double holds.
    let error = mean * (unit / seconds + 2.0 * f64::EPSILON);
    let rounded = |decimals: i32| {
        let tens = 10_f64.powi(decimals);
        Some((mean * tens).round() / tens).filter(|rate| (rate - mean).abs() <= error && *rate > 0.0)
    };
    let rate = (0..=MOST_DECIMALS).find_map(rounded).unwrap_or(mean);
    let fits = mean.is_finite() && seconds > 0.0;
    // A sample's time may be off by a quarter of the step, or by the unit if that is more.
    let most = (0.25 / rate).max(unit * (1.0 + 1e-9));
    let mut before = f64::NEG_INFINITY;
    for (i, (time, line)) in times.iter().enumerate() {
        let want = first + i as f64 / rate;
        // NaN is odd as well.
        let even = fits && *time >= before && (time - want).abs() <= most;
        if !even {
            let expected = if fits {
                format!("{want:.6} s, at {rate} samples a second")
            } else {
                "times that grow".into()
            };
            return Err(Error::Line {
                path: path.to_path_buf(),
                line: *line as usize,
                item: "column 1 (time)".into(),
                expected,
                found: time.to_string(),
                fix: "give evenly spaced times, and lines without samples where some are missing",
            });
        }
        before = *time;
    }
    Ok(rate)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rate(hz: f64, count: usize, decimals: usize) -> Result<f64> {
        let text = |i: usize| format!("{:.decimals$}", i as f64 / hz);
        let times: Vec<(f64, u64)> =
            (0..count).map(|i| (text(i).parse().expect("a number"), i as u64)).collect();
        of(Path::new("x.csv"), &times, 0.1_f64.powi(decimals as i32))
    }

    #[test]
    fn rounded_times_give_the_exact_rate() {
        for hz in [100.0, 125.0, 128.0, 250.0, 257.0, 300.0, 360.0, 500.0, 1000.0] {
            for (count, decimals) in [(1000, 3), (10_000, 3), (2, 6), (100, 6), (3000, 9), (65_000, 6)] {
                assert_eq!(rate(hz, count, decimals).expect("even"), hz, "{hz} {count} {decimals}");
            }
        }
        assert_eq!(rate(977.5, 1000, 6).expect("even"), 977.5);
    }

    #[test]
    fn decimals_as_written() {
        for (text, want) in [
            ("1", 0),
            ("1.250", 3),
            ("1,25", 2),
            ("1e-3", 3),
            ("1.5E-3", 4),
            ("12e2", 0),
            ("1e999999999999", 0),
        ] {
            assert_eq!(digits(text), want, "{text}");
        }
    }

    #[test]
    fn odd_times_are_errors_that_name_the_line() {
        let of = |times: &[f64]| {
            let times: Vec<(f64, u64)> = times.iter().enumerate().map(|(i, t)| (*t, i as u64 + 2)).collect();
            of(Path::new("x.csv"), &times, 0.1).expect_err("odd").to_string()
        };
        assert!(of(&[0.0, 1.0, 2.0, 5.0, 6.0]).contains("line 3"), "a gap");
        assert!(of(&[0.0, 0.0]).contains("line 2"), "no time passes");
        assert!(of(&[1.0, 0.0]).contains("times that grow"), "backwards");
        assert!(of(&[0.0]).contains("rate"), "one alone");
        assert!(of(&[]).contains("rate"), "none");
    }
}
