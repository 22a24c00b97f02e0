//! `evaluate episodes`: a line a record and those of all, as `epicmp` and `sumstats` print them.

use super::Pairing;
use crate::args::EpisodesEvaluation;
use crate::error::Failure;
use crate::out;
use efficientecg::ecg::wfdb::{Annotations, Header};
use efficientecg_evaluate::Ratio;
use efficientecg_evaluate::episodes::{
    EpisodeFigures, EpisodeScore, EpisodeSummary, RecordEpisodes, compare, whole_percent,
};
use serde::Serialize;
use std::path::Path;

/// All figures; `null` is undefined.
#[derive(Serialize)]
struct Report {
    reference: String,
    test: String,
    kind: &'static str,
    /// Seconds.
    from: f64,
    to: Option<f64>,
    records: Vec<Line>,
    gross: Gross,
    average: Percentages,
}

#[derive(Serialize)]
struct Line {
    record: String,
    #[serde(flatten)]
    counts: Counts,
    overlap_seconds: f64,
    #[serde(flatten)]
    figures: Percentages,
}

/// Of all records; the gross durations as `sumstats` has them, from percentages, and as they are.
#[derive(Serialize)]
struct Gross {
    #[serde(flatten)]
    counts: Counts,
    #[serde(flatten)]
    figures: Percentages,
    exact_duration_sensitivity: Option<f64>,
    exact_duration_predictivity: Option<f64>,
}

#[derive(Serialize)]
struct Counts {
    /// Of the reference's episodes: found and missed.
    found: u64,
    missed: u64,
    /// Of the test's episodes: right and wrong.
    right: u64,
    wrong: u64,
    reference_seconds: f64,
    test_seconds: f64,
}

impl Counts {
    fn new(reference: Ratio, test: Ratio, milliseconds: [u64; 2]) -> Counts {
        let [reference_seconds, test_seconds] = milliseconds.map(|ms| ms as f64 / 1e3);
        Counts {
            found: reference.part,
            missed: reference.of - reference.part,
            right: test.part,
            wrong: test.of - test.part,
            reference_seconds,
            test_seconds,
        }
    }
}

/// From 0 to 1.
#[derive(Clone, Copy, Serialize)]
struct Percentages {
    episode_sensitivity: Option<f64>,
    episode_predictivity: Option<f64>,
    duration_sensitivity: Option<f64>,
    duration_predictivity: Option<f64>,
}

impl From<EpisodeFigures> for Percentages {
    fn from(f: EpisodeFigures) -> Percentages {
        Percentages {
            episode_sensitivity: f.episode_sensitivity,
            episode_predictivity: f.episode_predictivity,
            duration_sensitivity: f.duration_sensitivity,
            duration_predictivity: f.duration_predictivity,
        }
    }
}

pub(super) fn run(args: &EpisodesEvaluation) -> Result<(), Failure> {
    let mut pairing = Pairing::new(&args.test, args.test_folder.as_deref());
    let mut records = Vec::new();
    let mut warnings = Vec::new();
    for path in &args.records {
        let test = pairing.test_file(path)?;
        records.push(one(args, path, &test, &mut warnings)?);
    }
    warnings.iter().for_each(|w| out::complain(w));
    let scores: Vec<RecordEpisodes> = records.iter().map(|(_, r)| *r).collect();
    let sum = EpisodeSummary::new(&scores);
    let line = |(name, r): &(String, RecordEpisodes)| {
        let score = &r.score;
        let milliseconds = [r.reference_milliseconds(), r.test_milliseconds()];
        Line {
            record: name.clone(),
            counts: Counts::new(score.reference, score.test, milliseconds),
            overlap_seconds: score.overlap_ticks as f64 / r.rate,
            figures: EpisodeFigures::of(score).into(),
        }
    };
    let extent = args.extent();
    let [duration_sensitivity, duration_predictivity] = sum.gross_durations;
    let report = Report {
        reference: args.reference.clone(),
        test: args.test.clone(),
        kind: args.kind().name(),
        from: extent.from,
        to: extent.to,
        records: records.iter().map(line).collect(),
        gross: Gross {
            counts: Counts::new(sum.reference, sum.test, [sum.reference_milliseconds, sum.test_milliseconds]),
            figures: Percentages { duration_sensitivity, duration_predictivity, ..sum.sum.into() },
            exact_duration_sensitivity: sum.sum.duration_sensitivity,
            exact_duration_predictivity: sum.sum.duration_predictivity,
        },
        average: sum.average.into(),
    };
    if args.json {
        out::json(&report)?;
    } else {
        out::text(&text(&report, &records))?;
    }
    Ok(())
}

