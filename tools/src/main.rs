//! The `efficientecg` program.

mod memory;

fn main() -> std::process::ExitCode {
    efficientecg_cli::main()
}
