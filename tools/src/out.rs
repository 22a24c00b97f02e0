//! Standard output and error, files, progress.

use crate::error::Failure;
use serde::Serialize;
use std::io::{IsTerminal, Write};
use std::path::Path;

/// Writes text to standard output at once.
pub(crate) fn text(text: &str) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}

/// Writes a value as JSON and a line end.
pub(crate) fn json(value: &impl Serialize) -> std::io::Result<()> {
    let mut line = serde_json::to_string_pretty(value).map_err(std::io::Error::other)?;
    line.push('\n');
    text(&line)
}

/// Writes a message to standard error on one line: arguments and the names of files may hold line ends.
pub(crate) fn complain(message: &str) {
    let mut line = String::from("efficientecg: ");
    for c in message.chars() {
        if c.is_control() {
            line.extend(c.escape_default());
        } else {
            line.push(c);
        }
    }
    line.push('\n');
    // There is nowhere to say that standard error is closed.
    let _ = std::io::stderr().write_all(line.as_bytes());
}

/// Writes a file whole or not at all: under a temporary name first.
pub(crate) fn file(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{}.tmp", std::process::id()));
    let temporary = Path::new(&name);
    let written = std::fs::write(temporary, bytes).and_then(|()| std::fs::rename(temporary, path));
    if written.is_err() {
        let _ = std::fs::remove_file(temporary);
    }
    written.map_err(Failure::write(path))
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

    /// Shows that `done` are done.
    pub(crate) fn at(&self, done: usize) {
        if self.shown {
            eprint!("\r{done} of {} {}", self.total, self.what);
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.shown {
            eprint!("\r\x1b[K");
        }
    }
}
