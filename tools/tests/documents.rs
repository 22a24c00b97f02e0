//! What the documents tell people to type exists, and so does what they point to. The commands themselves are run by
//! `tests/readme`.

#![cfg(feature = "gpu")]

mod harness;

use harness::{program, text};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().expect("the repository")
}

/// A document, and each of its lines with whether it is code.
struct Document {
    path: PathBuf,
    lines: Vec<(String, bool)>,
}

impl Document {
    fn read(path: &Path) -> Document {
        let text = std::fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        let (mut fenced, mut blank) = (false, true);
        let mut lines: Vec<(String, bool)> = Vec::new();
        for line in text.lines() {
            let fence = line.trim_start().starts_with("```");
            fenced ^= fence;
            // Indented by four after an empty line, or after such a line: code too, unless in a list.
            let indented = line.starts_with("    ") && (blank || lines.last().is_some_and(|(_, code)| *code));
            lines.push((line.to_owned(), !fence && (fenced || indented)));
            blank = line.trim().is_empty();
        }
        Document { path: path.to_owned(), lines }
    }

    /// Its path from the root.
    fn name(&self) -> String {
        self.path.strip_prefix(root()).unwrap_or(&self.path).display().to_string()
    }

    /// The lines of code whose first word is `program`, in words, with those that end in a backslash joined, and the
    /// number of the first. Variables before the program's name, comments and what follows a pipe are left out.
    fn commands(&self, program: &str) -> Vec<(usize, Vec<String>)> {
        let mut found = Vec::new();
        let mut lines = self.lines.iter().enumerate().filter(|(_, (_, code))| *code);
        while let Some((number, (line, _))) = lines.next() {
            let mut line = line.clone();
            while line.trim_end().ends_with('\\') {
                line.truncate(line.trim_end().len() - 1);
                line += lines.next().map_or("", |(_, (line, _))| line);
            }
            let mut words: Vec<String> = split(&line);
            let first = words.iter().position(|w| !w.contains('=') || w.starts_with('-')).unwrap_or(0);
            words.drain(..first);
            if words.first().is_some_and(|w| w == program) {
                found.push((number + 1, words));
            }
        }
        found
    }

    /// Targets of links in its prose.
    fn links(&self) -> Vec<String> {
        let prose = self.lines.iter().filter(|(_, code)| !code);
        let parts = prose.flat_map(|(line, _)| line.split("](").skip(1));
        parts.filter_map(|part| part.split_once(')')).map(|(target, _)| target.to_owned()).collect()
    }

    /// The names by which links reach its headings.
    fn anchors(&self) -> BTreeSet<String> {
        let headings = self.lines.iter().filter(|(line, code)| !code && line.starts_with('#'));
        let slug = |title: &str| -> String {
            let kept = title.trim().to_lowercase();
            let kept = kept.chars().filter(|c| c.is_alphanumeric() || [' ', '-', '_'].contains(c));
            kept.map(|c| if c == ' ' { '-' } else { c }).collect()
        };
        headings.map(|(line, _)| slug(line.trim_start_matches('#'))).collect()
    }
}

/// The words of a line of shell, up to a comment, a pipe or an ellipsis.
fn split(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut rest = line.trim_start();
    while !rest.is_empty() && !['#', '|', '>', '…', ';'].iter().any(|c| rest.starts_with(*c)) {
        let mut word = String::new();
        let mut quote = None;
        let mut end = rest.len();
        for (at, c) in rest.char_indices() {
            match quote {
                Some(q) if c == q => quote = None,
                None if c == '\'' || c == '"' => quote = Some(c),
                None if c.is_whitespace() => {
                    end = at;
                    break;
                }
                _ => word.push(c),
            }
        }
        words.push(word);
        rest = rest[end..].trim_start();
    }
    words
}

/// All documents of the repository.
fn documents() -> Vec<Document> {
    let mut paths = Vec::new();
    let mut folders = vec![root()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display())) {
            let path = entry.expect("an entry").path();
            let name = path.file_name().and_then(|n| n.to_str()).unwrap_or_default();
            if path.is_dir() {
                let is_ours = !name.starts_with('.') && name != "target" && name != "node_modules";
                folders.extend(is_ours.then_some(path));
            } else if name.ends_with(".md") {
                paths.push(path);
            }
        }
    }
    paths.sort();
    paths.iter().map(|p| Document::read(p)).collect()
}

