//! What a GPU must be told of an operation: programs in WGSL, their bindings, overrides and grids. Pure data: nothing
//! here knows of a GPU library, and tests hold all of it against the WGSL itself.
//!
//! A [`Program`] is one compute entry point, `main`. Its text is whole files one after another: a [`Storage`]'s file,
//! `math.wgsl`, one of the two `reduce` files where it needs them, `workgroup_tile.wgsl` and one of the two `product` files where it
//! does, and the operation's `kernel.wgsl`. With cooperative matrices `enable_cooperative.wgsl` is before all, and what names them
//! (`cooperative_8.wgsl` or `cooperative_16.wgsl`) before the tile. Sizes come in a uniform `dims`, so that layers share pipelines; what changes the code (fused
//! layers, workgroup tiles) comes as overrides.
//!
//! A matrix `[rows, cols]` of a batch lies as `[batch, rows, pitch]`, the pitch being `cols` rounded up to four.
//! Activations are of the storage's precision and are addressed four at a time (`array<Four>`); vectors, gates and
//! sums are f32. The cells from `cols` to the pitch hold anything, NaN included.

mod tile;

use crate::half;
use crate::tensor::Shape;

pub(crate) use tile::{PRODUCT_OVERRIDES, TILES, WorkgroupTile, offered, tile, variant_of};

/// Who made a device, as far as its variants go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Vendor {
    /// AMD.
    Amd,
    /// Apple.
    Apple,
    /// Intel.
    Intel,
    /// NVIDIA.
    Nvidia,
    /// Another, or software.
    Other,
}

/// What the default among the variants of a program depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct DeviceClass {
    /// Who made it.
    pub vendor: Vendor,
    /// Threads of its smallest subgroup.
    pub subgroup: usize,
}

impl DeviceClass {
    /// The results of a product that a thread has registers for. AMD's and NVIDIA's threads have up to 256 registers, Apple's half
    /// of that; Intel's have 128 of 8 lanes, which a subgroup of 16 or 32 shares.
    pub const fn results(self) -> usize {
        match self.vendor {
            Vendor::Amd | Vendor::Nvidia if self.subgroup >= 32 => 64,
            Vendor::Apple => 32,
            _ => 16,
        }
    }
}

/// A field of a uniform structure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DimsField {
    /// Its name, in Rust and in WGSL.
    pub name: &'static str,
    /// Where it starts, in bytes.
    pub offset: usize,
}

/// The structure of a program's uniform `dims`, as WGSL has it by the same names. All fields are `u32`, so both languages lay it
/// out as words in the order of the fields; a test holds names and offsets against naga's.
macro_rules! uniform {
    (struct $name:ident { $($member:ident,)+ }) => {
        #[repr(C)]
        struct $name {
            $($member: u32,)+
        }

        impl $name {
            const FIELDS: &'static [$crate::gpu::DimsField] = &[$($crate::gpu::DimsField {
                name: stringify!($member),
                offset: std::mem::offset_of!($name, $member),
            }),+];

            /// What is uploaded.
            fn words(&self) -> Vec<u32> {
                const { assert!(size_of::<$name>() == 4 * $name::FIELDS.len()) };
                vec![$(self.$member),+]
            }
        }
    };
}
pub(crate) use uniform;

/// A size as WGSL has it. What is larger never runs: no buffer holds as much, and the layout is rejected.
pub(crate) fn word(size: usize) -> u32 {
    size as u32
}

/// The precision of activations and of the weights of convolutions in the GPU's memory. Products and sums are f32.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Storage {
    /// Four f32.
    F32,
    /// Four f16 in two words (`unpack2x16float`): needs nothing of the device.
    PackedF16,
    /// Four f16 of the device's own type (WGSL's `enable f16`).
    F16,
}

impl Storage {
    /// Bytes of four numbers.
    pub const fn four(self) -> usize {
        match self {
            Storage::F32 => 16,
            Storage::PackedF16 | Storage::F16 => 8,
        }
    }
}

/// Cooperative matrices: square ones of f16, which a subgroup multiplies and adds up in f32.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CooperativeMatrix {
    /// Of 8 by 8.
    Eight,
    /// Of 16 by 16.
    Sixteen,
}

impl CooperativeMatrix {
    /// The most bytes of workgroup memory that a program with them takes.
    pub const WORKGROUP_BYTES: usize = 32_768;

    /// The matrices of such a side.
    pub const fn of_side(side: u32) -> Option<CooperativeMatrix> {
        match side {
            8 => Some(CooperativeMatrix::Eight),
            16 => Some(CooperativeMatrix::Sixteen),
            _ => None,
        }
    }
}

/// What a device offers, as far as programs depend on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Traits {
    /// How activations are stored.
    pub storage: Storage,
    /// Whether reductions use subgroup operations.
    pub subgroups: bool,
    /// The matrices of variants that use them: with [`Storage::F16`] and subgroups alone.
    pub cooperative: Option<CooperativeMatrix>,
}

