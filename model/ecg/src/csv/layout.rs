//! What the columns of a table are.

use crate::cells::{FirstColumn, number};
use crate::source::ReadOptions;
use crate::units::millivolts;

/// The columns of a table.
#[derive(Debug, PartialEq)]
pub(super) struct Layout {
    pub(super) first: FirstColumn,
    /// Names and units of the leads.
    pub(super) leads: Vec<(String, String)>,
    /// Whether decimals may have a comma.
    pub(super) decimal_comma: bool,
}

impl Layout {
    /// The layout under these names. A name may end in its unit: `II [uV]`, or `II (uV)` where that is a voltage.
    pub(super) fn new(names: &[String], unit: &str, decimal_comma: bool) -> Layout {
        let names: Vec<&str> = names.iter().map(|name| plain(name)).collect();
        let first = names.first().map_or(FirstColumn::Lead, |name| FirstColumn::of(name));
        let skip = usize::from(first != FirstColumn::Lead);
        let mut names = names.get(skip..).unwrap_or_default();
        // A separator at the end of the line.
        if names.len() > 1 && names.last().is_some_and(|name| name.is_empty()) {
            names = &names[..names.len() - 1];
        }
        let leads = names.iter().map(|name| match with_unit(name) {
            Some((name, unit)) => (name.to_owned(), unit.to_owned()),
            None => ((*name).to_owned(), unit.to_owned()),
        });
        Layout { first, leads: leads.collect(), decimal_comma }
    }

    /// Takes a line of units, if it is one for these columns: a voltage among them, or all alike words. The user's word counts more.
    pub(super) fn units(&mut self, cells: &[String], options: &ReadOptions) -> bool {
        let skip = usize::from(self.first != FirstColumn::Lead);
        let words: Vec<&str> = cells.iter().skip(skip).map(|cell| plain(cell)).collect();
        let fits = words.len() == self.leads.len() && words.iter().any(|word| millivolts(word).is_some());
        if fits && options.unit.is_none() {
            for (lead, word) in self.leads.iter_mut().zip(words).filter(|(_, word)| !word.is_empty()) {
                lead.1 = word.to_owned();
            }
        }
        fits
    }
}

/// A name without blanks and quotes around it.
fn plain(name: &str) -> &str {
    name.trim().trim_matches('\'').trim()
}

/// Name and unit of a column called `II [uV]` or `II (uV)`; `II []` has none.
pub(super) fn with_unit(name: &str) -> Option<(&str, &str)> {
    let (start, unit, square) = match name.strip_suffix(']') {
        Some(rest) => rest.rsplit_once('[').map(|(start, unit)| (start, unit, true))?,
        None => name.strip_suffix(')')?.rsplit_once('(').map(|(start, unit)| (start, unit, false))?,
    };
    let (start, unit) = (start.trim(), unit.trim());
    let fits = !start.is_empty() && (square || millivolts(unit).is_some());
    fits.then_some((start, unit))
}

/// What separates cells: a tab, a semicolon or a comma, whichever of them in this order the first line has outside of quotes.
pub(super) fn separator(head: &[u8]) -> u8 {
    let line: Vec<u8> = first_line(head).split(|b| *b == b'"').step_by(2).collect::<Vec<_>>().concat();
    *b"\t;".iter().find(|separator| line.contains(separator)).unwrap_or(&b',')
}

/// The first line that counts.
fn first_line(head: &[u8]) -> &[u8] {
    let lines = head.split(|b| *b == b'\n' || *b == b'\r');
    lines.into_iter().find(|line| !line.trim_ascii().is_empty() && line[0] != b'#').unwrap_or_default()
}

/// The lines that begin with `#` before the first that counts, without it.
pub(super) fn comments(head: &[u8]) -> Vec<String> {
    let lines = head.split(|b| *b == b'\n').map(<[u8]>::trim_ascii);
    let lines = lines.take_while(|line| line.is_empty() || line[0] == b'#').filter(|line| !line.is_empty());
    lines.map(|line| String::from_utf8_lossy(&line[1..]).trim().to_owned()).collect()
}

/// Whether these bytes are the start of a table: text whose first line has cells, or whose second is a number.
pub fn recognises(head: &[u8]) -> bool {
    let text = |b: &u8| *b >= b' ' || matches!(*b, b'\t' | b'\n' | b'\r');
    let line = first_line(head);
    let start = line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line).trim_ascii_start();
    if start.is_empty() || matches!(start[0], b'<' | b'{' | b'[') || !head.iter().all(text) {
        return false;
    }
    let rest = head.split(|b| *b == b'\n' || *b == b'\r').map(<[u8]>::trim_ascii);
    let mut rest = rest.filter(|line| !line.is_empty() && line[0] != b'#').skip(1);
    let number =
        |line: &[u8]| std::str::from_utf8(line).is_ok_and(|line| number::<f64>(line, false).is_some());
    line.iter().any(|b| matches!(*b, b',' | b';' | b'\t')) || rest.next().is_some_and(number)
}
