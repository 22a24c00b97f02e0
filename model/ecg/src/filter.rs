//! Signals made ready for a filter: gaps filled, QRS complexes taken out.

use super::qrs::EXTENT;

/// Replaces samples that are not finite by the straight line between their neighbours, at the ends by the nearest
/// sample, and everything by 0 if there is none. The number replaced.
pub fn fill_missing(samples: &mut [f32]) -> usize {
    let mut replaced = 0;
    // Most records miss nothing: a stretch at a time is looked over at once.
    let whole = samples.chunks(256).take_while(|part| part.iter().fold(true, |all, v| all & v.is_finite()));
    let mut i = whole.map(<[f32]>::len).sum::<usize>();
    let mut last = i.checked_sub(1);
    while i < samples.len() {
        if samples[i].is_finite() {
            last = Some(i);
            i += 1;
            continue;
        }
        let end = (i..samples.len()).find(|&j| samples[j].is_finite()).unwrap_or(samples.len());
        let after = samples.get(end).copied();
        let (from, to) = match (last, after) {
            (Some(l), Some(after)) => (samples[l], after),
            (Some(l), None) => (samples[l], samples[l]),
            (None, Some(after)) => (after, after),
            (None, None) => (0.0, 0.0),
        };
        let span = (end - i + 1) as f32;
        for (k, v) in samples[i..end].iter_mut().enumerate() {
            let share = (k + 1) as f32 / span;
            *v = from * (1.0 - share) + to * share;
        }
        replaced += end - i;
        i = end;
    }
    replaced
}

/// Seconds around an end of a QRS complex that are averaged.
const END: f64 = 0.01;

/// The lead with the QRS complexes around `beats`, in samples, replaced by straight lines, so that filters of low
/// frequencies do not spread them over the waves beside. `lead` must be finite.
pub(crate) fn without_qrs(lead: &[f32], beats: &[i64], sample_rate: f64) -> Vec<f32> {
    let mut out = lead.to_vec();
    let Some(last) = lead.len().checked_sub(1) else { return out };
    let samples = |seconds: f64| (seconds * sample_rate).round() as i64;
    let clamp = |i: i64| usize::try_from(i).unwrap_or(0).min(last);
    let level = |i: i64| {
        let half = samples(END);
        let part = &lead[clamp(i.saturating_sub(half))..=clamp(i.saturating_add(half))];
        part.iter().map(|v| f64::from(*v)).sum::<f64>() / part.len() as f64
    };
    for beat in beats {
        let Some(part) = EXTENT.within(*beat, sample_rate, lead.len()) else { continue };
        let (from, to) = EXTENT.ends(*beat, sample_rate);
        let (start, end) = (level(from), level(to));
        let span = (to - from).max(1) as f64;
        let first = *part.start();
        for (k, v) in out[part].iter_mut().enumerate() {
            let share = ((first + k) as i64 - from) as f64 / span;
            *v = (start + share * (end - start)) as f32;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_become_lines() {
        let nan = f32::NAN;
        let mut x = [nan, 1.0, nan, nan, 4.0, f32::INFINITY];
        assert_eq!(fill_missing(&mut x), 4);
        assert_eq!(x, [1.0, 1.0, 2.0, 3.0, 4.0, 4.0]);
        let mut none = [nan; 3];
        assert_eq!(fill_missing(&mut none), 3);
        assert_eq!(none, [0.0; 3]);
        assert_eq!(fill_missing(&mut []), 0);
    }

    #[test]
    fn qrs_complexes_become_lines() {
        // At 100 Hz a complex is replaced from 7 samples before to 10 after, ends averaged over 3.
        let line = |i: usize| 1.0 + 0.5 * i as f32;
        let mut x: Vec<f32> = (0..60).map(line).collect();
        (25..=33).for_each(|i| x[i] = 50.0);
        for (i, v) in without_qrs(&x, &[30], 100.0).iter().enumerate() {
            assert!((v - line(i)).abs() < 1e-5, "{i}: {v}");
        }
        // Cut by the edges, outside, or of nothing.
        for beats in [&[-8i64, 2, 59, 70][..], &[i64::MIN, i64::MAX], &[]] {
            assert!(without_qrs(&x, beats, 100.0).iter().all(|v| v.is_finite()));
        }
        assert!(without_qrs(&[], &[3], 100.0).is_empty());
    }
}
