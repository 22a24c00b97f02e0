//! Band-passes without delay: Butterworth filters, run forwards and backwards.

use super::wide::{has_avx512, wide};
use std::f64::consts::{FRAC_1_SQRT_2, TAU};

/// Stretches of a signal that are filtered side by side: each sample of a recurrence waits for the one before, so one stretch alone
/// leaves a processor idle.
const SIDES: usize = 8;

/// Sides of a square that is transposed in registers.
const SQUARE: usize = 4;

/// Samples of a stretch that are filtered before those of the next.
const PART: usize = 128;

/// The same place of each stretch.
type Row = [f32; SIDES];

/// Some neighbours of a row, as they are computed with.
#[derive(Debug, Clone, Copy)]
#[repr(align(32))]
struct Lanes<const W: usize>([f64; W]);

impl<const W: usize> Lanes<W> {
    const ZERO: Lanes<W> = Lanes([0.0; W]);

    #[inline(always)]
    fn plus(mut self, other: Lanes<W>) -> Lanes<W> {
        for l in 0..W {
            self.0[l] += other.0[l];
        }
        self
    }

    #[inline(always)]
    fn minus(mut self, other: Lanes<W>) -> Lanes<W> {
        for l in 0..W {
            self.0[l] -= other.0[l];
        }
        self
    }

    #[inline(always)]
    fn times(mut self, factor: f64) -> Lanes<W> {
        for l in 0..W {
            self.0[l] *= factor;
        }
        self
    }
}

/// A band-pass of a second-order Butterworth high-pass and low-pass, by the bilinear transform. Their zeros together are
/// `gain (1 - z^-2)^2`, their poles of `1 + a[0] z^-1 + a[1] z^-2`.
#[derive(Debug, Clone, Copy)]
struct BandPass {
    gain: f64,
    high: [f64; 2],
    low: [f64; 2],
}

impl BandPass {
    /// Corners in Hz.
    fn new((from, to): (f64, f64), sample_rate: f64) -> BandPass {
        let section = |corner: f64, high: bool| {
            let (sin, cos) = (TAU * corner / sample_rate).sin_cos();
            let alpha = sin * FRAC_1_SQRT_2;
            let a0 = 1.0 + alpha;
            let side = if high { 1.0 + cos } else { 1.0 - cos };
            (side / 2.0 / a0, [-2.0 * cos / a0, (1.0 - alpha) / a0])
        };
        let ((high_gain, high), (low_gain, low)) = (section(from, true), section(to, false));
        BandPass { gain: high_gain * low_gain, high, low }
    }
}

/// The poles of a band-pass on their way: of each section the last two results, the last first.
#[derive(Debug, Clone, Copy)]
struct Running<const W: usize> {
    filter: BandPass,
    high: [Lanes<W>; 2],
    low: [Lanes<W>; 2],
}

impl<const W: usize> Running<W> {
    /// The next result for what the zeros give, but for the gain.
    #[inline(always)]
    fn next(&mut self, zeros: Lanes<W>) -> Lanes<W> {
        // Only one product and one difference wait for the result before.
        #[inline(always)]
        fn poles<const W: usize>(a: [f64; 2], last: &mut [Lanes<W>; 2], x: Lanes<W>) -> Lanes<W> {
            let y = x.minus(last[1].times(a[1])).minus(last[0].times(a[0]));
            *last = [y, last[0]];
            y
        }
        let high = poles(self.filter.high, &mut self.high, zeros.times(self.filter.gain));
        poles(self.filter.low, &mut self.low, high)
    }
}

/// Rows in the order of time.
type Block = [Row; PART];

/// The last four samples of each signal, the last first, and the filters.
type State<const M: usize, const N: usize, const W: usize> = ([[Lanes<W>; 4]; M], [Running<W>; N]);

wide! {
    /// Filters the sides from `first` on of a block for each band, or of one for all of them.
    fn filter_block<const M: usize, const N: usize, const W: usize>(state: &mut State<M, N, W>, first: usize, blocks: &[Block; M], backwards: bool, out: &mut [Block; N]) {
        // Of its own, what came last stays in registers.
        let (mut before, mut bands) = *state;
        for k in 0..PART {
            let at = if backwards { PART - 1 - k } else { k };
            let mut zeros = [Lanes::ZERO; M];
            for m in 0..M {
                let mut x = Lanes::<W>::ZERO;
                for (to, v) in x.0.iter_mut().zip(&blocks[m][at][first..][..W]) {
                    *to = f64::from(*v);
                }
                let [a, b, c, d] = before[m];
                zeros[m] = x.plus(d).minus(b.plus(b));
                before[m] = [x, a, b, c];
            }
            for band in 0..N {
                let results = bands[band].next(zeros[band % M]);
                for (to, v) in out[band][at][first..][..W].iter_mut().zip(results.0) {
                    *to = v as f32;
                }
            }
        }
        *state = (before, bands);
    }
}

