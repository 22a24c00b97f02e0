//! One lead of a record as the network takes it: without hum, its gaps bridged, at the network's rate, normalised.

use super::{ClassifyError, Settings, Spent, Unit, timed};
use crate::config::{Config, Normalize};
use efficientecg_ecg::resample::Resampler;
use efficientecg_ecg::{
    self as ecg, Lead, Record, filter, gaps::Gaps, held, leads, mains, normalize, quality::LeadQuality,
};
use std::borrow::Cow;

/// The record's leads for the configuration's, each an ECG unless the settings take any.
pub(super) fn choose(
    config: &Config,
    record: &Record,
    settings: &Settings,
) -> Result<Vec<usize>, ecg::Error> {
    let chosen = leads::select(record, &config.leads, &settings.leads)?;
    if !settings.any_lead {
        leads::check_ecg(record, &chosen, &config.leads)?;
    }
    Ok(chosen)
}

/// One resampler for each rate of the record and its leads.
pub(super) struct Resamplers(Vec<(f64, Resampler)>);

impl Resamplers {
    pub(super) fn new(record: &Record, leads: &[&Lead], to: f64) -> Result<Resamplers, ecg::Error> {
        let mut made: Vec<(f64, Resampler)> = Vec::new();
        for rate in std::iter::once(record.sample_rate).chain(leads.iter().map(|lead| lead.sample_rate)) {
            if made.iter().all(|(own, _)| *own != rate) {
                made.push((rate, Resampler::new(rate, to)?));
            }
        }
        Ok(Resamplers(made))
    }

    fn of(&self, rate: f64) -> Option<&Resampler> {
        self.0.iter().find(|(own, _)| *own == rate).map(|(_, resampler)| resampler)
    }

    /// A lead at the configuration's rate.
    fn apply(&self, rate: f64, samples: Vec<f32>) -> Vec<f32> {
        match self.of(rate) {
            Some(resampler) if !resampler.is_identity() => resampler.apply(&samples),
            _ => samples,
        }
    }

    /// Where a sample comes to lie.
    pub(super) fn position(&self, rate: f64, index: i64) -> i64 {
        self.of(rate).map_or(index, |resampler| resampler.position(index))
    }
}

/// A lead's samples without mains hum, if the record is classified as a whole. The networks of beats saw the hum of their records in training.
/// Held samples are missing by then, as they hum no more.
pub(super) fn without_hum(unit: Unit, lead: &Lead) -> Cow<'_, [f32]> {
    if unit != Unit::Record {
        return Cow::Borrowed(&lead.samples);
    }
    let mut samples = lead.samples.clone();
    held::blank(&mut samples, lead.sample_rate);
    mains::remove(&mut samples, lead.sample_rate);
    Cow::Owned(samples)
}

/// One lead as the network takes it, z-scored or in mV, and its long gaps. Missing samples are bridged, and take no part in mean, deviation
/// and median.
pub(super) fn prepare(
    config: &Config,
    lead: &Lead,
    unit: Unit,
    resamplers: &Resamplers,
    spent: &mut Spent,
) -> Result<(Vec<f32>, Gaps), ClassifyError> {
    let scale = match config.normalize {
        Normalize::Zscore => 1.0,
        Normalize::Median | Normalize::None => lead
            .millivolts()
            .ok_or_else(|| ClassifyError::Units { lead: lead.name.clone(), units: lead.units.clone() })?,
    };
    let (mut samples, gaps, long) = timed(&mut spent.resample, || {
        let mut samples = without_hum(unit, lead).into_owned();
        held::blank(&mut samples, lead.sample_rate);
        let gaps = Gaps::of(&samples);
        filter::fill_missing(&mut samples);
        let samples = resamplers.apply(lead.sample_rate, samples);
        let place = |gaps: Gaps| gaps.resampled(lead.sample_rate, config.sample_rate, samples.len());
        let (long, gaps) = (place(gaps.clone().long(lead.sample_rate)), place(gaps));
        (samples, gaps, long)
    });
    timed(&mut spent.normalize, || {
        if scale != 1.0 {
            samples.iter_mut().for_each(|x| *x *= scale);
        }
        match config.normalize {
            Normalize::Zscore => normalize::z_score_without(&mut samples, &gaps),
            Normalize::Median => normalize::less_median(&mut samples, &gaps),
            Normalize::None => {}
        }
    });
    Ok((samples, long))
}

/// Of less than this part of its power without the hum, a lead is covered by it: of an ECG a hum higher than the QRS complexes leaves more.
const COVERED: f64 = 0.12;

/// The quality of a lead, without hum where that is taken off and does not cover it. What cannot be assessed even so has the reason of the
/// lead as it is.
pub(super) fn quality(unit: Unit, lead: &Lead) -> LeadQuality {
    let as_it_is = LeadQuality::of(&lead.samples, lead.sample_rate);
    if unit != Unit::Record || as_it_is.windows.iter().all(|window| window.reason().is_none()) {
        return as_it_is;
    }
    let samples = without_hum(unit, lead);
    if power(&samples) < COVERED * power(&lead.samples) {
        return as_it_is;
    }
    let mut clean = LeadQuality::of(&samples, lead.sample_rate);
    for (clean, as_it_is) in clean.windows.iter_mut().zip(&as_it_is.windows) {
        if clean.reason().is_some() && as_it_is.reason().is_some() {
            *clean = *as_it_is;
        }
    }
    clean
}

/// The variance of the samples that are not missing.
fn power(samples: &[f32]) -> f64 {
    let known = || samples.iter().filter(|v| v.is_finite()).map(|v| f64::from(*v));
    let count = known().count().max(1) as f64;
    let mean = known().sum::<f64>() / count;
    known().map(|v| (v - mean) * (v - mean)).sum::<f64>() / count
}

#[cfg(test)]
mod tests {
    use super::*;
    use efficientecg_ecg::quality::Reason;
    use std::f64::consts::TAU;

    /// A lead of 10 s at 300 Hz: beats of a QRS complex and a T wave, `ecg` mV high, and hum of 50 Hz, `hum` mV high.
    fn lead(ecg: f64, hum: f64) -> Lead {
        let bump = |t: f64, at: f64, width: f64| (-((t - at) / width).powi(2) / 2.0).exp();
        let sample = |i: usize| {
            let t = i as f64 / 300.0;
            let beat = t % 0.8;
            let qrs = bump(beat, 0.3, 0.012) - 0.2 * bump(beat, 0.33, 0.012);
            (ecg * (qrs + 0.25 * bump(beat, 0.55, 0.05)) + hum * (TAU * 50.0 * t).sin()) as f32
        };
        Lead::new("ECG", "mV", 300.0, (0..3000).map(sample).collect())
    }

    fn reason(unit: Unit, lead: &Lead) -> Option<Reason> {
        quality(unit, lead).windows[0].reason()
    }

    #[test]
    fn hum_that_is_taken_off_is_not_held_against_a_record() {
        assert_eq!(reason(Unit::Record, &lead(1.0, 0.0)), None);
        for hum in [0.1, 0.3] {
            assert_eq!(reason(Unit::Record, &lead(1.0, hum)), None, "{hum}");
        }
        // What it covers is refused, for beats and for records.
        for unit in [Unit::Record, Unit::Beat] {
            assert!(reason(unit, &lead(1.0, 3.0)).is_some());
            assert!(reason(unit, &lead(0.0, 1.0)).is_some());
        }
    }
}
