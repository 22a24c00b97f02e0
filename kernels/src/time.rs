//! How time is cut into tiles, over each of which sums are given.

use std::ops::Range;

/// The most positions of a tile of time.
pub const TILE: usize = 512;

/// Tiles of `cols` positions: an even number of them, so that two threads take half of the record each, unless these were too
/// short. Partial sums over time come one row a tile, so this is part of the contract of every operation that gives or takes
/// `sums`: `[tiles(cols), channels]`.
pub fn tiles(cols: usize) -> usize {
    let tiles = cols.div_ceil(TILE);
    if cols < 96 { tiles } else { tiles.next_multiple_of(2) }
}

/// The positions of a tile of `cols`, which are dealt to the tiles evenly, eight at a time.
pub fn tile(cols: usize, index: usize) -> Range<usize> {
    let (eights, tiles) = (cols.div_ceil(8), tiles(cols));
    // `eights * index / tiles`, which fits.
    let start = |index: usize| cols.min(8 * (eights / tiles * index + eights % tiles * index / tiles));
    start(index)..start(index + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiles_are_all_of_the_record_in_order() {
        let huge = [1 << 24, (1 << 32) - 1, (1 << 40) + 3];
        for cols in (1..6000).chain(huge.into_iter().filter_map(|cols: u64| usize::try_from(cols).ok())) {
            let tiles = tiles(cols);
            assert!(tiles.is_multiple_of(2) || cols < 96, "{cols}");
            let some = if tiles < 100 { (0..tiles).collect() } else { vec![0, 1, tiles / 3, tiles - 1] };
            for index in some {
                let (tile, before) =
                    (tile(cols, index), index.checked_sub(1).map_or(0, |i| tile(cols, i).end));
                assert!(
                    (1..=TILE).contains(&tile.len()) && tile.start == before,
                    "{cols}: tile {index} is {tile:?}"
                );
            }
            assert_eq!(tile(cols, tiles - 1).end, cols);
        }
    }
}
