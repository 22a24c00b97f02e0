//! Intervals over records: B. Efron's percentile bootstrap.
//!
//! Records are drawn with replacement, as many as there are, and the statistics computed of each draw; the interval is from the
//! 2.5th to the 97.5th percentile of the draws (of those in which the statistic is defined; between two values, by a straight
//! line). A record is drawn whole: its beats are not independent. Draws come of a fixed seed, so the same
//! files give the same interval.

use efficientecg_ecg::random::SplitMix64;
use efficientecg_ecg::statistics::{ascending, quantile};

/// The seed of the program's draws.
pub const SEED: u64 = 1;

/// Ends of an interval of 95 %.
pub type Interval = [f64; 2];

/// The interval of each statistic that `statistics` computes for the places of `records` records drawn `draws` times.
pub fn intervals(
    records: usize,
    draws: usize,
    seed: u64,
    mut statistics: impl FnMut(&[usize]) -> Vec<Option<f64>>,
) -> Vec<Option<Interval>> {
    let mut random = SplitMix64(seed);
    let mut values: Vec<Vec<f64>> = Vec::new();
    let mut places = vec![0; records];
    for _ in 0..draws {
        // 2^64 over the number of records leaves no bias worth the name.
        places.iter_mut().for_each(|p| *p = ((u128::from(random.next()) * records as u128) >> 64) as usize);
        let drawn = statistics(&places);
        values.resize(drawn.len().max(values.len()), Vec::new());
        for (all, value) in values.iter_mut().zip(drawn) {
            all.extend(value);
        }
    }
    values
        .into_iter()
        .map(|all| {
            let sorted = ascending(&all);
            Some([quantile(&sorted, 0.025)?, quantile(&sorted, 0.975)?])
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interval_of_a_mean() {
        // 400 cases, half of them 1: the mean's standard deviation is 0.025, so the interval is near 0.5 ± 0.049.
        let mean = |places: &[usize]| {
            vec![Some(places.iter().filter(|p| **p % 2 == 0).count() as f64 / places.len() as f64), None]
        };
        let found = intervals(400, 2000, SEED, mean);
        let [low, high] = found[0].expect("defined");
        assert!((low - 0.451).abs() < 0.008 && (high - 0.549).abs() < 0.008, "{low} {high}");
        assert_eq!(found[1], None);
        assert_eq!(found, intervals(400, 2000, SEED, mean));
        assert_eq!(intervals(0, 5, SEED, |p| vec![Some(p.len() as f64)]), [Some([0.0, 0.0])]);
    }
}
