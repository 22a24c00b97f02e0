//! Episodes worked by hand, at 100 ticks a second.

use super::*;
use efficientecg_ecg::wfdb::Annotation;

const RATE: f64 = 100.0;
const SAMPLES: i64 = 10_000;
const ALL: Extent = Extent { from: 0.0, to: None };

/// Rhythm changes.
fn rhythms(list: &[(i64, &str)]) -> Annotations {
    let item = |(time, text): &(i64, &str)| {
        let mut item = Annotation::new(*time, Code::RHYTHM);
        item.aux = text.as_bytes().to_vec();
        item
    };
    Annotations { items: list.iter().map(item).collect(), ..Annotations::default() }
}

fn compared(reference: &[(i64, &str)], test: &[(i64, &str)], extent: &Extent) -> EpisodeScore {
    compare(&rhythms(reference), &rhythms(test), EpisodeKind::Atrial, RATE, Some(SAMPLES), extent)
}

/// Found of the reference's, right of the test's, ticks of the reference, of the test and of both.
fn counts(score: &EpisodeScore) -> ([u64; 4], [u64; 3]) {
    let (a, b) = (score.reference, score.test);
    ([a.part, a.of, b.part, b.of], [score.reference_ticks, score.test_ticks, score.overlap_ticks])
}

#[test]
fn fibrillation_ends_with_another_rhythm() {
    let of = |list: &[(i64, &str)]| spans(&rhythms(list), EpisodeKind::Atrial, RATE, SAMPLES);
    assert_eq!(of(&[(100, "(AFIB"), (300, "(N")]), [100..300]);
    // Flutter is another rhythm, and so is a text that means nothing.
    assert_eq!(of(&[(100, "(AFIB"), (300, "(AFL"), (400, "(AFIB"), (500, "x")]), [100..300, 400..500]);
    // What begins with the text is it; said again it goes on.
    assert_eq!(of(&[(100, "(AFIB"), (200, "(AFIB2"), (300, "(VT")]), [100..300]);
    assert_eq!(of(&[(100, "(AF"), (300, "(afib"), (400, " (AFIB")]), [0..0; 0]);
    // One that does not end goes to the end; one that ends where it begins is none.
    assert_eq!(of(&[(100, "(AFIB"), (100, "(N"), (9_000, "(AFIB")]), [9_000..SAMPLES]);
    // Times that go back.
    assert_eq!(of(&[(300, "(N"), (100, "(AFIB")]), [100..300]);
}

#[test]
fn beats_and_quality_are_no_rhythm() {
    let mut file = rhythms(&[(100, "(AFIB"), (500, "(N")]);
    for code in [Code::NORMAL, Code::QUALITY, Code::NOTE, Code::FLUTTER_ON] {
        let mut item = Annotation::new(200, code);
        item.aux = b"(N".to_vec();
        file.items.insert(1, item);
    }
    assert_eq!(spans(&file, EpisodeKind::Atrial, RATE, SAMPLES), [100..500]);
    // Ventricular fibrillation goes by [ and ] alone.
    file.items.push(Annotation::new(600, Code::FLUTTER_OFF));
    assert_eq!(spans(&file, EpisodeKind::Ventricular, RATE, SAMPLES), [200..600]);
}

#[test]
fn any_overlap_counts_and_durations_are_of_what_is_in_both() {
    let score = compared(
        &[(1_000, "(AFIB"), (2_000, "(N"), (3_000, "(AFIB"), (4_000, "(N"), (6_000, "(AFIB"), (6_100, "(N")],
        &[(900, "(AFIB"), (1_001, "(N"), (1_500, "(AFIB"), (3_500, "(N"), (4_000, "(AFIB"), (5_000, "(N")],
        &ALL,
    );
    // The third of the test's touches the second of the reference's, but does not overlap it.
    assert_eq!(counts(&score), ([2, 3, 2, 3], [2_100, 101 + 2_000 + 1_000, 1 + 500 + 500]));
    assert_eq!(score.duration_sensitivity(), Ratio { part: 1_001, of: 2_100 });
    assert_eq!(score.duration_predictivity(), Ratio { part: 1_001, of: 3_101 });
}

