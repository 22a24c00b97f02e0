//! One `.npy` array: its header, read by `npyz`, and its data decoded as they arrive.
//!
//! The format is NumPy's NEP 1. A header is screened before `npyz` parses it: short, plain ASCII, little nested (the parser
//! takes two or three times as long for each level), and the product of its sizes below 2^63. Integers are read by `npyz`,
//! an element at a time; floats in chunks, which is up to seventeen times as fast.

use super::{Array, Class, Data, Dim};
use efficientecg_files::ItemError;
use half::f16;
use half::slice::HalfFloatSliceExt;
use npyz::{DType, Deserialize, Endianness, NpyHeader, Order, TypeChar, TypeRead};
use std::collections::HashMap;
use std::io::{BufReader, Error, ErrorKind, Read};
use std::sync::{Mutex, PoisonError};

/// Longest header read, as in NumPy (`max_header_size`).
const MAX_HEADER: usize = 10_000;

/// Most dimensions of an array, as in NumPy (`NPY_MAXDIMS`).
pub(super) const MAX_DIMS: usize = 64;

/// Deepest nesting of brackets: a field of a field of a structured type.
const MAX_DEPTH: usize = 5;

/// Bytes decoded at a time: they and what becomes of them stay in the nearest cache.
const CHUNK: usize = 1 << 15;

/// Type and order (whether Fortran's) of the headers that were parsed, by their text without the sizes' digits. A network's
/// hundreds of arrays have three or four such texts, and to parse one takes as long as to read 50 kB of data.
#[derive(Debug, Default)]
pub(super) struct Headers(Mutex<HashMap<Vec<u8>, (DType, bool)>>);

/// Most texts that are kept.
const MAX_KEPT: usize = 64;

/// A parsed header.
#[derive(Debug, Clone)]
pub(super) struct Header {
    pub(super) shape: Vec<usize>,
    dtype: DType,
    fortran: bool,
    count: usize,
    /// Bytes before the data.
    before: u64,
}

fn garbled(item: &str, found: impl AsRef<str>) -> ItemError {
    ItemError::new(
        item,
        "an array in NumPy's .npy format",
        found,
        "save it again with numpy.save or numpy.savez",
    )
}

impl Header {
    /// Reads the header from a member or file of `size` bytes, and checks type and shape against what is wanted and
    /// the data's length against `size`, before any data is read.
    pub(super) fn read(
        item: &str,
        reader: &mut impl Read,
        size: u64,
        class: Class,
        want: Option<&[Dim]>,
        known: &Headers,
    ) -> Result<Header, ItemError> {
        let header = Header::parse(item, reader, known)?;
        check_type(item, &header.dtype, class)?;
        if let Some(want) = want {
            super::check_shape(item, &header.shape, want)?;
        }
        let bytes = (header.count as u64).checked_mul(header.bytes() as u64);
        let total = bytes.and_then(|b| b.checked_add(header.before));
        if total != Some(size) {
            let length = total.map_or("more than 2^63 bytes".to_owned(), |t| format!("{t} bytes"));
            return Err(ItemError::new(
                item,
                format!("{length} for shape {:?}", header.shape),
                format!("{size} bytes"),
                "it is cut off or has trailing bytes: save it again",
            ));
        }
        Ok(header)
    }

    fn parse(item: &str, reader: &mut impl Read, known: &Headers) -> Result<Header, ItemError> {
        let (raw, start) = bytes(item, reader)?;
        let (form, mut sizes) = screen(item, &raw[start..])?;
        let mut known = known.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (dtype, fortran) = match known.get(&form) {
            Some(kind) => kind.clone(),
            None => {
                let header = NpyHeader::from_reader(&raw[..]).map_err(|e| {
                    // The parser draws a picture over several lines, the last of which says what it expected.
                    let text = e.to_string();
                    let found = text.lines().last().unwrap_or_default().trim_start_matches([' ', '=']);
                    garbled(item, format!("a header that does not parse ({found})"))
                })?;
                let kind = (header.dtype(), header.order() == Order::Fortran);
                // Structured types have numbers of their own.
                if header.shape() == sizes && known.len() < MAX_KEPT {
                    known.insert(form, kind.clone());
                }
                sizes = header.shape().to_vec();
                kind
            }
        };
        let shape = sizes.iter().map(|&n| usize::try_from(n)).collect::<Result<Vec<_>, _>>();
        let shape = shape.map_err(|_| too_big(item))?;
        let count = shape.iter().try_fold(1usize, |product, &n| product.checked_mul(n));
        let count = count.ok_or_else(|| too_big(item))?;
        Ok(Header { shape, dtype, fortran, count, before: raw.len() as u64 })
    }

