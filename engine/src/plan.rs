//! A graph laid out for given input shapes: where each value lies in the arena, and for how long.
//!
//! Values whose lives do not overlap share cells. Placement is greedy by size: the largest first, each at the lowest
//! offset where it meets no value that lives at the same time (Pisarchyk and Lee, *Efficient Memory Management for
//! Deep Neural Net Inference*, 2020).

use crate::error::EngineError;
use crate::graph::{Graph, Kernels, Value};
use efficientecg_kernels::tensor::{Layout, Shape};

/// Cells of a cache line: every value starts on one.
const LINE: usize = 16;

/// The layout of one record's run.
pub struct Plan {
    /// The shape of each value.
    pub(crate) shapes: Vec<Shape>,
    /// How each value lies in memory.
    pub(crate) layouts: Vec<Layout>,
    /// Where each value starts in the arena.
    pub(crate) offsets: Vec<usize>,
    /// For each graph input, the node that reads it where the caller has it, if no other does: it has no cells.
    pub(crate) given: Vec<Option<usize>>,
    /// Tasks of each node.
    pub(crate) tasks: Vec<usize>,
    /// Cells of the arena.
    pub(crate) arena: usize,
    /// Cells of scratch a thread.
    pub(crate) scratch: usize,
}

impl Plan {
    /// Plans a graph for the shapes of its inputs; the values `kept` live to the end.
    pub fn new(graph: &Kernels, inputs: &[Shape], kept: &[Value]) -> Result<Plan, EngineError> {
        // Inputs may be planned that nobody has. What fits in memory overflows neither in a kernel's arithmetic nor below.
        inputs.iter().try_for_each(|shape| fits(*shape))?;
        let shapes = graph.shapes(inputs)?;
        shapes.iter().try_for_each(|shape| fits(*shape))?;
        let lifetimes = lifetimes(graph, shapes.len(), kept);
        let mut layouts = vec![Layout::Rows; shapes.len()];
        for node in graph.nodes() {
            for (index, v) in node.inputs.iter().enumerate() {
                assert_eq!(layouts[v.0], node.op.input_layout(index), "{}: operand {index}", node.label);
            }
            for (index, v) in node.outputs.iter().enumerate() {
                layouts[v.0] = node.op.output_layout(index);
            }
        }
        let mut sizes: Vec<usize> =
            shapes.iter().zip(&layouts).map(|(s, l)| l.cells(*s).next_multiple_of(LINE)).collect();
        let given: Vec<Option<usize>> =
            graph.inputs().iter().map(|v| given(graph, *v).filter(|_| !kept.contains(v))).collect();
        for (v, _) in graph.inputs().iter().zip(&given).filter(|(_, given)| given.is_some()) {
            sizes[v.0] = 0;
        }
        let offsets = place(&sizes, &lifetimes);
        let arena = offsets.iter().zip(&sizes).map(|(o, s)| o.saturating_add(*s)).max().unwrap_or(0);
        let (mut tasks, mut scratch) = (Vec::new(), 0);
        for node in graph.nodes() {
            let operands: Vec<Shape> = node.inputs.iter().map(|v| shapes[v.0]).collect();
            tasks.push(node.op.tasks(&operands));
            scratch = scratch.max(node.op.scratch(&operands));
        }
        Ok(Plan { shapes, layouts, offsets, given, tasks, arena, scratch: scratch.next_multiple_of(LINE) })
    }

    /// Bytes of the arena: all activations of one record.
    pub fn arena_bytes(&self) -> usize {
        self.arena.saturating_mul(4)
    }

    /// Bytes of scratch a thread.
    pub fn scratch_bytes(&self) -> usize {
        4 * self.scratch
    }
}

/// Fails where a value of this shape, padded in either layout, does not fit in memory.
fn fits(shape: Shape) -> Result<(), EngineError> {
    // `Layout::Blocks` rounds rows up to a line's cells, `Layout::Rows` columns to fewer than two lines more.
    let (rows, cols) = (shape.rows.checked_next_multiple_of(LINE), shape.cols.checked_add(4 * LINE));
    let bytes = rows.zip(cols).and_then(|(rows, cols)| rows.checked_mul(cols)?.checked_mul(4));
    match bytes.filter(|bytes| *bytes <= isize::MAX as usize) {
        Some(_) => Ok(()),
        None => Err(EngineError::Memory { bytes: bytes.unwrap_or(usize::MAX) }),
    }
}

