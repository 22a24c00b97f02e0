//! Weights, configurations, folders of `.npy` and inputs.

use super::{Arrays, Case, golden, name, put, set};
use efficientecg::npz::{Array, Data};
use serde_json::{Value, json};
use std::path::Path;

fn info(label: &str, path: &Path, parts: &[&str]) -> Case {
    let file = path.file_name().expect("a name").to_str().expect("UTF-8");
    Case::new(label, &["info", "--weights", name(path)], &[&[file], parts].concat())
}

fn weights_arrays() -> Arrays {
    Arrays::read(&golden().0)
}

pub(crate) fn weights(folder: &Path) -> Vec<Case> {
    let bytes = std::fs::read(golden().0).expect("read");
    let mut cases = Vec::new();
    let mut flipped = bytes.clone();
    flipped[300] ^= 1;
    for (label, content, part) in [
        ("empty", vec![], "an empty file"),
        ("text", b"weights".to_vec(), "not a zip archive"),
        ("half", bytes[..bytes.len() / 2].to_vec(), "cut off"),
        ("a byte more", [&bytes[..], b"x"].concat(), "bytes after its end"),
        ("a bit flipped", flipped, "expected"),
    ] {
        cases.push(info(label, &put(folder, &format!("w-{label}.npz"), content), &["; ", part]));
    }
    let mut changed = |label: &str, arrays: Arrays, parts: &[&str]| {
        let path = folder.join(format!("w-{label}.npz"));
        arrays.write(&path);
        cases.push(info(label, &path, parts));
    };
    let a = weights_arrays;
    changed("no array", a().without("head.bn.bias"), &["head.bn.bias", "none of this name"]);
    changed("one more", a().add("x.y", &[1], Data::F32(vec![0.0])), &["x.y", "unknown array"]);
    changed("NaN", a().with("stem.conv.weight", set(f64::NAN)), &["stem.conv.weight", "NaN"]);
    changed("infinity", a().with("head.bn.weight", set(f64::INFINITY)), &["head.bn.weight", "inf"]);
    changed("variance", a().with("head.bn.running_var", set(-9.0)), &["head.bn.running_var", "-9"]);
    changed("beyond f32", a().with("head.bn.bias", |x| wide(x, 1e300)), &["head.bn.bias", "overflows f32"]);
    changed("shape", a().with("head.conv.weight", |x| x.shape.rotate_left(1)), &["found shape"]);
    changed("rank", a().with("head.bn.bias", |x| x.shape.push(1)), &["head.bn.bias", "found shape"]);
    let whole = |x: &mut Array| x.data = Data::I64(vec![1; x.data.len()]);
    changed("integers", a().with("classifier.bias", whole), &["classifier.bias", "expected floats", "i8"]);
    changed("no config", a().without("config"), &["config", "uint8"]);
    changed("no text", a().with("config", |x| wide(x, 0.0)), &["config", "expected bytes"]);
    cases.push(info("absent", &folder.join("none.npz"), &["check the path"]));
    cases
}

fn wide(array: &mut Array, value: f64) {
    array.data = Data::F64(vec![value; array.data.len()]);
}

