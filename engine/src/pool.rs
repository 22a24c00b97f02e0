//! A thread pool: its workers run one function together.
//!
//! A network's nodes are many and short, so the workers are woken once a run, not once a node: every worker executes
//! the whole program and meets the others at a [`Barrier`] after each node. Between runs the threads sleep, but not
//! at once: waking one takes some tens of microseconds, so who waits looks for about as long first. The calling
//! thread is worker 0. A caller that finds the pool busy runs alone. A pool of one worker is the calling thread and
//! nothing else. A pool of [lent](Pool::lent) threads starts none either.

use crate::clock::{self, Moment};
use crate::sync::atomic::{AtomicUsize, Ordering};
use crate::sync::thread::{self, JoinHandle};
use crate::sync::{Arc, Condvar, Mutex, MutexGuard, SPINS, hint};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{PoisonError, TryLockError};
use std::time::Duration;

/// The function of a run: it gets the number of the thread, 0 for the caller.
type Job<'a> = &'a (dyn Fn(usize) + Sync);

/// A job whose lifetime the run vouches for: [`Pool::run`] returns only when no worker holds it.
#[derive(Clone, Copy)]
struct ErasedJob(*const (dyn Fn(usize) + Sync));

// SAFETY: the function is `Sync`, and it outlives the run.
unsafe impl Send for ErasedJob {}

#[derive(Default)]
struct State {
    /// Counts the runs, so that a worker knows a new one.
    run: usize,
    job: Option<ErasedJob>,
    /// Workers that have not finished the run.
    busy: usize,
    panicked: bool,
    stop: bool,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    /// What `state` has, for those who look before they sleep. They trust only `state`.
    run: AtomicUsize,
    busy: AtomicUsize,
    start: Condvar,
    done: Condvar,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Bytes of a worker's stack, whatever the environment says: what a main thread usually has. They are addresses until they are
/// touched. Without optimisation every vector of an inlined body has a place of its own: AVX-512's kernels then take 0.45 MB.
const STACK: usize = 8 << 20;

/// A thread pool.
pub struct Pool {
    threads: Threads,
    /// Held during a run.
    turn: Mutex<()>,
}

/// Calls what it is given on some threads at once.
type Lender = dyn Fn(&(dyn Fn() + Sync)) + Send + Sync;

enum Threads {
    Own { shared: Arc<Shared>, handles: Vec<JoinHandle<()>> },
    Lent { count: usize, lender: Box<Lender> },
}

impl Pool {
    /// A pool of `threads` workers, the caller among them. Where the system gives fewer threads, the pool is smaller.
    pub fn new(threads: usize) -> Pool {
        let shared = Arc::new(Shared::default());
        let mut handles = Vec::new();
        for worker in 1..threads {
            let shared = Arc::clone(&shared);
            let name = format!("efficientecg-{worker}");
            let builder = thread::Builder::new().name(name).stack_size(STACK);
            match builder.spawn(move || work(&shared, worker)) {
                Ok(handle) => handles.push(handle),
                Err(_) => break,
            }
        }
        Pool { threads: Threads::Own { shared, handles }, turn: Mutex::new(()) }
    }

    /// A pool whose threads are the caller's. For every run `lender` gets a function, which it calls `threads` times at
    /// once, each time on another thread, and returns when all calls have returned. The calling thread may be one of them:
    ///
    /// ```
    /// # use efficientecg_engine::pool::Pool;
    /// let pool = Pool::lent(4, |work| {
    ///     std::thread::scope(|scope| {
    ///         (1..4).for_each(|_| drop(scope.spawn(work)));
    ///         work();
    ///     })
    /// });
    /// let workers = std::sync::atomic::AtomicUsize::new(0);
    /// pool.run(&|_worker, _workers| {
    ///     workers.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    /// });
    /// assert!((1..=4).contains(&workers.into_inner()));
    /// ```
    ///
    /// With rayon that is `Pool::lent(threads.current_num_threads(), move |work| drop(threads.broadcast(|_| work())))`.
    ///
    /// A run begins when all have come, or a fifth of a millisecond after the first, with those who are there; who
    /// comes later, or once too often, has nothing to do. So a lender whose threads are busy, or that makes its calls one after the
    /// other, costs time and no more: the results are the same bits.
    pub fn lent(threads: usize, lender: impl Fn(&(dyn Fn() + Sync)) + Send + Sync + 'static) -> Pool {
        let threads = Threads::Lent { count: threads.max(1), lender: Box::new(lender) };
        Pool { threads, turn: Mutex::new(()) }
    }

