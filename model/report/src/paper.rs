//! Electrocardiograph paper: its grid, the calibration pulse, and a lead's trace at scale.

use crate::scene::{Colour, Graphic, Group, Pen};
use efficientecg_ecg::{Lead, statistics};

/// Sizes of the grid's squares in millimetres.
const FINE: f64 = 1.0;
/// What larger squares, rows and base lines are made of.
pub const SQUARE: f64 = 5.0;
const FINE_PEN: Pen = Pen { width: 0.1, colour: Colour(0xf7, 0xd3, 0xce) };
const SQUARE_PEN: Pen = Pen { width: 0.2, colour: Colour(0xe9, 0xa3, 0x99) };
/// The trace: as thick as that of a device.
const TRACE: Pen = Pen { width: 0.25, colour: Colour::BLACK };
/// The calibration pulse: 1 mV for 0.2 s.
const PULSE_SECONDS: f64 = 0.2;
/// The base line before and after the pulse.
const PULSE_LEAD: f64 = 2.5;
/// Closer samples are drawn as the range of those within this width, in millimetres.
const FINEST: f64 = 0.02;

/// How large a signal is drawn.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Scale {
    /// Millimetres a second.
    pub speed: f64,
    /// Millimetres a millivolt.
    pub gain: f64,
}

impl Scale {
    /// Gains that devices offer, from the usual one on.
    pub const GAINS: [f64; 3] = [10.0, 5.0, 2.5];
    /// The paper speed of devices.
    pub const SPEED: f64 = 25.0;

    /// Of 25 mm a second.
    pub fn new(gain: f64) -> Scale {
        Scale { speed: Scale::SPEED, gain }
    }
}

/// The grid of a place: left, top, width and height, whole squares of 5 mm.
pub fn paper_grid([left, top, width, height]: [f64; 4]) -> Group {
    let lines = |step: f64, every: Option<usize>| {
        let kept = |i: &usize| every.is_none_or(|every| !i.is_multiple_of(every));
        let count = |length: f64| 0..=(length / step).round() as usize;
        let upright = count(width).filter(kept).map(|i| left + i as f64 * step);
        let level = count(height).filter(kept).map(|i| top + i as f64 * step);
        let upright = upright.map(|x| vec![[x, top], [x, top + height]]);
        upright.chain(level.map(|y| vec![[left, y], [left + width, y]])).collect()
    };
    let fine = Graphic::Path { lines: lines(FINE, Some((SQUARE / FINE) as usize)), pen: FINE_PEN };
    let squares = Graphic::Path { lines: lines(SQUARE, None), pen: SQUARE_PEN };
    Group::new("grid", "", vec![fine, squares])
}

/// The calibration pulse: 1 mV for 0.2 s from the base line, which it stands on 2.5 mm after `x`.
pub fn pulse(x: f64, base: f64, scale: Scale) -> Group {
    let (from, top) = (x + PULSE_LEAD, base - scale.gain);
    let to = from + PULSE_SECONDS * scale.speed;
    let points = vec![[x, base], [from, base], [from, top], [to, top], [to, base], [to + PULSE_LEAD, base]];
    let title = format!("1 mV, {PULSE_SECONDS} s");
    Group::new("calibration", title, vec![Graphic::Path { lines: vec![points], pen: TRACE }])
}

/// A part of a lead in millivolts, its median at 0.
#[derive(Clone, Debug)]
pub(crate) struct Part<'a> {
    samples: &'a [f32],
    /// When the first of them is, in seconds.
    first: f64,
    rate: f64,
    millivolts: f64,
    /// What is subtracted, in the lead's unit.
    pub(crate) offset: f64,
}

