//! The command line.

use crate::error::Failure;
use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use efficientecg::classify::Unit;
use std::path::PathBuf;

mod bench;
mod evaluate;
mod help;
mod holter;
mod model;
mod monitor;
mod network;
mod pack;
mod pages;
#[cfg(feature = "gpu")]
mod tune;

pub(crate) use bench::{Bench, Setup, Until};
pub(crate) use evaluate::{
    BeatsEvaluation, EpisodesEvaluation, Evaluate, Kind, RecordsEvaluation, ReportArguments, What,
};
pub(crate) use help::command;
pub(crate) use holter::Holter;
pub(crate) use model::{ModelArguments, usable_threads};
pub(crate) use monitor::{Monitor, Raw};
pub(crate) use network::{Configured, Network};
pub(crate) use pack::Pack;
pub(crate) use pages::{Pages, ReportFile};
#[cfg(feature = "gpu")]
pub(crate) use tune::Tune;

use help::ADVANCED;
use model::{BackendName, PrecisionName, level};

/// EfficientECG: classify ECG records, run and check networks.
#[derive(Parser)]
#[command(name = "efficientecg", version, about, arg_required_else_help = true, after_help = help::PROGRAM)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Classify the beats of ECG records, or the records
    #[command(after_help = help::CLASSIFY)]
    Classify(Classify),
    /// Tell what a record of hours or days holds: hour by hour, its events, heart rate variability
    Holter(Holter),
    /// Find and classify beats in samples that come in on standard input, as they come
    Monitor(Monitor),
    /// Write the inputs that a network gets of ECG records: signals and features, for run and for training
    Features(Features),
    /// Score beats or classes, whatever program gave them
    Evaluate(Evaluate),
    /// Write an ECG record in another format: WFDB, EDF, BDF, CSV or TSV
    #[cfg(feature = "formats")]
    #[command(after_help = help::CONVERT)]
    Convert(Convert),
    /// Pack a network's weights into one flat file, for programs that read no NumPy files
    Pack(Pack),
    /// Make a synthetic two-lead ECG with known beats
    Synth(Synth),
    /// Run a network on arrays, without preprocessing
    Run(Run),
    /// Run a network on reference inputs and compare with the reference outputs
    Verify(Verify),
    /// Measure a network's latency and throughput, and where the time goes
    #[command(mut_group("Network", |group| group.required(false)))]
    Bench(Bench),
    /// Measure which variants of a GPU's programs are fastest for a network, and keep them for later runs
    #[cfg(feature = "gpu")]
    Tune(Tune),
    /// Show a network's layers and this machine's devices, or the models that come with the program
    #[command(mut_group("Network", |group| group.required(false)))]
    Info(Info),
    /// Print completions of commands and options for a shell
    Completions(Completions),
    /// Print the manual page, for man
    Man,
}

