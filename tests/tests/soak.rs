//! A model runs for ever: over any number of runs of random lengths and batches the memory that it holds does not grow.
//!
//! What the process has allocated is counted, block by block; the C library's own memory, and a driver's, by what the
//! process keeps resident. One program of its own, as both are the whole process's. `EFFICIENTECG_LONG=1` runs 100,000
//! batches on the CPU and 500 on a GPU; without it there are few of each.

#![cfg(feature = "gpu")]

use efficientecg::{GpuOptions, Inputs, Model, Options};
use efficientecg_tests::gpu;
use efficientecg_tests::random::{Generator, config, inputs, weights};
use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicIsize, Ordering};

/// Counts the bytes that are held.
struct CountingAllocator;

static HELD: AtomicIsize = AtomicIsize::new(0);

// SAFETY: every call goes to the system's allocator unchanged; the methods left out come down to these two.
unsafe impl GlobalAlloc for CountingAllocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        HELD.fetch_add(layout.size() as isize, Ordering::Relaxed);
        // SAFETY: the caller keeps `alloc`'s contract.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        HELD.fetch_sub(layout.size() as isize, Ordering::Relaxed);
        // SAFETY: `pointer` came from `System` by the method above.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

/// What may be held more at the end than after the warm-up.
const GROWTH: isize = 1 << 20;
/// Shapes that are run: more than a model keeps plans of.
const LENGTHS: usize = 300;
const BATCH: usize = 4;

fn long() -> bool {
    std::env::var_os("EFFICIENTECG_LONG").is_some_and(|v| v == "1")
}

/// Bytes of memory that the process has resident, where the system says.
fn resident() -> Option<isize> {
    let text = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = text.lines().find_map(|l| l.strip_prefix("VmRSS:"))?;
    Some(line.trim().trim_end_matches(" kB").parse::<isize>().ok()? * 1024)
}

/// Runs batches of random lengths, sizes and values; the growth of what is held, and of what is resident.
fn soak(model: &Model, runs: usize, warm_up: usize) -> (isize, isize) {
    let mut random = Generator::new(7);
    // A pool of inputs, made before anything is measured: samples and batch of each are random.
    let pool: Vec<Inputs> = (0..200)
        .map(|seed| {
            let (samples, batch) = (1 + random.below(LENGTHS), 1 + random.below(BATCH));
            inputs(model.config(), batch, samples, seed)
        })
        .collect();
    let mut before = (0, 0);
    for run in 0..warm_up + runs {
        if run == warm_up {
            before = (HELD.load(Ordering::Relaxed), resident().unwrap_or(0));
        }
        let outputs = model.run(&pool[random.below(pool.len())]).expect("runs");
        assert!(outputs.logits.iter().all(|x| x.is_finite()));
    }
    (HELD.load(Ordering::Relaxed) - before.0, resident().unwrap_or(0) - before.1)
}

#[test]
fn memory_does_not_grow() {
    let network = weights(config(2, (4, 3, 2), &[(1, 3, 1, 4, 1), (2, 5, 2, 6, 1)], 8, true), 1);
    let cpu = Options::new().threads(2).from_weights(&network).expect("loads");
    let runs = if long() { 100_000 } else { 3_000 };
    let (held, more) = soak(&cpu, runs, 1_000);
    println!("cpu: {runs} runs, {held} bytes more held, {more} more resident");
    assert!(held < GROWTH, "{held} bytes");
    assert!(more < GROWTH, "{more} bytes resident");
    drop(cpu);

    if !gpu::found() {
        return;
    }
    let (options, _) = gpu::options(GpuOptions::default());
    let gpu = options.threads(1).from_weights(&network).expect("loads");
    let runs = if long() { 500 } else { 60 };
    let (held, more) = soak(&gpu, runs, 250);
    println!("{}: {runs} runs, {held} bytes more held, {more} more resident", gpu.device());
    assert!(held < GROWTH, "{held} bytes");
    assert!(more < 8 * GROWTH, "{more} bytes resident");
}
