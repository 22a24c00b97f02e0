//! Layers from a packed file, each when it is asked for: no more than one of them is in memory twice.

use super::hash::Xxh64;
use super::{ALIGNMENT, Encoding, HEADER, MAGIC, MAX_CONFIG, VERSION, configuration};
use crate::config::Config;
use crate::layers::{Affine, Layers, within};
use crate::overflow::{Overflow, first};
use crate::weights::{self, WeightsError};
use efficientecg_engine::clock::Moment;
use efficientecg_files::{FileError, ItemError};
use efficientecg_kernels::half;
use efficientecg_kernels::weight_rows::WeightRows;
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::fs::File;
use std::io::{Cursor, ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Opens a packed file; `None` is one of another kind, or none that can be read.
pub(crate) fn open(path: &Path) -> Result<Option<PackedFile<'static>>, WeightsError> {
    // A pipe would block.
    if !path.metadata().is_ok_and(|meta| meta.is_file()) {
        return Ok(None);
    }
    let Ok(mut file) = File::open(path) else { return Ok(None) };
    let mut magic = [0; MAGIC.len()];
    match file.read_exact(&mut magic) {
        Ok(()) if magic == MAGIC => PackedFile::open(path, Cursor::new(magic).chain(file)).map(Some),
        _ => Ok(None),
    }
}

/// That a file is not of the only kind that this build reads.
#[cfg(not(feature = "npz"))]
pub(crate) fn not_packed(path: &Path) -> FileError {
    let found = if path.exists() { "another file" } else { "no such file" };
    FileError::new(
        path,
        "file",
        "packed weights",
        found,
        "pack them with `efficientecg pack`; .npz needs the feature npz",
    )
}

const AGAIN: &str = "the file is damaged: copy or pack it again";

/// A packed file whose configuration is read and checked, and whose arrays are to come.
pub(crate) struct PackedFile<'a> {
    path: PathBuf,
    config: Config,
    /// Number of elements of each array of the table.
    counts: HashMap<String, usize>,
    stream: RefCell<Stream<'a>>,
    limit: Cell<Overflow>,
    taken: Cell<Duration>,
}

impl<'a> PackedFile<'a> {
    /// Reads the header and the configuration; `path` is for messages.
    pub(crate) fn open(path: &Path, from: impl Read + 'a) -> Result<PackedFile<'a>, WeightsError> {
        let invalid =
            |expected: &str, found: String, fix: &str| FileError::new(path, "header", expected, found, fix);
        let mut stream = Stream {
            from: Box::new(from),
            at: 0,
            hash: Xxh64::new(),
            length: u64::MAX,
            expected: 0,
            buffer: Vec::new(),
            halves: Vec::new(),
        };
        let header: [u8; HEADER] = stream.array("header").map_err(|e| e.in_file(path))?;
        let (magic, rest) = header.split_at(MAGIC.len());
        if magic != MAGIC {
            let fix = "name a file that `efficientecg pack` wrote";
            return Err(invalid("packed weights", "other bytes at its start".to_owned(), fix));
        }
        let word = |at: usize| u32::from_le_bytes([rest[at], rest[at + 1], rest[at + 2], rest[at + 3]]);
        let long = |at: usize| u64::from(word(at)) | u64::from(word(at + 4)) << 32;
        if word(0) != VERSION {
            let found = format!("version {}", word(0));
            return Err(invalid(
                &format!("version {VERSION}"),
                found,
                "pack the weights again, with this version",
            ));
        }
        let length = word(4) as usize;
        if length > MAX_CONFIG {
            return Err(invalid("a configuration of at most 4 MiB", format!("{length} bytes"), AGAIN));
        }
        (stream.length, stream.expected) = (long(8), long(16));
        // The hash is of what follows.
        stream.hash = Xxh64::new();
        let mut bytes = vec![0; length];
        stream.fill("configuration", &mut bytes).map_err(|e| e.in_file(path))?;
        let config = configuration::from_bytes(&bytes).map_err(|e| e.in_file(path))?;
        let table = weights::table(&config).map_err(|e| e.in_file(path))?;
        let counts = table.into_iter().map(|entry| (entry.name, entry.shape.iter().product())).collect();
        let (stream, limit) = (RefCell::new(stream), Cell::new(Overflow::F32));
        Ok(PackedFile { path: path.to_path_buf(), config, counts, stream, limit, taken: Cell::default() })
    }

    /// The next array, which must be this one.
    fn array(&self, name: &str) -> Result<Vec<f32>, WeightsError> {
        let start = Moment::now();
        let count = self.counts.get(name).copied().unwrap_or_default();
        let values = self.stream.borrow_mut().values(name, count).and_then(|values| {
            match first(&values, f32::is_finite) {
                None => Ok(values),
                Some((i, v)) => {
                    let found = format!("{v} at element {i} of {count}");
                    Err(ItemError::new(name, "finite values", found, "pack intact weights"))
                }
            }
        });
        self.taken.set(self.taken.get() + start.elapsed());
        values.map_err(|e| self.invalid(e))
    }

    /// The next array in f64, within the limit.
    fn exact(&self, name: &str) -> Result<Vec<f64>, WeightsError> {
        let values: Vec<f64> = self.array(name)?.into_iter().map(f64::from).collect();
        within(self.limit.get(), name, &values).map_err(|e| self.invalid(e))?;
        Ok(values)
    }
}

impl Layers for PackedFile<'_> {
    fn config(&self) -> &Config {
        &self.config
    }

    fn path(&self) -> &Path {
        &self.path
    }

    fn set_limit(&self, limit: Overflow) {
        self.limit.set(limit);
    }

