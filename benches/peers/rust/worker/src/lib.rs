//! A runtime in a process of its own, which works only when it is told to: the Rust side of `efficientecg_peers/worker.py`.
//!
//! `WORKER PREFIX --batch B --threads N [--precision P] [--form F] [--cold]` answers each line on standard input with
//! one line of JSON: `check` with the logits of the batch, `time N` with the seconds of N runs. `--cold` loads, runs one
//! record and ends.

use serde_json::json;
use std::error::Error;
use std::io::{BufRead, Write};
use std::str::FromStr;
use std::time::Instant;

/// Whatever a runtime has to complain about.
pub type BoxError = Box<dyn Error + Send + Sync>;

/// What a worker is to do.
pub struct Job {
    /// Where the network's files begin: `PREFIX.npz`, `PREFIX.b1.onnx`, `PREFIX.in.bin`.
    pub prefix: String,
    /// Records of a run.
    pub batch: usize,
    /// Threads, the caller counted in.
    pub threads: usize,
    /// The precision, for a runtime that has several.
    pub precision: String,
    form: String,
    cold: bool,
}

impl Job {
    fn from_arguments() -> Result<Job, BoxError> {
        let mut job = Job {
            prefix: String::new(),
            batch: 1,
            threads: 1,
            precision: "f32".to_owned(),
            form: String::new(),
            cold: false,
        };
        let mut arguments = std::env::args().skip(1);
        let number = |text: Option<String>| -> Result<usize, BoxError> {
            Ok(usize::from_str(&text.ok_or("a number is missing")?)?.max(1))
        };
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                "--batch" => job.batch = number(arguments.next())?,
                "--threads" => job.threads = number(arguments.next())?,
                "--precision" => job.precision = arguments.next().ok_or("--precision lacks its value")?,
                "--form" => job.form = arguments.next().ok_or("--form lacks its value")?,
                "--cold" => job.cold = true,
                _ => job.prefix = argument,
            }
        }
        Ok(job)
    }
}

/// Records as they come from a caller.
#[derive(Clone)]
pub struct Records {
    /// How many.
    pub batch: usize,
    /// Leads of each.
    pub leads: usize,
    /// Samples of a lead.
    pub samples: usize,
    /// `[B, leads, samples]`.
    pub signal: Vec<f32>,
    /// `[B]`.
    pub age: Vec<f32>,
    /// `[B]`, an index.
    pub sex: Vec<i32>,
}

impl Records {
    /// Reads three `u32` (records, leads, samples), then the fields in their order, all little-endian.
    fn read(path: &str) -> Result<Records, BoxError> {
        let bytes = std::fs::read(path).map_err(|e| format!("{path}: {e}"))?;
        let mut words = bytes.as_chunks::<4>().0.iter().copied();
        let mut size = || words.next().map_or(0, |w| u32::from_le_bytes(w) as usize);
        let (batch, leads, samples) = (size(), size(), size());
        if bytes.len() as u128 != 4 * (3 + batch as u128 * (leads as u128 * samples as u128 + 2)) {
            return Err(format!(
                "{path}: {} bytes are not {batch} records of {leads} × {samples}",
                bytes.len()
            )
            .into());
        }
        let mut floats = |n: usize| words.by_ref().take(n).map(f32::from_le_bytes).collect();
        let (signal, age) = (floats(batch * leads * samples), floats(batch));
        Ok(Records { batch, leads, samples, signal, age, sex: words.map(i32::from_le_bytes).collect() })
    }

    fn slice(&self, from: usize, to: usize) -> Records {
        let size = self.leads * self.samples;
        Records {
            batch: to - from,
            leads: self.leads,
            samples: self.samples,
            signal: self.signal[from * size..to * size].to_vec(),
            age: self.age[from..to].to_vec(),
            sex: self.sex[from..to].to_vec(),
        }
    }
}

/// A network ready to run on its own inputs.
pub trait Runner: Send + Sync {
    /// Runs, giving the logits `[B, classes]`.
    fn run(&self) -> Result<Vec<f32>, BoxError>;
}

/// A runner, or why there is none.
pub type Opened = Result<Box<dyn Runner>, BoxError>;

/// A runtime.
pub struct Runtime {
    /// What people call it.
    pub name: &'static str,
    /// Its package in the lock file, which tells its version.
    pub package: &'static str,
    /// Whether a batch may be faster record by record; else it has one form.
    pub has_forms: bool,
    /// Makes a runner for these records on so many threads.
    pub open: fn(&Job, Records, usize) -> Opened,
}

