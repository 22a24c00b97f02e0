//! Sections 3 to 6: leads, QRS complexes, the reference beat, and the rhythm data.

use super::huffman::{self, Table};
use super::sections::{Section, Sections};
use crate::Lead;
use crate::error::Result;

/// Samples, at most, that an average stands for.
const MOST_AVERAGED: u16 = 4;
/// A record may be this many times as long as what is stored of it: where a lead is missing costs no file bytes.
const MAX_GAP_FACTOR: u64 = 64;
/// Samples that a record may have besides, however little is stored.
const FREE_SAMPLES: u64 = 1 << 22;
/// Microseconds a second.
const MICRO: f64 = 1e6;

/// A lead of section 3; samples count from 1.
#[derive(Debug, Clone, Copy)]
struct Range {
    code: u8,
    first: u32,
    last: u32,
}

/// A QRS complex of section 4, from which the reference beat was subtracted; samples count from 1.
#[derive(Debug, Clone, Copy)]
struct Subtraction {
    kind: u16,
    first: u32,
    fiducial: u32,
    last: u32,
}

/// Section 4.
#[derive(Debug, Default)]
struct Qrs {
    /// Milliseconds of the reference beat.
    length: u16,
    /// Its fiducial point, in samples from 1.
    fiducial: u16,
    subtractions: Vec<Subtraction>,
    /// First and last samples of the zones in which samples are not averaged, in order and apart.
    protected: Vec<(u32, u32)>,
}

/// What section 5 and section 6 begin with.
#[derive(Debug, Clone, Copy)]
struct Coding {
    /// Nanovolts a unit.
    step: u16,
    /// Microseconds a sample.
    interval: u16,
    /// 0: samples; 1, 2: their first or second differences.
    differences: u8,
    bimodal: bool,
}

/// The leads and their rate.
pub(super) fn read(sections: &Sections<'_>, warnings: &mut Vec<String>) -> Result<(f64, Vec<Lead>)> {
    let leads = sections.need(3, "leads")?;
    let (ranges, subtracted) = ranges(leads)?;
    let rhythm = sections.need(6, "rhythm data")?;
    let tables = sections.get(2).map(huffman::tables).transpose()?;
    let coding = Coding::read(rhythm)?;
    let (mut factor, mut interval) = (1, coding.interval);
    let (mut qrs, mut beats, mut beat_step) = (Qrs::default(), Vec::new(), 0);
    if subtracted || coding.bimodal {
        let section = sections.need(5, "the reference beat")?;
        let beat = Coding::read(section)?;
        factor = coding.interval / beat.interval;
        if factor == 0 || !coding.interval.is_multiple_of(beat.interval) || factor > MOST_AVERAGED {
            let what = format!("a sample each {} µs, of the beat each {} µs", coding.interval, beat.interval);
            return Err(rhythm.unsupported(&what));
        }
        interval = beat.interval;
        if subtracted || factor > 1 {
            qrs = Qrs::read(sections.need(4, "QRS complexes")?)?;
        }
        if subtracted {
            let count = f64::from(qrs.length) * 1e3 / f64::from(beat.interval);
            let counts = vec![count.round() as u64; ranges.len()];
            beats = samples(section, beat, &counts, tables.as_deref())?;
            beat_step = beat.step;
        }
    }
    let zones = if factor > 1 { &qrs.protected[..] } else { &[] };
    let counts: Vec<u64> = ranges.iter().map(|range| stored(*range, zones, factor)).collect();
    let stored = samples(rhythm, coding, &counts, tables.as_deref())?;

    let first = ranges.iter().map(|range| range.first).min().unwrap_or(1);
    let last = ranges.iter().map(|range| range.last).max().unwrap_or(0);
    let length = u64::from(last) + 1 - u64::from(first);
    let held: u64 = counts.iter().sum::<u64>() * u64::from(factor);
    if length * ranges.len() as u64 > held * MAX_GAP_FACTOR + FREE_SAMPLES {
        let expected =
            format!("leads that are missing for at most {MAX_GAP_FACTOR} times as long as they are there");
        return Err(leads.error("samples of the leads", &expected, &format!("{first} to {last}")));
    }
    let scaled = coding.step > 0 && (beats.is_empty() || beat_step > 0);
    if !scaled {
        warnings.push("the leads are not calibrated: a unit has 0 nV".to_owned());
    }
    let (steps, units) =
        if scaled { ([coding.step, beat_step].map(f64::from), "mV") } else { ([1.0; 2], "NU") };
    let rate = rate_of(interval);
    let mut read = Vec::new();
    for (i, (range, stored)) in ranges.iter().zip(&stored).enumerate() {
        let mut values = expand(stored, *range, zones, factor);
        values.iter_mut().for_each(|value| *value *= steps[0]);
        if let Some(beat) = beats.get(i) {
            add(&mut values, *range, beat, steps[1], &qrs);
        }
        // Nanovolts.
        let values = values.into_iter().map(|value| if scaled { value / 1e6 } else { value } as f32);
        let mut samples = vec![f32::NAN; (range.first - first) as usize];
        samples.extend(values);
        samples.resize(length as usize, f32::NAN);
        read.push(Lead::new(name(range.code), units, rate, samples));
    }
    Ok((rate, read))
}

