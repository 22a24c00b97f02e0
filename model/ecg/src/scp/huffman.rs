//! Section 2: tables of Huffman codes, and decoding by them.
//!
//! A code is a prefix, which stands for a value or for another table, and bits after it, which are a whole number that is
//! added. The bits of a prefix are stored from the first in the lowest place.

use super::sections::Section;
use crate::error::Result;

/// Number of tables that stands for the standard's own.
const DEFAULT: u16 = 19_999;
/// Bytes of a code.
const CODE: usize = 9;
/// Bits that a prefix, or what comes after it, may have.
const MOST_BITS: u8 = 32;

/// One table. Codes are sorted by length and bits of their prefix.
#[derive(Debug)]
pub(super) struct Table {
    codes: Vec<Code>,
    /// The lengths that there are.
    lengths: Vec<u8>,
}

#[derive(Debug, Clone, Copy)]
struct Code {
    /// Bits of the prefix.
    length: u8,
    /// The prefix, its first bit highest.
    bits: u32,
    /// Bits after it.
    more: u8,
    /// The value, or the table to go on with, from 1.
    value: i16,
    switches: bool,
}

/// Why values end early, and after how many.
#[derive(Debug)]
pub(super) struct Early {
    pub(super) values: usize,
    /// No code has these bits; else the bits end.
    pub(super) unknown: bool,
}

impl Table {
    fn new(mut codes: Vec<Code>) -> Table {
        codes.sort_by_key(|code| (code.length, code.bits));
        let mut lengths: Vec<u8> = codes.iter().map(|code| code.length).collect();
        lengths.dedup();
        Table { codes, lengths }
    }

    /// The standard's: 0, then a code more for each of ±1 to ±8, then numbers of 8 and of 16 bits.
    fn standard() -> Table {
        let code = |length, bits, more, value| Code { length, bits, more, value, switches: false };
        let mut codes = vec![code(1, 0, 0, 0), code(10, 0x3fe, 8, 0), code(10, 0x3ff, 16, 0)];
        for value in 1..=8_i16 {
            let (length, ones) = (value as u8 + 2, ((1 << value) - 1) << 2);
            codes.extend([code(length, ones, 0, value), code(length, ones + 1, 0, -value)]);
        }
        Table::new(codes)
    }

    /// The code that the next bits, the first highest, begin with.
    fn find(&self, next: u32) -> Option<&Code> {
        self.lengths.iter().find_map(|&length| {
            let bits = (u64::from(next) >> (32 - u32::from(length))) as u32;
            let at = self.codes.binary_search_by_key(&(length, bits), |code| (code.length, code.bits));
            at.ok().map(|at| &self.codes[at])
        })
    }
}

/// The tables of a section.
pub(super) fn tables(section: Section<'_>) -> Result<Vec<Table>> {
    let count = section.u16(0, "number of tables")?;
    if count == DEFAULT {
        return Ok(vec![Table::standard()]);
    }
    if count == 0 {
        return Err(section.error("number of tables", "at least 1", "0"));
    }
    let (mut tables, mut at) = (Vec::new(), 2);
    for table in 1..=count {
        let codes = section.u16(at, &format!("number of codes of table {table}"))?;
        at += 2;
        let mut read = Vec::new();
        for code in 1..=codes {
            let what = format!("table {table} code {code}");
            let (length, whole) = (section.u8(at, &what)?, section.u8(at + 1, &what)?);
            let mode = section.u8(at + 2, &what)?;
            let (value, bits) = (section.u16(at + 3, &what)? as i16, section.u32(at + 5, &what)?);
            let more = whole.checked_sub(length).filter(|more| *more <= MOST_BITS);
            let (1..=MOST_BITS, Some(more)) = (length, more) else {
                let found = format!("{length} bits of {whole}");
                return Err(section.error(
                    &what,
                    "a prefix of 1 to 32 bits, and at most 32 after it",
                    &found,
                ));
            };
            if mode == 0 && !(1..=count).contains(&(value as u16)) {
                return Err(section.error(&what, &format!("a table of 1 to {count}"), &value.to_string()));
            }
            let bits = bits.reverse_bits() >> (32 - u32::from(length));
            read.push(Code { length, bits, more, value, switches: mode == 0 });
            at += CODE;
        }
        tables.push(Table::new(read));
    }
    Ok(tables)
}

/// `count` values of these bits, of which each byte's highest is first. At least a bit is taken for each.
pub(super) fn decode(tables: &[Table], bytes: &[u8], count: usize) -> std::result::Result<Vec<i32>, Early> {
    let mut values = Vec::with_capacity(count.min(bytes.len().saturating_mul(8)));
    let end = bytes.len() as u64 * 8;
    let (mut at, mut table) = (0_u64, 0);
    while values.len() < count {
        let early = |unknown| Early { values: values.len(), unknown };
        let code = tables.get(table).and_then(|table| table.find(peek(bytes, at)));
        let code = code.ok_or_else(|| early(at < end))?;
        at += u64::from(code.length);
        if at + u64::from(code.more) > end {
            return Err(early(false));
        }
        if code.switches {
            table = usize::from((code.value as u16).saturating_sub(1));
            at += u64::from(code.more);
            continue;
        }
        let added = match code.more {
            0 => 0,
            // The highest bit is the sign.
            more => peek(bytes, at) as i32 >> (32 - u32::from(more)),
        };
        at += u64::from(code.more);
        values.push(added.wrapping_add(code.value.into()));
    }
    Ok(values)
}

/// The 32 bits from `at`, zeros after the last.
fn peek(bytes: &[u8], at: u64) -> u32 {
    let first = (at / 8) as usize;
    let window = (0..5).fold(0_u64, |window, i| window << 8 | u64::from(*bytes.get(first + i).unwrap_or(&0)));
    (window >> (8 - at % 8)) as u32
}
