//! Every case of every operation on this machine's GPU, or on its software adapter, against the reference: each element,
//! in an arena that held NaN before, with the cells around the values checked after.
//!
//! The tests are named `operation::configuration::what`, so that `cargo test depthwise` finds its own. They need no option of
//! the test's: run again with `LP_NATIVE_VECTOR_WIDTH=512`, or with another driver in `VK_DRIVER_FILES`, for more. Without any
//! adapter the tests say so and pass, unless `EFFICIENTECG_REQUIRE_GPU=1`.

use super::device::Device;
use super::layout::{self, GUARD};
use super::network::Network;
use super::options::{GpuFeatures, GpuOptions};
use super::wait::block_on;
use super::{Gpu, Probe};
use crate::Batch;
use crate::Precision;
use crate::cpu::Cpu;
use crate::graph::{Graph, Value};
use crate::pool::Pool;
use efficientecg_kernels::gpu::{Element, Storage, Traits, cells};
use efficientecg_kernels::op::Op;
use efficientecg_kernels::ops::conv::Conv;
use efficientecg_kernels::ops::pointwise::Pointwise;
use efficientecg_kernels::ops::squeeze_excite::SqueezeExcite;
use efficientecg_kernels::simd::Level;
use efficientecg_kernels::tensor::{Matrix, Shape};
use efficientecg_kit::bounds::{Approx, Arithmetic};
use efficientecg_kit::operations::entry;
use efficientecg_kit::{Case, ops};

mod properties;
mod tuning;

/// Cells that read as NaN, be they f32 or two f16.
const POISON: u32 = 0x7fff_7fff;

/// The options of a configuration that every case is run in.
fn configuration(name: &str) -> GpuOptions {
    // Not among what the user's own runs keep.
    let cache = std::env::temp_dir().join("efficientecg-tests");
    let base = || GpuOptions { software: true, cache: Some(cache.clone()), ..GpuOptions::default() };
    let plain = GpuFeatures { f16: false, subgroups: false, ..GpuFeatures::ALL };
    let half = |features| GpuOptions { precision: Precision::F16, features, ..base() };
    match name {
        "f32" => base(),
        "f32_checked" => GpuOptions { checked: true, ..base() },
        "f32_without_subgroups" => GpuOptions { features: plain, ..base() },
        "f16" => half(GpuFeatures::ALL),
        "packed_f16" => half(plain),
        "cooperative_matrix" => half(GpuFeatures { cooperative_matrix: true, ..GpuFeatures::ALL }),
        other => panic!("{other} is no configuration"),
    }
}

/// Opens a device, or says that there is none, or none of what was asked for by name.
fn open(options: &GpuOptions) -> Option<Device> {
    match block_on(Device::open(options)) {
        Ok(device) if options.features.cooperative_matrix && device.traits.cooperative.is_none() => {
            let name = &device.adapter.name;
            efficientecg_skipped::skipped(&format!(
                "{name} has no cooperative matrices (lavapipe of Mesa 26 has)"
            ));
            None
        }
        Ok(device) => Some(device),
        Err(error) => {
            let required = std::env::var("EFFICIENTECG_REQUIRE_GPU").is_ok_and(|v| v == "1");
            assert!(!required, "{error}");
            efficientecg_skipped::skipped(&format!("no GPU: {error}"));
            None
        }
    }
}

/// A graph of one node, its results, and the shapes of its operands.
fn graph(name: &str, op: Box<dyn Op>, shapes: &[Shape]) -> (Graph, Vec<Value>) {
    let mut graph = Graph::new();
    let operands: Vec<Value> = shapes.iter().map(|_| graph.input()).collect();
    let outputs = match op.outputs(shapes).map(|s| s.len()) {
        Ok(1) => graph.push::<1>(name.to_owned(), op, &operands).to_vec(),
        Ok(2) => graph.push::<2>(name.to_owned(), op, &operands).to_vec(),
        other => panic!("{name}: {other:?} results"),
    };
    (graph, outputs)
}

