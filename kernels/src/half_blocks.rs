//! Weights in f16 that products take where they lie: in a file that is mapped into memory, say.

use crate::half;
use crate::tensor::BLOCK;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

/// Bytes that have several owners.
pub type SharedBytes = Arc<dyn AsRef<[u8]> + Send + Sync>;

/// Weights `[outputs, inputs]` in f16, little-endian, in blocks of rows: `[outputs / BLOCK, inputs, BLOCK]`, zeros past the last
/// row. It is the order in which the products of every instruction set read them.
#[derive(Clone)]
pub struct HalfBlocks {
    bytes: SharedBytes,
    range: Range<usize>,
    outputs: usize,
    inputs: usize,
}

impl HalfBlocks {
    /// How many f16 there are, zeros included; the largest number where that overflows.
    pub fn cells(outputs: usize, inputs: usize) -> usize {
        outputs.checked_next_multiple_of(BLOCK).unwrap_or(usize::MAX).saturating_mul(inputs)
    }

    /// Rows of f16 in blocks, as the bytes that [`HalfBlocks::new`] takes.
    pub fn bytes_of(rows: &[Vec<u16>]) -> Vec<u8> {
        let inputs = rows.first().map_or(0, Vec::len);
        let mut bytes = Vec::with_capacity(2 * HalfBlocks::cells(rows.len(), inputs));
        for block in rows.chunks(BLOCK) {
            for k in 0..inputs {
                let column = block.iter().map(|row| row[k]).chain(std::iter::repeat(0)).take(BLOCK);
                bytes.extend(column.flat_map(u16::to_le_bytes));
            }
        }
        bytes
    }

    /// Takes the bytes from `first` on; none where there are too few of them.
    pub fn new(bytes: SharedBytes, first: usize, outputs: usize, inputs: usize) -> Option<HalfBlocks> {
        let end = HalfBlocks::cells(outputs, inputs).checked_mul(2)?.checked_add(first)?;
        let fits = end <= bytes.as_ref().as_ref().len();
        fits.then_some(HalfBlocks { bytes, range: first..end, outputs, inputs })
    }

