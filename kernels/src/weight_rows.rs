//! Weights of a layer as it is given them: a row for each output, in f64 or still apart from their factors, or blocks of rows in f16.

use crate::half;
use crate::half_blocks::HalfBlocks;
use crate::op;
use crate::tensor::BLOCK;
use std::borrow::Cow;

/// Weights `[outputs, inputs]`, row by row.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum WeightRows {
    /// As they are.
    Exact(Vec<f64>),
    /// Values of 32 bits, and the factor in f64 that each row of them is to be multiplied by, as batch norm's is: half the
    /// memory, and a pass less, where kernels take weights in f32.
    Scaled {
        /// `[outputs, inputs]`.
        values: Vec<f32>,
        /// `[outputs]`, one or more.
        factors: Vec<f64>,
    },
    /// In f16, in blocks. Kernels in f32 that widen them no slower than they would read them, and kernels in f16, take them where they lie.
    Halves(HalfBlocks),
}

impl WeightRows {
    /// Values of 32 bits of so many rows, as they are.
    pub fn unscaled(values: Vec<f32>, outputs: usize) -> WeightRows {
        WeightRows::Scaled { values, factors: vec![1.0; outputs] }
    }

    /// How many weights there are.
    pub fn len(&self) -> usize {
        match self {
            WeightRows::Exact(values) => values.len(),
            WeightRows::Scaled { values, .. } => values.len(),
            WeightRows::Halves(blocks) => blocks.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The weights in f64, each factor multiplied in.
    pub fn exact(&self) -> Cow<'_, [f64]> {
        WeightRowsRef::from(self).exact()
    }
}

impl From<Vec<f64>> for WeightRows {
    fn from(values: Vec<f64>) -> WeightRows {
        WeightRows::Exact(values)
    }
}

/// The same, borrowed.
#[derive(Clone, Copy)]
pub(crate) enum WeightRowsRef<'a> {
    Exact(&'a [f64]),
    Scaled { values: &'a [f32], factors: &'a [f64] },
    Halves(&'a HalfBlocks),
}

impl<'a> From<&'a WeightRows> for WeightRowsRef<'a> {
    fn from(rows: &'a WeightRows) -> WeightRowsRef<'a> {
        match rows {
            WeightRows::Exact(values) => WeightRowsRef::Exact(values),
            WeightRows::Scaled { values, factors } => WeightRowsRef::Scaled { values, factors },
            WeightRows::Halves(blocks) => WeightRowsRef::Halves(blocks),
        }
    }
}

impl<'a> From<&'a [f64]> for WeightRowsRef<'a> {
    fn from(values: &'a [f64]) -> WeightRowsRef<'a> {
        WeightRowsRef::Exact(values)
    }
}

impl<'a> From<&'a Vec<f64>> for WeightRowsRef<'a> {
    fn from(values: &'a Vec<f64>) -> WeightRowsRef<'a> {
        WeightRowsRef::Exact(values)
    }
}

impl<'a> WeightRowsRef<'a> {
    pub(crate) fn len(self) -> usize {
        match self {
            WeightRowsRef::Exact(values) => values.len(),
            WeightRowsRef::Scaled { values, .. } => values.len(),
            WeightRowsRef::Halves(blocks) => blocks.len(),
        }
    }

    pub(crate) fn exact(self) -> Cow<'a, [f64]> {
        match self {
            WeightRowsRef::Exact(values) => Cow::Borrowed(values),
            WeightRowsRef::Scaled { values, factors } => {
                let rows = values.chunks_exact((values.len() / factors.len().max(1)).max(1));
                let scaled =
                    rows.zip(factors).flat_map(|(row, f)| row.iter().map(move |w| f64::from(*w) * f));
                Cow::Owned(scaled.collect())
            }
            WeightRowsRef::Halves(blocks) => Cow::Owned(blocks.exact()),
        }
    }

    /// Rounds row `r`, as long as `to`, to f32.
    pub(crate) fn narrow_row(self, r: usize, to: &mut [f32]) {
        let first = r * to.len();
        match self {
            WeightRowsRef::Exact(values) => {
                to.iter_mut().zip(&values[first..]).for_each(|(to, w)| *to = *w as f32)
            }
            WeightRowsRef::Scaled { values, factors } => {
                let factor = factors[r];
                let scaled = values[first..].iter().map(|w| (f64::from(*w) * factor) as f32);
                to.iter_mut().zip(scaled).for_each(|(to, w)| *to = w);
            }
            WeightRowsRef::Halves(blocks) => {
                to.iter_mut().enumerate().for_each(|(i, to)| *to = half::to_f32(blocks.at(r, i)))
            }
        }
    }

    /// Rounds all rows of `depth` weights to f32, and turns each [`BLOCK`] of them: behind the cells of `to`, columns of
    /// [`BLOCK`] cells, zeros past the last row.
    pub(crate) fn turn_into(self, depth: usize, to: &mut Vec<f32>) {
        let block = (BLOCK * depth).max(1);
        match self {
            WeightRowsRef::Exact(values) => {
                values.chunks(block).for_each(|rows| op::narrow_block(rows, depth, to))
            }
            WeightRowsRef::Scaled { values, factors } => {
                for (rows, factors) in values.chunks(block).zip(factors.chunks(BLOCK)) {
                    match factors.first_chunk() {
                        Some(factors) if rows.len() == block => turn_block(rows, factors, depth, to),
                        _ => {
                            let rows = WeightRowsRef::Scaled { values: rows, factors };
                            op::narrow_block(&rows.exact(), depth, to);
                        }
                    }
                }
            }
            WeightRowsRef::Halves(blocks) => {
                // Some at a time, from the cache.
                let mut halves = blocks.halves();
                let mut some = Vec::new();
                loop {
                    some.clear();
                    some.extend(halves.by_ref().take(1 << 12));
                    if some.is_empty() {
                        break;
                    }
                    half::extend_f32(to, &some);
                }
            }
        }
    }
}

/// Turns a whole block.
fn turn_block(rows: &[f32], factors: &[f64; BLOCK], depth: usize, to: &mut Vec<f32>) {
    /// Columns at a time, and rows: small squares, which the compiler turns in registers.
    const SIDE: usize = 4;
    let scaled = |row: usize, column: usize| (f64::from(rows[row * depth + column]) * factors[row]) as f32;
    let whole = depth / SIDE * SIDE;
    for column in (0..whole).step_by(SIDE) {
        let mut columns = [[0.0; BLOCK]; SIDE];
        for row in (0..BLOCK).step_by(SIDE) {
            let square: [[f32; SIDE]; SIDE] = std::array::from_fn(|r| {
                let row = row + r;
                let from = rows[row * depth + column..].first_chunk::<SIDE>();
                from.map_or([0.0; SIDE], |from| from.map(|w| (f64::from(w) * factors[row]) as f32))
            });
            for (c, column) in columns.iter_mut().enumerate() {
                for r in 0..SIDE {
                    column[row + r] = square[r][c];
                }
            }
        }
        to.extend_from_slice(columns.as_flattened());
    }
    for column in whole..depth {
        to.extend_from_slice(&std::array::from_fn::<f32, BLOCK, _>(|row| scaled(row, column)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scaled_rows_are_turned_as_exact_ones_are() {
        for (outputs, depth) in
            [(1, 1), (16, 1), (16, 3), (16, 4), (17, 9), (32, 8), (35, 13), (48, 64), (0, 5)]
        {
            let values: Vec<f32> = (0..outputs * depth).map(|i| (i as f32 * 0.37).sin() / 3.0).collect();
            let factors: Vec<f64> = (0..outputs).map(|o| 0.1 + (o as f64).cos()).collect();
            let scaled = WeightRows::Scaled { values: values.clone(), factors: factors.clone() };
            let product = |i: usize| f64::from(values[i]) * factors[i / depth];
            let exact: Vec<f64> = (0..values.len()).map(product).collect();
            assert_eq!((scaled.exact().as_ref(), scaled.len()), (exact.as_slice(), exact.len()));
            let mut want = vec![0.0; outputs.next_multiple_of(BLOCK) * depth];
            for (i, w) in exact.iter().enumerate() {
                let (o, k) = (i / depth, i % depth);
                want[(o / BLOCK * depth + k) * BLOCK + o % BLOCK] = *w as f32;
            }
            for rows in [&scaled, &WeightRows::from(exact.clone())] {
                for (r, exact) in exact.chunks_exact(depth).enumerate() {
                    let mut row = vec![7.0; depth];
                    WeightRowsRef::from(rows).narrow_row(r, &mut row);
                    assert!(row.iter().zip(exact).all(|(found, want)| *found == *want as f32));
                }
                let mut to = vec![7.0];
                WeightRowsRef::from(rows).turn_into(depth, &mut to);
                assert_eq!(to[0], 7.0);
                assert_eq!(to[1..], want, "{outputs} × {depth}");
            }
        }
    }
    #[test]
    fn rows_of_f16_are_turned_and_rounded_as_they_are() {
        for (outputs, depth) in [(1, 1), (16, 3), (35, 13), (48, 300)] {
            let halves: Vec<Vec<u16>> = (0..outputs)
                .map(|o| (0..depth).map(|i| half::from_f64(((o * depth + i) as f64 * 0.37).sin())).collect())
                .collect();
            let bytes = std::sync::Arc::new(HalfBlocks::bytes_of(&halves));
            let Some(blocks) = HalfBlocks::new(bytes, 0, outputs, depth) else { panic!("too few bytes") };
            let rows = WeightRows::Halves(blocks);
            assert_eq!(rows.len(), outputs * depth);
            let exact = WeightRows::Exact(rows.exact().into_owned());
            let turned = [&rows, &exact].map(|rows| {
                let mut to = vec![7.0];
                WeightRowsRef::from(rows).turn_into(depth, &mut to);
                to
            });
            assert_eq!(turned[0], turned[1], "{outputs} × {depth}");
            for (r, want) in rows.exact().chunks_exact(depth).enumerate() {
                let mut row = vec![7.0; depth];
                WeightRowsRef::from(&rows).narrow_row(r, &mut row);
                assert!(row.iter().zip(want).all(|(found, want)| f64::from(*found) == *want));
            }
        }
    }
}