/// Rows of columns. The compiler makes gathers of it where it is not told.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn transposed(rows: [[f32; SQUARE]; SQUARE]) -> [[f32; SQUARE]; SQUARE] {
    use std::arch::x86_64::{__m128, _mm_movehl_ps, _mm_movelh_ps, _mm_unpackhi_ps, _mm_unpacklo_ps};
    use std::mem::transmute;
    // SAFETY: every such processor has SSE; rows and vectors of four f32 are the same bits.
    unsafe {
        let [a, b, c, d] = transmute::<[[f32; SQUARE]; SQUARE], [__m128; SQUARE]>(rows);
        let (low, high) = (_mm_unpacklo_ps(a, b), _mm_unpackhi_ps(a, b));
        let (next_low, next_high) = (_mm_unpacklo_ps(c, d), _mm_unpackhi_ps(c, d));
        transmute::<[__m128; SQUARE], [[f32; SQUARE]; SQUARE]>([
            _mm_movelh_ps(low, next_low),
            _mm_movehl_ps(next_low, low),
            _mm_movelh_ps(high, next_high),
            _mm_movehl_ps(next_high, high),
        ])
    }
}

/// Rows of columns.
#[cfg(not(target_arch = "x86_64"))]
#[inline(always)]
fn transposed(rows: [[f32; SQUARE]; SQUARE]) -> [[f32; SQUARE]; SQUARE] {
    let [a, b, c, d] = rows;
    [0, 1, 2, 3].map(|i| [a[i], b[i], c[i], d[i]])
}

/// Rows of what stretches have.
fn interleave(stretches: [&[f32; PART]; SIDES], rows: &mut Block) {
    let stretches = stretches.map(|stretch| stretch.as_chunks::<SQUARE>().0);
    for (i, rows) in rows.as_chunks_mut::<SQUARE>().0.iter_mut().enumerate() {
        for (k, sides) in stretches.as_chunks::<SQUARE>().0.iter().enumerate() {
            for (row, part) in rows.iter_mut().zip(transposed(sides.map(|side| side[i]))) {
                row.as_chunks_mut::<SQUARE>().0[k] = part;
            }
        }
    }
}

/// What stretches have of rows.
fn separate(rows: &Block, stretches: &mut [[f32; PART]; SIDES]) {
    for (i, rows) in rows.as_chunks::<SQUARE>().0.iter().enumerate() {
        for (k, sides) in stretches.as_chunks_mut::<SQUARE>().0.iter_mut().enumerate() {
            for (side, part) in
                sides.iter_mut().zip(transposed(rows.map(|row| row.as_chunks::<SQUARE>().0[k])))
            {
                side.as_chunks_mut::<SQUARE>().0[i] = part;
            }
        }
    }
}

/// A signal that goes on beyond its ends, mirrored through its end points: it goes on smoothly while filters settle. Beyond that it rests.
struct Mirrored<'a> {
    samples: &'a [f32],
    /// How far it is mirrored.
    pad: usize,
}

impl Mirrored<'_> {
    fn at(&self, i: i64) -> f32 {
        let (n, pad) = (self.samples.len() as i64, self.pad as i64);
        let i = i.clamp(-pad, n - 1 + pad);
        let [first, last, there] = [0, n - 1, if i < n { i.abs() } else { 2 * (n - 1) - i }]
            .map(|i| f64::from(self.samples[i as usize]));
        match i {
            _ if i < 0 => (2.0 * first - there) as f32,
            _ if i < n => there as f32,
            _ => (2.0 * last - there) as f32,
        }
    }
}

/// A signal of each band, one after another.
pub(crate) struct Bands {
    values: Vec<f32>,
    /// From a band to the next.
    stride: usize,
    length: usize,
}

impl Bands {
    /// The signal of a band.
    pub(crate) fn band(&self, band: usize) -> &[f32] {
        &self.values[band * self.stride..][..self.length]
    }

