use super::*;

const RATE: f64 = 200.0;

/// A lead of `samples` with a triangle of this height, 25 ms to either side, at each beat.
fn triangles(samples: usize, beats: &[(i64, f32)]) -> Vec<f32> {
    let mut x = vec![0f32; samples];
    for (at, height) in beats {
        for k in -5i64..=5 {
            x[(at + k) as usize] += height * (1.0 - k.abs() as f32 / 6.0);
        }
    }
    x
}

fn close(got: &[f32], want: &[f64], what: &str) {
    assert_eq!(got.len(), want.len(), "{what}");
    for (column, (got, want)) in got.iter().zip(want).enumerate() {
        let want = want.clamp(-LIMIT, LIMIT);
        assert!((f64::from(*got) - want).abs() < 2e-4, "{what}, column {column}: {got}, expected {want}");
    }
}

#[test]
fn every_column_by_hand() {
    // Intervals 1, 0.5, 1.5, 1, 1 s: the median is 1. The third beat is twice as high, the fifth upside down.
    let beats = [200, 400, 500, 800, 1000, 1200];
    let heights = [1.0, 1.0, 2.0, 1.0, -1.0, 1.0];
    let lead = triangles(1400, &beats.into_iter().zip(heights).collect::<Vec<_>>());
    let rows = rows(&lead, &beats, RATE);
    let quiet = 1.5 * (0.005f64.ln() + 3.5);
    let ln = |x: f64| x.ln();
    let absolute = |seconds: f64| 3.0 * ln(seconds / 0.8);
    let want = [
        // No P waves: -2.
        [0.0, 0.0, 0.0, 0.0, -2.0, 0.0, 0.0, 2.0, 0.0, 0.0],
        [0.0, 0.0, absolute(1.0), 4.0 * ln(0.5), -2.0, 0.0, 0.0, 2.0, 0.0, quiet],
        // The T-P interval of half a second is too short: from 0.283 to 0.325 s.
        [4.0 * ln(0.5), 4.0 * ln(0.5), absolute(0.5), 4.0 * ln(1.5), -2.0, 0.0, 0.0, 2.0, 4.0 * ln(2.0), 0.0],
        [4.0 * ln(1.5), 4.0 * ln(3.0), absolute(1.5), 0.0, -2.0, 0.0, 0.0, 2.0, 0.0, quiet],
        // Its QRS is looked for 1/60 s around, where the flank of a mirror image is the least unlike.
        [0.0, 4.0 * ln(1.0 / 1.5), absolute(1.0), 0.0, -2.0, 0.0, 0.0, f64::NAN, f64::NAN, quiet],
        [0.0, 0.0, absolute(1.0), 0.0, -2.0, 0.0, 0.0, 2.0, 0.0, quiet],
    ];
    assert_eq!(rows.len(), 6 * INPUTS);
    for (i, (got, want)) in rows.chunks_exact(INPUTS).zip(want).enumerate() {
        if i == 4 {
            close(&got[..7], &want[..7], "beat 4");
            close(&got[9..], &want[9..], "beat 4");
            assert!(got[7] < -2.0, "{got:?}");
        } else {
            close(got, &want, &format!("beat {i}"));
        }
    }
}

