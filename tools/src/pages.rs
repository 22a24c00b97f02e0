//! Reports: pages as devices print them.

use crate::args::{Classify, Format, ReportFile};
use crate::error::Failure;
use crate::findings::RecordReport;
use efficientecg::ItemError;
use efficientecg::classify::{Findings, Settings};
use efficientecg::config::Config;
use efficientecg::ecg::Record;
use efficientecg::models::Trained;
use efficientecg_report::{Report, html, pdf, svg};

/// What of the command line does not go with reports of so many records.
pub(crate) fn check(args: &Classify, records: usize) -> Result<(), Failure> {
    if let (Some(ReportFile { path, .. }), 2..) = (&args.pages.report, records) {
        let line = format!(
            "--report {}: expected one record, found {records}; use --output FOLDER --format pdf, which writes a report of each",
            path.display()
        );
        return Err(Failure::usage(line));
    }
    let is_drawn = matches!(args.format, Format::Svg | Format::Html | Format::Pdf);
    if (args.pages.from.is_some() || args.pages.to.is_some()) && args.pages.report.is_none() && !is_drawn {
        return Err(Failure::usage(
            "--from, --to: expected a report that they are of, found none; add --report FILE.pdf",
        ));
    }
    Ok(())
}

/// The report of a record in one of the three formats.
pub(crate) fn write(
    args: &Classify,
    format: Format,
    config: &Config,
    record: &Record,
    settings: &Settings,
    found: &Findings,
    told: &RecordReport,
) -> Result<Vec<u8>, ItemError> {
    let limits =
        args.model.network.trained().map_or("What it gets wrong is not known here.", Trained::limits);
    let report = Report::new(record, config, settings, found)
        .warnings(told.warnings.clone())
        .limits(limits)
        .span(args.pages.from, args.pages.to)
        .more("--from and --to show other parts");
    let pages = report.pages()?;
    Ok(match format {
        Format::Pdf => pdf(&report.title(), &pages),
        Format::Html => html(&report.title(), &pages, &report.facts()).into_bytes(),
        _ => svg(&pages).into_bytes(),
    })
}
