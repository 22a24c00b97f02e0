//! Multi-segment records: several single-segment records end to end.
//!
//! In a *fixed* layout every segment has the same signals in the same order. In a *variable* layout the first segment
//! has no samples: it is the layout, which names every signal that occurs; each later segment holds some of them, found
//! by name, and `~` is a gap. Where a signal is absent its samples are NaN.

use std::collections::HashSet;

use super::header::{Header, SegmentSpec};
use super::single;
use crate::Lead;
use crate::error::{Error, Result};
use efficientecg_files::one_line;

/// A record may be this many times as long as what is stored of it: gaps cost memory but no file bytes.
const MAX_GAP_FACTOR: u64 = 64;
/// Samples that a record may have besides, however short its segments.
const FREE_SAMPLES: u64 = 1 << 22;

/// The leads of the multi-segment record described by `header`; what is odd goes to `warnings`.
pub(super) fn assemble(header: &Header, warnings: &mut Vec<String>) -> Result<Vec<Lead>> {
    let (layout, stored) = match header.segments.split_first() {
        Some((first, rest)) if first.samples == 0 => (Some(open(header, first)?), rest),
        _ => (None, header.segments.as_slice()),
    };
    check_lengths(header)?;

    let mut seen = HashSet::new();
    let mut parts = Vec::new();
    let mut held = 0_u64;
    for segment in stored {
        let Some(name) = segment.name.as_deref() else {
            parts.push((segment, Vec::new()));
            continue;
        };
        // A short list that repeats one long segment would fill the memory.
        if !seen.insert(name) {
            return Err(error(header, segment, "each segment once", "it a second time"));
        }
        let part = open(header, segment)?;
        let shown = one_line(name);
        warnings.extend(part.warnings.iter().map(|w| format!("segment {shown}: {w}")));
        let mut notes = Vec::new();
        let (frames, leads) = single(&part, &mut notes)?;
        warnings.extend(notes.into_iter().map(|w| format!("segment {shown}: {w}")));
        if frames != segment.samples {
            let expected = format!("{} samples in its own header", segment.samples);
            return Err(error(header, segment, &expected, &frames.to_string()));
        }
        held += leads.iter().map(|l| l.samples.len() as u64).sum::<u64>();
        parts.push((segment, leads));
    }

    let mut leads = match &layout {
        Some(layout) => layout
            .signals
            .iter()
            .map(|s| Lead {
                name: s.description.clone(),
                units: s.units.clone(),
                sample_rate: header.sample_rate * f64::from(s.samples_per_frame),
                samples: Vec::new(),
            })
            .collect(),
        None => template(header, &parts)?,
    };
    if leads.len() != header.signal_count {
        let expected = format!("{} signals", header.signal_count);
        return Err(error(header, &header.segments[0], &expected, &leads.len().to_string()));
    }
    let frames: u64 = stored.iter().map(|s| s.samples).sum();
    let per_frame: f64 = leads.iter().map(|l| l.sample_rate / header.sample_rate).sum();
    let limit = held.saturating_mul(MAX_GAP_FACTOR).saturating_add(FREE_SAMPLES);
    if frames as f64 * per_frame > limit as f64 {
        return Err(Error::Content {
            path: header.path.clone(),
            item: "gaps".into(),
            expected: format!("a record of at most {limit} samples for {held} that are stored"),
            found: format!("{:.0}", frames as f64 * per_frame),
            fix: "correct the segment lengths in the header",
        });
    }

    let mut gaps = 0_u64;
    for (segment, part) in parts {
        let mut part: Vec<Option<Lead>> = part.into_iter().map(Some).collect();
        if layout.is_none() && segment.name.is_some() && part.len() != leads.len() {
            let expected = format!("{} signals", leads.len());
            return Err(error(header, segment, &expected, &part.len().to_string()));
        }
        for (index, lead) in leads.iter_mut().enumerate() {
            let found = match &layout {
                Some(_) => part.iter_mut().find(|p| p.as_ref().is_some_and(|p| p.name == lead.name)),
                None => part.get_mut(index),
            };
            match found.and_then(Option::take) {
                Some(piece) => append(header, segment, lead, piece)?,
                None => {
                    let samples = segment.samples as f64 * lead.sample_rate / header.sample_rate;
                    let end = lead.samples.len() + samples.round() as usize;
                    lead.samples.resize(end, f32::NAN);
                    gaps += segment.samples;
                }
            }
        }
        if let Some(extra) = part.into_iter().flatten().next() {
            let name = one_line(segment.name.as_deref().unwrap_or("~"));
            let lead = one_line(&extra.name);
            warnings.push(format!("segment {name}: lead {lead} is not in the layout and left out"));
        }
    }
    if gaps > 0 {
        warnings.push(format!(
            "the segments leave gaps of {:.1} s in all leads together; samples there are missing",
            gaps as f64 / header.sample_rate
        ));
    }
    Ok(leads)
}

