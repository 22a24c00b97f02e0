//! Time chunks: the parts of a record over which sums are given.

use crate::tensor::{Shape, TensorView};
use std::ops::Range;

/// The most positions of a time chunk.
pub const TIME_CHUNK: usize = 512;

/// Time chunks of `cols` positions: an even number of them, so that two threads take half of the record each, unless
/// these were too short. Partial sums over time come one row a time chunk, so this is part of the contract of every
/// operation that gives or takes `sums`: `[time_chunks(cols), channels]`.
pub fn time_chunks(cols: usize) -> usize {
    let time_chunks = cols.div_ceil(TIME_CHUNK);
    if cols < 96 { time_chunks } else { time_chunks.next_multiple_of(2) }
}

/// The positions of time chunk `index`: `cols` positions are split evenly, eight at a time.
pub fn time_chunk(cols: usize, index: usize) -> Range<usize> {
    let (eights, time_chunks) = (cols.div_ceil(8), time_chunks(cols));
    // `eights * index / time_chunks`, which fits.
    let start = |index: usize| {
        cols.min(8 * (eights / time_chunks * index + eights % time_chunks * index / time_chunks))
    };
    start(index)..start(index + 1)
}

/// The mean over `cols` positions from sums over time chunks (`[time_chunks, width]`), into `mean`, zeros after it.
/// The time chunks' sums are added in f64: there may be a thousand.
#[inline(always)]
pub(crate) fn mean_of_time_chunks(sums: &TensorView<'_>, cols: usize, mean: &mut [f32]) {
    const TOGETHER: usize = 16;
    let Shape { rows, cols: width } = sums.shape();
    let scale = 1.0 / cols as f64;
    mean.fill(0.0);
    for (c, mean) in mean[..width].chunks_mut(TOGETHER).enumerate() {
        let mut totals = [0.0f64; TOGETHER];
        for time_chunk in 0..rows {
            let row = &sums.row(time_chunk)[c * TOGETHER..];
            match row.first_chunk::<TOGETHER>() {
                Some(row) => totals.iter_mut().zip(row).for_each(|(t, v)| *t += f64::from(*v)),
                None => totals.iter_mut().zip(row).for_each(|(t, v)| *t += f64::from(*v)),
            }
        }
        mean.iter_mut().zip(totals).for_each(|(m, t)| *m = (t * scale) as f32);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_chunks_are_all_of_the_record_in_order() {
        let huge = [1 << 24, (1 << 32) - 1, (1 << 40) + 3];
        // No memory has more cells.
        let fits =
            |cols: u64| usize::try_from(cols).ok().filter(|cols| *cols <= usize::MAX / size_of::<f32>());
        for cols in (1..6000).chain(huge.into_iter().filter_map(fits)) {
            let time_chunks = time_chunks(cols);
            assert!(time_chunks.is_multiple_of(2) || cols < 96, "{cols}");
            let some = if time_chunks < 100 {
                (0..time_chunks).collect()
            } else {
                vec![0, 1, time_chunks / 3, time_chunks - 1]
            };
            for index in some {
                let (time_chunk, before) =
                    (time_chunk(cols, index), index.checked_sub(1).map_or(0, |i| time_chunk(cols, i).end));
                assert!(
                    (1..=TIME_CHUNK).contains(&time_chunk.len()) && time_chunk.start == before,
                    "{cols}: time_chunk {index} is {time_chunk:?}"
                );
            }
            assert_eq!(time_chunk(cols, time_chunks - 1).end, cols);
        }
    }
}
