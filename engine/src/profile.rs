//! Where the time of a run goes: the run itself, with a recorder of its nodes. Other runs look at no clock between nodes.

use crate::clock::Moment;
use std::sync::{Mutex, PoisonError};

/// A span of time in which one node was computed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Span {
    /// The node's place in [`crate::Graph::nodes`].
    pub node: usize,
    /// Who computed it: a thread's number, or the number of the part of a batch on a GPU.
    pub track: usize,
    /// Threads that computed it together; 1 on a GPU.
    pub threads: usize,
    /// Records that it was computed for.
    pub records: usize,
    /// When it began, in seconds from the start of the run; on a GPU from the start of its first node.
    pub start: f64,
    /// How long it took, in seconds: on the pool until its last thread was done.
    pub seconds: f64,
}

/// What a profiled run tells.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NodeProfile {
    /// In the order of their ends in each track. Empty where nodes cannot be timed.
    pub spans: Vec<Span>,
    /// How long the run took, with its copies and waits.
    pub seconds: f64,
    /// Threads that shared the time; 1 on a GPU.
    pub threads: usize,
    /// Whether a GPU computed it.
    pub gpu: bool,
    /// On a GPU the variant of each node, in the order of [`crate::Graph::nodes`]; empty on a CPU.
    pub variants: Vec<String>,
    /// What kept the nodes from being timed, or the GPU or all threads from computing them.
    pub note: Option<String>,
}

/// Measures the nodes of a run.
pub(crate) struct Recorder {
    start: Moment,
    tracks: Vec<Mutex<Vec<Span>>>,
}

impl Recorder {
    /// Starts a run of `threads` threads.
    pub(crate) fn start(threads: usize) -> Recorder {
        let tracks = (0..threads).map(|_| Mutex::default()).collect();
        Recorder { start: Moment::now(), tracks }
    }

    /// Ends the run.
    pub(crate) fn stop(self) -> NodeProfile {
        let seconds = self.start.elapsed().as_secs_f64();
        let threads = self.tracks.len();
        let spans =
            self.tracks.into_iter().flat_map(|l| l.into_inner().unwrap_or_else(PoisonError::into_inner));
        NodeProfile { spans: spans.collect(), seconds, threads, gpu: false, variants: Vec::new(), note: None }
    }

    /// A node took from `since` to now for one record; gives now.
    pub(crate) fn took(&self, node: usize, track: usize, threads: usize, since: Moment) -> Moment {
        let now = Moment::now();
        let seconds = |from: Moment, to: Moment| to.since(from).as_secs_f64();
        let (start, seconds) = (seconds(self.start, since), seconds(since, now));
        let span = Span { node, track, threads, records: 1, start, seconds };
        self.tracks[track].lock().unwrap_or_else(PoisonError::into_inner).push(span);
        // What writing it down took belongs to no node.
        Moment::now()
    }
}
