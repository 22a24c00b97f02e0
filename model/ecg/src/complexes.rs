//! The QRS complexes of one lead against the record's usual one: what P waves and rows of beats are measured by.

use super::beats::median;
use super::qrs::SEGMENT;
use super::segments::{AlignedBeats, correlation};

/// What is known of the beats' QRS complexes.
#[derive(Clone, Debug)]
pub(super) struct Complexes {
    /// Correlation of each with the record's usual one; none outside of the record, on a flat lead, of a lone beat.
    pub(super) likeness: Vec<Option<f64>>,
    /// Peak to peak; none outside of the record.
    pub(super) height: Vec<Option<f64>>,
    /// The median height, 0 of none.
    pub(super) usual: f64,
    /// 1 where the usual complex's largest excursion is upwards, else -1.
    pub(super) sign: f64,
}

impl Complexes {
    /// For ascending `beats`, in samples at `rate` a second of a `lead` that is finite.
    pub(super) fn new(lead: &[f32], beats: &[i64], rate: f64) -> Complexes {
        let none = vec![None; beats.len()];
        let mut made = Complexes { likeness: none.clone(), height: none, usual: 0.0, sign: 1.0 };
        let inside = |beat: i64| (0..lead.len() as i64).contains(&beat);
        let peak_to_peak = |part: &[f32]| {
            let (low, high) =
                part.iter().fold((f32::MAX, f32::MIN), |(low, high), x| (low.min(*x), high.max(*x)));
            f64::from(high) - f64::from(low)
        };
        if let Some(aligned) = AlignedBeats::new(&[lead], beats, rate) {
            let qrs = aligned.qrs();
            let mut part = vec![0.0; qrs.len()];
            let largest = aligned.template.iter().copied().max_by(|a, b| a.abs().total_cmp(&b.abs()));
            made.sign = if largest.is_some_and(|x| x < 0.0) { -1.0 } else { 1.0 };
            for (i, place) in aligned.places.iter().enumerate().filter(|(i, _)| inside(beats[*i])) {
                qrs.cut(*place, &mut part);
                made.likeness[i] = Some(correlation(&part, &aligned.template));
                made.height[i] = Some(peak_to_peak(&part));
            }
        } else {
            // There is no usual beat to align one on.
            for (i, beat) in beats.iter().enumerate().filter(|(_, beat)| inside(**beat)) {
                made.height[i] =
                    SEGMENT.within(*beat, rate, lead.len()).map(|span| peak_to_peak(&lead[span]));
            }
        }
        made.usual = median(&made.height.iter().flatten().copied().collect::<Vec<f64>>());
        made
    }
}