/// The operands of three records: the case's, others in the same range, the case's again.
fn records(inputs: &[Matrix]) -> [Vec<Matrix>; 3] {
    let other = inputs.iter().map(|m| {
        // An index, a value or a count of steps is one number: there, none. Steps count less by one.
        let data = match m.data.as_slice() {
            [one] if one.is_nan() => vec![0.5],
            [one] => vec![if *one > 1.0 { one - 1.0 } else { 0.0 }],
            // Rows past the last step are NaN, and stay so.
            data if data.iter().any(|v| v.is_nan()) => data.iter().map(|v| -0.5 * v).collect(),
            data => data.iter().rev().copied().collect(),
        };
        Matrix { shape: m.shape, data }
    });
    [inputs.to_vec(), other.collect(), inputs.to_vec()]
}

/// What the device makes of three records: for each result its shape, and its values a record.
fn run(
    device: Device,
    op: Box<dyn Op>,
    name: &str,
    records: &[Vec<Matrix>; 3],
    options: &GpuOptions,
    forced: Option<usize>,
) -> Results {
    let shapes: Vec<Shape> = records[0].iter().map(|m| m.shape).collect();
    let (graph, outputs) = graph(name, op, &shapes);
    let failure = |e: &dyn std::fmt::Debug| -> ! { panic!("{name}: {e:?}") };
    let mut network = Network::new(device, &graph, options, GUARD).unwrap_or_else(|e| failure(&e));
    network.variants.forced = forced;
    let (sizes, _) = layout::shapes(&graph, &shapes, 3, &network.variants).unwrap_or_else(|e| failure(&e));
    let sizes: Vec<Shape> = outputs.iter().map(|v| sizes[v.index()]).collect();
    let planned = network.planned(&graph, &shapes, &outputs, 3).unwrap_or_else(|e| failure(&e));
    let poison: Vec<u8> = POISON.to_ne_bytes().repeat(planned.layout.arena / 4);
    network.device.queue.write_buffer(&planned.arena, 0, &poison);

    let dense =
        |i: usize| -> Vec<f32> { records.iter().flat_map(|r| r[i].data.iter().map(|v| *v as f32)).collect() };
    let data: Vec<Vec<f32>> = (0..shapes.len()).map(dense).collect();
    let inputs: Vec<(Shape, &[f32])> = shapes.iter().copied().zip(data.iter().map(Vec::as_slice)).collect();
    let mut results: Vec<Vec<f32>> = sizes.iter().map(|s| vec![f32::NAN; 3 * s.len()]).collect();
    let mut wanted: Vec<(Value, &mut [f32])> =
        outputs.iter().copied().zip(results.iter_mut().map(Vec::as_mut_slice)).collect();
    let mut batch = Batch { size: 3, inputs: &inputs, outputs: &mut wanted };
    block_on(network.run(&graph, &mut batch, None)).unwrap_or_else(|e| failure(&e));

    let arena = arena(&network.device, &planned.arena);
    for gap in planned.layout.gaps() {
        assert!(
            arena[gap.clone()].iter().eq(&poison[gap.clone()]),
            "{name}: wrote outside its output, in bytes {gap:?}"
        );
    }
    // Values start on aligned bytes; what is left between a result's last cell and the next one is no one's either.
    for (value, shape) in outputs.iter().zip(&sizes) {
        let (place, element) =
            (&planned.layout.places[value.index()], planned.layout.elements[value.index()]);
        let numbers = 3 * cells(*shape);
        let storage = network.device.traits.storage;
        let size = if element == Element::Four { numbers / 4 * storage.four() } else { 4 * numbers };
        let rest = place.start + size..place.end;
        assert!(
            arena[rest.clone()].iter().eq(&poison[rest.clone()]),
            "{name}: wrote past its output, {rest:?}"
        );
    }
    let record = |data: &[f32], shape: Shape, r: usize| data[r * shape.len()..][..shape.len()].to_vec();
    sizes.into_iter().zip(results).map(|(s, data)| (s, [0, 1, 2].map(|r| record(&data, s, r)))).collect()
}

/// For each result its shape as the device cuts it, and its values a record.
type Results = Vec<(Shape, [Vec<f32>; 3])>;

