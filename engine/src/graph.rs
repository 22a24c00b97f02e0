//! What to compute: operations in order, each on values that inputs or earlier steps made.

use crate::error::EngineError;
use efficientecg_kernels::op::Op;
use efficientecg_kernels::view::Shape;

/// A matrix that an input or a step makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Value(pub(crate) usize);

impl Value {
    /// Its place in what [`Graph::shapes`] gives.
    pub fn index(self) -> usize {
        self.0
    }
}

/// One operation of a graph.
pub struct Step {
    /// Where in the network it stands, for people: `blocks.3.project`.
    pub label: String,
    /// The operation.
    pub op: Box<dyn Op>,
    pub(crate) inputs: Vec<Value>,
    pub(crate) outputs: Vec<Value>,
}

impl Step {
    /// Its operands.
    pub fn inputs(&self) -> &[Value] {
        &self.inputs
    }

    /// Its results.
    pub fn outputs(&self) -> &[Value] {
        &self.outputs
    }
}

/// Steps in the order of their execution.
#[derive(Default)]
pub struct Graph {
    inputs: Vec<Value>,
    steps: Vec<Step>,
    values: usize,
}

impl Graph {
    /// An empty graph.
    pub fn new() -> Graph {
        Graph::default()
    }

    fn value(&mut self) -> Value {
        self.values += 1;
        Value(self.values - 1)
    }

    /// Adds an input; a run gives them in the order of these calls.
    pub fn input(&mut self) -> Value {
        let value = self.value();
        self.inputs.push(value);
        value
    }

    /// Adds a step of `N` results.
    pub fn push<const N: usize>(
        &mut self,
        label: String,
        op: impl Op + 'static,
        inputs: &[Value],
    ) -> [Value; N] {
        let outputs = [(); N].map(|()| self.value());
        self.steps.push(Step { label, op: Box::new(op), inputs: inputs.to_vec(), outputs: outputs.to_vec() });
        outputs
    }

    /// The inputs, in order.
    pub fn inputs(&self) -> &[Value] {
        &self.inputs
    }

    /// The steps, in order.
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// The shape of every value for these inputs, by [`Value`]; fails where an operand does not fit.
    pub fn shapes(&self, inputs: &[Shape]) -> Result<Vec<Shape>, EngineError> {
        let (expected, found) = (self.inputs.len(), inputs.len());
        if found != expected {
            return Err(EngineError::Length { what: "the list of inputs".to_owned(), expected, found });
        }
        let mut shapes = vec![Shape::new(0, 0); self.values];
        for (value, shape) in self.inputs.iter().zip(inputs) {
            shapes[value.0] = *shape;
        }
        for step in &self.steps {
            let operands: Vec<Shape> = step.inputs.iter().map(|v| shapes[v.0]).collect();
            let results = step
                .op
                .outputs(&operands)
                .map_err(|error| EngineError::Shape { step: step.label.clone(), error })?;
            assert_eq!(results.len(), step.outputs.len(), "{}: results", step.label);
            for (value, shape) in step.outputs.iter().zip(results) {
                shapes[value.0] = shape;
            }
        }
        Ok(shapes)
    }
}
