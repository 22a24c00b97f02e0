//! Sessions against [`Model::run`], to the bit, and what they refuse.

use super::*;
use crate::inputs::{FeatureInput, Inputs};
use crate::models;

/// The signal and features of a batch, and the same as [`Inputs`].
struct Made {
    signal: Vec<f32>,
    age: Vec<f64>,
    sex: Vec<i32>,
    rows: Vec<f32>,
    steps: Vec<u32>,
    most: usize,
    inputs: Inputs,
}

fn made(model: &Model, batch: usize, samples: usize, seed: u32) -> Made {
    let config = model.config();
    let mut state = seed.wrapping_mul(2_654_435_761) | 1;
    let mut unit = || {
        // Marsaglia, *Xorshift RNGs*, 2003.
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state as f32 / u32::MAX as f32 - 0.5
    };
    let signal: Vec<f32> = (0..batch * config.leads.len() * samples).map(|_| unit()).collect();
    let age: Vec<f64> = (0..batch).map(|r| if r % 3 == 1 { f64::NAN } else { 40.5 + r as f64 }).collect();
    let sex: Vec<i32> = (0..batch).map(|r| r as i32 % 3 - 1).collect();
    let most = 7;
    let steps: Vec<u32> = (0..batch).map(|r| (r * 3 % (most + 1)) as u32).collect();
    let mut inputs = Inputs::new(signal.clone(), [batch, config.leads.len(), samples]).expect("a signal");
    let mut rows = Vec::new();
    for feature in config.features() {
        let values = match &feature.kind {
            FeatureKind::Continuous { .. } => FeatureInput::Continuous(age.clone()),
            FeatureKind::Categorical { .. } => {
                FeatureInput::Categorical(sex.iter().map(|s| usize::try_from(*s).ok()).collect())
            }
            FeatureKind::Sequence { inputs, .. } => {
                rows = (0..batch * most * inputs).map(|_| unit()).collect();
                let steps = steps.iter().map(|s| *s as usize).collect();
                FeatureInput::Sequence { steps_max: most, rows: rows.clone(), steps }
            }
        };
        inputs = inputs.feature(&feature.name, values);
    }
    Made { signal, age, sex, rows, steps, most, inputs }
}

impl Made {
    fn features<'a>(&'a self, model: &'a Model) -> Vec<(&'a str, FeatureValues<'a>)> {
        let values = |feature: &Feature| match feature.kind {
            FeatureKind::Continuous { .. } => FeatureValues::Continuous(&self.age),
            FeatureKind::Categorical { .. } => FeatureValues::Categorical(&self.sex),
            FeatureKind::Sequence { .. } => FeatureValues::Sequence { rows: &self.rows, steps: &self.steps },
        };
        model.config().features().iter().map(|f| (f.name.as_str(), values(f))).collect()
    }
}

#[test]
fn results_are_those_of_a_model_to_the_bit() {
    for name in models::ALL.iter().map(|trained| trained.name) {
        let model = Arc::new(Model::builder().threads(2).builtin(name).expect("a model"));
        let classes = model.config().classes.len();
        for (batch, samples) in [(1, 500), (3, 321), (4, 1)] {
            let (first, second) = (made(&model, batch, samples, 1), made(&model, batch, samples, 2));
            let mut session =
                Session::new(Arc::clone(&model), batch, samples, first.most).expect("a session");
            for made in [&first, &second, &first] {
                let (mut logits, mut probabilities) =
                    (vec![f32::NAN; batch * classes], vec![f32::NAN; batch * classes]);
                let features = made.features(&model);
                session.run(&made.signal, &features, &mut logits, &mut probabilities).expect("a run");
                let want = model.run(&made.inputs).expect("a run");
                assert!(logits.iter().all(|x| x.is_finite()), "{name}");
                assert_eq!((&logits, &probabilities), (&want.logits, &want.probabilities), "{name} {batch}");
                // Nothing of a feature stays for a run that leaves it out.
                session.run(&made.signal, &[], &mut logits, &mut probabilities).expect("a run");
                let bare = Inputs::new(made.signal.clone(), [batch, model.config().leads.len(), samples]);
                let want = model.run(&bare.expect("a signal")).expect("a run");
                assert_eq!(logits, want.logits, "{name} {batch} without features");
            }
        }
    }
}

#[test]
fn sessions_of_one_model_run_at_once() {
    let model = Arc::new(Model::builtin("mitbih-beats").expect("a model"));
    let classes = model.config().classes.len();
    std::thread::scope(|scope| {
        for seed in 1..5 {
            let model = Arc::clone(&model);
            scope.spawn(move || {
                let made = made(&model, 2, 720, seed);
                let mut session = Session::new(Arc::clone(&model), 2, 720, made.most).expect("a session");
                let want = model.run(&made.inputs).expect("a run");
                for _ in 0..20 {
                    let (mut logits, mut probabilities) = (vec![0.0; 2 * classes], vec![0.0; 2 * classes]);
                    let features = made.features(&model);
                    session.run(&made.signal, &features, &mut logits, &mut probabilities).expect("a run");
                    assert_eq!((logits, probabilities), (want.logits.clone(), want.probabilities.clone()));
                }
            });
        }
    });
}

#[test]
fn what_does_not_fit_is_one_line() {
    let model = Arc::new(Model::builtin("mitbih-beats").expect("a model"));
    let classes = model.config().classes.len();
    for (batch, samples) in [(0, 720), (1, 0)] {
        let error = Session::new(Arc::clone(&model), batch, samples, 1).expect_err("nothing to run");
        assert!(error.to_string().starts_with("signal: expected at least one record"), "{error}");
    }
    let error = Session::new(Arc::clone(&model), usize::MAX / 2, 720, usize::MAX / 2);
    assert!(error.expect_err("too large").to_string().contains("memory"));

    let made = made(&model, 1, 720, 1);
    let mut session = Session::new(Arc::clone(&model), 1, 720, made.most).expect("a session");
    let features = made.features(&model);
    let mut fails = |signal: &[f32], features: &[(&str, FeatureValues<'_>)], logits: usize, says: &str| {
        let (mut logits, mut probabilities) = (vec![0.0; logits], vec![0.0; classes]);
        let error = session.run(signal, features, &mut logits, &mut probabilities).expect_err(says);
        let text = error.to_string();
        assert!(text.contains(says) && !text.contains('\n'), "{text}");
    };
    fails(&made.signal[1..], &features, classes, "signal: expected the elements of shape [1, 2, 720]");
    fails(&made.signal, &features, classes + 1, "logits: expected");
    let mut broken = made.signal.clone();
    broken[725] = f32::NAN;
    fails(&broken, &features, classes, "lead 1, sample 5");
    fails(&made.signal, &[("weight", FeatureValues::Continuous(&[80.0]))], classes, "unknown feature");
    let (sequence, _) =
        features.iter().find(|(_, v)| matches!(v, FeatureValues::Sequence { .. })).expect("rhythm");
    fails(&made.signal, &[(sequence, FeatureValues::Categorical(&[0]))], classes, "kind");
    let long = FeatureValues::Sequence { rows: &made.rows, steps: &[8] };
    fails(&made.signal, &[(sequence, long)], classes, "expected 0 to 7, found 8");
    let loud = vec![1e38; made.signal.len()];
    fails(&loud, &[], classes, "overflow f32");
}
