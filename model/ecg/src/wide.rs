//! Functions compiled twice: for any processor, and for those with AVX2, whose registers hold twice as much.
//!
//! The compiler contracts and reorders no sums of floating-point numbers, so both give the same bits.

/// A function whose body is compiled for AVX2 too and chosen when it is called. What it calls is compiled with it only where it is
/// inlined.
macro_rules! wide {
    ($(#[$doc:meta])* $visible:vis fn $name:ident($($argument:ident: $type:ty),* $(,)?) $(-> $result:ty)? $body:block) => {
        $(#[$doc])*
        $visible fn $name($($argument: $type),*) $(-> $result)? {
            #[inline(always)]
            fn any($($argument: $type),*) $(-> $result)? $body

            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx2")]
                fn avx2($($argument: $type),*) $(-> $result)? {
                    any($($argument),*)
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
