//! Every dispatch of a network through the compiler.

use crate::assembly::{self, CodeProfile};
use crate::network::{self, NetworkNode};
use crate::radv::{Compiled, Compiler};
use crate::roofline::Work;
use crate::{Error, spirv};
use efficientecg::config::Config;
use efficientecg_kernels::gpu::{
    Before, Binding, DeviceClass, Element, Launch, Product, Program, Shader, Storage, Traits, cells,
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

/// What the label of an expand layer that is apart ends with, after its node's.
pub const EXPAND: &str = ", expand layer";

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
        if shader.program().slots.iter().any(|s| s.name == "sums") && outputs.len() == 2 {
            sums = outputs[1];
        }
        let multiply_adds = batch as f64 * op.cost(&inputs).macs as f64;
        let own = Part {
            launch: shader.launch(&inputs, batch, variant),
            bindings: shader.bindings(variant),
            multiply_adds,
            depth,
            taps,
        };
        let variant_name = &variants[variant];
        let parts = match shader.before(&inputs, batch, variant) {
            None => vec![(label, own)],
            // The product is before, the rest after it.
            Some(Before { launch, bindings }) => {
                let of_product = (batch * depth * outputs[0].rows * inputs[0].cols) as f64;
                let before = Part { launch, bindings, multiply_adds: of_product, depth, taps: 0 };
                let after = Part { multiply_adds: multiply_adds - of_product, depth: 0, ..own };
                vec![(format!("{label}{EXPAND}"), before), (label, after)]
            }
        };
        for (label, part) in parts {
            let bytes = part.traffic(shader.as_ref(), [&inputs, &outputs], batch, storage);
            let pipeline = pipelines.get(part.launch.program, &part.launch)?.clone();
            let work = part.work(&pipeline, bytes);
            let (variant, multiply_adds) = (variant_name.clone(), part.multiply_adds);
            dispatches.push(Dispatch { label, variant, pipeline, multiply_adds, work });
        }
    }
    Ok(dispatches)
}

/// One dispatch of a node.
struct Part {
    launch: Launch,
    bindings: Vec<Binding>,
    multiply_adds: f64,
    /// As a [`NetworkNode`] has them.
    depth: usize,
    taps: usize,
}

impl Part {
    /// What it costs, with so many bytes from and to memory.
    fn work(&self, pipeline: &Pipeline, bytes: f64) -> Work {
        let Part { launch, multiply_adds, depth, taps, .. } = self;
        let groups = launch.grid.iter().product::<usize>();
        let value = |name: &str| {
            let at = launch.program.overrides.iter().position(|o| *o == name)?;
            Some(launch.overrides[at])
        };
        let depth = *depth as f64;
        let inner = pipeline.profile.inner.multiply_adds.max(1) as f64;
        let trips = match (value("ROWS"), value("COLS")) {
            (Some(rows), Some(cols)) if depth > 0.0 => {
                (depth * rows * cols / launch.threads as f64 / inner).ceil()
            }
            _ => multiply_adds / (groups * launch.threads) as f64 / inner,
        };
        // Of the depth, unless they were unrolled into the inner loop.
        let steps = value("DEPTH").map_or(1.0, |staged| (depth / staged).ceil());
        let around_trips = if depth > 0.0 && trips > steps { steps } else { 1.0 };
        let other_trips = if *taps > 0 { *taps as f64 } else { 1.0 };
        let (profile, threads) = (pipeline.profile, launch.threads);
        Work { profile, trips, around_trips, other_trips, threads, groups, bytes }
    }

    /// Bytes of operands, results and what one dispatch leaves to the next, for all records, and of weights once.
    fn traffic(
        &self,
        shader: &dyn Shader,
        [inputs, outputs]: [&[Shape]; 2],
        batch: usize,
        storage: Storage,
    ) -> f64 {
        let weights: Vec<usize> = shader.weights().iter().map(|w| w.bytes(storage).len()).collect();
        let bytes = |cells: usize, element: Element| match element {
            Element::Four => batch * (cells / 4 * storage.four()),
            Element::F32 => batch * 4 * cells,
        };
        let left = cells(Shape::new(outputs[0].rows, inputs[0].cols));
        let slots = self.launch.program.slots.iter().zip(&self.bindings);
        let all = slots.map(|(slot, binding)| match binding {
            Binding::Input(i) => bytes(cells(inputs[*i]), slot.element),
            Binding::Output(i) => bytes(cells(outputs[*i]), slot.element),
            Binding::Weight(i) => weights[*i],
            Binding::Scratch if slot.element == Element::Four => bytes(left, slot.element),
            _ => 0,
        });
        all.sum::<usize>() as f64
    }
}
