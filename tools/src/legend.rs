//! What classes mean, and what results are for.

use efficientecg::classify::Unit;
use efficientecg_report::meaning;

/// Below every result for people.
pub(crate) const PURPOSE: &str = "Research only, not for diagnosis.";

/// The lines below results: what their classes mean, and what they are for.
pub(crate) fn lines(unit: Unit, classes: &[String]) -> Vec<String> {
    let known = |class: &String| Some(format!("{class}: {}", meaning(unit, class, classes)?));
    classes.iter().filter_map(known).chain([PURPOSE.to_owned()]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_classes_have_meanings() {
        let of = |unit, classes: &[&str]| {
            lines(unit, &classes.iter().map(|c| (*c).to_owned()).collect::<Vec<_>>())
        };
        assert_eq!(of(Unit::Beat, &["N", "S"])[1..], ["S: supraventricular ectopic beat", PURPOSE]);
        assert_eq!(of(Unit::Record, &["N", "A", "O", "~"])[1], "A: atrial fibrillation");
        assert_eq!(of(Unit::Record, &["NORM", "MI", "STTC", "CD", "HYP"]).len(), 6);
        // Letters of somebody else.
        assert_eq!(of(Unit::Record, &["N", "S"]), [PURPOSE]);
        assert_eq!(of(Unit::Beat, &["N", "X"]), [PURPOSE]);
    }
}
