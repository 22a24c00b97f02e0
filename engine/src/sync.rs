//! What threads meet by: the standard library's. `tests/loom` builds [`crate::pool`] on a model of it instead.

pub(crate) use std::sync::{Arc, Condvar, Mutex, MutexGuard, atomic};
pub(crate) use std::{hint, thread};

/// Looks at what is waited for before the processor is offered to others: some 30 microseconds of a pause instruction.
pub(crate) const SPINS: usize = 2000;
