//! `efficientecg classify`: records in, classes out.

use crate::args::{Classify, Format, Per, Reading, SexName};
use crate::error::Failure;
use crate::findings::{self, RecordReport, Seconds};
use crate::patients::{Patient, Patients};
use crate::{ordered, out, picture, records};
use efficientecg::Model;
use efficientecg::classify::{Settings, Unit};
use efficientecg::ecg::Sex;
use efficientecg::ecg::wfdb::Annotations;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::Instant;

pub(crate) fn run(args: &Classify) -> Result<(), Failure> {
    let records = records::named(&args.records)?;
    let patients = patients(&args.reading)?;
    let (model, threads) = args.model.load_for(records.len())?;
    if let Some(folder) = &args.output {
        std::fs::create_dir_all(folder).map_err(Failure::write(folder))?;
    }
    let mut table = match &args.table {
        None => None,
        Some(path) => Some((path, table(args, &model, path)?)),
    };
    // The table has standard output to itself.
    let quiet = args.table.as_deref().is_some_and(out::is_standard_output);
    let mut reports = Vec::new();
    let mut failed = Vec::new();
    let mut names = HashMap::new();
    let mut told = Ok(());
    // Of the records that were read: the reason of the last that could not be assessed, and whether any could.
    let (mut refused, mut assessed) = (None, false);
    let alone = records.len() == 1;
    let progress = (!alone).then(|| out::Progress::new("records", records.len()));
    let make = |index: usize| one(args, &model, &records[index], patients.as_ref(), alone);
    ordered::in_order(threads, records.len(), make, |index, one| {
        let done = finish(args, &records[index], one, &mut names);
        if let (Some((_, table)), Ok(report)) = (&mut table, &done) {
            table.add(report);
        }
        if let Ok(report) = &done {
            match report.reason {
                Some(reason) => refused = Some((records[index].clone(), reason)),
                None => assessed = true,
            }
        }
        if let Some(progress) = &progress {
            progress.clear();
        }
        match done {
            Ok(_) if quiet => {}
            Ok(report) if args.json => reports.push(report),
            Ok(report) if told.is_ok() => told = out::text(&findings::summary(&report)),
            Ok(_) => {}
            // One record's failure must not lose the others.
            Err(failure) => failed.push(failure),
        }
        if let Some(progress) = &progress {
            progress.at(index + 1);
        }
        // Files are wanted even when nobody listens.
        told.is_ok() || args.output.is_some() || table.is_some()
    });
    drop(progress);
    if let Some((path, table)) = table {
        out::file(path, table.text().as_bytes())?;
    }
    if args.json && !quiet {
        told = out::json(&reports);
    }
    let count = failed.len();
    match failed.pop() {
        None => match refused.filter(|_| !assessed) {
            None => Ok(told?),
            Some(refused) => told.map_err(Failure::from).and(Err(not_assessed(records.len(), &refused))),
        },
        Some(only) if count == 1 => Err(only),
        Some(last) => {
            failed.push(last);
            failed.iter().for_each(|f| out::complain(&f.to_string()));
            Err(Failure::Several { failed: count, all: records.len() })
        }
    }
}

/// That no record could be assessed; why the last of them could not.
fn not_assessed(records: usize, (path, reason): &(PathBuf, &str)) -> Failure {
    let path = path.display();
    let fix = "give a recording of an ECG";
    Failure::Check(match records {
        1 => format!("{path}: signal: expected an ECG that can be assessed, found {reason}; {fix}"),
        n => format!("none of {n} records could be assessed, the last of them {path}: {reason}; {fix}"),
    })
}

/// The table of all records, which only records as a whole have.
fn table(args: &Classify, model: &Model, path: &Path) -> Result<findings::Table, Failure> {
    let config = model.config();
    let unit = args.reading.per.map_or_else(|| Unit::of(config), Per::unit);
    if unit == Unit::Beat {
        let line = format!(
            "--table {}: expected a model of whole records, found one of beats; use --output FOLDER, or --per record",
            path.display()
        );
        return Err(Failure::usage(line));
    }
    Ok(findings::Table::new(config))
}

