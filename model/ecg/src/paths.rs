//! The records that a path stands for: one, those of a folder, or those that fit a pattern.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::formats;
use crate::opened;
use crate::wfdb::Header;

/// Paths of the records that `path` stands for. A folder is all records in it, without those of folders within. A name that no
/// file has and that holds `*`, `?` or `[a-z]` is all that fit, in any part of the path. A zip archive is all records in it, in its folders too; so is one
/// in a folder. All come in order of their names; a WFDB record is its header. Anything else is a record itself.
///
/// # Errors
/// A folder cannot be read, or there are no records.
pub fn expand(path: &Path) -> Result<Vec<PathBuf>> {
    let pattern = path.to_string_lossy().contains(['*', '?', '[']);
    let candidates = if opened::is_archive(path) {
        vec![path.to_path_buf()]
    } else if let Some(archive) = opened::archive_of(path).filter(|_| pattern && !formats::is_record(path)) {
        let wanted: Vec<char> = path.to_string_lossy().chars().collect();
        let fit = |file: &PathBuf| fits(&wanted, &file.to_string_lossy().chars().collect::<Vec<_>>());
        opened::files_of(&archive).map_err(Error::reading(&archive))?.into_iter().filter(fit).collect()
    } else if path.is_dir() && !formats::is_record(path) {
        entries(path)?
    } else if pattern && !path.exists() && !formats::is_record(path) {
        matching(path)?
    } else {
        return Ok(vec![path.to_path_buf()]);
    };
    let mut found = Vec::new();
    for candidate in candidates.into_iter().filter(|c| !c.is_dir()) {
        if opened::is_archive(&candidate) {
            let files = opened::files_of(&candidate).map_err(Error::reading(&candidate))?;
            found.extend(files.iter().filter_map(|file| formats::record_of(file)));
        } else {
            found.extend(formats::record_of(&candidate));
        }
    }
    let mut seen = segments(&found);
    found.retain(|record| seen.insert(record.clone()));
    if found.is_empty() {
        return Err(Error::Content {
            path: path.to_path_buf(),
            item: "records".into(),
            expected: "at least one".into(),
            found: "none".into(),
            fix: "give a folder or a pattern of records",
        });
    }
    Ok(found)
}

/// Headers that are segments of records among these.
fn segments(records: &[PathBuf]) -> HashSet<PathBuf> {
    let headers = records.iter().filter(|r| r.extension().is_some_and(|e| e == "hea"));
    let headers: Vec<Header> = headers.filter_map(|path| Header::read(path).ok()).collect();
    let parts = headers.iter().flat_map(|header| {
        let folder = header.path.parent().unwrap_or(Path::new(""));
        header.segments.iter().filter_map(move |s| Some(folder.join(format!("{}.hea", s.name.as_ref()?))))
    });
    parts.collect()
}

/// Whether there is a file of this name, in a folder or in an archive.
pub fn is_file(path: &Path) -> bool {
    opened::is_file(path)
}

/// What is in a folder, by name.
fn entries(folder: &Path) -> Result<Vec<PathBuf>> {
    let read = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let names = opened::names_in(read).map_err(Error::reading(read))?;
    Ok(names.into_iter().map(|name| folder.join(name)).collect())
}

/// Files that fit a pattern, which may be of several parts.
fn matching(pattern: &Path) -> Result<Vec<PathBuf>> {
    let mut found = vec![PathBuf::new()];
    for part in pattern.components() {
        let text = part.as_os_str().to_string_lossy();
        if !text.contains(['*', '?', '[']) {
            found.iter_mut().for_each(|path| path.push(part));
            continue;
        }
        let wanted: Vec<char> = text.chars().collect();
        let mut next = Vec::new();
        for folder in found.iter().filter(|f| f.as_os_str().is_empty() || f.is_dir()) {
            next.extend(entries(folder)?.into_iter().filter(|path| {
                let name = path.file_name().unwrap_or_default().to_string_lossy();
                // As in shells: what is hidden is asked for by its dot.
                (!name.starts_with('.') || text.starts_with('.'))
                    && fits(&wanted, &name.chars().collect::<Vec<_>>())
            }));
        }
        found = next;
    }
    Ok(found)
}

