//! What benchmarks share: cases with their buffers, random networks.

use efficientecg::config::presets::Setup;
use efficientecg::config::{Config, Feature, Fusion};
use efficientecg::weights::WeightsError;
use efficientecg::{LoadError, Model, Options, Weights};
use efficientecg_kernels::aligned::Aligned;
use efficientecg_kernels::op::{Call, Kernel, Precision};
use efficientecg_kernels::simd::Level;
use efficientecg_kernels::tensor::{Layout, Matrix, Shape, TensorView, TensorViewMut};
use efficientecg_kit::bounds::Arithmetic;
use efficientecg_kit::{Case, Generator};

/// A case of an operation, packed for a level, with buffers to run it again and again.
pub struct Bench<'a> {
    case: &'a Case,
    arithmetic: Arithmetic,
    kernel: Box<dyn Kernel>,
    inputs: Vec<Operand>,
    outputs: Vec<Operand>,
    scratch: Aligned,
}

/// A buffer with its shape and layout.
type Operand = (Shape, Layout, Aligned);

impl<'a> Bench<'a> {
    /// Packs a case. Fails where its operands do not fit.
    pub fn new(case: &'a Case, level: Level) -> Result<Bench<'a>, efficientecg_kernels::error::ShapeError> {
        let shapes: Vec<Shape> = case.inputs.iter().map(|m| m.shape).collect();
        let kernel = case.op.pack(level, Precision::F32);
        let inputs = case.inputs.iter().enumerate().map(|(i, m)| operand(m, kernel.input_layout(i)));
        let outputs = case.op.outputs(&shapes)?.into_iter().enumerate();
        let zeros = |(i, shape): (usize, Shape)| operand(&Matrix::zeros(shape), kernel.output_layout(i));
        Ok(Bench {
            inputs: inputs.collect(),
            outputs: outputs.map(zeros).collect(),
            scratch: Aligned::zeros(kernel.scratch(&shapes)),
            arithmetic: Arithmetic::cpu(level, Precision::F32),
            case,
            kernel,
        })
    }

    /// Multiply-adds of a call.
    pub fn macs(&self) -> u64 {
        let shapes: Vec<Shape> = self.inputs.iter().map(|(s, ..)| *s).collect();
        self.case.op.cost(&shapes).macs
    }

    /// Runs every task once, on this thread. Inputs are never written, so each call does the same work.
    pub fn run(&mut self) {
        let shapes: Vec<Shape> = self.inputs.iter().map(|(s, ..)| *s).collect();
        let inputs: Vec<TensorView<'_>> =
            self.inputs.iter().map(|(s, l, d)| TensorView::new(d, *s, *l)).collect();
        let outputs: Vec<TensorViewMut<'_>> =
            self.outputs.iter_mut().map(|(s, l, d)| TensorViewMut::new(d, *s, *l)).collect();
        let tasks = 0..self.kernel.tasks(&shapes);
        let (inputs, outputs, scratch) = (&inputs, &outputs, &mut self.scratch);
        let call = Call { inputs, outputs, scratch, tasks, prefetch: [&[], &[]] };
        // SAFETY: shapes from `outputs`, scratch as asked, one thread.
        unsafe { self.kernel.run(call) };
    }

    /// Whether the last run's results are finite and within their bounds of the reference.
    pub fn is_right(&self) -> bool {
        let inputs: Vec<&Matrix> = self.case.inputs.iter().collect();
        let mut want: Vec<Matrix> = self.outputs.iter().map(|(s, ..)| Matrix::zeros(*s)).collect();
        self.case.op.reference(&inputs, &mut want);
        let bounds = self.case.op.bound(&inputs, &self.arithmetic);
        self.outputs.iter().zip(&want).zip(&bounds).all(|(((shape, layout, data), want), bounds)| {
            want.data.iter().zip(bounds).enumerate().all(|(i, (want, bound))| {
                let got = f64::from(data[layout.at(*shape, i / shape.cols, i % shape.cols)]);
                // A NaN fails the comparison.
                (got - want).abs() <= bound.likely(*want)
            })
        })
    }
}

fn operand(matrix: &Matrix, layout: Layout) -> Operand {
    let shape = matrix.shape;
    let mut out = Aligned::zeros(layout.cells(shape));
    for r in 0..shape.rows {
        for (c, from) in matrix.row(r).iter().enumerate() {
            out[layout.at(shape, r, c)] = *from as f32;
        }
    }
    (shape, layout, out)
}

/// What the benchmarked networks are for: some leads at 500 Hz, five classes, age and sex fused at width 64.
pub fn setup(leads: usize, samples: usize) -> Setup {
    let features =
        vec![Feature::continuous("age", 60.0, 20.0), Feature::categorical("sex", ["female", "male"])];
    let names = |letter: &str, n: usize| (0..n).map(|i| format!("{letter}{i}")).collect::<Vec<_>>();
    let setup = Setup::new("bench", names("L", leads), 500.0, samples, names("C", 5));
    setup.fusion(Fusion::new(64, 4, features))
}

/// The networks that are benched on GPUs, and their names.
pub fn networks() -> [(&'static str, Config); 3] {
    [
        ("b0-12x5000", Config::b0(setup(12, 5000))),
        ("lite-12x5000", Config::lite(setup(12, 5000))),
        ("b0-2x720", Config::b0(setup(2, 720))),
    ]
}

/// A network with random weights.
pub fn random_model(config: Config, options: &Options) -> Result<Model, LoadError> {
    options.from_weights(&random_weights(config)?)
}

/// Random weights.
pub fn random_weights(config: Config) -> Result<Weights, WeightsError> {
    let mut random = Generator::new(1);
    Weights::generate(config, |name, shape| {
        let n = shape.iter().product();
        if name.ends_with("running_var") {
            return vec![1.0; n];
        }
        // The inputs of a sum: all but the first dimension.
        random.weights(n, shape.iter().skip(1).product::<usize>().max(1))
    })
}
