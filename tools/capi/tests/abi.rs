//! The ABI: Rust lays structs out as `tests/abi.h` has them, which `tests/programs.rs` compiles with the header; the header is
//! the one that cbindgen makes of the sources.

use efficientecg_c::*;
use std::path::Path;
use std::process::Command;

/// The lines of `tests/abi.h` that say `word(first, ..., number)`, of a type and perhaps a field.
fn stated(word: &str) -> Vec<(String, usize)> {
    let text = include_str!("abi.h");
    let lines = text.lines().filter_map(|line| line.strip_prefix(word)?.strip_suffix(");"));
    let parts = lines.filter_map(|line| line.rsplit_once(", "));
    let mut all: Vec<(String, usize)> =
        parts.map(|(name, number)| (name.replace(", ", "."), number.parse().expect("a number"))).collect();
    all.sort();
    all
}

macro_rules! layouts {
    ($($type:ident: $($field:ident)*;)*) => {
        (
            vec![$((stringify!($type).to_owned(), size_of::<$type>()),)* ("ecg_status".to_owned(), size_of::<ecg_status>())],
            vec![$($((concat!(stringify!($type), ".", stringify!($field)).to_owned(), std::mem::offset_of!($type, $field)),)*)*],
        )
    };
}

#[test]
#[cfg(target_pointer_width = "64")]
fn structs_are_laid_out_as_the_abi_says() {
    let (mut sizes, mut fields) = layouts! {
        ecg_error: status message;
        ecg_options: size threads precision reserved level;
        ecg_model_info: leads classes features task normalize precision samples parameters sample_rate;
        ecg_feature_info: name kind width;
        ecg_feature: name numbers categories rows steps;
        ecg_patient: age sex reserved;
        ecg_event: kind class_index reason reserved frame seconds;
    };
    sizes.sort();
    fields.sort();
    assert_eq!(sizes, stated("SIZE("));
    assert_eq!(fields, stated("FIELD("));
    assert_eq!(ecg_abi_version(), ECG_ABI_VERSION);
}

#[test]
fn the_abi_says_every_number_and_every_struct_of_the_header() {
    let header = include_str!("../include/efficientecg.h");
    let defined = |line: &str| {
        let (name, number) = line.strip_prefix("#define ECG_")?.split_once(' ')?;
        Some((format!("ECG_{name}"), number.parse().expect("a number")))
    };
    let mut numbers: Vec<(String, usize)> = header.lines().filter_map(defined).collect();
    numbers.sort();
    assert_eq!(numbers, stated("VALUE("));
    let ends = |line: &'static str| line.strip_prefix("} ")?.strip_suffix(';');
    let mut structs: Vec<&str> = header.lines().filter_map(ends).collect();
    structs.push("ecg_status");
    structs.sort();
    assert_eq!(structs, stated("SIZE(").iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>());
    // A member ends its line; functions and their arguments end with brackets.
    let members =
        header.lines().filter(|line| line.starts_with("  ") && line.ends_with(';') && !line.contains(')'));
    assert_eq!(members.count(), stated("FIELD(").len());
}

#[test]
fn the_header_is_the_one_that_cbindgen_makes() {
    let found = Command::new("cbindgen").arg("--version").output();
    let version = found.map(|out| String::from_utf8_lossy(&out.stdout).trim().to_owned()).unwrap_or_default();
    // Others may lay it out in other ways.
    if version != "cbindgen 0.29.4" {
        assert!(
            std::env::var_os("EFFICIENTECG_REQUIRE_CBINDGEN").is_none_or(|v| v != "1"),
            "cbindgen 0.29.4 is asked for, found {version:?}: cargo install --version 0.29.4 cbindgen"
        );
        efficientecg_skipped::skipped("the C header is not made again: there is no cbindgen 0.29.4");
        return;
    }
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let made = Command::new("cbindgen")
        .args(["--quiet", "--config", "cbindgen.toml", "."])
        .current_dir(here)
        .output();
    let made = made.expect("cbindgen runs");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let made = String::from_utf8(made.stdout).expect("UTF-8");
    let header = include_str!("../include/efficientecg.h");
    assert!(made == header, "make include/efficientecg.h again, as cbindgen.toml says");
}
