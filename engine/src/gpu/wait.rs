//! Waiting for a device. What is asked of it is a future, which ends when the device has called back.
//!
//! Somebody must let the device call back: in a browser its event loop does, and nothing of this is there; natively [`block_on`], which
//! lends the thread to the device that the future waits for.

use super::error::{DeviceError, Failures};
use std::cell::RefCell;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::time::Duration;

/// What a future of this thread waits for.
pub(super) struct Wait {
    pub(super) device: wgpu::Device,
    pub(super) index: wgpu::SubmissionIndex,
    pub(super) timeout: Duration,
    /// Where it is noted that nothing came.
    pub(super) failures: Failures,
}

thread_local! {
    static WAITS: RefCell<Option<Wait>> = const { RefCell::new(None) };
}

/// Tells who drives this thread's future what it waits for.
pub(super) fn wait_for(wait: Wait) {
    WAITS.with_borrow_mut(|waits| *waits = Some(wait));
}

impl Wait {
    /// Blocks until the submission is done and its device has called back.
    fn block(self) {
        let wait = wgpu::PollType::Wait { submission_index: Some(self.index), timeout: Some(self.timeout) };
        match self.device.poll(wait) {
            // What has been called back by another thread is there soon.
            Ok(_) => std::thread::yield_now(),
            Err(wgpu::PollError::Timeout) => self.failures.note(DeviceError::Timeout(self.timeout.as_secs())),
            // The submission never was: the device had gone before.
            Err(wgpu::PollError::WrongSubmissionIndex(..)) => {
                self.failures.note(DeviceError::Lost("it took no submission".to_owned()));
            }
        }
    }
}

/// Runs a future to its end on this thread.
pub(super) fn block_on<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    pollster::block_on(poll_fn(|context| {
        let state = future.as_mut().poll(context);
        if state.is_pending()
            && let Some(wait) = WAITS.take()
        {
            wait.block();
            context.waker().wake_by_ref();
        }
        state
    }))
}