    /// Bytes of an element.
    fn bytes(&self) -> usize {
        self.dtype.num_bytes().unwrap_or(0)
    }

    /// The array, its data read from behind the header, in C order.
    pub(super) fn array(self, item: &str, reader: &mut impl Read) -> Result<Array, ItemError> {
        let data = self.data(item, reader)?;
        Ok(Array { shape: self.shape, data })
    }

    fn data(&self, item: &str, reader: &mut impl Read) -> Result<Data, ItemError> {
        let DType::Plain(plain) = &self.dtype else { return Err(garbled(item, "a structured type")) };
        Ok(match (plain.type_char(), self.bytes()) {
            (TypeChar::Float, 8) => Data::F64(self.doubles(item, reader)?),
            (TypeChar::Float, _) => Data::F32(self.singles(item, reader)?),
            (TypeChar::Int, 1) => Data::I64(self.integers(item, reader, |x: i8| x.into())?),
            (TypeChar::Int, 2) => Data::I64(self.integers(item, reader, |x: i16| x.into())?),
            (TypeChar::Int, 4) => Data::I64(self.integers(item, reader, |x: i32| x.into())?),
            (TypeChar::Int, _) => Data::I64(self.integers(item, reader, |x: i64| x)?),
            (_, 1) => Data::U8(self.integers(item, reader, |x: u8| x)?),
            (_, 2) => Data::U64(self.integers(item, reader, |x: u16| x.into())?),
            (_, 4) => Data::U64(self.integers(item, reader, |x: u32| x.into())?),
            _ => Data::U64(self.integers(item, reader, |x: u64| x)?),
        })
    }

    /// `f8`.
    fn doubles(&self, item: &str, reader: &mut impl Read) -> Result<Vec<f64>, ItemError> {
        self.chunks(item, reader, |chunk: &[[u8; 8]], out| {
            out.extend(chunk.iter().map(|b| f64::from_le_bytes(*b)));
        })
    }

    /// `f2` and `f4`.
    fn singles(&self, item: &str, reader: &mut impl Read) -> Result<Vec<f32>, ItemError> {
        if self.bytes() == 4 {
            return self.chunks(item, reader, |chunk: &[[u8; 4]], out| {
                out.extend(chunk.iter().map(|b| f32::from_le_bytes(*b)));
            });
        }
        self.chunks(item, reader, |chunk: &[[u8; 2]], out| {
            let halves: Vec<f16> = chunk.iter().map(|b| f16::from_le_bytes(*b)).collect();
            out.extend(halves.to_f32_vec());
        })
    }

    /// Reads `count` elements of `N` bytes, which `convert` gets little-endian. The vector grows as data arrive: never by
    /// the announced size alone.
    fn chunks<const N: usize, T: Copy>(
        &self,
        item: &str,
        reader: &mut impl Read,
        convert: impl Fn(&[[u8; N]], &mut Vec<T>),
    ) -> Result<Vec<T>, ItemError> {
        let mut values = Vec::new();
        let mut buffer = vec![[0u8; N]; (CHUNK / N).min(self.count)];
        let big = matches!(&self.dtype, DType::Plain(plain) if plain.endianness() == Endianness::Big);
        let mut left = self.count;
        while left > 0 {
            let n = left.min(CHUNK / N);
            let chunk = &mut buffer[..n];
            reader.read_exact(chunk.as_flattened_mut()).map_err(|e| self.cut(item, values.len(), &e))?;
            if big {
                chunk.iter_mut().for_each(|b| b.reverse());
            }
            if values.is_empty() && left > n {
                // Data do arrive: take memory for at most what they may well amount to.
                values.reserve_exact(left.min(1 << 20));
            }
            convert(chunk, &mut values);
            left -= n;
        }
        Ok(self.c_order(values))
    }