#[test]
fn p_waves_make_their_columns() {
    // Ten beats a second apart, 1 high, with P waves of 0.15, 0.16 s and for the last two 0.2 s before; upright and upside down.
    let beats: Vec<i64> = (1..=10).map(|i| i * 200).collect();
    let mut lead = triangles(2200, &beats.iter().map(|b| (*b, 1.0)).collect::<Vec<_>>());
    for (i, beat) in beats.iter().enumerate() {
        let place = beat - if i < 8 { 32 } else { 40 };
        for (k, x) in lead.iter_mut().enumerate() {
            let t = (k as f32 - place as f32) / RATE as f32;
            *x += 0.15 * (-(t / 0.02).powi(2) / 2.0).exp();
        }
    }
    let qrs = Complexes::new(&lead, &beats, RATE);
    let upright = rows(&lead, &beats, RATE);
    for (i, row) in upright.chunks_exact(INPUTS).enumerate() {
        assert!(row[4] > 1.0, "beat {i}: {row:?}");
        let interval = if i < 8 { 0.16 } else { 0.2 };
        assert!((f64::from(row[5]) - 4.0 * (interval / 0.16f64).ln()).abs() < 0.13, "beat {i}: {row:?}");
        // Over its flanks, 60 ms to either side, and smoothed: some 0.13.
        let height = 8.0 * 0.13 / qrs.usual;
        assert!((f64::from(row[6]) / height - 1.0).abs() < 0.1, "beat {i}: {row:?}, height {height}");
    }
    lead.iter_mut().for_each(|x| *x = -*x);
    for (up, down) in upright.iter().zip(rows(&lead, &beats, RATE)) {
        assert!((up - down).abs() < 1e-4, "{up} {down}");
    }
}

#[test]
fn waves_between_t_and_p_are_measured() {
    // Every second a beat of height 1, and between them 6 Hz of 0.1: a root mean square of 0.0707, by the filter's gain there.
    let beats: Vec<i64> = (1..12).map(|i| i * 200).collect();
    let mut lead = triangles(2400, &beats.iter().map(|b| (*b, 1.0)).collect::<Vec<_>>());
    let still = rows(&lead, &beats, RATE);
    for (i, x) in lead.iter_mut().enumerate() {
        *x += 0.1 * (std::f32::consts::TAU * 6.0 * i as f32 / RATE as f32).sin();
    }
    let moved = rows(&lead, &beats, RATE);
    for i in 1..beats.len() {
        let (a, b) = (still[i * INPUTS + 9], moved[i * INPUTS + 9]);
        assert!(a < -2.5 && (0.6..2.0).contains(&b), "beat {i}: {a} {b}");
    }
}

#[test]
fn few_beats_flat_leads_and_beats_outside_are_survived() {
    let lead = triangles(1000, &[(300, 1.0), (500, 1.0)]);
    assert!(rows(&lead, &[], RATE).is_empty());
    close(&rows(&lead, &[300], RATE), &[0.0, 0.0, 0.0, 0.0, -2.0, 0.0, 0.0, 0.0, 0.0, 0.0], "a lone beat");
    let two = rows(&lead, &[300, 500], RATE);
    close(&two[..9], &[0.0, 0.0, 0.0, 0.0, -2.0, 0.0, 0.0, 2.0, 0.0], "first of two");
    close(
        &two[INPUTS..],
        &[0.0, 0.0, 3.0 * 1.25f64.ln(), 0.0, -2.0, 0.0, 0.0, 2.0, 0.0, 1.5 * (0.005f64.ln() + 3.5)],
        "second of two",
    );
    let flat = rows(&[0.5; 1000], &[300, 500], RATE);
    close(&flat[..INPUTS], &[0.0; 10], "flat");
    for (lead, beats) in [
        (&lead[..], &[i64::MIN, -5, 300, 500, 5000, i64::MAX][..]),
        (&[], &[1, 2, 3]),
        (&[1.0], &[0, 0, 0]),
        (&lead, &[300, 300, 300]),
        (&lead, &[500, 300]),
    ] {
        for rate in [1.0, 30.0, 50.0, 360.0, 2000.0] {
            let rows = rows(lead, beats, rate);
            assert_eq!(rows.len(), beats.len() * INPUTS);
            assert!(rows.iter().all(|x| x.abs() <= 4.0), "{rows:?}");
        }
    }
}

#[test]
fn a_record_ends_after_the_most_beats() {
    let beats: Vec<i64> = (0..MAX_BEATS as i64 + 100).map(|i| i * 20).collect();
    let lead: Vec<f32> = (0..beats.len() * 20).map(|i| ((i * 7919) % 101) as f32 / 101.0).collect();
    let all = rows(&lead, &beats, 100.0);
    assert_eq!(all.len(), MAX_BEATS * INPUTS);
    assert_eq!(all, rows(&lead, &beats[..MAX_BEATS], 100.0));
}
