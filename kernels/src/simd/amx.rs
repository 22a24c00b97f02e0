//! Products of matrices of bf16 by instructions (Intel AMX, from Sapphire Rapids on): 16 columns by 16 rows by 32 steps each, ten times
//! as many multiply-adds a second as vectors of f32 do.
//!
//! A tile register holds 16 lines of 64 bytes. Activations are 16 columns of 32 rows, weights 16 pairs of steps of a
//! block of rows ([`crate::gemm::PackedMatrix`] has them so), results 16 columns of a block. Each result is the sum
//! of two chains, those of the even and of the odd steps, 16 long and from zero, which is then added to what there
//! was (Intel, *Software Developer's Manual*, volume 2, TDPBF16PS); subnormal numbers count as zeros.

use std::arch::asm;
use std::arch::x86_64::{__cpuid, __cpuid_count, _xgetbv};
use std::mem::offset_of;
use std::sync::OnceLock;

/// Columns of a tile.
pub(crate) const COLUMNS: usize = 16;
/// Pairs of steps of a tile.
pub(crate) const STEPS: usize = 16;
/// From a line of a tile to the next in memory.
const LINE: usize = 64;

/// Whether the processor has AMX tiles of bf16, and the system lets this process use them: it is asked once. Under
/// Miri, what the compiler was told.
pub(crate) fn available() -> bool {
    if cfg!(miri) {
        return cfg!(target_feature = "amx-bf16");
    }
    static AVAILABLE: OnceLock<bool> = OnceLock::new();
    *AVAILABLE.get_or_init(|| is_x86_feature_detected!("avx512f") && has_amx() && is_permitted())
}

fn has_amx() -> bool {
    /// AMX-BF16 and AMX-TILE, in leaf 7.
    const BITS: u32 = 1 << 22 | 1 << 24;
    /// The state of tiles, kept by the system.
    const STATE: u64 = 0b11 << 17;
    // SAFETY: every x86-64 has the instruction; leaf 7 is there where leaf 0 says so. AVX-512 comes with XGETBV.
    #[allow(unused_unsafe)]
    unsafe {
        __cpuid(0).eax >= 7 && __cpuid_count(7, 0).edx & BITS == BITS && xgetbv() & STATE == STATE
    }
}

/// What state the system keeps.
///
/// # Safety
/// The processor must have XSAVE.
#[target_feature(enable = "xsave")]
unsafe fn xgetbv() -> u64 {
    // SAFETY: handed on to the caller.
    unsafe { _xgetbv(0) }
}

/// Asks Linux for the tiles' state, for all threads of the process: `arch_prctl(ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA)`.
fn is_permitted() -> bool {
    #[cfg(target_os = "linux")]
    {
        let answer: i64;
        // SAFETY: the call takes two numbers and touches no memory of the process.
        unsafe {
            asm!(
                "syscall",
                inlateout("rax") 158_i64 => answer,
                in("rdi") 0x1023,
                in("rsi") 18,
                out("rcx") _,
                out("r11") _,
                options(nostack)
            );
        }
        answer == 0
    }
    #[cfg(not(target_os = "linux"))]
    false
}

/// The shapes of the tile registers.
#[repr(C, align(64))]
struct TileConfig([u8; 64]);

/// All eight of 16 lines of 64 bytes.
static WHOLE: TileConfig = {
    let mut shapes = [0; 64];
    shapes[0] = 1;
    let mut tile = 0;
    while tile < 8 {
        shapes[16 + 2 * tile] = LINE as u8;
        shapes[48 + tile] = 16;
        tile += 1;
    }
    TileConfig(shapes)
};

/// This thread's tile registers, in their shapes until this is dropped.
pub(crate) struct TileRegisters(());

