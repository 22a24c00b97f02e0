use super::*;
use crate::random::SplitMix64;
use std::f64::consts::TAU;

/// A converter's steps of 5 µV.
fn steps(x: f64) -> f32 {
    ((x * 200.0).round() / 200.0) as f32
}

/// The phase of a beat at 66 a minute.
fn phase(t: f64) -> f64 {
    (1.1 * t).fract()
}

/// A bump.
fn bump(x: f64, at: f64, width: f64) -> f64 {
    (-((x - at) / width).powi(2) / 2.0).exp()
}

/// P, Q, R, S and T of a beat, in mV.
fn beat(phase: f64) -> f64 {
    bump(phase, 0.4, 0.012) - 0.2 * bump(phase, 0.43, 0.012)
        + 0.25 * bump(phase, 0.65, 0.05)
        + 0.1 * bump(phase, 0.24, 0.025)
}

/// 30 s of a function of time and random numbers.
fn made(rate: f64, mut f: impl FnMut(f64, &mut SplitMix64) -> f64) -> Vec<f32> {
    let mut random = SplitMix64(7);
    (0..(30.0 * rate) as usize).map(|i| steps(f(i as f64 / rate, &mut random))).collect()
}

/// Noise whose power falls with the frequency: a sum of averages with these memories.
fn coloured(rate: f64, memories: &'static [f64]) -> Vec<f32> {
    let mut state = vec![0.0; memories.len()];
    made(rate, |_, random| {
        for (y, memory) in state.iter_mut().zip(memories) {
            *y = memory * *y + (1.0 - memory * memory).sqrt() * random.normal();
        }
        0.2 * state.iter().sum::<f64>()
    })
}

/// Signals that hold no ECG, each with the reasons that tell so.
fn without_ecg(rate: f64) -> Vec<(&'static str, Vec<f32>)> {
    let samples = (30.0 * rate) as usize;
    let mut walk = 0.0;
    let mut speech = [0.0; 3];
    let square = |t: f64, duty: f64| f64::from(u8::from(phase(t) < duty));
    let pressure = |t: f64| {
        let p = phase(t);
        let rise = if p < 0.12 { (p / 0.12 * TAU / 4.0).sin() } else { (-(p - 0.12) / 0.25).exp() };
        rise + 0.12 * bump(p, 0.42, 0.02)
    };
    vec![
        ("zeros", vec![0.0; samples]),
        ("all samples missing", vec![f32::NAN; samples]),
        ("a constant", vec![-3.25; samples]),
        ("no sample", Vec::new()),
        ("one sample", vec![1.0]),
        ("two samples", vec![0.0, 1.0]),
        ("hum of 50 Hz", made(rate, |t, _| 0.5 * (TAU * 50.0 * t).sin())),
        ("hum of 60 Hz and noise", made(rate, |t, r| 0.3 * (TAU * 60.02 * t).sin() + 0.01 * r.normal())),
        ("white noise", made(rate, |_, r| 0.2 * r.normal())),
        ("pink noise", coloured(rate, &[0.0, 0.7, 0.95, 0.99, 0.999])),
        ("brown noise", coloured(rate, &[0.999])),
        (
            "a random walk",
            made(rate, |_, r| {
                walk += 0.02 * r.normal();
                walk
            }),
        ),
        ("a sine of 1 Hz", made(rate, |t, _| (TAU * t).sin())),
        ("a sine of 1 Hz and noise", made(rate, |t, r| (TAU * t).sin() + 0.01 * r.normal())),
        ("a sine of 5 Hz", made(rate, |t, _| (TAU * 5.0 * t).sin())),
        ("a sine of 12 Hz", made(rate, |t, r| (TAU * 12.0 * t).sin() + 0.01 * r.normal())),
        ("a square wave", made(rate, |t, _| square(t, 0.5))),
        ("a square wave and noise", made(rate, |t, r| square(t, 0.5) + 0.02 * r.normal())),
        ("a sawtooth", made(rate, |t, _| phase(t))),
        ("a triangle", made(rate, |t, r| (phase(t) - 0.5).abs() + 0.005 * r.normal())),
        ("pulses of calibration", made(rate, |t, r| square(t, 0.2) + 0.01 * r.normal())),
        ("short pulses of calibration", made(rate, |t, r| square(t, 0.05) + 0.01 * r.normal())),
        (
            "impulses at random",
            made(rate, |_, r| f64::from(u8::from(r.uniform() < 1.2 / rate)) + 0.01 * r.normal()),
        ),
        ("a respiration", made(rate, |t, r| (TAU * 0.25 * t).sin() + 0.002 * r.normal())),
        (
            "bursts of muscle",
            made(rate, |t, r| 0.3 * r.normal() * (0.05 + f64::from(u8::from((TAU * 0.4 * t).sin() > 0.3)))),
        ),
        (
            "speech",
            made(rate, |t, r| {
                speech = [r.normal(), speech[0], speech[1]];
                0.1 * speech.iter().sum::<f64>() * (0.1 + (TAU * 3.0 * t + 2.0 * t.sin()).sin().max(0.0))
            }),
        ),
        ("from rail to rail", made(rate, |t, _| (30.0 * (TAU * 1.2 * t).sin()).clamp(-5.0, 5.0))),
        ("an ECG below one step", made(rate, |t, _| (0.9 * beat(phase(t))).round())),
        (
            "the pulse in a finger",
            made(rate, |t, r| {
                bump(phase(t), 0.3, 0.057) + 0.45 * bump(phase(t), 0.55, 0.085) + 0.005 * r.normal()
            }),
        ),
        ("an arterial pressure", made(rate, |t, r| 80.0 + 40.0 * pressure(t) + 0.2 * r.normal())),
    ]
}

