//! ECG records: from files to windows for the network.
//!
//! ```text
//! formats.rs     the table of formats: which one a file is of, by its content
//! source.rs      what a reader is given
//! wfdb/          records and annotations in PhysioNet's WFDB formats, read and written
//! edf/           EDF, EDF+, BDF and BDF+: feature `edf`
//! aecg/          HL7 aECG: feature `aecg`
//! philips/       Philips XML: feature `philips`
//! muse/          GE MUSE XML: feature `muse`
//! xml/           what these three share
//! csv/           tables of samples: feature `csv`
//! scp/           SCP-ECG: feature `scp`
//! dicom/         waveforms of DICOM: feature `dicom`
//! cells.rs       numbers and words in the cells of tables
//! grid.rs        the digital values that samples were
//! paths.rs       the records of a folder, an archive or a pattern
//! opened.rs      files in folders and in zip archives: feature `zip`
//! ranged.rs      a record whose samples can be read from any place on
//! parts.rs       a record of days, part by part
//! start.rs       date and time
//! units.rs       words for voltages
//! leads.rs       which lead of the record feeds which input of the network (by name, never guessed)
//! resample.rs    polyphase FIR resampling to the network's rate
//! gaps.rs        where samples are missing
//! held.rs        where a lead holds its value: missing too
//! mains.rs       mains hum, found and taken off
//! normalize.rs   z-score or median per lead
//! filter.rs      gaps bridged, QRS complexes taken out
//! band_pass.rs   band-passes without delay
//! peaks.rs       R-peak detector
//! quality/       whether there is an ECG to assess
//! beats.rs       windows around beats, heart rate
//! rhythm.rs      rows around each beat, for the fusion: R-R intervals, and of
//! segments.rs    segments around beats, aligned on the record's usual QRS,
//! morphology.rs  how unlike the record's others a beat is,
//! atrial.rs      how unlike the late beats' its P wave is
//! irregularity.rs  how irregular R-R intervals are
//! hrv/           heart rate variability by the Task Force's definitions
//! holter/        what a record of days holds: hour by hour, its events
//! flutter.rs     whether one frequency prevails between QRS complexes
//! beat_sequence.rs  rows of a whole record's beats, one each, for models that classify records
//! p_waves.rs     P waves, beat by beat, on
//! complexes.rs   QRS complexes against the record's usual one
//! qrs.rs         the windows of QRS complexes
//! ranks.rs       medians of many columns while rows come and go
//! wide.rs        functions compiled for AVX2 too
//! workers.rs     threads for the parts of one long record
//! stream/        beats of a signal that is still coming
//! spectrum.rs    powers at single frequencies
//! statistics.rs  medians and quantiles
//! synth.rs       a synthetic two-lead ECG with known beats
//! random.rs      its random numbers, and those of the intervals of `efficientecg-evaluate`
//! ```
//!
//! A reader is a function from a [`Source`] to a [`Record`]; [`Record::open`] chooses it by the file's content. A new format
//! is one more folder beside `wfdb/` and one more line in `formats.rs`. Nothing else depends on where a record came from.

use std::io::Read;
use std::path::Path;

#[cfg(feature = "aecg")]
pub mod aecg;
pub mod atrial;
mod band_pass;
pub mod beat_sequence;
pub mod beats;
pub mod cells;
mod complexes;
#[cfg(feature = "csv")]
pub mod csv;
#[cfg(feature = "dicom")]
pub mod dicom;
#[cfg(feature = "edf")]
pub mod edf;
mod error;
pub mod filter;
pub mod flutter;
pub mod formats;
pub mod gaps;
mod grid;
pub mod held;
pub mod holter;
pub mod hrv;
pub mod irregularity;
pub mod leads;
pub mod mains;
pub mod morphology;
#[cfg(feature = "muse")]
pub mod muse;
pub mod normalize;
mod opened;
pub mod p_waves;
pub mod parts;
pub mod paths;
pub mod peaks;
#[cfg(feature = "philips")]
pub mod philips;
mod qrs;
pub mod quality;
pub mod random;
mod ranged;
mod ranks;
pub mod resample;
pub mod rhythm;
#[cfg(feature = "scp")]
pub mod scp;
pub mod segments;
mod source;
mod spectrum;
mod start;
pub mod statistics;
pub mod stream;
mod surroundings;
pub mod synth;
mod units;
pub mod wfdb;
mod wide;
pub mod workers;
#[cfg(any(feature = "aecg", feature = "philips", feature = "muse"))]
// One format alone does not need all of it.
#[cfg_attr(
    not(all(feature = "aecg", feature = "philips", feature = "muse")),
    allow(dead_code, unused_imports)
)]
mod xml;

