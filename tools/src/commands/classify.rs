//! `efficientecg classify`: records in, classes out.

use crate::args::{Classify, Format, Per, Reading, SexName};
use crate::error::Failure;
use crate::findings::{self, RecordReport, Seconds};
use crate::patients::{Patient, Patients};
use crate::table::Table;
use crate::totals::Totals;
use crate::{legend, ordered, out, pages, records};
use efficientecg::Model;
use efficientecg::classify::{Settings, Unit};
use efficientecg::ecg::wfdb::Annotations;
use efficientecg::ecg::{Sex, paths};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::Instant;

pub(crate) fn run(args: &Classify) -> Result<(), Failure> {
    let records = records::named(&args.records)?;
    pages::check(args, records.len())?;
    let patients = patients(&args.reading)?;
    let (model, threads) = args.model.load_for(records.len())?;
    let piped = piped(args, records.len())?;
    if let Some(folder) = args.output.as_ref().filter(|_| !piped) {
        std::fs::create_dir_all(folder).map_err(Failure::write(folder))?;
    }
    let unit = args.reading.per.map_or_else(|| Unit::of(model.config()), Per::unit);
    let mut table = args.table.as_ref().map(|path| (path, Table::new(path, model.config(), unit)));
    // The table, or the findings, have standard output to themselves.
    let quiet = piped || args.table.as_deref().is_some_and(out::is_standard_output);
    let mut totals = Totals::default();
    let mut reports = Vec::new();
    let mut failed = Vec::new();
    let (mut names, mut files) = (HashMap::new(), Vec::new());
    let mut told = Ok(());
    // Of the records that were read: the reason of the last that could not be assessed, and whether any could.
    let (mut refused, mut assessed) = (None, false);
    let alone = records.len() == 1;
    let progress = if alone { out::Progress::none() } else { out::Progress::new("records", records.len()) };
    let make = |index: usize| one(args, &model, &records[index], patients.as_ref(), alone);
    ordered::in_order(threads, records.len(), make, |index, one| {
        let done = progress.above(|| finish(args, &records[index], one, &mut names, &mut files));
        let done = done.and_then(|report| {
            table.as_mut().map_or(Ok(()), |(_, table)| table.add(&report))?;
            Ok(report)
        });
        if done.is_err() {
            totals.failed();
        }
        if let Ok(report) = &done {
            totals.add(report);
            match report.reason {
                Some(reason) => refused = Some((records[index].clone(), reason)),
                None => assessed = true,
            }
        }
        match done {
            Ok(_) if quiet => {}
            Ok(report) if args.json => reports.push(report),
            Ok(report) if told.is_ok() => {
                told = progress.above(|| out::text(&findings::summary(&report)));
            }
            Ok(_) => {}
            // One record's failure must not lose the others.
            Err(failure) => failed.push(failure),
        }
        progress.at(index + 1);
        // Files are wanted even when nobody listens.
        told.is_ok() || args.output.is_some() || table.is_some()
    });
    drop(progress);
    let mut written = written(args, &files);
    if let Some((path, table)) = table {
        out::file(path, table.text().as_bytes())?;
        let (rows, s) = (table.rows(), if table.rows() == 1 { "" } else { "s" });
        written += &format!("{}: {rows} row{s}\n", path.display());
    }
    if args.json && !quiet {
        told = out::json(&reports);
    } else if !quiet && told.is_ok() && !totals.is_empty() {
        let legend = legend::lines(unit, &model.config().classes).join("\n");
        told = out::text(&format!("{}{written}{legend}\n", totals.text()));
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

/// Whether findings go to standard output, which those of a single record can.
fn piped(args: &Classify, records: usize) -> Result<bool, Failure> {
    let Some(path) = args.output.as_deref().filter(|path| out::is_standard_output(path)) else {
        return Ok(false);
    };
    let refuse = |why: &str| {
        let line = format!("--output {}: {why}", path.display());
        Err(Failure::usage(line))
    };
    if args.format == Format::Wfdb {
        return refuse(
            "expected a folder with --format wfdb, as programs look for its file beside the record; give one",
        );
    }
    if args.table.as_deref().is_some_and(out::is_standard_output) || args.json {
        return refuse("standard output is taken by --table or --json; leave one of them out");
    }
    match records {
        1 => Ok(true),
        n => refuse(&format!(
            "expected a single record, found {n}; give a folder, or --table - for one table of all"
        )),
    }
}

/// Where the findings of so many records were written.
fn written(args: &Classify, files: &[PathBuf]) -> String {
    match (&args.output, files) {
        (None, _) | (_, []) => String::new(),
        (_, [file]) => format!("{}: findings\n", file.display()),
        (Some(folder), [.., last]) => {
            let ending = last.extension().unwrap_or_default().display();
            format!("{}: findings in {} files, RECORD.{ending}\n", folder.display(), files.len())
        }
    }
}

/// What is made of one record, before it is known whether another has its name.
struct One {
    /// As the record calls itself.
    name: String,
    made: Result<Made, Failure>,
}

struct Made {
    report: RecordReport,
    /// The extension and the content of its file, but for annotations.
    text: Option<(&'static str, Vec<u8>)>,
    /// The file of `--report`.
    page: Option<Vec<u8>>,
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
        let mut warnings = [record.warnings.clone(), beat_warnings].concat();
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
        // What cannot be assessed has said why.
        if found.reason().is_none() {
            warnings.extend(model.unusual(&record, &settings));
        }
        let seconds = Seconds { read: read.as_secs_f64(), all: started.elapsed().as_secs_f64() };
        let report = RecordReport::new(model.config(), &record, &settings, &found, warnings, seconds);
        let page = |format| {
            pages::write(args, format, model.config(), &record, &settings, &found, &report)
                .map_err(|error| Failure::page(path, error))
        };
        let text = match args.format {
            _ if args.output.is_none() => None,
            Format::Text => Some(("txt", findings::text(&report).into_bytes())),
            Format::Csv => Some(("csv", findings::csv(&report).into_bytes())),
            Format::Json => {
                let json = serde_json::to_string_pretty(&report).map_err(std::io::Error::other)?;
                Some(("json", (json + "\n").into_bytes()))
            }
            Format::Svg => Some(("svg", page(Format::Svg)?)),
            Format::Html => Some(("html", page(Format::Html)?)),
            Format::Pdf => Some(("pdf", page(Format::Pdf)?)),
            Format::Wfdb => None,
        };
        let page = args.pages.report.as_ref().map(|file| page(file.format)).transpose()?;
        Ok(Made { report, text, page })
    })();
    Ok(One { name: record.name, made })
}

/// Tells a record's warnings and writes its file; `names` are those of the records before it, which say so themselves.
fn finish(
    args: &Classify,
    path: &Path,
    one: Result<One, Failure>,
    names: &mut HashMap<String, PathBuf>,
    files: &mut Vec<PathBuf>,
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
    let Made { report, text, page } = made?;
    for warning in &report.warnings {
        out::warn(path, warning);
    }
    if let (Some(file), Some(page)) = (&args.pages.report, page) {
        out::file(&file.path, &page)?;
        files.push(file.path.clone());
    }
    if let Some(folder) = &args.output {
        let file = |extension: &str| folder.join(format!("{name}.{extension}"));
        match text {
            Some((_, text)) if out::is_standard_output(folder) => out::bytes(&text)?,
            Some((extension, text)) => {
                files.push(file(extension));
                out::file(&file(extension), &text)?;
            }
            None => {
                files.push(file(&args.annotator));
                findings::annotations(&report).write(&file(&args.annotator))?;
            }
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
    settings.any_lead = args.any_lead;
    Ok((settings, warnings))
}

/// The annotation file of a record: its name, without the ending of a file, and the annotator.
pub(super) fn beside(record: &Path, annotator: &str) -> PathBuf {
    let header = record.extension().is_some_and(|e| e == "hea");
    if header || (record.extension().is_some() && paths::is_file(record)) {
        return record.with_extension(annotator);
    }
    let mut name = record.as_os_str().to_owned();
    name.push(".");
    name.push(annotator);
    PathBuf::from(name)
}
