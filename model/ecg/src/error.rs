//! What can go wrong between a record on disk and a window for the network.
//!
//! Every message is one line: the file, the item, what was expected and found, and the fix.

use efficientecg_files::one_line;
use std::path::{Path, PathBuf};

/// An error of the ECG readers, writers and filters.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The operating system refused to open, read or write a file.
    #[error(
        "{}: cannot {action}: {source}; check that the file is there and that you may access it",
        file(path)
    )]
    Io {
        /// The file.
        path: PathBuf,
        /// "read", "write".
        action: &'static str,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// A line of a text file (a header, a table) does not parse.
    #[error(
        "{} line {line}: {}: expected {}, found {}; {fix}",
        file(path),
        one_line(item),
        one_line(expected),
        one_line(found)
    )]
    Line {
        /// The file.
        path: PathBuf,
        /// Line number, from 1; 0 is "the whole file".
        line: usize,
        /// The field.
        item: String,
        /// What belongs there.
        expected: String,
        /// What is there, quoted and shortened.
        found: String,
        /// What to do about it.
        fix: &'static str,
    },
    /// The content of a binary file contradicts its description.
    #[error(
        "{}: {}: expected {}, found {}; {fix}",
        file(path),
        one_line(item),
        one_line(expected),
        one_line(found)
    )]
    Content {
        /// The file.
        path: PathBuf,
        /// The field, signal or annotation.
        item: String,
        /// What belongs there.
        expected: String,
        /// What is there.
        found: String,
        /// What to do about it.
        fix: &'static str,
    },
    /// A signal file holds fewer bytes than its header declares.
    #[error(
        "{}: size: expected {expected} bytes for {samples} samples a signal, found {found}; get the whole file again, or correct the number of samples in the header",
        file(path)
    )]
    Short {
        /// The signal file.
        path: PathBuf,
        /// Declared frames.
        samples: u64,
        /// Bytes that they need, any byte offset included.
        expected: u64,
        /// Bytes in the file.
        found: u64,
    },
    /// The file is of a kind that this reader does not know.
    #[error("{}: format: expected one that this library reads, found {}; {fix}", file(path), one_line(item))]
    Unsupported {
        /// The file.
        path: PathBuf,
        /// The format or feature.
        item: String,
        /// What to do about it.
        fix: &'static str,
    },
    /// A header names a file outside of its own folder.
    #[error(
        "{} line {line}: file name: expected one in the header's folder, found {}; put the file beside the header and name it plainly",
        file(path),
        quote(name)
    )]
    UnsafePath {
        /// The header.
        path: PathBuf,
        /// Line number, from 1.
        line: usize,
        /// The name, as written.
        name: String,
    },
    /// A lead that the model needs is not in the record, or cannot be told from another.
    #[error(
        "record {}: lead {}: {}; the record has {}; name the record's lead that stands for it",
        one_line(record),
        one_line(lead),
        one_line(problem),
        one_line(available)
    )]
    Lead {
        /// The record's name.
        record: String,
        /// The configuration's lead.
        lead: String,
        /// What is wrong.
        problem: String,
        /// The record's leads, in order.
        available: String,
    },
    /// Several leads that the model needs are not in the record, or cannot be told from others.
    #[error(
        "record {}: leads {}; the record has {}; name the record's leads that stand for them",
        one_line(record),
        one_line(problem),
        one_line(available)
    )]
    Leads {
        /// The record's name.
        record: String,
        /// The configuration's leads.
        leads: Vec<String>,
        /// What is wrong, with the leads.
        problem: String,
        /// The record's leads, in order.
        available: String,
    },
    /// A lead that would stand for one of the model's is no ECG.
    #[error(
        "record {}: lead {}: {}; the record has {}; name an ECG lead",
        one_line(record),
        one_line(lead),
        one_line(problem),
        one_line(available)
    )]
    NoEcg {
        /// The record's name.
        record: String,
        /// The configuration's lead.
        lead: String,
        /// What is wrong.
        problem: String,
        /// The record's leads, in order.
        available: String,
    },
    /// A table does not name its leads.
    #[error("{}: line 1: expected names of leads, found {found}; name the leads", file(path))]
    Names {
        /// The file.
        path: PathBuf,
        /// The first line, quoted and shortened.
        found: String,
    },
    /// A table does not say its rate.
    #[error("{}: rate: expected a first column of times in seconds, found none; say the rate", file(path))]
    Rate {
        /// The file.
        path: PathBuf,
    },
    /// A number given to a filter or generator is out of its range.
    #[error("{item}: expected {expected}, found {found}; correct the value")]
    Parameter {
        /// The parameter.
        item: &'static str,
        /// Its range.
        expected: &'static str,
        /// The value.
        found: String,
    },
}

/// `Result` with [`enum@Error`].
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// A closure for `map_err` on a failed read of `path`.
    pub(crate) fn reading(path: &Path) -> impl FnOnce(std::io::Error) -> Error {
        Error::io(path, "read")
    }

    /// A closure for `map_err` on a failed write of `path`.
    pub(crate) fn writing(path: &Path) -> impl FnOnce(std::io::Error) -> Error {
        Error::io(path, "write")
    }

    fn io(path: &Path, action: &'static str) -> impl FnOnce(std::io::Error) -> Error {
        let path = path.to_path_buf();
        move |source| Error::Io { path, action, source }
    }
}

/// A path on one line.
fn file(path: &Path) -> String {
    one_line(&path.to_string_lossy())
}

/// Quotes foreign text for an error line: escaped, at most 60 characters.
pub(crate) fn quote(text: &str) -> String {
    let mut short: String = text.chars().take(60).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    format!("{short:?}")
}
