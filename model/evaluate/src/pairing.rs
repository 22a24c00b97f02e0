//! Which beat of a test annotator is which of the reference: the rules of PhysioNet's `bxb`, by which ANSI/AAMI EC38 and
//! EC57 count.
//!
//! What is known of `bxb` (G. B. Moody; its manual page in the WFDB Applications Guide, and how releases since 2002
//! behave), and held to here:
//!
//! - *Window.* Beats at most 150 ms apart may pair, both ends included; ticks of the record, halves rounded up.
//! - *Pairing* goes through both files in time. Of the two beats at hand the earlier (the reference's, if both are at one
//!   time) pairs with the other if that is in the window, unless the beat after the earlier one in its own file is as
//!   near to the other or nearer, and is not itself nearer to the one after the other. So when two compete, the nearer
//!   wins; at equal distances, the later. This is no maximum matching.
//! - *Learning period.* Reference beats before the start (5 minutes) do not count. The last test beat before it pairs with the
//!   first reference beat after it if that is in the window and no later one is as near; else it is dropped. So is the first test beat
//!   at most a window after the start if the next is nearer to the first reference beat: it may be of a beat before.
//! - *Ventricular flutter and fibrillation.* Annotations from `[` to the next `]` are not read, in either file. Test beats
//!   in the reference's episodes, the ends included, may pair with beats outside; those that do not are not counted. Reference
//!   beats in the test's episodes get no mercy.
//! - *Flutter waves* (`!`) outside of episodes are read and may pair, but are no beats: a test beat paired with one is extra, a
//!   reference beat missed, and one by itself is nothing.
//! - *Shutdown* is from a `~` whose subtype has both bits 4 and 5 to the next annotation, if that is a `~` without. Otherwise the
//!   mark is one in the middle of a shutdown (AHA's convention), which begins a window after the last beat or `]` before
//!   and ends a window before the next annotation. A shutdown that does not end reaches to the end.
//! - *The end* is the record's length; where the header has none, the last reference beat.
//!
//! Decided here, where `bxb` has limits rather than rules: annotations whose times go back are sorted; all episodes and
//! shutdowns are known, not the last two of either file; with a start of 0 nothing is dropped.

use efficientecg_ecg::wfdb::{Annotation, Annotations, Code};
use std::ops::RangeInclusive;

/// A time after all beats.
const NEVER: i64 = 1 << 62;

/// What EC57 distinguishes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BeatClass {
    /// Normal, bundle branch block, and what is none of the others.
    N,
    /// Supraventricular ectopic.
    S,
    /// Ventricular ectopic.
    V,
    /// Fusion of ventricular and normal.
    F,
    /// Paced, fusion of paced and normal, or unclassifiable.
    Q,
}

impl BeatClass {
    /// All, in the order of the matrix.
    pub const ALL: [BeatClass; 5] = [BeatClass::N, BeatClass::S, BeatClass::V, BeatClass::F, BeatClass::Q];

    /// The letter.
    pub fn letter(self) -> char {
        ['N', 'S', 'V', 'F', 'Q'][self as usize]
    }

    /// The class of a beat's code; escape beats (`e` `j` `n`) are `escape`. `None` for what is no beat.
    pub fn of(code: Code, escape: BeatClass) -> Option<BeatClass> {
        Some(match code.symbol()? {
            'N' | 'L' | 'R' | 'B' => BeatClass::N,
            'A' | 'a' | 'J' | 'S' => BeatClass::S,
            'e' | 'j' | 'n' => escape,
            'V' | 'E' | 'r' => BeatClass::V,
            'F' => BeatClass::F,
            'Q' | '/' | 'f' | '?' => BeatClass::Q,
            _ => return None,
        })
    }
}

/// What may be chosen; the default is `bxb`'s.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rules {
    /// Seconds that are not scored, from the record's start.
    pub from: f64,
    /// Largest distance of a pair, in seconds.
    pub window: f64,
    /// The class of escape beats: S for `bxb`, N for de Chazal et al. (2004) and most papers since.
    pub escape: BeatClass,
}

impl Default for Rules {
    fn default() -> Rules {
        Rules { from: 300.0, window: 0.15, escape: BeatClass::S }
    }
}

/// Seconds as ticks, halves up.
fn ticks(seconds: f64, rate: f64) -> i64 {
    (seconds * rate + 0.5).floor().clamp(0.0, NEVER as f64 / 4.0) as i64
}

/// A beat, or a flutter wave.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Mark {
    /// In ticks of the record.
    pub time: i64,
    /// `None` for a flutter wave.
    pub class: Option<BeatClass>,
    /// The probability given to the class, if known.
    pub confidence: Option<f64>,
}

