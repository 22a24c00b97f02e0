//! Failures for tests: kernels that are wrong, devices that fail. Behind the feature `testing`, which nothing turns on by default.

use super::error::DeviceError;
use std::sync::Arc;

/// Given an operation's name and its program, gives what to compile.
pub(super) type Plant = Arc<dyn Fn(&str, &str) -> String + Send + Sync>;

/// How a device shall fail at a fail point.
pub(super) type Fail = Arc<dyn Fn(FailPoint) -> Option<DeviceError> + Send + Sync>;

/// Where a device can be made to fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailPoint {
    /// Before a submission.
    Submit,
    /// Before the wait for one.
    Wait,
}

/// What tests ask for.
#[derive(Clone, Default)]
pub(super) struct Hooks {
    pub(super) plant: Option<Plant>,
    pub(super) fail: Option<Fail>,
}
