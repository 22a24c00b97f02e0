//! A record with what was found in it, as pages.

use crate::layout::{Leads, ROWS, System};
use crate::parts::{self, Event, Kind};
use crate::rows::{BeatMark, Highlight, Row, draw, height};
use crate::scene::Page;
use crate::words;
use crate::{layout, paper};
use efficientecg::classify::{Findings, Settings, Unit};
use efficientecg::config::Config;
use efficientecg_ecg::{Record, leads};
use efficientecg_files::ItemError;

mod facts;
mod foot;
mod head;

pub use facts::Facts;

/// The paper: left, top, width and height in millimetres.
const PAPER: [f64; 4] = [13.5, 45.5, 54.0 * paper::SQUARE, 27.0 * paper::SQUARE];
/// Rows of all pages at most, so four pages of twelve leads.
const MOST_ROWS: usize = 24;

/// A record with what was found in it, to be drawn.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Report<'a> {
    record: &'a Record,
    config: &'a Config,
    settings: &'a Settings,
    findings: &'a Findings,
    warnings: Vec<String>,
    limits: String,
    more: String,
    from: Option<f64>,
    to: Option<f64>,
}

/// Which parts of a record pages show.
struct Shown {
    /// Where each of ten seconds begins.
    starts: Vec<f64>,
    /// The part of the record that was asked for.
    from: f64,
    to: f64,
    /// Seconds that are drawn.
    seconds: f64,
}

impl Shown {
    /// Whether there is more than what is drawn.
    fn leaves_out(&self) -> bool {
        self.seconds < self.to - self.from - 0.05
    }
}

