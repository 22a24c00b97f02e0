//! Every lane operation of every level against plain arithmetic.

use super::*;

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
        assert_eq!(s.reduce_add(va), a.iter().sum::<f32>());
        assert!(read(s.max(s.splat(0.0), s.splat(f32::NAN))).iter().all(|x| x.is_nan()));
        assert!(read(s.min(s.splat(0.0), s.splat(f32::NAN))).iter().all(|x| x.is_nan()));
        for k in -126i32..=127 {
            let scaled = read(s.scale_by_magic(s.splat(1.25), s.splat(12_582_912.0 + k as f32)));
            assert_eq!(f64::from(scaled[0]), 1.25 * 2f64.powi(k));
        }
    }
}

#[test]
fn lanes_agree_with_plain_arithmetic() {
    for level in Level::available() {
        level.dispatch(Lanes);
    }
}

#[test]
fn names_find_their_levels() {
    for level in Level::available() {
        assert_eq!(Level::by_name(level.name()), Some(level));
    }
    assert_eq!(Level::by_name("mmx"), None);
    assert_eq!(Level::best(), *Level::available().last().unwrap_or(&Level::SCALAR));
}
