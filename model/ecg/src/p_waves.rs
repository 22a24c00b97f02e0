//! P waves of one lead, beat by beat.
//!
//! A P wave is small, but it comes at nearly the same time before each QRS complex and with nearly the same shape. So each
//! beat is judged together with its neighbours:
//!
//! 1. *Curve.* QRS complexes are replaced by straight lines, the rest is smoothed under a triangle of ±16 ms, and each
//!    sample compared with those 60 ms to either side: `d(t) = y(t) - (y(t - 60 ms) + y(t + 60 ms)) / 2`, the height of a P
//!    wave over its flanks. It looks no further than the P wave reaches and cancels any straight baseline: a second
//!    difference at the scale of a P wave, as the wavelets of J. P. Martínez, R. Almeida, S. Olmos, A. P. Rocha and P. Laguna,
//!    *A wavelet-based ECG delineator: evaluation on standard databases*, IEEE Trans. Biomed. Eng. 51(4), 2004.
//! 2. *Consensus.* The median of `d` over the beat and ten neighbours on either side, those with the usual QRS complex, by the time before the R peak: its
//!    largest maximum is where P waves lie, if there are any; the median deviation from it is the noise. Fibrillation has
//!    waves, but no consensus.
//! 3. *Candidates*: every maximum of `d` from the end of the T wave before to the QRS complex.
//! 4. *Score*: a logistic function of how a candidate compares with the consensus, the noise and the QRS complex, of how early the
//!    beat is and of how irregular the rhythm ([`Candidate::features`]). The likeliest candidate is the beat's P wave, present
//!    if its probability is [`PRESENT`] or more. A curve that repeats itself at the rate of flutter waves, whatever the
//!    beats do, has none.
//! 5. *Blocked P waves*, which no QRS complex follows, are further candidates of the same R-R interval that are beyond doubt
//!    the consensus's shape and size, well apart from the T wave and the beat's own P wave.
//!
//! All of it is done for the lead and for the lead upside down; the record's P waves are negative if they are clearly
//! higher so.
//!
//! The weights were fitted by `tools/train/efficientecg_train/experiments/p_waves.py` to every other of the odd-numbered records of LUDB and
//! to fibrillation and flutter in MIT-BIH; `tests/tests/ecg_ludb.rs` scores the others too. They were looked at while the features were
//! chosen, so results there are not blind. Waves that bear no relation to the beats (complete block) have no consensus and are
//! mostly missed; flutter conducted two to one looks like P waves. Time is linear in the samples.

use super::beats::{median, median_of};
use super::complexes::Complexes;
use super::filter;
use super::qrs::EXTENT;
use super::segments::{ALIKE, distance};

/// A P wave is present from this probability on.
pub const PRESENT: f64 = 0.5;
/// Figures that the score is made of.
pub const FEATURES: usize = 9;
/// The score's offset and weights.
const OFFSET: f64 = -8.009;
const WEIGHTS: [f64; FEATURES] = [1.525, 0.431, 4.788, -0.382, -1.121, -0.516, -4.260, 3.305, -2.161];

/// Half the triangle that smooths, and the distance of the flanks, s.
const SMOOTH: f64 = 0.016;
const FLANK: f64 = 0.06;
/// Times before the R peak that a consensus is sought at, and their step, s.
const NEAREST: f64 = 0.07;
const FARTHEST: f64 = 0.4;
const STEP: f64 = 0.008;
/// Steps to either side that a candidate is compared over.
const REACH: usize = 10;
/// The end of the T wave after the R peak, s, by the square root of the interval up to a longest.
const T_END: f64 = 0.33;
const T_LONGEST: f64 = 1.2;
/// Neighbours on either side.
const AROUND: usize = 10;
/// Least noise, and least height of a wave, as parts of the QRS complex.
const NOISE: f64 = 0.003;
const LEAST: f64 = 0.005;
/// Of fewer beats the deviation says little: the noise is taken to be at least a part of the QRS complex.
const FEW: usize = 4;
const FEW_NOISE: f64 = 0.02;
/// Seconds between flutter waves.
const ATRIAL_CYCLE: (f64, f64) = (0.16, 0.3);
/// Pairs of samples that a repetition is of at least, and beats that share one.
const ENOUGH: usize = 50;
const SHARED: usize = 5;
/// A curve that repeats itself so far is no doubt; beyond, the score falls.
const FLUTTER: f64 = 0.6;
const FLUTTER_WEIGHT: f64 = 60.0;
/// Below this rate, Hz, a P wave has too few samples.
const MIN_RATE: f64 = 50.0;
/// Upside down the waves must be so much higher, by their probabilities.
const TURN: f64 = 1.4;
/// A blocked P wave correlates so with the consensus, has its height up to this factor (logarithm), lies so far from the
/// beat's own and (by the square root of the interval) from the beat before, s; the beat's own is so probable.
const BLOCKED_LIKENESS: f64 = 0.9;
const BLOCKED_HEIGHT: f64 = 0.3;
const BLOCKED_APART: f64 = 0.3;
const BLOCKED_T_END: f64 = 0.5;
const BLOCKED_OWN: f64 = 0.9;
const BLOCKED_CLEAR: f64 = 3.0;