/// What an annotation file says of beats.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Track {
    /// In order of time.
    pub marks: Vec<Mark>,
    /// Episodes of ventricular flutter or fibrillation, both ends included.
    pub fibrillation: Vec<RangeInclusive<i64>>,
    /// Times in which the annotator does not work.
    pub shutdown: Vec<RangeInclusive<i64>>,
}

impl Track {
    /// Reads annotations of a record of `rate` ticks a second; times in other ticks, where the file says so, are rounded to the
    /// record's.
    pub fn new(annotations: &Annotations, rate: f64, rules: &Rules) -> Track {
        let window = ticks(rules.window, rate);
        let scale = annotations.sample_rate.filter(|r| *r != rate).map_or(1.0, |r| rate / r);
        let time = |a: &Annotation| {
            let time = if scale == 1.0 { a.time } else { (a.time as f64 * scale).round() as i64 };
            time.clamp(-NEVER / 4, NEVER / 4)
        };
        let off = |a: &Annotation| a.code == Code::QUALITY && a.subtype as u8 & 0x30 == 0x30;
        let items = &annotations.items;
        let mut track = Track::default();
        // The last beat or end of an episode.
        let mut last = 0;
        let mut next = 0;
        while let Some(item) = items.get(next) {
            next += 1;
            let now = time(item);
            if item.code == Code::FLUTTER_ON {
                let end = items[next..].iter().position(|a| a.code == Code::FLUTTER_OFF);
                next = end.map_or(items.len(), |n| next + n + 1);
                last = end.map_or(NEVER, |_| time(&items[next - 1]));
                track.fibrillation.push(now..=last);
            } else if off(item) {
                track.shutdown.push(match items.get(next) {
                    None => now..=NEVER,
                    Some(on) if on.code == Code::QUALITY && !off(on) => {
                        next += 1;
                        now..=time(on)
                    }
                    Some(other) => {
                        let end = time(other) - window;
                        end.min(last + window)..=end
                    }
                });
            } else {
                let class = BeatClass::of(item.code, rules.escape);
                if class.is_some() || item.code == Code::FLUTTER_WAVE {
                    track.marks.push(Mark { time: now, class, confidence: None });
                    last = now;
                }
            }
        }
        track.marks.sort_by_key(|m| m.time);
        track
    }

    /// Beats of no particular class at these times.
    pub fn detections(times: &[i64]) -> Track {
        let time = |t: &i64| (*t).clamp(-NEVER / 4, NEVER / 4);
        let mark = |t: &i64| Mark { time: time(t), class: Some(BeatClass::N), confidence: None };
        let mut marks: Vec<Mark> = times.iter().map(mark).collect();
        marks.sort_by_key(|m| m.time);
        Track { marks, ..Track::default() }
    }

    /// Whether the annotator does not work at this time.
    pub fn is_shut_down(&self, time: i64) -> bool {
        self.shutdown.iter().any(|s| s.contains(&time))
    }

    /// Whether an episode or a shutdown begins between two times.
    pub fn interrupted(&self, from: i64, to: i64) -> bool {
        let mut starts = self.fibrillation.iter().chain(&self.shutdown).map(|s| *s.start());
        starts.any(|s| (from..to).contains(&s))
    }

    /// Ticks from the beat before to this mark; `None` for the first, and where an episode or a shutdown began since.
    pub fn interval(&self, place: usize) -> Option<i64> {
        let (before, now) = (self.marks.get(place.checked_sub(1)?)?.time, self.marks.get(place)?.time);
        (!self.interrupted(before, now)).then_some(now - before)
    }

    /// Seconds of shutdown; of one that does not end, to `end`, or none where that is not known.
    pub fn shutdown_seconds(&self, rate: f64, end: Option<i64>) -> f64 {
        let length = |s: &RangeInclusive<i64>| match (*s.end(), end) {
            (NEVER, None) => 0,
            (NEVER, Some(end)) => (end - s.start()).max(0),
            (stop, _) => stop - s.start(),
        };
        self.shutdown.iter().map(|s| length(s) as f64 / rate).fold(0.0, |sum, s| sum + s)
    }
}

/// What became of a mark: places in the marks of the reference and the test.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// A reference mark and the test's.
    Pair(usize, usize),
    /// A reference mark alone.
    Missed(usize),
    /// A test mark alone.
    Extra(usize),
}

/// One comparison of the two marks at hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Comparison {
    /// The reference's mark at hand; past the last where there is none.
    pub reference: usize,
    /// The test's.
    pub test: usize,
    /// What became of them; `None` for a test beat in the reference's fibrillation, which is not counted.
    pub outcome: Option<Outcome>,
}

