//! Outputs of many parts of a signal side by side: vectors hold the same place of each part, so that a tap is loaded once for all of them,
//! and no sum goes across a vector. Two outputs of each part are made at a time, which read each sample once.

use super::{LANES, Resampler, STRETCH, Step, Taps, held, width};
use crate::wide::{has_avx512, wide};

impl Resampler {
    /// Makes the first outputs, by as many parts as registers hold best, and tells how many.
    pub(super) fn side_by_side(&self, samples: &[f32], out: &mut [f32]) -> usize {
        if has_avx512() { self.by_parts::<32>(samples, out) } else { self.by_parts::<16>(samples, out) }
    }

    /// Makes the first outputs, as many as make `S` parts that all begin with the first phase, and tells how many. Of finite samples
    /// each output has the bits that [`super::products`] gives it.
    pub(super) fn by_parts<const S: usize>(&self, samples: &[f32], out: &mut [f32]) -> usize {
        let Step::Exact { up, down } = self.step else { return 0 };
        let turns = self.output_len(samples.len()) / (up as usize * S);
        if turns == 0 {
            return 0;
        }
        let (outputs, inputs) = (turns * up as usize, turns * down as usize);
        let out = &mut out[..outputs * S];
        let width = width(self.reach);
        let mut rows = vec![Row([0.0; S]); inputs.min(STRETCH) + width];
        let mut done = 0;
        while done < outputs {
            let start = self.step.place(done).0;
            // A few rows at a time, so that those of one side still are in the cache for the next.
            for (part, rows) in rows.chunks_mut(ROWS).enumerate() {
                let first = (start + ROWS * part) as i64 - self.reach as i64;
                put_side_by_side(samples, first, inputs, rows);
            }
            done = parts::<S>(self.step, &self.taps, &rows, start, done, out);
        }
        out.len()
    }
}

/// Puts samples into rows: those of each part from `first` on, parts being `length` apart.
fn put_side_by_side<const S: usize>(samples: &[f32], first: i64, length: usize, rows: &mut [Row<S>]) {
    let last = first + ((S - 1) * length + rows.len()) as i64;
    // Whether no part reaches beyond the signal.
    let within = usize::try_from(first).ok().filter(|_| last <= samples.len() as i64);
    for side in (0..S).step_by(FOUR) {
        match within {
            Some(first) => {
                let part = |n: usize| &samples[first + (side + n) * length..][..rows.len()];
                let [a, b, c, d] = [part(0), part(1), part(2), part(3)];
                for (i, row) in rows.iter_mut().enumerate() {
                    row.0[side..side + FOUR].copy_from_slice(&[a[i], b[i], c[i], d[i]]);
                }
            }
            None => {
                for side in side..side + FOUR {
                    let from = first + (side * length) as i64;
                    held(samples, from, rows.len(), |i, x| rows[i].0[side] = x);
                }
            }
        }
    }
}

/// Parts whose samples are put in place together.
const FOUR: usize = 4;

/// Samples of a part that are put in place before those of the next.
const ROWS: usize = 64;

/// The same place of each part.
#[derive(Debug, Clone, Copy)]
#[repr(align(64))]
struct Row<const S: usize>([f32; S]);

impl<const S: usize> Row<S> {
    #[inline(always)]
    fn plus(mut self, other: Row<S>) -> Row<S> {
        for side in 0..S {
            self.0[side] += other.0[side];
        }
        self
    }
}

