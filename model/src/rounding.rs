//! Whether a network bears to be rounded to 16 bits.
//!
//! Rounding moves each weight, and in bf16 each operand of a product, by up to 2^-9 of itself (2^-12 in f16). Sums over many
//! channels average that out. A network that passes through a few channels averages little, and its layers may amplify what
//! earlier ones erred by. No single layer is to blame then, and none that alone stays in f32 would help. So a network that is
//! narrow somewhere runs a trial when it is loaded: a few records of noise in both precisions. If they differ by too much, it
//! stays in f32.

use crate::config::{Config, FeatureKind};
use crate::inputs::{FeatureInput, Inputs};
use crate::model::{Model, Outputs};
use efficientecg_engine::{Engine, Precision};
use efficientecg_files::ItemError;

/// Networks of at least so many channels everywhere are not tried: of those at random none comes near the tolerance.
const NARROW: usize = 16;
/// Of the tolerance, what a record of a trial may differ by: other records differ by up to twice as much.
const PART: f64 = 0.6;
/// The longest record of a trial, in samples.
const SAMPLES: usize = 150;
/// The samples of all records of a trial, of which there are [`RECORDS`].
const TOTAL: usize = 1200;
const RECORDS: std::ops::RangeInclusive<usize> = 8..=64;
/// From noise from -1 to 1 to the standard deviation 1 of a normalised signal.
const SCALE: f32 = 1.732;

/// Whether the network is narrow somewhere.
pub(crate) fn is_narrow(config: &Config) -> Result<bool, ItemError> {
    let narrowest = config.blocks()?.iter().map(|b| b.c_in.min(b.c_out)).min();
    Ok(narrowest.unwrap_or(config.stem.channels).min(config.head_channels) < NARROW)
}

/// Puts the `exact` engine in place of a model's own if the trial says so, which is then noted.
pub(crate) fn settle(model: &mut Model, exact: Engine) {
    let wanted = model.precision;
    let inputs = trial(&model.config);
    let taps: Vec<String> = model.tap_names().map(str::to_owned).collect();
    let taps: Vec<&str> = taps.iter().map(String::as_str).collect();
    let rounded = model.run_with_taps(&inputs, &taps);
    let rounding = std::mem::replace(&mut model.engine, exact);
    // What overflows in f32 tells nothing; what overflows in 16 bits alone does.
    let error = model.run_with_taps(&inputs, &taps).map_or(0.0, |exact| {
        rounded.map_or(f64::INFINITY, |rounded| difference(&rounded, &exact, inputs.batch()))
    });
    if error <= PART * wanted.tolerance() {
        model.engine = rounding;
    } else {
        model.precision = Precision::F32;
        model.note = Some(format!(
            "{}: rounding changes the results of this network by {error:.1e}, which is too much; running in f32",
            wanted.name()
        ));
    }
}

/// Records of noise, every other one without its features.
fn trial(config: &Config) -> Inputs {
    let samples = config.samples.min(SAMPLES);
    let records = (TOTAL / samples.max(1)).clamp(*RECORDS.start(), *RECORDS.end());
    let mut inputs = Inputs::synthetic(config, samples, records);
    inputs.signal_mut().iter_mut().for_each(|x| *x *= SCALE);
    for (feature, (_, values)) in config.features().iter().zip(&mut inputs.features) {
        match values {
            FeatureInput::Continuous(values) => {
                let spread = match feature.kind {
                    FeatureKind::Continuous { scale, .. } => scale,
                    _ => 0.0,
                };
                values.iter_mut().enumerate().for_each(|(r, v)| *v += spread * (r / 2 % 2) as f64);
                values.iter_mut().skip(1).step_by(2).for_each(|v| *v = f64::NAN);
            }
            FeatureInput::Categorical(values) => values.iter_mut().skip(1).step_by(2).for_each(|v| *v = None),
            FeatureInput::Sequence { steps, .. } => steps.iter_mut().skip(1).step_by(2).for_each(|s| *s = 0),
            FeatureInput::Missing | FeatureInput::Named(_) => {}
        }
    }
    inputs
}

/// The most that a record's logits, probabilities or taps differ by, of the larger of 1 and the largest magnitude of them. Records are
/// normalised one by one: one of small results must not hide beside others.
fn difference(a: &Outputs, b: &Outputs, records: usize) -> f64 {
    let mut most = 0.0f32;
    for (a, b) in a.arrays().zip(b.arrays()) {
        let width = (b.len() / records).max(1);
        for (a, b) in a.chunks(width).zip(b.chunks(width)) {
            let size = b.iter().fold(1.0f32, |size, x| size.max(x.abs()));
            for (a, b) in a.iter().zip(b) {
                let off = (a - b).abs() / size;
                // A NaN counts as the largest, and stays.
                most = if off <= most || most.is_nan() { most } else { off };
            }
        }
    }
    f64::from(most)
}
