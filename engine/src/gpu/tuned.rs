//! The file of variants that were measured, beside the pipeline cache: one for each adapter, driver and kind of storage. A line is a
//! kind of node with its program's checksum, a tab, and the winner, if that is not the default; what a changed program had measured is
//! found no more.

use super::cache;
use super::device::Device;
use super::options::GpuOptions;
use std::collections::{BTreeMap, HashMap};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};

/// The file for a device; none if there is no folder for it.
pub(super) fn path(device: &Device, options: &GpuOptions) -> Option<PathBuf> {
    let mut hash = DefaultHasher::new();
    let super::Adapter { name, backend, driver, .. } = &device.adapter;
    (name, backend, driver, device.traits, options.checked).hash(&mut hash);
    Some(cache::folder(options)?.join(format!("variants-{:016x}", hash.finish())))
}

/// The winners by kind; none where nothing was measured, or what was kept is damaged.
pub(super) fn load(device: &Device, options: &GpuOptions) -> HashMap<String, String> {
    path(device, options).map(|path| read(&path)).unwrap_or_default().into_iter().collect()
}

/// The lines of a file; none where it is damaged, or there is none.
pub(super) fn read(path: &Path) -> BTreeMap<String, String> {
    let text = cache::load(path).and_then(|data| String::from_utf8(data).ok()).unwrap_or_default();
    let lines = text.lines().filter_map(|line| line.split_once('\t'));
    lines.map(|(key, winner)| (key.to_owned(), winner.to_owned())).collect()
}

/// Adds winners to those that are kept, in place of those of the same kind; a kind without one is kept no more.
pub(super) fn keep(path: &Path, winners: impl Iterator<Item = (String, Option<String>)>) {
    let mut all = read(path);
    for (key, winner) in winners {
        match winner {
            Some(winner) => all.insert(key, winner),
            None => all.remove(&key),
        };
    }
    let text: String = all.iter().map(|(key, winner)| format!("{key}\t{winner}\n")).collect();
    cache::save(path, text.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn winners_are_kept_beside_one_another() {
        let folder = tempfile::tempdir().unwrap_or_else(|e| panic!("{e}"));
        let path = folder.path().join("variants");
        let pair = |key: &str, winner: &str| (key.to_owned(), winner.to_owned());
        let some = |key: &str, winner: &str| (key.to_owned(), Some(winner.to_owned()));
        keep(&path, [some("a 1,2", "x"), some("b", "y"), some("d", "y")].into_iter());
        keep(
            &path,
            [some("c", "z"), some("b", "w"), ("d".to_owned(), None), ("e".to_owned(), None)].into_iter(),
        );
        let want = BTreeMap::from([pair("a 1,2", "x"), pair("b", "w"), pair("c", "z")]);
        assert_eq!(read(&path), want);
        std::fs::write(&path, "a\tx\n").unwrap_or_else(|e| panic!("{e}"));
        assert_eq!(read(&path), BTreeMap::new(), "a file without its checksum was believed");
    }
}
