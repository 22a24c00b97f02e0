//! The processor's clock, where there is one: on `wasm32-unknown-unknown` the standard library's panics. There all moments are
//! the same, and nothing takes any time; with the feature `webgpu` it is the browser's clock.

use std::time::Duration;
#[cfg(not(all(target_family = "wasm", target_os = "unknown")))]
use std::time::Instant;

/// Whether there is a clock. Who waits for time to pass must ask.
pub const TICKS: bool =
    cfg!(any(feature = "webgpu", not(all(target_family = "wasm", target_os = "unknown"))));

/// What a browser's clock shows.
#[cfg(all(target_family = "wasm", target_os = "unknown"))]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Instant(Duration);

#[cfg(all(target_family = "wasm", target_os = "unknown"))]
impl Instant {
    #[cfg(feature = "webgpu")]
    fn now() -> Instant {
        #[wasm_bindgen::prelude::wasm_bindgen]
        extern "C" {
            #[wasm_bindgen(js_namespace = performance)]
            fn now() -> f64;
        }
        Instant(Duration::try_from_secs_f64(1e-3 * now()).unwrap_or_default())
    }

    #[cfg(not(feature = "webgpu"))]
    fn now() -> Instant {
        Instant(Duration::ZERO)
    }

    fn saturating_duration_since(self, earlier: Instant) -> Duration {
        self.0.saturating_sub(earlier.0)
    }
}

/// A moment on a clock that never goes back.
///
/// ```
/// # use efficientecg_engine::clock::Moment;
/// let start = Moment::now();
/// // Some work.
/// let seconds = start.elapsed().as_secs_f64();
/// assert!(seconds >= 0.0);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment(Option<Instant>);

impl Moment {
    /// Now.
    pub fn now() -> Moment {
        Moment(TICKS.then(Instant::now))
    }

    /// How long after another moment this is; zero if it is before it.
    pub fn since(self, earlier: Moment) -> Duration {
        match (self.0, earlier.0) {
            (Some(this), Some(earlier)) => this.saturating_duration_since(earlier),
            _ => Duration::ZERO,
        }
    }

    /// How long ago this is.
    pub fn elapsed(self) -> Duration {
        Moment::now().since(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_passes_one_way() {
        let first = Moment::now();
        std::thread::sleep(Duration::from_millis(2));
        let second = Moment::now();
        assert!(second.since(first) >= Duration::from_millis(2) && first.elapsed() >= second.since(first));
        assert_eq!(first.since(second), Duration::ZERO);
        assert!(second > first);
    }
}
