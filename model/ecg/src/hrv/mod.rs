//! Heart rate variability, by the definitions of the Task Force of the European Society of Cardiology and the North American Society of
//! Pacing and Electrophysiology (*Heart rate variability: standards of measurement, physiological interpretation and clinical use*,
//! Circulation 93, 1996, 1043–1065).
//!
//! All figures are of *NN intervals*: from one normal beat to the next, with no other beat between. So an ectopic beat takes the intervals on both its sides away.
//! Nothing is known of what lies in a gap, and no interval leads across one.
//!
//! ```text
//! time.rs        SDNN, SDANN, SDNN index, RMSSD, pNN50
//! frequency.rs   power in the bands VLF, LF, HF
//! ```
//!
//! Intervals are pushed one after another; [`Variability`] keeps sums and one window of five minutes.
//!
//! ```
//! use efficientecg_ecg::hrv::{self, Nn};
//!
//! // Five minutes of beats, 0.9 and 1.1 s apart in turn.
//! let mut end = 0.0;
//! let intervals: Vec<Nn> = (0..300)
//!     .map(|i| {
//!         let ms = if i % 2 == 0 { 900.0 } else { 1100.0 };
//!         end += ms / 1000.0;
//!         Nn { end, ms }
//!     })
//!     .collect();
//! let time = hrv::time(&intervals).ok_or("no interval")?;
//! assert!((time.rmssd.ok_or("no pair")? - 200.0).abs() < 1e-9);
//! assert!((time.mean - 1000.0).abs() < 1e-9);
//! # Ok::<(), &str>(())
//! ```

mod frequency;
mod spline;
mod time;

pub use frequency::{BandPowers, BandSettings};
pub use time::TimeDomain;

use frequency::Spectrum;
use time::Time;

/// An NN interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Nn {
    /// When its second beat is, in seconds from the start of the record.
    pub end: f64,
    /// Its length in milliseconds.
    pub ms: f64,
}

impl Nn {
    /// When its first beat is, in seconds.
    fn start(self) -> f64 {
        self.end - self.ms / 1000.0
    }

    /// Whether it begins where another ends, to a millisecond.
    fn follows(self, other: Nn) -> bool {
        (self.start() - other.end).abs() < 1e-3
    }
}

/// Heart rate variability of intervals that are pushed in order of time. Memory grows by two numbers each five minutes.
#[derive(Debug, Clone)]
pub struct Variability {
    time: Time,
    spectrum: Spectrum,
}

impl Default for Variability {
    fn default() -> Variability {
        Variability::new(BandSettings::default())
    }
}

impl Variability {
    /// Nothing yet; the bands are measured by these settings.
    pub fn new(settings: BandSettings) -> Variability {
        Variability { time: Time::default(), spectrum: Spectrum::new(settings) }
    }

    /// Takes the next interval. One that is not positive, ends no later than the one before, or years after the start does not count.
    pub fn push(&mut self, interval: Nn) {
        if self.time.push(interval) {
            self.spectrum.push(interval);
        }
    }

    /// The time domain; `None` without an interval.
    pub fn time(&self) -> Option<TimeDomain> {
        self.time.figures()
    }

    /// The bands; `None` where no window can be assessed.
    pub fn bands(&self) -> Option<BandPowers> {
        self.spectrum.powers()
    }

    /// Windows that could be assessed, and windows in all, of the bands.
    pub fn windows(&self) -> (usize, usize) {
        self.spectrum.windows()
    }
}

/// The time domain of a series in order of time; `None` of none.
pub fn time(intervals: &[Nn]) -> Option<TimeDomain> {
    let mut time = Time::default();
    intervals.iter().for_each(|interval| {
        time.push(*interval);
    });
    time.figures()
}

/// The bands of a series in order of time; `None` where it is shorter than a window, or none can be assessed.
pub fn bands(intervals: &[Nn], settings: BandSettings) -> Option<BandPowers> {
    let mut all = Variability::new(settings);
    intervals.iter().for_each(|interval| all.push(*interval));
    all.bands()
}

#[cfg(test)]
mod tests;
