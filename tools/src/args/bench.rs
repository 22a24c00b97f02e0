//! The options of `efficientecg bench`: those of other commands, as lists to sweep over.

#[cfg(feature = "gpu")]
use super::model::GpuArguments;
use super::{BackendName, Network, PrecisionName, Tables, lead_pair, level};
use crate::error::Failure;
use clap::Args;
use efficientecg::{Level, Options, available_threads};
use std::path::PathBuf;

#[derive(Args)]
pub(crate) struct Bench {
    #[command(flatten)]
    network: Option<Network>,
    /// Where to run
    #[arg(long, value_enum, default_value = "auto")]
    backend: BackendName,
    /// Storage and products of weights and activations; sums are always f32
    #[arg(long, value_name = "LIST", value_enum, value_delimiter = ',', default_value = "f32")]
    precision: Vec<PrecisionName>,
    /// Threads [default: the cores that the process may use]
    #[arg(long, value_name = "LIST", value_delimiter = ',', value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Vec<u16>,
    /// Records to run at once
    #[arg(long, value_name = "LIST", value_delimiter = ',', default_value = "1", value_parser = clap::value_parser!(u32).range(1..))]
    batch: Vec<u32>,
    /// Samples of a record [default: the configuration's]
    #[arg(long, value_name = "LIST", value_delimiter = ',', value_parser = clap::value_parser!(u32).range(1..))]
    samples: Vec<u32>,
    /// Instruction sets of the cpu back end [default: the best there is]
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    level: Vec<String>,
    #[cfg(feature = "gpu")]
    #[command(flatten)]
    gpu: GpuArguments,
    /// How long to time each combination [default: 3]
    #[arg(long, value_name = "S", value_parser = seconds, allow_negative_numbers = true, conflicts_with = "runs")]
    seconds: Option<f64>,
    /// How many runs of each combination to time
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000_000))]
    runs: Option<u32>,
    /// Show where the time goes, by operation, block and node, beside the machine's measured peaks
    #[arg(long)]
    pub(crate) profile: bool,
    /// Write one run of each combination, node by node, as a trace for Chrome or Perfetto
    #[arg(long, value_name = "FILE")]
    pub(crate) trace: Option<PathBuf>,
    /// Time the classification of this record as well: reading, preprocessing and network apart
    #[arg(long, value_name = "RECORD")]
    pub(crate) record: Option<PathBuf>,
    /// Let a lead of that record stand for one of the model's, as V1=V5; #2 is the record's second. Several are separated by commas
    #[arg(long = "lead", value_name = "MODEL=RECORD", value_parser = lead_pair, value_delimiter = ',', requires = "record")]
    pub(crate) leads: Vec<(String, String)>,
    #[command(flatten)]
    pub(crate) tables: Tables,
    /// Print as JSON
    #[arg(long)]
    pub(crate) json: bool,
    /// List the options and environment variables that change speed
    #[arg(long)]
    pub(crate) list_knobs: bool,
}

/// The most rows of a report.
const COMBINATIONS: usize = 10_000;

/// When enough runs are timed.
#[derive(Clone, Copy)]
pub(crate) enum Until {
    Seconds(f64),
    Runs(usize),
}

/// A way to make the model ready.
pub(crate) struct Setup {
    pub(crate) options: Options,
    pub(crate) threads: usize,
    pub(crate) level: Level,
}

fn seconds(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(s) if s > 0.0 && s <= 86_400.0 => Ok(s),
        _ => Err("expected more than 0 seconds, at most a day's".to_owned()),
    }
}

impl Bench {
    pub(crate) fn network(&self) -> Result<&Network, Failure> {
        let none = || Failure::usage("bench: expected --model NAME or --weights W; see efficientecg --help");
        self.network.as_ref().ok_or_else(none)
    }

    pub(crate) fn until(&self) -> Until {
        match self.runs {
            Some(runs) => Until::Runs(runs as usize),
            None => Until::Seconds(self.seconds.unwrap_or(3.0)),
        }
    }

    pub(crate) fn batches(&self) -> Vec<usize> {
        self.batch.iter().map(|b| *b as usize).collect()
    }

    pub(crate) fn samples(&self, configured: usize) -> Vec<usize> {
        if self.samples.is_empty() {
            return vec![configured];
        }
        self.samples.iter().map(|s| *s as usize).collect()
    }

    /// Every combination of what needs a model of its own.
    pub(crate) fn setups(&self) -> Result<Vec<Setup>, Failure> {
        let levels = match self.level.as_slice() {
            [] => vec![Level::best()],
            names => names.iter().map(|name| level(name)).collect::<Result<_, _>>()?,
        };
        let threads: Vec<usize> = match self.threads.as_slice() {
            [] => vec![available_threads()],
            counts => counts.iter().map(|n| usize::from(*n)).collect(),
        };
        let lists = [self.precision.len(), levels.len(), threads.len(), self.samples.len(), self.batch.len()];
        let all = lists.iter().try_fold(1usize, |all, n| all.checked_mul((*n).max(1)));
        if all.is_none_or(|all| all > COMBINATIONS) {
            let line = format!("the lists make more than {COMBINATIONS} combinations; shorten them");
            return Err(Failure::usage(line));
        }
        let mut setups = Vec::new();
        for precision in &self.precision {
            let precision = precision.precision();
            for level in &levels {
                for threads in &threads {
                    let options = Options::new().backend(self.backend.backend()).precision(precision);
                    let options = options.threads(*threads).level(*level);
                    #[cfg(feature = "gpu")]
                    let options = options.gpu(self.gpu.options(None)?);
                    setups.push(Setup { options, threads: *threads, level: *level });
                }
            }
        }
        Ok(setups)
    }
}
