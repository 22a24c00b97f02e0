//! Random cases of every operation at every level: within their bounds of the reference, whatever the shapes and the values,
//! whatever the order and the length of runs of tasks.
//!
//! `PROPTEST_CASES` says how many; `EFFICIENTECG_LONG=1` is 10,000 of each. What failed once is kept in `regressions`.

use crate::harness::{Bound, check, label, levels, precisions, reference};
use efficientecg_kernels::ops::{Draw, Recipe, ops};
use proptest::array::uniform12;
use proptest::prelude::any;
use proptest::test_runner::{Config, FileFailurePersistence, TestRunner};
use std::cell::RefCell;

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

fn within_bounds(name: &str, quick: u32) {
    let entries = ops();
    let entry = entries.iter().find(|e| e.name == name).unwrap_or_else(|| panic!("no operation {name}"));
    let runs: Vec<_> =
        levels().into_iter().flat_map(|l| precisions(name).iter().map(move |p| (l, *p))).collect();
    let worst = RefCell::new(vec![0.0f64; runs.len()]);
    let cases = try_draws(name, quick, |draw| {
        let case = (entry.random)(&mut Recipe::new(draw));
        let want = reference(&case);
        for ((level, precision), worst) in runs.iter().zip(worst.borrow_mut().iter_mut()) {
            let [any, _] = check(&case, &want, *level, *precision, Bound::Any);
            *worst = worst.max(any);
        }
    });
    for ((level, precision), worst) in runs.iter().zip(worst.into_inner()) {
        let ratio = 1.0 / worst;
        println!(
            "{name:16} {:13} {precision:4?} {cases} random cases, bound / worst error {ratio:.2}",
            label(*level, *precision)
        );
    }
}

#[test]
fn random_conv() {
    within_bounds("conv", 64);
}

#[test]
fn random_pointwise() {
    within_bounds("pointwise", 64);
}

#[test]
fn random_depthwise() {
    within_bounds("depthwise", 64);
}

#[test]
fn random_squeeze_excite() {
    within_bounds("squeeze_excite", 64);
}

#[test]
fn random_tokens() {
    within_bounds("tokens", 64);
}

#[test]
fn random_cross_attention() {
    within_bounds("cross_attention", 64);
}

#[test]
fn random_classifier() {
    within_bounds("classifier", 64);
}
