//! Runs a network of packed weights on samples from standard input: a program to copy to a small machine.
//!
//! Samples are 32-bit little-endian floats. Without `--live` they are one record, `[leads, samples]`, normalised as the network asks for, and
//! each class is a line with its logit and probability. With it (feature `live`) they are mV, one of each lead in turn, and each beat is a line
//! as soon as it is known. For research only: not a medical device.

#[cfg(all(target_os = "linux", any(target_env = "musl", test)))]
mod memory;

use efficientecg::{Model, Session};
use std::error::Error;
use std::io::{Read, Write, stdin, stdout};
use std::process::ExitCode;
use std::sync::Arc;

const USAGE: &str = "usage: efficientecg-edge WEIGHTS.ecgw [--threads N] [--live RATE LEAD...] < samples.f32";

#[cfg(all(target_os = "linux", target_env = "musl"))]
#[global_allocator]
static ALLOCATOR: memory::Keeping = memory::Keeping::new();

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(2)
        }
    }
}

fn run() -> Result<(), Box<dyn Error>> {
    let mut arguments: Vec<String> = std::env::args().skip(1).collect();
    let mut threads = 1;
    if let Some(at) = arguments.iter().position(|a| a == "--threads") {
        threads = arguments.get(at + 1).and_then(|n| n.parse().ok()).ok_or(USAGE)?;
        arguments.drain(at..at + 2);
    }
    let (weights, rest) = arguments.split_first().ok_or(USAGE)?;
    let model = Arc::new(Model::builder().threads(threads).load(weights)?);
    match rest.split_first() {
        None => record(model),
        Some((option, rest)) if option == "--live" => live(model, rest),
        Some(_) => Err(USAGE.into()),
    }
}

/// The record on standard input.
fn record(model: Arc<Model>) -> Result<(), Box<dyn Error>> {
    let mut bytes = Vec::new();
    stdin().lock().read_to_end(&mut bytes)?;
    let (config, (words, rest)) = (model.config(), bytes.as_chunks::<4>());
    let (leads, classes) = (config.leads.len(), config.classes.len());
    if words.is_empty() || words.len() % leads != 0 || !rest.is_empty() {
        let found = bytes.len();
        return Err(
            format!("standard input: expected 32-bit floats of {leads} leads, found {found} bytes").into()
        );
    }
    let signal: Vec<f32> = words.iter().map(|word| f32::from_le_bytes(*word)).collect();
    drop(bytes);
    let mut session = Session::new(Arc::clone(&model), 1, signal.len() / leads, 0)?;
    let (mut logits, mut probabilities) = (vec![0.0; classes], vec![0.0; classes]);
    session.run(&signal, &[], &mut logits, &mut probabilities)?;
    let mut out = stdout().lock();
    for ((class, logit), probability) in config.classes.iter().zip(logits).zip(probabilities) {
        writeln!(out, "{class} {logit} {probability}")?;
    }
    Ok(())
}

#[cfg(not(feature = "live"))]
fn live(_: Arc<Model>, _: &[String]) -> Result<(), Box<dyn Error>> {
    Err("--live: expected a program with the feature live, found one without; build it with --features live"
        .into())
}

/// The beats of the signal on standard input.
#[cfg(feature = "live")]
fn live(model: Arc<Model>, rest: &[String]) -> Result<(), Box<dyn Error>> {
    use efficientecg::classify::{Monitor, MonitorEvent, Settings};
    let (rate, leads) = rest.split_first().ok_or(USAGE)?;
    let wrong = || format!("RATE: expected samples a second, found {rate:?}; {USAGE}");
    let rate = rate.parse().map_err(|_| wrong())?;
    let leads: Vec<&str> = leads.iter().map(String::as_str).collect();
    let mut monitor = Monitor::new(model, &leads, rate, &Settings::new())?;
    let (mut input, mut out, mut events) = (stdin().lock(), stdout().lock(), Vec::new());
    let (mut bytes, mut kept) = ([0; 4096], 0);
    loop {
        let read = input.read(&mut bytes[kept..])?;
        let (words, rest) = bytes[..kept + read].as_chunks::<4>();
        let samples: Vec<f32> = words.iter().map(|word| f32::from_le_bytes(*word)).collect();
        kept = rest.len();
        bytes.copy_within(samples.len() * 4..samples.len() * 4 + kept, 0);
        match read {
            0 => monitor.finish(&mut events)?,
            _ => monitor.push(&samples, &mut events)?,
        }
        for event in events.drain(..) {
            match event {
                MonitorEvent::Beat(beat) => writeln!(out, "{beat}")?,
                MonitorEvent::Signal { seconds, reason: Some(reason) } => {
                    writeln!(out, "{seconds:.3} s no ECG: {reason}")?;
                }
                MonitorEvent::Signal { seconds, .. } => writeln!(out, "{seconds:.3} s the ECG is back")?,
                _ => {}
            }
        }
        out.flush()?;
        if read == 0 {
            return Ok(());
        }
    }
}
