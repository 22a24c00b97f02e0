//! Named arrays in one `.npz` or one directory of `.npy` files, behind one interface.

use super::npy::{Header, Headers};
use super::{Array, Class, Data, Dim};
use efficientecg_files::{self as files, Clock, FileError, ItemError, Timed, Zip, ZipEntry};
use std::collections::BTreeMap;
use std::fs;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// Longest configuration text in bytes.
const MAX_TEXT: u64 = 4 << 20;

/// An open `.npz` or directory of `.npy` files.
#[derive(Debug)]
pub struct Archive {
    path: PathBuf,
    kind: Kind,
    clock: Arc<Clock>,
    headers: Headers,
}

#[derive(Debug)]
enum Kind {
    /// Array name (without `.npy`) to member.
    Zip { zip: Zip, members: BTreeMap<String, ZipEntry> },
    /// Array names; whether `config.json` is there.
    Directory { names: BTreeMap<String, PathBuf>, text: Option<PathBuf> },
}

/// An I/O error of opening or listing.
fn io_error(path: &Path, expected: &str, error: &std::io::Error) -> FileError {
    let fix = match error.kind() {
        std::io::ErrorKind::NotFound => "check the path",
        std::io::ErrorKind::PermissionDenied => "give read permission",
        std::io::ErrorKind::InvalidInput => "name a regular file",
        _ => "check the file",
    };
    FileError::new(path, "file", expected, error.to_string(), fix)
}

/// Opens a regular file; it and its length.
fn open_regular(path: &Path, expected: &str, clock: &Arc<Clock>) -> Result<(Timed, u64), FileError> {
    let (file, size) = clock.time(|| files::open(path)).map_err(|e| io_error(path, expected, &e))?;
    Ok((Timed::new(file, clock), size))
}

impl Archive {
    /// Opens `path`: a directory, or an `.npz` file. Reads names only.
    pub fn open(path: impl AsRef<Path>) -> Result<Archive, FileError> {
        let path = path.as_ref();
        let expected = "an .npz file or a directory of .npy files";
        let clock = Arc::<Clock>::default();
        let meta = clock.time(|| fs::metadata(path)).map_err(|e| io_error(path, expected, &e))?;
        let kind = if meta.is_dir() {
            clock.time(|| directory(path))?
        } else {
            let (file, size) = open_regular(path, expected, &clock)?;
            zipped(path, file, size)?
        };
        Ok(Archive { path: path.to_path_buf(), kind, clock, headers: Headers::default() })
    }

    /// Opens an `.npz` in memory, such as `include_bytes!` gives. Reads names only; the archive keeps a copy of the bytes.
    pub fn from_bytes(bytes: &[u8]) -> Result<Archive, FileError> {
        let path = Path::new("<memory>");
        let kind = zipped(path, Timed::in_memory(bytes), bytes.len() as u64)?;
        Ok(Archive { path: path.to_path_buf(), kind, clock: Arc::default(), headers: Headers::default() })
    }

    /// The path it was opened by; `<memory>` for bytes in memory.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// How long the system took so far to open and read it: the rest of the time went into unpacking.
    pub fn reading(&self) -> Duration {
        self.clock.elapsed()
    }

    /// Names of the arrays (without `.npy`), sorted. An `.npz`'s `config` is among them, a `config.json` is not.
    pub fn names(&self) -> Vec<String> {
        match &self.kind {
            Kind::Zip { members, .. } => members.keys().cloned().collect(),
            Kind::Directory { names, .. } => names.keys().cloned().collect(),
        }
    }

    /// Whether there is an array of this name.
    pub fn has(&self, name: &str) -> bool {
        match &self.kind {
            Kind::Zip { members, .. } => members.contains_key(name),
            Kind::Directory { names, .. } => names.contains_key(name),
        }
    }

    /// Reads one array. Type and shape are checked before its data are read; `None` takes any shape.
    pub fn read(&self, name: &str, class: Class, want: Option<&[Dim]>) -> Result<Array, FileError> {
        match &self.kind {
            Kind::Zip { zip, members } => {
                let member = members.get(name).ok_or_else(|| self.absent(name))?;
                let mut reader = zip.member(&self.path, member)?;
                let invalid = |f: ItemError| f.in_file(&self.path);
                let header = Header::read(name, &mut reader, member.size, class, want, &self.headers);
                let header = header.map_err(invalid)?;
                let array = header.array(name, &mut reader).map_err(invalid)?;
                reader.finish().map_err(|found| {
                    FileError::new(
                        &self.path,
                        name,
                        "intact data",
                        found,
                        "the file is damaged: save or copy it again",
                    )
                })?;
                Ok(array)
            }
            Kind::Directory { names, .. } => {
                let path = names.get(name).ok_or_else(|| self.absent(name))?;
                read_named(path, name, class, want, (&self.clock, &self.headers))
            }
        }
    }

