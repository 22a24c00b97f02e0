//! Layers from the bytes of a packed file, each when it is asked for: no more than one of them is in memory twice, and those in blocks of
//! f16 are there once.

use super::hash::Xxh64;
use super::{ALIGNMENT, Encoding, HEADER, MAGIC, MAX_CONFIG, VERSION, configuration};
use crate::config::Config;
use crate::layers::{Affine, Layers, within};
use crate::overflow::{Overflow, first};
use crate::weights::{self, WeightsError};
use efficientecg_engine::clock::Moment;
use efficientecg_files::{Contents, FileError, ItemError};
use efficientecg_kernels::half;
use efficientecg_kernels::half_blocks::{HalfBlocks, SharedBytes};
use efficientecg_kernels::weight_rows::WeightRows;
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::fs::File;
use std::io::{Read, Seek};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// Opens a packed file; `None` is one of another kind, or none that can be read.
pub(crate) fn open(path: &Path) -> Result<Option<PackedFile<'static>>, WeightsError> {
    // A pipe would block.
    if !path.metadata().is_ok_and(|meta| meta.is_file()) {
        return Ok(None);
    }
    let Ok(mut file) = File::open(path) else { return Ok(None) };
    let mut magic = [0; MAGIC.len()];
    if file.read_exact(&mut magic).is_err() || magic != MAGIC {
        return Ok(None);
    }
    let contents = file.rewind().and_then(|()| Contents::of(file)).map_err(|e| {
        FileError::new(path, "file", "all of its bytes", e.to_string(), "see whether it can be read")
    })?;
    PackedFile::open(path, Bytes::File(Arc::new(contents))).map(Some)
}

/// The bytes of a packed file.
pub(crate) enum Bytes<'a> {
    /// Of a file, which a model may keep.
    File(Arc<Contents>),
    /// Which a model may keep.
    Shared(SharedBytes),
    /// Of which it keeps copies.
    Borrowed(&'a [u8]),
}

