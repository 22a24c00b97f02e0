//! Files in folders, and in zip archives as if they were folders: `records.zip/100.hea`. Nothing is unpacked to disk.

use std::fs::{self, File};
use std::io::{Read, Result, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use efficientecg_files as files;

/// A file that is open for reading.
pub(crate) enum Opened {
    OnDisk(File),
    /// Of an archive.
    #[cfg(feature = "zip")]
    Unpacked(std::io::Cursor<Vec<u8>>),
}

impl Read for Opened {
    fn read(&mut self, to: &mut [u8]) -> Result<usize> {
        match self {
            Opened::OnDisk(file) => file.read(to),
            #[cfg(feature = "zip")]
            Opened::Unpacked(bytes) => bytes.read(to),
        }
    }
}

impl Seek for Opened {
    fn seek(&mut self, to: SeekFrom) -> Result<u64> {
        match self {
            Opened::OnDisk(file) => file.seek(to),
            #[cfg(feature = "zip")]
            Opened::Unpacked(bytes) => bytes.seek(to),
        }
    }
}

/// Opens a regular file, or one of an archive; it and its length in bytes.
pub(crate) fn open(path: &Path) -> Result<(Opened, u64)> {
    #[cfg(feature = "zip")]
    if let Some((archive, name)) = zip::within(path) {
        let bytes = zip::unpack(&archive, &name, u64::MAX)?;
        let length = bytes.len() as u64;
        return Ok((Opened::Unpacked(std::io::Cursor::new(bytes)), length));
    }
    let (file, length) = files::open(path)?;
    Ok((Opened::OnDisk(file), length))
}

/// The first bytes of a file, `most` of them at most.
pub(crate) fn head(path: &Path, most: u64) -> Result<Vec<u8>> {
    #[cfg(feature = "zip")]
    if let Some((archive, name)) = zip::within(path) {
        return zip::unpack(&archive, &name, most);
    }
    let mut head = Vec::new();
    files::open(path)?.0.take(most).read_to_end(&mut head)?;
    Ok(head)
}

/// Whether there is a regular file of this name, in a folder or in an archive.
pub(crate) fn is_file(path: &Path) -> bool {
    #[cfg(feature = "zip")]
    if let Some((archive, name)) = zip::within(path) {
        return zip::has(&archive, &name);
    }
    path.is_file()
}

/// The archive that a path leads into.
#[cfg(feature = "zip")]
pub(crate) fn archive_of(path: &Path) -> Option<PathBuf> {
    zip::within(path).map(|(archive, _)| archive)
}

/// The archive that a path leads into: none in a build that reads no archives.
#[cfg(not(feature = "zip"))]
pub(crate) fn archive_of(_: &Path) -> Option<PathBuf> {
    None
}

/// Whether a path is an archive of files.
pub(crate) fn is_archive(path: &Path) -> bool {
    let named = path.extension().is_some_and(|e| e.eq_ignore_ascii_case("zip"));
    cfg!(feature = "zip") && named && path.is_file()
}

/// Paths of all files in an archive, by name, but for those that a Mac adds and those that are hidden.
#[cfg(feature = "zip")]
pub(crate) fn files_of(archive: &Path) -> Result<Vec<PathBuf>> {
    Ok(zip::names(archive)?.iter().map(|name| archive.join(name)).collect())
}

/// Paths of all files in an archive: none in a build that reads no archives.
#[cfg(not(feature = "zip"))]
pub(crate) fn files_of(_: &Path) -> Result<Vec<PathBuf>> {
    Ok(Vec::new())
}

/// Names in a folder, in order.
pub(crate) fn names_in(folder: &Path) -> Result<Vec<std::ffi::OsString>> {
    let mut names = fs::read_dir(folder)?.map(|entry| Ok(entry?.file_name())).collect::<Result<Vec<_>>>()?;
    names.sort();
    Ok(names)
}

#[cfg(feature = "zip")]
mod zip {
    use efficientecg_files::{self as files, FileError, Timed, Zip};
    use std::cell::RefCell;
    use std::collections::HashMap;
    use std::io::{Error, ErrorKind, Read, Result};
    use std::path::{Component, Path, PathBuf};
    use std::rc::Rc;
    use std::time::SystemTime;

    /// Largest file that is unpacked.
    const MOST: u64 = 1 << 30;

    /// An archive, and the place of each of its files.
    struct Archive {
        zip: Zip,
        places: HashMap<String, usize>,
    }

    /// An archive, and what tells whether it is still the same file.
    type Kept = (PathBuf, u64, Option<SystemTime>, Rc<Archive>);

    thread_local! {
        /// The archive that this thread read last: its records come one after another.
        static LAST: RefCell<Option<Kept>> = const { RefCell::new(None) };
    }

    /// The archive that a path leads into, and the name of the file there.
    pub(super) fn within(path: &Path) -> Option<(PathBuf, String)> {
        let is_archive = |folder: &&Path| super::is_archive(folder);
        let archive = path.ancestors().skip(1).find(is_archive)?;
        let parts: Vec<&str> =
            path.strip_prefix(archive).ok()?.iter().map(|part| part.to_str()).collect::<Option<_>>()?;
        Some((archive.to_path_buf(), parts.join("/")))
    }

    fn open(path: &Path) -> Result<Rc<Archive>> {
        let meta = std::fs::metadata(path)?;
        let (length, changed) = (meta.len(), meta.modified().ok());
        let kept = LAST.with_borrow(|last| match last {
            Some((of, long, when, archive)) if of == path && *long == length && *when == changed => {
                Some(Rc::clone(archive))
            }
            _ => None,
        });
        if let Some(kept) = kept {
            return Ok(kept);
        }
        let (file, length) = files::open(path)?;
        let zip = Zip::open(path, Timed::new(file, &std::sync::Arc::default()), length).map_err(damaged)?;
        let places = zip.members.iter().enumerate().map(|(place, member)| (member.name.clone(), place));
        let archive = Rc::new(Archive { places: places.collect(), zip });
        LAST.set(Some((path.to_path_buf(), length, changed, Rc::clone(&archive))));
        Ok(archive)
    }

    /// The file's first bytes, or all of them: then the check sum is held against them.
    pub(super) fn unpack(path: &Path, name: &str, most: u64) -> Result<Vec<u8>> {
        let archive = open(path)?;
        let place = archive.places.get(name).filter(|_| !name.ends_with('/'));
        let none = || Error::new(ErrorKind::NotFound, "the archive has no such file");
        let member = &archive.zip.members[*place.ok_or_else(none)?];
        if member.size > MOST && most > MOST {
            let line = format!("a file of {} bytes in an archive, more than {} GiB", member.size, MOST >> 30);
            return Err(Error::new(ErrorKind::Unsupported, line));
        }
        let mut reader = archive.zip.member(path, member).map_err(damaged)?;
        let mut bytes = Vec::new();
        reader.by_ref().take(most).read_to_end(&mut bytes)?;
        if (bytes.len() as u64) < most {
            reader.finish().map_err(Error::other)?;
        }
        Ok(bytes)
    }

    pub(super) fn has(path: &Path, name: &str) -> bool {
        !name.ends_with('/') && open(path).is_ok_and(|archive| archive.places.contains_key(name))
    }

    /// Names of files that lie plainly below the archive's top, sorted.
    pub(super) fn names(path: &Path) -> Result<Vec<String>> {
        let archive = open(path)?;
        let plain = |name: &&String| {
            let mut parts = Path::new(name.as_str()).components();
            let shown = |name: &str| !name.starts_with('.');
            parts.all(|part| matches!(part, Component::Normal(name) if name.to_str().is_some_and(shown)))
                && !name.starts_with("__MACOSX/")
                && !name.ends_with('/')
        };
        let mut names: Vec<String> = archive.places.keys().filter(plain).cloned().collect();
        names.sort();
        Ok(names)
    }

    /// What is wrong with an archive.
    fn damaged(error: FileError) -> Error {
        Error::new(ErrorKind::InvalidData, error.error.to_string())
    }
}
