//! Builds and runs tests in the copy.

use std::fmt;
use std::fs::{self, File};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Command, ExitStatus};
use std::time::{Duration, Instant};

/// What a test may take once it is built; a fault may make it hang.
const LIMIT: Duration = Duration::from_secs(600);

/// What became of a run of tests.
pub(crate) enum Verdict {
    /// These tests failed.
    Caught(Vec<String>),
    /// The test program died, of this.
    Died(String),
    /// The tests did not end in time; these had failed before.
    TimedOut(Vec<String>),
    /// All tests passed.
    Survived,
    /// The compiler refused it.
    DoesNotBuild,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Verdict::Caught(tests) => write!(f, "caught by {}", tests.join(", ")),
            Verdict::Died(how) => write!(f, "caught: the test program died ({how})"),
            Verdict::TimedOut(failed) => {
                write!(f, "caught by time-out: the tests hang")?;
                if failed.is_empty() { Ok(()) } else { write!(f, " ({} failed before)", failed.join(", ")) }
            }
            Verdict::Survived => f.write_str("SURVIVED"),
            Verdict::DoesNotBuild => f.write_str("DOES NOT BUILD"),
        }
    }
}

/// Runs `cargo test` with these arguments in `tree`; what it says goes to `log`.
pub(crate) fn test(tree: &Path, arguments: &str, log: &Path) -> Result<Verdict, String> {
    let build = cargo(tree, arguments, true, log)?;
    if !build.is_some_and(|status| status.success()) {
        return Ok(Verdict::DoesNotBuild);
    }
    let status = cargo(tree, arguments, false, log)?;
    let said = fs::read(log).map_err(|e| format!("{}: {e}", log.display()))?;
    let said = String::from_utf8_lossy(&said);
    // `test NAME ... FAILED`, of which the parts may come apart in what is printed.
    let failed: Vec<String> = said
        .split_once("\nfailures:\n")
        .and_then(|(_, rest)| rest.rsplit_once("\nfailures:\n"))
        .map(|(_, names)| {
            names.lines().take_while(|l| l.starts_with("    ")).map(|l| l.trim().to_owned()).collect()
        })
        .unwrap_or_default();
    Ok(match status {
        None => Verdict::TimedOut(failed),
        Some(status) if status.success() => Verdict::Survived,
        Some(_) if !failed.is_empty() => Verdict::Caught(failed),
        Some(status) => Verdict::Died(
            said.lines()
                .rev()
                .find_map(|l| {
                    l.split_once("(signal: ").map(|(_, how)| format!("signal {}", how.trim_end_matches(')')))
                })
                .unwrap_or_else(|| how_it_ended(status)),
        ),
    })
}

fn how_it_ended(status: ExitStatus) -> String {
    match status.signal() {
        Some(signal) => format!("signal {signal}"),
        None => format!("{status}"),
    }
}

/// How cargo ended, or `None` where it was ended for time.
fn cargo(tree: &Path, arguments: &str, build: bool, log: &Path) -> Result<Option<ExitStatus>, String> {
    let error = |e: std::io::Error| format!("{}: {e}", log.display());
    let out = File::create(log).map_err(error)?;
    let target = tree.with_file_name("build");
    let mut child = Command::new("cargo")
        .current_dir(tree)
        .arg("test")
        .args(build.then_some("--no-run"))
        .args(arguments.split_whitespace())
        .env("CARGO_TARGET_DIR", target)
        // Quicker to build: what is computed stays the same.
        .env("CARGO_INCREMENTAL", "1")
        .env("CARGO_PROFILE_TEST_DEBUG", "0")
        .env("CARGO_PROFILE_TEST_OPT_LEVEL", "1")
        .env("CARGO_TERM_COLOR", "never")
        // Mesa's software Vulkan is there to be used, and its absence is not a passed test.
        .env("NODEVICE_SELECT", "1")
        .env("EFFICIENTECG_REQUIRE_GPU", "1")
        // That a case fails is enough.
        .env("PROPTEST_MAX_SHRINK_ITERS", "0")
        .stdout(out.try_clone().map_err(error)?)
        .stderr(out)
        .process_group(0)
        .spawn()
        .map_err(|e| format!("cargo: {e}"))?;
    let start = Instant::now();
    loop {
        if let Some(status) = child.try_wait().map_err(|e| format!("cargo: {e}"))? {
            return Ok(Some(status));
        }
        if !build && start.elapsed() > LIMIT {
            // The group: cargo alone would leave the test program behind.
            let group = format!("-{}", child.id());
            let _ = Command::new("kill").args(["-KILL", "--", &group]).status();
            child.wait().map_err(|e| format!("cargo: {e}"))?;
            return Ok(None);
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}
