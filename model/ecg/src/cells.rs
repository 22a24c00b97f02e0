//! What stands in the cells of tables of samples: numbers, words for missing samples, the name of a column of times.

/// What the first column of a table holds.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum FirstColumn {
    /// Times, in units of so many seconds.
    Times(f64),
    /// Numbers of samples, which say nothing.
    Numbers,
    /// Samples of a lead.
    Lead,
}

impl FirstColumn {
    /// What a first column of this name holds.
    ///
    /// ```
    /// use efficientecg_ecg::cells::FirstColumn;
    ///
    /// assert_eq!(["time [ms]", "sample #", "II"].map(FirstColumn::of), [FirstColumn::Times(1e-3), FirstColumn::Numbers, FirstColumn::Lead]);
    /// ```
    pub fn of(name: &str) -> FirstColumn {
        let words: Vec<String> = name
            .to_lowercase()
            .split(|c: char| !c.is_alphanumeric())
            .filter(|word| !word.is_empty() && *word != "elapsed" && *word != "in")
            .map(str::to_owned)
            .collect();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        match words[..] {
            ["time" | "times" | "t" | "seconds" | "sec"] => FirstColumn::Times(1.0),
            ["time" | "times" | "t", "s" | "sec" | "second" | "seconds"] => FirstColumn::Times(1.0),
            ["time" | "times" | "t", "ms" | "milliseconds"] | ["milliseconds" | "ms"] => {
                FirstColumn::Times(1e-3)
            }
            // A number sign alone is no word.
            [] | ["sample" | "samples" | "index"] | ["sample", "number" | "index"] => FirstColumn::Numbers,
            _ => FirstColumn::Lead,
        }
    }
}

/// Whether a cell says that the sample is missing.
pub fn is_missing(text: &str) -> bool {
    let words = ["", "nan", "na", "n/a", "null", "none", "-"];
    words.iter().any(|word| text.eq_ignore_ascii_case(word))
}

/// A number in digits: none of `inf` and other words.
pub fn number<T: std::str::FromStr>(text: &str, decimal_comma: bool) -> Option<T> {
    if !text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'+' | b'-' | b'.' | b',' | b'e' | b'E')) {
        return None;
    }
    if decimal_comma && text.contains(',') {
        text.replacen(',', ".", 1).parse().ok()
    } else {
        text.parse().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_digits_and_words_are_not() {
        for (text, comma, want) in [
            ("1.5", false, Some(1.5)),
            ("-2e3", false, Some(-2000.0)),
            ("1,5", true, Some(1.5)),
            ("1,5", false, None),
            ("1,5,0", true, None),
            ("inf", false, None),
            ("nan", false, None),
            ("", false, None),
        ] {
            assert_eq!(number::<f64>(text, comma), want, "{text:?}");
        }
        assert!(["", "NaN", "n/a", "-", "None"].into_iter().all(is_missing));
        assert!(!["0", "--", "x"].into_iter().any(is_missing));
    }
}
