//! Threads that help a caller with its work.
//!
//! A network's nodes are many and short, so the threads are woken once a run, not once a node. Between runs they sleep, but not at
//! once: waking one takes some tens of microseconds, so a thread that waits looks for about as long first. The calling thread is
//! the pool's first, and can do all of the work alone: it never waits for a thread that has not begun. A pool of one thread is the
//! calling thread and nothing else; a pool of [lent](Pool::lent) threads starts none either.

use crate::sync::atomic::{AtomicUsize, Ordering};
use crate::sync::thread::{self, JoinHandle};
use crate::sync::{Arc, Condvar, Mutex, MutexGuard, SPINS, hint};
use std::sync::{PoisonError, TryLockError};

/// What some threads do together.
pub(crate) trait Work: Send + Sync {
    /// Takes part as the thread of this number, 0 for the caller, until all is done. Nothing is left of the work to a
    /// thread that comes later.
    fn help(&self, thread: usize);
}

/// Shared work, by a counter that is the same on every build: threads may outlive the run with it.
type Offer = std::sync::Arc<dyn Work>;

#[derive(Default)]
struct State {
    /// Counts the runs, so that a worker knows a new one.
    run: usize,
    work: Option<Offer>,
    sleepers: usize,
    stop: bool,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    /// What `state` has, for those who look before they sleep. They trust only `state`.
    run: AtomicUsize,
    start: Condvar,
    /// Workers that have begun to look for work. No run waits for it, so it is no matter for loom.
    begun: std::sync::atomic::AtomicUsize,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn offer(&self, work: Offer) {
        let mut state = self.lock();
        state.run = state.run.wrapping_add(1);
        state.work = Some(work);
        self.run.store(state.run, Ordering::Relaxed);
        let sleepers = state.sleepers;
        drop(state);
        if sleepers > 0 {
            self.start.notify_all();
        }
    }

    fn withdraw(&self) {
        let work = self.lock().work.take();
        drop(work);
    }
}

/// Bytes of a worker's stack, whatever the environment says: what a main thread usually has. They are addresses until they are
/// touched. Without optimisation every vector of an inlined body has a place of its own: AVX-512's kernels then take 0.45 MB.
const STACK: usize = 8 << 20;

/// Threads that compute together.
pub struct Pool {
    threads: Threads,
    /// Held during a run.
    turn: Mutex<()>,
}

/// Calls what it is given on some threads at once.
type Lender = dyn Fn(&(dyn Fn() + Sync)) + Send + Sync;

enum Threads {
    Own { shared: Arc<Shared>, handles: Vec<JoinHandle<()>> },
    Lent { threads: usize, lender: Box<Lender> },
}

impl Pool {
    /// A pool of `threads` threads, the caller counted in. Where the system gives fewer, the pool is smaller.
    pub fn new(threads: usize) -> Pool {
        let shared = Arc::new(Shared::default());
        let mut handles = Vec::new();
        for thread in 1..threads {
            let shared = Arc::clone(&shared);
            let name = format!("efficientecg-{thread}");
            let builder = thread::Builder::new().name(name).stack_size(STACK);
            match builder.spawn(move || work(&shared, thread)) {
                Ok(handle) => handles.push(handle),
                Err(_) => break,
            }
        }
        Pool { threads: Threads::Own { shared, handles }, turn: Mutex::new(()) }
    }

    /// A pool of threads that are the caller's. For every run `lender` gets a function, which it calls `threads` times at
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
    /// assert_eq!(pool.threads(), 4);
    /// ```
    ///
    /// With rayon that is `Pool::lent(threads.current_num_threads(), move |work| drop(threads.broadcast(|_| work())))`.
    ///
    /// The first that comes begins, and those that come while there is something to do help. A call that comes later, or once too
    /// often, returns at once. So a lender whose threads are busy, or that makes its calls one after the other, costs time and no
    /// more: the results are the same bits.
    pub fn lent(threads: usize, lender: impl Fn(&(dyn Fn() + Sync)) + Send + Sync + 'static) -> Pool {
        let threads = Threads::Lent { threads: threads.max(1), lender: Box::new(lender) };
        Pool { threads, turn: Mutex::new(()) }
    }

    /// The number of threads.
    pub fn threads(&self) -> usize {
        match &self.threads {
            Threads::Own { handles, .. } => handles.len() + 1,
            Threads::Lent { threads, .. } => *threads,
        }
    }

