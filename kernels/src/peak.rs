//! What the machine itself can do: the work that kernels are measured against.

use crate::simd::{Body, Isa, Level};
use std::hint::black_box;

/// Multiply-adds in as many chains as the registers hold and nothing else: what no kernel of a level with fused
/// multiply-adds can beat (the scalar level has none, and waits longer for each). Returns how many.
pub fn multiply_adds(level: Level) -> u64 {
    struct Peak;
    impl Body for Peak {
        type Output = u64;
        #[inline(always)]
        fn call<I: Isa>(self, s: I) -> u64 {
            const CHAINS: usize = 12;
            let mut acc = [s.splat(0.0); CHAINS];
            let (a, b) = (s.splat(black_box(0.5)), s.splat(black_box(0.25)));
            for _ in 0..2000 {
                for acc in &mut acc {
                    *acc = s.mul_add(a, *acc, b);
                }
            }
            let mut sum = acc[0];
            for a in &acc[1..] {
                sum = s.add(sum, *a);
            }
            black_box(s.reduce_add(sum));
            (CHAINS * 2000 * I::LANES) as u64
        }
    }
    level.dispatch(Peak)
}

/// Reads every number once, in order, and does no more with it than a sum. Returns the bytes read.
pub fn read(level: Level, data: &[f32]) -> u64 {
    struct Read<'a>(&'a [f32]);
    impl Body for Read<'_> {
        type Output = u64;
        #[inline(always)]
        fn call<I: Isa>(self, s: I) -> u64 {
            const CHAINS: usize = 8;
            let mut acc = [s.splat(0.0); CHAINS];
            let blocks = self.0.chunks_exact(CHAINS * I::LANES);
            let bytes = 4 * (self.0.len() - blocks.remainder().len());
            for block in blocks {
                for (i, acc) in acc.iter_mut().enumerate() {
                    // SAFETY: the block holds this many vectors.
                    let v = unsafe { s.load(block.as_ptr().add(i * I::LANES)) };
                    *acc = s.add(*acc, v);
                }
            }
            let mut sum = acc[0];
            for a in &acc[1..] {
                sum = s.add(sum, *a);
            }
            black_box(s.reduce_add(sum));
            bytes as u64
        }
    }
    level.dispatch(Read(data))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_is_counted() {
        for level in Level::available() {
            assert!(multiply_adds(level) > 0);
        }
    }

    #[test]
    fn bytes_are_counted() {
        let data = vec![1.0; 1000];
        for level in Level::available() {
            let read = read(level, &data);
            assert!(read <= 4000 && read > 3000, "{}: {read}", level.name());
        }
    }
}
