//! Cases worked by hand, at 100 ticks a second: the window is 15 ticks, the learning period ends at 30,000.

use super::*;

const RATE: f64 = 100.0;
const ALL: Rules = Rules { from: 0.0, window: 0.15, escape: BeatClass::S };

/// Annotations of (time, symbol); `u` stands for a `~` that begins a shutdown.
pub(crate) fn notes(list: &[(i64, char)]) -> Annotations {
    let item = |(time, symbol): &(i64, char)| {
        let code = Code::from_symbol(if *symbol == 'u' { '~' } else { *symbol }).expect("a symbol");
        Annotation { subtype: if *symbol == 'u' { -1 } else { 0 }, ..Annotation::new(*time, code) }
    };
    Annotations { items: list.iter().map(item).collect(), ..Annotations::default() }
}

fn track(list: &[(i64, char)]) -> Track {
    Track::new(&notes(list), RATE, &ALL)
}

/// Pairs, missed and extra times.
type Times = (Vec<(i64, i64)>, Vec<i64>, Vec<i64>);

fn times(reference: &Track, test: &Track, outcomes: &[Outcome]) -> Times {
    let mut out = Times::default();
    for outcome in outcomes {
        match outcome {
            Outcome::Pair(i, j) => out.0.push((reference.marks[*i].time, test.marks[*j].time)),
            Outcome::Missed(i) => out.1.push(reference.marks[*i].time),
            Outcome::Extra(j) => out.2.push(test.marks[*j].time),
        }
    }
    out
}

fn paired(reference: &[i64], test: &[i64], rules: &Rules) -> Times {
    let (a, b) = (Track::detections(reference), Track::detections(test));
    times(&a, &b, &pair(&a, &b, RATE, rules, Some(1_000_000)))
}

#[test]
fn the_window_has_its_edges() {
    for off in [-15, 15] {
        assert_eq!(paired(&[1000], &[1000 + off], &ALL).0, [(1000, 1000 + off)]);
    }
    for off in [-16, 16] {
        assert_eq!(paired(&[1000], &[1000 + off], &ALL), (vec![], vec![1000], vec![1000 + off]));
    }
    // 150 ms are 54 ticks of 360 Hz, and 37.5 of 250 Hz: halves go up.
    assert_eq!([360.0, 250.0, 500.0].map(|rate| ticks(0.15, rate)), [54, 38, 75]);
}

#[test]
fn the_nearer_wins_and_of_equals_the_later() {
    // Two test beats at one of the reference.
    assert_eq!(paired(&[100], &[92, 107], &ALL), (vec![(100, 107)], vec![], vec![92]));
    assert_eq!(paired(&[100], &[93, 108], &ALL), (vec![(100, 93)], vec![], vec![108]));
    assert_eq!(paired(&[100], &[95, 105], &ALL), (vec![(100, 105)], vec![], vec![95]));
    // Both before, both after.
    assert_eq!(paired(&[100], &[90, 95], &ALL).0, [(100, 95)]);
    assert_eq!(paired(&[100], &[103, 110], &ALL).0, [(100, 103)]);
    // One test beat between two of the reference.
    assert_eq!(paired(&[100, 120], &[109], &ALL), (vec![(100, 109)], vec![120], vec![]));
    assert_eq!(paired(&[100, 120], &[110], &ALL), (vec![(120, 110)], vec![100], vec![]));
    // At the same time.
    assert_eq!(paired(&[100, 200], &[100, 200], &ALL).0.len(), 2);
    assert_eq!(paired(&[100], &[100, 100], &ALL), (vec![(100, 100)], vec![], vec![100]));
}

#[test]
fn a_beat_yields_only_to_one_without_a_better_partner() {
    // 106 is nearer to 110 than to 100, but 110 has 111: both pair.
    assert_eq!(paired(&[100, 110], &[106, 111], &ALL).0, [(100, 106), (110, 111)]);
    // The same with the sides changed.
    assert_eq!(paired(&[106, 111], &[100, 110], &ALL).0, [(106, 100), (111, 110)]);
    // 108 is nearer to 112 than 120 is: 100 is missed and 120 extra, though two pairs would fit the window.
    assert_eq!(paired(&[100, 112], &[108, 120], &ALL), (vec![(112, 108)], vec![100], vec![120]));
}

