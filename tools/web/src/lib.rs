//! The library as a WebAssembly module for WASI preview 1.
//!
//! ```text
//! exports.rs   what JavaScript calls: numbers in and out, bytes in the module's memory
//! state.rs     models and records that are loaded, and what the last call made
//! calls.rs     what each call does, on Rust's types
//! wishes.rs    what comes as JSON
//! ```
//!
//! `findings`, `episodes`, `legend` and `times` are the program's own sources: its JSON, CSV and annotations are made by the same code.
//! Files come by WASI: what a page was given lies in a folder that JavaScript holds in memory. The module asks for nothing else of a
//! system but its clock.

mod calls;
#[path = "../../src/episodes.rs"]
#[allow(dead_code, reason = "what is printed on a terminal")]
mod episodes;
pub mod exports;
#[path = "../../src/findings.rs"]
#[allow(dead_code, reason = "what is printed on a terminal")]
mod findings;
#[path = "../../src/legend.rs"]
mod legend;
mod state;
#[path = "../../src/times.rs"]
#[allow(dead_code, reason = "what is printed on a terminal")]
mod times;
mod wishes;
