//! Every constant of the schedule: how work is cut, in what order it is done, and what is prefetched.
//!
//! None of them changes a result. They were chosen by interleaved runs of `cargo bench -p efficientecg-benches` on two kinds of
//! server, AMD EPYC (Zen 4: 1 MB of second-level cache a core) and Intel Xeon (Granite Rapids: 2 MB); `benches/README.md` has what
//! the choices are worth. Shapes alone decide, never the number of threads that are there.

/// Columns of time that are taken through all that a kernel does to them before the next: what they take stays in the
/// first-level cache. A multiple of the columns of every micro-kernel.
pub(crate) const STRIP: usize = 96;

/// The most blocks of rows of a micro-kernel at any level.
pub(crate) const MAX_BLOCKS: usize = 3;

/// Columns up to which a product waits for its weights: wide register tiles of two blocks load them less often than
/// tall ones.
pub(crate) const FEW_COLUMNS: usize = 48;

/// Steps that weights are prefetched for the first-level cache before they are multiplied, where that pays (Intel).
pub(crate) const NEAR: usize = 8;

/// Tasks of a call that keep two to eight threads evenly busy.
pub(crate) const TASKS: usize = 8;

/// Of a pointwise convolution: gated activations, in floats, that leave room in a second-level cache for what they were made
/// from and for weights.
pub(crate) const GATED_ACTIVATIONS: usize = 50_000;

/// Of a pointwise convolution: activations of a section of a record, in floats. What is read for each group of blocks
/// should still be in a cache for the next.
pub(crate) const SECTION: usize = 1 << 18;

/// Of a pointwise convolution: columns that a time chunk of a section has at least, and the most time chunks of a
/// section.
pub(crate) const LEAST_CHUNK: usize = 24;
/// See [`LEAST_CHUNK`].
pub(crate) const MOST_CHUNKS: usize = 6;

/// Of a depthwise convolution: outputs in flight, enough to hide the latency of the multiply-adds of one of them.
pub(crate) const DEPTHWISE_FLIGHT: usize = 4;

/// Of cross-attention: the most queries that share a pass over the columns.
pub(crate) const QUERIES: usize = 8;

/// Of cross-attention: blocks of channels whose share of the queries stays in a first-level cache.
pub(crate) const QUERY_BLOCKS: usize = 40;

/// Of a matrix-vector product: rows that are added at a time.
pub(crate) const GEMV_ROWS: usize = 4;

/// Whether so many tasks keep some threads evenly busy: five or seven leave one of two threads waiting.
pub(crate) fn is_even(tasks: usize) -> bool {
    tasks >= TASKS || tasks == 4 || tasks == 6
}