#[test]
fn what_is_not_compared_is_nothing() {
    let reference = [(100, "(AFIB"), (1_000, "(N"), (2_000, "(AFIB"), (3_000, "(N"), (9_000, "(AFIB")];
    let test = [(100, "(AFIB"), (2_500, "(N"), (8_000, "(AFIB"), (20_000, "(N")];
    // An episode that ends at the start is outside, one that reaches over it is cut.
    let from = Extent { from: 10.0, ..ALL };
    assert_eq!(counts(&compared(&reference, &test, &from)), ([2, 2, 2, 2], [2_000, 3_500, 1_500]));
    let to = Extent { to: Some(25.0), ..ALL };
    assert_eq!(counts(&compared(&reference, &test, &to)), ([2, 2, 1, 1], [1_400, 2_400, 1_400]));
    // A time that was asked for may lie past the record's end.
    let past = Extent { from: 50.0, to: Some(150.0) };
    assert_eq!(counts(&compared(&reference, &test, &past)), ([1, 1, 1, 1], [6_000, 7_000, 6_000]));
}

#[test]
fn a_record_of_unknown_length_ends_with_the_references_last_annotation() {
    let (reference, test) = (rhythms(&[(100, "(AFIB"), (400, "(AFIB")]), rhythms(&[(200, "(AFIB")]));
    let score = compare(&reference, &test, EpisodeKind::Atrial, RATE, None, &ALL);
    assert_eq!(counts(&score), ([1, 1, 1, 1], [300, 200, 200]));
    let none = rhythms(&[]);
    let score = compare(&none, &none, EpisodeKind::Atrial, RATE, None, &ALL);
    assert_eq!((counts(&score), EpisodeFigures::of(&score).duration_sensitivity), (([0; 4], [0; 3]), None));
}

#[test]
fn ticks_of_another_rate_become_the_records() {
    let mut test = rhythms(&[(250, "(AFIB"), (750, "(N")]);
    test.sample_rate = Some(250.0);
    let reference = rhythms(&[(100, "(AFIB"), (300, "(N")]);
    let score = compare(&reference, &test, EpisodeKind::Atrial, RATE, Some(SAMPLES), &ALL);
    assert_eq!(counts(&score), ([1, 1, 1, 1], [200, 200, 200]));
}

#[test]
fn percentages_of_records_round_halves_up() {
    let of = |part, of| whole_percent(Ratio { part, of });
    assert_eq!([of(5, 8), of(1, 8), of(1, 3), of(3, 3)], [Some(63), Some(13), Some(33), Some(100)]);
    assert_eq!(of(0, 0), None);
    assert_eq!(of(u64::MAX, u64::MAX), Some(100));
}

/// The overlap of a record is taken from the whole percentage of its longer side.
#[test]
fn gross_durations_come_from_printed_numbers() {
    let score = |found, of, reference_ticks, test_ticks, overlap_ticks| RecordEpisodes {
        score: EpisodeScore {
            reference: Ratio { part: found, of },
            test: Ratio { part: 1, of: 1 },
            reference_ticks,
            test_ticks,
            overlap_ticks,
        },
        rate: RATE,
    };
    // 33 % of 30 s and 66 % of 15 s in place of 20 s; nothing found of 10 s; nothing there at all.
    let records = [score(1, 3, 3_000, 1_500, 1_000), score(0, 1, 1_000, 0, 0), score(0, 0, 0, 0, 0)];
    let sum = EpisodeSummary::new(&records);
    assert_eq!((sum.reference, sum.test), (Ratio { part: 1, of: 4 }, Ratio { part: 3, of: 3 }));
    assert_eq!((sum.reference_milliseconds, sum.test_milliseconds), (40_000, 15_000));
    let near = |value: Option<f64>, want: f64| value.is_some_and(|v| (v - want).abs() < 1e-12);
    assert!(near(sum.gross_durations[0], 0.33 * 30.0 / 40.0), "{sum:?}");
    assert!(near(sum.gross_durations[1], 0.33 * 30.0 / 15.0), "{sum:?}");
    assert!(near(sum.sum.duration_sensitivity, 10.0 / 40.0), "{sum:?}");
    assert!(near(sum.sum.duration_predictivity, 10.0 / 15.0), "{sum:?}");
    assert!(near(sum.average.episode_sensitivity, (1.0 / 3.0 + 0.0) / 2.0), "{sum:?}");
    assert!(near(sum.average.duration_sensitivity, 0.33 / 2.0), "{sum:?}");
    assert!(near(sum.average.duration_predictivity, 0.67), "{sum:?}");
    assert_eq!(EpisodeSummary::new(&[]).gross_durations, [None, None]);
}
