//! `efficientecg completions`: what a shell completes.

use crate::args::{Completions, command};
use crate::error::Failure;
use crate::out;

pub(crate) fn run(args: &Completions) -> Result<(), Failure> {
    let mut text = Vec::new();
    clap_complete::generate(args.shell, &mut command(), "efficientecg", &mut text);
    Ok(out::bytes(&text)?)
}
