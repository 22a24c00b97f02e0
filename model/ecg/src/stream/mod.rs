//! Beats of a signal that is still coming.
//!
//! [`Stream`] is a record without an end: samples are pushed as they come, and beats come out in order, [`DELAY`] seconds after their R peak
//! at most. Everything is done by the functions for whole records, over the last seconds: ten times a second the detector of
//! [`super::peaks`] looks at the last [`SIGHT`] seconds, as if the record ended there, and what it finds that is nearly [`DELAY`] seconds old is told.
//! By then a beat and its surroundings are known as they are in a whole record, but for these:
//!
//! - the local amplitude, and the beats that a candidate is compared with, are of the time before and of less than two seconds after it;
//! - the usual amplitude, below a tenth of which nothing beats, is the median over the last [`MEMORY`] seconds, not over the record;
//! - a beat that is found only when the gap around it is seen whole may be found too late, and is not told then;
//! - whether a lead holds its value so often that it is drawn so ([`super::held`]) is judged over [`SIGHT`] seconds.
//!
//! `cargo run --release -p efficientecg-tests --example stream` counts how many beats that changes.
//!
//! Signals at the network's rate, and beats, are kept for [`MEMORY`] seconds ([`History`]), in buffers of a size that is fixed from the start. What
//! comes out does not depend on how samples were divided into pushes.

mod lead;
mod recent;

use super::error::{Error, Result};
use super::gaps::Gaps;
use super::peaks;
use super::quality::{LeadQuality, Reason, RecordQuality, WINDOW};
use super::resample::Resampler;
use super::rhythm::Missing;
use lead::StreamLead;
use recent::Recent;
use std::collections::VecDeque;

/// The longest time from a beat to when it is told, s.
pub const DELAY: f64 = 2.0;
/// Seconds that the detector looks at.
pub const SIGHT: f64 = 20.0;
/// Seconds of signal and beats that are kept; at rates of networks above 266 Hz, and of fast hearts, fewer.
pub const MEMORY: f64 = 300.0;
/// Samples of a lead, and beats, that are kept at most: what a network is told of them is made anew for each beat.
const MOST_SAMPLES: usize = 80_000;
const MOST_BEATS: usize = 512;
/// Of less no ECG is made out, s.
pub const SHORTEST: f64 = 5.0;
/// From one look to the next, s.
const HOP: f64 = 0.1;
/// Beats that are nearer to the end of what came may be none, s.
const MARGIN: f64 = 0.3;
/// No beat is told that is nearer to the one before, s.
const REFRACTORY: f64 = 0.2;
/// From one look at the signal's quality to the next, s.
const JUDGED: f64 = 1.0;
/// Rates in Hz: memory and work grow with them.
const RATES: std::ops::RangeInclusive<f64> = 50.0..=4000.0;
/// Leads at most.
const MOST_LEADS: usize = 32;

/// A beat that a [`Stream`] tells.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct StreamBeat {
    /// Its R peak, in samples of a lead from the first that was pushed.
    pub time: i64,
    /// The same in seconds.
    pub seconds: f64,
    /// Why it cannot be assessed, by the last ten seconds of signal; none if it can.
    pub reason: Option<Reason>,
}

/// What a [`Stream`] keeps of the last [`MEMORY`] seconds, at the network's rate.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct History<'a> {
    /// Of each lead, in its unit, gaps bridged; all of one length.
    pub signals: Vec<&'a [f32]>,
    /// What is missing of each lead, bridged or not.
    pub gaps: Vec<Gaps>,
    /// Gaps that are too long to be bridged.
    pub missing: Missing,
    /// The beats, ascending, in samples of `signals`: those that were told, and those after them as far as they are known by now.
    pub places: Vec<i64>,
    /// The place of the first of `signals` since the stream began.
    first: i64,
    resampler: &'a Resampler,
}

impl History<'_> {
    /// Which of `places` is that of a beat, by its time; none of a beat that is no longer kept.
    pub fn index(&self, time: i64) -> Option<usize> {
        self.places.binary_search(&(self.resampler.position(time) - self.first)).ok()
    }
}

