//! `efficientecg convert`: a record in another format.

use crate::args::{Convert, FileFormat};
use crate::error::Failure;
use crate::out;
use efficientecg::ecg::{csv, edf, wfdb};
use std::path::Path;

pub(crate) fn run(args: &Convert) -> Result<(), Failure> {
    let output = args.output.as_path();
    if out::is_standard_output(output) {
        return piped(args);
    }
    if args.format.is_some() {
        let line =
            format!("--format is of standard output; leave it out, {} says its format", output.display());
        return Err(Failure::usage(line));
    }
    let write = writer(output)?;
    let record = args.tables.open(&args.input)?;
    record.warnings.iter().for_each(|warning| out::warn(&args.input, warning));
    write(output, &record)?;
    let (leads, seconds) = (record.leads.len(), record.seconds());
    out::text(&format!("{}: {leads} leads, {seconds:.3} s\n", output.display()))?;
    Ok(())
}

/// Writes to standard output, which has no ending that says its format.
fn piped(args: &Convert) -> Result<(), Failure> {
    let Some(format) = args.format else {
        let line = format!(
            "{}: expected --format edf, bdf, csv or tsv with standard output; give one",
            args.output.display()
        );
        return Err(Failure::usage(line));
    };
    let record = args.tables.open(&args.input)?;
    record.warnings.iter().for_each(|warning| out::warn(&args.input, warning));
    let bytes = match format {
        FileFormat::Edf => edf::bytes(Path::new("standard output"), &record, false),
        FileFormat::Bdf => edf::bytes(Path::new("standard output"), &record, true),
        FileFormat::Csv => csv::bytes(Path::new("standard output"), &record, ','),
        FileFormat::Tsv => csv::bytes(Path::new("standard output"), &record, '\t'),
    };
    Ok(out::bytes(&bytes?)?)
}

type Write = fn(&Path, &efficientecg::ecg::Record) -> efficientecg::ecg::Result<()>;

/// What writes a file of this ending.
fn writer(path: &Path) -> Result<Write, Failure> {
    let ending = path.extension().map(|e| e.to_string_lossy().to_lowercase());
    match ending.as_deref() {
        Some("hea") => Ok(wfdb::write_exact),
        Some("edf" | "bdf") => Ok(edf::write),
        Some("csv" | "tsv") => Ok(csv::write),
        _ => {
            let line =
                format!("{}: expected a file that ends in .hea, .edf, .bdf, .csv or .tsv", path.display());
            Err(Failure::usage(format!("{line}; name it so")))
        }
    }
}
