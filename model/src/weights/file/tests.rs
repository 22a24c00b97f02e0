use super::*;
use crate::weights::tests::{generate, small};

#[test]
fn an_npz_and_a_directory_load_alike() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let weights = generate(small());
    let text = weights.config().to_json().expect("text");
    // Left out by name, whatever its type.
    let batches = Array { shape: vec![], data: Data::I64(vec![7]) };
    let arrays = weights.arrays().iter().map(|(name, tensor)| (name.as_str(), Array::from(tensor.clone())));
    let list: Vec<(&str, Array)> = arrays.chain([("stem.bn.num_batches_tracked", batches)]).collect();
    let directory = folder.path().join("w");
    std::fs::create_dir(&directory).expect("made");
    std::fs::write(directory.join("config.json"), &text).expect("written");
    for (name, array) in &list {
        // An .npz of one array stored: its member is the .npy file.
        let npz = folder.path().join("one.npz");
        write_npz(&npz, &[(name, array)], Packing::Stored).expect("written");
        let bytes = std::fs::read(&npz).expect("read");
        let start = 30 + name.len() + 4;
        let size = u32::from_le_bytes([bytes[18], bytes[19], bytes[20], bytes[21]]) as usize;
        std::fs::write(directory.join(format!("{name}.npy")), &bytes[start..start + size]).expect("written");
    }
    let from_directory = Weights::load(&directory).expect("directory");
    assert_eq!(from_directory.arrays(), weights.arrays());
    assert_eq!(from_directory.config(), weights.config());
    for packing in [Packing::Stored, Packing::Deflated] {
        let npz = folder.path().join("w.npz");
        weights.save(&npz, packing).expect("saved");
        let loaded = Weights::load(&npz).expect("loaded");
        assert_eq!(loaded.arrays(), weights.arrays());
        assert_eq!(loaded.config(), weights.config());
    }
}

#[test]
fn a_file_gives_what_memory_gives() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let weights = generate(small());
    for packing in [Packing::Stored, Packing::Deflated] {
        let path = folder.path().join("w.npz");
        weights.save(&path, packing).expect("saved");
        let file = WeightFile::open(&path).expect("a good file");
        for entry in table(&small()).expect("table") {
            let values = Source::values(&file, &entry.name).expect("read");
            assert_eq!(values, weights.arrays()[&entry.name].data, "{}", entry.name);
        }
        assert!(Source::values(&file, "config").is_err());
    }
}
