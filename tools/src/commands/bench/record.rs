//! From a record's files to its classes, by the clock: what comes before the network, and the network.

use super::stats::Latency;
use super::text::{maybe, number, percent, wrapped};
use crate::args::{Tables, Until};
use crate::error::Failure;
use efficientecg::Model;
use efficientecg::classify::Settings;
use serde::Serialize;
use std::path::Path;
use std::time::Instant;

/// The classification of a record.
#[derive(Serialize)]
pub(super) struct Timed {
    device: String,
    record: String,
    /// The record's duration.
    seconds: f64,
    leads: usize,
    /// `beat` or `record`.
    unit: &'static str,
    /// Classified beats, or 1.
    findings: usize,
    runs: usize,
    /// In the order of the work; the last is all together.
    stages: Vec<Stage>,
}

#[derive(Serialize)]
struct Stage {
    name: &'static str,
    milliseconds: Latency,
    /// Of the mean of all.
    share: f64,
}

/// What the stages are called.
const NAMES: [&str; 9] = [
    "read",
    "quality",
    "find beats",
    "resample",
    "normalize",
    "windows and features",
    "network",
    "the rest",
    "all",
];

/// Times the classification of a record, its files in the system's cache.
pub(super) fn time(
    model: &Model,
    path: &Path,
    leads: &[(String, String)],
    tables: &Tables,
    until: Until,
) -> Result<Timed, Failure> {
    let mut settings = Settings::default();
    settings.leads = leads.to_vec();
    let run = || -> Result<_, Failure> {
        let start = Instant::now();
        let record = tables.open(path)?;
        let read = start.elapsed().as_secs_f64();
        let found = model.classify_with(&record, &settings).map_err(|e| Failure::classify(path, e))?;
        let all = start.elapsed().as_secs_f64();
        let s = found.spent;
        let parts = [read, s.quality, s.peaks, s.resample, s.normalize, s.windows, s.network];
        let rest = (all - parts.iter().sum::<f64>()).max(0.0);
        let [read, quality, peaks, resample, normalize, windows, network] = parts;
        Ok((record, found, [read, quality, peaks, resample, normalize, windows, network, rest, all]))
    };
    // Untimed: it plans the network's runs.
    let (record, found, _) = run()?;
    let mut times: [Vec<f64>; NAMES.len()] = Default::default();
    let start = Instant::now();
    while match until {
        Until::Runs(runs) => times[0].len() < runs,
        Until::Seconds(seconds) => times[0].is_empty() || start.elapsed().as_secs_f64() < seconds,
    } {
        let (_, _, spent) = run()?;
        times.iter_mut().zip(spent).for_each(|(times, s)| times.push(s));
    }
    let runs = times[0].len();
    let all: f64 = times[NAMES.len() - 1].iter().sum();
    let stages = NAMES.into_iter().zip(times).map(|(name, times)| {
        let share = times.iter().sum::<f64>() / all;
        Stage { name, milliseconds: Latency::new(times), share }
    });
    Ok(Timed {
        device: model.device(),
        record: path.display().to_string(),
        seconds: record.seconds(),
        leads: record.leads.len(),
        unit: found.unit.name(),
        findings: found.items.len(),
        runs,
        stages: stages.collect(),
    })
}

impl Timed {
    pub(super) fn text(&self) -> String {
        let what =
            if self.unit == "beat" { format!("{} beats", self.findings) } else { "as a whole".to_owned() };
        let mut text = format!(
            "\n{}",
            wrapped(
                &format!(
                    "Record {}: {} s of {} leads, classified {what}, {} times, on {}",
                    self.record,
                    number(self.seconds),
                    self.leads,
                    self.runs,
                    self.device
                ),
                "",
            )
        );
        text += &format!(
            "{:24}{:>11}{:>11}{:>11}{:>11}{:>10}  ms\n",
            "stage", "minimum", "mean", "P50", "P90", "share"
        );
        for stage in &self.stages {
            let t = &stage.milliseconds;
            let times = [Some(t.minimum), Some(t.mean), t.p50, t.p90].map(maybe);
            let [minimum, mean, p50, p90] = times;
            let share = percent(Some(stage.share));
            text += &format!("{:24}{minimum:>11}{mean:>11}{p50:>11}{p90:>11}{share:>10}\n", stage.name);
        }
        text
    }
}
