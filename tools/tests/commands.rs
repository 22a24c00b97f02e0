//! The program as a user meets it: exit codes, one line on standard error, results on standard output.

mod harness;

use efficientecg::inputs::read_inputs;
use efficientecg::npz::{Archive, Array, Class, Data};
use efficientecg::{Level, Model};
use harness::*;
use serde_json::Value;
use std::path::PathBuf;

/// The fuzz target's corpus, and what it once found.
#[test]
fn command_lines_of_the_corpus() {
    let corpus = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fuzz/corpus/command_line");
    let mut good = 0;
    for entry in std::fs::read_dir(corpus).expect("a corpus") {
        let words = std::fs::read(entry.expect("an entry").path()).expect("read");
        let words = String::from_utf8_lossy(&words).into_owned();
        match efficientecg_cli::check_command_line(std::iter::once("efficientecg").chain(words.lines())) {
            Ok(()) => good += 1,
            Err(line) => assert!(!line.chars().any(char::is_control), "{line}"),
        }
    }
    assert!(good >= 5, "{good}");
}

#[test]
fn command_lines() {
    let (weights, reference) = golden();
    let (w, r) = (name(&weights), name(&reference));
    let verify = |more: &[&'static str]| [&["verify", "--weights", w, "--reference", r], more].concat();
    fails(2, &[], &["subcommand", "--help"]);
    fails(2, &["fly"], &["fly"]);
    fails(2, &["verify", "--weights", w], &["--reference"]);
    fails(2, &["run", "--weights", w, "--input", r], &["--output"]);
    fails(2, &verify(&["--nope"]), &["--nope"]);
    #[cfg(not(feature = "gpu"))]
    fails(2, &verify(&["--backend", "gpu"]), &["--backend gpu", "--backend cpu"]);
    #[cfg(feature = "gpu")]
    fails(2, &verify(&["--gpu-features", "f61"]), &["--gpu-features", "f61", "pipeline-cache"]);
    #[cfg(feature = "gpu")]
    fails(2, &verify(&["--backend", "gpu", "--gpu", "no such"]), &["--backend gpu", "no such", "CPU"]);
    fails(2, &verify(&["--backend", "tpu"]), &["tpu", "reference"]);
    fails(2, &verify(&["--backend", "reference", "--precision", "f16"]), &["--precision f16", "f32"]);
    #[cfg(feature = "gpu")]
    fails(2, &verify(&["--backend", "gpu", "--precision", "bf16"]), &["--backend gpu", "bf16", "the CPU"]);
    fails(2, &verify(&["--precision", "f8"]), &["f8"]);
    let scalar = verify(&["--backend", "cpu", "--level", "scalar", "--precision", "bf16"]);
    fails(0, &scalar, &["--precision bf16", "scalar", "running in f32"]);
    fails(2, &verify(&["--threads", "0"]), &["--threads", "0"]);
    fails(2, &verify(&["--threads", "many"]), &["--threads", "many"]);
    fails(2, &verify(&["--batch", "0"]), &["--batch", "0"]);
    fails(2, &verify(&["--level", "nonsense"]), &["--level nonsense", "scalar"]);
    fails(2, &verify(&["--level", "a\nb\u{1b}[31m"]), &["--level"]);
    fails(2, &verify(&["--no\npe"]), &["--no"]);
    fails(2, &["info", "--weights", w, "--samples", "0"], &["--samples"]);
    for help in ["--help", "--version"] {
        assert!(succeeds(&[help]).contains("efficientecg"));
    }
    for command in ["classify", "run", "verify", "info"] {
        assert!(succeeds(&[command, "--help"]).contains("--weights"));
    }
}

/// Each weight file that is wrong is an error of every command that loads one.
#[test]
fn weights_that_are_wrong() {
    let folder = folder();
    let (weights, reference) = golden();
    let read = || Arrays::read(&weights);
    let bytes = std::fs::read(&weights).expect("read");
    let path = |file: &str| folder.path().join(file);
    std::fs::create_dir(path("folder")).expect("made");
    std::fs::write(path("text.npz"), "Not a model.").expect("written");
    std::fs::write(path("empty.npz"), []).expect("written");
    std::fs::write(path("half.npz"), &bytes[..bytes.len() / 2]).expect("written");
    std::fs::write(path("two\nlines.npz"), []).expect("written");
    read().with("head.conv.weight", set(f64::NAN)).write(&path("nan.npz"));
    read().without("head.bn.bias").write(&path("missing.npz"));
    read().add("blocks.99.extra", &[1], Data::F32(vec![0.0])).write(&path("extra.npz"));
    read().with("head.conv.weight", |a| a.shape.rotate_left(1)).write(&path("shape.npz"));
    let integers = |a: &mut Array| a.data = Data::I64(vec![1; a.data.len()]);
    read().with("classifier.bias", integers).write(&path("type.npz"));
    let huge = |a: &mut Array| {
        let Data::U8(text) = &mut a.data else { panic!("text") };
        let json = String::from_utf8(text.clone()).expect("UTF-8");
        let mut config: Value = serde_json::from_str(&json).expect("JSON");
        config["head_channels"] = (1u64 << 60).into();
        *text = config.to_string().into_bytes();
        a.shape = vec![text.len()];
    };
    read().with("config", huge).write(&path("huge.npz"));
    for (file, parts) in [
        ("none.npz", &["file", "check the path"][..]),
        ("folder", &["config.json"]),
        ("text.npz", &["not a zip archive"]),
        ("empty.npz", &["empty file"]),
        ("half.npz", &["zip archive"]),
        ("two\nlines.npz", &["empty file"]),
        ("nan.npz", &["head.conv.weight", "NaN"]),
        ("missing.npz", &["head.bn.bias", "none of this name"]),
        ("extra.npz", &["blocks.99.extra", "unknown array"]),
        ("shape.npz", &["head.conv.weight", "expected shape", "found shape"]),
        ("type.npz", &["classifier.bias", "expected floats", "i8"]),
        ("huge.npz", &[]),
    ] {
        let weights = path(file);
        let shown = file.replace('\n', "\\n");
        let parts = [&[shown.as_str()], parts].concat();
        fails(2, &["info", "--weights", name(&weights)], &parts);
        fails(2, &["verify", "--weights", name(&weights), "--reference", name(&reference)], &parts);
    }
}

#[test]
fn a_file_without_permission() {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let folder = folder();
        let path = folder.path().join("locked.npz");
        std::fs::write(&path, "x").expect("written");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o0)).expect("set");
        if std::fs::File::open(&path).is_ok() {
            efficientecg_skipped::skipped("this user may read everything: the case of no permission");
            return;
        }
        fails(2, &["info", "--weights", name(&path)], &["locked.npz", "give read permission"]);
    }
}

