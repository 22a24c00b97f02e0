//! One folder an operation. The table of them all, with their cases, is `ops` in `tests/kit/src/operations.rs`.

pub mod classifier;
pub mod conv;
pub mod cross_attention;
pub mod depthwise;
pub mod pointwise;
pub mod squeeze_excite;
pub mod tokens;

mod window;

use crate::op;
use crate::tensor::Matrix;

/// Sums of the rows of `y` over time chunks: `[time_chunks(cols), rows]`.
fn sum_time_chunks(y: &Matrix, sums: &mut Matrix) {
    for r in 0..y.shape.rows {
        for time_chunk in 0..sums.shape.rows {
            sums.row_mut(time_chunk)[r] = y.row(r)[op::time_chunk(y.shape.cols, time_chunk)].iter().sum();
        }
    }
}

/// The mean over `cols` positions of each of `width` channels, from their sums over time chunks.
fn mean_of_time_chunks(sums: &Matrix, cols: usize) -> Vec<f64> {
    let mut mean = vec![0.0; sums.shape.cols];
    for time_chunk in 0..sums.shape.rows {
        for (m, s) in mean.iter_mut().zip(sums.row(time_chunk)) {
            *m += s;
        }
    }
    mean.iter_mut().for_each(|m| *m /= cols as f64);
    mean
}
