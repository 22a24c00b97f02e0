//! What goes wrong around the program: disks that are full, readers that leave, limits, signals, files that are no files or
//! change while they are read. There is never half a file, never a hang, and always a line that says why.
#![cfg(target_os = "linux")]

mod harness;

use efficientecg::npz::{Archive, Class, Data};
use harness::*;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

/// The program, after shell commands that set its surroundings.
fn after(commands: &str, args: &[&str]) -> Command {
    let mut shell = Command::new("sh");
    let script = format!("{commands}; exec \"$@\"");
    shell.args(["-c", &script, "sh", env!("CARGO_BIN_EXE_efficientecg")]).args(args);
    shell
}

fn output(mut command: Command) -> Output {
    command.output().expect("the program starts")
}

fn mkfifo(path: &Path) {
    assert!(Command::new("mkfifo").arg(path).status().expect("mkfifo").success());
}

fn files(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).expect("listed");
    let mut names: Vec<_> =
        entries.map(|e| e.expect("an entry").file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// A folder with inputs for the golden network, and the command line that runs them.
fn inputs() -> (tempfile::TempDir, PathBuf) {
    let folder = folder();
    let input = folder.path().join("x.npz");
    Arrays::read(&golden().1).inputs().write(&input);
    (folder, input)
}

fn run_args<'a>(weights: &'a Path, input: &'a Path, output: &'a str) -> Vec<&'a str> {
    let (w, x) = (name(weights), name(input));
    vec!["run", "--backend", "cpu", "--weights", w, "--input", x, "--output", output]
}

#[test]
fn a_full_disk_leaves_what_was_there() {
    let (folder, input) = inputs();
    let weights = golden().0;
    let y = folder.path().join("y.npz");
    std::fs::write(&y, "before").expect("written");
    // A limit on the size of files is a full disk that any user can have.
    let full = "trap '' XFSZ; ulimit -f 0";
    let args = run_args(&weights, &input, name(&y));
    failed(2, &args, &["y.npz", "too large", "free space"], &output(after(full, &args)));
    assert_eq!(std::fs::read(&y).expect("read"), b"before");
    assert_eq!(files(folder.path()), ["x.npz", "y.npz"]);
    let new = folder.path().join("new.npz");
    let args = run_args(&weights, &input, name(&new));
    failed(2, &args, &["new.npz", "too large"], &output(after(full, &args)));
    assert_eq!(files(folder.path()), ["x.npz", "y.npz"]);

    // Records: the header does not come without its signals.
    let records = folder.path().join("records");
    let args = ["synth", "--output", name(&records), "--seconds", "12"];
    failed(2, &args, &["demo.", "cannot write"], &output(after("trap '' XFSZ; ulimit -f 1", &args)));
    assert!(files(&records).is_empty(), "{:?}", files(&records));
    let args = ["synth", "--output", name(&records), "--seconds", "12", "--name", "r"];
    assert!(output(after(":", &args)).status.success());
    assert_eq!(files(&records), ["r.atr", "r.dat", "r.hea"]);
    let before = std::fs::read(records.join("r.dat")).expect("read");
    let args = ["synth", "--output", name(&records), "--seconds", "15", "--name", "r"];
    failed(2, &args, &["r.", "cannot write"], &output(after("trap '' XFSZ; ulimit -f 1", &args)));
    assert_eq!(std::fs::read(records.join("r.dat")).expect("read"), before);
    assert_eq!(files(&records), ["r.atr", "r.dat", "r.hea"]);

    let args = run_args(&weights, &input, "/dev/full");
    failed(2, &args, &["/dev/full", "No space left", "free space"], &output(after(":", &args)));
    let trace = ["bench", "--weights", name(&weights), "--runs", "1", "--trace", "/dev/full"];
    failed(2, &trace, &["/dev/full", "No space left"], &output(after(":", &trace)));
}

