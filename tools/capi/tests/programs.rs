//! The examples in C and C++, built with the installed library, shared and static: the bits of the Rust library, under
//! AddressSanitizer and valgrind too. The symbols and structs that programs were compiled with.
#![cfg(target_os = "linux")]

use efficientecg::classify::{Monitor, MonitorEvent, Settings};
use efficientecg::ecg::Record;
use efficientecg::{Inputs, Level, Model, Precision, Weights};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

fn here() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn run(command: &mut Command) -> Output {
    let out = command.output().unwrap_or_else(|e| panic!("{command:?}: {e}"));
    let text = String::from_utf8_lossy(&out.stderr);
    assert!(out.status.success(), "{command:?}\n{}\n{text}", String::from_utf8_lossy(&out.stdout));
    out
}

/// What all tests share: the library as `install` puts it, and packed weights.
struct Installed {
    folder: tempfile::TempDir,
}

impl Installed {
    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// None where a compiler for C or C++, or pkg-config, is absent; it says so.
    fn get() -> Option<&'static Installed> {
        static INSTALLED: OnceLock<Option<Installed>> = OnceLock::new();
        let installed = INSTALLED.get_or_init(|| {
            for tool in ["cc", "c++", "pkg-config"] {
                if Command::new(tool).arg("--version").output().is_err() {
                    let required = std::env::var("EFFICIENTECG_REQUIRE_VALGRIND").is_ok_and(|v| v == "1");
                    assert!(!required, "EFFICIENTECG_REQUIRE_VALGRIND=1, and there is no {tool}");
                    efficientecg_skipped::skipped(&format!(
                        "the examples in C: there is no {tool} (apt install g++ pkg-config)"
                    ));
                    return None;
                }
            }
            let installed = Installed { folder: tempfile::tempdir().expect("a folder") };
            let profile = if cfg!(debug_assertions) { "test" } else { "release" };
            let cargo = std::env::var_os("CARGO").expect("cargo runs the tests");
            let path = std::env::var_os("PATH").unwrap_or_default();
            let mut folders = vec![PathBuf::from(&cargo).parent().expect("cargo's folder").to_owned()];
            folders.extend(std::env::split_paths(&path));
            let mut install = Command::new(here().join("install"));
            install.arg(installed.path("usr")).args(["--profile", profile]);
            run(install.env("PATH", std::env::join_paths(folders).expect("folders")));
            for name in ["ptbxl-8lead", "mitbih-beats"] {
                let weights = Weights::load(here().join(format!("../../model/weights/{name}.npz")));
                let packed = efficientecg::packed::pack(&weights.expect("weights"), Precision::F16);
                std::fs::write(installed.path(&format!("{name}.ecgw")), packed.expect("packed"))
                    .expect("written");
            }
            let bytes: Vec<u8> = signal().iter().flat_map(|x| x.to_le_bytes()).collect();
            std::fs::write(installed.path("signal.f32"), bytes).expect("written");
            Some(installed)
        });
        installed.as_ref()
    }

    /// What pkg-config says of the library.
    fn flags(&self, kinds: &[&str]) -> Vec<String> {
        let mut command = Command::new("pkg-config");
        command.args(kinds).arg("efficientecg").env("PKG_CONFIG_PATH", self.path("usr/lib/pkgconfig"));
        let out = run(&mut command);
        String::from_utf8_lossy(&out.stdout).split_whitespace().map(str::to_owned).collect()
    }

    /// Compiles an example; with the static library for `static`.
    fn build(&self, source: &str, linked: &str, options: &[&str]) -> PathBuf {
        // Tests run beside each other: none may replace a program that another runs.
        static BUILT: AtomicUsize = AtomicUsize::new(0);
        let program = self.path(&format!("{source}-{}", BUILT.fetch_add(1, Ordering::Relaxed)));
        let (compiler, standard) =
            if source.ends_with("pp") { ("c++", "-std=c++17") } else { ("cc", "-std=c11") };
        let mut command = Command::new(compiler);
        command.args([standard, "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-O1", "-g"]).args(options);
        command.arg(here().join("examples").join(source)).arg("-o").arg(&program);
        command.args(self.flags(&["--cflags"]));
        match linked {
            "static" => {
                // The linker would take the shared one.
                let library = self.path("usr/lib/libefficientecg.a").display().to_string();
                let flags = self.flags(&["--static", "--libs"]).into_iter();
                command.args(flags.map(|flag| if flag == "-lefficientecg" { library.clone() } else { flag }));
            }
            _ => {
                command.args(self.flags(&["--libs"]));
                command.arg(format!("-Wl,-rpath,{}", self.path("usr/lib").display()));
            }
        }
        run(&mut command);
        program
    }
}

