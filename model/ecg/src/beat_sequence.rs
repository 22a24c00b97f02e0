//! The rhythm feature of a whole record: one row a beat, for models that classify records.
//!
//! With `b` the beats in samples, `r[i] = (b[i] - b[i-1]) / rate` the R-R interval that ends at beat `i` in seconds (at least a
//! sample), `R` the record's median interval, `S` the QRS segment of a beat (−0.10 to 0.12 s around the place nearby where it
//! fits the record's usual beat best, smoothed, less its mean), `S̃` the record's usual one, and `A` the median over the beats of the
//! peak-to-peak height `a` of `S`; of a lone beat, which has no usual one, that of the lead itself:
//!
//! | column | what | value |
//! | --- | --- | --- |
//! | 0 | R-R before against the record | `4 ln(r[i] / R)` |
//! | 1 | R-R before against the one before it | `4 ln(r[i] / r[i-1])` |
//! | 2 | R-R before, absolute | `3 ln(r[i] / 0.8)` |
//! | 3 | R-R after against the record | `4 ln(r[i+1] / R)` |
//! | 4 | P wave | `4 p - 2`, `p` the probability that there is one ([`super::p_waves`]) |
//! | 5 | P-R interval, peak to peak | `4 ln(d / 0.16)`, `d` in seconds; 0 without a P wave |
//! | 6 | P height | `8 h / A`, positive where it points as the usual QRS does; 0 without a P wave |
//! | 7 | likeness of the QRS | `2 - 8 sqrt((1 - c) / 2)`, `c` the correlation of `S` and `S̃` |
//! | 8 | height of the QRS | `4 ln(a / A)` |
//! | 9 | atrial or baseline activity | `1.5 (ln(f / A + 0.005) + 3.5)` |
//!
//! `f` is the root mean square of the lead at 4 to 9 Hz, where fibrillation and flutter waves lie, from the end of the T wave,
//! `0.4 sqrt(min(r[i], 1.2))` after the beat before, to the P wave, `min(0.26, 0.35 r[i])` before the beat; QRS complexes are
//! replaced by lines first. Where this leaves less than 0.1 s, column 9 is undefined.
//!
//! Every value is clamped to −4 to 4 in f64 and cast to f32; what is undefined is 0 (no interval before, a flat lead, a beat
//! outside of the record, a rate too low for the filters). A record is taken to end after its first 4,096 beats.
//!
//! Where samples are missing ([`Missing`]), an interval across a gap is undefined and takes no part in `R`, and so are the columns of a P
//! wave, a QRS complex or a T-P interval that a gap touches: a wave of which nothing is known is not an absent one.

use super::band_pass::band_pass;
use super::beats::median;
use super::complexes::Complexes;
use super::p_waves::{self, Wave};
use super::qrs::SEGMENT;
use super::rhythm::Missing;
use super::{filter, segments::distance};

/// Numbers a row.
pub const INPUTS: usize = 10;
/// Rows at most.
pub const MAX_BEATS: usize = 4096;
const LIMIT: f64 = 4.0;
const RATIO_SCALE: f64 = 4.0;
const RATE_SCALE: f64 = 3.0;
/// Seconds between beats at 75 a minute.
const USUAL_SECONDS: f64 = 0.8;
/// A usual interval from the peak of P to that of R, s.
const USUAL_PR: f64 = 0.16;
const P_SCALE: f64 = 8.0;
/// Fibrillation and flutter waves, Hz.
const ATRIAL_BAND: (f64, f64) = (4.0, 9.0);
/// The end of the T wave after the R peak, s, by the square root of the interval (Bazett), which counts up to a longest.
const T_END: f64 = 0.4;
const T_LONGEST: f64 = 1.2;
/// The start of the P wave before the R peak: s, and as a part of the interval.
const P_START: (f64, f64) = (0.26, 0.35);
/// The shortest T-P interval that is measured, s.
const SHORTEST: f64 = 0.1;
/// Below this rate, Hz, there is no room for the filters.
const MIN_RATE: f64 = 50.0;
/// Seconds before a beat from which its P wave may begin.
const P_REACH: f64 = 0.3;
/// A height below this is that of a flat lead.
const FLAT: f64 = 1e-6;

/// `[beats, INPUTS]` for ascending `beats`, in samples at `rate` a second of a normalised `lead`; of more than
/// [`MAX_BEATS`] the first.
pub fn rows(lead: &[f32], beats: &[i64], rate: f64) -> Vec<f32> {
    rows_of(lead, beats, rate, &Missing::NONE)
}

