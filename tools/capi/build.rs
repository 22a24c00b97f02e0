//! Names the shared library as programs look for it, `libefficientecg.so.MAJOR.MINOR`. cargo-c does that itself.

use std::env::var;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let linux = var("CARGO_CFG_TARGET_OS").is_ok_and(|os| os == "linux");
    if let (true, Err(_), Ok(major), Ok(minor)) =
        (linux, var("CARGO_FEATURE_CAPI"), var("CARGO_PKG_VERSION_MAJOR"), var("CARGO_PKG_VERSION_MINOR"))
    {
        println!("cargo::rustc-cdylib-link-arg=-Wl,-soname,libefficientecg.so.{major}.{minor}");
    }
}
