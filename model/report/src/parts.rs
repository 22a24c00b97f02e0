//! Which parts of a long record a report shows: its beginning, and those that tell the most.
//!
//! What a beat tells is the surprise of its class, `ln(beats / beats of the class)`, halved for each beat of the class that is shown already: so
//! rare classes come first, runs of them before single ones, and no class fills the pages alone. The onset of an episode tells as much as
//! [`ONSET`] beats that come once in a hundred. Of equals the earlier part is shown. Where nothing is left to tell, parts are spread evenly.

use crate::layout::SECONDS;

/// What the onset of an episode is worth: more than a few rare beats.
const ONSET: f64 = 20.0;
/// Candidates begin so many seconds apart, of records of more than eleven days farther.
const STEP: f64 = 5.0;
/// So many candidates at most, whatever a record says of its length.
const CANDIDATES: f64 = 200_000.0;
/// Less than this surprise is none: of classes that most beats have.
const LEAST: f64 = 0.7;

/// Something at a time, of a kind; all kinds are counted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Event {
    pub(crate) seconds: f64,
    /// A class by its place, or that an episode begins.
    pub(crate) kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Kind {
    Beat(usize),
    Onset,
}

/// Where the parts of ten seconds begin, in order: at most `most` of those between `from` and `to`. Events are in order of time.
pub(crate) fn choose(events: &[Event], classes: usize, from: f64, to: f64, most: usize) -> Vec<f64> {
    let tiles = ((to - from) / SECONDS - 1e-6).ceil().max(1.0);
    if tiles <= most as f64 {
        return (0..tiles as usize).map(|i| from + i as f64 * SECONDS).collect();
    }
    let within = |start: f64| {
        let first = events.partition_point(|e| e.seconds < start);
        let last = events.partition_point(|e| e.seconds < start + SECONDS);
        first..last
    };
    let mut counts = vec![0_usize; classes];
    for event in events {
        if let Kind::Beat(class) = event.kind {
            counts[class] += 1;
        }
    }
    let all: usize = counts.iter().sum();
    let surprise =
        |count: &usize| Some((all as f64 / *count as f64).ln()).filter(|s| *count > 0 && *s > LEAST);
    let mut worth: Vec<f64> = counts.iter().map(|count| surprise(count).unwrap_or(0.0)).collect();
    let mut onset = ONSET;
    let step = STEP.max((to - from) / CANDIDATES);
    let candidates: Vec<f64> = {
        let count = ((to - from - SECONDS) / step).floor().clamp(0.0, CANDIDATES) as usize;
        // An onset is shown in the middle.
        let onsets = events.iter().filter(|e| e.kind == Kind::Onset).map(|e| e.seconds - SECONDS / 2.0);
        let onsets = onsets.filter(|start| *start >= from && *start <= to - SECONDS);
        onsets.chain((0..=count).map(|i| from + i as f64 * step)).collect()
    };
    // What is shown once tells less.
    let show = |start: f64, worth: &mut [f64], onset: &mut f64| {
        for event in &events[within(start)] {
            match event.kind {
                Kind::Beat(class) => worth[class] /= 2.0,
                Kind::Onset => *onset /= 2.0,
            }
        }
    };
    let mut shown = vec![from];
    show(from, &mut worth, &mut onset);
    while shown.len() < most {
        let is_free = |start: &&f64| shown.iter().all(|other| (*start - other).abs() >= SECONDS - 1e-6);
        let told = |start: f64| -> f64 {
            let worth = |event: &Event| match event.kind {
                Kind::Beat(class) => worth[class],
                Kind::Onset => onset,
            };
            events[within(start)].iter().map(worth).sum()
        };
        let mut best: Option<(f64, f64)> = None;
        for start in candidates.iter().filter(is_free) {
            let told = told(*start);
            if told > 1e-6 && best.is_none_or(|(most, _)| told > most) {
                best = Some((told, *start));
            }
        }
        let Some((_, start)) = best else { break };
        show(start, &mut worth, &mut onset);
        shown.push(start);
    }
    // What is left, evenly.
    let left = most - shown.len();
    for i in 1..=left {
        let start = from + (i as f64 / left as f64 * (to - from - SECONDS) / STEP).floor() * STEP;
        if shown.iter().all(|other| (start - other).abs() >= SECONDS - 1e-6) {
            shown.push(start);
        }
    }
    shown.sort_by(f64::total_cmp);
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    fn beats(classes: impl Fn(usize) -> usize) -> Vec<Event> {
        (0..1000).map(|i| Event { seconds: 0.5 + i as f64, kind: Kind::Beat(classes(i)) }).collect()
    }

    #[test]
    fn all_of_a_short_record() {
        assert_eq!(choose(&[], 5, 0.0, 30.0, 4), [0.0, 10.0, 20.0]);
        assert_eq!(choose(&[], 5, 3.0, 24.0, 4), [3.0, 13.0, 23.0]);
        assert_eq!(choose(&[], 5, 0.0, 0.0, 4), [0.0]);
    }

    #[test]
    fn rare_beats_and_runs_come_first() {
        // Three beats in a row of class 1, many single ones of class 2, one of class 3.
        let class = |i: usize| match i {
            500..503 => 1,
            777 => 3,
            i if i % 50 == 25 => 2,
            _ => 0,
        };
        let parts = choose(&beats(class), 4, 0.0, 1000.0, 4);
        assert!(parts[0] == 0.0 && parts.len() == 4, "{parts:?}");
        for seconds in [500.5, 502.5, 777.5] {
            assert!(parts.iter().any(|p| (*p..p + SECONDS).contains(&seconds)), "{seconds} {parts:?}");
        }
        assert!(parts.windows(2).all(|w| w[1] - w[0] >= SECONDS));
    }

    #[test]
    fn without_events_parts_are_spread() {
        let parts = choose(&beats(|_| 0), 4, 100.0, 1100.0, 5);
        assert_eq!(parts, [100.0, 345.0, 595.0, 840.0, 1090.0]);
    }

    #[test]
    fn onsets_stand_in_the_middle() {
        let events = [Event { seconds: 432.1, kind: Kind::Onset }];
        let parts = choose(&events, 4, 0.0, 1000.0, 3);
        assert!(parts.iter().any(|p| (p - 427.1).abs() < 1e-9), "{parts:?}");
    }
}
