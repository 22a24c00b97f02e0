//! Values as the formats write them.

use crate::units;
use crate::{Date, Sex, Start};

/// A finite decimal number.
pub(crate) fn number(text: &str) -> Option<f64> {
    let text = text.trim();
    // No infinities, and no words.
    let plain = text.bytes().all(|c| c.is_ascii_digit() || matches!(c, b'+' | b'-' | b'.' | b'e' | b'E'));
    text.parse().ok().filter(|value: &f64| plain && value.is_finite())
}

/// Samples a second of an increment of time, in seconds times `scale`. An increment is written with so many digits: if they
/// leave room for one whole rate alone, it is that one (0.00278 s are 360 Hz in this way, 0.003 s are not).
pub(crate) fn rate(text: &str, scale: f64) -> Option<f64> {
    let increment = number(text).filter(|value| *value > 0.0)?;
    let mantissa = text.trim().split(['e', 'E']).next().unwrap_or_default();
    let digits = mantissa.split_once('.').map_or(0, |(_, decimals)| decimals.len().min(300));
    let half = 0.5 * 0.1_f64.powi(digits as i32);
    let exponent = text.contains(['e', 'E']);
    let exact = scale.recip() / increment;
    let (low, high) = (scale.recip() / (increment + half), scale.recip() / (increment - half).max(0.0));
    let whole = low.ceil();
    let only = !exponent && whole <= high && high < whole + 1.0;
    Some(if only { whole } else { exact }).filter(|rate| rate.is_finite() && *rate > 0.0)
}

/// A time stamp of HL7: `YYYYMMDDHHMMSS.sss+ZZZZ`, of which the end may be missing. The time zone is left out.
pub(crate) fn timestamp(text: &str) -> Option<Start> {
    let text = text.trim();
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let field = |from: usize, to: usize| text.get(from..to.min(digits)).and_then(|t| t.parse::<u16>().ok());
    let small = |from: usize| field(from, from + 2).and_then(|value| u8::try_from(value).ok());
    if digits < 8 {
        return None;
    }
    let date = Date::new(field(0, 4)?, small(4)?, small(6)?)?;
    let fraction = text[digits..].strip_prefix('.').map_or("", |rest| {
        let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        &text[digits..=digits + end]
    });
    let seconds = small(12)
        .map(f64::from)
        .and_then(|s| Some(s + if fraction.len() > 1 { number(fraction)? } else { 0.0 }));
    let time = small(8).and_then(|h| Start::clock(h, small(10).unwrap_or(0), seconds.unwrap_or(0.0)));
    Start::new(Some(date), time)
}

/// A date: `2011-12-01`, or in the order of the USA `12-01-2011`.
pub(crate) fn date(text: &str) -> Option<Date> {
    let mut fields = text.trim().split(|c: char| !c.is_ascii_digit());
    let mut next = || fields.next().filter(|field| matches!(field.len(), 1..=4));
    let (first, second, third) = (next()?, next()?, next()?);
    let (year, month, day) = if first.len() == 4 { (first, second, third) } else { (third, first, second) };
    (year.len() == 4).then(|| Date::new(year.parse().ok()?, month.parse().ok()?, day.parse().ok()?)).flatten()
}

/// A time of day, `07:27:34`, in seconds since midnight.
pub(crate) fn clock(text: &str) -> Option<f64> {
    let mut fields = text.trim().splitn(3, ':');
    let (hours, minutes) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
    let seconds = fields.next().map_or(Some(0.0), number)?;
    Start::clock(hours, minutes, seconds)
}

/// An age of so many units; a unit that is no word for a span of time is none.
pub(crate) fn age_in_years(count: f64, unit: &str) -> Option<f64> {
    let years = match unit.trim().to_ascii_lowercase().as_str() {
        "years" | "year" | "a" | "" => count,
        "months" | "month" | "mo" => count / 12.0,
        "weeks" | "week" | "wk" => count * 7.0 / 365.2425,
        "days" | "day" | "d" => count / 365.2425,
        "hours" | "hour" | "h" => count / 24.0 / 365.2425,
        _ => return None,
    };
    (0.0..=150.0).contains(&years).then_some(years)
}

/// A sex, by its first letter or as a word.
pub(crate) fn sex(text: &str) -> Option<Sex> {
    match text.trim().to_ascii_lowercase().as_str() {
        "f" | "female" => Some(Sex::Female),
        "m" | "male" => Some(Sex::Male),
        _ => None,
    }
}

/// The name of a lead as cardiologists write it: `MDC_ECG_LEAD_AVR` is aVR. Others stay as they are.
pub(crate) fn lead_name(code: &str) -> String {
    let name = code.trim();
    let name = name.strip_prefix("MDC_ECG_LEAD_").unwrap_or(name);
    for known in ["aVR", "aVL", "aVF"] {
        if name.eq_ignore_ascii_case(known) {
            return known.to_owned();
        }
    }
    name.to_owned()
}

/// Volts a unit, as a power of ten; `None` where it is no voltage.
pub(crate) fn volts(unit: &str) -> Option<i32> {
    units::millivolts(unit).map(|millivolts| millivolts.log10().round() as i32 - 3)
}
