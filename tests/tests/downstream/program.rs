//! Somebody else's program: runs every network in the folder that it is given, on its main thread and on one that has the
//! standard library's stack, and holds the results against the references beside them.

use efficientecg::inputs::read_reference;
use efficientecg::{Level, Options, Precision};
use std::path::{Path, PathBuf};

/// Runs a network with these options; `allowed` is what a logit may be off, of the larger of 1 and the largest.
fn run(weights: &Path, options: &Options, allowed: f64) {
    let reference = weights.with_extension("ref.npz");
    let model = options.load(weights).expect("a model");
    let (inputs, expected) = read_reference(&reference, model.config()).expect("a reference");
    let want = &expected.iter().find(|array| array.name == "logits").expect("logits").data;
    let got = model.run(&inputs).expect("a run").logits;
    let size = want.iter().fold(1.0f64, |size, w| size.max(w.abs()));
    assert_eq!(got.len(), want.len());
    for (got, want) in got.iter().zip(want) {
        let error = (f64::from(*got) - want).abs() / size;
        assert!(error <= allowed, "{reference:?}: {got} for {want}");
    }
}

/// What a user has without a word.
fn plainly(networks: &[PathBuf]) {
    networks.iter().for_each(|network| run(network, &Options::default(), 2e-5));
}

/// Every instruction set and precision, on the calling thread and on a pool.
fn deeply(network: &Path) {
    for (precision, allowed) in [(Precision::F32, 2e-5), (Precision::F16, 2e-2), (Precision::Bf16, 6e-2)] {
        for level in Level::available() {
            for threads in [1, 2] {
                run(network, &Options::new().level(level).precision(precision).threads(threads), allowed);
            }
        }
    }
}

fn main() {
    let folder = std::env::args_os().nth(1).expect("a folder of networks");
    let entries = std::fs::read_dir(folder).expect("a folder of networks");
    let mut networks: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    networks.retain(|path| path.with_extension("ref.npz").exists());
    networks.sort();
    assert!(!networks.is_empty());
    plainly(&networks);
    let count = networks.len();
    let thread = std::thread::spawn(move || {
        plainly(&networks);
        networks.iter().for_each(|network| deeply(network));
    });
    thread.join().expect("the same on a thread");
    println!("{count} networks");
}
