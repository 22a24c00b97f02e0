//! The models that come with the program: from any folder the same as their files, in every command that runs one.

mod harness;

use efficientecg::models;
use efficientecg::npz::{Archive, Class};
use harness::*;
use serde_json::Value;
use std::path::{Path, PathBuf};

const NAME: &str = "mitbih-beats";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().expect("the repository")
}

/// Runs in another folder than the repository's, and expects success; standard output.
fn elsewhere(folder: &Path, args: &[&str]) -> String {
    let output = program().current_dir(folder).args(args).output().expect("the program starts");
    assert_eq!(output.status.code(), Some(0), "{args:?}: {}", text(&output.stderr));
    text(&output.stdout).to_owned()
}

#[test]
fn a_model_that_comes_with_the_program_is_its_file() {
    let folder = folder();
    let folder = folder.path();
    let (record, weights) =
        (root().join("tools/demo/demo"), root().join(format!("model/weights/{NAME}.npz")));
    let (record, weights) = (name(&record), name(&weights));
    let findings = |which: [&str; 2]| {
        let args = [&["classify", "--json", "--backend", "cpu"], &which[..], &[record]].concat();
        let reports: Value = serde_json::from_str(&elsewhere(folder, &args)).expect("JSON");
        let findings = reports[0]["findings"].clone();
        assert!(findings.as_array().is_some_and(|list| list.len() > 100), "{findings}");
        findings
    };
    assert_eq!(findings(["--model", NAME]), findings(["--weights", weights]));

    elsewhere(folder, &["features", "--model", NAME, "--output", "x.npz", record]);
    elsewhere(folder, &["features", "--weights", weights, "--output", "same.npz", record]);
    let bytes = |file: &str| std::fs::read(folder.join(file)).expect("read");
    assert_eq!(bytes("x.npz"), bytes("same.npz"));

    elsewhere(folder, &["run", "--model", NAME, "--backend", "cpu", "--input", "x.npz", "--output", "y.npz"]);
    let logits = Archive::open(folder.join("y.npz")).and_then(|y| y.read("logits", Class::Float, None));
    let logits = logits.expect("logits");
    let reference = folder.join("r.npz");
    Arrays::read(&folder.join("x.npz")).add("logits", &logits.shape, logits.data).write(&reference);
    let verify = ["verify", "--model", NAME, "--backend", "cpu", "--reference", "r.npz"];
    assert!(elsewhere(folder, &verify).contains("logits"));

    let bench = ["bench", "--model", NAME, "--backend", "cpu", "--runs", "1", "--samples", "72", "--json"];
    let bench: Value = serde_json::from_str(&elsewhere(folder, &bench)).expect("JSON");
    assert_eq!((bench["weights"].as_str(), bench["network"].as_str()), (Some(NAME), Some(NAME)));

    let info = |which: [&str; 2]| elsewhere(folder, &["info", which[0], which[1]]);
    assert_eq!(info(["--model", NAME]), info(["--weights", weights]));
}

#[test]
fn info_alone_lists_them() {
    let listed = succeeds(&["info"]);
    let report: Value = serde_json::from_str(&succeeds(&["info", "--json"])).expect("JSON");
    assert_eq!(report["models"].as_array().map(Vec::len), Some(models::ALL.len()));
    for (model, row) in models::ALL.iter().zip(report["models"].as_array().expect("a list")) {
        assert_eq!(row["name"], model.name);
        assert!(listed.contains(&format!("--model {}", model.name)), "{listed}");
    }
    let of_one: Value = serde_json::from_str(&succeeds(&["info", "--json", "--model", NAME])).expect("JSON");
    assert!(of_one["models"].is_null() && of_one["model"]["name"] == NAME);
}

#[test]
fn exactly_one_network_is_named() {
    let names: Vec<&str> = models::ALL.iter().map(|model| model.name).collect();
    let commands = [
        &["classify", "r"][..],
        &["features", "r", "--output", "x.npz"],
        &["run", "--input", "x.npz", "--output", "y.npz"],
        &["verify", "--reference", "r.npz"],
        &["bench"],
        &["info"],
    ];
    for command in commands {
        fails(2, &[command, &["--model", "mitbih"]].concat(), &[&["mitbih", "--model"], &names[..]].concat());
        let both = [command, &["--model", NAME, "--weights", "w.npz"]].concat();
        fails(2, &both, &["--model", "--weights", "cannot be used with"]);
        if command[0] != "info" {
            fails(2, command, &["--model", "--weights"]);
        }
    }
}