/// The bytes of a buffer on the device.
fn arena(device: &Device, buffer: &wgpu::Buffer) -> Vec<u8> {
    let usage = wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST;
    let size = buffer.size();
    let copy = device.buffer("copy", size as usize, usage, false).unwrap_or_else(|e| panic!("{e}"));
    let mut encoder = device.device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
    encoder.copy_buffer_to_buffer(buffer, 0, &copy, 0, size);
    encoder.map_buffer_on_submit(&copy, wgpu::MapMode::Read, .., |result| assert!(result.is_ok()));
    device.queue.submit([encoder.finish()]);
    device.device.poll(wgpu::PollType::wait_indefinitely()).unwrap_or_else(|e| panic!("{e}"));
    let view = copy.slice(..).get_mapped_range().unwrap_or_else(|e| panic!("{e}"));
    view.to_vec()
}

/// The totals of the columns: what sums come to, however time was cut.
fn totals<T: Copy>(cols: usize, data: &[T], add: impl Fn(T, T) -> T) -> Vec<T> {
    let mut out = data[..cols].to_vec();
    for row in data.chunks_exact(cols).skip(1) {
        out.iter_mut().zip(row).for_each(|(t, v)| *t = add(*t, *v));
    }
    out
}

/// Fails unless every element of every record is within its bound of the reference: the one that holds whatever the data,
/// or the likely one; gives the worst error, in units of it.
fn check(device: Device, case: Case, options: &GpuOptions, likely: bool, forced: Option<usize>) -> f64 {
    let traits = device.traits;
    let variant = {
        let (shader, shapes) = (case.op.shader(), case.inputs.iter().map(|m| m.shape).collect::<Vec<_>>());
        let number = forced.unwrap_or_else(|| shader.choose(&shapes, 3, device.class, traits));
        shader.variants(traits).swap_remove(number)
    };
    let place = format!("{} {} by {variant}", case.op.name(), case.name);
    let arithmetic = Arithmetic::gpu(traits.storage);
    let arithmetic = if variant.starts_with("apart") { arithmetic.apart() } else { arithmetic };
    let arithmetic = if traits.cooperative.is_some() { arithmetic.by_matrices() } else { arithmetic };
    // Devices may cut off what they add up in matrices: not errors of mean zero.
    let likely = likely && traits.cooperative.is_none();
    let records = records(&case.inputs);
    let shapes: Vec<Shape> = case.inputs.iter().map(|m| m.shape).collect();
    let outputs = case.op.outputs(&shapes).unwrap_or_else(|e| panic!("{place}: {e}"));
    let want = [0, 1].map(|r| {
        let inputs: Vec<&Matrix> = records[r].iter().collect();
        let mut want: Vec<Matrix> = outputs.iter().map(|s| Matrix::zeros(*s)).collect();
        case.op.reference(&inputs, &mut want);
        (want, case.op.bound(&inputs, &arithmetic))
    });
    let mut worst = 0.0f64;
    for (index, (size, got)) in
        run(device, case.op, &case.name, &records, options, forced).into_iter().enumerate()
    {
        let bits = |v: &[f32]| -> Vec<u32> { v.iter().map(|x| x.to_bits()).collect() };
        assert_eq!(bits(&got[0]), bits(&got[2]), "{place}: output {index} depends on the record's place");
        for (got, (want, bounds)) in got.iter().zip([&want[0], &want[1], &want[0]]) {
            assert!(got.iter().all(|v| v.is_finite()), "{place}: output {index} is not finite");
            let mut got: Vec<f64> = got.iter().map(|v| f64::from(*v)).collect();
            let (shape, mut wanted) = (want[index].shape, want[index].data.clone());
            let mut bounds = bounds[index].clone();
            // The second result of convolutions; others have one row, which is its own total.
            if index == 1 || size != shape {
                assert_eq!(size.cols, shape.cols, "{place}: output {index}");
                got = totals(size.cols, &got, |a, b| a + b);
                wanted = totals(size.cols, &wanted, |a, b| a + b);
                bounds = totals(size.cols, &bounds, |a, b| Approx {
                    value: a.value + b.value,
                    error: a.error + b.error,
                    variance: a.variance + b.variance,
                });
            }
            assert_eq!((got.len(), got.len()), (wanted.len(), bounds.len()));
            for (at, ((got, want), bound)) in got.iter().zip(&wanted).zip(&bounds).enumerate() {
                assert!(want.is_finite(), "{place}: the reference is {want}");
                let most = if likely { bound.likely(*want) } else { bound.tolerance(*want) };
                let error = (got - want).abs();
                assert!(
                    error <= most,
                    "{place}: output {index}[{at}] is {got}, want {want}: {error:.2e} off, and at most {most:.2e}"
                );
                // What arithmetic errs by, without what operands of fewer bits do.
                let value = bound.value;
                if *got != value {
                    let most = if likely { bound.likely(value) } else { bound.tolerance(value) };
                    worst = worst.max((got - value).abs() / most);
                }
            }
        }
    }
    worst
}