#[test]
fn inputs_that_are_wrong() {
    let folder = folder();
    let (weights, reference) = golden();
    let output = folder.path().join("y.npz");
    let input = folder.path().join("x.npz");
    let read = || Arrays::read(&reference).inputs();
    let (batch, leads, samples) = {
        let s = &read().0["signal"].shape;
        (s[0], s[1], s[2])
    };
    let floats = |n: usize| Data::F64(vec![0.0; n]);
    let cases = [
        (
            "fewer leads",
            read().add("signal", &[batch, leads - 1, samples], floats(batch * (leads - 1) * samples)),
            "signal",
        ),
        ("no samples", read().add("signal", &[batch, leads, 0], floats(0)), "signal"),
        ("two dimensions", read().add("signal", &[leads, samples], floats(leads * samples)), "signal"),
        ("no signal", read().without("signal"), "signal"),
        ("signal of integers", read().add("signal", &[1, leads, 1], Data::I64(vec![0; leads])), "signal"),
        ("another batch", read().add("age", &[batch + 1], floats(batch + 1)), "age"),
        ("an array of another name", read().add("weight", &[batch], floats(batch)), "weight"),
        ("NaN in the signal", read().with("signal", set(f64::NAN)), "signal, record 0"),
        ("infinity in the signal", read().with("signal", set(f64::INFINITY)), "signal, record 0"),
        ("infinite age", read().add("age", &[batch], Data::F64(vec![f64::INFINITY; batch])), "age, record 0"),
        ("sex too high", read().add("sex", &[batch], Data::I64(vec![99; batch])), "sex, record 0"),
        ("sex too low", read().add("sex", &[batch], Data::I64(vec![-2; batch])), "sex, record 0"),
        ("sex in floats", read().add("sex", &[batch], floats(batch)), "sex"),
        (
            "steps too high",
            read().add("rhythm_steps", &[batch], Data::I64(vec![1000; batch])),
            "rhythm_steps, record 0",
        ),
        (
            "negative steps",
            read().add("rhythm_steps", &[batch], Data::I64(vec![-1; batch])),
            "rhythm_steps, record 0",
        ),
        (
            "steps without rows",
            read().without("rhythm").add("rhythm_steps", &[batch], Data::I64(vec![0; batch])),
            "rhythm_steps",
        ),
    ];
    for (label, arrays, item) in cases {
        arrays.write(&input);
        println!("{label}");
        let args = ["run", "--weights", name(&weights), "--input", name(&input), "--output", name(&output)];
        fails(2, &args, &["x.npz", &format!("{item}: expected")]);
        assert!(!output.exists(), "{label}: something is written");
    }
    let missing = folder.path().join("none.npz");
    let args = ["run", "--weights", name(&weights), "--input", name(&missing), "--output", name(&output)];
    fails(2, &args, &["none.npz", "check the path"]);
    read().write(&input);
    for (to, part) in [("no/folder/y.npz", "make the folder first"), ("", "choose another path")] {
        let to = folder.path().join(to);
        let args = ["run", "--weights", name(&weights), "--input", name(&input), "--output", name(&to)];
        fails(2, &args, &[name(to.parent().filter(|p| !p.exists()).unwrap_or(&to)), part]);
    }
}

