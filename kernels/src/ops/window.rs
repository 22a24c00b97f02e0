//! Where a convolution's outputs come from.

/// The taps of a convolution and the samples from one output to the next.
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
}
