//! The kernel's bindings, overrides and grid.

use super::Depthwise;
use crate::gpu::{
    Before, Binding, CooperativeMatrix, DeviceClass, DeviceWeights, Dims, Element, Launch, PRODUCT_OVERRIDES,
    Product, Program, Shader, Slot, Storage, Traits, WorkgroupTile, cells, offered, pitch, tile, uniform,
    word,
};
use crate::op;
use crate::ops::pointwise::gpu::PointwiseLayer;
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

/// The tiles of expand layers that are a dispatch of their own. What they make passes through memory; what overlaps between workgroups is
/// made once.
const APART: [WorkgroupTile; 5] = [
    tile(64, 64, 4, 4, 16),
    tile(32, 64, 4, 8, 16),
    tile(64, 64, 8, 4, 16),
    tile(64, 64, 8, 8, 16),
    tile(128, 64, 8, 8, 16),
];

/// Multiply-adds that a card computes while a number goes to memory and another one comes from there: 10.4 T a second and 512 GB/s, those of
/// an RX 6800 XT.
const PASSAGE: f64 = 160.0;

/// Numbers of a window that a thread keeps in registers, at most: `WINDOW4` of the kernel, in fours.
const WINDOW: usize = 20;

pub(super) struct DepthwiseShader<'a>(pub(super) &'a Depthwise);

/// A device that has all variants.
const EVERYTHING: Traits =
    Traits { storage: Storage::F16, subgroups: true, cooperative: Some(CooperativeMatrix::Sixteen) };

/// A way to compute it.
#[derive(Clone, Copy)]
struct Variant {
    /// Of the depthwise convolution, with the expand layer in it unless that is apart.
    tile: WorkgroupTile,
    /// Of an expand layer that is a dispatch before.
    apart: Option<WorkgroupTile>,
}

