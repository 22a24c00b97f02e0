//! What each window of long records says for fibrillation, and what each short one says: what the constants of `classify/episodes.rs`
//! and of `flutter.rs` were chosen by.
//!
//!     cargo run --release -p efficientecg-tests --example fibrillation_windows -- WEIGHTS RECORD.hea ... > windows.csv
//!
//! A line a window of a record's first lead: the record, the window's first frame, the probability of A, the coefficient of sample entropy
//! of its R-R intervals, the frequency that prevails between its QRS complexes and its share, which windows that speak
//! against fibrillation do not have. What is not known is empty.

use efficientecg::Model;
use efficientecg::classify::Settings;
use efficientecg::ecg::flutter::AtrialFrequency;
use efficientecg::ecg::irregularity::coefficient_of_sample_entropy;
use efficientecg::ecg::{Record, filter, peaks};
use std::error::Error;
use std::process::ExitCode;

fn number(x: Option<f64>) -> String {
    x.map_or(String::new(), |x| format!("{x:.6}"))
}

fn line(
    record: &str,
    frame: i64,
    probability: Option<f32>,
    entropy: Option<f64>,
    atrial: Option<AtrialFrequency>,
) {
    let (probability, entropy) = (number(probability.map(f64::from)), number(entropy));
    let (hertz, share) = (number(atrial.map(|a| a.hertz)), number(atrial.map(|a| a.share)));
    println!("{record},{frame},{probability},{entropy},{hertz},{share}");
}

fn run(weights: &str, records: impl Iterator<Item = String>) -> Result<(), Box<dyn Error>> {
    let model = Model::load(weights)?;
    let class = model.config().classes.iter().position(|c| c == "A").ok_or("the network has no class A")?;
    println!("record,frame,probability,entropy,hertz,share");
    for path in records {
        let record = Record::open(&path)?;
        let settings = Settings::new().lead("ECG", "#1");
        let found = model.classify_with(&record, &settings)?;
        let name = &record.name;
        if let Some(long) = &found.fibrillation {
            for window in &long.windows {
                line(
                    name,
                    window.time,
                    window.probabilities.get(class).copied(),
                    window.entropy,
                    window.atrial_frequency,
                );
            }
        } else if let (Some(lead), Some(item)) = (record.leads.first(), found.items.first()) {
            let rate = lead.sample_rate;
            let beats = peaks::detect(&lead.samples, rate)?;
            let beats: Vec<i64> = beats.into_iter().map(|p| p as i64).collect();
            let seconds: Vec<f64> = beats.iter().map(|p| *p as f64 / rate).collect();
            let mut samples = lead.samples.clone();
            filter::fill_missing(&mut samples);
            let atrial = AtrialFrequency::of(&samples, &beats, rate);
            line(
                name,
                0,
                item.probabilities.get(class).copied(),
                coefficient_of_sample_entropy(&seconds),
                atrial,
            );
        }
    }
    Ok(())
}

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let Some(weights) = arguments.next() else {
        eprintln!("fibrillation_windows: expected WEIGHTS RECORD.hea ...");
        return ExitCode::FAILURE;
    };
    match run(&weights, arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("fibrillation_windows: {error}");
            ExitCode::FAILURE
        }
    }
}