    /// Reads `count` elements of type `T`, and widens each.
    fn integers<T: Deserialize, U: Copy>(
        &self,
        item: &str,
        reader: &mut impl Read,
        widen: impl Fn(T) -> U,
    ) -> Result<Vec<U>, ItemError> {
        let one = T::reader(&self.dtype).map_err(|e| garbled(item, e.to_string()))?;
        let mut reader = BufReader::with_capacity(CHUNK.min(self.count.saturating_mul(8)), reader);
        let mut values = Vec::new();
        for _ in 0..self.count {
            values.push(widen(one.read_one(&mut reader).map_err(|e| self.cut(item, values.len(), &e))?));
        }
        Ok(self.c_order(values))
    }

    /// Data that end after so many elements.
    fn cut(&self, item: &str, after: usize, error: &Error) -> ItemError {
        let what = match error.kind() {
            ErrorKind::UnexpectedEof => "an end".to_owned(),
            _ => format!("an error ({error})"),
        };
        ItemError::new(
            item,
            format!("{} elements", self.count),
            format!("{what} after {after} of them"),
            "the file is damaged: save or copy it again",
        )
    }

    /// Reorders Fortran order (first index fastest) to C order.
    fn c_order<T: Copy>(&self, values: Vec<T>) -> Vec<T> {
        let wide = self.shape.iter().filter(|&&n| n > 1).count();
        if !self.fortran || wide < 2 || values.is_empty() {
            return values;
        }
        let mut strides = Vec::with_capacity(self.shape.len());
        let mut stride = 1;
        for &n in &self.shape {
            strides.push(stride);
            stride *= n;
        }
        let mut index = vec![0usize; self.shape.len()];
        let mut at = 0;
        let mut out = Vec::with_capacity(values.len());
        for _ in 0..values.len() {
            out.push(values[at]);
            for axis in (0..index.len()).rev() {
                index[axis] += 1;
                at += strides[axis];
                if index[axis] < self.shape[axis] {
                    break;
                }
                at -= strides[axis] * index[axis];
                index[axis] = 0;
            }
        }
        out
    }
}

fn too_big(item: &str) -> ItemError {
    ItemError::new(
        item,
        "sizes whose product fits in memory",
        "sizes that overflow",
        "correct the array's shape",
    )
}

/// The bytes of a header, and where among them its text starts.
fn bytes(item: &str, reader: &mut impl Read) -> Result<(Vec<u8>, usize), ItemError> {
    let io = |e: Error| match e.kind() {
        ErrorKind::UnexpectedEof => garbled(item, "an end within the header"),
        _ => garbled(item, e.to_string()),
    };
    let mut raw = vec![0u8; 10];
    reader.read_exact(&mut raw).map_err(io)?;
    if !raw.starts_with(b"\x93NUMPY") {
        return Err(garbled(item, "other bytes at its start"));
    }
    let len = match (raw[6], raw[7]) {
        (1, 0) => usize::from(u16::from_le_bytes([raw[8], raw[9]])),
        (2, 0) | (3, 0) => {
            raw.resize(12, 0);
            reader.read_exact(&mut raw[10..]).map_err(io)?;
            u32::from_le_bytes([raw[8], raw[9], raw[10], raw[11]]) as usize
        }
        (major, minor) => {
            return Err(ItemError::new(
                item,
                "version 1.0, 2.0 or 3.0 of the .npy format",
                format!("version {major}.{minor}"),
                "save it again with a current NumPy",
            ));
        }
    };
    if len > MAX_HEADER {
        return Err(garbled(item, format!("a header of {len} bytes")));
    }
    let start = raw.len();
    raw.resize(start + len, 0);
    reader.read_exact(&mut raw[start..]).map_err(io)?;
    Ok((raw, start))
}

