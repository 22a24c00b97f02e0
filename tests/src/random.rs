//! Random networks and inputs, the same on every machine.

use efficientecg::config::presets::Setup;
use efficientecg::config::{Config, Feature, FeatureKind, Fusion, Normalize, Stage, Stem};
use efficientecg::{FeatureInput, Inputs, Weights};
pub use efficientecg_kit::Generator;

/// A stage: expand, kernel, stride, channels, repeats.
pub type StageRow = (usize, usize, usize, usize, usize);

/// A configuration of `leads` leads, a stem of (channels, kernel, stride), these stages and a head of `head` channels,
/// to three classes; with fusion it takes `age`, `sex` (two categories) and `rhythm` (rows of 3) at width 6, 2 heads.
pub fn config(
    leads: usize,
    stem: (usize, usize, usize),
    stages: &[StageRow],
    head: usize,
    fused: bool,
) -> Config {
    let names = |letter: &str, n: usize| (0..n).map(|i| format!("{letter}{i}")).collect::<Vec<_>>();
    let mut setup = Setup::new("random", names("L", leads), 500.0, 1000, names("k", 3));
    if fused {
        let features = vec![
            Feature::continuous("age", 60.0, 20.0),
            Feature::categorical("sex", names("s", 2)),
            Feature::sequence("rhythm", 3, 5),
        ];
        setup = setup.fusion(Fusion::new(6, 2, features));
    }
    let mut config = Config::lite(setup.normalize(Normalize::None));
    config.stem = Stem::new(stem.0, stem.1, stem.2);
    let stage = |&(expand, kernel, stride, channels, repeats): &StageRow| {
        Stage::new(expand, kernel, stride, channels, repeats)
    };
    config.stages = stages.iter().map(stage).collect();
    config.head_channels = head;
    config
}

/// Weights that keep activations near 1 through the depth of the network.
pub fn weights(config: Config, seed: u64) -> Weights {
    let mut random = Generator::new(seed as usize);
    let made = Weights::generate(config, |name, shape| {
        let n = shape.iter().product();
        let fan_in: usize = shape[1..].iter().product();
        let (mean, deviation) = match name {
            n if n.ends_with("running_var") => (1.0, 0.25),
            n if n.ends_with("bn.weight") || (n.contains("norm") && n.ends_with("weight")) => (1.0, 0.2),
            n if n.ends_with("conv.weight") => (0.0, 2.0 / (fan_in as f64).sqrt()),
            _ if shape.len() > 1 => (0.0, 1.0 / (fan_in as f64).sqrt()),
            _ => (0.0, 0.3),
        };
        (0..n).map(|_| mean + deviation * random.unit()).collect()
    });
    made.unwrap_or_else(|e| panic!("{e}"))
}

/// A batch for the configuration: some values of features missing, some sequences shorter than the longest of four rows.
pub fn inputs(config: &Config, batch: usize, samples: usize, seed: u64) -> Inputs {
    let mut random = Generator::new(seed as usize ^ 0x5eed);
    let leads = config.leads.len();
    let signal = random.units(batch * leads * samples);
    let mut feature = |f: &Feature| match &f.kind {
        FeatureKind::Continuous { offset, scale } => {
            let value = |random: &mut Generator| match random.below(4) {
                0 => f64::NAN,
                _ => offset + scale * random.unit(),
            };
            FeatureInput::Continuous((0..batch).map(|_| value(&mut random)).collect())
        }
        FeatureKind::Categorical { categories } => {
            let n = categories.len();
            FeatureInput::Categorical((0..batch).map(|_| random.below(n + 1).checked_sub(1)).collect())
        }
        FeatureKind::Sequence { inputs, .. } => {
            let steps_max = 4;
            let rows = random.units(batch * steps_max * inputs);
            let steps = (0..batch).map(|_| random.below(steps_max + 1)).collect();
            FeatureInput::Sequence { steps_max, rows, steps }
        }
        other => panic!("{other:?}: a kind of feature that has no random values here"),
    };
    let inputs = Inputs::new(signal, [batch, leads, samples]).unwrap_or_else(|e| panic!("{e}"));
    config.features().iter().fold(inputs, |inputs, f| inputs.feature(&f.name, feature(f)))
}

/// The records of a batch in another order.
pub fn permute(inputs: &Inputs, order: &[usize]) -> Inputs {
    fn pick<T: Clone>(data: &[T], order: &[usize]) -> Vec<T> {
        let width = data.len() / order.len();
        order.iter().flat_map(|r| data[r * width..][..width].iter().cloned()).collect()
    }
    assert_eq!(order.len(), inputs.batch());
    let feature = |f: &FeatureInput| match f {
        FeatureInput::Missing => FeatureInput::Missing,
        FeatureInput::Continuous(x) => FeatureInput::Continuous(pick(x, order)),
        FeatureInput::Categorical(x) => FeatureInput::Categorical(pick(x, order)),
        FeatureInput::Sequence { steps_max, rows, steps } => FeatureInput::Sequence {
            steps_max: *steps_max,
            rows: pick(rows, order),
            steps: pick(steps, order),
        },
        other => panic!("{other:?}: values that have no order here"),
    };
    let shape = [inputs.batch(), inputs.leads(), inputs.samples()];
    let permuted = Inputs::new(pick(inputs.signal(), order), shape).unwrap_or_else(|e| panic!("{e}"));
    inputs.features().fold(permuted, |inputs, (name, values)| inputs.feature(name, feature(values)))
}
