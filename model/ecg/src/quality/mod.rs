//! Whether a lead holds an ECG that can be assessed: signal quality by published indices, window by window.
//!
//! A lead is split evenly into windows of about [`WINDOW`] seconds, the length of Q. Li, R. G. Mark and G. D. Clifford (*Robust heart rate
//! estimation from multiple asynchronous noisy sources using signal quality indices and a Kalman filter*, Physiological Measurement 29,
//! 2008), who introduced `bSQI`, the beats on which two detectors agree, `kSQI`, the kurtosis, and `sSQI`. `pSQI`, the part of the power
//! that lies in the band of the QRS complex, `basSQI`, the part that is no wander, and the part of flat samples are those of G. D.
//! Clifford, J. Behar, Q. Li and I. Rezek (*Signal quality indices and data fusion for determining clinical acceptability of
//! electrocardiograms*, Physiological Measurement 33, 2012); Z. Zhao and Y. Zhang (*SQI quality evaluation mechanism of single-lead ECG
//! signal based on simple heuristic fusion and fuzzy comprehensive evaluation*, Frontiers in Physiology 9, 2018) fuse four of them by
//! rules, as is done here. In place of a second detector the complexes that one finds are compared with each other, as C. Orphanidou et
//! al. do (*Signal-quality indices for the electrocardiogram and photoplethysmogram*, IEEE J. Biomed. Health Inform. 19(3), 2015).
//!
//! # What is refused
//!
//! | reason | a window is refused where |
//! | --- | --- |
//! | [`Reason::Short`] | the lead has less than 2 s |
//! | [`Reason::Missing`] | more than half of its samples are missing |
//! | [`Reason::Clipped`] | a fifth of its samples lie within half a percent of the range from its ends |
//! | [`Reason::Flat`] | more than half of its samples lie in runs of one value of 0.3 s or more |
//! | [`Reason::Coarse`] | its samples have fewer than 10 values: the ECG is smaller than the converter's steps |
//! | [`Reason::NoQrs`] | the band of the QRS complex has less than 0.3 % of the power, or fewer than two complexes stand out, or their rate is above 300 a minute |
//! | [`Reason::Shape`] | what beats has edges that no heart makes, or is too smooth for a QRS complex: pulses, square and triangular waves, pressure |
//! | [`Reason::Hum`], [`Reason::Noise`] | what stands out is less than 1.8 times as high as what lies between, or unlike from beat to beat, or oscillates; hum, if most of the power is at 50 or 60 Hz |
//!
//! A window of a record is refused where more than half of its leads are, and a record where more than half of its windows are: a lead
//! that fell off costs nothing as long as half of them are there. Where beats are found in the first lead, that lead must hold a QRS.
//!
//! The thresholds were set on MIT-BIH, SVDB, CinC 2017, PTB-XL and LUDB and on signals that hold no ECG, so that at most one good record
//! in 200 is refused: none of MIT-BIH, SVDB, PTB-XL and LUDB, with 0.04 % of MIT-BIH's beats, and 0.43 % of CinC 2017's records but for its
//! class `~`, of which 23 % are. `cargo run --release -p efficientecg-tests --example quality` prints the distribution of every index, and what is
//! refused.

mod index;

pub use index::QualityIndex;
use std::fmt;

/// The length of a window in seconds, about.
pub const WINDOW: f64 = 10.0;

/// Why a record, or a part of it, cannot be assessed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Reason {
    /// There is too little of it.
    Short,
    /// Samples are missing.
    Missing,
    /// The signal is flat.
    Flat,
    /// The signal is hardly larger than the steps of its samples.
    Coarse,
    /// The signal is clipped, or saturated.
    Clipped,
    /// Nothing in it is like a QRS complex.
    NoQrs,
    /// There are beats of a shape that no QRS complex has.
    Shape,
    /// Mains hum covers the signal.
    Hum,
    /// Noise covers the signal.
    Noise,
}

impl Reason {
    /// One word, for tables.
    pub fn name(self) -> &'static str {
        match self {
            Reason::Short => "short",
            Reason::Missing => "missing",
            Reason::Flat => "flat",
            Reason::Coarse => "coarse",
            Reason::Clipped => "clipped",
            Reason::NoQrs => "no-qrs",
            Reason::Shape => "shape",
            Reason::Hum => "hum",
            Reason::Noise => "noise",
        }
    }

    /// Whether beats cannot even be found: nothing of a QRS complex is there.
    fn hides_beats(self) -> bool {
        !matches!(self, Reason::Shape | Reason::Hum | Reason::Noise)
    }
}

/// A few words, for people.
impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Reason::Short => "too short",
            Reason::Missing => "samples are missing",
            Reason::Flat => "the signal is flat",
            Reason::Coarse => "smaller than the steps of its samples",
            Reason::Clipped => "the signal is clipped",
            Reason::NoQrs => "no QRS complexes",
            Reason::Shape => "not the shape of QRS complexes",
            Reason::Hum => "mains hum",
            Reason::Noise => "noise",
        })
    }
}

