//! The library as others build it: a package of its own, outside this workspace and its profiles, without optimisation, which
//! is when stack frames are largest. Builds offline, from what is locked here, into a folder that the next run finds again.

use efficientecg_tests::golden;
use std::path::Path;
use std::process::Command;

/// The package that others depend on.
const PACKAGE: &str = "efficientecg";

/// Writes a file, unless it says the same already: cargo goes by its time.
fn write(path: &Path, text: &str) {
    if std::fs::read_to_string(path).is_ok_and(|now| now == text) {
        return;
    }
    std::fs::write(path, text).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
}

/// Nothing of how these tests are built and run: neither profile nor flags nor stacks.
fn unaffected(command: &mut Command) -> &mut Command {
    const KEPT: [&str; 4] = ["CARGO", "CARGO_HOME", "RUSTUP_HOME", "RUSTUP_TOOLCHAIN"];
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy().into_owned();
        if (name.starts_with("CARGO") || name.starts_with("RUST")) && !KEPT.contains(&name.as_str()) {
            command.env_remove(name);
        }
    }
    command
}

#[test]
fn a_package_with_cargos_defaults_runs_every_network() {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("downstream");
    std::fs::create_dir_all(folder.join("src")).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    // A path as TOML's basic string has it.
    let model = format!("{:?}", workspace.join("model"));
    write(
        &folder.join("Cargo.toml"),
        &format!(
            "[package]\nname = \"downstream\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n[dependencies]\n{PACKAGE} = {{ path = {model} }}\n\n[workspace]\n"
        ),
    );
    write(&folder.join("src/main.rs"), include_str!("program.rs"));
    // Cargo leaves out what the package does not need.
    let lock = std::fs::read_to_string(workspace.join("Cargo.lock")).unwrap_or_else(|e| panic!("{e}"));
    write(&folder.join("Cargo.lock"), &lock);

    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let target = folder.join("target");
    let mut build = Command::new(cargo);
    build.current_dir(&folder).args(["build", "--offline", "--quiet", "--target-dir"]).arg(&target);
    let built = unaffected(&mut build).status().unwrap_or_else(|e| panic!("{e}"));
    assert!(built.success(), "{build:?}");

    let mut run =
        Command::new(target.join("debug").join(format!("downstream{}", std::env::consts::EXE_SUFFIX)));
    run.arg(golden::folder());
    let ran = unaffected(&mut run).output().unwrap_or_else(|e| panic!("{e}"));
    let (said, errors) = (String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
    assert!(ran.status.success(), "{}\n{errors}", ran.status);
    let networks = golden::list(&golden::folder()).len();
    assert_eq!(said.trim(), format!("{networks} networks"));
}
