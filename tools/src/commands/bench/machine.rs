//! The machine that is measured, and this build.

use efficientecg::{Level, available_threads};
use serde::Serialize;

#[derive(Serialize)]
pub(super) struct Machine {
    /// What the processor calls itself, where the system tells.
    pub(super) cpu: Option<String>,
    /// Cores that the process may use.
    pub(super) cores: usize,
    pub(super) system: &'static str,
    pub(super) architecture: &'static str,
    pub(super) levels: Vec<&'static str>,
}

#[derive(Serialize)]
pub(super) struct Build {
    pub(super) version: &'static str,
    /// `EFFICIENTECG_COMMIT` at build time.
    pub(super) commit: Option<&'static str>,
    /// `release`, or `debug` with assertions.
    pub(super) profile: &'static str,
    pub(super) gpu: bool,
}

pub(super) fn machine() -> Machine {
    Machine {
        cpu: std::fs::read_to_string("/proc/cpuinfo").ok().and_then(|text| field(&text, "model name")),
        cores: available_threads(),
        system: std::env::consts::OS,
        architecture: std::env::consts::ARCH,
        levels: Level::available().into_iter().map(Level::name).collect(),
    }
}

pub(super) fn build() -> Build {
    Build {
        version: env!("CARGO_PKG_VERSION"),
        commit: option_env!("EFFICIENTECG_COMMIT"),
        profile: if cfg!(debug_assertions) { "debug" } else { "release" },
        gpu: cfg!(feature = "gpu"),
    }
}

/// The most memory that the process has had so far, where the system tells.
pub(super) fn peak_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let kilobytes = field(&status, "VmHWM")?.strip_suffix(" kB")?.trim().parse::<u64>().ok()?;
    Some(1024 * kilobytes)
}

/// What follows the first `name:` at the start of a line.
fn field(text: &str, name: &str) -> Option<String> {
    let values = text.lines().filter_map(|line| line.split_once(':'));
    let value = values.filter(|(key, _)| key.trim() == name).map(|(_, v)| v.trim().to_owned()).next();
    value.filter(|v| !v.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_of_proc() {
        let text = "processor\t: 0\nmodel name\t: A B: C\nmodel name\t: D\nempty:\n";
        assert_eq!(field(text, "model name").as_deref(), Some("A B: C"));
        assert_eq!(field(text, "model"), None);
        assert_eq!(field(text, "empty"), None);
    }
}
