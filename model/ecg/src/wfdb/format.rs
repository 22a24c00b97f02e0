//! The storage formats of signal files, as signal(5) of the WFDB Applications Guide describes them.
//!
//! | code | a sample is | sign | missing |
//! | --- | --- | --- | --- |
//! | 8 | 8 bits, the difference from the signal's sample before | two's complement | – |
//! | 16, 24, 32 | 2, 3, 4 bytes, low byte first | two's complement | least value |
//! | 61 | 2 bytes, high byte first | two's complement | least value |
//! | 80 | 1 byte | less 128 | −128 |
//! | 160 | 2 bytes, low byte first | less 32768 | −32768 |
//! | 212 | 12 bits, two in 3 bytes: `a7..0`, `b11..8 a11..8`, `b7..0` | two's complement | −2048 |
//! | 310 | 10 bits, three in two 16-bit words `c4..0 a9..0 –`, `c9..5 b9..0 –` | two's complement | −512 |
//! | 311 | 10 bits, three in one 32-bit word `– – c9..0 b9..0 a9..0` | two's complement | −512 |
//!
//! Samples of all signals in a file are interleaved, frame by frame; packing pays no heed to frames.
//! Formats 508, 516 and 524 are FLAC.

/// A signal file's storage format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// 0: nothing stored (layout headers).
    Null,
    /// 8: 8-bit first differences.
    F8,
    /// 16: 16-bit, low byte first.
    F16,
    /// 24: 24-bit, low byte first.
    F24,
    /// 32: 32-bit, low byte first.
    F32,
    /// 61: 16-bit, high byte first.
    F61,
    /// 80: 8-bit offset binary.
    F80,
    /// 160: 16-bit offset binary, low byte first.
    F160,
    /// 212: two 12-bit samples in three bytes.
    F212,
    /// 310: three 10-bit samples in two words.
    F310,
    /// 311: three 10-bit samples in four bytes.
    F311,
    /// 508, 516, 524: 8, 16, 24 bits compressed with FLAC. Read with the feature `flac`.
    Flac(u16),
}

impl Format {
    /// The format with this number, if there is one.
    pub fn from_code(code: u32) -> Option<Self> {
        Some(match code {
            0 => Self::Null,
            8 => Self::F8,
            16 => Self::F16,
            24 => Self::F24,
            32 => Self::F32,
            61 => Self::F61,
            80 => Self::F80,
            160 => Self::F160,
            212 => Self::F212,
            310 => Self::F310,
            311 => Self::F311,
            508 => Self::Flac(508),
            516 => Self::Flac(516),
            524 => Self::Flac(524),
            _ => return None,
        })
    }

    /// The number that headers use.
    pub fn code(self) -> u16 {
        match self {
            Self::Null => 0,
            Self::F8 => 8,
            Self::F16 => 16,
            Self::F24 => 24,
            Self::F32 => 32,
            Self::F61 => 61,
            Self::F80 => 80,
            Self::F160 => 160,
            Self::F212 => 212,
            Self::F310 => 310,
            Self::F311 => 311,
            Self::Flac(code) => code,
        }
    }

    /// The digital value that stands for "no sample here".
    pub fn missing(self) -> Option<i32> {
        match self {
            Self::Null | Self::F8 => None,
            Self::F16 | Self::F61 | Self::F160 | Self::Flac(516) => Some(-(1 << 15)),
            Self::Flac(508) => Some(-128),
            Self::F24 | Self::Flac(_) => Some(-(1 << 23)),
            Self::F32 => Some(i32::MIN),
            Self::F80 => Some(-128),
            Self::F212 => Some(-2048),
            Self::F310 | Self::F311 => Some(-512),
        }
    }

    /// Bytes that `samples` samples take; `None` if that overflows or the format has no fixed size.
    pub fn bytes(self, samples: u64) -> Option<u64> {
        let words = |per: u64, size: u64, rest: [u64; 2]| {
            let tail = match samples % per {
                0 => 0,
                n => rest[n as usize - 1],
            };
            (samples / per).checked_mul(size)?.checked_add(tail)
        };
        match self {
            Self::Null => Some(0),
            Self::F8 | Self::F80 => Some(samples),
            Self::F16 | Self::F61 | Self::F160 => samples.checked_mul(2),
            Self::F24 => samples.checked_mul(3),
            Self::F32 => samples.checked_mul(4),
            Self::F212 => words(2, 3, [2, 2]),
            Self::F310 => words(3, 4, [2, 4]),
            Self::F311 => words(3, 4, [2, 3]),
            Self::Flac(_) => None,
        }
    }

