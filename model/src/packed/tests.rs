use super::*;
use crate::config::{Config, Feature, Fusion};
use crate::weights::tests::{generate, small};
use crate::weights::{Tensor, Values, Weights};
use crate::{Inputs, Level, Model, Options, Precision};
use std::collections::BTreeMap;

/// Weights of 32 bits, as those of files are.
fn singles(config: Config) -> Weights {
    let weights = generate(config);
    let narrow = |t: &Tensor| {
        let data = t.data.to_f64().iter().map(|v| *v as f32).collect();
        Tensor { shape: t.shape.clone(), data: Values::F32(data) }
    };
    let arrays: BTreeMap<String, Tensor> =
        weights.arrays().iter().map(|(name, t)| (name.clone(), narrow(t))).collect();
    Weights::from_arrays(weights.config().clone(), arrays).expect("fits")
}

/// The bits of the logits of some records.
fn logits(model: &Model) -> Vec<u32> {
    let inputs = Inputs::synthetic(model.config(), 200, 3);
    let outputs = model.run(&inputs).expect("runs");
    assert!(outputs.logits.iter().all(|v| v.is_finite()));
    outputs.logits.iter().map(|v| v.to_bits()).collect()
}

/// A network that is wide enough to be rounded without a trial.
fn wide() -> Config {
    let mut config = Config { head_channels: 32, ..small() };
    config.stem.channels = 16;
    config.stages.iter_mut().for_each(|stage| stage.channels = 16);
    config
}

#[test]
fn a_packed_network_gives_the_same_bits() {
    for config in [small(), Config { fusion: None, ..small() }, wide()] {
        let (weights, is_wide) = (singles(config.clone()), config == wide());
        for precision in [Precision::F32, Precision::F16, Precision::Bf16] {
            let packed = pack(&weights, precision).expect("packed");
            let options = Options::new().threads(1).precision(precision);
            let model = options.from_bytes(&packed).expect("loaded");
            assert_eq!(model.config(), weights.config());
            let own = options.from_weights(&weights).expect("loaded");
            assert_eq!(model.parameters(), own.parameters());
            if (model.precision(), own.precision()) == (precision, precision) {
                assert_eq!(logits(&model), logits(&own), "{precision:?}");
                continue;
            }
            // The processor, or a trial, sent one of them back to f32, where the packed weights stay rounded.
            let (says, can) =
                (own.note().unwrap_or_default(), precision != Precision::Bf16 || Level::best().has_bf16());
            assert!(precision != Precision::F32 && !(is_wide && can), "{precision:?}: {says}");
            let [found, want] = [&model, &own].map(|m| logits(m).into_iter().map(f32::from_bits));
            for (found, want) in found.zip(want) {
                assert!(
                    f64::from((found - want).abs() / want.abs().max(1.0)) <= precision.tolerance(),
                    "{precision:?}: {found} {want}"
                );
            }
        }
        // Stored in 16 bits, run in f32.
        let [whole, half] = [Precision::F32, Precision::F16].map(|p| pack(&weights, p).expect("packed"));
        assert!(half.len() < whole.len());
        let near = Model::from_bytes(&half).expect("loaded");
        assert_ne!(logits(&near), logits(&Model::from_bytes(&whole).expect("loaded")));
    }
}

#[test]
fn a_file_is_known_by_its_content() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("weights.bin");
    let weights = singles(small());
    std::fs::write(&path, pack(&weights, Precision::F32).expect("packed")).expect("written");
    let model = Model::load(&path).expect("loaded");
    assert_eq!(logits(&model), logits(&Model::from_weights(&weights).expect("loaded")));
    let missing = Model::load(folder.path().join("none")).expect_err("no such file").to_string();
    assert!(missing.contains("none"), "{missing}");
    std::fs::write(&path, b"text").expect("written");
    let other = Model::load(&path).expect_err("another file").to_string();
    assert!(other.contains("weights.bin"), "{other}");
}

/// From a file, whose bytes the model keeps, from bytes, of which it keeps copies, and from rows that were widened.
#[test]
fn weights_in_f16_are_the_same_wherever_they_lie() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("weights.ecgw");
    for config in [wide(), Config { fusion: None, ..wide() }] {
        let bytes = pack(&singles(config), Precision::F16).expect("packed");
        std::fs::write(&path, &bytes).expect("written");
        for level in Level::available() {
            let options = Options::new().threads(1).level(level).precision(Precision::F16);
            let of_file = options.load(&path).expect("loaded");
            // What takes the file's place is another file.
            std::fs::rename(&path, folder.path().join("moved")).expect("moved");
            std::fs::write(&path, b"another").expect("written");
            let of_bytes = options.from_bytes(&bytes).expect("loaded");
            let stays = options.from_static(bytes.clone().leak()).expect("loaded");
            let want = logits(&of_file);
            assert_eq!((logits(&of_bytes), logits(&stays)), (want.clone(), want), "{level:?}");
            let in_f32 = options.clone().precision(Precision::F32).from_bytes(&bytes).expect("loaded");
            let [found, want] = [&of_file, &in_f32].map(|m| logits(m).into_iter().map(f32::from_bits));
            for (found, want) in found.zip(want) {
                assert!((found - want).abs() <= 1e-5 * want.abs().max(1.0), "{level:?}: {found} {want}");
            }
            std::fs::rename(folder.path().join("moved"), &path).expect("moved back");
        }
    }
}

