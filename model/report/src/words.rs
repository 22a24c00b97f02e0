//! Numbers, times and classes in words.

use efficientecg::classify::Unit;

/// What every page says.
pub(crate) const CAUTION: &str =
    "Computed, not confirmed by a physician. For research only: not a medical device.";

/// Hours, minutes and seconds, as a clock shows them: `0:12:30`, with a tenth where it is not whole.
pub(crate) fn clock(seconds: f64) -> String {
    let tenths = (10.0 * seconds.max(0.0)).round() as u64;
    let (hours, minutes, rest) = (tenths / 36_000, tenths / 600 % 60, tenths % 600);
    let tenth = if rest.is_multiple_of(10) { String::new() } else { format!(".{}", rest % 10) };
    format!("{hours}:{minutes:02}:{:02}{tenth}", rest / 10)
}

/// A duration: `10.0 s`, `1 min 30.0 s`, `24 h 0 min`.
pub(crate) fn duration(seconds: f64) -> String {
    let tenths = (10.0 * seconds.max(0.0)).round() as u64;
    match tenths {
        0..600 => format!("{}.{} s", tenths / 10, tenths % 10),
        600..36_000 => format!("{} min {}.{} s", tenths / 600, tenths % 600 / 10, tenths % 10),
        _ => format!("{} h {} min", tenths / 36_000, tenths / 600 % 60),
    }
}

/// A number with as many decimals as it needs, three at most.
pub(crate) fn number(value: f64) -> String {
    ((1000.0 * value).round() / 1000.0).to_string()
}

/// What a class means, by what is classified and the classes that it stands among: those of ANSI/AAMI EC57 for beats, of the CinC
/// Challenge 2017 or PTB-XL's superclasses for records. None where one of them is of another set, as others may use the same letters.
pub fn meaning(unit: Unit, class: &str, among: &[String]) -> Option<&'static str> {
    const BEATS: [(&str, &str); 5] = [
        ("N", "any beat but S, V, F and Q"),
        ("S", "supraventricular ectopic beat"),
        ("V", "ventricular ectopic beat"),
        ("F", "fusion of a ventricular and a normal beat"),
        ("Q", "paced or unclassifiable beat"),
    ];
    const RHYTHMS: [(&str, &str); 4] = [
        ("N", "normal rhythm"),
        ("A", "atrial fibrillation"),
        ("O", "another rhythm"),
        ("~", "too noisy to tell"),
    ];
    const STATEMENTS: [(&str, &str); 5] = [
        ("NORM", "normal ECG"),
        ("MI", "myocardial infarction"),
        ("STTC", "ST or T wave change"),
        ("CD", "conduction disturbance"),
        ("HYP", "hypertrophy"),
    ];
    let sets: &[&[(&str, &str)]] = if unit == Unit::Beat { &[&BEATS] } else { &[&RHYTHMS, &STATEMENTS] };
    let of = |set: &[(&str, &'static str)], class: &str| {
        set.iter().find(|(name, _)| *name == class).map(|(_, meaning)| *meaning)
    };
    let set = sets.iter().find(|set| among.iter().all(|class| of(set, class).is_some()))?;
    of(set, class)
}

/// A number with so many decimals, `-` for none.
pub(crate) fn decimals(value: Option<f64>, decimals: usize) -> String {
    value.map_or_else(|| "-".to_owned(), |value| format!("{value:.decimals$}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times() {
        assert_eq!([clock(0.0), clock(750.04), clock(86_399.96)], ["0:00:00", "0:12:30", "24:00:00"]);
        assert_eq!(clock(427.14), "0:07:07.1");
        assert_eq!(
            [duration(10.0), duration(90.0), duration(86_400.0)],
            ["10.0 s", "1 min 30.0 s", "24 h 0 min"]
        );
        assert_eq!([number(500.0), number(0.123_49), number(333.333_333)], ["500", "0.123", "333.333"]);
    }

    #[test]
    fn a_letter_means_what_its_set_says() {
        let set = |names: &[&str]| names.iter().map(|n| (*n).to_owned()).collect::<Vec<_>>();
        let whole = Unit::Record;
        assert_eq!(meaning(whole, "N", &set(&["N", "A", "O", "~"])), Some("normal rhythm"));
        assert_eq!(meaning(Unit::Beat, "N", &set(&["N", "S", "V"])), Some("any beat but S, V, F and Q"));
        assert_eq!(meaning(whole, "MI", &set(&["NORM", "MI"])), Some("myocardial infarction"));
        assert_eq!(meaning(whole, "N", &set(&["N", "other"])), None);
        assert_eq!(meaning(whole, "N", &set(&["N", "S"])), None);
    }
}
