//! Runs a graph's kernels on the processor's cores.
//!
//! A batch with a record for every thread goes record by record, each thread through the whole network in an arena of
//! its own: nothing is shared but the weights. The records that are left over, and batches smaller than the pool, are
//! computed by all threads together: each has a share of a node's tasks, the same part of the record from node to node
//! where that can be, and helps others when it is done. Tasks and their operands depend on shapes alone, so the bits are
//! the same whatever the number of threads.

use crate::Batch;
use crate::error::EngineError;
use crate::graph::{Graph, Kernels, Value};
use crate::plan::Plan;
use crate::pool::{Barrier, Pool};
use crate::profile::{NoProfiler, Profile, Profiler, Recorder};
use efficientecg_kernels::aligned::Aligned;
use efficientecg_kernels::op::{Call, Precision};
use efficientecg_kernels::simd::Level;
use efficientecg_kernels::tensor::{Shape, TensorView, TensorViewMut};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Plans kept for later runs; the least recently used goes first.
const PLANS: usize = 16;

/// Parts of what is left of a share, of which a thread takes one: long runs first, for what neighbouring tasks share is
/// prepared once a run, then short ones, so that no thread waits long for the last.
const PARTS: usize = 2;

/// A graph made ready for an instruction set and a thread pool.
pub struct Cpu {
    graph: Kernels,
    level: Level,
    pool: Arc<Pool>,
    plans: Mutex<Vec<Arc<CachedPlan>>>,
}

/// A plan with the arenas that its runs use.
struct CachedPlan {
    inputs: Vec<Shape>,
    kept: Vec<Value>,
    plan: Plan,
    free: Mutex<Vec<RunMemory>>,
}

/// What a run of a batch works with, kept for the next one.
#[derive(Default)]
struct RunMemory {
    /// One, or one a thread.
    workspaces: Vec<Workspace>,
    outputs: Vec<SharedPtr<f32>>,
}

/// The memory of one record's run, and the operands of each node in it.
struct Workspace {
    /// Owns the cells that all else points into.
    _memory: Vec<Aligned>,
    values: Vec<TensorViewMut<'static>>,
    nodes: Vec<(Vec<TensorView<'static>>, Vec<TensorViewMut<'static>>)>,
    /// A place of `plan.scratch` cells for each thread.
    scratch: Vec<SharedPtr<f32>>,
    /// For each thread, of each node, how many of its share of the tasks are taken.
    taken: Vec<Vec<AtomicUsize>>,
    barrier: Barrier,
    /// A node that panicked, plus one.
    failed: AtomicUsize,
}

impl Workspace {
    /// Arenas for one record, with scratch for `threads` threads.
    fn new(graph: &Kernels, plan: &Plan, threads: usize) -> Result<Workspace, EngineError> {
        let memory = || EngineError::Memory { bytes: plan.arena_bytes() };
        let zeros = |cells| Aligned::try_zeros(cells).map_err(|_| memory());
        let mut arena = zeros(plan.arena)?;
        let base = arena.as_mut_ptr();
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
        let mut memory = vec![arena];
        let mut scratch = Vec::new();
        for _ in 0..threads {
            let mut cells = zeros(plan.scratch)?;
            scratch.push(SharedPtr(cells.as_mut_ptr()));
            memory.push(cells);
        }
        let nodes = graph.nodes().iter();
        Ok(Workspace {
            values: (0..plan.shapes.len()).map(|v| write(&Value(v))).collect(),
            nodes: nodes
                .map(|s| (s.inputs.iter().map(read).collect(), s.outputs.iter().map(write).collect()))
                .collect(),
            _memory: memory,
            scratch,
            taken: (0..threads)
                .map(|_| graph.nodes().iter().map(|_| AtomicUsize::new(0)).collect())
                .collect(),
            barrier: Barrier::default(),
            failed: AtomicUsize::new(0),
        })
    }
}

/// A pointer that threads may share: each writes its own part.
struct SharedPtr<T>(*mut T);

impl<T> Clone for SharedPtr<T> {
    fn clone(&self) -> SharedPtr<T> {
        *self
    }
}

impl<T> Copy for SharedPtr<T> {}

// SAFETY: users write disjoint parts, see each use.
unsafe impl<T> Send for SharedPtr<T> {}
// SAFETY: as above.
unsafe impl<T> Sync for SharedPtr<T> {}

impl<T> SharedPtr<T> {
    fn get(self) -> *mut T {
        self.0
    }
}

