//! Medians of many columns at once, while rows come and go.
//!
//! Each column holds its values in ascending order. One pass over the ranks takes a value out and puts another in, for eight
//! columns side by side and without branches, so that the compiler can use the processor's vectors. A median over a window that
//! moves on by a row then costs one pass in place of a selection for each column.
//!
//! Values must be finite. Zeros of either sign count as equal, so the sign of a median that is zero is not defined.

/// Columns side by side.
const LANES: usize = 8;

type Lane = [f32; LANES];

const NONE: Lane = [f32::INFINITY; LANES];

/// The values of some columns in ascending order, column by column.
#[derive(Clone, Debug, Default)]
pub(super) struct Ranks {
    /// `[groups of columns, most + 1]`; what is beyond the rows held is infinite.
    sorted: Vec<Lane>,
    /// Rows held at most.
    most: usize,
    rows: usize,
}

impl Ranks {
    /// No rows of so many columns, with room for `most`.
    pub(super) fn new(columns: usize, most: usize) -> Ranks {
        Ranks { sorted: vec![NONE; columns.div_ceil(LANES) * (most + 1)], most, rows: 0 }
    }

    /// Puts a row in.
    pub(super) fn insert(&mut self, row: &[f32]) {
        self.replace(None, Some(row));
    }

    /// Takes out a row that is held.
    pub(super) fn remove(&mut self, row: &[f32]) {
        self.replace(Some(row), None);
    }

    /// Takes out a row that is held, and puts another in.
    pub(super) fn exchange(&mut self, old: &[f32], new: &[f32]) {
        self.replace(Some(old), Some(new));
    }

    fn replace(&mut self, old: Option<&[f32]>, new: Option<&[f32]>) {
        self.rows = self.rows + usize::from(new.is_some()) - usize::from(old.is_some());
        assert!(self.rows <= self.most, "room for {} rows", self.most);
        for (group, ranks) in self.sorted.chunks_exact_mut(self.most + 1).enumerate() {
            let lane = |row: Option<&[f32]>| row.map_or(NONE, |row| lane(row, group));
            exchange(ranks, &lane(old), &lane(new));
        }
    }

    /// The medians over the rows held, `[columns]`, rounded to f32.
    pub(super) fn medians(&self, out: &mut [f32]) {
        let (lower, upper) = (self.rows.saturating_sub(1) / 2, self.rows / 2);
        for (group, ranks) in self.sorted.chunks_exact(self.most + 1).enumerate() {
            let middle = |l: usize| mean(ranks[lower][l], ranks[upper][l]);
            put(out, group, middle);
        }
    }

    /// The medians over the rows held but for `own`, which is one of them.
    pub(super) fn medians_without(&self, own: &[f32], out: &mut [f32]) {
        let others = self.rows.saturating_sub(1);
        let (lower, upper) = (others.saturating_sub(1) / 2, others / 2);
        for (group, ranks) in self.sorted.chunks_exact(self.most + 1).enumerate() {
            let own = lane(own, group);
            // What is at or above the own value comes a rank lower without it.
            let at = |rank: usize, l: usize| {
                if own[l] <= ranks[rank][l] { ranks[rank + 1][l] } else { ranks[rank][l] }
            };
            put(out, group, |l| mean(at(lower, l), at(upper, l)));
        }
    }
}

/// The group's part of a row; what is beyond its end is 0.
fn lane(row: &[f32], group: usize) -> Lane {
    let rest = &row[group * LANES..];
    match rest.first_chunk::<LANES>() {
        Some(whole) => *whole,
        None => std::array::from_fn(|l| rest.get(l).copied().unwrap_or(0.0)),
    }
}

fn put(out: &mut [f32], group: usize, value: impl Fn(usize) -> f32) {
    let rest = &mut out[group * LANES..];
    let count = rest.len().min(LANES);
    rest[..count].iter_mut().enumerate().for_each(|(l, to)| *to = value(l));
}

fn mean(lower: f32, upper: f32) -> f32 {
    ((f64::from(lower) + f64::from(upper)) / 2.0) as f32
}

/// Takes `old` out of each column and puts `new` in; infinity stands for nothing.
fn exchange(ranks: &mut [Lane], old: &Lane, new: &Lane) {
    let mut below = [f32::NEG_INFINITY; LANES];
    for rank in 0..ranks.len() - 1 {
        let (here, next) = (ranks[rank], ranks[rank + 1]);
        // Without `old` the values above it come a rank lower; then `new` goes where it fits.
        let kept: Lane = std::array::from_fn(|l| if here[l] < old[l] { here[l] } else { next[l] });
        let least: Lane = std::array::from_fn(|l| if kept[l] < new[l] { kept[l] } else { new[l] });
        let put: Lane = std::array::from_fn(|l| if below[l] > least[l] { below[l] } else { least[l] });
        below = kept;
        ranks[rank] = put;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::SplitMix64;
    use crate::segments::middle;

    fn plain(rows: &[&[f32]], columns: usize) -> Vec<f32> {
        (0..columns).map(|c| middle(&rows.iter().map(|row| row[c]).collect::<Vec<f32>>())).collect()
    }

    #[test]
    fn medians_of_a_moving_window_are_the_plain_ones() {
        let mut random = SplitMix64(7);
        for columns in [1, 7, 8, 9, 54] {
            // Few values, so that many are equal.
            let mut value = || (random.uniform() * 20.0).floor() as f32 - 10.0;
            let rows: Vec<Vec<f32>> = (0..80).map(|_| (0..columns).map(|_| value()).collect()).collect();
            for reach in [1, 3, 12] {
                let mut ranks = Ranks::new(columns, 2 * reach + 1);
                let mut got = vec![0.0; columns];
                rows[..reach].iter().for_each(|row| ranks.insert(row));
                for i in 0..rows.len() {
                    match (i.checked_sub(reach + 1), rows.get(i + reach)) {
                        (Some(old), Some(new)) => ranks.exchange(&rows[old], new),
                        (Some(old), None) => ranks.remove(&rows[old]),
                        (None, Some(new)) => ranks.insert(new),
                        (None, None) => {}
                    }
                    let held: Vec<&[f32]> = rows[i.saturating_sub(reach)..(i + reach + 1).min(rows.len())]
                        .iter()
                        .map(Vec::as_slice)
                        .collect();
                    assert_eq!(ranks.rows, held.len());
                    ranks.medians(&mut got);
                    assert_eq!(got, plain(&held, columns), "{columns} columns, row {i}");
                    ranks.medians_without(&rows[i], &mut got);
                    let others: Vec<&[f32]> = held
                        .iter()
                        .copied()
                        .enumerate()
                        .filter(|(j, _)| *j != i.min(reach))
                        .map(|(_, row)| row)
                        .collect();
                    assert_eq!(got, plain(&others, columns), "{columns} columns, without row {i}");
                }
            }
        }
    }
}
