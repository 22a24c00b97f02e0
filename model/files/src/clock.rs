//! The processor's clock, where there is one: on `wasm32-unknown-unknown` the standard library's panics. There all moments are
//! the same, and nothing takes any time.

use std::time::{Duration, Instant};

/// A moment on a clock that never goes back.
///
/// ```
/// # use efficientecg_files::Moment;
/// let start = Moment::now();
/// // Some work.
/// assert!(start.elapsed().as_secs_f64() >= 0.0);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment(Option<Instant>);

impl Moment {
    /// Whether there is a clock. Who waits for time to pass must ask.
    pub const TICKS: bool = !cfg!(all(target_family = "wasm", target_os = "unknown"));

    /// Now.
    pub fn now() -> Moment {
        Moment(Moment::TICKS.then(Instant::now))
    }

    /// How long ago this is; zero where there is no clock.
    pub fn elapsed(self) -> Duration {
        self.0.map_or(Duration::ZERO, |start| start.elapsed())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_passes() {
        let first = Moment::now();
        std::thread::sleep(Duration::from_millis(2));
        assert!(first.elapsed() >= Duration::from_millis(2));
        assert!(Moment::now() > first);
    }
}
