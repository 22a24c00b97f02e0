//! Work on many records at once, results in their order.

use std::collections::BTreeMap;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// Results, for each thread, that may wait for an earlier one: memory does not grow with the number of records.
const AHEAD: usize = 4;

struct State<T> {
    /// The next to make, and the next to take.
    next: usize,
    taken: usize,
    stop: bool,
    made: BTreeMap<usize, T>,
}

struct Shared<T> {
    state: Mutex<State<T>>,
    /// There is room for another result.
    room: Condvar,
    /// There is another result.
    ready: Condvar,
}

impl<T> Shared<T> {
    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn stop(&self) {
        self.lock().stop = true;
        self.room.notify_all();
        self.ready.notify_all();
    }
}

/// Ends the work of all where one unwinds.
struct Unwound<'a, T>(&'a Shared<T>);

impl<T> Drop for Unwound<'_, T> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.stop();
        }
    }
}

/// Has `threads` threads `make` the results of 0 to `count - 1`, handed out one by one to whoever is free, and the calling thread
/// `take` them in order, until it returns false.
pub(crate) fn in_order<T: Send>(
    threads: usize,
    count: usize,
    make: impl Fn(usize) -> T + Sync,
    mut take: impl FnMut(usize, T) -> bool,
) {
    let shared = Shared {
        state: Mutex::new(State { next: 0, taken: 0, stop: false, made: BTreeMap::new() }),
        room: Condvar::new(),
        ready: Condvar::new(),
    };
    let ahead = AHEAD * threads.max(1);
    let work = || {
        let _unwound = Unwound(&shared);
        loop {
            let mut state = shared.lock();
            while !state.stop && state.next < count && state.next >= state.taken + ahead {
                state = shared.room.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
            if state.stop || state.next >= count {
                return;
            }
            let index = state.next;
            state.next += 1;
            drop(state);
            let made = make(index);
            shared.lock().made.insert(index, made);
            shared.ready.notify_one();
        }
    };
    std::thread::scope(|scope| {
        let spawn = |_| std::thread::Builder::new().spawn_scoped(scope, work).is_ok();
        let started =
            if threads > 1 { (0..threads).map(spawn).filter(|started| *started).count() } else { 0 };
        if started == 0 {
            for index in 0..count {
                if !take(index, make(index)) {
                    break;
                }
            }
            return;
        }
        let _unwound = Unwound(&shared);
        for index in 0..count {
            let mut state = shared.lock();
            let made = loop {
                match state.made.remove(&index) {
                    Some(made) => break made,
                    // A thread has unwound, which the scope passes on.
                    None if state.stop => return,
                    None => state = shared.ready.wait(state).unwrap_or_else(PoisonError::into_inner),
                }
            };
            state.taken = index + 1;
            drop(state);
            shared.room.notify_one();
            if !take(index, made) {
                shared.stop();
                return;
            }
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[test]
    fn results_come_in_order_and_never_far_ahead() {
        for threads in [1, 2, 5] {
            for count in [0, 1, 7, 200] {
                let (made, mut taken) = (AtomicUsize::new(0), Vec::new());
                let make = |i: usize| {
                    made.fetch_add(1, Ordering::SeqCst);
                    if i.is_multiple_of(7) {
                        std::thread::sleep(std::time::Duration::from_millis(1));
                    }
                    i * i
                };
                in_order(threads, count, make, |i, square| {
                    let waiting = made.load(Ordering::SeqCst) - i;
                    assert!(waiting <= AHEAD * threads + threads, "{waiting} results wait");
                    taken.push(square);
                    true
                });
                assert_eq!(taken, (0..count).map(|i| i * i).collect::<Vec<_>>());
            }
        }
    }

    #[test]
    fn whoever_takes_can_end_it() {
        for threads in [1, 3] {
            let mut taken = 0;
            in_order(
                threads,
                1000,
                |i| i,
                |i, _| {
                    taken += 1;
                    i < 4
                },
            );
            assert_eq!(taken, 5);
        }
    }

    #[test]
    fn a_panic_is_passed_on() {
        for threads in [1, 3] {
            let run = || in_order(threads, 100, |i| assert!(i != 30), |_, ()| true);
            assert!(std::panic::catch_unwind(run).is_err(), "{threads} threads");
        }
    }
}