#[test]
fn standard_output_that_is_full_or_closed() {
    let (folder, input) = inputs();
    let (weights, reference) = golden();
    let y = folder.path().join("y.npz");
    let w = name(&weights);
    let verify = ["verify", "--backend", "cpu", "--weights", w, "--reference", name(&reference)];
    for args in [&verify[..], &["info", "--weights", w], &run_args(&weights, &input, name(&y))] {
        let full = output(after("exec >/dev/full", args));
        failed(2, args, &["standard output", "No space left"], &full);
        let closed = output(after("exec >&-", args));
        assert!(matches!(closed.status.code(), Some(0 | 2)), "{args:?}: {:?}", closed.status);
        assert!(text(&closed.stderr).lines().count() <= 1);
    }
    // The results are there nevertheless.
    assert_eq!(Archive::open(&y).expect("opens").names(), ["logits", "probabilities"]);

    // A check that fails says so even if nobody reads why.
    let wrong = folder.path().join("wrong.npz");
    let change = |a: &mut efficientecg::npz::Array| match &mut a.data {
        Data::F32(v) => v[0] += 1.0,
        Data::F64(v) => v[0] += 1.0,
        other => panic!("not floats: {other:?}"),
    };
    Arrays::read(&reference).with("logits", change).write(&wrong);
    let args = ["verify", "--backend", "cpu", "--weights", w, "--reference", name(&wrong)];
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    let mut command = program();
    let unheard = command.args(args).stdout(writer).output().expect("the program starts");
    failed(1, &args, &["above tolerance", "logits"], &unheard);
}

/// Findings are written although nobody reads the summaries.
#[test]
fn files_are_written_for_a_reader_that_went_away() {
    let folder = folder();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let records = folder.path().join("records");
    for record in ["a", "b"] {
        let args = ["synth", "--output", name(&records), "--seconds", "12", "--name", record];
        assert!(output(after(":", &args)).status.success());
    }
    let findings = folder.path().join("findings");
    let (a, b) = (records.join("a"), records.join("b"));
    let weights = root.join("model/weights/mitbih-beats.npz");
    let args = [
        "classify",
        "--backend",
        "cpu",
        "--weights",
        name(&weights),
        "--output",
        name(&findings),
        name(&a),
        name(&b),
    ];
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    let done = program().args(args).stdout(writer).output().expect("the program starts");
    assert_eq!((done.status.code(), text(&done.stderr)), (Some(0), ""));
    assert_eq!(files(&findings), ["a.csv", "b.csv"]);
}

#[test]
fn outputs_to_pipes_and_devices_and_through_links() {
    let (folder, input) = inputs();
    let weights = golden().0;
    let y = folder.path().join("y.npz");
    assert!(output(after(":", &run_args(&weights, &input, name(&y)))).status.success());
    let want = std::fs::read(&y).expect("read");
    assert!(output(after(":", &run_args(&weights, &input, "/dev/null"))).status.success());

    // The archive alone, in a pipe or a file.
    let piped = output(after(":", &run_args(&weights, &input, "/dev/stdout")));
    assert_eq!((piped.status.code(), text(&piped.stderr)), (Some(0), ""));
    assert_eq!(piped.stdout, want);
    let z = folder.path().join("z.npz");
    let redirected = format!("exec >'{}'", name(&z));
    assert!(output(after(&redirected, &run_args(&weights, &input, "/dev/stdout"))).status.success());
    assert_eq!(std::fs::read(&z).expect("read"), want);

    let fifo = folder.path().join("fifo");
    mkfifo(&fifo);
    let mut writer =
        after(":", &run_args(&weights, &input, name(&fifo))).stdout(Stdio::null()).spawn().expect("starts");
    let mut got = Vec::new();
    std::fs::File::open(&fifo).and_then(|mut f| f.read_to_end(&mut got)).expect("read");
    assert!(writer.wait().expect("ends").success());
    assert_eq!(got, want);

    let link = folder.path().join("link.npz");
    std::os::unix::fs::symlink("y.npz", &link).expect("a link");
    std::fs::write(&y, "before").expect("written");
    assert!(output(after(":", &run_args(&weights, &input, name(&link)))).status.success());
    assert!(std::fs::symlink_metadata(&link).expect("there").is_symlink());
    assert_eq!(std::fs::read(&y).expect("read"), want);
}