type Run<'a> = Box<dyn Fn() -> Result<Vec<f32>, BoxError> + 'a>;

fn form<'a>(name: &str, runtime: &Runtime, job: &Job, records: &Records) -> Result<Run<'a>, BoxError> {
    let one = |i: usize, threads| (runtime.open)(job, records.slice(i, i + 1), threads);
    match name {
        "together" => {
            let runner = (runtime.open)(job, records.clone(), job.threads)?;
            Ok(Box::new(move || runner.run()))
        }
        "one_by_one" => {
            let runners = (0..job.batch).map(|i| one(i, job.threads)).collect::<Result<Vec<_>, _>>()?;
            Ok(Box::new(move || gather(&runners)))
        }
        "shared_out" => {
            let runners = (0..job.batch).map(|i| one(i, 1)).collect::<Result<Vec<_>, _>>()?;
            let share = job.batch.div_ceil(job.threads);
            Ok(Box::new(move || {
                std::thread::scope(|scope| {
                    let parts: Vec<_> =
                        runners.chunks(share).map(|part| scope.spawn(move || gather(part))).collect();
                    let mut out = Vec::new();
                    for part in parts {
                        out.extend(part.join().map_err(|_| "a thread panicked")??);
                    }
                    Ok(out)
                })
            }))
        }
        other => Err(format!("form {other:?}: expected together, one_by_one or shared_out").into()),
    }
}

/// The version of a package in the lock file.
fn locked(package: &str) -> Option<&'static str> {
    let mut lines = include_str!("../../Cargo.lock").lines();
    lines.find(|line| line.strip_prefix("name = ").is_some_and(|name| name.trim_matches('"') == package))?;
    lines.next()?.strip_prefix("version = ").map(|version| version.trim_matches('"'))
}

fn gather(runners: &[Box<dyn Runner>]) -> Result<Vec<f32>, BoxError> {
    let mut out = Vec::new();
    for runner in runners {
        out.extend(runner.run()?);
    }
    Ok(out)
}

fn timed(run: &Run<'_>, n: usize) -> Result<Vec<f64>, BoxError> {
    (0..n)
        .map(|_| {
            let start = Instant::now();
            run()?;
            Ok(start.elapsed().as_secs_f64())
        })
        .collect()
}

fn answer(what: serde_json::Value) -> Result<(), BoxError> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{what}")?;
    Ok(out.flush()?)
}

/// The `main` of a worker.
pub fn serve(runtime: &Runtime) -> Result<(), BoxError> {
    let job = Job::from_arguments()?;
    if job.cold {
        let records = Records::read(&format!("{}.in1.bin", job.prefix))?;
        let start = Instant::now();
        let logits = (runtime.open)(&job, records, job.threads)?.run()?;
        return answer(json!({"load_ms": 1e3 * start.elapsed().as_secs_f64(), "logits": [logits]}));
    }
    let records = Records::read(&format!("{}.in.bin", job.prefix))?;
    if job.batch > records.batch {
        return Err(format!("batch {}: the inputs hold {} records", job.batch, records.batch).into());
    }
    let records = records.slice(0, job.batch);
    let mut names = vec!["together"];
    if runtime.has_forms && job.batch > 1 {
        names.push("one_by_one");
        if job.threads > 1 {
            names.push("shared_out");
        }
    }
    if !job.form.is_empty() {
        names = vec![job.form.as_str()];
    }
    let mut best: Option<(f64, &str, Run<'_>)> = None;
    for name in &names {
        let run = form(name, runtime, &job, &records)?;
        run()?;
        let took = if names.len() > 1 { timed(&run, 3)?.into_iter().fold(f64::MAX, f64::min) } else { 0.0 };
        if best.as_ref().is_none_or(|b| took < b.0) {
            best = Some((took, name, run));
        }
    }
    let (_, name, run) = best.ok_or("no form")?;
    answer(
        json!({"name": runtime.name, "version": locked(runtime.package), "form": name, "precision": job.precision}),
    )?;
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        match line.strip_prefix("time ") {
            Some(n) => answer(json!({"seconds": timed(&run, n.trim().parse()?)?}))?,
            None => {
                let logits = run()?;
                let rows: Vec<&[f32]> = logits.chunks(logits.len() / job.batch).collect();
                answer(json!({"logits": rows}))?;
            }
        }
    }
    Ok(())
}