    /// Samples that `bytes` bytes hold whole.
    pub fn samples_in(self, bytes: u64) -> Option<u64> {
        let packed = |size: u64, per: u64| {
            let whole = bytes / size * per;
            // The last word may be cut after the samples that it holds.
            (whole..whole + per).rev().find(|&n| self.bytes(n).is_some_and(|need| need <= bytes))
        };
        match self {
            Self::Null | Self::Flac(_) => None,
            Self::F8 | Self::F80 => Some(bytes),
            Self::F16 | Self::F61 | Self::F160 => Some(bytes / 2),
            Self::F24 => Some(bytes / 3),
            Self::F32 => Some(bytes / 4),
            Self::F212 => packed(3, 2),
            Self::F310 | Self::F311 => packed(4, 3),
        }
    }

    /// Decodes the first `count` samples of `bytes` in stored order.
    ///
    /// For format 8 these are the differences; the reader sums them signal by signal.
    /// `bytes` must hold `self.bytes(count)` bytes; samples past its end come out as 0.
    pub(crate) fn decode(self, bytes: &[u8], count: usize, mut sink: impl FnMut(i32)) {
        let at = |i: usize| i32::from(bytes.get(i).copied().unwrap_or(0));
        let word = |i: usize| at(i) | at(i + 1) << 8;
        for i in 0..count {
            sink(match self {
                Self::Null | Self::Flac(_) => 0,
                Self::F8 => sign(at(i), 8),
                Self::F80 => at(i) - 128,
                Self::F16 => sign(word(2 * i), 16),
                Self::F61 => sign(at(2 * i) << 8 | at(2 * i + 1), 16),
                Self::F160 => word(2 * i) - (1 << 15),
                Self::F24 => sign(word(3 * i) | at(3 * i + 2) << 16, 24),
                Self::F32 => word(4 * i) | word(4 * i + 2) << 16,
                Self::F212 => {
                    let triple = i / 2 * 3;
                    let middle = at(triple + 1);
                    if i % 2 == 0 {
                        sign(at(triple) | (middle & 0x0f) << 8, 12)
                    } else {
                        sign(at(triple + 2) | (middle & 0xf0) << 4, 12)
                    }
                }
                Self::F310 => {
                    let quad = i / 3 * 4;
                    let (low, high) = (word(quad), word(quad + 2));
                    match i % 3 {
                        0 => sign(low >> 1, 10),
                        1 => sign(high >> 1, 10),
                        _ => sign(low >> 11 | high >> 11 << 5, 10),
                    }
                }
                Self::F311 => {
                    let quad = i / 3 * 4;
                    let all = word(quad) | word(quad + 2) << 16;
                    sign(all >> (10 * (i % 3)), 10)
                }
            });
        }
    }

    /// Encodes samples in stored order, or `None` for a format that is not written (all but 16, 32 and 212).
    ///
    /// Values out of the format's range are clamped to it, so as never to wrap around.
    pub(crate) fn encode(self, samples: &[i32]) -> Option<Vec<u8>> {
        match self {
            Self::F16 => Some(
                samples
                    .iter()
                    .flat_map(|&v| (v.clamp(i32::from(i16::MIN), i32::from(i16::MAX)) as i16).to_le_bytes())
                    .collect(),
            ),
            Self::F32 => Some(samples.iter().flat_map(|v| v.to_le_bytes()).collect()),
            Self::F212 => {
                let mut out = Vec::with_capacity(samples.len().div_ceil(2) * 3);
                for pair in samples.chunks(2) {
                    let bits = |i: usize| pair.get(i).map(|v| v.clamp(&-2048, &2047) & 0xfff);
                    let (a, b) = (bits(0).unwrap_or(0), bits(1));
                    out.push(a as u8);
                    out.push((a >> 8 | b.unwrap_or(0) >> 8 << 4) as u8);
                    if let Some(b) = b {
                        out.push(b as u8);
                    }
                }
                Some(out)
            }
            _ => None,
        }
    }

