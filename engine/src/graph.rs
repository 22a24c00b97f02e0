//! What to compute: operations in order, each on values that inputs or earlier nodes made.
//!
//! A node has its operation's contract, and what computes it. In a plain [`Graph`] that is the operation with its
//! weights; in a [`Kernels`] it is the kernel made of it, which needs the weights no longer.

use crate::error::EngineError;
use efficientecg_kernels::op::{Contract, Cost, Kernel, Op, Precision};
use efficientecg_kernels::simd::Level;
use efficientecg_kernels::tensor::Shape;

/// A matrix that an input or a node makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Value(pub(crate) usize);

impl Value {
    /// Its place in what [`Graph::shapes`] gives.
    pub fn index(self) -> usize {
        self.0
    }
}

/// One operation of a graph.
pub struct Node<O = Box<dyn Op>> {
    /// Where in the network it stands, for people: `blocks.3.project`.
    pub label: String,
    /// What it takes, gives and costs.
    pub contract: Box<dyn Contract>,
    /// What computes it.
    pub op: O,
    pub(crate) inputs: Vec<Value>,
    pub(crate) outputs: Vec<Value>,
}

impl<O> Node<O> {
    /// Its operands.
    pub fn inputs(&self) -> &[Value] {
        &self.inputs
    }

    /// Its results.
    pub fn outputs(&self) -> &[Value] {
        &self.outputs
    }
}

/// Nodes in the order of their execution.
pub struct Graph<O = Box<dyn Op>> {
    inputs: Vec<Value>,
    nodes: Vec<Node<O>>,
    values: usize,
}

/// A graph packed for an instruction set.
pub type Kernels = Graph<Box<dyn Kernel>>;

/// One node on given inputs, for tables.
#[derive(Clone, Debug, PartialEq)]
pub struct Layer {
    /// Where it stands: `blocks.3.project`.
    pub name: String,
    /// The operation.
    pub op: &'static str,
    /// The shape of its first operand for one record.
    pub input: Shape,
    /// The shape of its first result for one record.
    pub output: Shape,
    /// What it costs for one record.
    pub cost: Cost,
    /// On the CPU the largest micro-kernel of its matrix product: `f32_gemm_48x8__avx512_zen`.
    pub micro_kernel: Option<&'static str>,
    /// On a GPU the variant of its program, where a profile knows it: `64x64x16_8x8`.
    pub variant: Option<String>,
}

impl<O> Default for Graph<O> {
    fn default() -> Graph<O> {
        Graph { inputs: Vec::new(), nodes: Vec::new(), values: 0 }
    }
}

impl Graph {
    /// An empty graph.
    pub fn new() -> Graph {
        Graph::default()
    }

    /// Adds a node of `N` results.
    pub fn push<const N: usize>(
        &mut self,
        label: String,
        op: impl Op + 'static,
        inputs: &[Value],
    ) -> [Value; N] {
        self.add(label, op.contract(), Box::new(op), inputs)
    }

    /// The same nodes, packed.
    pub fn pack(&self, level: Level, precision: Precision) -> Kernels {
        self.with(self.nodes.iter().map(|s| (s.op.contract(), s.op.pack(level, precision))))
    }
}

impl<O> Graph<O> {
    /// The same nodes, computed otherwise: of each its contract and what computes it.
    pub fn with<P>(&self, others: impl IntoIterator<Item = (Box<dyn Contract>, P)>) -> Graph<P> {
        let nodes = self.nodes.iter().zip(others).map(|(node, (contract, op))| Node {
            label: node.label.clone(),
            contract,
            op,
            inputs: node.inputs.clone(),
            outputs: node.outputs.clone(),
        });
        Graph { inputs: self.inputs.clone(), nodes: nodes.collect(), values: self.values }
    }

    /// The same graph with other operations.
    #[cfg(test)]
    pub(crate) fn map<P>(self, mut f: impl FnMut(O) -> P) -> Graph<P> {
        let nodes = self.nodes.into_iter().map(|n| Node {
            label: n.label,
            contract: n.contract,
            op: f(n.op),
            inputs: n.inputs,
            outputs: n.outputs,
        });
        Graph { inputs: self.inputs, nodes: nodes.collect(), values: self.values }
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

    /// Adds a node of `N` results, which `op` computes.
    pub fn add<const N: usize>(
        &mut self,
        label: String,
        contract: Box<dyn Contract>,
        op: O,
        inputs: &[Value],
    ) -> [Value; N] {
        let outputs = [(); N].map(|()| self.value());
        let (inputs, made) = (inputs.to_vec(), outputs.to_vec());
        self.nodes.push(Node { label, contract, op, inputs, outputs: made });
        outputs
    }

    /// The inputs, in order.
    pub fn inputs(&self) -> &[Value] {
        &self.inputs
    }

    /// The nodes, in order.
    pub fn nodes(&self) -> &[Node<O>] {
        &self.nodes
    }

    /// The shape of every value for these inputs, by [`Value`]; fails where an operand does not fit.
    pub fn shapes(&self, inputs: &[Shape]) -> Result<Vec<Shape>, EngineError> {
        let (expected, found) = (self.inputs.len(), inputs.len());
        if found != expected {
            return Err(EngineError::Length { item: "inputs".to_owned(), expected, found });
        }
        let mut shapes = vec![Shape::new(0, 0); self.values];
        for (value, shape) in self.inputs.iter().zip(inputs) {
            shapes[value.0] = *shape;
        }
        for node in &self.nodes {
            let operands: Vec<Shape> = node.inputs.iter().map(|v| shapes[v.0]).collect();
            let results = node
                .contract
                .outputs(&operands)
                .map_err(|error| EngineError::Shape { node: node.label.clone(), error })?;
            assert_eq!(results.len(), node.outputs.len(), "{}: results", node.label);
            for (value, shape) in node.outputs.iter().zip(results) {
                shapes[value.0] = shape;
            }
        }
        Ok(shapes)
    }

    /// The nodes on these inputs.
    pub fn layers(&self, inputs: &[Shape]) -> Result<Vec<Layer>, EngineError> {
        let shapes = self.shapes(inputs)?;
        let layer = |node: &Node<O>| {
            let operands: Vec<Shape> = node.inputs.iter().map(|v| shapes[v.0]).collect();
            Layer {
                name: node.label.clone(),
                op: node.contract.name(),
                input: operands[0],
                output: shapes[node.outputs[0].0],
                cost: node.contract.cost(&operands),
                micro_kernel: None,
                variant: None,
            }
        };
        Ok(self.nodes.iter().map(layer).collect())
    }
}

impl Kernels {
    /// [`Graph::layers`], with the micro-kernels that were chosen.
    pub(crate) fn chosen(&self, inputs: &[Shape]) -> Result<Vec<Layer>, EngineError> {
        let shapes = self.shapes(inputs)?;
        let mut layers = self.layers(inputs)?;
        for (layer, node) in layers.iter_mut().zip(&self.nodes) {
            let operands: Vec<Shape> = node.inputs.iter().map(|v| shapes[v.0]).collect();
            layer.micro_kernel = node.op.micro_kernel(&operands);
        }
        Ok(layers)
    }
}
