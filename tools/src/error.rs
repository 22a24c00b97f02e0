//! Why a command ended early.

use efficientecg_model::RunError;
use efficientecg_model::fault::FileError;
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

impl From<FileError> for Failure {
    fn from(error: FileError) -> Failure {
        Failure::File(Box::new(error))
    }
}

impl Failure {
    pub(crate) fn usage(line: impl Into<String>) -> Failure {
        Failure::Usage(line.into())
    }

    pub(crate) fn run(path: &Path, error: RunError) -> Failure {
        Failure::Run { path: path.display().to_string(), error: Box::new(error) }
    }

    /// 1 for a failed check, 2 for bad input.
    pub(crate) fn code(&self) -> u8 {
        match self {
            Failure::Check(_) => 1,
            _ => 2,
        }
    }
}