pub use error::{Error, Result};
pub use source::{ReadOptions, Source};
pub use start::{Date, Start};
pub use stream::Stream;

/// Sex as a patient feature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sex {
    /// Female.
    Female,
    /// Male.
    Male,
}

/// One lead of a record.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Lead {
    /// Name as the file gives it: `MLII`, `V1`, ….
    pub name: String,
    /// Physical unit of the samples, most often `mV`.
    pub units: String,
    /// Samples a second. Leads of one record may differ.
    pub sample_rate: f64,
    /// Samples in `units`; NaN where the file marks a sample as missing.
    pub samples: Vec<f32>,
}

impl Lead {
    /// A lead by its name, the unit of its samples (most often `mV`), samples a second, and the samples, NaN where one is
    /// missing.
    pub fn new(
        name: impl Into<String>,
        units: impl Into<String>,
        sample_rate: f64,
        samples: Vec<f32>,
    ) -> Lead {
        Lead { name: name.into(), units: units.into(), sample_rate, samples }
    }

    /// Millivolts a unit; `None` where `units` is not a voltage. Case does not count: `mv` and `MV` are millivolts.
    pub fn millivolts(&self) -> Option<f32> {
        units::millivolts(&self.units)
    }
}

/// An ECG record in memory, whatever file it came from, or none:
///
/// ```
/// use efficientecg_ecg::{Lead, Record};
///
/// let samples = vec![0.0; 3600];
/// let mut record = Record::new("bedside-7", 360.0, vec![Lead::new("II", "mV", 360.0, samples)]);
/// record.age = Some(63.0);
/// assert_eq!(record.seconds(), 10.0);
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Record {
    /// Record name, without folder and extension.
    pub name: String,
    /// Frames a second: the base rate, in which annotations count time.
    pub sample_rate: f64,
    /// Leads in the file's order. Not only ECG: a record may carry pressure or respiration.
    pub leads: Vec<Lead>,
    /// Age in years, if the file says.
    pub age: Option<f64>,
    /// Sex, if the file says.
    pub sex: Option<Sex>,
    /// When the record starts, if the file says.
    pub start: Option<Start>,
    /// Beats and events that the file itself holds, in order of time; times count frames, at `sample_rate`. Of formats that
    /// keep annotations in other files, such as WFDB, there are none here.
    pub annotations: Vec<wfdb::Annotation>,
    /// Free text of the file, line by line.
    pub comments: Vec<String>,
    /// What was odd but readable (a checksum that does not match, gaps): to be shown to the user.
    pub warnings: Vec<String>,
}

impl Record {
    /// A record of these leads, whose base rate is `sample_rate`; of a patient nothing is known of.
    pub fn new(name: impl Into<String>, sample_rate: f64, leads: Vec<Lead>) -> Record {
        Record {
            name: name.into(),
            sample_rate,
            leads,
            age: None,
            sex: None,
            start: None,
            annotations: Vec::new(),
            comments: Vec::new(),
            warnings: Vec::new(),
        }
    }

    /// Reads the record at `path`, of any format that [`formats::names`] lists. Its content tells which. A WFDB record may be
    /// given with or without `.hea`, or by its `.dat` or `.mat`. With the feature `zip` a record in an archive is named as if that were a folder,
    /// `records.zip/100`; an archive of one record is that record.
    ///
    /// # Errors
    /// No format fits the file, or it cannot be read, contradicts itself, or is cut short.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        Record::open_with(path, &ReadOptions::default())
    }

    /// [`Record::open`], with what the file itself may not say.
    ///
    /// # Errors
    /// As [`Record::open`].
    pub fn open_with(path: impl AsRef<Path>, options: &ReadOptions) -> Result<Self> {
        let path = path.as_ref();
        if !opened::is_archive(path) {
            return formats::open(path, options);
        }
        match &paths::expand(path)?[..] {
            [one] => formats::open(one, options),
            many => Err(Error::Content {
                path: path.to_path_buf(),
                item: "records".into(),
                expected: "an archive of one".into(),
                found: format!("{}, the first of them {}", many.len(), many[0].display()),
                fix: "name one of them",
            }),
        }
    }

    /// Reads a record from a stream that holds a whole file. The record is named as `path` is, and so are errors.
    ///
    /// # Errors
    /// As [`Record::open`]; a record of several files, as most of WFDB's are.
    pub fn read(path: impl AsRef<Path>, input: impl Read, options: &ReadOptions) -> Result<Self> {
        formats::read(path.as_ref(), Box::new(input), options)
    }

    /// Length in seconds: that of the longest lead.
    pub fn seconds(&self) -> f64 {
        self.leads.iter().map(|lead| lead.samples.len() as f64 / lead.sample_rate).fold(0.0, f64::max)
    }
}

/// What the README shows is run.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