impl Cpu {
    /// Packs a graph's operations for `level` in f32, to run on `pool`.
    pub fn new(graph: &Graph, level: Level, pool: Arc<Pool>) -> Cpu {
        Cpu::packed(graph.pack(level, Precision::F32), level, pool)
    }

    /// Runs kernels that were packed for `level` on `pool`.
    pub fn packed(graph: Kernels, level: Level, pool: Arc<Pool>) -> Cpu {
        Cpu { graph, level, pool, plans: Mutex::new(Vec::new()) }
    }

    /// What it computes.
    pub fn graph(&self) -> &Kernels {
        &self.graph
    }

    /// The instruction set that it was packed for.
    pub fn level(&self) -> Level {
        self.level
    }

    /// Threads of its pool.
    pub fn threads(&self) -> usize {
        self.pool.threads()
    }

    /// Plans runs on inputs of these shapes.
    pub fn plan(&self, inputs: &[Shape], kept: &[Value]) -> Result<Plan, EngineError> {
        Plan::new(&self.graph, inputs, kept)
    }

    fn planned(&self, batch: &Batch<'_>) -> Result<Arc<CachedPlan>, EngineError> {
        let fits = |p: &CachedPlan| {
            p.inputs.iter().eq(batch.inputs.iter().map(|(s, _)| s))
                && p.kept.iter().eq(batch.outputs.iter().map(|(v, _)| v))
        };
        let mut plans = self.plans.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(at) = plans.iter().position(|p| fits(p)) {
            plans[at..].rotate_left(1);
            return Ok(Arc::clone(&plans[plans.len() - 1]));
        }
        let inputs: Vec<Shape> = batch.inputs.iter().map(|(s, _)| *s).collect();
        let kept: Vec<Value> = batch.outputs.iter().map(|(v, _)| *v).collect();
        let plan = self.plan(&inputs, &kept)?;
        let planned = Arc::new(CachedPlan { inputs, kept, plan, free: Mutex::new(Vec::new()) });
        if plans.len() == PLANS {
            plans.remove(0);
        }
        plans.push(Arc::clone(&planned));
        Ok(planned)
    }

    /// Runs a batch. The first run of a shape plans it; later ones allocate nothing.
    pub fn run(&self, batch: &mut Batch<'_>) -> Result<(), EngineError> {
        self.run_profiled(batch, &NoProfiler)
    }

    /// Runs a batch by the clock.
    pub fn profile(&self, batch: &mut Batch<'_>) -> Result<Profile, EngineError> {
        let profiler = Recorder::start(self.pool.threads());
        self.run_profiled(batch, &profiler)?;
        Ok(profiler.stop())
    }

    /// Records of a batch that threads compute each for itself, and the arenas that the batch takes.
    fn share(&self, batch: usize) -> (usize, usize) {
        let threads = self.pool.threads();
        let alone = if threads == 1 { batch } else { batch / threads * threads };
        (alone, if alone > 0 { threads } else { 1 })
    }

    /// Bytes of the arenas and their scratch that such a batch is computed in.
    pub fn arena_bytes(&self, inputs: &[Shape], kept: &[Value], batch: usize) -> Result<usize, EngineError> {
        let plan = self.plan(inputs, kept)?;
        let (_, arenas) = self.share(batch);
        Ok(arenas * (plan.arena_bytes() + self.pool.threads() * plan.scratch_bytes()))
    }

    fn run_profiled<W: Profiler>(&self, batch: &mut Batch<'_>, profiler: &W) -> Result<(), EngineError> {
        let planned = self.planned(batch)?;
        crate::check_lengths(batch, &planned.plan.shapes)?;
        let threads = self.pool.threads();
        let (alone, arenas) = self.share(batch.size);
        let memory = planned.free.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut memory = memory.unwrap_or_default();
        while memory.workspaces.len() < arenas {
            memory.workspaces.push(Workspace::new(&self.graph, &planned.plan, threads)?);
        }
        memory.outputs.clear();
        memory.outputs.extend(batch.outputs.iter_mut().map(|(_, data)| SharedPtr(data.as_mut_ptr())));

        let (inputs, outputs) = (batch.inputs, memory.outputs.as_slice());
        let record = &Records { cpu: self, planned: &planned, inputs, outputs, profiler };
        if alone > 0 {
            let next = AtomicUsize::new(0);
            let workspaces = &memory.workspaces;
            self.pool.run(&|worker, _| {
                loop {
                    let r = next.fetch_add(1, Ordering::Relaxed);
                    if r >= alone {
                        break;
                    }
                    record.run(&workspaces[worker], r, 0, 1, worker);
                }
            });
        }
        for r in alone..batch.size {
            let space = &memory.workspaces[0];
            self.pool.run(&|worker, workers| record.run(space, r, worker, workers, worker));
        }

        let failed = memory.workspaces.iter().map(|w| w.failed.swap(0, Ordering::Relaxed)).max().unwrap_or(0);
        memory.outputs.clear();
        planned.free.lock().unwrap_or_else(PoisonError::into_inner).push(memory);
        match failed.checked_sub(1) {
            None => Ok(()),
            Some(node) => Err(EngineError::Panic { node: self.graph.nodes()[node].label.clone() }),
        }
    }
}

