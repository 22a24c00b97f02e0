//! The approximations of `math` against f64, over the bit patterns of f32: every 4,099th and all near special points, or with
//! `EFFICIENTECG_LONG=1` all 2^32 of them (minutes in a release build). A test a level, which prints what is worst.

use efficientecg_kernels::math::{self, Function};
use efficientecg_kernels::simd::{Body, Isa, Level};
use efficientecg_kit::bounds::{ROUGH_ERROR, exp_error, sigmoid_error};
use efficientecg_kit::{for_each_level, level_tests};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

const FUNCTIONS: [Function; 5] =
    [Function::Exp, Function::Sigmoid, Function::Silu, Function::SiluRough, Function::Tanh];

struct Eval<'a>(Function, &'a [f32], &'a mut [f32]);

impl Body for Eval<'_> {
    type Output = ();
    #[inline(always)]
    fn call<I: Isa>(self, s: I) {
        for (from, to) in self.1.chunks_exact(I::LANES).zip(self.2.chunks_exact_mut(I::LANES)) {
            // SAFETY: the chunks are one vector long.
            unsafe {
                let y = self.0.of(s, s.load(from.as_ptr()));
                s.store(to.as_mut_ptr(), y);
            }
        }
    }
}

/// The exact results: arguments are clamped as documented.
fn exact(x: f64) -> [f64; 5] {
    let low = x.max(-87.0);
    let sigmoid = math::f64::sigmoid(low);
    let silu = if x > 1e30 { x } else { low * sigmoid };
    [x.clamp(-87.0, 88.0).exp(), sigmoid, silu, silu, x.tanh()]
}

/// What may be off, of the result or for `tanh` of 1.
fn bound(level: Level, f: Function, x: f64) -> f64 {
    match f {
        Function::Exp => exp_error(x),
        Function::Sigmoid | Function::Silu => sigmoid_error(level, x.max(-87.0)),
        Function::SiluRough => ROUGH_ERROR,
        Function::Tanh => 4e-7,
    }
}

/// The worst of one function at one level.
#[derive(Clone, Copy, Debug, Default)]
struct Worst {
    /// Of the result, or for `tanh` of 1; and where.
    error: (f64, f32),
    /// In units in the last place of the result.
    ulp: (f64, f32),
    /// In units of the bound.
    share: (f64, f32),
}

impl Worst {
    fn join(&mut self, other: Worst) {
        let greater = |a: &mut (f64, f32), b: (f64, f32)| {
            if b.0 > a.0 {
                *a = b;
            }
        };
        greater(&mut self.error, other.error);
        greater(&mut self.ulp, other.ulp);
        greater(&mut self.share, other.share);
    }
}

/// Checks the patterns, as many as a multiple of the widest vector, and joins what is worst.
fn check(xs: &[f32], level: Level, worst: &mut [Worst; 5]) {
    let want: Vec<[f64; 5]> = xs.iter().map(|x| exact(f64::from(*x))).collect();
    let mut got = vec![0.0; xs.len()];
    for (i, f) in FUNCTIONS.into_iter().enumerate() {
        level.dispatch(Eval(f, xs, &mut got));
        for ((x, y), want) in xs.iter().zip(&got).zip(&want) {
            let want = want[i];
            if x.is_nan() {
                // Other payloads do not come from arithmetic.
                let plain = x.to_bits() & 0x003f_ffff == 0 && x.to_bits() & 0x0040_0000 != 0;
                assert!(!plain || y.is_nan(), "{level:?} {f:?}: NaN gave {y}");
                continue;
            }
            if want.is_infinite() {
                continue;
            }
            assert!(y.is_finite(), "{level:?} {f:?}({x:e}) = {y}");
            // Rounding of subnormal results: SiLU near 0.
            let off = ((f64::from(*y) - want).abs() - 2f64.powi(-149)).max(0.0);
            let size = if matches!(f, Function::Tanh) { 1.0 } else { want.abs() };
            let error = if off == 0.0 { 0.0 } else { off / size };
            let most = bound(level, f, f64::from(*x));
            assert!(error <= most, "{level:?} {f:?}({x:e}) = {y:e}, want {want:e}: {error:e}");
            let last = f64::from(f32::from_bits((want.abs() as f32).to_bits() & 0x7f80_0000)) / 8_388_608.0;
            let ulp = if off == 0.0 { 0.0 } else { off / last.max(2f64.powi(-149)) };
            worst[i].join(Worst { error: (error, *x), ulp: (ulp, *x), share: (error / most, *x) });
        }
    }
}

/// Where something changes: zeros, ones, subnormals, the clamps, halves of ln 2, infinities; and 300 on both sides.
fn special() -> Vec<u32> {
    let points = [
        0.0,
        1.0,
        0.346_573_6,
        std::f32::consts::LN_2,
        2.4,
        8.0,
        16.6,
        43.5,
        44.0,
        87.0,
        88.0,
        88.8,
        103.0,
        1e-38,
        f32::INFINITY,
    ];
    let both = points.iter().flat_map(|x| [x.to_bits(), (-x).to_bits()]);
    both.flat_map(|bits| (0..600u32).map(move |i| bits.wrapping_add(i).wrapping_sub(300))).collect()
}

fn approximations_over_the_bit_patterns(level: Level) {
    const BLOCK: u64 = 1 << 14;
    let long = std::env::var("EFFICIENTECG_LONG").is_ok_and(|v| v == "1");
    let step = if long { 1 } else { 4099 };
    let total = (1u64 << 32).div_ceil(step);
    let next = AtomicU64::new(0);
    let all = Mutex::new([Worst::default(); 5]);
    let threads = std::thread::available_parallelism().map_or(1, |n| n.get());
    let work = |thread: usize| {
        let mut worst = [Worst::default(); 5];
        if thread == 0 {
            let points: Vec<f32> = special().into_iter().map(f32::from_bits).collect();
            check(&points, level, &mut worst);
        }
        loop {
            let first = next.fetch_add(BLOCK, Ordering::Relaxed);
            if first >= total {
                break;
            }
            let bits = (first..first + BLOCK).map(|i| f32::from_bits((i * step) as u32));
            check(&bits.collect::<Vec<_>>(), level, &mut worst);
        }
        let mut all = all.lock().unwrap_or_else(|e| panic!("{e}"));
        for (all, worst) in all.iter_mut().zip(worst) {
            all.join(worst);
        }
    };
    std::thread::scope(|scope| {
        let work = &work;
        // WebAssembly has one thread, this one.
        (1..threads).for_each(|thread| drop(scope.spawn(move || work(thread))));
        work(0);
    });
    let what = if long {
        "all 2^32 bit patterns"
    } else {
        "every 4,099th bit pattern and those near special points"
    };
    println!("{}, {what}:", level.name());
    for (f, w) in FUNCTIONS.into_iter().zip(all.into_inner().unwrap_or_else(|e| panic!("{e}"))) {
        let kind = if matches!(f, Function::Tanh) { "absolute" } else { "relative" };
        println!(
            "  {:8} worst {kind} error {:.3e} at {:e}, {:.2} ULP at {:e}, {:.2} of its bound at {:e}",
            format!("{f:?}"),
            w.error.0,
            w.error.1,
            w.ulp.0,
            w.ulp.1,
            w.share.0,
            w.share.1
        );
        assert!(w.error.0 > 0.0);
    }
}

for_each_level!(level_tests! approximations_over_the_bit_patterns);
