//! What the tests of the program share: running it, and files to change.
#![allow(dead_code)]

use efficientecg::npz::{Archive, Array, Class, Data, Packing, write_npz};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A golden network with `age`, `sex` and `rhythm`, a batch of one, five samples, and its reference.
pub(crate) fn golden() -> (PathBuf, PathBuf) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/golden/networks");
    (folder.join("random-04.npz"), folder.join("random-04.ref.npz"))
}

pub(crate) fn program() -> Command {
    Command::new(env!("CARGO_BIN_EXE_efficientecg"))
}

pub(crate) fn run(args: &[&str]) -> Output {
    program().args(args).output().expect("the program starts")
}

pub(crate) fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("UTF-8")
}

/// Runs and expects success with a silent standard error; standard output.
pub(crate) fn succeeds(args: &[&str]) -> String {
    let output = run(args);
    assert_eq!(output.status.code(), Some(0), "{args:?}: {}", text(&output.stderr));
    assert_eq!(text(&output.stderr), "", "{args:?}");
    text(&output.stdout).to_owned()
}

/// Runs and expects this exit code with one line on standard error that holds each part; standard output.
pub(crate) fn fails(code: i32, args: &[&str], parts: &[&str]) -> String {
    failed(code, args, parts, &run(args))
}

/// Holds what the program said to the same.
pub(crate) fn failed(code: i32, args: &[&str], parts: &[&str], output: &Output) -> String {
    let line = text(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{args:?}: {line}");
    assert!(line.ends_with('\n') && line.lines().count() == 1, "{args:?}: not one line: {line:?}");
    assert!(line.starts_with("efficientecg: "), "{args:?}: {line}");
    assert!(!line.trim_end().chars().any(char::is_control), "{args:?}: control characters: {line:?}");
    for part in parts {
        assert!(line.contains(part), "{args:?}: no {part:?} in {line}");
    }
    text(&output.stdout).to_owned()
}

/// Every array of an `.npz`, to change and write again.
pub(crate) struct Arrays(pub(crate) BTreeMap<String, Array>);

impl Arrays {
    pub(crate) fn read(path: &Path) -> Arrays {
        let archive = Archive::open(path).expect("opens");
        let read = |name: String| {
            let class = if name == "config" { Class::Bytes } else { Class::Number };
            let array = archive.read(&name, class, None).expect("reads");
            (name, array)
        };
        Arrays(archive.names().into_iter().map(read).collect())
    }

    pub(crate) fn with(mut self, name: &str, change: impl FnOnce(&mut Array)) -> Arrays {
        change(self.0.get_mut(name).unwrap_or_else(|| panic!("{name}: not among the arrays")));
        self
    }

    pub(crate) fn add(mut self, name: &str, shape: &[usize], data: Data) -> Arrays {
        self.0.insert(name.to_owned(), Array { shape: shape.to_vec(), data });
        self
    }

    pub(crate) fn without(mut self, name: &str) -> Arrays {
        self.0.remove(name).unwrap_or_else(|| panic!("{name}: not among the arrays"));
        self
    }

    /// Only what a run takes.
    pub(crate) fn inputs(mut self) -> Arrays {
        self.0.retain(|name, _| name != "logits" && !name.starts_with("tap."));
        self
    }

    pub(crate) fn write(&self, path: &Path) {
        let list: Vec<(&str, &Array)> = self.0.iter().map(|(n, a)| (n.as_str(), a)).collect();
        write_npz(path, &list, Packing::Stored).expect("written");
    }
}

/// Sets the last element of an array of floats.
pub(crate) fn set(value: f64) -> impl FnOnce(&mut Array) {
    move |a: &mut Array| match &mut a.data {
        Data::F32(v) => *v.last_mut().expect("elements") = value as f32,
        Data::F64(v) => *v.last_mut().expect("elements") = value,
        other => panic!("not floats: {other:?}"),
    }
}

pub(crate) fn name(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

pub(crate) fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a temporary folder")
}
