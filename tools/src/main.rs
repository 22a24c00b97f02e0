//! The `efficientecg` program.
fn main() {}
