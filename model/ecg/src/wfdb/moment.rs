//! Base time and date of a record line.
//!
//! header(5) has `HH:MM:SS.sss DD/MM/YYYY`. Records of the CinC Challenges 2020 and 2021 have the date first, and as
//! `05-Feb-2020`.

use crate::error::quote;
use crate::{Date, Start};

/// The fields for time and date, each with its own content whatever their order, and what is odd about them.
pub(super) fn fields(
    first: Option<&str>,
    second: Option<&str>,
) -> (Option<String>, Option<String>, Option<String>) {
    let dates = |field: Option<&str>| field.is_some_and(|f| f.contains(['/', '-']) && !f.contains(':'));
    let swapped = dates(first) && !dates(second);
    let (time, date) = if swapped { (second, first) } else { (first, second) };
    let known = time.is_none_or(|t| parse_time(t).is_some()) && date.is_none_or(|d| parse_date(d).is_some());
    let both = [time, date].into_iter().flatten().collect::<Vec<_>>().join(" ");
    let warning = if !known {
        Some(format!("the start {} is no time and date", quote(&both)))
    } else if swapped && time.is_some() {
        Some("the date stands before the time".to_owned())
    } else {
        None
    };
    (time.map(str::to_owned), date.map(str::to_owned), warning)
}

/// What the fields say.
pub(super) fn start(time: Option<&str>, date: Option<&str>) -> Option<Start> {
    Start::new(date.and_then(parse_date), time.and_then(parse_time))
}

fn parse_time(text: &str) -> Option<f64> {
    // Brackets say that the time is absolute.
    let mut parts = text.trim_start_matches('[').trim_end_matches(']').split(':');
    let (hours, minutes, seconds) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() {
        return None;
    }
    Start::clock(hours.parse().ok()?, minutes.parse().ok()?, seconds.parse().ok()?)
}

fn parse_date(text: &str) -> Option<Date> {
    let mut parts = text.trim_end_matches(']').split(['/', '-']);
    let (day, month, year) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() {
        return None;
    }
    let month = month.parse().ok().or_else(|| Date::month_of(month))?;
    Date::new(year.parse().ok()?, month, day.parse().ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(first: &str, second: &str) -> (Option<String>, Option<String>) {
        let field = |f: &'static str| (!f.is_empty()).then_some(f);
        let (first, second) = (field(first.to_owned().leak()), field(second.to_owned().leak()));
        let (time, date, warning) = fields(first, second);
        (start(time.as_deref(), date.as_deref()).map(|s| s.to_string()), warning)
    }

    #[test]
    fn in_either_order() {
        let said = |text: &str| Some(text.to_owned());
        assert_eq!(of("", ""), (None, None));
        assert_eq!(of("11:39:16", "05/02/2020"), (said("2020-02-05 11:39:16"), None));
        assert_eq!(of("[9:5:1.5", "05/02/2020]"), (said("2020-02-05 09:05:01.500"), None));
        assert_eq!(of("11:39:16", ""), (said("11:39:16"), None));
        assert_eq!(of("05/02/2020", ""), (said("2020-02-05"), None));
        let (start, warning) = of("05-Feb-2020", "11:39:16");
        assert_eq!(start, said("2020-02-05 11:39:16"));
        assert_eq!(warning, said("the date stands before the time"));
    }

    #[test]
    fn odd_ones_are_told_once() {
        for (first, second) in
            [("25:00:00", "05/02/2020"), ("11:39", ""), ("x", "y"), ("11:39:16", "30/02/2020")]
        {
            let (_, warning) = of(first, second);
            assert!(
                warning.is_some_and(|w| w.contains("no time and date") && w.contains(first)),
                "{first} {second}"
            );
        }
    }
}
