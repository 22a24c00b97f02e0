//! Records out: EDF+ in 16 bits, or BDF+ in 24, continuous, with the record's annotations.
//!
//! A file is whole data records. What fills the last one follows an annotation `Recording ends`, the specification's text, and is
//! left out by the reader.

use std::path::Path;

use super::RECORDING_ENDS;
use super::header::Scale;
use crate::error::{Error, Result};
use crate::grid::Grid;
use crate::{Lead, Record, Sex};
use efficientecg_files::{self as files, one_line};

/// Longest data record, in seconds.
const LONGEST: u32 = 60;
/// Ends of a digital range that are tried.
const TRIES: usize = 1 << 13;
/// Even ranges that are tried.
const EVEN: usize = 50;
/// By which part a number may miss another that it is meant to be.
const EXACT: f64 = 1e-13;
/// Samples of a data record at most, which the specification recommends: 61,440 bytes.
const MOST_SAMPLES: f64 = 30_720.0;

/// Writes a record as BDF+ if the path ends in `.bdf`, else as EDF+. Samples of a converter keep their digital values; others are
/// rounded to what 16 or 24 bits hold of their range. Sex, age, start and annotations are written, comments are not.
///
/// # Errors
/// A sample is missing, which EDF has no sign for; the digital values need more bits; a rate is such that no data record of at
/// most a minute holds whole samples; or the file cannot be written.
pub fn write(path: &Path, record: &Record) -> Result<()> {
    let wide = path.extension().is_some_and(|e| e.eq_ignore_ascii_case("bdf"));
    files::write(path, &bytes(path, record, wide)?).map_err(Error::writing(path))
}

/// How a lead is stored.
struct Column {
    digital: Vec<i32>,
    /// Samples in a data record.
    samples: usize,
    /// Ranges as the header has them.
    physical: [String; 2],
    range: [i32; 2],
}

/// The bytes of a BDF+ file if it is to be `wide`, else of an EDF+ file, as [`write()`] writes them; `path` is named in errors only.
///
/// # Errors
/// As [`write()`], but for the file.
pub fn bytes(path: &Path, record: &Record, wide: bool) -> Result<Vec<u8>> {
    let error = |item: String, expected: &str, found: String, fix: &'static str| Error::Content {
        path: path.to_path_buf(),
        item,
        expected: expected.to_owned(),
        found,
        fix,
    };
    if record.leads.is_empty() || record.leads.iter().any(|lead| lead.samples.is_empty()) {
        return Err(error("leads".into(), "at least 1, each with samples", "none".into(), "add a lead"));
    }
    let whole =
        |seconds: u32| record.leads.iter().all(|lead| (lead.sample_rate * f64::from(seconds)).fract() == 0.0);
    let most = record.leads.iter().map(|lead| lead.sample_rate).sum::<f64>();
    let seconds = (1..=LONGEST).find(|s| whole(*s)).ok_or_else(|| {
        let found = format!("{} samples a second", record.leads[0].sample_rate);
        error("rate".into(), "whole samples in at most 60 s", found, "write a .csv file, or resample")
    })?;
    // Of low rates a data record holds several seconds.
    let longer = (2..=10)
        .rev()
        .map(|times| times * seconds)
        .find(|s| *s <= LONGEST && f64::from(*s) * most <= MOST_SAMPLES / 8.0);
    let seconds = longer.unwrap_or(seconds);
    let mut columns = Vec::new();
    for lead in &record.leads {
        let name = one_line(&lead.name);
        if lead.samples.iter().any(|v| !v.is_finite()) {
            let fix = "write a .hea or .csv file, which keep missing samples";
            return Err(error(format!("lead {name}"), "no missing sample", "one".into(), fix));
        }
        // A multiple of whole samples, but for what f64 rounds.
        let samples = (lead.sample_rate * f64::from(seconds)).round() as usize;
        columns.push(column(lead, samples, wide).ok_or_else(|| {
            let (expected, found) =
                ("digital values of 16 bits (.edf) or 24 (.bdf)", "larger ones".to_owned());
            error(format!("lead {name}"), expected, found, "write a .bdf or a .csv file")
        })?);
    }
    let count = columns.iter().map(|c| c.digital.len().div_ceil(c.samples)).max().unwrap_or(0);
    let (lists, length) = lists(record, count, f64::from(seconds));
    let width = if wide { 3 } else { 2 };
    let mut out = header(record, &columns, count, seconds, length.div_ceil(width), wide);
    for (i, list) in lists.iter().enumerate() {
        for column in &columns {
            let start = (i * column.samples).min(column.digital.len());
            let end = ((i + 1) * column.samples).min(column.digital.len());
            let held = &column.digital[start..end];
            // The last value goes on.
            let fill = column.digital.last().copied().unwrap_or(0);
            let filled = held.iter().copied().chain(std::iter::repeat_n(fill, column.samples - held.len()));
            filled.for_each(|value| out.extend(&value.to_le_bytes()[..width]));
        }
        out.extend(list);
        out.extend(std::iter::repeat_n(0, length.div_ceil(width) * width - list.len()));
    }
    Ok(out)
}

