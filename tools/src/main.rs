//! The `efficientecg` program.

fn main() -> std::process::ExitCode {
    efficientecg_program::main()
}
