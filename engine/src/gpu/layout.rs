//! Where each matrix of a batch lies in the GPU's arena, and what each dispatch is: no device needed.

use super::error::DeviceError;
use super::variants::Variants;
use crate::error::EngineError;
use crate::graph::{Graph, Value};
use crate::plan;
use efficientecg_kernels::gpu::{ALIGN, Binding, Element, Launch, Shader, Traits, cells};
use efficientecg_kernels::tensor::Shape;
use std::ops::Range;

/// What a device allows.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// Bytes of a buffer.
    pub(super) buffer: usize,
    /// Bytes of a binding.
    pub(super) binding: usize,
    /// Workgroups of a dispatch in each direction.
    pub(super) workgroups: usize,
    /// Threads of a workgroup.
    pub(super) threads: usize,
}

/// What batches are laid out for.
#[derive(Clone, Copy)]
pub(super) struct Target<'a> {
    pub(super) traits: Traits,
    pub(super) limits: Limits,
    pub(super) variants: &'a Variants,
    /// Bytes between values, to find writes outside of them.
    pub(super) guard: usize,
}

/// A batch laid out.
pub(super) struct BatchLayout {
    /// The shape of each value for one record, sums as the GPU's kernels have them.
    pub(super) shapes: Vec<Shape>,
    /// What each value's cells hold.
    pub(super) elements: Vec<Element>,
    /// The bytes of each value in the arena: `[batch, rows, pitch]`.
    pub(super) places: Vec<Range<usize>>,
    /// The nodes, in order.
    pub(super) nodes: Vec<NodeLayout>,
    /// Bytes of the arena.
    pub(super) arena: usize,
    /// Bytes of all dispatches' dims.
    pub(super) dims: usize,
}

/// A node laid out.
pub(super) struct NodeLayout {
    /// The name of its variant.
    pub(super) variant: String,
    /// What runs, one after another.
    pub(super) dispatches: Vec<Dispatch>,
}

/// A dispatch laid out.
pub(super) struct Dispatch {
    pub(super) launch: Launch,
    /// The bytes of its dims in their buffer.
    pub(super) dims: Range<usize>,
    /// What each slot of the program is bound to.
    pub(super) bound: Vec<BindingSource>,
}

/// What a slot is bound to.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum BindingSource {
    /// These bytes of the arena.
    Arena(Range<usize>),
    /// This weight of the node.
    Weight(usize),
}

/// Bytes between values when writes outside of them are to be found.
#[cfg(test)]
pub(super) const GUARD: usize = 2 * ALIGN;

