//! Scores against what WFDB's own programs print: on made-up annotations (`tests/golden/scores/make.py` makes them), and on the files
//! of `../shared/data/wfdb-tools` where they are at hand.

use efficientecg::ecg::wfdb::{Annotation, Annotations, Code, Header};
use efficientecg_evaluate::Ratio;
use efficientecg_evaluate::beats::{self, RrError, Score, Statistic};
use efficientecg_evaluate::episodes::{
    self, EpisodeKind, EpisodeSummary, Extent, RecordEpisodes, whole_percent,
};
use efficientecg_evaluate::pairing::{Rules, Track};
use efficientecg_tests::mitbih::RECORDS;
use serde_json::Value;
use std::path::Path;

/// A record of a table: its name, two annotation files, ticks a second, ticks.
struct Scored {
    name: String,
    reference: Annotations,
    test: Annotations,
    rate: f64,
    samples: i64,
}

const STATISTICS: [Statistic; 6] = [
    Statistic::QrsSensitivity,
    Statistic::QrsPredictivity,
    Statistic::VebSensitivity,
    Statistic::VebPredictivity,
    Statistic::SvebSensitivity,
    Statistic::SvebPredictivity,
];

/// The line of a table that begins with a word.
fn line<'a>(table: &'a [String], first: &str) -> Vec<&'a str> {
    let found = table.iter().map(|l| l.split_whitespace().collect::<Vec<_>>());
    found.into_iter().find(|l| l.first() == Some(&first)).unwrap_or_else(|| panic!("no line {first}"))
}

fn two_decimals(value: Option<f64>, scale: f64) -> String {
    value.map_or("-".to_owned(), |v| format!("{:.2}", scale * v))
}

fn statistics(score: &Score) -> Vec<String> {
    STATISTICS.iter().map(|s| two_decimals(s.of(&score.matrix).value(), 100.0)).collect()
}

/// Compares figures of beats with a table of `bxb -L` and `sumstats`.
fn compare_beats(records: &[Scored], from: f64, table: &[String]) {
    let rules = Rules { from, ..Rules::default() };
    let (mut gross, mut matrices, mut errors) = (Score::default(), Vec::new(), Vec::new());
    for record in records {
        let track = |a: &Annotations| Track::new(a, record.rate, &rules);
        let (reference, test) = (track(&record.reference), track(&record.test));
        let score = beats::compare(&reference, &test, record.rate, &rules, Some(record.samples));
        let mut ours = statistics(&score);
        ours.push(two_decimals(score.rr.milliseconds(), 1.0));
        let theirs = line(table, &record.name);
        assert_eq!(theirs[20..], ours, "{}", record.name);
        // Ns Ss Vs, Nv Sv Vv.
        let m = &score.matrix.0;
        let counts = [m[0][1], m[1][1], m[2][1], m[0][2], m[1][2], m[2][2]].map(|n| n.to_string());
        assert_eq!([6, 7, 8, 11, 12, 13].map(|i| theirs[i]), counts, "{}", record.name);
        gross.add(&score);
        matrices.push(score.matrix);
        errors.push(score.rr);
    }
    if table.iter().all(|l| !l.starts_with("Gross")) {
        return;
    }
    let of_sums: Vec<String> =
        STATISTICS.iter().map(|s| two_decimals(s.gross(&gross.matrix).value(), 100.0)).collect();
    assert_eq!(line(table, "Gross")[1..], of_sums);
    let mut average: Vec<String> =
        STATISTICS.iter().map(|s| two_decimals(s.average(&matrices), 100.0)).collect();
    average.push(two_decimals(RrError::average(&errors), 1.0));
    assert_eq!(line(table, "Average")[1..], average);
}

/// `sumstats` has `0:` before a sum of nothing, `epicmp` has not.
fn clock(ms: u64, zero: &str) -> String {
    let (hours, minutes, rest) = (ms / 3_600_000, ms / 60_000 % 60, ms % 60_000);
    let rest = format!("{:02}.{:03}", rest / 1000, rest % 1000);
    match (ms, hours) {
        (0, _) => zero.to_owned(),
        (_, 0) => format!("{minutes}:{rest}"),
        _ => format!("{hours}:{minutes:02}:{rest}"),
    }
}

fn counts(reference: Ratio, test: Ratio) -> Vec<String> {
    let missed = |r: Ratio| r.of - r.part;
    [reference.part, missed(reference), test.part, missed(test)].iter().map(u64::to_string).collect()
}