    /// The configuration's text: the member `config` of an `.npz`, the file `config.json` of a directory.
    pub fn config_text(&self) -> Result<String, FileError> {
        let long = |size: u64| {
            FileError::new(
                &self.path,
                "config",
                format!("at most {MAX_TEXT} bytes"),
                format!("{size} bytes"),
                "store the configuration's JSON text alone",
            )
        };
        let bytes = match &self.kind {
            Kind::Zip { members, .. } => {
                let member = members.get("config").ok_or_else(|| {
                    FileError::new(
                        &self.path,
                        "config",
                        "the configuration's JSON text as uint8 [bytes]",
                        "no such member",
                        "add config to the .npz",
                    )
                })?;
                if member.size > MAX_TEXT {
                    return Err(long(member.size));
                }
                let array = self.read("config", Class::Bytes, Some(&[Dim::Any("bytes")]))?;
                match array.data {
                    Data::U8(bytes) => bytes,
                    // `Class::Bytes` takes no other type.
                    _ => Vec::new(),
                }
            }
            Kind::Directory { text, .. } => {
                let path = text.as_ref().ok_or_else(|| {
                    FileError::new(
                        &self.path,
                        "config.json",
                        "the configuration beside the arrays",
                        "no such file",
                        "add config.json to the directory",
                    )
                })?;
                let (file, size) = open_regular(path, "a JSON text file", &self.clock)?;
                if size > MAX_TEXT {
                    return Err(long(size));
                }
                let mut bytes = Vec::new();
                (&file)
                    .take(MAX_TEXT)
                    .read_to_end(&mut bytes)
                    .map_err(|e| io_error(path, "a JSON text file", &e))?;
                bytes
            }
        };
        String::from_utf8(bytes).map_err(|e| {
            FileError::new(
                &self.path,
                "config",
                "UTF-8 text",
                format!("other bytes at {}", e.utf8_error().valid_up_to()),
                "write the configuration as UTF-8",
            )
        })
    }

    fn absent(&self, name: &str) -> FileError {
        FileError::new(&self.path, name, "an array of this name", "none", "add it to the file")
    }
}

/// Lists an `.npz` of `size` bytes; every member must be an array.
fn zipped(path: &Path, file: Timed, size: u64) -> Result<Kind, FileError> {
    let zip = Zip::open(path, file, size)?;
    let mut members = BTreeMap::new();
    for member in &zip.members {
        if member.name.ends_with('/') {
            let (item, fix) =
                (format!("member {}", member.name), "save the arrays at the archive's top level");
            return Err(FileError::new(path, item, "an array (.npy)", "a directory", fix));
        }
        let Some(name) = member.name.strip_suffix(".npy") else {
            return Err(FileError::new(
                path,
                format!("member {}", member.name),
                "a name that ends in .npy",
                "another",
                "save arrays only, with numpy.savez",
            ));
        };
        members.insert(name.to_owned(), member.clone());
    }
    Ok(Kind::Zip { zip, members })
}

/// Lists a directory; every entry must be an array or `config.json`.
fn directory(path: &Path) -> Result<Kind, FileError> {
    let mut names = BTreeMap::new();
    let mut text = None;
    let expected = "a directory that can be listed";
    let entries = fs::read_dir(path).map_err(|e| io_error(path, expected, &e))?;
    for entry in entries {
        let entry = entry.map_err(|e| io_error(path, expected, &e))?;
        let raw = entry.file_name();
        match raw.to_str() {
            Some("config.json") => text = Some(entry.path()),
            Some(file) if file.ends_with(".npy") => {
                names.insert(file[..file.len() - 4].to_owned(), entry.path());
            }
            _ => {
                return Err(FileError::new(
                    path,
                    format!("entry {}", raw.to_string_lossy()),
                    "<array name>.npy or config.json",
                    "another name",
                    "move it out of the directory",
                ));
            }
        }
    }
    Ok(Kind::Directory { names, text })
}

/// Reads a single `.npy` file. Type and shape are checked before its data are read; `None` takes any shape.
pub fn read_npy(path: impl AsRef<Path>, class: Class, want: Option<&[Dim]>) -> Result<Array, FileError> {
    read_named(path.as_ref(), "array", class, want, (&Arc::default(), &Headers::default()))
}

fn read_named(
    path: &Path,
    name: &str,
    class: Class,
    want: Option<&[Dim]>,
    (clock, headers): (&Arc<Clock>, &Headers),
) -> Result<Array, FileError> {
    let (file, size) = open_regular(path, "a .npy file", clock)?;
    let mut reader = BufReader::with_capacity(1 << 16, &file);
    let invalid = |f: ItemError| f.in_file(path);
    let header = Header::read(name, &mut reader, size, class, want, headers).map_err(invalid)?;
    header.array(name, &mut reader).map_err(invalid)
}
