//! Trained models that come with the library (feature `models`), for [`Model::builtin`](crate::Model::builtin).
//!
//! | name | of | leads | classes |
//! | --- | --- | --- | --- |
//! | `beats` | each beat | any two, 180 Hz | N S V F Q (AAMI EC57) |
//! | `beats-1lead` | each beat | any one, 180 Hz | N S V F Q |
//! | `mitbih-beats` | each beat | MLII, V1, 360 Hz | N S V F Q (AAMI EC57) |
//! | `cinc2017-rhythm` | a record of 9 s to a minute | one, called ECG, 300 Hz | normal, fibrillation, other, noise |
//! | `ptbxl-8lead` | a record of 10 s | I, II, V1 to V6 in mV, 500 Hz | NORM MI STTC CD HYP, several at once |
//!
//! They are not medical devices; the card beside each one's weights tells what it was trained on and what it gets wrong. A
//! program that names none of them does not carry their 1.6 MB.
//!
//! ```
//! for model in efficientecg::models::ALL {
//!     let config = model.config()?;
//!     println!("{}: {} at {} Hz", model.name, config.leads.join(" "), config.sample_rate);
//! }
//! # Ok::<(), efficientecg::LoadError>(())
//! ```

use crate::config::Config;
use crate::weights::{WeightFile, WeightsError};
use efficientecg_files::ItemError;

/// A trained model.
#[derive(Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Trained {
    /// Its name, which is its configuration's.
    pub name: &'static str,
    /// Its weight file, an `.npz`.
    pub bytes: &'static [u8],
}

impl Trained {
    /// Its configuration.
    ///
    /// # Errors
    /// None, as a test sees to.
    pub fn config(&self) -> Result<Config, WeightsError> {
        Ok(WeightFile::from_bytes(self.bytes)?.into_config())
    }

    /// What it gets wrong, in two sentences, for reports; its card has more.
    pub fn limits(&self) -> &'static str {
        match self.name {
            "beats" => {
                "Of other patients it finds 80 % of the S beats and 95 % of the V beats, takes irregular N beats for S, and never finds F or Q. \
                 Trained on 71 half-hour records of MIT-BIH and SVDB, and 2,559 short ones of CinC 2017."
            }
            "beats-1lead" => {
                "Of other patients it finds 79 % of the S beats and 87 % of the V beats, takes irregular N beats for S, and never finds F or Q. \
                 Trained on 71 half-hour records of MIT-BIH and SVDB."
            }
            "mitbih-beats" => {
                "It misses a fifth to a quarter of the S beats of other patients, takes irregular N beats for S, and never finds F. \
                 Trained on 21 half-hour records of MIT-BIH."
            }
            "cinc2017-rhythm" => {
                "F1 over five folds: N 0.91, A 0.81, O 0.77, ~ 0.68; flutter with an irregular rhythm is taken for fibrillation. \
                 Trained on 7,675 records of hand-held devices."
            }
            "ptbxl-8lead" => {
                "Of the records at hand for choosing it, half of the infarctions and more than half of the hypertrophies are missed at 0.5. \
                 Trained on 2,288 records of PTB-XL, from one centre."
            }
            _ => "Its card tells what it gets wrong.",
        }
    }
}

impl std::fmt::Debug for Trained {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Trained").field("name", &self.name).finish_non_exhaustive()
    }
}

macro_rules! trained {
    ($($name:literal),+) => {
        [$(Trained { name: $name, bytes: include_bytes!(concat!("../weights/", $name, ".npz")) }),+]
    };
}

/// All of them.
pub static ALL: [Trained; 5] =
    trained!("mitbih-beats", "beats", "beats-1lead", "cinc2017-rhythm", "ptbxl-8lead");

/// The model of this name.
///
/// # Errors
/// There is none; the error lists those that there are.
pub fn find(name: &str) -> Result<&'static Trained, ItemError> {
    ALL.iter().find(|model| model.name == name).ok_or_else(|| {
        let names: Vec<&str> = ALL.iter().map(|model| model.name).collect();
        ItemError::new(
            "model",
            format!("one of {}", names.join(", ")),
            name,
            "name one of these, or load a file",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    #[test]
    fn every_file_among_the_weights_is_a_model_of_its_name() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("weights");
        let entries = std::fs::read_dir(folder).expect("the weights");
        let mut files = 0;
        for entry in entries {
            let path = entry.expect("an entry").path();
            let name = path.file_stem().and_then(|s| s.to_str()).expect("a name").to_owned();
            if path.extension().is_some_and(|e| e == "npz") {
                files += 1;
                let model = find(&name).expect("among the models");
                assert_eq!(model.bytes, std::fs::read(&path).expect("read"));
                assert_eq!(model.config().expect("a configuration").name, name);
                assert!(model.limits().contains("Trained on"), "{name}: its limits in a report");
            }
            assert!(path.with_extension("npz").is_file() && path.with_extension("md").is_file(), "{name}");
        }
        assert_eq!(files, ALL.len());
        let error = find("mitbih").expect_err("no such model").to_string();
        assert!(
            ALL.iter().all(|model| error.contains(model.name)) && error.contains("found mitbih;"),
            "{error}"
        );
    }
}
