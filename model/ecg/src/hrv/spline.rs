//! Interpolation by a cubic spline.

/// Values at `at` of the cubic spline through the points `x`, `y`, of which no two have one `x`; both ascend. The first two and the last two pieces are one
/// polynomial each (the end condition *not-a-knot*, as C. de Boor has it in *A Practical Guide to Splines*, 1978). Through fewer than four
/// points the line from each to the next. Beyond the ends the outer pieces go on. Nothing of none.
pub(super) fn spline(x: &[f64], y: &[f64], at: impl Iterator<Item = f64>) -> Vec<f64> {
    let Some(pieces) = x.len().checked_sub(1).filter(|n| *n > 0) else {
        return at.filter_map(|_| y.first().copied()).collect();
    };
    let slopes = if pieces >= 3 { Some(slopes(x, y)) } else { None };
    let mut piece = 0;
    at.map(|t| {
        while piece + 1 < pieces && t >= x[piece + 1] {
            piece += 1;
        }
        let h = x[piece + 1] - x[piece];
        let rise = (y[piece + 1] - y[piece]) / h;
        let s = t - x[piece];
        let Some(slopes) = &slopes else { return y[piece] + rise * s };
        // Hermite's form.
        let (from, to) = (slopes[piece], slopes[piece + 1]);
        let second = (3.0 * rise - 2.0 * from - to) / h;
        let third = (from + to - 2.0 * rise) / (h * h);
        y[piece] + s * (from + s * (second + s * third))
    })
    .collect()
}

/// The spline's slope at each of at least four points.
fn slopes(x: &[f64], y: &[f64]) -> Vec<f64> {
    let n = x.len();
    let h: Vec<f64> = x.windows(2).map(|w| w[1] - w[0]).collect();
    let rise: Vec<f64> = y.windows(2).zip(&h).map(|(w, h)| (w[1] - w[0]) / h).collect();
    // A tridiagonal system for the slopes: below, diagonal, above, right side.
    let mut rows = vec![[0.0; 4]; n];
    let end = |h0: f64, h1: f64, r0: f64, r1: f64| {
        let both = h0 + h1;
        (both, ((h0 + 2.0 * both) * h1 * r0 + h0 * h0 * r1) / both)
    };
    let (both, right) = end(h[0], h[1], rise[0], rise[1]);
    rows[0] = [0.0, h[1], both, right];
    for i in 1..n - 1 {
        let right = 3.0 * (h[i] * rise[i - 1] + h[i - 1] * rise[i]);
        rows[i] = [h[i], 2.0 * (h[i - 1] + h[i]), h[i - 1], right];
    }
    let (both, right) = end(h[n - 2], h[n - 3], rise[n - 2], rise[n - 3]);
    rows[n - 1] = [both, h[n - 3], 0.0, right];
    for i in 1..n {
        let [_, diagonal, above, right] = rows[i - 1];
        let factor = rows[i][0] / diagonal;
        rows[i][1] -= factor * above;
        rows[i][3] -= factor * right;
    }
    let mut slopes = vec![0.0; n];
    for i in (0..n).rev() {
        let next = if i + 1 < n { rows[i][2] * slopes[i + 1] } else { 0.0 };
        slopes[i] = (rows[i][3] - next) / rows[i][1];
    }
    slopes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cubic_is_its_own_spline() {
        let cubic = |t: f64| 2.0 - t + 0.5 * t * t - 0.25 * t * t * t;
        let x = [0.0, 0.7, 1.1, 2.5, 3.0, 4.2];
        let y = x.map(cubic);
        for count in [4, 5, 6] {
            let at = || (-3..50).map(|i| f64::from(i) * 0.1);
            let got = spline(&x[..count], &y[..count], at());
            for (got, t) in got.iter().zip(at()) {
                assert!((got - cubic(t)).abs() < 1e-9, "{t}: {got} {}", cubic(t));
            }
        }
    }

    #[test]
    fn few_points_are_lines() {
        assert!(spline(&[], &[], [1.0].into_iter()).is_empty());
        assert_eq!(spline(&[1.0], &[5.0], [0.0, 9.0].into_iter()), [5.0, 5.0]);
        assert_eq!(spline(&[1.0, 2.0, 4.0], &[5.0, 6.0, 2.0], [1.5, 3.0].into_iter()), [5.5, 4.0]);
    }
}