/// Beats of a signal that is still coming.
///
/// ```
/// use efficientecg_ecg::Stream;
///
/// // Two leads at 250 Hz, for a network that takes 180 Hz.
/// let mut stream = Stream::new(2, 250.0, 180.0)?;
/// let mut beats = Vec::new();
/// for second in 0..60 {
///     // Two samples at a time, one of each lead, in mV; NaN is a missing one.
///     let mut rest = &[0.0; 2 * 250][..];
///     while !rest.is_empty() {
///         rest = &rest[stream.push(rest)..];
///         while let Some(beat) = stream.beat() {
///             beats.push(beat);
///         }
///     }
/// }
/// assert!(beats.is_empty() && stream.reason().is_some());
/// # Ok::<(), efficientecg_ecg::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Stream {
    rate: f64,
    to: f64,
    resampler: Resampler,
    leads: Vec<StreamLead>,
    /// The lead whose sample is next.
    next: usize,
    /// Samples of a lead: one of a block of the detector's amplitude, all that it looks at, from one look to the next, from one judgement to
    /// the next.
    block: usize,
    sight: usize,
    hop: usize,
    judged: usize,
    /// Samples at the network's rate that are kept.
    kept: usize,
    /// The maxima of blocks before those that the detector looks at, and of those.
    earlier: Recent<f64>,
    maxima: Vec<f64>,
    start: usize,
    /// Times of beats: told, and after those.
    told: Recent<i64>,
    ahead: Vec<i64>,
    waiting: VecDeque<StreamBeat>,
    refreshed: usize,
    reason: Option<Reason>,
    ended: bool,
}

impl Stream {
    /// A stream of so many `leads` at `rate` samples a second, 50 to 4000, which a network takes at the rate `to`. Beats are found in the first
    /// lead.
    ///
    /// # Errors
    /// A rate that cannot be used, or no leads, or more than 32.
    pub fn new(leads: usize, rate: f64, to: f64) -> Result<Stream> {
        let (item, expected) = ("sample rate of a stream", "50 to 4000 Hz");
        for rate in [rate, to] {
            if !RATES.contains(&rate) {
                return Err(Error::Parameter { item, expected, found: format!("{rate} Hz") });
            }
        }
        if !(1..=MOST_LEADS).contains(&leads) {
            let found = leads.to_string();
            return Err(Error::Parameter { item: "leads of a stream", expected: "1 to 32", found });
        }
        peaks::check(rate)?;
        let resampler = Resampler::new(rate, to)?;
        let block = peaks::amplitude_block(rate);
        let sight = (SIGHT * rate) as usize;
        let kept = ((MEMORY * to) as usize).min(MOST_SAMPLES);
        let lead = |_| StreamLead::new(sight + block, kept);
        Ok(Stream {
            rate,
            to,
            resampler,
            leads: (0..leads).map(lead).collect(),
            next: 0,
            block,
            sight,
            hop: (HOP * rate) as usize,
            judged: (JUDGED * rate) as usize,
            earlier: Recent::new((MEMORY * rate) as usize / block),
            maxima: Vec::new(),
            start: 0,
            told: Recent::new(MOST_BEATS),
            kept,
            ahead: Vec::new(),
            waiting: VecDeque::new(),
            refreshed: 0,
            reason: None,
            ended: false,
        })
    }

    /// Takes samples, one of each lead in turn, in one unit, as mV; what is not finite is missing. It takes them up to the next moment at which beats are
    /// told, and says how many it took: of some samples one at least. After the end it takes all and makes nothing of them.
    pub fn push(&mut self, samples: &[f32]) -> usize {
        if self.ended {
            return samples.len();
        }
        let leads = self.leads.len();
        for (i, sample) in samples.iter().enumerate() {
            self.leads[self.next].raw.push(*sample);
            self.next = (self.next + 1) % leads;
            if self.next == 0 && self.frames().is_multiple_of(self.hop) && self.look() {
                return i + 1;
            }
        }
        samples.len()
    }

    /// Says that no more samples come: all beats up to there are told, as in a whole record.
    pub fn finish(&mut self) {
        if !std::mem::replace(&mut self.ended, true) {
            self.look();
        }
    }

    /// The next beat, if one is told by now.
    pub fn beat(&mut self) -> Option<StreamBeat> {
        self.waiting.pop_front()
    }

    /// Why the last ten seconds of signal cannot be assessed, judged once a second and with each beat; none if they can, and before the first
    /// five seconds.
    pub fn reason(&self) -> Option<Reason> {
        self.reason
    }

