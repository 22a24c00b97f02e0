//! Every operation, case and level, hot in the cache, results checked: multiply-adds a second, beside the peak.
//!
//! `cargo bench -p efficientecg-benches --bench operations -- pointwise`

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use efficientecg_benches::Bench;
use efficientecg_kernels::peak::multiply_adds;
use efficientecg_kernels::simd::Level;
use efficientecg_kit::ops;

fn operations(criterion: &mut Criterion) {
    for level in Level::available().into_iter().filter(|l| *l != Level::SCALAR) {
        let mut group = criterion.benchmark_group(format!("peak/{}", level.name()));
        group.throughput(Throughput::Elements(multiply_adds(level)));
        group.bench_function("multiply-add", |b| b.iter(|| multiply_adds(level)));
        group.finish();
    }
    for entry in ops() {
        for case in (entry.cases)() {
            let mut group = criterion.benchmark_group(format!("{}/{}", entry.name, case.name));
            for level in Level::available() {
                let mut bench = Bench::new(&case, level).expect("a case's operands fit");
                bench.run();
                assert!(bench.is_right(), "{} {} {}", entry.name, case.name, level.name());
                group.throughput(Throughput::Elements(bench.macs()));
                group.bench_function(level.name(), |b| b.iter(|| bench.run()));
            }
            group.finish();
        }
    }
}

criterion_group!(benches, operations);
criterion_main!(benches);
