//! RADV's figures of every kernel: no spills in any variant; occupancy, multiply-adds and modelled peak of the defaults.

use std::process::Command;

#[test]
fn nothing_spills_and_defaults_keep_their_occupancy() {
    let program = env!("CARGO_BIN_EXE_efficientecg-gpu-static");
    let out = Command::new(program).arg("--check").output().unwrap_or_else(|e| panic!("{program}: {e}"));
    let (text, errors) = (String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
    if out.status.code() == Some(77) {
        let required = std::env::var("EFFICIENTECG_REQUIRE_GPU").is_ok_and(|v| v == "1");
        assert!(!required, "{errors}");
        efficientecg_skipped::skipped(errors.trim());
        return;
    }
    assert!(out.status.success(), "{errors}");
    // Each storage has its pipelines, of each operation but tokens and of many variants.
    for storage in ["f32", "f16", "packed f16"] {
        let line = text.lines().find(|l| l.starts_with(&format!("{storage}: ")) && l.ends_with("pipelines"));
        let count = line.and_then(|l| l.split(' ').rev().nth(1)?.parse::<usize>().ok());
        assert!(count.is_some_and(|n| n >= 60), "{storage}: {count:?} pipelines");
    }
    for operation in ["conv", "pointwise", "depthwise", "squeeze_excite", "cross_attention", "classifier"] {
        let rows = text.lines().filter(|l| l.starts_with(&format!("| {operation} | "))).count();
        assert!(rows >= 3, "{operation}: {rows} rows");
    }
}
