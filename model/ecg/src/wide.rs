//! Functions compiled for any processor, and again for those with AVX2 or AVX-512, whose registers hold two and four times as much.
//!
//! The compiler contracts and reorders no sums of floating-point numbers, so all give the same bits.

/// A function whose body is compiled for AVX2 and AVX-512 too and chosen when it is called. What it calls is compiled with it only where
/// it is inlined.
macro_rules! wide {
    ($(#[$doc:meta])* $visible:vis fn $name:ident $(<$(const $parameter:ident: usize),+>)? ($($argument:ident: $type:ty),* $(,)?) $(-> $result:ty)? $body:block) => {
        $(#[$doc])*
        $visible fn $name$(<$(const $parameter: usize),+>)?($($argument: $type),*) $(-> $result)? {
            #[inline(always)]
            fn any$(<$(const $parameter: usize),+>)?($($argument: $type),*) $(-> $result)? $body

            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx512vl")]
                fn avx512$(<$(const $parameter: usize),+>)?($($argument: $type),*) $(-> $result)? {
                    any($($argument),*)
                }
                #[target_feature(enable = "avx2")]
                fn avx2$(<$(const $parameter: usize),+>)?($($argument: $type),*) $(-> $result)? {
                    any($($argument),*)
                }
                if $crate::wide::has_avx512() {
                    // SAFETY: the processor has AVX-512VL, and what it builds on.
                    return unsafe { avx512($($argument),*) };
                }
                if std::arch::is_x86_feature_detected!("avx2") {
                    // SAFETY: the processor has AVX2.
                    return unsafe { avx2($($argument),*) };
                }
            }
            any($($argument),*)
        }
    };
}

pub(crate) use wide;

/// Whether such functions use AVX-512.
pub(crate) fn has_avx512() -> bool {
    #[cfg(target_arch = "x86_64")]
    return std::arch::is_x86_feature_detected!("avx512vl");
    #[cfg(not(target_arch = "x86_64"))]
    false
}
