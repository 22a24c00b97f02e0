//! Data sets: elements, each a tag, a length and a value, which may be items that are data sets again.

/// Length of what ends with a delimiter.
const UNDEFINED: u32 = u32::MAX;
const ITEM: u32 = 0xfffe_e000;
const ITEM_END: u32 = 0xfffe_e00d;
const SEQUENCE_END: u32 = 0xfffe_e0dd;
/// Sequences within one another, where lengths are not defined.
const MOST_DEEP: usize = 16;

/// How elements are written.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Syntax {
    /// Each element names its type.
    pub(super) explicit: bool,
    pub(super) big_endian: bool,
}

impl Syntax {
    pub(super) const EXPLICIT: Syntax = Syntax { explicit: true, big_endian: false };
    pub(super) const IMPLICIT: Syntax = Syntax { explicit: false, big_endian: false };

    pub(super) fn u16(self, bytes: [u8; 2]) -> u16 {
        if self.big_endian { u16::from_be_bytes(bytes) } else { u16::from_le_bytes(bytes) }
    }

    pub(super) fn u32(self, bytes: [u8; 4]) -> u32 {
        if self.big_endian { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) }
    }

    fn tag(self, bytes: [u8; 4]) -> u32 {
        let [a, b, c, d] = bytes;
        u32::from(self.u16([a, b])) << 16 | u32::from(self.u16([c, d]))
    }
}

/// What is wrong with a data set.
#[derive(Debug)]
pub(super) struct DataSetError {
    pub(super) item: String,
    pub(super) expected: String,
    pub(super) found: String,
}

impl DataSetError {
    pub(super) fn new(
        item: impl Into<String>,
        expected: impl Into<String>,
        found: impl Into<String>,
    ) -> DataSetError {
        DataSetError { item: item.into(), expected: expected.into(), found: found.into() }
    }

    fn tagged(tag: u32, expected: impl Into<String>, found: impl Into<String>) -> DataSetError {
        DataSetError::new(format!("element ({:04x},{:04x})", tag >> 16, tag & 0xffff), expected, found)
    }
}

type Found<T> = std::result::Result<T, DataSetError>;

/// An element.
#[derive(Debug, Clone, Copy)]
pub(super) struct Element<'a> {
    pub(super) tag: u32,
    pub(super) value: &'a [u8],
    /// Of the items in it, and of numbers.
    pub(super) syntax: Syntax,
}

/// A data set, as far as it has been read.
#[derive(Debug, Default)]
pub(super) struct Set<'a> {
    elements: Vec<Element<'a>>,
}

impl<'a> Set<'a> {
    /// All elements; where something is wrong, those before it, and what.
    pub(super) fn read(bytes: &'a [u8], syntax: Syntax) -> (Set<'a>, Option<DataSetError>) {
        let mut cursor = Cursor { bytes, syntax };
        let mut set = Set::default();
        while !cursor.bytes.is_empty() {
            match cursor.element(0) {
                Ok(element) => set.elements.push(element),
                Err(error) => return (set, Some(error)),
            }
        }
        (set, None)
    }

    /// The elements of a group, which name their types, at the start of these bytes; and the bytes after them.
    pub(super) fn group(bytes: &'a [u8], group: u16) -> Found<(Set<'a>, &'a [u8])> {
        let mut cursor = Cursor { bytes, syntax: Syntax::EXPLICIT };
        let mut set = Set::default();
        while cursor.bytes.starts_with(&group.to_le_bytes()) {
            set.elements.push(cursor.element(0)?);
        }
        Ok((set, cursor.bytes))
    }

    pub(super) fn whole(bytes: &'a [u8], syntax: Syntax) -> Found<Set<'a>> {
        match Set::read(bytes, syntax) {
            (set, None) => Ok(set),
            (_, Some(error)) => Err(error),
        }
    }

    pub(super) fn find(&self, tag: u32) -> Option<&Element<'a>> {
        self.elements.iter().find(|element| element.tag == tag)
    }

    /// Text without the blanks around it; of several values, which backslashes separate, the first.
    pub(super) fn text(&self, tag: u32) -> Option<String> {
        let value = self.find(tag)?.value;
        let value = match std::str::from_utf8(value) {
            Ok(text) => text.to_owned(),
            // Latin-1, whose code points are Unicode's first 256.
            Err(_) => value.iter().map(|&b| char::from(b)).collect(),
        };
        let first = value.split('\\').next().unwrap_or_default();
        let first = first.trim_matches(|c: char| c.is_whitespace() || c == '\0');
        (!first.is_empty()).then(|| first.to_owned())
    }

    /// A number written in decimals.
    pub(super) fn decimal(&self, tag: u32, what: &str) -> Found<Option<f64>> {
        let Some(text) = self.text(tag) else { return Ok(None) };
        let number = text.parse().ok().filter(|number: &f64| number.is_finite());
        number.map(Some).ok_or_else(|| DataSetError::new(what, "a number", crate::error::quote(&text)))
    }