/// Samples a second: the whole number whose interval, in whole microseconds, is this one, as 360 of 2778 µs; of any other interval what it says.
fn rate_of(interval: u16) -> f64 {
    let exact = MICRO / f64::from(interval);
    let whole = exact.round();
    if whole > 0.0 && (MICRO / whole).round() == f64::from(interval) { whole } else { exact }
}

/// The leads' samples, and whether a reference beat was subtracted.
fn ranges(section: Section<'_>) -> Result<(Vec<Range>, bool)> {
    let (count, flags) = (section.u8(0, "number of leads")?, section.u8(1, "flags")?);
    if count == 0 {
        return Err(section.error("number of leads", "at least 1", "0"));
    }
    let mut ranges = Vec::new();
    for i in 0..usize::from(count) {
        let (what, at) = (format!("lead {}", i + 1), 2 + 9 * i);
        let (first, last) = (section.u32(at, &what)?, section.u32(at + 4, &what)?);
        let code = section.u8(at + 8, &what)?;
        if first == 0 || last < first {
            let found = format!("{first} to {last}");
            return Err(section.error(&what, "a first sample from 1, and a last one after it", &found));
        }
        ranges.push(Range { code, first, last });
    }
    Ok((ranges, flags & 1 == 1))
}

impl Qrs {
    fn read(section: Section<'_>) -> Result<Qrs> {
        let [length, fiducial, count] = [
            section.u16(0, "length of the reference beat")?,
            section.u16(2, "fiducial point")?,
            section.u16(4, "number of QRS complexes")?,
        ];
        let mut qrs = Qrs { length, fiducial, ..Qrs::default() };
        let mut at = 6;
        for i in 1..=count {
            let what = format!("QRS complex {i}");
            let kind = section.u16(at, &what)?;
            let [first, fiducial, last] =
                [section.u32(at + 2, &what)?, section.u32(at + 6, &what)?, section.u32(at + 10, &what)?];
            qrs.subtractions.push(Subtraction { kind, first, fiducial, last });
            at += 14;
        }
        // The zones may be left out, where no samples are averaged.
        if section.body().len() > at {
            let mut after = 0;
            for i in 1..=count {
                let what = format!("protected zone {i}");
                let (first, last) = (section.u32(at, &what)?, section.u32(at + 4, &what)?);
                at += 8;
                if first == 0 || last < first {
                    continue;
                }
                if first <= after {
                    let expected = format!("a first sample after {after}");
                    return Err(section.error(&what, &expected, &first.to_string()));
                }
                after = last;
                qrs.protected.push((first, last));
            }
        }
        Ok(qrs)
    }
}