/// Compares episodes with a table of `epicmp -L` and, where it has their lines, `sumstats`.
fn compare_episodes(records: &[Scored], kind: EpisodeKind, from: f64, table: &[String]) {
    let extent = Extent { from, ..Extent::default() };
    let mut all = Vec::new();
    for r in records {
        let score = episodes::compare(&r.reference, &r.test, kind, r.rate, Some(r.samples), &extent);
        let scored = RecordEpisodes { score, rate: r.rate };
        let mut ours = counts(score.reference, score.test);
        let ratios =
            [score.reference, score.test, score.duration_sensitivity(), score.duration_predictivity()];
        ours.extend(ratios.map(|r| whole_percent(r).map_or("-".to_owned(), |p| p.to_string())));
        ours.push(clock(scored.reference_milliseconds(), "0.000"));
        ours.push(clock(scored.test_milliseconds(), "0.000"));
        assert_eq!(line(table, &r.name)[1..], ours, "{} of {}", kind.name(), r.name);
        all.push(scored);
    }
    if table.iter().all(|l| !l.starts_with("Gross")) {
        return;
    }
    let sum = EpisodeSummary::new(&all);
    let mut ours = counts(sum.reference, sum.test);
    ours.push(clock(sum.reference_milliseconds, "0:00.000"));
    ours.push(clock(sum.test_milliseconds, "0:00.000"));
    assert_eq!(line(table, "Sum")[1..], ours, "{}", kind.name());
    let whole = |v: Option<f64>| v.map_or("-".to_owned(), |v| format!("{:.0}", 100.0 * v));
    let [sensitivity, predictivity] = sum.gross_durations;
    let gross = [sum.reference.value(), sum.test.value(), sensitivity, predictivity].map(whole);
    assert_eq!(line(table, "Gross")[1..], gross, "{}", kind.name());
    let a = sum.average;
    let average =
        [a.episode_sensitivity, a.episode_predictivity, a.duration_sensitivity, a.duration_predictivity];
    assert_eq!(line(table, "Average")[1..], average.map(whole), "{}", kind.name());
}

fn lines(value: &Value) -> Vec<String> {
    let lines = value.as_array().expect("lines");
    lines.iter().map(|l| l.as_str().expect("a line").to_owned()).collect()
}

fn annotations(list: &Value) -> Annotations {
    let item = |a: &Value| {
        let code = a[1].as_str().and_then(|s| Code::from_symbol(s.chars().next()?)).expect("a symbol");
        let mut item = Annotation::new(a[0].as_i64().expect("a time"), code);
        item.subtype = i8::try_from(a[2].as_i64().expect("a subtype")).expect("a small one");
        item.aux = a[3].as_str().unwrap_or_default().as_bytes().to_vec();
        item
    };
    let items = list.as_array().expect("annotations").iter().map(item).collect();
    Annotations { items, ..Annotations::default() }
}

#[test]
fn made_up_annotations_score_as_wfdbs_programs_say() {
    let golden: Value =
        serde_json::from_str(include_str!("../golden/scores/golden.json")).expect("golden.json");
    let records: Vec<Scored> = golden["records"]
        .as_array()
        .expect("records")
        .iter()
        .enumerate()
        .map(|(i, r)| Scored {
            name: (100 + i).to_string(),
            reference: annotations(&r["reference"]),
            test: annotations(&r["test"]),
            rate: golden["rate"].as_f64().expect("a rate"),
            samples: golden["samples"].as_i64().expect("samples"),
        })
        .collect();
    assert_eq!(records.len(), 5);
    for from in [0, 300] {
        let table = |what: &str| lines(&golden[format!("{what}_from_{from}")]);
        compare_beats(&records, f64::from(from), &table("bxb"));
        compare_episodes(&records, EpisodeKind::Atrial, f64::from(from), &table("af"));
        compare_episodes(&records, EpisodeKind::Ventricular, f64::from(from), &table("vf"));
    }
}

#[test]
fn mit_bih_scores_as_wfdbs_programs_say() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data/wfdb-tools");
    if !folder.is_dir() {
        efficientecg_skipped::skipped(&format!("{} is not there", folder.display()));
        return;
    }
    let Some(mitbih) = RECORDS.folder() else { return };
    let table = |name: &str| -> Vec<String> {
        let text = std::fs::read_to_string(folder.join(name)).expect(name);
        text.lines().map(str::to_owned).collect()
    };
    let records = |annotator: &str| -> Vec<Scored> {
        let names = efficientecg_tests::mitbih::records(mitbih);
        let files = names.into_iter().map(|n| {
            let test = folder.join("annotations").join(format!("{n}.{annotator}"));
            (n, test)
        });
        files
            .filter(|(_, test)| test.is_file())
            .map(|(name, test)| {
                let read = |path: &Path| Annotations::read(path).unwrap_or_else(|e| panic!("{e}"));
                let header = Header::read(&mitbih.join(&name)).expect("a header");
                Scored {
                    reference: read(&mitbih.join(format!("{name}.atr"))),
                    test: read(&test),
                    rate: header.sample_rate,
                    samples: i64::try_from(header.samples.expect("a length")).expect("a small one"),
                    name,
                }
            })
            .collect()
    };
    for annotator in ["qrs", "aami"] {
        let records = records(annotator);
        assert_eq!(records.len(), 48);
        compare_beats(&records, 300.0, &table(&format!("sumstats-{annotator}.txt")));
        compare_beats(&records, 0.0, &table(&format!("sumstats-{annotator}-from-0.txt")));
    }
    let records = records("tst");
    assert_eq!(records.len(), 8);
    compare_episodes(&records, EpisodeKind::Atrial, 300.0, &table("sumstats-af.txt"));
    compare_episodes(&records, EpisodeKind::Atrial, 0.0, &table("epicmp-af-from-0.txt"));
}
