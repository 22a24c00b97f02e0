//! Inputs that no file is needed for: measurements and self-tests run on them.

use super::{FeatureInput, Inputs};
use crate::config::{Config, Feature, FeatureKind};

/// Rows of a sequence.
const STEPS: usize = 10;

impl Inputs {
    /// `batch` records of `samples` samples that fit the configuration: noise from -1 to 1, every feature present. The same
    /// at every call.
    pub fn synthetic(config: &Config, samples: usize, batch: usize) -> Inputs {
        // A linear congruential generator (Knuth's MMIX); the values need no quality.
        let mut state = 1u64;
        let mut noise = move || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 40) as f32 / (1u64 << 23) as f32 - 1.0
        };
        let leads = config.leads.len();
        let signal = (0..batch * leads * samples).map(|_| noise()).collect();
        let mut values = |feature: &Feature| match feature.kind {
            FeatureKind::Continuous { offset, scale } => {
                FeatureInput::Continuous(vec![offset + 0.3 * scale; batch])
            }
            FeatureKind::Categorical { .. } => FeatureInput::Categorical(vec![Some(0); batch]),
            FeatureKind::Sequence { inputs, .. } => FeatureInput::Sequence {
                steps_max: STEPS,
                rows: (0..batch * STEPS * inputs).map(|_| noise()).collect(),
                steps: vec![STEPS; batch],
            },
        };
        let features = config.features().iter().map(|f| (f.name.clone(), values(f))).collect();
        Inputs { batch, leads, samples, signal, features }
    }
}
