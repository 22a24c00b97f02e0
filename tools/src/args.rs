//! The command line.

use crate::error::Failure;
use crate::out;
use clap::{Args, Parser, Subcommand, ValueEnum};
use efficientecg::classify::Unit;
use efficientecg::{Backend, Level, Model, Options, Precision, available_threads};
use std::path::PathBuf;

mod bench;
mod evaluate;
mod network;

pub(crate) use bench::{Bench, Setup, Until};
pub(crate) use evaluate::{
    BeatsEvaluation, EpisodesEvaluation, Evaluate, Kind, RecordsEvaluation, ReportArguments, What,
};
pub(crate) use network::{Configured, Network};

/// EfficientECG: classify ECG records, run and check networks.
#[derive(Parser)]
#[command(name = "efficientecg", version, about, arg_required_else_help = true)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Classify the beats of ECG records, or the records
    Classify(Classify),
    /// Write the inputs that a network gets of ECG records: signals and features, for run and for training
    Features(Features),
    /// Score beats or classes, whatever program gave them
    Evaluate(Evaluate),
    /// Write an ECG record in another format: WFDB, EDF, BDF, CSV or TSV
    #[cfg(feature = "formats")]
    Convert(Convert),
    /// Make a synthetic two-lead ECG with known beats
    Synth(Synth),
    /// Run a network on arrays, without preprocessing
    Run(Run),
    /// Run a network on reference inputs and compare with the reference outputs
    Verify(Verify),
    /// Measure a network's latency and throughput, and where the time goes
    #[command(mut_group("Network", |group| group.required(false)))]
    Bench(Bench),
    /// Show a network's layers and this machine's devices, or the models that come with the program
    #[command(mut_group("Network", |group| group.required(false)))]
    Info(Info),
}

impl Command {
    /// What can be said of the arguments without a file or a device.
    pub(crate) fn check(&self) -> Result<(), Failure> {
        let model = match self {
            Command::Classify(a) => &a.model,
            Command::Run(a) => &a.model,
            Command::Verify(a) => &a.model,
            Command::Bench(a) => return a.setups().map(drop),
            #[cfg(feature = "formats")]
            Command::Convert(_) => return Ok(()),
            Command::Features(_) | Command::Evaluate(_) | Command::Synth(_) | Command::Info(_) => {
                return Ok(());
            }
        };
        model.options().map(drop)
    }
}

#[derive(Args)]
pub(crate) struct Classify {
    #[command(flatten)]
    pub(crate) model: ModelArguments,
    #[command(flatten)]
    pub(crate) records: Records,
    #[command(flatten)]
    pub(crate) reading: Reading,
    /// Folder for the findings of each record: RECORD.txt, .json, .csv, .svg or .ANNOTATOR
    #[arg(long, value_name = "FOLDER")]
    pub(crate) output: Option<PathBuf>,
    /// What to write into the folder
    #[arg(long, value_enum, value_name = "FORMAT", default_value = "csv", requires = "output")]
    pub(crate) format: Format,
    /// The annotator's name for --format wfdb
    #[arg(long, value_name = "NAME", default_value = "aami", value_parser = annotator)]
    pub(crate) annotator: String,
    /// A table of all records: record, class, a probability for each class (for models of whole records)
    #[arg(long, value_name = "FILE.csv")]
    pub(crate) table: Option<PathBuf>,
    /// Print all findings as JSON instead of a summary
    #[arg(long)]
    pub(crate) json: bool,
}

/// Which records: those on the command line, then those of a list.
#[derive(Args)]
pub(crate) struct Records {
    /// Files of ECG records, WFDB's with or without .hea; a folder or a quoted pattern is all in it, - is standard input
    #[arg(value_name = "RECORD", required_unless_present = "list")]
    pub(crate) named: Vec<PathBuf>,
    /// A text file of further records, one path a line; - is standard input
    #[arg(long = "records", value_name = "FILE")]
    pub(crate) list: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) tables: Tables,
}