/// The quality of one lead.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct LeadQuality {
    /// Seconds.
    pub seconds: f64,
    /// Of each window, in order; all are of one length. None of a lead without samples.
    pub windows: Vec<QualityIndex>,
}

impl LeadQuality {
    /// Of a lead of any unit, at `rate` samples a second; samples that are not finite are missing.
    ///
    /// ```
    /// use efficientecg_ecg::quality::{LeadQuality, Reason};
    ///
    /// let quality = LeadQuality::of(&[0.0; 3600], 360.0);
    /// assert_eq!(quality.windows[0].reason(), Some(Reason::Flat));
    /// ```
    pub fn of(samples: &[f32], rate: f64) -> LeadQuality {
        let seconds = samples.len() as f64 / rate;
        let count = windows(seconds).min(samples.len());
        let mut scratch = index::Scratch::default();
        let part = |i: usize| i * samples.len() / count;
        let window = |i: usize| QualityIndex::of(&samples[part(i)..part(i + 1)], rate, &mut scratch);
        LeadQuality { seconds, windows: (0..count).map(window).collect() }
    }
}

/// Windows of so many seconds.
fn windows(seconds: f64) -> usize {
    // A cast to an integer saturates; the caller has no more windows than samples.
    ((seconds / WINDOW).round() as usize).max(1)
}

/// A part of a record that cannot be assessed.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Episode {
    /// Its start in seconds.
    pub onset: f64,
    /// Its end in seconds.
    pub end: f64,
    /// Why.
    pub reason: Reason,
}

/// The quality of a record: of the leads that a network takes.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct RecordQuality {
    /// Seconds.
    pub seconds: f64,
    /// Why each window cannot be assessed; all are of one length.
    pub windows: Vec<Option<Reason>>,
}

impl RecordQuality {
    /// Of a record's leads. Where beats were `detected` in the first lead, a window in which that lead holds no QRS complex is refused.
    pub fn new(leads: &[LeadQuality], detected: bool) -> RecordQuality {
        let count = leads.iter().map(|lead| lead.windows.len()).min().unwrap_or(0);
        let window = |i: usize| {
            let reasons = || leads.iter().filter_map(|lead| lead.windows[i].reason());
            let first = leads.first().and_then(|lead| lead.windows[i].reason());
            let hidden = first.filter(|reason| detected && reason.hides_beats());
            hidden.or_else(|| most(reasons()).filter(|_| 2 * reasons().count() > leads.len()))
        };
        let seconds = leads.iter().map(|lead| lead.seconds).fold(f64::INFINITY, f64::min);
        RecordQuality {
            seconds: if seconds.is_finite() { seconds } else { 0.0 },
            windows: (0..count).map(window).collect(),
        }
    }

    /// Of a record of so many seconds that is to be assessed whatever it holds.
    pub fn unmeasured(seconds: f64) -> RecordQuality {
        RecordQuality { seconds, windows: vec![None] }
    }

    /// Why the record as a whole cannot be assessed; none where it can.
    pub fn reason(&self) -> Option<Reason> {
        if self.windows.is_empty() {
            return Some(Reason::Short);
        }
        let refused = self.windows.iter().flatten();
        most(refused.clone().copied()).filter(|_| 2 * refused.count() > self.windows.len())
    }

    /// Why what lies at a time, in seconds, cannot be assessed.
    pub fn at(&self, seconds: f64) -> Option<Reason> {
        let Some(last) = self.windows.len().checked_sub(1) else { return Some(Reason::Short) };
        // Of a record without samples this is no number, which becomes 0.
        let place = seconds / self.seconds * self.windows.len() as f64;
        self.windows[(place.max(0.0) as usize).min(last)]
    }

    /// The parts that cannot be assessed, in order. Windows side by side are one part, with the reason of most of them.
    pub fn episodes(&self) -> Vec<Episode> {
        let length = self.seconds / self.windows.len().max(1) as f64;
        let mut at = 0;
        let mut made = Vec::new();
        for part in self.windows.chunk_by(|a, b| a.is_some() == b.is_some()) {
            if let Some(reason) = most(part.iter().flatten().copied()) {
                let (onset, end) = (at as f64 * length, (at + part.len()) as f64 * length);
                made.push(Episode { onset, end, reason });
            }
            at += part.len();
        }
        made
    }
}

/// The most frequent reason, of equals the first in order.
fn most(reasons: impl Iterator<Item = Reason> + Clone) -> Option<Reason> {
    let count = |reason: Reason| reasons.clone().filter(|other| *other == reason).count();
    reasons.clone().max_by_key(|reason| (count(*reason), std::cmp::Reverse(*reason)))
}

#[cfg(test)]
mod tests;