    /// How many weights there are.
    pub fn len(&self) -> usize {
        self.outputs * self.inputs
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All numbers in their order, zeros included.
    pub fn halves(&self) -> impl Iterator<Item = u16> + Clone {
        self.words().iter().map(|word| u16::from_le_bytes(*word))
    }

    /// The weight of an output and an input, in f16.
    pub fn at(&self, output: usize, input: usize) -> u16 {
        u16::from_le_bytes(self.words()[(output / BLOCK * self.inputs + input) * BLOCK + output % BLOCK])
    }

    /// Where the first number is that is not finite, or is not zero though it is past the last row: its output and its input.
    pub fn first_odd(&self) -> Option<(usize, usize)> {
        let infinite = |half: u16| half & 0x7c00 == 0x7c00;
        let (words, block) = (self.words(), (BLOCK * self.inputs).max(1));
        // Four at a time: 1 more than an exponent of ones is carried into the sign's place.
        let (fours, last) = self.slice().as_chunks::<8>();
        let carried = |four: u64| (four & 0x7c00_7c00_7c00_7c00) + 0x0400_0400_0400_0400;
        let any = fours.iter().fold(0, |any, four| any | carried(u64::from_le_bytes(*four)));
        let any = any & 0x8000_8000_8000_8000 != 0 || !last.is_empty();
        let rest = words.chunks(block).next_back().filter(|_| !self.outputs.is_multiple_of(BLOCK));
        let filled = rest.is_some_and(|last| {
            last.chunks(BLOCK).any(|column| column[self.outputs % BLOCK..].iter().any(|word| *word != [0; 2]))
        });
        let odd = |(i, word): (usize, &[u8; 2])| {
            let (output, half) = (i / block * BLOCK + i % BLOCK, u16::from_le_bytes(*word));
            (infinite(half) || output >= self.outputs && half != 0).then_some((output, i % block / BLOCK))
        };
        (any || filled).then(|| words.iter().enumerate().find_map(odd)).flatten()
    }

    /// Row by row in f64.
    pub fn exact(&self) -> Vec<f64> {
        let row = |output: usize| (0..self.inputs).map(move |input| (output, input));
        (0..self.outputs).flat_map(row).map(|(o, i)| f64::from(half::to_f32(self.at(o, i)))).collect()
    }

    /// Two numbers a cell, the first in its low half, where they lie; none where they do not lie as this processor reads them.
    pub(crate) fn in_place(&self) -> Option<&[f32]> {
        // SAFETY: every pattern of bits is an f32.
        let (before, cells, after) = unsafe { self.slice().align_to::<f32>() };
        (cfg!(target_endian = "little") && before.is_empty() && after.is_empty()).then_some(cells)
    }

    fn slice(&self) -> &[u8] {
        &self.bytes.as_ref().as_ref()[self.range.clone()]
    }

    fn words(&self) -> &[[u8; 2]] {
        self.slice().as_chunks().0
    }
}

impl PartialEq for HalfBlocks {
    fn eq(&self, other: &HalfBlocks) -> bool {
        (self.outputs, self.inputs, self.slice()) == (other.outputs, other.inputs, other.slice())
    }
}

impl fmt::Debug for HalfBlocks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HalfBlocks([{}, {}])", self.outputs, self.inputs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn blocks(outputs: usize, inputs: usize) -> (Vec<Vec<u16>>, Vec<u8>) {
        let half = |o: usize, i: usize| half::from_f64((1 + o * inputs + i) as f64 / 64.0);
        let rows: Vec<Vec<u16>> = (0..outputs).map(|o| (0..inputs).map(|i| half(o, i)).collect()).collect();
        let bytes = HalfBlocks::bytes_of(&rows);
        (rows, bytes)
    }

    #[test]
    fn weights_come_back_as_they_were_put_into_blocks() {
        for (outputs, inputs) in [(1, 1), (16, 3), (17, 9), (40, 24), (48, 1), (0, 0)] {
            let (rows, bytes) = blocks(outputs, inputs);
            let len = bytes.len();
            assert_eq!(len, 2 * HalfBlocks::cells(outputs, inputs));
            let shared: SharedBytes = Arc::new([vec![9; 64], bytes].concat());
            let taken = HalfBlocks::new(Arc::clone(&shared), 64, outputs, inputs).expect("enough bytes");
            assert_eq!((taken.len(), taken.is_empty()), (outputs * inputs, outputs == 0));
            let want: Vec<f64> = rows.iter().flatten().map(|h| f64::from(half::to_f32(*h))).collect();
            assert_eq!((taken.exact(), taken.first_odd()), (want, None));
            assert!(HalfBlocks::new(shared, 65, outputs, inputs).is_none() || len == 0);
        }
        assert!(HalfBlocks::new(Arc::new([0; 8]), 0, usize::MAX, 2).is_none());
        assert!(HalfBlocks::new(Arc::new([0; 8]), usize::MAX, 1, 1).is_none());
    }

    #[test]
    fn what_no_weight_can_be_is_found() {
        let (_, bytes) = blocks(17, 3);
        let at = |output: usize, input: usize| 2 * ((output / 16 * 3 + input) * 16 + output % 16);
        for (output, input, half) in
            [(0, 0, 0x7c00u16), (16, 2, 0xfc00), (5, 1, 0x7e01), (17, 0, 1), (31, 2, 0x8000)]
        {
            let mut bytes = bytes.clone();
            bytes[at(output, input)..][..2].copy_from_slice(&half.to_le_bytes());
            let taken = HalfBlocks::new(Arc::new(bytes), 0, 17, 3).expect("enough bytes");
            assert_eq!(taken.first_odd(), Some((output, input)));
        }
    }

    #[test]
    fn only_aligned_bytes_are_taken_in_place() {
        let (_, bytes) = blocks(16, 2);
        let mut aligned = vec![0u64; 16];
        // SAFETY: bytes of numbers.
        let (_, memory, _) = unsafe { aligned.align_to_mut::<u8>() };
        memory[4..68].copy_from_slice(&bytes);
        memory[70..].copy_from_slice(&bytes[..58]);
        struct Words(Vec<u64>);
        impl AsRef<[u8]> for Words {
            fn as_ref(&self) -> &[u8] {
                // SAFETY: as above.
                unsafe { self.0.align_to().1 }
            }
        }
        let shared: SharedBytes = Arc::new(Words(aligned));
        let [even, odd] = [4, 6].map(|at| HalfBlocks::new(Arc::clone(&shared), at, 16, 2).expect("enough"));
        assert!(odd.in_place().is_none());
        let cells = even.in_place().expect("aligned, on a little-endian processor");
        assert_eq!(cells.len(), 16);
        assert_eq!(cells[0].to_bits() as u16, even.at(0, 0));
        assert_eq!((cells[0].to_bits() >> 16) as u16, even.at(1, 0));
    }
}