/// Opening a pipe waits for a writer, reading a device never ends.
#[test]
fn what_is_no_file_is_refused_at_once() {
    let (folder, input) = inputs();
    let (weights, reference) = golden();
    let w = name(&weights);
    let path = |file: &str| folder.path().join(file);
    for fifo in ["p.npz", "p.hea", "d.dat", "r.atr", "m.mat"] {
        mkfifo(&path(fifo));
    }
    let put = |file: &str, text: &str| std::fs::write(path(file), text).expect("written");
    put("d.hea", "d 1 100 8\nd.dat 16\n");
    put("m.hea", "m 1 100 8\nm.mat 16+24\n");
    put("r.hea", "r 1 100 8\nr.dat 16\n");
    put("r.dat", &"x".repeat(16));
    put("s.hea", "s/1 1 100 8\np 8\n");
    std::os::unix::fs::symlink("/dev/zero", path("zero.hea")).expect("a link");
    std::os::unix::fs::symlink("ring.hea", path("ring.hea")).expect("a link");
    std::fs::create_dir(path("folder.hea")).expect("made");
    let y = path("y.npz");
    let as_weights = |file: &str| vec!["info".to_owned(), "--weights".to_owned(), file.to_owned()];
    let as_input = |file: &str| {
        let args = run_args(&weights, Path::new(file), name(&y));
        args.into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    let as_record = |file: &str, more: &[&str]| {
        let args = [&["classify", "--backend", "cpu", "--weights", w, file], more].concat();
        args.into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    let pipe = "a pipe, device or socket";
    for (args, parts) in [
        (as_weights(name(&path("p.npz"))), ["p.npz", pipe]),
        (as_weights("/dev/zero"), ["/dev/zero", pipe]),
        (as_weights("/dev/stdin"), ["/dev/stdin", pipe]),
        (as_input(name(&path("p.npz"))), ["p.npz", pipe]),
        (as_input("/dev/full"), ["/dev/full", pipe]),
        (as_record(name(&path("p")), &[]), ["p.hea", pipe]),
        (as_record(name(&path("d")), &[]), ["d.dat", pipe]),
        (as_record(name(&path("m")), &[]), ["m.mat", pipe]),
        (as_record(name(&path("s")), &[]), ["p.hea", pipe]),
        (as_record(name(&path("r")), &["--beats", "atr"]), ["r.atr", pipe]),
        (as_record(name(&path("zero")), &[]), ["zero.hea", pipe]),
        (as_record(name(&path("ring")), &[]), ["ring.hea", "cannot read"]),
        (as_record(name(&path("folder")), &[]), ["folder.hea", "a directory"]),
    ] {
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        let mut command = program();
        let child = command.args(&args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = child.spawn().expect("the program starts");
        // Far beyond any start: only a hang takes a minute.
        let start = Instant::now();
        while child.try_wait().expect("waited").is_none() {
            if start.elapsed() > Duration::from_secs(60) {
                let _ = child.kill();
                panic!("{args:?} hangs");
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        failed(2, &args, &parts, &child.wait_with_output().expect("output"));
    }
    let _ = (input, reference);
}

#[test]
fn no_threads_to_be_had() {
    let (folder, input) = inputs();
    let weights = golden().0;
    let want = folder.path().join("want.npz");
    assert!(output(after(":", &run_args(&weights, &input, name(&want)))).status.success());
    // The limit does not bind root, who can be somebody else.
    let root = Command::new("id").arg("-u").output().is_ok_and(|o| o.stdout == b"0\n");
    let (y, setpriv) = (folder.path().join("y.npz"), "setpriv --reuid 65534 --clear-groups");
    let open = std::os::unix::fs::PermissionsExt::from_mode(0o777);
    std::fs::set_permissions(folder.path(), open).expect("set");
    let program = folder.path().join("efficientecg");
    std::fs::copy(env!("CARGO_BIN_EXE_efficientecg"), &program).expect("copied");
    let copy = folder.path().join("w.npz");
    std::fs::copy(&weights, &copy).expect("copied");
    for (backend, threads) in [("cpu", "2"), ("auto", "2")] {
        let mut args = run_args(&copy, &input, name(&y));
        args[2] = backend;
        args.extend(["--threads", threads]);
        let as_user = if root { setpriv } else { "" };
        let script = format!("ulimit -u 1 2>/dev/null || ulimit -p 1; exec {as_user} \"$@\"");
        let done = Command::new("bash").args(["-c", &script, "bash", name(&program)]).args(&args).output();
        let Ok(done) = done else {
            efficientecg_skipped::skipped("no bash: the case of no threads");
            return;
        };
        assert_eq!((done.status.code(), text(&done.stderr)), (Some(0), ""), "{backend}");
        let threads = if backend == "cpu" { "1 threads" } else { "" };
        assert!(text(&done.stdout).contains(threads), "{}", text(&done.stdout));
        assert_eq!(std::fs::read(&y).expect("read"), std::fs::read(&want).expect("read"), "{backend}");
        std::fs::remove_file(&y).expect("removed");
    }
}

/// From too little to start a network to enough: results, or one line and exit code 2.
#[test]
fn too_little_memory_is_one_line() {
    let (folder, _) = inputs();
    let weights = golden().0;
    let y = folder.path().join("y.npz");
    // 40 MB of signal.
    let large = folder.path().join("large.npz");
    let leads = Arrays::read(&golden().1).0["signal"].shape[1];
    let samples = 10_000_000 / leads;
    let data = Data::F32(vec![0.5; leads * samples]);
    Arrays::read(&golden().1).inputs().add("signal", &[1, leads, samples], data).write(&large);
    let args = run_args(&weights, &large, name(&y));
    let args = [&args[..], &["--threads", "1"]].concat();
    let mut refused = 0;
    for megabytes in [40, 60, 80, 100, 150, 200, 300, 400] {
        let done = output(after(&format!("ulimit -v {megabytes}000"), &args));
        if done.status.success() {
            std::fs::remove_file(&y).expect("removed");
            continue;
        }
        refused += 1;
        assert_eq!(done.status.code(), Some(2), "{megabytes} MB: {:?} {}", done.status, text(&done.stderr));
        assert_eq!(text(&done.stderr).lines().count(), 1, "{megabytes} MB: {}", text(&done.stderr));
        failed(2, &args, &["bytes"], &done);
        assert!(!y.exists());
    }
    assert!(refused >= 3, "{refused}");
    assert_eq!(files(folder.path()), ["large.npz", "x.npz"]);
}

/// A signal ends the program as it ends any other, and leaves no file behind.
#[test]
fn signals_leave_nothing_behind() {
    let folder = folder();
    let weights = golden().0;
    let large = folder.path().join("large.npz");
    let leads = Arrays::read(&golden().1).0["signal"].shape[1];
    let batch = 20_000;
    let data = Data::F32(vec![0.5; batch * leads]);
    let signal = efficientecg::npz::Array { shape: vec![batch, leads, 1], data };
    let list = [("signal", &signal)];
    efficientecg::npz::write_npz(&large, &list, efficientecg::npz::Packing::Stored).expect("written");
    let y = folder.path().join("y.npz");
    for (signal, number) in [("INT", 2), ("TERM", 15), ("KILL", 9)] {
        for wait in [0, 3, 10, 30, 60, 100] {
            let mut command = after(":", &run_args(&weights, &large, name(&y)));
            let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("starts");
            std::thread::sleep(Duration::from_millis(wait));
            let kill = format!("kill -{signal} {}", child.id());
            let _ = Command::new("sh").args(["-c", &kill]).stderr(Stdio::null()).status();
            let status = child.wait().expect("ends");
            use std::os::unix::process::ExitStatusExt;
            assert!(
                status.success() || status.signal() == Some(number),
                "{signal} after {wait} ms: {status}"
            );
            if y.exists() {
                // Whole, as it was there.
                let archive = Archive::open(&y).expect("opens");
                archive.read("logits", Class::Float, None).expect("reads");
                archive.read("probabilities", Class::Float, None).expect("reads");
                std::fs::remove_file(&y).expect("removed");
            }
            let left: Vec<_> = files(folder.path()).into_iter().filter(|f| f != "large.npz").collect();
            assert!(left.is_empty(), "{signal} after {wait} ms: {left:?}");
        }
    }
}

/// A file that shrinks, grows or is replaced while it is read gives a result or one line.
#[test]
fn a_file_that_changes_while_it_is_read() {
    let (folder, input) = inputs();
    let (weights, _) = golden();
    let w = folder.path().join("w.npz");
    let whole = std::fs::read(&weights).expect("read");
    let y = folder.path().join("y.npz");
    let stop = std::sync::atomic::AtomicBool::new(false);
    let (mut good, mut bad) = (0, 0);
    std::fs::write(&w, &whole).expect("written");
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut state = 1u64;
            while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                let len = (state >> 33) as usize % (2 * whole.len());
                let _ = std::fs::write(&w, &whole[..len.min(whole.len())]);
                let _ = std::fs::write(&w, &whole);
            }
        });
        for _ in 0..60 {
            let args = run_args(&w, &input, name(&y));
            let done = output(after(":", &args));
            match done.status.code() {
                Some(0) => good += 1,
                _ => {
                    failed(2, &args, &["w.npz"], &done);
                    bad += 1;
                }
            }
        }
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
    });
    println!("a file that changes: {good} runs read it whole, {bad} refused it");
}

