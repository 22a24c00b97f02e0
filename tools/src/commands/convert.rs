//! `efficientecg convert`: a record in another format.

use crate::args::Convert;
use crate::error::Failure;
use crate::out;
use efficientecg::ecg::{csv, edf, wfdb};
use std::path::Path;

pub(crate) fn run(args: &Convert) -> Result<(), Failure> {
    let output = args.output.as_path();
    let write = writer(output)?;
    let record = args.tables.open(&args.input)?;
    record.warnings.iter().for_each(|warning| out::warn(&args.input, warning));
    write(output, &record)?;
    let (leads, seconds) = (record.leads.len(), record.seconds());
    out::text(&format!("{}: {leads} leads, {seconds:.3} s\n", output.display()))?;
    Ok(())
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
