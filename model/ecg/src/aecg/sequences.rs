//! A sequence set: sequences of one length in time, of which one tells the times.

use roxmltree::Node;
use std::path::Path;

use super::code;
use super::place::{Piece, seconds_between};
use crate::error::{Error, Result, quote};
use crate::source::ReadOptions;
use crate::{Start, xml};
use efficientecg_files::one_line;

/// How far a time may stand from where an even spacing has it, in samples.
const TOLERANCE: f64 = 0.5;

/// When a sequence set begins, and how fast it goes.
#[derive(Default)]
struct Times {
    start: Option<Start>,
    /// Seconds after the beginning of the series, where times are relative.
    offset: f64,
    rate: Option<f64>,
}

/// Reads a set of the series that is known by its number and its beginning, and adds its leads to `pieces`.
pub(super) fn read(
    path: &Path,
    set: Node<'_, '_>,
    options: &ReadOptions,
    series: (usize, Option<Start>),
    pieces: &mut Vec<Piece>,
    warnings: &mut Vec<String>,
) -> Result<()> {
    let sequences = || xml::children(set, "component").flat_map(|part| xml::children(part, "sequence"));
    let is_time = |node: &Node<'_, '_>| code(*node).starts_with("TIME_");
    let mut times = Times::default();
    for node in sequences().filter(is_time) {
        read_times(path, node, &mut times)?;
    }
    let (number, low) = series;
    // Relative times count from the beginning of the series.
    let relative = || low.filter(|low| low.time.is_some()).map(|low| low.later(times.offset));
    let start = times.start.or_else(relative);
    for node in sequences().filter(|node| !is_time(node)) {
        let name = xml::lead_name(code(node));
        let value = xml::find(node, &["value"]);
        let Some((value, digits)) = value.and_then(|value| Some((value, xml::find(value, &["digits"])?)))
        else {
            warnings.push(format!("sequence {} has no digits and is left out", one_line(&quote(&name))));
            continue;
        };
        let rate = times.rate.or(options.rate.filter(|rate| rate.is_finite() && *rate > 0.0));
        let rate = rate.ok_or_else(|| Error::Rate { path: path.to_path_buf() })?;
        let scale = Scale::read(path, value, options)?;
        let text = xml::content(digits);
        let mut samples = Vec::new();
        for word in text.split_ascii_whitespace() {
            let digit = xml::number(word);
            let digit = digit.ok_or_else(|| {
                let item = format!("lead {} sample {}", one_line(&name), samples.len() + 1);
                xml::error(path, digits, &item, "a number", quote(word))
            })?;
            samples.push((scale.origin + scale.factor * digit) as f32);
        }
        if let Some(at) = samples.iter().position(|value| !value.is_finite()) {
            let item = format!("lead {} sample {}", one_line(&name), at + 1);
            return Err(xml::error(
                path,
                digits,
                &item,
                "a number in the range of f32",
                "a larger one".into(),
            ));
        }
        if samples.is_empty() {
            warnings.push(format!("lead {} has no samples and is left out", one_line(&quote(&name))));
            continue;
        }
        let offset = times.offset;
        pieces.push(Piece { name, unit: scale.unit, rate, start, offset, series: number, samples });
    }
    Ok(())
}

/// Origin and scale of digits.
struct Scale {
    origin: f64,
    factor: f64,
    unit: String,
}

impl Scale {
    fn read(path: &Path, value: Node<'_, '_>, options: &ReadOptions) -> Result<Scale> {
        let number = |name: &'static str, default: f64| -> Result<(f64, Option<String>)> {
            let Some(node) = xml::find(value, &[name]) else { return Ok((default, None)) };
            let text = node.attribute("value").unwrap_or_default();
            let unit = node.attribute("unit").map(str::trim).filter(|unit| !unit.is_empty());
            Ok((xml::number_in(path, node, text)?, unit.map(str::to_owned)))
        };
        let (origin, origin_unit) = number("origin", 0.0)?;
        let (factor, unit) = number("scale", 1.0)?;
        if factor == 0.0 {
            return Err(xml::error(path, value, "scale", "a number other than 0", "0".into()));
        }
        let unit = unit.or_else(|| origin_unit.clone()).or_else(|| options.unit.clone()).unwrap_or_default();
        let origin = match origin_unit {
            Some(own) if own != unit && origin != 0.0 => {
                let powers = xml::volts(&own).zip(xml::volts(&unit));
                let found = || format!("{} and {}", quote(&own), quote(&unit));
                let (own, unit) = powers.ok_or_else(|| {
                    xml::error(path, value, "origin and scale", "units of one kind", found())
                })?;
                origin * 10_f64.powi(own - unit)
            }
            _ => origin,
        };
        Ok(Scale { origin, factor, unit })
    }
}

