//! One `.npy` array: its header, and its data decoded in chunks as they arrive.
//!
//! The format is NumPy's NEP 1. A header is screened before it is parsed: short, plain ASCII, and the product of all its
//! numbers (item size included) below 2^63.

use super::header::{Descr, Literal};
use super::{Array, Class, Data, Dim};
use efficientecg_files::Fault;
use std::io::Read;

/// Longest header read, as in NumPy (`max_header_size`).
const MAX_HEADER: usize = 10_000;

/// Bytes decoded at a time.
const CHUNK: usize = 1 << 16;

/// Element types that are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Element {
    Float(usize),
    Signed(usize),
    Unsigned(usize),
}

impl Element {
    fn bytes(self) -> usize {
        match self {
            Element::Float(n) | Element::Signed(n) | Element::Unsigned(n) => n,
        }
    }
}

/// A parsed header.
#[derive(Debug, Clone)]
pub(super) struct Header {
    pub(super) shape: Vec<usize>,
    element: Element,
    big_endian: bool,
    fortran: bool,
    /// Bytes before the data.
    before: u64,
    count: usize,
}

fn garbled(item: &str, found: impl AsRef<str>) -> Fault {
    Fault::new(item, "an array in NumPy's .npy format", found, "save it again with numpy.save or numpy.savez")
}

impl Header {
    /// Reads the header from a member or file of `size` bytes, and checks type and shape against what is wanted and
    /// the data's length against `size`, before any data is read.
    pub(super) fn read(
        item: &str,
        reader: &mut (impl Read + ?Sized),
        size: u64,
        class: Class,
        want: Option<&[Dim]>,
    ) -> Result<Header, Fault> {
        let header = Header::parse(item, reader, class)?;
        if let Some(want) = want {
            super::check_shape(item, &header.shape, want)?;
        }
        let bytes = (header.count as u64).checked_mul(header.element.bytes() as u64);
        let total = bytes.and_then(|b| b.checked_add(header.before));
        if total != Some(size) {
            let length = total.map_or("more than 2^63 bytes".to_owned(), |t| format!("{t} bytes"));
            return Err(Fault::new(
                item,
                format!("{length} for shape {:?}", header.shape),
                format!("{size} bytes"),
                "it is cut off or has trailing bytes: save it again",
            ));
        }
        Ok(header)
    }

