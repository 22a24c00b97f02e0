//! Age and sex from the comments of a WFDB header.
//!
//! There is no rule for these, only habits: MIT-BIH's first comment `69 M 1085 1629 x1` (age −1: unknown), the pairs
//! `<age>: 69 <sex>: M <diagnoses>: …` of LUDB and MIMIC, on one line or several, and `Age: 81`, `Sex: Female` of PTB
//! and the CinC Challenges. A value that is none of these (`??`, `NaN`, `n/a`) is unknown.

use crate::Sex;

/// Age in years and sex, as far as the comments tell. The first statement of each counts.
pub fn patient_of(comments: &[String]) -> (Option<f64>, Option<Sex>) {
    let mut age = None;
    let mut sex = None;
    for comment in comments {
        if age.is_none() {
            age = after_key(comment, "age").and_then(years);
        }
        if sex.is_none() {
            sex = after_key(comment, "sex")
                .or_else(|| after_key(comment, "gender"))
                .and_then(|text| sex_word(first_word(text)));
        }
    }
    if age.is_none() && sex.is_none() {
        return comments.iter().find_map(|c| mit_bih(c)).unwrap_or_default();
    }
    (age, sex)
}

/// What follows `key:`, `<key>:`, `key=` in `text`, where `key` stands as a word of its own.
fn after_key<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    // Lower-casing ASCII alone keeps byte positions.
    let lower = text.to_ascii_lowercase();
    let mut from = 0;
    while let Some(found) = lower[from..].find(key) {
        let start = from + found;
        from = start + key.len();
        let alone = !lower[..start].ends_with(|c: char| c.is_alphanumeric());
        let rest = text[from..].strip_prefix('>').unwrap_or(&text[from..]);
        if let Some(value) = rest.trim_start().strip_prefix([':', '='])
            && alone
        {
            return Some(value.trim_start());
        }
    }
    None
}

fn first_word(text: &str) -> &str {
    text.split(|c: char| c.is_whitespace() || c == ',' || c == ';').next().unwrap_or_default()
}

/// `69`, `69 years`, `69y`; months, weeks and days too.
fn years(text: &str) -> Option<f64> {
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let number: f64 = text[..digits].parse().ok()?;
    let rest = text[digits..].trim_start();
    let word = rest.split(|c: char| !c.is_ascii_alphabetic()).next().unwrap_or_default();
    let scale = match word.to_ascii_lowercase().as_str() {
        "month" | "months" => 1.0 / 12.0,
        "week" | "weeks" => 7.0 / 365.25,
        "day" | "days" => 1.0 / 365.25,
        _ => 1.0,
    };
    plausible(number * scale)
}

fn plausible(age: f64) -> Option<f64> {
    (0.0..=130.0).contains(&age).then_some(age)
}

fn sex_word(word: &str) -> Option<Sex> {
    match word.to_ascii_lowercase().as_str() {
        "f" | "female" | "woman" => Some(Sex::Female),
        "m" | "male" | "man" => Some(Sex::Male),
        _ => None,
    }
}

/// `69 M 1085 1629 x1`: a whole number, then one letter.
fn mit_bih(comment: &str) -> Option<(Option<f64>, Option<Sex>)> {
    let mut words = comment.split_whitespace();
    let age: i32 = words.next()?.parse().ok()?;
    let word = words.next()?;
    if !matches!(word, "M" | "F" | "m" | "f") {
        return None;
    }
    Some((plausible(f64::from(age)), sex_word(word)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(lines: &[&str]) -> (Option<f64>, Option<Sex>) {
        patient_of(&lines.iter().map(|l| (*l).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn habits_of_the_databases() {
        assert_eq!(of(&["69 M 1085 1629 x1", "Aldomet, Inderal"]), (Some(69.0), Some(Sex::Male)));
        assert_eq!(of(&["-1 F 742 654 x1"]), (None, Some(Sex::Female)));
        assert_eq!(of(&["<age>: 69 <sex>: M <diagnoses>: AV block"]), (Some(69.0), Some(Sex::Male)));
        assert_eq!(of(&["<age>: 51", "<sex>: F", "<diagnoses>:"]), (Some(51.0), Some(Sex::Female)));
        assert_eq!(of(&["Age: 81", "Sex: Female"]), (Some(81.0), Some(Sex::Female)));
        assert_eq!(of(&["age: 81", "sex: male", "ECG date: 01/10/1990"]), (Some(81.0), Some(Sex::Male)));
        assert_eq!(of(&["Gender: female, Age=6 months"]), (Some(0.5), Some(Sex::Female)));
    }

    #[test]
    fn unknown_stays_unknown() {
        assert_eq!(of(&["<age>: ?? <sex>: ?"]), (None, None));
        assert_eq!(of(&["Age: NaN", "Sex: n/a"]), (None, None));
        assert_eq!(of(&["Age: 300"]), (None, None));
        assert_eq!(of(&["dosage: 20 mg", "Essex: M", "20 MHz", "12 lead"]), (None, None));
        assert_eq!(of(&[]), (None, None));
        assert_eq!(of(&["âge: 7", "Å 5 age"]), (None, None));
    }
}
