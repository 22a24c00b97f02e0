//! Standard output and progress.

use serde::Serialize;
use std::io::{IsTerminal, Write};

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
