//! Every case of every operation on this machine's GPU, or on its software adapter, against the reference: each element,
//! in an arena that held NaN before, with the cells around the values checked after.
//!
//! The variants need no option of the test's: run again with `LP_NATIVE_VECTOR_WIDTH=512`, or with another driver in
//! `VK_DRIVER_FILES`, for more. Without any adapter the tests say so and pass, unless `EFFICIENTECG_REQUIRE_GPU=1`.

use super::device::Device;
use super::layout::{self, GUARD};
use super::network::Network;
use super::options::{Features, GpuOptions, Precision};
use crate::Batch;
use crate::graph::{Graph, Value};
use efficientecg_kernels::ops::{Case, ops};
use efficientecg_kernels::view::{Matrix, Shape};

/// Cells that read as NaN, be they f32 or two f16.
const POISON: u32 = 0x7fff_7fff;

/// The variants that every case is run in.
fn variants() -> Vec<(&'static str, GpuOptions)> {
    let base = || GpuOptions { software: true, ..GpuOptions::default() };
    let plain = Features { f16: false, subgroups: false, ..Features::ALL };
    let half = |features| GpuOptions { precision: Precision::F16, features, ..base() };
    vec![
        ("trusted", base()),
        ("checked", GpuOptions { checked: true, ..base() }),
        ("no subgroups", GpuOptions { features: plain, ..base() }),
        ("f16", half(Features::ALL)),
        ("packed f16", half(plain)),
    ]
}

/// Opens a device, or says that there is none.
fn open(options: &GpuOptions) -> Option<Device> {
    match Device::open(options) {
        Ok(device) => Some(device),
        Err(error) => {
            let required = std::env::var("EFFICIENTECG_REQUIRE_GPU").is_ok_and(|v| v == "1");
            assert!(!required, "{error}");
            skipped(&format!("no GPU test was run: {error}"));
            None
        }
    }
}

/// Says so where the test harness does not hide it.
fn skipped(line: &str) {
    use std::io::Write;
    let _ = writeln!(std::io::stderr().lock(), "SKIPPED: {line}");
}

/// What the device makes of a case: records 0 and 2 of three that hold it, the one between them reversed.
fn run(device: Device, case: Case, options: &GpuOptions) -> (Vec<Shape>, Vec<[Vec<f32>; 2]>) {
    let Case { name, op, inputs, .. } = case;
    let shapes: Vec<Shape> = inputs.iter().map(|m| m.shape).collect();
    let mut graph = Graph::new();
    let operands: Vec<Value> = inputs.iter().map(|_| graph.input()).collect();
    let outputs: Vec<Value> = match op.outputs(&shapes).map(|s| s.len()) {
        Ok(1) => graph.push::<1>(name.clone(), op, &operands).to_vec(),
        Ok(2) => graph.push::<2>(name.clone(), op, &operands).to_vec(),
        other => panic!("{name}: {other:?} results"),
    };
    let fault = |e: &dyn std::fmt::Debug| -> ! { panic!("{name}: {e:?}") };
    let network = Network::new(device, &graph, options, GUARD).unwrap_or_else(|e| fault(&e));
    let records: Vec<Vec<f32>> = inputs
        .iter()
        .map(|m| {
            let once: Vec<f32> = m.data.iter().map(|v| *v as f32).collect();
            let reversed = once.iter().rev().copied().collect();
            [once.clone(), reversed, once].concat()
        })
        .collect();
    let (sizes, _) = layout::shapes(&graph, &shapes).unwrap_or_else(|e| fault(&e));
    let sizes: Vec<Shape> = outputs.iter().map(|v| sizes[v.index()]).collect();
    let planned = network.planned(&graph, &shapes, &outputs, 3).unwrap_or_else(|e| fault(&e));
    let poison: Vec<u8> = POISON.to_ne_bytes().repeat(planned.layout.arena / 4);
    network.device.queue.write_buffer(&planned.arena, 0, &poison);

    let mut results: Vec<Vec<f32>> = sizes.iter().map(|s| vec![f32::NAN; 3 * s.len()]).collect();
    let batch_inputs: Vec<(Shape, &[f32])> =
        shapes.iter().copied().zip(records.iter().map(Vec::as_slice)).collect();
    let mut wanted: Vec<(Value, &mut [f32])> =
        outputs.iter().copied().zip(results.iter_mut().map(Vec::as_mut_slice)).collect();
    let mut batch = Batch { size: 3, inputs: &batch_inputs, outputs: &mut wanted };
    network.run(&graph, &mut batch).unwrap_or_else(|e| fault(&e));

    let arena = arena(&network.device, &planned.arena);
    for gap in planned.layout.gaps() {
        assert!(
            arena[gap.clone()].iter().eq(&poison[gap.clone()]),
            "{name}: wrote outside its output, in bytes {gap:?}"
        );
    }
    let parts = results.into_iter().zip(&sizes).map(|(data, shape)| {
        let record = |r: usize| data[r * shape.len()..][..shape.len()].to_vec();
        [record(0), record(2)]
    });
    let parts = parts.collect();
    (sizes, parts)
}

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
fn totals(shape: Shape, data: &[f64]) -> Vec<f64> {
    let mut out = vec![0.0; shape.cols];
    for row in data.chunks_exact(shape.cols) {
        out.iter_mut().zip(row).for_each(|(t, v)| *t += v);
    }
    out
}

