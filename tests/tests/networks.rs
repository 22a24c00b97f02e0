//! Whole networks against PyTorch's results in f64: every instruction set, several pools, and the references.
//!
//! `EFFICIENTECG_CONFORMANCE` may name a folder of more networks, made by `efficientecg_train.export.conformance`.

use efficientecg::{Backend, Options, Outputs, Precision};
use efficientecg_tests::compare::{TOLERANCE, assert_same_bits, probabilities, worst_error};
use efficientecg_tests::golden::{self, Golden};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// The worst error of each back end and level so far, and what failed.
#[derive(Default)]
struct Tally {
    worst: BTreeMap<String, (f64, String)>,
    failures: Vec<String>,
}

impl Tally {
    /// Holds every array of a run against the golden.
    fn check(&mut self, device: &str, golden: &Golden, got: &Outputs, tolerance: f64) {
        let mut taps = got.taps.iter();
        for want in &golden.expected {
            let got = match want.name.as_str() {
                "logits" => {
                    let want = probabilities(golden.weights.config(), &want.data);
                    self.compare(
                        device,
                        &format!("{}: probabilities", golden.name),
                        &got.probabilities,
                        &want,
                        tolerance,
                    );
                    &got.logits
                }
                _ => taps.next().map_or(&got.logits, |t| &t.data),
            };
            self.compare(device, &format!("{}: {}", golden.name, want.name), got, &want.data, tolerance);
        }
    }

    fn compare(&mut self, device: &str, what: &str, got: &[f32], want: &[f64], tolerance: f64) {
        match worst_error(got, want) {
            Ok(error) => {
                let worst = self.worst.entry(device.to_owned()).or_default();
                if error > worst.0 {
                    *worst = (error, what.to_owned());
                }
                if error > tolerance {
                    self.failures.push(format!("{device}: {what}: {error:.2e}"));
                }
            }
            Err(message) => self.failures.push(format!("{device}: {what}: {message}")),
        }
    }
}

fn run(golden: &Golden, options: &Options) -> Outputs {
    let model = options.from_weights(&golden.weights).unwrap_or_else(|e| panic!("{e}"));
    let taps = golden.taps();
    assert_eq!(model.tap_names().collect::<Vec<_>>().len(), taps.len(), "{}: taps are missing", golden.name);
    model.run_with_taps(&golden.inputs, &taps).unwrap_or_else(|e| panic!("{}: {e}", golden.name))
}

/// Holds what `run` makes of every network against its golden: of those that are kept, and of those in a folder that somebody names.
fn check(device: &str, tolerance: f64, run: impl Fn(&Golden) -> Outputs) {
    let more = std::env::var_os("EFFICIENTECG_CONFORMANCE").map(PathBuf::from);
    for (folder, least) in std::iter::once((golden::folder(), 20)).chain(more.map(|folder| (folder, 1))) {
        let mut tally = Tally::default();
        let list = golden::list(&folder);
        for (weights, reference) in &list {
            let golden = Golden::load(weights, reference);
            tally.check(device, &golden, &run(&golden), tolerance);
        }
        println!("{}: {} networks", folder.display(), list.len());
        for (device, (error, what)) in &tally.worst {
            println!("  {device:15} worst error {error:.2e} ({what})");
        }
        assert!(tally.failures.is_empty(), "above tolerance:\n{}", tally.failures.join("\n"));
        assert!(list.len() >= least, "{}: {} networks", folder.display(), list.len());
    }
}

#[test]
fn reference() {
    check("reference", TOLERANCE, |golden| run(golden, &Options::new().backend(Backend::Reference)));
}

/// At a level and in a precision, on one thread, and with the same bits on several.
fn at(level: &str, precision: &str) {
    let Some(level) = efficientecg_kit::harness::level(level) else { return };
    let (tolerance, pools): (f64, &[usize]) = match precision {
        "f32" => (TOLERANCE, &[2, 3]),
        "f16" => (2e-2, &[3]),
        _ => (6e-2, &[3]),
    };
    let precision = Precision::by_name(precision).unwrap_or_else(|| panic!("{precision}"));
    let device = format!("{} {}", level.name(), precision.name());
    check(&device, tolerance, |golden| {
        let options = |threads| Options::new().threads(threads).level(level).precision(precision);
        let alone = run(golden, &options(1));
        for threads in pools {
            let label = format!("{}, {device}, {threads} threads", golden.name);
            assert_same_bits(&label, &run(golden, &options(*threads)), &alone);
        }
        alone
    });
}

/// The tests of each instruction set, in every precision.
macro_rules! tests {
    ($level:ident) => {
        mod $level {
            #[test]
            fn f32() {
                super::at(stringify!($level), "f32");
            }

            #[test]
            fn f16() {
                super::at(stringify!($level), "f16");
            }

            #[test]
            fn bf16() {
                super::at(stringify!($level), "bf16");
            }
        }
    };
}
efficientecg_kit::for_each_level!(tests!);