impl<'a> Report<'a> {
    /// Of a record, and what a network of this configuration found in it by these settings.
    pub fn new(
        record: &'a Record,
        config: &'a Config,
        settings: &'a Settings,
        findings: &'a Findings,
    ) -> Report<'a> {
        let (warnings, limits, more) = (record.warnings.clone(), String::new(), String::new());
        Report { record, config, settings, findings, warnings, limits, more, from: None, to: None }
    }

    /// What was odd with the record, in place of its own warnings.
    pub fn warnings(mut self, warnings: Vec<String>) -> Self {
        self.warnings = warnings;
        self
    }

    /// What the model gets wrong, in a sentence or two.
    pub fn limits(mut self, limits: impl Into<String>) -> Self {
        self.limits = limits.into();
        self
    }

    /// The part of the record that is drawn, in seconds; by default all of it. Findings are of all of it in any case.
    pub fn span(mut self, from: Option<f64>, to: Option<f64>) -> Self {
        (self.from, self.to) = (from, to);
        self
    }

    /// How to see what a page leaves out, said where something is: `--from and --to show them`.
    pub fn more(mut self, how: impl Into<String>) -> Self {
        self.more = how.into();
        self
    }

    /// Its pages, A4 on its side.
    ///
    /// # Errors
    /// No lead is an ECG in a unit of voltage; the span lies outside of the record.
    pub fn pages(&self) -> Result<Vec<Page>, ItemError> {
        let leads = self.leads()?;
        let shown = self.shown(&leads)?;
        let mut groups: Vec<Vec<System>> = Vec::new();
        for start in &shown.starts {
            let end = (start + layout::SECONDS).min(shown.to);
            for mut system in leads.rows(*start, end) {
                self.mark(&mut system, *start, end);
                let fits = |group: &&mut Vec<System>| {
                    let rows: Vec<Row> =
                        group.iter().chain([&system]).flat_map(|s| s.rows.iter().cloned()).collect();
                    leads.share_pages()
                        && rows.len() <= ROWS
                        && height(&rows, paper::Scale::GAINS[0]) <= PAPER[3]
                };
                match groups.last_mut().filter(fits) {
                    Some(group) => group.push(system),
                    None => groups.push(vec![system]),
                }
            }
        }
        let count = groups.len();
        Ok(groups
            .iter()
            .enumerate()
            .map(|(i, group)| self.page(&leads, &shown, group, (i + 1, count)))
            .collect())
    }

    fn page(&self, leads: &Leads, shown: &Shown, systems: &[System], number: (usize, usize)) -> Page {
        let rows: Vec<Row> = systems.iter().flat_map(|system| system.rows.iter().cloned()).collect();
        let drawn = draw(&rows, PAPER[0], PAPER[1], PAPER[3]);
        let mut page = Page::a4_landscape(self.title());
        page.groups.extend(drawn.under.iter().cloned());
        page.groups.push(paper::paper_grid(PAPER));
        page.groups.extend(drawn.over.iter().cloned());
        page.groups.extend(head::groups(self, shown));
        page.groups.push(foot::group(self, leads, shown, &drawn, number));
        page
    }

    /// What the pages show, in a line.
    pub fn title(&self) -> String {
        format!("ECG of {}: {}", self.record.name, head::result(self))
    }

    fn leads(&self) -> Result<Leads<'a>, ItemError> {
        let read = leads::select(self.record, &self.config.leads, &self.settings.leads).unwrap_or_default();
        let leads = Leads::of(self.record, &read);
        if !leads.is_empty() {
            return Ok(leads);
        }
        let found: Vec<String> =
            self.record.leads.iter().take(8).map(|l| format!("{} in {:?}", l.name, l.units)).collect();
        let found = if found.is_empty() { "no lead".to_owned() } else { found.join(", ") };
        let expected = "an ECG lead in V, mV, uV or nV, as a page draws voltages";
        Err(ItemError::new("leads", expected, found, "correct the units in the record's file"))
    }

    fn shown(&self, leads: &Leads) -> Result<Shown, ItemError> {
        let seconds = self.record.seconds();
        let from = self.from.unwrap_or(0.0);
        // What is no number stays so, and is refused.
        let to = self.to.filter(|to| to.is_nan() || *to <= seconds).unwrap_or(seconds);
        if !(from >= 0.0 && from < to) {
            let expected =
                format!("from a second before the end, {}, to a later one", words::number(seconds));
            let found = format!("{} to {}", words::number(from), words::number(self.to.unwrap_or(seconds)));
            return Err(ItemError::new("part to draw", expected, found, "give seconds within the record"));
        }
        let events = self.events(from, to);
        let most = (MOST_ROWS / leads.count().min(ROWS)).max(1);
        let starts = parts::choose(&events, self.config.classes.len(), from, to, most);
        let seconds = starts.iter().map(|start| (to - start).min(layout::SECONDS)).sum();
        Ok(Shown { starts, from, to, seconds })
    }

    /// What tells that a part is worth to be seen.
    fn events(&self, from: f64, to: f64) -> Vec<Event> {
        let mut events = Vec::new();
        if self.findings.unit == Unit::Beat {
            let beats = self.findings.items.iter();
            events.extend(
                beats.filter_map(|f| Some(Event { seconds: f.seconds, kind: Kind::Beat(f.class.ok()?) })),
            );
        }
        if let Some(found) = &self.findings.fibrillation {
            events
                .extend(found.episodes.iter().map(|e| Event { seconds: e.onset_seconds, kind: Kind::Onset }));
        }
        events.retain(|event| (from..to).contains(&event.seconds));
        events.sort_by(|a, b| a.seconds.total_cmp(&b.seconds));
        events
    }

    /// Adds marks of beats, times, and what was not assessed.
    fn mark(&self, system: &mut System, from: f64, to: f64) {
        let is_long = self.record.seconds() > layout::SECONDS + 0.05;
        for (i, row) in system.rows.iter_mut().enumerate() {
            let is_marked = i == system.marked;
            let text = |text: String| if is_marked { text } else { String::new() };
            for part in self.findings.not_assessed().iter().filter(|p| p.onset < to && p.end > from) {
                let text = text(format!("not assessed: {}", part.reason.name()));
                row.highlights.push(Highlight::shaded(part.onset, part.end, text));
            }
            if !is_marked {
                continue;
            }
            if is_long {
                row.caption = words::clock(from);
            }
            if let Some(found) = &self.findings.fibrillation {
                for e in found.episodes.iter().filter(|e| e.onset_seconds < to && e.end_seconds > from) {
                    row.highlights.push(Highlight::bar(
                        e.onset_seconds,
                        e.end_seconds,
                        "atrial fibrillation",
                    ));
                }
            }
            if self.findings.unit == Unit::Beat {
                let within = self.findings.items.iter().filter(|f| (from..to).contains(&f.seconds));
                // What was not assessed does not stand out either.
                row.marks.extend(
                    within.map(|f| BeatMark::new(f.seconds, f.label(), !f.class.is_ok_and(|c| c > 0))),
                );
            }
        }
    }
}