/// Eight leads of a thousand samples, made up.
fn signal() -> Vec<f32> {
    let mut state = 1u32;
    let mut noise = || {
        // Marsaglia, *Xorshift RNGs*, 2003.
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state as f32 / u32::MAX as f32 - 0.5
    };
    (0..8000).map(|i| (i as f32 / 40.0).sin() + noise()).collect()
}

/// What `run` prints, by the library: a line a class, each number by its bits.
fn expected(all: &Installed, level: Option<Level>, age: Option<f64>) -> Vec<(String, u32, u32)> {
    let mut options = Model::builder().threads(1);
    if let Some(level) = level {
        options = options.level(level);
    }
    let model = options.load(all.path("ptbxl-8lead.ecgw")).expect("a model");
    let inputs = Inputs::new(signal(), [1, 8, 1000]).expect("inputs").age([age]);
    let out = model.run(&inputs).expect("a run");
    assert!(out.logits.iter().all(|x| x.is_finite()));
    let numbers = out.logits.iter().zip(&out.probabilities);
    model
        .config()
        .classes
        .iter()
        .zip(numbers)
        .map(|(c, (l, p))| (c.clone(), l.to_bits(), p.to_bits()))
        .collect()
}

fn printed(out: &Output) -> Vec<(String, u32, u32)> {
    let text = String::from_utf8_lossy(&out.stdout);
    let bits = |word: &str| word.parse::<f32>().expect("a number").to_bits();
    let line = |line: &str| {
        let words: Vec<&str> = line.split(' ').collect();
        (words[0].to_owned(), bits(words[1]), bits(words[2]))
    };
    text.lines().map(line).collect()
}

/// Runs `run` on the made-up signal.
fn run_example(all: &Installed, mut program: Command, more: &[&str]) -> Vec<(String, u32, u32)> {
    printed(&run(program.arg(all.path("ptbxl-8lead.ecgw")).arg(all.path("signal.f32")).args(more)))
}

#[test]
fn a_network_gives_the_librarys_bits() {
    let Some(all) = Installed::get() else { return };
    let (with, without) = (expected(all, None, Some(63.5)), expected(all, None, None));
    assert_eq!(without.len(), 5);
    assert_ne!(with, without);
    for linked in ["shared", "static"] {
        let program = all.build("run.c", linked, &[]);
        assert_eq!(run_example(all, Command::new(&program), &["63.5"]), with, "{linked}");
        assert_eq!(run_example(all, Command::new(&program), &[]), without, "{linked}");
        for level in Level::available() {
            let want = expected(all, Some(level), Some(63.5));
            let found = run_example(all, Command::new(&program), &["63.5", level.name()]);
            assert_eq!(found, want, "{linked} {}", level.name());
        }
    }
    assert_eq!(run_example(all, Command::new(all.build("run.cpp", "shared", &[])), &[]), without);
}

/// The samples of the demo record, and the leads' names.
fn demo() -> (Vec<u8>, Vec<f32>, f64) {
    let record = Record::open(here().join("../demo/demo")).expect("a record");
    let leads: Vec<&[f32]> = record.leads.iter().map(|lead| lead.samples.as_slice()).collect();
    let mut samples: Vec<f32> =
        (0..leads[0].len()).flat_map(|i| leads.iter().map(move |lead| lead[i])).collect();
    // A part without a signal: such beats get no class.
    let flat = samples.len() / 2;
    samples[flat..flat + 20 * 2 * 360].fill(0.0);
    (samples.iter().flat_map(|x| x.to_le_bytes()).collect(), samples, record.sample_rate)
}

/// What `monitor` prints, by the library.
fn monitored(all: &Installed, samples: &[f32], rate: f64) -> String {
    let model = Model::builder().threads(1).load(all.path("mitbih-beats.ecgw")).expect("a model");
    let classes = model.config().classes.clone();
    let mut monitor = Monitor::new(model.into(), &["MLII", "V1"], rate, &Settings::new()).expect("a monitor");
    let (mut events, mut text) = (Vec::new(), String::new());
    for samples in samples.chunks(128) {
        monitor.push(samples, &mut events).expect("classes");
    }
    monitor.finish(&mut events).expect("classes");
    for event in events {
        text += &match event {
            MonitorEvent::Beat(beat) => match beat.class {
                Ok(class) => {
                    format!("{:.3} {} {:?}\n", beat.seconds, classes[class], beat.probabilities[class])
                }
                Err(reason) => format!("{:.3} - {}\n", beat.seconds, reason.name()),
            },
            MonitorEvent::Signal { seconds, reason } => {
                format!("{seconds:.3} signal {}\n", reason.map_or("none", |reason| reason.name()))
            }
            _ => panic!("an event that the example does not know"),
        };
    }
    text
}

