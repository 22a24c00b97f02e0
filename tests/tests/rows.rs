//! The rhythm rows of the demo record, plain and wide, as the training code has them.

use efficientecg::ecg::rhythm::Missing;
use efficientecg::ecg::wfdb::Annotations;
use efficientecg::ecg::workers::Workers;
use efficientecg::ecg::{Record, filter, normalize, rhythm};
use std::path::Path;

#[test]
fn rows_of_the_demo_record_are_pythons() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let demo = root.join("../tools/demo/demo");
    let record = Record::open(&demo).unwrap_or_else(|e| panic!("{e}"));
    let beats = Annotations::read(&demo.with_extension("atr")).unwrap_or_else(|e| panic!("{e}"));
    let beats: Vec<i64> = beats.items.iter().filter(|a| a.code.is_beat()).map(|a| a.time).collect();
    let prepare = |lead: &efficientecg::ecg::Lead| {
        let mut samples = lead.samples.clone();
        filter::fill_missing(&mut samples);
        normalize::z_score(&mut samples);
        samples
    };
    let leads: Vec<Vec<f32>> = record.leads.iter().map(prepare).collect();
    let leads: Vec<&[f32]> = leads.iter().map(Vec::as_slice).collect();

    let (plain, width) = (rhythm::inputs(leads.len()), rhythm::wide_inputs(leads.len()));
    let rows = rhythm::wide_rows_by(&leads, &beats, record.sample_rate, &Missing::NONE, Workers::ALONE);
    let rows = rows.unwrap_or_default();
    assert_eq!(rows.len(), beats.len() * rhythm::STEPS * width);
    // Plain rows are the first columns of wide ones.
    let narrow = rhythm::rows(&leads, &beats, record.sample_rate).unwrap_or_default();
    assert_eq!(narrow.len(), beats.len() * rhythm::STEPS * plain);
    for (narrow, wide) in narrow.chunks_exact(plain).zip(rows.chunks_exact(width)) {
        assert_eq!(*narrow, wide[..plain]);
    }

    let path = root.join("golden/demo-rows.txt");
    let golden = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let golden: Vec<Vec<f32>> = golden
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| line.split(' ').filter_map(|x| x.parse().ok()).collect())
        .collect();
    assert_eq!(golden.len(), beats.len());
    for (beat, want) in golden.iter().enumerate() {
        assert_eq!(want.len(), width);
        // The beat's own row, and the same in its neighbours' windows.
        for (of, step) in [(Some(beat), 1), (beat.checked_sub(1), 2), (Some(beat + 1), 0)] {
            let Some(of) = of.filter(|b| *b < beats.len()) else { continue };
            let row = &rows[(of * rhythm::STEPS + step) * width..][..width];
            assert!(row.iter().all(|x| x.is_finite()));
            for column in 0..width {
                let (got, want) = (row[column], want[column]);
                assert!((got - want).abs() < 1e-4, "beat {beat} column {column}: {got}, expected {want}");
            }
        }
    }
}
