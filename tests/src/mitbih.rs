//! The MIT-BIH Arrhythmia Database, where it is at hand.

use crate::data::DataSet;
use std::path::Path;

/// Where the records are.
pub static RECORDS: DataSet = DataSet::new("MIT-BIH", "mitbih", "EFFICIENTECG_MITBIH", "234.atr");

/// The records that de Chazal et al. (2004) test on.
pub const DS2: [&str; 22] = [
    "100", "103", "105", "111", "113", "117", "121", "123", "200", "202", "210", "212", "213", "214", "219",
    "221", "222", "228", "231", "232", "233", "234",
];

/// Names of the records in `folder` that have all three files, in order.
pub fn records(folder: &Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut names: Vec<String> = entries
        .flatten()
        .filter_map(|e| e.file_name().to_str()?.strip_suffix(".hea").map(str::to_owned))
        .filter(|n| ["dat", "atr"].iter().all(|x| folder.join(format!("{n}.{x}")).is_file()))
        .collect();
    names.sort();
    names
}
