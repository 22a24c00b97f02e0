//! Every dispatch of a network through the compiler.

use crate::assembly::{self, CodeProfile};
use crate::network::{self, NetworkNode};
use crate::radv::{Compiled, Compiler};
use crate::roofline::Work;
use crate::{Error, spirv};
use efficientecg::config::Config;
use efficientecg_kernels::gpu::{
    Binding, DeviceClass, Element, Launch, Product, Program, Storage, Traits, cells,
};
use efficientecg_kernels::tensor::Shape;
use std::collections::HashMap;

/// A program compiled.
#[derive(Clone, Debug)]
pub struct Pipeline {
    /// The operation.
    pub operation: &'static str,
    /// How it multiplies.
    pub product: Product,
    /// Its overrides, as `ROWS=64 COLS=64`.
    pub overrides: String,
    /// What the driver says.
    pub compiled: Compiled,
    /// What its code says.
    pub profile: CodeProfile,
}

impl Pipeline {
    /// A statistic of the driver's; NaN if there is none of this name, which passes no check.
    pub fn statistic(&self, name: &str) -> f64 {
        self.compiled.statistics.get(name).copied().unwrap_or(f64::NAN)
    }

    /// Registers that went to memory, and bytes of it.
    pub fn spills(&self) -> f64 {
        ["Spilled SGPRs", "Spilled VGPRs", "Scratch size"].iter().map(|name| self.statistic(name)).sum()
    }

    /// The part of the inner loop's instructions that are multiply-adds.
    pub fn share(&self) -> f64 {
        self.profile.inner.multiply_adds as f64 / self.profile.inner.all as f64
    }

    /// Bytes of workgroup memory that a multiply-add of the inner loop takes.
    pub fn bytes_a_multiply_add(&self) -> f64 {
        self.profile.inner.workgroup_bytes as f64 / self.profile.inner.multiply_adds as f64
    }
}

/// Compiles each program once for its overrides.
pub struct Pipelines<'a> {
    compiler: &'a Compiler,
    traits: Traits,
    made: HashMap<(&'static str, String), Pipeline>,
}

impl<'a> Pipelines<'a> {
    /// None yet.
    pub fn new(compiler: &'a Compiler, traits: Traits) -> Pipelines<'a> {
        Pipelines { compiler, traits, made: HashMap::new() }
    }

    /// The pipeline of a launch.
    pub fn get(&mut self, program: &'static Program, launch: &Launch) -> Result<&Pipeline, Error> {
        let named = program.overrides.iter().zip(&launch.overrides).map(|(name, v)| format!("{name}={v}"));
        let overrides = named.collect::<Vec<_>>().join(" ");
        let key = (program.name, overrides.clone());
        if !self.made.contains_key(&key) {
            let compiled = self.compiler.compile(program, &spirv::words(program, launch, self.traits)?)?;
            let profile = assembly::profile(&compiled.assembly);
            let pipeline =
                Pipeline { operation: program.name, product: program.product, overrides, compiled, profile };
            self.made.insert(key.clone(), pipeline);
        }
        Ok(&self.made[&key])
    }
}

/// A dispatch of a network.
pub struct Dispatch {
    /// The node.
    pub label: String,
    /// The variant.
    pub variant: String,
    /// Its program.
    pub pipeline: Pipeline,
    /// Multiply-adds of the batch, as the network has them.
    pub multiply_adds: f64,
    /// What it costs.
    pub work: Work,
}

/// Which variants are taken.
#[derive(Clone, Copy, Debug)]
pub enum Choice {
    /// The defaults of a class of device.
    Default(DeviceClass),
    /// Of each program the one of this number, counted round.
    Nth(usize),
}

/// The dispatches of a batch.
pub fn dispatches(
    pipelines: &mut Pipelines<'_>,
    config: &Config,
    batch: usize,
    choice: Choice,
) -> Result<Vec<Dispatch>, Error> {
    let nodes = network::nodes(config).map_err(|e| Error::Config(e.to_string()))?;
    let mut dispatches = Vec::new();
    // Of the node before: how many parts of time its workgroups sum.
    let mut sums = Shape::new(0, 0);
    for NetworkNode { label, op, mut inputs, sums: operand, depth, taps } in nodes {
        if let Some(operand) = operand {
            inputs[operand] = sums;
        }
        let (shader, storage) = (op.shader(), pipelines.traits.storage);
        let variants = shader.variants(pipelines.traits);
        let variant = match choice {
            Choice::Default(class) => shader.choose(&inputs, batch, class, pipelines.traits),
            Choice::Nth(n) => n % variants.len(),
        };
        let outputs = shader.outputs(&inputs, variant);
        let launch = shader.launch(&inputs, batch, variant);
        if shader.program().slots.iter().any(|s| s.name == "sums") && outputs.len() == 2 {
            sums = outputs[1];
        }
        let multiply_adds = batch as f64 * op.cost(&inputs).macs as f64;
        let pipeline = pipelines.get(launch.program, &launch)?.clone();
        let groups = launch.grid.iter().product::<usize>();
        let value = |name: &str| {
            let at = shader.program().overrides.iter().position(|o| *o == name)?;
            Some(launch.overrides[at])
        };
        let inner = pipeline.profile.inner.multiply_adds.max(1) as f64;
        let trips = match (value("ROWS"), value("COLS")) {
            (Some(rows), Some(cols)) if depth > 0 => {
                (depth as f64 * rows * cols / launch.threads as f64 / inner).ceil()
            }
            _ => multiply_adds / (groups * launch.threads) as f64 / inner,
        };
        // Of the depth, unless they were unrolled into the inner loop.
        let steps = value("DEPTH").map_or(1.0, |staged| (depth as f64 / staged).ceil());
        let around_trips = if depth > 0 && trips > steps { steps } else { 1.0 };
        let bytes = traffic(op.as_ref(), &inputs, &outputs, batch, storage);
        let other_trips = if taps > 0 { taps as f64 } else { 1.0 };
        let work = Work {
            profile: pipeline.profile,
            trips,
            around_trips,
            other_trips,
            threads: launch.threads,
            groups,
            bytes,
        };
        let variant = variants[variant].clone();
        dispatches.push(Dispatch { label, variant, pipeline, multiply_adds, work });
    }
    Ok(dispatches)
}

/// Bytes of operands and results for all records, and of weights once.
fn traffic(
    op: &dyn efficientecg_kernels::op::Op,
    inputs: &[Shape],
    outputs: &[Shape],
    batch: usize,
    storage: Storage,
) -> f64 {
    let shader = op.shader();
    let weights: usize = shader.weights().iter().map(|w| w.bytes(storage).len()).sum();
    let bytes = |shape: Shape, element: Element| match element {
        Element::Four => cells(shape) / 4 * storage.four(),
        Element::F32 => 4 * cells(shape),
    };
    let slots = shader.program().slots.iter().zip(shader.bindings());
    let records: usize = slots
        .map(|(slot, binding)| match binding {
            Binding::Input(i) => bytes(inputs[i], slot.element),
            Binding::Output(i) => bytes(outputs[i], slot.element),
            _ => 0,
        })
        .sum();
    (weights + batch * records) as f64
}