/// What a table of samples does not say itself.
#[derive(Args)]
pub(crate) struct Tables {
    /// Samples a second of a CSV or TSV file, over its column of times
    #[arg(long, value_name = "HZ", value_parser = rate)]
    pub(crate) rate: Option<f64>,
    /// Unit of a CSV or TSV file, unless it says one [default: mV]
    #[arg(long, value_name = "UNIT")]
    pub(crate) unit: Option<String>,
    /// Names of a CSV or TSV file's columns, as time,II,V1, for files that have none
    #[arg(long = "leads", value_name = "NAMES", value_delimiter = ',')]
    pub(crate) names: Vec<String>,
}

/// How a record is read.
#[derive(Args)]
pub(crate) struct Reading {
    /// Take the beats from RECORD.ANNOTATOR instead of finding them
    #[arg(long, value_name = "ANNOTATOR")]
    pub(crate) beats: Option<String>,
    /// Classify every beat, or each record as a whole [default: beats if the classes are N S V F Q]
    #[arg(long, value_enum)]
    pub(crate) per: Option<Per>,
    /// Let a lead of the record stand for one of the model's, as V1=V5; #2 is the record's second
    #[arg(long = "lead", value_name = "MODEL=RECORD", value_parser = lead_pair)]
    pub(crate) leads: Vec<(String, String)>,
    /// The patient's age in years, over what the record says
    #[arg(long, value_name = "YEARS", value_parser = age)]
    pub(crate) age: Option<f64>,
    /// The patient's sex, over what the record says
    #[arg(long, value_enum)]
    pub(crate) sex: Option<SexName>,
    /// A table with the columns record, age, sex, or PTB-XL's own, over what the records say
    #[arg(long, value_name = "FILE.csv")]
    pub(crate) patients: Option<PathBuf>,
    /// Classify whatever the quality of the signal: to compare networks, not to learn of a patient
    #[arg(long)]
    pub(crate) any_quality: bool,
}

#[derive(Args)]
pub(crate) struct Features {
    #[command(flatten)]
    pub(crate) network: Configured,
    #[command(flatten)]
    pub(crate) records: Records,
    #[command(flatten)]
    pub(crate) reading: Reading,
    /// Where `signal` [B, leads, T], `age`, `sex`, `rhythm` and `rhythm_steps` go, as run --input takes them
    #[arg(long, value_name = "X.npz")]
    pub(crate) output: PathBuf,
    /// Write the features alone: records may then differ in length
    #[arg(long)]
    pub(crate) no_signal: bool,
    /// Threads at most [default, and most: the cores that the process may use]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(crate) threads: Option<u16>,
    /// Print a summary as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// From a file to another.
#[cfg(feature = "formats")]
#[derive(Args)]
pub(crate) struct Convert {
    /// The record to read; - is standard input
    #[arg(value_name = "RECORD")]
    pub(crate) input: PathBuf,
    /// The file to write: its ending, .hea, .edf, .bdf, .csv or .tsv, is its format
    #[arg(value_name = "FILE")]
    pub(crate) output: PathBuf,
    #[command(flatten)]
    pub(crate) tables: Tables,
}

#[derive(Args)]
pub(crate) struct Synth {
    /// Folder for NAME.hea, NAME.dat and the beats in NAME.atr
    #[arg(long, value_name = "FOLDER")]
    pub(crate) output: PathBuf,
    /// The record's name
    #[arg(long, default_value = "demo")]
    pub(crate) name: String,
    /// Duration
    #[arg(long, default_value_t = 90.0)]
    pub(crate) seconds: f64,
    /// Beats a minute
    #[arg(long, value_name = "RATE", default_value_t = 72.0)]
    pub(crate) heart_rate: f64,
    /// Seed of all that is random
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
}

/// What to classify.
#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum Per {
    Beat,
    Record,
}

