//! One folder an operation. The table of them all, with their cases, is `ops` in `tests/kit/src/table.rs`.

pub mod classifier;
pub mod conv;
pub mod cross_attention;
pub mod depthwise;
pub mod pointwise;
pub mod squeeze_excite;
pub mod tokens;

mod window;

use crate::op;
use crate::view::Matrix;

/// Sums of the rows of `y` over tiles of time: `[tiles(cols), rows]`.
fn sum_tiles(y: &Matrix, sums: &mut Matrix) {
    for r in 0..y.shape.rows {
        for tile in 0..sums.shape.rows {
            sums.row_mut(tile)[r] = y.row(r)[op::tile(y.shape.cols, tile)].iter().sum();
        }
    }
}

/// The mean over `cols` positions of each of `width` channels, from their sums over tiles.
fn mean_of_tiles(sums: &Matrix, cols: usize) -> Vec<f64> {
    let mut mean = vec![0.0; sums.shape.cols];
    for tile in 0..sums.shape.rows {
        for (m, s) in mean.iter_mut().zip(sums.row(tile)) {
            *m += s;
        }
    }
    mean.iter_mut().for_each(|m| *m /= cols as f64);
    mean
}
