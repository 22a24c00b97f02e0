//! Records as they come against the same records at once: which beats and classes differ, what that costs, and what a second takes.
//!
//!     cargo run --release -p efficientecg-tests --example stream -- MODEL FOLDER [RECORD ...]
//!
//! Of each WFDB record with annotations `atr`, or of those named: the beats found at once; the share of them that are told as they come within two
//! samples, and beats told beside them; the share of one class; F1 of S and of V against the annotations, at once and as they come; the longest
//! delay, the time that a second of signal takes, and the memory held. A model's V1 is the record's lead that is not MLII.

use efficientecg::classify::Settings;
use efficientecg::ecg::Record;
use efficientecg::ecg::wfdb::Annotations;
use efficientecg::{LoadError, Options};
use efficientecg_tests::live::{Compared, compare};
use efficientecg_tests::mitbih::{DS2, records};
use std::path::Path;
use std::sync::Arc;

fn main() -> Result<(), LoadError> {
    let mut words = std::env::args().skip(1);
    let (name, folder) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let folder = Path::new(&folder);
    let named: Vec<String> = words.collect();
    let model = Arc::new(Options::new().threads(1).builtin(&name)?);
    let (mut all, mut test) = (Compared::default(), Compared::default());
    for name in if named.is_empty() { records(folder) } else { named } {
        let path = folder.join(&name);
        let (record, annotations) =
            match (Record::open(&path), Annotations::read(&path.with_extension("atr"))) {
                (Ok(record), Ok(annotations)) => (record, annotations),
                (Err(e), _) | (_, Err(e)) => {
                    println!("{name}: {e}");
                    continue;
                }
            };
        let mut settings = Settings::new();
        if model.config().leads.iter().any(|lead| lead == "V1") {
            let upper = record.leads.iter().position(|lead| lead.name == "MLII").unwrap_or(0);
            settings =
                settings.lead("MLII", format!("#{}", upper + 1)).lead("V1", format!("#{}", 2 - upper.min(1)));
        }
        let one = compare(&model, &record, &settings, &annotations);
        println!("{name}: {}", one.line());
        all.add(&one);
        if DS2.contains(&name.as_str()) {
            test.add(&one);
        }
    }
    println!("DS2: {}", test.line());
    println!("all: {}", all.line());
    Ok(())
}
