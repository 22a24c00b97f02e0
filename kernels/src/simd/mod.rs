//! Vectors of `f32`, chosen at run time.
//!
//! [`Isa`] is what a kernel is written against: one body, generic over the vector type. Each instruction set is a
//! zero-sized *token* that only [`Level`] can make, and only after the processor was asked. Holding the token proves
//! that its instructions may run. [`Level::dispatch`] is the one place where a body meets its instruction set. It
//! inlines the body into a function with the matching `target_feature`, so everything in it is compiled for that
//! set. WebAssembly has no such question: a module is compiled for SIMD as a whole, or not at all.
//!
//! The levels differ in width and in whether a multiply-add rounds once ([`Level::SCALAR`] rounds twice), so their
//! results differ in the last bits; each is held to the same tolerance against the f64 reference.

#[cfg(avx512)]
pub(crate) mod amx;
#[cfg(avx2)]
pub(crate) mod avx2;
#[cfg(avx512)]
pub(crate) mod avx512;
#[cfg(all(miri, target_arch = "x86_64"))]
mod miri;
#[cfg(all(miri, target_arch = "aarch64"))]
mod miri_neon;
#[cfg(neon)]
pub(crate) mod neon;
#[cfg(scalar)]
pub(crate) mod scalar;
#[cfg(simd128)]
pub(crate) mod simd128;

use std::fmt;

/// A vector instruction set: a token whose existence proves that the processor has it.
///
/// All methods are lane-wise unless said otherwise. Loads and stores need no alignment.
pub trait Isa: Copy + Send + Sync + 'static {
    /// A vector of [`Isa::LANES`] floats.
    type F32: Copy;
    /// Lanes of a vector; divides [`MAX_LANES`].
    const LANES: usize;
    /// Vectors of sums that a kernel may keep in registers, beside those that it loads.
    const ACCUMULATORS: usize;
    /// Whether [`Isa::mul_add`] rounds once.
    const FUSED: bool;
    /// Whether a vector is a block of rows, of which a micro-kernel may take half for two columns at once: [`Isa::join`] and
    /// [`Isa::split`].
    const HALVES: bool = false;

    /// What [`Isa::quotient`] errs by beyond a division's half unit, relatively.
    const QUOTIENT_ERROR: f64 = 0.0;
    /// Whether what is beside the multiply-adds of a micro-kernel costs time: rows that lie side by side then have a loop of their own, and
    /// weights are prefetched shortly before they are multiplied ([`Isa::prefetch_near`]).
    const LEAN: bool = false;

    /// Prefetches the cache line of `p`, which need not be readable, for the second level.
    fn prefetch(self, p: *const f32);
    /// Prefetches it for the first level, where [`Isa::LEAN`].
    #[inline(always)]
    fn prefetch_near(self, p: *const f32) {
        let _ = p;
    }
    /// Every lane `x`.
    fn splat(self, x: f32) -> Self::F32;
    /// # Safety
    /// `p` must be readable for [`Isa::LANES`] floats.
    unsafe fn load(self, p: *const f32) -> Self::F32;
    /// # Safety
    /// `p` must be writable for [`Isa::LANES`] floats.
    unsafe fn store(self, p: *mut f32, v: Self::F32);
    /// `a + b`.
    fn add(self, a: Self::F32, b: Self::F32) -> Self::F32;
    /// `a - b`.
    fn sub(self, a: Self::F32, b: Self::F32) -> Self::F32;
    /// `a * b`.
    fn mul(self, a: Self::F32, b: Self::F32) -> Self::F32;
    /// `a * b + c`.
    fn mul_add(self, a: Self::F32, b: Self::F32, c: Self::F32) -> Self::F32;
    /// The larger of a bound and a value; a NaN in `x` stays.
    fn max(self, bound: Self::F32, x: Self::F32) -> Self::F32;
    /// The smaller of a bound and a value; a NaN in `x` stays.
    fn min(self, bound: Self::F32, x: Self::F32) -> Self::F32;
    /// `a / b`, rounded once.
    fn div(self, a: Self::F32, b: Self::F32) -> Self::F32;
    /// `a / b` for `b` from 1 to 2^126, off by half a unit in the last place and [`Isa::QUOTIENT_ERROR`].
    #[inline(always)]
    fn quotient(self, a: Self::F32, b: Self::F32) -> Self::F32 {
        self.div(a, b)
    }
    /// `1 / x` within 1e-4 of itself, for `x` from 1 to 2^126.
    fn recip_rough(self, x: Self::F32) -> Self::F32 {
        self.div(self.splat(1.0), x)
    }
    /// `p * 2^n`, where `magic` is the float `1.5 * 2^23 + n`; the result must be a normal number.
    fn scale_by_magic(self, p: Self::F32, magic: Self::F32) -> Self::F32;
    /// `table[j] * 2^k`, where `magic` is the float `1.5 * 2^23 + 32 k + j` with `j` from 0 to 31: in one lookup and one addition,
    /// or not at all. What is below the normal numbers comes out as any number below them.
    #[inline(always)]
    fn power(self, table: &Powers, magic: Self::F32) -> Option<Self::F32> {
        let _ = (table, magic);
        None
    }
    /// `acc + even(a) * even(b) + odd(a) * odd(b)`, where a lane holds two bf16, the even one in its low half. Subnormal
    /// numbers may count as zeros, and what is rounded between the sums differs from set to set.
    fn dot_bf16(self, acc: Self::F32, a: Self::F32, b: Self::F32) -> Self::F32;
    /// Stores the nearest bf16 of each lane, ties to even.
    ///
    /// # Safety
    /// `p` must be writable for [`Isa::LANES`] halves.
    unsafe fn store_bf16(self, p: *mut u16, v: Self::F32);
    /// The values of f16.
    ///
    /// # Safety
    /// `p` must be readable for [`Isa::LANES`] halves.
    unsafe fn load_f16(self, p: *const u16) -> Self::F32;
    /// The low half of `a` and the high half of `b`.
    #[inline(always)]
    fn join(self, a: Self::F32, b: Self::F32) -> Self::F32 {
        let _ = (a, b);
        unreachable!("halves of a vector")
    }
    /// The low and the high half, each in the low half of a vector, with zeros above.
    #[inline(always)]
    fn split(self, v: Self::F32) -> [Self::F32; 2] {
        let _ = v;
        unreachable!("halves of a vector")
    }
    /// The sum of the lanes, in a fixed order.
    fn reduce_add(self, v: Self::F32) -> f32;
}