impl Per {
    pub(crate) fn unit(self) -> Unit {
        match self {
            Per::Beat => Unit::Beat,
            Per::Record => Unit::Record,
        }
    }
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum SexName {
    Female,
    Male,
}

/// A form of findings in a file.
#[derive(Clone, Copy, PartialEq, ValueEnum)]
pub(crate) enum Format {
    /// Aligned columns
    Text,
    /// One object
    Json,
    /// sample, seconds, class, a probability for each class
    Csv,
    /// A WFDB annotation file, for bxb and its kin
    Wfdb,
    /// A picture: the first lead with the class of each beat
    Svg,
}

fn lead_pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((model, record)) if !model.is_empty() && !record.is_empty() => {
            Ok((model.to_owned(), record.to_owned()))
        }
        _ => Err("expected MODEL=RECORD, such as V1=V5".to_owned()),
    }
}

fn rate(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(rate) if rate > 0.0 && rate.is_finite() => Ok(rate),
        _ => Err("expected more than 0 samples a second".to_owned()),
    }
}

pub(crate) fn age(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(age) if (0.0..=150.0).contains(&age) => Ok(age),
        _ => Err("expected years from 0 to 150".to_owned()),
    }
}

fn annotator(text: &str) -> Result<String, String> {
    let fits = !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric());
    let taken = ["hea", "dat", "mat", "atr", "txt"].contains(&text);
    if fits && !taken {
        Ok(text.to_owned())
    } else {
        Err("expected a name of letters and digits, not that of a WFDB file such as atr".to_owned())
    }
}

#[derive(Args)]
pub(crate) struct Run {
    #[command(flatten)]
    pub(crate) model: ModelArguments,
    /// Arrays to run on: an .npz with `signal` [B, leads, T] and the features
    #[arg(long, value_name = "X.npz")]
    pub(crate) input: PathBuf,
    /// Where `logits` and `probabilities` [B, classes] go
    #[arg(long, value_name = "Y.npz")]
    pub(crate) output: PathBuf,
    /// Run the other records if some are refused (not finite, out of range): their rows are NaN, the exit code is 1
    #[arg(long)]
    pub(crate) keep_going: bool,
    /// Print a summary as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args)]
pub(crate) struct Verify {
    #[command(flatten)]
    pub(crate) model: ModelArguments,
    /// The inputs with the `logits` and `tap.NAME` arrays expected of them
    #[arg(long, value_name = "R.npz")]
    pub(crate) reference: PathBuf,
    /// Print the errors as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args)]
pub(crate) struct Info {
    /// Without a network: this machine's devices, and the models that come with the program
    #[command(flatten)]
    pub(crate) network: Option<Network>,
    /// Samples of the record that the figures are for (default: the configuration's)
    #[arg(long, value_name = "T", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) samples: Option<u32>,
    /// Print as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// What every command that runs a model takes.
#[derive(Args)]
pub(crate) struct ModelArguments {
    #[command(flatten)]
    network: Network,
    /// Where to run
    #[arg(long, value_enum, default_value = "auto")]
    backend: BackendName,
    /// Storage and products of weights and activations; sums are always f32
    #[arg(long, value_enum, default_value = "f32")]
    precision: PrecisionName,
    /// Threads at most [default, and most: the cores that the process may use]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
    /// Records, or windows of beats, to run at once [default: all records, 64 windows]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    batch: Option<u32>,
    /// Instruction set of the cpu back end [default: the best there is]
    #[arg(long, value_name = "LEVEL")]
    level: Option<String>,
    #[cfg(feature = "gpu")]
    #[command(flatten)]
    gpu: GpuArguments,
}

/// How a GPU is chosen and used.
#[cfg(feature = "gpu")]
#[derive(Args)]
struct GpuArguments {
    /// The GPU by its number or a part of its name, as `info` lists them [default: EFFICIENTECG_GPU, else the best]
    #[arg(long = "gpu", value_name = "GPU")]
    adapter: Option<String>,
    /// Optional features to use, from subgroups, f16, timestamps and pipeline-cache; with a minus, features to leave out, as -f16
    #[arg(long, value_name = "LIST", default_value = "all", allow_hyphen_values = true)]
    gpu_features: String,
    /// Compile the GPU's kernels with checks of every index
    #[arg(long)]
    checked: bool,
}

#[cfg(feature = "gpu")]
impl GpuArguments {
    fn options(&self, batch: Option<usize>) -> Result<efficientecg::GpuOptions, Failure> {
        let features = efficientecg::GpuFeatures::parse(&self.gpu_features)
            .map_err(|e| Failure::usage(format!("--gpu-features: {e}")))?;
        let named = || std::env::var("EFFICIENTECG_GPU").ok().filter(|name| !name.is_empty());
        let mut options = efficientecg::GpuOptions::new().features(features).checked(self.checked);
        options.adapter = self.adapter.clone().or_else(named);
        options.batch = batch;
        Ok(options.warn(|line| crate::out::complain(&format!("warning: {line}"))))
    }
}

#[derive(Clone, Copy, PartialEq, ValueEnum)]
enum BackendName {
    /// A hardware GPU if there is one and it is faster, else the CPU
    Auto,
    /// SIMD kernels
    Cpu,
    /// GPU kernels
    Gpu,
    /// Plain loops in f64: slow, for checking
    Reference,
}

#[derive(Clone, Copy, PartialEq, ValueEnum)]
enum PrecisionName {
    F32,
    F16,
    Bf16,
}

impl BackendName {
    fn backend(self) -> Backend {
        match self {
            BackendName::Auto => Backend::Auto,
            BackendName::Cpu => Backend::Cpu,
            BackendName::Gpu => Backend::Gpu,
            BackendName::Reference => Backend::Reference,
        }
    }
}

impl PrecisionName {
    fn precision(self) -> Precision {
        match self {
            PrecisionName::F32 => Precision::F32,
            PrecisionName::F16 => Precision::F16,
            PrecisionName::Bf16 => Precision::Bf16,
        }
    }
}

/// The instruction set of this name.
fn level(name: &str) -> Result<Level, Failure> {
    Level::by_name(name).ok_or_else(|| {
        let known: Vec<&str> = Level::available().into_iter().map(Level::name).collect();
        Failure::usage(format!("--level {name}: unknown here; this processor has {}", known.join(", ")))
    })
}

/// As many threads as were asked for, or as the process may use at once, with a line that says so.
pub(crate) fn usable_threads(asked: usize) -> usize {
    let most = available_threads();
    if asked > most {
        let s = if most == 1 { "" } else { "s" };
        out::complain(&format!(
            "--threads {asked}: this process may use {most} thread{s} at once; using {most}"
        ));
    }
    asked.min(most)
}

impl ModelArguments {
    /// Loads the model as the options say.
    pub(crate) fn load(&self) -> Result<Model, Failure> {
        self.network.load(&self.options()?)
    }