/// A batch is an error of its record, also when it is run in parts.
#[test]
fn overflow_names_the_record() {
    let folder = folder();
    let (weights, reference) = batch_of_four();
    let input = folder.path().join("x.npz");
    let output = folder.path().join("y.npz");
    let huge = |a: &mut Array| {
        let last = a.data.len() * 3 / 4;
        match &mut a.data {
            Data::F32(v) => v[last..].iter_mut().enumerate().for_each(|(i, x)| *x = [3e38, -3e38][i % 2]),
            Data::F64(v) => v[last..].iter_mut().enumerate().for_each(|(i, x)| *x = [3e38, -3e38][i % 2]),
            other => panic!("not floats: {other:?}"),
        }
    };
    Arrays::read(&reference).inputs().with("signal", huge).write(&input);
    for size in ["1", "2", "4"] {
        let args = ["run", "--weights", name(&weights), "--input", name(&input), "--output", name(&output)];
        fails(2, &[&args[..], &["--batch", size]].concat(), &["x.npz", "record 3", "overflow"]);
    }
}

fn batch_of_four() -> (PathBuf, PathBuf) {
    let folder = golden().0.with_file_name("");
    (folder.join("random-09.npz"), folder.join("random-09.ref.npz"))
}

/// As many threads as there are; more are lowered to that, and one line says it.
#[test]
fn threads_that_the_process_cannot_use_are_not_started() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (weights, reference) = batch_of_four();
    let (input, output) = (folder.path().join("x.npz"), folder.path().join("y.npz"));
    Arrays::read(&reference).inputs().write(&input);
    let args = ["run", "--weights", name(&weights), "--input", name(&input), "--output", name(&output)];
    succeeds(&args);
    let want = std::fs::read(&output).expect("read");
    std::fs::remove_file(&output).expect("removed");
    let done = run(&[&args[..], &["--threads", "1000"]].concat());
    let most = efficientecg::available_threads();
    let line = text(&done.stderr);
    assert!(done.status.success() && line.lines().count() == 1, "{line}");
    assert!(
        line.starts_with(&format!("efficientecg: --threads 1000: this process may use {most} thread")),
        "{line}"
    );
    assert_eq!(std::fs::read(&output).expect("read"), want);
    // Where it ran, if that was on the CPU.
    let threads = format!("{most} threads)");
    let table = text(&done.stdout);
    assert!(
        table.starts_with("4 records") && (!table.contains("cpu (") || table.contains(&threads)),
        "{table}"
    );
}

