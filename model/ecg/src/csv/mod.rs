//! Tables of samples: CSV and TSV, a column a lead.
//!
//! ```text
//! layout.rs   separator, names, units, what the first column is
//! rate.rs     samples a second, from a column of times
//! writer.rs   records out
//! ```
//!
//! The first line names the leads. A first column of times gives the rate, one of numbers of samples is left out. A second line may
//! give units. Cells are separated by tabs, semicolons or commas; with the first two, decimals may have a comma. An empty cell, `NaN` and
//! `NA` are missing samples. Lines that begin with
//! `#` do not count, but those before the names may give age and sex as WFDB's comments do: `# Age: 63`.

use std::path::Path;

use ::csv::{ByteRecord, Reader, ReaderBuilder};

use crate::cells::{FirstColumn, is_missing, number};
use crate::error::{Error, Result, quote};
use crate::source::{ReadOptions, Source};
use crate::{Lead, Record, wfdb};
use efficientecg_files::one_line;

mod layout;
mod rate;
mod writer;

pub use layout::recognises;
pub use writer::{bytes, write};

use layout::Layout;

/// Reads a record. [`ReadOptions`] give what the table does not say: the rate, over a column of times; names of leads; the unit,
/// which is mV by default.
///
/// # Errors
/// A cell is no number, lines differ in length, there is no rate, or times are not evenly spaced.
pub fn read(source: Source<'_>) -> Result<Record> {
    let (path, name, options) = (source.path(), source.name(), source.options());
    let separator = layout::separator(source.head());
    let comments = layout::comments(source.head());
    let mut table = Table {
        path,
        reader: ReaderBuilder::new()
            .delimiter(separator)
            .has_headers(false)
            .flexible(true)
            .comment(Some(b'#'))
            .from_reader(source),
        row: ByteRecord::new(),
        line: 0,
    };
    if !table.next()? {
        return Err(table.error("table".into(), "a line of names", "no line", "give the table again"));
    }
    let (layout, mut held) = table.layout(separator, options)?;
    let decimals = layout.decimal_comma;
    let mut times = Vec::new();
    let mut digits = 0;
    let mut columns: Vec<Vec<f32>> = vec![Vec::new(); layout.leads.len()];
    let skip = usize::from(layout.first != FirstColumn::Lead);
    while held || table.next()? {
        held = false;
        let cells = skip + columns.len();
        table.check_length(cells)?;
        if let FirstColumn::Times(unit) = layout.first {
            let text = table.text(0);
            let time = number::<f64>(text, decimals).filter(|t| t.is_finite());
            let time =
                unit * time.ok_or_else(|| table.error("column 1 (time)".into(), "seconds", text, FIX))?;
            digits = digits.max(rate::digits(text));
            times.push((time, table.line));
        }
        for (i, column) in columns.iter_mut().enumerate() {
            let text = table.text(skip + i);
            column.push(match number::<f32>(text, decimals) {
                Some(value) if value.is_finite() => value,
                _ if is_missing(text) => f32::NAN,
                _ => {
                    let name = &layout.leads[i].0;
                    let item = format!("column {} ({})", skip + i + 1, one_line(name));
                    return Err(table.error(item, "a number", text, FIX));
                }
            });
        }
    }
    if columns[0].is_empty() {
        return Err(table.error(
            "table".into(),
            "at least 1 line of samples",
            "none",
            "give the table again",
        ));
    }
    let rate = match options.rate {
        Some(rate) if rate.is_finite() && rate > 0.0 => rate,
        Some(rate) => {
            return Err(Error::Parameter {
                item: "rate",
                expected: "more than 0 samples a second",
                found: rate.to_string(),
            });
        }
        None => {
            let unit = if let FirstColumn::Times(unit) = layout.first { unit } else { 1.0 };
            rate::of(path, &times, 0.1_f64.powi(digits) * unit)?
        }
    };
    let leads = layout.leads.into_iter().zip(columns);
    let leads = leads.map(|((name, unit), samples)| Lead::new(name, unit, rate, samples)).collect();
    let mut record = Record::new(name, rate, leads);
    (record.age, record.sex) = wfdb::patient_of(&comments);
    record.comments = comments;
    Ok(record)
}

