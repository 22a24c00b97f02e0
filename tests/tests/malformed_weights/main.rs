//! Weight files that are wrong in one way each: every one is an error of one line that names the file and the item,
//! none panics, and none makes the reader take memory by a size that a file merely announces.

mod archives;
mod arrays;
mod configs;
mod forge;
mod good;

use efficientecg::Options;
use forge::{Member, zip, zip64};
use good::{config, good};
use std::alloc::{GlobalAlloc, Layout, System};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Remembers the largest single allocation.
struct CountingAllocator;

static LARGEST: AtomicUsize = AtomicUsize::new(0);

// SAFETY: every call goes to the system's allocator unchanged.
unsafe impl GlobalAlloc for CountingAllocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        LARGEST.fetch_max(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller keeps `alloc`'s contract.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: `pointer` came from `System` by the methods above.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

/// Nothing here is larger than the 20 MB of the greatest test file; announced sizes go to 2^60.
const ENOUGH: usize = 48 << 20;

/// Loads, folds and packs; the message if that fails.
fn load(path: &Path) -> Result<(), String> {
    let options = Options::new().threads(1);
    options.load(path).map(drop).map_err(|e| e.to_string())
}

fn assert_refused(label: &str, path: &Path, part: &str) {
    let message = load(path).expect_err(label);
    assert!(message.contains(part), "{label}: {message}");
    assert!(!message.contains('\n'), "{label}: more than a line: {message}");
    assert!(message.starts_with(&path.display().to_string()), "{label}: no file named: {message}");
}

#[test]
fn files() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("w.npz");
    let cases = [archives::archive_cases(), arrays::array_cases(), configs::config_cases()].concat();
    assert!(cases.len() >= 90);
    LARGEST.store(0, Ordering::Relaxed);
    for (label, bytes, part) in &cases {
        std::fs::write(&path, bytes).expect("written");
        assert_refused(label, &path, part);
    }
    let largest = LARGEST.load(Ordering::Relaxed);
    println!("{} malformed cases, {largest} bytes the largest allocation", cases.len());
    assert!(largest < ENOUGH, "an allocation of {largest} bytes");
}

#[test]
fn good_archives_load_in_every_form() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("w.npz");
    let members = good();
    let mut offset = 0;
    let (mut wide, mut timed) = (Vec::new(), Vec::new());
    let mut deflated = Vec::new();
    for m in &members {
        wide.push(m.clone().zip64(u64::from(m.size), u64::from(m.packed), offset));
        // A time stamp (0x5455) before the field.
        let mut stamped = wide[wide.len() - 1].clone();
        stamped.extra.splice(0..0, [0x55, 0x54, 5, 0, 1, 0x80, 0xe1, 0x2f, 0x65]);
        timed.push(stamped);
        offset += (30 + m.name.len() + m.data.len()) as u64;
        let name = String::from_utf8(m.name.clone()).expect("a name");
        deflated.push(Member::deflated(&name, &m.data));
    }
    // Skipped by name, whatever is inside.
    let mut skipped = members.clone();
    skipped.push(Member::stored("head.bn.num_batches_tracked.npy", vec![1, 2, 3]));
    let mut comment = zip(&members);
    let end = comment.len() - 2;
    comment[end..].copy_from_slice(&[5, 0]);
    comment.extend(b"hello");
    for (label, bytes) in [
        ("plain", zip(&members)),
        ("zip64 end", zip64(&members, |at| at)),
        ("zip64 members", zip64(&wide, |at| at)),
        ("zip64 members, plain end", zip(&wide)),
        ("zip64 after a time stamp", zip(&timed)),
        ("deflated", zip(&deflated)),
        ("num_batches_tracked", zip(&skipped)),
        ("comment", comment),
    ] {
        std::fs::write(&path, bytes).expect("written");
        load(&path).unwrap_or_else(|e| panic!("{label}: {e}"));
    }
}

/// Writes a good directory and returns its path.
fn good_directory(folder: &Path) -> std::path::PathBuf {
    let path = folder.join("w");
    std::fs::create_dir(&path).expect("made");
    for member in good().into_iter().skip(1) {
        let name = String::from_utf8(member.name).expect("a name");
        std::fs::write(path.join(name), member.data).expect("written");
    }
    let text = config().to_json().expect("text");
    std::fs::write(path.join("config.json"), text).expect("written");
    path
}

