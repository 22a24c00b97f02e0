//! The fuzz targets on their corpora, without a fuzzer: what once was a find stays fixed. The command line's is run by
//! `tools/tests/commands.rs`.

#[path = "../fuzz/src/lib.rs"]
#[allow(unreachable_pub)]
mod targets;

use std::path::Path;

#[test]
fn what_was_found_once_stays_fixed() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus");
    type Target = (&'static str, fn(&[u8]));
    let all: [Target; 16] = [
        ("npy", targets::npy),
        ("npz", targets::npz),
        ("packed", targets::packed),
        ("config", targets::config),
        ("header", targets::header),
        ("signals", targets::signals),
        ("annotations", targets::annotations),
        ("matlab", targets::matlab),
        ("edf", targets::edf),
        ("csv", targets::csv),
        ("aecg", targets::aecg),
        ("philips", targets::philips),
        ("muse", targets::muse),
        ("scp", targets::scp),
        ("dicom", targets::dicom),
        ("zip", targets::zip),
    ];
    for (name, target) in all {
        let mut count = 0;
        for entry in std::fs::read_dir(folder.join(name)).expect("a corpus") {
            let path = entry.expect("an entry").path();
            println!("{}", path.display());
            let data = std::fs::read(&path).expect("read");
            targets::run(target, &data);
            // And what is cut off.
            for end in (0..data.len()).step_by(1 + data.len() / 40) {
                targets::run(target, &data[..end]);
            }
            count += 1;
        }
        println!("{name}: {count} inputs, whole and cut");
        assert!(count >= 3, "{name}");
    }
}
