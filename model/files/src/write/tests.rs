use super::*;
use crate::open;

/// The names in a folder.
fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("listed");
    let mut names: Vec<_> =
        entries.map(|e| e.expect("an entry").file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

#[test]
fn files_are_made_and_replaced() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("a");
    for text in ["one", "another", ""] {
        write(&path, text.as_bytes()).expect("written");
        assert_eq!(fs::read_to_string(&path).expect("read"), text);
        assert_eq!(names(folder.path()), ["a"]);
    }
    let error = write(folder.path(), b"x").expect_err("a folder");
    assert_eq!(error.kind(), ErrorKind::IsADirectory);
    let error = write(&folder.path().join("no/a"), b"x").expect_err("no such folder");
    assert_eq!(error.kind(), ErrorKind::NotFound);
}

#[test]
fn a_temporary_name_does_as_well() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let target = folder.path().join("a");
    for text in ["one", "two"] {
        let (name, mut file) = named(&target).expect("made");
        assert_eq!(names(folder.path()).len(), if text == "one" { 1 } else { 2 });
        file.write_all(text.as_bytes()).expect("written");
        let staged = Staged { file, target: target.clone(), temporary: Some(name) };
        staged.publish().expect("published");
        assert_eq!(
            (fs::read_to_string(&target).expect("read").as_str(), names(folder.path()).len()),
            (text, 1)
        );
    }
    let (name, file) = named(&target).expect("made");
    drop(Staged { file, target, temporary: Some(name) });
    assert_eq!(names(folder.path()), ["a"], "what is not published leaves nothing");
}

#[test]
fn of_several_files_none_appears_unless_all_can() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (a, b) = (folder.path().join("a"), folder.path().join("no/b"));
    write(&a, b"before").expect("written");
    let (path, _) = write_all(&[(a.clone(), b"after"), (b.clone(), b"after")]).expect_err("no such folder");
    assert_eq!(path, b);
    assert_eq!(fs::read(&a).expect("read"), b"before");
    assert_eq!(names(folder.path()), ["a"]);
}

#[cfg(unix)]
#[test]
fn links_are_followed_and_modes_kept() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (file, link) = (folder.path().join("file"), folder.path().join("link"));
    fs::write(&file, "before").expect("written");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).expect("set");
    symlink("file", &link).expect("a link");
    write(&link, b"after").expect("written");
    assert!(fs::symlink_metadata(&link).expect("there").is_symlink());
    assert_eq!(fs::read(&file).expect("read"), b"after");
    assert_eq!(fs::metadata(&file).expect("there").permissions().mode() & 0o777, 0o640);
    let astray = folder.path().join("astray");
    symlink("nothing", &astray).expect("a link");
    assert_eq!(write(&astray, b"x").expect_err("a link to nothing").kind(), ErrorKind::InvalidInput);
    assert_eq!(names(folder.path()), ["astray", "file", "link"]);
}

#[cfg(target_os = "linux")]
#[test]
fn devices_are_written_and_never_read() {
    write(Path::new("/dev/null"), b"x").expect("written");
    assert_eq!(write(Path::new("/dev/full"), b"x").expect_err("full").kind(), ErrorKind::StorageFull);
    for path in ["/dev/zero", "/dev/null", "/dev/stdin", "/tmp"] {
        assert!(open(Path::new(path)).is_err(), "{path}");
    }
}