impl TileRegisters {
    /// Takes them.
    ///
    /// # Safety
    /// [`available`] must have said so.
    pub(crate) unsafe fn new() -> TileRegisters {
        if !cfg!(miri) {
            // SAFETY: 64 bytes that the instruction reads; the compiler does not use tiles.
            unsafe { asm!("ldtilecfg [{}]", in(reg) &WHOLE, options(nostack, readonly, preserves_flags)) };
        }
        TileRegisters(())
    }
}

impl Drop for TileRegisters {
    fn drop(&mut self) {
        if !cfg!(miri) {
            // SAFETY: they are this thread's, and nothing is in them between products.
            unsafe { asm!("tilerelease", options(nostack, nomem, preserves_flags)) };
        }
    }
}

/// One or two tiles of columns by one to three blocks of rows.
#[repr(C)]
pub(crate) struct TileProduct {
    /// The weights' first pair of steps, and the bytes from a block to the next.
    pub(crate) weight: *const f32,
    pub(crate) block: usize,
    /// Tiles of steps, at least one.
    pub(crate) depth: usize,
    /// Each tile of columns' first, in the first 32 rows, and the bytes to the next 32.
    pub(crate) x: [*const f32; 2],
    pub(crate) pitch: usize,
    /// Where the results of each go in the first block, and the bytes to the next block.
    pub(crate) to: [*mut f32; 2],
    pub(crate) out: usize,
    /// What to prefetch, a line of each for each pair of steps. It need not be readable.
    pub(crate) prefetch: [*const f32; 2],
}

/// Loads a tile.
macro_rules! load {
    ($tile:literal, $from:literal) => {
        concat!("tileloadd ", $tile, ", [{", $from, "} + {s}*1]")
    };
}

/// Prefetches some lines of both.
macro_rules! prefetch {
    ($($line:literal)*) => {
        concat!($("prefetcht1 [{a} + 64*", $line, "]\nprefetcht1 [{b} + 64*", $line, "]\n",)*)
    };
}

/// A product by its tiles of columns, and in each the results' tiles and the blocks' weights.
macro_rules! product {
    ($name:ident: $($x:literal: $($acc:literal $w:literal),*;)*) => {
        /// # Safety
        /// As for [`product`].
        unsafe fn $name(p: &TileProduct) {
            // SAFETY: handed on to the caller. The tiles are this thread's, and in their shapes.
            unsafe {
                asm!(
                    $($(concat!("tilezero tmm", $acc),)*)*
                    "2:",
                    $(
                        load!("tmm6", $x),
                        $(load!("tmm7", $w), concat!("tdpbf16ps tmm", $acc, ", tmm6, tmm7"),)*
                    )*
                    prefetch!("0" "1" "2" "3" "4" "5" "6" "7"),
                    prefetch!("8" "9" "10" "11" "12" "13" "14" "15"),
                    "add {x0}, {pitch}",
                    "add {x1}, {pitch}",
                    "add {w0}, 64*16",
                    "add {w1}, 64*16",
                    "add {w2}, 64*16",
                    "add {a}, 64*16",
                    "add {b}, 64*16",
                    "dec {k}",
                    "jnz 2b",
                    "mov {x0}, [{p} + {to}]",
                    "mov {x1}, [{p} + {to} + 8]",
                    "mov {pitch}, [{p} + {out}]",
                    $($(
                        concat!("tilestored [{", $x, "} + {s}*1], tmm", $acc),
                        concat!("add {", $x, "}, {pitch}"),
                    )*)*
                    p = in(reg) p,
                    to = const offset_of!(TileProduct, to),
                    out = const offset_of!(TileProduct, out),
                    x0 = inout(reg) p.x[0] => _,
                    x1 = inout(reg) p.x[1] => _,
                    pitch = inout(reg) p.pitch => _,
                    w0 = inout(reg) p.weight => _,
                    w1 = inout(reg) p.weight.wrapping_byte_add(p.block) => _,
                    w2 = inout(reg) p.weight.wrapping_byte_add(2 * p.block) => _,
                    k = inout(reg) p.depth => _,
                    a = inout(reg) p.prefetch[0] => _,
                    b = inout(reg) p.prefetch[1] => _,
                    s = in(reg) LINE,
                    out("tmm0") _, out("tmm1") _, out("tmm2") _, out("tmm3") _,
                    out("tmm4") _, out("tmm5") _, out("tmm6") _, out("tmm7") _,
                    options(nostack)
                );
            }
        }
    };
}

