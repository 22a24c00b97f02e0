//! The detector finds the beats of synthetic records where these say they are.

use efficientecg_ecg::peaks;
use efficientecg_ecg::synth::{SynthOptions, generate};
use efficientecg_ecg::wfdb::Code;
use efficientecg_evaluate::pairing;

#[test]
fn beats_are_where_they_are_said_to_be() {
    for seed in 0..20 {
        let options = SynthOptions { seed, heart_rate: 50.0 + 3.0 * seed as f64, ..SynthOptions::default() };
        let (record, truth) = generate(&options).expect("options in range");
        let lead = &record.leads[0];
        let found = peaks::detect(&lead.samples, lead.sample_rate).expect("a fair rate");
        let found: Vec<i64> = found.iter().map(|&k| k as i64).collect();
        let s = pairing::detections(&truth, &found, lead.sample_rate);
        assert!(s.missed.len() + s.extra.len() <= 1, "seed {seed}: {:?} {:?}", s.missed, s.extra);
        for (time, found) in s.matched {
            let wide = truth.items.iter().any(|a| a.time == time && a.code == Code::VENTRICULAR);
            let off = (time - found).abs();
            // A beat cut by the record's edge has no peak to find.
            assert!(time < 36 || off <= if wide { 12 } else { 3 }, "seed {seed}, {time}: {off} samples off");
        }
    }
}