#[test]
fn keep_going_runs_the_records_that_are_sound() {
    let folder = folder();
    let golden = golden().0.with_file_name("");
    let (weights, reference) = (golden.join("random-09.npz"), golden.join("random-09.ref.npz"));
    let (x, y) = (folder.path().join("x.npz"), folder.path().join("y.npz"));
    let read = |path: &Path| {
        let archive = Archive::open(path).expect("opens");
        let rows = |name: &str| match archive.read(name, Class::Float, None).expect("reads").data {
            Data::F32(v) => v.into_iter().map(f32::to_bits).collect::<Vec<_>>(),
            other => panic!("not f4: {other:?}"),
        };
        [rows("logits"), rows("probabilities")]
    };
    Arrays::read(&reference).inputs().write(&x);
    let args = run_args(&weights, &x, name(&y));
    assert!(output(after(":", &args)).status.success());
    let want = read(&y);
    let classes = want[0].len() / 4;

    let all = Arrays::read(&reference).inputs();
    let values = all.0["signal"].data.to_f64();
    let shape = all.0["signal"].shape.clone();
    let per = values.len() / 4;
    let with = |changes: &[(usize, f64)]| {
        let mut values = values.clone();
        for (record, value) in changes {
            values[record * per..][..per].iter_mut().enumerate().for_each(|(i, v)| {
                // Signs that alternate overflow somewhere.
                *v = if i % 2 == 0 { *value } else { -*value };
            });
        }
        Arrays::read(&reference).inputs().add("signal", &shape, Data::F64(values))
    };
    let (nan, inf) = (f64::NAN, f64::INFINITY);
    for (changes, why) in [
        (&[(2, nan)][..], &["found NaN"][..]),
        (&[(0, inf), (3, nan)], &["found inf", "found NaN"]),
        (&[(1, 1e300)], &["overflows f32"]),
        (&[(3, 3e38)], &["activations overflow"]),
        (&[(0, 3e38), (1, nan), (3, 3e38)], &["activations overflow", "found NaN", "activations overflow"]),
        (&[(0, nan), (1, nan), (2, nan), (3, nan)], &["NaN"; 4]),
    ] {
        with(changes).write(&x);
        std::fs::remove_file(&y).unwrap_or(());
        let first = format!("record {}", changes.iter().find(|c| c.1.abs() != 3e38).unwrap_or(&changes[0]).0);
        failed(2, &args, &["x.npz", &first], &output(after(":", &args)));
        assert!(!y.exists(), "something is written without --keep-going");
        for size in ["4", "1", "3"] {
            let args = [&args[..], &["--keep-going", "--json", "--batch", size]].concat();
            let done = output(after(":", &args));
            let lines: Vec<&str> = text(&done.stderr).lines().collect();
            assert_eq!(done.status.code(), Some(1), "{lines:?}");
            assert_eq!(lines.len(), changes.len() + 1, "{lines:?}");
            for ((line, (record, _)), why) in lines.iter().zip(changes).zip(why) {
                assert!(line.contains("x.npz") && line.contains(&format!("record {record}")), "{line}");
                assert!(line.contains(why), "{line}");
            }
            assert!(lines[changes.len()].contains(&format!("{} of 4 records refused", changes.len())));
            let report: serde_json::Value = serde_json::from_slice(&done.stdout).expect("JSON");
            let refused: Vec<usize> = changes.iter().map(|c| c.0).collect();
            assert_eq!(report["refused"], serde_json::json!(refused));
            for (got, want) in read(&y).iter().zip(&want) {
                for record in 0..4 {
                    let rows = record * classes..(record + 1) * classes;
                    if refused.contains(&record) {
                        assert!(got[rows].iter().all(|v| f32::from_bits(*v).is_nan()), "record {record}");
                    } else {
                        assert_eq!(got[rows.clone()], want[rows], "record {record}");
                    }
                }
            }
        }
    }
    // Nothing refused: as without.
    Arrays::read(&reference).inputs().write(&x);
    let args = [&args[..], &["--keep-going"]].concat();
    let done = output(after(":", &args));
    assert_eq!((done.status.code(), text(&done.stderr)), (Some(0), ""));
    assert_eq!(read(&y), want);
}

/// Every member of an archive unpacks to a thousand times its size.
#[test]
fn bombs() {
    let (folder, _) = inputs();
    let weights = golden().0;
    let leads = Arrays::read(&golden().1).0["signal"].shape[1];
    let (x, y) = (folder.path().join("bomb.npz"), folder.path().join("y.npz"));
    let samples = (300usize << 20) / 4 / leads;
    let zeros = efficientecg::npz::Array {
        shape: vec![1, leads, samples],
        data: Data::F32(vec![0.0; leads * samples]),
    };
    let packing = efficientecg::npz::Packing::Deflated;
    efficientecg::npz::write_npz(&x, &[("signal", &zeros)], packing).expect("written");
    assert!(std::fs::metadata(&x).expect("there").len() < 1 << 20, "no bomb");
    let args = run_args(&weights, &x, name(&y));
    let done = output(after("ulimit -v 1000000", &args));
    failed(2, &args, &["bomb.npz", "signal", "64 times", "uncompressed"], &done);
}
