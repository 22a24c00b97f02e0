//! The memory of a batch's run, and the run itself.

use super::SharedPtr;
use crate::clock::Moment;
use crate::error::EngineError;
use crate::graph::{Kernels, Value};
use crate::plan::Plan;
use crate::pool::{Turn, Work};
use crate::profile::Recorder;
use crate::tasks::Tasks;
use efficientecg_kernels::aligned::Aligned;
use efficientecg_kernels::op::Call;
use efficientecg_kernels::tensor::{Shape, TensorView, TensorViewMut};
use std::cell::UnsafeCell;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A claim is this part of what is left of a share. Long runs come first, because what neighbouring tasks share is prepared
/// once a run. Short ones follow, so that no thread waits long for the last.
const PARTS: usize = 2;

/// What a batch is computed with, kept for the next one.
pub(super) struct BatchRun {
    graph: Arc<Kernels>,
    plan: Arc<Plan>,
    /// One, or one for each thread.
    workspaces: Vec<Workspace>,
    /// `plan.scratch` cells for each thread, with their owner.
    scratch: Vec<(SharedPtr<f32>, Aligned)>,
    tasks: Tasks,
    batch: UnsafeCell<Borrowed>,
    /// A node that panicked, plus one.
    failed: AtomicUsize,
}

/// What a run borrows from its caller, and how far it is.
struct Borrowed {
    inputs: *const [(Shape, &'static [f32])],
    /// Where each output of record 0 starts.
    outputs: Vec<(Value, SharedPtr<f32>)>,
    recorder: Option<*const Recorder>,
    round: Round,
    /// When the node began.
    since: Moment,
}

/// What the tasks under way are.
#[derive(Clone, Copy)]
enum Round {
    /// Records, each computed by one thread in a workspace of its own.
    Records,
    /// The tasks of a node, of one record.
    Node { record: usize, node: usize },
}

// SAFETY: `batch` is written by the thread that begins the run, and by the one that finished a round, while nobody has a claim; it is read by
// threads that have one. The cells of values and scratch are written by tasks, each its own part.
unsafe impl Send for BatchRun {}
// SAFETY: as above.
unsafe impl Sync for BatchRun {}

/// The activations of one record, and the operands of each node in them.
struct Workspace {
    /// Owns the cells that the views point into.
    _memory: Aligned,
    values: Vec<TensorViewMut<'static>>,
    nodes: Vec<(Vec<TensorView<'static>>, Vec<TensorViewMut<'static>>)>,
}

impl Workspace {
    fn new(graph: &Kernels, plan: &Plan) -> Result<Workspace, EngineError> {
        let mut memory = zeros(plan.arena, plan)?;
        let base = memory.as_mut_ptr();
        let given = |v: &Value| {
            let at = graph.inputs().iter().position(|input| input == v);
            at.is_some_and(|input| plan.given[input].is_some())
        };
        let write = |v: &Value| {
            let cells = base.wrapping_add(plan.offsets[v.0]);
            // What a node reads where the caller has it is not there.
            let shape = if given(v) { Shape::new(0, 0) } else { plan.shapes[v.0] };
            // SAFETY: the plan places every value within the arena, which lives as long as the workspace, and the
            // views' lifetime does not leave it.
            unsafe { TensorViewMut::from_raw(cells, shape, plan.layouts[v.0]) }
        };
        // SAFETY: a node reads what no task writes meanwhile.
        let read = |v: &Value| unsafe { write(v).as_view() };
        let nodes = graph.nodes().iter();
        Ok(Workspace {
            values: (0..plan.shapes.len()).map(|v| write(&Value(v))).collect(),
            nodes: nodes
                .map(|n| (n.inputs.iter().map(read).collect(), n.outputs.iter().map(write).collect()))
                .collect(),
            _memory: memory,
        })
    }
}

fn zeros(cells: usize, plan: &Plan) -> Result<Aligned, EngineError> {
    Aligned::try_zeros(cells).map_err(|_| EngineError::Memory { bytes: plan.arena_bytes() })
}

impl BatchRun {
    /// Memory for `workspaces` records at once, on `threads` threads, of which `kept` values are wanted.
    pub(super) fn new(
        graph: &Arc<Kernels>,
        plan: &Arc<Plan>,
        kept: usize,
        workspaces: usize,
        threads: usize,
    ) -> Result<BatchRun, EngineError> {
        let scratch = |_| {
            let mut cells = zeros(plan.scratch, plan)?;
            Ok((SharedPtr(cells.as_mut_ptr()), cells))
        };
        Ok(BatchRun {
            graph: Arc::clone(graph),
            plan: Arc::clone(plan),
            workspaces: (0..workspaces).map(|_| Workspace::new(graph, plan)).collect::<Result<_, _>>()?,
            scratch: (0..threads).map(scratch).collect::<Result<_, _>>()?,
            tasks: Tasks::new(threads),
            batch: UnsafeCell::new(Borrowed {
                inputs: &[],
                outputs: Vec::with_capacity(kept),
                recorder: None,
                round: Round::Records,
                since: Moment::now(),
            }),
            failed: AtomicUsize::new(0),
        })
    }

    /// What it computes.
    pub(super) fn graph(&self) -> &Kernels {
        &self.graph
    }

    /// Records that can be computed at once.
    pub(super) fn workspaces(&self) -> usize {
        self.workspaces.len()
    }

    /// Computes a batch, whose lengths were checked: with the other threads while it has their `turn`, else on the calling one.
    /// As many records as `apart` are computed by one thread each, the others by all threads together.
    ///
    /// # Errors
    /// A node that panicked.
    pub(super) fn run(
        self: &Arc<BatchRun>,
        batch: &mut crate::Batch<'_>,
        apart: usize,
        turn: Option<&Turn<'_>>,
        recorder: Option<&Recorder>,
    ) -> Result<(), usize> {
        {
            // SAFETY: no round is under way, and one caller has this memory.
            let borrowed = unsafe { &mut *self.batch.get() };
            // SAFETY: only the lifetime changes; nothing is read of it after this function.
            borrowed.inputs = unsafe {
                std::mem::transmute::<*const [(Shape, &[f32])], *const [(Shape, &'static [f32])]>(
                    batch.inputs,
                )
            };
            borrowed.recorder = recorder.map(|recorder| recorder as *const Recorder);
            borrowed.outputs.clear();
            borrowed.outputs.extend(batch.outputs.iter_mut().map(|(v, to)| (*v, SharedPtr(to.as_mut_ptr()))));
        }
        match turn {
            None => (0..batch.size).for_each(|record| self.record(record, 0)),
            Some(turn) => {
                if apart > 0 {
                    self.begin(Round::Records);
                    self.tasks.begin(apart, usize::MAX);
                    turn.run(self);
                }
                for record in apart..batch.size {
                    self.fill(record, 0);
                    if self.go_on(record, 0) {
                        turn.run(self);
                    }
                    self.empty(record, 0);
                }
            }
        }
        match self.failed.swap(0, Ordering::Relaxed) {
            0 => Ok(()),
            failed => Err(failed - 1),
        }
    }

    fn begin(&self, round: Round) {
        // SAFETY: nobody has a claim.
        let borrowed = unsafe { &mut *self.batch.get() };
        borrowed.round = round;
        if borrowed.recorder.is_some() {
            borrowed.since = Moment::now();
        }
    }

    /// Begins the first node from this one on that has a task. Whether there is one.
    fn go_on(&self, record: usize, from: usize) -> bool {
        let next = (from..self.plan.tasks.len()).find(|node| self.plan.tasks[*node] > 0);
        if let Some(node) = next {
            self.begin(Round::Node { record, node });
            self.tasks.begin(self.plan.tasks[node], PARTS);
        }
        next.is_some()
    }

    /// A record from its inputs to its outputs, on this thread.
    fn record(&self, record: usize, thread: usize) {
        // SAFETY: nothing is written to it in this round, or by another thread.
        let recorder = unsafe { (*self.batch.get()).recorder };
        self.fill(record, thread);
        let mut since = recorder.map(|_| Moment::now());
        for node in 0..self.plan.tasks.len() {
            self.compute(record, node, 0..self.plan.tasks[node], thread, thread);
            // SAFETY: the caller's recorder outlives the run.
            since = since
                .zip(recorder)
                .map(|(since, recorder)| unsafe { (*recorder).took(node, thread, 1, since) });
        }
        self.empty(record, thread);
    }

    /// Copies what no node reads where the caller has it.
    fn fill(&self, record: usize, space: usize) {
        // SAFETY: as in `record`; the inputs live until the end of the run.
        let inputs = unsafe { &*(*self.batch.get()).inputs };
        let inputs = self.graph.inputs().iter().zip(inputs).zip(&self.plan.given);
        for ((value, (shape, data)), _) in inputs.filter(|(_, given)| given.is_none()) {
            let data = &data[record * shape.len()..][..shape.len()];
            for row in 0..shape.rows {
                // SAFETY: no task of this workspace is under way.
                unsafe { self.workspaces[space].values[value.0].row_mut(row) }
                    .copy_from_slice(&data[row * shape.cols..][..shape.cols]);
            }
        }
    }

    /// Copies the wanted values to where the caller wants them.
    fn empty(&self, record: usize, space: usize) {
        // SAFETY: as in `record`.
        let outputs = unsafe { &(*self.batch.get()).outputs };
        for (value, data) in outputs {
            let shape = self.plan.shapes[value.0];
            let to = data.get().wrapping_add(record * shape.len());
            // SAFETY: the lengths of the batch were checked, the record is run once, and its nodes are done.
            unsafe {
                let to = std::slice::from_raw_parts_mut(to, shape.len());
                self.workspaces[space].values[value.0].as_view().unpack(to);
            }
        }
    }

    /// Computes some tasks of a node, unless one has failed.
    fn compute(&self, record: usize, node: usize, tasks: Range<usize>, space: usize, thread: usize) {
        if self.failed.load(Ordering::Relaxed) != 0 {
            return;
        }
        let run = || {
            let (inputs, outputs) = &self.workspaces[space].nodes[node];
            let dense;
            let inputs = match self.plan.given.iter().position(|reader| *reader == Some(node)) {
                Some(input) => {
                    // SAFETY: as in `fill`.
                    let (shape, data) = unsafe { (&*(*self.batch.get()).inputs)[input] };
                    dense = [TensorView::dense(&data[record * shape.len()..][..shape.len()], shape)];
                    &dense[..]
                }
                None => inputs,
            };
            let prefetch = self.graph.nodes().get(node + 1).map_or([&[][..]; 2], |n| n.op.weights());
            // SAFETY: each thread uses the scratch of its own number.
            let scratch =
                unsafe { std::slice::from_raw_parts_mut(self.scratch[thread].0.get(), self.plan.scratch) };
            let call = Call { inputs, outputs, scratch, tasks, prefetch };
            // SAFETY: the plan gave the shapes and the scratch; each task is claimed once; the nodes whose results it
            // reads are done.
            unsafe { self.graph.nodes()[node].op.run(call) };
        };
        if catch_unwind(AssertUnwindSafe(run)).is_err() {
            self.failed.store(node + 1, Ordering::Relaxed);
        }
    }
}

/// Ends the process where a panic would leave a run before its end: the other threads would read what the caller lent after it has
/// gone, or wait for ever. Kernels' panics are caught before.
struct AbortOnUnwind;

impl Drop for AbortOnUnwind {
    fn drop(&mut self) {
        std::process::abort();
    }
}

impl Work for BatchRun {
    fn help(&self, thread: usize) {
        let guard = AbortOnUnwind;
        let mut seen = self.tasks.round();
        loop {
            while let Some(claim) = self.tasks.claim(thread) {
                // SAFETY: this thread has a claim.
                let round = unsafe { (*self.batch.get()).round };
                match round {
                    Round::Records => claim.tasks().for_each(|record| self.record(record, thread)),
                    Round::Node { record, node } => self.compute(record, node, claim.tasks(), 0, thread),
                }
                if self.tasks.finish(claim) {
                    self.finished(round);
                }
            }
            match self.tasks.wait(seen) {
                Some(round) => seen = round,
                None => return std::mem::forget(guard),
            }
        }
    }
}

impl BatchRun {
    /// What the thread does that finished the last task of a round.
    fn finished(&self, round: Round) {
        if let Round::Node { record, node } = round {
            // SAFETY: nobody has a claim; the caller's recorder outlives the run.
            unsafe {
                let borrowed = &*self.batch.get();
                if let Some(recorder) = borrowed.recorder {
                    (*recorder).took(node, 0, self.scratch.len(), borrowed.since);
                }
            }
            if self.go_on(record, node + 1) {
                return;
            }
        }
        self.tasks.end();
    }
}
