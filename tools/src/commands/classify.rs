//! `efficientecg classify`: records in, classes out.

use crate::args::{Classify, Format, Per, Reading, SexName};
use crate::error::Failure;
use crate::findings::{self, RecordReport, Seconds};
use crate::patients::{Patient, Patients};
use crate::{out, picture};
use efficientecg::Model;
use efficientecg::classify::{Settings, Unit};
use efficientecg::ecg::wfdb::Annotations;
use efficientecg::ecg::{Record, Sex};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::Instant;

pub(crate) fn run(args: &Classify) -> Result<(), Failure> {
    let records = super::records(&args.records)?;
    let patients = patients(&args.reading)?;
    let model = args.model.load()?;
    if let Some(folder) = &args.output {
        std::fs::create_dir_all(folder).map_err(Failure::write(folder))?;
    }
    let mut table = match &args.table {
        None => None,
        Some(path) => Some((path, table_header(args, &model, path)?)),
    };
    // The table has standard output to itself.
    let quiet = args.table.as_deref().is_some_and(out::is_standard_output);
    let mut reports = Vec::new();
    let mut failed = Vec::new();
    let mut names = HashMap::new();
    let mut told = Ok(());
    for path in &records {
        let done = one(args, &model, path, patients.as_ref(), &mut names);
        if let (Some((_, text)), Ok(report)) = (&mut table, &done) {
            *text += &findings::table_row(report, model.config().task);
        }
        match done {
            Ok(_) if quiet => {}
            Ok(report) if args.json => reports.push(report),
            Ok(report) if told.is_ok() => told = out::text(&findings::summary(&report)),
            Ok(_) => {}
            // One record's failure must not lose the others.
            Err(failure) => failed.push(failure),
        }
        // Files are wanted even when nobody listens.
        if told.is_err() && args.output.is_none() && table.is_none() {
            break;
        }
    }
    if let Some((path, text)) = table {
        out::file(path, text.as_bytes())?;
    }
    if args.json && !quiet {
        told = out::json(&reports);
    }
    let count = failed.len();
    match failed.pop() {
        None => Ok(told?),
        Some(only) if count == 1 => Err(only),
        Some(last) => {
            failed.push(last);
            failed.iter().for_each(|f| out::complain(&f.to_string()));
            Err(Failure::Several { failed: count, all: records.len() })
        }
    }
}

/// The first line of the table of all records, which only records as a whole have.
fn table_header(args: &Classify, model: &Model, path: &Path) -> Result<String, Failure> {
    let config = model.config();
    let unit = args.reading.per.map_or_else(|| Unit::of(config), Per::unit);
    if unit == Unit::Beat {
        let line = format!(
            "--table {}: expected a model of whole records, found one of beats; use --output FOLDER, or --per record",
            path.display()
        );
        return Err(Failure::usage(line));
    }
    Ok(findings::table_header(config))
}

/// Reads, classifies and writes one record; `names` are those of the records before it, which say so themselves.
fn one(
    args: &Classify,
    model: &Model,
    path: &Path,
    patients: Option<&Patients>,
    names: &mut HashMap<String, PathBuf>,
) -> Result<RecordReport, Failure> {
    let started = Instant::now();
    let record = Record::open(path)?;
    if (args.output.is_some() || args.table.is_some())
        && let Some(other) = names.insert(record.name.clone(), path.to_path_buf())
    {
        let (a, b, name) = (other.display(), path.display(), &record.name);
        let line = format!(
            "{b}: it has the name {name}, as {a} has, and would overwrite its file or row; classify it in another run"
        );
        return Err(Failure::usage(line));
    }
    let (settings, beat_warnings) = settings(&args.reading, path, patients, args.model.batch_size())?;
    let warnings = [record.warnings.clone(), beat_warnings].concat();
    let read = started.elapsed();
    let mut progress = None;
    let mut tell = |done: usize, all: usize| {
        progress.get_or_insert_with(|| out::Progress::new("beats", all)).at(done);
    };
    let found = model.classify_with_progress(&record, &settings, &mut tell);
    let found = found.map_err(|e| Failure::classify(path, e))?;
    drop(progress);
    for warning in &warnings {
        out::complain(&format!("{}: warning: {warning}", path.display()));
    }
    let seconds = Seconds { read: read.as_secs_f64(), all: started.elapsed().as_secs_f64() };
    let report = RecordReport::new(model.config(), &record, &settings, &found, warnings, seconds);

    if let Some(folder) = &args.output {
        let file = |extension: &str| folder.join(format!("{}.{extension}", record.name));
        let write = |extension: &str, text: String| out::file(&file(extension), text.as_bytes());
        match args.format {
            Format::Text => write("txt", findings::text(&report))?,
            Format::Csv => write("csv", findings::csv(&report))?,
            Format::Json => {
                let json = serde_json::to_string_pretty(&report).map_err(std::io::Error::other)?;
                write("json", json + "\n")?;
            }
            Format::Svg => write("svg", picture::svg(&record, model.config(), &settings, &report)?)?,
            Format::Wfdb => findings::annotations(&report).write(&file(&args.annotator))?,
        }
    }
    Ok(report)
}

/// The table of patients, where there is one.
pub(super) fn patients(args: &Reading) -> Result<Option<Patients>, Failure> {
    args.patients.as_deref().map(Patients::read).transpose()
}

/// How to read the record at `path`, and what was odd with its beats.
pub(super) fn settings(
    args: &Reading,
    path: &Path,
    patients: Option<&Patients>,
    batch: Option<usize>,
) -> Result<(Settings, Vec<String>), Failure> {
    let (beats, warnings) = match &args.beats {
        None => (None, Vec::new()),
        Some(annotator) => {
            let annotations = Annotations::read(&beside(path, annotator))?;
            (Some(annotations.beats()), annotations.warnings)
        }
    };
    let patient = patients.map_or(Ok(Patient::default()), |all| all.of(path))?;
    let mut settings = Settings::new();
    settings.leads.clone_from(&args.leads);
    settings.age = args.age.or(patient.age);
    settings.sex = args.sex.or(patient.sex).map(|s| match s {
        SexName::Female => Sex::Female,
        SexName::Male => Sex::Male,
    });
    settings.unit = args.per.map(Per::unit);
    settings.beats = beats;
    settings.batch = batch;
    Ok((settings, warnings))
}

/// The annotation file of a record given with or without `.hea`.
pub(super) fn beside(record: &Path, annotator: &str) -> PathBuf {
    let stem = if record.extension().is_some_and(|e| e == "hea") {
        record.with_extension("")
    } else {
        record.to_path_buf()
    };
    let mut name = stem.into_os_string();
    name.push(".");
    name.push(annotator);
    PathBuf::from(name)
}
