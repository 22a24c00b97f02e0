//! A team of threads that run one function together.
//!
//! A network's steps are many and short, so the team is woken once a run, not once a step: every thread executes the
//! whole program and meets the others at a [`Barrier`] after each step. Between runs the threads sleep. The calling
//! thread is the team's first member; a caller that finds the team busy runs alone.

use crate::sync::atomic::{AtomicUsize, Ordering};
use crate::sync::thread::{self, JoinHandle};
use crate::sync::{Arc, Condvar, Mutex, MutexGuard, hint};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{PoisonError, TryLockError};

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
    start: Condvar,
    done: Condvar,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A team of threads.
pub struct Pool {
    shared: Arc<Shared>,
    workers: Vec<JoinHandle<()>>,
    /// Held during a run.
    turn: Mutex<()>,
}

impl Pool {
    /// A team of `threads` members, the caller counted in. Where the system gives fewer threads, the team is smaller.
    pub fn new(threads: usize) -> Pool {
        let shared = Arc::new(Shared::default());
        let mut workers = Vec::new();
        for member in 1..threads {
            let shared = Arc::clone(&shared);
            let builder = thread::Builder::new().name(format!("efficientecg-{member}"));
            match builder.spawn(move || work(&shared, member)) {
                Ok(handle) => workers.push(handle),
                Err(_) => break,
            }
        }
        Pool { shared, workers, turn: Mutex::new(()) }
    }

    /// Members of the team.
    pub fn threads(&self) -> usize {
        self.workers.len() + 1
    }

    /// Runs `job` on every member at once and returns when all are done. The closure gets the number of members that
    /// take part: 1 where another caller has the team.
    pub fn run(&self, job: &(dyn Fn(usize, usize) + Sync)) {
        let turn = match self.turn.try_lock() {
            Ok(turn) => Some(turn),
            Err(TryLockError::Poisoned(p)) => Some(p.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        };
        let members = if turn.is_some() { self.threads() } else { 1 };
        if members == 1 {
            return job(0, 1);
        }
        let each = move |member: usize| job(member, members);
        let each: Job<'_> = &each;
        {
            let mut state = self.shared.lock();
            // SAFETY: only the lifetime changes; this function waits below until every worker is done with it.
            state.job = Some(ErasedJob(unsafe {
                std::mem::transmute::<Job<'_>, *const (dyn Fn(usize) + Sync)>(each)
            }));
            state.run += 1;
            state.busy = members - 1;
            state.panicked = false;
        }
        self.shared.start.notify_all();
        let own = catch_unwind(AssertUnwindSafe(|| each(0)));
        let mut state = self.shared.lock();
        while state.busy > 0 {
            state = self.shared.done.wait(state).unwrap_or_else(PoisonError::into_inner);
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
        self.shared.lock().stop = true;
        self.shared.start.notify_all();
        for worker in self.workers.drain(..) {
            // A worker's panic was already reported by its run.
            let _ = worker.join();
        }
    }
}

fn work(shared: &Shared, member: usize) {
    let mut seen = 0;
    loop {
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
        let result = catch_unwind(AssertUnwindSafe(|| unsafe { (*job.0)(member) }));
        let mut state = shared.lock();
        state.panicked |= result.is_err();
        state.busy -= 1;
        if state.busy == 0 {
            shared.done.notify_one();
        }
    }
}

/// A meeting point for the members of a run, used again and again.
#[derive(Default)]
pub struct Barrier {
    arrived: AtomicUsize,
    round: AtomicUsize,
}

impl Barrier {
    /// Looks at the round before the processor is offered to others.
    const SPINS: usize = 2000;

    /// Returns when all `members` have called it; what they wrote before is then seen by all. The last to arrive calls
    /// `last` before the others go on.
    pub fn wait(&self, members: usize, last: impl FnOnce()) {
        if members == 1 {
            return last();
        }
        let round = self.round.load(Ordering::Acquire);
        if self.arrived.fetch_add(1, Ordering::AcqRel) + 1 == members {
            last();
            self.arrived.store(0, Ordering::Relaxed);
            self.round.store(round.wrapping_add(1), Ordering::Release);
            return;
        }
        let mut spins = 0;
        while self.round.load(Ordering::Acquire) == round {
            spins += 1;
            if spins < Barrier::SPINS {
                hint::spin_loop();
            } else {
                thread::yield_now();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_members_run_and_meet() {
        let pool = Pool::new(4);
        for _ in 0..if cfg!(miri) { 5 } else { 200 } {
            let barrier = Barrier::default();
            let (first, second) = (AtomicUsize::new(0), AtomicUsize::new(0));
            pool.run(&|_, members| {
                first.fetch_add(1, Ordering::Relaxed);
                barrier.wait(members, || {});
                assert_eq!(first.load(Ordering::Relaxed), members);
                second.fetch_add(1, Ordering::Relaxed);
            });
            assert_eq!(second.load(Ordering::Relaxed), pool.threads());
        }
    }

    #[test]
    fn a_busy_team_leaves_the_caller_alone() {
        let pool = Pool::new(2);
        pool.run(&|member, _| {
            if member == 0 {
                let alone = AtomicUsize::new(0);
                pool.run(&|inner, members| {
                    assert_eq!((inner, members), (0, 1));
                    alone.fetch_add(1, Ordering::Relaxed);
                });
                assert_eq!(alone.load(Ordering::Relaxed), 1);
            }
        });
    }

    #[test]
    fn a_panic_reaches_the_caller_and_the_team_survives() {
        let pool = Pool::new(3);
        let result = catch_unwind(AssertUnwindSafe(|| {
            pool.run(&|member, _| assert!(member != 1, "on purpose"));
        }));
        assert!(result.is_err());
        let ran = AtomicUsize::new(0);
        pool.run(&|_, _| {
            ran.fetch_add(1, Ordering::Relaxed);
        });
        assert_eq!(ran.load(Ordering::Relaxed), pool.threads());
    }
}
