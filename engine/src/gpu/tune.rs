//! Measures the variants of a network's programs on the device, and keeps those that are faster than the defaults.
//!
//! A round runs the batch once for each variant, all nodes in that variant, and notes what each node took by the device's
//! timestamps; the rounds go on until the time is up. What counts is the median. A winner takes the default's place if it is faster
//! by more than noise, and if the self-test holds it right. Before that the storages of activations are compared, and after it submissions
//! of fewer records (`whole.rs`).

use super::check;
use super::device::Device;
use super::error::{DeviceError, GpuError, caught};
use super::network::Network;
use super::timestamps::Timeline;
use super::timing::{Budget, CLEARLY, RUNS, median};
use super::variants::{self, Variants};
use super::wait::block_on;
use super::whole::WholeRun;
use super::{Gpu, Probe, choices, tuned};
use crate::clock::Moment;
use efficientecg_kernels::tensor::Shape;
use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

/// The part of the time that is over when storages have been compared, at the latest, and when variants have; the rest is for the comparison with the
/// reference and for submissions of fewer records.
const STORAGES: f64 = 0.3;
const MEASURING: f64 = 0.7;

/// What became of one kind of node: a program with its operands.
#[derive(Clone, Debug, PartialEq)]
pub struct TunedNode {
    /// The operation.
    pub operation: &'static str,
    /// The first of its nodes.
    pub node: String,
    /// How many nodes are of this kind.
    pub nodes: usize,
    /// The variant of the device's class.
    pub default: String,
    /// The variant from here on: the default, or a faster one.
    pub winner: String,
    /// Seconds of one node by the default, the median; NaN where it had no run.
    pub default_seconds: f64,
    /// Likewise by the winner.
    pub seconds: f64,
}

/// What a tuning came to.
#[derive(Clone, Debug, PartialEq)]
pub struct Tuning {
    /// Kinds of nodes of more than one variant.
    pub nodes: Vec<TunedNode>,
    /// Rounds that were completed.
    pub rounds: usize,
    /// Whole batches by the default variants, in each storage of activations, first in the one that the options ask for. None where there is one
    /// storage, or no time.
    pub storages: Vec<WholeRun>,
    /// Which of the storages is taken, from here on. The nodes are measured in it.
    pub storage: usize,
    /// Whole batches by the variants that won, first in one submission, then in more. None where the options say how many records a submission takes,
    /// or there was no time.
    pub submissions: Vec<WholeRun>,
    /// Which of the submissions is taken, for batches of at most as many records.
    pub taken: usize,
    /// The file that the winners are kept in; none where the platform has no folder for it.
    pub file: Option<std::path::PathBuf>,
}

/// Nodes of one kind while they are measured.
struct Kind {
    nodes: Vec<usize>,
    names: Vec<String>,
    default: usize,
    /// Seconds of one node, a list a variant.
    seconds: Vec<Vec<f64>>,
}

impl Gpu {
    /// Measures the variants on a batch for about so long, and keeps the winners for this and later processes. `progress` is
    /// called with the part of the time that is over. Takes a device of its own beside the one that computes; that one goes on
    /// with the variants that it has.
    ///
    /// # Errors
    /// Where the device fails or has no timestamps. Nothing is kept then.
    pub fn tune(&self, batch: &Probe, seconds: Duration, progress: &dyn Fn(f64)) -> Result<Tuning, GpuError> {
        let failed = |error| GpuError::Device { adapter: self.adapter.name.clone(), error };
        caught(|| self.tune_unguarded(batch, seconds, progress)).unwrap_or_else(|error| Err(failed(error)))
    }