/// Lines with numbers by their bits.
fn by_bits(text: &str) -> Vec<String> {
    let line = |line: &str| match line.rsplit_once(' ') {
        Some((start, last)) => match last.parse::<f32>() {
            Ok(number) => format!("{start} {:08x}", number.to_bits()),
            Err(_) => line.to_owned(),
        },
        None => line.to_owned(),
    };
    text.lines().map(line).collect()
}

fn monitor_example(all: &Installed, mut program: Command, rate: f64, bytes: &[u8]) -> String {
    let samples = all.path(&format!("samples-{}.f32", bytes.len()));
    std::fs::write(&samples, bytes).expect("written");
    program.arg(all.path("mitbih-beats.ecgw")).arg(rate.to_string()).args(["MLII", "V1"]);
    program.stdin(std::fs::File::open(samples).expect("samples"));
    String::from_utf8(run(&mut program).stdout).expect("text")
}

#[test]
fn a_live_stream_gives_the_librarys_bits() {
    let Some(all) = Installed::get() else { return };
    let (bytes, samples, rate) = demo();
    let want = by_bits(&monitored(all, &samples, rate));
    let refused = want.iter().filter(|line| line.contains("signal")).count();
    assert!(want.len() > 80 && refused >= 2, "{want:?}");
    let program = all.build("monitor.c", "shared", &[]);
    assert_eq!(by_bits(&monitor_example(all, Command::new(program), rate, &bytes)), want);
}

#[test]
fn address_sanitizer_finds_nothing() {
    let Some(all) = Installed::get() else { return };
    let sanitize = ["-fsanitize=address,undefined", "-fno-sanitize-recover"];
    let program = all.build("run.c", "static", &sanitize);
    assert_eq!(run_example(all, Command::new(&program), &["63.5"]), expected(all, None, Some(63.5)));
    let (bytes, samples, rate) = demo();
    let (some, bytes) = (&samples[..2 * 360 * 30], &bytes[..4 * 2 * 360 * 30]);
    let program = all.build("monitor.c", "static", &sanitize);
    assert_eq!(
        by_bits(&monitor_example(all, Command::new(program), rate, bytes)),
        by_bits(&monitored(all, some, rate))
    );
    // What goes wrong leaks nothing either.
    let program = all.build("run.c", "static", &sanitize);
    let out = Command::new(&program)
        .arg(all.path("signal.f32"))
        .arg(all.path("signal.f32"))
        .output()
        .expect("it runs");
    let text = String::from_utf8_lossy(&out.stderr);
    assert!(out.status.code() == Some(2) && text.lines().count() == 1, "{text}");
}

#[test]
fn valgrind_finds_nothing() {
    let Some(all) = Installed::get() else { return };
    if Command::new("valgrind").arg("--version").output().is_err() {
        let required = std::env::var_os("EFFICIENTECG_REQUIRE_VALGRIND").is_some_and(|v| v == "1");
        assert!(!required, "EFFICIENTECG_REQUIRE_VALGRIND=1, and there is no valgrind");
        efficientecg_skipped::skipped("the C examples under valgrind: there is none (apt install valgrind)");
        return;
    }
    let valgrind = |program: &Path| {
        let mut command = Command::new("valgrind");
        command.args(["--quiet", "--error-exitcode=99", "--leak-check=full", "--show-leak-kinds=all"]);
        command.args(["--errors-for-leak-kinds=definite,indirect,possible"]).arg(program);
        command
    };
    // The best that it knows.
    let level = Level::by_name("avx2").or(Level::by_name("scalar")).expect("a level");
    let program = all.build("run.c", "shared", &[]);
    let found = run_example(all, valgrind(&program), &["63.5", level.name()]);
    assert_eq!(found, expected(all, Some(level), Some(63.5)));
    let (bytes, _, rate) = demo();
    let program = all.build("monitor.c", "shared", &["-O0"]);
    let text = monitor_example(all, valgrind(&program), rate, &bytes[..4 * 2 * 360 * 12]);
    assert!(text.lines().count() > 5, "{text}");
}

/// The functions that the header declares.
fn declared() -> BTreeSet<String> {
    let header = include_str!("../include/efficientecg.h");
    let names = header.lines().filter(|line| !line.starts_with([' ', '/', '#', '*']));
    let name = |line: &str| {
        let (before, _) = line.split_once('(')?;
        let name = before.rsplit([' ', '*']).next()?;
        name.starts_with("ecg_").then(|| name.to_owned())
    };
    names.filter_map(name).collect()
}

