//! The trained classifiers of whole records on the records that they were tested on, through the reader, the P-wave finder and
//! the network: the same class as PyTorch, and its logits.

use efficientecg::Model;
use efficientecg::classify::Settings;
use efficientecg::ecg::Record;
use efficientecg_tests::data::DataSet;
use std::path::Path;

/// Of the larger of 1 and the largest logit of the record.
const TOLERANCE: f64 = 2e-5;

static CINC2017: DataSet = DataSet::new("CinC 2017", "cinc2017", "EFFICIENTECG_CINC2017", "REFERENCE.csv");
static PTBXL: DataSet = DataSet::new("PTB-XL", "ptbxl", "EFFICIENTECG_PTBXL", "ptbxl_database.csv");

/// Classifies each record of the golden, age and sex being unknown, and compares.
fn compare(folder: &Path, name: &str, least: usize) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let weights = root.join(format!("../model/weights/{name}.npz"));
    let model = Model::load(weights).unwrap_or_else(|e| panic!("{e}"));
    let golden = root.join(format!("golden/{name}.txt"));
    let text = std::fs::read_to_string(&golden).unwrap_or_else(|e| panic!("{}: {e}", golden.display()));
    let (mut records, mut worst) = (0, 0.0f64);
    for line in text.lines().filter(|l| !l.starts_with('#')) {
        let mut fields = line.split(' ');
        let record = fields.next().unwrap_or_default();
        let want: Vec<f64> = fields.map(|f| f.parse().unwrap_or_else(|e| panic!("{line}: {e}"))).collect();
        let read = Record::open(folder.join(record)).unwrap_or_else(|e| panic!("{e}"));
        // PyTorch classified them all.
        let found = model.classify_with(&read, &Settings::new().any_quality());
        let found = found.unwrap_or_else(|e| panic!("{record}: {e}"));
        assert_eq!(found.items.len(), 1, "{record}");
        let got = &found.items[0].logits;
        assert_eq!(got.len(), want.len(), "{record}");
        let scale = want.iter().fold(1.0, |m: f64, x| m.max(x.abs()));
        for (got, want) in got.iter().zip(&want) {
            let error = (f64::from(*got) - want).abs() / scale;
            assert!(error <= TOLERANCE, "{record}: {got} against PyTorch's {want}");
            worst = worst.max(error);
        }
        records += 1;
    }
    println!("{name}: {records} records, worst {worst:.1e}");
    assert!(records >= least, "{records} records");
}

#[test]
fn cinc2017_as_pytorch_has_it() {
    if let Some(folder) = CINC2017.folder() {
        compare(folder, "cinc2017-rhythm", 300);
    }
}

#[test]
fn ptbxl_as_pytorch_has_it() {
    if let Some(folder) = PTBXL.folder() {
        compare(folder, "ptbxl-8lead", 300);
    }
}