/// The records of a batch.
struct Records<'a, W> {
    cpu: &'a Cpu,
    planned: &'a CachedPlan,
    inputs: &'a [(Shape, &'a [f32])],
    /// Where each output of record 0 starts.
    outputs: &'a [SharedPtr<f32>],
    profiler: &'a W,
}

impl<W: Profiler> Records<'_, W> {
    /// Runs record `r` as one of `workers`, who all call this with the same workspace. `track` is the thread's number.
    fn run(&self, workspace: &Workspace, r: usize, worker: usize, workers: usize, track: usize) {
        let w = workspace;
        if worker == 0 {
            let inputs = self.cpu.graph.inputs().iter().zip(self.inputs).zip(&self.planned.plan.given);
            for ((value, (shape, data)), _) in inputs.filter(|(_, given)| given.is_none()) {
                let data = &data[r * shape.len()..][..shape.len()];
                for row in 0..shape.rows {
                    // SAFETY: no other worker touches the arena before the barrier.
                    unsafe { w.values[value.0].row_mut(row) }
                        .copy_from_slice(&data[row * shape.cols..][..shape.cols]);
                }
            }
        }
        w.taken[worker].iter().for_each(|n| n.store(0, Ordering::Relaxed));
        w.barrier.wait(workers, || {});
        // SAFETY: each worker uses the scratch of its own number.
        let scratch =
            unsafe { std::slice::from_raw_parts_mut(w.scratch[worker].get(), self.planned.plan.scratch) };
        let mut since = self.profiler.mark();
        for (index, node) in self.cpu.graph.nodes().iter().enumerate() {
            let (inputs, outputs) = &w.nodes[index];
            let dense;
            let inputs = match self.planned.plan.given.iter().position(|node| *node == Some(index)) {
                Some(input) => {
                    let (shape, data) = self.inputs[input];
                    dense = [TensorView::dense(&data[r * shape.len()..][..shape.len()], shape)];
                    &dense[..]
                }
                None => inputs,
            };
            let tasks = self.planned.plan.tasks[index];
            let prefetch = self.cpu.graph.nodes().get(index + 1).map_or([&[][..]; 2], |s| s.op.weights());
            // The own share first, then what others have left of theirs.
            for owner in (worker..workers).chain(0..worker) {
                let share = |of: usize| tasks * of / workers;
                let (start, count) = (share(owner), share(owner + 1) - share(owner));
                let run = |taken: usize| (count - taken).div_ceil(if workers == 1 { 1 } else { PARTS });
                while w.failed.load(Ordering::Relaxed) == 0 {
                    let more = |taken: usize| (taken < count).then(|| taken + run(taken));
                    let taken = &w.taken[owner][index];
                    let Ok(first) = taken.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more) else {
                        break;
                    };
                    let tasks = start + first..start + first + run(first);
                    let call = Call { inputs, outputs, scratch: &mut *scratch, tasks, prefetch };
                    let run = || {
                        // SAFETY: the plan gave the shapes and the scratch; the counters give each task once; the
                        // barrier parts the nodes.
                        unsafe { node.op.run(call) };
                    };
                    if catch_unwind(AssertUnwindSafe(run)).is_err() {
                        w.failed.store(index + 1, Ordering::Relaxed);
                    }
                }
            }
            w.barrier.wait(workers, || {});
            if worker == 0 {
                since = self.profiler.took(index, track, workers, since);
            }
        }
        if worker == 0 {
            for (value, data) in self.planned.kept.iter().zip(self.outputs) {
                let shape = self.planned.plan.shapes[value.0];
                let to = data.get().wrapping_add(r * shape.len());
                // SAFETY: the lengths of the batch were checked, record `r` is run once, and its nodes are done.
                unsafe {
                    w.values[value.0].as_view().unpack(std::slice::from_raw_parts_mut(to, shape.len()));
                }
            }
        }
        w.barrier.wait(workers, || {});
    }
}

#[cfg(test)]
mod tests;