    /// How many workers it has.
    pub fn threads(&self) -> usize {
        match &self.threads {
            Threads::Own { handles, .. } => handles.len() + 1,
            Threads::Lent { count, .. } => *count,
        }
    }

    /// Runs `job` on every worker at once and returns when all are done. The closure gets the worker's number and how
    /// many take part: 1 where another caller uses the pool.
    pub fn run(&self, job: &(dyn Fn(usize, usize) + Sync)) {
        let turn = match self.turn.try_lock() {
            Ok(turn) => Some(turn),
            Err(TryLockError::Poisoned(p)) => Some(p.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        };
        let workers = if turn.is_some() { self.threads() } else { 1 };
        if workers == 1 {
            return job(0, 1);
        }
        match &self.threads {
            Threads::Own { shared, .. } => shared.run(workers, job),
            Threads::Lent { lender, .. } => {
                let arrivals = Arrivals::default();
                lender(&|| {
                    if let Some((worker, workers)) = arrivals.join(workers) {
                        job(worker, workers);
                    }
                });
                if arrivals.close() == 0 {
                    job(0, 1);
                }
            }
        }
    }
}

impl std::fmt::Debug for Pool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let lent = matches!(self.threads, Threads::Lent { .. });
        f.debug_struct("Pool").field("threads", &self.threads()).field("lent", &lent).finish()
    }
}

