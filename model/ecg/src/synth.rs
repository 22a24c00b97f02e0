//! A synthetic two-lead ECG with known beats.
//!
//! The dynamical model of P. E. McSharry, G. D. Clifford, L. Tarassenko and L. A. Smith, *A dynamical model for
//! generating synthetic electrocardiogram signals*, IEEE Trans. Biomed. Eng. 50(3), 2003: a point runs around a circle
//! once a beat, and as it passes the angles of P, Q, R, S and T it is pulled up or down by the derivative of a Gaussian,
//! while it relaxes towards a baseline that wanders with respiration:
//!
//! ```text
//! dz/dt = - Σ a Δθ exp(-Δθ² / 2b²) - (z - z0(t))
//! ```
//!
//! On the circle the angle is linear in time within each beat, so the events stand here at times rather than angles:
//! with `Δθ = ω Δt`, `b = ω σ` and `a = A / (ω σ²)` an event of `A` mV at `t` and width `σ` pulls by `A Δt / σ²`
//! times its Gaussian, whatever the rate. So beats of any kind can follow each other at any distance, and a T wave may
//! run into the beat after it. As in the paper, R-R intervals swing with respiration (0.25 Hz) and Mayer waves (0.1 Hz).
//!
//! Three kinds of beat: normal (`N`); premature atrial (`A`: early, P wave of another shape, QRS as normal, the sinus
//! node reset); premature ventricular (`V`: early, no P wave, wide QRS with T against it, full compensatory pause). Leads
//! are MLII (upright) and V1 (rS). Q-T intervals follow the square root of R-R (Bazett).
//!
//! The same options give the same record: random numbers are the generator's own, and Gaussian ones are sums of uniform
//! ones, free of library functions. What remains are `exp` and `sin`, whose last bits vanish in 5 µV steps but for a
//! sample at the very edge of one.

use std::f64::consts::TAU;

use super::error::{Error, Result};
use super::wfdb::{Annotation, Annotations, Code};
use super::{Lead, Record, Sex};
use crate::random::SplitMix64;

/// What to generate.
#[derive(Debug, Clone, PartialEq)]
pub struct SynthOptions {
    /// Record name.
    pub name: String,
    /// Seed of all that is random.
    pub seed: u64,
    /// Duration in seconds, 10 to 86,400.
    pub seconds: f64,
    /// Samples a second, 100 to 2,000.
    pub sample_rate: f64,
    /// Mean rate of the sinus node in beats a minute, 40 to 120.
    pub heart_rate: f64,
    /// Standard deviation of the noise in mV, 0 to 1.
    pub noise: f64,
    /// Normal beats between two premature ones, on average; below 4 counts as 4. `None` for normal beats alone.
    pub premature_every: Option<u32>,
    /// Age in years, for the header.
    pub age: u32,
    /// Sex, for the header.
    pub sex: Sex,
}

impl Default for SynthOptions {
    fn default() -> Self {
        Self {
            name: "demo".into(),
            seed: 1,
            seconds: 90.0,
            sample_rate: 360.0,
            heart_rate: 72.0,
            noise: 0.012,
            premature_every: Some(8),
            age: 61,
            sex: Sex::Female,
        }
    }
}

/// One pull on the signal: `size` mV, `at` seconds from the R peak, `width` seconds (one standard deviation).
struct Event {
    size: f64,
    at: f64,
    width: f64,
}

const fn event(size: f64, at: f64, width: f64) -> Event {
    Event { size, at, width }
}

const P: [&[Event]; 2] =
    [&[event(0.13, -0.165, 0.024)], &[event(0.06, -0.180, 0.016), event(-0.05, -0.150, 0.016)]];
const P_ATRIAL: [&[Event]; 2] =
    [&[event(-0.09, -0.125, 0.018), event(0.03, -0.092, 0.012)], &[event(0.08, -0.120, 0.017)]];