    /// Loads the model for so many records, and says how many of them to work on at once: each then runs on one thread, which keeps
    /// the threads busier than one record after another on all of them. A GPU takes one after another.
    pub(crate) fn load_for(&self, records: usize) -> Result<(Model, usize), Failure> {
        let options = self.options()?;
        let usable = available_threads();
        let threads = self.threads.map_or(usable, |asked| usize::from(asked).min(usable)).min(records);
        if threads > 1 {
            let model = self.network.load(&options.clone().threads(1))?;
            if !model.on_gpu() {
                return Ok((model, threads));
            }
        }
        Ok((self.network.load(&options)?, 1))
    }

    fn options(&self) -> Result<Options, Failure> {
        let mut options = Options::new().backend(self.backend.backend()).precision(self.precision());
        if let Some(threads) = self.threads {
            options = options.threads(usable_threads(threads.into()));
        }
        if let Some(name) = &self.level {
            options = options.level(level(name)?);
        }
        #[cfg(feature = "gpu")]
        let options = options.gpu(self.gpu.options(self.batch_size())?);
        Ok(options)
    }

    /// What `--precision` says.
    pub(crate) fn precision(&self) -> Precision {
        self.precision.precision()
    }

    /// Records to run at once, of `records`.
    pub(crate) fn batch(&self, records: usize) -> usize {
        self.batch_size().unwrap_or(records)
    }

    /// What `--batch` says.
    pub(crate) fn batch_size(&self) -> Option<usize> {
        self.batch.map(|b| b as usize)
    }
}
