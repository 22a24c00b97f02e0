//! One meaning a word: retired words stay out of sources and documents, every public name of the library is in the glossary
//! of `engine/README.md`, and no public type's name has two definitions.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// A word that is no longer used, and the one that replaced it.
struct Retired {
    word: &'static str,
    now: &'static str,
    /// Where it is retired; elsewhere it means something else. An empty prefix is everywhere.
    below: &'static [&'static str],
}

const fn retired(word: &'static str, now: &'static str, below: &'static [&'static str]) -> Retired {
    Retired { word, now, below }
}

const EVERYWHERE: &[&str] = &[""];
const KERNELS: &[&str] = &["kernels/"];
const ENGINE: &[&str] = &["engine/"];
const RUNTIME: &[&str] = &["kernels/", "engine/"];
const LIBRARY: &[&str] = &["kernels/", "engine/", "model/", "tools/src/"];

/// With a capital letter a word is a name, and is looked for as it stands; else in any case, also within names.
const RETIRED: &[Retired] = &[
    retired("team", "thread pool, or pool", EVERYWHERE),
    retired("teams", "thread pools, or pools", EVERYWHERE),
    retired("muster", "arrivals", EVERYWHERE),
    retired("member", "worker", ENGINE),
    retired("members", "workers", ENGINE),
    retired("mend", "fix, or correct", EVERYWHERE),
    retired("mends", "fixes", EVERYWHERE),
    retired("mended", "fixed", EVERYWHERE),
    retired("dealt", "split", EVERYWHERE),
    retired("stretch", "span, or strip", RUNTIME),
    retired("tile of time", "time chunk", EVERYWHERE),
    retired("tiles of time", "time chunks", EVERYWHERE),
    retired("mean of tiles", "mean_of_time_chunks", EVERYWHERE),
    retired("sum tiles", "sum_time_chunks", EVERYWHERE),
    retired("has tiles", "has_amx", EVERYWHERE),
    retired("op::tile", "op::time_chunk", EVERYWHERE),
    retired("op::tiles", "op::time_chunks", EVERYWHERE),
    retired("TILE", "TIME_CHUNK, or WORKGROUP_TILE", KERNELS),
    retired("Tile", "WorkgroupTile, or RegisterTiles", KERNELS),
    retired("Tiles", "RegisterTiles", KERNELS),
    retired("Step", "Node", ENGINE),
    retired("graph step", "graph node", EVERYWHERE),
    retired("steps of the graph", "nodes of the graph", EVERYWHERE),
    retired("Form", "…Spec, such as DepthwiseSpec", KERNELS),
    retired("Packed", "…Kernel, such as DepthwiseKernel", KERNELS),
    retired("PackedWeights", "PackedMatrix", EVERYWHERE),
    retired("Padded", "PaddedMatrix", KERNELS),
    retired("View", "TensorView", RUNTIME),
    retired("ViewMut", "TensorViewMut", RUNTIME),
    retired("kernels::view", "kernels::tensor", EVERYWHERE),
    retired("Stopwatch", "Recorder", EVERYWHERE),
    retired("Unwatched", "NoProfiler", EVERYWHERE),
    retired("run watched", "run_profiled", EVERYWHERE),
    retired("random::Random", "random::SplitMix64, or kit's Generator", EVERYWHERE),
    retired("tokens::Feature", "tokens::Encoder", EVERYWHERE),
    retired("gpu::Operand", "gpu::Binding", EVERYWHERE),
    retired("gpu::Stage", "gpu::FailPoint", EVERYWHERE),
    retired("gpu::Features", "gpu::GpuFeatures", EVERYWHERE),
    retired("synth::Options", "synth::SynthOptions", EVERYWHERE),
    retired("records::Figures", "records::MulticlassFigures", EVERYWHERE),
    retired("multilabel::Figures", "multilabel::MultilabelFigures", EVERYWHERE),
    retired("evaluate::table", "evaluate::csv", EVERYWHERE),
    retired("kit::table", "kit::operations", EVERYWHERE),
    retired("fault", "ItemError, DeviceError, or what is wrong", LIBRARY),
    retired("faults", "errors", LIBRARY),
];

/// Where a retired word may stand, and why.
const EXCEPTIONS: &[(&str, &str, &str)] = &[
    ("tools/tests/words.rs", "", "this list"),
    ("CHANGELOG.md", "", "it names what is no longer there"),
    ("kernels/src/simd/amx.rs", "T", "AMX-TILE is Intel's name, and its tiles are the field's"),
    ("engine/README.md", "fault", "fault injection is the field's word"),
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().expect("the repository")
}

/// Sources and documents, by their paths from the root.
fn texts() -> Vec<(String, String)> {
    const EXTENSIONS: [&str; 7] = ["rs", "wgsl", "md", "py", "toml", "sh", "yml"];
    let (root, mut found) = (root(), Vec::new());
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display())) {
            let path = entry.expect("an entry").path();
            let name = path.strip_prefix(&root).unwrap_or(&path).to_string_lossy().replace('\\', "/");
            let last = name.rsplit('/').next().unwrap_or_default();
            if path.is_dir() {
                // What is built, measured on a day, or made by other programs.
                let others = ["target", "node_modules", "results", "golden", "corpus", "shared", "venv"];
                if !last.starts_with('.') && !others.contains(&last) {
                    folders.push(path);
                }
            } else if path.extension().is_some_and(|e| EXTENSIONS.iter().any(|known| e == *known)) {
                found.push((name, std::fs::read_to_string(&path).unwrap_or_default()));
            }
        }
    }
    found.sort();
    assert!(found.len() > 200, "{} files", found.len());
    found
}

