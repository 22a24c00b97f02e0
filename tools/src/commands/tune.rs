//! `efficientecg tune`: measures the variants of a GPU's programs for the shapes of a network, and keeps the winners.

use crate::args::Tune;
use crate::error::Failure;
use crate::out::{self, Progress};
use efficientecg::{TunedNode, WholeRun};
use serde::Serialize;

#[derive(Serialize)]
struct Report {
    device: String,
    batch: usize,
    rounds: usize,
    /// Kinds of nodes whose default was not the fastest.
    changed: usize,
    /// Where the winners are kept; null if nowhere.
    file: Option<String>,
    nodes: Vec<Row>,
    /// Whole batches in each storage of activations, by the default variants; none where there is one storage, or no time.
    storages: Vec<WholeBatch>,
    /// Whole batches by the winners, in one submission and in more; none where there was no time.
    submissions: Vec<WholeBatch>,
}

#[derive(Serialize)]
struct WholeBatch {
    storage: &'static str,
    /// The most records of a submission.
    records: usize,
    seconds: f64,
    /// Whether it is so from here on.
    taken: bool,
}

#[derive(Serialize)]
struct Row {
    operation: &'static str,
    node: String,
    nodes: usize,
    default: String,
    winner: String,
    /// Of one node; null where there was no time for a run.
    default_seconds: Option<f64>,
    seconds: Option<f64>,
}

pub(crate) fn run(args: &Tune) -> Result<(), Failure> {
    let model = args.network.load(&args.options()?)?;
    let seconds = args.time().as_secs();
    let progress = Progress::new("seconds", seconds as usize);
    let tuned =
        model.tune(args.records(), args.time(), &|part| progress.at((part * seconds as f64) as usize));
    drop(progress);
    let Some(tuned) = tuned else {
        let device = model.device();
        return Err(Failure::Check(format!("there is nothing to tune: the network runs on {device}")));
    };
    let tuned = tuned.map_err(|e| Failure::Check(e.to_string()))?;
    let finite = |seconds: f64| seconds.is_finite().then_some(seconds);
    let row = |n: TunedNode| Row {
        operation: n.operation,
        node: n.node,
        nodes: n.nodes,
        default: n.default,
        winner: n.winner,
        default_seconds: finite(n.default_seconds),
        seconds: finite(n.seconds),
    };
    let nodes: Vec<Row> = tuned.nodes.into_iter().map(row).collect();
    let whole = |runs: Vec<WholeRun>, taken: usize| {
        let one = |(at, WholeRun { storage, records, seconds })| WholeBatch {
            storage,
            records,
            seconds,
            taken: at == taken,
        };
        runs.into_iter().enumerate().map(one).collect::<Vec<_>>()
    };
    let report = Report {
        device: model.device(),
        batch: args.records(),
        rounds: tuned.rounds,
        changed: nodes.iter().filter(|n| n.winner != n.default).count(),
        file: tuned.file.map(|file| file.display().to_string()),
        nodes,
        storages: whole(tuned.storages, tuned.storage),
        submissions: whole(tuned.submissions, tuned.taken),
    };
    if args.json {
        out::json(&report)?;
    } else {
        out::text(&table(&report))?;
    }
    Ok(())
}

fn table(report: &Report) -> String {
    let time = |seconds: Option<f64>| seconds.map_or("-".to_owned(), |s| format!("{:.1}", 1e6 * s));
    let line = |cells: [&str; 7]| {
        let [operation, node, nodes, default, before, winner, after] = cells;
        format!("{operation:11} {node:22} {nodes:>5}  {default:20} {before:>10}  {winner:20} {after:>10}\n")
    };
    let mut text = format!("{}, {} records, {} rounds\n\n", report.device, report.batch, report.rounds);
    text += &line(["operation", "first node", "nodes", "default", "us", "winner", "us"]);
    for n in &report.nodes {
        let (nodes, before, after) = (n.nodes.to_string(), time(n.default_seconds), time(n.seconds));
        text += &line([n.operation, &n.node, &nodes, &n.default, &before, &n.winner, &after]);
    }
    text += &format!("\n{:14} {:>22} {:>14}\n", "storage", "records a submission", "ms a batch");
    for WholeBatch { storage, records, seconds, taken } in report.storages.iter().chain(&report.submissions) {
        let taken = if *taken { "  taken" } else { "" };
        text += &format!("{storage:14} {records:>22} {:>14.2}{taken}\n", 1e3 * seconds);
    }
    // One record cannot be cut.
    if report.submissions.is_empty() && report.batch > 1 {
        text += "there was no time for submissions of fewer records: give it more seconds\n";
    }
    let kept = match &report.file {
        Some(file) => format!("kept in {file}"),
        None => "kept nowhere, for want of a folder for caches".to_owned(),
    };
    text + &format!("\n{} of {} differ from the default; {kept}\n", report.changed, report.nodes.len())
}
