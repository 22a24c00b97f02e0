//! What can go wrong with a GPU.

use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;

/// No GPU could be made ready.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum GpuError {
    /// No adapter fits the choice.
    #[error(
        "GPU: expected {expected}, found {found}; choose one by its number or a part of its name, or use the CPU"
    )]
    NoAdapter {
        /// What was asked for.
        expected: String,
        /// The adapters that there are.
        found: String,
    },
    /// The adapter lacks what every kernel needs.
    #[error("{adapter}: expected {expected} {item}, found {found}; use another GPU or the CPU")]
    Limits {
        /// The adapter's name.
        adapter: String,
        /// What there is too little of.
        item: &'static str,
        /// How much every kernel may take.
        expected: u64,
        /// How much there is.
        found: u64,
    },
    /// A part of the choice that does not exist.
    #[error("GPU feature: expected one of {expected}, found {found}; correct the name")]
    Feature {
        /// What could be.
        expected: String,
        /// What was named.
        found: String,
    },
    /// GPU kernels do not compute in this precision.
    #[error("precision on a GPU: expected f32 or f16, found bf16; use one of these, or the CPU")]
    Precision,
    /// What cannot be measured without timestamps.
    #[error("{adapter}: expected timestamps, found none; use another GPU, or leave the feature on")]
    Timestamps {
        /// The adapter's name.
        adapter: String,
    },
    /// The driver failed while the GPU was made ready.
    #[error("{adapter}: expected a GPU that works, found that {error}; update its driver")]
    Device {
        /// The adapter's name.
        adapter: String,
        /// What failed.
        error: DeviceError,
    },
    /// The GPU computes wrongly.
    #[error(
        "{adapter}: {node}: expected an error below {tolerance:.0e}, found {error:.1e}; update its driver"
    )]
    Wrong {
        /// The adapter's name.
        adapter: String,
        /// The first node that is wrong.
        node: String,
        /// The largest error relative to the largest value.
        error: f64,
        /// The most that would have passed.
        tolerance: f64,
    },
}

/// How a device failed. It is opened again; if it fails again, the CPU computes.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum DeviceError {
    /// The device is gone.
    #[error("the GPU was lost ({0})")]
    Lost(String),
    /// The device has no memory left.
    #[error("the GPU is out of memory")]
    OutOfMemory,
    /// A run took longer than the time limit.
    #[error("the GPU gave no answer within {0} seconds")]
    Timeout(u64),
    /// The driver refused something: a defect of this program or of the driver.
    #[error("the driver refused a command ({0})")]
    Driver(String),
}

/// The first failure of a device since it was opened.
#[derive(Clone, Default)]
pub(super) struct Failures(Arc<Mutex<Option<DeviceError>>>);

impl Failures {
    /// Notes one.
    pub(super) fn note(&self, failure: DeviceError) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(failure);
    }

    /// Fails with the first.
    pub(super) fn first(&self) -> Result<(), DeviceError> {
        match &*self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(failure) => Err(failure.clone()),
            None => Ok(()),
        }
    }
}

/// Runs a call to the driver. wgpu panics if the driver reports a loss where wgpu does not expect one.
pub(super) fn caught<T>(call: impl FnOnce() -> T) -> Result<T, DeviceError> {
    catch_unwind(AssertUnwindSafe(call)).map_err(|_| DeviceError::Lost("its driver gave up".to_owned()))
}

/// Awaits a call to the driver. wgpu panics if the driver reports a loss where wgpu does not expect one.
pub(super) async fn caught_async<T>(future: impl Future<Output = T>) -> Result<T, DeviceError> {
    let mut future = pin!(future);
    poll_fn(|context| match caught(|| future.as_mut().poll(context)) {
        Ok(Poll::Pending) => Poll::Pending,
        Ok(Poll::Ready(value)) => Poll::Ready(Ok(value)),
        Err(failure) => Poll::Ready(Err(failure)),
    })
    .await
}
