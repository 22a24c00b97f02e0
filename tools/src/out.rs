//! Standard output and error, files, progress.

use crate::error::Failure;
use serde::Serialize;
use std::io::{IsTerminal, Write};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

/// Longest message, in characters.
const LONGEST: usize = 2000;

/// Writes text to standard output at once.
pub(crate) fn text(text: &str) -> std::io::Result<()> {
    bytes(text.as_bytes())
}

/// Writes a value as JSON and a line end.
pub(crate) fn json(value: &impl Serialize) -> std::io::Result<()> {
    let mut line = serde_json::to_string_pretty(value).map_err(std::io::Error::other)?;
    line.push('\n');
    text(&line)
}

/// Writes a message to standard error on one line.
pub(crate) fn complain(message: &str) {
    let mut line = line(message);
    line.push('\n');
    // There is nowhere to say that standard error is closed.
    let _ = std::io::stderr().write_all(line.as_bytes());
}

/// Warnings that are true of whole sets of records, by how they end: told of the first record alone.
const ONCE: [&str; 1] = ["the date stands before the time"];

/// Writes a warning about a record to standard error.
pub(crate) fn warn(path: &Path, warning: &str) {
    static TOLD: Mutex<[bool; ONCE.len()]> = Mutex::new([false; ONCE.len()]);
    let mut more = "";
    if let Some(kind) = ONCE.iter().position(|end| warning.ends_with(end)) {
        let mut told = TOLD.lock().unwrap_or_else(PoisonError::into_inner);
        if std::mem::replace(&mut told[kind], true) {
            return;
        }
        more = "; it is understood, and not told of further records";
    }
    complain(&format!("{}: warning: {warning}{more}", path.display()));
}

/// A message as one line, whatever it repeats: arguments and the names of files may hold line ends, be long, or write
/// backwards.
pub(crate) fn line(message: &str) -> String {
    format!("efficientecg: {}", efficientecg_files::line_of(message, LONGEST))
}

/// Writes bytes to standard output at once.
pub(crate) fn bytes(bytes: &[u8]) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    out.write_all(bytes)?;
    out.flush()
}

/// Whether a file to write is standard output, which results must not mix with then.
pub(crate) fn is_standard_output(path: &Path) -> bool {
    ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"].iter().any(|name| path == Path::new(name))
}

/// Writes a file whole or not at all; a pipe or a device directly.
pub(crate) fn file(path: &Path, content: &[u8]) -> Result<(), Failure> {
    if is_standard_output(path) {
        return Ok(bytes(content)?);
    }
    efficientecg_files::write(path, content).map_err(Failure::write(path))
}

/// A line on standard error that counts what is done: on a terminal only.
pub(crate) struct Progress {
    what: &'static str,
    total: usize,
    shown: bool,
}

impl Progress {
    /// Counts to `total`.
    pub(crate) fn new(what: &'static str, total: usize) -> Progress {
        Progress { what, total, shown: std::io::stderr().is_terminal() }
    }

    /// Makes room for a line of text.
    pub(crate) fn clear(&self) {
        if self.shown {
            eprint!("\r\x1b[K");
        }
    }

    /// Shows that `done` are done.
    pub(crate) fn at(&self, done: usize) {
        if self.shown {
            eprint!("\r{done} of {} {}", self.total, self.what);
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.clear();
    }
}