wide! {
    /// Outputs of each part from output `done` on, while the rows, which begin the filter's reach before input `start`, hold their samples;
    /// `out` is the parts one after another. The outputs of a part that are done then.
    fn parts<const S: usize>(step: Step, taps: &Taps, rows: &[Row<S>], start: usize, done: usize, out: &mut [f32]) -> usize {
        let (width, length) = (taps.width, out.len() / S);
        let mut put = |k: usize, sums: Row<S>| {
            for (side, sum) in sums.0.iter().enumerate() {
                out[side * length + k] = *sum;
            }
        };
        let mut k = done;
        while k < length {
            let (center, phase) = step.place(k);
            let at = center - start;
            if at + width > rows.len() {
                return k;
            }
            // Two outputs read each row once. The second one begins `by` rows later: where the first has its taps, it has zeros first.
            let (other_center, other_phase) = step.place(k + 1);
            let by = other_center - center;
            let count = (taps.own + by).next_multiple_of(LANES);
            let two = k + 1 < length && by < LANES && at + count <= rows.len();
            // One alone is made twice.
            let (count, other) = if two { (count, (other_phase, by)) } else { (width, (phase, 0)) };
            let rows = rows[at..][..count].as_chunks::<LANES>().0;
            let taps = [(phase, 0), other]
                .map(|(phase, by)| taps.shifted(phase, by, count).as_chunks::<LANES>().0);
            let [first, second] = two_outputs(rows, taps);
            put(k, first);
            if two {
                put(k + 1, second);
            }
            k += 1 + usize::from(two);
        }
        length
    }
}

/// The sums of two outputs, of each part, as [`super::products`] adds them up. Rows by which the second one begins later change which of its
/// sums a row goes to, but not which sums are four apart, nor which of these pairs are two apart: it is added up in the same order.
#[inline(always)]
fn two_outputs<const S: usize>(rows: &[[Row<S>; LANES]], taps: [&[[f32; LANES]]; 2]) -> [Row<S>; 2] {
    let plus = |[a, b]: [Row<S>; 2], [c, d]: [Row<S>; 2]| [a.plus(c), b.plus(d)];
    // As many sums at a time as registers hold: 32 of AVX-512, 16 of others.
    if S == 32 {
        return plus(four_sums(rows, taps, [0, 4, 2, 6]), four_sums(rows, taps, [1, 5, 3, 7]));
    }
    let pair = |low: usize| two_sums(rows, taps, [low, low + LANES / 2]);
    plus(plus(pair(0), pair(2)), plus(pair(1), pair(3)))
}

/// Of both outputs the sum of two sums: of the rows whose places have these remainders.
#[inline(always)]
fn two_sums<const S: usize>(
    rows: &[[Row<S>; LANES]],
    [taps, others]: [&[[f32; LANES]]; 2],
    which: [usize; 2],
) -> [Row<S>; 2] {
    let zero = Row([0.0; S]);
    // Arrays of them would not stay in registers.
    let (mut a, mut b) = (zero, zero);
    let (mut other_a, mut other_b) = (zero, zero);
    for ((rows, taps), others) in rows.iter().zip(taps).zip(others) {
        let with = |at: usize| (&rows[at], [taps[at], others[at]]);
        [a, other_a] = plus_products([a, other_a], with(which[0]));
        [b, other_b] = plus_products([b, other_b], with(which[1]));
    }
    [a.plus(b), other_a.plus(other_b)]
}

/// The same of four sums.
#[inline(always)]
fn four_sums<const S: usize>(
    rows: &[[Row<S>; LANES]],
    [taps, others]: [&[[f32; LANES]]; 2],
    which: [usize; 4],
) -> [Row<S>; 2] {
    let zero = Row([0.0; S]);
    let (mut a, mut b, mut c, mut d) = (zero, zero, zero, zero);
    let (mut other_a, mut other_b, mut other_c, mut other_d) = (zero, zero, zero, zero);
    for ((rows, taps), others) in rows.iter().zip(taps).zip(others) {
        let with = |at: usize| (&rows[at], [taps[at], others[at]]);
        [a, other_a] = plus_products([a, other_a], with(which[0]));
        [b, other_b] = plus_products([b, other_b], with(which[1]));
        [c, other_c] = plus_products([c, other_c], with(which[2]));
        [d, other_d] = plus_products([d, other_d], with(which[3]));
    }
    [a.plus(b).plus(c.plus(d)), other_a.plus(other_b).plus(other_c.plus(other_d))]
}

/// Both sums with the samples' products. In one loop, as samples that two loops read are taken apart for it.
#[inline(always)]
fn plus_products<const S: usize>(
    [mut a, mut b]: [Row<S>; 2],
    (samples, taps): (&Row<S>, [f32; 2]),
) -> [Row<S>; 2] {
    for side in 0..S {
        a.0[side] += samples.0[side] * taps[0];
        b.0[side] += samples.0[side] * taps[1];
    }
    [a, b]
}
