//! The copy of the working tree.

use crate::faults::Fault;
use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Makes `tree` equal to what git tracks, or would, under `root`. Files that are equal stay untouched, so that only
/// what changed is built again.
pub(crate) fn renew(root: &Path, tree: &Path) -> Result<(), String> {
    let listed = Command::new("git")
        .current_dir(root)
        .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
        .output()
        .map_err(|e| format!("git: {e}"))?;
    if !listed.status.success() {
        return Err(format!("git ls-files: {}", String::from_utf8_lossy(&listed.stderr).trim()));
    }
    let names = String::from_utf8(listed.stdout).map_err(|e| format!("a file's name: {e}"))?;
    let mut kept = HashSet::new();
    for name in names.split_terminator('\0') {
        let (from, to) = (root.join(name), tree.join(name));
        if !from.is_file() {
            continue; // deleted, but not yet for git
        }
        let equal = fs::read(&to).is_ok_and(|old| fs::read(&from).is_ok_and(|new| new == old));
        if !equal {
            let error = |e: std::io::Error| format!("{}: {e}", to.display());
            fs::create_dir_all(to.parent().unwrap_or(tree)).map_err(error)?;
            // The copy is as old as now, which cargo sees.
            fs::copy(&from, &to).map_err(error)?;
        }
        kept.insert(to);
    }
    remove_others(tree, &kept)
}

fn remove_others(folder: &Path, kept: &HashSet<PathBuf>) -> Result<(), String> {
    let error = |e: std::io::Error| format!("{}: {e}", folder.display());
    for entry in fs::read_dir(folder).map_err(error)? {
        let path = entry.map_err(error)?.path();
        if path.is_dir() {
            remove_others(&path, kept)?;
        } else if !kept.contains(&path) {
            fs::remove_file(&path).map_err(error)?;
        }
    }
    Ok(())
}

/// Plants a fault in the copy.
pub(crate) fn plant(tree: &Path, fault: &Fault) -> Result<(), String> {
    let path = tree.join(fault.file);
    let error = |e: std::io::Error| format!("{}: {}: {e}", fault.name, path.display());
    let text = fs::read_to_string(&path).map_err(error)?;
    match text.matches(fault.old).count() {
        1 => fs::write(&path, text.replacen(fault.old, fault.new, 1)).map_err(error),
        n => Err(format!("{}: its text stands {n} times in {}", fault.name, fault.file)),
    }
}