/// Fails unless the case is right in both records; gives the worst error relative to its tolerance.
fn check(device: Device, case: Case, options: &GpuOptions) -> f64 {
    let place = format!("{} {}", case.op.name(), case.name);
    let half = options.precision == Precision::F16;
    // Rounding to f16 errs by 2^-11 in every operand and result.
    let tolerance = if half { 1e-2 } else { case.tolerance };
    let shapes: Vec<Shape> = case.inputs.iter().map(|m| m.shape).collect();
    let outputs = case.op.outputs(&shapes).unwrap_or_else(|e| panic!("{place}: {e}"));
    let mut want: Vec<Matrix> = outputs.into_iter().map(Matrix::zeros).collect();
    case.op.reference(&case.inputs.iter().collect::<Vec<_>>(), &mut want);
    let (sizes, got) = run(device, case, options);
    let mut worst = 0.0f64;
    for (index, ((size, [first, last]), want)) in sizes.iter().zip(&got).zip(&want).enumerate() {
        let bits = |v: &[f32]| -> Vec<u32> { v.iter().map(|x| x.to_bits()).collect() };
        assert_eq!(bits(first), bits(last), "{place}: output {index} depends on the record's place");
        assert!(first.iter().all(|v| v.is_finite()), "{place}: output {index} is not finite");
        let mut got: Vec<f64> = first.iter().map(|v| f64::from(*v)).collect();
        let mut want_data = want.data.clone();
        // The sums of activations, which are as large as their positions are many.
        if *size != want.shape {
            assert_eq!(size.cols, want.shape.cols, "{place}: output {index}");
            (got, want_data) = (totals(*size, &got), totals(want.shape, &want.data));
        }
        assert_eq!(got.len(), want_data.len());
        let largest = want_data.iter().fold(1.0f64, |m, v| m.max(v.abs()));
        for (at, (got, want)) in got.iter().zip(&want_data).enumerate() {
            let error = (got - want).abs() / largest;
            assert!(
                error <= tolerance,
                "{place}: output {index}[{at}] is {got}, want {want}: {error:.1e} off"
            );
            worst = worst.max(error / tolerance);
        }
    }
    worst
}

#[test]
fn every_shader_matches_its_reference() {
    for (variant, options) in variants() {
        let Some(device) = open(&options) else { return };
        println!("{variant} on {} ({:?})", device.adapter.name, device.traits);
        for entry in ops() {
            let mut worst = 0.0f64;
            let cases = (entry.cases)();
            let count = cases.len();
            for case in cases {
                let device = open(&options).unwrap_or_else(|| panic!("the device went away"));
                worst = worst.max(check(device, case, &options));
            }
            println!(
                "{variant:13} {:16} {count:3} cases, worst error {worst:.2} of its tolerance",
                entry.name
            );
        }
    }
}
