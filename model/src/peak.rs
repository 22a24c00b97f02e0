//! What this machine's processor can do at most, measured: the roofline of a profile.

use efficientecg_engine::clock::{self, Moment};
use efficientecg_kernels::peak;
use efficientecg_kernels::simd::Level;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Numbers of the buffer that is read or copied: 128 MiB, more than the caches of most machines.
const NUMBERS: usize = 1 << 25;
/// Measurements of which the best counts.
const ROUNDS: usize = 5;
/// How long one of multiply-adds takes.
const ROUND: Duration = Duration::from_millis(20);

/// Rates of all threads together.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Peaks {
    /// Threads that were at work at once.
    pub threads: usize,
    /// Multiply-adds a second; 0 where there is no clock to measure them by.
    pub multiply_adds: f64,
    /// Bytes a second read from memory; none where there is no room for the buffer.
    pub read: Option<f64>,
    /// Bytes a second read and written in copying; none where there is no room for the buffers.
    pub copied: Option<f64>,
}

impl Peaks {
    /// Measures them: a quarter of a second or so, and 256 MiB.
    pub fn measure(level: Level, threads: usize) -> Peaks {
        let threads = threads.max(1);
        if !clock::TICKS {
            return Peaks { threads, multiply_adds: 0.0, read: None, copied: None };
        }
        let multiply_adds = best(threads, |_| {
            let start = Moment::now();
            let mut done = 0;
            while start.elapsed() < ROUND {
                done += peak::multiply_adds(level);
            }
            done as f64 / start.elapsed().as_secs_f64()
        });
        let part = NUMBERS / threads;
        let from = filled(part * threads, 1.0);
        let read = from.as_ref().map(|from| {
            best(threads, |worker| {
                let start = Moment::now();
                let bytes = peak::read(level, &from[worker * part..][..part]);
                bytes as f64 / start.elapsed().as_secs_f64()
            })
        });
        let to: Option<Vec<Mutex<Vec<f32>>>> =
            (0..threads).map(|_| filled(part, 0.0).map(Mutex::new)).collect();
        let copied = from.as_ref().zip(to).map(|(from, to)| {
            best(threads, |worker| {
                let mut to = to[worker].lock().unwrap_or_else(PoisonError::into_inner);
                let start = Moment::now();
                to.copy_from_slice(&from[worker * part..][..part]);
                std::hint::black_box(to.as_slice());
                (8 * part) as f64 / start.elapsed().as_secs_f64()
            })
        });
        Peaks { threads, multiply_adds, read, copied }
    }

    /// The larger of the two rates of memory.
    pub fn bytes(&self) -> Option<f64> {
        match (self.read, self.copied) {
            (Some(read), Some(copied)) => Some(read.max(copied)),
            (one, other) => one.or(other),
        }
    }
}

/// The best of some rounds, in which all threads are at work at once, of the sum of their rates.
fn best(threads: usize, rate: impl Fn(usize) -> f64 + Sync) -> f64 {
    let round = |_| {
        std::thread::scope(|scope| {
            let rate = &rate;
            // A thread that the system does not give adds nothing.
            let started = |thread| std::thread::Builder::new().spawn_scoped(scope, move || rate(thread)).ok();
            let others: Vec<_> = (1..threads).filter_map(started).collect();
            rate(0) + others.into_iter().filter_map(|other| other.join().ok()).sum::<f64>()
        })
    };
    (0..ROUNDS).map(round).fold(0.0, f64::max)
}

/// A buffer of one value, if there is room for it.
fn filled(numbers: usize, value: f32) -> Option<Vec<f32>> {
    let mut out = Vec::new();
    out.try_reserve_exact(numbers).ok()?;
    out.resize(numbers, value);
    Some(out)
}