/// Pairs the marks of a record of `rate` ticks a second and, if known, `end` ticks, as the module's text says. In order of time.
pub fn pair(reference: &Track, test: &Track, rate: f64, rules: &Rules, end: Option<i64>) -> Vec<Outcome> {
    comparisons(reference, test, rate, rules, end).iter().filter_map(|s| s.outcome).collect()
}

/// The same, with both marks that were at hand.
pub fn comparisons(
    reference: &Track,
    test: &Track,
    rate: f64,
    rules: &Rules,
    end: Option<i64>,
) -> Vec<Comparison> {
    let (window, from) = (ticks(rules.window, rate).unsigned_abs(), ticks(rules.from, rate));
    let beat = |i: usize| reference.marks.get(i).map_or(NEVER, |m| m.time);
    let found = |j: usize| test.marks.get(j).map_or(NEVER, |m| m.time);
    let apart = |i: usize, j: usize| beat(i).abs_diff(found(j));
    let mut comparisons = Vec::new();
    let mut i = reference.marks.partition_point(|m| m.time < from);
    let mut j = test.marks.partition_point(|m| m.time < from);
    if from > 0 {
        let before = j.checked_sub(1).filter(|b| apart(i, *b) <= window && apart(i, *b) < apart(i, j));
        if let Some(before) = before {
            let outcome = Some(Outcome::Pair(i, before));
            comparisons.push(Comparison { reference: i, test: before, outcome });
            i += 1;
        } else if found(j).abs_diff(from) <= window && apart(i, j + 1) < apart(i, j) {
            j += 1;
        }
    }
    loop {
        let more = match end {
            Some(end) => beat(i) <= end || found(j) <= end,
            None => beat(i) != NEVER,
        };
        if !more {
            return comparisons;
        }
        let first = found(j) < beat(i);
        let (rival, elsewhere) = if first {
            (apart(i, j + 1), apart(i + 1, j + 1))
        } else {
            (apart(i + 1, j), apart(i + 1, j + 1))
        };
        let outcome = if apart(i, j) <= window && (apart(i, j) < rival || elsewhere < rival) {
            Some(Outcome::Pair(i, j))
        } else if first {
            let counts = !reference.fibrillation.iter().any(|e| e.contains(&found(j)));
            counts.then_some(Outcome::Extra(j))
        } else {
            Some(Outcome::Missed(i))
        };
        comparisons.push(Comparison { reference: i, test: j, outcome });
        match outcome {
            Some(Outcome::Pair(..)) => (i, j) = (i + 1, j + 1),
            Some(Outcome::Missed(_)) => i += 1,
            Some(Outcome::Extra(_)) | None => j += 1,
        }
    }
}

/// Which beats a detector found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Detections {
    /// Pairs of reference and detection times.
    pub matched: Vec<(i64, i64)>,
    /// Reference beats without a detection.
    pub missed: Vec<i64>,
    /// Detections without a reference beat.
    pub extra: Vec<i64>,
}

impl Detections {
    /// Found beats as a part of all beats; 1 where there are none.
    pub fn sensitivity(&self) -> f64 {
        share(self.matched.len(), self.missed.len())
    }

    /// True detections as a part of all detections; 1 where there are none.
    pub fn predictive_value(&self) -> f64 {
        share(self.matched.len(), self.extra.len())
    }
}

fn share(good: usize, bad: usize) -> f64 {
    if good + bad == 0 { 1.0 } else { good as f64 / (good + bad) as f64 }
}

/// Compares detections with a record's reference annotations, both in ticks of `rate`, from the record's start to the last of
/// either.
pub fn detections(reference: &Annotations, found: &[i64], rate: f64) -> Detections {
    let rules = Rules { from: 0.0, ..Rules::default() };
    compare(&Track::new(reference, rate, &rules), &Track::detections(found), rate, &rules)
}

/// The same of two tracks, by `rules`.
pub fn compare(reference: &Track, test: &Track, rate: f64, rules: &Rules) -> Detections {
    let mut out = Detections::default();
    for outcome in pair(reference, test, rate, rules, Some(NEVER - 1)) {
        let beat = |i: usize| reference.marks[i].class.map(|_| reference.marks[i].time);
        match outcome {
            Outcome::Pair(i, j) => match beat(i) {
                Some(time) => out.matched.push((time, test.marks[j].time)),
                None => out.extra.push(test.marks[j].time),
            },
            Outcome::Missed(i) => out.missed.extend(beat(i)),
            Outcome::Extra(j) => out.extra.push(test.marks[j].time),
        }
    }
    out
}

#[cfg(test)]
pub(crate) mod tests;
