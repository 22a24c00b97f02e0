//! The cases of the table.

use crate::Subject;
use efficientecg_kernels::tensor::Matrix;
use efficientecg_kit::harness::{Bound, check, label, reference};
use efficientecg_kit::{Case, operations};
use std::sync::OnceLock;

/// An operation's cases and what its reference makes of them, computed once for all its tests.
pub(crate) struct Table {
    operation: &'static str,
    cases: OnceLock<Vec<(Case, Vec<Matrix>)>>,
}

impl Table {
    pub(crate) const fn new(operation: &'static str) -> Table {
        Table { operation, cases: OnceLock::new() }
    }

    fn cases(&self) -> &[(Case, Vec<Matrix>)] {
        let with_reference = |case: Case| {
            let want = reference(&case);
            (case, want)
        };
        self.cases.get_or_init(|| {
            let cases = (operations::entry(self.operation).cases)();
            cases.into_iter().map(with_reference).collect()
        })
    }
}

pub(crate) fn within_bounds(subject: Subject, table: &Table) {
    let Some((level, precision)) = subject.find() else { return };
    let cases = table.cases();
    assert!(!cases.is_empty(), "{} has no cases", subject.operation);
    let mut worst = [0.0f64; 2];
    for (case, want) in cases {
        assert_eq!(case.op.name(), subject.operation);
        let of_case = check(case, want, level, precision, Bound::Likely);
        worst = [0, 1].map(|i| worst[i].max(of_case[i]));
    }
    let [any, likely] = worst.map(|w| 1.0 / w);
    println!(
        "{:16} {:13} {precision:4?} {:3} cases, bound / worst error: {any:6.2} for any data, {likely:5.2} likely",
        subject.operation,
        label(level, precision),
        cases.len(),
    );
    assert!((1.0..=20.0).contains(&likely), "{}: {likely}", subject.operation);
}
