//! What must hold of every run, whatever the weights: the same bits again, for any pool and any number of callers;
//! records that do not see each other; padding that is never read; what a shift in time does. A test a level, in a module of its name.

use efficientecg::weights::Values;
use efficientecg::{FeatureInput, Inputs, Level, Model, Options, Outputs, RunError, Weights};
use efficientecg_kit::{for_each_level, level_tests};
use efficientecg_tests::compare::{
    TOLERANCE, assert_close, assert_runs_close, assert_same_bits, probabilities, worst_error,
};
use efficientecg_tests::random::{self, Generator};

fn weights() -> Weights {
    let stages = [(1, 3, 1, 5, 1), (4, 5, 2, 9, 2), (3, 31, 3, 8, 1)];
    random::weights(random::config(3, (10, 7, 2), &stages, 18, true), 1)
}

fn model(weights: &Weights, level: Level, threads: usize) -> Model {
    let options = Options::new().level(level).threads(threads);
    options.from_weights(weights).unwrap_or_else(|e| panic!("{e}"))
}

fn run(model: &Model, inputs: &Inputs) -> Outputs {
    let taps: Vec<&str> = model.tap_names().collect();
    model.run_with_taps(inputs, &taps).unwrap_or_else(|e| panic!("{e}"))
}

fn bits_are_the_same_again_and_for_any_pool(level: Level) {
    let weights = weights();
    let batches: Vec<Inputs> = [(1, 1500), (2, 97), (5, 1029), (7, 640)]
        .map(|(batch, samples)| random::inputs(weights.config(), batch, samples, 2))
        .into();
    let first = model(&weights, level, 1);
    let first: Vec<Outputs> = batches.iter().map(|b| run(&first, b)).collect();
    for threads in 1..=5 {
        let model = model(&weights, level, threads);
        for again in 0..3 {
            for (inputs, first) in batches.iter().zip(&first) {
                let label = format!("{}, {threads} threads, run {again}", level.name());
                assert_same_bits(&label, &run(&model, inputs), first);
            }
        }
    }
}

/// Sixteen callers and one model: more lengths than it keeps plans for, so that plans are made and dropped meanwhile.
#[test]
fn callers_share_a_model() {
    let weights = weights();
    let batches: Vec<Inputs> =
        (0..20).map(|i| random::inputs(weights.config(), 1 + i % 4, 50 + 37 * i, i as u64)).collect();
    let alone = model(&weights, Level::best(), 1);
    let alone: Vec<Outputs> = batches.iter().map(|b| run(&alone, b)).collect();
    for threads in [1, 3] {
        let model = model(&weights, Level::best(), threads);
        std::thread::scope(|scope| {
            for caller in 0..16 {
                let (model, batches, alone) = (&model, &batches, &alone);
                scope.spawn(move || {
                    let mut random = Generator::new(caller as usize);
                    for _ in 0..25 {
                        let i = random.below(batches.len());
                        let label = format!("caller {caller} of a pool of {threads}, batch {i}");
                        assert_same_bits(&label, &run(model, &batches[i]), &alone[i]);
                    }
                });
            }
        });
    }
}

/// The arrays of the records `order` of a run, one run's size.
fn pick(outputs: &Outputs, order: &[usize]) -> Outputs {
    let pick = |data: &[f32]| {
        let width = data.len() / order.len();
        order.iter().flat_map(|r| data[r * width..][..width].to_vec()).collect()
    };
    let mut out = outputs.clone();
    out.logits = pick(&outputs.logits);
    out.probabilities = pick(&outputs.probabilities);
    out.taps.iter_mut().zip(&outputs.taps).for_each(|(to, from)| to.data = pick(&from.data));
    out
}

