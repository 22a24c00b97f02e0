//! What reports are written, and of which part of a record.

use super::Format;
use clap::Args;
use std::path::PathBuf;

#[derive(Args)]
pub(crate) struct Pages {
    /// A report of one record as devices print it: A4 pages with the signal on ECG paper, its classes, and the model's limits
    #[arg(long, value_name = "FILE.svg|.html|.pdf", value_parser = report_file)]
    pub(crate) report: Option<ReportFile>,
    /// Where reports begin, in seconds [default: the whole record, or of a long one its most telling parts]
    #[arg(long, value_name = "SECONDS")]
    pub(crate) from: Option<f64>,
    /// Where reports end, in seconds
    #[arg(long, value_name = "SECONDS")]
    pub(crate) to: Option<f64>,
}

/// Where a report goes, and its format.
#[derive(Clone)]
pub(crate) struct ReportFile {
    pub(crate) path: PathBuf,
    pub(crate) format: Format,
}

/// The file's ending is its format.
pub(super) fn report_file(text: &str) -> Result<ReportFile, String> {
    let path = PathBuf::from(text);
    let ending = path.extension().and_then(|e| e.to_str()).unwrap_or_default().to_lowercase();
    let format = match ending.as_str() {
        "svg" => Format::Svg,
        "html" | "htm" => Format::Html,
        "pdf" => Format::Pdf,
        _ => return Err("expected a file that ends in .svg, .html or .pdf".to_owned()),
    };
    Ok(ReportFile { path, format })
}
