//! The options of `efficientecg holter`.

use super::pages::report_file;
use super::{ModelArguments, ReportFile, Tables, lead_pair, network};
use crate::error::Failure;
use clap::Args;
use efficientecg::Model;
use efficientecg::models::Trained;
use std::path::PathBuf;

#[derive(Args)]
pub(crate) struct Holter {
    #[command(flatten)]
    pub(crate) model: ModelArguments,
    /// The record, WFDB's with or without .hea; - is standard input
    #[arg(value_name = "RECORD")]
    pub(crate) record: PathBuf,
    #[command(flatten)]
    pub(crate) tables: Tables,
    /// Tell atrial fibrillation too, by this network of rhythms
    #[arg(long = "rhythm-model", id = "rhythm_model", value_name = "NAME", value_parser = network::name())]
    pub(crate) rhythm: Option<&'static Trained>,
    /// Let a lead of the record stand for one of the model's, as V1=V5; #2 is the record's second
    #[arg(long = "lead", value_name = "MODEL=RECORD", value_parser = lead_pair, value_delimiter = ',')]
    pub(crate) leads: Vec<(String, String)>,
    /// The same for the network of rhythms, as ECG=II
    #[arg(long = "rhythm-lead", value_name = "MODEL=RECORD", value_parser = lead_pair, value_delimiter = ',', requires = "rhythm_model")]
    pub(crate) rhythm_leads: Vec<(String, String)>,
    /// Take leads that are no ECG by name or unit, as pressures, where --lead names them
    #[arg(long)]
    pub(crate) any_lead: bool,
    /// Take the beats from RECORD.ANNOTATOR instead of finding them
    #[arg(long, value_name = "ANNOTATOR")]
    pub(crate) beats: Option<String>,
    /// R-R intervals from so many seconds on are pauses
    #[arg(long, value_name = "SECONDS", default_value_t = 2.0, value_parser = pause)]
    pub(crate) pause: f64,
    /// Folder for RECORD.hours.csv, RECORD.holter.json, RECORD.tachogram.svg and RECORD.lorenz.svg
    #[arg(long, value_name = "FOLDER")]
    pub(crate) output: Option<PathBuf>,
    /// A report on A4 pages: the figures, the table of hours, the intervals as pictures, strips of the severest events on ECG paper
    #[arg(long, value_name = "FILE.svg|.html|.pdf", value_parser = report_file)]
    pub(crate) report: Option<ReportFile>,
    /// Print all as JSON instead of tables
    #[arg(long)]
    pub(crate) json: bool,
}

impl Holter {
    /// Loads the network of rhythms, if one is wanted; on several threads it runs on each alone.
    pub(crate) fn rhythm_model(&self, threads: usize) -> Result<Option<Model>, Failure> {
        let Some(trained) = self.rhythm else { return Ok(None) };
        let mut options = self.model.options()?;
        if threads > 1 {
            options = options.threads(1);
        }
        Ok(Some(options.from_bytes(trained.bytes)?))
    }
}

fn pause(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(seconds) if seconds > 0.0 && seconds.is_finite() => Ok(seconds),
        _ => Err("expected more than 0 seconds".to_owned()),
    }
}