    fn tune_unguarded(
        &self,
        batch: &Probe,
        seconds: Duration,
        progress: &dyn Fn(f64),
    ) -> Result<Tuning, GpuError> {
        let started = Moment::now();
        let adapter = || self.adapter.name.clone();
        let device = block_on(Device::open(&self.options))?;
        if !device.timestamps {
            return Err(GpuError::Timestamps { adapter: adapter() });
        }
        let own = device.traits.storage;
        let failed = |error| GpuError::Device { adapter: adapter(), error };
        let mut network = Network::new(device, &self.graph, &self.options, 0).map_err(failed)?;
        network.variants = Variants::new(network.device.class, network.device.traits, HashMap::new());
        let until = |part: f64| Budget { started, end: seconds.mul_f64(part), all: seconds, progress };
        let (mut network, storages, storage) = self.by_storage(network, batch, &until(STORAGES))?;
        let file = tuned::path(&network.device, &self.options);

        let mut kinds =
            self.kinds(&network, batch).map_err(|e| failed(DeviceError::Driver(e.to_string())))?;
        let most = kinds.values().map(|kind| kind.names.len()).max().unwrap_or(0);
        let mut rounds = 0;
        // What the last run of each took; the first one compiles it.
        let mut took: Vec<Duration> = Vec::new();
        let time = seconds.mul_f64(MEASURING);
        'rounds: while !kinds.is_empty() {
            for variant in 0..most {
                let begun = Moment::now();
                let expected = took.get(variant).or_else(|| took.iter().max()).copied().unwrap_or_default();
                if started.elapsed() + expected > time {
                    break 'rounds;
                }
                network.variants.forced = Some(variant);
                network.forget_plans();
                let nodes = self.timed(&network, batch)?;
                for kind in kinds.values_mut() {
                    let of_kind: f64 = kind.nodes.iter().map(|node| nodes[*node]).sum();
                    let at = variant % kind.names.len();
                    kind.seconds[at].push(of_kind / kind.nodes.len() as f64);
                }
                took.resize(took.len().max(variant + 1), Duration::ZERO);
                took[variant] = begun.elapsed();
                progress((started.elapsed().as_secs_f64() / seconds.as_secs_f64()).min(1.0));
            }
            rounds += 1;
        }
        let nodes = self.settle(&mut network, batch, &kinds)?;
        let (submissions, taken) = self.by_records(&mut network, batch, &until(1.0))?;
        // Now nothing fails any more.
        if let Some(file) = &file {
            let winner = |node: &TunedNode| (node.winner != node.default).then(|| node.winner.clone());
            tuned::keep(file, kinds.keys().cloned().zip(nodes.iter().map(winner)));
        }
        let inputs = |probe: &Probe| -> Vec<Shape> { probe.inputs.iter().map(|(s, _)| *s).collect() };
        let fingerprint = choices::fingerprint(&self.graph, &inputs(&self.probe));
        if !storages.is_empty() {
            let other = Some(network.device.traits.storage).filter(|storage| *storage != own);
            choices::keep_storage(&network.device, &self.options, fingerprint, other);
        }
        if let Some(run) = submissions.get(taken) {
            let records = (taken > 0).then_some((run.records, batch.batch));
            choices::keep_records(&network.device, &self.options, (fingerprint, &inputs(batch)), records);
        }
        progress(1.0);
        Ok(Tuning { nodes, rounds, storages, storage, submissions, taken, file })
    }

    /// The nodes of more than one variant, by what makes them one kind.
    fn kinds(&self, network: &Network, batch: &Probe) -> Result<BTreeMap<String, Kind>, crate::EngineError> {
        let inputs: Vec<Shape> = batch.inputs.iter().map(|(shape, _)| *shape).collect();
        let (shapes, _) = super::layout::shapes(&self.graph, &inputs, batch.batch, &network.variants)?;
        let mut kinds: BTreeMap<String, Kind> = BTreeMap::new();
        for (at, node) in self.graph.nodes().iter().enumerate() {
            let shader = node.op.shader();
            let names = shader.variants(network.device.traits);
            if names.len() < 2 {
                continue;
            }
            let operands: Vec<Shape> = node.inputs().iter().map(|v| shapes[v.index()]).collect();
            let default = network.variants.choose(shader.as_ref(), &operands, batch.batch);
            let key = variants::key(shader.as_ref(), &operands, network.device.traits);
            let seconds = vec![Vec::new(); names.len()];
            kinds.entry(key).or_insert(Kind { nodes: Vec::new(), names, default, seconds }).nodes.push(at);
        }
        Ok(kinds)
    }

    /// What each node of a run took, in seconds.
    fn timed(&self, network: &Network, batch: &Probe) -> Result<Vec<f64>, GpuError> {
        let mut timeline = Timeline::default();
        self.once(network, batch, Some(&mut timeline))?;
        let failed = |text: String| GpuError::Device {
            adapter: self.adapter.name.clone(),
            error: DeviceError::Driver(text),
        };
        let profile = timeline.profile(0.0);
        if let Some(note) = profile.note {
            return Err(failed(note));
        }
        let mut nodes = vec![0.0; self.graph.nodes().len()];
        profile.spans.iter().for_each(|span| nodes[span.node] += span.seconds);
        Ok(nodes)
    }

    /// The winners, each held against the reference: where a node is wrong, its kind keeps the default.
    fn settle(
        &self,
        network: &mut Network,
        batch: &Probe,
        kinds: &BTreeMap<String, Kind>,
    ) -> Result<Vec<TunedNode>, GpuError> {
        let mut winners: Vec<usize> = kinds.values().map(Kind::winner).collect();
        let checked = Probe {
            batch: 1,
            inputs: batch.inputs.iter().map(|(s, data)| (*s, data[..s.len()].to_vec())).collect(),
        };
        loop {
            let tuned = kinds.iter().zip(&winners).map(|((key, k), w)| (key.clone(), k.names[*w].clone()));
            network.variants = Variants::new(network.device.class, network.device.traits, tuned.collect());
            network.forget_plans();
            let found = check::check(network, &self.graph, &checked, self.options.precision);
            let (node, error) = match block_on(found) {
                Ok(()) => break,
                Err(GpuError::Wrong { node, adapter, error, tolerance }) => {
                    (node.clone(), GpuError::Wrong { node, adapter, error, tolerance })
                }
                Err(error) => return Err(error),
            };
            let at = self.graph.nodes().iter().position(|n| n.label == node);
            let kind = kinds.values().position(|kind| at.is_some_and(|at| kind.nodes.contains(&at)));
            match kind {
                Some(kind) if winners[kind] != kinds.values().nth(kind).map_or(0, |k| k.default) => {
                    (self.options.warn)(&format!("{error}; it keeps its default variant"));
                    winners[kind] = kinds.values().nth(kind).map_or(0, |k| k.default);
                }
                _ => return Err(error),
            }
        }
        let node = |(kind, winner): (&Kind, usize)| {
            let first = &self.graph.nodes()[kind.nodes[0]];
            TunedNode {
                operation: first.op.contract().name(),
                node: first.label.clone(),
                nodes: kind.nodes.len(),
                default: kind.names[kind.default].clone(),
                winner: kind.names[winner].clone(),
                default_seconds: median(&kind.seconds[kind.default]),
                seconds: median(&kind.seconds[winner]),
            }
        };
        Ok(kinds.values().zip(winners).map(node).collect())
    }
}

