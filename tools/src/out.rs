//! Standard output and error, files, progress.

use crate::error::Failure;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;
use std::io::Write;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

/// Longest message, in characters.
const LONGEST: usize = 2000;

/// Writes text to standard output at once.
pub(crate) fn text(text: &str) -> std::io::Result<()> {
    bytes(text.as_bytes())
}

/// Text whose long lines are broken at the width of the terminal, where standard output is one: below the text of their first part.
pub(crate) fn wrapped(text: &str) -> String {
    columns().map_or_else(|| text.to_owned(), |width| wrap(text, width))
}

/// Columns of the terminal that standard output is.
fn columns() -> Option<usize> {
    #[cfg(unix)]
    {
        let size = rustix::termios::tcgetwinsize(std::io::stdout()).ok()?;
        Some(usize::from(size.ws_col)).filter(|columns| *columns >= NARROWEST)
    }
    #[cfg(not(unix))]
    None
}

/// Fewer columns are no terminal for reading.
const NARROWEST: usize = 40;

fn wrap(text: &str, width: usize) -> String {
    let mut out = String::with_capacity(text.len());
    for line in text.lines() {
        let start = line.len() - line.trim_start().len();
        // Below what stands beside a name.
        let indent = line[start..].find("  ").map_or(start, |gap| {
            let rest = line[start + gap..].trim_start();
            line.len() - rest.len()
        });
        let indent = if indent > width / 2 { start } else { indent };
        let mut left = line;
        let mut room = width;
        while left.chars().count() > room {
            let end = left.char_indices().nth(room).map_or(left.len(), |(at, _)| at);
            // Blanks before the text are no place to break it.
            let text = left.len() - left.trim_start().len();
            let Some(at) = left[..end].rfind(' ').filter(|at| *at > text) else { break };
            out += left[..at].trim_end();
            out.push('\n');
            out += &" ".repeat(indent);
            left = left[at..].trim_start();
            room = width - indent;
        }
        out += left;
        out.push('\n');
    }
    out
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
    ["-", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"].iter().any(|name| path == Path::new(name))
}

/// Writes a file whole or not at all; a pipe or a device directly.
pub(crate) fn file(path: &Path, content: &[u8]) -> Result<(), Failure> {
    if is_standard_output(path) {
        return Ok(bytes(content)?);
    }
    efficientecg_files::write(path, content).map_err(Failure::write(path))
}

/// A bar on standard error that counts what is done and tells the time left: on a terminal only.
pub(crate) struct Progress(ProgressBar);

impl Progress {
    /// Counts to `total`.
    pub(crate) fn new(what: &'static str, total: usize) -> Progress {
        Progress::on(ProgressDrawTarget::stderr(), what, total)
    }

    /// Shows nothing.
    pub(crate) fn none() -> Progress {
        Progress(ProgressBar::hidden())
    }

    fn on(target: ProgressDrawTarget, what: &'static str, total: usize) -> Progress {
        let bar = ProgressBar::with_draw_target(Some(total as u64), target);
        if let Ok(style) = ProgressStyle::with_template(BAR) {
            bar.set_style(style.progress_chars("##-"));
        }
        bar.set_message(what.strip_suffix('s').unwrap_or(what));
        bar.tick();
        Progress(bar)
    }

    /// Shows that `done` are done.
    pub(crate) fn at(&self, done: usize) {
        self.0.set_position(done as u64);
    }

    /// Writes lines of text where the bar is, and the bar below them.
    pub(crate) fn above<T>(&self, write: impl FnOnce() -> T) -> T {
        self.0.suspend(write)
    }
}

/// As `record 3 of 48 [##--] 00:01:30 left`.
const BAR: &str = "{msg} {pos} of {len} [{bar:30}] {eta_precise} left";

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use indicatif::TermLike;
    use std::sync::Arc;

    #[test]
    fn long_lines_are_broken_below_their_text() {
        let text = "Usage: x\n\n  classify  Classify the beats of records, or the records\n      --lead <A>\n          Let a lead stand for one of the model's\n";
        let want = "Usage: x\n\n  classify  Classify the beats\n            of records, or the\n            records\n      --lead <A>\n          Let a lead stand for\n          one of the model's\n";
        assert_eq!(wrap(text, 32), want);
        assert_eq!(wrap(text, 100), text);
        let word = "x".repeat(50) + "\n";
        assert_eq!(wrap(&word, 40), word);
    }

    /// Keeps what is written to it.
    #[derive(Debug, Default, Clone)]
    struct Terminal(Arc<Mutex<String>>);

    impl Terminal {
        fn add(&self, text: &str) -> std::io::Result<()> {
            self.0.lock().expect("no writer has panicked").push_str(text);
            Ok(())
        }
    }

    impl TermLike for Terminal {
        fn width(&self) -> u16 {
            80
        }
        fn move_cursor_up(&self, _: usize) -> std::io::Result<()> {
            Ok(())
        }
        fn move_cursor_down(&self, _: usize) -> std::io::Result<()> {
            Ok(())
        }
        fn move_cursor_right(&self, _: usize) -> std::io::Result<()> {
            Ok(())
        }
        fn move_cursor_left(&self, _: usize) -> std::io::Result<()> {
            Ok(())
        }
        fn write_line(&self, text: &str) -> std::io::Result<()> {
            self.add(text).and_then(|()| self.add("\n"))
        }
        fn write_str(&self, text: &str) -> std::io::Result<()> {
            self.add(text)
        }
        fn clear_line(&self) -> std::io::Result<()> {
            self.add("<clear>")
        }
        fn flush(&self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_bar_counts_and_makes_room_for_text() {
        let terminal = Terminal::default();
        let target = ProgressDrawTarget::term_like(Box::new(terminal.clone()));
        let progress = Progress::on(target, "records", 48);
        progress.at(12);
        progress.above(|| terminal.add("a line\n")).expect("written");
        drop(progress);
        let shown = terminal.0.lock().expect("no writer has panicked").clone();
        let parts: Vec<&str> = shown.split("a line\n").collect();
        assert_eq!(parts.len(), 2, "{shown}");
        assert!(parts[0].contains("record 0 of 48 [------------------------------]"), "{shown}");
        assert!(parts[0].ends_with("<clear>") && parts[1].ends_with("<clear>"), "{shown}");
        assert!(parts[1].contains("record 12 of 48 [#######") && parts[1].contains(" left"), "{shown}");
    }
}