fn records_do_not_see_each_other(level: Level) {
    let weights = weights();
    let inputs = random::inputs(weights.config(), 5, 1100, 3);
    let order = [3, 0, 4, 2, 1];
    for threads in [1, 2] {
        let model = model(&weights, level, threads);
        let whole = run(&model, &inputs);
        let permuted = run(&model, &random::permute(&inputs, &order));
        assert_same_bits(&format!("{}, permuted", level.name()), &permuted, &pick(&whole, &order));
        for size in [1, 2] {
            let mut parts = Outputs::default();
            for first in (0..5).step_by(size) {
                parts.append(run(&model, &inputs.slice(first, size.min(5 - first))));
            }
            assert_runs_close(&format!("{}, {size} at once", level.name()), &parts, &whole, TOLERANCE);
        }
    }
}

fn padding_is_never_read(level: Level) {
    let weights = weights();
    let inputs = random::inputs(weights.config(), 4, 300, 4);
    let steps = vec![0, 1, 3, 4];
    let filled = |value: f32| {
        let mut rows = Generator::new(4).units(4 * 4 * 3);
        for (record, used) in rows.chunks_mut(4 * 3).zip(&steps) {
            record[*used * 3..].fill(value);
        }
        inputs.clone().feature("rhythm", FeatureInput::Sequence { steps_max: 4, rows, steps: steps.clone() })
    };
    let model = model(&weights, level, 2);
    let zeros = run(&model, &filled(0.0));
    for value in [f32::NAN, f32::INFINITY, 1e30] {
        assert_same_bits(&format!("{}, {value}", level.name()), &run(&model, &filled(value)), &zeros);
    }
}

fn an_absent_feature_is_missing_for_every_record(level: Level) {
    let weights = weights();
    let given = random::inputs(weights.config(), 3, 200, 5);
    let missing = [
        ("age", FeatureInput::Continuous(vec![f64::NAN; 3])),
        ("sex", FeatureInput::Categorical(vec![None; 3])),
        ("sex", FeatureInput::Named(vec![None; 3])),
        ("rhythm", FeatureInput::Sequence { steps_max: 2, rows: vec![1.0; 3 * 2 * 3], steps: vec![0; 3] }),
    ];
    let model = model(&weights, level, 1);
    let with = |name: &str, values: FeatureInput| run(&model, &given.clone().feature(name, values));
    for (name, values) in &missing {
        let absent = with(name, FeatureInput::Missing);
        assert_same_bits(&format!("{}, {name}", level.name()), &absent, &with(name, values.clone()));
        assert_ne!(absent.logits, run(&model, &given).logits, "{name} changes nothing");
    }
    let rowless = FeatureInput::Sequence { steps_max: 0, rows: vec![], steps: vec![0; 3] };
    let none = with("rhythm", rowless);
    let absent = with("rhythm", FeatureInput::Missing);
    assert_same_bits(&format!("{}, no rows", level.name()), &none, &absent);
    // Not given at all.
    let bare = Inputs::new(given.signal(), [3, given.leads(), 200]).unwrap_or_else(|e| panic!("{e}"));
    let nothing = ["age", "sex", "rhythm"].iter();
    let nothing = nothing.fold(given.clone(), |i, name| i.feature(*name, FeatureInput::Missing));
    assert_same_bits(level.name(), &run(&model, &bare), &run(&model, &nothing));
}