impl DepthwiseShader<'_> {
    /// Whether a thread can keep the window of four outputs, from a multiple of four on.
    fn sliding(&self) -> bool {
        let late = (4 - self.0.kernel / 2 % 4) % 4;
        self.0.stride <= WINDOW && late + 3 * self.0.stride + self.0.kernel <= WINDOW
    }

    /// The variants on a device. Without an expand layer there is no product. A window too long to slide takes the first tile.
    fn all(&self, traits: Traits) -> Vec<Variant> {
        let fused = |tile: &WorkgroupTile| Variant { tile: *tile, apart: None };
        let apart = |tile: &WorkgroupTile| Variant { tile: TILES[0], apart: Some(*tile) };
        let tiles = if self.sliding() { &TILES[..] } else { &TILES[..1] };
        let mut all: Vec<Variant> = tiles.iter().map(fused).collect();
        if self.0.expand.is_none() {
            return all;
        }
        all.extend(APART.iter().map(apart));
        // Those that only some devices have come last.
        if self.sliding() {
            all.extend(offered(&TILES, traits)[TILES.len()..].iter().map(fused));
        }
        all.extend(offered(&APART, traits)[APART.len()..].iter().map(apart));
        all
    }

    /// The variant of this number on any device; the first, where there are not as many.
    fn variant(&self, variant: usize) -> Variant {
        let all = self.all(EVERYTHING);
        all.get(variant).copied().unwrap_or(all[0])
    }

    fn fuses(&self, variant: usize) -> bool {
        self.0.expand.is_some() && self.variant(variant).apart.is_none()
    }

    /// What a record of so many samples costs in a variant: instructions for each multiply-add of the expand layer, where a workgroup makes its
    /// own strip of `h` whole, and has only one record's. Apart, records share tiles, but `h` passes through memory. The taps cost the same.
    fn cost(&self, samples: usize, Variant { tile, apart }: Variant) -> f64 {
        let (channels, c_in) = (self.0.channels(), if self.0.expand.is_some() { self.0.c_in() } else { 1 });
        match apart {
            None => {
                let parts = self.0.window().outputs(samples).div_ceil(4 * self.outputs4(tile));
                (channels.next_multiple_of(tile.rows) * parts * tile.cols * c_in) as f64 * tile.beside()
            }
            Some(product) => {
                let product = (channels.next_multiple_of(product.rows) * c_in) as f64 * product.beside();
                pitch(samples) as f64 * (product + channels as f64 * PASSAGE)
            }
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

    fn bindings(&self, variant: usize) -> Vec<Binding> {
        use Binding::{Absent, Input, Output, Scratch, Weight};
        let expand = if self.fuses(variant) { [Weight(0), Weight(1)] } else { [Absent; 2] };
        let rest = if self.0.expand.is_some() { 2 } else { 0 };
        let x = if self.variant(variant).apart.is_some() { Scratch } else { Input(0) };
        vec![x, expand[0], expand[1], Weight(rest), Weight(rest + 1), Output(0), Output(1)]
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
        let name = |variant: Variant| match variant.apart {
            Some(tile) => format!("apart_{tile}"),
            None => variant.tile.to_string(),
        };
        self.all(traits).into_iter().map(name).collect()
    }

    fn choose(&self, inputs: &[Shape], _: usize, class: DeviceClass, traits: Traits) -> usize {
        let all = self.all(traits);
        let tiles = |apart: bool| -> Vec<WorkgroupTile> {
            all.iter().filter(|v| v.apart.is_some() == apart).map(|v| v.apart.unwrap_or(v.tile)).collect()
        };
        let (fused, apart) = (tiles(false), tiles(true));
        // What one of them can be asked for by matrices is not made without.
        let matrices = fused.iter().chain(&apart).any(|tile| tile.cooperative);
        let suits = |v: &Variant| match v.apart {
            Some(tile) => tile.suits(&apart, class) && tile.cooperative == matrices,
            None => v.tile.suits(&fused, class) && v.tile.cooperative == matrices,
        };
        let costs = all
            .iter()
            .enumerate()
            .filter(|(_, v)| suits(v))
            .map(|(at, v)| (at, self.cost(inputs[0].cols, *v)));
        costs.min_by(|(_, a), (_, b)| a.total_cmp(b)).map_or(0, |(at, _)| at)
    }

    fn outputs(&self, inputs: &[Shape], variant: usize) -> Vec<Shape> {
        let cols = self.0.window().outputs(inputs[0].cols);
        let parts = cols.div_ceil(4 * self.outputs4(self.variant(variant).tile));
        vec![Shape::new(self.0.channels(), cols), Shape::new(parts, self.0.channels())]
    }

    fn launch(&self, inputs: &[Shape], batch: usize, variant: usize) -> Launch {
        let Variant { tile, apart } = self.variant(variant);
        let samples = inputs[0].cols;
        let cols = self.0.window().outputs(samples);
        let outputs4 = self.outputs4(tile);
        let parts = cols.div_ceil(4 * outputs4);
        let Window { kernel, stride } = self.0.window();
        // A longer stride makes one output all the same, and must not overflow.
        let stride = stride.min(samples + kernel);
        let sliding = self.sliding();
        // Rows of `h`, each with a cell to spare, take the place of what was staged.
        let (held, bytes) = tile.memory(tile.rows * (tile.cols / 4 + 1));
        let mut overrides = tile.overrides(held);
        let [known_kernel, known_stride] = if sliding { [kernel, self.0.stride] } else { [1, 1] };
        overrides.extend([self.fuses(variant), sliding].map(f64::from));
        overrides.extend([known_kernel, known_stride, outputs4].map(|n| n as f64));
        let dims = Sizes {
            c_in: word(if apart.is_some() { self.0.channels() } else { self.0.c_in() }),
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
            scratch: apart.map_or(0, |_| cells(Shape::new(self.0.channels(), samples))),
            threads: tile.threads(),
            workgroup_bytes: bytes + 4 * tile.threads(),
        }
    }

    fn before(&self, inputs: &[Shape], batch: usize, variant: usize) -> Option<Before> {
        use Binding::{Absent, Input, Scratch, Weight};
        let tile = self.variant(variant).apart?;
        let (c_in, c_out) = (self.0.c_in(), self.0.channels());
        let expand = PointwiseLayer { c_in, c_out, silu: true, gate: false, residual: false, sums: false };
        let launch = expand.launch(inputs[0].cols, batch, tile);
        Some(Before {
            launch,
            bindings: vec![Input(0), Weight(0), Weight(1), Absent, Absent, Scratch, Absent],
        })
    }
}
