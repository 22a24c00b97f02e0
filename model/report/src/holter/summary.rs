//! The figures of a whole record, and its table of hours.

use super::{HolterPages, LEFT, SIZE, WIDTH};
use crate::scene::{Anchor, Colour, Graphic, Group, Page, Pen, Text};
use crate::words;
use efficientecg_ecg::holter::Hour;

/// Base line of the first figure, and from one to the next.
const FIGURES: f64 = 25.0;
const STEP: f64 = 4.4;
/// Where the columns of figures begin, and from a name to its value.
const COLUMN: f64 = WIDTH / 2.0;
const VALUE: f64 = 34.0;
/// The lowest base line of a table.
const LOWEST: f64 = 190.0;
/// Size of a table's text, and from a row to the next.
const CELL: f64 = 2.6;
const ROW: f64 = 4.2;

/// Under every second row.
const EVERY_SECOND: Colour = Colour(0xf1, 0xf3, 0xf5);

/// A column of the table of hours.
pub(super) struct Column {
    /// Over it, in two lines.
    heads: [&'static str; 2],
    /// In one.
    pub(super) words: &'static str,
    /// Its right edge in millimetres from the left.
    right: f64,
}

const fn column(heads: [&'static str; 2], words: &'static str, right: f64) -> Column {
    Column { heads, words, right }
}

/// The table's columns.
pub(super) const COLUMNS: [Column; 16] = [
    column(["", "hour"], "hour", 18.0),
    column(["not", "assessed %"], "not assessed, %", 36.0),
    column(["heart rate", "min"], "heart rate, minimum", 54.0),
    column(["", "mean"], "heart rate, mean", 66.0),
    column(["", "max"], "heart rate, maximum", 78.0),
    column(["V", "beats"], "V beats", 98.0),
    column(["", "couplets"], "V couplets", 113.0),
    column(["", "runs"], "V runs", 125.0),
    column(["", "bigeminy"], "bigeminy", 141.0),
    column(["", "trigeminy"], "trigeminy", 157.0),
    column(["S", "beats"], "S beats", 177.0),
    column(["", "couplets"], "S couplets", 192.0),
    column(["", "runs"], "S runs", 204.0),
    column(["", "pauses"], "pauses", 220.0),
    column(["longest", "R-R, s"], "longest R-R, s", 240.0),
    column(["", "AF, %"], "atrial fibrillation, % of the time assessed", 258.0),
];

impl HolterPages<'_> {
    /// The first page, and more where a record has more hours than it takes.
    pub(super) fn summary(&self) -> Vec<Page> {
        let figures = self.figures();
        let rows = self.hours();
        let mut left = &rows[..];
        let mut pages = Vec::new();
        loop {
            let is_first = pages.is_empty();
            let mut page = self.page(&self.about());
            let mut top = FIGURES;
            if is_first {
                top += STEP * figures.1 as f64 + 4.0;
                page.groups.push(figures.0.clone());
            }
            let room = ((LOWEST - top) / ROW) as usize - 2;
            let (now, later) = left.split_at(left.len().min(room));
            page.groups.push(table(now, top));
            pages.push(page);
            left = later;
            if left.is_empty() {
                return pages;
            }
        }
    }

    /// The figures in two columns, and how many lines they take.
    fn figures(&self) -> (Group, usize) {
        let figures = self.measured();
        let half = figures.len().div_ceil(2);
        let mut made: Vec<Graphic> = Vec::new();
        for (i, (name, value)) in figures.into_iter().enumerate() {
            let (x, y) = (LEFT + COLUMN * (i / half) as f64, FIGURES + STEP * (i % half) as f64);
            made.push(Text::new(x, y, SIZE, name).colour(Colour::GREY).into());
            made.push(Text::new(x + VALUE, y, SIZE, value).fit(COLUMN - VALUE - 3.0).into());
        }
        (Group::new("measured", "", made), half)
    }

    /// Names and values of what holds for the whole record.
    pub(super) fn measured(&self) -> Vec<(&'static str, String)> {
        let (found, total) = (self.found, &self.found.total);
        let share = |beats: usize| 100.0 * beats as f64 / total.beats.max(1) as f64;
        let mean = words::decimals(total.mean_rate(), 0);
        let range = total.rate.map_or_else(String::new, |r| {
            let (min_at, max_at) = (words::clock(r.min_at), words::clock(r.max_at));
            format!("; {:.0} at {min_at} to {:.0} at {max_at}", r.min, r.max)
        });
        let (v, s) = (&total.ventricular, &total.supraventricular);
        let run = |run: &Option<efficientecg_ecg::holter::HolterEvent>| match run {
            Some(e) => {
                let rate = words::decimals(e.rate, 0);
                format!("{} beats, {rate} /min at {}", e.beats, words::clock(e.onset))
            }
            None => "none".to_owned(),
        };
        let longest = found
            .longest
            .map_or("-".to_owned(), |l| format!("{:.2} s at {}", l.seconds, words::clock(l.onset)));
        let fibrillation = match (self.episodes, total.burden()) {
            (Some(1), Some(burden)) => format!("{:.1} %, 1 episode", 100.0 * burden),
            (Some(count), Some(burden)) => format!("{:.1} %, {count} episodes", 100.0 * burden),
            _ => "not assessed".to_owned(),
        };
        let mut made = vec![
            ("Heart rate, /min", format!("mean {mean}{range}")),
            (
                "Ventricular beats",
                format!("{} ({:.2} %), {} couplets, {} runs", v.beats, share(v.beats), v.couplets, v.runs),
            ),
            ("", format!("bigeminy {}, trigeminy {}", v.bigeminy, v.trigeminy)),
            ("Fastest V run", run(&found.fastest_run)),
            ("Longest V run", run(&found.longest_run)),
            (
                "Supraventricular beats",
                format!("{} ({:.2} %), {} couplets, {} runs", s.beats, share(s.beats), s.couplets, s.runs),
            ),
            ("Fastest S run", run(&found.fastest_supraventricular_run)),
            ("Pauses", format!("{} of {} s and more", total.pauses, words::number(self.pause))),
            ("Longest R-R", longest),
            ("AF burden", fibrillation),
            ("Not assessed", format!("{:.1} % of the time, left out", 100.0 * total.not_assessed())),
        ];
        if let Some(t) = found.time {
            let ms = |value: Option<f64>| words::decimals(value, 1);
            made.push((
                "NN intervals",
                format!("{}, mean {:.0} ms, pNN50 {} %", t.count, t.mean, ms(t.pnn50.map(|p| 100.0 * p))),
            ));
            made.push((
                "HRV, ms",
                format!("SDNN {}, SDANN {}, RMSSD {}", ms(t.sdnn), ms(t.sdann), ms(t.rmssd)),
            ));
        }
        if let Some(b) = found.bands {
            let ratio = words::decimals(b.ratio(), 2);
            made.push(("HRV, ms²", format!("LF {:.0}, HF {:.0}, LF/HF {ratio}", b.lf, b.hf)));
        }
        made
    }

    /// The cells of the table of hours.
    pub(super) fn hours(&self) -> Vec<Vec<String>> {
        self.found.hours.iter().map(|hour| self.hour(hour)).collect()
    }

    fn hour(&self, hour: &Hour) -> Vec<String> {
        let whole = (self.clock_start().unwrap_or(0.0) + hour.start).round() as u64;
        let hours = if self.clock_start().is_some() { whole / 3600 % 24 } else { whole / 3600 };
        let (v, s) = (&hour.ventricular, &hour.supraventricular);
        let fibrillation = hour.burden().map(|b| 100.0 * b);
        vec![
            format!("{hours}:{:02}", whole / 60 % 60),
            format!("{:.1}", 100.0 * hour.not_assessed()),
            words::decimals(hour.rate.map(|r| r.min), 0),
            words::decimals(hour.mean_rate(), 0),
            words::decimals(hour.rate.map(|r| r.max), 0),
            v.beats.to_string(),
            v.couplets.to_string(),
            v.runs.to_string(),
            v.bigeminy.to_string(),
            v.trigeminy.to_string(),
            s.beats.to_string(),
            s.couplets.to_string(),
            s.runs.to_string(),
            hour.pauses.to_string(),
            words::decimals(hour.longest, 2),
            words::decimals(fibrillation, 1),
        ]
    }
}

/// Rows of hours under their heads.
fn table(rows: &[Vec<String>], top: f64) -> Group {
    let mut made: Vec<Graphic> = Vec::new();
    for (i, column) in COLUMNS.iter().enumerate() {
        for (line, head) in column.heads.iter().enumerate().filter(|(_, head)| !head.is_empty()) {
            let y = top + 3.4 * line as f64;
            let text =
                Text::new(LEFT + column.right, y, CELL, *head).anchor(Anchor::End).colour(Colour::GREY);
            made.push(text.into());
        }
        for (j, row) in rows.iter().enumerate() {
            let y = top + 3.4 + ROW * (j + 1) as f64;
            if i == 0 && j % 2 == 1 {
                let place = [LEFT, y - 3.1, COLUMNS[COLUMNS.len() - 1].right + 2.0, ROW];
                made.push(Graphic::Rectangle { place, fill: EVERY_SECOND });
            }
            made.push(Text::new(LEFT + column.right, y, CELL, &row[i]).anchor(Anchor::End).into());
        }
    }
    let right = LEFT + COLUMNS[COLUMNS.len() - 1].right + 2.0;
    let under = vec![[LEFT, top + 4.5], [right, top + 4.5]];
    made.push(Graphic::Path { lines: vec![under], pen: Pen { width: 0.2, colour: Colour::BLACK } });
    Group::new("hours", "", made)
}
