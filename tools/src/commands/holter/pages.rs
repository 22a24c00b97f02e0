//! The report of a record of hours or days.

use crate::args::{Format, Holter as Arguments};
use crate::error::Failure;
use efficientecg::config::Config;
use efficientecg::ecg::Record;
use efficientecg::ecg::holter::{BeatType, HolterEvent, HolterReport};
use efficientecg::ecg::parts::Parts;
use efficientecg::models::Trained;
use efficientecg_report::{BeatMark, EventStrip, HolterPages, html, pdf, svg};

/// What the pages are made of.
pub(super) struct Found<'a> {
    pub(super) parts: &'a Parts,
    pub(super) report: &'a HolterReport,
    /// All beats with their frames, in order.
    pub(super) beats: &'a [(i64, BeatType)],
    /// Episodes of fibrillation, where it was assessed.
    pub(super) episodes: Option<usize>,
}

impl Found<'_> {
    /// The pages in one of the three formats.
    pub(super) fn pages(
        &self,
        args: &Arguments,
        config: &Config,
        format: Format,
    ) -> Result<Vec<u8>, Failure> {
        const UNKNOWN: &str = "What it gets wrong is not known here.";
        let mut limits = format!(
            "Model of beats, {}: {}",
            config.name,
            args.model.network.trained().map_or(UNKNOWN, Trained::limits)
        );
        if let Some(rhythm) = args.rhythm {
            limits += &format!(" Model of rhythms, {}: {}", rhythm.name, rhythm.limits());
        }
        let strips = self.report.events.iter().map(|event| self.strip(event));
        let strips: Vec<EventStrip> = strips.collect::<Result<_, Failure>>()?;
        let made = HolterPages::new(self.parts.record(), self.report, &strips)
            .limits(limits)
            .pause(args.pause)
            .episodes(self.episodes);
        let pages = made.pages();
        Ok(match format {
            Format::Pdf => pdf(&made.title(), &pages),
            Format::Html => html(&made.title(), &pages, &made.facts()).into_bytes(),
            _ => svg(&pages).into_bytes(),
        })
    }

    /// The samples around an event, with its beats.
    fn strip(&self, event: &HolterEvent) -> Result<EventStrip, Failure> {
        let (from, seconds) = event.strip();
        let mut record: Record = self.parts.stretch(from, from + seconds)?;
        // Leads that are not read have no samples.
        record.leads.retain(|lead| !lead.samples.is_empty());
        let rate = record.sample_rate;
        let first = self.beats.partition_point(|(frame, _)| (*frame as f64) < from * rate);
        let within = self.beats[first..].iter().map(|(frame, class)| (*frame as f64 / rate - from, class));
        let marks = within
            .take_while(|(at, _)| *at < seconds)
            .map(|(at, class)| BeatMark::new(at, class.letter(), *class == BeatType::Normal))
            .collect();
        Ok(EventStrip::new(*event, from, record, marks))
    }
}
