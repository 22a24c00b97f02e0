//! rten, by its ONNX reader, weights prepacked.

use peers_worker::{BoxError, Job, Opened, Records, Runner, Runtime, serve};
use rten::{Model, ModelOptions, NodeId, RunOptions, ThreadPool, ValueOrView, ValueView};
use rten_tensor::prelude::*;
use rten_tensor::{NdTensor, Tensor};
use std::sync::Arc;

struct Rten {
    model: Model,
    ids: [NodeId; 4],
    signal: NdTensor<f32, 4>,
    age: NdTensor<f32, 1>,
    sex: NdTensor<i32, 1>,
    pool: Arc<ThreadPool>,
}

impl Runner for Rten {
    fn run(&self) -> Result<Vec<f32>, BoxError> {
        let [signal, age, sex, logits] = self.ids;
        let inputs: Vec<(NodeId, ValueOrView<'_>)> = vec![
            (signal, ValueView::from(self.signal.view()).into()),
            (age, ValueView::from(self.age.view()).into()),
            (sex, ValueView::from(self.sex.view()).into()),
        ];
        let options = RunOptions::default().with_thread_pool(Some(self.pool.clone()));
        let [logits] = self.model.run_n(inputs, [logits], Some(options))?;
        let logits: Tensor<f32> = logits.try_into()?;
        Ok(logits.to_vec())
    }
}

fn open(job: &Job, records: Records, threads: usize) -> Opened {
    let path = format!("{}.b{}.onnx", job.prefix, records.batch);
    let model = ModelOptions::with_all_ops().prepack_weights(true).load_file(path)?;
    let id = |name: &str| model.node_id(name);
    let ids = [id("signal")?, id("age")?, id("sex")?, id("logits")?];
    let b = records.batch;
    Ok(Box::new(Rten {
        ids,
        signal: NdTensor::from_data([b, records.leads, 1, records.samples], records.signal),
        age: NdTensor::from_data([b], records.age),
        sex: NdTensor::from_data([b], records.sex),
        pool: Arc::new(ThreadPool::with_num_threads(threads)),
        model,
    }))
}

fn main() -> Result<(), BoxError> {
    serve(&Runtime { name: "rten", package: "rten", has_forms: true, open })
}
