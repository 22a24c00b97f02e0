//! One window of a long record.

use super::Settings;
use crate::config::Config;
use efficientecg_ecg::flutter::AtrialFrequency;
use efficientecg_ecg::{Lead, Record, filter, leads};
use std::ops::Range;

/// Places of the ascending `times` that lie in a window.
pub(super) fn among(times: &[i64], window: &Range<i64>) -> Range<usize> {
    times.partition_point(|t| *t < window.start)..times.partition_point(|t| *t < window.end)
}

/// One window as a record of its own, with the network's leads and the window's beats, and how to read it.
pub(super) fn window(
    config: &Config,
    record: &Record,
    settings: &Settings,
    chosen: &[usize],
    times: &[i64],
    window: &Range<i64>,
) -> (Record, Settings) {
    let cut = |(lead, name): (&Lead, &String)| {
        let place = |frame: i64| (frame as f64 * lead.sample_rate / record.sample_rate).round() as usize;
        let end = place(window.end).min(lead.samples.len());
        let samples = lead.samples[place(window.start).min(end)..end].to_vec();
        // A lead that may be any keeps its name.
        let name = if name == leads::ANY { &lead.name } else { name };
        Lead::new(name, &lead.units, lead.sample_rate, samples)
    };
    let leads = chosen.iter().map(|index| &record.leads[*index]).zip(&config.leads).map(cut).collect();
    let mut made = Record::new(&record.name, record.sample_rate, leads);
    (made.age, made.sex) = (record.age, record.sex);
    let beats: Vec<i64> = times[among(times, window)].iter().map(|t| t - window.start).collect();
    (made, Settings { leads: Vec::new(), beats: Some(beats), ..settings.clone() })
}

/// The frequency that prevails between the QRS complexes of a window's first lead.
pub(super) fn frequency(
    config: &Config,
    record: &Record,
    settings: &Settings,
    chosen: &[usize],
    times: &[i64],
    range: &Range<i64>,
) -> Option<AtrialFrequency> {
    let (cut, own) = window(config, record, settings, chosen, times, range);
    let mut lead = cut.leads.into_iter().next()?;
    filter::fill_missing(&mut lead.samples);
    let scale = lead.sample_rate / cut.sample_rate;
    let beats = own.beats.iter().flatten().map(|t| (*t as f64 * scale).round() as i64);
    AtrialFrequency::of(&lead.samples, &beats.collect::<Vec<i64>>(), lead.sample_rate)
}
