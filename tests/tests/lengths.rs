//! Signals of every awkward length against the references, from one sample to thirty minutes.

use efficientecg::{Backend, Inputs, Level, Options, Outputs, Weights};
use efficientecg_kit::{for_each_level, level_tests};
use efficientecg_tests::compare::{TOLERANCE, assert_runs_close};
use efficientecg_tests::random::{self, StageRow};

fn network(stem: (usize, usize, usize), stages: &[StageRow]) -> Weights {
    random::weights(random::config(2, stem, stages, 9, true), 11)
}

fn run(weights: &Weights, options: Options, inputs: &Inputs, taps: &[&str]) -> Outputs {
    let model = options.from_weights(weights).unwrap_or_else(|e| panic!("{e}"));
    model.run_with_taps(inputs, taps).unwrap_or_else(|e| panic!("{e}"))
}

/// Every array at a level against the reference back end; prints the worst error.
fn check(name: &str, weights: &Weights, lengths: &[usize], level: Level) {
    let reference = Options::new().backend(Backend::Reference);
    let names = reference.from_weights(weights).unwrap_or_else(|e| panic!("{e}"));
    let taps: Vec<&str> = names.tap_names().collect();
    let mut worst = 0.0f64;
    for &samples in lengths {
        // Fewer records than threads, which share each.
        let batch = if samples > 10_000 { 1 } else { 2 };
        let inputs = random::inputs(weights.config(), batch, samples, samples as u64);
        let want = run(weights, reference.clone(), &inputs, &taps);
        let options = Options::new().level(level).threads(3);
        let got = run(weights, options, &inputs, &taps);
        let label = format!("{name}, {samples} samples, {}", level.name());
        worst = worst.max(assert_runs_close(&label, &got, &want, TOLERANCE));
    }
    println!("{name}, {}: {} lengths, worst error {worst:.2e}", level.name(), lengths.len());
}

/// Around the lengths from which there are two time chunks, and more of up to 512 positions, for layers of stride 1
/// and behind strides.
const LENGTHS: [usize; 25] = [
    1, 2, 3, 4, 7, 16, 17, 47, 48, 95, 96, 97, 191, 193, 511, 512, 513, 514, 1023, 1024, 1025, 1026, 1535,
    1537, 5000,
];

fn stride_1(level: Level) {
    check("stride 1", &network((5, 3, 1), &[(1, 3, 1, 4, 1), (3, 5, 1, 4, 2)]), &LENGTHS, level);
}

fn stride_2(level: Level) {
    check("stride 2", &network((6, 3, 2), &[(1, 3, 1, 5, 1), (4, 5, 2, 7, 2)]), &LENGTHS, level);
}

fn stride_3_and_the_longest_kernels(level: Level) {
    let weights = network((4, 31, 3), &[(1, 31, 3, 3, 1), (6, 31, 3, 5, 2), (2, 1, 2, 5, 1)]);
    check("stride 3, kernels of 31", &weights, &LENGTHS, level);
}

fn long_signals(level: Level) {
    check("long", &network((4, 5, 1), &[(1, 3, 2, 3, 1), (3, 9, 3, 4, 2)]), &[100_000, 100_001], level);
}

for_each_level!(level_tests! stride_1 stride_2 stride_3_and_the_longest_kernels long_signals);

/// Thirty minutes at 500 Hz.
#[test]
fn thirty_minutes() {
    let weights = network((4, 3, 2), &[(1, 3, 2, 3, 1), (3, 5, 2, 4, 1)]);
    let inputs = random::inputs(weights.config(), 1, 30 * 60 * 500, 12);
    let taps = ["head", "attention"];
    let reference = Options::new().backend(Backend::Reference);
    let want = run(&weights, reference, &inputs, &taps);
    let got = run(&weights, Options::new().threads(2), &inputs, &taps);
    let worst = assert_runs_close("30 minutes", &got, &want, TOLERANCE);
    println!("30 minutes: worst error {worst:.2e}");
}
