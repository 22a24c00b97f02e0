//! `cold N COMMAND…` starts a program N times and prints, for each, a line of JSON with the milliseconds from start to
//! end, its peak memory in MB, and what it wrote. A small parent, as a child's peak counts what it was forked from.

use peers_worker::BoxError;
use serde_json::json;
use std::io::Read;
use std::process::{Command, Stdio};
use std::time::Instant;

fn main() -> Result<(), BoxError> {
    let mut arguments = std::env::args().skip(1);
    let n: usize = arguments.next().ok_or("cold N COMMAND…: N is missing")?.parse()?;
    let command: Vec<String> = arguments.collect();
    let (program, rest) = command.split_first().ok_or("cold N COMMAND…: the command is missing")?;
    for _ in 0..n {
        let start = Instant::now();
        let mut child = Command::new(program).args(rest).stdout(Stdio::piped()).spawn()?;
        let mut text = String::new();
        child.stdout.take().ok_or("no output")?.read_to_string(&mut text)?;
        let pid = libc::pid_t::try_from(child.id())?;
        let mut status = 0;
        // SAFETY: a zeroed rusage is valid, and the child, not yet waited for, is ours.
        let usage = unsafe {
            let mut usage: libc::rusage = std::mem::zeroed();
            if libc::wait4(pid, &mut status, 0, &mut usage) != pid {
                return Err("the program cannot be waited for".into());
            }
            usage
        };
        let took = start.elapsed();
        if status != 0 {
            return Err(format!("{program}: ended with status {status}").into());
        }
        let peak = usage.ru_maxrss as f64 / 1024.0;
        println!("{}", json!({"ms": 1e3 * took.as_secs_f64(), "peak_mb": peak, "output": text}));
    }
    Ok(())
}
