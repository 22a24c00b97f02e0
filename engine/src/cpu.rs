//! Runs a graph's kernels on the processor's cores.
//!
//! A batch with a record for every thread goes record by record, each thread through the whole network in an arena of
//! its own: nothing is shared but the weights. All threads together compute the records that are left over, and batches
//! smaller than the pool. Each thread has a share of a node's tasks, where possible the same part of the record from
//! node to node, and helps others when it is done. Tasks and their operands depend on shapes alone, so the bits are the
//! same whatever the number of threads.

use crate::Batch;
use crate::clock::Moment;
use crate::error::EngineError;
use crate::graph::{Graph, Kernels, Value};
use crate::plan::Plan;
use crate::pool::Pool;
use crate::profile::{NodeProfile, Recorder};
use batch_run::BatchRun;
use choice::ThreadChoice;
use efficientecg_kernels::error::ShapeError;
use efficientecg_kernels::op::Precision;
use efficientecg_kernels::simd::Level;
use efficientecg_kernels::tensor::Shape;
use std::sync::{Arc, Mutex, PoisonError};

/// Plans kept for later runs; the least recently used goes first.
const PLANS: usize = 16;

/// A graph made ready for an instruction set and a thread pool.
pub struct Cpu {
    graph: Arc<Kernels>,
    level: Level,
    pool: Arc<Pool>,
    plans: Mutex<Vec<Arc<CachedPlan>>>,
}

/// A plan with the arenas that its runs use.
struct CachedPlan {
    inputs: Vec<Shape>,
    kept: Vec<Value>,
    plan: Arc<Plan>,
    choice: ThreadChoice,
    free: Mutex<Vec<Arc<BatchRun>>>,
}

impl CachedPlan {
    fn new(plan: Plan, inputs: Vec<Shape>, kept: Vec<Value>) -> CachedPlan {
        let (plan, choice) = (Arc::new(plan), ThreadChoice::default());
        CachedPlan { inputs, kept, plan, choice, free: Mutex::new(Vec::new()) }
    }

    /// Whether it is of a batch's shapes, and of what is wanted of it.
    fn fits(&self, batch: &Batch<'_>) -> bool {
        self.inputs.iter().eq(batch.inputs.iter().map(|(s, _)| s))
            && self.kept.iter().eq(batch.outputs.iter().map(|(v, _)| v))
    }

    /// Memory for a batch of so many arenas.
    fn memory(&self, graph: &Arc<Kernels>, arenas: usize, pool: &Pool) -> Result<Arc<BatchRun>, EngineError> {
        BatchRun::new(graph, &self.plan, self.kept.len(), arenas, pool.threads()).map(Arc::new)
    }
}

/// A plan and the memory of its runs, kept for one caller: no run allocates, whatever others do with the network meanwhile.
/// [`Cpu::reserve`] makes one.
pub struct ReservedRun {
    planned: CachedPlan,
    run: Arc<BatchRun>,
    pool: Arc<Pool>,
    size: usize,
}

impl ReservedRun {
    /// Runs a batch of the size and shapes that it was reserved for.
    ///
    /// # Errors
    /// The batch is another, a buffer is not as long as its shape says, or a kernel panicked.
    pub fn run(&mut self, batch: &mut Batch<'_>) -> Result<(), EngineError> {
        if batch.size != self.size {
            let item = "records of a reserved run".to_owned();
            return Err(EngineError::Length { item, expected: self.size, found: batch.size });
        }
        if !self.planned.fits(batch) {
            let (inputs, kept): (Vec<_>, Vec<_>) =
                (batch.inputs.iter().map(|i| i.0).collect(), batch.outputs.iter().map(|o| o.0).collect());
            let error = ShapeError {
                op: "reserved",
                operand: "inputs and values",
                expected: format!("{:?} and {:?}", self.planned.inputs, self.planned.kept),
                found: format!("{inputs:?} and {kept:?}"),
            };
            return Err(EngineError::Shape { node: "run".to_owned(), error });
        }
        crate::check_lengths(batch, &self.planned.plan.shapes)?;
        run_on(&self.pool, &self.planned.choice, &self.run, batch, None)
            .map(drop)
            .map_err(|node| panicked(self.run.graph(), node))
    }
}

impl std::fmt::Debug for ReservedRun {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut text = f.debug_struct("ReservedRun");
        text.field("size", &self.size).field("inputs", &self.planned.inputs).finish_non_exhaustive()
    }
}

/// Records of a batch that threads compute each for itself, and the arenas that the batch takes.
fn share(pool: &Pool, batch: usize) -> (usize, usize) {
    let threads = pool.threads();
    let apart = batch / threads * threads;
    (apart, if apart > 0 { threads } else { 1 })
}

