//! Tables, and annotations to score.

use super::{Case, name, put};
use std::path::Path;

pub(crate) fn tables(folder: &Path) -> Vec<Case> {
    let good = put(folder, "good.csv", "1,N\n2,A\n");
    let labels = put(folder, "labels.csv", "record,MI,CD\n1,1,0\n2,0,1\n");
    let mut cases = Vec::new();
    let mut add = |label: &str, reference: &Path, bytes: &[u8], parts: &[&str]| {
        let file = format!("t{}.csv", cases.len());
        let path = put(folder, &file, bytes);
        let args = ["evaluate", "records", name(reference), name(&path)];
        cases.push(Case::new(label, &args, &[&[file.as_str()], parts].concat()));
    };
    add("empty", &good, b"", &["rows", "at least 1"]);
    add("a header alone", &good, b"record,class\n", &["rows", "at least 1"]);
    add("binary", &good, b"1,\xff\n", &["byte 2", "UTF-8"]);
    add("ragged", &good, b"1,N\n2\n", &["line 2", "2 fields"]);
    add("an open quote", &good, b"1,N\n2,\"A\n", &["line 2", "does not end"]);
    add("a name twice", &good, b"1,N\n2,A\n1,N\n", &["line 3", "line 1 has this one"]);
    add("no name", &good, b"1,N\n,A\n", &["line 2 column 1", "a record's name"]);
    add("no class", &good, b"1,N\n2,\n", &["line 2 column 2", "a class"]);
    add("one column", &good, b"1\n2\n", &["columns", "2 columns without"]);
    add("nameless columns", &good, b"1,N,1,0\n2,A,0,1\n", &["columns", "names"]);
    add("a record less", &good, b"1,N\n", &["records", "none named 2", "--common"]);
    add("a record more", &good, b"1,N\n2,A\n3,A\n", &["records", "also 3", "--common"]);
    add(
        "a probability in words",
        &good,
        b"record,N,A\n1,1,0\n2,x,1\n",
        &["line 3 column \"N\"", "probability"],
    );
    add("percent", &good, b"record,N,A\n1,60,40\n2,5,95\n", &["line 2 column \"N\"", "percent"]);
    add("NaN", &good, b"record,N,A\n1,NaN,1\n2,0,1\n", &["line 2 column \"N\""]);
    add("a sum of 2", &good, b"record,N,A\n1,1,1\n2,0,1\n", &["line 2", "a sum of 1"]);
    add("a class twice", &good, b"record,N,N\n1,1,0\n2,0,1\n", &["column 3", "a name of its own"]);
    add(
        "a class without a column",
        &good,
        b"record,class,N,A\n1,O,1,0\n2,A,0,1\n",
        &["line 2 column \"class\""],
    );
    add("labels missing", &labels, b"record,MI\n1,0\n2,1\n", &["columns", "\"CD\""]);
    add("labels more", &labels, b"record,MI,CD,HYP\n1,0,0,0\n2,1,1,1\n", &["columns", "\"HYP\""]);
    add("labels nameless", &labels, b"1,0,0\n2,1,1\n", &["columns", "record,CLASS1,CLASS2"]);
    let two = put(folder, "two.csv", "record,MI,CD\n1,1,2\n");
    let args = ["evaluate", "records", name(&two), name(&labels)];
    cases.push(Case::new(
        "a label of 2",
        &[&args[..], &["--common"]].concat(),
        &["two.csv", "line 2", "0 or 1"],
    ));
    let args = ["evaluate", "records", name(&good), name(&good), "--mean", "X"];
    cases.push(Case::new("a mean of none", &args, &["good.csv", "averaged class", "one of N A"]));
    let args = ["evaluate", "records", name(&good), name(&good), "--threshold", "0.5"];
    cases.push(Case::new("a threshold of none", &args, &["--threshold", "good.csv"]));
    let args = ["evaluate", "records", name(&good), "/nowhere/p.csv"];
    cases.push(Case::new("absent", &args, &["/nowhere/p.csv", "check the path"]));
    let args = ["evaluate", "records", name(&good), name(folder)];
    cases.push(Case::new("a folder", &args, &["a directory"]));
    cases
}

pub(crate) fn beats(folder: &Path) -> Vec<Case> {
    let record = put(folder, "e.hea", "e 0 100 1000\n").with_extension("");
    put(folder, "e.atr", [5, 4, 0, 0]);
    put(folder, "e.cut", [5, 4, 5]);
    let evaluate = |test: &str, more: &[&str]| {
        let args = ["evaluate", "beats", "--test", test, name(&record)];
        [&args[..], more].concat().into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    let case = |label: &str, args: Vec<String>, parts: &[&str]| {
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        Case::new(label, &args, parts)
    };
    let mut cases = vec![
        case("no test", evaluate("nobody", &[]), &["e.nobody", "cannot read"]),
        case("no reference", evaluate("atr", &["--reference", "none"]), &["e.none", "cannot read"]),
        case("a cut test", evaluate("cut", &[]), &["e.cut", "byte 2"]),
        case("a record twice", evaluate("atr", &[name(&record)]), &["e.atr", "give each record once"]),
        case(
            "no folder",
            evaluate("atr", &["--test-folder", "/nowhere"]),
            &["/nowhere/e.atr", "cannot read"],
        ),
        case("no record", evaluate("atr", &["/nowhere/x"]), &["/nowhere/x.hea", "cannot read"]),
        case("a window of words", evaluate("atr", &["--window", "wide"]), &["--window", "seconds"]),
        case("a start before", evaluate("atr", &["--from=-1"]), &["--from"]),
        case("few draws", evaluate("atr", &["--bootstrap", "1"]), &["--bootstrap"]),
    ];
    for (label, text, parts) in [
        ("no names", "1,N\n", &["e.csv", "sample and class"][..]),
        ("no class", "sample,seconds\n1,1\n", &["e.csv", "sample and class"]),
        ("a sample in words", "sample,class\nx,N\n", &["e.csv", "line 2 column \"sample\"", "whole number"]),
        ("no beat", "sample,class\n1,+\n", &["e.csv", "line 2 column \"class\"", "a beat's symbol"]),
        ("probability", "sample,class,N\n1,N,2\n", &["e.csv", "line 2 column \"N\"", "probability"]),
    ] {
        let sub = folder.join(format!("csv-{}", label.replace(' ', "-")));
        std::fs::create_dir_all(&sub).expect("made");
        put(&sub, "e.csv", text);
        cases.push(case(label, evaluate("csv", &["--test-folder", name(&sub)]), parts));
    }
    cases
}
