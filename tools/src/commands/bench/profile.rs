//! Profiled runs added up, by operation, block and node.

use efficientecg::{Cost, Peaks, Profile, Span};
use serde::Serialize;

#[derive(Serialize)]
pub(super) struct Report {
    pub(super) profiled: usize,
    /// The faster half of them: the figures are their mean, so that what other programs did in between weighs less.
    pub(super) runs: usize,
    /// Seconds a run in the engine.
    pub(super) seconds: f64,
    /// What of it no node took: copies, waits, threads that had nothing left to do.
    pub(super) outside: Outside,
    /// What kept the nodes from being timed, or the GPU from computing them.
    pub(super) note: Option<String>,
    pub(super) roofline: Roofline,
    pub(super) operations: Vec<Line>,
    pub(super) blocks: Vec<Line>,
    #[serde(rename = "steps")]
    pub(super) nodes: Vec<Line>,
}

#[derive(Serialize)]
pub(super) struct Outside {
    pub(super) seconds: f64,
    pub(super) share: f64,
}

/// What rates are compared with.
#[derive(Serialize)]
pub(super) struct Roofline {
    pub(super) source: Source,
    /// Threads that were at work at once.
    pub(super) threads: usize,
    /// 2 operations for each multiply-add.
    pub(super) flops: Option<f64>,
    /// Bytes a second from and to memory.
    pub(super) bytes: Option<f64>,
    pub(super) bytes_read: Option<f64>,
    pub(super) bytes_copied: Option<f64>,
}

#[derive(Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Source {
    /// Loops that do nothing else, on as many threads.
    MeasuredPeak,
    /// The best nodes of this profile: what the GPU could do at most is not known.
    BestStep,
}

#[derive(Serialize)]
pub(super) struct Line {
    pub(super) name: String,
    /// Of a node.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) operation: Option<&'static str>,
    /// Of a node on the CPU, where it is a matrix product.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) micro_kernel: Option<&'static str>,
    /// Of a node on a GPU: the variant of its program.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) variant: Option<String>,
    /// Calls a run.
    pub(super) calls: usize,
    /// Seconds a run.
    pub(super) seconds: f64,
    pub(super) share: f64,
    /// Multiply-adds a run.
    pub(super) multiply_adds: u64,
    /// Bytes a run, each operand, weight and result moved once a record.
    pub(super) bytes: u64,
    /// A second, 2 for each multiply-add.
    pub(super) flops: Option<f64>,
    pub(super) bytes_per_second: Option<f64>,
    pub(super) share_of_flops: Option<f64>,
    pub(super) share_of_bytes: Option<f64>,
}

/// What a node, or several, came to over all runs.
#[derive(Clone, Copy, Default)]
struct Sum {
    calls: usize,
    seconds: f64,
    cost: Cost,
}

impl Sum {
    fn add(&mut self, other: &Sum) {
        self.calls += other.calls;
        self.seconds += other.seconds;
        self.cost.macs += other.cost.macs;
        self.cost.read += other.cost.read;
        self.cost.written += other.cost.written;
    }

    fn line(&self, name: &str, runs: usize, total: f64) -> Line {
        let bytes = self.cost.read + self.cost.written;
        let rate = |count: u64| (self.seconds > 0.0).then(|| count as f64 / self.seconds);
        Line {
            name: name.to_owned(),
            operation: None,
            micro_kernel: None,
            variant: None,
            calls: self.calls / runs,
            seconds: self.seconds / runs as f64,
            share: self.seconds / total,
            multiply_adds: self.cost.macs / runs as u64,
            bytes: bytes / runs as u64,
            flops: rate(2 * self.cost.macs),
            bytes_per_second: rate(bytes),
            share_of_flops: None,
            share_of_bytes: None,
        }
    }
}

/// Profiles of the same run: what each came to, and the last of them whole.
pub(super) struct ProfiledRun {
    pub(super) last: Profile,
    /// Seconds, and the sum of each node.
    runs: Vec<(f64, Vec<Sum>)>,
    note: Option<String>,
}

impl ProfiledRun {
    pub(super) fn new(first: Profile) -> ProfiledRun {
        let mut watched = ProfiledRun { last: first, runs: Vec::new(), note: None };
        watched.count();
        watched
    }

    pub(super) fn add(&mut self, next: Profile) {
        self.last = next;
        self.count();
    }

    pub(super) fn runs(&self) -> usize {
        self.runs.len()
    }

    /// Adds the last one up.
    fn count(&mut self) {
        let profile = &self.last;
        let mut sums = vec![Sum::default(); profile.layers.len()];
        for span in &profile.spans {
            let cost = profile.layers[span.node].cost;
            let times = |count: u64| count * span.records as u64;
            let cost = Cost { macs: times(cost.macs), read: times(cost.read), written: times(cost.written) };
            sums[span.node].add(&Sum { calls: 1, seconds: profile.share(span), cost });
        }
        self.runs.push((profile.seconds, sums));
        if self.note.is_none() {
            self.note = profile.note.clone();
        }
    }
}

