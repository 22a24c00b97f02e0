//! Where the time of a run goes: the run itself, watched step by step.
//!
//! A back end is generic over `Watch`, so that a run that nobody watches is compiled without a clock.

use crate::clock::Moment;
use std::sync::{Mutex, PoisonError};

/// A stretch of time in which one step was computed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Span {
    /// The step's place in [`crate::Graph::steps`].
    pub step: usize,
    /// Who computed it: a thread's number, or the number of the part of a batch on a GPU.
    pub lane: usize,
    /// Threads that computed it together; 1 on a GPU.
    pub threads: usize,
    /// Records that it was computed for.
    pub records: usize,
    /// When it began, in seconds from the start of the run; on a GPU from the start of its first step.
    pub start: f64,
    /// How long it took, in seconds: on the team until its last thread was done.
    pub seconds: f64,
}

/// What a profiled run tells.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Profile {
    /// In the order of their ends in each lane. Empty where steps cannot be timed.
    pub spans: Vec<Span>,
    /// How long the run took, with its copies and waits.
    pub seconds: f64,
    /// Threads that shared the time; 1 on a GPU.
    pub threads: usize,
    /// Whether a GPU computed it.
    pub gpu: bool,
    /// What kept the steps from being timed, or the GPU from computing them.
    pub note: Option<String>,
}

/// Someone who may look at a clock between the steps of a run.
pub(crate) trait Watch: Sync {
    /// A moment.
    type Mark: Copy;
    /// Now.
    fn mark(&self) -> Self::Mark;
    /// A step took from `since` to now for one record; gives now.
    fn took(&self, step: usize, lane: usize, threads: usize, since: Self::Mark) -> Self::Mark;
}

/// Nobody.
pub(crate) struct Unwatched;

impl Watch for Unwatched {
    type Mark = ();
    #[inline(always)]
    fn mark(&self) {}
    #[inline(always)]
    fn took(&self, _: usize, _: usize, _: usize, (): ()) {}
}

/// Someone with the processor's clock.
pub(crate) struct Stopwatch {
    start: Moment,
    lanes: Vec<Mutex<Vec<Span>>>,
}

impl Stopwatch {
    /// Starts a run of `threads` threads.
    pub(crate) fn start(threads: usize) -> Stopwatch {
        let lanes = (0..threads).map(|_| Mutex::default()).collect();
        Stopwatch { start: Moment::now(), lanes }
    }

    /// Ends the run.
    pub(crate) fn stop(self) -> Profile {
        let seconds = self.start.elapsed().as_secs_f64();
        let threads = self.lanes.len();
        let spans =
            self.lanes.into_iter().flat_map(|l| l.into_inner().unwrap_or_else(PoisonError::into_inner));
        Profile { spans: spans.collect(), seconds, threads, gpu: false, note: None }
    }
}

impl Watch for Stopwatch {
    type Mark = Moment;

    fn mark(&self) -> Moment {
        Moment::now()
    }

    fn took(&self, step: usize, lane: usize, threads: usize, since: Moment) -> Moment {
        let now = Moment::now();
        let seconds = |from: Moment, to: Moment| to.since(from).as_secs_f64();
        let (start, seconds) = (seconds(self.start, since), seconds(since, now));
        let span = Span { step, lane, threads, records: 1, start, seconds };
        self.lanes[lane].lock().unwrap_or_else(PoisonError::into_inner).push(span);
        // What writing it down took belongs to no step.
        Moment::now()
    }
}