/// A P wave.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Wave {
    /// Its peak, in samples of the lead.
    pub place: usize,
    /// Over its flanks, in the lead's unit; negative for one that points down.
    pub height: f64,
    /// 0 to 1, that it is one.
    pub probability: f64,
}

/// The P waves of a lead.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PWaves {
    /// For each beat the likeliest wave before it, present or not; none where there is nothing like a wave.
    pub beats: Vec<Option<Wave>>,
    /// P waves that no QRS complex follows, ascending.
    pub blocked: Vec<Wave>,
}

impl PWaves {
    /// The P waves that are present, ascending, each once.
    pub fn present(&self) -> Vec<Wave> {
        let own = self.beats.iter().flatten().filter(|w| w.probability >= PRESENT);
        let mut all: Vec<Wave> = own.chain(&self.blocked).copied().collect();
        all.sort_by_key(|w| w.place);
        all.dedup_by_key(|w| w.place);
        all
    }
}

/// A maximum that may be a P wave.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// The beat that it comes before.
    pub beat: usize,
    /// Its peak, in samples.
    pub place: usize,
    /// Over its flanks.
    pub height: f64,
    /// With `A` the height of the usual QRS complex, `M` that of the consensus, `e` the deviation there and `n` the noise, `τ` the
    /// time to the R peak and `h` the height of this candidate: `ln(M / n + 0.1)`; `ln(h / n + 0.1)`; the correlation with the
    /// consensus over ±80 ms; the distance from its place in 50 ms, up to 3; `|ln(h / M)|`, up to 3; `ln(e / A + 0.003)`; ten
    /// times what `τ` exceeds 0.2 s by, up to 2; for early beats of another shape, as ventricular ones are, four times the
    /// logarithm of the R-R interval against the neighbours' median, times `4 sqrt((1 - c) / 2)`, up to 1, with `c` the correlation
    /// of the QRS complex with the usual one; ten times the neighbours' median change of the R-R interval's logarithm over beats alike, up to 4.
    pub features: [f64; FEATURES],
    /// How much the curve repeats itself at the rate of flutter waves, up to 1.
    pub repeats: f64,
    /// `M / n`.
    clear: f64,
}

impl Candidate {
    /// That it is a P wave.
    fn probability(&self) -> f64 {
        let sum: f64 = self.features.iter().zip(WEIGHTS).map(|(x, w)| x * w).sum();
        let flutter = FLUTTER_WEIGHT * (self.repeats - FLUTTER).max(0.0);
        1.0 / (1.0 + (flutter - OFFSET - sum).exp())
    }
}

/// Finds the P waves of a `lead` in any unit, which must be finite, before ascending `beats` in samples at `rate` a second.
/// Beats outside of the lead, flat leads and rates below 50 Hz have none.
pub fn find(lead: &[f32], beats: &[i64], rate: f64) -> PWaves {
    find_by(lead, beats, rate, &Complexes::new(lead, beats, rate))
}

/// The same, by complexes that are known.
pub(super) fn find_by(lead: &[f32], beats: &[i64], rate: f64, qrs: &Complexes) -> PWaves {
    let Some(upright) = Curve::new(lead, beats, rate, qrs) else {
        return PWaves { beats: vec![None; beats.len()], blocked: Vec::new() };
    };
    let up = choose(&all(&upright, qrs), beats, rate, 1.0);
    let down = choose(&all(&upright.turned(), qrs), beats, rate, -1.0);
    // Each flank of a wave is half as high as the wave, the other way.
    let size = |found: &PWaves| -> f64 {
        found.beats.iter().flatten().map(|w| w.probability * w.height.abs()).sum()
    };
    if size(&down) > TURN * size(&up) { down } else { up }
}

/// Every candidate of the upright lead, by beat and place.
pub fn candidates(lead: &[f32], beats: &[i64], rate: f64) -> Vec<Candidate> {
    let qrs = Complexes::new(lead, beats, rate);
    Curve::new(lead, beats, rate, &qrs).map_or(Vec::new(), |curve| all(&curve, &qrs))
}

