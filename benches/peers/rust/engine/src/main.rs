//! The engine of this repository.

use efficientecg::{FeatureInput, Inputs, Model, Options, Precision};
use peers_worker::{BoxError, Job, Opened, Records, Runner, Runtime, serve};

struct Engine(Model, Inputs);

impl Runner for Engine {
    fn run(&self) -> Result<Vec<f32>, BoxError> {
        Ok(self.0.run(&self.1)?.logits)
    }
}

fn open(job: &Job, records: Records, threads: usize) -> Opened {
    let name = job.precision.as_str();
    let precision = Precision::by_name(name)
        .ok_or_else(|| format!("precision {name:?}: the engine has f32, f16 and bf16"))?;
    let options = Options::new().threads(threads).precision(precision);
    let model = options.load(format!("{}.npz", job.prefix))?;
    let sexes = records.sex.iter().map(|&s| usize::try_from(s).ok()).collect();
    let inputs = Inputs::new(records.signal, [records.batch, records.leads, records.samples])?
        .age(records.age.iter().copied().map(f64::from))
        .feature("sex", FeatureInput::Categorical(sexes));
    Ok(Box::new(Engine(model, inputs)))
}

fn main() -> Result<(), BoxError> {
    serve(&Runtime { name: "efficientecg", package: "efficientecg", has_forms: false, open })
}
