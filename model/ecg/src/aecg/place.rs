//! Pieces of leads, put together by their times.

use roxmltree::Node;
use std::path::Path;

use crate::error::Result;
use crate::{Lead, Start, xml};
use efficientecg_files::one_line;

/// A record may be this many times as long as what is stored of it, and have so many samples besides.
const MAX_GAP_FACTOR: usize = 64;
const FREE_SAMPLES: usize = 1 << 22;

/// Samples of a lead without a gap.
#[derive(Debug, Clone)]
pub(super) struct Piece {
    pub(super) name: String,
    pub(super) unit: String,
    pub(super) rate: f64,
    /// When it begins, if that is known.
    pub(super) start: Option<Start>,
    /// Seconds after the beginning of the record, where the start is not known.
    pub(super) offset: f64,
    /// Number of its series.
    pub(super) series: usize,
    pub(super) samples: Vec<f32>,
}

/// Seconds from `from` to `to`. A missing date is that of the other, a missing time is midnight.
pub(super) fn seconds_between(to: Start, from: Start) -> f64 {
    let days = to.date.zip(from.date).map_or(0, |(to, from)| to.days() - from.days());
    f64::from(days) * 86_400.0 + to.time.unwrap_or(0.0) - from.time.unwrap_or(0.0)
}

/// The leads of a record that begins at `origin`; pieces of one name, unit and rate are one lead. All leads end with the last.
pub(super) fn place(
    path: &Path,
    node: Node<'_, '_>,
    pieces: Vec<Piece>,
    origin: Option<Start>,
    warnings: &mut Vec<String>,
) -> Result<Vec<Lead>> {
    let stored: usize = pieces.iter().map(|piece| piece.samples.len()).sum();
    let most = stored.saturating_mul(MAX_GAP_FACTOR).saturating_add(FREE_SAMPLES);
    let seconds = |piece: &Piece| {
        let start = piece.start.zip(origin);
        start.map_or(piece.offset, |(start, origin)| seconds_between(start, origin)).max(0.0)
    };
    // Relative times need not begin at 0.
    let first = pieces.iter().map(seconds).fold(f64::INFINITY, f64::min);
    let first = if origin.is_some() { 0.0 } else { first };
    let begin = |piece: &Piece| ((seconds(piece) - first) * piece.rate).round();

    // Every lead has the length of the longest; what is missing takes memory.
    let end = pieces.iter().map(|p| (begin(p) + p.samples.len() as f64) / p.rate).fold(0.0, f64::max);
    let mut names: Vec<(&str, &str, u64)> =
        pieces.iter().map(|p| (p.name.as_str(), p.unit.as_str(), p.rate.to_bits())).collect();
    names.sort_unstable();
    names.dedup();
    let all: f64 = names.iter().map(|(.., rate)| end * f64::from_bits(*rate)).sum();
    if all > most as f64 {
        let expected = format!("at most {MAX_GAP_FACTOR} times as many samples missing as there are");
        return Err(xml::error(
            path,
            node,
            "times",
            &expected,
            format!("{all:.0} samples, of which {stored} are there"),
        ));
    }

    let mut order: Vec<&Piece> = pieces.iter().collect();
    // Sequences of one set keep their order.
    order.sort_by(|a, b| begin(a).total_cmp(&begin(b)).then(a.series.cmp(&b.series)));
    let mut leads: Vec<Lead> = Vec::new();
    let mut places = std::collections::HashMap::new();
    let mut gaps = false;
    for piece in order {
        let key = (piece.name.as_str(), piece.unit.as_str(), piece.rate.to_bits());
        let at = *places.entry(key).or_insert_with(|| {
            leads.push(Lead::new(piece.name.clone(), piece.unit.clone(), piece.rate, Vec::new()));
            leads.len() - 1
        });
        let samples = &mut leads[at].samples;
        let from = begin(piece) as usize;
        if from < samples.len() {
            let again = (samples.len() - from).min(piece.samples.len());
            let name = one_line(&piece.name);
            warnings.push(format!("lead {name} has {again} samples twice; the first ones count"));
            samples.extend(&piece.samples[again..]);
            continue;
        }
        gaps |= from > samples.len();
        samples.resize(from, f32::NAN);
        samples.extend(&piece.samples);
    }
    for lead in &mut leads {
        let length = (end * lead.sample_rate).round() as usize;
        gaps |= length > lead.samples.len();
        lead.samples.resize(length.max(lead.samples.len()), f32::NAN);
    }
    if gaps {
        warnings.push("leads do not all cover the whole record; samples there are missing".into());
    }
    Ok(leads)
}