/// The likeliest candidate of each beat, and those that are beyond doubt beside it.
fn choose(all: &[Candidate], beats: &[i64], rate: f64, sign: f64) -> PWaves {
    let mut found = PWaves { beats: vec![None; beats.len()], blocked: Vec::new() };
    for group in all.chunk_by(|a, b| a.beat == b.beat) {
        let Some(first) = group.first() else { continue };
        let wave =
            |c: &Candidate| Wave { place: c.place, height: sign * c.height, probability: c.probability() };
        let Some(own) = group.iter().map(wave).max_by(|a, b| a.probability.total_cmp(&b.probability)) else {
            continue;
        };
        found.beats[first.beat] = Some(own);
        // What comes before the first beat is not known.
        let Some(before) = first.beat.checked_sub(1) else { continue };
        if own.probability < BLOCKED_OWN {
            continue;
        }
        let interval = (beats[first.beat].saturating_sub(beats[before])) as f64 / rate;
        let start = beats[before] as f64 + BLOCKED_T_END * interval.min(T_LONGEST).sqrt() * rate;
        let doubtless = |c: &&Candidate| {
            c.features[2] >= BLOCKED_LIKENESS
                && c.features[4] <= BLOCKED_HEIGHT
                && c.clear >= BLOCKED_CLEAR
                && c.place as f64 >= start
                && own.place as f64 - c.place as f64 >= BLOCKED_APART * rate
        };
        found.blocked.extend(group.iter().filter(doubtless).map(wave));
    }
    found
}

/// The curve, by beats.
struct Curve<'a> {
    d: Vec<f64>,
    beats: &'a [i64],
    rate: f64,
    /// Seconds up to each beat; the first's is the usual.
    interval: Vec<f64>,
    /// Whether each beat's QRS complex is like the usual one.
    alike: Vec<bool>,
    /// `[beats, steps]`; NaN outside of the record and in the T wave.
    rows: Vec<f64>,
    steps: usize,
    /// How much the curve repeats itself around each group of beats.
    repeats: Vec<f64>,
}

impl<'a> Curve<'a> {
    /// Of the upright lead; `None` where there is nothing to find.
    fn new(lead: &[f32], beats: &'a [i64], rate: f64, qrs: &Complexes) -> Option<Curve<'a>> {
        let level = qrs.usual;
        if rate < MIN_RATE || lead.len() < 3 || beats.is_empty() || level.is_nan() || level <= 0.0 {
            return None;
        }
        let d = curve(&filter::without_qrs(lead, beats, rate), rate);
        let later: Vec<f64> =
            beats.windows(2).map(|w| w[1].saturating_sub(w[0]).max(1) as f64 / rate).collect();
        let usual = if later.is_empty() { 1.0 } else { median(&later) };
        let interval: Vec<f64> = beats.iter().take(1).map(|_| usual).chain(later).collect();
        let steps = ((FARTHEST - NEAREST) / STEP).round() as usize;
        let mut rows = Vec::with_capacity(beats.len() * steps);
        for (beat, interval) in beats.iter().zip(&interval) {
            let most = interval - t_end(*interval);
            rows.extend((0..steps).map(|step| {
                let time = NEAREST + step as f64 * STEP;
                let there = at(*beat, -time * rate).and_then(|k| d.get(k)).filter(|_| time <= most);
                there.copied().unwrap_or(f64::NAN)
            }));
        }
        let alike = qrs.likeness.iter().map(|c| c.is_some_and(|c| c > ALIKE)).collect();
        let mut made = Curve { d, beats, rate, interval, alike, rows, steps, repeats: Vec::new() };
        let groups = (0..beats.len()).step_by(SHARED);
        let around =
            |i: usize| made.repeats(i.saturating_sub(AROUND), (i + SHARED + AROUND).min(beats.len()));
        made.repeats = groups.map(around).collect();
        Some(made)
    }

    /// That of the lead upside down, which repeats itself as much.
    fn turned(&self) -> Curve<'a> {
        let turned = |values: &[f64]| values.iter().map(|v| -v).collect();
        Curve {
            d: turned(&self.d),
            beats: self.beats,
            rate: self.rate,
            interval: self.interval.clone(),
            alike: self.alike.clone(),
            rows: turned(&self.rows),
            steps: self.steps,
            repeats: self.repeats.clone(),
        }
    }

