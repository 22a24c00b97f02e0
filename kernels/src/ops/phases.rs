//! Strided convolution by phases.
//!
//! Output `o` of a convolution of stride `s` reads samples `o * s + j` of the padded input for its taps `j`. Split the
//! input into `s` *phases*, phase `p` holding samples `p, p + s, p + 2s, …`; then tap `j` of all outputs is phase
//! `j % s` from position `j / s` on: contiguous, whatever the stride.

use crate::simd::{Isa, MAX_LANES};

/// Where a convolution's outputs come from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Window {
    pub(crate) kernel: usize,
    pub(crate) stride: usize,
}

impl Window {
    /// Outputs over `cols` samples with `kernel / 2` zeros on both sides; `cols` at least 1, kernels odd.
    pub(crate) fn outputs(self, cols: usize) -> usize {
        (cols + 2 * (self.kernel / 2) - self.kernel) / self.stride + 1
    }

    /// The sample at which the window of output `o` starts: negative in the left padding.
    pub(crate) fn start(self, o: usize) -> isize {
        (o * self.stride) as isize - (self.kernel / 2) as isize
    }

    /// Samples under the windows of `n` outputs in a row.
    pub(crate) fn span(self, n: usize) -> usize {
        (n - 1) * self.stride + self.kernel
    }

    /// Cells for a row of samples under `n` outputs, and for whole vectors written or read from its last one on.
    pub(crate) fn row(self, n: usize) -> usize {
        (self.span(n) + 2 * MAX_LANES).next_multiple_of(MAX_LANES)
    }

    /// Cells of a phase under `n` outputs, and for whole vectors read from its last one on.
    pub(crate) fn phase(self, n: usize) -> usize {
        (n + self.kernel / self.stride + 2 * MAX_LANES).next_multiple_of(MAX_LANES)
    }

    /// Phases that hold a tap, or that [`split`] writes: a stride far beyond the kernel needs no more of them.
    pub(crate) fn phases(self) -> usize {
        self.stride.min(self.kernel.max(2))
    }

    /// Where tap `j` starts among phases `pitch` cells apart.
    pub(crate) fn tap(self, j: usize, pitch: usize) -> usize {
        j % self.stride * pitch + j / self.stride
    }
}

/// Splits `len` samples at `from` into the window's phases, `pitch` cells apart at `to`.
///
/// # Safety
/// `from` must be readable, and each phase writable, for the samples rounded up to two whole vectors.
#[inline(always)]
pub(crate) unsafe fn split<I: Isa>(
    s: I,
    window: Window,
    from: *const f32,
    len: usize,
    to: *mut f32,
    pitch: usize,
) {
    // SAFETY: handed on to the caller.
    unsafe {
        match window.stride {
            1 => std::ptr::copy_nonoverlapping(from, to, len),
            2 => {
                let mut i = 0;
                while i < len {
                    let (even, odd) = s.deinterleave(s.load(from.add(i)), s.load(from.add(i + I::LANES)));
                    s.store(to.add(i / 2), even);
                    s.store(to.add(pitch + i / 2), odd);
                    i += 2 * I::LANES;
                }
            }
            stride => {
                for start in (0..len).step_by(stride) {
                    for phase in 0..window.phases().min(len - start) {
                        *to.add(phase * pitch + start / stride) = *from.add(start + phase);
                    }
                }
            }
        }
    }
}

/// Fills `row` with the samples of `x` from `start` on, and zeros where `x` has none.
#[inline(always)]
pub(crate) fn padded(x: &[f32], start: isize, row: &mut [f32]) {
    let before = start.min(0).unsigned_abs().min(row.len());
    let from = start.max(0).unsigned_abs().min(x.len());
    let n = (row.len() - before).min(x.len() - from);
    row[..before].fill(0.0);
    row[before..before + n].copy_from_slice(&x[from..from + n]);
    row[before + n..].fill(0.0);
}
