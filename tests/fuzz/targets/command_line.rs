#![no_main]

//! Words end in a line end, so that a corpus can be read. Nothing is run.

use efficientecg_fuzz::{one_line, run};

fn command_line(data: &[u8]) {
    let words = String::from_utf8_lossy(data);
    let words = std::iter::once("efficientecg").chain(words.lines());
    if let Err(line) = efficientecg_cli::check_command_line(words) {
        one_line(&line);
    }
}

libfuzzer_sys::fuzz_target!(|data: &[u8]| run(command_line, data));