impl Shared {
    /// Runs `job` on the caller, worker 0, and on the `workers - 1` others.
    fn run(&self, workers: usize, job: &(dyn Fn(usize, usize) + Sync)) {
        let each = move |worker: usize| job(worker, workers);
        let each: Job<'_> = &each;
        {
            let mut state = self.lock();
            // SAFETY: only the lifetime changes; this function waits below until every worker is done with it.
            state.job = Some(ErasedJob(unsafe {
                std::mem::transmute::<Job<'_>, *const (dyn Fn(usize) + Sync)>(each)
            }));
            state.run += 1;
            state.busy = workers - 1;
            state.panicked = false;
            self.run.store(state.run, Ordering::Relaxed);
            self.busy.store(state.busy, Ordering::Relaxed);
        }
        self.start.notify_all();
        let own = catch_unwind(AssertUnwindSafe(|| each(0)));
        look_for(|| self.busy.load(Ordering::Relaxed) == 0);
        let mut state = self.lock();
        while state.busy > 0 {
            state = self.done.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.job = None;
        let panicked = state.panicked;
        drop(state);
        if let Err(payload) = own {
            resume_unwind(payload);
        }
        assert!(!panicked, "a worker thread panicked");
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        let Threads::Own { shared, handles } = &mut self.threads else { return };
        shared.lock().stop = true;
        shared.start.notify_all();
        for handle in handles.drain(..) {
            // A worker's panic was already reported by its run.
            let _ = handle.join();
        }
    }
}

fn work(shared: &Shared, worker: usize) {
    let mut seen = 0;
    loop {
        look_for(|| shared.run.load(Ordering::Relaxed) != seen);
        let job = {
            let mut state = shared.lock();
            while !state.stop && (state.run == seen || state.job.is_none()) {
                state = shared.start.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
            if state.stop {
                return;
            }
            seen = state.run;
            state.job
        };
        let Some(job) = job else { continue };
        // SAFETY: the run that set the job waits for this worker before its function goes away.
        let result = catch_unwind(AssertUnwindSafe(|| unsafe { (*job.0)(worker) }));
        let mut state = shared.lock();
        state.panicked |= result.is_err();
        state.busy -= 1;
        shared.busy.store(state.busy, Ordering::Relaxed);
        if state.busy == 0 {
            shared.done.notify_one();
        }
    }
}

/// How many lent threads have arrived at a run, and whether it has begun.
#[derive(Default)]
struct Arrivals(AtomicUsize);

impl Arrivals {
    const BEGUN: usize = 1 << (usize::BITS - 1);
    /// How long the first waits for the others.
    const PATIENCE: Duration = Duration::from_micros(200);

    /// The caller's number, and how many workers take part; none where it comes too late or is one too many.
    fn join(&self, most: usize) -> Option<(usize, usize)> {
        let come = |state: usize| (state < most).then(|| state + 1);
        let worker = self.0.fetch_update(Ordering::AcqRel, Ordering::Acquire, come).ok()?;
        let begun = |state: usize| state & Arrivals::BEGUN != 0;
        if worker > 0 {
            wait_until(|| begun(self.0.load(Ordering::Acquire)));
            return Some((worker, self.0.load(Ordering::Acquire) & !Arrivals::BEGUN));
        }
        let first = Moment::now();
        // Without a clock, as long as who waits looks before it offers the processor to others.
        let patient = || clock::TICKS && first.elapsed() <= Arrivals::PATIENCE;
        look_for(|| self.0.load(Ordering::Acquire) == most);
        wait_until(|| self.0.load(Ordering::Acquire) == most || !patient());
        Some((worker, self.close()))
    }

    /// Lets nobody else in; how many have come.
    fn close(&self) -> usize {
        self.0.fetch_or(Arrivals::BEGUN, Ordering::AcqRel) & !Arrivals::BEGUN
    }
}

/// Looks at `done` until it is so, or some tens of microseconds.
fn look_for(done: impl Fn() -> bool) {
    for _ in 0..SPINS {
        if done() {
            return;
        }
        hint::spin_loop();
    }
}

/// Looks at `done` some times before it offers the processor to others.
fn wait_until(done: impl Fn() -> bool) {
    look_for(&done);
    while !done() {
        thread::yield_now();
    }
}

/// A meeting point for the workers of a run, used again and again.
#[derive(Default)]
pub struct Barrier {
    arrived: AtomicUsize,
    round: AtomicUsize,
}

impl Barrier {
    /// Returns when all `workers` have called it; what they wrote before is then seen by all. The last to arrive calls
    /// `last` before the others go on.
    pub fn wait(&self, workers: usize, last: impl FnOnce()) {
        if workers == 1 {
            return last();
        }
        let round = self.round.load(Ordering::Acquire);
        if self.arrived.fetch_add(1, Ordering::AcqRel) + 1 == workers {
            last();
            self.arrived.store(0, Ordering::Relaxed);
            self.round.store(round.wrapping_add(1), Ordering::Release);
            return;
        }
        wait_until(|| self.round.load(Ordering::Acquire) != round);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_workers_run_and_meet() {
        let pool = Pool::new(4);
        for _ in 0..if cfg!(miri) { 5 } else { 200 } {
            let barrier = Barrier::default();
            let (first, second) = (AtomicUsize::new(0), AtomicUsize::new(0));
            pool.run(&|_, workers| {
                first.fetch_add(1, Ordering::Relaxed);
                barrier.wait(workers, || {});
                assert_eq!(first.load(Ordering::Relaxed), workers);
                second.fetch_add(1, Ordering::Relaxed);
            });
            assert_eq!(second.load(Ordering::Relaxed), pool.threads());
        }
    }

    #[test]
    fn sleepers_are_woken() {
        let pool = Pool::new(2);
        let ran = AtomicUsize::new(0);
        for _ in 0..if cfg!(miri) { 1 } else { 20 } {
            // The worker sleeps before the run, and the caller before its end.
            std::thread::sleep(Duration::from_millis(2));
            pool.run(&|worker, _| {
                std::thread::sleep(Duration::from_millis(2 * worker as u64));
                ran.fetch_add(1, Ordering::Relaxed);
            });
        }
        assert_eq!(ran.into_inner(), if cfg!(miri) { 2 } else { 40 });
    }

    /// As an unoptimised kernel might, and more than a thread has that nobody asks otherwise for.
    #[inline(never)]
    fn deep() {
        std::hint::black_box(&mut [0u8; STACK / 2]);
    }

    #[test]
    fn workers_have_deep_stacks() {
        let (pool, ran) = (Pool::new(2), AtomicUsize::new(0));
        pool.run(&|worker, _| {
            if worker > 0 {
                deep();
                ran.fetch_add(1, Ordering::Relaxed);
            }
        });
        assert_eq!(ran.into_inner(), pool.threads() - 1);
    }

    #[test]
    fn a_busy_pool_leaves_the_caller_alone() {
        let pool = Pool::new(2);
        pool.run(&|worker, _| {
            if worker == 0 {
                let alone = AtomicUsize::new(0);
                pool.run(&|inner, workers| {
                    assert_eq!((inner, workers), (0, 1));
                    alone.fetch_add(1, Ordering::Relaxed);
                });
                assert_eq!(alone.load(Ordering::Relaxed), 1);
            }
        });
    }

    #[test]
    fn a_panic_reaches_the_caller_and_the_pool_survives() {
        let pool = Pool::new(3);
        let result = catch_unwind(AssertUnwindSafe(|| {
            pool.run(&|worker, _| assert!(worker != 1, "on purpose"));
        }));
        assert!(result.is_err());
        let ran = AtomicUsize::new(0);
        pool.run(&|_, _| {
            ran.fetch_add(1, Ordering::Relaxed);
        });
        assert_eq!(ran.load(Ordering::Relaxed), pool.threads());
    }

    #[test]
    fn a_pool_of_one_is_the_callers_thread_alone() {
        let pool = Pool::new(1);
        assert!(matches!(&pool.threads, Threads::Own { handles, .. } if handles.is_empty()));
        let caller = std::thread::current().id();
        let ran = AtomicUsize::new(0);
        pool.run(&|worker, workers| {
            assert_eq!((worker, workers, std::thread::current().id()), (0, 1, caller));
            ran.fetch_add(1, Ordering::Relaxed);
        });
        assert_eq!(ran.load(Ordering::Relaxed), 1);
    }

    /// Workers of a run on lent threads, who must be numbered from 0 on and meet.
    fn come(pool: &Pool) -> usize {
        let barrier = Barrier::default();
        let (seen, together) = (Mutex::new(Vec::new()), AtomicUsize::new(0));
        pool.run(&|worker, workers| {
            seen.lock().unwrap_or_else(PoisonError::into_inner).push(worker);
            together.store(workers, Ordering::Relaxed);
            barrier.wait(workers, || {});
        });
        let mut seen = seen.into_inner().unwrap_or_else(PoisonError::into_inner);
        seen.sort_unstable();
        assert_eq!(seen, (0..together.load(Ordering::Relaxed)).collect::<Vec<_>>());
        seen.len()
    }

    #[test]
    fn lenders_of_every_kind() {
        let scoped = |calls: usize| {
            move |work: &(dyn Fn() + Sync)| {
                std::thread::scope(|scope| (0..calls).for_each(|_| drop(scope.spawn(work))));
            }
        };
        for _ in 0..if cfg!(miri) { 2 } else { 50 } {
            // As many calls as promised, fewer, more.
            for (threads, calls) in [(3, 3), (3, 2), (2, 5)] {
                assert!((1..=threads.min(calls)).contains(&come(&Pool::lent(threads, scoped(calls)))));
            }
        }
        // On one thread, one after the other; not at all.
        assert_eq!(come(&Pool::lent(3, |work| (0..3).for_each(|_| work()))), 1);
        assert_eq!(come(&Pool::lent(3, |_| {})), 1);
        assert_eq!(Pool::lent(0, |work| work()).threads(), 1);
    }
}