/// Every program as the strictest driver takes it: one that computes nothing, but has all of wgpu's checks and the
/// smallest limits.
fn valid_without_a_driver(operation: &str) {
    for storage in [Storage::F32, Storage::PackedF16, Storage::F16] {
        for subgroups in [false, true] {
            let mut required_features = wgpu::Features::empty();
            required_features.set(wgpu::Features::SHADER_F16, storage == Storage::F16);
            required_features.set(wgpu::Features::SUBGROUP, subgroups);
            let options = GpuOptions { checked: true, ..GpuOptions::default() };
            for Case { name, op, inputs, .. } in (entry(operation).cases)() {
                let (device, queue) =
                    wgpu::Device::noop(&wgpu::DeviceDescriptor { required_features, ..Default::default() });
                let info = device.adapter_info();
                let adapter = super::Adapter {
                    name: "noop".to_owned(),
                    backend: "noop".to_owned(),
                    driver: String::new(),
                    software: true,
                    subgroups,
                    f16: storage == Storage::F16,
                    cooperative_matrix: false,
                };
                let traits = Traits { storage, subgroups, cooperative: None };
                let device = Device::over(device, queue, adapter, info, traits);
                let shapes: Vec<Shape> = inputs.iter().map(|m| m.shape).collect();
                let (graph, outputs) = graph(&name, op, &shapes);
                let place = format!("{operation} {name} {traits:?}");
                let network =
                    Network::new(device, &graph, &options, 0).unwrap_or_else(|e| panic!("{place}: {e}"));
                let planned = network.planned(&graph, &shapes, &outputs, 3);
                let planned = planned.unwrap_or_else(|e| panic!("{place}: {e:?}"));
                // What wgpu does not check, and browsers do: of what is bound for writing no byte is bound twice.
                for dispatch in planned.layout.dispatches() {
                    let ranges = dispatch.bound.iter().filter_map(|bound| match bound {
                        layout::BindingSource::Arena(range) => Some(range.clone()),
                        layout::BindingSource::Weight(_) => None,
                    });
                    let mut ranges: Vec<_> = ranges.collect();
                    ranges.sort_by_key(|range| range.start);
                    assert!(ranges.windows(2).all(|two| two[0].end <= two[1].start), "{place}: {ranges:?}");
                    assert!(ranges.iter().all(|r| r.end <= planned.layout.arena), "{place}: {ranges:?}");
                }
            }
        }
    }
}

fn matches_its_reference(operation: &str, name: &str) {
    let options = configuration(name);
    let Some(device) = open(&options) else { return };
    println!("{name} on {} ({:?})", device.adapter.name, device.traits);
    let mut worst = 0.0f64;
    let cases = (entry(operation).cases)();
    let count = cases.len();
    for case in cases {
        let device = open(&options).unwrap_or_else(|| panic!("the device went away"));
        worst = worst.max(check(device, case, &options, true, None));
    }
    println!("{name:22} {operation:16} {count:3} cases, bound / worst error {:.2}", 1.0 / worst);
}