/// Refuses headers that a NumPy array of numbers does not have, those whose sizes overflow, and what could make a parser
/// panic or take long. The text with a zero byte for each number outside quotes, without the spaces at its end; and those
/// numbers.
fn screen(item: &str, header: &[u8]) -> Result<(Vec<u8>, Vec<u64>), ItemError> {
    let header = header.strip_suffix(b"\n").unwrap_or(header);
    let plain = |b: &u8| matches!(b, b' '..=b'~') && *b != b'\\';
    if !header.iter().all(plain) {
        return Err(garbled(item, "a header with odd characters"));
    }
    // Sums would pass the product below.
    if header.iter().any(|b| matches!(b, b'+' | b'-')) {
        return Err(garbled(item, "a header with signs (a negative size?)"));
    }
    let (mut form, mut sizes) = (Vec::with_capacity(header.len()), Vec::new());
    let (mut quote, mut depth, mut keys) = (None, 0usize, 0);
    let mut product = 1u64;
    let mut number: Option<u64> = None;
    for &b in header.trim_ascii_end().iter().chain(b" ") {
        if quote.is_none() && b.is_ascii_digit() {
            let next = match number {
                Some(0) => return Err(garbled(item, "a header with odd numbers")),
                before => {
                    before.unwrap_or(0).checked_mul(10).and_then(|n| n.checked_add(u64::from(b - b'0')))
                }
            };
            number = Some(next.ok_or_else(|| too_big(item))?);
            continue;
        }
        if let Some(n) = number.take() {
            if b.is_ascii_alphabetic() || b == b'_' {
                return Err(garbled(item, "a header with odd numbers"));
            }
            // A zero would hide the other sizes.
            product = product.checked_mul(n.max(1)).filter(|p| *p < 1 << 63).ok_or_else(|| too_big(item))?;
            sizes.push(n);
            form.push(0);
        }
        form.push(b);
        match (quote, b) {
            (None, b'\'' | b'"') => quote = Some(b),
            (Some(q), _) if q == b => quote = None,
            (None, b'(' | b'[' | b'{') => depth += 1,
            (None, b')' | b']' | b'}') => depth = depth.saturating_sub(1),
            (None, b':') => keys += 1,
            _ => {}
        }
        if depth > MAX_DEPTH {
            return Err(garbled(item, "a deeply nested header"));
        }
    }
    if keys > 3 {
        return Err(garbled(item, "a header with more than descr, fortran_order and shape"));
    }
    if sizes.len() > MAX_DIMS {
        return Err(garbled(item, format!("a header with {} sizes", sizes.len())));
    }
    Ok((form, sizes))
}

/// Refuses elements that are not of the wanted class.
fn check_type(item: &str, dtype: &DType, class: Class) -> Result<(), ItemError> {
    let found = match dtype {
        DType::Plain(plain) => {
            let float = class != Class::Integer && class != Class::Bytes;
            match (plain.type_char(), plain.size_field()) {
                (TypeChar::Float, 2 | 4 | 8) if float => return Ok(()),
                (TypeChar::Uint, 1) if class != Class::Float => return Ok(()),
                (TypeChar::Int | TypeChar::Uint, _) if matches!(class, Class::Integer | Class::Number) => {
                    return Ok(());
                }
                (TypeChar::Object, _) => "Python objects (a pickle)".to_owned(),
                _ => format!("type {plain}"),
            }
        }
        _ => "a structured type".to_owned(),
    };
    let fix = match class {
        Class::Float | Class::Number => "convert with array.astype('float32')",
        Class::Integer => "convert with array.astype('int64')",
        Class::Bytes => "store the JSON text with numpy.frombuffer(text, 'uint8')",
    };
    Err(ItemError::new(item, class.describe(), found, fix))
}