/// The program's help for a command of these words.
fn help(words: &[&str]) -> String {
    let output = program().args(words).arg("--help").output().expect("the program starts");
    assert!(output.status.success(), "{words:?}");
    text(&output.stdout).to_owned()
}

/// Names of the commands that a help lists.
fn commands_of(help: &str) -> Vec<String> {
    let list = help.split_once("Commands:").map_or("", |(_, list)| list);
    let lines = list.lines().skip(1).take_while(|line| !line.trim().is_empty());
    let names = lines.filter_map(|line| line.split_whitespace().next()).filter(|name| *name != "help");
    names.map(str::to_owned).collect()
}

/// The long options in a text.
fn options_of(text: &str) -> BTreeSet<String> {
    let is_part = |c: char| c.is_ascii_lowercase() || c == '-';
    let after =
        text.split("--").skip(1).map(|rest| rest.chars().take_while(|c| is_part(*c)).collect::<String>());
    after.map(|name| name.trim_end_matches('-').to_owned()).filter(|name| !name.is_empty()).collect()
}

/// Options of every command.
fn options() -> BTreeMap<String, BTreeSet<String>> {
    let mut all = BTreeMap::new();
    for command in commands_of(&help(&[])) {
        let text = help(&[&command]);
        let inner = commands_of(&text);
        for inner in &inner {
            all.insert(format!("{command} {inner}"), options_of(&help(&[&command, inner])));
        }
        if inner.is_empty() {
            all.insert(command, options_of(&text));
        }
    }
    assert!(all.len() >= 9, "{all:?}");
    all
}

fn metadata() -> &'static Value {
    static METADATA: OnceLock<Value> = OnceLock::new();
    METADATA.get_or_init(|| {
        let mut cargo = Command::new(env!("CARGO"));
        cargo.args(["metadata", "--locked", "--offline", "--format-version", "1"]).current_dir(root());
        let output = cargo.output().expect("cargo starts");
        assert!(output.status.success(), "{}", text(&output.stderr));
        serde_json::from_slice(&output.stdout).expect("JSON")
    })
}

fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value[key].as_array().map_or(&[], Vec::as_slice)
}

#[test]
fn lines_of_shell() {
    let words = split("a 'b c' --d=\"e f\"  # g");
    assert_eq!(words, ["a", "b c", "--d=e f"]);
    assert_eq!(split("a x | b"), ["a", "x"]);
}

/// Every command and every option has its place in the reference, and the reference has no others.
#[test]
fn the_reference_has_every_option() {
    let reference = Document::read(&root().join("tools/README.md"));
    let prose: String = reference.lines.iter().map(|(line, _)| format!("{line}\n")).collect();
    let told = options_of(&prose);
    let mut known = BTreeSet::from(["version".to_owned()]);
    for (command, options) in options() {
        assert!(prose.contains(&format!("`{command}`")), "tools/README.md has no `{command}`");
        for option in &options {
            assert!(told.contains(option), "tools/README.md has no --{option}, of {command}");
        }
        known.extend(options);
    }
    // Cargo's.
    known.extend(["release", "locked", "path", "no-default-features", "target"].map(str::to_owned));
    for option in told {
        assert!(known.contains(&option), "tools/README.md has --{option}, which no command takes");
    }
}

/// Every line of code that starts with the program's name is a command line that it takes.
#[test]
fn command_lines_are_taken() {
    let mut count = 0;
    for document in documents() {
        for (line, words) in document.commands("efficientecg") {
            if let Err(e) = efficientecg_cli::check_command_line(words) {
                panic!("{}:{line}: {e}", document.name());
            }
            count += 1;
        }
        // What `cargo run` hands on, unless to another program.
        for (line, words) in document.commands("cargo") {
            let rest = words.iter().position(|w| w == "--").map(|at| &words[at + 1..]);
            let is_ours = words.get(1).is_some_and(|w| w == "run") && !words.iter().any(|w| w == "-p");
            if let Some(rest) = rest.filter(|_| is_ours) {
                let words = std::iter::once("efficientecg").chain(rest.iter().map(String::as_str));
                if let Err(e) = efficientecg_cli::check_command_line(words) {
                    panic!("{}:{line}: {e}", document.name());
                }
            }
        }
    }
    assert!(count >= 15, "{count}");
}

