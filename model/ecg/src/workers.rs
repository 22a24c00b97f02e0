//! Threads for the independent parts of one long record.
//!
//! Parts are handed out one by one to whichever thread is free, and their results come back in order, so that what is made
//! does not depend on the number of threads.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

/// How many threads may work on one record. With one, no thread is started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Workers {
    threads: usize,
}

impl Workers {
    /// The calling thread, without help.
    pub const ALONE: Workers = Workers { threads: 1 };

    /// So many threads, the caller counted in; at least one.
    pub fn new(threads: usize) -> Workers {
        Workers { threads: threads.max(1) }
    }

    /// Threads, the caller counted in.
    pub fn threads(self) -> usize {
        self.threads
    }

    /// The same where there is `enough` to do for more than one thread; else the caller alone.
    pub fn when(self, enough: bool) -> Workers {
        if enough { self } else { Workers::ALONE }
    }

    /// `make(0)`, `make(1)`, … `make(count - 1)`, in this order.
    pub fn map<T: Send>(self, count: usize, make: impl Fn(usize) -> T + Sync) -> Vec<T> {
        let helpers = self.threads.min(count).saturating_sub(1);
        if helpers == 0 {
            return (0..count).map(make).collect();
        }
        let next = AtomicUsize::new(0);
        let made: Mutex<Vec<Option<T>>> = Mutex::new((0..count).map(|_| None).collect());
        let work = || {
            loop {
                let part = next.fetch_add(1, Ordering::Relaxed);
                if part >= count {
                    return;
                }
                let one = make(part);
                made.lock().unwrap_or_else(PoisonError::into_inner)[part] = Some(one);
            }
        };
        std::thread::scope(|scope| {
            for _ in 0..helpers {
                // One that does not start leaves its work to the others.
                let _ = std::thread::Builder::new().spawn_scoped(scope, work);
            }
            work();
        });
        made.into_inner().unwrap_or_else(PoisonError::into_inner).into_iter().flatten().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_come_in_order_whatever_the_threads() {
        for threads in [0, 1, 2, 3, 100] {
            for count in [0, 1, 2, 57] {
                let made = Workers::new(threads).map(count, |i| i * i);
                assert_eq!(made, (0..count).map(|i| i * i).collect::<Vec<_>>(), "{threads} threads");
            }
        }
        assert_eq!(Workers::new(4).when(false), Workers::ALONE);
    }
}
