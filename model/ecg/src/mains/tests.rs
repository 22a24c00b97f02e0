use super::*;
use crate::random::SplitMix64;

/// Beats a second apart and some noise, less any hum.
fn heart(n: usize, rate: f64) -> Vec<f32> {
    let mut random = SplitMix64(5);
    let bump = |t: f64, at: f64, width: f64| (-((t - at) / width).powi(2) / 2.0).exp();
    (0..n)
        .map(|i| {
            let t = (i as f64 / rate).fract();
            (bump(t, 0.4, 0.012) + 0.2 * bump(t, 0.65, 0.05) + 0.01 * random.normal()) as f32
        })
        .collect()
}

fn with_hum(x: &[f32], rate: f64, hertz: f64, size: f64) -> Vec<f32> {
    let wave = |i: usize| (size * (TAU * hertz * i as f64 / rate + 0.7).sin()) as f32;
    x.iter().enumerate().map(|(i, v)| v + wave(i)).collect()
}

#[test]
fn hum_is_taken_off_and_the_heart_stays() {
    for rate in [150.0, 300.0, 360.0, 1000.0] {
        for seconds in [0.8, 9.0, 65.0] {
            let clean = heart((seconds * rate) as usize, rate);
            for hertz in [50.0, 60.2] {
                let mut x = with_hum(&clean, rate, hertz, 0.3);
                assert!(remove(&mut x, rate) > 0, "{hertz} Hz in {seconds} s at {rate} Hz");
                let squares: f64 = x.iter().zip(&clean).map(|(a, b)| f64::from(a - b).powi(2)).sum();
                let error = (squares / x.len() as f64).sqrt();
                // Of a root mean square of 0.21.
                let most = match (seconds < 1.0, hertz) {
                    (true, _) => 0.07,
                    (false, 50.0) => 0.02,
                    // Off its frequency something is left at the ends.
                    (false, _) => 0.05,
                };
                assert!(error < most, "{hertz} Hz in {seconds} s at {rate} Hz: {error}");
            }
        }
    }
}

#[test]
fn what_does_not_hum_is_left_alone() {
    for rate in [100.0, 150.0, 300.0, 500.0] {
        for x in [
            heart(9000, rate),
            with_hum(&heart(9000, rate), rate, 35.0, 0.3),
            vec![0.0; 5000],
            vec![1e30; 900],
        ] {
            let mut same = x.clone();
            assert_eq!(remove(&mut same, rate), 0, "{rate} Hz");
            assert_eq!(same, x);
        }
    }
    for rate in [f64::NAN, 0.0, -1.0, f64::INFINITY, 1e-300, 10.0] {
        remove(&mut with_hum(&heart(900, 300.0), 300.0, 50.0, 0.3), rate);
    }
    for x in [vec![], vec![1.0], vec![f32::NAN; 900], vec![f32::INFINITY; 2], vec![f32::MAX, f32::MIN, 0.0]] {
        assert_eq!(remove(&mut x.clone(), 300.0), 0);
    }
}

#[test]
fn missing_samples_stay_missing_and_spoil_nothing_beside() {
    let rate = 300.0;
    let clean = heart(9000, rate);
    let mut x = with_hum(&clean, rate, 60.0, 0.3);
    let gap = 3000..3450;
    x[gap.clone()].fill(f32::NAN);
    assert_eq!(remove(&mut x, rate), 1);
    for (i, (a, b)) in x.iter().zip(&clean).enumerate() {
        assert_eq!(a.is_nan(), gap.contains(&i), "{i}");
        assert!(a.is_nan() || (a - b).abs() < 0.06, "{i}: {a} {b}");
    }
}
