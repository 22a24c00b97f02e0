//! The time domain.

use super::Nn;

/// Milliseconds of a segment of SDANN and of the SDNN index.
const SEGMENT: f64 = 300_000.0;
/// Segments of SDANN and of the SDNN index at least.
const LEAST_SEGMENTS: usize = 3;
/// The latest time, s: some years.
const LATEST: f64 = 1e8;
/// A difference of successive intervals above this counts for pNN50, ms.
const NN50: f64 = 50.0;

/// Figures of the time domain. Deviations are those of samples (divided by `n - 1`).
///
/// A segment is five minutes, the first from the start of the first interval; an interval belongs to the one in which it ends. A last segment
/// of less than half of that does not count, nor does one without intervals. *Successive* are two intervals that share a beat.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct TimeDomain {
    /// Intervals.
    pub count: usize,
    /// Their mean, ms.
    pub mean: f64,
    /// Standard deviation of all intervals, ms; `None` of fewer than two.
    pub sdnn: Option<f64>,
    /// Standard deviation of the means of segments, ms; `None` of a record of fewer than three.
    pub sdann: Option<f64>,
    /// Mean of the standard deviations within segments, ms; `None` of a record of fewer than three.
    pub sdnn_index: Option<f64>,
    /// Root mean square of the differences of successive intervals, ms; `None` without a pair.
    pub rmssd: Option<f64>,
    /// Successive intervals that differ by more than 50 ms, against the intervals of an unbroken series of as many pairs, which are one more;
    /// from 0 to 1; `None` without a pair.
    pub pnn50: Option<f64>,
}

/// Sums of values, taken from about their mean so that no digits are lost.
#[derive(Debug, Clone, Copy, Default)]
struct Sums {
    count: usize,
    mean: f64,
    /// Of squared deviations.
    square: f64,
}

impl Sums {
    fn add(&mut self, value: f64) {
        self.count += 1;
        let before = value - self.mean;
        self.mean += before / self.count as f64;
        self.square += before * (value - self.mean);
    }

    fn deviation(self) -> Option<f64> {
        (self.count >= 2).then(|| (self.square / (self.count - 1) as f64).max(0.0).sqrt())
    }
}

#[derive(Debug, Clone, Default)]
pub(super) struct Time {
    first: Option<Nn>,
    last: Option<Nn>,
    all: Sums,
    pairs: usize,
    squares: f64,
    above: usize,
    /// The mean of each segment that has intervals, its deviation, and its place.
    segments: Vec<(f64, Option<f64>)>,
    segment: Sums,
    place: u64,
}

impl Time {
    /// Takes an interval, if it counts.
    pub(super) fn push(&mut self, interval: Nn) -> bool {
        let sound = interval.ms > 0.0 && interval.ms.is_finite() && interval.end.abs() <= LATEST;
        if !sound || self.last.is_some_and(|last| interval.end <= last.end) {
            return false;
        }
        match self.last {
            None => self.first = Some(interval),
            Some(last) if interval.follows(last) => {
                let difference = interval.ms - last.ms;
                self.pairs += 1;
                self.squares += difference * difference;
                // Differences of whole samples: rounding must not decide.
                self.above += usize::from(difference.abs() > NN50 + 1e-9);
            }
            Some(_) => {}
        }
        let place = (self.since(interval) / SEGMENT) as u64;
        if place != self.place {
            self.close();
            self.place = place;
        }
        self.segment.add(interval.ms);
        self.all.add(interval.ms);
        self.last = Some(interval);
        true
    }

    /// Milliseconds from the start of the first interval to the end of one.
    fn since(&self, interval: Nn) -> f64 {
        self.first.map_or(0.0, |first| (interval.end - first.end) * 1000.0 + first.ms)
    }

    fn close(&mut self) {
        if self.segment.count > 0 {
            self.segments.push((self.segment.mean, self.segment.deviation()));
        }
        self.segment = Sums::default();
    }

    pub(super) fn figures(&self) -> Option<TimeDomain> {
        let last = self.last?;
        let mut segments = self.segments.clone();
        let whole = (self.since(last) / SEGMENT).round_ties_even() as u64;
        if self.segment.count > 0 && self.place < whole {
            segments.push((self.segment.mean, self.segment.deviation()));
        }
        let enough = whole >= LEAST_SEGMENTS as u64;
        let (mut means, mut within) = (Sums::default(), Sums::default());
        for (mean, deviation) in segments.iter().filter(|_| enough) {
            means.add(*mean);
            if let Some(deviation) = deviation {
                within.add(*deviation);
            }
        }
        let pairs = (self.pairs > 0).then_some(self.pairs as f64);
        Some(TimeDomain {
            count: self.all.count,
            mean: self.all.mean,
            sdnn: self.all.deviation(),
            sdann: means.deviation(),
            sdnn_index: (within.count > 0).then_some(within.mean),
            rmssd: pairs.map(|pairs| (self.squares / pairs).sqrt()),
            pnn50: pairs.map(|pairs| self.above as f64 / (pairs + 1.0)),
        })
    }
}