impl BatchLayout {
    /// Lays out a batch of `batch` records with inputs of these shapes; the values `kept` live to the end.
    pub(super) fn new(
        graph: &Graph,
        inputs: &[Shape],
        kept: &[Value],
        batch: usize,
        target: Target<'_>,
    ) -> Result<BatchLayout, Failure> {
        let Target { traits, limits, variants, guard } = target;
        let (shapes, elements) = self::shapes(graph, inputs, batch, variants)?;
        let shaders: Vec<Box<dyn Shader>> = graph.nodes().iter().map(|s| s.op.shader()).collect();
        let (mut launches, mut names) = (Vec::new(), Vec::new());
        for (node, shader) in graph.nodes().iter().zip(&shaders) {
            let operands: Vec<Shape> = node.inputs().iter().map(|v| shapes[v.index()]).collect();
            let variant = variants.choose(shader.as_ref(), &operands, batch);
            let before =
                shader.before(&operands, batch, variant).map(|before| (before.launch, before.bindings));
            let own = (shader.launch(&operands, batch, variant), shader.bindings(variant));
            launches.push(before.into_iter().chain([own]).collect::<Vec<_>>());
            names.push(shader.variants(traits).swap_remove(variant));
        }

        let storage = traits.storage;
        let bytes = |v: Value| {
            let numbers = batch * cells(shapes[v.index()]);
            let bytes = match elements[v.index()] {
                Element::Four => numbers / 4 * storage.four(),
                Element::F32 => 4 * numbers,
            };
            bytes.next_multiple_of(ALIGN)
        };
        // Values placed as one: the operands that a program takes as one range.
        let lifetimes = plan::lifetimes(graph, shapes.len(), kept);
        let mut units = Vec::new();
        let mut grouped = vec![false; shapes.len()];
        for (at, (node, launches)) in graph.nodes().iter().zip(&launches).enumerate() {
            let binds = |what: Binding| launches.iter().any(|(_, bindings)| bindings.contains(&what));
            if binds(Binding::Inputs) {
                let values = node.inputs().to_vec();
                values.iter().for_each(|v| grouped[v.index()] = true);
                let life = values.iter().fold((usize::MAX, 0), |life, v| {
                    let (start, end) = lifetimes[v.index()];
                    (life.0.min(start), life.1.max(end))
                });
                units.push((Unit::Values(values), life));
            }
            if binds(Binding::Scratch) {
                units.push((Unit::Scratch(at), (at, at)));
            }
        }
        for v in (0..shapes.len()).filter(|v| !grouped[*v]) {
            units.push((Unit::Values(vec![Value(v)]), lifetimes[v]));
        }

        let size = |unit: &Unit| match unit {
            Unit::Values(values) => values.iter().map(|v| bytes(*v)).sum(),
            Unit::Scratch(at) => {
                let bytes = |(launch, bindings): &(Launch, Vec<Binding>)| {
                    let place = bindings.iter().position(|binding| *binding == Binding::Scratch);
                    place.map_or(0, |slot| match launch.program.slots[slot].element {
                        Element::Four => launch.scratch.div_ceil(4) * storage.four(),
                        Element::F32 => 4 * launch.scratch,
                    })
                };
                let one = launches[*at].iter().map(bytes).max().unwrap_or(0);
                (batch * one).max(4).next_multiple_of(ALIGN)
            }
        };
        let sizes: Vec<usize> = units.iter().map(|(u, _)| size(u) + guard).collect();
        let unit_lives: Vec<(usize, usize)> = units.iter().map(|(_, life)| *life).collect();
        let offsets = plan::place(&sizes, &unit_lives);
        let mut arena = guard + offsets.iter().zip(&sizes).map(|(o, s)| o + s).max().unwrap_or(0);

        let mut places = vec![0..0; shapes.len()];
        let mut scratch = vec![0..0; launches.len()];
        for ((unit, _), offset) in units.iter().zip(offsets) {
            let mut at = guard + offset;
            match unit {
                Unit::Values(values) => {
                    for v in values {
                        places[v.index()] = at..at + bytes(*v);
                        at += bytes(*v);
                    }
                }
                Unit::Scratch(node) => scratch[*node] = at..at + size(unit),
            }
        }

        // Something must be bound where a program has nothing to touch: cells of no value, as browsers let no byte be bound twice for
        // writing.
        let spare = arena;
        let mut dims = 0;
        let mut nodes = Vec::new();
        for (index, ((node, launches), variant)) in graph.nodes().iter().zip(launches).zip(names).enumerate()
        {
            let place = |values: &[Value], i: usize| places[values[i].index()].clone();
            let mut dispatches = Vec::new();
            for (launch, bindings) in launches {
                let mut unused = spare;
                let bound = launch.program.slots.iter().zip(bindings).map(|(slot, binding)| match binding {
                    Binding::Input(i) => BindingSource::Arena(place(node.inputs(), i)),
                    Binding::Output(i) => BindingSource::Arena(place(node.outputs(), i)),
                    Binding::Inputs => {
                        let all = node.inputs();
                        BindingSource::Arena(place(all, 0).start..place(all, all.len() - 1).end)
                    }
                    Binding::Scratch => BindingSource::Arena(scratch[index].clone()),
                    Binding::Weight(i) => BindingSource::Weight(i),
                    Binding::Absent if slot.weight => BindingSource::Weight(0),
                    Binding::Absent => {
                        unused += ALIGN;
                        BindingSource::Arena(unused - ALIGN..unused)
                    }
                });
                let bound = bound.collect();
                arena = arena.max(unused);
                let table = 4 * launch.dims.len().max(1);
                dispatches.push(Dispatch { dims: dims..dims + table, bound, launch });
                dims = (dims + table).next_multiple_of(ALIGN);
            }
            nodes.push(NodeLayout { variant, dispatches });
        }
        let layout = BatchLayout { shapes, elements, places, nodes, arena, dims };
        layout.check(limits)?;
        Ok(layout)
    }