/// What profiled runs came to. `peaks` measures what the CPU can do on this many threads, if it was the CPU.
pub(super) fn report(watched: &ProfiledRun, peaks: impl FnOnce(usize) -> Peaks) -> Report {
    let ProfiledRun { last, runs: all, note } = watched;
    let mut order: Vec<&(f64, Vec<Sum>)> = all.iter().collect();
    order.sort_by(|a, b| a.0.total_cmp(&b.0));
    let profiled = order.len();
    order.truncate(profiled.div_ceil(2));
    let runs = order.len();
    let wall: f64 = order.iter().map(|(seconds, _)| seconds).sum();
    let mut sums = vec![Sum::default(); last.layers.len()];
    for (_, run) in order {
        sums.iter_mut().zip(run).for_each(|(sum, node)| sum.add(node));
    }
    let inside: f64 = sums.iter().map(|s| s.seconds).sum();
    let total = wall.max(inside);
    let outside = Outside { seconds: (total - inside) / runs as f64, share: (total - inside) / total };

    let timed = sums.iter().any(|s| s.calls > 0);
    let mut nodes = Vec::new();
    let mut operations: Vec<(&str, Sum)> = Vec::new();
    let mut blocks: Vec<(&str, Sum)> = Vec::new();
    for (layer, sum) in last.layers.iter().zip(&sums).filter(|_| timed) {
        let (operation, micro_kernel) = (Some(layer.op), layer.micro_kernel);
        let variant = layer.variant.clone();
        nodes.push(Line { operation, micro_kernel, variant, ..sum.line(&layer.name, runs, total) });
        for (groups, name) in [(&mut operations, layer.op), (&mut blocks, block(&layer.name))] {
            match groups.iter_mut().find(|(n, _)| *n == name) {
                Some((_, group)) => group.add(sum),
                None => groups.push((name, *sum)),
            }
        }
    }
    operations.sort_by(|a, b| b.1.seconds.total_cmp(&a.1.seconds));
    let lines = |groups: Vec<(&str, Sum)>| -> Vec<Line> {
        groups.iter().map(|(name, sum)| sum.line(name, runs, total)).collect()
    };
    let (mut operations, mut blocks) = (lines(operations), lines(blocks));

    let roofline = if last.gpu {
        let best = |rate: fn(&Line) -> Option<f64>| nodes.iter().filter_map(rate).reduce(f64::max);
        Roofline {
            source: Source::BestStep,
            threads: 1,
            flops: best(|l| l.flops),
            bytes: best(|l| l.bytes_per_second),
            bytes_read: None,
            bytes_copied: None,
        }
    } else {
        let peaks = peaks(last.threads);
        Roofline {
            source: Source::MeasuredPeak,
            threads: peaks.threads,
            flops: Some(2.0 * peaks.multiply_adds),
            bytes: peaks.bytes(),
            bytes_read: peaks.read,
            bytes_copied: peaks.copied,
        }
    };
    for line in [&mut operations, &mut blocks, &mut nodes].into_iter().flatten() {
        let share = |rate: Option<f64>, peak: Option<f64>| rate.zip(peak).map(|(r, p)| r / p);
        line.share_of_flops = share(line.flops, roofline.flops);
        line.share_of_bytes = share(line.bytes_per_second, roofline.bytes);
    }
    let (seconds, note) = (wall / runs as f64, note.clone());
    Report { profiled, runs, seconds, outside, note, roofline, operations, blocks, nodes }
}

/// `blocks.3` of `blocks.3.project`, `stem` of `stem`.
fn block(node: &str) -> &str {
    node.strip_prefix("blocks.")
        .and_then(|rest| rest.find('.'))
        .map_or(node, |dot| &node[.."blocks.".len() + dot])
}

/// An event of Chrome's trace format that has a beginning and a duration.
#[derive(Serialize)]
pub(super) struct Event {
    name: String,
    cat: &'static str,
    ph: &'static str,
    /// Microseconds.
    ts: f64,
    dur: f64,
    /// The number of the combination.
    pid: usize,
    /// The thread, or the part of a batch on a GPU.
    tid: usize,
    args: Arguments,
}

#[derive(Serialize)]
struct Arguments {
    records: usize,
    threads: usize,
}

/// The events of one run of `batch` records, the run itself first.
pub(super) fn events(profile: &Profile, number: usize, batch: usize) -> Vec<Event> {
    let end = profile.spans.iter().map(|s| s.start + s.seconds).fold(profile.seconds, f64::max);
    let event = |name: &str, cat, span: &Span| Event {
        name: name.to_owned(),
        cat,
        ph: "X",
        ts: 1e6 * span.start,
        dur: 1e6 * span.seconds,
        pid: number,
        tid: span.track,
        args: Arguments { records: span.records, threads: span.threads },
    };
    let whole =
        Span { node: 0, track: 0, threads: profile.threads, records: batch, start: 0.0, seconds: end };
    let nodes = profile.spans.iter().map(|span| {
        let layer = &profile.layers[span.node];
        event(&layer.name, layer.op, span)
    });
    std::iter::once(event("run", "run", &whole)).chain(nodes).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_of_steps() {
        for (node, want) in
            [("stem", "stem"), ("blocks.12.se", "blocks.12"), ("blocks.0", "blocks.0"), ("head", "head")]
        {
            assert_eq!(block(node), want);
        }
    }
}
