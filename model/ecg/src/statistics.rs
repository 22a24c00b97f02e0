//! Sums, medians and quantiles.

/// Sums that are kept apart, so that the processor makes them side by side.
const LANES: usize = 8;

/// The sum of samples in f64.
#[inline(always)]
pub(crate) fn sum<T: Copy + Into<f64>>(x: &[T]) -> f64 {
    sum_of(x, x, |x, _| x)
}

/// The sum of what `term` makes of each pair of samples. Of different lengths the shorter counts.
#[inline(always)]
pub(crate) fn sum_of<T: Copy + Into<f64>>(a: &[T], b: &[T], term: impl Fn(f64, f64) -> f64) -> f64 {
    let len = a.len().min(b.len());
    let (a, b) = (a[..len].as_chunks::<LANES>(), b[..len].as_chunks::<LANES>());
    let term = |x: T, y: T| term(x.into(), y.into());
    let mut sums = [0.0; LANES];
    for (x, y) in a.0.iter().zip(b.0) {
        for l in 0..LANES {
            sums[l] += term(x[l], y[l]);
        }
    }
    let rest: f64 = a.1.iter().zip(b.1).map(|(x, y)| term(*x, *y)).sum();
    sums.iter().sum::<f64>() + rest
}

/// The values in ascending order.
pub fn ascending(values: &[f64]) -> Vec<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    sorted
}

/// The value at place `part (n - 1)` of `n` ascending values, between two of them in proportion; none of none. `part` is from 0 to 1.
///
/// ```
/// use efficientecg_ecg::statistics::quantile;
/// assert_eq!(quantile(&[0.0, 10.0], 0.25), Some(2.5));
/// ```
pub fn quantile(ascending: &[f64], part: f64) -> Option<f64> {
    let last = ascending.len().checked_sub(1)?;
    let place = part * last as f64;
    let low = (place.floor() as usize).min(last);
    let high = (low + 1).min(last);
    Some(ascending[low] + (place - low as f64) * (ascending[high] - ascending[low]))
}

/// The median, the mean of the middle two of an even number; 0 of none.
pub(crate) fn median(values: &[f64]) -> f64 {
    median_of(&mut values.to_vec())
}

/// The same; reorders them.
pub(crate) fn median_of(values: &mut [f64]) -> f64 {
    let (n, half) = (values.len(), values.len() / 2);
    if n == 0 {
        return 0.0;
    }
    let (below, upper, _) = values.select_nth_unstable_by(half, f64::total_cmp);
    let upper = *upper;
    if n % 2 == 1 {
        return upper;
    }
    let lower = below.iter().copied().max_by(f64::total_cmp).unwrap_or(upper);
    (lower + upper) / 2.0
}

/// The median of each value and up to `reach` on both sides of it, as [`median`] gives it.
pub(crate) fn running_medians(values: &[f64], reach: usize) -> Vec<f64> {
    let mut sorted: Vec<f64> = Vec::with_capacity(2 * reach + 1);
    let place = |sorted: &[f64], of: &f64| sorted.partition_point(|v| v.total_cmp(of).is_lt());
    let mut entering = values.iter();
    let mut enter = |sorted: &mut Vec<f64>, count: usize| {
        for value in entering.by_ref().take(count) {
            sorted.insert(place(sorted, value), *value);
        }
    };
    enter(&mut sorted, reach);
    let mut medians = Vec::with_capacity(values.len());
    for i in 0..values.len() {
        if let Some(left) = i.checked_sub(reach + 1) {
            sorted.remove(place(&sorted, &values[left]));
        }
        enter(&mut sorted, 1);
        let upper = sorted[sorted.len() / 2];
        medians.push(if sorted.len() % 2 == 1 {
            upper
        } else {
            (sorted[sorted.len() / 2 - 1] + upper) / 2.0
        });
    }
    medians
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::SplitMix64;

    #[test]
    fn running_medians_are_medians() {
        let mut random = SplitMix64(5);
        for n in [0, 1, 2, 8, 9, 10, 60] {
            // Some are the same.
            let mut values: Vec<f64> = (0..n).map(|_| (random.uniform() * 20.0).floor() - 10.0).collect();
            if n > 20 {
                [values[3], values[11], values[12]] = [f64::INFINITY, -0.0, 0.0];
            }
            for reach in [0, 1, 4, 70] {
                let got = running_medians(&values, reach);
                assert_eq!(got.len(), n);
                for (i, got) in got.into_iter().enumerate() {
                    let want = median(&values[i.saturating_sub(reach)..(i + reach + 1).min(n)]);
                    assert_eq!(got.to_bits(), want.to_bits(), "{i} of {values:?}, {reach} to either side");
                }
            }
        }
    }

    #[test]
    fn quantiles() {
        assert_eq!(quantile(&[], 0.5), None);
        assert_eq!(quantile(&[3.0], 0.975), Some(3.0));
        assert_eq!(quantile(&[0.0, 1.0, 2.0, 3.0, 4.0], 0.5), Some(2.0));
        assert_eq!(quantile(&ascending(&[4.0, -1.0, 2.0]), 1.0), Some(4.0));
    }
}
