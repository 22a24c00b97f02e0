//! How far the results of whole networks move when every weight and every input moves by one unit in the last place of an
//! f32, up or down at random: what no implementation in f32 can be asked to be better than, by much. Both runs are the
//! references', in f64.
//!
//!     cargo run --release -p efficientecg-tests --example conditioning -- [FOLDER of NAME.npz and NAME.ref.npz ...]
//!
//! Without folders: the goldens kept here. For each network it prints the largest movement of logits and of taps,
//! normalised as SPEC.md has it, the tap that moves most, and how far this build's f32 is from PyTorch's f64.

use efficientecg::weights::Values;
use efficientecg::{Backend, Inputs, Options, Outputs, Weights};
use efficientecg_tests::compare::{TOLERANCE, arrays, worst_error};
use efficientecg_tests::golden::{self, Golden};
use efficientecg_tests::random::Generator;
use std::path::PathBuf;

/// Perturbations of each network.
const TRIALS: u64 = 4;

/// The next f32 up or down; zeros stay.
fn nudge(x: f32, random: &mut Generator) -> f32 {
    match random.below(2) {
        _ if x == 0.0 => x,
        0 => x.next_up(),
        _ => x.next_down(),
    }
}

fn nudged_weights(weights: &Weights, random: &mut Generator) -> Weights {
    let mut arrays = weights.arrays().clone();
    for array in arrays.values_mut() {
        let values = array.data.to_f64().into_iter().map(|w| nudge(w as f32, random));
        array.data = Values::F32(values.collect());
    }
    Weights::from_arrays(weights.config().clone(), arrays).unwrap_or_else(|e| panic!("{e}"))
}

fn nudged_inputs(inputs: &Inputs, random: &mut Generator) -> Inputs {
    let mut inputs = inputs.clone();
    inputs.signal_mut().iter_mut().for_each(|x| *x = nudge(*x, random));
    inputs
}

fn run(weights: &Weights, inputs: &Inputs, taps: &[&str], backend: Backend) -> Outputs {
    let model = Options::new().backend(backend).from_weights(weights);
    let model = model.unwrap_or_else(|e| panic!("{e}"));
    model.run_with_taps(inputs, taps).unwrap_or_else(|e| panic!("{e}"))
}

/// The largest difference of two runs' arrays whose names pass, and the array.
fn movement(a: &Outputs, b: &Outputs, of: impl Fn(&str) -> bool) -> (f64, String) {
    let pairs = arrays(a).zip(arrays(b)).filter(|((name, _), _)| of(name));
    pairs.fold((0.0, String::new()), |worst, ((name, a), (_, b))| {
        let want: Vec<f64> = b.iter().map(|x| f64::from(*x)).collect();
        let error = worst_error(a, &want).unwrap_or_else(|e| panic!("{name}: {e}"));
        if error > worst.0 { (error, name.to_owned()) } else { worst }
    })
}

fn main() {
    let mut folders: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    if folders.is_empty() {
        folders.push(golden::folder());
    }
    println!("{:28} {:>9} {:>9}  {:24} {:>9}", "network", "logits", "taps", "the tap", "f32 error");
    for folder in folders {
        let (mut worst, mut beyond, list) = ((0.0f64, 0.0f64), 0, golden::list(&folder));
        for (weights, reference) in &list {
            let golden = Golden::load(weights, reference);
            let taps = golden.taps();
            let still = run(&golden.weights, &golden.inputs, &taps, Backend::Reference);
            let (mut logits, mut tap) = (0.0f64, (0.0f64, String::new()));
            for trial in 0..TRIALS {
                let mut random = Generator::new(trial as usize);
                let weights = nudged_weights(&golden.weights, &mut random);
                let inputs = nudged_inputs(&golden.inputs, &mut random);
                let moved = run(&weights, &inputs, &taps, Backend::Reference);
                logits = logits.max(movement(&moved, &still, |name| name == "logits").0);
                let of_taps = movement(&moved, &still, |name| !["logits", "probabilities"].contains(&name));
                if of_taps.0 > tap.0 {
                    tap = of_taps;
                }
            }
            let f32_error =
                movement(&run(&golden.weights, &golden.inputs, &taps, Backend::Cpu), &still, |_| true);
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