product!(one_by_one: "x0": "0" "w0";);
product!(one_by_two: "x0": "0" "w0", "1" "w1";);
product!(one_by_three: "x0": "0" "w0", "1" "w1", "2" "w2";);
product!(two_by_one: "x0": "0" "w0"; "x1": "3" "w0";);
product!(two_by_two: "x0": "0" "w0", "1" "w1"; "x1": "3" "w0", "4" "w1";);
product!(two_by_three: "x0": "0" "w0", "1" "w1", "2" "w2"; "x1": "3" "w0", "4" "w1", "5" "w2";);

/// Computes `columns` tiles of columns by `blocks` blocks, without a bias.
///
/// # Safety
/// Weights and columns must be readable, and the results writable, for whole tiles.
#[cfg_attr(miri, expect(unreachable_code))]
pub(crate) unsafe fn product(_: &TileRegisters, p: &TileProduct, columns: usize, blocks: usize) {
    #[cfg(miri)]
    // SAFETY: handed on to the caller.
    return unsafe { product_by_tiles(p, columns, blocks) };
    // SAFETY: handed on to the caller.
    unsafe {
        match (columns, blocks) {
            (1, 1) => one_by_one(p),
            (1, 2) => one_by_two(p),
            (1, 3) => one_by_three(p),
            (2, 1) => two_by_one(p),
            (2, 2) => two_by_two(p),
            (2, 3) => two_by_three(p),
            _ => unreachable!("{columns} by {blocks} tiles"),
        }
    }
}

/// What [`product`] does, for Miri: it reads and writes all that the instructions do, whole tiles.
///
/// # Safety
/// As for [`product`].
#[cfg(miri)]
unsafe fn product_by_tiles(p: &TileProduct, columns: usize, blocks: usize) {
    use super::MAX_LANES as BLOCK;
    use std::array::from_fn;
    // SAFETY: handed on to the caller.
    let line = |at: *const f32| unsafe { at.cast::<[[u16; 2]; STEPS]>().read_unaligned() };
    let value = |bits: u16| f32::from_bits(u32::from(bits) << 16);
    for (x, to) in p.x.into_iter().zip(p.to).take(columns) {
        for block in 0..blocks {
            let mut sums = [[0.0f32; BLOCK]; COLUMNS];
            for k in 0..p.depth {
                let x: [_; COLUMNS] =
                    from_fn(|col| line(x.wrapping_byte_add(k * p.pitch).wrapping_add(col * STEPS)));
                let first = p.weight.wrapping_byte_add(block * p.block).wrapping_add(k * STEPS * BLOCK);
                let w: [_; STEPS] = from_fn(|step| line(first.wrapping_add(step * BLOCK)));
                // The zeros that fill tiles would take all the time.
                let steps = w
                    .iter()
                    .enumerate()
                    .flat_map(|(step, w)| w.iter().enumerate().map(move |(row, w)| (step, row, *w)));
                for (step, row, w) in steps.filter(|(_, _, w)| *w != [0, 0]) {
                    for (sums, x) in sums.iter_mut().zip(&x) {
                        sums[row] += value(x[step][0]) * value(w[0]) + value(x[step][1]) * value(w[1]);
                    }
                }
            }
            let to = to.wrapping_byte_add(block * p.out).cast::<[[f32; BLOCK]; COLUMNS]>();
            // SAFETY: handed on to the caller.
            unsafe { to.write_unaligned(sums) };
        }
    }
}
