//! Writes the benched networks with random weights, for programs that are measured from outside.
//!
//! `cargo run --release -p efficientecg-benches --example write_networks -- FOLDER`

use efficientecg::npz::Packing;
use efficientecg_benches::{networks, random_weights};
use std::error::Error;
use std::path::PathBuf;

fn main() -> Result<(), Box<dyn Error>> {
    let folder = PathBuf::from(std::env::args_os().nth(1).ok_or("expected a folder")?);
    std::fs::create_dir_all(&folder)?;
    for (name, config) in networks() {
        let path = folder.join(format!("{name}.npz"));
        random_weights(config)?.save(&path, Packing::Stored)?;
        println!("{}", path.display());
    }
    Ok(())
}