#[test]
fn directories() {
    type Change = fn(&Path);
    let cases: [(&str, Change, &str); 10] = [
        (
            "no configuration",
            |d| std::fs::remove_file(d.join("config.json")).expect("removed"),
            "config.json: expected the configuration beside the arrays",
        ),
        (
            "bad configuration",
            |d| std::fs::write(d.join("config.json"), "{").expect("written"),
            "config: expected JSON text",
        ),
        (
            "stray file",
            |d| std::fs::write(d.join("notes.txt"), "x").expect("written"),
            "entry notes.txt: expected <array name>.npy or config.json",
        ),
        ("subdirectory", |d| std::fs::create_dir(d.join("sub")).expect("made"), "entry sub: expected"),
        (
            "missing array",
            |d| std::fs::remove_file(d.join("head.bn.bias.npy")).expect("removed"),
            "head.bn.bias: expected an array of shape [8]",
        ),
        (
            "unknown array",
            |d| std::fs::write(d.join("config.npy"), "x").expect("written"),
            "config: expected only arrays of the configured network",
        ),
        (
            "array is a directory",
            |d| {
                let p = d.join("head.bn.bias.npy");
                std::fs::remove_file(&p).expect("removed");
                std::fs::create_dir(p).expect("made");
            },
            "file: expected a .npy file, found a directory",
        ),
        (
            "array is an .npz",
            |d| std::fs::write(d.join("head.bn.bias.npy"), zip(&good())).expect("written"),
            "head.bn.bias: expected an array in NumPy's .npy format",
        ),
        (
            "array cut off",
            |d| {
                let p = d.join("head.bn.bias.npy");
                let b = std::fs::read(&p).expect("read");
                std::fs::write(p, &b[..b.len() - 1]).expect("written");
            },
            "head.bn.bias: expected",
        ),
        (
            "empty",
            |d| {
                std::fs::remove_dir_all(d).expect("removed");
                std::fs::create_dir(d).expect("made");
            },
            "config.json: expected",
        ),
    ];
    for (label, change, part) in cases {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = good_directory(folder.path());
        load(&path).unwrap_or_else(|e| panic!("before {label}: {e}"));
        change(&path);
        assert_refused(label, &path, part);
    }
}

#[test]
fn what_is_no_regular_file() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    assert_refused("nothing there", &folder.path().join("none.npz"), "check the path");
    #[cfg(unix)]
    {
        use std::os::unix::fs::{PermissionsExt, symlink};
        let pipe = folder.path().join("pipe.npz");
        let made = std::process::Command::new("mkfifo").arg(&pipe).status();
        if made.is_ok_and(|s| s.success()) {
            // Opening it would wait for a writer for ever.
            assert_refused("pipe", &pipe, "found a pipe, device or socket");
        } else {
            efficientecg_skipped::skipped("no mkfifo: the case of a pipe");
        }
        assert_refused("device", Path::new("/dev/zero"), "found a pipe, device or socket");
        let ring = folder.path().join("ring.npz");
        symlink(&ring, &ring).expect("a link");
        assert_refused("a link to itself", &ring, "file: expected an .npz file");
        let locked = folder.path().join("locked.npz");
        std::fs::write(&locked, zip(&good())).expect("written");
        std::fs::set_permissions(&locked, std::fs::Permissions::from_mode(0o0)).expect("set");
        if std::fs::File::open(&locked).is_err() {
            assert_refused("no permission", &locked, "give read permission");
        } else {
            efficientecg_skipped::skipped("this user may read everything: the case of no permission");
        }
    }
}

#[test]
fn damaged_anywhere_is_an_error_or_harmless_but_no_panic() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("w.npz");
    let members: Vec<Member> =
        good().iter().map(|m| Member::deflated(&String::from_utf8_lossy(&m.name), &m.data)).collect();
    let whole = zip(&members);
    LARGEST.store(0, Ordering::Relaxed);
    for len in (0..whole.len()).step_by(97) {
        std::fs::write(&path, &whole[..len]).expect("written");
        load(&path).expect_err("cut off");
    }
    let mut state = 1u64;
    let mut refused = 0;
    for _ in 0..2000 {
        let mut bytes = whole.clone();
        for _ in 0..3 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let at = (state >> 33) as usize % bytes.len();
            bytes[at] = (state >> 24) as u8;
        }
        std::fs::write(&path, &bytes).expect("written");
        if let Err(message) = load(&path) {
            assert!(!message.contains('\n'), "{message}");
            refused += 1;
        }
    }
    // Times, attributes and version fields are not read; most of a file is.
    assert!(refused > 1500, "only {refused} of 2000 damaged files are noticed");
    let largest = LARGEST.load(Ordering::Relaxed);
    assert!(largest < ENOUGH, "an allocation of {largest} bytes");
}
