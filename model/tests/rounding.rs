//! Where a model runs in f32 though 16 bits were asked for: on processors that multiply no bf16, and in networks that do not
//! bear to be rounded.
#![cfg(feature = "models")]

use efficientecg::config::presets::Setup;
use efficientecg::config::{Config, Stage, Stem};
use efficientecg::{Backend, Inputs, Level, Model, Options, Precision, Weights, models};

fn loaded(weights: &Weights, options: Options) -> Model {
    options.threads(1).from_weights(weights).unwrap_or_else(|e| panic!("{e}"))
}

/// Random weights, one channel from end to end, and more in the head: such networks may amplify what rounding errs by.
fn one_channel(seed: u64) -> Weights {
    let leads = vec!["I".to_owned(), "II".to_owned()];
    let mut config =
        Config::lite(Setup::new("chain", leads, 250.0, 100, vec!["a".to_owned(), "b".to_owned()]));
    config.stem = Stem::new(1, 3, 2);
    config.stages = vec![Stage::new(2, 3, 1, 1, 3), Stage::new(1, 5, 2, 1, 3)];
    config.head_channels = 8;
    let mut state = seed;
    // From -1 to 1.
    let mut unit = move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 11) as f64 / (1u64 << 52) as f64 - 1.0
    };
    let made = Weights::generate(config, |name, shape| {
        let n = shape.iter().product();
        let fan_in: usize = shape[1..].iter().product();
        let (mean, most) = match name {
            name if name.ends_with("running_var") || name.ends_with("bn.weight") => (1.0, 0.4),
            name if name.ends_with("conv.weight") => (0.0, 4.0 / (fan_in as f64).sqrt()),
            _ if shape.len() > 1 => (0.0, 2.0 / (fan_in as f64).sqrt()),
            _ => (0.0, 0.5),
        };
        (0..n).map(|_| mean + most * unit()).collect()
    });
    made.unwrap_or_else(|e| panic!("{e}"))
}

/// The most that a run's results and taps are off the reference's, normalised as SPEC has it.
fn worst_error(model: &Model, weights: &Weights) -> f64 {
    let inputs = Inputs::synthetic(model.config(), 77, 2);
    let reference = loaded(weights, Options::new().backend(Backend::Reference));
    let taps: Vec<&str> = model.tap_names().collect();
    let run = |model: &Model| {
        let outputs = model.run_with_taps(&inputs, &taps).unwrap_or_else(|e| panic!("{e}"));
        let arrays = [outputs.logits, outputs.probabilities];
        arrays.into_iter().chain(outputs.taps.into_iter().map(|tap| tap.data)).collect::<Vec<_>>()
    };
    let mut worst = 0.0f64;
    for (got, want) in run(model).iter().zip(&run(&reference)) {
        assert!(got.len() == want.len() && got.iter().chain(want).all(|x| x.is_finite()));
        let size = want.iter().fold(1.0f32, |size, x| size.max(x.abs()));
        let off = got.iter().zip(want).fold(0.0f32, |most, (a, b)| most.max((a - b).abs()));
        worst = worst.max(f64::from(off / size));
    }
    worst
}

/// The networks of a test.
const SEEDS: u64 = 60;

/// Fails unless both give the same finite logits, bit for bit.
fn same(a: &Model, b: &Model) {
    let inputs = Inputs::synthetic(a.config(), 100, 3);
    let [a, b] = [a, b].map(|model| model.run(&inputs).unwrap_or_else(|e| panic!("{e}")).logits);
    assert!(a.iter().all(|x| x.is_finite()));
    assert_eq!(
        a.iter().map(|x| x.to_bits()).collect::<Vec<_>>(),
        b.iter().map(|x| x.to_bits()).collect::<Vec<_>>()
    );
}

#[test]
fn bf16_runs_in_f32_where_it_would_be_slower() {
    for level in Level::available() {
        let at = |precision| {
            let options = Options::new().level(level).precision(precision).threads(1);
            options.builtin("mitbih-beats").unwrap_or_else(|e| panic!("{e}"))
        };
        let (asked, f32) = (at(Precision::Bf16), at(Precision::F32));
        assert_eq!((f32.precision(), f32.note()), (Precision::F32, None));
        assert_eq!(at(Precision::F16).precision(), Precision::F16);
        if level.has_bf16() {
            assert_eq!((asked.precision(), asked.note()), (Precision::Bf16, None));
        } else {
            assert_eq!(asked.precision(), Precision::F32);
            assert!(asked.note().is_some_and(|note| note.contains(level.name())), "{:?}", asked.note());
            same(&asked, &f32);
        }
    }
}

#[test]
fn networks_that_amplify_rounding_run_in_f32() {
    let Some(level) = Level::available().into_iter().rfind(|level| level.has_bf16()) else {
        return efficientecg_skipped::skipped("this processor multiplies no bf16");
    };
    let at = |weights: &Weights, precision| loaded(weights, Options::new().level(level).precision(precision));
    let mut kept = 0;
    for seed in 0..SEEDS {
        let weights = one_channel(seed);
        let asked = at(&weights, Precision::Bf16);
        let error = worst_error(&asked, &weights);
        assert!(
            error <= asked.precision().tolerance(),
            "seed {seed}: {error:.1e} in {:?}",
            asked.precision()
        );
        if asked.precision() == Precision::F32 {
            kept += 1;
            assert!(
                asked.note().is_some_and(|note| note.starts_with("bf16: rounding ")),
                "{:?}",
                asked.note()
            );
            same(&asked, &at(&weights, Precision::F32));
        } else {
            assert_eq!((asked.precision(), asked.note()), (Precision::Bf16, None));
        }
    }
    assert!(kept > 0 && kept < SEEDS, "{kept} of {SEEDS} networks in f32");
}

#[test]
fn trained_models_bear_it() {
    for model in models::ALL {
        for precision in [Precision::F16, Precision::Bf16] {
            let loaded = Options::new().threads(1).precision(precision).builtin(model.name);
            let loaded = loaded.unwrap_or_else(|e| panic!("{e}"));
            let runs = precision == Precision::F16 || Level::best().has_bf16();
            assert_eq!(loaded.precision() == precision, runs, "{} in {}", model.name, precision.name());
        }
    }
}
