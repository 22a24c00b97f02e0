//! Batches put together.

use super::{FeatureInput, Inputs};
use crate::config::{Config, FeatureKind};

impl Inputs {
    /// One batch of several, of as many leads and samples each, for the network of `config`. Sequences are padded with
    /// zeros to the longest; a feature that is missing from all of them stays missing.
    ///
    /// # Panics
    /// The parts differ in leads, samples or the kinds of their features, or these are not `config`'s.
    pub fn join(mut parts: Vec<Inputs>, config: &Config) -> Inputs {
        let (leads, samples) = parts.first().map_or((config.leads.len(), 0), |p| (p.leads, p.samples));
        assert!(parts.iter().all(|p| (p.leads, p.samples) == (leads, samples)), "parts of one shape");
        let features = config.features().iter().enumerate();
        let features = features.map(|(i, f)| join(&parts, i, &f.kind)).collect();
        let batch = parts.iter().map(|p| p.batch).sum();
        let mut signal = Vec::with_capacity(batch * leads * samples);
        // Each part's signal is let go once it is copied.
        parts.drain(..).for_each(|p| signal.extend_from_slice(&p.signal));
        Inputs { batch, leads, samples, signal, features }
    }
}

/// Feature `i` of all parts.
fn join(parts: &[Inputs], i: usize, kind: &FeatureKind) -> FeatureInput {
    let of = || parts.iter().map(|p| (p.batch, &p.features[i]));
    if of().all(|(_, f)| matches!(f, FeatureInput::Missing)) {
        return FeatureInput::Missing;
    }
    match kind {
        FeatureKind::Continuous { .. } => FeatureInput::Continuous(
            of().flat_map(|(batch, f)| match f {
                FeatureInput::Continuous(x) => x.clone(),
                _ => vec![f64::NAN; batch],
            })
            .collect(),
        ),
        FeatureKind::Categorical { .. } => FeatureInput::Categorical(
            of().flat_map(|(batch, f)| match f {
                FeatureInput::Categorical(x) => x.clone(),
                _ => vec![None; batch],
            })
            .collect(),
        ),
        FeatureKind::Sequence { inputs, .. } => {
            let longest = |f: &FeatureInput| match f {
                FeatureInput::Sequence { steps_max, .. } => *steps_max,
                _ => 0,
            };
            let steps_max = of().map(|(_, f)| longest(f)).max().unwrap_or(0);
            let (mut rows, mut steps) = (Vec::new(), Vec::new());
            for (batch, f) in of() {
                match f {
                    FeatureInput::Sequence { steps_max: own, rows: from, steps: counts } => {
                        for record in 0..batch {
                            rows.extend(&from[record * own * inputs..(record + 1) * own * inputs]);
                            rows.resize(rows.len() + (steps_max - own) * inputs, 0.0);
                        }
                        steps.extend(counts);
                    }
                    _ => {
                        rows.resize(rows.len() + batch * steps_max * inputs, 0.0);
                        steps.resize(steps.len() + batch, 0);
                    }
                }
            }
            FeatureInput::Sequence { steps_max, rows, steps }
        }
    }
}