/// A lead in digital values; `None` where they do not fit.
fn column(lead: &Lead, samples: usize, wide: bool) -> Option<Column> {
    let limits: [i32; 2] = if wide { [-(1 << 23), (1 << 23) - 1] } else { [-(1 << 15), (1 << 15) - 1] };
    let grid = Grid::find(&lead.samples);
    let exact = grid.and_then(|grid| {
        let digital: Vec<i32> = lead.samples.iter().map(|v| grid.digital(*v) as i32).collect();
        let (low, high) = (*digital.iter().min()?, *digital.iter().max()?);
        if low < limits[0] || high > limits[1] {
            return None;
        }
        let low_end = end(&grid, limits[0], low.min(-1), &mut { TRIES })?;
        let high_end = end(&grid, limits[1], high.max(1), &mut { TRIES })?;
        let mut range = [low_end.digital, high_end.digital];
        let mut physical = [low_end.physical, high_end.physical];
        if !same(&physical, range, &digital, &lead.samples) {
            let used = low.saturating_abs().max(high).max(1);
            if let Some(even) = even(&grid, limits[1], used, &digital, &lead.samples) {
                (physical, range) = even;
            }
        }
        Some(Column { digital, samples, physical, range })
    });
    let long = |grid: Grid| lead.samples.iter().any(|v| grid.digital(*v).abs() > f64::from(limits[1]));
    if exact.is_some() || (!wide && grid.is_some_and(long)) {
        return exact;
    }
    // The range of eight characters that holds all samples.
    let most = lead.samples.iter().fold(0.0_f64, |most, v| most.max(f64::from(v.abs())));
    let most = if most > 0.0 { most } else { 1.0 };
    let text = [6_usize, 5, 4, 3, 2, 1, 0].into_iter().find_map(|decimals| {
        let tens = 10_f64.powi(decimals as i32);
        let text = format!("{:.decimals$}", (most * tens).ceil() / tens);
        (text.len() < 8).then_some(text)
    })?;
    let gain = f64::from(limits[1]) / text.parse::<f64>().ok()?;
    let digital = lead.samples.iter().map(|v| (f64::from(*v) * gain).round() as i32).collect();
    Some(Column { digital, samples, physical: [format!("-{text}"), text], range: [-limits[1], limits[1]] })
}

/// An end of a digital range.
struct End {
    digital: i32,
    /// The physical value, in at most eight characters.
    physical: String,
    /// By which part these miss it.
    error: f64,
}

