//! From a record in memory to its classes, for each model that comes with the library and at the rates that records have: records
//! of ten seconds a second, on one thread.
//!
//! `cargo bench -p efficientecg-benches --bench pipeline`

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use efficientecg::ecg::resample::Resampler;
use efficientecg::ecg::{Lead, Record, synth};
use efficientecg::{Options, models};

/// Samples a second.
const RATES: [f64; 6] = [100.0, 128.0, 250.0, 360.0, 500.0, 1000.0];
const SECONDS: f64 = 10.0;

/// A synthetic record with leads of these names, by turns the two that there are.
fn record(names: &[String], rate: f64) -> Record {
    let options = synth::SynthOptions { seconds: SECONDS, ..synth::SynthOptions::default() };
    let (made, _) = synth::generate(&options).expect("the default options are valid");
    let resampler = Resampler::new(made.sample_rate, rate).expect("the rates are in range");
    let leads = names.iter().zip(made.leads.iter().cycle());
    let leads = leads.map(|(name, lead)| Lead::new(name, "mV", rate, resampler.apply(&lead.samples)));
    let mut record = Record::new("synthetic", rate, leads.collect());
    record.age = Some(63.0);
    record
}

fn pipeline(criterion: &mut Criterion) {
    for trained in models::ALL {
        let model = Options::new().threads(1).builtin(trained.name).expect("the models that come along load");
        let mut group = criterion.benchmark_group(trained.name);
        group.sample_size(20).throughput(Throughput::Elements(1));
        for rate in RATES {
            let record = record(&model.config().leads, rate);
            group.bench_function(BenchmarkId::from_parameter(format!("{rate} Hz")), |b| {
                b.iter(|| {
                    let found = model.classify(&record).expect("the record has what the model takes");
                    assert!(!found.items.is_empty(), "something is found");
                    found
                });
            });
        }
        group.finish();
    }
}

criterion_group!(benches, pipeline);
criterion_main!(benches);
