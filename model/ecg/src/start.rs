//! When a record starts, as its file says: a date and a time of day, without a time zone.

use std::fmt;

/// A date of the Gregorian calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Date {
    year: u16,
    month: u8,
    day: u8,
}

impl Date {
    /// A date, if the calendar has it.
    pub fn new(year: u16, month: u8, day: u8) -> Option<Date> {
        let long = matches!(month, 1 | 3 | 5 | 7 | 8 | 10 | 12);
        let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
        let days = if long {
            31
        } else if month != 2 {
            30
        } else {
            28 + u8::from(leap)
        };
        ((1..=12).contains(&month) && (1..=days).contains(&day)).then_some(Date { year, month, day })
    }

    /// The year.
    pub fn year(self) -> u16 {
        self.year
    }

    /// The month, from 1.
    pub fn month(self) -> u8 {
        self.month
    }

    /// The day of the month, from 1.
    pub fn day(self) -> u8 {
        self.day
    }

    /// Years of age on `day` of who is born on this date; `None` before the birth, and above 150.
    pub fn age_on(self, day: Date) -> Option<f64> {
        let years = f64::from(day.days() - self.days()) / 365.2425;
        // A birthday counts as the whole number that it is.
        let birthday = (self.month, self.day) == (day.month, day.day);
        let years = if birthday { f64::from(day.year) - f64::from(self.year) } else { years };
        (0.0..=150.0).contains(&years).then_some(years)
    }

    /// Days since 1 March of the year 0.
    pub(crate) fn days(self) -> i32 {
        // Years that begin in March end with the leap day.
        let early = i32::from(self.month < 3);
        let (year, month) = (i32::from(self.year) - early, i32::from(self.month) - 3 + 12 * early);
        let leap_days = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
        365 * year + leap_days + (153 * month + 2) / 5 + i32::from(self.day) - 1
    }

    /// The month of an English abbreviation or name in any case: `Feb`, `FEBRUARY`.
    pub(crate) fn month_of(word: &str) -> Option<u8> {
        const NAMES: [&str; 12] = [
            "january",
            "february",
            "march",
            "april",
            "may",
            "june",
            "july",
            "august",
            "september",
            "october",
            "november",
            "december",
        ];
        let word = word.to_ascii_lowercase();
        let place = NAMES.iter().position(|name| word.len() >= 3 && name.starts_with(&word))?;
        Some(place as u8 + 1)
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

/// When a record starts. A file may say the date, the time, or both.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Start {
    /// The date.
    pub date: Option<Date>,
    /// Seconds since midnight, from 0 to below 86,400.
    pub time: Option<f64>,
}

impl Start {
    /// A start of which something is known, else `None`. A time out of its range is not known.
    pub fn new(date: Option<Date>, time: Option<f64>) -> Option<Start> {
        let time = time.filter(|t| (0.0..86_400.0).contains(t));
        (date.is_some() || time.is_some()).then_some(Start { date, time })
    }

    /// The start by so many seconds later, within the day.
    pub fn later(self, seconds: f64) -> Start {
        let time = self.time.map(|time| time + seconds).filter(|time| (0.0..86_400.0).contains(time));
        Start { time: time.or(self.time), ..self }
    }

    /// Seconds since midnight of a clock's reading; `None` where there is no such.
    pub fn clock(hours: u8, minutes: u8, seconds: f64) -> Option<f64> {
        let fits = hours < 24 && minutes < 60 && (0.0..60.0).contains(&seconds);
        fits.then(|| f64::from(hours) * 3600.0 + f64::from(minutes) * 60.0 + seconds)
    }
}

impl fmt::Display for Start {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(date) = self.date {
            write!(f, "{date}")?;
        }
        let Some(time) = self.time else { return Ok(()) };
        let blank = if self.date.is_some() { " " } else { "" };
        let milliseconds = (time * 1e3).floor() as u64;
        let (seconds, rest) = (milliseconds / 1000, milliseconds % 1000);
        write!(f, "{blank}{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)?;
        if rest > 0 { write!(f, ".{rest:03}") } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn date(year: u16, month: u8, day: u8) -> Date {
        Date::new(year, month, day).expect("a date")
    }

    #[test]
    fn the_calendar() {
        for (y, m, d) in
            [(2023, 2, 29), (1900, 2, 29), (2000, 13, 1), (2000, 0, 1), (2000, 4, 31), (2000, 1, 0)]
        {
            assert_eq!(Date::new(y, m, d), None, "{y} {m} {d}");
        }
        assert_eq!(date(2000, 2, 29).to_string(), "2000-02-29");
        // Every day follows the one before.
        let mut last = date(1, 1, 1).days() - 1;
        for year in 1..2101 {
            for month in 1..=12 {
                for day in (1..=31).filter_map(|day| Date::new(year, month, day)) {
                    last += 1;
                    assert_eq!(day.days(), last, "{day}");
                }
            }
        }
        assert_eq!(last - date(1970, 1, 1).days(), 47_846, "2100-12-31");
    }

    #[test]
    fn age_in_years() {
        assert_eq!(date(1951, 5, 2).age_on(date(2002, 5, 2)), Some(51.0));
        let half = date(2000, 1, 1).age_on(date(2000, 7, 1)).expect("half a year");
        assert!((half - 0.498).abs() < 0.001, "{half}");
        assert_eq!(date(2002, 5, 2).age_on(date(1951, 5, 2)), None);
        assert_eq!(date(1800, 1, 1).age_on(date(2000, 1, 2)), None);
    }

    #[test]
    fn as_text() {
        let start = |date, time| Start::new(date, time).map(|s| s.to_string());
        assert_eq!(start(None, None), None);
        assert_eq!(start(None, Some(86_400.0)), None);
        assert_eq!(start(None, Start::clock(9, 5, 1.25)).as_deref(), Some("09:05:01.250"));
        let both = start(Some(date(1999, 12, 31)), Start::clock(23, 59, 59.0));
        assert_eq!(both.as_deref(), Some("1999-12-31 23:59:59"));
        assert_eq!(Start::clock(24, 0, 0.0), None);
        assert_eq!(
            (Date::month_of("FEB"), Date::month_of("June"), Date::month_of("ma")),
            (Some(2), Some(6), None)
        );
    }
}
