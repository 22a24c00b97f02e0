//! Random cases of an operation on a GPU, as `kernels` has them on a CPU: within their bounds, whatever the record's place,
//! writing nowhere else. `PROPTEST_CASES` says how many, `EFFICIENTECG_LONG=1` is 2,000 of each in each configuration.

use super::{check, configuration, open};
use crate::Precision;
use efficientecg_kit::operations::entry;
use efficientecg_kit::{Distribution, Recipe};
use proptest::array::uniform12;
use proptest::prelude::any;
use proptest::test_runner::{Config, FileFailurePersistence, TestRunner};
use std::cell::Cell;

pub(super) fn within_bounds(operation: &str, name: &str) {
    let long = std::env::var("EFFICIENTECG_LONG").is_ok_and(|v| v == "1");
    let named = std::env::var_os("PROPTEST_CASES").map(|_| Config::default().cases);
    let cases = named.unwrap_or(if long { 2000 } else { 4 });
    let (options, entry) = (configuration(name), entry(operation));
    if open(&options).is_none() {
        return;
    }
    let worst = Cell::new(0.0f64);
    let kept = concat!(env!("CARGO_MANIFEST_DIR"), "/src/gpu/tests/regressions");
    let failure_persistence = Some(Box::new(FileFailurePersistence::Direct(kept)) as _);
    let config = Config { cases, failure_persistence, source_file: Some(file!()), ..Config::default() };
    let result = TestRunner::new(config).run(&uniform12(any::<u32>()), |draw| {
        let mut recipe = Recipe::new(draw);
        // Beyond the range of f16.
        if options.precision == Precision::F16 && recipe.values == Distribution::Huge {
            recipe.values = Distribution::Normal;
        }
        let case = (entry.random)(&mut recipe);
        // A graph has no node of no operands.
        if !case.inputs.is_empty() {
            let device = open(&options).unwrap_or_else(|| panic!("the device went away"));
            worst.set(worst.get().max(check(device, case, &options, false, None)));
        }
        Ok(())
    });
    result.unwrap_or_else(|e| panic!("{name}, {operation}: {e}"));
    let ratio = 1.0 / worst.get();
    println!("{name:22} {operation:16} {cases} random cases, bound / worst error {ratio:.2}");
}
