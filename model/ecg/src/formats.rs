//! The formats of files, each told by its first bytes.
//!
//! A format is a folder beside this file and a line of the table here. WFDB is apart: a record of it is several files, and
//! what its header does not say, the bytes of a signal file do not show.

use std::io::Read;
use std::path::{Path, PathBuf};

use crate::Record;
use crate::error::{Error, Result, quote};
use crate::opened;
use crate::ranged::Ranged;
use crate::source::{HEAD, ReadOptions, Source};
use crate::wfdb;

/// A format, and how it is read.
struct Entry {
    /// As its makers call it.
    name: &'static str,
    /// Whether bytes are the start of such a file.
    recognises: fn(&[u8]) -> bool,
    read: fn(Source<'_>) -> Result<Record>,
    /// The feature that it belongs to.
    feature: &'static str,
}

/// Makes the table: for each format its feature, its name and its folder, which has `recognises` and `read`.
macro_rules! formats {
    ($($feature:literal $name:literal $module:ident,)*) => {
        /// What this build reads, the surest signs first.
        const FORMATS: &[Entry] = &[$(
            #[cfg(feature = $feature)]
            Entry { name: $name, recognises: crate::$module::recognises, read: crate::$module::read, feature: $feature },
        )*];
        /// What a build may leave out: the name of a format, its feature, and whether it is there.
        const FEATURES: &[(&str, &str, bool)] = &[$(($name, $feature, cfg!(feature = $feature)),)*];
    };
}

formats! {
    "edf" "EDF and BDF" edf,
    "dicom" "DICOM" dicom,
    "scp" "SCP-ECG" scp,
    "aecg" "HL7 aECG" aecg,
    "philips" "Philips XML" philips,
    "muse" "GE MUSE XML" muse,
    "csv" "CSV and TSV" csv,
}

/// Names of all formats that this build reads.
pub fn names() -> Vec<&'static str> {
    std::iter::once("WFDB").chain(FORMATS.iter().map(|format| format.name)).collect()
}

/// Whether `path` is the name of a WFDB record without its `.hea`.
pub(crate) fn is_record(path: &Path) -> bool {
    let header = wfdb::header_path(path);
    header != path && opened::is_file(&header)
}

/// The record that a file belongs to: itself if it is one, or the header of a signal file. A table must say by its name that
/// it is one: many that lie beside records hold something else.
pub(crate) fn record_of(path: &Path) -> Option<PathBuf> {
    if path.extension().is_some_and(|e| e == "hea") {
        return Some(path.to_path_buf());
    }
    let head = opened::head(path, HEAD).ok()?;
    let table =
        path.extension().is_some_and(|e| e.eq_ignore_ascii_case("csv") || e.eq_ignore_ascii_case("tsv"));
    match find(&head) {
        Some(format) if format.feature != "csv" || table => Some(path.to_path_buf()),
        _ => header_of(path),
    }
}

/// Where a record lies.
enum Place<'a> {
    /// A WFDB header.
    Header(PathBuf),
    /// The text of one, under another name.
    Text(Source<'a>),
    File(&'static Entry, Source<'a>),
}

/// Finds the record at `path`, whatever its format.
fn locate<'a>(path: &'a Path, options: &'a ReadOptions) -> Result<Place<'a>> {
    let header = wfdb::header_path(path);
    if header == path
        || (!opened::is_file(path) && (header.symlink_metadata().is_ok() || opened::is_file(&header)))
    {
        return Ok(Place::Header(header));
    }
    let source = Source::open(path, options)?;
    if let Some(format) = find(source.head()) {
        // A file of numbers may be a signal file that a header describes.
        return Ok(Place::File(format, source));
    }
    if wfdb::recognises(source.head()) {
        return Ok(Place::Text(source));
    }
    header_of(path).map(Place::Header).ok_or_else(|| unknown(&source))
}

/// Reads the record at `path`, whatever its format.
pub(crate) fn open(path: &Path, options: &ReadOptions) -> Result<Record> {
    match locate(path, options)? {
        Place::Header(header) => wfdb::open(&header),
        Place::Text(source) => wfdb::read(source),
        Place::File(format, source) => (format.read)(source),
    }
}

/// The record at `path`, to be read in ranges; none where its format has to be read as a whole.
pub(crate) fn ranged(path: &Path, options: &ReadOptions) -> Result<Option<Ranged>> {
    match locate(path, options)? {
        Place::Header(header) => wfdb::ranged(&wfdb::Header::read(&header)?),
        #[cfg(feature = "edf")]
        Place::File(format, source) if format.feature == "edf" => crate::edf::ranged(source),
        Place::Text(_) | Place::File(..) => Ok(None),
    }
}

/// Reads a record from a stream, whatever its format; `path` is for its name and for errors.
pub(crate) fn read<'a>(
    path: &'a Path,
    input: Box<dyn Read + 'a>,
    options: &'a ReadOptions,
) -> Result<Record> {
    let source = Source::new(path, input, None, options)?;
    match find(source.head()) {
        Some(format) => (format.read)(source),
        None if wfdb::recognises(source.head()) => wfdb::read(source),
        None => Err(unknown(&source)),
    }
}

fn find(head: &[u8]) -> Option<&'static Entry> {
    FORMATS.iter().find(|format| (format.recognises)(head))
}

/// The header of the record that a signal file belongs to: it has the file's name, or says it.
fn header_of(path: &Path) -> Option<PathBuf> {
    let header = path.with_extension("hea");
    let signal =
        path.extension().is_some_and(|e| e.eq_ignore_ascii_case("dat") || e.eq_ignore_ascii_case("mat"));
    let named = |header: &Path| {
        let name = path.file_name()?.to_str()?;
        let header = wfdb::Header::read(header).ok()?;
        header.signals.iter().any(|signal| signal.file == name).then_some(())
    };
    (opened::is_file(&header) && (signal || named(&header).is_some())).then_some(header)
}

/// No format has such a start.
fn unknown(source: &Source<'_>) -> Error {
    let head = source.head();
    let found = match std::str::from_utf8(&head[..head.len().min(24)]) {
        _ if head.is_empty() => "an empty file".to_owned(),
        Ok(text) => quote(text),
        Err(_) => {
            let bytes: Vec<String> = head.iter().take(8).map(|b| format!("{b:02x}")).collect();
            format!("a file that begins with the bytes {}", bytes.join(" "))
        }
    };
    let mut expected = names().join(", ");
    let absent: Vec<String> = FEATURES
        .iter()
        .filter(|(_, _, built)| !built)
        .map(|(name, feature, _)| format!("{name} (feature {feature})"))
        .collect();
    if !absent.is_empty() {
        expected += &format!("; not in this build: {}", absent.join(", "));
    }
    let signal = source.path().extension().is_some_and(|e| e == "dat" || e == "mat");
    Error::Content {
        path: source.path().to_path_buf(),
        item: "format".into(),
        expected: format!("one of {expected}"),
        found,
        fix: if signal {
            "put the record's header beside it, which ends in .hea"
        } else {
            "give a file of one of these formats"
        },
    }
}
