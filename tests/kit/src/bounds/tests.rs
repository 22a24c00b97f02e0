//! The rules against arithmetic that is known.

use super::*;

/// Sums that are rounded at every step are within the bound of a chain, and a flat line comes near it.
#[test]
fn chains_of_one_number_come_near_their_bound() {
    let a = Arithmetic::cpu(Level::SCALAR, Precision::F32);
    let mut nearest = f64::INFINITY;
    for i in 1..2000u32 {
        let x = 1.0 + i as f32 / 1999.0;
        let (mut sum, n) = (0.0f32, 512);
        (0..n).for_each(|_| sum += x);
        let bound = a.total(&vec![Approx::exact(f64::from(x)); n]);
        let want = f64::from(x) * n as f64;
        let error = (f64::from(sum) - want).abs();
        assert!(error <= bound.tolerance(want), "{x}: {error:e}, at most {:e}", bound.error);
        nearest = nearest.min(bound.error / error);
    }
    assert!((1.0..4.0).contains(&nearest), "{nearest}");
}

/// Of a step alone, the bound is the rounding unit.
#[test]
fn a_step_errs_by_a_rounding() {
    let a = Arithmetic::cpu(Level::SCALAR, Precision::F32);
    let third = a.over(Approx::exact(1.0), 3.0);
    assert!((third.error / third.value / UNIT - 1.0).abs() < 1e-6);
    let two = a.add(third, third);
    assert!((two.error / two.value / UNIT - 2.0).abs() < 1e-6);
}

/// What is stored in fewer bits counts as it is.
#[test]
fn stored_operands_are_no_rounding_errors() {
    let a = Arithmetic::cpu(Level::SCALAR, Precision::Bf16);
    let row = a.stored_rows(&[1.0, 1.0 + 2f64.powi(-9)], 2);
    assert_eq!(row, [Approx::exact(1.0); 2]);
    assert_eq!(a.operand(1.003_906_25, None), Approx::exact(1.0));
    assert!(Approx::exact(1.0).tolerance(1.5) >= 0.5);
}
