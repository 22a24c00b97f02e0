//! Files out: one appears whole or not at all.
//!
//! Bytes go to a file of the same folder that has no name where the system can do
//! that (Linux: `O_TMPFILE`), so that not even a process that is killed leaves one behind; else to one of a temporary name.
//! Once they are on the disk it takes the name in one step. What stood there before stays until then.
//! A link is followed, the file that it points to replaced. Pipes and devices have no halves: they are written as they are.

use std::fs::{self, File, OpenOptions};
use std::io::{Error, ErrorKind, Result, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

/// Writes a file whole or not at all. A pipe or a device is written directly.
pub fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    write_all(&[(path.to_path_buf(), bytes)]).map_err(|(_, error)| error)
}

/// Writes several files, none of which takes its name before all are on the disk. The error comes with the path that it is
/// about.
pub fn write_all(files: &[(PathBuf, &[u8])]) -> std::result::Result<(), (PathBuf, Error)> {
    let mut staged = Vec::new();
    for (path, bytes) in files {
        staged.extend(stage(path, bytes).map_err(|e| (path.clone(), e))?.map(|staged| (path, staged)));
    }
    staged.into_iter().try_for_each(|(path, staged)| staged.publish().map_err(|e| (path.clone(), e)))
}

/// A file on the disk that has not yet its name.
struct Staged {
    #[cfg_attr(not(target_os = "linux"), allow(dead_code))]
    file: File,
    target: PathBuf,
    /// Its temporary name, if it has one.
    temporary: Option<PathBuf>,
}

/// Writes what is to be `path`; nothing is left to do for a pipe or a device.
fn stage(path: &Path, bytes: &[u8]) -> Result<Option<Staged>> {
    let mut mode = None;
    let target = match fs::metadata(path) {
        Ok(meta) if meta.is_dir() => return Err(Error::new(ErrorKind::IsADirectory, "a directory")),
        Ok(meta) if !meta.is_file() => {
            OpenOptions::new().write(true).open(path)?.write_all(bytes)?;
            return Ok(None);
        }
        Ok(meta) => {
            // A file that must not be written must not be replaced.
            OpenOptions::new().write(true).open(path)?;
            mode = Some(meta.permissions());
            fs::canonicalize(path)?
        }
        Err(e) if e.kind() != ErrorKind::NotFound => return Err(e),
        Err(_) if fs::symlink_metadata(path).is_ok() => {
            return Err(Error::new(ErrorKind::InvalidInput, "a link to nothing"));
        }
        Err(_) => path.to_path_buf(),
    };
    let mut staged = match unnamed(&target) {
        Some(file) => Staged { file, target, temporary: None },
        None => {
            let (name, file) = named(&target)?;
            Staged { file, target, temporary: Some(name) }
        }
    };
    staged.file.write_all(bytes)?;
    if let Some(mode) = mode {
        staged.file.set_permissions(mode)?;
    }
    staged.file.sync_all()?;
    Ok(Some(staged))
}

impl Staged {
    fn publish(mut self) -> Result<()> {
        if self.temporary.is_none() {
            // There is a name beside the file for as long as it takes to move it, unless the file is new.
            match self.link(&self.target) {
                Err(e) if e.kind() == ErrorKind::AlreadyExists => {
                    let name = temporary_name(&self.target);
                    self.link(&name)?;
                    self.temporary = Some(name);
                }
                done => return done,
            }
        }
        if let Some(name) = &self.temporary {
            fs::rename(name, &self.target)?;
            self.temporary = None;
        }
        Ok(())
    }

    /// Gives a file without a name this one.
    #[cfg(target_os = "linux")]
    fn link(&self, name: &Path) -> Result<()> {
        use rustix::fs::{AtFlags, CWD, linkat};
        use std::os::fd::AsRawFd;
        let open = format!("/proc/self/fd/{}", self.file.as_raw_fd());
        Ok(linkat(CWD, open.as_str(), CWD, name, AtFlags::SYMLINK_FOLLOW)?)
    }

    #[cfg(not(target_os = "linux"))]
    fn link(&self, _: &Path) -> Result<()> {
        Err(ErrorKind::Unsupported.into())
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        if let Some(name) = &self.temporary {
            let _ = fs::remove_file(name);
        }
    }
}

/// The folder that a file is in.
fn folder(path: &Path) -> &Path {
    path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// A file without a name on the disk of `target`; none where that cannot be had.
#[cfg(target_os = "linux")]
fn unnamed(target: &Path) -> Option<File> {
    use rustix::fs::{Mode, OFlags};
    if !Path::new("/proc/self/fd").exists() {
        return None;
    }
    let flags = OFlags::WRONLY | OFlags::TMPFILE | OFlags::CLOEXEC;
    // The process's mask applies.
    Some(rustix::fs::open(folder(target), flags, Mode::from_raw_mode(0o666)).ok()?.into())
}

#[cfg(not(target_os = "linux"))]
fn unnamed(_: &Path) -> Option<File> {
    None
}

/// A new file beside `target`.
fn named(target: &Path) -> Result<(PathBuf, File)> {
    let name = temporary_name(target);
    let file = OpenOptions::new().write(true).create_new(true).open(&name)?;
    Ok((name, file))
}

/// A name beside `target` that nothing else uses: it bears the process's id and a count.
fn temporary_name(target: &Path) -> PathBuf {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let n = COUNT.fetch_add(1, Ordering::Relaxed);
    folder(target).join(format!(".efficientecg-{}-{n}.tmp", std::process::id()))
}

#[cfg(test)]
mod tests;