impl Kind {
    /// The fastest variant, if it is clearly faster than the default, and both had their runs.
    fn winner(&self) -> usize {
        let enough = |at: &usize| self.seconds[*at].len() >= RUNS;
        let default = median(&self.seconds[self.default]);
        let best = (0..self.names.len())
            .filter(enough)
            .min_by(|a, b| median(&self.seconds[*a]).total_cmp(&median(&self.seconds[*b])));
        match best {
            Some(best) if enough(&self.default) && median(&self.seconds[best]) < CLEARLY * default => best,
            _ => self.default,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_winner_is_clearly_faster_and_was_measured_often_enough() {
        let kind = |seconds: [&[f64]; 3]| Kind {
            nodes: vec![0],
            names: ["a", "b", "c"].map(str::to_owned).to_vec(),
            default: 1,
            seconds: seconds.map(<[f64]>::to_vec).to_vec(),
        };
        assert_eq!(kind([&[0.5, 0.5, 9.0], &[1.0; 3], &[2.0; 3]]).winner(), 0);
        assert_eq!(kind([&[0.98; 3], &[1.0; 3], &[2.0; 3]]).winner(), 1);
        assert_eq!(kind([&[0.1; 2], &[1.0; 3], &[0.9; 4]]).winner(), 2);
        assert_eq!(kind([&[0.1; 3], &[1.0; 2], &[2.0; 3]]).winner(), 1);
        assert_eq!(kind([&[], &[], &[]]).winner(), 1);
    }
}
