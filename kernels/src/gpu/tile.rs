//! The variants of matrix products: workgroup tiles of `workgroup_tile.wgsl`, and the choice among them.

use super::{DeviceClass, Program, Traits};
use std::fmt;

/// The part of a product that a workgroup makes, and how: a variant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct WorkgroupTile {
    /// Output channels.
    pub(crate) rows: usize,
    /// Positions.
    pub(crate) cols: usize,
    /// Of them a thread's: 4 or 8.
    pub(crate) thread_rows: usize,
    /// Likewise.
    pub(crate) thread_cols: usize,
    /// Columns of the weights staged at a time.
    pub(crate) depth: usize,
    /// Whether cooperative matrices multiply.
    pub(crate) cooperative: bool,
}

/// A tile of these sides: `thread_rows` by `thread_cols` results a thread, `depth` columns staged.
pub(crate) const fn tile(
    rows: usize,
    cols: usize,
    thread_rows: usize,
    thread_cols: usize,
    depth: usize,
) -> WorkgroupTile {
    WorkgroupTile { rows, cols, thread_rows, thread_cols, depth, cooperative: false }
}

/// A tile of these sides by cooperative matrices. A thread finishes 8 by 4 results: a subgroup of 32 threads then makes 2 by 2
/// matrices of 16 by 16, one of 8 threads as many of 8 by 8.
const fn cooperative_tile(rows: usize, cols: usize, depth: usize) -> WorkgroupTile {
    WorkgroupTile { rows, cols, thread_rows: 8, thread_cols: 4, depth, cooperative: true }
}

/// The variants by cooperative matrices, which come after an operation's others.
const COOPERATIVE_TILES: [WorkgroupTile; 4] = [
    cooperative_tile(64, 64, 32),
    cooperative_tile(32, 64, 32),
    cooperative_tile(64, 32, 32),
    cooperative_tile(32, 128, 16),
];

/// The variants of pointwise convolutions and of the stem. Each is within the limits of WebGPU.
pub(crate) const TILES: [WorkgroupTile; 14] = [
    tile(64, 64, 4, 4, 16),
    tile(32, 64, 4, 4, 16),
    tile(16, 128, 4, 4, 16),
    tile(64, 32, 4, 4, 16),
    tile(32, 32, 4, 4, 16),
    tile(16, 64, 4, 4, 16),
    tile(32, 64, 4, 8, 16),
    tile(16, 128, 4, 8, 16),
    tile(64, 32, 8, 4, 16),
    tile(64, 64, 8, 4, 16),
    tile(64, 64, 8, 8, 16),
    tile(128, 64, 8, 8, 16),
    tile(32, 128, 8, 8, 8),
    tile(128, 128, 8, 8, 8),
];

/// The overrides that every product has, as [`WorkgroupTile::overrides`] gives them.
pub(crate) const PRODUCT_OVERRIDES: [&str; 7] =
    ["ROWS", "COLS", "THREAD_ROWS", "THREAD_COLS", "THREADS", "DEPTH", "CELLS"];

/// Workgroups that a card is taken to compute at a time.
const UNITS: usize = 72;

// What `workgroup_tile.wgsl` and `cooperative_product.wgsl` ask of them, with matrices of 16 too.
const _: () = {
    let mut at = 0;
    while at < COOPERATIVE_TILES.len() {
        let WorkgroupTile { rows, cols, thread_rows, thread_cols, depth, .. } = COOPERATIVE_TILES[at];
        assert!(rows.is_multiple_of(32) && cols.is_multiple_of(32) && depth.is_multiple_of(16));
        assert!(rows.is_multiple_of(2 * thread_rows) && cols.is_multiple_of(2 * thread_cols));
        let threads = COOPERATIVE_TILES[at].threads();
        assert!(threads.is_multiple_of(cols / 4) && threads.is_multiple_of(depth));
        at += 1;
    }
};

/// The variants of an operation with these tiles on a device.
pub(crate) fn offered(tiles: &[WorkgroupTile], traits: Traits) -> Vec<WorkgroupTile> {
    let cooperative: &[WorkgroupTile] = if traits.cooperative.is_some() { &COOPERATIVE_TILES } else { &[] };
    [tiles, cooperative].concat()
}