const QRS: [&[Event]; 2] = [
    &[event(-0.11, -0.030, 0.009), event(1.30, 0.0, 0.0115), event(-0.26, 0.030, 0.010)],
    &[event(0.26, -0.014, 0.010), event(-0.95, 0.017, 0.0135), event(0.07, 0.050, 0.012)],
];
/// Times are those at 60 beats a minute.
const T: [&[Event]; 2] = [
    &[event(0.13, 0.235, 0.050), event(0.20, 0.290, 0.034)],
    &[event(0.07, 0.235, 0.050), event(0.09, 0.290, 0.036)],
];
const QRS_VENTRICULAR: [&[Event]; 2] = [
    &[
        event(0.55, -0.042, 0.022),
        event(1.45, 0.0, 0.026),
        event(0.45, 0.050, 0.022),
        event(-0.30, 0.110, 0.026),
    ],
    &[event(0.18, -0.060, 0.016), event(-1.25, -0.004, 0.027), event(-0.60, 0.052, 0.026)],
];
const T_VENTRICULAR: [&[Event]; 2] = [
    &[event(-0.24, 0.250, 0.060), event(-0.26, 0.320, 0.048)],
    &[event(0.20, 0.250, 0.060), event(0.24, 0.315, 0.048)],
];

/// Lead names, in the order of the tables.
const LEADS: [&str; 2] = ["MLII", "V1"];
/// An event is over after this many widths.
const REACH: f64 = 6.0;
/// The paper's relaxation towards the baseline, 1/s.
const RELAXATION: f64 = 1.0;
/// Largest deviation that is stored, mV: what 12 bits at 5 µV hold.
const LIMIT: f64 = 10.0;

struct Beat {
    time: f64,
    code: Code,
    /// Interval from the beat before, s.
    interval: f64,
    /// Amplitude relative to the tables.
    gain: f64,
}

/// Makes a record and the annotations of its beats.
///
/// # Errors
/// An option is out of its range.
pub fn generate(options: &SynthOptions) -> Result<(Record, Annotations)> {
    check(options)?;
    let mut random = SplitMix64(options.seed);
    let beats = beats(options, &mut random);
    let leads = (0..LEADS.len())
        .map(|index| Lead {
            name: LEADS[index].to_owned(),
            units: "mV".to_owned(),
            sample_rate: options.sample_rate,
            samples: lead(index, options, &beats, &mut random),
        })
        .collect();
    let letter = match options.sex {
        Sex::Female => 'F',
        Sex::Male => 'M',
    };
    let mut record = Record::new(options.name.clone(), options.sample_rate, leads);
    record.age = Some(f64::from(options.age));
    record.sex = Some(options.sex);
    record.comments = vec![
        format!("<age>: {} <sex>: {letter}", options.age),
        format!("Synthetic, after McSharry et al. 2003, seed {}; no patient.", options.seed),
    ];
    let mut items = Vec::new();
    let end = record.leads[0].samples.len() as i64;
    for beat in &beats {
        let time = (beat.time * options.sample_rate).round() as i64;
        if (0..end).contains(&time) {
            items.push(Annotation::new(time, beat.code));
        }
    }
    if let Some(first) = items.first() {
        let rhythm =
            Annotation { aux: b"(N\0".to_vec(), ..Annotation::new((first.time - 10).max(0), Code::RHYTHM) };
        items.insert(0, rhythm);
    }
    let annotations = Annotations { items, ..Annotations::default() };
    Ok((record, annotations))
}

fn check(options: &SynthOptions) -> Result<()> {
    for (item, expected, value, range) in [
        ("duration", "10 to 86400 s", options.seconds, 10.0..=86_400.0),
        ("sample rate", "100 to 2000 Hz", options.sample_rate, 100.0..=2000.0),
        ("heart rate", "40 to 120 beats a minute", options.heart_rate, 40.0..=120.0),
        ("noise", "0 to 1 mV", options.noise, 0.0..=1.0),
    ] {
        if !range.contains(&value) {
            return Err(Error::Parameter { item, expected, found: value.to_string() });
        }
    }
    Ok(())
}