/// Packages, tests, benches and examples that commands name are there.
#[test]
fn cargo_finds_what_commands_name() {
    let packages = list(metadata(), "packages");
    let own: Vec<&Value> = packages.iter().filter(|p| p["source"].is_null()).collect();
    let has_target = |package: &str, kind: &str, name: &str| {
        own.iter().filter(|p| package.is_empty() || p["name"] == package).any(|p| {
            let targets = list(p, "targets").iter();
            targets.filter(|t| t["name"] == name).any(|t| list(t, "kind").iter().any(|k| k == kind))
        })
    };
    let mut count = 0;
    for document in documents() {
        for (line, words) in document.commands("cargo") {
            let at = format!("{}:{line}", document.name());
            let words: Vec<&str> = words.iter().map(String::as_str).take_while(|w| *w != "--").collect();
            if words.contains(&"--manifest-path") {
                continue;
            }
            let values = |names: &[&str]| -> Vec<&str> {
                let pairs = words.windows(2).filter(|pair| names.contains(&pair[0]));
                pairs.map(|pair| pair[1]).collect()
            };
            let named = values(&["-p", "--package"]);
            for package in &named {
                assert!(own.iter().any(|p| p["name"] == *package), "{at}: there is no package {package}");
            }
            let package = if named.len() == 1 { named[0] } else { "" };
            for kind in ["test", "bench", "example", "bin"] {
                for name in values(&[format!("--{kind}").as_str()]) {
                    assert!(has_target(package, kind, name), "{at}: there is no {kind} {name}");
                }
            }
            for path in values(&["--path"]) {
                assert!(root().join(path).join("Cargo.toml").is_file(), "{at}: {path} has no package");
            }
            count += 1;
        }
    }
    assert!(count >= 15, "{count}");
}

#[test]
fn links_lead_somewhere() {
    let mut count = 0;
    for document in documents() {
        for link in document.links() {
            if link.contains("://") || link.starts_with("mailto:") {
                continue;
            }
            let (path, anchor) = link.split_once('#').unwrap_or((&link, ""));
            let target = match path {
                "" => document.path.clone(),
                path => document.path.with_file_name("").join(path),
            };
            assert!(target.exists(), "{}: {link}: there is no such file", document.name());
            if !anchor.is_empty() {
                let anchors = Document::read(&target).anchors();
                assert!(anchors.contains(anchor), "{}: {link}: there is no such heading", document.name());
            }
            count += 1;
        }
    }
    assert!(count >= 10, "{count}");
}

/// The first page is short, and says nothing that is yet to be filled in.
#[test]
fn the_first_page() {
    let page = Document::read(&root().join("README.md"));
    assert!(page.lines.len() <= 100, "README.md has {} lines, more than 100", page.lines.len());
    for (line, _) in &page.lines {
        let hole =
            line.split('@').skip(1).step_by(2).find(|part| part.chars().all(|c| c.is_ascii_lowercase()));
        assert!(hole.is_none() || line.matches('@').count() < 2, "README.md is unfinished: {line}");
    }
    let commands = page.commands("cargo");
    let first: Vec<&str> =
        commands.iter().take(2).filter_map(|(_, words)| Some(words.get(1)?.as_str())).collect();
    assert_eq!(first, ["run", "test"]);
}

/// What is promised of old compilers holds for the crates that are built by them. What the sources themselves use of
/// the standard library is held to it by clippy's `incompatible_msrv`.
#[test]
fn dependencies_build_with_the_oldest_compiler_promised() {
    let version =
        |text: &str| -> Vec<u32> { text.split('.').map(|part| part.parse().unwrap_or(0)).collect() };
    let packages = list(metadata(), "packages");
    let own = packages.iter().filter(|p| p["source"].is_null()).filter_map(|p| p["rust_version"].as_str());
    let promised = own.min_by_key(|v| version(v)).expect("a promise");
    for package in packages {
        if let Some(needs) = package["rust_version"].as_str() {
            let name = &package["name"];
            assert!(version(needs) <= version(promised), "{name} needs Rust {needs}; {promised} is promised");
        }
    }
}
