//! A record of hours or days, as pages: its figures and hours, its intervals as pictures, and strips of its severest events.

use crate::report::Facts;
use crate::rows::BeatMark;
use crate::scene::{Anchor, Colour, Graphic, Group, Page, Text};
use crate::{font, words};
use efficientecg_ecg::holter::{HolterEvent, HolterReport};
use efficientecg_ecg::{Record, Sex};

mod plots;
mod strips;
mod summary;

pub use plots::{lorenz, tachogram};

/// The left edge of what is drawn, and its width.
const LEFT: f64 = 13.5;
const WIDTH: f64 = 270.0;
/// Sizes of text, and the base lines of the title and of the line under it.
const SIZE: f64 = 2.9;
const SMALL: f64 = 2.5;
const TITLE: f64 = 12.4;
const UNDER: f64 = 17.6;
/// Base lines of the notes, and of the last line.
const NOTES: f64 = 195.2;
const LAST: f64 = 203.2;
const STEP: f64 = 3.4;

/// The samples around an event, and the beats in them.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct EventStrip {
    /// What is shown.
    pub event: HolterEvent,
    /// Where the strip begins, in seconds of the whole record.
    pub from: f64,
    /// The strip's samples, a record of its own, of the leads that are to be drawn.
    pub record: Record,
    /// Its beats, in seconds from the start of the strip.
    pub marks: Vec<BeatMark>,
}

impl EventStrip {
    /// A strip that begins `from` seconds into the whole record.
    pub fn new(event: HolterEvent, from: f64, record: Record, marks: Vec<BeatMark>) -> EventStrip {
        EventStrip { event, from, record, marks }
    }
}

/// What a record of hours or days holds, to be drawn.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct HolterPages<'a> {
    record: &'a Record,
    found: &'a HolterReport,
    strips: &'a [EventStrip],
    limits: String,
    pause: f64,
    episodes: Option<usize>,
}

impl<'a> HolterPages<'a> {
    /// Of a record, which needs no samples, what was found in it, and strips of its events.
    pub fn new(record: &'a Record, found: &'a HolterReport, strips: &'a [EventStrip]) -> HolterPages<'a> {
        HolterPages { record, found, strips, limits: String::new(), pause: 2.0, episodes: None }
    }

    /// Which models told the beats and the rhythm, and what they get wrong, in a sentence or two each.
    pub fn limits(mut self, limits: impl Into<String>) -> Self {
        self.limits = limits.into();
        self
    }

    /// From how many seconds on an interval is a pause; by default 2.
    pub fn pause(mut self, seconds: f64) -> Self {
        self.pause = seconds;
        self
    }

    /// Episodes of fibrillation, where it was assessed.
    pub fn episodes(mut self, episodes: Option<usize>) -> Self {
        self.episodes = episodes;
        self
    }

    /// What the pages show, in a line.
    pub fn title(&self) -> String {
        let total = &self.found.total;
        format!("Holter ECG of {}: {}, {} beats", self.record.name, words::duration(total.end), total.beats)
    }

    /// Its pages, A4 on its side.
    pub fn pages(&self) -> Vec<Page> {
        let mut pages = self.summary();
        pages.push(self.pictures());
        pages.extend(self.events());
        let count = pages.len();
        for (i, page) in pages.iter_mut().enumerate() {
            let number = format!("page {} of {count}", i + 1);
            page.groups.push(self.foot(number));
        }
        pages
    }

    /// What its pages tell, as tables.
    pub fn facts(&self) -> Vec<Facts> {
        let pair = |(name, value): (&str, String)| vec![name.to_owned(), value];
        let mut about = vec![vec!["record".to_owned(), self.title()]];
        about.extend(self.measured().into_iter().map(pair));
        about.push(pair(("models", self.limits.clone())));
        about.push(pair(("caution", words::CAUTION.to_owned())));
        let mut made = vec![Facts::new("Record", &["what", "value"], about)];
        let heads = summary::COLUMNS.map(|column| column.words);
        made.push(Facts::new("Hours", &heads, self.hours()));
        if !self.found.events.is_empty() {
            let row = |e: &HolterEvent| vec![words::clock(e.onset), strips::told(e)];
            made.push(Facts::new(
                "The severest events",
                &["onset", "event"],
                self.found.events.iter().map(row).collect(),
            ));
        }
        made
    }

    /// A page with the record's name, and under it what it shows.
    fn page(&self, under: &str) -> Page {
        let mut page = Page::a4_landscape(self.title());
        let badge = Text::new(LEFT + WIDTH, TITLE, 2.9, "RESEARCH ONLY").bold().anchor(Anchor::End);
        let room = WIDTH - badge.width() - 4.0;
        let title = format!("Holter ECG: {}", self.record.name);
        let lines = vec![
            Text::new(LEFT, TITLE, 4.6, title).bold().fit(room).into(),
            badge.into(),
            Text::new(LEFT, UNDER, SIZE, under).fit(WIDTH).into(),
        ];
        page.groups.push(Group::new("record", "", lines));
        page
    }

    /// The patient and the recording, in a line.
    fn about(&self) -> String {
        let record = self.record;
        let age =
            record.age.map_or("age not given".to_owned(), |age| format!("{} years", words::number(age)));
        let sex = match record.sex {
            Some(Sex::Female) => "female",
            Some(Sex::Male) => "male",
            None => "sex not given",
        };
        let start = record.start.map_or(String::new(), |start| format!(", recorded {start}"));
        let (count, rate) = (record.leads.len(), words::number(record.sample_rate));
        let s = if count == 1 { "" } else { "s" };
        let length = words::duration(self.found.total.end);
        let times = match self.clock_start() {
            Some(_) => "hours by the clock, other times from the start",
            None => "times from the start",
        };
        format!("{age}, {sex}; {length}{start}; {count} lead{s}, {rate} Hz; {times}")
    }

    /// The time of the day at the start, in seconds, where the record says it.
    fn clock_start(&self) -> Option<f64> {
        self.record.start.and_then(|start| start.time)
    }

    fn foot(&self, number: String) -> Group {
        let mut made: Vec<Graphic> = Vec::new();
        for (i, text) in font::wrap(&self.limits, SMALL, WIDTH, 2).into_iter().enumerate() {
            made.push(Text::new(LEFT, NOTES + STEP * i as f64, SMALL, text).colour(Colour::GREY).into());
        }
        let version = format!("{number}   efficientecg {}", env!("CARGO_PKG_VERSION"));
        let version = Text::new(LEFT + WIDTH, LAST, SMALL, version).colour(Colour::GREY).anchor(Anchor::End);
        let room = WIDTH - version.width() - 5.0;
        made.push(Text::new(LEFT, LAST, 2.7, words::CAUTION).bold().fit(room).into());
        made.push(version.into());
        Group::new("notes", "", made)
    }
}
