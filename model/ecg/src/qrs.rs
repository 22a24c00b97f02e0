//! Where a QRS complex lies around its beat. Whatever cuts one out, or takes one out, has its window from here.

use std::ops::{Range, RangeInclusive};

/// A window around a beat's place.
#[derive(Clone, Copy, Debug)]
pub(super) struct QrsWindow {
    /// Seconds before the beat.
    pub(super) before: f64,
    /// Seconds after it.
    pub(super) after: f64,
}

/// What is compared between beats: the complex and its flanks.
pub(super) const SEGMENT: QrsWindow = QrsWindow { before: 0.1, after: 0.12 };
/// What a complex takes at most, as a rule: this is taken out of a signal in which other waves are sought.
pub(super) const EXTENT: QrsWindow = QrsWindow { before: 0.07, after: 0.1 };

impl QrsWindow {
    /// Samples from the beat's place on, each end the nearest.
    pub(super) fn samples(self, rate: f64) -> Range<i64> {
        let nearest = |seconds: f64| (seconds * rate + 0.5).floor() as i64;
        nearest(-self.before)..nearest(self.after)
    }

    /// The first and the last sample around `place`, which may lie outside of any lead.
    pub(super) fn ends(self, place: i64, rate: f64) -> (i64, i64) {
        let samples = |seconds: f64| (seconds * rate).round() as i64;
        (place.saturating_sub(samples(self.before)), place.saturating_add(samples(self.after)))
    }

    /// The same within a lead of `len` samples; `None` where there is nothing of it.
    pub(super) fn within(self, place: i64, rate: f64, len: usize) -> Option<RangeInclusive<usize>> {
        let last = len.checked_sub(1)? as i64;
        let (from, to) = self.ends(place, rate);
        (to >= 0 && from <= last).then(|| from.clamp(0, last) as usize..=to.clamp(0, last) as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_end_at_the_nearest_samples_and_within_the_lead() {
        assert_eq!(SEGMENT.samples(360.0), -36..43);
        assert_eq!(EXTENT.ends(100, 100.0), (93, 110));
        assert_eq!(EXTENT.within(100, 100.0, 105), Some(93..=104));
        assert_eq!(EXTENT.within(-5, 100.0, 50), Some(0..=5));
        for place in [-11, 58, i64::MIN, i64::MAX] {
            assert_eq!(EXTENT.within(place, 100.0, 51), None, "{place}");
        }
        assert_eq!(EXTENT.within(0, 100.0, 0), None);
    }
}
