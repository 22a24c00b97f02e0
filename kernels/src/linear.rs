//! Matrix-vector products, for the small layers: squeeze-excite, tokens, attention, classifier.
//!
//! Two layouts, by which side is long: [`accumulate`] adds columns (`y += w[k, :] * x[k]`, lanes along the outputs),
//! [`dot`] sums along rows (lanes along the inputs).

use crate::aligned::Aligned;
use crate::math::Function;
use crate::simd::{Isa, MAX_LANES};
use crate::tuning::GEMV_ROWS;
use crate::view::{Shape, View};

/// Rows of `width` numbers, each padded with zeros to whole vectors.
pub(crate) struct Padded {
    pub(crate) pitch: usize,
    data: Aligned,
}

impl Padded {
    /// The rows of a row-major matrix.
    pub(crate) fn new(weight: &[f64], width: usize) -> Padded {
        let pitch = width.next_multiple_of(MAX_LANES);
        let mut data = Aligned::zeros(weight.len() / width.max(1) * pitch);
        for (to, from) in data.chunks_exact_mut(pitch.max(1)).zip(weight.chunks_exact(width.max(1))) {
            for (to, from) in to.iter_mut().zip(from) {
                *to = *from as f32;
            }
        }
        Padded { pitch, data }
    }

    /// The columns of a row-major matrix of rows `inputs` long, as rows.
    pub(crate) fn transposed(weight: &[f64], inputs: usize) -> Padded {
        let outputs = weight.len() / inputs.max(1);
        let turned: Vec<f64> =
            (0..inputs).flat_map(|i| (0..outputs).map(move |o| weight[o * inputs + i])).collect();
        Padded::new(&turned, outputs)
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
pub(crate) fn accumulate<I: Isa>(s: I, rows: &Padded, first: usize, x: &[f32], y: &mut [f32]) {
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

/// Applies a function to every element.
#[inline(always)]
pub(crate) fn map<I: Isa>(s: I, x: &mut [f32], f: Function) {
    let mut chunks = x.chunks_exact_mut(I::LANES);
    for c in &mut chunks {
        // SAFETY: the chunk is one vector long.
        unsafe { s.store(c.as_mut_ptr(), f.of(s, s.load(c.as_ptr()))) };
    }
    let rest = chunks.into_remainder();
    let mut last = [0.0; MAX_LANES];
    last[..rest.len()].copy_from_slice(rest);
    // SAFETY: `last` is at least one vector long.
    unsafe { s.store(last.as_mut_ptr(), f.of(s, s.load(last.as_ptr()))) };
    rest.copy_from_slice(&last[..rest.len()]);
}

/// The largest of some whole vectors' lanes; NaN counts for nothing.
#[inline(always)]
pub(crate) fn max<I: Isa>(s: I, x: &[f32]) -> f32 {
    let mut lanes = [f32::NEG_INFINITY; MAX_LANES];
    // SAFETY: `lanes` is at least one vector long, and a chunk is one.
    unsafe {
        let mut top = s.load(lanes.as_ptr());
        for x in x.chunks_exact(I::LANES) {
            top = s.max(s.load(x.as_ptr()), top);
        }
        s.store(lanes.as_mut_ptr(), top);
    }
    lanes.into_iter().fold(f32::NEG_INFINITY, f32::max)
}

/// The sum of some whole vectors' lanes.
#[inline(always)]
pub(crate) fn sum<I: Isa>(s: I, x: &[f32]) -> f32 {
    let mut acc = s.splat(0.0);
    for x in x.chunks_exact(I::LANES) {
        // SAFETY: a chunk is one vector long.
        acc = s.add(acc, unsafe { s.load(x.as_ptr()) });
    }
    s.reduce_add(acc)
}

/// The mean over `cols` positions from sums over tiles (`[tiles, width]`), into `mean`, zeros after it. The tiles' sums are
/// added in f64: there may be a thousand.
#[inline(always)]
pub(crate) fn mean_of_tiles(sums: &View<'_>, cols: usize, mean: &mut [f32]) {
    const TOGETHER: usize = 16;
    let Shape { rows, cols: width } = sums.shape();
    let scale = 1.0 / cols as f64;
    mean.fill(0.0);
    for (c, mean) in mean[..width].chunks_mut(TOGETHER).enumerate() {
        let mut totals = [0.0f64; TOGETHER];
        for tile in 0..rows {
            let row = &sums.row(tile)[c * TOGETHER..];
            match row.first_chunk::<TOGETHER>() {
                Some(row) => totals.iter_mut().zip(row).for_each(|(t, v)| *t += f64::from(*v)),
                None => totals.iter_mut().zip(row).for_each(|(t, v)| *t += f64::from(*v)),
            }
        }
        mean.iter_mut().zip(totals).for_each(|(m, t)| *m = (t * scale) as f32);
    }
}

/// `(x - mean) / sqrt(var + 1e-5) * weight + bias` over the row: layer norm (Ba, Kiros and Hinton, 2016), with f64
/// moments.
#[inline(always)]
pub(crate) fn layer_norm(x: &[f32], weight: &[f32], bias: &[f32], y: &mut [f32]) {
    let n = x.len() as f64;
    let mean = x.iter().map(|x| f64::from(*x)).sum::<f64>() / n;
    let square = |x: f64| x * x;
    let var = x.iter().map(|x| square(f64::from(*x) - mean)).sum::<f64>() / n;
    let scale = 1.0 / (var + LAYER_NORM_EPS).sqrt();
    for (((y, x), w), b) in y.iter_mut().zip(x).zip(weight).zip(bias) {
        *y = ((f64::from(*x) - mean) * scale) as f32 * w + b;
    }
}

/// What layer norm adds to the variance.
pub(crate) const LAYER_NORM_EPS: f64 = 1e-5;

/// Replaces scores by `exp(x - max) / sum`, the sum in f64.
#[inline(always)]
pub(crate) fn softmax<I: Isa>(s: I, x: &mut [f32]) {
    let top = x.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    x.iter_mut().for_each(|x| *x -= top);
    map(s, x, Function::Exp);
    let total: f64 = x.iter().map(|x| f64::from(*x)).sum();
    let scale = (1.0 / total) as f32;
    x.iter_mut().for_each(|x| *x *= scale);
}
