//! Matrix-vector products, for the small layers: squeeze-excite, tokens, attention, classifier.
//!
//! Two layouts, by which side is long: [`accumulate`] adds columns (`y += w[k, :] * x[k]`, lanes along the outputs),
//! [`dot`] sums along rows (lanes along the inputs).

use crate::aligned::Aligned;
use crate::simd::{Isa, MAX_LANES};
use crate::tensor::BLOCK;
use crate::tuning::GEMV_ROWS;
use crate::weight_rows::WeightRowsRef;

/// Rows of `width` numbers, each padded with zeros to whole vectors.
pub(crate) struct PaddedMatrix {
    pub(crate) pitch: usize,
    data: Aligned,
}

impl PaddedMatrix {
    /// The rows of a row-major matrix.
    pub(crate) fn new<'a>(weight: impl Into<WeightRowsRef<'a>>, width: usize) -> PaddedMatrix {
        let weight = weight.into();
        let pitch = width.next_multiple_of(MAX_LANES);
        let mut data = Aligned::zeros(weight.len() / width.max(1) * pitch);
        for (r, to) in data.chunks_exact_mut(pitch.max(1)).enumerate() {
            weight.narrow_row(r, &mut to[..width]);
        }
        PaddedMatrix { pitch, data }
    }

    /// The columns of a row-major matrix of rows `inputs` long, as rows.
    pub(crate) fn transposed<'a>(weight: impl Into<WeightRowsRef<'a>>, inputs: usize) -> PaddedMatrix {
        let weight = weight.into();
        let outputs = weight.len() / inputs.max(1);
        let pitch = outputs.next_multiple_of(MAX_LANES);
        let mut data = Aligned::zeros(inputs * pitch);
        let mut turned = Vec::with_capacity(inputs * pitch);
        weight.turn_into(inputs, &mut turned);
        for (i, line) in turned.as_chunks::<BLOCK>().0.iter().enumerate() {
            let (block, column) = (i / inputs, i % inputs);
            data[column * pitch + block * BLOCK..][..BLOCK].copy_from_slice(line);
        }
        PaddedMatrix { pitch, data }
    }

    /// All rows.
    pub(crate) fn all(&self) -> &[f32] {
        &self.data
    }

    pub(crate) fn row(&self, r: usize) -> &[f32] {
        &self.data[r * self.pitch..][..self.pitch]
    }
}

/// A vector padded with zeros to whole vectors.
pub(crate) fn padded(values: &[f64]) -> Vec<f32> {
    let mut out: Vec<f32> = values.iter().map(|v| *v as f32).collect();
    out.resize(values.len().next_multiple_of(MAX_LANES), 0.0);
    out
}

/// `y[o] += sum over i of rows[first + i, o] * x[i]`, over the padded width: rows are read in order, some at a time.
#[inline(always)]
pub(crate) fn accumulate<I: Isa>(s: I, rows: &PaddedMatrix, first: usize, x: &[f32], y: &mut [f32]) {
    let pitch = rows.pitch;
    assert!(y.len() >= pitch && rows.data.len() >= (first + x.len()) * pitch);
    let w = rows.data[first * pitch..].as_ptr();
    let y = y.as_mut_ptr();
    for i in (0..x.len()).step_by(GEMV_ROWS) {
        for o in (0..pitch).step_by(I::LANES) {
            // SAFETY: `o` stays within the pitch, which is a multiple of every vector's length, and the rows within `data`.
            unsafe {
                let mut acc = s.load(y.add(o));
                if let Some(x) = x[i..].first_chunk::<GEMV_ROWS>() {
                    for (j, x) in x.iter().enumerate() {
                        acc = s.mul_add(s.splat(*x), s.load(w.add((i + j) * pitch + o)), acc);
                    }
                } else {
                    for (j, x) in x.iter().enumerate().skip(i) {
                        acc = s.mul_add(s.splat(*x), s.load(w.add(j * pitch + o)), acc);
                    }
                }
                s.store(y.add(o), acc);
            }
        }
    }
}

/// The sum of products of two rows of whole vectors, in four interleaved sums.
#[inline(always)]
pub(crate) fn dot<I: Isa>(s: I, a: &[f32], b: &[f32]) -> f32 {
    let n = a.len().min(b.len());
    assert!(n.is_multiple_of(MAX_LANES));
    let (a, b) = (a.as_ptr(), b.as_ptr());
    let mut acc = [s.splat(0.0); 4];
    let mut i = 0;
    // SAFETY: `n` is a multiple of 16, and `i` with the vectors after it stays below it.
    unsafe {
        while i < n {
            let vectors = ((n - i) / I::LANES).min(4);
            if vectors == 4 {
                for (v, acc) in acc.iter_mut().enumerate() {
                    let at = i + v * I::LANES;
                    *acc = s.mul_add(s.load(a.add(at)), s.load(b.add(at)), *acc);
                }
            } else {
                for (v, acc) in acc.iter_mut().enumerate().take(vectors) {
                    let at = i + v * I::LANES;
                    *acc = s.mul_add(s.load(a.add(at)), s.load(b.add(at)), *acc);
                }
            }
            i += vectors * I::LANES;
        }
    }
    s.reduce_add(s.add(s.add(acc[0], acc[1]), s.add(acc[2], acc[3])))
}