/// The end at `limit`, or up to so many `tries` within, but not within `used`, that eight characters hold to the last bit; else the one
/// that they hold best.
fn end(grid: &Grid, limit: i32, used: i32, tries: &mut usize) -> Option<End> {
    let mut best: Option<End> = None;
    let mut digital = limit;
    while *tries > 0 {
        *tries -= 1;
        let value = (f64::from(digital) + grid.offset) / grid.gain;
        let whole = format!("{:.0}", value.trunc()).len() + usize::from(value > -1.0 && value < 0.0);
        if whole <= 8 {
            let decimals = 7_usize.saturating_sub(whole);
            let text = format!("{value:.decimals$}");
            let text = if decimals > 0 { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
            let error = (text.parse::<f64>().ok()? / value - 1.0).abs();
            if text.len() <= 8 && best.as_ref().is_none_or(|best| error < best.error) {
                best = Some(End { digital, physical: text.to_owned(), error });
            }
            if error <= EXACT {
                break;
            }
        }
        if digital == used {
            break;
        }
        digital -= digital.signum();
    }
    best.filter(|end| end.error < 1e-5)
}

/// Whether a reader gets the samples again to the bit: it computes with these ranges, and rounds.
fn same(physical: &[String; 2], range: [i32; 2], digital: &[i32], samples: &[f32]) -> bool {
    let ends = physical.each_ref().map(|text| text.parse().unwrap_or(f64::NAN));
    let scale = Scale::new(ends, range.map(f64::from));
    scale.is_some_and(|scale| digital.iter().zip(samples).all(|(d, v)| scale.physical(*d) == *v))
}

/// Ranges that are even about zero and by which a reader gets the samples again to the bit, if some are soon found.
fn even(
    grid: &Grid,
    mut limit: i32,
    used: i32,
    digital: &[i32],
    samples: &[f32],
) -> Option<([String; 2], [i32; 2])> {
    let mut tries = TRIES;
    // To compare all samples is slower than to find an end.
    for _ in 0..EVEN {
        let End { digital: value, physical: text, error } = end(grid, limit, used, &mut tries)?;
        let (physical, range) = ([format!("-{text}"), text], [-value, value]);
        if grid.offset != 0.0 || error > EXACT {
            return None;
        }
        if physical[0].len() <= 8 && same(&physical, range, digital, samples) {
            return Some((physical, range));
        }
        limit = value.checked_sub(1).filter(|limit| *limit >= used)?;
    }
    None
}

/// The annotations of each data record, as bytes, and the length of the longest.
fn lists(record: &Record, count: usize, seconds: f64) -> (Vec<Vec<u8>>, usize) {
    let mut lists: Vec<Vec<u8>> =
        (0..count).map(|i| format!("+{}\x14\x14\0", i as f64 * seconds).into_bytes()).collect();
    let mut put = |onset: f64, text: &str| {
        // The separators of lists are no text.
        let text: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        let place = ((onset / seconds).max(0.0) as usize).min(count - 1);
        let sign = if onset < 0.0 { "" } else { "+" };
        lists[place].extend(format!("{sign}{}\x14{text}\x14\0", rounded(onset)).as_bytes());
    };
    for annotation in &record.annotations {
        let text = match annotation.code.symbol() {
            Some(symbol) if annotation.code.is_beat() => symbol.to_string(),
            _ if !annotation.aux.is_empty() => annotation.text(),
            symbol => symbol.map_or_else(|| annotation.code.number().to_string(), String::from),
        };
        put(annotation.time as f64 / record.sample_rate, &text);
    }
    let full = record
        .leads
        .iter()
        .all(|lead| lead.samples.len() as f64 == lead.sample_rate * seconds * count as f64);
    if !full {
        put(record.seconds(), RECORDING_ENDS);
    }
    let longest = lists.iter().map(Vec::len).max().unwrap_or(0);
    (lists, longest)
}

/// Seconds to a tenth of a microsecond, which no rate needs more of.
fn rounded(seconds: f64) -> f64 {
    (seconds * 1e7).round() / 1e7
}

fn header(
    record: &Record,
    columns: &[Column],
    count: usize,
    seconds: u32,
    list: usize,
    wide: bool,
) -> Vec<u8> {
    let plus = if wide { "BDF" } else { "EDF" };
    let mut out = if wide { b"\xffBIOSEMI".to_vec() } else { b"0       ".to_vec() };
    let mut put = |text: &str, width: usize| {
        // The header is printable ASCII.
        let plain = text.chars().map(|c| if (' '..='~').contains(&c) { c as u8 } else { b'_' });
        let mut field: Vec<u8> = plain.take(width).collect();
        field.resize(width, b' ');
        out.extend(field);
    };
    let sex = match record.sex {
        Some(Sex::Female) => "F",
        Some(Sex::Male) => "M",
        None => "X",
    };
    let age = record.age.map_or_else(String::new, |age| format!(" Age_{age}"));
    put(&format!("X {sex} X X{age}"), 80);
    let date = record.start.and_then(|start| start.date);
    let time = record.start.and_then(|start| start.time).unwrap_or(0.0) as u32;
    const MONTHS: [&str; 12] =
        ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
    let long = date.map_or_else(
        || "X".to_owned(),
        |d| format!("{:02}-{}-{}", d.day(), MONTHS[usize::from(d.month()) - 1], d.year()),
    );
    put(&format!("Startdate {long} X X X"), 80);
    let short = date.map_or_else(
        || "01.01.85".to_owned(),
        |d| format!("{:02}.{:02}.{:02}", d.day(), d.month(), d.year() % 100),
    );
    put(&short, 8);
    put(&format!("{:02}.{:02}.{:02}", time / 3600, time / 60 % 60, time % 60), 8);
    let signals = columns.len() + 1;
    put(&(256 * (signals + 1)).to_string(), 8);
    put(&format!("{plus}+C"), 44);
    put(&count.to_string(), 8);
    put(&seconds.to_string(), 8);
    put(&signals.to_string(), 4);
    let limits = if wide { ["-8388608", "8388607"] } else { ["-32768", "32767"] };
    let mut each = |width: usize, of: &dyn Fn(usize) -> String, last: &str| {
        (0..columns.len()).for_each(|i| put(&of(i), width));
        put(last, width);
    };
    // No lead may be taken for annotations.
    let label = |i: usize| record.leads[i].name.trim_end_matches(" Annotations").to_owned();
    each(16, &label, &format!("{plus} Annotations"));
    each(80, &|_| String::new(), "");
    each(8, &|i| record.leads[i].units.replace(['µ', 'μ'], "u"), "");
    each(8, &|i| columns[i].physical[0].clone(), "-1");
    each(8, &|i| columns[i].physical[1].clone(), "1");
    each(8, &|i| columns[i].range[0].to_string(), limits[0]);
    each(8, &|i| columns[i].range[1].to_string(), limits[1]);
    each(80, &|_| String::new(), "");
    each(8, &|i| columns[i].samples.to_string(), &list.to_string());
    each(32, &|_| String::new(), "");
    out
}
