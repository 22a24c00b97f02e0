//! The engine's thread pool and the tasks that its threads claim, their own source, on loom's model of threads, locks and atomics
//! (Norris and Demsky, *CDSChecker*, 2013): what is asserted here holds in every order of what the threads do, and for whatever a
//! relaxed load may give. Loom reports deadlocks, and cells that are read and written without an order between. Of the larger
//! models it tries all orders with up to a number of preemptions. Prints how many orders each had.

#[path = "../../../engine/src/pool.rs"]
#[allow(dead_code)]
mod pool;
#[path = "../../../engine/src/tasks.rs"]
mod tasks;

/// What both are made of, as `engine/src/sync.rs` has it.
mod sync {
    pub(crate) use loom::sync::{Arc, Condvar, Mutex, MutexGuard, atomic};
    pub(crate) use loom::{hint, thread};
    /// Those who look before they sleep trust nothing of what they see, so the models have them sleep at once.
    pub(crate) const SPINS: usize = 0;
}

use loom::cell::UnsafeCell;
use pool::{Pool, Work};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tasks::Tasks;

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

/// Rounds of tasks. A task reads all results of the round before, and writes its own: to one of two rows, in turns.
struct Rounds {
    tasks: Tasks,
    /// What is written between rounds, and read by who has a claim: the number of the round.
    round: Cell,
    last: Cell,
    results: [Vec<Cell>; 2],
}

impl Rounds {
    fn new(threads: usize, tasks: usize) -> Arc<Rounds> {
        let row = || (0..tasks).map(|_| Cell::new()).collect();
        Arc::new(Rounds { tasks: Tasks::new(threads), round: Cell::new(), last: Cell::new(), results: [row(), row()] })
    }

    /// Begins a run, before it is offered.
    fn begin(&self, rounds: usize) {
        let first = self.round.get() + 1;
        self.round.set(first);
        self.last.set(first + rounds - 1);
        self.tasks.begin(self.results[0].len(), 2);
    }

    fn assert_done(&self) {
        let round = self.round.get();
        assert_eq!(round, self.last.get());
        assert!(self.results[round % 2].iter().all(|cell| cell.get() == round));
    }
}

impl Work for Rounds {
    fn help(&self, thread: usize) {
        let mut seen = self.tasks.round();
        loop {
            while let Some(claim) = self.tasks.claim(thread) {
                let round = self.round.get();
                let [row, before] = [round % 2, (round + 1) % 2].map(|row| &self.results[row]);
                assert!(before.iter().all(|cell| cell.get() == round - 1));
                claim.tasks().for_each(|task| row[task].set(round));
                if self.tasks.finish(claim) {
                    if round == self.last.get() {
                        self.tasks.end();
                    } else {
                        self.round.set(round + 1);
                        self.tasks.begin(row.len(), 2);
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

/// Threads that come to a run when they like.
fn rounds(threads: usize, tasks: usize, rounds: usize) {
    let work = Rounds::new(threads, tasks);
    work.begin(rounds);
    let others: Vec<_> = (1..threads)
        .map(|thread| {
            let work = Arc::clone(&work);
            loom::thread::spawn(move || work.help(thread))
        })
        .collect();
    work.help(0);
    work.assert_done();
    others.into_iter().for_each(|t| t.join().expect("a thread panicked"));
}

/// A thread that may still be in one run when the caller begins the next.
fn late(runs: usize) {
    let work = Rounds::new(2, 2);
    work.begin(1);
    let other = Arc::clone(&work);
    let other = loom::thread::spawn(move || other.help(1));
    work.help(0);
    for _ in 1..runs {
        work.begin(1);
        work.help(0);
    }
    work.assert_done();
    other.join().expect("a thread panicked");
}

/// A pool runs the work twice, and is let go.
fn pool(threads: usize, runs: usize) {
    let pool = Pool::new(threads);
    assert_eq!(pool.threads(), threads);
    let work = Rounds::new(threads, 2);
    for _ in 0..runs {
        work.begin(1);
        pool.turn().expect("nobody else has the pool").run(&work);
        work.assert_done();
    }
}

/// Two callers of one pool: the second has it after the first, or runs alone meanwhile.
fn callers() {
    let pool = loom::sync::Arc::new(Pool::new(2));
    let call = |pool: &Pool| {
        let work = Rounds::new(2, 1);
        work.begin(1);
        match pool.turn() {
            Some(turn) => turn.run(&work),
            None => work.help(0),
        }
        work.assert_done();
    };
    let other = loom::sync::Arc::clone(&pool);
    let other = loom::thread::spawn(move || call(&other));
    call(&pool);
    other.join().expect("a thread panicked");
}

fn model(name: &str, preemptions: Option<usize>, run: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = preemptions;
    let orders = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&orders);
    builder.check(move || {
        count.fetch_add(1, Ordering::Relaxed);
        run();
    });
    let most = preemptions.map_or("all".to_owned(), |n| format!("up to {n} preemptions,"));
    println!("{name}: {most} {} orders", orders.load(Ordering::Relaxed));
}

fn main() {
    model("two threads, one round", Some(4), || rounds(2, 2, 1));
    model("two threads, two rounds", Some(3), || rounds(2, 2, 2));
    model("three threads", Some(2), || rounds(3, 2, 1));
    model("a thread that comes late", Some(3), || late(2));
    model("a pool of two", Some(2), || pool(2, 2));
    model("a pool of three", Some(1), || pool(3, 1));
    model("two callers", Some(2), callers);
}