/// The variant of this number; the first, where there are not as many.
pub(crate) fn variant_of(tiles: &[WorkgroupTile], variant: usize) -> WorkgroupTile {
    tiles.iter().chain(&COOPERATIVE_TILES).nth(variant).copied().unwrap_or(tiles[0])
}

impl WorkgroupTile {
    /// The place in `tiles` of the one that a device of this class is taken to be fastest with, on a product of `rows` by `cols`.
    ///
    /// What a tile costs is its area, as often as the busiest unit computes one; times what comes to a multiply-add beside
    /// itself; and as much again by its operands' way through the cache as if its sides were 4 and 4.
    pub(crate) fn choose(tiles: &[WorkgroupTile], rows: usize, cols: usize, class: DeviceClass) -> usize {
        let cost = |t: &WorkgroupTile| {
            let groups = rows.div_ceil(t.rows) * cols.div_ceil(t.cols);
            let area = groups.div_ceil(UNITS) * t.rows * t.cols;
            area as f64 * t.beside() * (1.0 + 4.0 / t.rows as f64 + 4.0 / t.cols as f64)
        };
        let all = tiles.iter().enumerate().filter(|(_, t)| t.suits(tiles, class));
        all.min_by(|(_, a), (_, b)| cost(a).total_cmp(&cost(b))).map_or(0, |(at, _)| at)
    }

    /// Whether it may be a default: one by cooperative matrices where there is any, another one if a thread has registers for it.
    pub(crate) fn suits(&self, tiles: &[WorkgroupTile], class: DeviceClass) -> bool {
        let cooperative = tiles.iter().any(|t| t.cooperative);
        if cooperative { self.cooperative } else { self.results() <= class.results() }
    }

    /// Results of a thread.
    pub(crate) const fn results(&self) -> usize {
        self.thread_rows * self.thread_cols
    }

    /// Instructions of the inner loop for each multiply-add, as RADV makes them for RDNA 2; by cooperative matrices, as many of any
    /// tile.
    pub(crate) const fn beside(&self) -> f64 {
        match self.results() {
            _ if self.cooperative => 1.0,
            64 => 1.15,
            32 => 1.3,
            _ => 1.55,
        }
    }

    pub(crate) const fn threads(&self) -> usize {
        self.rows * self.cols / self.results()
    }

    /// The workgroup memory of a program that takes `own` cells of four f32 outside of its product: the cells, and the bytes of all
    /// of it.
    pub(crate) fn memory(&self, own: usize) -> (usize, usize) {
        if self.cooperative {
            let cells = own.max(self.rows * (self.cols / 4 + 1));
            let staged = self.depth * (self.rows / 4 + 2 + self.cols / 4 + 2);
            return (cells, 16 * cells + 8 * staged);
        }
        let cells = own.max(self.depth * (self.rows / 4 + 1 + self.cols / 4));
        (cells, 16 * cells)
    }

    /// The program for it, of an operation's own and the one by cooperative matrices.
    pub(crate) fn program(&self, own: &'static Program, cooperative: &'static Program) -> &'static Program {
        if self.cooperative { cooperative } else { own }
    }

    /// A value for each of [`PRODUCT_OVERRIDES`], with this many cells.
    pub(crate) fn overrides(&self, cells: usize) -> Vec<f64> {
        let WorkgroupTile { rows, cols, thread_rows, thread_cols, depth, .. } = *self;
        [rows, cols, thread_rows, thread_cols, self.threads(), depth, cells].map(|n| n as f64).to_vec()
    }

    /// The names of variants.
    pub(crate) fn names(tiles: &[WorkgroupTile]) -> Vec<String> {
        tiles.iter().map(ToString::to_string).collect()
    }
}

/// `64x32x16_8x4`: rows, columns and depth of the workgroup tile, rows and columns of a thread; `64x32x32_matrix` by cooperative
/// matrices.
impl fmt::Display for WorkgroupTile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let WorkgroupTile { rows, cols, thread_rows, thread_cols, depth, cooperative } = self;
        if *cooperative {
            return write!(f, "{rows}x{cols}x{depth}_matrix");
        }
        write!(f, "{rows}x{cols}x{depth}_{thread_rows}x{thread_cols}")
    }
}
