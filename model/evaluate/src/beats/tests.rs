//! Matrices and statistics worked by hand, at 100 ticks a second.

use super::super::pairing::{BeatClass, Mark};
use super::*;
use crate::pairing::tests::notes;

const RATE: f64 = 100.0;
const ALL: Rules = Rules { from: 0.0, window: 0.15, escape: BeatClass::S };

fn compared(reference: &[(i64, char)], test: &[(i64, char)]) -> Score {
    let track = |list| Track::new(&notes(list), RATE, &ALL);
    compare(&track(reference), &track(test), RATE, &ALL, Some(10_000))
}

/// The cells that are not 0, as `Nv 3`.
fn cells(matrix: &ConfusionMatrix) -> Vec<String> {
    let mut out = Vec::new();
    for (row, a) in matrix.0.iter().zip(ROWS) {
        for (count, b) in row.iter().zip(COLUMNS) {
            if *count > 0 {
                out.push(format!("{a}{b} {count}"));
            }
        }
    }
    out
}

#[test]
fn cells_of_a_record() {
    let reference = [
        (100, 'N'),
        (200, 'L'), // given V: Nv
        (300, 'A'), // So
        (400, 'V'),
        (500, 'e'), // an escape beat, found as S: Ss
        (600, 'F'), // in the test's shutdown: Fx
        (700, 'u'), // the reference's shutdown: 750 is Xn
        (800, '~'),
        (900, '/'), // Qq
        (1000, '['),
        (1050, 'V'),
        (1100, ']'),
        (1200, '!'), // pairs, but is no beat: On
    ];
    let test = [
        (105, 'N'),
        (200, 'V'),
        (400, 'r'),
        (450, 'V'), // Ov
        (501, 'J'),
        (590, 'u'),
        (610, '~'),
        (750, 'N'),
        (900, 'Q'),
        (1050, 'N'), // in fibrillation: not counted
        (1201, 'N'),
    ];
    let score = compared(&reference, &test);
    assert_eq!(
        cells(&score.matrix),
        ["Nn 1", "Nv 1", "Ss 1", "So 1", "Vv 1", "Fx 1", "Qq 1", "On 1", "Ov 1", "Xn 1"]
    );
    assert_eq!(score.matrix.beats(), 7);
    assert_eq!(score.shutdown_seconds, 0.2);
    let value = |s: Statistic| s.of(&score.matrix);
    assert_eq!(value(Statistic::QrsSensitivity), Ratio { part: 5, of: 7 });
    assert_eq!(value(Statistic::QrsPredictivity), Ratio { part: 5, of: 8 });
    assert_eq!(value(Statistic::VebSensitivity), Ratio { part: 1, of: 1 });
    assert_eq!(value(Statistic::VebPredictivity), Ratio { part: 1, of: 3 });
    // Neither V nor v, and not missed: Nn, Ss, Qq, On, Xn.
    assert_eq!(value(Statistic::VebFalsePositives), Ratio { part: 2, of: 7 });
    assert_eq!(value(Statistic::SvebSensitivity), Ratio { part: 1, of: 2 });
    assert_eq!(value(Statistic::SvebPredictivity), Ratio { part: 1, of: 1 });
    // Right: Nn, Ss, Vv, Qq.
    assert_eq!(score.matrix.accuracy(), Ratio { part: 4, of: 7 });
}

/// Each cell a count of its own: a cell that a formula takes or leaves wrongly changes its sum.
fn distinct() -> ConfusionMatrix {
    let mut matrix = ConfusionMatrix::default();
    for row in 0..7 {
        for column in 0..if row < 5 { 7 } else { 5 } {
            matrix.0[row][column] = 1 << (row * 6 + column);
        }
    }
    matrix
}

