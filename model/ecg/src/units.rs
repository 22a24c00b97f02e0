//! Words for units of voltage.

/// Millivolts a unit; `None` where the word is not a voltage.
///
/// Case does not count: `MV` is a millivolt, for no electrode gives megavolts. Blanks around the word and its plural do not
/// count either.
pub(crate) fn millivolts(unit: &str) -> Option<f32> {
    let word = unit.trim().to_ascii_lowercase();
    let word = word.strip_suffix("volts").map_or(word.clone(), |start| format!("{start}volt"));
    Some(match word.as_str() {
        "v" | "volt" => 1e3,
        "mv" | "millivolt" => 1.0,
        // The micro sign and the Greek letter.
        "uv" | "µv" | "μv" | "microvolt" | "uvolt" | "µvolt" | "μvolt" => 1e-3,
        "nv" | "nanovolt" => 1e-6,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn voltages_in_any_case() {
        for (factor, words) in [
            (1e3, vec!["V", "v", "Volt", "VOLTS"]),
            (1.0, vec!["mV", "mv", "MV", "Mv", " mV ", "millivolt", "MilliVolts"]),
            (1e-3, vec!["uV", "UV", "uv", "µV", "μV", "microvolt", "Microvolts"]),
            (1e-6, vec!["nV", "NV", "nanovolts"]),
        ] {
            for word in words {
                assert_eq!(millivolts(word), Some(factor), "{word:?}");
            }
        }
        for word in ["", "mmHg", "NU", "bpm", "V/s", "kV", "adu", "volt-ampere", "%"] {
            assert_eq!(millivolts(word), None, "{word:?}");
        }
    }
}