/// Whether a word stands in a line, not as a part of another. Lower-case words are found in names with underscores too.
fn holds(line: &str, word: &str) -> bool {
    let exact = word.chars().any(char::is_uppercase);
    let line = if exact { line.to_owned() } else { line.to_lowercase().replace('_', " ") };
    let within = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
    line.match_indices(word).any(|(at, _)| {
        !within(line[..at].chars().next_back()) && !within(line[at + word.len()..].chars().next())
    })
}

#[test]
fn words_are_whole() {
    assert!(holds("A Team, of threads", "team") && holds("fn team_of(threads)", "team"));
    assert!(!holds("steam", "team") && !holds("recommend", "mend"));
    assert!(holds("struct Tile {", "Tile") && !holds("WorkgroupTile", "Tile") && !holds("a tile", "Tile"));
}

#[test]
fn retired_words_stay_out() {
    let mut found = Vec::new();
    for (name, text) in texts() {
        let here = RETIRED.iter().filter(|r| r.below.iter().any(|prefix| name.starts_with(prefix)));
        for Retired { word, now, .. } in here {
            let is_excepted = |(path, but, _): &&(&str, &str, &str)| {
                name.starts_with(path) && (but.is_empty() || word.starts_with(but))
            };
            if EXCEPTIONS.iter().any(|e| is_excepted(&e)) {
                continue;
            }
            for (number, line) in text.lines().enumerate().filter(|(_, line)| holds(line, word)) {
                found.push(format!("{name}:{}: `{word}` is now {now}: {}", number + 1, line.trim()));
            }
        }
    }
    assert!(found.is_empty(), "\n{}", found.join("\n"));
}

/// The glossary: from its heading to the next.
fn glossary() -> String {
    let page = std::fs::read_to_string(root().join("engine/README.md")).expect("engine/README.md");
    let from = page.find("\n## Glossary").expect("engine/README.md has a glossary") + 1;
    let rest = &page[from..];
    rest[..rest[1..].find("\n## ").map_or(rest.len(), |at| at + 1)].to_owned()
}

/// Words in backticks, without paths, parameters and brackets.
fn code_of(text: &str) -> BTreeSet<String> {
    let quoted = text.split('`').skip(1).step_by(2);
    let names = quoted.flat_map(|code| code.split(|c: char| !c.is_alphanumeric() && c != '_'));
    names.filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

/// The name that a line makes public, if it is one of `kinds` of item.
fn public<'a>(line: &'a str, kinds: &[&str]) -> Option<&'a str> {
    let mut words = line.split_whitespace();
    let is_item = words.next() == Some("pub") && words.next().is_some_and(|kind| kinds.contains(&kind));
    let name = words.next().filter(|_| is_item)?;
    name.split(|c: char| !c.is_alphanumeric() && c != '_').next()
}

const TYPES: [&str; 5] = ["struct", "enum", "trait", "type", "union"];

/// Every public type and module of the library is in the glossary: in the table, or in the list of textbook words.
#[test]
fn public_names_are_in_the_glossary() {
    const CRATES: [&str; 3] = ["kernels/src/", "engine/src/", "model/"];
    let known = code_of(&glossary());
    let mut missing = BTreeSet::new();
    let mut count = 0;
    for (name, text) in texts() {
        let is_own =
            CRATES.iter().any(|c| name.starts_with(c)) && name.contains("/src/") && name.ends_with(".rs");
        if !is_own || name.contains("/tests") {
            continue;
        }
        for public in text.lines().filter_map(|line| public(line, &[&TYPES[..], &["mod"]].concat())) {
            count += 1;
            if !known.contains(public) {
                missing.insert(format!("{public} ({name})"));
            }
        }
    }
    assert!(count > 100, "{count} public names");
    let missing: Vec<String> = missing.into_iter().collect();
    assert!(missing.is_empty(), "not in the glossary of engine/README.md:\n{}", missing.join("\n"));
}

/// Names that may have several definitions, and why. `Error` and `Result` are what a crate calls its own by convention.
const SHARED: &[&str] = &["Error", "Result"];

/// A public type's name has one definition, over the library, the program, tests and benches.
#[test]
fn public_types_have_one_definition_each() {
    let mut places: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (file, text) in texts().into_iter().filter(|(file, _)| file.ends_with(".rs")) {
        for name in text.lines().filter_map(|line| public(line, &TYPES)) {
            places.entry(name.to_owned()).or_default().push(file.clone());
        }
    }
    assert!(places.len() > 150, "{} types", places.len());
    places.retain(|name, files| files.len() > 1 && !SHARED.contains(&name.as_str()));
    assert!(places.is_empty(), "one word with several meanings: {places:#?}");
}

/// A term has one line.
#[test]
fn terms_have_one_line_each() {
    let glossary = glossary();
    let rows = glossary.lines().filter(|line| line.starts_with("| ")).skip(2);
    let terms: Vec<&str> = rows.filter_map(|row| row.split('|').nth(1)).map(str::trim).collect();
    assert!(terms.len() > 30, "{} terms", terms.len());
    let distinct: BTreeSet<&&str> = terms.iter().collect();
    assert_eq!(distinct.len(), terms.len(), "a term stands twice");
}