/// Every mark is in one outcome, in order of time, and pairs are within the window, whatever the beats.
#[test]
fn outcomes_are_all_marks_once() {
    let mut random = efficientecg_ecg::random::SplitMix64(5);
    for _ in 0..300 {
        let mut some = |n: u32| -> Vec<i64> {
            let mut times: Vec<i64> = (0..random.below(n)).map(|_| i64::from(random.below(400))).collect();
            times.sort_unstable();
            times
        };
        let (beats, found) = (some(40), some(40));
        let (pairs, missed, extra) = paired(&beats, &found, &ALL);
        assert!(pairs.iter().all(|(a, b)| a.abs_diff(*b) <= 15), "{pairs:?}");
        assert!(pairs.is_sorted_by(|a, b| a.0 <= b.0 && a.1 <= b.1), "{pairs:?}");
        let whole = |paired: Vec<i64>, alone: Vec<i64>| {
            let mut all = [paired, alone].concat();
            all.sort_unstable();
            all
        };
        assert_eq!(whole(pairs.iter().map(|p| p.0).collect(), missed), beats);
        assert_eq!(whole(pairs.iter().map(|p| p.1).collect(), extra), found);
    }
}

#[test]
fn the_learning_period_ends_at_its_last_tick() {
    let rules = Rules::default();
    // 29,999 is within, 30,000 is not.
    let beats = [29_000, 29_999, 30_000, 30_100];
    assert_eq!(paired(&beats, &[], &rules).1, [30_000, 30_100]);
    assert_eq!(
        paired(&beats, &[29_000, 29_998, 30_001, 30_100], &rules).0,
        [(30_000, 30_001), (30_100, 30_100)]
    );
    assert_eq!(paired(&[29_000], &[29_000, 29_500], &rules), Times::default());
    // The last test beat of the period pairs with the first scored beat, but not at a tie, nor beyond the window.
    assert_eq!(paired(&[30_000], &[29_990], &rules).0, [(30_000, 29_990)]);
    assert_eq!(paired(&[30_000], &[29_995, 30_005], &rules), (vec![(30_000, 30_005)], vec![], vec![]));
    assert_eq!(paired(&[30_000], &[29_984], &rules), (vec![], vec![30_000], vec![]));
    // The first test beat after it is dropped if the next one fits better: it may be of the beat at 29,990.
    assert_eq!(
        paired(&[29_990, 30_050], &[30_003, 30_051], &rules),
        (vec![(30_050, 30_051)], vec![], vec![])
    );
    assert_eq!(paired(&[30_050], &[30_016, 30_051], &rules).2, [30_016], "beyond the window");
    assert_eq!(paired(&[30_050], &[30_003], &rules), (vec![], vec![30_050], vec![30_003]), "no next one");
    // From 0 on everything counts.
    assert_eq!(paired(&[50], &[3, 51], &ALL), (vec![(50, 51)], vec![], vec![3]));
}

#[test]
fn fibrillation_is_not_scored() {
    let reference = track(&[
        (50, 'N'),
        (100, '['),
        (120, '!'),
        (150, 'V'),
        (200, ']'),
        (210, 'N'),
        (400, 'N'),
        (500, 'N'),
    ]);
    assert_eq!(reference.fibrillation, [100..=200]);
    // Both ends belong to it. 199 pairs with a beat outside; 201 is extra.
    let test = Track::detections(&[50, 100, 150, 201, 400, 500]);
    let out = times(&reference, &test, &pair(&reference, &test, RATE, &ALL, Some(1000)));
    assert_eq!(out, (vec![(50, 50), (210, 201), (400, 400), (500, 500)], vec![], vec![]));
    let test = Track::detections(&[50, 99, 100, 199, 200, 230, 400, 500]);
    let out = times(&reference, &test, &pair(&reference, &test, RATE, &ALL, Some(1000)));
    assert_eq!(out, (vec![(50, 50), (210, 200), (400, 400), (500, 500)], vec![], vec![99, 230]));
    // The test's own episodes hide its beats, and the reference's are missed.
    let test = track(&[(50, 'N'), (380, '['), (400, 'N'), (450, ']'), (500, 'N')]);
    let out = times(&reference, &test, &pair(&reference, &test, RATE, &ALL, Some(1000)));
    assert_eq!(out, (vec![(50, 50), (500, 500)], vec![210, 400], vec![]));
    // One that does not end reaches to the end.
    let reference = track(&[(50, 'N'), (100, '['), (150, 'N'), (400, 'N')]);
    let test = Track::detections(&[50, 99, 150, 900]);
    let out = times(&reference, &test, &pair(&reference, &test, RATE, &ALL, Some(1000)));
    assert_eq!(out, (vec![(50, 50)], vec![], vec![99]));
}

