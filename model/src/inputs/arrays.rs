//! Inputs as the arrays that a run reads.

use super::{FeatureInput, Inputs};
use crate::config::{Config, FeatureKind};
use efficientecg_npz::{Array, Data};

impl Inputs {
    /// The arrays of a run's input file for the network of `config`, by name: `signal` where there are samples, and each
    /// feature that is not missing from every record.
    pub fn into_arrays(mut self, config: &Config) -> Vec<(String, Array)> {
        let mut out = Vec::new();
        if self.samples > 0 {
            let shape = vec![self.batch, self.leads, self.samples];
            out.push(("signal".to_owned(), Array { shape, data: Data::F32(self.signal) }));
        }
        for feature in config.features() {
            let mut put =
                |name: String, shape: Vec<usize>, data: Data| out.push((name, Array { shape, data }));
            let name = feature.name.clone();
            let given = self.features.iter().position(|(other, _)| *other == name);
            match given.map_or(FeatureInput::Missing, |at| self.features.swap_remove(at).1) {
                FeatureInput::Missing => {}
                FeatureInput::Continuous(x) => put(name, vec![self.batch], Data::F64(x)),
                FeatureInput::Categorical(x) => {
                    let index = |c: &Option<usize>| c.map_or(-1, |c| c as i64);
                    put(name, vec![self.batch], Data::I64(x.iter().map(index).collect()));
                }
                FeatureInput::Named(x) => {
                    let index =
                        |c: Option<String>| c.and_then(|c| feature.category(&c)).map_or(-1, |c| c as i64);
                    put(name, vec![self.batch], Data::I64(x.into_iter().map(index).collect()));
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
