//! The variants of matrix products: workgroup tiles of `workgroup_tile.wgsl`, and the choice among them.

use super::DeviceClass;
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
}

/// A tile of these sides: `thread_rows` by `thread_cols` results a thread, `depth` columns staged.
pub(crate) const fn tile(
    rows: usize,
    cols: usize,
    thread_rows: usize,
    thread_cols: usize,
    depth: usize,
) -> WorkgroupTile {
    WorkgroupTile { rows, cols, thread_rows, thread_cols, depth }
}

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
        let all = tiles.iter().enumerate().filter(|(_, t)| t.results() <= class.results());
        all.min_by(|(_, a), (_, b)| cost(a).total_cmp(&cost(b))).map_or(0, |(at, _)| at)
    }

    /// Results of a thread.
    pub(crate) const fn results(&self) -> usize {
        self.thread_rows * self.thread_cols
    }

    /// Instructions of the inner loop for each multiply-add, as RADV makes them for RDNA 2.
    pub(crate) const fn beside(&self) -> f64 {
        match self.results() {
            64 => 1.15,
            32 => 1.3,
            _ => 1.55,
        }
    }

    pub(crate) const fn threads(&self) -> usize {
        self.rows * self.cols / self.results()
    }

    /// Cells of four f32 that a product takes.
    pub(crate) const fn staged(&self) -> usize {
        self.depth * (self.rows / 4 + 1 + self.cols / 4)
    }

    /// A value for each of [`PRODUCT_OVERRIDES`], with this many cells.
    pub(crate) fn overrides(&self, cells: usize) -> Vec<f64> {
        let WorkgroupTile { rows, cols, thread_rows, thread_cols, depth } = *self;
        [rows, cols, thread_rows, thread_cols, self.threads(), depth, cells].map(|n| n as f64).to_vec()
    }

    /// The names of variants.
    pub(crate) fn names(tiles: &[WorkgroupTile]) -> Vec<String> {
        tiles.iter().map(ToString::to_string).collect()
    }
}

/// `64x32x16_8x4`: rows, columns and depth of the workgroup tile, rows and columns of a thread.
impl fmt::Display for WorkgroupTile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let WorkgroupTile { rows, cols, thread_rows, thread_cols, depth } = self;
        write!(f, "{rows}x{cols}x{depth}_{thread_rows}x{thread_cols}")
    }
}
