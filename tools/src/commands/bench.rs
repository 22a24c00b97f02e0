//! `efficientecg bench`: how fast a network is, and where the time goes.
//!
//! Runs go through [`Model::run`], as a user's do, on signals and features that are made up. Each combination of what the
//! options list is a row; what makes the model anew (precision, level, threads) is the outer loop. What comes before the
//! network is timed apart, on a record of the user's.

mod knobs;
mod machine;
mod profile;
mod record;
mod stats;
mod text;

use crate::args::{Bench, Setup, Until};
use crate::error::Failure;
use crate::out;
use efficientecg::{Inputs, Level, Model, Peaks};
use machine::{Build, Machine};
use profile::ProfiledRun;
use serde::Serialize;
use stats::Latency;
use std::path::Path;
use std::time::{Duration, Instant};

/// The most numbers that the signals of a batch may hold: a GB.
const SIGNAL: usize = 1 << 28;
/// Untimed runs before the timed ones, at least.
const WARM_UP: usize = 2;
/// The most profiled runs of a combination.
const PROFILED: usize = 200;

#[derive(Serialize)]
struct Report {
    schema: &'static str,
    build: Build,
    machine: Machine,
    weights: String,
    network: String,
    leads: usize,
    parameters: usize,
    rows: Vec<Row>,
    /// With `--record`: its whole classification, once for each model.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    records: Vec<record::Timed>,
}

/// One combination.
#[derive(Serialize)]
struct Row {
    number: usize,
    device: String,
    batch: usize,
    samples: usize,
    /// Of the CPU, or of the one behind a GPU.
    threads: usize,
    level: &'static str,
    precision: &'static str,
    /// Of the first row of each model.
    #[serde(skip_serializing_if = "Option::is_none")]
    cold_start: Option<ColdStart>,
    warm_up: usize,
    runs: usize,
    milliseconds: Latency,
    milliseconds_a_record: f64,
    records_a_second: f64,
    multiply_adds_a_record: u64,
    /// A second, 2 for each multiply-add.
    flops: f64,
    arena_bytes: Option<u64>,
    /// Of the process so far.
    peak_bytes: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    profile: Option<profile::Report>,
}

#[derive(Serialize)]
struct ColdStart {
    phases: Vec<Phase>,
    seconds: f64,
}

#[derive(Serialize)]
struct Phase {
    name: &'static str,
    seconds: f64,
}

pub(crate) fn run(args: &Bench) -> Result<(), Failure> {
    if args.list_knobs {
        let knobs = knobs::knobs();
        if args.json {
            out::json(&knobs)?;
        } else {
            out::text(&knobs.text())?;
        }
        return Ok(());
    }
    let network = args.network()?;
    let setups = args.setups()?;
    if let Some(path) = &args.record {
        // One that cannot be read must not cost the measurements.
        args.tables.open(path)?;
    }
    if let Some(path) = &args.trace {
        // A path that cannot be written must not cost the measurements.
        out::file(path, b"[]")?;
    }
    let mut report: Option<Report> = None;
    let mut profiles: Vec<(Level, ProfiledRun)> = Vec::new();
    let mut progress = None;
    for setup in &setups {
        let model = network.load(&setup.options)?;
        let config = model.config();
        let combinations = combinations(args, config.leads.len(), config.samples)?;
        let progress = progress
            .get_or_insert_with(|| out::Progress::new("combinations", setups.len() * combinations.len()));
        let report = report.get_or_insert_with(|| Report {
            schema: "efficientecg-bench/2",
            build: machine::build(),
            machine: machine::machine(),
            weights: network.path().display().to_string(),
            network: config.name.clone(),
            leads: config.leads.len(),
            parameters: model.parameters(),
            rows: Vec::new(),
            records: Vec::new(),
        });
        for (index, (samples, batch)) in combinations.into_iter().enumerate() {
            let number = report.rows.len() + 1;
            progress.at(number - 1);
            let inputs = Inputs::synthetic(config, samples, batch);
            let mut row = measure(&model, &inputs, setup, args.until(), number, network.path())?;
            if index > 0 {
                row.cold_start = None;
            }
            if args.profile || args.trace.is_some() {
                profiles.push((setup.level, watched(&model, &inputs, args.until(), network.path())?));
            }
            report.rows.push(row);
        }
        if let Some(path) = &args.record {
            report.records.push(record::time(&model, path, &args.leads, &args.tables, args.until())?);
        }
    }
    drop(progress);
    let Some(mut report) = report else { return Ok(()) };
    if let Some(path) = &args.trace {
        let numbered = report.rows.iter().zip(&profiles);
        let events: Vec<_> = numbered
            .flat_map(|(row, (_, watched))| profile::events(&watched.last, row.number, row.batch))
            .collect();
        let text = serde_json::to_vec(&events).map_err(std::io::Error::other)?;
        out::file(path, &text)?;
    }
    if args.profile {
        // Last, as the buffers of the measurement are larger than most networks.
        let mut known: Vec<(Level, Peaks)> = Vec::new();
        for (row, (level, watched)) in report.rows.iter_mut().zip(&profiles) {
            let peaks = |threads| {
                if let Some((_, peaks)) = known.iter().find(|(l, p)| l == level && p.threads == threads) {
                    return *peaks;
                }
                let peaks = Peaks::measure(*level, threads);
                known.push((*level, peaks));
                peaks
            };
            row.profile = Some(profile::report(watched, peaks));
        }
    }
    if args.json {
        out::json(&report)?;
    } else {
        out::text(&report.text())?;
    }
    Ok(())
}

