//! Every lane operation of every level against plain arithmetic.

use super::*;
use crate::half;

struct Lanes;

impl Body for Lanes {
    type Output = ();
    #[inline(always)]
    fn call<I: Isa>(self, s: I) {
        let n = I::LANES;
        let a: Vec<f32> = (0..n).map(|i| i as f32 * 1.5 - 3.0).collect();
        let b: Vec<f32> = (0..n).map(|i| 7.0 - i as f32 * 0.75).collect();
        let read = |v: I::F32| {
            let mut out = vec![0.0f32; n];
            // SAFETY: `out` is one vector long.
            unsafe { s.store(out.as_mut_ptr(), v) };
            out
        };
        // SAFETY: `a` and `b` are one vector long.
        let (va, vb) = unsafe { (s.load(a.as_ptr()), s.load(b.as_ptr())) };
        let each =
            |f: &dyn Fn(f32, f32) -> f32| -> Vec<f32> { a.iter().zip(&b).map(|(a, b)| f(*a, *b)).collect() };
        assert_eq!(read(va), a);
        assert_eq!(read(s.splat(2.5)), vec![2.5; n]);
        assert_eq!(read(s.add(va, vb)), each(&|a, b| a + b));
        assert_eq!(read(s.sub(va, vb)), each(&|a, b| a - b));
        assert_eq!(read(s.mul(va, vb)), each(&|a, b| a * b));
        assert_eq!(read(s.mul_add(va, vb, s.splat(0.5))), each(&|a, b| a * b + 0.5));
        assert_eq!(read(s.div(va, vb)), each(&|a, b| a / b));
        assert_eq!(read(s.max(va, vb)), each(&|a, b| a.max(b)));
        assert_eq!(read(s.min(va, vb)), each(&|a, b| a.min(b)));
        if I::HALVES {
            let zeros = vec![0.0; n / 2];
            assert_eq!(read(s.join(va, vb)), [&a[..n / 2], &b[n / 2..]].concat());
            let halves = s.split(va).map(read);
            assert_eq!(halves, [&a[..n / 2], &a[n / 2..]].map(|half| [half, &zeros].concat()));
        }
        assert_eq!(s.reduce_add(va), a.iter().sum::<f32>());
        // Values that rounding moves up, down, to even and into the next power of two; f16 at both ends of its range.
        let odd = [1.0f32, 1.0 + 1.0 / 256.0, 1.0 + 3.0 / 256.0, -1.01, 1.999, 3e38, -1e-30, 0.0];
        let odd: Vec<f32> = odd.iter().copied().cycle().take(n).collect();
        let mut halves = vec![0u16; n];
        // SAFETY: both are one vector long.
        unsafe { s.store_bf16(halves.as_mut_ptr(), s.load(odd.as_ptr())) };
        assert_eq!(halves, odd.iter().map(|x| half::bf16(*x)).collect::<Vec<_>>());
        let halves: Vec<u16> =
            [0x3c00, 0x7bff, 0x0001, 0x83ff, 0xc123, 0].iter().copied().cycle().take(n).collect();
        // SAFETY: as above.
        let values = read(unsafe { s.load_f16(halves.as_ptr()) });
        assert_eq!(values, halves.iter().map(|h| half::to_f32(*h)).collect::<Vec<_>>());
        // 1.5 and -2 times 4 and 0.25, and 8: exact in any order.
        let pair = |even: f32, odd: f32| {
            s.splat(f32::from_bits(u32::from(half::bf16(odd)) << 16 | u32::from(half::bf16(even))))
        };
        assert_eq!(read(s.dot_bf16(s.splat(8.0), pair(1.5, -2.0), pair(4.0, 0.25))), vec![13.5; n]);
        for x in [1.0f32, 1.7, 300.0, 1e30] {
            let product = f64::from(read(s.recip_rough(s.splat(x)))[0]) * f64::from(x);
            assert!((product - 1.0).abs() <= 1e-4, "recip_rough({x}) is off by {:e}", product - 1.0);
        }
        assert!(read(s.max(s.splat(0.0), s.splat(f32::NAN))).iter().all(|x| x.is_nan()));
        assert!(read(s.min(s.splat(0.0), s.splat(f32::NAN))).iter().all(|x| x.is_nan()));
        for k in -126i32..=127 {
            let scaled = read(s.scale_by_magic(s.splat(1.25), s.splat(12_582_912.0 + k as f32)));
            assert_eq!(f64::from(scaled[0]), 1.25 * f64::from_bits(((1023 + k) as u64) << 52));
        }
        static POWERS: Powers = Powers::times(0.75);
        for k in (-32 * 125i32..32 * 125).step_by(if cfg!(miri) { 37 } else { 1 }) {
            if let Some(power) = s.power(&POWERS, s.splat(12_582_912.0 + k as f32)) {
                assert_eq!(read(power), vec![(0.75 * (f64::from(k) / 32.0).exp2()) as f32; n]);
            }
        }
    }
}

fn lanes(name: &str) {
    let Some(level) = Level::by_name(name) else {
        efficientecg_skipped::skipped(&format!("this processor has no {name}"));
        return;
    };
    level.dispatch(Lanes);
}

/// The test of each instruction set, so that its name finds it.
macro_rules! tests {
    ($level:ident) => {
        mod $level {
            #[test]
            fn lanes_agree_with_plain_arithmetic() {
                super::lanes(stringify!($level));
            }
        }
    };
}
efficientecg_kit::for_each_level!(tests!);

#[test]
fn names_find_their_levels() {
    for level in Level::available() {
        assert_eq!(Level::by_name(level.name()), Some(level));
    }
    assert_eq!(Level::by_name("mmx"), None);
    assert_eq!(Level::best(), *Level::available().last().unwrap_or(&Level::SCALAR));
}
