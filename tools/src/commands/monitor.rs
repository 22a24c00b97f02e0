//! `efficientecg monitor`: samples in as they come, beats out as lines of JSON.

mod input;

use crate::args::{Monitor, SexName};
use crate::error::Failure;
use crate::out;
use efficientecg::Model;
use efficientecg::classify::{self, Finding, MonitorEvent, Settings};
use efficientecg::ecg::Sex;
use efficientecg::ecg::quality::Reason;
use input::Input;
use serde::Serialize;
use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

/// What errors call the input.
const STANDARD_INPUT: &str = "standard input";
/// Bytes that are read at once, at most.
const PART: usize = 1 << 14;

pub(crate) fn run(args: &Monitor) -> Result<(), Failure> {
    let model = Arc::new(args.model.load()?);
    let mut input = Input::new(args);
    let mut monitor = None;
    let mut source = std::io::stdin().lock();
    let mut part = vec![0; PART];
    let (mut samples, mut events) = (Vec::new(), Vec::new());
    loop {
        let read = match source.read(&mut part) {
            Ok(read) => read,
            Err(e) if e.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(e) => return Err(Failure::usage(format!("{STANDARD_INPUT}: cannot read: {e}"))),
        };
        samples.clear();
        let taken = match read {
            0 => input.end(&mut samples),
            read => input.take(&part[..read], &mut samples),
        };
        if monitor.is_none() && !samples.is_empty() {
            monitor = Some(open(args, &model, input.names())?);
        }
        if let Some(monitor) = &mut monitor {
            let mut done = monitor.push(&samples, &mut events);
            if done.is_ok() && (read == 0 || taken.is_err()) {
                done = monitor.finish(&mut events);
            }
            tell(&events, &model, monitor.seconds())?;
            events.clear();
            done.map_err(|e| Failure::classify(Path::new(STANDARD_INPUT), e))?;
        }
        taken.map_err(|e| Failure::usage(format!("{STANDARD_INPUT}: {e}")))?;
        if read == 0 {
            return match monitor {
                Some(_) => Ok(()),
                None => Err(Failure::usage(format!(
                    "{STANDARD_INPUT}: expected samples, found none; let the source of samples write to it"
                ))),
            };
        }
    }
}

/// A monitor of leads of these names.
fn open(args: &Monitor, model: &Arc<Model>, names: &[String]) -> Result<classify::Monitor, Failure> {
    let mut settings = Settings::new();
    settings.leads.clone_from(&args.leads);
    settings.age = args.age;
    settings.sex = args.sex.map(|sex| match sex {
        SexName::Female => Sex::Female,
        SexName::Male => Sex::Male,
    });
    settings.any_quality = args.any_quality;
    settings.any_lead = args.any_lead;
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let monitor = classify::Monitor::new(Arc::clone(model), &names, args.rate, &settings);
    monitor.map_err(|e| Failure::classify(Path::new(STANDARD_INPUT), e))
}

/// A line of the output.
#[derive(Serialize)]
#[serde(tag = "event", rename_all = "lowercase")]
enum Line<'a> {
    Beat {
        sample: i64,
        seconds: f64,
        /// Seconds of signal that had come by then.
        told: f64,
        class: Option<&'a str>,
        reason: Option<&'static str>,
        probabilities: Option<BTreeMap<&'a str, f32>>,
    },
    Signal {
        seconds: f64,
        reason: Option<&'static str>,
    },
}

impl<'a> Line<'a> {
    fn beat(beat: &'a Finding, model: &'a Model, told: f64) -> Line<'a> {
        let classes = &model.config().classes;
        let class = beat.class.ok().and_then(|class| classes.get(class)).map(String::as_str);
        let each = classes.iter().map(String::as_str).zip(beat.probabilities.iter().copied());
        Line::Beat {
            sample: beat.time,
            seconds: beat.seconds,
            told,
            class,
            reason: beat.reason().map(Reason::name),
            probabilities: class.map(|_| each.collect()),
        }
    }
}

/// Prints events, a line each, at once.
fn tell(events: &[MonitorEvent], model: &Model, told: f64) -> Result<(), Failure> {
    let mut text = String::new();
    for event in events {
        let line = match event {
            MonitorEvent::Beat(beat) => Line::beat(beat, model, told),
            MonitorEvent::Signal { seconds, reason } => {
                Line::Signal { seconds: *seconds, reason: reason.map(Reason::name) }
            }
            _ => continue,
        };
        text += &serde_json::to_string(&line).map_err(std::io::Error::other)?;
        text.push('\n');
    }
    if text.is_empty() { Ok(()) } else { Ok(out::text(&text)?) }
}
