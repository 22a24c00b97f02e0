//! Where a convolution's outputs come from, by the contract's formula.

/// The taps of a convolution and the samples from one output to the next.
#[derive(Clone, Copy)]
pub(super) struct Window {
    pub(super) kernel: usize,
    pub(super) stride: usize,
}

impl Window {
    /// Outputs over `cols` samples.
    pub(super) fn outputs(self, cols: usize) -> usize {
        (cols + 2 * (self.kernel / 2) - self.kernel) / self.stride + 1
    }

    /// The sample that tap `j` of output `t` reads; none in the zeros before the first. It may be past the last.
    pub(super) fn sample(self, t: usize, j: usize) -> Option<usize> {
        (t * self.stride + j).checked_sub(self.kernel / 2)
    }
}
