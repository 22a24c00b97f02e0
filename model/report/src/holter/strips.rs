//! Strips of the severest events, on ECG paper.

use super::{EventStrip, HolterPages, LEFT, SMALL, WIDTH};
use crate::layout::{ROWS, SECONDS};
use crate::paper::{SQUARE, Scale, paper_grid};
use crate::rows::{Highlight, Row, Strip, draw, height};
use crate::scene::{Colour, Group, Page, Text};
use crate::words;
use efficientecg_ecg::Lead;
use efficientecg_ecg::holter::{EventKind, HolterEvent};
use std::ops::Range;

/// The paper: left, top, width and height in millimetres.
const PAPER: [f64; 4] = [LEFT, 43.5, WIDTH, 28.0 * SQUARE];
/// Base line of the first of the events that a page shows, and from one to the next.
const EVENTS: f64 = 23.0;
const STEP: f64 = 4.0;
/// Events of a page at most: as many as there are lines for.
const MOST: usize = 5;
/// Leads of a strip at most.
const LEADS: usize = 2;

/// An event in words.
pub(super) fn told(event: &HolterEvent) -> String {
    let name = event.kind.name();
    let seconds = format!("{:.1} s", event.seconds());
    match (event.kind, event.rate) {
        (EventKind::Pause | EventKind::Fibrillation, _) => format!("{name}, {seconds}"),
        (_, Some(rate)) => format!("{name}, {} beats at {rate:.0} /min, {seconds}", event.beats),
        (_, None) => format!("{name}, {} beats, {seconds}", event.beats),
    }
}

/// The rows of an event: ten seconds each, lead by lead. What is `unknown`, in seconds of the whole record, is shaded.
fn rows<'a>(strip: &'a EventStrip, unknown: &[Range<f64>]) -> Vec<Row<'a>> {
    let record = &strip.record;
    // What was read is drawn whatever its name, if it is a voltage.
    let shown: Vec<&Lead> =
        record.leads.iter().filter(|lead| lead.millivolts().is_some()).take(LEADS).collect();
    let event =
        Highlight::bar(strip.event.onset - strip.from, strip.event.end - strip.from, strip.event.kind.name());
    let seconds = record.seconds();
    let mut made = Vec::new();
    let mut from = 0.0;
    while from < seconds - 0.05 {
        let to = (from + SECONDS).min(seconds);
        for (i, lead) in shown.iter().enumerate() {
            let mut row = Row::new(vec![Strip::new(lead, from, to)]);
            let here = unknown.iter().map(|span| (span.start - strip.from, span.end - strip.from));
            for (start, end) in here.filter(|(start, end)| *start < to && *end > from) {
                let text = if i == 0 { "not assessed" } else { "" };
                row.highlights.push(Highlight::shaded(start, end, text));
            }
            if i == 0 {
                row.marks = strip.marks.iter().filter(|m| (from..to).contains(&m.seconds)).cloned().collect();
                row.caption = words::clock(strip.from + from);
            }
            if i + 1 == shown.len() {
                row.highlights.push(event.clone());
            }
            made.push(row);
        }
        from = to;
    }
    made
}

impl HolterPages<'_> {
    /// Pages of strips, the severest event first.
    pub(super) fn events(&self) -> Vec<Page> {
        let mut pages: Vec<Vec<&EventStrip>> = Vec::new();
        let mut taken: Vec<Row> = Vec::new();
        for strip in self.strips {
            let own = rows(strip, &self.found.unknown);
            let all: Vec<Row> = taken.iter().chain(&own).cloned().collect();
            let fits = all.len() <= ROWS && height(&all, Scale::GAINS[0]) <= PAPER[3];
            match pages.last_mut().filter(|page| fits && page.len() < MOST) {
                Some(page) => {
                    page.push(strip);
                    taken = all;
                }
                None => {
                    pages.push(vec![strip]);
                    taken = own;
                }
            }
        }
        pages.iter().map(|strips| self.strips_page(strips)).collect()
    }

    fn strips_page(&self, strips: &[&EventStrip]) -> Page {
        let rows: Vec<Row> = strips.iter().flat_map(|strip| rows(strip, &self.found.unknown)).collect();
        let drawn = draw(&rows, PAPER[0], PAPER[1], PAPER[3]);
        let mut page =
            self.page("The severest events, the severest first. The order is one for reading, no triage.");
        page.groups.extend(drawn.under.iter().cloned());
        page.groups.push(paper_grid(PAPER));
        page.groups.extend(drawn.over.iter().cloned());
        let mut texts = Vec::new();
        for (i, strip) in strips.iter().enumerate() {
            let y = EVENTS + STEP * i as f64;
            let at = Text::new(LEFT, y, 2.9, words::clock(strip.event.onset)).bold();
            let width = at.width().max(16.0) + 3.0;
            let mut said = told(&strip.event);
            let shown = strip.record.seconds();
            if strip.event.end - strip.from > shown + 0.05 {
                said += &format!("; its first {} are drawn", words::duration(shown));
            }
            if strip.record.leads.iter().all(|lead| lead.millivolts().is_none()) {
                said += "; not drawn, as no lead is in a unit of voltage";
            }
            texts.push(at.into());
            texts.push(Text::new(LEFT + width, y, 2.9, said).fit(WIDTH - width).into());
        }
        let scale = drawn.scale;
        let mut said = format!(
            "{} mm/s · {} mm/mV. Drawn as recorded, without any filter.",
            words::number(scale.speed),
            words::number(scale.gain)
        );
        if !drawn.cut.is_empty() {
            said += &format!(" Cut off halfway to another row: {}.", drawn.cut.join(", "));
        }
        let y = PAPER[1] + PAPER[3] + 4.0;
        texts.push(Text::new(LEFT, y, SMALL, said).colour(Colour::GREY).fit(WIDTH).into());
        page.groups.push(Group::new("events", "", texts));
        page
    }
}