    /// Seconds of signal that were pushed.
    pub fn seconds(&self) -> f64 {
        self.frames() as f64 / self.rate
    }

    /// Bytes that are held, of the stream itself aside; they do not grow.
    pub fn bytes(&self) -> usize {
        let leads: usize = self.leads.iter().map(StreamLead::bytes).sum();
        let few = self.maxima.capacity() * size_of::<f64>()
            + self.ahead.capacity() * size_of::<i64>()
            + self.waiting.capacity() * size_of::<StreamBeat>();
        leads + self.earlier.bytes() + self.told.bytes() + few
    }

    /// Signals and beats of the last minutes, as they were when beats were last told.
    pub fn history(&self) -> History<'_> {
        let first = self.leads.iter().map(StreamLead::end).min().unwrap_or(0).saturating_sub(self.kept);
        let signals: Vec<&[f32]> = self.leads.iter().map(|lead| lead.signal(first)).collect();
        let (gaps, long): (Vec<Gaps>, Vec<Gaps>) = self.leads.iter().map(|lead| lead.gaps(first)).unzip();
        let any = long.iter().fold(Gaps::NONE, |any, gaps| any.or(gaps));
        let beats = long.into_iter().next().unwrap_or_default();
        let times = self.told.from(0).iter().chain(&self.ahead);
        let places =
            times.map(|time| self.resampler.position(*time) - first as i64).filter(|place| *place >= 0);
        History {
            places: places.collect(),
            signals,
            gaps,
            missing: Missing { beats, any },
            first: first as i64,
            resampler: &self.resampler,
        }
    }

    /// Samples of the last lead that came.
    fn frames(&self) -> usize {
        self.leads.last().map_or(0, |lead| lead.raw.end())
    }

    /// Looks at the last seconds; whether beats are told.
    fn look(&mut self) -> bool {
        let frames = self.frames();
        // The blocks of amplitude lie where they do in a whole record.
        let start = frames.saturating_sub(self.sight) / self.block * self.block;
        for maximum in self.maxima.drain(..((start - self.start) / self.block).min(self.maxima.len())) {
            self.earlier.push(maximum);
        }
        self.start = start;
        let Some(lead) = self.leads.first() else { return false };
        let samples = &lead.raw.from(start)[..frames - start];
        let found = peaks::detect_after(self.earlier.from(0), samples, self.rate);
        self.maxima = found.maxima;

        let seconds = |seconds: f64| (seconds * self.rate) as i64;
        let now = frames as i64;
        let (oldest, newest) = (now - seconds(DELAY), now - seconds(DELAY) + self.hop as i64);
        let (newest, end) = if self.ended { (now, now) } else { (newest, now - seconds(MARGIN)) };
        let mut before = self.told.from(0).last().copied();
        let mut beats = Vec::new();
        self.ahead.clear();
        for peak in found.peaks {
            let time = (start + peak) as i64;
            if time < oldest || before.is_some_and(|before| time - before < seconds(REFRACTORY)) {
                continue;
            }
            if time <= newest {
                before = Some(time);
                beats.push(time);
            } else if time <= end {
                self.ahead.push(time);
            }
        }
        if !beats.is_empty() || frames - self.refreshed >= self.judged || self.ended {
            self.refreshed = frames;
            self.judge();
            for lead in &mut self.leads {
                lead.refresh(start..frames, self.rate, self.to, &self.resampler);
            }
        }
        let short = (frames as f64) < SHORTEST * self.rate;
        let reason = if short { Some(Reason::Short) } else { self.reason };
        for time in beats {
            self.told.push(time);
            self.waiting.push_back(StreamBeat { time, seconds: time as f64 / self.rate, reason });
        }
        !self.waiting.is_empty()
    }

    /// Judges the last ten seconds.
    fn judge(&mut self) {
        let frames = self.frames();
        if (frames as f64) < SHORTEST * self.rate {
            return;
        }
        let window = frames.saturating_sub((WINDOW * self.rate) as usize);
        let of = |lead: &StreamLead| LeadQuality::of(&lead.raw.from(window)[..frames - window], self.rate);
        let leads: Vec<LeadQuality> = self.leads.iter().map(of).collect();
        self.reason = RecordQuality::new(&leads, true).reason();
    }
}

#[cfg(test)]
mod tests;