/// The beats, from before the record to beyond its end.
fn beats(options: &SynthOptions, random: &mut SplitMix64) -> Vec<Beat> {
    let usual = 60.0 / options.heart_rate;
    let phases = [random.uniform() * TAU, random.uniform() * TAU];
    // Sinus intervals swing by some 3 % with Mayer waves, 4 % with respiration, and 1 % at random.
    let sinus = |t: f64, random: &mut SplitMix64| {
        let mayer = (TAU * 0.1 * t + phases[0]).sin();
        let breath = (TAU * 0.25 * t + phases[1]).sin();
        usual * (1.0 + 0.03 * mayer + 0.04 * breath + 0.01 * random.normal())
    };
    let run = |random: &mut SplitMix64| {
        let mean = options.premature_every.map(|n| n.max(4));
        mean.map(|n| n / 2 + random.below(n) + 1)
    };
    let mut beats: Vec<Beat> = Vec::new();
    let mut time = -2.0 * usual;
    let mut left = run(random);
    let mut premature = 0_u32;
    let mut interval = usual;
    while time < options.seconds + usual {
        let early = left == Some(0) && time > 0.0;
        // One of each kind comes first; then chance decides.
        let ventricular = if premature < 2 { premature == 0 } else { random.uniform() < 0.5 };
        let next = sinus(time, random);
        let gain = 1.0 + 0.04 * (TAU * 0.25 * time).sin() + 0.02 * random.normal();
        let mut beat = |time: f64, code: Code, interval: f64| {
            beats.push(Beat { time, code, interval, gain });
        };
        if early {
            // `time` is where the sinus beat was due, `interval` after the one before.
            let coupling = interval * (0.58 + 0.08 * random.uniform());
            let at = time - interval + coupling;
            let due = if ventricular {
                // The sinus node goes on beating: the beat that was due is blocked, the one after comes in time.
                beat(at, Code::VENTRICULAR, coupling);
                time + next
            } else {
                let at = at + 0.06 * interval;
                beat(at, Code::ATRIAL, at - (time - interval));
                at + 1.12 * next
            };
            interval = due - at;
            time = due;
            premature += 1;
            left = run(random);
        } else {
            beat(time, Code::NORMAL, interval);
            interval = next;
            time += next;
            left = left.map(|n| n.saturating_sub(1));
        }
    }
    beats
}

/// Samples of one lead in mV.
fn lead(index: usize, options: &SynthOptions, beats: &[Beat], random: &mut SplitMix64) -> Vec<f32> {
    let step = 1.0 / options.sample_rate;
    let count = (options.seconds * options.sample_rate) as usize;
    let pulls = pulls(index, beats);
    let swing = [0.05, 0.04][index];
    let phases = [random.uniform() * TAU, random.uniform() * TAU];
    let baseline =
        |t: f64| swing * (TAU * 0.25 * t + phases[0]).sin() + 0.06 * (TAU * 0.04 * t + phases[1]).sin();
    let rate = |t: f64, z: f64, near: &[Event]| {
        let pull = |e: &Event| {
            let u = (t - e.at) / e.width;
            -e.size * u / e.width * (-0.5 * u * u).exp()
        };
        near.iter().map(pull).sum::<f64>() - RELAXATION * (z - baseline(t))
    };
    // Runge-Kutta of order 4, two steps a sample, as the narrow events ask for.
    let h = step / 2.0;
    let (mut from, mut hum) = (0, 0.0);
    let mut samples = Vec::with_capacity(count);
    // A second ahead of the record, so that it may begin within a beat.
    let ahead = options.sample_rate as usize;
    let mut z = baseline(-(ahead as f64) * step);
    for i in 0..count + ahead {
        let t0 = (i as f64 - ahead as f64) * step;
        // Noise: white, and as much below some 30 Hz, as of muscles and electrodes.
        hum += (random.normal() - hum) * (TAU * 30.0 * step).min(1.0);
        let noise = options.noise * (0.6 * random.normal() + 0.8 * hum);
        if i >= ahead {
            samples.push((z + noise).clamp(-LIMIT, LIMIT) as f32);
        }
        while from < pulls.len() && pulls[from].at + REACH * pulls[from].width < t0 - 0.5 {
            from += 1;
        }
        let to = from + pulls[from..].partition_point(|e| e.at < t0 + 0.5);
        let near = &pulls[from..to];
        for half in 0..2 {
            let t = t0 + f64::from(half) * h;
            let k1 = rate(t, z, near);
            let k2 = rate(t + h / 2.0, z + h / 2.0 * k1, near);
            let k3 = rate(t + h / 2.0, z + h / 2.0 * k2, near);
            let k4 = rate(t + h, z + h * k3, near);
            z += h / 6.0 * (k1 + 2.0 * k2 + 2.0 * k3 + k4);
        }
    }
    samples
}