    /// Waits until every worker has begun: a thread allocates while it starts, which may be after it was spawned.
    pub(crate) fn wait_for_workers(&self) {
        if let Threads::Own { shared, handles } = &self.threads {
            while shared.begun.load(std::sync::atomic::Ordering::Acquire) < handles.len() {
                thread::yield_now();
            }
        }
    }

    /// The right to the other threads, until it is dropped. None where there are none, or another caller has them.
    pub(crate) fn turn(&self) -> Option<Turn<'_>> {
        if self.threads() == 1 {
            return None;
        }
        match self.turn.try_lock() {
            Ok(turn) => Some(Turn { threads: &self.threads, _turn: turn }),
            Err(TryLockError::Poisoned(turn)) => {
                Some(Turn { threads: &self.threads, _turn: turn.into_inner() })
            }
            Err(TryLockError::WouldBlock) => None,
        }
    }
}

/// The right to a pool's threads.
pub(crate) struct Turn<'a> {
    threads: &'a Threads,
    _turn: MutexGuard<'a, ()>,
}

impl Turn<'_> {
    /// Has the calling thread do `work`, helped by the others, and returns when all is done.
    pub(crate) fn run<W: Work + 'static>(&self, work: &std::sync::Arc<W>) {
        match self.threads {
            Threads::Own { shared, .. } => {
                shared.offer(work.clone());
                work.help(0);
                shared.withdraw();
            }
            Threads::Lent { threads, lender } => {
                let next = AtomicUsize::new(0);
                lender(&|| {
                    let thread = next.fetch_add(1, Ordering::Relaxed);
                    if thread < *threads {
                        work.help(thread);
                    }
                });
                if next.load(Ordering::Relaxed) == 0 {
                    work.help(0);
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

impl Drop for Pool {
    fn drop(&mut self) {
        let Threads::Own { shared, handles } = &mut self.threads else { return };
        shared.lock().stop = true;
        shared.start.notify_all();
        for handle in handles.drain(..) {
            // A worker that panicked has said so.
            let _ = handle.join();
        }
    }
}

fn work(shared: &Shared, thread: usize) {
    shared.begun.fetch_add(1, std::sync::atomic::Ordering::Release);
    let mut seen = 0;
    loop {
        for _ in 0..SPINS {
            if shared.run.load(Ordering::Relaxed) != seen {
                break;
            }
            hint::spin_loop();
        }
        let work = {
            let mut state = shared.lock();
            while !state.stop && state.run == seen {
                state.sleepers += 1;
                state = shared.start.wait(state).unwrap_or_else(PoisonError::into_inner);
                state.sleepers -= 1;
            }
            if state.stop {
                return;
            }
            seen = state.run;
            state.work.clone()
        };
        if let Some(work) = work {
            work.help(thread);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tasks::Tasks;
    use std::time::Duration;

    /// Counts who does each of some tasks, one round after another.
    struct Counting {
        tasks: Tasks,
        rounds: AtomicUsize,
        done: Vec<AtomicUsize>,
        /// Threads that took part, a bit each.
        came: AtomicUsize,
        /// The tasks of which the first thread does none until others have begun one.
        waits: bool,
    }

    impl Counting {
        fn new(threads: usize, tasks: usize, waits: bool) -> std::sync::Arc<Counting> {
            std::sync::Arc::new(Counting {
                tasks: Tasks::new(threads),
                rounds: AtomicUsize::new(0),
                done: (0..tasks).map(|_| AtomicUsize::new(0)).collect(),
                came: AtomicUsize::new(0),
                waits,
            })
        }

        /// Begins a run of some rounds on a pool, and returns when it is over.
        fn run(self: &std::sync::Arc<Counting>, pool: &Pool, rounds: usize) {
            self.rounds.store(rounds, Ordering::Relaxed);
            self.came.store(0, Ordering::Relaxed);
            self.tasks.begin(self.done.len(), 2);
            match pool.turn() {
                Some(turn) => turn.run(self),
                None => self.help(0),
            }
        }

        fn assert_done(&self, times: usize) {
            assert!(self.done.iter().all(|n| n.load(Ordering::Relaxed) == times));
        }
    }

    impl Work for Counting {
        fn help(&self, thread: usize) {
            let mut seen = self.tasks.round();
            loop {
                while let Some(claim) = self.tasks.claim(thread) {
                    self.came.fetch_or(1 << thread, Ordering::Relaxed);
                    while self.waits && self.came.load(Ordering::Relaxed).count_ones() == 1 {
                        thread::yield_now();
                    }
                    claim.tasks().for_each(|task| {
                        self.done[task].fetch_add(1, Ordering::Relaxed);
                    });
                    if self.tasks.finish(claim) {
                        match self.rounds.fetch_sub(1, Ordering::Relaxed) {
                            1 => self.tasks.end(),
                            _ => self.tasks.begin(self.done.len(), 2),
                        }
                    }
                }
                match self.tasks.wait(seen) {
                    Some(round) => seen = round,
                    None => return,
                }
            }
        }
    }

    #[test]
    fn each_task_is_done_once_a_round() {
        for threads in if cfg!(miri) { 1..3 } else { 1..6 } {
            let pool = Pool::new(threads);
            for tasks in if cfg!(miri) { 3..5 } else { 1..12 } {
                let counting = Counting::new(threads, tasks, false);
                for run in 1..=if cfg!(miri) { 2 } else { 50 } {
                    counting.run(&pool, 3);
                    counting.assert_done(3 * run);
                }
            }
        }
    }

    #[test]
    fn sleepers_are_woken() {
        let pool = Pool::new(2);
        let counting = Counting::new(2, 8, true);
        for run in 1..=if cfg!(miri) { 1 } else { 20 } {
            // The worker sleeps before the run. Neither thread can finish it alone.
            std::thread::sleep(Duration::from_millis(2));
            counting.run(&pool, 1);
            counting.assert_done(run);
            assert_eq!(counting.came.load(Ordering::Relaxed), 0b11);
        }
    }

    #[test]
    fn a_thread_that_never_comes_keeps_nobody_waiting() {
        let pool = Pool::lent(3, |work| work());
        let counting = Counting::new(3, 10, false);
        counting.run(&pool, 4);
        counting.assert_done(4);
        assert_eq!(counting.came.load(Ordering::Relaxed), 1);
    }

    #[test]
    fn lenders_of_every_kind() {
        let scoped = |calls: usize| {
            move |work: &(dyn Fn() + Sync)| {
                std::thread::scope(|scope| (0..calls).for_each(|_| drop(scope.spawn(work))));
            }
        };
        let run = |pool: &Pool| {
            let counting = Counting::new(pool.threads(), 10, false);
            counting.run(pool, 3);
            counting.assert_done(3);
        };
        for _ in 0..if cfg!(miri) { 1 } else { 20 } {
            // As many calls as threads, fewer, too many.
            for (threads, calls) in [(3, 3), (3, 2), (2, 5)] {
                run(&Pool::lent(threads, scoped(calls)));
            }
        }
        // On one thread, one after the other; not at all.
        run(&Pool::lent(3, |work| (0..3).for_each(|_| work())));
        run(&Pool::lent(3, |_| {}));
        assert_eq!(Pool::lent(0, |work| work()).threads(), 1);
    }

    /// As an unoptimised kernel might, and more than a thread has that nobody asks otherwise for.
    #[inline(never)]
    fn deep() {
        std::hint::black_box(&mut [0u8; STACK / 2]);
    }

    struct Deep(AtomicUsize);

    impl Work for Deep {
        fn help(&self, thread: usize) {
            if thread > 0 {
                deep();
                self.0.fetch_add(1, Ordering::Relaxed);
            }
            while self.0.load(Ordering::Relaxed) == 0 {
                thread::yield_now();
            }
        }
    }

    #[test]
    fn workers_have_deep_stacks() {
        let (pool, deep) = (Pool::new(2), std::sync::Arc::new(Deep(AtomicUsize::new(0))));
        pool.turn().expect("nobody else has the pool").run(&deep);
        assert_eq!(deep.0.load(Ordering::Relaxed), 1);
    }

    #[test]
    fn one_caller_at_a_time_has_the_threads() {
        let pool = Pool::new(2);
        let turn = pool.turn();
        assert!(turn.is_some() && pool.turn().is_none());
        drop(turn);
        assert!(pool.turn().is_some());
    }

    #[test]
    fn a_pool_of_one_is_the_callers_thread_alone() {
        let pool = Pool::new(1);
        assert!(matches!(&pool.threads, Threads::Own { handles, .. } if handles.is_empty()));
        assert!(pool.turn().is_none());
    }
}
