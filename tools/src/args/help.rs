//! What a help says below its options, and the groups of these.

use super::Arguments;
use clap::{Command, CommandFactory};

/// The heading of options that few need. The others come before it.
pub(super) const ADVANCED: &str = "Advanced options";

/// Below the program's help.
pub(super) const PROGRAM: &str = "\
Examples:
  efficientecg synth --output records
  efficientecg classify --model mitbih-beats records/demo
  efficientecg info

Exit codes:
  0  success
  1  a failed check, or no record that could be assessed
  2  bad input: one line on standard error names the file, the item and the fix

Research only, not for diagnosis.";

/// Below the help of classify.
pub(super) const CLASSIFY: &str = "\
Examples:
  efficientecg classify --model beats records/demo
  efficientecg classify --model mitbih-beats 100.dat --lead V1=V5,V1=#2
  efficientecg classify --model cinc2017-rhythm A00004.mat
  efficientecg classify --model beats 'records/*.edf' --table beats.csv
  efficientecg classify --model ptbxl-8lead records.zip --output found --format json

Exit codes: 0 success; 1 no record could be assessed; 2 bad input.
Research only, not for diagnosis.";

/// Below the help of convert.
#[cfg(feature = "formats")]
pub(super) const CONVERT: &str = "\
Examples:
  efficientecg convert 100 100.edf
  efficientecg convert records.zip/100 - --format csv";

/// The command line, for whoever describes it.
pub(crate) fn command() -> Command {
    Arguments::command()
}
