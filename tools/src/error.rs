//! Why a command ended early.

use efficientecg::classify::ClassifyError;
use efficientecg::ecg;
use efficientecg::{FileError, ItemError, LoadError, RunError};
use efficientecg_files::one_line;
use std::path::Path;

/// A command's failure: one line, and an exit code.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// A file that is missing, malformed or does not fit.
    #[error(transparent)]
    File(Box<FileError>),
    /// A run that failed on a file's contents.
    #[error("{path}: {error}")]
    Run { path: String, error: Box<RunError> },
    /// A record or an annotation file that is missing, malformed or does not fit.
    #[error("{}{}", .0, lead_option(.0))]
    Record(Box<ecg::Error>),
    /// A record that could not be classified.
    #[error("{path}: {error}{}", option(error))]
    Classify { path: String, error: Box<ClassifyError> },
    /// A file that could not be written.
    #[error("{path}: cannot write: {error}; check the folder and its free space")]
    Write { path: String, error: std::io::Error },
    /// Several failures, printed where they arose.
    #[error("{failed} of {all} records failed")]
    Several { failed: usize, all: usize },
    /// A command line that asks for what is not there.
    #[error("{0}")]
    Usage(String),
    /// A check that did not pass.
    #[error("{0}")]
    Check(String),
    /// Standard output that cannot be written.
    #[error("standard output: {0}")]
    Output(#[from] std::io::Error),
}

/// The option by which the program does what the error's fix says.
fn option(error: &ClassifyError) -> &'static str {
    match error {
        ClassifyError::Window { .. } => " (--per record)",
        ClassifyError::Units { .. } => " (--lead)",
        _ => "",
    }
}

/// The option that says what an error asks for.
fn lead_option(error: &ecg::Error) -> String {
    match error {
        ecg::Error::Lead { lead, .. } => format!(" (--lead {}=RECORD_LEAD)", one_line(lead)),
        ecg::Error::Leads { leads, .. } => {
            let pairs: Vec<String> =
                leads.iter().map(|lead| format!("{}=RECORD_LEAD", one_line(lead))).collect();
            format!(" (--lead {})", one_line(&pairs.join(",")))
        }
        ecg::Error::NoEcg { .. } => " (--any-lead takes it all the same)".to_owned(),
        ecg::Error::Names { .. } => " (--leads NAMES)".to_owned(),
        ecg::Error::Rate { .. } => " (--rate HZ)".to_owned(),
        _ => String::new(),
    }
}

impl From<FileError> for Failure {
    fn from(error: FileError) -> Failure {
        Failure::File(Box::new(error))
    }
}

impl From<LoadError> for Failure {
    fn from(error: LoadError) -> Failure {
        match error {
            LoadError::Weights(error) => error.into(),
            LoadError::Option(invalid) => {
                let ItemError { item, expected, found, fix, .. } = invalid;
                let option = if item == "backend" { " (--backend cpu)" } else { "" };
                Failure::Usage(format!("--{item} {found}: expected {expected}; {fix}{option}"))
            }
            // What is left concerns the GPU that was asked for.
            error => Failure::Usage(format!("--backend gpu: {error}")),
        }
    }
}

impl From<ecg::Error> for Failure {
    fn from(error: ecg::Error) -> Failure {
        Failure::Record(Box::new(error))
    }
}

impl Failure {
    pub(crate) fn usage(line: impl Into<String>) -> Failure {
        Failure::Usage(line.into())
    }

    pub(crate) fn run(path: &Path, error: RunError) -> Failure {
        Failure::Run { path: path.display().to_string(), error: Box::new(error) }
    }

    pub(crate) fn classify(path: &Path, error: ClassifyError) -> Failure {
        match error {
            // It names the record and the fix itself.
            ClassifyError::Record(error) => Failure::Record(Box::new(error)),
            error => Failure::Classify { path: path.display().to_string(), error: Box::new(error) },
        }
    }

    pub(crate) fn page(path: &Path, error: ItemError) -> Failure {
        Failure::File(Box::new(error.in_file(path)))
    }

    pub(crate) fn write(path: &Path) -> impl FnOnce(std::io::Error) -> Failure {
        let path = path.display().to_string();
        move |error| Failure::Write { path, error }
    }

    /// 1 for a failed check, 2 for bad input.
    pub(crate) fn code(&self) -> u8 {
        match self {
            Failure::Check(_) => 1,
            _ => 2,
        }
    }
}