#[test]
fn shutdown_from_mark_to_mark_or_around_one() {
    let shutdown = |list| track(list).shutdown;
    assert_eq!(shutdown(&[(10, 'N'), (100, 'u'), (300, '~'), (310, 'N')]), [100..=300]);
    // AHA: a window after the beat before to a window before the next annotation, whatever it is.
    assert_eq!(shutdown(&[(10, 'N'), (100, 'u'), (300, 'N')]), [25..=285]);
    assert_eq!(shutdown(&[(10, 'N'), (20, '['), (50, ']'), (100, 'u'), (300, '+')]), [65..=285]);
    assert_eq!(shutdown(&[(90, 'N'), (100, 'u'), (110, 'N')]), [95..=95]);
    // No end: to the end of the record, where that is known.
    let open = track(&[(10, 'N'), (100, 'u')]);
    assert!(open.is_shut_down(100) && open.is_shut_down(1_000_000) && !open.is_shut_down(99));
    assert_eq!((open.shutdown_seconds(RATE, Some(400)), open.shutdown_seconds(RATE, None)), (3.0, 0.0));
    // One bit of the two is noise, not shutdown.
    let mut noise = notes(&[(100, 'u'), (300, '~')]);
    for bit in [0x10, 0x20] {
        noise.items[0].subtype = bit;
        assert_eq!(Track::new(&noise, RATE, &ALL).shutdown, []);
    }
    noise.items[0].subtype = 0x31;
    assert_eq!(Track::new(&noise, RATE, &ALL).shutdown_seconds(RATE, None), 2.0);
}

#[test]
fn the_end_of_the_record_ends_it() {
    let (a, b) = (Track::detections(&[100, 995, 1020]), Track::detections(&[100, 1005, 1030, 1200]));
    // The record ends at 1,000: its last beat pairs with 1,005; what is left on both sides is beyond.
    let out = times(&a, &b, &pair(&a, &b, RATE, &ALL, Some(1000)));
    assert_eq!(out, (vec![(100, 100), (995, 1005)], vec![], vec![]));
    // Its length unknown, it ends with the reference.
    let out = times(&a, &b, &pair(&a, &b, RATE, &ALL, None));
    assert_eq!(out, (vec![(100, 100), (995, 1005), (1020, 1030)], vec![], vec![]));
}

#[test]
fn codes_are_classes() {
    let class = |symbols: &str, escape| -> String {
        let of = |c| Code::from_symbol(c).and_then(|code| BeatClass::of(code, escape));
        symbols.chars().map(|c| of(c).map_or('-', BeatClass::letter)).collect()
    };
    assert_eq!(class("NLRBAaJSejnVErFQ/f?!~+[|x", BeatClass::S), "NNNNSSSSSSSVVVFQQQQ------");
    assert_eq!(class("ejn", BeatClass::N), "NNN");
    // Every beat has a class.
    for code in (0..=58).filter_map(Code::new) {
        assert_eq!(BeatClass::of(code, BeatClass::S).is_some(), code.is_beat());
    }
}

#[test]
fn other_ticks_become_the_records() {
    let mut other = notes(&[(250, 'N'), (375, 'V')]);
    other.sample_rate = Some(250.0);
    let times: Vec<i64> = Track::new(&other, 360.0, &ALL).marks.iter().map(|m| m.time).collect();
    assert_eq!(times, [360, 540]);
    // Whatever times a file has, sums of them do not overflow; what is before the record's start is not scored.
    let mut far = notes(&[(i64::MAX, 'N'), (i64::MIN, 'u'), (i64::MIN, 'V')]);
    far.sample_rate = Some(1e-300);
    let far = Track::new(&far, 1e300, &ALL);
    assert_eq!(pair(&far, &far, 1e300, &ALL, None).len(), 1);
}

#[test]
fn detections_against_annotations() {
    let reference =
        notes(&[(10, 'N'), (100, '['), (150, '!'), (160, 'V'), (200, ']'), (300, 'N'), (310, '+')]);
    let found = detections(&reference, &[11, 120, 155, 180, 301, 330], RATE);
    assert_eq!(found.matched, [(10, 11), (300, 301)]);
    assert_eq!((found.missed.as_slice(), found.extra.as_slice()), (&[][..], &[330][..]));
    assert_eq!((found.sensitivity(), found.predictive_value()), (1.0, 2.0 / 3.0));
    // A flutter wave outside of episodes is no beat.
    let found = detections(&notes(&[(10, '!'), (100, '!')]), &[11], RATE);
    assert_eq!((found.missed.len(), found.extra.as_slice()), (0, &[11][..]));
    assert_eq!(detections(&notes(&[]), &[], RATE).sensitivity(), 1.0);
}
