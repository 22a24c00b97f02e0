//! Threads that help a caller with its work.
//!
//! A network's nodes are many and short, so the threads are woken once a run, not once a node. Between runs they sleep, but not at
//! once: waking one takes some tens of microseconds, so a thread that waits looks for about as long first. The calling thread is
//! the pool's first, and can do all of the work alone: it never waits for a thread that has not begun. A pool of one thread is the calling thread and
//! nothing else; a pool of [lent](Pool::lent) threads starts none either.

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

    /// A thread pool that are the caller's. For every run `lender` gets a function, which it calls `threads` times at
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
