//! Leads III, aVR, aVL and aVF are kept as how they differ from what I and II give.

/// Resolves the differences in the first six of `leads`: I, II, III, aVR, aVL and aVF. Halves are rounded down, as by the package
/// `sierraecg`.
///
/// What is not compressed may hold the leads themselves: then the third is the second less the first, and they stay.
pub(super) fn rebuild(leads: &mut [Vec<i32>], compressed: bool) {
    let [i, ii, iii, avr, avl, avf, ..] = leads else { return };
    let pairs = || i.iter().zip(ii.iter());
    let size = |value: i64| value.unsigned_abs();
    if !compressed {
        let as_lead = pairs()
            .zip(iii.iter())
            .map(|((i, ii), iii)| size(i64::from(*ii) - i64::from(*i) - i64::from(*iii)));
        let as_difference = iii.iter().map(|iii| size((*iii).into()));
        if as_lead.sum::<u64>() < as_difference.sum::<u64>() {
            return;
        }
    }
    for ((i, ii), iii) in pairs().zip(iii.iter_mut()) {
        *iii = ii - i - *iii;
    }
    for ((i, ii), avr) in pairs().zip(avr) {
        *avr = -*avr - (i + ii).div_euclid(2);
    }
    for ((i, iii), avl) in i.iter().zip(iii.iter()).zip(avl) {
        *avl = (i - iii).div_euclid(2) - *avl;
    }
    for ((ii, iii), avf) in ii.iter().zip(iii.iter()).zip(avf) {
        *avf = (ii + iii).div_euclid(2) - *avf;
    }
}
