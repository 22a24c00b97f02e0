//! Command lines.

use super::{Case, golden, name};

pub(crate) fn command_lines() -> Vec<Case> {
    let (weights, reference) = golden();
    let (w, r) = (name(&weights), name(&reference));
    let case = |args: &[&str], part: &str| Case::new(&args.join(" "), args, &[part, "efficientecg --help"]);
    let value = |args: &[&str], parts: &[&str]| Case::new(&args.join(" "), args, parts);
    let endless = "x".repeat(50_000);
    vec![
        case(&[], "subcommand"),
        case(&["fly"], "fly"),
        case(&["run"], "--weights"),
        case(&["run", "--weights", w], "--input"),
        case(&["run", "--weights", w, "--input", r], "--output"),
        case(&["run", "--weights"], "--weights"),
        case(&["run", "--weights", w, "--weights", w, "--input", r, "--output", "y"], "--weights"),
        case(&["verify", "--weights", w], "--reference"),
        case(&["verify", "--weights", w, "--reference", r, "--nope"], "--nope"),
        case(&["verify", "--weights", w, "--reference", r, &endless], "xxx"),
        case(&["verify", "--weights", w, "--reference", r, "--threads", "0"], "--threads"),
        case(&["verify", "--weights", w, "--reference", r, "--threads", "99999"], "--threads"),
        case(&["verify", "--weights", w, "--reference", r, "--batch", "-1"], "-1"),
        case(&["verify", "--weights", w, "--reference", r, "--batch", "1e3"], "1e3"),
        case(&["verify", "--weights", w, "--reference", r, "--precision", "f64"], "f64"),
        case(&["verify", "--weights", w, "--reference", r, "--backend", "tpu"], "tpu"),
        value(&["verify", "--weights", w, "--reference", r, "--level", "mmx"], &["--level mmx", "scalar"]),
        case(&["classify", "--weights", w], "RECORD"),
        case(&["classify", "--weights", w, "a", "--age", "151"], "0 to 150"),
        case(&["classify", "--weights", w, "a", "--age", "NaN"], "0 to 150"),
        case(&["classify", "--weights", w, "a", "--lead", "V1"], "MODEL=RECORD"),
        case(&["classify", "--weights", w, "a", "--sex", "x"], "female"),
        case(&["classify", "--weights", w, "a", "--format", "csv"], "--output"),
        case(
            &["classify", "--weights", w, "a", "--output", "o", "--annotator", "../x"],
            "letters and digits",
        ),
        case(&["classify", "--weights", w, "a", "--output", "o", "--annotator", "atr"], "letters and digits"),
        case(&["evaluate"], "subcommand"),
        case(&["evaluate", "beats", "100"], "--test"),
        case(&["evaluate", "beats", "--test", "aami"], "RECORD"),
        case(&["evaluate", "beats", "--test", "aami", "100", "--escape-beats", "v"], "escape-beats"),
        case(&["evaluate", "records", "r.csv"], "PREDICTIONS.csv"),
        case(&["evaluate", "records", "r.csv", "p.csv", "--threshold", "2"], "0 to 1"),
        case(&["info", "--weights", w, "--samples", "0"], "--samples"),
        case(&["bench", "--weights", w, "--seconds", "-1"], "seconds"),
        case(&["bench", "--weights", w, "--runs", "0"], "--runs"),
        case(&["bench"], "--weights"),
        value(
            &["bench", "--weights", w, "--batch", &["1"; 200].join(","), "--samples", &["1"; 200].join(",")],
            &["10000 combinations", "shorten"],
        ),
        value(
            &["bench", "--weights", w, "--batch", "4000000000", "--samples", "4000000000"],
            &["--batch 4000000000", "lower one of them"],
        ),
    ]
}
