//! tract, by its ONNX reader.

use peers_worker::{BoxError, Job, Opened, Records, Runner, Runtime, serve};
use std::sync::Arc;
use tract_linalg::multithread::{Executor, multithread_tract_scope};
use tract_onnx::prelude::*;

struct Tract {
    model: Arc<TypedRunnableModel>,
    inputs: TVec<TValue>,
    executor: Executor,
}

impl Runner for Tract {
    fn run(&self) -> Result<Vec<f32>, BoxError> {
        let out = multithread_tract_scope(self.executor.clone(), || self.model.run(self.inputs.clone()));
        let out = out.map_err(|e| e.to_string())?;
        Ok(out[0].to_plain_array_view::<f32>().map_err(|e| e.to_string())?.iter().copied().collect())
    }
}

fn load(job: &Job, records: Records, threads: usize) -> TractResult<Tract> {
    let path = format!("{}.b{}.onnx", job.prefix, records.batch);
    let model = tract_onnx::onnx().model_for_path(path)?.into_optimized()?.into_runnable()?;
    let b = records.batch;
    let shape = [b, records.leads, 1, records.samples];
    let inputs = tvec!(
        Tensor::from_shape(&shape, &records.signal)?.into_tvalue(),
        Tensor::from_shape(&[b], &records.age)?.into_tvalue(),
        Tensor::from_shape(&[b], &records.sex)?.into_tvalue(),
    );
    let executor = if threads > 1 { Executor::multithread(threads) } else { Executor::SingleThread };
    Ok(Tract { model, inputs, executor })
}

fn open(job: &Job, records: Records, threads: usize) -> Opened {
    Ok(Box::new(load(job, records, threads).map_err(|e| format!("{e:#}"))?))
}

fn main() -> Result<(), BoxError> {
    serve(&Runtime { name: "tract", package: "tract-onnx", has_forms: true, open })
}
