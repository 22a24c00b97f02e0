//! SCP-ECG: records as electrocardiographs send them.
//!
//! Written from EN 1064 (ISO/IEEE 11073-91064), versions 1.0 to 2.x, and the OpenECG project's tutorials on it. What is read:
//!
//! ```text
//! sections.rs  section 0: where the others lie; check sums
//! patient.rs   section 1: age, sex, date and time
//! huffman.rs   section 2: codes of the samples
//! rhythm.rs    sections 3 to 6: leads, QRS complexes, the reference beat, and the rhythm data
//! ```
//!
//! Rhythm data may be compressed three times over. The reference beat may be subtracted around QRS complexes; outside the
//! protected zones around these, samples may be averaged in groups (bimodal compression); what is left may be differences
//! and have Huffman codes. The averages are spread by linear interpolation. Programs that also smooth the signal between
//! zones, which loses detail where a zone begins, get other samples there.

use crate::Record;
use crate::error::Result;
use crate::source::Source;

mod huffman;
mod patient;
mod rhythm;
mod sections;

use sections::Sections;

/// Bytes of a section's header.
const HEADER: usize = 16;

/// Whether these bytes are the start of an SCP-ECG file.
pub fn recognises(head: &[u8]) -> bool {
    // Since version 1.3 the pointer section has a mark. Before, the first pointer is to the section itself.
    let number = |at: usize| head.get(at..at + 4);
    let own = number(10).is_some() && number(10) == number(24) && number(28) == Some(&[7, 0, 0, 0]);
    head.get(16..22) == Some(b"SCPECG")
        || (own && head.get(8..10) == Some(&[0, 0]) && head.get(22..24) == Some(&[0, 0]))
}

/// Reads a record. Samples are in mV. Where leads do not begin or end together, samples are missing. A check sum that does
/// not fit is a warning, because devices are known that write none.
///
/// # Errors
/// Sections are missing, overlap the file's end, or contradict one another; the rhythm data end before the samples that the
/// leads have; the record has none of section 6.
pub fn read(source: Source<'_>) -> Result<Record> {
    let (path, name) = (source.path(), source.name());
    let bytes = source.bytes()?;
    let mut warnings = Vec::new();
    let sections = Sections::read(path, &bytes, &mut warnings)?;
    let (rate, leads) = rhythm::read(&sections, &mut warnings)?;
    let mut record = Record::new(name, rate, leads);
    if let Some(section) = sections.get(1) {
        patient::read(section, &mut record, &mut warnings);
    }
    record.warnings = warnings;
    Ok(record)
}

#[cfg(test)]
mod tests;
