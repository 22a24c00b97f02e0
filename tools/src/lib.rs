//! The `efficientecg` program: one file a subcommand, errors printed once, here.
//!
//! Exit codes: 0 success, 1 a failed check, 2 bad input. A library, so that tests and fuzzers reach its parts; the
//! program is [`main`].

mod args;
mod commands;
mod episodes;
mod error;
mod findings;
mod legend;
mod ordered;
mod out;
mod pages;
mod patients;
mod records;
mod table;
mod times;
mod totals;

use args::{Arguments, Command};
use clap::Parser;
use error::Failure;
use out::complain;
use std::ffi::OsString;
use std::process::ExitCode;

/// The program: command line in, exit code out.
pub fn main() -> ExitCode {
    quiet_drivers();
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(e) => return usage(&e),
    };
    let done = match arguments.command {
        Command::Classify(a) => commands::classify::run(&a),
        Command::Holter(a) => commands::holter::run(&a),
        Command::Monitor(a) => commands::monitor::run(&a),
        Command::Features(a) => commands::features::run(&a),
        Command::Evaluate(a) => commands::evaluate::run(&a),
        #[cfg(feature = "formats")]
        Command::Convert(a) => commands::convert::run(&a),
        Command::Pack(a) => commands::pack::run(&a),
        Command::Synth(a) => commands::synth::run(&a),
        Command::Run(a) => commands::run::run(&a),
        Command::Verify(a) => commands::verify::run(&a),
        Command::Bench(a) => commands::bench::run(&a),
        #[cfg(feature = "gpu")]
        Command::Tune(a) => commands::tune::run(&a),
        Command::Info(a) => commands::info::run(&a),
        Command::Completions(a) => commands::completions::run(&a),
        Command::Man => commands::man::run(),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        // The reader of our output went away (`| head`): its affair.
        Err(Failure::Output(e)) if e.kind() == std::io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(failure) => {
            complain(&failure.to_string());
            ExitCode::from(failure.code())
        }
    }
}

/// Keeps Mesa's device-selection layer from asking the display for its favourite, and from complaining when there
/// is none: the choice of a GPU is made here.
fn quiet_drivers() {
    if cfg!(all(feature = "gpu", target_os = "linux")) {
        // SAFETY: no other thread runs yet.
        unsafe { std::env::set_var("NODEVICE_SELECT", "1") };
    }
}

/// Holds a command line (the program's name first) to all checks that need no file. The line that the program would
/// print to standard error if it is wrong; none for one that asks for help.
pub fn check_command_line<T: Into<OsString> + Clone>(
    words: impl IntoIterator<Item = T>,
) -> Result<(), String> {
    match Arguments::try_parse_from(words) {
        Ok(arguments) => arguments.command.check().map_err(|e| out::line(&e.to_string())),
        Err(e) if !e.use_stderr() => Ok(()),
        Err(e) => Err(out::line(&wrong_usage(&e))),
    }
}

/// Prints help where it was asked for, else what is wrong with the command line, on one line.
fn usage(error: &clap::Error) -> ExitCode {
    if !error.use_stderr() {
        return match out::text(&out::wrapped(&error.to_string())) {
            Ok(()) => ExitCode::SUCCESS,
            Err(e) if e.kind() == std::io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
            Err(_) => ExitCode::from(2),
        };
    }
    complain(&wrong_usage(error));
    ExitCode::from(2)
}

/// What is wrong with the command line.
fn wrong_usage(error: &clap::Error) -> String {
    if error.kind() == clap::error::ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        return "expected a subcommand; see efficientecg --help".to_owned();
    }
    let text = error.render().to_string();
    let lines = text.lines().map(str::trim).take_while(|l| !l.starts_with("Usage:"));
    let words: Vec<&str> =
        lines.filter(|l| !l.is_empty() && !l.starts_with("For more information")).collect();
    let line = words.join(" ");
    format!("{}; see efficientecg --help", line.trim_start_matches("error: "))
}