/// A short event in a long silence, moved by the network's stride, moves the head's output by one position and leaves
/// what is pooled over time. The ends, where padding is felt, are left out.
fn a_shift_in_time_moves_the_head(level: Level) {
    let stages = [(1, 3, 1, 5, 1), (4, 5, 2, 9, 2), (3, 7, 3, 8, 1)];
    let config = random::config(2, (6, 5, 2), &stages, 18, true);
    let (stride, samples) = (2 * 2 * 3, 4000);
    // Half the field of view: 2 + 2 (1) + 2 (2 + 4) + 4 (3), and room to spare.
    let (edge, at) = (8, 1900);
    let weights = random::weights(config, 6);
    let event: Vec<f32> = Generator::new(7).units(2 * 60);
    let signal = |shift: usize| {
        let mut inputs = random::inputs(weights.config(), 1, samples, 8);
        inputs.signal_mut().fill(0.0);
        for (lead, event) in event.chunks(60).enumerate() {
            inputs.signal_mut()[lead * samples + at + shift..][..60].copy_from_slice(event);
        }
        inputs
    };
    let model = model(&weights, level, 1);
    let taps = ["head", "attention"];
    let run = |shift| model.run_with_taps(&signal(shift), &taps).unwrap_or_else(|e| panic!("{e}"));
    let (before, after) = (run(0), run(stride));
    let positions = before.taps[0].cols;
    let rows = before.taps[0].data.chunks(positions).zip(after.taps[0].data.chunks(positions));
    let mut moved = 0.0f32;
    for (channel, (before, after)) in rows.enumerate() {
        let label = format!("{}, channel {channel} of the head", level.name());
        let (b, a) = (&before[edge..positions - edge - 1], &after[edge + 1..positions - edge]);
        assert_close(&label, a, b, TOLERANCE);
        moved = b.iter().zip(&after[edge..]).fold(moved, |m, (b, a)| m.max((b - a).abs()));
    }
    assert!(moved > 0.1, "the event is not seen: {moved}");
    assert_close("attention", &after.taps[1].data, &before.taps[1].data, TOLERANCE);
    assert_close("logits", &after.logits, &before.logits, TOLERANCE);
}

/// Infinities and NaN of one run stay in memory that the next one takes: they must not reach its results.
fn a_run_that_overflows_leaves_no_trace(level: Level) {
    let weights = weights();
    for samples in [1, 9, 100, 525, 1100] {
        let inputs = random::inputs(weights.config(), 3, samples, 9);
        let mut huge = inputs.clone();
        huge.signal_mut().iter_mut().enumerate().for_each(|(i, x)| *x = [3e38, -3e38][i % 2]);
        let model = model(&weights, level, 2);
        let mut before = run(&model, &inputs);
        let error = model.run(&huge).expect_err("an overflow");
        assert!(matches!(error, RunError::Overflow { record: 0, .. }), "{error}");
        // Without taps, in the memory of the run that failed.
        let after = model.run(&inputs).unwrap_or_else(|e| panic!("{e}"));
        let label = format!("{}, {samples} samples", level.name());
        before.taps.clear();
        assert_same_bits(&label, &after, &before);
    }
}

/// Scores in the hundreds: their exponentials leave the range of f32 unless the greatest is taken off first.
fn great_scores_still_give_probabilities(level: Level) {
    let weights = weights();
    let mut arrays = weights.arrays().clone();
    for (name, factor) in [("fusion.q.weight", 3000.0), ("classifier.weight", 300.0)] {
        let array = arrays.get_mut(name).expect("an array of the network");
        array.data = Values::F64(array.data.to_f64().iter().map(|x| factor * x).collect());
    }
    let weights = Weights::from_arrays(weights.config().clone(), arrays).unwrap_or_else(|e| panic!("{e}"));
    let inputs = random::inputs(weights.config(), 4, 700, 10);
    let outputs = run(&model(&weights, level, 1), &inputs);
    let greatest = outputs.logits.iter().fold(0.0f32, |m, x| m.max(*x));
    assert!(greatest > 100.0, "{greatest} is no great logit");
    let logits: Vec<f64> = outputs.logits.iter().map(|x| f64::from(*x)).collect();
    let error = worst_error(&outputs.probabilities, &probabilities(weights.config(), &logits));
    assert!(error.as_ref().is_ok_and(|e| *e <= TOLERANCE), "{}: {error:?}", level.name());
    let attention = outputs.taps.iter().find(|t| t.name == "attention").expect("the tap");
    assert!(attention.data.iter().all(|x| x.is_finite()), "{}: {:?}", level.name(), attention.data);
}

for_each_level!(
    level_tests!
        bits_are_the_same_again_and_for_any_pool
        records_do_not_see_each_other
        padding_is_never_read
        an_absent_feature_is_missing_for_every_record
        a_shift_in_time_moves_the_head
        a_run_that_overflows_leaves_no_trace
        great_scores_still_give_probabilities
);