/// Reads and compares a record's episodes; what is odd but readable goes to `warnings`.
fn one(
    args: &EpisodesEvaluation,
    path: &Path,
    test: &Path,
    warnings: &mut Vec<String>,
) -> Result<(String, RecordEpisodes), Failure> {
    let header = Header::read(path)?;
    let rate = header.sample_rate;
    let mut read = |path: &Path| -> Result<Annotations, Failure> {
        let annotations = Annotations::read(path)?;
        let odd = annotations.warnings.iter().map(|w| format!("{}: warning: {w}", path.display()));
        warnings.extend(odd);
        Ok(annotations)
    };
    let reference = read(&super::beside(path, &args.reference))?;
    let tested = read(test)?;
    let samples = header.samples.map(|n| i64::try_from(n).unwrap_or(i64::MAX).min(1 << 60));
    let score = compare(&reference, &tested, args.kind(), rate, samples, &args.extent());
    Ok((header.name, RecordEpisodes { score, rate }))
}

fn text(r: &Report, records: &[(String, RecordEpisodes)]) -> String {
    let mut text = format!("({} detection)\n", r.kind);
    text += "Record  TPs   FN  TPp   FP  ESe E+P DSe D+P  Ref duration  Test duration\n";
    let columns =
        |all: [Option<String>; 4]| all.map(|p| format!(" {:>3}", p.as_deref().unwrap_or("-"))).concat();
    // `epicmp` rounds halves up, `sumstats` to even.
    let whole = |score: &EpisodeScore| {
        let (sensitivity, predictivity) = (score.duration_sensitivity(), score.duration_predictivity());
        let all = [score.reference, score.test, sensitivity, predictivity];
        columns(all.map(|r| whole_percent(r).map(|p| p.to_string())))
    };
    let percentages = |f: &Percentages| {
        let all =
            [f.episode_sensitivity, f.episode_predictivity, f.duration_sensitivity, f.duration_predictivity];
        columns(all.map(|v| v.map(|v| format!("{:.0}", 100.0 * v))))
    };
    let counts = |c: &Counts| format!(" {:4} {:4} {:4} {:4} ", c.found, c.missed, c.right, c.wrong);
    let durations = |c: &Counts, zero: &str| {
        format!(" {:>13}  {:>13}", clock(c.reference_seconds, zero), clock(c.test_seconds, zero))
    };
    for (line, (_, record)) in r.records.iter().zip(records) {
        let c = &line.counts;
        text +=
            &format!("{:>6}{}{}{}\n", line.record, counts(c), whole(&record.score), durations(c, "0.000"));
    }
    if r.records.len() > 1 {
        text += &("_".repeat(72) + "\n");
        let c = &r.gross.counts;
        text += &format!("Sum   {}{:16}{}\n", counts(c), "", durations(c, "0:00.000"));
        text += &format!("Gross {:21}{}\n", "", percentages(&r.gross.figures));
        text += &format!("Average {:19}{}\n", "", percentages(&r.average));
        text += &format!("\nSummary of results from {} records\n", r.records.len());
    }
    text
}

/// A time as `epicmp` prints it: hours and minutes where there are any, seconds with thousandths.
fn clock(seconds: f64, zero: &str) -> String {
    let ms = (seconds * 1e3).round() as u64;
    let (hours, minutes, rest) = (ms / 3_600_000, ms / 60_000 % 60, ms % 60_000);
    let rest = format!("{:02}.{:03}", rest / 1000, rest % 1000);
    match (ms, hours) {
        (0, _) => zero.to_owned(),
        (_, 0) => format!("{minutes}:{rest}"),
        _ => format!("{hours}:{minutes:02}:{rest}"),
    }
}
