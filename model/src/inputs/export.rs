//! Inputs put together and written as the arrays that a run reads.

use super::{FeatureInput, Inputs};
use crate::arrays::{Array, Data};
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

    /// The arrays of a run's input file for the network of `config`, by name: `signal` where there are samples, and each
    /// feature that is not missing from every record.
    pub fn into_arrays(self, config: &Config) -> Vec<(String, Array)> {
        let mut out = Vec::new();
        if self.samples > 0 {
            let shape = vec![self.batch, self.leads, self.samples];
            out.push(("signal".to_owned(), Array { shape, data: Data::F32(self.signal) }));
        }
        for (feature, input) in config.features().iter().zip(self.features) {
            let mut put =
                |name: String, shape: Vec<usize>, data: Data| out.push((name, Array { shape, data }));
            let name = feature.name.clone();
            match input {
                FeatureInput::Missing => {}
                FeatureInput::Continuous(x) => put(name, vec![self.batch], Data::F64(x)),
                FeatureInput::Categorical(x) => {
                    let index = |c: &Option<usize>| c.map_or(-1, |c| c as i64);
                    put(name, vec![self.batch], Data::I64(x.iter().map(index).collect()));
                }
                FeatureInput::Sequence { steps_max, rows, steps } => {
                    let width = match feature.kind {
                        FeatureKind::Sequence { inputs, .. } => inputs,
                        _ => 0,
                    };
                    put(name, vec![self.batch, steps_max, width], Data::F32(rows));
                    let steps = steps.iter().map(|s| *s as i64).collect();
                    put(format!("{}_steps", feature.name), vec![self.batch], Data::I64(steps));
                }
            }
        }
        out
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