/// `a * 2^(j / 32)` for `j` from 0 to 31, see [`Isa::power`]. Of the bits of each `j << 18` is taken off, so that adding those of
/// `magic`, moved by 18, leaves `k` in the exponent and nothing of `j`.
#[repr(align(64))]
pub struct Powers(
    #[cfg_attr(not(avx512), expect(dead_code, reason = "AVX-512 alone reads tables"))] [u32; 32],
);

impl Powers {
    /// Those times `a`, a normal number.
    pub const fn times(a: f64) -> Powers {
        let mut bits = [0; 32];
        let (mut j, mut power) = (0, a);
        while j < 32 {
            bits[j] = (power as f32).to_bits().wrapping_sub((j as u32) << 18);
            power *= 1.021_897_148_654_116_7; // 2^(1/32)
            j += 1;
        }
        Powers(bits)
    }
}

/// The widest vector of any level, in floats. Buffers are padded to it.
pub const MAX_LANES: usize = 16;

/// A computation that runs on any instruction set. Implement `call` with `#[inline(always)]`.
pub trait Body {
    /// What it returns.
    type Output;
    /// Runs it on the instruction set of `isa`.
    fn call<I: Isa>(self, isa: I) -> Self::Output;
}

#[derive(Clone, Copy)]
enum Token {
    #[cfg(scalar)]
    Scalar(scalar::Scalar),
    #[cfg(avx2)]
    Avx2(avx2::Avx2),
    #[cfg(avx512)]
    Avx512(avx512::Avx512<false>),
    #[cfg(avx512)]
    Avx512Zen(avx512::Avx512<true>),
    #[cfg(neon)]
    Neon(neon::Neon),
    #[cfg(simd128)]
    Simd128(simd128::Simd128),
}

/// An instruction set by itself: for tables of what is compiled for each.
#[derive(Clone, Copy)]
pub(crate) enum InstructionSet {
    #[cfg(scalar)]
    Scalar,
    #[cfg(avx2)]
    Avx2,
    #[cfg(avx512)]
    Avx512,
    #[cfg(avx512)]
    Avx512Zen,
    #[cfg(neon)]
    Neon,
    #[cfg(simd128)]
    Simd128,
}

/// An instruction set that this processor has.
#[derive(Clone, Copy)]
pub struct Level(Token);

impl Level {
    /// Plain Rust, on every processor; left out by the features for other instruction sets alone.
    #[cfg(scalar)]
    pub const SCALAR: Level = Level(Token::Scalar(scalar::Scalar));
    /// WebAssembly's SIMD, which has the place of plain Rust: the module runs nowhere without.
    #[cfg(simd128)]
    pub const SCALAR: Level = Level(Token::Simd128(simd128::Simd128));

