//! The kernel's bindings, overrides and grid.

use super::Depthwise;
use crate::gpu::{
    Binding, DeviceClass, DeviceWeights, Dims, Element, Launch, PRODUCT_OVERRIDES, Product, Program, Shader,
    Slot, Traits, WorkgroupTile, offered, pitch, tile, uniform, variant_of, word,
};
use crate::op;
use crate::ops::window::Window;
use crate::tensor::Shape;

uniform! {
    struct Sizes {
        c_in,
        channels,
        kernel,
        stride,
        samples,
        cols,
        x_pitch4,
        y_pitch4,
        sums_pitch,
        parts,
    }
}

static PROGRAM: Program = Program {
    name: "depthwise",
    source: include_str!("kernel.wgsl"),
    product: Product::Threads,
    reduce: false,
    dims: Dims::Uniform(Sizes::FIELDS),
    slots: &[
        Slot::data("x", Element::Four),
        Slot::weight("expand_weight", Element::Four),
        Slot::weight("expand_bias", Element::F32),
        Slot::weight("weight", Element::F32),
        Slot::weight("bias", Element::F32),
        Slot::data("y", Element::Four),
        Slot::data("sums", Element::F32),
    ],
    overrides: &OVERRIDES,
};

static COOPERATIVE: Program =
    Program { name: "depthwise by matrices", product: Product::Cooperative, ..PROGRAM };

const OVERRIDES: [&str; 12] = {
    let [a, b, c, d, e, f, g] = PRODUCT_OVERRIDES;
    [a, b, c, d, e, f, g, "EXPAND", "SLIDING", "KERNEL", "STRIDE", "OUTPUTS4"]
};

/// The channels of a workgroup and the positions of `h` that it holds at once, of the variants. A window too long to slide takes
/// the first, of 4 by 4 results a thread. The one of depth 8 would take too much workgroup memory at 16: of 64 threads with 9,728
/// bytes RDNA 3 holds six subgroups a SIMD, with 8,704 eight.
const TILES: [WorkgroupTile; 5] = [
    tile(32, 64, 4, 4, 16),
    tile(16, 128, 4, 4, 16),
    tile(32, 64, 4, 8, 16),
    tile(16, 128, 4, 8, 8),
    tile(32, 64, 8, 4, 16),
];

/// Numbers of a window that a thread keeps in registers, at most: `WINDOW4` of the kernel, in fours.
const WINDOW: usize = 20;

pub(super) struct DepthwiseShader<'a>(pub(super) &'a Depthwise);

impl DepthwiseShader<'_> {
    /// Whether a thread can keep the window of four outputs, from a multiple of four on.
    fn sliding(&self) -> bool {
        let late = (4 - self.0.kernel / 2 % 4) % 4;
        self.0.stride <= WINDOW && late + 3 * self.0.stride + self.0.kernel <= WINDOW
    }

    /// The variants on a device. Without an expand layer there is no product.
    fn tiles(&self, traits: Traits) -> Vec<WorkgroupTile> {
        match (self.sliding(), self.0.expand.is_some()) {
            (false, _) => TILES[..1].to_vec(),
            (true, false) => TILES.to_vec(),
            (true, true) => offered(&TILES, traits),
        }
    }

    fn tile(&self, variant: usize) -> WorkgroupTile {
        match (self.sliding(), self.0.expand.is_some()) {
            (false, _) => TILES[0],
            (true, false) => TILES.get(variant).copied().unwrap_or(TILES[0]),
            (true, true) => variant_of(&TILES, variant),
        }
    }

    /// Positions of `y` that a workgroup makes, in fours: as many as one strip of `h` reaches, at least four.
    fn outputs4(&self, tile: WorkgroupTile) -> usize {
        // The strip starts up to three positions early, on a multiple of four.
        let reach = (tile.cols - 3).saturating_sub(self.0.kernel) / self.0.stride + 1;
        (reach / 4).clamp(1, tile.cols / 4)
    }
}

