//! Trust, but check: the device against the CPU, every step's results in turn.

use super::Probe;
use super::error::GpuError;
use super::layout::{self, Failure};
use super::network::Network;
use super::options::Precision;
use crate::Batch;
use crate::cpu::Cpu;
use crate::graph::{Graph, Value};
use efficientecg_kernels::view::Shape;

/// The most that a step's result may differ between device and CPU, relative to the larger of 1 and its largest
/// magnitude. Errors of rounding are a tenth of this by the last step; those of a wrong kernel are far more.
fn tolerance(precision: Precision) -> f64 {
    match precision {
        Precision::F32 => 1e-4,
        Precision::F16 => 5e-2,
    }
}

/// Runs the probe on both and compares every value, in the order of the steps.
pub(super) fn check(
    network: &Network,
    graph: &Graph,
    probe: &Probe,
    cpu: &Cpu,
    precision: Precision,
) -> Result<(), GpuError> {
    let adapter = || network.device.adapter.name.clone();
    let shapes: Vec<Shape> = probe.inputs.iter().map(|(s, _)| *s).collect();
    let fault = |text: String| GpuError::Fault { adapter: adapter(), fault: super::Fault::Driver(text) };
    let (mine, _) = layout::shapes(graph, &shapes).map_err(|e| fault(e.to_string()))?;
    let shapes = graph.shapes(&shapes).map_err(|e| fault(e.to_string()))?;
    // Where sums are cut differently, a wrong one shows in the step that takes them.
    let values: Vec<(usize, Value)> = graph
        .steps()
        .iter()
        .enumerate()
        .flat_map(|(at, step)| step.outputs().iter().map(move |v| (at, *v)))
        .filter(|(_, v)| mine[v.index()] == shapes[v.index()])
        .collect();
    let zeros = || -> Vec<Vec<f32>> {
        values.iter().map(|(_, v)| vec![0.0; probe.batch * shapes[v.index()].len()]).collect()
    };
    let (mut got, mut want) = (zeros(), zeros());
    let inputs: Vec<(Shape, &[f32])> = probe.inputs.iter().map(|(s, d)| (*s, d.as_slice())).collect();
    {
        let mut outputs: Vec<(Value, &mut [f32])> =
            values.iter().zip(got.iter_mut()).map(|((_, v), d)| (*v, d.as_mut_slice())).collect();
        let mut batch = Batch { size: probe.batch, inputs: &inputs, outputs: &mut outputs };
        network.run(graph, &mut batch).map_err(|failure| match failure {
            Failure::Fault(fault) => GpuError::Fault { adapter: adapter(), fault },
            Failure::Engine(error) => fault(error.to_string()),
            Failure::TooLarge { what, needed, allowed } => {
                fault(format!("the self-test needs {needed} {what}, {allowed} are allowed"))
            }
        })?;
    }
    {
        let mut outputs: Vec<(Value, &mut [f32])> =
            values.iter().zip(want.iter_mut()).map(|((_, v), d)| (*v, d.as_mut_slice())).collect();
        let mut batch = Batch { size: probe.batch, inputs: &inputs, outputs: &mut outputs };
        cpu.run(&mut batch).map_err(|e| fault(e.to_string()))?;
    }
    for ((at, _), (got, want)) in values.iter().zip(got.iter().zip(&want)) {
        let size = want.iter().fold(1.0f64, |m, v| m.max(f64::from(v.abs())));
        let worst = got.iter().zip(want).fold(0.0f64, |worst, (g, w)| {
            let error = (f64::from(*g) - f64::from(*w)).abs() / size;
            if error.is_nan() && w.is_finite() { f64::INFINITY } else { worst.max(error) }
        });
        if worst > tolerance(precision) {
            let step = graph.steps()[*at].label.clone();
            return Err(GpuError::Wrong {
                adapter: adapter(),
                step,
                error: worst,
                tolerance: tolerance(precision),
            });
        }
    }
    Ok(())
}