    /// One pass of the filters: forwards over the signal that all bands are of, which begins with `rest`, or backwards over each band, where
    /// places count from the end. Each stretch begins `settle` samples early. There are `M` signals to filter, `N` bands, and `W` sides are
    /// filtered at a time.
    fn pass<const M: usize, const N: usize, const W: usize>(
        &mut self,
        filters: [BandPass; N],
        settle: usize,
        (of, rest): (Option<&Mirrored<'_>>, f32),
    ) {
        let backwards = of.is_none();
        let stride = self.stride;
        let side = stride.div_ceil(SIDES);
        let early = settle.next_multiple_of(PART);
        let zero = [Lanes::ZERO; 2];
        let bands = filters.map(|filter| Running { filter, high: zero, low: zero });
        let mut states = [([[Lanes([f64::from(rest); W]); 4]; M], bands); SIDES];
        let (mut blocks, mut out) = ([[[0.0; SIDES]; PART]; M], [[[0.0; SIDES]; PART]; N]);
        let [mut beside, mut results] = [[[0.0; PART]; SIDES]; 2];
        for at in (0..early + side).step_by(PART) {
            for (plane, block) in blocks.iter_mut().enumerate() {
                let signal = of.map_or_else(|| &self.values[plane * stride..][..stride], |of| of.samples);
                let mut s = 0;
                let stretches = beside.each_mut().map(|beside| {
                    let from = (s * side + at) as i64 - early as i64;
                    let from = if backwards { stride as i64 - PART as i64 - from } else { from };
                    s += 1;
                    let inside =
                        usize::try_from(from).ok().and_then(|from| signal.get(from..)?.first_chunk());
                    inside.unwrap_or_else(|| {
                        for (to, i) in beside.iter_mut().zip(from..) {
                            let inside = || usize::try_from(i).ok().and_then(|i| signal.get(i)).copied();
                            *to = of.map_or_else(|| inside().unwrap_or(rest), |of| of.at(i));
                        }
                        beside
                    })
                });
                interleave(stretches, block);
            }
            for (first, state) in (0..SIDES).step_by(W).zip(&mut states) {
                filter_block(state, first, &blocks, backwards, &mut out);
            }
            // All stretches have begun before any result is put where another would read.
            let Some(done) = at.checked_sub(early) else { continue };
            for (out, values) in out.iter().zip(self.values.chunks_exact_mut(stride)) {
                separate(out, &mut results);
                for (s, results) in results.iter().enumerate() {
                    let from = (s * side + done).min(stride);
                    let count = PART.min(side - done).min(stride - from);
                    let (to, results) = if backwards {
                        (stride - from - count, &results[PART - count..])
                    } else {
                        (from, &results[..count])
                    };
                    values[to..][..count].copy_from_slice(results);
                }
            }
        }
    }
}

/// Band-passes from the first to the second of each pair, in Hz, without delay: second-order Butterworth high-pass and low-pass,
/// forwards and backwards, so that each corner is at −6 dB. `samples` must be finite; the corners below half of `sample_rate`.
pub(crate) fn band_passes<const N: usize>(
    samples: &[f32],
    sample_rate: f64,
    bands: [(f64, f64); N],
) -> Bands {
    let length = samples.len();
    let lowest = bands.iter().fold(f64::INFINITY, |lowest, band| band.0.min(lowest));
    let pad = ((3.0 * sample_rate / lowest) as usize).min(length.saturating_sub(1));
    let stride = length + pad;
    let mut made = Bands { values: vec![0.0; N * stride], stride, length };
    if length > 0 {
        let filters = bands.map(|band| BandPass::new(band, sample_rate));
        // What came before a stretch is gone from its results: of it e^-24 is left, less than rounding.
        let settle = ((5.5 * sample_rate / lowest) as usize).min(stride + pad);
        let of = Mirrored { samples, pad };
        // A high-pass takes any offset away, but would ring at its onset.
        let rest = of.at(-(pad as i64));
        // More sides at a time than there is room for in registers would be slower, and give the same bits.
        if has_avx512() {
            made.pass::<1, N, SIDES>(filters, settle, (Some(&of), rest));
            made.pass::<N, N, SIDES>(filters, settle, (None, 0.0));
        } else {
            made.pass::<1, N, { SIDES / 2 }>(filters, settle, (Some(&of), rest));
            made.pass::<N, N, { SIDES / 2 }>(filters, settle, (None, 0.0));
        }
    }
    made
}

/// The same of one band.
pub(crate) fn band_pass(samples: &[f32], sample_rate: f64, low: f64, high: f64) -> Vec<f32> {
    let mut made = band_passes(samples, sample_rate, [(low, high)]);
    made.values.truncate(made.length);
    made.values
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn band_pass_has_the_stated_gains_and_no_delay() {
        let rate = 360.0;
        for (hz, gain, tolerance) in
            [(0.0, 0.0, 1e-9), (8.0, 0.5, 0.03), (12.6, 0.75, 0.05), (20.0, 0.5, 0.03), (100.0, 0.0, 2e-3)]
        {
            let wave = |i: usize| (TAU * hz * i as f64 / rate).cos() as f32;
            let x: Vec<f32> = (0..3600).map(wave).collect();
            let y = band_pass(&x, rate, 8.0, 20.0);
            assert_eq!(y.len(), x.len());
            for i in 1000..2600 {
                let want = gain * f64::from(x[i]);
                assert!((f64::from(y[i]) - want).abs() <= tolerance, "{hz} Hz sample {i}: {} {want}", y[i]);
            }
        }
        assert!(band_pass(&[], rate, 8.0, 20.0).is_empty());
        assert!(band_passes(&[], rate, [(8.0, 20.0); 2]).band(1).is_empty());
        assert_eq!(band_pass(&[3.0], rate, 8.0, 20.0).len(), 1);
    }

    /// The formula, plainly: transposed direct form II over one signal at a time, mirrored at its ends by as much as `lowest` asks for.
    fn plain(samples: &[f32], rate: f64, (low, high): (f64, f64), lowest: f64) -> Vec<f64> {
        let (n, wide) = (samples.len(), samples.iter().map(|v| f64::from(*v)).collect::<Vec<f64>>());
        let pad = ((3.0 * rate / lowest) as usize).min(n - 1);
        let mut x: Vec<f64> = (1..=pad).rev().map(|i| 2.0 * wide[0] - wide[i]).collect();
        x.extend(&wide);
        x.extend((1..=pad).map(|i| 2.0 * wide[n - 1] - wide[n - 1 - i]));
        let offset = x[0];
        x.iter_mut().for_each(|v| *v -= offset);
        for _ in 0..2 {
            for (corner, is_high) in [(low, true), (high, false)] {
                let w = TAU * corner / rate;
                let (cos, alpha) = (w.cos(), w.sin() * FRAC_1_SQRT_2);
                let side = if is_high { 1.0 + cos } else { 1.0 - cos };
                let b =
                    [side / 2.0, if is_high { -side } else { side }, side / 2.0].map(|b| b / (1.0 + alpha));
                let a = [-2.0 * cos, 1.0 - alpha].map(|a| a / (1.0 + alpha));
                let (mut s1, mut s2) = (0.0, 0.0);
                for v in &mut x {
                    let y = b[0] * *v + s1;
                    s1 = b[1] * *v - a[0] * y + s2;
                    s2 = b[2] * *v - a[1] * y;
                    *v = y;
                }
            }
            x.reverse();
        }
        x[pad..pad + n].to_vec()
    }

    #[test]
    fn two_bands_at_once_are_the_formulas() {
        let mut random = crate::random::SplitMix64(2);
        let bands = [(8.0, 20.0), (3.0, 30.0)];
        for (rate, offset) in [(100.0, 0.0), (360.0, 5.0), (1000.0, -2000.0), (100_000.0, 1.0)] {
            for n in [1, 2, 50, 3000, 20_001] {
                let x: Vec<f32> = (0..n).map(|_| (offset + random.normal()) as f32).collect();
                let both = band_passes(&x, rate, bands);
                for (k, band) in bands.into_iter().enumerate() {
                    // Results are f32, those of the way forwards too.
                    let near = |(g, w): (&f32, &f64)| {
                        (f64::from(*g) - w).abs() <= 2e-7 * (1.0 + offset.abs() * 1e-3)
                    };
                    let alone = band_pass(&x, rate, band.0, band.1);
                    for (got, lowest) in [(both.band(k), bands[1].0), (&alone, band.0)] {
                        let want = plain(&x, rate, band, lowest);
                        assert_eq!(got.len(), want.len());
                        assert!(got.iter().zip(&want).all(near), "{n} samples at {rate} Hz");
                    }
                }
            }
        }
    }
}
