//! The frequency domain, by the average of modified periodograms (P. D. Welch, IEEE Trans. Audio Electroacoustics 15, 1967).
//!
//! The intervals, each at the time of its end, are joined by a cubic spline and sampled 4 times a second from the first on. Windows of five minutes, each half a window
//! after the one before, lose their mean and are weighted by Hann's window. Of each the density is computed at multiples of 1/600 Hz (the
//! window and as many zeros), and the densities of all windows are averaged. The power of a band is the integral of the density by
//! trapezoids, over the frequencies from its lower edge to below its upper one.
//!
//! A window counts if the intervals cover enough of it and none is far from the next ([`BandSettings`]): what ectopic beats leave is interpolated, a gap is not.

use super::{Nn, spline::spline};
use crate::spectrum::{hann, powers};
use std::collections::VecDeque;
use std::f64::consts::TAU;

/// Samples a second.
const RATE: usize = 4;
/// Seconds of a window.
const WINDOW: usize = 300;
/// Samples of a window.
const SAMPLES: usize = WINDOW * RATE;
/// Frequencies a hertz.
const BINS: usize = 2 * WINDOW;
/// Intervals beside a window on which its spline stands: beyond them it would be the same.
const BESIDE: usize = 12;
/// The edges of VLF, LF and HF, as numbers of frequencies: 0.00333, 0.04, 0.15 and 0.4 Hz.
const EDGES: [usize; 4] = [2, BINS * 4 / 100, BINS * 15 / 100, BINS * 4 / 10];

/// When a window of the frequency domain counts.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct BandSettings {
    /// The least part of a window that its intervals cover, from 0 to 1.
    pub coverage: f64,
    /// The longest time from the end of an interval to the start of the next, in seconds.
    pub longest: f64,
    /// What is taken off every window, in milliseconds; none for its own mean. Programs that take the record's mean off have its slow changes in VLF.
    pub level: Option<f64>,
}

impl Default for BandSettings {
    /// 0.8, and 5 s: two ectopic beats and their pauses.
    fn default() -> BandSettings {
        BandSettings { coverage: 0.8, longest: 5.0, level: None }
    }
}

impl BandSettings {
    /// Every window counts, whatever is missing of it, and loses this level: to compare with programs that do so.
    pub fn whatever(level: f64) -> BandSettings {
        BandSettings { coverage: 0.0, longest: f64::INFINITY, level: Some(level) }
    }
}

/// Power in the Task Force's bands, ms².
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct BandPowers {
    /// Very low frequency, 0.0033 to 0.04 Hz.
    pub vlf: f64,
    /// Low frequency, 0.04 to 0.15 Hz.
    pub lf: f64,
    /// High frequency, 0.15 to 0.4 Hz.
    pub hf: f64,
}

impl BandPowers {
    /// LF against HF; `None` where there is no HF.
    pub fn ratio(self) -> Option<f64> {
        (self.hf > 0.0).then(|| self.lf / self.hf)
    }
}

#[derive(Debug, Clone)]
pub(super) struct Spectrum {
    settings: BandSettings,
    /// The time of the first sample.
    origin: f64,
    /// Windows so far, those that counted, and the sums of their powers.
    all: usize,
    counted: usize,
    sums: [f64; 3],
    /// Intervals that the window stands on, so far.
    held: VecDeque<Nn>,
}

impl Spectrum {
    pub(super) fn new(settings: BandSettings) -> Spectrum {
        Spectrum { settings, origin: 0.0, all: 0, counted: 0, sums: [0.0; 3], held: VecDeque::new() }
    }

    /// When a window begins.
    fn start(&self, window: usize) -> f64 {
        self.origin + (window * WINDOW) as f64 / 2.0
    }

    /// Takes an interval; each ends after the one before.
    pub(super) fn push(&mut self, interval: Nn) {
        if self.held.is_empty() && self.all == 0 {
            self.origin = interval.end;
        }
        self.held.push_back(interval);
        // A window is measured once some intervals follow it.
        while let Some(before) = self.held.len().checked_sub(BESIDE + 1)
            && self.held[before].end >= self.start(self.all) + WINDOW as f64
        {
            self.measure();
        }
    }

    /// Windows that count, and all; the last ones may still wait for intervals.
    pub(super) fn windows(&self) -> (usize, usize) {
        let done = self.done();
        (done.counted, done.all)
    }

    pub(super) fn powers(&self) -> Option<BandPowers> {
        let done = self.done();
        let [vlf, lf, hf] = done.sums.map(|sum| sum / done.counted as f64);
        (done.counted > 0).then_some(BandPowers { vlf, lf, hf })
    }

    /// The same with the windows that end before the last interval does.
    fn done(&self) -> Spectrum {
        let mut done = self.clone();
        // The last of a window's samples is one before its end.
        let last = (WINDOW as f64) - 1.0 / RATE as f64;
        while let Some(interval) = done.held.back()
            && interval.end + 1e-9 >= done.start(done.all) + last
        {
            done.measure();
        }
        done
    }

    /// Measures the next window, if it counts, and moves on.
    fn measure(&mut self) {
        let start = self.start(self.all);
        self.all += 1;
        if self.counts(start) {
            let (x, y): (Vec<f64>, Vec<f64>) = self.held.iter().map(|nn| (nn.end, nn.ms)).unzip();
            let samples = spline(&x, &y, (0..SAMPLES).map(|i| start + i as f64 / RATE as f64));
            for (sum, power) in self.sums.iter_mut().zip(bands(&samples, self.settings.level)) {
                *sum += power;
            }
            self.counted += 1;
        }
        let next = self.start(self.all);
        let before = self.held.iter().take_while(|nn| nn.end < next).count();
        self.held.drain(..before.saturating_sub(BESIDE));
    }

    fn counts(&self, start: f64) -> bool {
        let end = start + WINDOW as f64;
        let within = |nn: &Nn| (nn.end.min(end) - nn.start().max(start)).max(0.0);
        let covered: f64 = self.held.iter().map(within).sum();
        let mut longest: f64 = 0.0;
        let mut last = f64::NEG_INFINITY;
        for nn in &self.held {
            // From the end of one to the start of the next, as far as it lies within.
            if nn.start() > start && last < end {
                longest = longest.max(nn.start().min(end) - last.max(start));
            }
            last = nn.end;
        }
        longest = longest.max(end - last.max(start));
        covered >= self.settings.coverage * WINDOW as f64 && longest <= self.settings.longest
    }
}

/// The power in each band of a window's samples.
fn bands(samples: &[f64], level: Option<f64>) -> [f64; 3] {
    let n = samples.len() as f64;
    let level = level.unwrap_or(samples.iter().sum::<f64>() / n);
    let window: Vec<f64> = hann(samples.len());
    let weighted: Vec<f64> = samples.iter().zip(&window).map(|(x, weight)| (x - level) * weight).collect();
    let weights: f64 = window.iter().map(|weight| weight * weight).sum();
    let angles: [f64; COUNT] = std::array::from_fn(|k| TAU * (EDGES[0] + k) as f64 / (BINS * RATE) as f64);
    // One-sided: each frequency stands for its negative too.
    let density = powers(&weighted, &angles).map(|square| 2.0 * square / (weights * RATE as f64));
    let band = |b: usize| {
        let within = &density[EDGES[b] - EDGES[0]..EDGES[b + 1] - EDGES[0]];
        within.windows(2).map(|w| (w[0] + w[1]) / 2.0).sum::<f64>() / BINS as f64
    };
    [band(0), band(1), band(2)]
}

/// Frequencies of the bands.
const COUNT: usize = EDGES[3] - EDGES[0];
