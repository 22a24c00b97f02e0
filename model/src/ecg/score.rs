//! Beat-by-beat comparison of a detector with a reference, after ANSI/AAMI EC57 and PhysioNet's `bxb`.
//!
//! Every reference beat matches at most one detection within the window (150 ms), and every detection at most one
//! beat. Differences to `bxb`: the record counts from its start, not from 5:00; episodes of ventricular flutter or
//! fibrillation (from `[` to `]`, record 207 of MIT-BIH) are left out of both sides, as EC57 has it.

use super::wfdb::{Annotations, Code};

/// The window of EC57, in seconds.
pub const WINDOW_SECONDS: f64 = 0.15;

/// Which beats were found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Score {
    /// Pairs of reference and detection times.
    pub matched: Vec<(i64, i64)>,
    /// Reference beats without a detection.
    pub missed: Vec<i64>,
    /// Detections without a reference beat.
    pub extra: Vec<i64>,
}

impl Score {
    /// Found beats as a part of all beats; 1 where there are none.
    pub fn sensitivity(&self) -> f64 {
        ratio(self.matched.len(), self.missed.len())
    }

    /// True detections as a part of all detections; 1 where there are none.
    pub fn predictive_value(&self) -> f64 {
        ratio(self.matched.len(), self.extra.len())
    }
}

fn ratio(good: usize, bad: usize) -> f64 {
    if good + bad == 0 { 1.0 } else { good as f64 / (good + bad) as f64 }
}

/// Matches detections to reference beats at most `window` apart. Both ascend.
pub fn compare(reference: &[i64], detected: &[i64], window: i64) -> Score {
    let mut score = Score::default();
    let (mut i, mut j) = (0, 0);
    while let (Some(&beat), Some(&found)) = (reference.get(i), detected.get(j)) {
        let distance = found.abs_diff(beat);
        if distance <= window.unsigned_abs() {
            // The next detection has the beat if it is nearer to it and has no nearer beat of its own.
            let better = detected.get(j + 1).is_some_and(|&next| {
                let near = next.abs_diff(beat);
                let own = reference.get(i + 1).map_or(u64::MAX, |b| b.abs_diff(next));
                near < distance && near < own
            });
            if better {
                score.extra.push(found);
            } else {
                score.matched.push((beat, found));
                i += 1;
            }
            j += 1;
        } else if found < beat {
            score.extra.push(found);
            j += 1;
        } else {
            score.missed.push(beat);
            i += 1;
        }
    }
    score.missed.extend(&reference[i..]);
    score.extra.extend(&detected[j..]);
    score
}

/// Episodes of ventricular flutter or fibrillation, both ends included; one that does not end reaches to `i64::MAX`.
pub fn flutter(annotations: &Annotations) -> Vec<std::ops::RangeInclusive<i64>> {
    let mut episodes = Vec::new();
    let mut start = None;
    for item in &annotations.items {
        match (item.code, start) {
            (Code::FLUTTER_ON, None) => start = Some(item.time),
            (Code::FLUTTER_OFF, Some(from)) => {
                episodes.push(from..=item.time);
                start = None;
            }
            _ => {}
        }
    }
    episodes.extend(start.map(|from| from..=i64::MAX));
    episodes
}

/// Scores the detections of a record against its reference annotations, both in ticks of `sample_rate`.
pub fn against_reference(reference: &Annotations, detected: &[i64], sample_rate: f64) -> Score {
    let episodes = flutter(reference);
    let outside = |t: &i64| !episodes.iter().any(|e| e.contains(t));
    let mut beats = reference.beats();
    beats.retain(outside);
    beats.sort_unstable();
    let detected: Vec<i64> = detected.iter().copied().filter(outside).collect();
    compare(&beats, &detected, (WINDOW_SECONDS * sample_rate) as i64)
}

#[cfg(test)]
mod tests {
    use super::super::wfdb::Annotation;
    use super::*;

    #[test]
    fn one_to_one() {
        let score = compare(&[100, 200, 300, 400], &[95, 105, 260, 302, 500], 50);
        assert_eq!(score.matched, [(100, 95), (300, 302)]);
        assert_eq!(score.missed, [200, 400]);
        assert_eq!(score.extra, [105, 260, 500]);
        assert_eq!(score.sensitivity(), 0.5);
        assert_eq!(score.predictive_value(), 0.4);
        // A detection between two beats serves one of them only.
        assert_eq!(compare(&[100, 180], &[140], 50).matched.len(), 1);
        // The second of two detections is nearer to the next beat, so both match.
        assert_eq!(compare(&[100, 130], &[90, 125], 50).matched, [(100, 90), (130, 125)]);
        assert_eq!(compare(&[], &[], 5).sensitivity(), 1.0);
        assert_eq!(compare(&[100], &[150], 50).matched.len(), 1, "the window is inclusive");
        assert_eq!(compare(&[100], &[151], 50).matched.len(), 0);
    }

    #[test]
    fn flutter_is_left_out() {
        let mut reference = Annotations::default();
        for (time, symbol) in
            [(10, 'N'), (100, '['), (150, '!'), (160, 'V'), (200, ']'), (300, 'N'), (310, '+')]
        {
            let code = Code::from_symbol(symbol).expect("a symbol");
            reference.items.push(Annotation::new(time, code));
        }
        let score = against_reference(&reference, &[11, 120, 155, 180, 301, 311], 10.0);
        assert_eq!(score.matched, [(10, 11), (300, 301)]);
        assert!(score.missed.is_empty());
        assert_eq!(score.extra, [311]);
    }
}
