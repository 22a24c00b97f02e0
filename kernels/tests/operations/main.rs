//! Every operation at every level against its reference: the cases of the table, and random ones.

mod harness;
mod laws;
mod properties;
mod small;

use efficientecg_kernels::ops::ops;
use efficientecg_kernels::tensor::Shape;
use harness::{Bound, check, label, levels, precisions, reference};

#[test]
fn every_kernel_is_within_its_bounds() {
    for entry in ops() {
        let cases = (entry.cases)();
        assert!(!cases.is_empty(), "{} has no cases", entry.name);
        let wants: Vec<_> = cases.iter().map(reference).collect();
        for level in levels() {
            for precision in precisions(entry.name) {
                let mut worst = [0.0f64; 2];
                for (case, want) in cases.iter().zip(&wants) {
                    assert_eq!(case.op.name(), entry.name);
                    let of_case = check(case, want, level, *precision, Bound::Likely);
                    worst = [0, 1].map(|i| worst[i].max(of_case[i]));
                }
                let [any, likely] = worst.map(|w| 1.0 / w);
                println!(
                    "{:16} {:13} {precision:4?} {:3} cases, bound / worst error: {any:6.2} for any data, {likely:5.2} likely",
                    entry.name,
                    label(level, *precision),
                    cases.len(),
                );
                assert!((1.0..=20.0).contains(&likely), "{}: {likely}", entry.name);
            }
        }
    }
}

#[test]
fn operands_that_do_not_fit_are_refused() {
    for entry in ops() {
        for case in (entry.cases)() {
            let shapes: Vec<Shape> = case.inputs.iter().map(|m| m.shape).collect();
            assert!(case.op.outputs(&[]).is_err(), "{}: took no operands", case.name);
            for i in 0..shapes.len() {
                let mut wrong = shapes.clone();
                wrong[i].rows += 1;
                wrong[i].cols += 1;
                let Err(error) = case.op.outputs(&wrong) else {
                    panic!("{} {}: took operand {i} as {}", entry.name, case.name, wrong[i]);
                };
                assert_eq!(error.op, entry.name);
            }
        }
    }
}