    /// All dispatches, in order.
    pub(super) fn dispatches(&self) -> impl Iterator<Item = &Dispatch> {
        self.nodes.iter().flat_map(|node| &node.dispatches)
    }

    fn check(&self, limits: Limits) -> Result<(), Failure> {
        let too_large = |what, needed, allowed| Err(Failure::TooLarge { what, needed, allowed });
        if self.arena > limits.buffer {
            return too_large("bytes of activations", self.arena, limits.buffer);
        }
        for dispatch in self.dispatches() {
            let ranges = dispatch.bound.iter().filter_map(|b| match b {
                BindingSource::Arena(range) => Some(range.len()),
                BindingSource::Weight(_) => None,
            });
            let binding = ranges.max().unwrap_or(0);
            if binding > limits.binding {
                return too_large("bytes of a binding", binding, limits.binding);
            }
            let groups = dispatch.launch.grid.into_iter().max().unwrap_or(0);
            if groups > limits.workgroups {
                return too_large("workgroups", groups, limits.workgroups);
            }
            if dispatch.launch.threads > limits.threads {
                return too_large("threads of a workgroup", dispatch.launch.threads, limits.threads);
            }
        }
        Ok(())
    }

    /// The bytes of the arena that belong to no value and no scratch.
    #[cfg(test)]
    pub(super) fn gaps(&self) -> Vec<Range<usize>> {
        let mut used: Vec<Range<usize>> = self.places.clone();
        for dispatch in self.dispatches() {
            used.extend(dispatch.bound.iter().filter_map(|b| match b {
                BindingSource::Arena(range) => Some(range.clone()),
                BindingSource::Weight(_) => None,
            }));
        }
        used.sort_by_key(|r| r.start);
        let (mut gaps, mut at) = (Vec::new(), 0);
        for range in used {
            if range.start > at {
                gaps.push(at..range.start);
            }
            at = at.max(range.end);
        }
        gaps.push(at..self.arena);
        gaps
    }
}

/// The shape of each value for one record, and what its cells hold. Shapes differ from [`Graph::shapes`] in the sums.
pub(super) fn shapes(
    graph: &Graph,
    inputs: &[Shape],
    batch: usize,
    variants: &Variants,
) -> Result<(Vec<Shape>, Vec<Element>), EngineError> {
    let mut shapes = graph.shapes(inputs)?;
    let mut elements = vec![Element::F32; shapes.len()];
    for node in graph.nodes() {
        let shader = node.op.shader();
        let operands: Vec<Shape> = node.inputs().iter().map(|v| shapes[v.index()]).collect();
        let variant = variants.choose(shader.as_ref(), &operands, batch);
        for (value, shape) in node.outputs().iter().zip(shader.outputs(&operands, variant)) {
            shapes[value.index()] = shape;
        }
        let before = shader.before(&operands, batch, variant);
        let before = before.into_iter().map(|before| (before.launch.program, before.bindings));
        for (program, bindings) in before.chain([(shader.program(), shader.bindings(variant))]) {
            for (slot, binding) in program.slots.iter().zip(bindings) {
                match binding {
                    Binding::Output(i) => elements[node.outputs()[i].index()] = slot.element,
                    Binding::Input(i) if graph.inputs().contains(&node.inputs()[i]) => {
                        elements[node.inputs()[i].index()] = slot.element;
                    }
                    _ => {}
                }
            }
        }
    }
    Ok((shapes, elements))
}

/// What is placed as one.
enum Unit {
    Values(Vec<Value>),
    /// Of this node.
    Scratch(usize),
}

/// Why a batch could not be laid out or run.
#[derive(Debug)]
pub(super) enum Failure {
    /// The operands do not fit: the caller's mistake.
    Engine(EngineError),
    /// The device's limits are too small for the batch.
    TooLarge {
        /// Of what there is too much.
        what: &'static str,
        /// How much the batch needs.
        needed: usize,
        /// How much there may be.
        allowed: usize,
    },
    /// The device failed.
    Device(DeviceError),
}

impl From<EngineError> for Failure {
    fn from(error: EngineError) -> Failure {
        Failure::Engine(error)
    }
}

impl From<DeviceError> for Failure {
    fn from(failure: DeviceError) -> Failure {
        Failure::Device(failure)
    }
}