#[test]
fn run_writes_what_the_library_computes() {
    let folder = folder();
    let (weights, reference) = batch_of_four();
    let (input, output) = (folder.path().join("x.npz"), folder.path().join("y.npz"));
    Arrays::read(&reference).inputs().write(&input);
    let model = Model::load(&weights).expect("loads");
    let want = model.run(&read_inputs(&input, model.config()).expect("reads")).expect("runs");
    let classes = model.config().classes.len();
    let args = ["run", "--weights", name(&weights), "--input", name(&input), "--output", name(&output)];
    for more in [&[][..], &["--threads", "1"], &["--batch", "4"], &["--backend", "cpu"]] {
        let table = succeeds(&[&args[..], more].concat());
        assert!(table.starts_with("4 records"), "{table}");
        let archive = Archive::open(&output).expect("opens");
        assert_eq!(archive.names(), ["logits", "probabilities"]);
        for (array, want) in [("logits", &want.logits), ("probabilities", &want.probabilities)] {
            let got = archive.read(array, Class::Float, None).expect("reads");
            assert_eq!(got.shape, [4, classes]);
            let Data::F32(got) = got.data else { panic!("{array}: not f4") };
            let bits = |v: &[f32]| v.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
            assert_eq!(bits(&got), bits(want), "{array}");
        }
        // As NumPy writes it: the names, the type, the order.
        let bytes = std::fs::read(&output).expect("reads");
        let holds = |part: &str| bytes.windows(part.len()).any(|w| w == part.as_bytes());
        let header = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': (4, {classes}, ), }}");
        for part in ["logits.npy", "probabilities.npy", &header] {
            assert!(holds(part), "no {part} in the archive");
        }
    }
    let json = succeeds(&[&args[..], &["--json"]].concat());
    let json: Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(json["records"], 4);
    assert_eq!(json["classes"].as_array().map(Vec::len), Some(classes));
    assert!(json["seconds"].as_f64().is_some_and(|s| s >= 0.0));
    assert!(json["device"].as_str().is_some_and(|d| d.starts_with("cpu")));
}

