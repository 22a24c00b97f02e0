//! Streams against whole records.

use super::*;
use crate::random::SplitMix64;
use crate::synth::{SynthOptions, generate};
use crate::{held, peaks, resample::Resampler};
use proptest::prelude::*;

/// A synthetic record's leads; at heart rates that it does not have, regular beats of a QRS complex and a T wave with noise.
fn leads(seconds: f64, rate: f64, beats: f64, seed: u64) -> Vec<Vec<f32>> {
    if (40.0..=120.0).contains(&beats) {
        let (sample_rate, heart_rate) = (rate, beats);
        let options = SynthOptions { seconds, sample_rate, heart_rate, seed, ..SynthOptions::default() };
        let (record, _) = generate(&options).expect("a record");
        return record.leads.into_iter().map(|lead| lead.samples).collect();
    }
    let mut random = SplitMix64(seed);
    let bump = |t: f64, at: f64, width: f64| (-((t - at) / width).powi(2) / 2.0).exp();
    let mut sample = |i: usize| {
        let t = (i as f64 / rate) % (60.0 / beats);
        let wave = bump(t, 0.1, 0.012) - 0.2 * bump(t, 0.13, 0.012) + 0.2 * bump(t, 0.25, 0.03);
        (wave + 0.01 * random.normal()) as f32
    };
    let lead: Vec<f32> = (0..(seconds * rate) as usize).map(&mut sample).collect();
    let other = lead.iter().map(|v| 0.3 - 0.5 * v).collect();
    vec![lead, other]
}

/// One sample of each lead in turn.
fn in_turn(leads: &[Vec<f32>]) -> Vec<f32> {
    (0..leads[0].len()).flat_map(|i| leads.iter().map(move |lead| lead[i])).collect()
}

/// Pushes all in parts of the lengths that `part` gives; the beats, and the history when each was told.
fn pushed(stream: &mut Stream, samples: &[f32], mut part: impl FnMut() -> usize) -> Vec<(StreamBeat, u64)> {
    let mut told = Vec::new();
    let mut rest = samples;
    while !rest.is_empty() {
        let (mut now, later) = rest.split_at(part().clamp(1, rest.len()));
        rest = later;
        while !now.is_empty() {
            now = &now[stream.push(now)..];
            while let Some(beat) = stream.beat() {
                assert!(stream.seconds() - beat.seconds <= DELAY, "{beat:?} at {}", stream.seconds());
                told.push((beat, digest(stream)));
            }
        }
    }
    stream.finish();
    while let Some(beat) = stream.beat() {
        told.push((beat, digest(stream)));
    }
    told
}

/// Of the bits of all that is kept.
fn digest(stream: &Stream) -> u64 {
    let history = stream.history();
    let mut mixed = SplitMix64(history.first as u64);
    let mut mix = |x: u64| mixed = SplitMix64(mixed.next() ^ x);
    history.signals.iter().for_each(|s| s.iter().for_each(|v| mix(u64::from(v.to_bits()))));
    history.places.iter().for_each(|place| mix(*place as u64));
    let gaps = history.gaps.iter().chain([&history.missing.beats, &history.missing.any]);
    gaps.for_each(|gaps| gaps.spans().iter().for_each(|span| mix((span.start * 31 + span.end) as u64)));
    mixed.next()
}

fn times(beats: &[(StreamBeat, u64)]) -> Vec<i64> {
    beats.iter().map(|(beat, _)| beat.time).collect()
}

fn told(leads: &[Vec<f32>], rate: f64) -> Vec<i64> {
    let mut stream = Stream::new(leads.len(), rate, 180.0).expect("fair rates");
    times(&pushed(&mut stream, &in_turn(leads), || 1000))
}

fn whole(lead: &[f32], rate: f64) -> Vec<i64> {
    peaks::detect(lead, rate).expect("a fair rate").into_iter().map(|peak| peak as i64).collect()
}

#[test]
fn beats_are_those_of_the_whole_record() {
    for (rate, beats) in
        [(50.0, 130.0), (128.0, 60.0), (250.0, 30.0), (360.0, 72.0), (360.0, 220.0), (1000.0, 110.0)]
    {
        let leads = leads(90.0, rate, beats, 7);
        let (got, want) = (told(&leads, rate), whole(&leads[0], rate));
        assert!(want.len() > 35, "{rate} Hz, {beats} a minute: {}", want.len());
        assert_eq!(got.len(), want.len(), "{rate} Hz, {beats} a minute: {got:?} {want:?}");
        let far = got.iter().zip(&want).map(|(a, b)| (a - b).abs()).max();
        assert!(far <= Some(1), "{rate} Hz, {beats} a minute: {far:?}");
    }
}