    /// A number of 16 or 32 bits.
    pub(super) fn integer(&self, tag: u32, what: &str) -> Found<u32> {
        let element = self.find(tag);
        let number = element.and_then(|e| match *e.value {
            [a, b] => Some(u32::from(e.syntax.u16([a, b]))),
            [a, b, c, d] => Some(e.syntax.u32([a, b, c, d])),
            _ => None,
        });
        let found = || element.map_or_else(|| "none".to_owned(), |e| format!("{} bytes", e.value.len()));
        number.ok_or_else(|| DataSetError::new(what, "a number of 2 or 4 bytes", found()))
    }

    /// The data sets of a sequence; none if there is no such.
    pub(super) fn items(&self, tag: u32) -> Found<Vec<Set<'a>>> {
        let Some(element) = self.find(tag) else { return Ok(Vec::new()) };
        let mut cursor = Cursor { bytes: element.value, syntax: element.syntax };
        let mut items = Vec::new();
        while !cursor.bytes.is_empty() {
            match cursor.item(0)? {
                Some(item) => items.push(Set::whole(item, element.syntax)?),
                None => break,
            }
        }
        Ok(items)
    }
}

/// Bytes that are still to be read.
struct Cursor<'a> {
    bytes: &'a [u8],
    syntax: Syntax,
}

impl<'a> Cursor<'a> {
    fn take(&mut self, count: usize, tag: u32) -> Found<&'a [u8]> {
        let Some((taken, rest)) = self.bytes.split_at_checked(count) else {
            let found = format!("{} bytes", self.bytes.len());
            return Err(DataSetError::tagged(tag, format!("{count} bytes"), found));
        };
        self.bytes = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self, tag: u32) -> Found<[u8; N]> {
        let taken = self.take(N, tag)?;
        Ok(std::array::from_fn(|i| taken[i]))
    }

    /// Tag, type (zeros where none is written) and length.
    fn header(&mut self) -> Found<(u32, [u8; 2], u32)> {
        let tag = self.array(0)?;
        let tag = self.syntax.tag(tag);
        if !self.syntax.explicit || tag >> 16 == ITEM >> 16 {
            let length = self.array(tag)?;
            return Ok((tag, [0; 2], self.syntax.u32(length)));
        }
        let kind = self.array(tag)?;
        let length = match &kind {
            b"OB" | b"OD" | b"OF" | b"OL" | b"OV" | b"OW" | b"SQ" | b"SV" | b"UC" | b"UN" | b"UR" | b"UT"
            | b"UV" => {
                self.take(2, tag)?;
                let length = self.array(tag)?;
                self.syntax.u32(length)
            }
            kind if kind.iter().all(u8::is_ascii_uppercase) => {
                let length = self.array(tag)?;
                u32::from(self.syntax.u16(length))
            }
            _ => {
                let found = format!("the bytes {:02x} {:02x}", kind[0], kind[1]);
                return Err(DataSetError::tagged(tag, "a type of two letters", found));
            }
        };
        Ok((tag, kind, length))
    }

    fn element(&mut self, depth: usize) -> Found<Element<'a>> {
        let (tag, kind, length) = self.header()?;
        // What a writer knew no type of keeps the form without types.
        let syntax = if &kind == b"UN" { Syntax::IMPLICIT } else { self.syntax };
        if length != UNDEFINED {
            return Ok(Element { tag, value: self.take(length as usize, tag)?, syntax });
        }
        if depth == MOST_DEEP {
            return Err(DataSetError::tagged(
                tag,
                format!("at most {MOST_DEEP} sequences in one another"),
                "more",
            ));
        }
        let mut inner = Cursor { bytes: self.bytes, syntax };
        let start = self.bytes;
        let mut left = inner.bytes.len();
        while inner.item(depth + 1)?.is_some() {
            left = inner.bytes.len();
        }
        self.bytes = inner.bytes;
        Ok(Element { tag, value: &start[..start.len() - left], syntax })
    }

    /// The next item's bytes; none at the sequence's end.
    fn item(&mut self, depth: usize) -> Found<Option<&'a [u8]>> {
        let (tag, _, length) = self.header()?;
        match tag {
            SEQUENCE_END => return Ok(None),
            ITEM => {}
            _ => return Err(DataSetError::tagged(tag, "an item, or the sequence's end", "another element")),
        }
        if length != UNDEFINED {
            return self.take(length as usize, tag).map(Some);
        }
        let start = self.bytes;
        loop {
            let before = self.bytes.len();
            if self.syntax.tag(std::array::from_fn(|i| *self.bytes.get(i).unwrap_or(&0))) == ITEM_END {
                self.header()?;
                return Ok(Some(&start[..start.len() - before]));
            }
            self.element(depth)?;
        }
    }
}
