//! Samples from bytes that come in parts: binary ones, and rows of text.

use crate::args::{Monitor, Raw};
use efficientecg::ecg::cells::{self, FirstColumn};
use efficientecg_files::one_line;

/// Longest row, in bytes.
const LONGEST: usize = 1 << 16;
/// Most columns.
const COLUMNS: usize = 64;
/// WFDB's digital units a mV where nothing is said.
const GAIN: f64 = 200.0;

/// What has come, as far as it makes no whole sample or row yet, and what it is.
pub(super) struct Input {
    raw: Option<Raw>,
    /// Units a mV.
    gain: f64,
    /// Names of the leads; none before the line of names.
    names: Vec<String>,
    /// Whether rows begin with a column that is no lead.
    skip: bool,
    /// Whether rows have their names from the command line.
    named: bool,
    /// Whether a row of samples has come.
    begun: bool,
    line: u64,
    rest: Vec<u8>,
    /// Samples of the last frame that is not whole.
    open: usize,
}

impl Input {
    pub(super) fn new(args: &Monitor) -> Input {
        let gain = args.gain.unwrap_or(match args.raw {
            Some(Raw::I16 | Raw::Twelve) => GAIN,
            Some(Raw::F32) | None => 1.0,
        });
        let mut made = Input {
            raw: args.raw,
            gain,
            names: Vec::new(),
            skip: false,
            named: !args.names.is_empty(),
            begun: false,
            line: 0,
            rest: Vec::new(),
            open: 0,
        };
        made.name(args.names.clone());
        made
    }

    /// Names of the leads, once samples have come.
    pub(super) fn names(&self) -> &[String] {
        &self.names
    }

    /// Takes names of columns.
    fn name(&mut self, mut names: Vec<String>) {
        self.skip = self.raw.is_none()
            && names.first().is_some_and(|name| FirstColumn::of(name) != FirstColumn::Lead);
        if self.skip {
            names.remove(0);
        }
        self.names = names;
    }

    /// Adds the samples of these bytes, in mV, one of each lead in turn. Of an error those before it are there.
    pub(super) fn take(&mut self, bytes: &[u8], samples: &mut Vec<f32>) -> Result<(), String> {
        self.rest.extend_from_slice(bytes);
        let mut rest = std::mem::take(&mut self.rest);
        let done = match self.raw {
            Some(raw) => Ok(self.binary(raw, &rest, samples)),
            None => self.rows(&rest, samples),
        };
        let (used, done) = match done {
            Ok(used) => (used, Ok(())),
            Err(e) => (rest.len(), Err(e)),
        };
        rest.drain(..used);
        self.rest = rest;
        done
    }

    /// The same of what is left at the end.
    pub(super) fn end(&mut self, samples: &mut Vec<f32>) -> Result<(), String> {
        if self.raw.is_none() {
            return if self.rest.is_empty() { Ok(()) } else { self.take(b"\n", samples) };
        }
        if self.rest.is_empty() && self.open == 0 {
            return Ok(());
        }
        let found = format!("{} more and {} bytes", self.open, self.rest.len());
        let leads = self.names.len();
        Err(format!(
            "samples: expected one of each of {leads} leads, found {found} at the end; check --leads and --raw"
        ))
    }

    /// The bytes that make whole samples.
    fn binary(&mut self, raw: Raw, bytes: &[u8], samples: &mut Vec<f32>) -> usize {
        let before = samples.len();
        let gain = self.gain;
        let used = match raw {
            Raw::I16 => {
                let (all, rest) = bytes.as_chunks::<2>();
                let value = |v: i16| if v == i16::MIN { f32::NAN } else { (f64::from(v) / gain) as f32 };
                samples.extend(all.iter().map(|b| value(i16::from_le_bytes(*b))));
                bytes.len() - rest.len()
            }
            Raw::F32 => {
                let (all, rest) = bytes.as_chunks::<4>();
                samples.extend(all.iter().map(|b| (f64::from(f32::from_le_bytes(*b)) / gain) as f32));
                bytes.len() - rest.len()
            }
            Raw::Twelve => {
                let (all, rest) = bytes.as_chunks::<3>();
                for [low, both, high] in all {
                    for (byte, upper) in [(low, both & 0xf), (high, both >> 4)] {
                        let value = (i16::from(upper) << 12 | i16::from(*byte) << 4) >> 4;
                        samples.push(if value == -2048 {
                            f32::NAN
                        } else {
                            (f64::from(value) / gain) as f32
                        });
                    }
                }
                bytes.len() - rest.len()
            }
        };
        self.open = (self.open + samples.len() - before) % self.names.len().max(1);
        used
    }