/// All events of a lead, at times from the record's start, ascending.
fn pulls(index: usize, beats: &[Beat]) -> Vec<Event> {
    let mut all = Vec::new();
    for beat in beats {
        // Bazett, tamed for beats that come very early or late.
        let stretch = beat.interval.clamp(0.5, 1.3).sqrt();
        let (p, qrs, t): (&[Event], &[Event], &[Event]) = match beat.code {
            Code::VENTRICULAR => (&[], QRS_VENTRICULAR[index], T_VENTRICULAR[index]),
            Code::ATRIAL => (P_ATRIAL[index], QRS[index], T[index]),
            _ => (P[index], QRS[index], T[index]),
        };
        let mut add = |events: &[Event], stretch: f64| {
            all.extend(events.iter().map(|e| Event {
                size: e.size * beat.gain,
                at: beat.time + e.at * stretch,
                width: e.width * stretch,
            }));
        };
        add(p, 1.0);
        add(qrs, 1.0);
        add(t, stretch);
    }
    all.sort_by(|a, b| a.at.total_cmp(&b.at));
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signals_are_plausible_millivolts() {
        let (record, truth) = generate(&SynthOptions::default()).expect("options in range");
        let count = |code| truth.items.iter().filter(|a| a.code == code).count();
        let counts = [Code::NORMAL, Code::ATRIAL, Code::VENTRICULAR].map(count);
        assert!(counts[0] > 70 && counts[1] >= 3 && counts[2] >= 3, "{counts:?}");
        assert_eq!(record.leads[0].samples.len(), 32_400);
        let at = |lead: usize, time: i64| record.leads[lead].samples[time as usize];
        for beat in truth.items.iter().filter(|a| a.code == Code::NORMAL) {
            assert!((0.9..1.7).contains(&at(0, beat.time)), "R of {} mV", at(0, beat.time));
            assert!((-1.4..-0.5).contains(&at(1, beat.time + 6)), "S of {} mV", at(1, beat.time + 6));
        }
        let beats = truth.beats();
        assert!(beats.windows(2).all(|w| (100..700).contains(&(w[1] - w[0]))));
        // Around a ventricular beat two intervals take as long as two sinus intervals.
        for (i, beat) in truth.items.iter().enumerate().skip(4) {
            if beat.code == Code::VENTRICULAR && i + 1 < truth.items.len() {
                let both = truth.items[i + 1].time - truth.items[i - 1].time;
                assert!((520..680).contains(&both), "{both}");
            }
        }
    }

    #[test]
    fn the_same_options_give_the_same_record() {
        let make = |seed| {
            let options = SynthOptions { seed, seconds: 12.0, ..SynthOptions::default() };
            generate(&options).expect("options in range")
        };
        assert_eq!(make(7), make(7));
        assert_ne!(make(7).0, make(8).0);
    }

    #[test]
    fn options_are_checked() {
        let wrong: [fn(&mut SynthOptions); 4] =
            [|o| o.seconds = f64::NAN, |o| o.sample_rate = 1e9, |o| o.heart_rate = 0.0, |o| o.noise = -1.0];
        for change in wrong {
            let mut options = SynthOptions::default();
            change(&mut options);
            assert!(generate(&options).is_err(), "{options:?}");
        }
    }
}