    /// Range of the digital values that the writer may store, the missing value apart.
    pub(crate) fn range(self) -> Option<(i32, i32)> {
        match self {
            Self::F16 => Some((-32767, 32767)),
            Self::F212 => Some((-2047, 2047)),
            Self::F32 => Some((-i32::MAX, i32::MAX)),
            _ => None,
        }
    }
}

/// The low `bits` bits of `value`, sign extended.
pub(super) fn sign(value: i32, bits: u32) -> i32 {
    value << (32 - bits) >> (32 - bits)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(code: u32, bytes: &[u8], count: usize) -> Vec<i32> {
        let format = Format::from_code(code).expect("a known format");
        assert_eq!(format.bytes(count as u64), Some(bytes.len() as u64), "size of format {code}");
        assert_eq!(format.samples_in(bytes.len() as u64), Some(count as u64));
        assert_eq!(u32::from(format.code()), code);
        let mut out = Vec::new();
        format.decode(bytes, count, |v| out.push(v));
        out
    }

    #[test]
    fn whole_byte_formats() {
        assert_eq!(decoded(8, &[1, 0xff, 0x80, 0x7f], 4), [1, -1, -128, 127]);
        assert_eq!(decoded(16, &[1, 0, 0xff, 0xff, 0, 0x80, 0xff, 0x7f], 4), [1, -1, -32768, 32767]);
        assert_eq!(decoded(61, &[0, 1, 0xff, 0xff, 0x80, 0, 0x12, 0x34], 4), [1, -1, -32768, 0x1234]);
        assert_eq!(decoded(80, &[0, 128, 255], 3), [-128, 0, 127]);
        assert_eq!(decoded(160, &[0, 0, 0, 0x80, 0xff, 0xff], 3), [-32768, 0, 32767]);
        assert_eq!(decoded(24, &[1, 2, 3, 0xfe, 0xff, 0xff, 0, 0, 0x80], 3), [0x030201, -2, -(1 << 23)]);
        assert_eq!(decoded(32, &[1, 2, 3, 4, 0, 0, 0, 0x80], 2), [0x04030201, i32::MIN]);
    }

    #[test]
    fn format_212_by_hand() {
        // 0x123 and 0xabc (= -1348), then 0x7ff alone: the odd last sample takes two bytes.
        assert_eq!(decoded(212, &[0x23, 0xa1, 0xbc, 0xff, 0x07], 3), [0x123, 0xabc - 4096, 2047]);
    }

    #[test]
    fn format_310_by_hand() {
        // a = 5, b = -3 (0x3fd), c = 0b10_0110_1011 (0x26b, -405): low word c4..0 a9..0 0, high word c9..5 b9..0 0.
        let low = 0b01011_u16 << 11 | 5 << 1;
        let high = 0b10011_u16 << 11 | 0x3fd << 1;
        let mut bytes = [low.to_le_bytes(), high.to_le_bytes()].concat();
        assert_eq!(decoded(310, &bytes, 3), [5, -3, 0x26b - 1024]);
        bytes.extend((511_u16 << 1).to_le_bytes());
        assert_eq!(decoded(310, &bytes, 4), [5, -3, 0x26b - 1024, 511]);
    }

    #[test]
    fn format_311_by_hand() {
        let all = 5_u32 | 0x3fd << 10 | 0x26b << 20;
        let mut bytes = all.to_le_bytes().to_vec();
        assert_eq!(decoded(311, &bytes, 3), [5, -3, 0x26b - 1024]);
        // Two more samples need 20 bits: three bytes.
        bytes.extend([0x00, 0x02 | 7 << 2, 0]);
        assert_eq!(decoded(311, &bytes, 5), [5, -3, 0x26b - 1024, -512, 7]);
    }

    #[test]
    fn written_formats_come_back() {
        let samples = [0, 1, -1, 2047, -2048, 77, -1000];
        for format in [Format::F16, Format::F32, Format::F212] {
            let bytes = format.encode(&samples).expect("a written format");
            assert_eq!(format.bytes(7), Some(bytes.len() as u64));
            let mut back = Vec::new();
            format.decode(&bytes, 7, |v| back.push(v));
            assert_eq!(back, samples);
        }
    }

    #[test]
    fn absurd_sizes_do_not_overflow() {
        assert_eq!(Format::F32.bytes(1 << 62), None);
        assert_eq!(Format::F212.bytes(u64::MAX), None);
        assert_eq!(Format::F310.bytes(u64::MAX - 1), None);
    }
}
