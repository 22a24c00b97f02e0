//! What is wrong with a file, said in one line.
//!
//! Every check of a configuration, an array or an input ends in an [`ItemError`]: the item, what was expected, what was
//! found and the fix. A [`FileError`] adds the file. Text that comes from a file (names, values) is escaped and
//! shortened, so that a line stays a line whatever the file holds.

use std::error::Error;
use std::fmt;
use std::path::{Path, PathBuf};

/// Longest run of text from a file that is repeated in a message, in characters.
const LONGEST: usize = 160;

/// One thing that is wrong with one item (a configuration key, an array, an archive member).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ItemError {
    /// The key (`stages[2].kernel`), array (`stem.conv.weight`) or member concerned.
    pub item: String,
    /// What should have been there.
    pub expected: String,
    /// What is there.
    pub found: String,
    /// What to do about it.
    pub fix: String,
}

impl ItemError {
    /// Builds an error, each part reduced to one line.
    pub fn new(
        item: impl AsRef<str>,
        expected: impl AsRef<str>,
        found: impl AsRef<str>,
        fix: impl AsRef<str>,
    ) -> ItemError {
        ItemError {
            item: one_line(item.as_ref()),
            expected: one_line(expected.as_ref()),
            found: one_line(found.as_ref()),
            fix: one_line(fix.as_ref()),
        }
    }

    /// Names the file that the item is in.
    pub fn in_file(self, path: &Path) -> FileError {
        FileError { path: path.to_path_buf(), error: self }
    }
}

impl fmt::Display for ItemError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ItemError { item, expected, found, fix } = self;
        write!(f, "{item}: expected {expected}, found {found}; {fix}")
    }
}

impl Error for ItemError {}

/// An [`ItemError`] and the file (or directory) that it is in.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct FileError {
    /// The file or directory as the caller named it.
    pub path: PathBuf,
    /// What is wrong in it.
    pub error: ItemError,
}

impl FileError {
    /// Shorthand for [`ItemError::new`] and [`ItemError::in_file`].
    pub fn new(
        path: &Path,
        item: impl AsRef<str>,
        expected: impl AsRef<str>,
        found: impl AsRef<str>,
        fix: impl AsRef<str>,
    ) -> FileError {
        ItemError::new(item, expected, found, fix).in_file(path)
    }
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", one_line(&self.path.to_string_lossy()), self.error)
    }
}

impl Error for FileError {}

/// Text of a file on one line, of at most 160 characters: [`line_of`].
pub fn one_line(text: &str) -> String {
    line_of(text, LONGEST)
}

/// Cuts `text` to `most` characters (at its middle, both ends are telling), and escapes what ends a line or writes backwards.
pub fn line_of(text: &str, most: usize) -> String {
    let mut line = String::with_capacity(text.len());
    let mut put = |c: char| {
        let marks = matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        if c.is_control() || marks { line.extend(c.escape_default()) } else { line.push(c) }
    };
    let count = if text.len() > most { text.chars().count() } else { 0 };
    if count <= most {
        text.chars().for_each(put);
    } else {
        text.chars().take(most / 2).for_each(&mut put);
        put('…');
        text.chars().skip(count - most / 2).for_each(put);
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_one_line_whatever_the_names_hold() {
        let long = "x".repeat(5000);
        let error = ItemError::new("a\nb\u{2028}\u{1b}[31m", "one", &long, "fix");
        let text = error.in_file(Path::new("w\r.npz")).to_string();
        assert!(!text.chars().any(|c| c.is_control() || c == '\u{2028}'));
        assert!(text.len() < 400, "{text}");
        assert!(text.starts_with(r"w\r.npz: a\nb\u{2028}\u{1b}[31m: expected one, found xxx"));
    }

    #[test]
    fn both_ends_of_a_long_line_are_kept() {
        assert_eq!(line_of("äbcdeö", 6), "äbcdeö");
        assert_eq!(line_of("äbcdeö", 4), "äb…eö");
        assert_eq!(line_of("a\tb\u{202e}c", 9), r"a\tb\u{202e}c");
    }
}