/// Why the record of one lead is refused.
fn refused(samples: &[f32], rate: f64) -> Option<Reason> {
    RecordQuality::new(&[LeadQuality::of(samples, rate)], true).reason()
}

#[test]
fn what_holds_no_ecg_is_refused() {
    for rate in [128.0, 250.0, 300.0, 360.0, 500.0, 1000.0] {
        let passed: Vec<_> = without_ecg(rate)
            .into_iter()
            .filter(|(_, samples)| refused(samples, rate).is_none())
            .map(|(name, samples)| (name, LeadQuality::of(&samples, rate)))
            .collect();
        assert!(passed.is_empty(), "at {rate} Hz: {passed:#?}");
    }
}

#[test]
fn reasons_are_the_ones_a_person_would_give() {
    let all = without_ecg(360.0);
    let reason = |name: &str| {
        let (_, samples) = all.iter().find(|(other, _)| *other == name).expect("one of the kinds");
        refused(samples, 360.0)
    };
    for (name, want) in [
        ("zeros", Reason::Flat),
        ("a constant", Reason::Flat),
        ("all samples missing", Reason::Missing),
        ("no sample", Reason::Short),
        ("one sample", Reason::Short),
        ("two samples", Reason::Short),
        ("hum of 50 Hz", Reason::Hum),
        ("hum of 60 Hz and noise", Reason::Hum),
        ("white noise", Reason::Noise),
        ("from rail to rail", Reason::Clipped),
        ("an ECG below one step", Reason::Flat),
        ("short pulses of calibration", Reason::Shape),
        ("an arterial pressure", Reason::Shape),
    ] {
        assert_eq!(reason(name), Some(want), "{name}");
    }
}

#[test]
fn an_ecg_is_assessed_whatever_disturbs_it_a_little() {
    for rate in [100.0, 128.0, 250.0, 300.0, 360.0, 500.0, 1000.0] {
        let cases = [
            made(rate, |t, _| beat(phase(t))),
            made(rate, |t, _| -1000.0 * beat(phase(t)) + 70_000.0),
            made(rate, |t, r| beat(phase(t)) + 0.05 * r.normal()),
            made(rate, |t, _| beat(phase(t)) + 2.0 * (TAU * 0.3 * t).sin()),
            made(rate, |t, _| beat(phase(t)) + 0.1 * (TAU * 50.0 * t).sin()),
            made(rate, |t, _| beat(phase(t)).clamp(-0.1, 0.7)),
            // Half a second missing, a second flat, and every third sample missing.
            made(rate, |t, _| if (4.0..4.5).contains(&t) { f64::NAN } else { beat(phase(t)) }),
            made(rate, |t, _| if (4.0..5.0).contains(&t) { 0.0 } else { beat(phase(t)) }),
        ];
        for (i, samples) in cases.iter().enumerate() {
            assert_eq!(
                refused(samples, rate),
                None,
                "case {i} at {rate} Hz: {:#?}",
                LeadQuality::of(samples, rate)
            );
        }
    }
}