/// Runs a batch, whose lengths were checked. Whether one thread was chosen for it, of several.
///
/// # Errors
/// A node that panicked.
fn run_on(
    pool: &Pool,
    choice: &ThreadChoice,
    run: &Arc<BatchRun>,
    batch: &mut Batch<'_>,
    recorder: Option<&Recorder>,
) -> Result<bool, usize> {
    let (apart, _) = share(pool, batch.size);
    // What has been faster for one record is not known of many.
    let choice = (batch.size == 1 && pool.threads() > 1).then_some(choice);
    // A profile is of the way that is taken: it compares nothing, and its clock would spoil comparisons.
    let (choice, all) = match (choice, recorder) {
        (Some(choice), Some(_)) => (None, !choice.one_is_faster()),
        (choice, _) => (choice, choice.is_none_or(ThreadChoice::all)),
    };
    let turn = if all { pool.turn() } else { None };
    let start = choice.map(|_| Moment::now());
    let result = run.run(batch, apart, turn.as_ref(), recorder);
    // A run that found the threads with another caller tells nothing of them.
    if let Some((choice, start)) = choice.zip(start).filter(|_| all == turn.is_some()) {
        choice.took(all, start.elapsed().as_secs_f64());
    }
    result.map(|()| !all)
}

fn panicked(graph: &Kernels, node: usize) -> EngineError {
    EngineError::Panic { node: graph.nodes()[node].label.clone() }
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
        Cpu { graph: Arc::new(graph), level, pool, plans: Mutex::new(Vec::new()) }
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
        let mut plans = self.plans.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(at) = plans.iter().position(|p| p.fits(batch)) {
            plans[at..].rotate_left(1);
            return Ok(Arc::clone(&plans[plans.len() - 1]));
        }
        let inputs: Vec<Shape> = batch.inputs.iter().map(|(s, _)| *s).collect();
        let kept: Vec<Value> = batch.outputs.iter().map(|(v, _)| *v).collect();
        let planned = Arc::new(CachedPlan::new(self.plan(&inputs, &kept)?, inputs, kept));
        if plans.len() == PLANS {
            plans.remove(0);
        }
        plans.push(Arc::clone(&planned));
        Ok(planned)
    }

    /// Runs a batch. The first run of a shape plans it; later ones allocate nothing.
    pub fn run(&self, batch: &mut Batch<'_>) -> Result<(), EngineError> {
        self.run_profiled(batch, None).map(drop)
    }

    /// Runs a batch by the clock.
    pub fn profile(&self, batch: &mut Batch<'_>) -> Result<NodeProfile, EngineError> {
        let recorder = Recorder::start(self.pool.threads());
        let one_thread = self.run_profiled(batch, Some(&recorder))?;
        let mut profile = recorder.stop();
        if one_thread {
            profile.threads = 1;
            profile.note = Some(format!("on one thread: with {} a record took longer", self.threads()));
        }
        Ok(profile)
    }

    /// A plan and memory of its own for batches of `size` records of these shapes, of which some values are wanted.
    ///
    /// # Errors
    /// The shapes fit no node, or the memory is not there.
    pub fn reserve(&self, inputs: &[Shape], kept: &[Value], size: usize) -> Result<ReservedRun, EngineError> {
        let planned = CachedPlan::new(self.plan(inputs, kept)?, inputs.to_vec(), kept.to_vec());
        let (_, arenas) = share(&self.pool, size);
        let run = planned.memory(&self.graph, arenas, &self.pool)?;
        self.pool.wait_for_workers();
        Ok(ReservedRun { planned, run, pool: Arc::clone(&self.pool), size })
    }

    /// Bytes of the arenas and their scratch that such a batch is computed in.
    pub fn arena_bytes(&self, inputs: &[Shape], kept: &[Value], batch: usize) -> Result<usize, EngineError> {
        let plan = self.plan(inputs, kept)?;
        let (_, arenas) = share(&self.pool, batch);
        Ok(arenas * plan.arena_bytes() + self.pool.threads() * plan.scratch_bytes())
    }

    /// Whether one thread was chosen for it, of several.
    fn run_profiled(&self, batch: &mut Batch<'_>, recorder: Option<&Recorder>) -> Result<bool, EngineError> {
        let planned = self.planned(batch)?;
        crate::check_lengths(batch, &planned.plan.shapes)?;
        let (_, arenas) = share(&self.pool, batch.size);
        let free = || planned.free.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = free().pop().filter(|run| run.workspaces() >= arenas);
        let run = match kept {
            Some(run) => run,
            None => planned.memory(&self.graph, arenas, &self.pool)?,
        };
        let result = run_on(&self.pool, &planned.choice, &run, batch, recorder);
        free().push(run);
        result.map_err(|node| panicked(&self.graph, node))
    }
}

mod batch_run;
mod choice;
#[cfg(test)]
mod tests;
