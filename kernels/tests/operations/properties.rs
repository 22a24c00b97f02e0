//! Random cases of an operation: within their bounds of the reference, whatever the shapes and the values,
//! whatever the order and the length of runs of tasks.
//!
//! `PROPTEST_CASES` says how many; `EFFICIENTECG_LONG=1` is 10,000 of each. What failed once is kept in `regressions`.

use crate::Subject;
use efficientecg_kit::harness::{Bound, check, label, reference};
use efficientecg_kit::{Draw, Recipe, operations};
use proptest::array::uniform12;
use proptest::prelude::any;
use proptest::test_runner::{Config, FileFailurePersistence, TestRunner};
use std::cell::Cell;

/// How many cases a property is tried on, of which `quick` unless more are asked for.
pub(crate) fn config(quick: u32) -> Config {
    let cases = match std::env::var("EFFICIENTECG_LONG") {
        Ok(long) if long == "1" => 10_000,
        _ if std::env::var_os("PROPTEST_CASES").is_some() => Config::default().cases,
        _ => quick,
    };
    let kept = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/operations/regressions");
    let failure_persistence = Some(Box::new(FileFailurePersistence::Direct(kept)) as _);
    Config { cases, failure_persistence, source_file: Some(file!()), ..Config::default() }
}

/// Tries a property of draws; every assertion that fails is shrunk to a small draw.
pub(crate) fn try_draws(name: &str, quick: u32, property: impl Fn(Draw)) -> u32 {
    let config = config(quick);
    let cases = config.cases;
    let result = TestRunner::new(config).run(&uniform12(any::<u32>()), |draw| {
        property(draw);
        Ok(())
    });
    result.unwrap_or_else(|e| panic!("{name}: {e}"));
    cases
}

pub(crate) fn within_bounds(subject: Subject) {
    let Some((level, precision)) = subject.find() else { return };
    let entry = operations::entry(subject.operation);
    let worst = Cell::new(0.0f64);
    let cases = try_draws(subject.operation, 64, |draw| {
        let case = (entry.random)(&mut Recipe::new(draw));
        let [any, _] = check(&case, &reference(&case), level, precision, Bound::Any);
        worst.set(worst.get().max(any));
    });
    println!(
        "{:16} {:13} {precision:4?} {cases} random cases, bound / worst error {:.2}",
        subject.operation,
        label(level, precision),
        1.0 / worst.get()
    );
}
