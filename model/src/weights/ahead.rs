//! Reading a weight file on a thread of its own, while what was read before is folded and packed.

use super::file::WeightFile;
use super::{Source, Values, WeightsError, parameters};
use crate::config::Config;
use std::cell::RefCell;
use std::collections::HashMap;
use std::path::Path;
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread::{Builder, scope};
use std::time::Duration;

/// The fewest parameters that are worth a thread.
const LEAST: usize = 1 << 21;

/// Arrays that wait to be taken, at most.
const WAITING: usize = 4;

/// Bytes for the arrays that wait.
const RESERVED: usize = 8 << 20;

/// The arrays of a weight file, which another thread reads in the order of the table.
struct Ahead<'a> {
    file: &'a WeightFile,
    arrays: Receiver<Result<Values, WeightsError>>,
    arrived: RefCell<Arrived>,
}

/// What came that was not asked for yet.
#[derive(Default)]
struct Arrived {
    /// How many arrays came.
    count: usize,
    /// By their places in the table.
    kept: HashMap<usize, Values>,
}

/// Uses a file as a source of weights: with `threads` to use, and a file that is worth it, one of them reads ahead.
pub(crate) fn read_ahead<T>(file: &WeightFile, threads: usize, take: impl FnOnce(&dyn Source) -> T) -> T {
    if threads < 2 || parameters(file.config()).is_ok_and(|n| n < LEAST) {
        return take(file);
    }
    let (sender, arrays) = sync_channel(WAITING);
    scope(|scope| {
        let read = move || {
            let _reserved = efficientecg_files::reserve(RESERVED);
            for name in file.names() {
                let values = file.values(name);
                let last = values.is_err();
                // Who takes them may have given up.
                if sender.send(values).is_err() || last {
                    break;
                }
            }
        };
        match Builder::new().name("weights".to_owned()).spawn_scoped(scope, read) {
            // It goes before the scope waits for the thread, which then finds nobody to send to.
            Ok(_) => take(&Ahead { file, arrays, arrived: RefCell::default() }),
            Err(_) => take(file),
        }
    })
}

impl Source for Ahead<'_> {
    fn config(&self) -> &Config {
        self.file.config()
    }

    fn path(&self) -> &Path {
        self.file.path()
    }

    fn values(&self, name: &str) -> Result<Values, WeightsError> {
        let mut arrived = self.arrived.borrow_mut();
        let Some(place) = self.file.place(name) else { return self.file.values(name) };
        while arrived.count <= place {
            let Ok(values) = self.arrays.recv() else { break };
            let at = arrived.count;
            arrived.count += 1;
            if at == place {
                return values;
            }
            arrived.kept.insert(at, values?);
        }
        // What was taken before, or is beyond one that could not be read, is read again.
        arrived.kept.remove(&place).map_or_else(|| self.file.values(name), Ok)
    }

    fn reading(&self) -> Duration {
        self.file.reading()
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{generate, small};
    use super::*;
    use crate::config::Stem;
    use efficientecg_npz::Packing;

    /// A configuration of enough parameters.
    fn large() -> Config {
        let config = small();
        let large = Config { stem: Stem { channels: 64, ..config.stem }, head_channels: 1 << 17, ..config };
        assert!(parameters(&large).expect("a configuration") > LEAST);
        large
    }

    #[test]
    fn arrays_come_as_they_are_read_in_any_order() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("w.npz");
        generate(large()).save(&path, Packing::Stored).expect("saved");
        let file = WeightFile::open(&path).expect("opened");
        let mut names: Vec<String> = file.names().map(str::to_owned).collect();
        for threads in [1, 2] {
            for _ in 0..2 {
                let taken = read_ahead(&file, threads, |source| {
                    // Twice, and one that there is not.
                    assert!(source.values("none").is_err());
                    let all = names.iter().chain(&names).map(|name| source.values(name).expect("read"));
                    all.collect::<Vec<_>>()
                });
                for (values, name) in taken.iter().zip(names.iter().chain(&names)) {
                    assert_eq!(values, &file.values(name).expect("read"), "{name}");
                }
                names.reverse();
            }
        }
        // To give up early is no deadlock.
        let first = read_ahead(&file, 2, |source| source.values(&names[0]).expect("read"));
        assert_eq!(first, file.values(&names[0]).expect("read"));
        read_ahead(&file, 2, |_| ());
    }

    #[test]
    fn an_array_that_cannot_be_read_is_told_as_ever() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("w.npz");
        generate(large()).save(&path, Packing::Stored).expect("saved");
        let mut bytes = std::fs::read(&path).expect("read");
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        let file = WeightFile::from_bytes(&bytes).expect("the directory is intact");
        let errors = [1, 2].map(|threads| {
            read_ahead(&file, threads, |source| {
                let failed = file.names().find_map(|name| source.values(name).err());
                failed.expect("a damaged array").to_string()
            })
        });
        assert!(errors[0].contains("CRC"), "{}", errors[0]);
        assert_eq!(errors[0], errors[1]);
    }
}