/// Whether a name fits a pattern of `*` (anything), `?` (one character), and `[a-z]` or `[!a-z]` (one of these, or none).
fn fits(pattern: &[char], name: &[char]) -> bool {
    // Where to go on if what follows the last star does not fit.
    let (mut p, mut n, mut again) = (0, 0, None);
    loop {
        let step = match (pattern.get(p), name.get(n)) {
            (None, None) => return true,
            (Some('*'), _) => {
                again = Some((p + 1, n));
                Some((p + 1, n))
            }
            (Some('?'), Some(_)) => Some((p + 1, n + 1)),
            (Some('['), Some(c)) => match class(&pattern[p + 1..], *c) {
                Some((length, true)) => Some((p + 1 + length, n + 1)),
                Some((_, false)) => None,
                // Without its end it is a bracket like any other character.
                None => (*c == '[').then_some((p + 1, n + 1)),
            },
            (Some(want), Some(c)) if want == c => Some((p + 1, n + 1)),
            _ => None,
        };
        (p, n) = match (step, again) {
            (Some(next), _) => next,
            (None, Some((star, at))) if at < name.len() => {
                again = Some((star, at + 1));
                (star, at + 1)
            }
            _ => return false,
        };
    }
}

/// The length of a class behind its bracket, with the closing one, and whether it holds the character.
fn class(pattern: &[char], c: char) -> Option<(usize, bool)> {
    let negated = matches!(pattern.first(), Some('!' | '^'));
    let start = usize::from(negated);
    // A bracket that comes first is one of the class.
    let length = pattern.iter().skip(start + 1).position(|c| *c == ']')?;
    let class = &pattern[start..start + 1 + length];
    let (mut i, mut holds) = (0, false);
    while i < class.len() {
        match class[i..] {
            [low, '-', high, ..] => {
                holds |= (low..=high).contains(&c);
                i += 3;
            }
            [one, ..] => {
                holds |= one == c;
                i += 1;
            }
            [] => break,
        }
    }
    Some((start + length + 2, holds != negated))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn patterns() {
        for (pattern, yes, no) in [
            ("*", vec!["", "a", "a.hea"], vec![]),
            ("1?0.hea", vec!["100.hea", "110.hea"], vec!["10.hea", "1000.hea", "100.he"]),
            ("*.hea", vec![".hea", "a.hea", "a.b.hea"], vec!["a.heap", "hea"]),
            ("a*b*c", vec!["abc", "axbxbxc"], vec!["ab", "acb", "abcd"]),
            ("[a-c]x", vec!["ax", "cx"], vec!["dx", "x", "a"]),
            ("[!a-c]x", vec!["dx"], vec!["ax"]),
            ("[]x]", vec!["]", "x"], vec!["[", ""]),
            ("a[b", vec!["a[b"], vec!["ab"]),
            ("r[0-9][0-9]*", vec!["r01", "r17.edf"], vec!["r1", "rab"]),
            ("ä?", vec!["äö"], vec!["ä"]),
        ] {
            let chars = |text: &str| text.chars().collect::<Vec<_>>();
            yes.iter().for_each(|name| assert!(fits(&chars(pattern), &chars(name)), "{pattern} {name}"));
            no.iter().for_each(|name| assert!(!fits(&chars(pattern), &chars(name)), "{pattern} {name}"));
        }
        // Many stars take no time without end.
        let stars: Vec<char> = "*a".repeat(50).chars().collect();
        assert!(!fits(&stars, &['a'; 3000].map(|c| if c == 'a' { 'b' } else { c })));
    }

    #[test]
    fn folders_and_patterns_of_records() {
        let folder = std::env::temp_dir().join(format!("efficientecg-paths-{}", std::process::id()));
        let within = folder.join("more");
        fs::create_dir_all(&within).expect("a folder");
        let put = |name: &str, text: &str| fs::write(folder.join(name), text).expect("written");
        put("b.hea", "b 1 100 2\nb.dat 16\n");
        put("b.dat", "\0\0\0\0");
        put("b.atr", "\0\0");
        put("all.hea", "all/1 1 100 2\npart 2\n");
        put("part.hea", "part 1 100 2\npart.dat 16\n");
        put("part.dat", "\0\0\0\0");
        put("notes.txt", "nothing of that kind\n");
        put("more/c.hea", "c 1 100 2\nc.d0 16\n");
        put("more/c.d0", "\0\0\0\0");
        let names = |path: &Path| -> Vec<String> {
            let found = expand(path).unwrap_or_else(|e| panic!("{e}"));
            found
                .iter()
                .map(|p| p.strip_prefix(&folder).expect("within").to_string_lossy().into_owned())
                .collect()
        };
        assert_eq!(names(&folder), ["all.hea", "b.hea"]);
        assert_eq!(names(&folder.join("*.dat")), ["b.hea", "part.hea"]);
        assert_eq!(names(&folder.join("m*/*")), ["more/c.hea"]);
        assert_eq!(names(&folder.join("b.dat")), ["b.dat"]);
        assert_eq!(names(&folder.join("b")), ["b"]);
        assert_eq!(names(&folder.join("nobody")), ["nobody"]);
        let error = expand(&folder.join("x*")).expect_err("none").to_string();
        assert!(error.contains("records: expected at least one"), "{error}");
        fs::remove_dir_all(&folder).expect("removed");
    }
}
