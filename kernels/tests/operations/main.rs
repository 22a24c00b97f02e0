//! Every operation at every level in every precision against its reference: the cases of the table, small ones and random ones;
//! and laws. The tests are named `operation::level::precision::what`, so that `cargo test depthwise`, `cargo test avx512` and
//! `cargo test bf16` find theirs.

mod laws;
mod properties;
mod shapes;
mod small;
mod table;
mod views;

use efficientecg_kernels::op::Precision;
use efficientecg_kernels::simd::Level;

/// What a test is of, by name.
#[derive(Clone, Copy)]
struct Subject {
    operation: &'static str,
    level: &'static str,
    precision: &'static str,
}

impl Subject {
    /// The level and the precision. Where the processor lacks the level, the test is noted as skipped.
    fn find(self) -> Option<(Level, Precision)> {
        let precision = Precision::by_name(self.precision).unwrap_or_else(|| panic!("{}", self.precision));
        efficientecg_kit::harness::level(self.level).map(|level| (level, precision))
    }
}

/// The tests of an operation at a level: those that every precision has, and its laws.
macro_rules! level {
    ($level:ident $operation:ident { $($precision:ident [$($law:ident)*])* }) => {
        mod $level {$(
            mod $precision {
                const SUBJECT: crate::Subject = crate::Subject {
                    operation: stringify!($operation),
                    level: stringify!($level),
                    precision: stringify!($precision),
                };

                #[test]
                fn reference() {
                    crate::table::within_bounds(SUBJECT, &super::super::TABLE);
                }

                #[test]
                fn random() {
                    crate::properties::within_bounds(SUBJECT);
                }

                #[test]
                fn small() {
                    crate::small::within_bounds(SUBJECT, crate::small::$operation());
                }

                $(#[test]
                fn $law() {
                    crate::laws::$law(SUBJECT);
                })*
            }
        )*}
    };
}

/// The tests of each operation: what it refuses, and [`level`] at every level of this architecture.
macro_rules! operations {
    ($($operation:ident $precisions:tt)*) => {$(
        mod $operation {
            static TABLE: crate::table::Table = crate::table::Table::new(stringify!($operation));

            #[test]
            fn refuses_operands_that_do_not_fit() {
                crate::shapes::refuses_what_does_not_fit(stringify!($operation));
            }

            #[test]
            fn refuses_what_is_empty() {
                crate::shapes::refuses_what_is_empty(stringify!($operation));
            }

            efficientecg_kit::for_each_level!(level! $operation $precisions);
        }
    )*};
}

operations! {
    conv { f32 [moves_with_its_input padding_equals_zeros] }
    pointwise { f32 [is_linear takes_halves_where_they_lie] f16 [takes_halves_where_they_lie] bf16 [takes_halves_where_they_lie] }
    depthwise { f32 [moves_with_its_input padding_equals_zeros takes_halves_where_they_lie] f16 [takes_halves_where_they_lie] bf16 [takes_halves_where_they_lie] }
    squeeze_excite { f32 [gives_probabilities] }
    tokens { f32 [no_features_make_no_tokens] }
    cross_attention { f32 [stays_within_the_hull_of_its_values] }
    classifier { f32 [gives_probabilities] }
}

/// What the table of operations holds, and what this processor has, is tested: the names of the tests are asked of the test
/// program itself.
#[test]
fn nothing_is_without_its_test() {
    let listed = std::env::current_exe()
        .and_then(|program| std::process::Command::new(program).arg("--list").output());
    let listed = match listed {
        Ok(output) if output.status.success() => String::from_utf8_lossy(&output.stdout).into_owned(),
        // On an emulator, which may report it either way; WebAssembly has no processes.
        failed => {
            let why = failed.map_or_else(|e| e.to_string(), |output| output.status.to_string());
            return efficientecg_skipped::skipped(&format!("the test program cannot start itself: {why}"));
        }
    };
    let names: Vec<&str> = listed.lines().filter_map(|line| line.strip_suffix(": test")).collect();
    let mut wanted = Vec::new();
    for entry in efficientecg_kit::ops() {
        for level in Level::available() {
            for precision in entry.precisions {
                let place = format!("{}::{}::{}", entry.name, level.name(), precision.name());
                wanted.extend(["reference", "random", "small"].map(|what| format!("{place}::{what}")));
            }
        }
    }
    for name in &wanted {
        assert!(names.contains(&name.as_str()), "there is no test {name}");
    }
    println!("{} tests, {} of them of what this processor has", names.len(), wanted.len());
}
