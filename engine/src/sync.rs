//! What threads meet by: the standard library's. `tests/loom` builds [`crate::pool`] on a model of it instead.

pub(crate) use std::sync::{Arc, Condvar, Mutex, MutexGuard, atomic};
pub(crate) use std::{hint, thread};