pub(crate) fn configurations(folder: &Path) -> Vec<Case> {
    let Data::U8(text) = weights_arrays().0["config"].data.clone() else { panic!("text") };
    let text = String::from_utf8(text).expect("UTF-8");
    let mut cases = Vec::new();
    let mut add = |label: &str, text: &str, part: &str| {
        let path = folder.join(format!("c-{label}.npz"));
        let data = Data::U8(text.as_bytes().to_vec());
        weights_arrays().without("config").add("config", &[text.len()], data).write(&path);
        cases.push(info(label, &path, &[part]));
    };
    add("empty", "", "config: expected JSON text");
    add("cut", &text[..text.len() / 2], "config: expected JSON text");
    add("nested", &"[".repeat(100_000), "config: expected JSON text");
    add("list", "[]", "config: expected an object");
    add("twice", &text.replacen('{', "{\"name\": \"x\", ", 1), "name: expected the key once");
    let mut set = |pointer: &str, value: Value, part: &str| {
        let mut config: Value = serde_json::from_str(&text).expect("JSON");
        let (parent, key) = pointer.rsplit_once('/').expect("a pointer");
        let parent = config.pointer_mut(parent).expect("a parent");
        parent[key] = value;
        add(&pointer.replace('/', "."), &config.to_string(), part);
    };
    set("/format", json!("efficientecg/9"), "format: expected");
    set("/extra", json!(1), "extra: expected");
    set("/leads", json!([]), "leads: expected at least one");
    set("/classes", json!(["a", "a"]), "classes[1]: expected a name used once");
    set("/sample_rate", json!(0), "sample_rate: expected");
    set("/samples", json!(-5), "samples: expected");
    set("/normalize", json!("max"), "normalize: expected");
    set("/bn_eps", json!("0"), "bn_eps: expected a number");
    set("/se_ratio", json!(1e300), "se_ratio: expected");
    set("/stem/kernel", json!(4), "stem.kernel: expected an odd number");
    set("/stem/channels", json!(1u64 << 60), "stem.channels: expected");
    set("/stages", json!([]), "stages: expected at least one");
    set("/head_channels", json!(1u64 << 60), "head_channels: expected");
    set("/fusion/heads", json!(1_000_003), "fusion.heads: expected a divisor");
    let mut config: Value = serde_json::from_str(&text).expect("JSON");
    config["stages"][0]["repeats"] = json!(1u64 << 60);
    add("repeats", &config.to_string(), "stages[0].repeats: expected");
    config["stages"][0]["repeats"] = json!(1);
    config["fusion"]["features"][0]["name"] = json!("a.b");
    add("dot", &config.to_string(), "fusion.features[0].name: expected");
    // Sound, but 2^44 weights: refused by the files that are there.
    let mut large: Value = serde_json::from_str(&text).expect("JSON");
    large["head_channels"] = json!(1 << 24);
    add("large", &large.to_string(), "expected shape [16777216");
    cases
}

/// A `.npy` file.
fn npy(descr: &str, shape: &str, data: &[u8]) -> Vec<u8> {
    let header = format!("{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}\n");
    let mut out = b"\x93NUMPY\x01\0".to_vec();
    out.extend((header.len() as u16).to_le_bytes());
    out.extend(header.as_bytes());
    out.extend(data);
    out
}

pub(crate) fn directories(folder: &Path) -> Vec<Case> {
    let Data::U8(text) = weights_arrays().0["config"].data.clone() else { panic!("text") };
    let bias = "head.bn.bias.npy";
    let cases: Vec<(&str, Vec<u8>, &str)> = vec![
        ("empty", vec![], "an end within the header"),
        ("text", vec![b'x'; 100], "other bytes at its start"),
        ("pickle", npy("'|O'", "(1,)", &[0x80, 4]), "Python objects"),
        ("booleans", npy("'|b1'", "(4,)", &[0; 4]), "type |b1"),
        ("fields", npy("[('a', '<f4')]", "(4,)", &[0; 16]), "a structured type"),
        ("2^60", npy("'<f4'", "(1152921504606846976,)", &[0; 16]), "found shape [1152921504606846976]"),
        ("2^64", npy("'<f4'", "(4294967296, 4294967296)", &[0; 16]), "sizes that overflow"),
        ("negative", npy("'<f4'", "(-1,)", &[0; 16]), "negative"),
        ("no tuple", npy("'<f4'", "4", &[0; 16]), "does not parse"),
        ("scalar", npy("'<f4'", "()", &[0; 4]), "found shape []"),
        (
            "version 9",
            {
                let mut v = npy("'<f4'", "(4,)", &[0; 16]);
                v[6] = 9;
                v
            },
            "version 9.0",
        ),
        (
            "a long header",
            {
                let mut v = npy("'<f4'", "(4,)", &[0; 16]);
                v[6] = 2;
                v[8..12].fill(0xff);
                v
            },
            "a header of 4294967295 bytes",
        ),
    ];
    let mut out = Vec::new();
    for (label, bytes, part) in cases {
        let dir = folder.join(format!("d-{label}"));
        std::fs::create_dir(&dir).expect("made");
        put(&dir, "config.json", &text);
        for (array, _) in weights_arrays().0.iter().filter(|(n, _)| *n != "config") {
            put(&dir, &format!("{array}.npy"), []);
        }
        // Arrays are read in the network's order: the first is the one that is wrong.
        put(&dir, "stem.conv.weight.npy", bytes);
        let args = ["verify", "--weights", name(&dir), "--reference", name(&golden().1)].map(str::to_owned);
        let parts = ["stem.conv.weight", part, "; "].map(str::to_owned).to_vec();
        out.push(Case { label: label.to_owned(), args: args.to_vec(), parts });
    }
    let stray = folder.join("d-stray");
    std::fs::create_dir(&stray).expect("made");
    put(&stray, "config.json", &text);
    put(&stray, "notes.txt", "x");
    out.push(info("stray", &stray, &["notes.txt", "move it out"]));
    let bare = folder.join("d-bare");
    std::fs::create_dir(&bare).expect("made");
    put(&bare, bias, npy("'<f4'", "(1,)", &[0; 4]));
    out.push(info("bare", &bare, &["config.json", "add config.json"]));
    out
}

