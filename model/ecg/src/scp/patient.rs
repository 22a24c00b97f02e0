//! Section 1: fields, each a tag, a length and its bytes.

use super::sections::Section;
use crate::{Date, Record, Sex, Start};

/// Tag after the last field.
const END: u8 = 255;

/// Takes age, sex and start. A field that is no such is left out: it costs no samples.
pub(super) fn read(section: Section<'_>, record: &mut Record, warnings: &mut Vec<String>) {
    let mut rest = section.body();
    let (mut age, mut birth, mut day, mut clock) = (None, None, None, None);
    while let Some((&tag, after)) = rest.split_first() {
        if tag == END {
            break;
        }
        let field = after
            .split_first_chunk()
            .and_then(|(length, after)| after.split_at_checked(usize::from(u16::from_le_bytes(*length))));
        let Some((field, after)) = field else {
            warnings.push("section 1 ends within a field".to_owned());
            break;
        };
        rest = after;
        match (tag, field) {
            (4, [low, high, unit, ..]) => age = years(u16::from_le_bytes([*low, *high]), *unit),
            (5, [low, high, month, day, ..]) => birth = date(*low, *high, *month, *day),
            (8, [1, ..]) => record.sex = Some(Sex::Male),
            (8, [2, ..]) => record.sex = Some(Sex::Female),
            (25, [low, high, month, of_month, ..]) => day = date(*low, *high, *month, *of_month),
            (26, [h, m, s, ..]) => clock = Start::clock(*h, *m, f64::from(*s)),
            _ => {}
        }
    }
    record.age = age.or_else(|| birth.zip(day).and_then(|(birth, day): (Date, Date)| birth.age_on(day)));
    record.start = Start::new(day, clock);
}

fn date(low: u8, high: u8, month: u8, day: u8) -> Option<Date> {
    Date::new(u16::from_le_bytes([low, high]), month, day)
}

/// An age in years; 0 of no unit is not known.
fn years(value: u16, unit: u8) -> Option<f64> {
    let value = f64::from(value);
    let years = match unit {
        1 => value,
        2 => value / 12.0,
        3 => value * 7.0 / 365.2425,
        4 => value / 365.2425,
        5 => value / 24.0 / 365.2425,
        _ => return None,
    };
    (0.0..=150.0).contains(&years).then_some(years)
}