    /// The levels that this processor has, slowest first. None only where the build is for instruction sets alone that it has not.
    #[allow(clippy::vec_init_then_push)]
    pub fn available() -> Vec<Level> {
        #[allow(unused_mut)]
        let mut levels = Vec::new();
        #[cfg(any(scalar, simd128))]
        levels.push(Level::SCALAR);
        #[cfg(avx2)]
        levels.extend(avx2::Avx2::detect().map(|t| Level(Token::Avx2(t))));
        #[cfg(avx512)]
        {
            levels.extend(avx512::Avx512::<false>::detect().map(|t| Level(Token::Avx512(t))));
            levels.extend(avx512::Avx512::<true>::detect().map(|t| Level(Token::Avx512Zen(t))));
        }
        #[cfg(neon)]
        levels.extend(neon::Neon::detect().map(|t| Level(Token::Neon(t))));
        levels
    }

    /// The fastest level that this processor has.
    ///
    /// # Panics
    /// There is none, see [`Level::available`].
    #[allow(clippy::expect_used)]
    pub fn best() -> Level {
        Level::available().last().copied().expect("this build has no kernels for this processor")
    }

    /// The level called `name`, as [`Level::name`] has it, if this processor has it.
    pub fn by_name(name: &str) -> Option<Level> {
        Level::available().into_iter().find(|l| l.name() == name)
    }

    /// `scalar`, `avx2`, `avx512`, `avx512_zen` (AMD's AVX-512 with bf16, from Zen 4 on), `neon`, or the one of WebAssembly
    /// that the module is compiled for: `simd128`, or `simd128_relaxed` with the multiply-adds of relaxed SIMD.
    pub fn name(self) -> &'static str {
        match self.0 {
            #[cfg(scalar)]
            Token::Scalar(_) => "scalar",
            #[cfg(avx2)]
            Token::Avx2(_) => "avx2",
            #[cfg(avx512)]
            Token::Avx512(_) => "avx512",
            #[cfg(avx512)]
            Token::Avx512Zen(_) => "avx512_zen",
            #[cfg(neon)]
            Token::Neon(_) => "neon",
            #[cfg(simd128)]
            Token::Simd128(_) => simd128::NAME,
        }
    }

    /// Whether it multiplies bf16 by instructions for that, more a cycle than f32.
    pub fn has_bf16(self) -> bool {
        match self.0 {
            #[cfg(avx512)]
            Token::Avx512Zen(_) => true,
            #[allow(unreachable_patterns)]
            _ => self.has_amx(),
        }
    }

    /// Whether one instruction widens a vector of f16.
    pub(crate) fn widens_halves(self) -> bool {
        match self.0 {
            #[cfg(avx2)]
            Token::Avx2(_) => true,
            #[cfg(avx512)]
            Token::Avx512(_) | Token::Avx512Zen(_) => true,
            #[allow(unreachable_patterns)]
            _ => false,
        }
    }

    /// Whether it multiplies bf16 by AMX tiles of 16 by 16 by 32 (Intel).
    pub fn has_amx(self) -> bool {
        match self.0 {
            #[cfg(avx512)]
            Token::Avx512(_) => amx::available(),
            _ => false,
        }
    }

    /// Runs `body` compiled for this instruction set: the one dispatch site.
    #[inline]
    pub fn dispatch<B: Body>(self, body: B) -> B::Output {
        match self.0 {
            #[cfg(scalar)]
            Token::Scalar(t) => body.call(t),
            // SAFETY: the token was made only after the processor reported the features.
            #[cfg(avx2)]
            Token::Avx2(t) => unsafe { avx2::shell(body, t) },
            // SAFETY: as above.
            #[cfg(avx512)]
            Token::Avx512(t) => unsafe { avx512::shell(body, t) },
            // SAFETY: as above.
            #[cfg(avx512)]
            Token::Avx512Zen(t) => unsafe { avx512::shell_zen(body, t) },
            // SAFETY: as above.
            #[cfg(neon)]
            Token::Neon(t) => unsafe { neon::shell(body, t) },
            #[cfg(simd128)]
            Token::Simd128(t) => body.call(t),
        }
    }

    /// Which instruction set it is.
    pub(crate) fn set(self) -> InstructionSet {
        match self.0 {
            #[cfg(scalar)]
            Token::Scalar(_) => InstructionSet::Scalar,
            #[cfg(avx2)]
            Token::Avx2(_) => InstructionSet::Avx2,
            #[cfg(avx512)]
            Token::Avx512(_) => InstructionSet::Avx512,
            #[cfg(avx512)]
            Token::Avx512Zen(_) => InstructionSet::Avx512Zen,
            #[cfg(neon)]
            Token::Neon(_) => InstructionSet::Neon,
            #[cfg(simd128)]
            Token::Simd128(_) => InstructionSet::Simd128,
        }
    }
}

impl fmt::Debug for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl PartialEq for Level {
    fn eq(&self, other: &Level) -> bool {
        self.name() == other.name()
    }
}

#[cfg(test)]
mod tests;
