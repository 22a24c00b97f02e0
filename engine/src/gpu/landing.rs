//! The end of a submission, as a future: its buffers can be read, or its device failed.

use super::device::Device;
use super::error::DeviceError;
#[cfg(not(target_family = "wasm"))]
use super::wait::{Wait, wait_for};
use crate::clock::Moment;
use std::future::Future;
use std::pin::Pin;
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

/// Tells a future that a mapping is done.
#[derive(Clone)]
pub(super) struct Callback {
    done: Sender<bool>,
    waker: Arc<Mutex<Option<Waker>>>,
}

impl Callback {
    /// Whether it went well. Nobody listens any more if the batch was given up.
    pub(super) fn call(&self, well: bool) {
        let _ = self.done.send(well);
        if let Some(waker) = self.waker.lock().unwrap_or_else(PoisonError::into_inner).take() {
            waker.wake();
        }
    }
}

/// The mappings of a submission, of which each calls back once.
pub(super) struct Mappings {
    done: Receiver<bool>,
    waker: Arc<Mutex<Option<Waker>>>,
    left: usize,
}

/// So many mappings, and what each is to call.
pub(super) fn mappings(left: usize) -> (Callback, Mappings) {
    let (done, waiting) = channel();
    let waker = Arc::default();
    (Callback { done, waker: Arc::clone(&waker) }, Mappings { done: waiting, waker, left })
}

/// Ends when a submission's results can be read, or its device failed.
pub(super) struct Landing<'a> {
    pub(super) device: &'a Device,
    pub(super) index: wgpu::SubmissionIndex,
    pub(super) mappings: Mappings,
    pub(super) timeout: Duration,
    pub(super) since: Moment,
}

impl Future for Landing<'_> {
    type Output = Result<(), DeviceError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        // Before the look at what has come, so that nothing comes between.
        *self.mappings.waker.lock().unwrap_or_else(PoisonError::into_inner) = Some(context.waker().clone());
        if let Err(failure) = self.device.check() {
            return Poll::Ready(Err(failure));
        }
        while self.mappings.left > 0 {
            match self.mappings.done.try_recv() {
                Ok(true) => self.mappings.left -= 1,
                Ok(false) | Err(TryRecvError::Disconnected) => {
                    return Poll::Ready(Err(DeviceError::Lost("its results cannot be read".to_owned())));
                }
                // Another thread's wait may be what calls back, but not for ever.
                Err(TryRecvError::Empty) if self.since.elapsed() > 2 * self.timeout => {
                    return Poll::Ready(Err(DeviceError::Timeout(self.timeout.as_secs())));
                }
                Err(TryRecvError::Empty) => {
                    #[cfg(not(target_family = "wasm"))]
                    wait_for(Wait {
                        device: self.device.device.clone(),
                        index: self.index.clone(),
                        timeout: self.timeout,
                        failures: self.device.failures(),
                    });
                    return Poll::Pending;
                }
            }
        }
        Poll::Ready(Ok(()))
    }
}