/// Samples and batch of each row of a model. Fails on signals that are larger than anyone's.
fn combinations(args: &Bench, leads: usize, configured: usize) -> Result<Vec<(usize, usize)>, Failure> {
    let mut all = Vec::new();
    for samples in args.samples(configured) {
        for batch in args.batches() {
            let numbers = samples.checked_mul(batch).and_then(|n| n.checked_mul(leads));
            if numbers.is_none_or(|n| n > SIGNAL) {
                return Err(Failure::usage(format!(
                    "--batch {batch} --samples {samples}: signals of {leads} leads may hold {SIGNAL} numbers in all; lower one of them"
                )));
            }
            all.push((samples, batch));
        }
    }
    Ok(all)
}

/// Times the runs of one combination.
fn measure(
    model: &Model,
    inputs: &Inputs,
    setup: &Setup,
    until: Until,
    number: usize,
    path: &Path,
) -> Result<Row, Failure> {
    let run = || -> Result<f64, Failure> {
        let start = Instant::now();
        let outputs = model.run(inputs).map_err(|e| Failure::run(path, e))?;
        let seconds = start.elapsed().as_secs_f64();
        drop(outputs);
        Ok(seconds)
    };
    let first = run()?;
    let mut warm_up = 1;
    let warm = Instant::now();
    let enough = match until {
        Until::Runs(_) => Duration::ZERO,
        Until::Seconds(seconds) => Duration::from_secs_f64(0.1 * seconds),
    };
    while warm_up < WARM_UP || warm.elapsed() < enough {
        run()?;
        warm_up += 1;
    }
    let mut times = Vec::new();
    let start = Instant::now();
    while times.is_empty()
        || match until {
            Until::Runs(runs) => times.len() < runs,
            Until::Seconds(seconds) => start.elapsed().as_secs_f64() < seconds,
        }
    {
        times.push(run()?);
    }
    let peak_bytes = machine::peak_bytes();

    let phases = model.phases().iter().map(|(name, seconds)| Phase { name, seconds: *seconds });
    let phases: Vec<Phase> = phases.chain([Phase { name: "first run", seconds: first }]).collect();
    let seconds = phases.iter().map(|p| p.seconds).sum();
    let arena = model.arena_bytes(inputs).map_err(|e| Failure::run(path, e))?;
    let layers = model.layers_of_inputs(inputs).map_err(|e| Failure::run(path, e))?;
    let macs: u64 = layers.iter().map(|l| l.cost.macs).sum();
    let runs = times.len();
    let milliseconds = Latency::new(times);
    let records_a_second = 1e3 * inputs.batch() as f64 / milliseconds.mean;
    Ok(Row {
        number,
        device: model.device(),
        batch: inputs.batch(),
        samples: inputs.samples(),
        threads: setup.threads,
        level: setup.level.name(),
        precision: model.precision().name(),
        cold_start: Some(ColdStart { phases, seconds }),
        warm_up,
        runs,
        milliseconds_a_record: milliseconds.mean / inputs.batch() as f64,
        milliseconds,
        records_a_second,
        multiply_adds_a_record: macs,
        flops: 2.0 * macs as f64 * records_a_second,
        arena_bytes: arena.map(|b| b as u64),
        peak_bytes,
        profile: None,
    })
}

/// Profiled runs of one combination: as many as were asked for, or a third of the time's worth.
fn watched(model: &Model, inputs: &Inputs, until: Until, path: &Path) -> Result<ProfiledRun, Failure> {
    let profile = || {
        // Right before it, a plain one: threads that slept since the last run take long to wake.
        model.run(inputs).and_then(|_| model.profile(inputs)).map_err(|e| Failure::run(path, e))
    };
    let start = Instant::now();
    let mut watched = ProfiledRun::new(profile()?);
    while watched.runs() < PROFILED
        && match until {
            Until::Runs(runs) => watched.runs() < runs,
            Until::Seconds(seconds) => start.elapsed().as_secs_f64() < seconds / 3.0,
        }
    {
        watched.add(profile()?);
    }
    Ok(watched)
}