#[test]
fn symbols_are_those_of_the_header() {
    let Some(all) = Installed::get() else { return };
    let library = all.path("usr/lib/libefficientecg.so");
    let out = run(Command::new("nm").args(["--dynamic", "--defined-only", "--format=posix"]).arg(&library));
    let text = String::from_utf8_lossy(&out.stdout).into_owned();
    let exported: BTreeSet<String> =
        text.lines().filter_map(|line| line.split(' ').next()).map(str::to_owned).collect();
    assert_eq!(exported, declared());
    assert_eq!(exported.len(), 21, "a function more or fewer is another ABI: {exported:?}");
    let out = run(Command::new("readelf").arg("--dynamic").arg(&library));
    let version = env!("CARGO_PKG_VERSION").rsplit_once('.').expect("numbers").0;
    let named = format!("Library soname: [libefficientecg.so.{version}]");
    assert!(String::from_utf8_lossy(&out.stdout).contains(&named), "{named}");
    // No handler of signals is set, no process started.
    let out = run(Command::new("nm").args(["--dynamic", "--undefined-only", "--format=posix"]).arg(&library));
    let text = String::from_utf8_lossy(&out.stdout).into_owned();
    for name in ["sigaction", "signal", "fork", "execve", "atexit"] {
        let of = |line: &str| line.split([' ', '@']).next() == Some(name);
        assert!(!text.lines().any(of), "the library needs {name}");
    }
}

#[test]
fn headers_compile_as_c_and_cpp() {
    let Some(all) = Installed::get() else { return };
    let flags = all.flags(&["--cflags"]);
    let strict = ["-Wall", "-Wextra", "-Wpedantic", "-Werror", "-fsyntax-only"];
    run(Command::new("cc")
        .args(["-std=c11", "-x", "c"])
        .args(strict)
        .args(&flags)
        .arg(here().join("tests/abi.h")));
    for header in ["efficientecg.h", "efficientecg.hpp"] {
        let source = all.path(&format!("{header}.cpp"));
        std::fs::write(&source, format!("#include <{header}>\n")).expect("written");
        run(Command::new("c++").args(["-std=c++17"]).args(strict).args(&flags).arg(source));
    }
}

#[test]
fn the_readmes_c_compiles() {
    let Some(all) = Installed::get() else { return };
    let (_, rest) = include_str!("../README.md").split_once("```c\n").expect("a block in C");
    let (block, _) = rest.split_once("```").expect("its end");
    let source = all.path("readme.c");
    let arguments = "float *signal, float *logits, float *probabilities, size_t classes";
    let text = format!(
        "#include <efficientecg.h>\n#include <stdio.h>\nvoid run({arguments});\nvoid run({arguments}) {{\n{block}}}\n"
    );
    std::fs::write(&source, text).expect("written");
    let strict = ["-std=c11", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-fsyntax-only"];
    run(Command::new("cc").args(strict).args(all.flags(&["--cflags"])).arg(source));
}

#[test]
fn what_goes_wrong_is_one_line() {
    let Some(all) = Installed::get() else { return };
    let program = all.build("run.c", "shared", &[]);
    let fails = |arguments: &[&Path], says: &str| {
        let out = Command::new(&program).args(arguments).output().expect("it runs");
        let text = String::from_utf8_lossy(&out.stderr);
        assert!(out.status.code() == Some(2) && text.lines().count() == 1 && text.contains(says), "{text}");
    };
    let (weights, signal) = (all.path("ptbxl-8lead.ecgw"), all.path("signal.f32"));
    fails(&[Path::new("none.ecgw"), &signal], "none.ecgw: file: expected packed weights, found no such file");
    fails(&[&signal, &signal], "signal.f32");
    fails(&[&weights, &signal, Path::new("inf")], "age, record 0: expected a finite number");
    fails(&[&weights, &signal, Path::new("60"), Path::new("mmx")], "level: expected one of");
    let cpp = all.build("run.cpp", "shared", &[]);
    let out = Command::new(cpp).arg(&weights).arg("none.f32").output().expect("it runs");
    let text = String::from_utf8_lossy(&out.stderr);
    assert!(out.status.code() == Some(2) && text.lines().count() == 1 && text.contains("none.f32"), "{text}");
    let broken = all.path("broken.f32");
    std::fs::write(&broken, [f32::NAN; 8].map(f32::to_le_bytes).concat()).expect("written");
    fails(&[&weights, &broken], "signal, record 0: expected finite values");
}
