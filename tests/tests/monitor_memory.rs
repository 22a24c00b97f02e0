//! What a monitor takes beside its model, counted byte by byte: at most 4 MB at any time, and no more after a quarter of an hour than after ten minutes.
//!
//! One test in a program of its own, as the count is of the whole process.

use efficientecg::classify::{Monitor, Settings};
use efficientecg::ecg::synth::{SynthOptions, generate};
use efficientecg::{Model, Options};
use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Counts bytes.
struct CountingAllocator;

static NOW: AtomicUsize = AtomicUsize::new(0);
static MOST: AtomicUsize = AtomicUsize::new(0);

// SAFETY: every call goes to the system's allocator unchanged; the methods left out come down to these two.
unsafe impl GlobalAlloc for CountingAllocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let now = NOW.fetch_add(layout.size(), Ordering::Relaxed) + layout.size();
        MOST.fetch_max(now, Ordering::Relaxed);
        // SAFETY: the caller keeps `alloc`'s contract.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        NOW.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: `pointer` came from `System` by the method above.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

/// Bytes that a lead set may take.
const BAR: usize = 4_000_000;

#[test]
fn a_monitor_takes_less_than_four_megabytes() {
    let options = SynthOptions { seconds: 300.0, heart_rate: 110.0, ..SynthOptions::default() };
    let (record, _) = generate(&options).expect("a record");
    let leads: Vec<&str> = record.leads.iter().map(|lead| lead.name.as_str()).collect();
    let frames: Vec<f32> = (0..record.leads[0].samples.len())
        .flat_map(|i| record.leads.iter().map(move |lead| lead.samples[i]))
        .collect();
    for name in ["mitbih-beats", "beats"] {
        let model: Model = Options::new().threads(1).builtin(name).expect("a model");
        let settings = Settings::new();
        let before = NOW.load(Ordering::Relaxed);
        let mut monitor = Monitor::new(Arc::new(model), &leads, 360.0, &settings).expect("a monitor");
        let mut events = Vec::with_capacity(100);
        let (mut peaks, mut held, mut beats) = (Vec::new(), Vec::new(), 0);
        for _ in 0..3 {
            MOST.store(NOW.load(Ordering::Relaxed), Ordering::Relaxed);
            for part in frames.chunks(720) {
                monitor.push(part, &mut events).expect("runs");
                beats += events.len();
                events.clear();
            }
            peaks.push(MOST.load(Ordering::Relaxed) - before);
            held.push(NOW.load(Ordering::Relaxed) - before);
        }
        println!("{name}: at most {peaks:?} bytes, {held:?} held, {} by its own account", monitor.bytes());
        assert!(beats > 1200, "{name}: {beats}");
        assert!(peaks.iter().all(|most| *most < BAR), "{name}: {peaks:?}");
        // The second five minutes fill what is kept; after them nothing grows but what is reused.
        let grown = |all: &[usize]| all[2].saturating_sub(all[1]);
        assert!(grown(&held) < 4096 && grown(&peaks) < 100_000, "{name}: {peaks:?} {held:?}");
        assert!(held[2] >= monitor.bytes(), "{name}: {held:?}, {} by its own account", monitor.bytes());
    }
}