const FIX: &str = "correct the cell, or leave it empty if the sample is missing";

/// A table, line by line.
struct Table<'a> {
    path: &'a Path,
    reader: Reader<Source<'a>>,
    row: ByteRecord,
    /// Where the row begins, from 1.
    line: u64,
}

impl Table<'_> {
    /// Goes to the next row; `false` at the end.
    fn next(&mut self) -> Result<bool> {
        let more = self.reader.read_byte_record(&mut self.row).map_err(|e| {
            // Rows may differ in length, and bytes need not be UTF-8: what is left is the file itself.
            Error::reading(self.path)(std::io::Error::other(e))
        })?;
        self.line = self.row.position().map_or(self.line, |position| position.line());
        Ok(more)
    }

    /// A cell of the row without the blanks around it; empty where there is none, or where it is no UTF-8.
    fn text(&self, column: usize) -> &str {
        let cell = self.row.get(column).unwrap_or_default();
        std::str::from_utf8(cell).map_or("\u{fffd}", str::trim)
    }

    /// As many cells as the table has columns; an empty one more is a separator at the line's end.
    fn check_length(&self, columns: usize) -> Result<()> {
        let count = self.row.len();
        if count == columns || (count == columns + 1 && self.text(columns).is_empty()) {
            return Ok(());
        }
        let (expected, found) = (format!("{columns} cells"), count.to_string());
        Err(self.error("number of cells".into(), &expected, &found, "correct the line"))
    }

    /// What the columns are, and whether the row at hand is one of samples already.
    fn layout(&mut self, separator: u8, options: &ReadOptions) -> Result<(Layout, bool)> {
        let decimal_comma = separator != b',';
        let cells: Vec<String> = (0..self.row.len()).map(|i| self.text(i).to_owned()).collect();
        let is_number = |cell: &String| number::<f64>(cell, decimal_comma).is_some();
        let words = |cells: &[String]| cells.iter().any(|c| !is_number(c) && !is_missing(c));
        let mut held = !words(&cells) && cells.iter().any(is_number);
        if held && options.leads.is_empty() {
            return Err(Error::Names { path: self.path.to_path_buf(), found: quote(&cells.join(" ")) });
        }
        let names = if options.leads.is_empty() { &cells } else { &options.leads };
        let mut layout = Layout::new(names, options.unit.as_deref().unwrap_or("mV"), decimal_comma);
        if !options.leads.is_empty() && !held {
            // The names given take the place of the table's; its column of times may be left out of them.
            let own = Layout::new(&cells, "mV", decimal_comma);
            if layout.first == FirstColumn::Lead && own.leads.len() == layout.leads.len() {
                layout.first = own.first;
            }
        }
        if layout.leads.is_empty() {
            return Err(self.error("names".into(), "at least 1 lead", "none", "name the columns"));
        }
        if !held {
            self.check_length(layout.leads.len() + usize::from(layout.first != FirstColumn::Lead))?;
            held = self.next()?;
            let cells: Vec<String> = (0..self.row.len()).map(|i| self.text(i).to_owned()).collect();
            if held && words(&cells) && !cells.iter().any(is_number) && layout.units(&cells, options) {
                held = false;
            }
        }
        Ok((layout, held))
    }

    fn error(&self, item: String, expected: &str, found: &str, fix: &'static str) -> Error {
        Error::Line {
            path: self.path.to_path_buf(),
            line: self.line as usize,
            item,
            expected: expected.to_owned(),
            found: quote(found),
            fix,
        }
    }
}

#[cfg(test)]
mod tests;
