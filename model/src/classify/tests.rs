//! Findings as text, and what is found.

use super::*;

#[test]
fn of_several_labels_all_that_are_even_are_found() {
    assert_eq!(found(Task::Multilabel, 1, &[0.1, 0.9, 0.5]), [1, 2]);
    assert_eq!(found(Task::Multilabel, 1, &[0.1, 0.4, 0.2]), [0; 0]);
    assert_eq!(found(Task::Multiclass, 1, &[0.1, 0.4, 0.2]), [1]);
}

fn finding(unit: Unit, found: &[usize]) -> Finding {
    Finding {
        unit,
        time: 446,
        seconds: 446.0 / 360.0,
        class: Ok(1),
        logits: vec![0.0; 3],
        probabilities: vec![0.125, 0.875, 0.5],
        found: found.to_vec(),
        names: ["NORM", "MI", "HYP"].map(str::to_owned).into(),
    }
}

#[test]
fn findings_as_text() {
    let beat = finding(Unit::Beat, &[1]);
    assert_eq!((beat.to_string().as_str(), beat.label().as_str()), ("1.239 s MI 0.875", "MI"));
    let two = finding(Unit::Record, &[1, 2]);
    assert_eq!((two.to_string().as_str(), two.label().as_str()), ("MI 0.875, HYP 0.500", "MI+HYP"));
    let none = finding(Unit::Record, &[]);
    assert_eq!((none.to_string().as_str(), none.label().as_str(), none.labels().len()), ("none", "", 0));
    assert_eq!((none.probability(), none.reason()), (Some(0.875), None));
    let refused = Finding::refused(Unit::Beat, 446, 446.0 / 360.0, Reason::Noise, &none.names);
    assert_eq!((refused.to_string().as_str(), refused.label().as_str()), ("1.239 s - noise", "-"));
    assert_eq!((refused.probability(), refused.reason()), (None, Some(Reason::Noise)));
}
