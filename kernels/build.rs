//! Names the instruction sets that kernels are compiled for, as `cfg(scalar)`, `cfg(avx2)`, `cfg(avx512)`, `cfg(neon)` and
//! `cfg(simd128)`: all of the target's architecture, or those of the features `only-…` that are on. Features of other architectures do not
//! count. A module of WebAssembly that is compiled for `simd128` runs nowhere without, and has that in place of plain Rust.

use std::env::var_os;

/// Every instruction set: its name, its architecture if it is of one, and its feature.
const SETS: [(&str, Option<&str>, &str); 4] = [
    ("scalar", None, "CARGO_FEATURE_ONLY_SCALAR"),
    ("avx2", Some("x86_64"), "CARGO_FEATURE_ONLY_AVX2"),
    ("avx512", Some("x86_64"), "CARGO_FEATURE_ONLY_AVX512"),
    ("neon", Some("aarch64"), "CARGO_FEATURE_ONLY_NEON"),
];

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let architecture = var_os("CARGO_CFG_TARGET_ARCH").unwrap_or_default();
    let there: Vec<_> = SETS.iter().filter(|(_, of, _)| of.is_none_or(|of| architecture == of)).collect();
    let named = there.iter().any(|(.., feature)| var_os(feature).is_some());
    for set in SETS.iter().map(|(set, ..)| *set).chain(["simd128"]) {
        println!("cargo::rustc-check-cfg=cfg({set})");
    }
    let compiled_for = std::env::var("CARGO_CFG_TARGET_FEATURE").unwrap_or_default();
    if architecture == "wasm32" && compiled_for.split(',').any(|feature| feature == "simd128") {
        println!("cargo::rustc-cfg=simd128");
        return;
    }
    for (set, _, feature) in there {
        if !named || var_os(feature).is_some() {
            println!("cargo::rustc-cfg={set}");
        }
    }
}
