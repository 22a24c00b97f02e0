//! Trust, but check: every node of a network as the device computes it, against the reference on the same operands.
//!
//! As each node is given what the device itself made of the nodes before it, errors of rounding do not add up, and a
//! wrong node is told from those that follow it.

use super::error::{DeviceError, GpuError};
use super::layout::{self, Failure};
use super::network::Network;
use crate::graph::{Graph, Value};
use crate::{Batch, Precision};
use efficientecg_kernels::tensor::{Matrix, Shape};

/// Inputs to check a device with: their shapes, and values for this many records.
pub struct Probe {
    /// Records.
    pub batch: usize,
    /// Each graph input's shape and its values `[batch, rows, cols]`.
    pub inputs: Vec<(Shape, Vec<f32>)>,
}

/// The most that a node's result may differ from the reference's, relative to the larger of 1 and its largest
/// magnitude. It is several times the operations' error bounds, because these weights have no bound, and gates come
/// from sums far larger than themselves. In f16 the weights and the result are rounded by 2^-11.
fn tolerance(precision: Precision) -> f64 {
    match precision {
        Precision::F32 => 1e-4,
        _ => 1e-2,
    }
}

/// Runs the probe and compares every value, in the order of the nodes.
pub(super) async fn check(
    network: &Network,
    graph: &Graph,
    probe: &Probe,
    precision: Precision,
) -> Result<(), GpuError> {
    let adapter = || network.device.adapter.name.clone();
    let driver_error =
        |text: String| GpuError::Device { adapter: adapter(), error: DeviceError::Driver(text) };
    let inputs: Vec<Shape> = probe.inputs.iter().map(|(s, _)| *s).collect();
    let shapes = graph.shapes(&inputs).map_err(|e| driver_error(e.to_string()))?;
    // The device's own, whose sums are cut differently.
    let (cut, _) = layout::shapes(graph, &inputs, probe.batch, &network.variants)
        .map_err(|e| driver_error(e.to_string()))?;

    let values: Vec<Value> = graph.nodes().iter().flat_map(|s| s.outputs().iter().copied()).collect();
    let mut made: Vec<Vec<f32>> =
        values.iter().map(|v| vec![0.0; probe.batch * cut[v.index()].len()]).collect();
    let dense: Vec<(Shape, &[f32])> = probe.inputs.iter().map(|(s, d)| (*s, d.as_slice())).collect();
    let mut outputs: Vec<(Value, &mut [f32])> =
        values.iter().copied().zip(made.iter_mut().map(Vec::as_mut_slice)).collect();
    let mut batch = Batch { size: probe.batch, inputs: &dense, outputs: &mut outputs };
    network.run(graph, &mut batch, None).await.map_err(|failure| match failure {
        Failure::Device(failure) => GpuError::Device { adapter: adapter(), error: failure },
        Failure::Engine(error) => driver_error(error.to_string()),
        Failure::TooLarge { what, needed, allowed } => {
            driver_error(format!("the self-test needs {needed} {what}, {allowed} are allowed"))
        }
    })?;

    for record in 0..probe.batch {
        let matrix = |shape: Shape, data: &[f32]| Matrix {
            shape,
            data: data[record * shape.len()..][..shape.len()].iter().map(|v| f64::from(*v)).collect(),
        };
        // What the nodes are given: the device's values, but the reference's sums.
        let mut given: Vec<Option<Matrix>> = vec![None; shapes.len()];
        for (value, (shape, data)) in graph.inputs().iter().zip(&probe.inputs) {
            given[value.index()] = Some(matrix(*shape, data));
        }
        let mut made = values.iter().zip(&made);
        for node in graph.nodes() {
            let operands: Vec<&Matrix> =
                node.inputs().iter().filter_map(|v| given[v.index()].as_ref()).collect();
            let mut want: Vec<Matrix> =
                node.outputs().iter().map(|v| Matrix::zeros(shapes[v.index()])).collect();
            node.op.reference(&operands, &mut want);
            for (index, want) in want.into_iter().enumerate() {
                let Some((value, data)) = made.next() else { break };
                let (at, shape) = (value.index(), cut[value.index()]);
                let got = matrix(shape, data);
                // The second result of convolutions is sums over parts of time, which are others even if there are as many.
                let alike = index == 0 && shape == want.shape;
                let error =
                    if alike { worst(&got.data, &want.data) } else { worst(&totals(&got), &totals(&want)) };
                // A NaN is no pass.
                let tolerance = tolerance(precision);
                if !matches!(error.partial_cmp(&tolerance), Some(std::cmp::Ordering::Less)) {
                    let node = node.label.clone();
                    return Err(GpuError::Wrong { adapter: adapter(), node, error, tolerance });
                }
                given[at] = Some(if alike { got } else { want });
            }
        }
    }
    Ok(())
}

/// Holds what a batch gave against what the CPU makes of the same record: each value, the device's, and the CPU's.
pub(super) fn against_cpu<'a>(
    graph: &Graph,
    adapter: &str,
    values: impl Iterator<Item = (Value, &'a [f32], &'a [f32])>,
    precision: Precision,
) -> Result<(), GpuError> {
    // Rounding adds up over the whole network, on both sides.
    let tolerance = match precision {
        Precision::F32 => 2e-4,
        _ => 5e-2,
    };
    let wide = |data: &[f32]| -> Vec<f64> { data.iter().map(|v| f64::from(*v)).collect() };
    for (value, got, want) in values {
        let error = worst(&wide(got), &wide(want));
        // A record that overflows is its caller's to report; in f16 it may do so here alone.
        let overflows = want.iter().any(|v| !v.is_finite()) || precision == Precision::F16 && error.is_nan();
        if !overflows && error.partial_cmp(&tolerance) != Some(std::cmp::Ordering::Less) {
            let node = graph.nodes().iter().find(|s| s.outputs().contains(&value));
            let node = node.map_or_else(|| "an input".to_owned(), |s| s.label.clone());
            return Err(GpuError::Wrong { adapter: adapter.to_owned(), node, error, tolerance });
        }
    }
    Ok(())
}

/// The largest difference relative to the larger of 1 and the largest magnitude; NaN where one is not a number.
fn worst(got: &[f64], want: &[f64]) -> f64 {
    let size = want.iter().fold(1.0f64, |m, v| m.max(v.abs()));
    got.iter().zip(want).fold(0.0f64, |worst, (got, want)| {
        let error = (got - want).abs() / size;
        if error.is_nan() || worst.is_nan() { f64::NAN } else { worst.max(error) }
    })
}

/// The totals of the columns: what sums come to, however time was cut.
fn totals(sums: &Matrix) -> Vec<f64> {
    let mut out = vec![0.0; sums.shape.cols];
    for r in 0..sums.shape.rows {
        out.iter_mut().zip(sums.row(r)).for_each(|(t, v)| *t += v);
    }
    out
}