impl<'a> Part<'a> {
    /// The samples from `from` to before `to`, in seconds.
    pub(crate) fn new(lead: &'a Lead, from: f64, to: f64) -> Part<'a> {
        let rate = lead.sample_rate;
        let place = |seconds: f64| ((seconds * rate - 1e-6).ceil().max(0.0) as usize).min(lead.samples.len());
        let (start, end) = (place(from), place(to));
        let samples = &lead.samples[start.min(end)..end];
        let finite: Vec<f64> = samples.iter().filter(|s| s.is_finite()).map(|s| f64::from(*s)).collect();
        let offset = statistics::quantile(&statistics::ascending(&finite), 0.5).unwrap_or(0.0);
        let millivolts = f64::from(lead.millivolts().unwrap_or(1.0));
        Part { samples, first: start as f64 / rate, rate, millivolts, offset }
    }

    /// Each sample's time in seconds and height in millivolts; NaN where it is missing.
    pub(crate) fn points(&self) -> impl Iterator<Item = (f64, f64)> {
        self.samples.iter().enumerate().map(|(i, sample)| {
            let height = if sample.is_finite() { f64::from(*sample) } else { f64::NAN };
            (self.first + i as f64 / self.rate, (height - self.offset) * self.millivolts)
        })
    }

    /// Whether no sample is there.
    pub(crate) fn is_missing(&self) -> bool {
        !self.samples.iter().any(|s| s.is_finite())
    }

    /// Its lines on paper, and whether any of it was cut off at `limits`, top and bottom. `x` is where the second 0 is.
    pub(crate) fn lines(
        &self,
        x: f64,
        base: f64,
        scale: Scale,
        limits: [f64; 2],
    ) -> (Vec<Vec<[f64; 2]>>, bool) {
        let mut lines = vec![Vec::new()];
        let mut is_cut = false;
        let mut put = |seconds: f64, height: f64| {
            if height.is_nan() {
                // A gap in the line.
                if lines.last().is_some_and(|line: &Vec<_>| !line.is_empty()) {
                    lines.push(Vec::new());
                }
                return;
            }
            let y = base - height * scale.gain;
            let kept = y.clamp(limits[0], limits[1]);
            is_cut |= kept != y;
            if let Some(line) = lines.last_mut() {
                line.push([x + seconds * scale.speed, kept]);
            }
        };
        let together = (FINEST / scale.speed * self.rate).floor() as usize;
        if together < 2 {
            self.points().for_each(|(seconds, height)| put(seconds, height));
        } else {
            let points: Vec<(f64, f64)> = self.points().collect();
            for part in points.chunks(together) {
                let extremes = part.iter().copied().filter(|(_, height)| !height.is_nan());
                let low = extremes.clone().min_by(|a, b| a.1.total_cmp(&b.1));
                let high = extremes.max_by(|a, b| a.1.total_cmp(&b.1));
                match (low, high) {
                    (Some(low), Some(high)) => {
                        let (first, last) = if low.0 <= high.0 { (low, high) } else { (high, low) };
                        put(first.0, first.1);
                        put(last.0, last.1);
                    }
                    _ => put(part[0].0, f64::NAN),
                }
            }
        }
        lines.retain(|line| !line.is_empty());
        (lines, is_cut)
    }
}

/// The trace of a lead, as lines that are ready to be drawn.
pub(crate) fn trace(name: &str, lines: Vec<Vec<[f64; 2]>>) -> Group {
    Group::new("trace", name, vec![Graphic::Path { lines, pen: TRACE }])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn close_samples_keep_their_extremes() {
        let mut samples: Vec<f32> = (0..10_000).map(|i| (i % 7) as f32 * 0.01).collect();
        (samples[4_321], samples[7_777]) = (3.0, -2.0);
        let lead = Lead::new("II", "mV", 10_000.0, samples);
        let part = Part::new(&lead, 0.0, 1.0);
        let (lines, is_cut) = part.lines(10.0, 50.0, Scale::new(10.0), [0.0, 100.0]);
        assert!(!is_cut && lines.len() == 1 && lines[0].len() <= 2 * 1250 + 2, "{}", lines[0].len());
        let top = lines[0].iter().copied().min_by(|a, b| a[1].total_cmp(&b[1])).expect("points");
        let bottom = lines[0].iter().copied().max_by(|a, b| a[1].total_cmp(&b[1])).expect("points");
        let y = |millivolts: f64| 50.0 - 10.0 * (millivolts - part.offset);
        for (got, want) in [(top, [10.0 + 0.4321 * 25.0, y(3.0)]), (bottom, [10.0 + 0.7777 * 25.0, y(-2.0)])]
        {
            assert!((got[0] - want[0]).abs() < 1e-6 && (got[1] - want[1]).abs() < 1e-6, "{got:?} {want:?}");
        }
    }

    #[test]
    fn missing_samples_are_gaps_and_heights_end_at_the_limits() {
        let mut samples = vec![0.0_f32; 100];
        samples[20..40].fill(f32::NAN);
        (samples[41], samples[60]) = (f32::NAN, 9.0);
        let lead = Lead::new("II", "mV", 100.0, samples);
        let (lines, is_cut) = Part::new(&lead, 0.0, 1.0).lines(0.0, 50.0, Scale::new(10.0), [10.0, 90.0]);
        let lengths: Vec<usize> = lines.iter().map(Vec::len).collect();
        assert_eq!(lengths, [20, 1, 58]);
        assert!(is_cut && lines[2].iter().any(|p| p[1] == 10.0), "{lines:?}");
    }
}