/// The type of a binding's array elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Element {
    /// `Four`: four numbers of the storage's precision.
    Four,
    /// `f32`.
    F32,
}

impl Element {
    /// Bytes of an element.
    pub const fn bytes(self, storage: Storage) -> usize {
        match self {
            Element::Four => storage.four(),
            Element::F32 => 4,
        }
    }
}

/// A binding of a program. Weights are bound read-only, all else for reading and writing, as it shares a buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slot {
    /// The name in WGSL.
    pub name: &'static str,
    /// What its array holds.
    pub element: Element,
    /// Whether it is a weight.
    pub weight: bool,
}

impl Slot {
    /// A binding of activations or vectors.
    pub const fn data(name: &'static str, element: Element) -> Slot {
        Slot { name, element, weight: false }
    }

    /// A binding of weights.
    pub const fn weight(name: &'static str, element: Element) -> Slot {
        Slot { name, element, weight: true }
    }
}

/// How a program is told sizes, at binding 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dims {
    /// A uniform structure of `u32` fields.
    Uniform(&'static [DimsField]),
    /// A read-only `array<u32>` of any length.
    Table,
}

/// How a program multiplies matrices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Product {
    /// It does not.
    None,
    /// Each thread multiplies and adds on its own: `thread_product.wgsl`.
    Threads,
    /// By cooperative matrices: `cooperative_product.wgsl`. Only where [`Traits::cooperative`] has some.
    Cooperative,
}

/// A compute program.
#[derive(Debug, PartialEq, Eq)]
pub struct Program {
    /// The operation's name, and what tells it from the operation's other program.
    pub name: &'static str,
    /// `kernel.wgsl`.
    pub source: &'static str,
    /// Whether it builds on `workgroup_tile.wgsl`, and how it multiplies then.
    pub product: Product,
    /// Whether it builds on `reduce.wgsl`, or its twin with subgroup operations.
    pub reduce: bool,
    /// Binding 0.
    pub dims: Dims,
    /// Bindings from 1 on.
    pub slots: &'static [Slot],
    /// The names of its overrides.
    pub overrides: &'static [&'static str],
}

impl Program {
    /// The text of the program for a device.
    pub fn text(&self, traits: Traits) -> String {
        let storage = match traits.storage {
            Storage::F32 => include_str!("wgsl/storage_f32.wgsl"),
            Storage::PackedF16 => include_str!("wgsl/storage_packed_f16.wgsl"),
            Storage::F16 => include_str!("wgsl/storage_f16.wgsl"),
        };
        let tile = include_str!("wgsl/workgroup_tile.wgsl");
        let (enable, product) = match (self.product, traits.cooperative) {
            (Product::None, _) => ("", [""; 3]),
            (Product::Threads, _) => ("", [tile, include_str!("wgsl/thread_product.wgsl"), ""]),
            (Product::Cooperative, matrix) => {
                let matrix = match matrix {
                    Some(CooperativeMatrix::Eight) => include_str!("wgsl/cooperative_8.wgsl"),
                    // A device without any is given no such launch.
                    Some(CooperativeMatrix::Sixteen) | None => include_str!("wgsl/cooperative_16.wgsl"),
                };
                let product = [matrix, tile, include_str!("wgsl/cooperative_product.wgsl")];
                (include_str!("wgsl/enable_cooperative.wgsl"), product)
            }
        };
        let reduce = match (self.reduce, traits.subgroups) {
            (false, _) => "",
            (true, false) => include_str!("wgsl/reduce.wgsl"),
            (true, true) => include_str!("wgsl/reduce_subgroups.wgsl"),
        };
        [enable, storage, include_str!("wgsl/math.wgsl"), &product.concat(), reduce, self.source].concat()
    }
}

/// What a slot of a program is bound to for one operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Binding {
    /// An operand of the operation.
    Input(usize),
    /// All its operands, which lie one after another in this order, each starting on a [`ALIGN`]ed byte.
    Inputs,
    /// A result of the operation.
    Output(usize),
    /// An array of [`Shader::weights`].
    Weight(usize),
    /// [`Launch::scratch`] cells of f32 a record, or as many numbers of the storage's precision in their place.
    Scratch,
    /// Nothing: the program does not touch it under these overrides.
    Absent,
}

/// Every matrix of a batch starts on a multiple of this many bytes: the most that a device may ask for.
pub const ALIGN: usize = 256;

/// Numbers from one row's start to the next.
pub const fn pitch(cols: usize) -> usize {
    cols.next_multiple_of(4)
}

/// Numbers of a matrix of one record.
pub const fn cells(shape: Shape) -> usize {
    shape.rows * pitch(shape.cols)
}

/// Weights of a program.
#[derive(Clone, Debug, PartialEq)]
pub enum DeviceWeights {
    /// For a slot of [`Element::Four`]: a matrix of rows `depth` long, which a tiled product wants as
    /// `[ceil(rows / 4), depth, 4]` in the storage's precision, with zeros past the last row.
    Rows(Vec<f64>, usize),
    /// For a slot of [`Element::F32`].
    F32(Vec<f32>),
}

