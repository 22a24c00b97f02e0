//! The tasks of a run, handed out to whoever is there.
//!
//! A run is one round after another, each of some tasks. The tasks of a round are split evenly into shares, one for each thread of the
//! pool. A thread claims tasks of its own share first, then of the others': one that never comes, or that the system has put aside
//! between two tasks, keeps nobody waiting. Who finishes the last task of a round begins the next. Who finds nothing to
//! claim looks for the next round for some microseconds, and then sleeps.

use crate::sync::atomic::{AtomicUsize, Ordering};
use crate::sync::{Condvar, Mutex, SPINS, hint};
use std::ops::Range;
use std::sync::PoisonError;

/// The run is over.
const ENDED: usize = 1;
/// Somebody sleeps until the next round.
const SLEEPERS: usize = 2;
/// What the number of the round counts in, beside those two.
const ROUND: usize = 4;

/// A number that threads write often, on cache lines of its own: processors fetch them in pairs.
#[repr(align(128))]
struct Alone(AtomicUsize);

/// The tasks of one run after another.
pub(crate) struct Tasks {
    /// The number of the round, counted over all runs, with [`ENDED`] and [`SLEEPERS`].
    round: Alone,
    /// Tasks of each share that nobody has claimed.
    left: Vec<Alone>,
    /// Tasks of the round that nobody has finished.
    unfinished: Alone,
    /// Tasks of the round.
    total: AtomicUsize,
    /// A claim is the `parts`-th part of what is left of a share.
    parts: AtomicUsize,
    sleep: Mutex<()>,
    wake: Condvar,
}

/// Some tasks that one thread has to do: whoever has it may read what belongs to the round, which lasts until
/// [`Tasks::finish`].
#[derive(Debug)]
#[must_use = "a round ends when all its claims are finished"]
pub(crate) struct Claim(Range<usize>);

impl Claim {
    /// Which tasks.
    pub(crate) fn tasks(&self) -> Range<usize> {
        self.0.clone()
    }
}

impl Tasks {
    /// No tasks yet, for `threads` threads.
    pub(crate) fn new(threads: usize) -> Tasks {
        Tasks {
            round: Alone(AtomicUsize::new(ENDED)),
            left: (0..threads.max(1)).map(|_| Alone(AtomicUsize::new(0))).collect(),
            unfinished: Alone(AtomicUsize::new(0)),
            total: AtomicUsize::new(0),
            parts: AtomicUsize::new(1),
            sleep: Mutex::new(()),
            wake: Condvar::new(),
        }
    }

    /// Begins a round of one task or more. Only the thread that begins a run may call it, and the one that finished the round
    /// before; what it wrote is seen by all who claim.
    pub(crate) fn begin(&self, tasks: usize, parts: usize) {
        debug_assert!(tasks > 0);
        if self.round.0.load(Ordering::Relaxed) & ENDED != 0 {
            self.round.0.fetch_and(!ENDED, Ordering::AcqRel);
        }
        self.total.store(tasks, Ordering::Relaxed);
        self.parts.store(parts, Ordering::Relaxed);
        self.unfinished.0.store(tasks, Ordering::Relaxed);
        for (owner, left) in self.left.iter().enumerate() {
            left.0.store(self.share(tasks, owner).len(), Ordering::Release);
        }
        self.go_on(0);
    }

    /// Ends the run. Who may call it is as with [`Tasks::begin`].
    pub(crate) fn end(&self) {
        self.go_on(ENDED);
    }

    fn share(&self, tasks: usize, owner: usize) -> Range<usize> {
        let shares = self.left.len();
        tasks * owner / shares..tasks * (owner + 1) / shares
    }

    /// Counts a round, and wakes who waits for it. Others may have done the round's tasks already, and have counted the next one or
    /// ended the run: that stays.
    fn go_on(&self, ended: usize) {
        let mut before = self.round.0.load(Ordering::Relaxed);
        loop {
            let after = (before & !SLEEPERS).wrapping_add(ROUND) | ended;
            match self.round.0.compare_exchange_weak(before, after, Ordering::AcqRel, Ordering::Relaxed) {
                Ok(_) => break,
                Err(found) => before = found,
            }
        }
        if before & SLEEPERS != 0 {
            // Who set the bit holds the lock until it sleeps.
            drop(self.sleep.lock().unwrap_or_else(PoisonError::into_inner));
            self.wake.notify_all();
        }
    }

    /// Claims tasks for a thread: of its share, or of the next that has some.
    pub(crate) fn claim(&self, thread: usize) -> Option<Claim> {
        let shares = self.left.len();
        for owner in (thread..shares).chain(0..thread) {
            let left = &self.left[owner].0;
            // Looked at before it is written to: that leaves the line where it is.
            let mut before = left.load(Ordering::Relaxed);
            while before > 0 {
                let count = before.div_ceil(self.parts.load(Ordering::Relaxed));
                let (order, after) = (Ordering::Acquire, before - count);
                match left.compare_exchange_weak(before, after, order, Ordering::Relaxed) {
                    Ok(_) => {
                        // The round lasts until this claim is finished, so that the total is its own.
                        let first = self.share(self.total.load(Ordering::Relaxed), owner).end - before;
                        return Some(Claim(first..first + count));
                    }
                    Err(found) => before = found,
                }
            }
        }
        None
    }

    /// The claimed tasks are done. Whether they were the round's last: then nobody has a claim, and the caller has to begin a
    /// round or end the run.
    pub(crate) fn finish(&self, claim: Claim) -> bool {
        let count = claim.0.len();
        self.unfinished.0.fetch_sub(count, Ordering::AcqRel) == count
    }

    /// The round under way, for [`Tasks::wait`].
    pub(crate) fn round(&self) -> usize {
        self.round.0.load(Ordering::Acquire) & !SLEEPERS
    }

    /// Returns the round under way once it is another than `seen`; none when the run is over.
    pub(crate) fn wait(&self, seen: usize) -> Option<usize> {
        for _ in 0..SPINS {
            if self.round.0.load(Ordering::Relaxed) & !SLEEPERS != seen {
                break;
            }
            hint::spin_loop();
        }
        let running = |round: usize| (round & ENDED == 0).then_some(round);
        if seen & ENDED != 0 || self.round() != seen {
            return running(self.round());
        }
        let mut guard = self.sleep.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            let round = self.round.0.load(Ordering::Acquire);
            if round & !SLEEPERS != seen {
                return running(round & !SLEEPERS);
            }
            let sleeps = round | SLEEPERS;
            let (order, found) = (Ordering::AcqRel, Ordering::Relaxed);
            if self.round.0.compare_exchange(round, sleeps, order, found).is_ok() {
                guard = self.wake.wait(guard).unwrap_or_else(PoisonError::into_inner);
            }
        }
    }
}
