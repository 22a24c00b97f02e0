//! The engine's thread pool, its own source, on loom's model of threads, locks and atomics (Norris and Demsky,
//! *CDSChecker*, 2013): what is asserted here holds in every order of what the threads do, and for whatever a relaxed load may give. Loom
//! reports deadlocks, and cells that are read and written without an order between. Of the larger models it tries all orders
//! with up to a number of preemptions. Prints how many orders each had. What loom cannot model, panics (a lock is then
//! poisoned) and three that spin, is for Miri.

#[path = "../../../engine/src/clock.rs"]
#[allow(dead_code)]
mod clock;
#[path = "../../../engine/src/pool.rs"]
#[allow(dead_code)]
mod pool;

/// What the pool is made of, as `engine/src/sync.rs` has it.
mod sync {
    pub(crate) use loom::sync::{Arc, Condvar, Mutex, MutexGuard, atomic};
    pub(crate) use loom::{hint, thread};
    /// Those who look before they sleep trust nothing of what they see, so the models have them sleep at once.
    pub(crate) const SPINS: usize = 0;
}

use loom::cell::UnsafeCell;
use loom::sync::Arc;
use pool::{Barrier, Pool};
use std::sync::atomic::{AtomicUsize, Ordering};

/// A number that two threads may not touch at once, one of them writing.
struct Cell(UnsafeCell<usize>);

// SAFETY: loom looks whether accesses are ordered, which is what the models are for.
unsafe impl Send for Cell {}
// SAFETY: as above.
unsafe impl Sync for Cell {}

impl Cell {
    fn new() -> Cell {
        Cell(UnsafeCell::new(0))
    }

    fn set(&self, value: usize) {
        // SAFETY: loom has looked.
        self.0.with_mut(|cell| unsafe { *cell = value });
    }

    fn get(&self) -> usize {
        // SAFETY: loom has looked.
        self.0.with(|cell| unsafe { *cell })
    }
}

/// Each worker writes its own cell, waits, and reads everybody's and what the last to arrive wrote: `rounds` times
/// over.
fn meet(barrier: &Barrier, cells: &[Cell], last: &Cell, worker: usize, workers: usize, rounds: usize) {
    for round in 1..=rounds {
        cells[worker].set(round);
        barrier.wait(workers, || last.set(10 * round));
        assert!(cells[..workers].iter().all(|c| c.get() == round));
        assert_eq!(last.get(), 10 * round);
        barrier.wait(workers, || {});
    }
}

fn cells(n: usize) -> Vec<Cell> {
    (0..n).map(|_| Cell::new()).collect()
}

/// Threads of no pool at a barrier.
fn barrier(workers: usize, rounds: usize) {
    let shared = Arc::new((Barrier::default(), cells(workers), Cell::new()));
    let others: Vec<_> = (1..workers)
        .map(|worker| {
            let shared = Arc::clone(&shared);
            loom::thread::spawn(move || meet(&shared.0, &shared.1, &shared.2, worker, workers, rounds))
        })
        .collect();
    meet(&shared.0, &shared.1, &shared.2, 0, workers, rounds);
    others.into_iter().for_each(|t| t.join().expect("a thread panicked"));
}

/// A pool runs two functions of what the caller has on its stack, one after the other, and is let go.
fn thread_pool(workers: usize) {
    let pool = Pool::new(workers);
    assert_eq!(pool.threads(), workers);
    for run in 1..=2 {
        let (made, barrier, last) = (cells(workers), Barrier::default(), Cell::new());
        pool.run(&|worker, of| {
            assert_eq!(of, workers);
            // Two that spin while a third has yet to come may take turns for ever, as loom has it.
            if run == 1 || of > 2 {
                made[worker].set(run);
            } else {
                meet(&barrier, &made, &last, worker, of, 1);
            }
        });
        assert!(made.iter().all(|c| c.get() > 0));
    }
}

/// Two callers of one pool: the second has it after the first, or runs alone meanwhile.
fn callers() {
    let pool = Arc::new(Pool::new(2));
    let call = |pool: &Pool| {
        let made = cells(2);
        pool.run(&|worker, workers| {
            made[worker].set(workers);
            if workers == 1 {
                made[1].set(1);
            }
        });
        assert_eq!(made[0].get(), made[1].get());
    };
    let other = Arc::clone(&pool);
    let other = loom::thread::spawn(move || call(&other));
    call(&pool);
    other.join().expect("a thread panicked");
}

fn model(name: &str, preemptions: Option<usize>, run: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = preemptions;
    let orders = std::sync::Arc::new(AtomicUsize::new(0));
    let count = std::sync::Arc::clone(&orders);
    builder.check(move || {
        count.fetch_add(1, Ordering::Relaxed);
        run();
    });
    let most = preemptions.map_or("all".to_owned(), |n| format!("up to {n} preemptions,"));
    println!("{name}: {most} {} orders", orders.load(Ordering::Relaxed));
}

fn main() {
    model("a barrier of two, twice", None, || barrier(2, 2));
    model("a pool of two", Some(3), || thread_pool(2));
    model("a pool of three", Some(2), || thread_pool(3));
    model("two callers", Some(3), callers);
}
