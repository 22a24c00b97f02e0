//! The beat classifiers of any leads on DS2 of the MIT-BIH Arrhythmia Database (de Chazal et al., 2004), at the beats of the
//! reference annotations: figures per class as ANSI/AAMI EC57 groups them, and every beat as PyTorch has it.

use efficientecg::Model;
use efficientecg::classify::Settings;
use efficientecg::ecg::Record;
use efficientecg::ecg::wfdb::{Annotations, Code};
use efficientecg_evaluate::pairing::BeatClass;
use efficientecg_tests::mitbih::RECORDS;
use std::path::Path;

const CLASSES: [char; 5] = ['N', 'S', 'V', 'F', 'Q'];

/// The class of a beat's code, escape beats being N; nothing for what is no beat.
fn class(code: Code) -> Option<usize> {
    BeatClass::of(code, BeatClass::N).map(|c| c as usize)
}

/// Figures that a model must reach.
struct Least {
    s: f64,
    v: f64,
    accuracy: f64,
}

/// Classifies every beat of the golden's records with the leads that the record's names and order give.
fn compare(name: &str, least: &Least) {
    let Some(folder) = RECORDS.folder() else { return };
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let weights = root.join(format!("../model/weights/{name}.npz"));
    let model = Model::load(weights).unwrap_or_else(|e| panic!("{e}"));
    let golden = root.join(format!("golden/{name}-ds2.txt"));
    let text = std::fs::read_to_string(&golden).unwrap_or_else(|e| panic!("{}: {e}", golden.display()));
    let (mut confusion, mut other) = ([[0usize; 5]; 5], 0);
    for line in text.lines().filter(|l| !l.starts_with('#')) {
        let (record, want) = line.split_once(' ').unwrap_or_default();
        let path = folder.join(record);
        let annotations = Annotations::read(&path.with_extension("atr")).unwrap_or_else(|e| panic!("{e}"));
        let reference: Vec<(i64, usize)> =
            annotations.items.iter().filter_map(|a| Some((a.time, class(a.code)?))).collect();
        let beats: Vec<i64> = reference.iter().map(|(time, _)| *time).collect();
        let settings = Settings::new().beats(beats).any_quality();
        let read = Record::open(&path).unwrap_or_else(|e| panic!("{e}"));
        let found = model.classify_with(&read, &settings).unwrap_or_else(|e| panic!("{record}: {e}"));
        assert_eq!((found.items.len(), want.len()), (reference.len(), reference.len()), "{record}");
        for ((found, want), (_, reference)) in found.items.iter().zip(want.chars()).zip(reference) {
            let class = found.class.unwrap_or_else(|e| panic!("{record}: {e:?}"));
            confusion[reference][class] += 1;
            other += usize::from(CLASSES[class] != want);
        }
    }
    let total: usize = confusion.iter().flatten().sum();
    let right: usize = (0..5).map(|c| confusion[c][c]).sum();
    let f1 = |c: usize| {
        let (reference, said) =
            (confusion[c].iter().sum::<usize>(), confusion.iter().map(|r| r[c]).sum::<usize>());
        2.0 * confusion[c][c] as f64 / (reference + said).max(1) as f64
    };
    let accuracy = right as f64 / total.max(1) as f64;
    println!(
        "{name}: S {:.4} V {:.4} accuracy {:.2} %, {other} beats unlike PyTorch's",
        f1(1),
        f1(2),
        100.0 * accuracy
    );
    assert_eq!(total, 49_712, "beats of the published annotations");
    assert!(10_000 * other <= total, "{other} of {total} beats differ from PyTorch's");
    // The card's figures: weights that do worse must not pass unseen.
    assert!(f1(1) >= least.s && f1(2) >= least.v && accuracy >= least.accuracy, "{confusion:?}");
}

#[test]
fn two_leads_as_pytorch_has_them() {
    compare("beats", &Least { s: 0.78, v: 0.93, accuracy: 0.97 });
}

#[test]
fn one_lead_as_pytorch_has_it() {
    compare("beats-1lead", &Least { s: 0.775, v: 0.94, accuracy: 0.97 });
}