    fn consensus(&self, beat: usize, floor: f64, level: f64) -> Consensus {
        let (from, to) = (beat.saturating_sub(AROUND), (beat + AROUND + 1).min(self.beats.len()));
        let mut near: Vec<usize> = (from..to).filter(|j| self.alike[*j]).collect();
        if near.len() < FEW {
            near = (from..to).collect();
        }
        let (mut height, mut apart) = (Vec::with_capacity(self.steps), Vec::with_capacity(self.steps));
        let mut values = Vec::with_capacity(to - from);
        for step in 0..self.steps {
            values.clear();
            values.extend(near.iter().map(|j| self.rows[j * self.steps + step]).filter(|v| !v.is_nan()));
            let middle = middle(&mut values);
            values.iter_mut().for_each(|v| *v = (*v - middle).abs());
            height.push(middle);
            apart.push(self::middle(&mut values));
        }
        let mut deviations: Vec<f64> = apart.iter().copied().filter(|v| !v.is_nan()).collect();
        let deviation = middle(&mut deviations);
        let noise = if deviation.is_nan() { 0.0 } else { deviation } + NOISE * level;
        let noise = if near.len() < FEW { noise.max(floor) } else { noise };
        let is_peak = |j: &usize| {
            let (a, b, c) = (height[j - 1], height[*j], height[j + 1]);
            b >= a && b >= c
        };
        let peak = (1..self.steps - 1).filter(is_peak).max_by(|a, b| height[*a].total_cmp(&height[*b]));
        let later = &self.interval[(from + 1).min(to)..to];
        // Of three beats in a row that are alike: a ventricular beat does not make a rhythm irregular.
        let steady = |j: &usize| self.alike[j - 2] && self.alike[j - 1] && self.alike[*j];
        let change = |j: usize| (self.interval[j] / self.interval[j - 1]).ln().abs();
        let mut changes: Vec<f64> = (from + 2..to).filter(steady).map(change).collect();
        if changes.len() < FEW {
            changes.clear();
        }
        let usual = if later.is_empty() { self.interval[beat] } else { median(later) };
        Consensus { peak, noise, change: median(&changes), usual, height, apart }
    }

    /// How much the curve from beat `from` to the one before `to` repeats itself at the cycle of flutter waves: the largest over the
    /// lags of `2 Σ a b / Σ (a a + b b)`, without QRS complexes.
    fn repeats(&self, from: usize, to: usize) -> f64 {
        let step = (STEP * self.rate).round().max(1.0);
        let clamp = |x: f64| (x.max(0.0) as usize).min(self.d.len());
        let beats = &self.beats[from..to];
        let (Some(first), Some(last)) = (beats.first(), beats.last()) else { return 0.0 };
        let (start, end) = (clamp(*first as f64 - self.interval[from] * self.rate), clamp(*last as f64));
        let mut part: Vec<f64> = (start..end).step_by(step as usize).map(|k| self.d[k]).collect();
        for beat in beats {
            let place = |seconds: f64| {
                let index = (*beat as f64 - start as f64 + seconds * self.rate) / step;
                (index.max(0.0) as usize).min(part.len())
            };
            let (from, to) = (place(-EXTENT.before), place(EXTENT.after));
            part[from..to].fill(f64::NAN);
        }
        let lag = |seconds: f64| (seconds * self.rate / step).round() as usize;
        let alike = |lag: usize| {
            let (mut both, mut squares, mut count) = (0.0, f64::MIN_POSITIVE, 0);
            for (a, b) in part.iter().zip(part.iter().skip(lag)).filter(|(a, b)| !a.is_nan() && !b.is_nan()) {
                both += 2.0 * a * b;
                squares += a * a + b * b;
                count += 1;
            }
            if count >= ENOUGH { both / squares } else { 0.0 }
        };
        let mut most = 0.0f64;
        for lag in lag(ATRIAL_CYCLE.0)..=lag(ATRIAL_CYCLE.1) {
            let once = alike(lag);
            if once > most {
                most = most.max(once.min(alike(2 * lag)));
            }
        }
        most
    }

    /// The correlation of the curve around sample `place` with the consensus around its peak, over the times that it has.
    fn correlation(&self, place: usize, consensus: &Consensus, peak: usize) -> f64 {
        let (mut both, mut own, mut other) = (0.0, 0.0, 0.0);
        let last = self.d.len() - 1;
        for step in peak.saturating_sub(REACH)..(peak + REACH + 1).min(self.steps) {
            let m = consensus.height[step];
            if m.is_nan() {
                continue;
            }
            // Later steps are earlier times.
            let shift = ((peak as f64 - step as f64) * STEP * self.rate).round() as i64;
            let x = self.d[at(place as i64, shift as f64).unwrap_or(0).min(last)];
            both += x * m;
            own += x * x;
            other += m * m;
        }
        both / ((own * other).sqrt() + f64::MIN_POSITIVE)
    }
}

