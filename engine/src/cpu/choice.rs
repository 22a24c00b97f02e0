//! Whether a record is computed by one thread or by all: what has been faster.
//!
//! On cores that nobody else uses all threads are faster, but for the smallest networks. Beside other programs a thread may be put
//! aside while the others need what it computes, and one thread alone may be faster. That is measured: now and then some runs are made
//! the other way. While runs with all threads take about as long as the fastest of them, they are not.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// A comparison has this many runs of each way, and lasts this many seconds: some turns of the system's scheduler.
const RUNS: u32 = 4;
const SECONDS: f64 = 0.02;
/// How much longer than the fastest run the mean may be before one thread is tried.
const DISTURBED: f64 = 1.25;
/// The other way is taken where it takes at most this part of the time.
const BETTER: f64 = 0.95;
/// Runs until the next comparison: the first, and the most. The number doubles as long as nothing changes.
const INTERVAL: u32 = 16;
const MOST: u32 = 1024;

/// The mean of some runs.
#[derive(Clone, Copy, Debug, Default)]
struct Mean {
    runs: u32,
    seconds: f64,
}

impl Mean {
    fn add(&mut self, seconds: f64) {
        self.runs += 1;
        self.seconds += seconds;
    }

    fn is_long(&self) -> bool {
        self.runs >= RUNS && self.seconds >= SECONDS
    }

    fn seconds(&self) -> f64 {
        self.seconds / f64::from(self.runs.max(1))
    }
}

#[derive(Debug)]
struct State {
    /// The way that is taken.
    all: bool,
    /// What runs that way have taken of late.
    taken: Mean,
    /// The fastest run with all threads, of late.
    fastest: f64,
    /// A comparison under way: runs the other way.
    tried: Option<Mean>,
    compared: bool,
    /// Runs until the next comparison, and after it.
    wait: u32,
    interval: u32,
}

/// The choice for one shape of input.
#[derive(Debug)]
pub(super) struct ThreadChoice(Mutex<State>);

impl Default for ThreadChoice {
    fn default() -> ThreadChoice {
        ThreadChoice(Mutex::new(State {
            all: true,
            taken: Mean::default(),
            fastest: f64::INFINITY,
            tried: None,
            compared: false,
            wait: RUNS,
            interval: INTERVAL,
        }))
    }
}

impl ThreadChoice {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the next run is to be made with all threads.
    pub(super) fn all(&self) -> bool {
        let state = self.lock();
        state.all != state.tried.is_some()
    }

    /// Whether runs are made with one thread because all took longer.
    pub(super) fn one_is_faster(&self) -> bool {
        !self.lock().all
    }

    /// A record took so long, with all threads or with one.
    pub(super) fn took(&self, all: bool, seconds: f64) {
        self.lock().took(all, seconds);
    }
}

impl State {
    fn took(&mut self, all: bool, seconds: f64) {
        if all {
            // Forgets slowly: the system may have become slower for good.
            self.fastest = (self.fastest * 1.0005).min(seconds);
        }
        if all == self.all {
            if self.taken.is_long() {
                // The older half counts less and less.
                self.taken = Mean {
                    runs: self.taken.runs / 2,
                    seconds: self.taken.seconds() * f64::from(self.taken.runs / 2),
                };
            }
            self.taken.add(seconds);
        }
        match &mut self.tried {
            Some(tried) if all != self.all => {
                tried.add(seconds);
                if tried.is_long() {
                    let tried = *tried;
                    self.compare(tried);
                }
            }
            // A run that another caller began before the comparison.
            Some(_) => {}
            None if self.wait > 0 => self.wait -= 1,
            None => {
                let disturbed = self.taken.seconds() > DISTURBED * self.fastest;
                if !self.all || !self.compared || disturbed {
                    self.tried = Some(Mean::default());
                } else {
                    self.wait = INTERVAL;
                }
            }
        }
    }

    fn compare(&mut self, tried: Mean) {
        if tried.seconds() < BETTER * self.taken.seconds() {
            (self.all, self.taken, self.interval) = (!self.all, tried, INTERVAL);
        } else {
            self.interval = (2 * self.interval).min(MOST);
        }
        (self.tried, self.compared, self.wait) = (None, true, self.interval);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Makes `runs` runs, whose seconds a function of the way and the run tells; how many were made with all threads, and
    /// what all took together.
    fn make(choice: &ThreadChoice, runs: usize, seconds: impl Fn(bool, usize) -> f64) -> (usize, f64) {
        let (mut with_all, mut total) = (0, 0.0);
        for run in 0..runs {
            let all = choice.all();
            let took = seconds(all, run);
            choice.took(all, took);
            with_all += usize::from(all);
            total += took;
        }
        (with_all, total)
    }

    #[test]
    fn undisturbed_one_thread_is_tried_once() {
        let choice = ThreadChoice::default();
        // 6 and 11 ms, and a little noise.
        let took = |all, run: usize| if all { 0.006 + 0.0002 * (run % 3) as f64 } else { 0.011 };
        let (all, _) = make(&choice, 5000, took);
        assert_eq!(all, 5000 - RUNS as usize);
        assert!(!choice.one_is_faster());
    }

    #[test]
    fn what_is_always_slower_with_all_is_found() {
        let choice = ThreadChoice::default();
        let (all, _) = make(&choice, 100_000, |all, _| if all { 60e-6 } else { 33e-6 });
        // 20 ms of comparison at a time, ever more seldom.
        assert!(choice.one_is_faster() && all < 40_000, "{all}");
    }

    #[test]
    fn a_busy_while_costs_little_and_is_forgotten() {
        let choice = ThreadChoice::default();
        let idle = |all, _| if all { 0.5e-3 } else { 0.9e-3 };
        make(&choice, 1000, idle);
        assert!(!choice.one_is_faster());
        // Every fifth run with all threads waits for one that was put aside.
        let busy = |all, run: usize| match (all, run % 5) {
            (true, 0) => 4.5e-3,
            (true, _) => 0.5e-3,
            (false, _) => 0.9e-3,
        };
        let (_, seconds) = make(&choice, 5000, busy);
        assert!(choice.one_is_faster());
        assert!(seconds < 1.06 * 5000.0 * 0.9e-3, "{seconds}");
        let (all, _) = make(&choice, 3000, idle);
        assert!(!choice.one_is_faster() && all > 1500, "{all}");
    }
}