impl Command {
    /// What can be said of the arguments without a file or a device.
    pub(crate) fn check(&self) -> Result<(), Failure> {
        let model = match self {
            Command::Classify(a) => &a.model,
            Command::Holter(a) => &a.model,
            Command::Monitor(a) => &a.model,
            Command::Run(a) => &a.model,
            Command::Verify(a) => &a.model,
            Command::Bench(a) => return a.setups().map(drop),
            #[cfg(feature = "gpu")]
            Command::Tune(a) => return a.options().map(drop),
            #[cfg(feature = "formats")]
            Command::Convert(_) => return Ok(()),
            Command::Features(_)
            | Command::Evaluate(_)
            | Command::Pack(_)
            | Command::Synth(_)
            | Command::Info(_)
            | Command::Completions(_)
            | Command::Man => return Ok(()),
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
    #[command(flatten)]
    pub(crate) pages: Pages,
    /// Folder for the findings of each record: RECORD.txt, .json, .csv, .svg, .html, .pdf or .ANNOTATOR; - prints those of a single
    /// record
    #[arg(long, value_name = "FOLDER")]
    pub(crate) output: Option<PathBuf>,
    /// What to write into the folder, or to print
    #[arg(long, value_enum, value_name = "FORMAT", default_value = "csv", requires = "output")]
    pub(crate) format: Format,
    /// The annotator's name for --format wfdb
    #[arg(help_heading = ADVANCED, long, value_name = "NAME", default_value = "aami", value_parser = annotator)]
    pub(crate) annotator: String,
    /// A table of all records, a row each, or each beat: class and a probability for each class; as .jsonl a line of JSON a record
    #[arg(long, value_name = "FILE.csv|.jsonl")]
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
    #[arg(help_heading = ADVANCED, long, value_name = "HZ", value_parser = rate)]
    pub(crate) rate: Option<f64>,
    /// Unit of a CSV or TSV file, unless it says one [default: mV]
    #[arg(help_heading = ADVANCED, long, value_name = "UNIT")]
    pub(crate) unit: Option<String>,
    /// Names of a CSV or TSV file's columns, as time,II,V1, for files that have none
    #[arg(help_heading = ADVANCED, long = "leads", value_name = "NAMES", value_delimiter = ',')]
    pub(crate) names: Vec<String>,
}

/// How a record is read.
#[derive(Args)]
pub(crate) struct Reading {
    /// Take the beats from RECORD.ANNOTATOR instead of finding them
    #[arg(help_heading = ADVANCED, long, value_name = "ANNOTATOR")]
    pub(crate) beats: Option<String>,
    /// Classify every beat, or each record as a whole [default: beats if the classes are N S V F Q]
    #[arg(help_heading = ADVANCED, long, value_enum)]
    pub(crate) per: Option<Per>,
    /// Let a lead of the record stand for one of the model's, as V1=V5; #2 is the record's second. Several, as II=MLII,V1=V5,V1=#2; those of one lead are tried in order
    #[arg(long = "lead", value_name = "MODEL=RECORD", value_parser = lead_pair, value_delimiter = ',')]
    pub(crate) leads: Vec<(String, String)>,
    /// The patient's age in years, over what the record says
    #[arg(long, value_name = "YEARS", value_parser = age)]
    pub(crate) age: Option<f64>,
    /// The patient's sex, over what the record says
    #[arg(long, value_enum)]
    pub(crate) sex: Option<SexName>,
    /// A table with the columns record, age, sex, or PTB-XL's own, over what the records say
    #[arg(help_heading = ADVANCED, long, value_name = "FILE.csv")]
    pub(crate) patients: Option<PathBuf>,
    /// Classify whatever the quality of the signal: to compare networks, not to learn of a patient
    #[arg(help_heading = ADVANCED, long)]
    pub(crate) any_quality: bool,
    /// Take leads that are no ECG by name or unit, as pressures, where --lead names them
    #[arg(help_heading = ADVANCED, long)]
    pub(crate) any_lead: bool,
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
    /// The file to write: its ending, .hea, .edf, .bdf, .csv or .tsv, is its format; - is standard output
    #[arg(value_name = "FILE")]
    pub(crate) output: PathBuf,
    /// The format on standard output
    #[arg(long, value_enum, value_name = "FORMAT")]
    pub(crate) format: Option<FileFormat>,
    #[command(flatten)]
    pub(crate) tables: Tables,
}

/// A format of records that is one file.
#[cfg(feature = "formats")]
#[derive(Clone, Copy, PartialEq, ValueEnum)]
pub(crate) enum FileFormat {
    Edf,
    Bdf,
    Csv,
    Tsv,
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
    /// A report as --report writes it, its pages one below another
    Svg,
    /// The same to print from a browser, with tables of the findings
    Html,
    /// The same to print
    Pdf,
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

#[derive(Args)]
pub(crate) struct Completions {
    /// The shell
    #[arg(value_enum)]
    pub(crate) shell: Shell,
}
