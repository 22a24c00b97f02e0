//! An archive in memory reads as the same one on disk does.

use efficientecg_npz::{Archive, Array, Class, Data, Packing, npz_bytes};
use std::path::Path;

#[test]
fn an_archive_in_memory_reads_as_one_on_disk() {
    let config = Array { shape: vec![2], data: Data::U8(b"{}".to_vec()) };
    let noise: Vec<f32> = (0..10_000u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 8) as f32).collect();
    let noise = Array { shape: vec![100, 100], data: Data::F32(noise) };
    for packing in [Packing::Stored, Packing::Deflated] {
        let bytes = npz_bytes(Path::new("x.npz"), &[("config", &config), ("x", &noise)], packing);
        let bytes = bytes.expect("written");
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("x.npz");
        std::fs::write(&path, &bytes).expect("written");

        let (disk, memory) =
            (Archive::open(&path).expect("opens"), Archive::from_bytes(&bytes).expect("opens"));
        assert_eq!(memory.path(), Path::new("<memory>"));
        assert_eq!(memory.names(), disk.names());
        assert_eq!(memory.config_text().expect("text"), "{}");
        // In any order, and again.
        for name in ["x", "config", "x"] {
            let read = |archive: &Archive| archive.read(name, Class::Number, None).expect("reads");
            assert_eq!(read(&memory), read(&disk), "{name}");
        }
        assert!(memory.reading().is_zero());

        for cut in [0, 1, 21, bytes.len() / 2, bytes.len() - 1] {
            let error = Archive::from_bytes(&bytes[..cut]).expect_err("cut off").to_string();
            assert!(error.starts_with("<memory>: archive: expected a complete zip archive"), "{error}");
        }
    }
}
