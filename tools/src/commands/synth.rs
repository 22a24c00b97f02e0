//! `efficientecg synth`: a WFDB record whose beats are known.

use crate::args::Synth;
use crate::error::Failure;
use crate::out;
use efficientecg::ecg::synth::{SynthOptions, generate};
use efficientecg::ecg::wfdb::{self, StorageFormat};

pub(crate) fn run(args: &Synth) -> Result<(), Failure> {
    if out::is_standard_output(&args.output) {
        let line = format!(
            "--output {}: expected a folder, as a record is three files; give one",
            args.output.display()
        );
        return Err(Failure::usage(line));
    }
    let options = SynthOptions {
        name: args.name.clone(),
        seed: args.seed,
        seconds: args.seconds,
        heart_rate: args.heart_rate,
        ..SynthOptions::default()
    };
    let (record, annotations) = generate(&options)?;
    std::fs::create_dir_all(&args.output).map_err(Failure::write(&args.output))?;
    wfdb::write(&args.output, &record, &StorageFormat::default())?;
    annotations.write(&args.output.join(format!("{}.atr", record.name)))?;
    let beats = annotations.beats().len();
    let path = args.output.join(&record.name);
    out::text(&format!("{}: {} s, {beats} beats\n", path.display(), args.seconds))?;
    Ok(())
}
