//! What many times of the same run come to.

use serde::Serialize;

/// Milliseconds a run. A percentile is there if one run or more lies beyond it: P99.9 takes 1,000 runs.
#[derive(Debug, Serialize)]
pub(super) struct Latency {
    pub(super) minimum: f64,
    pub(super) mean: f64,
    pub(super) p50: Option<f64>,
    pub(super) p90: Option<f64>,
    pub(super) p95: Option<f64>,
    pub(super) p99: Option<f64>,
    pub(super) p99_9: Option<f64>,
}

impl Latency {
    /// Of one time or more, in seconds.
    pub(super) fn new(mut seconds: Vec<f64>) -> Latency {
        seconds.sort_by(f64::total_cmp);
        let n = seconds.len();
        // In thousandths, so that no rounding decides.
        let percentile = |p: usize| {
            let enough = n * (1000 - p) >= 1000;
            let rank = (n * p).div_ceil(1000);
            enough.then(|| seconds.get(rank.saturating_sub(1)).map(|s| 1e3 * s)).flatten()
        };
        Latency {
            minimum: 1e3 * seconds.first().copied().unwrap_or(f64::NAN),
            mean: 1e3 * seconds.iter().sum::<f64>() / n as f64,
            p50: percentile(500),
            p90: percentile(900),
            p95: percentile(950),
            p99: percentile(990),
            p99_9: percentile(999),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_by_nearest_rank() {
        let times = |n: u32| Latency::new((1..=n).rev().map(|i| f64::from(i) * 1e-3).collect());
        let near = |found: Option<f64>, want: f64| found.is_some_and(|f| (f - want).abs() < 1e-9);
        let one = times(1);
        assert!(near(Some(one.minimum), 1.0) && near(Some(one.mean), 1.0) && one.p50.is_none());
        let ten = times(10);
        assert!(near(Some(ten.mean), 5.5) && near(ten.p50, 5.0) && near(ten.p90, 9.0) && ten.p95.is_none());
        let hundred = times(100);
        assert!(near(hundred.p95, 95.0) && near(hundred.p99, 99.0) && hundred.p99_9.is_none());
        let all = times(1000);
        assert!(near(all.p50, 500.0) && near(all.p99, 990.0) && near(all.p99_9, 999.0));
    }
}
