//! XXH64, by its specification (Y. Collet, *XXH64 algorithm description*, `xxhash.com`), seed 0.

const PRIMES: [u64; 5] = [
    0x9e37_79b1_85eb_ca87,
    0xc2b2_ae3d_27d4_eb4f,
    0x1656_67b1_9e37_79f9,
    0x85eb_ca77_c2b2_ae63,
    0x27d4_eb2f_1656_67c5,
];

/// Bytes that are taken at a time.
const STRIPE: usize = 32;

/// The hash of bytes that come in parts.
pub(super) struct Xxh64 {
    lanes: [u64; 4],
    /// The last bytes, fewer than a stripe.
    rest: Vec<u8>,
    length: u64,
}

impl Xxh64 {
    pub(super) fn new() -> Xxh64 {
        let [a, b, ..] = PRIMES;
        Xxh64 {
            lanes: [a.wrapping_add(b), b, 0, 0u64.wrapping_sub(a)],
            rest: Vec::with_capacity(STRIPE),
            length: 0,
        }
    }

    /// The hash of these bytes alone.
    pub(super) fn of(bytes: &[u8]) -> u64 {
        let mut hash = Xxh64::new();
        hash.update(bytes);
        hash.finish()
    }

    pub(super) fn update(&mut self, mut bytes: &[u8]) {
        self.length = self.length.wrapping_add(bytes.len() as u64);
        if !self.rest.is_empty() {
            let (head, tail) = bytes.split_at(bytes.len().min(STRIPE - self.rest.len()));
            self.rest.extend_from_slice(head);
            bytes = tail;
            if let Some(stripe) = self.rest.first_chunk() {
                take(&mut self.lanes, stripe);
                self.rest.clear();
            }
        }
        let (stripes, rest) = bytes.as_chunks::<STRIPE>();
        let mut lanes = self.lanes;
        stripes.iter().for_each(|stripe| take(&mut lanes, stripe));
        self.lanes = lanes;
        self.rest.extend_from_slice(rest);
    }

    pub(super) fn finish(self) -> u64 {
        let [p1, p2, p3, p4, p5] = PRIMES;
        let mut hash = if self.length >= STRIPE as u64 {
            let turns = [1, 7, 12, 18];
            let sum = self.lanes.iter().zip(turns).map(|(lane, turn)| lane.rotate_left(turn));
            let mut hash = sum.fold(0u64, u64::wrapping_add);
            for lane in self.lanes {
                hash = (hash ^ round(0, lane)).wrapping_mul(p1).wrapping_add(p4);
            }
            hash
        } else {
            p5
        };
        hash = hash.wrapping_add(self.length);
        let (words, rest) = self.rest.as_chunks::<8>();
        for word in words {
            hash ^= round(0, u64::from_le_bytes(*word));
            hash = hash.rotate_left(27).wrapping_mul(p1).wrapping_add(p4);
        }
        let (halves, rest) = rest.as_chunks::<4>();
        for half in halves {
            hash ^= u64::from(u32::from_le_bytes(*half)).wrapping_mul(p1);
            hash = hash.rotate_left(23).wrapping_mul(p2).wrapping_add(p3);
        }
        for byte in rest {
            hash ^= u64::from(*byte).wrapping_mul(p5);
            hash = hash.rotate_left(11).wrapping_mul(p1);
        }
        hash = (hash ^ (hash >> 33)).wrapping_mul(p2);
        hash = (hash ^ (hash >> 29)).wrapping_mul(p3);
        hash ^ (hash >> 32)
    }
}

fn take(lanes: &mut [u64; 4], stripe: &[u8; STRIPE]) {
    let (words, _) = stripe.as_chunks::<8>();
    for (lane, word) in lanes.iter_mut().zip(words) {
        *lane = round(*lane, u64::from_le_bytes(*word));
    }
}

fn round(lane: u64, word: u64) -> u64 {
    lane.wrapping_add(word.wrapping_mul(PRIMES[1])).rotate_left(31).wrapping_mul(PRIMES[0])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_those_of_the_reference_program() {
        // `xxhsum -H64` of these texts.
        for (text, hash) in [
            ("", 0xef46_db37_51d8_e999),
            ("a", 0xd24e_c4f1_a98c_6e5b),
            ("abc", 0x44bc_2cf5_ad77_0999),
            ("Nobody inspects the spammish repetition", 0xfbce_a83c_8a37_8bf1),
        ] {
            assert_eq!(Xxh64::of(text.as_bytes()), hash, "{text:?}");
        }
    }

    #[test]
    fn parts_do_not_matter() {
        let bytes: Vec<u8> = (0..300u32).map(|i| (i * i % 251) as u8).collect();
        let whole = Xxh64::of(&bytes);
        for part in [1, 3, 31, 32, 33, 64, 299] {
            let mut hash = Xxh64::new();
            bytes.chunks(part).for_each(|part| hash.update(part));
            assert_eq!(hash.finish(), whole, "{part}");
        }
    }
}