    fn conv_bn(&self, layer: &str) -> Result<Affine<WeightRows>, WeightsError> {
        let name = format!("{layer}.conv.weight");
        let values = self.array(&name)?;
        if self.limit.get() != Overflow::F32 {
            let exact: Vec<f64> = values.iter().copied().map(f64::from).collect();
            within(self.limit.get(), &name, &exact).map_err(|e| self.invalid(e))?;
        }
        let bias = self.exact(&format!("{layer}.bn.bias"))?;
        Ok(Affine { weight: WeightRows::Scaled { values, factors: vec![1.0; bias.len()] }, bias })
    }

    fn conv_bn_exact(&self, layer: &str) -> Result<Affine, WeightsError> {
        let weight = self.exact(&format!("{layer}.conv.weight"))?;
        Ok(Affine { weight, bias: self.exact(&format!("{layer}.bn.bias"))? })
    }

    fn values(&self, name: &str) -> Result<Vec<f64>, WeightsError> {
        self.exact(name)
    }

    /// It was formed when the file was packed.
    fn sum(&self, name: &str, _: &str) -> Result<Vec<f64>, WeightsError> {
        self.exact(name)
    }

    fn finish(&self) -> Result<(), WeightsError> {
        self.stream.borrow_mut().finish().map_err(|e| self.invalid(e))
    }

    fn taken(&self) -> Duration {
        self.taken.get()
    }

    fn reading(&self) -> Duration {
        self.taken.get()
    }
}

/// Bytes as they come, hashed.
struct Stream<'a> {
    from: Box<dyn Read + 'a>,
    at: u64,
    hash: Xxh64,
    /// What the header says of the file.
    length: u64,
    expected: u64,
    /// Bytes of the array that comes, and its halves: kept, as some allocators ask the system for memory of this size each time.
    buffer: Vec<u8>,
    halves: Vec<u16>,
}

impl Stream<'_> {
    fn fill(&mut self, item: &str, to: &mut [u8]) -> Result<(), ItemError> {
        self.from.read_exact(to).map_err(|e| {
            let found = match e.kind() {
                ErrorKind::UnexpectedEof => "an end within it".to_owned(),
                _ => e.to_string(),
            };
            ItemError::new(item, "all of its bytes", found, AGAIN)
        })?;
        self.at += to.len() as u64;
        self.hash.update(to);
        Ok(())
    }

    fn array<const N: usize>(&mut self, item: &str) -> Result<[u8; N], ItemError> {
        let mut bytes = [0; N];
        self.fill(item, &mut bytes)?;
        Ok(bytes)
    }

    /// The zeros up to the next multiple of the alignment.
    fn pad(&mut self, item: &str) -> Result<(), ItemError> {
        let mut zeros = [0; ALIGNMENT];
        let n = (self.at.next_multiple_of(ALIGNMENT as u64) - self.at) as usize;
        self.fill(item, &mut zeros[..n])
    }

    /// The next array. Memory grows as data arrive.
    fn values(&mut self, name: &str, count: usize) -> Result<Vec<f32>, ItemError> {
        /// Elements at a time: they stay in the nearest cache.
        const CHUNK: usize = 1 << 13;
        self.pad(name)?;
        let header: [u8; ALIGNMENT] = self.array(name)?;
        let word =
            |at: usize| u32::from_le_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]);
        let long = |at: usize| u64::from(word(at)) | u64::from(word(at + 4)) << 32;
        let encoding = Encoding::by_number(word(16));
        let (true, Some(encoding)) = (long(8) == Xxh64::of(name.as_bytes()), encoding) else {
            let fix = "pack the weights again, with this version";
            return Err(ItemError::new(
                name,
                "the next array",
                "another, or one of an unknown encoding",
                fix,
            ));
        };
        if long(0) != count as u64 {
            return Err(ItemError::new(name, format!("{count} elements"), format!("{}", long(0)), AGAIN));
        }
        let mut values = Vec::new();
        let mut buffer = std::mem::take(&mut self.buffer);
        buffer.resize(CHUNK * encoding.bytes(), 0);
        while values.len() < count {
            let n = CHUNK.min(count - values.len());
            let bytes = &mut buffer[..n * encoding.bytes()];
            self.fill(name, bytes)?;
            if !values.is_empty() && values.capacity() < count {
                values.reserve_exact((count - values.len()).min(1 << 20));
            }
            match encoding {
                Encoding::F32 => values.extend(bytes.as_chunks().0.iter().map(|b| f32::from_le_bytes(*b))),
                Encoding::F16 => {
                    self.halves.clear();
                    self.halves.extend(bytes.as_chunks().0.iter().map(|b| u16::from_le_bytes(*b)));
                    half::extend_f32(&mut values, &self.halves);
                }
                Encoding::Bf16 => {
                    let whole = |b: &[u8; 2]| f32::from_bits(u32::from(u16::from_le_bytes(*b)) << 16);
                    values.extend(bytes.as_chunks().0.iter().map(whole));
                }
            }
        }
        self.buffer = buffer;
        Ok(values)
    }

    /// Fails unless this is the end, and the bytes are those that were hashed.
    fn finish(&mut self) -> Result<(), ItemError> {
        let mut one = [0];
        let more = loop {
            match self.from.read(&mut one) {
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                read => break read,
            }
        };
        let found = match more {
            Err(e) => e.to_string(),
            Ok(0) if self.at != self.length => format!("{} bytes", self.at),
            Ok(0) if std::mem::replace(&mut self.hash, Xxh64::new()).finish() != self.expected => {
                "bytes that were changed".to_owned()
            }
            Ok(0) => return Ok(()),
            Ok(_) => "more of them".to_owned(),
        };
        Err(ItemError::new("file", format!("the {} bytes that were packed", self.length), found, AGAIN))
    }
}