/// What a stream may be made of: an ECG, noise, nothing; some of it missing, held, clipped or absurd.
fn odd(seed: u64, seconds: f64, rate: f64) -> Vec<Vec<f32>> {
    let mut random = SplitMix64(seed);
    let mut made = leads(seconds, rate, 40.0 + 160.0 * random.uniform(), seed);
    for lead in &mut made {
        for _ in 0..random.below(6) {
            let from = random.below(lead.len() as u32) as usize;
            let length = (random.uniform().powi(3) * 8.0 * rate) as usize + 1;
            let kind = random.below(6);
            let held = lead[from];
            let end = (from + length).min(lead.len());
            for v in &mut lead[from..end] {
                *v = match kind {
                    0 => f32::NAN,
                    1 => held,
                    2 => 1e30,
                    3 => random.normal() as f32,
                    4 if random.uniform() < 0.5 => f32::NAN,
                    5 => v.clamp(-0.1, 0.1),
                    _ => *v,
                };
            }
        }
    }
    made
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// To the bit, with all that is kept.
    #[test]
    fn what_comes_out_does_not_depend_on_the_parts(seed in 0u64..1 << 40, most in 1u32..5000) {
        let rate = [100.0, 128.0, 360.0][(seed % 3) as usize];
        let samples = in_turn(&odd(seed, 40.0, rate));
        let stream = || Stream::new(2, rate, 180.0).expect("fair rates");
        let want = pushed(&mut stream(), &samples, || usize::MAX);
        let mut random = SplitMix64(seed);
        let got = pushed(&mut stream(), &samples, || 1 + random.below(most) as usize);
        let bits = |told: &[(StreamBeat, u64)]| told.iter().map(|(b, d)| (b.time, b.reason, *d)).collect::<Vec<_>>();
        prop_assert_eq!(bits(&got), bits(&want));
        prop_assert!(want.windows(2).all(|w| w[0].0.time < w[1].0.time));
        prop_assert!(want.iter().all(|(b, _)| b.seconds == b.time as f64 / rate && b.seconds >= 0.0));
    }
}

#[test]
fn the_signal_that_is_kept_is_that_of_the_whole_record() {
    let rate = 360.0;
    let mut leads = leads(60.0, rate, 72.0, 3);
    leads[0][4000..4005].fill(f32::NAN);
    leads[1][9000..9100].fill(f32::NAN);
    let held = leads[0][15_000];
    leads[0][15_000..15_150].fill(held);
    let mut stream = Stream::new(2, rate, 180.0).expect("fair rates");
    pushed(&mut stream, &in_turn(&leads), || 77);
    let history = stream.history();
    let resampler = Resampler::new(rate, 180.0).expect("fair rates");
    let mut long = Vec::new();
    for (lead, (signal, gaps)) in leads.iter().zip(history.signals.iter().zip(&history.gaps)) {
        let mut samples = lead.clone();
        held::blank(&mut samples, rate);
        let missing = Gaps::of(&samples);
        crate::filter::fill_missing(&mut samples);
        let want = resampler.apply(&samples);
        assert_eq!(signal, &want);
        assert_eq!(gaps, &missing.clone().resampled(rate, 180.0, want.len()));
        assert!(!gaps.is_empty());
        long.push(missing.long(rate).resampled(rate, 180.0, want.len()));
    }
    assert_eq!(history.missing.beats, long[0]);
    assert_eq!(history.missing.any, long[0].or(&long[1]));
    let want: Vec<i64> = told(&leads, rate).into_iter().map(|t| resampler.position(t)).collect();
    assert_eq!(history.places, want);
    assert_eq!(history.index(told(&leads, rate)[3]), Some(3));
    assert_eq!(history.index(-5), None);
}

#[test]
fn a_lead_that_is_off_has_no_beats_and_says_why() {
    let rate = 250.0;
    for (value, want) in [(f32::NAN, Reason::Missing), (0.0, Reason::Flat), (f32::INFINITY, Reason::Missing)]
    {
        let mut leads = leads(80.0, rate, 72.0, 5);
        leads.iter_mut().for_each(|lead| lead[30 * 250..50 * 250].fill(value));
        let samples = in_turn(&leads);
        let mut stream = Stream::new(2, rate, 180.0).expect("fair rates");
        let mut beats = pushed(&mut stream, &samples[..2 * 250 * 45], || 500);
        assert_eq!(stream.reason(), Some(want), "{value}");
        assert!(beats.iter().all(|(beat, _)| beat.seconds < 30.0));
        assert!(beats.iter().filter(|(beat, _)| beat.reason.is_none()).count() > 25);
        let mut stream = Stream::new(2, rate, 180.0).expect("fair rates");
        beats = pushed(&mut stream, &samples, || 500);
        assert_eq!(stream.reason(), None, "{value}");
        let times = times(&beats);
        assert!(times.iter().all(|t| !(30 * 250 + 5..50 * 250 - 5).contains(t)), "{value}: {times:?}");
        let after = times.iter().filter(|t| **t > 51 * 250).count();
        assert!((32..=37).contains(&after), "{value}: {after}");
    }
}

