//! Whole networks against PyTorch's results in f64: every instruction set, several pools, and the references.
//!
//! `EFFICIENTECG_CONFORMANCE` may name a folder of more networks, made by `efficientecg_train.conformance`.

use efficientecg::{Backend, Level, Options, Outputs, Precision};
use efficientecg_tests::compare::{TOLERANCE, assert_same_bits, probabilities, worst_error};
use efficientecg_tests::golden::{self, Golden};
use std::collections::BTreeMap;
use std::path::Path;

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

/// Checks every network of a folder and gives their count.
fn check(folder: &Path) -> usize {
    let mut tally = Tally::default();
    let list = golden::list(folder);
    for (weights, reference) in &list {
        let golden = Golden::load(weights, reference);
        let options = Options::new().backend(Backend::Reference);
        tally.check("reference", &golden, &run(&golden, &options), TOLERANCE);
        for level in Level::available() {
            let options = |threads| Options::new().threads(threads).level(level);
            let alone = run(&golden, &options(1));
            tally.check(level.name(), &golden, &alone, TOLERANCE);
            for threads in [2, 3] {
                let label = format!("{}, {}, {threads} threads", golden.name, level.name());
                assert_same_bits(&label, &run(&golden, &options(threads)), &alone);
            }
            for (precision, tolerance) in [(Precision::F16, 2e-2), (Precision::Bf16, 6e-2)] {
                let options = |threads| options(threads).precision(precision);
                let alone = run(&golden, &options(1));
                tally.check(&format!("{} {precision:?}", level.name()), &golden, &alone, tolerance);
                let label = format!("{}, {} {precision:?}, 3 threads", golden.name, level.name());
                assert_same_bits(&label, &run(&golden, &options(3)), &alone);
            }
        }
    }
    println!("{}: {} networks", folder.display(), list.len());
    for (device, (error, what)) in &tally.worst {
        println!("  {device:12} worst error {error:.2e} ({what})");
    }
    assert!(tally.failures.is_empty(), "above tolerance:\n{}", tally.failures.join("\n"));
    list.len()
}

#[test]
fn kept_networks() {
    assert!(check(&golden::folder()) >= 20);
}

/// Further ones, for whoever names a folder of them.
#[test]
fn more_networks() {
    if let Some(folder) = std::env::var_os("EFFICIENTECG_CONFORMANCE") {
        check(Path::new(&folder));
    }
}