#[test]
fn scale_offset_and_sign_say_nothing() {
    let plain = made(360.0, |t, r| beat(phase(t)) + 0.02 * r.normal());
    let of = |samples: &[f32]| LeadQuality::of(samples, 360.0).windows[1];
    let moved: Vec<f32> = plain.iter().map(|v| 64.0 - 8.0 * v).collect();
    let (a, b) = (of(&plain), of(&moved));
    for (a, b) in [
        (a.p, b.p),
        (a.bas, b.bas),
        (a.k, b.k),
        (a.likeness, b.likeness),
        (a.surroundings, b.surroundings),
        (a.height, b.height),
        (a.focus, b.focus),
        (a.edge, b.edge),
        (a.slope, b.slope),
        (a.hum, b.hum),
    ] {
        assert!(a.is_finite() && (a - b).abs() <= 1e-3 * a.abs().max(1.0), "{a} {b}");
    }
}

#[test]
fn any_samples_give_finite_indices() {
    let mut random = SplitMix64(3);
    for round in 0..200 {
        let rate = [1e-3, 20.0, 50.0, 360.0, 1e5][round % 5];
        let count = (random.uniform() * 3000.0) as usize;
        let samples: Vec<f32> = (0..count)
            .map(|_| match (random.uniform() * 12.0) as u32 {
                0 => f32::NAN,
                1 => f32::INFINITY,
                2 => f32::MAX,
                3 => f32::MIN_POSITIVE,
                4..8 => 0.0,
                _ => random.normal() as f32,
            })
            .collect();
        for window in LeadQuality::of(&samples, rate).windows {
            let numbers = [
                window.missing,
                window.flat,
                window.clipped,
                window.hum,
                window.bas,
                window.p,
                window.k,
                window.rate,
                window.likeness,
                window.surroundings,
                window.height,
                window.focus,
                window.edge,
                window.slope,
            ];
            assert!(numbers.iter().all(|x| x.is_finite()), "{window:?}");
        }
    }
}

/// A window with a reason, or without.
fn lead(reasons: &[Option<Reason>]) -> LeadQuality {
    let good = QualityIndex {
        seconds: 10.0,
        sample_rate: 360.0,
        levels: 10,
        bas: 1.0,
        p: 0.5,
        k: 10.0,
        rate: 60.0,
        complexes: 9,
        likeness: 1.0,
        surroundings: 1.0,
        height: 10.0,
        focus: 0.9,
        edge: 0.2,
        slope: 0.3,
        ..QualityIndex::default()
    };
    let window = |reason: &Option<Reason>| match reason {
        Some(Reason::Flat) => QualityIndex { flat: 1.0, ..good },
        Some(Reason::Noise) => QualityIndex { height: 1.0, ..good },
        _ => good,
    };
    LeadQuality { seconds: 10.0 * reasons.len() as f64, windows: reasons.iter().map(window).collect() }
}

#[test]
fn leads_and_windows_are_counted() {
    let (flat, noise) = (Some(Reason::Flat), Some(Reason::Noise));
    let first = lead(&[None, flat, noise, noise, None, None]);
    let second = lead(&[None, None, None, flat, None, flat]);
    // One lead is itself.
    let one = RecordQuality::new(std::slice::from_ref(&first), false);
    assert_eq!(one.windows, [None, flat, noise, noise, None, None]);
    assert_eq!(one.reason(), None, "half of the record is there");
    assert_eq!(one.episodes(), [Episode { onset: 10.0, end: 40.0, reason: Reason::Noise }]);
    for (seconds, want) in [(-1.0, None), (9.9, None), (10.0, flat), (39.0, noise), (1e9, None)] {
        assert_eq!(one.at(seconds), want, "{seconds}");
    }
    // Of two leads one is enough, but beats are not found where the first is flat.
    let both = [first.clone(), second.clone()];
    assert_eq!(RecordQuality::new(&both, false).windows, [None, None, None, flat, None, None]);
    assert_eq!(RecordQuality::new(&both, true).windows, [None, flat, None, flat, None, None]);
    // Of eight, four are enough.
    let mut eight = vec![second; 4];
    eight.extend(vec![lead(&[None; 6]); 4]);
    assert_eq!(RecordQuality::new(&eight, false).windows, [None; 6]);
    let worse = RecordQuality::new(&[lead(&[flat, flat, None])], false);
    assert_eq!((worse.reason(), RecordQuality::new(&[], false).reason()), (flat, Some(Reason::Short)));
}

#[test]
fn windows_are_of_one_length() {
    for (seconds, want) in [(2.0, 1), (14.9, 1), (15.1, 2), (30.0, 3), (1800.0, 180)] {
        let quality = LeadQuality::of(&vec![0.0; (seconds * 50.0) as usize], 50.0);
        assert_eq!(quality.windows.len(), want, "{seconds} s");
        assert!(quality.windows.windows(2).all(|w| (w[0].seconds - w[1].seconds).abs() <= 0.021));
    }
}