#[test]
fn formulas_take_their_cells() {
    let m = distinct();
    let sum = |names: &str| -> u64 {
        let cell = |name: &str| {
            let letters: Vec<char> = name.chars().collect();
            let place = |list: [char; 7], c| list.iter().position(|x| *x == c).expect("a name");
            m.0[place(ROWS, letters[0])][place(COLUMNS, letters[1])]
        };
        names.split_whitespace().map(cell).sum()
    };
    let ratio = |part: &str, others: &str| Ratio { part: sum(part), of: sum(part) + sum(others) };
    let of = |s: Statistic| s.of(&m);
    let pairs = "Nn Ns Nv Nf Nq Sn Ss Sv Sf Sq Vn Vs Vv Vf Vq Fn Fs Fv Ff Fq Qn Qs Qv Qf Qq";
    assert_eq!(of(Statistic::QrsSensitivity), ratio(pairs, "No Nx So Sx Vo Vx Fo Fx Qo Qx"));
    assert_eq!(of(Statistic::QrsPredictivity), ratio(pairs, "On Os Ov Of Oq Xn Xs Xv Xf Xq"));
    assert_eq!(of(Statistic::VebSensitivity), ratio("Vv", "Vn Vs Vf Vq Vo Vx"));
    assert_eq!(of(Statistic::VebPredictivity), ratio("Vv", "Nv Sv Ov Xv"));
    assert_eq!(
        of(Statistic::VebFalsePositives),
        ratio("Nv Sv Ov Xv", "Nn Ns Nf Nq Sn Ss Sf Sq Fn Fs Ff Fq Qn Qs Qf Qq On Os Of Oq Xn Xs Xf Xq")
    );
    assert_eq!(of(Statistic::SvebSensitivity), ratio("Ss", "Sn Sv Sf Sq So Sx"));
    assert_eq!(of(Statistic::SvebPredictivity), ratio("Ss", "Ns Vs Fs Os Xs"));
    assert_eq!(
        of(Statistic::SvebFalsePositives),
        ratio("Ns Vs Fs Os Xs", "Nn Nv Nf Nq Vn Vv Vf Vq Fn Fv Ff Fq Qn Qv Qf Qq On Ov Of Oq Xn Xv Xf Xq")
    );
    let v = m.class(V);
    assert_eq!(v.reference, sum("Vn Vs Vv Vf Vq Vo Vx"));
    assert_eq!((v.given, v.right), (sum("Nv Sv Vv Fv Qv Ov Xv"), sum("Vv")));
}

#[test]
fn gross_sums_beats_and_average_means_records() {
    let record = |right: u64, missed: u64| {
        let mut m = ConfusionMatrix::default();
        m.0[V][V] = right;
        m.0[V][ALONE] = missed;
        m
    };
    // 90 of 100, 1 of 2, and one record without V beats.
    let records = [record(90, 10), record(1, 1), ConfusionMatrix::default()];
    let mut gross = ConfusionMatrix::default();
    records.iter().for_each(|m| gross.add(m));
    assert_eq!(Statistic::VebSensitivity.of(&gross), Ratio { part: 91, of: 102 });
    let average = Statistic::VebSensitivity.average(&records).expect("defined");
    assert!((average - 0.7).abs() < 1e-12);
    assert_eq!(Statistic::SvebSensitivity.average(&records), None);
    assert_eq!(Statistic::SvebSensitivity.of(&gross).value(), None);
}

#[test]
fn every_comparison_counts_the_intervals_of_both_marks() {
    // 300 is missed: it is compared with the test's 403, then 400 is. 550 is extra: it is compared with the reference's 600, then 600 is.
    let reference = [(100, 'N'), (200, 'N'), (300, 'N'), (400, 'N'), (500, 'N'), (600, 'N')];
    let test = [(101, 'N'), (199, 'N'), (403, 'N'), (500, 'N'), (550, 'V'), (600, 'N')];
    let rr = compared(&reference, &test).rr;
    // 100-98 at 200, 100-204 at 300 and at 400, 100-97 at 500, 100-50 at 550 and at 600.
    let want: f64 = [2.0_f64, 104.0, 104.0, 3.0, 50.0, 50.0].iter().map(|d| (10.0 * d).powi(2)).sum();
    assert_eq!(rr.count, 6);
    assert!((rr.milliseconds().expect("intervals") - (want / 6.0).sqrt()).abs() < 1e-9, "{rr:?}");
    // What goes over an episode is no interval.
    let score = compared(&[(100, 'N'), (120, '['), (180, ']'), (200, 'N')], &[(100, 'N'), (200, 'N')]);
    assert_eq!((score.rr.count, score.rr.milliseconds()), (0, None));
}

#[test]
fn the_average_error_is_that_of_printed_numbers() {
    let of = |ms: f64| RrError { squares: (ms / 1e3).powi(2), count: 1 };
    let average = RrError::average(&[of(1.234), of(1.236), RrError::default()]).expect("two are defined");
    assert!((average - (1.23 + 1.24) / 2.0).abs() < 1e-9, "{average}");
    assert_eq!(RrError::average(&[RrError::default()]), None);
}

#[test]
fn confidence_is_judged_on_pairs() {
    let reference = Track::new(&notes(&[(100, 'N'), (200, 'V'), (300, 'N')]), RATE, &ALL);
    let mark = |time, class, p| Mark { time, class: Some(class), confidence: Some(p) };
    let test = Track {
        marks: vec![mark(100, BeatClass::N, 0.9), mark(200, BeatClass::N, 0.6), mark(500, BeatClass::V, 0.8)],
        ..Track::default()
    };
    let score = compare(&reference, &test, RATE, &ALL, Some(1000));
    assert_eq!(
        score.judged,
        [Judged { confidence: 0.9, right: true }, Judged { confidence: 0.6, right: false }]
    );
    let error = score.calibration().and_then(|c| c.error()).expect("cases");
    assert!((error - 0.35).abs() < 1e-12, "{error}");
    assert_eq!(compared(&[(1, 'N')], &[(1, 'N')]).calibration(), None);
}
