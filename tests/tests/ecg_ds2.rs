//! The trained beat classifier on DS2 of the MIT-BIH Arrhythmia Database (de Chazal et al., 2004), at the beats of the
//! reference annotations: figures per class as ANSI/AAMI EC57 groups them, and every beat as PyTorch has it.

#![cfg(feature = "gpu")]

use efficientecg::classify::Settings;
use efficientecg::ecg::Record;
use efficientecg::ecg::wfdb::{Annotations, Code};
use efficientecg::{Backend, GpuOptions, Model, Options, Precision};
use efficientecg_evaluate::pairing::BeatClass;
use efficientecg_tests::gpu;
use efficientecg_tests::mitbih::{DS2, RECORDS};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

const CLASSES: [char; 5] = ['N', 'S', 'V', 'F', 'Q'];

/// The class of a beat's code, escape beats being N; nothing for what is no beat.
fn class(code: Code) -> Option<usize> {
    BeatClass::of(code, BeatClass::N).map(|c| c as usize)
}

/// What PyTorch makes of every beat: a line a record, its name and a letter a beat.
fn golden() -> BTreeMap<String, String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden/mitbih-beats-ds2.txt");
    let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let line = |l: &str| l.split_once(' ').map(|(a, b)| (a.to_owned(), b.to_owned()));
    text.lines().filter(|l| !l.starts_with('#')).filter_map(line).collect()
}

/// A record's name, the class of each of its beats by the annotations, and by the model.
type Classified = (&'static str, Vec<usize>, Vec<usize>);

/// Classifies every beat of these records at the annotations' positions.
fn classified(model: &Model, folder: &Path, names: &[&'static str]) -> Vec<Classified> {
    assert_eq!(model.config().classes, CLASSES.map(String::from));
    let record = |name: &'static str| {
        let record = Record::open(folder.join(name)).unwrap_or_else(|e| panic!("{e}"));
        let annotations =
            Annotations::read(&folder.join(format!("{name}.atr"))).unwrap_or_else(|e| panic!("{e}"));
        let reference: Vec<(i64, usize)> =
            annotations.items.iter().filter_map(|a| Some((a.time, class(a.code)?))).collect();
        // One lead is MLII; the other stands for V1, whatever its name.
        let other = record.leads.iter().position(|l| l.name != "MLII").unwrap_or(1);
        let beats: Vec<i64> = reference.iter().map(|(t, _)| *t).collect();
        let settings = Settings::new().lead("V1", format!("#{}", other + 1)).beats(beats).any_quality();
        let found = model.classify_with(&record, &settings).unwrap_or_else(|e| panic!("{e}"));
        assert_eq!(found.items.len(), reference.len());
        let made = found.items.iter().filter_map(|f| f.class.ok()).collect();
        (name, reference.into_iter().map(|(_, class)| class).collect(), made)
    };
    names.iter().map(|name| record(name)).collect()
}

fn weights() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../model/weights/mitbih-beats.npz")
}

fn letters(classes: &[usize]) -> String {
    classes.iter().map(|c| CLASSES[*c]).collect()
}

/// On a GPU, in f32 and f16, at least 999 beats of 1,000 get PyTorch's class: those of one record, as software adapters
/// are slow, or of all with `EFFICIENTECG_ALL_BEATS=1`.
#[test]
fn ds2_on_a_gpu() {
    let Some(folder) = RECORDS.folder() else { return };
    if !gpu::found() {
        return;
    }
    let all = std::env::var("EFFICIENTECG_ALL_BEATS").is_ok_and(|v| v == "1");
    // The one with the most doubtful beats.
    let names: &[&'static str] = if all { &DS2 } else { &["222"] };
    let golden = golden();
    for precision in [Precision::F32, Precision::F16] {
        let (options, _) = gpu::options(GpuOptions::default().precision(precision));
        let model = options.load(weights()).unwrap_or_else(|e| panic!("{e}"));
        let (mut total, mut other) = (0, 0);
        for (name, _, made) in classified(&model, folder, names) {
            let want = golden.get(name).map_or("", String::as_str);
            assert_eq!(want.len(), made.len(), "{name}");
            total += made.len();
            other += letters(&made).chars().zip(want.chars()).filter(|(a, b)| a != b).count();
        }
        assert!(model.device().starts_with("gpu"), "it fell back to {}", model.device());
        println!("{precision:?}: {other} of {total} beats differ from PyTorch's, on {}", model.device());
        assert!(total > 2000 && 1000 * other <= total, "{precision:?}: {other} of {total}");
    }
}

/// With products in bf16, and with weights in f16, at least 999 beats of 1,000 get the class that PyTorch gives in f64.
#[test]
fn ds2_in_halves_on_the_cpu() {
    let Some(folder) = RECORDS.folder() else { return };
    let golden = golden();
    for precision in [Precision::F16, Precision::Bf16] {
        let options = Options::new().backend(Backend::Cpu).precision(precision);
        let model = options.load(weights()).unwrap_or_else(|e| panic!("{e}"));
        let (mut total, mut other) = (0, 0);
        for (name, _, made) in classified(&model, folder, &DS2) {
            let want = golden.get(name).map_or("", String::as_str);
            assert_eq!(want.len(), made.len(), "{name}");
            total += made.len();
            other += letters(&made).chars().zip(want.chars()).filter(|(a, b)| a != b).count();
        }
        println!("{precision:?}: {other} of {total} beats differ from PyTorch's, on {}", model.device());
        assert!(total == 49_712 && 1000 * other <= total, "{precision:?}: {other} of {total}");
    }
}

#[test]
fn ds2_figures_and_every_beat_as_pytorch_has_it() {
    let Some(folder) = RECORDS.folder() else { return };
    let model = Model::load(weights()).unwrap_or_else(|e| panic!("{e}"));
    let golden = golden();
    let mut confusion = [[0usize; 5]; 5];
    for (name, reference, made) in classified(&model, folder, &DS2) {
        assert_eq!(Some(&letters(&made)), golden.get(name), "{name}: classes differ from PyTorch's");
        for (reference, made) in reference.into_iter().zip(made) {
            confusion[reference][made] += 1;
        }
    }

    let total: usize = confusion.iter().flatten().sum();
    let right: usize = (0..5).map(|c| confusion[c][c]).sum();
    println!("class  beats  sensitivity    PPV     F1");
    let mut f1 = [0.0; 5];
    for c in 0..5 {
        let reference: usize = confusion[c].iter().sum();
        let said: usize = confusion.iter().map(|row| row[c]).sum();
        let hit = confusion[c][c] as f64;
        let (se, ppv) = (hit / reference.max(1) as f64, hit / said.max(1) as f64);
        f1[c] = 2.0 * hit / (reference + said).max(1) as f64;
        println!("{} {reference:10} {:10.2} % {:6.2} % {:6.3}", CLASSES[c], 100.0 * se, 100.0 * ppv, f1[c]);
    }
    let accuracy = right as f64 / total as f64;
    println!("accuracy {:.2} % of {total} beats", 100.0 * accuracy);
    assert_eq!(total, 49_712, "beats of the published annotations");
    // The card's figures: weights that do worse must not pass unseen.
    assert!(f1[1] >= 0.72, "S: F1 {}", f1[1]);
    assert!(f1[2] >= 0.91, "V: F1 {}", f1[2]);
    assert!(accuracy >= 0.96, "accuracy {accuracy}");
}