impl Coding {
    fn read(section: Section<'_>) -> Result<Coding> {
        let (step, interval) = (section.u16(0, "nanovolts a unit")?, section.u16(2, "sample interval")?);
        if interval == 0 {
            return Err(section.error("sample interval", "at least 1 µs", "0"));
        }
        let differences = section.u8(4, "differences")?;
        if differences > 2 {
            return Err(section.error("differences", "0, 1 or 2", &differences.to_string()));
        }
        Ok(Coding { step, interval, differences, bimodal: section.u8(5, "bimodal compression")? == 1 })
    }
}

/// The samples of each lead as they are stored, differences undone.
fn samples(
    section: Section<'_>,
    coding: Coding,
    counts: &[u64],
    tables: Option<&[Table]>,
) -> Result<Vec<Vec<i16>>> {
    let mut at = 6 + 2 * counts.len();
    let mut all = Vec::new();
    for (i, &count) in counts.iter().enumerate() {
        let what = format!("data of lead {}", i + 1);
        let length = usize::from(section.u16(6 + 2 * i, &what)?);
        let bytes = section.body().get(at..at + length).ok_or_else(|| {
            let held = section.body().len().saturating_sub(at);
            section.error(&what, &format!("{length} bytes"), &format!("{held} bytes"))
        })?;
        at += length;
        let short = |held: u64| {
            section.error(&what, &format!("{count} samples"), &format!("{held} in {length} bytes"))
        };
        let values = match tables {
            Some(_) if count > 8 * length as u64 => {
                let found = format!("at most {} in {length} bytes", 8 * length);
                return Err(section.error(&what, &format!("{count} samples"), &found));
            }
            Some(tables) => huffman::decode(tables, bytes, count as usize).map_err(|early| {
                if early.unknown {
                    let found = format!("bits that no code has, after {} samples", early.values);
                    return section.error(&what, &format!("{count} samples"), &found);
                }
                short(early.values as u64)
            })?,
            None => {
                let pairs = bytes.as_chunks::<2>().0;
                let pairs = usize::try_from(count).ok().and_then(|count| pairs.get(..count));
                let pairs = pairs.ok_or_else(|| short(length as u64 / 2))?;
                pairs.iter().map(|pair| i16::from_le_bytes(*pair).into()).collect()
            }
        };
        all.push(sums(values, coding.differences));
    }
    Ok(all)
}

/// Undoes differences. Samples have 16 bits, and sums wrap as the writer's did.
fn sums(mut values: Vec<i32>, differences: u8) -> Vec<i16> {
    let order = usize::from(differences);
    for i in order..values.len() {
        let before = match differences {
            0 => 0,
            1 => values[i - 1],
            _ => values[i - 1].wrapping_mul(2).wrapping_sub(values[i - 2]),
        };
        values[i] = values[i].wrapping_add(before);
    }
    values.into_iter().map(|value| value as i16).collect()
}

/// The parts of a lead in order: how many samples each has, and whether it is protected.
fn parts(range: Range, zones: &[(u32, u32)]) -> impl Iterator<Item = (u64, bool)> {
    let mut next = u64::from(range.first);
    let end = u64::from(range.last) + 1;
    let ends = zones.iter().map(|&(first, last)| (u64::from(first), u64::from(last) + 1)).chain([(end, end)]);
    ends.flat_map(move |(first, after)| {
        let (first, after) = (first.clamp(next, end), after.clamp(next, end));
        let parts = [(first - next, false), (after - first, true)];
        next = after;
        parts
    })
}

/// Samples that are stored of a lead: outside of the zones, averages of `factor`, and what is left over.
fn stored(range: Range, zones: &[(u32, u32)], factor: u16) -> u64 {
    let factor = u64::from(factor);
    parts(range, zones).map(|(n, whole)| if whole { n } else { n / factor + n % factor }).sum()
}