impl Bytes<'_> {
    pub(crate) fn all(&self) -> &[u8] {
        match self {
            Bytes::File(contents) => contents.as_ref().as_ref(),
            Bytes::Shared(bytes) => bytes.as_ref().as_ref(),
            Bytes::Borrowed(bytes) => bytes,
        }
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
    pub(crate) fn open(path: &Path, bytes: Bytes<'a>) -> Result<PackedFile<'a>, WeightsError> {
        let invalid =
            |expected: &str, found: String, fix: &str| FileError::new(path, "header", expected, found, fix);
        let mut stream = Stream { bytes, at: 0, hash: Xxh64::new(), length: u64::MAX, expected: 0 };
        let header: [u8; HEADER] = stream.fixed("header").map_err(|e| e.in_file(path))?;
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
        let bytes = stream.take("configuration", length).map_err(|e| e.in_file(path))?;
        let config = configuration::from_bytes(bytes).map_err(|e| e.in_file(path))?;
        let table = weights::table(&config).map_err(|e| e.in_file(path))?;
        let counts = table.into_iter().map(|entry| (entry.name, entry.shape.iter().product())).collect();
        let (stream, limit) = (RefCell::new(stream), Cell::new(Overflow::F32));
        Ok(PackedFile { path: path.to_path_buf(), config, counts, stream, limit, taken: Cell::default() })
    }

    /// Takes something from the bytes: the time counts, and an error names the file.
    fn taking<T>(
        &self,
        take: impl FnOnce(&mut Stream<'a>) -> Result<T, ItemError>,
    ) -> Result<T, WeightsError> {
        let start = Moment::now();
        let taken = take(&mut self.stream.borrow_mut());
        self.taken.set(self.taken.get() + start.elapsed());
        taken.map_err(|e| self.invalid(e))
    }

    fn count(&self, name: &str) -> usize {
        self.counts.get(name).copied().unwrap_or_default()
    }

    /// The next array, which must be this one.
    fn array(&self, name: &str) -> Result<Vec<f32>, WeightsError> {
        let count = self.count(name);
        self.taking(|stream| {
            let encoding = stream.start(name)?;
            stream.values(name, encoding, count)
        })
    }

    /// The next array in f64, within the limit.
    fn exact(&self, name: &str) -> Result<Vec<f64>, WeightsError> {
        let values: Vec<f64> = self.array(name)?.into_iter().map(f64::from).collect();
        within(self.limit.get(), name, &values).map_err(|e| self.invalid(e))?;
        Ok(values)
    }

    /// The next array, a row for each of `outputs`, within the limit.
    fn rows(&self, name: &str, outputs: usize) -> Result<WeightRows, WeightsError> {
        let count = self.count(name);
        let rows = self.taking(|stream| match stream.start(name)? {
            (Some(Encoding::F16Blocks), found) => {
                stream.blocks(name, found, outputs, count / outputs.max(1)).map(WeightRows::Halves)
            }
            encoding => Ok(WeightRows::unscaled(stream.values(name, encoding, count)?, outputs)),
        })?;
        if self.limit.get() != Overflow::F32 {
            within(self.limit.get(), name, &rows.exact()).map_err(|e| self.invalid(e))?;
        }
        Ok(rows)
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
        let bias = format!("{layer}.bn.bias");
        let weight = self.rows(&format!("{layer}.conv.weight"), self.count(&bias))?;
        Ok(Affine { weight, bias: self.exact(&bias)? })
    }

    fn conv_bn_exact(&self, layer: &str) -> Result<Affine, WeightsError> {
        let weight = self.exact(&format!("{layer}.conv.weight"))?;
        Ok(Affine { weight, bias: self.exact(&format!("{layer}.bn.bias"))? })
    }

    fn values(&self, name: &str) -> Result<Vec<f64>, WeightsError> {
        self.exact(name)
    }

    fn linear_rows(&self, layer: &str) -> Result<Affine<WeightRows>, WeightsError> {
        let bias = format!("{layer}.bias");
        let weight = self.rows(&format!("{layer}.weight"), self.count(&bias))?;
        Ok(Affine { weight, bias: self.exact(&bias)? })
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

/// Bytes in their order, hashed.
struct Stream<'a> {
    bytes: Bytes<'a>,
    at: usize,
    hash: Xxh64,
    /// What the header says of the file.
    length: u64,
    expected: u64,
}

impl Stream<'_> {
    /// The next `len` bytes.
    fn take(&mut self, item: &str, len: usize) -> Result<&[u8], ItemError> {
        let taken = self.bytes.all().get(self.at..).and_then(|rest| rest.get(..len));
        let bytes =
            taken.ok_or_else(|| ItemError::new(item, "all of its bytes", "an end within it", AGAIN))?;
        self.at += len;
        self.hash.update(bytes);
        Ok(bytes)
    }

    fn fixed<const N: usize>(&mut self, item: &str) -> Result<[u8; N], ItemError> {
        let bytes = self.take(item, N)?;
        Ok(std::array::from_fn(|i| bytes[i]))
    }

    /// The header of the next array, which must be this one: its encoding, and how many elements it says it has.
    fn start(&mut self, name: &str) -> Result<(Option<Encoding>, u64), ItemError> {
        let zeros = self.at.next_multiple_of(ALIGNMENT) - self.at;
        self.take(name, zeros)?;
        let header: [u8; ALIGNMENT] = self.fixed(name)?;
        let word =
            |at: usize| u32::from_le_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]);
        let long = |at: usize| u64::from(word(at)) | u64::from(word(at + 4)) << 32;
        if long(8) != Xxh64::of(name.as_bytes()) {
            return Err(unknown(name));
        }
        Ok((Encoding::by_number(word(16)), long(0)))
    }

    /// The elements of an array whose header was read.
    fn values(
        &mut self,
        name: &str,
        (encoding, found): (Option<Encoding>, u64),
        count: usize,
    ) -> Result<Vec<f32>, ItemError> {
        /// Elements at a time: they stay in the nearest cache.
        const CHUNK: usize = 1 << 12;
        let encoding = encoding.filter(|e| *e != Encoding::F16Blocks).ok_or_else(|| unknown(name))?;
        if found != count as u64 {
            return Err(ItemError::new(name, format!("{count} elements"), format!("{found}"), AGAIN));
        }
        let start = self.at;
        let bytes = self.take(name, count.saturating_mul(encoding.bytes()))?;
        let mut values = Vec::with_capacity(count);
        let mut halves = Vec::new();
        for bytes in bytes.chunks(CHUNK * encoding.bytes()) {
            match encoding {
                Encoding::F32 => values.extend(bytes.as_chunks().0.iter().map(|b| f32::from_le_bytes(*b))),
                Encoding::Bf16 => {
                    let whole = |b: &[u8; 2]| f32::from_bits(u32::from(u16::from_le_bytes(*b)) << 16);
                    values.extend(bytes.as_chunks().0.iter().map(whole));
                }
                Encoding::F16 | Encoding::F16Blocks => {
                    halves.clear();
                    halves.extend(bytes.as_chunks().0.iter().map(|b| u16::from_le_bytes(*b)));
                    half::extend_f32(&mut values, &halves);
                }
            }
        }
        if let Bytes::File(contents) = &self.bytes {
            contents.give_back(start..self.at);
        }
        match first(&values, f32::is_finite) {
            None => Ok(values),
            Some((i, v)) => Err(not_finite(name, format!("{v} at element {i} of {count}"))),
        }
    }

    /// The blocks of rows of an array whose header was read.
    fn blocks(
        &mut self,
        name: &str,
        found: u64,
        outputs: usize,
        inputs: usize,
    ) -> Result<HalfBlocks, ItemError> {
        let count = HalfBlocks::cells(outputs, inputs);
        if found != count as u64 {
            return Err(ItemError::new(name, format!("{count} elements"), format!("{found}"), AGAIN));
        }
        let first = self.at;
        self.take(name, count.saturating_mul(2))?;
        let blocks = match &self.bytes {
            Bytes::File(contents) => {
                let shared: SharedBytes = Arc::clone(contents) as _;
                HalfBlocks::new(shared, first, outputs, inputs)
            }
            Bytes::Shared(bytes) => HalfBlocks::new(Arc::clone(bytes), first, outputs, inputs),
            Bytes::Borrowed(all) => {
                HalfBlocks::new(Arc::new(all[first..self.at].to_vec()), 0, outputs, inputs)
            }
        };
        let blocks = blocks.ok_or_else(|| unknown(name))?;
        match blocks.first_odd() {
            None => Ok(blocks),
            Some((output, input)) if output < outputs => {
                let value = half::to_f32(blocks.at(output, input));
                Err(not_finite(name, format!("{value} at [{output}, {input}]")))
            }
            Some((output, _)) => {
                let found = format!("something in row {output}");
                Err(ItemError::new(name, format!("zeros beyond its {outputs} rows"), found, AGAIN))
            }
        }
    }

    /// Fails unless this is the end, and the bytes are those that were hashed.
    fn finish(&mut self) -> Result<(), ItemError> {
        let found = match self.bytes.all().len() {
            all if all > self.at => "more of them".to_owned(),
            all if all as u64 != self.length => format!("{all} bytes"),
            _ if std::mem::replace(&mut self.hash, Xxh64::new()).finish() != self.expected => {
                "bytes that were changed".to_owned()
            }
            _ => return Ok(()),
        };
        Err(ItemError::new("file", format!("the {} bytes that were packed", self.length), found, AGAIN))
    }
}

fn unknown(name: &str) -> ItemError {
    let found = "another, or one of an unknown encoding";
    ItemError::new(name, "the next array", found, "pack the weights again, with this version")
}

fn not_finite(name: &str, found: String) -> ItemError {
    ItemError::new(name, "finite values", found, "pack intact weights")
}