#[test]
fn verify_passes_and_fails() {
    let folder = folder();
    let (weights, reference) = golden();
    let w = name(&weights);
    for more in [&[][..], &["--backend", "reference"], &["--level", "scalar"], &["--batch", "1"]] {
        let args = ["verify", "--weights", w, "--reference", name(&reference)];
        let table = succeeds(&[&args[..], more].concat());
        for tap in ["logits", "tap.stem", "tap.blocks.0", "tap.head", "tap.tokens", "tap.attention"] {
            assert!(table.lines().any(|l| l.starts_with(tap)), "no {tap} in\n{table}");
        }
        assert!(!table.contains("FAILED"), "{table}");
        let json: Value =
            serde_json::from_str(&succeeds(&[&args[..], more, &["--json"]].concat())).expect("JSON");
        assert_eq!(json["passed"], true);
        let arrays = json["arrays"].as_array().expect("arrays");
        assert!(arrays.iter().all(|a| a["error"].as_f64().is_some_and(|e| e <= 2e-5)));
    }
    let wrong = folder.path().join("wrong.npz");
    for array in ["logits", "tap.blocks.1"] {
        let last = |a: &mut Array| match &mut a.data {
            Data::F32(v) => *v.last_mut().expect("elements") += 1e-3,
            Data::F64(v) => *v.last_mut().expect("elements") += 1e-3,
            other => panic!("not floats: {other:?}"),
        };
        Arrays::read(&reference).with(array, last).write(&wrong);
        let args = ["verify", "--weights", w, "--reference", name(&wrong)];
        let table = fails(1, &args, &["wrong.npz", "above tolerance", array]);
        let failed: Vec<&str> = table.lines().filter(|l| l.ends_with("FAILED")).collect();
        assert!(failed.len() == 1 && failed[0].starts_with(array), "{table}");
        let json = fails(1, &[&args[..], &["--json"]].concat(), &["wrong.npz", array]);
        let json: Value = serde_json::from_str(&json).expect("JSON");
        assert_eq!(json["passed"], false);
    }
    for (label, arrays, part) in [
        ("no logits", Arrays::read(&reference).without("logits"), "logits: expected"),
        ("NaN", Arrays::read(&reference).with("logits", set(f64::NAN)), "logits, record 0: expected"),
        (
            "another tap",
            Arrays::read(&reference).add("tap.tail", &[1], Data::F32(vec![0.0])),
            "tap.tail: expected",
        ),
        (
            "a tap's shape",
            Arrays::read(&reference).add("tap.head", &[1, 1], Data::F32(vec![0.0])),
            "tap.head: expected shape",
        ),
    ] {
        println!("{label}");
        arrays.write(&wrong);
        fails(2, &["verify", "--weights", w, "--reference", name(&wrong)], &["wrong.npz", part]);
    }
}

#[test]
fn info_describes_the_network() {
    let (weights, _) = golden();
    let model = Model::load(&weights).expect("loads");
    let json = succeeds(&["info", "--weights", name(&weights), "--json"]);
    let json: Value = serde_json::from_str(&json).expect("JSON");
    let about = &json["model"];
    assert_eq!(about["parameters"], model.parameters());
    assert_eq!(about["leads"].as_array().map(Vec::len), Some(model.config().leads.len()));
    let layers = about["layers"].as_array().expect("layers");
    let sum: u64 = layers.iter().map(|l| l["multiply_adds"].as_u64().expect("a count")).sum();
    assert!(sum > 0 && about["multiply_adds"] == sum);
    let table = succeeds(&["info", "--weights", name(&weights)]);
    assert!(table.contains(&format!("{} parameters", model.parameters())), "{table}");
    let cpu = table.lines().find(|line| line.starts_with("cpu: ")).expect("the processor");
    assert_eq!(cpu.ends_with(", bf16"), Level::best().has_bf16(), "{cpu}");
    let devices: Value = serde_json::from_str(&succeeds(&["info", "--json"])).expect("JSON");
    assert!(devices["model"].is_null());
    let levels = devices["devices"][0]["levels"].as_array().expect("levels").clone();
    assert!(levels.contains(&"scalar".into()));
    assert_eq!(devices["devices"][0]["bf16"], Level::best().has_bf16());
    let longer = succeeds(&["info", "--weights", name(&weights), "--json", "--samples", "4000"]);
    let longer: Value = serde_json::from_str(&longer).expect("JSON");
    assert_eq!(longer["model"]["samples"], 4000);
    assert!(longer["model"]["multiply_adds"].as_u64() > Some(sum));
}

/// `| head -1` closes standard output before all is written: no panic, no complaint.
#[test]
fn a_reader_that_goes_away() {
    let (weights, reference) = golden();
    let (w, r) = (name(&weights), name(&reference));
    for args in
        [&["info", "--weights", w, "--json"][..], &["verify", "--weights", w, "--reference", r], &["--help"]]
    {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        let output = program().args(args).stdout(writer).output().expect("the program starts");
        assert_eq!(text(&output.stderr), "", "{args:?}");
        assert_eq!(output.status.code(), Some(0), "{args:?}");
    }
}
