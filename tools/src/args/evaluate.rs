//! The command line of `evaluate`.

use clap::{Args, Subcommand, ValueEnum};
use efficientecg_evaluate::episodes::{EpisodeKind, Extent};
use efficientecg_evaluate::pairing::{BeatClass, Rules};
use std::path::PathBuf;

#[derive(Args)]
pub(crate) struct Evaluate {
    #[command(subcommand)]
    pub(crate) what: What,
}

#[derive(Subcommand)]
pub(crate) enum What {
    /// Beats against reference annotations, by the rules of ANSI/AAMI EC57 and bxb
    Beats(BeatsEvaluation),
    /// Episodes of fibrillation against reference annotations, by the rules of ANSI/AAMI EC57 and epicmp
    Episodes(EpisodesEvaluation),
    /// Classes of records against a reference table: one class each (CinC 2017), or several (PTB-XL)
    Records(RecordsEvaluation),
}

#[derive(Args)]
pub(crate) struct BeatsEvaluation {
    /// WFDB records, with or without .hea; the reference is beside them
    #[arg(value_name = "RECORD", required = true)]
    pub(crate) records: Vec<PathBuf>,
    /// The annotator to score: RECORD.NAME; for the name csv a table of beats as classify writes it
    #[arg(long, value_name = "NAME")]
    pub(crate) test: String,
    /// Where the files to score are, if not beside the records
    #[arg(long, value_name = "FOLDER")]
    pub(crate) test_folder: Option<PathBuf>,
    /// The reference annotator
    #[arg(long, value_name = "NAME", default_value = "atr")]
    pub(crate) reference: String,
    /// Seconds from the record's start that are not scored; EC57 has 300, and 0 scores all
    #[arg(long, value_name = "SECONDS", default_value_t = 300.0, value_parser = seconds)]
    from: f64,
    /// Largest distance of a pair of beats; EC57 has 0.15
    #[arg(long, value_name = "SECONDS", default_value_t = 0.15, value_parser = seconds)]
    window: f64,
    /// Class of escape beats (e j n): S as bxb has it, or N as most papers do
    #[arg(long, value_enum, default_value = "s")]
    escape_beats: Escape,
    /// Print each record's matrix, not only that of all
    #[arg(long)]
    pub(crate) matrices: bool,
    #[command(flatten)]
    pub(crate) form: ReportArguments,
}

#[derive(Args)]
pub(crate) struct EpisodesEvaluation {
    /// WFDB records, with or without .hea; the reference is beside them
    #[arg(value_name = "RECORD", required = true)]
    pub(crate) records: Vec<PathBuf>,
    /// The annotator to score: RECORD.NAME
    #[arg(long, value_name = "NAME")]
    pub(crate) test: String,
    /// Where the files to score are, if not beside the records
    #[arg(long, value_name = "FOLDER")]
    pub(crate) test_folder: Option<PathBuf>,
    /// The reference annotator
    #[arg(long, value_name = "NAME", default_value = "atr")]
    pub(crate) reference: String,
    /// What to score: af is atrial fibrillation, vf ventricular flutter and fibrillation
    #[arg(long, value_enum, default_value = "af")]
    kind: Rhythm,
    /// Seconds from the record's start that are not scored; EC57 has 300, and 0 scores all
    #[arg(long, value_name = "SECONDS", default_value_t = 300.0, value_parser = seconds)]
    from: f64,
    /// Stop at this time of the record [default: its end]
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    to: Option<f64>,
    /// Print as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum Rhythm {
    Af,
    Vf,
}

impl EpisodesEvaluation {
    pub(crate) fn extent(&self) -> Extent {
        Extent { from: self.from, to: self.to }
    }

    pub(crate) fn kind(&self) -> EpisodeKind {
        match self.kind {
            Rhythm::Af => EpisodeKind::Atrial,
            Rhythm::Vf => EpisodeKind::Ventricular,
        }
    }
}

#[derive(Args)]
pub(crate) struct RecordsEvaluation {
    /// The truth: rows record,class; or a first line record,CLASS1,CLASS2 and 0 or 1 for each class
    #[arg(value_name = "REFERENCE.csv")]
    pub(crate) reference: PathBuf,
    /// What to score: rows record,class; or a first line record,class,CLASS1,CLASS2 and probabilities
    #[arg(value_name = "PREDICTIONS.csv")]
    pub(crate) predictions: PathBuf,
    /// One class a record or several [default: several if the reference has more than 2 columns]
    #[arg(long, value_enum)]
    pub(crate) task: Option<Kind>,
    /// Score the records that both files have, and name the others
    #[arg(long)]
    pub(crate) common: bool,
    /// Classes whose F1 are averaged, as N,A,O [default: all but ~]
    #[arg(long, value_name = "CLASSES", value_delimiter = ',')]
    pub(crate) mean: Option<Vec<String>>,
    /// Probability from which on a class is given, where records have several [default: 0.5]
    #[arg(long, value_name = "P", value_parser = probability)]
    pub(crate) threshold: Option<f64>,
    #[command(flatten)]
    pub(crate) form: ReportArguments,
}

#[derive(Args)]
pub(crate) struct ReportArguments {
    /// 95 % intervals from N draws of the records, with a fixed seed
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(10..=100_000))]
    pub(crate) bootstrap: Option<u32>,
    /// Print as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// How many classes a record has.
#[derive(Clone, Copy, PartialEq, ValueEnum)]
pub(crate) enum Kind {
    /// One
    Multiclass,
    /// Any number
    Multilabel,
}

#[derive(Clone, Copy, ValueEnum)]
enum Escape {
    S,
    N,
}

impl BeatsEvaluation {
    pub(crate) fn rules(&self) -> Rules {
        let escape = match self.escape_beats {
            Escape::S => BeatClass::S,
            Escape::N => BeatClass::N,
        };
        Rules { from: self.from, window: self.window, escape }
    }
}

fn seconds(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(s) if (0.0..=1e6).contains(&s) => Ok(s),
        _ => Err("expected seconds from 0 to 1000000".to_owned()),
    }
}

fn probability(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(p) if (0.0..=1.0).contains(&p) => Ok(p),
        _ => Err("expected a probability from 0 to 1".to_owned()),
    }
}
