//! Files of which any range of frames can be read: those whose data records follow one another.

use std::io::{Read, Seek, SeekFrom};
use std::ops::Range;

use super::header::{Header, Signal};
use super::{base_rate, convert, short};
use crate::error::{Error, Result};
use crate::ranged::Ranged;
use crate::source::Source;
use crate::{Lead, Record};
use efficientecg_files as files;

/// The record of a file, if it can be read in ranges. Of EDF+ no annotation is read, and what follows `Recording ends` counts.
///
/// # Errors
/// As [`super::read`], where the header or the file's length shows it.
pub(crate) fn ranged(mut source: Source<'_>) -> Result<Option<Ranged>> {
    let header = Header::read(&mut source)?;
    let Some(length) = source.length().filter(|_| !header.discontinuous) else { return Ok(None) };
    let samples = header.signals.iter().try_fold(0_usize, |sum, s| sum.checked_add(s.samples));
    let size = samples.and_then(|n| n.checked_mul(header.width)).filter(|n| *n > 0);
    let Some(size) = size else { return Ok(None) };
    let held = length.saturating_sub(header.bytes) / size as u64;
    let records = header.records.unwrap_or(held);
    if records > held {
        return Err(short(&header, records, size, length));
    }
    let kept = |signal: &Signal| !signal.annotations && signal.samples > 0;
    let leads =
        header.signals.iter().filter(|s| kept(s)).map(|signal| {
            Lead::new(signal.label.clone(), signal.units.clone(), header.rate(signal), Vec::new())
        });
    let leads: Vec<Lead> = leads.collect();
    if records == 0 || leads.is_empty() {
        return Ok(None);
    }
    let rate = base_rate(&leads);
    let mut record = Record::new(source.name(), rate, leads);
    record.start = header.start;
    record.sex = header.sex;
    let day = header.start.and_then(|start| start.date);
    record.age = header.birth.zip(day).and_then(|(birth, day)| birth.age_on(day)).or(header.age);
    record.warnings.clone_from(&header.warnings);
    let frames = (records as f64 * header.duration * rate).round() as u64;
    let read =
        move |range: Range<u64>, wanted: &[bool]| read_range(&header, size, records, rate, range, wanted);
    Ok(Some(Ranged { record, frames, read: Box::new(read) }))
}

/// The samples of a range of frames, `rate` a second, of the leads that are wanted.
fn read_range(
    header: &Header,
    size: usize,
    records: u64,
    rate: f64,
    range: Range<u64>,
    wanted: &[bool],
) -> Result<Vec<Vec<f32>>> {
    let path = &header.path;
    let leads: Vec<(&Signal, Range<u64>, bool)> = header
        .signals
        .iter()
        .filter(|signal| !signal.annotations && signal.samples > 0)
        .zip(wanted)
        .map(|(signal, wanted)| {
            let place = |frame: u64| {
                let place = (frame as f64 * header.rate(signal) / rate).round() as u64;
                place.min(records * signal.samples as u64)
            };
            (signal, place(range.start)..place(range.end), *wanted)
        })
        .collect();
    let mut out: Vec<Vec<f32>> = leads
        .iter()
        .map(|(_, range, wanted)| {
            Vec::with_capacity(if *wanted { range.end.saturating_sub(range.start) as usize } else { 0 })
        })
        .collect();
    let spans = || leads.iter().filter(|(_, range, wanted)| *wanted && !range.is_empty());
    let first = spans().map(|(signal, range, _)| range.start / signal.samples as u64).min();
    let last = spans().map(|(signal, range, _)| (range.end - 1) / signal.samples as u64).max();
    let (Some(first), Some(last)) = (first, last) else { return Ok(out) };
    let (mut file, _) = files::open(path).map_err(Error::reading(path))?;
    let start = header.bytes + first * size as u64;
    file.seek(SeekFrom::Start(start)).map_err(Error::reading(path))?;
    let mut bytes = Vec::new();
    let mut values = Vec::new();
    for record in first..=last {
        bytes.clear();
        file.by_ref().take(size as u64).read_to_end(&mut bytes).map_err(Error::reading(path))?;
        if bytes.len() < size {
            let found = header.bytes + record * size as u64 + bytes.len() as u64;
            return Err(short(header, records, size, found));
        }
        let (mut at, mut lead) = (0, 0);
        for signal in &header.signals {
            let part = at..at + signal.samples * header.width;
            at = part.end;
            if signal.annotations || signal.samples == 0 {
                continue;
            }
            let ((_, range, wanted), to) = (&leads[lead], &mut out[lead]);
            lead += 1;
            if !wanted {
                continue;
            }
            values.clear();
            convert(signal, header.width, &bytes[part], &mut values);
            let begin = record * signal.samples as u64;
            let within = |place: u64| place.saturating_sub(begin).min(signal.samples as u64) as usize;
            let (from, to_end) = (within(range.start), within(range.end));
            to.extend_from_slice(&values[from..to_end.max(from)]);
        }
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ReadOptions;
    use crate::edf::write;
    use std::path::Path;

    #[test]
    fn ranges_are_those_of_the_whole() {
        let folder = std::env::temp_dir().join(format!("efficientecg-edf-range-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a folder");
        let path = folder.join("a.edf");
        let lead = |rate: f64, step: usize| {
            let samples = (0..(20.0 * rate) as usize).map(|i| ((i * step) % 401) as f32 / 100.0 - 2.0);
            Lead::new("II", "mV", rate, samples.collect())
        };
        let mut record = Record::new("a", 200.0, vec![lead(200.0, 7), lead(50.0, 13)]);
        record.leads[1].name = "V1".to_owned();
        write(&path, &record).expect("written");
        let whole = Record::open(&path).expect("reads");
        let options = ReadOptions::new();
        let source = Source::open(Path::new(&path), &options).expect("opens");
        let ranged = ranged(source).expect("fits").expect("in ranges");
        assert_eq!(ranged.frames, 4000);
        for range in [0..4000, 0..1, 199..203, 777..3001, 3999..4000, 3990..5000, 9000..9001] {
            let got = (ranged.read)(range.clone(), &[true, true]).expect("reads");
            for (lead, got) in whole.leads.iter().zip(&got) {
                let at = |frame: u64| (frame as f64 * lead.sample_rate / 200.0).round() as usize;
                let end = at(range.end).min(lead.samples.len());
                assert_eq!(got[..], lead.samples[at(range.start).min(end)..end], "{range:?}");
            }
        }
        let one = (ranged.read)(100..200, &[false, true]).expect("reads");
        assert!(one[0].is_empty() && one[1].len() == 25);
        std::fs::remove_dir_all(&folder).expect("removed");
    }
}
