//! The program talks to nobody: traced system call by system call, it opens no socket.
//!
//! Back ends on a GPU may open sockets of this machine (a display's), never one of a network.
#![cfg(target_os = "linux")]

mod harness;

use harness::*;
use std::path::Path;
use std::process::Command;

/// The system calls that have to do with sockets.
const CALLS: &str =
    "trace=socket,socketpair,connect,bind,listen,accept,accept4,sendto,sendmsg,sendmmsg,recvfrom,recvmsg";

/// Runs the program under strace; the socket calls that it and its threads made.
fn traced(folder: &Path, args: &[&str]) -> Vec<String> {
    let log = folder.join("trace");
    let program = env!("CARGO_BIN_EXE_efficientecg");
    let trace = ["-f", "-q", "-e", CALLS, "-e", "signal=none", "-o", name(&log), program];
    let done = Command::new("strace").args(trace).args(args).output().expect("strace starts");
    assert!(done.status.success(), "{args:?}: {}", text(&done.stderr));
    let log = std::fs::read_to_string(&log).expect("read");
    log.lines().filter(|l| l.contains('(')).map(str::to_owned).collect()
}

/// Whether processes can be traced here.
fn can_trace(folder: &Path) -> bool {
    let log = folder.join("trace");
    // It must see a socket where there is one: an empty trace proves nothing else.
    let script = "exec 3<>/dev/udp/127.0.0.1/9";
    let trace = ["-f", "-q", "-e", CALLS, "-o", name(&log), "bash", "-c", script];
    let works = Command::new("strace").args(trace).output().is_ok_and(|o| o.status.success())
        && std::fs::read_to_string(&log).is_ok_and(|log| log.contains("socket(AF_INET"));
    if !works {
        let line = "no strace that traces here (apt install strace): whether the program opens sockets";
        assert!(std::env::var_os("EFFICIENTECG_REQUIRE_STRACE").is_none_or(|v| v != "1"), "{line}");
        efficientecg_skipped::skipped(line);
    }
    works
}

#[test]
fn no_socket_is_opened() {
    let folder = folder();
    let folder = folder.path();
    if !can_trace(folder) {
        return;
    }
    let (weights, reference) = golden();
    let (w, r) = (name(&weights), name(&reference));
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let model = root.join("model/weights/mitbih-beats.npz");
    let (input, output) = (folder.join("x.npz"), folder.join("y.npz"));
    Arrays::read(&reference).inputs().write(&input);
    let (records, findings) = (folder.join("records"), folder.join("findings"));
    let record = records.join("demo");
    let synth = ["synth", "--output", name(&records), "--seconds", "12"];
    let on = |backend: &'static str| -> Vec<Vec<&str>> {
        let classify =
            ["classify", "--backend", backend, "--weights", name(&model), "--output", name(&findings)];
        let run =
            ["run", "--backend", backend, "--weights", w, "--input", name(&input), "--output", name(&output)];
        vec![
            ["verify", "--backend", backend, "--weights", w, "--reference", r].to_vec(),
            run.to_vec(),
            [&classify[..], &[name(&record)]].concat(),
            ["bench", "--backend", backend, "--weights", w, "--runs", "1", "--profile"].to_vec(),
        ]
    };
    let mut traces = 0;
    for args in [vec![synth.to_vec(), vec!["--help"]], on("cpu"), on("reference")].concat() {
        if args.contains(&"reference") && args.contains(&"classify") {
            continue;
        }
        let calls = traced(folder, &args);
        assert!(calls.is_empty(), "{args:?}: {calls:?}");
        traces += 1;
    }
    for args in [vec![vec!["info"], vec!["info", "--weights", w]], on("auto")].concat() {
        let network: Vec<String> =
            traced(folder, &args).into_iter().filter(|c| c.contains("AF_") && !is_local(c)).collect();
        assert!(network.is_empty(), "{args:?}: {network:?}");
        traces += 1;
    }
    println!("no socket in {traces} traced runs");
}

/// Whether a call is about this machine alone: a display, or the kernel.
fn is_local(call: &str) -> bool {
    let families: Vec<&str> = call.match_indices("AF_").map(|(at, _)| &call[at..]).collect();
    families
        .iter()
        .all(|f| ["AF_UNIX", "AF_LOCAL", "AF_NETLINK", "AF_UNSPEC"].iter().any(|l| f.starts_with(l)))
}