#[test]
fn a_pause_stays_a_pause() {
    let rate = 360.0;
    let mut lead = leads(150.0, rate, 72.0, 11).swap_remove(0);
    let mut random = SplitMix64(1);
    // The heart stands still for a minute; what is left is noise of a two hundredth of a beat.
    lead[60 * 360..120 * 360].iter_mut().for_each(|v| *v = 0.005 * random.normal() as f32);
    let beats = told(&[lead], rate);
    let within: Vec<_> = beats.iter().filter(|t| (61 * 360..119 * 360).contains(*t)).collect();
    assert!(within.is_empty(), "{within:?}");
    assert!(beats.iter().filter(|t| **t > 121 * 360).count() > 30);
}

#[test]
fn nothing_is_found_in_nothing() {
    let rate = 360.0;
    for value in [0.0, 2.5, -1e30, f32::NAN, f32::NEG_INFINITY, f32::MAX] {
        let lead = vec![value; 360 * 60];
        assert_eq!(told(&[lead.clone(), lead], rate), [0; 0], "{value}");
    }
    for length in [0, 1, 2, 35, 36, 37, 719] {
        let lead = leads(10.0, rate, 72.0, 2).swap_remove(0)[..length].to_vec();
        let want = whole(&lead, rate);
        assert_eq!(if length == 0 { Vec::new() } else { told(&[lead], rate) }, want, "{length} samples");
    }
}

#[test]
fn the_first_seconds_are_too_short_and_the_end_ends() {
    let leads = leads(30.0, 360.0, 72.0, 9);
    let mut stream = Stream::new(2, 360.0, 360.0).expect("fair rates");
    // A sample of one lead too many.
    let samples = [in_turn(&leads), vec![3.0]].concat();
    let beats = pushed(&mut stream, &samples, || 7);
    assert_eq!(beats[0].0.reason, Some(Reason::Short));
    assert!(beats.iter().all(|(b, _)| b.reason.is_none() || b.seconds < SHORTEST));
    assert_eq!(times(&beats), whole(&leads[0], 360.0));
    assert!(stream.seconds() == 30.0 && stream.push(&samples) == samples.len() && stream.beat().is_none());
    stream.finish();
    assert!(stream.beat().is_none() && stream.seconds() == 30.0);
}

/// Hours of ECG, noise, gaps and a lead that is off: what is held stays what it is after the first minutes.
#[test]
fn memory_does_not_grow() {
    let rate = 60.0;
    let minutes =
        [in_turn(&leads(300.0, rate, 190.0, 4)), in_turn(&odd(8, 240.0, rate)), vec![f32::NAN; 7200]]
            .concat();
    let mut stream = Stream::new(2, rate, 60.0).expect("fair rates");
    let mut first = None;
    let mut beats = 0;
    for _ in 0..14 {
        beats += pushed_on(&mut stream, &minutes);
        let bytes = stream.bytes();
        // Beats are few in what has no fixed size: not more than in the first ten minutes.
        assert!(bytes <= *first.get_or_insert(bytes) + 256, "{bytes} bytes after {} s", stream.seconds());
    }
    assert!(stream.seconds() > 8000.0 && beats > 9000, "{beats} beats in {} s", stream.seconds());
    assert!(first < Some(300_000), "{first:?} bytes");
    let history = stream.history();
    assert!(history.signals.iter().all(|s| s.len() == 300 * 60));
}

/// The number of beats of more samples.
fn pushed_on(stream: &mut Stream, samples: &[f32]) -> usize {
    let (mut rest, mut count) = (samples, 0);
    while !rest.is_empty() {
        rest = &rest[stream.push(rest)..];
        count += std::iter::from_fn(|| stream.beat()).count();
    }
    count
}

#[test]
fn what_cannot_be_streamed_is_an_error() {
    for (leads, rate, to) in [
        (0, 360.0, 180.0),
        (33, 360.0, 180.0),
        (1, 49.0, 180.0),
        (1, 4001.0, 180.0),
        (1, f64::NAN, 180.0),
        (1, 360.0, 0.0),
        (1, 50.0, 1e9),
    ] {
        let error = Stream::new(leads, rate, to).expect_err("a stream").to_string();
        assert!(error.contains("of a stream: expected") && !error.contains('\n'), "{error}");
    }
    // To another thread.
    fn sent<T: Send>(_: T) {}
    sent(Stream::new(32, 4000.0, 50.0).expect("fair rates"));
}
