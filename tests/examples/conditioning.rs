//! How far the results of whole networks move when every weight and every input moves by one unit in the last place of an
//! f32, up or down at random: what no implementation in f32 can be asked to be better than, by much. Both runs are the
//! references', in f64.
//!
//!     cargo run --release -p efficientecg-tests --example conditioning -- [FOLDER of NAME.npz and NAME.ref.npz ...]
//!
//! Without folders: the goldens kept here. For each network it prints the largest movement of logits and of taps,
//! normalised as SPEC.md has it, the tap that moves most, and how far this build's f32 is from PyTorch's f64.

use efficientecg::Options;
use efficientecg_tests::compare::TOLERANCE;
use efficientecg_tests::conditioning::{moved, movement, reference};
use efficientecg_tests::golden::{self, Golden};
use std::path::PathBuf;

/// Perturbations of each network.
const TRIALS: u64 = 4;

fn main() {
    let mut folders: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    if folders.is_empty() {
        folders.push(golden::folder());
    }
    println!("{:28} {:>9} {:>9}  {:24} {:>9}", "network", "logits", "taps", "the tap", "f32 error");
    for folder in folders {
        let (mut worst, mut beyond, list) = ((0.0f64, 0.0f64), 0, golden::list(&folder));
        for (weights, expected) in &list {
            let golden = Golden::load(weights, expected);
            let taps = golden.taps();
            let still = reference(&golden.weights, &golden.inputs, &taps);
            let (mut logits, mut tap) = (0.0f64, (0.0f64, String::new()));
            for moved in moved(&golden.weights, &golden.inputs, &taps, TRIALS) {
                logits = logits.max(movement(&moved, &still, |name| name == "logits").0);
                let of_taps = movement(&moved, &still, |name| !["logits", "probabilities"].contains(&name));
                if of_taps.0 > tap.0 {
                    tap = of_taps;
                }
            }
            let model = Options::new().from_weights(&golden.weights).unwrap_or_else(|e| panic!("{e}"));
            let own = model.run_with_taps(&golden.inputs, &taps).unwrap_or_else(|e| panic!("{e}"));
            let f32_error = movement(&own, &still, |_| true);
            println!("{:28} {logits:9.1e} {:9.1e}  {:24} {:9.1e}", golden.name, tap.0, tap.1, f32_error.0);
            worst = (worst.0.max(logits), worst.1.max(tap.0));
            beyond += usize::from(logits.max(tap.0) > TOLERANCE);
        }
        println!(
            "{}: {} networks, logits move by {:.1e} at most, taps by {:.1e}; {beyond} beyond {TOLERANCE:.0e}",
            folder.display(),
            list.len(),
            worst.0,
            worst.1
        );
    }
}