/// The only node that reads a graph input, if it takes it as callers have it.
fn given(graph: &Kernels, input: Value) -> Option<usize> {
    let reads = |node: &usize| graph.nodes()[*node].inputs.contains(&input);
    let mut readers = (0..graph.nodes().len()).filter(reads);
    let (first, more) = (readers.next()?, readers.next());
    let node = &graph.nodes()[first];
    (more.is_none() && node.inputs.len() == 1 && node.op.takes_dense()).then_some(first)
}

/// The first and the last node at which each value holds something. Inputs are written before node 0.
pub(crate) fn lifetimes<O>(graph: &Graph<O>, values: usize, kept: &[Value]) -> Vec<(usize, usize)> {
    let mut lifetimes = vec![(0, 0); values];
    for (at, node) in graph.nodes().iter().enumerate() {
        for v in &node.outputs {
            lifetimes[v.0] = (at, at);
        }
        for v in &node.inputs {
            lifetimes[v.0].1 = at;
        }
    }
    for v in kept {
        lifetimes[v.0].1 = usize::MAX;
    }
    lifetimes
}

/// An offset for each size, so that what lives together lies apart.
pub(crate) fn place(sizes: &[usize], lifetimes: &[(usize, usize)]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..sizes.len()).collect();
    order.sort_by_key(|v| std::cmp::Reverse(sizes[*v]));
    let mut offsets = vec![0; sizes.len()];
    let mut placed: Vec<usize> = Vec::new();
    for v in order {
        let mut busy: Vec<(usize, usize)> = placed
            .iter()
            .filter(|p| lifetimes[**p].0 <= lifetimes[v].1 && lifetimes[v].0 <= lifetimes[**p].1)
            .map(|p| (offsets[*p], sizes[*p].saturating_add(offsets[*p])))
            .collect();
        busy.sort_unstable();
        let mut at = 0;
        for (start, end) in busy {
            if sizes[v].saturating_add(at) <= start {
                break;
            }
            at = at.max(end);
        }
        offsets[v] = at;
        placed.push(v);
    }
    offsets
}

#[cfg(test)]
mod tests {
    use super::*;
    use efficientecg_kernels::op::Precision;
    use efficientecg_kernels::ops::conv::Conv;
    use efficientecg_kernels::simd::Level;

    #[test]
    fn values_that_live_together_lie_apart() {
        // A pseudo-random set of sizes and lives.
        let mut state = 1u64;
        let mut next = |n: u64| {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            ((state >> 33) % n) as usize
        };
        let sizes: Vec<usize> = (0..200).map(|_| 16 * (1 + next(50))).collect();
        let lifetimes: Vec<(usize, usize)> = (0..200)
            .map(|_| {
                let start = next(100);
                (start, start + next(10))
            })
            .collect();
        let offsets = place(&sizes, &lifetimes);
        let mut shared = 0;
        for a in 0..sizes.len() {
            for b in 0..a {
                let together = lifetimes[a].0 <= lifetimes[b].1 && lifetimes[b].0 <= lifetimes[a].1;
                let overlap = offsets[a] < offsets[b] + sizes[b] && offsets[b] < offsets[a] + sizes[a];
                assert!(!(together && overlap), "{a} and {b} overlap");
                shared += usize::from(overlap);
            }
        }
        assert!(shared > 0, "nothing shares cells");
    }

    #[test]
    fn an_input_that_one_step_alone_reads_has_no_cells() {
        let conv = || Conv { weight: vec![1.0; 2], bias: vec![0.0], leads: 2, kernel: 1, stride: 1 };
        let plan = |readers: usize, keep: bool| {
            let mut graph = Graph::new();
            let x = graph.input();
            for _ in 0..readers {
                let [_] = graph.push("stem".into(), conv(), &[x]);
            }
            let kernels = graph.pack(Level::best(), Precision::F32);
            let plan = Plan::new(&kernels, &[Shape::new(2, 1000)], &[x][..usize::from(keep)]);
            plan.unwrap_or_else(|e| panic!("{e}"))
        };
        let (given, kept) = (plan(1, false), plan(1, true));
        assert_eq!((&given.given[..], &kept.given[..]), (&[Some(0)][..], &[None][..]));
        assert!(given.arena + 2000 <= kept.arena, "{} and {} cells", given.arena, kept.arena);
        assert_eq!(plan(2, false).given, [None]);
    }
}