    /// The bytes of whole rows.
    fn rows(&mut self, bytes: &[u8], samples: &mut Vec<f32>) -> Result<usize, String> {
        let mut used = 0;
        while let Some(length) = bytes[used..].iter().position(|b| *b == b'\n') {
            self.row(&bytes[used..used + length], samples)?;
            used += length + 1;
        }
        if bytes.len() - used > LONGEST {
            let line = self.line + 1;
            return Err(format!(
                "line {line}: expected at most {LONGEST} bytes, found more; give --raw if the samples are binary"
            ));
        }
        Ok(used)
    }

    /// Takes a row of text.
    fn row(&mut self, bytes: &[u8], samples: &mut Vec<f32>) -> Result<(), String> {
        self.line += 1;
        let line = self.line;
        let Ok(text) = std::str::from_utf8(bytes) else {
            return Err(format!(
                "line {line}: expected text, found other bytes; give --raw if the samples are binary"
            ));
        };
        let text = text.trim();
        if text.is_empty() || text.starts_with('#') {
            return Ok(());
        }
        let separator = [b'\t', b';', b','].into_iter().find(|s| text.as_bytes().contains(s));
        let comma = separator != Some(b',');
        let cells: Vec<&str> = match separator {
            Some(separator) => text.split(char::from(separator)).map(str::trim).collect(),
            None => text.split_whitespace().collect(),
        };
        if cells.len() > COLUMNS {
            let found = cells.len();
            return Err(format!(
                "line {line}: expected at most {COLUMNS} columns, found {found}; leave some out"
            ));
        }
        let first = !std::mem::replace(&mut self.begun, true);
        if first && cells.iter().any(|cell| number(cell, comma).is_none()) {
            if !self.named {
                if let Some(name) = cells.iter().find(|name| name.ends_with(']')) {
                    let name = one_line(name);
                    return Err(format!(
                        "line {line}: expected names without units, found {name}; name the columns by --leads, and say --gain"
                    ));
                }
                self.name(cells.iter().map(|cell| (*cell).to_owned()).collect());
            }
            return Ok(());
        }
        let columns = usize::from(self.skip) + self.names.len();
        if self.names.is_empty() {
            return Err(format!(
                "line {line}: expected names of leads before the samples, found none; give --leads NAMES"
            ));
        }
        // A separator may end the line.
        let whole = cells.len() == columns || (cells.len() == columns + 1 && cells[columns].is_empty());
        if !whole {
            let found = cells.len();
            return Err(format!("line {line}: expected {columns} cells, found {found}; correct the line"));
        }
        let before = samples.len();
        for (column, cell) in cells[..columns].iter().enumerate().skip(usize::from(self.skip)) {
            let Some(value) = number(cell, comma) else {
                samples.truncate(before);
                return Err(format!(
                    "line {line}: column {}: expected a number, found {:?}; correct the cell, or leave it empty if the sample is missing",
                    column + 1,
                    one_line(cell).to_string()
                ));
            };
            samples.push((f64::from(value) / self.gain) as f32);
        }
        Ok(())
    }
}

/// A sample, NaN where it is missing; none of what is no number.
fn number(cell: &str, comma: bool) -> Option<f32> {
    if cells::is_missing(cell) {
        return Some(f32::NAN);
    }
    cells::number(cell, comma).filter(|value: &f32| value.is_finite())
}