/// Cases in other variants than the default, whatever the class of the device; with `EFFICIENTECG_LONG=1` every case in every variant.
fn every_variant_matches(operation: &str, name: &str) {
    let options = configuration(name);
    let Some(device) = open(&options) else { return };
    let traits = device.traits;
    let cases = || (entry(operation).cases)();
    // Of the first result: sums are cut otherwise.
    let bits = |at: usize, forced: Option<usize>| {
        let device = open(&options).unwrap_or_else(|| panic!("the device went away"));
        let Case { name, op, inputs } = cases().swap_remove(at);
        let (_, first) = run(device, op, &name, &records(&inputs), &options, forced).swap_remove(0);
        first.map(|record| record.iter().map(|v| v.to_bits()).collect::<Vec<u32>>())
    };
    let (mut worst, mut count) = (0.0f64, 0);
    let long = std::env::var("EFFICIENTECG_LONG").is_ok_and(|v| v == "1");
    let all = cases().len();
    for at in 0..all {
        let case = cases().swap_remove(at);
        let shader = case.op.shader();
        let names = shader.variants(traits);
        let variants = names.len();
        // In the short run each case is computed by one more variant, and each variant computes a case.
        let mut forced: Vec<usize> = if long { (0..variants).collect() } else { vec![at % variants] };
        if !long && at + 1 == all {
            forced.extend(all.min(variants)..variants);
        }
        for forced in forced.into_iter().filter(|_| variants > 1) {
            let device = open(&options).unwrap_or_else(|| panic!("the device went away"));
            worst = worst.max(check(device, cases().swap_remove(at), &options, true, Some(forced)));
            // By matrices the bits are others, and where an expand layer's result is rounded on its way through memory.
            let kind = |name: &String| {
                (name.ends_with("_matrix"), name.starts_with("apart") && traits.storage != Storage::F32)
            };
            let first = names.iter().position(|name| kind(name) == kind(&names[forced]));
            assert_eq!(
                bits(at, Some(forced)),
                bits(at, first),
                "{operation} {at} by {forced}: bits of the variant"
            );
            count += 1;
        }
    }
    let ratio = 1.0 / worst;
    println!("{name:22} {operation:16} {count:3} cases and variants, bound / worst error {ratio:.2}");
}

/// What is just within f16 must not count as too large.
fn the_largest_half_is_a_number(name: &str) {
    let options = configuration(name);
    let Some(device) = open(&options) else { return };
    let op = Pointwise {
        weight: vec![0.0; 3].into(),
        bias: vec![65_504.0, -65_504.0, 65_472.0],
        silu: false,
        gate: false,
        residual: false,
        sums: false,
    };
    let name = format!("65,504 in {name}");
    let inputs = vec![Matrix::zeros(Shape::new(1, 9))];
    check(device, Case { name, op: Box::new(op), inputs }, &options, true, None);
}

/// The tests of an operation in a configuration: those that all have, and its own.
macro_rules! tests {
    ($operation:ident $configuration:ident [$($own:ident)*]) => {
        mod $configuration {
            #[test]
            fn reference() {
                super::super::matches_its_reference(stringify!($operation), stringify!($configuration));
            }

            #[test]
            fn every_variant() {
                super::super::every_variant_matches(stringify!($operation), stringify!($configuration));
            }

            #[test]
            fn random() {
                super::super::properties::within_bounds(stringify!($operation), stringify!($configuration));
            }

            $(#[test]
            fn $own() {
                super::super::$own(stringify!($configuration));
            })*
        }
    };
}

/// The tests of each operation.
macro_rules! operations {
    ($($operation:ident $own:tt $($more:ident)*;)*) => {
        $(mod $operation {
            #[test]
            fn valid_without_a_driver() {
                super::valid_without_a_driver(stringify!($operation));
            }

            tests! { $operation f32 $own }
            tests! { $operation f32_checked $own }
            tests! { $operation f32_without_subgroups $own }
            tests! { $operation f16 $own }
            tests! { $operation packed_f16 $own }
            $(tests! { $operation $more [] })*
        })*

        #[test]
        fn no_operation_is_left_out() {
            let names = [$(stringify!($operation)),*];
            assert_eq!(ops().map(|entry| entry.name), names);
        }
    };
}

operations! {
    conv [];
    pointwise [the_largest_half_is_a_number] cooperative_matrix;
    depthwise [] cooperative_matrix;
    squeeze_excite [];
    tokens [];
    cross_attention [];
    classifier [];
}