    fn parse(item: &str, reader: &mut (impl Read + ?Sized), class: Class) -> Result<Header, Fault> {
        let io = |e: std::io::Error| match e.kind() {
            std::io::ErrorKind::UnexpectedEof => garbled(item, "an end within the header"),
            _ => garbled(item, e.to_string()),
        };
        let mut raw = vec![0u8; 10];
        reader.read_exact(&mut raw).map_err(io)?;
        if !raw.starts_with(b"\x93NUMPY") {
            return Err(garbled(item, "other bytes at its start"));
        }
        let version = (raw[6], raw[7]);
        let len = match version {
            (1, 0) => usize::from(u16::from_le_bytes([raw[8], raw[9]])),
            (2, 0) | (3, 0) => {
                raw.resize(12, 0);
                reader.read_exact(&mut raw[10..]).map_err(io)?;
                u32::from_le_bytes([raw[8], raw[9], raw[10], raw[11]]) as usize
            }
            (major, minor) => {
                return Err(Fault::new(
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
        screen(item, &raw[start..])?;
        let text = std::str::from_utf8(&raw[start..]).map_err(|e| garbled(item, e.to_string()))?;
        let parsed = Literal::parse(text)
            .map_err(|found| garbled(item, format!("a header that does not parse ({found})")))?;
        let shape = parsed.shape;
        let count = shape
            .iter()
            .try_fold(1usize, |product, &n| product.checked_mul(n))
            .ok_or_else(|| too_big(item))?;
        let (element, big_endian) = element(item, &parsed.descr, class)?;
        Ok(Header { shape, element, big_endian, fortran: parsed.fortran, before: raw.len() as u64, count })
    }

    /// Decodes the data that follows the header, in C order.
    pub(super) fn data(&self, item: &str, reader: &mut (impl Read + ?Sized)) -> Result<Data, Fault> {
        let big = self.big_endian;
        macro_rules! decode {
            ($variant:ident, $n:literal, $convert:expr) => {{
                let convert = $convert;
                let values = self.values::<$n, _>(item, reader, |mut b: [u8; $n]| {
                    if big {
                        b.reverse();
                    }
                    convert(b)
                })?;
                Data::$variant(self.c_order(values))
            }};
        }
        Ok(match self.element {
            Element::Float(2) => decode!(F32, 2, |b| f16_to_f32(u16::from_le_bytes(b))),
            Element::Float(4) => decode!(F32, 4, f32::from_le_bytes),
            Element::Float(_) => decode!(F64, 8, f64::from_le_bytes),
            Element::Signed(1) => decode!(I64, 1, |b| i64::from(i8::from_le_bytes(b))),
            Element::Signed(2) => decode!(I64, 2, |b| i64::from(i16::from_le_bytes(b))),
            Element::Signed(4) => decode!(I64, 4, |b| i64::from(i32::from_le_bytes(b))),
            Element::Signed(_) => decode!(I64, 8, i64::from_le_bytes),
            Element::Unsigned(1) => decode!(U8, 1, u8::from_le_bytes),
            Element::Unsigned(2) => decode!(U64, 2, |b| u64::from(u16::from_le_bytes(b))),
            Element::Unsigned(4) => decode!(U64, 4, |b| u64::from(u32::from_le_bytes(b))),
            Element::Unsigned(_) => decode!(U64, 8, u64::from_le_bytes),
        })
    }

    /// Decodes the data that follows the header of an array of floats, in C order.
    pub(super) fn floats(&self, item: &str, reader: &mut (impl Read + ?Sized)) -> Result<Vec<f64>, Fault> {
        let big = self.big_endian;
        macro_rules! decode {
            ($n:literal, $convert:expr) => {{
                let convert = $convert;
                let values = if big {
                    self.values::<$n, _>(item, reader, |mut b: [u8; $n]| {
                        b.reverse();
                        convert(b)
                    })?
                } else {
                    self.values::<$n, _>(item, reader, convert)?
                };
                Ok(self.c_order(values))
            }};
        }
        match self.element {
            Element::Float(2) => decode!(2, |b| f64::from(f16_to_f32(u16::from_le_bytes(b)))),
            Element::Float(4) => decode!(4, |b| f64::from(f32::from_le_bytes(b))),
            Element::Float(8) => decode!(8, f64::from_le_bytes),
            _ => Ok(self.data(item, reader)?.into_f64()),
        }
    }

    /// Reads `count` elements of `N` bytes. The vector grows as data arrive: never by the announced size alone.
    fn values<const N: usize, T>(
        &self,
        item: &str,
        reader: &mut (impl Read + ?Sized),
        convert: impl Fn([u8; N]) -> T,
    ) -> Result<Vec<T>, Fault> {
        let mut values = Vec::new();
        let mut buffer = vec![0u8; CHUNK.min(self.count.saturating_mul(N))];
        let mut left = self.count;
        while left > 0 {
            let n = left.min(CHUNK / N);
            let chunk = &mut buffer[..n * N];
            reader.read_exact(chunk).map_err(|e| {
                let what = match e.kind() {
                    std::io::ErrorKind::UnexpectedEof => "an end".to_owned(),
                    _ => format!("an error ({e})"),
                };
                Fault::new(
                    item,
                    format!("{} elements", self.count),
                    format!("{what} after {} of them", values.len()),
                    "the file is damaged: save or copy it again",
                )
            })?;
            let (elements, _) = chunk.as_chunks::<N>();
            if values.is_empty() && left > n {
                // Data do arrive: take memory for at most what they may well amount to.
                values.reserve_exact(left.min(1 << 20));
            }
            values.extend(elements.iter().map(|b| convert(*b)));
            left -= n;
        }
        Ok(values)
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

    /// The array, once its data are read.
    pub(super) fn array(self, data: Data) -> Array {
        Array { shape: self.shape, data }
    }
}

fn too_big(item: &str) -> Fault {
    Fault::new(item, "sizes whose product fits in memory", "sizes that overflow", "correct the array's shape")
}

/// Refuses headers that a NumPy array of numbers does not have, and those whose sizes overflow.
fn screen(item: &str, header: &[u8]) -> Result<(), Fault> {
    let plain = |b: &u8| matches!(b, b' '..=b'~' | b'\n') && *b != b'\\';
    if !header.iter().all(plain) {
        return Err(garbled(item, "a header with odd characters"));
    }
    // Sums would pass the product below.
    if header.iter().any(|b| matches!(b, b'+' | b'-')) {
        return Err(garbled(item, "a header with signs (a negative size?)"));
    }
    let open = |b: &&u8| matches!(b, b'(' | b'[' | b'{');
    if header.iter().filter(open).count() > 64 {
        return Err(garbled(item, "a deeply nested header"));
    }
    let mut product = 1u64;
    let mut number: Option<u64> = None;
    for &b in header.iter().chain(b" ") {
        if b.is_ascii_digit() {
            let next = number.unwrap_or(0).checked_mul(10).and_then(|n| n.checked_add(u64::from(b - b'0')));
            number = Some(next.ok_or_else(|| too_big(item))?);
        } else if let Some(n) = number.take() {
            if b.is_ascii_alphabetic() || b == b'_' {
                return Err(garbled(item, "a header with odd numbers"));
            }
            // A zero would hide the other sizes.
            product = product.checked_mul(n.max(1)).filter(|p| *p < 1 << 63).ok_or_else(|| too_big(item))?;
        }
    }
    Ok(())
}

/// The element type, if it is of the wanted class, and whether it is big-endian.
fn element(item: &str, descr: &Descr<'_>, class: Class) -> Result<(Element, bool), Fault> {
    let wrong = |found: String| {
        let mend = match class {
            Class::Float | Class::Number => "convert with array.astype('float32')",
            Class::Integer => "convert with array.astype('int64')",
            Class::Bytes => "store the JSON text with numpy.frombuffer(text, 'uint8')",
        };
        Fault::new(item, class.describe(), found, mend)
    };
    let Descr::Plain { text, order, kind, bytes } = *descr else {
        return Err(wrong("a structured type".to_owned()));
    };
    let found = match (kind, bytes) {
        (b'O', _) => return Err(wrong("Python objects (a pickle)".to_owned())),
        // Types of several bytes have an order.
        (_, 2..) if !matches!(order, b'<' | b'>') => return Err(wrong(format!("type {text}"))),
        (b'f', 2 | 4 | 8) => Element::Float(bytes),
        (b'i', 1 | 2 | 4 | 8) => Element::Signed(bytes),
        (b'u', 1 | 2 | 4 | 8) => Element::Unsigned(bytes),
        _ => return Err(wrong(format!("type {text}"))),
    };
    let good = match class {
        Class::Float => matches!(found, Element::Float(_)),
        Class::Integer => !matches!(found, Element::Float(_)),
        Class::Number => true,
        Class::Bytes => found == Element::Unsigned(1),
    };
    if !good {
        return Err(wrong(format!("type {text}")));
    }
    Ok((found, order == b'>'))
}

/// IEEE 754 binary16 to binary32, exactly.
pub(crate) fn f16_to_f32(bits: u16) -> f32 {
    let sign = u32::from(bits & 0x8000) << 16;
    let exponent = u32::from(bits >> 10 & 0x1f);
    let fraction = u32::from(bits & 0x3ff);
    match exponent {
        // Subnormal: fraction * 2^-24, exact in binary32.
        0 => {
            let magnitude = fraction as f32 * (1.0 / 16_777_216.0);
            f32::from_bits(sign | magnitude.to_bits())
        }
        31 => f32::from_bits(sign | 0x7f80_0000 | fraction << 13),
        _ => f32::from_bits(sign | (exponent + 112) << 23 | fraction << 13),
    }
}