impl DeviceWeights {
    /// The bytes in the device's memory. In f16 the sums of rows are kept (see [`half::round_row`]).
    pub fn bytes(&self, storage: Storage) -> Vec<u8> {
        let (weight, depth) = match self {
            DeviceWeights::F32(values) => return values.iter().flat_map(|v| v.to_ne_bytes()).collect(),
            DeviceWeights::Rows(weight, depth) => (weight, (*depth).max(1)),
        };
        let (rows, size) = ((weight.len() / depth).next_multiple_of(4), storage.four() / 4);
        let mut bytes = vec![0; rows * depth * size];
        for (r, row) in weight.chunks_exact(depth).enumerate() {
            let mut put = |k: usize, value: &[u8]| {
                bytes[((r / 4 * depth + k) * 4 + r % 4) * size..][..size].copy_from_slice(value);
            };
            match storage {
                Storage::F32 => (0..depth).for_each(|k| put(k, &(row[k] as f32).to_ne_bytes())),
                Storage::PackedF16 | Storage::F16 => {
                    half::round_row(row).iter().enumerate().for_each(|(k, b)| put(k, &b.to_ne_bytes()));
                }
            }
        }
        bytes
    }
}

/// One dispatch.
#[derive(Clone, Debug, PartialEq)]
pub struct Launch {
    /// What runs: the operation's program, or another one of the same bindings and overrides.
    pub program: &'static Program,
    /// A value for each of the program's overrides, in its order.
    pub overrides: Vec<f64>,
    /// The content of binding 0.
    pub dims: Vec<u32>,
    /// Workgroups.
    pub grid: [usize; 3],
    /// Cells of scratch that the program needs, a record. It may find anything in them, but for what a dispatch before it left there ([`Before`]).
    pub scratch: usize,
    /// Threads of a workgroup.
    pub threads: usize,
    /// Bytes of a workgroup's memory that the program uses.
    pub workgroup_bytes: usize,
}

/// A dispatch before another one, to which it leaves what it makes in the scratch.
#[derive(Clone, Debug, PartialEq)]
pub struct Before {
    /// What runs. The other one's scratch is there for it.
    pub launch: Launch,
    /// What each of the program's slots is bound to.
    pub bindings: Vec<Binding>,
}

/// An operation made ready for a GPU: one dispatch, or two.
pub trait Shader: Send + Sync {
    /// The program that it runs, as far as bindings go: its variants' are alike.
    fn program(&self) -> &'static Program;

    /// What each of the program's slots is bound to in a variant.
    fn bindings(&self, variant: usize) -> Vec<Binding>;

    /// Its weights.
    fn weights(&self) -> Vec<DeviceWeights>;

    /// The names of its variants on such a device: ways to compute the same, by other overrides, grids and programs. Those that only
    /// some devices run come last, so that a number stands for one variant everywhere.
    fn variants(&self, traits: Traits) -> Vec<String> {
        let _ = traits;
        vec!["only".to_owned()]
    }

    /// The variant to take on a device of this class, where none was measured. It depends on the batch only where the bits of
    /// results do not depend on it.
    fn choose(&self, inputs: &[Shape], batch: usize, class: DeviceClass, traits: Traits) -> usize {
        let _ = (inputs, batch, class, traits);
        0
    }

    /// The shapes of its results for operands that [`crate::op::Op::outputs`] accepts. Those of `sums` have one row
    /// for each part of time that a workgroup of the variant sums over, however long.
    fn outputs(&self, inputs: &[Shape], variant: usize) -> Vec<Shape>;

    /// The dispatch for `batch` records with operands of these shapes, `sums` as [`Shader::outputs`] gave them. A variant
    /// that [`Shader::variants`] has on no device is taken for the first.
    fn launch(&self, inputs: &[Shape], batch: usize, variant: usize) -> Launch;

    /// What runs before it, of a variant that takes two dispatches.
    fn before(&self, inputs: &[Shape], batch: usize, variant: usize) -> Option<Before> {
        let _ = (inputs, batch, variant);
        None
    }
}

/// Rows of `width` numbers, and zeros to the next multiple of four rows.
pub(crate) fn four_rows(weight: &[f64], width: usize) -> Vec<f64> {
    let rows = weight.len() / width.max(1);
    let mut out = weight.to_vec();
    out.resize(rows.next_multiple_of(4) * width, 0.0);
    out
}

/// The columns of a matrix of rows `width` long, as rows.
pub(crate) fn transposed(weight: &[f64], width: usize) -> Vec<f64> {
    (0..width).flat_map(|col| weight.iter().skip(col).step_by(width).copied()).collect()
}

/// Threads of a workgroup with `reduce.wgsl` or its twin.
pub(crate) const REDUCE_THREADS: usize = 256;

/// Bytes of workgroup memory that either takes.
pub(crate) const REDUCE_BYTES: usize = 16 * REDUCE_THREADS;
