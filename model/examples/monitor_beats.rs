//! Beats and their classes of samples that are still coming, two seconds after each R peak at most.
//!
//! `cargo run --release --example monitor_beats -- RECORD`; without a record, that of this repository, as if it came now.

use efficientecg::Model;
use efficientecg::classify::{Monitor, MonitorEvent, Settings};
use efficientecg::ecg::Record;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let demo = concat!(env!("CARGO_MANIFEST_DIR"), "/../tools/demo/demo").to_owned();
    let record = Record::open(std::env::args().nth(1).unwrap_or(demo))?;
    let leads: Vec<&str> = record.leads.iter().map(|lead| lead.name.as_str()).collect();

    let model = Model::builtin("beats")?;
    let mut monitor = Monitor::new(model.into(), &leads, record.sample_rate, &Settings::new())?;
    let mut events = Vec::new();
    for i in 0..record.leads[0].samples.len() {
        // A sample of each lead in mV, NaN where one is missing.
        let samples: Vec<f32> = record.leads.iter().map(|lead| lead.samples[i]).collect();
        monitor.push(&samples, &mut events)?;
        for event in events.drain(..) {
            match event {
                MonitorEvent::Beat(beat) => println!("{beat}, told at {:.2} s", monitor.seconds()),
                MonitorEvent::Signal { reason: Some(reason), .. } => println!("no ECG: {reason}"),
                _ => println!("the ECG is back"),
            }
        }
    }
    monitor.finish(&mut events)?;
    Ok(())
}