/// Spreads averages: lines between their middles, and the first and the last half as they are.
fn expand(stored: &[i16], range: Range, zones: &[(u32, u32)], factor: u16) -> Vec<f64> {
    let mut out = Vec::new();
    let mut rest = stored;
    let (factor, half) = (usize::from(factor), usize::from(factor / 2));
    for (count, whole) in parts(range, zones) {
        let count = count as usize;
        let averages = if whole || factor == 1 { 0 } else { count / factor };
        let (averaged, after) = rest.split_at(averages.min(rest.len()));
        let (plain, after) = after.split_at((count - averages * factor).min(after.len()));
        if let [first, .., last] | [first @ last] = averaged {
            out.extend(std::iter::repeat_n(f64::from(*first), half));
            for pair in averaged.windows(2) {
                let [from, to] = [pair[0], pair[1]].map(f64::from);
                out.extend((0..factor).map(|i| from + (to - from) * i as f64 / factor as f64));
            }
            out.extend(std::iter::repeat_n(f64::from(*last), factor - half));
        }
        out.extend(plain.iter().map(|value| f64::from(*value)));
        rest = after;
    }
    out
}

/// Adds the reference beat where it was subtracted.
fn add(values: &mut [f64], range: Range, beat: &[i16], step: f64, qrs: &Qrs) {
    for one in qrs.subtractions.iter().filter(|one| one.kind == 0) {
        let (first, last) = (one.first.max(range.first), one.last.min(range.last));
        // The beat's first sample lies here.
        let begin = i64::from(one.fiducial) - i64::from(qrs.fiducial) + 1;
        let first = i64::from(first).max(begin);
        let last = i64::from(last).min(begin + beat.len() as i64 - 1);
        for sample in first..=last {
            let place = (sample - i64::from(range.first)) as usize;
            if let (Some(value), Some(add)) = (values.get_mut(place), beat.get((sample - begin) as usize)) {
                *value += f64::from(*add) * step;
            }
        }
    }
}

/// A lead's name by its code.
fn name(code: u8) -> String {
    const NAMES: [&str; 86] = [
        "unspecified",
        "I",
        "II",
        "V1",
        "V2",
        "V3",
        "V4",
        "V5",
        "V6",
        "V7",
        "V2R",
        "V3R",
        "V4R",
        "V5R",
        "V6R",
        "V7R",
        "X",
        "Y",
        "Z",
        "CC5",
        "CM5",
        "LA",
        "RA",
        "LL",
        "fI",
        "fE",
        "fC",
        "fA",
        "fM",
        "fF",
        "fH",
        "I-cal",
        "II-cal",
        "V1-cal",
        "V2-cal",
        "V3-cal",
        "V4-cal",
        "V5-cal",
        "V6-cal",
        "V7-cal",
        "V2R-cal",
        "V3R-cal",
        "V4R-cal",
        "V5R-cal",
        "V6R-cal",
        "V7R-cal",
        "X-cal",
        "Y-cal",
        "Z-cal",
        "CC5-cal",
        "CM5-cal",
        "LA-cal",
        "RA-cal",
        "LL-cal",
        "fI-cal",
        "fE-cal",
        "fC-cal",
        "fA-cal",
        "fM-cal",
        "fF-cal",
        "fH-cal",
        "III",
        "aVR",
        "aVL",
        "aVF",
        "-aVR",
        "V8",
        "V9",
        "V8R",
        "V9R",
        "D",
        "A",
        "J",
        "Defib",
        "External pacing",
        "A1",
        "A2",
        "A3",
        "A4",
        "V8-cal",
        "V9-cal",
        "V8R-cal",
        "V9R-cal",
        "D-cal",
        "A-cal",
        "J-cal",
    ];
    NAMES.get(usize::from(code)).map_or_else(|| format!("code {code}"), |name| (*name).to_owned())
}
