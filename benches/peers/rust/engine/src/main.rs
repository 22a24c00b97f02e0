//! The engine of this repository.

use efficientecg::{FeatureInput, Inputs, Model, Options, Precision};
use peers_worker::{Fault, Opened, Records, Runner, Runtime, Task, serve};

struct Engine(Model, Inputs);

impl Runner for Engine {
    fn run(&self) -> Result<Vec<f32>, Fault> {
        Ok(self.0.run(&self.1)?.logits)
    }
}

fn open(task: &Task, records: Records, threads: usize) -> Opened {
    let precision = match task.precision.as_str() {
        "f32" => Precision::F32,
        "f16" => Precision::F16,
        "bf16" => Precision::Bf16,
        other => return Err(format!("precision {other:?}: the engine has f32, f16 and bf16").into()),
    };
    let options = Options { threads: Some(threads), precision, ..Options::default() };
    let model = Model::load(format!("{}.npz", task.prefix), &options)?;
    let sexes = records.sex.iter().map(|&s| usize::try_from(s).ok()).collect();
    let inputs = Inputs {
        batch: records.batch,
        leads: records.leads,
        samples: records.samples,
        signal: records.signal,
        features: vec![
            FeatureInput::Continuous(records.age.iter().copied().map(f64::from).collect()),
            FeatureInput::Categorical(sexes),
        ],
    };
    Ok(Box::new(Engine(model, inputs)))
}

fn main() -> Result<(), Fault> {
    serve(&Runtime { name: "efficientecg", package: "efficientecg", has_forms: false, open })
}