/// Appends a segment's samples to the lead that they belong to.
fn append(header: &Header, segment: &SegmentSpec, lead: &mut Lead, piece: Lead) -> Result<()> {
    for (what, same, expected, found) in [
        ("units", piece.units == lead.units, lead.units.clone(), piece.units.clone()),
        (
            "samples a second",
            piece.sample_rate == lead.sample_rate,
            lead.sample_rate.to_string(),
            piece.sample_rate.to_string(),
        ),
    ] {
        if !same {
            let expected = format!("lead {} in {expected} ({what})", lead.name);
            return Err(error(header, segment, &expected, &found));
        }
    }
    lead.samples.extend(piece.samples);
    Ok(())
}

/// The leads of a fixed layout, still empty: those of its first stored segment.
fn template(header: &Header, parts: &[(&SegmentSpec, Vec<Lead>)]) -> Result<Vec<Lead>> {
    let Some((_, first)) = parts.iter().find(|(s, _)| s.name.is_some()) else {
        return Err(error(header, &header.segments[0], "a segment with signals", "gaps only"));
    };
    Ok(first.iter().map(|lead| Lead { samples: Vec::new(), ..lead.clone() }).collect())
}

/// The segment's header. Segments of segments do not exist, so no list can lead back to itself.
fn open(header: &Header, segment: &SegmentSpec) -> Result<Header> {
    let Some(name) = segment.name.as_deref() else {
        return Err(error(header, segment, "a layout segment", "a gap"));
    };
    let part = Header::read(&header.beside(name, segment.line)?)?;
    if !part.segments.is_empty() {
        return Err(error(header, segment, "a single-segment record", "a multi-segment one"));
    }
    if part.sample_rate != header.sample_rate {
        let expected = format!("{} samples a second", header.sample_rate);
        return Err(error(header, segment, &expected, &part.sample_rate.to_string()));
    }
    Ok(part)
}

/// The segments' lengths must add up to the record's.
fn check_lengths(header: &Header) -> Result<()> {
    let sum = header.segments.iter().try_fold(0_u64, |sum, s| sum.checked_add(s.samples));
    if sum.is_none() || header.samples.is_some_and(|n| Some(n) != sum) {
        return Err(Error::Content {
            path: header.path.clone(),
            item: "number of samples".into(),
            expected: "the sum of the segments' lengths".into(),
            found: header.samples.map_or("an overflow".into(), |n| n.to_string()),
            fix: "correct the header",
        });
    }
    Ok(())
}

fn error(header: &Header, segment: &SegmentSpec, expected: &str, found: &str) -> Error {
    Error::Line {
        path: header.path.clone(),
        line: segment.line,
        item: format!("segment {}", segment.name.as_deref().unwrap_or("~")),
        expected: expected.to_owned(),
        found: found.to_owned(),
        fix: "correct the header",
    }
}
