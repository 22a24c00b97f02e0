//! Windows around beats, and the heart rate.

pub(crate) use super::statistics::{median, median_of};

/// Copies the window of `samples` samples around sample `peak` of every lead into `out`, `[leads, samples]` row by row:
/// `[peak - samples / 2, peak - samples / 2 + samples)`, zeros outside of the record.
///
/// # Panics
/// `out` does not hold `leads.len() * samples` numbers.
pub fn window(leads: &[&[f32]], peak: i64, samples: usize, out: &mut [f32]) {
    assert_eq!(out.len(), leads.len() * samples, "the size of a window");
    if samples == 0 {
        return;
    }
    let start = i128::from(peak) - (samples / 2) as i128;
    for (lead, row) in leads.iter().zip(out.chunks_exact_mut(samples)) {
        let at = |i: i128| i.clamp(0, lead.len() as i128) as usize;
        let (from, to) = (at(start), at(start + samples as i128));
        let before = (from as i128 - start).clamp(0, samples as i128) as usize;
        row.fill(0.0);
        row[before..before + (to - from)].copy_from_slice(&lead[from..to]);
    }
}

/// The windows around all `peaks`: `[peaks, leads, samples]`, row by row.
pub fn windows(leads: &[&[f32]], peaks: &[i64], samples: usize) -> Vec<f32> {
    let size = leads.len() * samples;
    let mut out = vec![0.0; peaks.len() * size];
    if size > 0 {
        for (&peak, part) in peaks.iter().zip(out.chunks_exact_mut(size)) {
            window(leads, peak, samples, part);
        }
    }
    out
}

/// Heart rate over a record, beats a minute.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct HeartRate {
    /// 60 over the median R-R interval.
    pub median: f64,
    /// 60 over the mean R-R interval.
    pub mean: f64,
    /// The slowest stretch: 60 over the largest running median of five R-R intervals.
    pub min: f64,
    /// The fastest stretch, likewise.
    pub max: f64,
}

/// Intervals in a running median: one early beat with its pause must not count as a change of rate.
const STRETCH: usize = 5;

/// The heart rate of ascending `peaks` in samples; `None` for fewer than two. Peaks at the same sample count once.
pub fn heart_rate(peaks: &[i64], sample_rate: f64) -> Option<HeartRate> {
    heart_rate_of(peaks.windows(2).map(|w| w[1].saturating_sub(w[0]) as f64 / sample_rate))
}

/// The same of R-R intervals in seconds; those of 0 do not count.
pub fn heart_rate_of(intervals: impl IntoIterator<Item = f64>) -> Option<HeartRate> {
    let intervals: Vec<f64> = intervals.into_iter().filter(|&seconds| seconds > 0.0).collect();
    if intervals.is_empty() {
        return None;
    }
    let stretches: Vec<f64> = intervals.windows(STRETCH.min(intervals.len())).map(median).collect();
    let mean = intervals.iter().sum::<f64>() / intervals.len() as f64;
    Some(HeartRate {
        median: 60.0 / median(&intervals),
        mean: 60.0 / mean,
        min: 60.0 / stretches.iter().copied().fold(0.0, f64::max),
        max: 60.0 / stretches.iter().copied().fold(f64::INFINITY, f64::min),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_and_their_edges() {
        let a: Vec<f32> = (1..=6).map(|v| v as f32).collect();
        let b: Vec<f32> = a.iter().map(|v| -v).collect();
        let leads = [&a[..], &b[..]];
        // Even length: the peak is at place samples / 2.
        assert_eq!(windows(&leads, &[2], 4), [1.0, 2.0, 3.0, 4.0, -1.0, -2.0, -3.0, -4.0]);
        assert_eq!(windows(&leads[..1], &[2], 3), [2.0, 3.0, 4.0]);
        assert_eq!(windows(&leads[..1], &[0, 5], 4), [0.0, 0.0, 1.0, 2.0, 4.0, 5.0, 6.0, 0.0]);
        assert_eq!(windows(&leads[..1], &[3], 10), [0.0, 0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 0.0, 0.0]);
        // Wholly outside, however far.
        for peak in [-3, 9, i64::MIN, i64::MAX] {
            assert_eq!(windows(&leads[..1], &[peak], 4), [0.0; 4], "{peak}");
        }
        assert!(windows(&leads, &[], 4).is_empty());
        assert!(windows(&[], &[1], 4).is_empty());
        assert!(windows(&leads, &[1], 0).is_empty());
        // Leads may differ in length.
        assert_eq!(windows(&[&a, &b[..2]], &[2], 2), [2.0, 3.0, -2.0, 0.0]);
    }

    #[test]
    fn heart_rates() {
        let mut peaks: Vec<i64> = (0..20).map(|i| i * 100).collect();
        peaks.extend((1..20).map(|i| 1900 + i * 50));
        let r = heart_rate(&peaks, 100.0).expect("beats");
        assert_eq!((r.min, r.max), (60.0, 120.0));
        assert!((r.mean - 60.0 * 38.0 / 28.5).abs() < 1e-9, "{}", r.mean);
        // A premature beat and its pause change nothing.
        let early: Vec<i64> = vec![0, 100, 200, 260, 400, 500, 600];
        let r = heart_rate(&early, 100.0).expect("beats");
        assert_eq!((r.median, r.min, r.max), (60.0, 60.0, 60.0));
        assert_eq!(heart_rate(&[5], 100.0), None);
        assert_eq!(heart_rate(&[5, 5], 100.0), None);
        assert_eq!(heart_rate(&[0, 50], 100.0).map(|r| r.min), Some(120.0));
    }
}