impl Shader for DepthwiseShader<'_> {
    fn program(&self) -> &'static Program {
        &PROGRAM
    }

    fn bindings(&self) -> Vec<Binding> {
        use Binding::{Absent, Input, Output, Weight};
        let expand = if self.0.expand.is_some() { [Weight(0), Weight(1)] } else { [Absent; 2] };
        let rest = if self.0.expand.is_some() { 2 } else { 0 };
        vec![Input(0), expand[0], expand[1], Weight(rest), Weight(rest + 1), Output(0), Output(1)]
    }

    fn weights(&self) -> Vec<DeviceWeights> {
        let Depthwise { expand, weight, bias, kernel, .. } = self.0;
        let mut weights = Vec::new();
        if let Some(e) = expand {
            weights.push(DeviceWeights::Rows(e.weight.exact().into_owned(), self.0.c_in()));
            weights.push(DeviceWeights::F32(op::narrow(&e.bias)));
        }
        let taps = (0..*kernel).flat_map(|j| weight.iter().skip(j).step_by(*kernel));
        weights.push(DeviceWeights::F32(taps.map(|w| *w as f32).collect()));
        weights.push(DeviceWeights::F32(op::narrow(bias)));
        weights
    }

    fn variants(&self, traits: Traits) -> Vec<String> {
        WorkgroupTile::names(&self.tiles(traits))
    }

    fn choose(&self, inputs: &[Shape], _: usize, class: DeviceClass, traits: Traits) -> usize {
        let samples = inputs[0].cols;
        let cols = self.0.window().outputs(samples);
        let cost = |variant: usize| {
            let tile = self.tile(variant);
            let parts = cols.div_ceil(4 * self.outputs4(tile));
            (self.0.channels().next_multiple_of(tile.rows) * parts * tile.cols) as f64 * tile.beside()
        };
        let tiles = self.tiles(traits);
        let all = (0..tiles.len()).filter(|variant| tiles[*variant].suits(&tiles, class));
        all.min_by(|a, b| cost(*a).total_cmp(&cost(*b))).unwrap_or(0)
    }

    fn outputs(&self, inputs: &[Shape], variant: usize) -> Vec<Shape> {
        let cols = self.0.window().outputs(inputs[0].cols);
        let parts = cols.div_ceil(4 * self.outputs4(self.tile(variant)));
        vec![Shape::new(self.0.channels(), cols), Shape::new(parts, self.0.channels())]
    }

    fn launch(&self, inputs: &[Shape], batch: usize, variant: usize) -> Launch {
        let tile = self.tile(variant);
        let samples = inputs[0].cols;
        let cols = self.0.window().outputs(samples);
        let outputs4 = self.outputs4(tile);
        let parts = cols.div_ceil(4 * outputs4);
        let Window { kernel, stride } = self.0.window();
        // A longer stride makes one output all the same, and must not overflow.
        let stride = stride.min(samples + kernel);
        let sliding = self.sliding();
        // Rows of `h`, each with a cell to spare, take the place of what was staged.
        let (cells, bytes) = tile.memory(tile.rows * (tile.cols / 4 + 1));
        let mut overrides = tile.overrides(cells);
        let [known_kernel, known_stride] = if sliding { [kernel, self.0.stride] } else { [1, 1] };
        overrides.extend([self.0.expand.is_some(), sliding].map(f64::from));
        overrides.extend([known_kernel, known_stride, outputs4].map(|n| n as f64));
        let dims = Sizes {
            c_in: word(self.0.c_in()),
            channels: word(self.0.channels()),
            kernel: word(kernel),
            stride: word(stride),
            samples: word(samples),
            cols: word(cols),
            x_pitch4: word(pitch(samples) / 4),
            y_pitch4: word(pitch(cols) / 4),
            sums_pitch: word(pitch(self.0.channels())),
            parts: word(parts),
        };
        Launch {
            program: tile.program(&PROGRAM, &COOPERATIVE),
            overrides,
            dims: dims.words(),
            grid: [parts, self.0.channels().div_ceil(tile.rows), batch],
            scratch: 0,
            threads: tile.threads(),
            workgroup_bytes: bytes + 4 * tile.threads(),
        }
    }
}