/// What is made of one record, before it is known whether another has its name.
struct One {
    /// As the record calls itself.
    name: String,
    made: Result<Made, Failure>,
}

struct Made {
    report: RecordReport,
    /// The extension and the text of its file, but for annotations.
    text: Option<(&'static str, String)>,
}

/// Reads and classifies one record. `alone`, its beats are counted on the terminal.
fn one(
    args: &Classify,
    model: &Model,
    path: &Path,
    patients: Option<&Patients>,
    alone: bool,
) -> Result<One, Failure> {
    let started = Instant::now();
    let record = args.records.tables.open(path)?;
    let read = started.elapsed();
    let made = (|| {
        let (settings, beat_warnings) = settings(&args.reading, path, patients, args.model.batch_size())?;
        let warnings = [record.warnings.clone(), beat_warnings].concat();
        let mut progress = None;
        let parts = match settings.unit.unwrap_or_else(|| Unit::of(model.config())) {
            Unit::Beat => "beats",
            _ => "windows",
        };
        let mut tell = |done: usize, all: usize| {
            if alone {
                progress.get_or_insert_with(|| out::Progress::new(parts, all)).at(done);
            }
        };
        let found = model.classify_with_progress(&record, &settings, &mut tell);
        let found = found.map_err(|e| Failure::classify(path, e))?;
        drop(progress);
        let seconds = Seconds { read: read.as_secs_f64(), all: started.elapsed().as_secs_f64() };
        let report = RecordReport::new(model.config(), &record, &settings, &found, warnings, seconds);
        let text = match args.format {
            _ if args.output.is_none() => None,
            Format::Text => Some(("txt", findings::text(&report))),
            Format::Csv => Some(("csv", findings::csv(&report))),
            Format::Json => {
                let json = serde_json::to_string_pretty(&report).map_err(std::io::Error::other)?;
                Some(("json", json + "\n"))
            }
            Format::Svg => Some(("svg", picture::svg(&record, model.config(), &settings, &report)?)),
            Format::Wfdb => None,
        };
        Ok(Made { report, text })
    })();
    Ok(One { name: record.name, made })
}

/// Tells a record's warnings and writes its file; `names` are those of the records before it, which say so themselves.
fn finish(
    args: &Classify,
    path: &Path,
    one: Result<One, Failure>,
    names: &mut HashMap<String, PathBuf>,
) -> Result<RecordReport, Failure> {
    let One { name, made } = one?;
    if (args.output.is_some() || args.table.is_some())
        && let Some(other) = names.insert(name.clone(), path.to_path_buf())
    {
        let (a, b) = (other.display(), path.display());
        let line = format!(
            "{b}: it has the name {name}, as {a} has, and would write the same file or row; classify it in another run"
        );
        return Err(Failure::usage(line));
    }
    let Made { report, text } = made?;
    for warning in &report.warnings {
        out::warn(path, warning);
    }
    if let Some(folder) = &args.output {
        let file = |extension: &str| folder.join(format!("{name}.{extension}"));
        match text {
            Some((extension, text)) => out::file(&file(extension), text.as_bytes())?,
            None => findings::annotations(&report).write(&file(&args.annotator))?,
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
    settings.any_quality = args.any_quality;
    Ok((settings, warnings))
}

/// The annotation file of a record: its name, without the ending of a file, and the annotator.
pub(super) fn beside(record: &Path, annotator: &str) -> PathBuf {
    let header = record.extension().is_some_and(|e| e == "hea");
    if header || (record.extension().is_some() && record.is_file()) {
        return record.with_extension(annotator);
    }
    let mut name = record.as_os_str().to_owned();
    name.push(".");
    name.push(annotator);
    PathBuf::from(name)
}
