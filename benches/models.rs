//! Whole networks with random weights, age and sex fused: records a second on one thread and on all.
//!
//! `cargo bench -p efficientecg-benches --bench models`

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use efficientecg::config::Config;
use efficientecg::{Inputs, Options, available_threads};
use efficientecg_benches::{random_model, setup};

fn models(criterion: &mut Criterion) {
    let networks = [
        ("b0 12x5000", Config::b0(setup(12, 5000))),
        ("lite 12x5000", Config::lite(setup(12, 5000))),
        ("b0 2x720", Config::b0(setup(2, 720))),
    ];
    for (name, config) in networks {
        let mut group = criterion.benchmark_group(name);
        group.sample_size(20);
        let mut counts = vec![1, available_threads()];
        counts.dedup();
        for threads in counts {
            let options = Options::new().threads(threads);
            let model = random_model(config.clone(), &options).expect("random weights are valid");
            for batch in [1, 32] {
                let inputs = Inputs::synthetic(&config, config.samples, batch);
                group.throughput(Throughput::Elements(batch as u64));
                let id = BenchmarkId::new(format!("{threads} threads"), format!("batch {batch}"));
                group.bench_function(id, |b| {
                    b.iter(|| {
                        let out = model.run(&inputs).expect("the inputs fit");
                        assert!(out.logits.iter().all(|l| l.is_finite()));
                        out
                    });
                });
            }
        }
        group.finish();
    }
}

criterion_group!(benches, models);
criterion_main!(benches);