/// What a beat and its neighbours have in common.
struct Consensus {
    /// The step of its largest maximum.
    peak: Option<usize>,
    noise: f64,
    /// The median change of the intervals' logarithms.
    change: f64,
    /// The median interval.
    usual: f64,
    /// `[steps]`.
    height: Vec<f64>,
    apart: Vec<f64>,
}

/// The candidates of a curve.
fn all(curve: &Curve, qrs: &Complexes) -> Vec<Candidate> {
    let (level, Curve { d, beats, rate, .. }) = (qrs.usual, curve);
    let rate = *rate;
    let mut out = Vec::new();
    for (i, beat) in beats.iter().enumerate() {
        let repeats = curve.repeats[i / SHARED];
        let interval = curve.interval[i];
        let before = match i.checked_sub(1) {
            Some(before) => beats[before] as f64,
            None => *beat as f64 - interval * rate,
        };
        let clamp = |x: f64| (x.max(1.0) as usize).min(d.len() - 1);
        let (from, to) = (clamp(before + t_end(interval) * rate), clamp(*beat as f64 - NEAREST * rate + 1.0));
        let peaks = (from..to).filter(|k| d[*k] > LEAST * level && d[*k] > d[k - 1] && d[*k] >= d[k + 1]);
        let peaks: Vec<usize> = peaks.collect();
        if peaks.is_empty() {
            continue;
        }
        let common = curve.consensus(i, FEW_NOISE * level, level);
        for place in &peaks {
            let (height, time) = (d[*place], (*beat as f64 - *place as f64) / rate);
            let (m, apart, likeness, shift) = match common.peak {
                Some(peak) => (
                    common.height[peak].max(0.0),
                    common.apart[peak],
                    curve.correlation(*place, &common, peak),
                    time - (NEAREST + peak as f64 * STEP),
                ),
                None => (0.0, common.noise, 0.0, f64::INFINITY),
            };
            let features = [
                (m / common.noise + 0.1).ln(),
                (height / common.noise + 0.1).ln(),
                likeness,
                shift.abs().min(0.15) / 0.05,
                if m > 0.0 { (height / m).ln().abs().min(3.0) } else { 3.0 },
                (apart / level + 0.003).ln(),
                10.0 * (time - 0.2).clamp(0.0, 0.2),
                4.0 * (interval / common.usual).ln().min(0.0)
                    * (4.0 * qrs.likeness[i].map_or(0.0, distance)).min(1.0),
                10.0 * common.change.min(0.4),
            ];
            let clear = m / common.noise;
            out.push(Candidate { beat: i, place: *place, height, features, repeats, clear });
        }
    }
    // Numbers so large that they overflow say nothing.
    out.retain(|c| c.features.iter().all(|f| f.is_finite()));
    out
}

fn t_end(interval: f64) -> f64 {
    T_END * interval.min(T_LONGEST).sqrt()
}

/// The sample `shift` from `place`; none before the first.
fn at(place: i64, shift: f64) -> Option<usize> {
    usize::try_from(place.saturating_add(shift.round() as i64)).ok()
}

/// Each sample against its flanks, of the smoothed signal.
fn curve(x: &[f32], rate: f64) -> Vec<f64> {
    let n = x.len();
    let clamp = |i: i64| usize::try_from(i).unwrap_or(0).min(n - 1);
    let boxed = |y: &[f64], length: usize| -> Vec<f64> {
        // A running mean of `length` samples to either side of the middle, ends repeated.
        let half = (length / 2) as i64;
        let mut sum: f64 = (-half..length as i64 - half).map(|k| y[clamp(k)]).sum();
        (0..n as i64)
            .map(|i| {
                let mean = sum / length as f64;
                sum += y[clamp(i - half + length as i64)] - y[clamp(i - half)];
                mean
            })
            .collect()
    };
    // Two means of one odd length make a triangle.
    let length = 1 + 2 * ((SMOOTH * rate / 2.0).round() as usize).min(n);
    let wide: Vec<f64> = x.iter().map(|v| f64::from(*v)).collect();
    let y = boxed(&boxed(&wide, length), length);
    let flank = ((FLANK * rate).round() as i64).max(1);
    (0..n as i64).map(|i| y[i as usize] - (y[clamp(i - flank)] + y[clamp(i + flank)]) / 2.0).collect()
}

/// The median, NaN of none; reorders them.
fn middle(values: &mut [f64]) -> f64 {
    if values.is_empty() { f64::NAN } else { median_of(values) }
}

#[cfg(test)]
mod tests;
