//! The kernel's bindings, overrides and grid.

use super::Pointwise;
use crate::gpu::{
    Binding, DeviceClass, DeviceWeights, Dims, Element, Launch, PRODUCT_OVERRIDES, Product, Program, Shader,
    Slot, TILES, Traits, WorkgroupTile, offered, pitch, uniform, variant_of, word,
};
use crate::op;
use crate::tensor::Shape;

uniform! {
    struct Sizes {
        c_in,
        c_out,
        cols,
        pitch4,
        gate_pitch,
        sums_pitch,
        parts,
        batch,
    }
}

static PROGRAM: Program = Program {
    name: "pointwise",
    source: include_str!("kernel.wgsl"),
    product: Product::Threads,
    reduce: false,
    dims: Dims::Uniform(Sizes::FIELDS),
    slots: &[
        Slot::data("x", Element::Four),
        Slot::weight("weight", Element::Four),
        Slot::weight("bias", Element::F32),
        Slot::data("gate", Element::F32),
        Slot::data("residual", Element::Four),
        Slot::data("y", Element::Four),
        Slot::data("sums", Element::F32),
    ],
    overrides: &OVERRIDES,
};

static COOPERATIVE: Program =
    Program { name: "pointwise by matrices", product: Product::Cooperative, ..PROGRAM };

pub(super) struct PointwiseShader<'a>(pub(super) &'a Pointwise);

const OVERRIDES: [&str; 12] = {
    let [a, b, c, d, e, f, g] = PRODUCT_OVERRIDES;
    [a, b, c, d, e, f, g, "SILU", "GATE", "RESIDUAL", "SUMS", "FLAT"]
};

/// What a launch depends on beside its operands.
#[derive(Clone, Copy)]
pub(in crate::ops) struct PointwiseLayer {
    pub(in crate::ops) c_in: usize,
    pub(in crate::ops) c_out: usize,
    pub(in crate::ops) silu: bool,
    pub(in crate::ops) gate: bool,
    pub(in crate::ops) residual: bool,
    pub(in crate::ops) sums: bool,
}

impl PointwiseLayer {
    /// Columns of a batch, where they lie side by side: if they are not summed record by record.
    fn flat(&self, cols: usize, batch: usize) -> Option<usize> {
        (!self.sums).then_some(batch * pitch(cols))
    }

    /// The dispatch for `batch` records of `cols` columns by a tile. The program's slots are `x`, weight, bias, gate, residual, `y` and
    /// sums.
    pub(in crate::ops) fn launch(&self, cols: usize, batch: usize, tile: WorkgroupTile) -> Launch {
        let PointwiseLayer { c_in, c_out, silu, gate, residual, sums } = *self;
        let flat = self.flat(cols, batch);
        let parts = flat.unwrap_or(cols).div_ceil(tile.cols);
        let records = if flat.is_some() { 1 } else { batch };
        // Sums of four rows by each thread take the place of what was staged.
        let (cells, workgroup_bytes) = tile.memory(tile.rows / 4 * tile.cols / tile.thread_cols);
        let mut overrides = tile.overrides(cells);
        overrides.extend([silu, gate, residual, sums, flat.is_some()].map(f64::from));
        let dims = Sizes {
            c_in: word(c_in),
            c_out: word(c_out),
            cols: word(cols),
            pitch4: word(pitch(cols) / 4),
            gate_pitch: word(pitch(c_in)),
            sums_pitch: word(pitch(c_out)),
            parts: word(parts),
            batch: word(batch),
        };
        Launch {
            program: tile.program(&PROGRAM, &COOPERATIVE),
            overrides,
            dims: dims.words(),
            grid: [parts, c_out.div_ceil(tile.rows), records],
            scratch: 0,
            threads: tile.threads(),
            workgroup_bytes,
        }
    }
}

impl PointwiseShader<'_> {
    fn layer(&self) -> PointwiseLayer {
        let Pointwise { silu, gate, residual, sums, .. } = *self.0;
        PointwiseLayer { c_in: self.0.c_in(), c_out: self.0.c_out(), silu, gate, residual, sums }
    }
}

impl Shader for PointwiseShader<'_> {
    fn program(&self) -> &'static Program {
        &PROGRAM
    }

    fn bindings(&self, _: usize) -> Vec<Binding> {
        let when = |is: bool, operand| if is { operand } else { Binding::Absent };
        vec![
            Binding::Input(0),
            Binding::Weight(0),
            Binding::Weight(1),
            when(self.0.gate, Binding::Input(1)),
            when(self.0.residual, Binding::Input(1 + usize::from(self.0.gate))),
            Binding::Output(0),
            when(self.0.sums, Binding::Output(1)),
        ]
    }

    fn weights(&self) -> Vec<DeviceWeights> {
        let Pointwise { weight, bias, .. } = self.0;
        vec![
            DeviceWeights::Rows(weight.exact().into_owned(), self.0.c_in()),
            DeviceWeights::F32(op::narrow(bias)),
        ]
    }

    fn variants(&self, traits: Traits) -> Vec<String> {
        WorkgroupTile::names(&offered(&TILES, traits))
    }

    fn choose(&self, inputs: &[Shape], batch: usize, class: DeviceClass, traits: Traits) -> usize {
        let cols = inputs[0].cols;
        let cols = self.layer().flat(cols, batch).unwrap_or(cols);
        WorkgroupTile::choose(&offered(&TILES, traits), self.0.c_out(), cols, class)
    }

    fn outputs(&self, inputs: &[Shape], variant: usize) -> Vec<Shape> {
        let cols = inputs[0].cols;
        let mut outputs = vec![Shape::new(self.0.c_out(), cols)];
        if self.0.sums {
            outputs.push(Shape::new(cols.div_ceil(variant_of(&TILES, variant).cols), self.0.c_out()));
        }
        outputs
    }

    fn launch(&self, inputs: &[Shape], batch: usize, variant: usize) -> Launch {
        self.layer().launch(inputs[0].cols, batch, variant_of(&TILES, variant))
    }
}