/// The same where samples are missing, which are bridged in `lead`.
pub fn rows_of(lead: &[f32], beats: &[i64], rate: f64, missing: &Missing) -> Vec<f32> {
    let beats = &beats[..beats.len().min(MAX_BEATS)];
    // The interval that ends at each beat.
    let interval: Vec<Option<f64>> =
        beats.iter().take(1).map(|_| None).chain(missing.intervals(beats, rate)).collect();
    let usual = median(&interval.iter().flatten().copied().collect::<Vec<f64>>());
    let ratio = |x: Option<f64>, to: f64, scale: f64| x.map_or(0.0, |x| scale * (x / to).ln());
    let qrs = Complexes::new(lead, beats, rate);
    let flat = qrs.usual <= FLAT;
    let waves = p_waves::find_by(lead, beats, rate, &qrs);
    let activity = activity(lead, beats, &interval, rate, missing);

    let mut out = Vec::with_capacity(beats.len() * INPUTS);
    for i in 0..beats.len() {
        let before = interval[i];
        let is_whole = !missing.touch(beats[i], SEGMENT.before, SEGMENT.after, rate);
        let height = qrs.height[i].filter(|_| !flat && is_whole);
        let p_known = !missing.touch(beats[i], P_REACH, 0.0, rate);
        let [score, p_r, p_height] = match height {
            Some(_) if rate >= MIN_RATE && p_known => {
                p_columns(waves.beats[i].as_ref(), beats[i], rate, &qrs)
            }
            _ => [0.0; 3],
        };
        let values = [
            ratio(before, usual, RATIO_SCALE),
            i.checked_sub(1)
                .and_then(|j| interval[j])
                .map_or(0.0, |earlier| ratio(before, earlier, RATIO_SCALE)),
            ratio(before, USUAL_SECONDS, RATE_SCALE),
            ratio(interval.get(i + 1).copied().flatten(), usual, RATIO_SCALE),
            score,
            p_r,
            p_height,
            qrs.likeness[i].filter(|_| is_whole).map_or(0.0, |c| 2.0 - 8.0 * distance(c)),
            height.map_or(0.0, |h| RATIO_SCALE * (h / qrs.usual).ln()),
            activity[i].filter(|_| !flat).map_or(0.0, |f| 1.5 * ((f / qrs.usual + 0.005).ln() + 3.5)),
        ];
        out.extend(values.map(|v| if v.is_nan() { 0.0 } else { v.clamp(-LIMIT, LIMIT) as f32 }));
    }
    out
}

/// Columns 4 to 6.
fn p_columns(wave: Option<&Wave>, beat: i64, rate: f64, qrs: &Complexes) -> [f64; 3] {
    let Some(wave) = wave else { return [-2.0, 0.0, 0.0] };
    let score = 4.0 * wave.probability - 2.0;
    if wave.probability < p_waves::PRESENT {
        return [score, 0.0, 0.0];
    }
    let interval = (beat as f64 - wave.place as f64) / rate;
    [score, RATIO_SCALE * (interval / USUAL_PR).ln(), P_SCALE * qrs.sign * wave.height / qrs.usual]
}

/// The root mean square in the atrial band between T and P, where there is room for it.
fn activity(
    lead: &[f32],
    beats: &[i64],
    interval: &[Option<f64>],
    rate: f64,
    missing: &Missing,
) -> Vec<Option<f64>> {
    if rate < MIN_RATE || lead.is_empty() {
        return vec![None; beats.len()];
    }
    let quiet = filter::without_qrs(lead, beats, rate);
    let wave = band_pass(&quiet, rate, ATRIAL_BAND.0, ATRIAL_BAND.1);
    let measure = |i: usize| {
        let (before, interval) = (*beats.get(i.checked_sub(1)?)?, interval[i]?);
        let start = T_END * interval.min(T_LONGEST).sqrt();
        let end = interval - P_START.0.min(P_START.1 * interval);
        if end - start < SHORTEST || missing.touch(before, -start, end, rate) {
            return None;
        }
        let at = |seconds: f64| usize::try_from(before.saturating_add((seconds * rate).round() as i64)).ok();
        let part = wave.get(at(start)?..at(end)?).filter(|part| !part.is_empty())?;
        Some((part.iter().map(|v| f64::from(*v) * f64::from(*v)).sum::<f64>() / part.len() as f64).sqrt())
    };
    (0..beats.len()).map(measure).collect()
}

#[cfg(test)]
mod tests;
