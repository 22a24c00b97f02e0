//! Arguments of `monitor`.

use super::{ModelArguments, SexName, age, lead_pair, rate};
use clap::{Args, ValueEnum};

#[derive(Args)]
pub(crate) struct Monitor {
    #[command(flatten)]
    pub(crate) model: ModelArguments,
    /// Samples a second of each lead
    #[arg(long, value_name = "HZ", value_parser = rate)]
    pub(crate) rate: f64,
    /// Names of the leads in their order, as II,V1; of rows of text those of the columns, as time,II,V1, in place of a line of names
    #[arg(long = "leads", value_name = "NAMES", value_delimiter = ',', required_if_eq_any = [("raw", "i16"), ("raw", "f32"), ("raw", "212")])]
    pub(crate) names: Vec<String>,
    /// Binary samples, one of each lead in turn, in place of rows of text
    #[arg(long, value_enum, value_name = "TYPE")]
    pub(crate) raw: Option<Raw>,
    /// Units of the samples a mV [default: 200 with --raw i16 and 212, else 1]
    #[arg(long, value_name = "UNITS", value_parser = gain)]
    pub(crate) gain: Option<f64>,
    /// Let a lead of the stream stand for one of the model's, as V1=V5; #2 is the second
    #[arg(long = "lead", value_name = "MODEL=STREAM", value_parser = lead_pair, value_delimiter = ',')]
    pub(crate) leads: Vec<(String, String)>,
    /// The patient's age in years
    #[arg(long, value_name = "YEARS", value_parser = age)]
    pub(crate) age: Option<f64>,
    /// The patient's sex
    #[arg(long, value_enum)]
    pub(crate) sex: Option<SexName>,
    /// Classify whatever the quality of the signal
    #[arg(long)]
    pub(crate) any_quality: bool,
    /// Take leads that are no ECG by name, as pressures, where --lead names them
    #[arg(long)]
    pub(crate) any_lead: bool,
}

/// How binary samples are stored.
#[derive(Clone, Copy, PartialEq, ValueEnum)]
pub(crate) enum Raw {
    /// Whole numbers of 16 bits, little-endian, the least of which is a missing sample: WFDB's format 16
    I16,
    /// Numbers of 32 bits, little-endian; NaN is a missing sample
    F32,
    /// WFDB's format 212: two whole numbers of 12 bits in three bytes
    #[value(name = "212")]
    Twelve,
}

fn gain(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(gain) if gain > 0.0 && gain.is_finite() => Ok(gain),
        _ => Err("expected more than 0 units a mV".to_owned()),
    }
}