#[test]
fn blocks_of_f16_that_no_weights_are_in_are_refused() {
    let config = Config { head_channels: 24, ..wide() };
    let bytes = pack(&singles(config), Precision::F16).expect("packed");
    let name = hash::Xxh64::of(b"head.conv.weight").to_le_bytes();
    let header =
        (0..bytes.len()).step_by(ALIGNMENT).find(|at| bytes[at + 8..at + 16] == name).expect("a head");
    assert_eq!(bytes[header..header + 8], (32 * 16u64).to_le_bytes());
    let data = header + ALIGNMENT;
    let line = refused(&changed(&bytes, data + 2 * 16, &0x7c00u16.to_le_bytes()));
    assert!(line.contains("head.conv.weight: expected finite values, found inf at [0, 1]"), "{line}");
    // Row 24, which there is none of.
    let line = refused(&changed(&bytes, data + 2 * (16 * 16 + 8), &[1]));
    assert!(line.contains("head.conv.weight: expected zeros beyond its 24 rows"), "{line}");
    let line = refused(&changed(&bytes, header, &(24 * 16u64).to_le_bytes()));
    assert!(line.contains("head.conv.weight: expected 512 elements, found 384"), "{line}");
    let line = refused(&changed(&bytes, header + 16, &[1]));
    assert!(line.contains("head.conv.weight: expected 384 elements, found 512"), "{line}");
}

#[test]
fn configurations_survive() {
    let mut config = small();
    for features in [
        vec![Feature::continuous("age", 60.0, 20.0)],
        vec![Feature::categorical("sex", ["female", "male"]), Feature::sequence("rhythm", 4, 8)],
    ] {
        config.fusion = Some(Fusion::new(8, 2, features));
        config.name = "ä name".to_owned();
        let bytes = configuration::to_bytes(&config);
        assert_eq!(configuration::from_bytes(&bytes).expect("the same"), config);
        for end in 0..bytes.len() {
            configuration::from_bytes(&bytes[..end]).expect_err("cut off");
        }
        let longer = [bytes.as_slice(), &[0]].concat();
        configuration::from_bytes(&longer).expect_err("more than a configuration");
    }
}

/// What is said of bytes.
fn refused(bytes: &[u8]) -> String {
    let error = Options::new().threads(1).from_bytes(bytes).err();
    let line = error.expect("refused").to_string();
    assert!(line.starts_with("<memory>: ") && !line.contains('\n'), "{line}");
    line
}

#[test]
fn damage_is_found_wherever_it_is() {
    let whole = pack(&singles(small()), Precision::F16).expect("packed");
    Model::from_bytes(&whole).expect("intact");
    // Beyond the magic number, without which it is a file of another kind.
    for at in (MAGIC.len()..whole.len()).step_by(17).chain(MAGIC.len()..200) {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x10;
        refused(&bytes);
    }
    for end in (MAGIC.len()..whole.len()).step_by(91).chain([whole.len() - 1]) {
        refused(&whole[..end]);
    }
    let longer = [whole.as_slice(), &[0]].concat();
    assert!(refused(&longer).contains("found more of them"), "{}", refused(&longer));
}

/// The bytes with some changed, and a hash that fits.
fn changed(bytes: &[u8], at: usize, to: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    bytes[at..at + to.len()].copy_from_slice(to);
    let hash = hash::Xxh64::of(&bytes[HEADER..]);
    bytes[24..32].copy_from_slice(&hash.to_le_bytes());
    bytes
}

#[test]
fn what_was_never_packed_is_refused() {
    let weights = singles(small());
    let whole = pack(&weights, Precision::F32).expect("packed");
    let line = refused(&changed(&whole, 8, &2u32.to_le_bytes()));
    assert!(line.contains("header: expected version 1, found version 2"), "{line}");
    let line = refused(&changed(&whole, 12, &u32::MAX.to_le_bytes()));
    assert!(line.contains("at most 4 MiB"), "{line}");
    let first = (HEADER + configuration::to_bytes(weights.config()).len()).next_multiple_of(ALIGNMENT);
    let line = refused(&changed(&whole, first, &u64::MAX.to_le_bytes()));
    assert!(line.contains("stem.conv.weight: expected"), "{line}");
    let line = refused(&changed(&whole, first + 8, &[0; 8]));
    assert!(line.contains("expected the next array"), "{line}");
    let line = refused(&changed(&whole, first + 16, &[9]));
    assert!(line.contains("unknown encoding"), "{line}");
    let data = first + ALIGNMENT;
    let line = refused(&changed(&whole, data, &f32::NAN.to_le_bytes()));
    assert!(line.contains("stem.conv.weight: expected finite values, found NaN at element 0"), "{line}");
    // Finite in f32, but not where it is to run.
    let large = changed(&whole, data, &1e6f32.to_le_bytes());
    let error = Options::new().precision(Precision::F16).from_bytes(&large).err();
    let line = error.expect("too large").to_string();
    assert!(line.contains("overflows f16"), "{line}");
}