pub(crate) fn inputs(folder: &Path) -> Vec<Case> {
    let (weights, reference) = golden();
    let read = || Arrays::read(&reference).inputs();
    let output = folder.join("y.npz");
    let shape = read().0["signal"].shape.clone();
    let (batch, leads, samples) = (shape[0], shape[1], shape[2]);
    let floats = |n: usize| Data::F64(vec![0.0; n]);
    let mut cases = Vec::new();
    let mut add = |label: &str, path: &Path, parts: &[&str]| {
        let (w, x, y) = (name(&weights), name(path), name(&output));
        cases.push(Case::new(label, &["run", "--weights", w, "--input", x, "--output", y], parts));
    };
    for (label, arrays, part) in [
        ("no signal", read().without("signal"), "signal: expected"),
        (
            "integers",
            read().add("signal", &[1, leads, 1], Data::I64(vec![0; leads])),
            "signal: expected floats",
        ),
        ("leads", read().add("signal", &[1, leads + 1, 1], floats(leads + 1)), "signal: expected shape"),
        ("no records", read().add("signal", &[0, leads, samples], floats(0)), "signal: expected"),
        ("no samples", read().add("signal", &[batch, leads, 0], floats(0)), "signal: expected"),
        ("NaN", read().with("signal", set(f64::NAN)), "signal, record 0: expected finite"),
        (
            "beyond f32",
            read().with("signal", |x| wide(x, 1e300)),
            "signal, record 0: expected values that fit f32",
        ),
        ("unknown", read().add("rythm", &[batch], floats(batch)), "rythm: expected only signal"),
        ("batch", read().add("age", &[batch + 1], floats(batch + 1)), "age: expected shape"),
        ("age", read().add("age", &[batch], Data::F64(vec![f64::INFINITY; batch])), "age, record 0"),
        ("sex", read().add("sex", &[batch], Data::I64(vec![i64::MIN; batch])), "sex, record 0: expected -1"),
        (
            "steps",
            read().add("rhythm_steps", &[batch], Data::U64(vec![u64::MAX; batch])),
            "rhythm_steps, record 0",
        ),
    ] {
        let path = folder.join(format!("x-{label}.npz"));
        arrays.write(&path);
        add(
            label,
            &path,
            &[part, "correct"][..if part.contains("only signal")
                || part.contains("shape")
                || part.contains("floats")
                || label == "no signal"
            {
                1
            } else {
                2
            }],
        );
    }
    let whole = std::fs::read(&reference).expect("read");
    add("cut", &put(folder, "x-cut.npz", &whole[..100]), &["x-cut.npz", "cut off"]);
    add("a folder", folder, &["; "]);
    add("weights", &weights, &["unknown array"]);
    cases
}