/// Takes over what a sequence of times tells.
fn read_times(path: &Path, node: Node<'_, '_>, times: &mut Times) -> Result<()> {
    let Some(value) = xml::find(node, &["value"]) else { return Ok(()) };
    if let Some(increment) = xml::find(value, &["increment"]) {
        let text = increment.attribute("value").unwrap_or_default();
        let rate = xml::rate(text, seconds(path, increment)?);
        let error = || xml::error(path, increment, "increment", "more than 0 seconds", quote(text));
        times.rate = Some(rate.ok_or_else(error)?);
        if let Some(head) = xml::find(value, &["head"]) {
            let text = head.attribute("value").unwrap_or_default();
            if code(node) == "TIME_RELATIVE" {
                times.offset = xml::number_in(path, head, text)? * seconds(path, head)?;
            } else {
                times.start = xml::timestamp(text);
            }
        }
    } else if let Some(digits) = xml::find(value, &["digits"]) {
        let text = xml::content(digits);
        let mut list = Vec::new();
        let (mut stamps, mut first) = (false, None);
        let scale = xml::find(value, &["scale"]);
        let origin = xml::find(value, &["origin"]);
        let of = |node: Option<Node<'_, '_>>, default: f64| -> Result<f64> {
            let Some(node) = node else { return Ok(default) };
            Ok(xml::number_in(path, node, node.attribute("value").unwrap_or_default())?
                * seconds(path, node)?)
        };
        let absolute = origin.and_then(|node| xml::timestamp(node.attribute("value")?));
        let (origin, scale) = (if absolute.is_some() { 0.0 } else { of(origin, 0.0)? }, of(scale, 1.0)?);
        for word in text.split_ascii_whitespace() {
            let error = || xml::error(path, digits, "time", "a number or a time stamp", quote(word));
            // A list of time stamps has neither origin nor scale.
            let stamp = xml::timestamp(word)
                .filter(|_| stamps || (list.is_empty() && xml::find(value, &["scale"]).is_none()));
            if let Some(stamp) = stamp {
                stamps = true;
                list.push(seconds_between(stamp, *first.get_or_insert(stamp)));
            } else {
                list.push(origin + scale * xml::number(word).ok_or_else(error)?);
            }
        }
        times.rate = Some(even_rate(path, digits, &list)?);
        match first.or(absolute) {
            Some(start) => times.start = Some(if stamps { start } else { start.later(list[0]) }),
            None => times.offset = list[0],
        }
    }
    if times.offset.abs() >= 1e9 {
        return Err(xml::error(path, value, "time", "less than 30 years", format!("{} s", times.offset)));
    }
    Ok(())
}

/// The rate of times that are evenly spaced.
fn even_rate(path: &Path, node: Node<'_, '_>, times: &[f64]) -> Result<f64> {
    let error =
        |found: String| xml::error(path, node, "times", "at least 2, rising and evenly spaced", found);
    let (Some(first), Some(last)) = (times.first(), times.last()) else { return Err(error("none".into())) };
    let step = (last - first) / (times.len() as f64 - 1.0);
    if !(step > 0.0 && step.is_finite() && step.recip().is_finite()) {
        return Err(error(format!("{} from {first} s to {last} s", times.len())));
    }
    let uneven = |(i, time): &(usize, &f64)| (*time - first - *i as f64 * step).abs() > TOLERANCE * step;
    match times.iter().enumerate().find(uneven) {
        Some((i, time)) => Err(error(format!("time {} at {time} s", i + 1))),
        None => {
            // Decimal times leave the last digits of a sum.
            let (rate, whole) = (step.recip(), step.recip().round());
            Ok(if (rate - whole).abs() < 1e-6 * whole { whole } else { rate })
        }
    }
}

/// Seconds a unit of time.
fn seconds(path: &Path, node: Node<'_, '_>) -> Result<f64> {
    match node.attribute("unit").map(str::trim) {
        None | Some("" | "s" | "sec" | "S") => Ok(1.0),
        Some("ms" | "msec") => Ok(1e-3),
        Some("us" | "\u{b5}s" | "\u{3bc}s") => Ok(1e-6),
        Some("min") => Ok(60.0),
        Some("h") => Ok(3600.0),
        Some(unit) => {
            let name = node.tag_name().name();
            Err(xml::error(path, node, name, "a unit of time: s, ms, us, min, h", quote(unit)))
        }
    }
}
