//! `efficientecg holter`: a record of hours or days in, its hours, events and heart rate variability out.
//!
//! The record is read and classified part by part, as many at a time as there are threads; beats go to the tallies in order.

mod pages;
mod report;

use crate::args::Holter as Arguments;
use crate::error::Failure;
use crate::{ordered, out};
use efficientecg::Model;
use efficientecg::classify::{Fibrillation, FibrillationWindow, Settings, Unit};
use efficientecg::ecg::holter::{BeatType, Holter, HolterSettings};
use efficientecg::ecg::leads;
use efficientecg::ecg::parts::Parts;
use efficientecg::ecg::wfdb::Annotations;
use efficientecg_report::{lorenz, svg, tachogram};
use report::{Report, Whole};
use std::ops::Range;

pub(crate) fn run(args: &Arguments) -> Result<(), Failure> {
    let parts = args.tables.parts(&args.record)?;
    let (model, threads) = args.model.load_for(parts.count())?;
    let rhythm = args.rhythm_model(threads)?;
    let config = model.config();
    if Unit::of(config) != Unit::Beat {
        let line =
            format!("expected a model of beats, with classes of N, S, V, F and Q, found {}", config.name);
        return Err(Failure::usage(format!("{line}; use --model beats, and --rhythm-model for rhythms")));
    }
    let mut chosen = leads::select(parts.record(), &config.leads, &args.leads)?;
    if let Some(rhythm) = &rhythm {
        chosen.extend(leads::select(parts.record(), &rhythm.config().leads, &args.rhythm_leads)?);
    }
    parts.record().warnings.iter().for_each(|warning| out::warn(&args.record, warning));
    let whole_in_memory = parts.in_memory() && parts.count() > 1;
    if whole_in_memory {
        out::warn(
            &args.record,
            "it is read as a whole, into memory; WFDB, EDF and BDF files are read part by part unless they lie in an archive",
        );
    }
    let parts = parts.only(&chosen);
    let mut settings = Settings::new();
    settings.leads.clone_from(&args.leads);
    settings.any_lead = args.any_lead;
    settings.batch = args.model.batch_size();
    if let Some(annotator) = &args.beats {
        let annotations = Annotations::read(&super::classify::beside(&args.record, annotator))?;
        annotations.warnings.iter().for_each(|warning| out::warn(&args.record, warning));
        settings.beats = Some(annotations.beats());
    }
    let record = parts.record();
    let mut tallies = HolterSettings::new(record.sample_rate, parts.frames());
    tallies.past_hour = record.start.and_then(|start| start.time).unwrap_or(0.0) % 3600.0;
    tallies.pause = args.pause;
    let mut holter = Holter::new(tallies);
    let mut windows: Vec<FibrillationWindow> = Vec::new();
    // For a report's strips.
    let mut beats: Vec<(i64, BeatType)> = Vec::new();
    let mut failed = None;
    let make = |index: usize| one(args, &parts, &model, rhythm.as_ref(), &settings, index);
    let progress = out::Progress::new("parts", parts.count());
    ordered::in_order(threads, parts.count(), make, |index, made| {
        match made {
            Ok(part) => {
                part.unknown.iter().for_each(|span| holter.unknown(span.clone()));
                part.beats.iter().for_each(|(frame, class)| holter.push(*frame, *class));
                if args.report.is_some() {
                    beats.extend_from_slice(&part.beats);
                }
                // Copied, so that the memory of the thread that made them can be used anew as a whole.
                windows.extend_from_slice(&part.windows);
            }
            Err(failure) => failed = Some(failure),
        }
        progress.at(index + 1);
        failed.is_none()
    });
    drop(progress);
    if let Some(failure) = failed {
        return Err(failure);
    }
    let fibrillation = rhythm.as_ref().and_then(|rhythm| {
        Fibrillation::of_windows(rhythm.config(), windows, parts.frames(), record.sample_rate)
    });
    if let Some(found) = &fibrillation {
        let episodes: Vec<Range<i64>> = found.episodes.iter().map(|e| e.onset..e.end).collect();
        holter.fibrillation(&episodes);
    }
    let report = holter.finish();
    let episodes = fibrillation.as_ref().map(|found| found.episodes.len());
    let rhythm = rhythm.as_ref().map(|rhythm| rhythm.config().name.as_str());
    if let Some(file) = &args.report {
        let found = pages::Found { parts: &parts, report: &report, beats: &beats, episodes };
        out::file(&file.path, &found.pages(args, config, file.format)?)?;
    }
    let whole = Whole {
        name: &record.name,
        start: record.start,
        pause: args.pause,
        model: &config.name,
        rhythm_model: rhythm,
        episodes,
    };
    tell(args, &Report::new(&report, &whole), &report)
}

/// Writes the files and prints the report; a record of which nothing could be assessed fails the check.
fn tell(
    args: &Arguments,
    told: &Report,
    report: &efficientecg::ecg::holter::HolterReport,
) -> Result<(), Failure> {
    if let Some(folder) = &args.output {
        std::fs::create_dir_all(folder).map_err(Failure::write(folder))?;
        let write = |ending: &str, text: &str| {
            out::file(&folder.join(format!("{}.{ending}", told.record)), text.as_bytes())
        };
        let json = serde_json::to_string_pretty(told).map_err(std::io::Error::other)?;
        write("hours.csv", &told.csv())?;
        write("holter.json", &(json + "\n"))?;
        write("tachogram.svg", &svg(&[tachogram(&report.tachogram, &told.record)]))?;
        write("lorenz.svg", &svg(&[lorenz(&report.lorenz, &told.record)]))?;
    }
    if args.json {
        out::json(told)?
    } else {
        out::text(&told.text())?
    }
    if report.total.beats > 0 {
        return Ok(());
    }
    let (path, fix) = (args.record.display(), "give a recording of an ECG");
    Err(Failure::Check(format!("{path}: beats: expected some that can be assessed, found none; {fix}")))
}

/// What a part adds.
struct Part {
    beats: Vec<(i64, BeatType)>,
    unknown: Vec<Range<i64>>,
    windows: Vec<FibrillationWindow>,
}

/// Reads and classifies a part.
fn one(
    args: &Arguments,
    parts: &Parts,
    model: &Model,
    rhythm: Option<&Model>,
    settings: &Settings,
    index: usize,
) -> Result<Part, Failure> {
    let part = parts.part(index)?;
    let failure = |e| Failure::classify(&args.record, e);
    let found = model.classify_part(&part, settings).map_err(failure)?;
    // Taken apart here, as their memory is needed for the rhythm.
    let beats = found.items.into_iter().filter_map(|item| {
        let letter = item.labels().next()?;
        Some((item.time, BeatType::from_letter(letter)?))
    });
    let beats: Vec<(i64, BeatType)> = beats.collect();
    let mut windows = match rhythm {
        None => Vec::new(),
        Some(rhythm) => {
            let mut own = Settings::new().beats(found.beats);
            own.leads.clone_from(&args.rhythm_leads);
            own.any_lead = settings.any_lead;
            own.batch = settings.batch;
            rhythm.rhythm_of_part(&part, &own).map_err(failure)?
        }
    };
    // Not needed, and a record of days has many.
    windows.iter_mut().for_each(|window| window.logits = Vec::new());
    Ok(Part { beats, unknown: found.unknown, windows })
}
