//! Band-passes without delay: Butterworth filters, run forwards and backwards.

use super::wide::wide;
use std::f64::consts::{FRAC_1_SQRT_2, TAU};

/// Stretches of a signal that are filtered side by side: each sample of a recurrence waits for the one before, so one stretch alone
/// leaves a processor idle.
const SIDES: usize = 4;

/// Samples of a stretch that are filtered before those of the next.
const PART: usize = 128;

/// The same place of each stretch.
type Row = [f32; SIDES];

/// The same, as it is computed with.
#[derive(Debug, Clone, Copy)]
#[repr(align(32))]
struct Wide([f64; SIDES]);

impl Wide {
    const ZERO: Wide = Wide([0.0; SIDES]);

    #[inline(always)]
    fn of(row: Row) -> Wide {
        Wide(row.map(f64::from))
    }

    #[inline(always)]
    fn row(self) -> Row {
        self.0.map(|v| v as f32)
    }

    #[inline(always)]
    fn plus(mut self, other: Wide) -> Wide {
        for side in 0..SIDES {
            self.0[side] += other.0[side];
        }
        self
    }

    #[inline(always)]
    fn minus(mut self, other: Wide) -> Wide {
        for side in 0..SIDES {
            self.0[side] -= other.0[side];
        }
        self
    }

    #[inline(always)]
    fn times(mut self, factor: f64) -> Wide {
        for side in 0..SIDES {
            self.0[side] *= factor;
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
struct Running {
    filter: BandPass,
    high: [Wide; 2],
    low: [Wide; 2],
}

impl Running {
    /// The next result for what the zeros give, but for the gain.
    #[inline(always)]
    fn next(&mut self, zeros: Wide) -> Wide {
        // Only one product and one difference wait for the result before.
        #[inline(always)]
        fn poles(a: [f64; 2], last: &mut [Wide; 2], x: Wide) -> Wide {
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

/// The last four samples, the last first.
type Before = [Wide; 4];

wide! {
    /// Filters a block for each band, or one for all of them.
    fn filter_block<const M: usize, const N: usize>(running: &mut ([Before; M], [Running; N]), blocks: &[Block; M], backwards: bool, out: &mut [Block; N]) {
        // Of its own, what came last stays in registers.
        let (mut before, mut bands) = *running;
        for k in 0..PART {
            let at = if backwards { PART - 1 - k } else { k };
            let mut zeros = [Wide::ZERO; M];
            for m in 0..M {
                let x = Wide::of(blocks[m][at]);
                let [a, b, c, d] = before[m];
                zeros[m] = x.plus(d).minus(b.plus(b));
                before[m] = [x, a, b, c];
            }
            for band in 0..N {
                out[band][at] = bands[band].next(zeros[band % M]).row();
            }
        }
        *running = (before, bands);
    }
}

/// Rows of columns. The compiler makes gathers of it where it is not told.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn transposed(rows: [Row; SIDES]) -> [Row; SIDES] {
    use std::arch::x86_64::{__m128, _mm_movehl_ps, _mm_movelh_ps, _mm_unpackhi_ps, _mm_unpacklo_ps};
    use std::mem::transmute;
    // SAFETY: every such processor has SSE; rows and vectors of four f32 are the same bits.
    unsafe {
        let [a, b, c, d] = transmute::<[Row; SIDES], [__m128; SIDES]>(rows);
        let (low, high) = (_mm_unpacklo_ps(a, b), _mm_unpackhi_ps(a, b));
        let (next_low, next_high) = (_mm_unpacklo_ps(c, d), _mm_unpackhi_ps(c, d));
        transmute::<[__m128; SIDES], [Row; SIDES]>([
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
fn transposed(rows: [Row; SIDES]) -> [Row; SIDES] {
    let [a, b, c, d] = rows;
    [0, 1, 2, 3].map(|i| [a[i], b[i], c[i], d[i]])
}

/// Rows of what stretches have.
fn interleave(stretches: [&[f32; PART]; SIDES], rows: &mut Block) {
    let stretches = stretches.map(|stretch| stretch.as_chunks::<SIDES>().0);
    for (i, rows) in rows.as_chunks_mut::<SIDES>().0.iter_mut().enumerate() {
        *rows = transposed(stretches.map(|stretch| stretch[i]));
    }
}

/// What stretches have of rows.
fn separate(rows: &Block, stretches: &mut [[f32; PART]; SIDES]) {
    for (i, rows) in rows.as_chunks::<SIDES>().0.iter().enumerate() {
        for (stretch, part) in stretches.iter_mut().zip(transposed(*rows)) {
            stretch[i * SIDES..][..SIDES].copy_from_slice(&part);
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

    /// One pass of the filters over each band, or over what all are of, which begins with `rest`. Each stretch begins `settle` samples early.
    /// Backwards, places count from the end.
    fn pass<const M: usize, const N: usize>(
        &mut self,
        filters: [BandPass; N],
        settle: usize,
        (of, rest): (Option<&Mirrored<'_>>, f32),
    ) {
        let backwards = of.is_none();
        let stride = self.stride;
        let side = stride.div_ceil(SIDES);
        let early = settle.next_multiple_of(PART);
        let zero = [Wide::ZERO; 2];
        let bands = filters.map(|filter| Running { filter, high: zero, low: zero });
        let mut running = ([[Wide::of([rest; SIDES]); 4]; M], bands);
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
            filter_block(&mut running, &blocks, backwards, &mut out);
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
        // What came before a stretch is gone from its results: of it e^-40 is left, less than rounding.
        let settle = ((9.0 * sample_rate / lowest) as usize).min(stride + pad);
        let of = Mirrored { samples, pad };
        // A high-pass takes any offset away, but would ring at its onset.
        let rest = of.at(-(pad as i64));
        made.pass::<1, N>(filters, settle, (Some(&of), rest));
        made.pass::<N, N>(filters, settle, (None, 0.0));
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
