//! Rows of strips on paper: each lead's place, so that none hides another and nothing runs over its band.
//!
//! Base lines lie as far apart as traces, names and marks need at the page's gain, compared place by place along the rows: a deep S wave takes
//! no room from a lead that stands elsewhere. The gain is the largest at which all rows fit. At the smallest one what does not fit is cut off
//! halfway between rows.

use crate::paper::{Part, SQUARE, Scale, pulse, trace};
use crate::scene::{Anchor, Colour, Graphic, Group, Pen, Text};
use efficientecg_ecg::Lead;

/// Before a row's strips: the calibration pulse over the row's time.
pub const MARGIN: f64 = 15.0;
/// Room around traces.
const AROUND: f64 = 0.75;
/// Size of the leads' names, and how high they stand over the base line at least.
const NAME: (f64, f64) = (3.0, 5.0);
/// Size of marks.
const MARK: f64 = 3.0;
/// Size of what is said of highlights, and the room that it takes.
const SAID: (f64, f64) = (2.4, 3.6);
/// Size of a row's time.
const CAPTION: f64 = 2.4;
/// The most millimetres that lie between rows beyond their need.
const SPARE: f64 = 12.0;
/// Of what was not assessed.
pub(crate) const SHADE: Colour = Colour(0xe4, 0xe4, 0xe4);
const TICK: Pen = Pen { width: 0.25, colour: Colour::BLACK };
const BAR: Pen = Pen { width: 0.7, colour: Colour(0x0b, 0x3d, 0x91) };
/// Of marks that stand out.
const LOUD: Colour = Colour(0x0b, 0x3d, 0x91);

/// A part of a lead, in seconds.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Strip<'a> {
    /// The lead.
    pub lead: &'a Lead,
    /// Where it begins.
    pub from: f64,
    /// Where it ends.
    pub to: f64,
}

impl<'a> Strip<'a> {
    /// A lead from one second to another.
    pub fn new(lead: &'a Lead, from: f64, to: f64) -> Strip<'a> {
        Strip { lead, from, to }
    }
}

/// The class of a beat, over it.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct BeatMark {
    /// The beat's time.
    pub seconds: f64,
    /// Its class.
    pub text: String,
    /// Whether it is the usual class, which does not stand out.
    pub is_quiet: bool,
}

impl BeatMark {
    /// A mark at this second.
    pub fn new(seconds: f64, text: impl Into<String>, is_quiet: bool) -> BeatMark {
        BeatMark { seconds, text: text.into(), is_quiet }
    }
}

/// A time that is marked: shaded, or with a bar under the trace.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Highlight {
    /// Where it begins, in seconds.
    pub from: f64,
    /// Where it ends.
    pub to: f64,
    /// What it is.
    pub text: String,
    /// Whether it is shaded, as what was not assessed.
    pub is_shaded: bool,
}

impl Highlight {
    /// A shaded time.
    pub fn shaded(from: f64, to: f64, text: impl Into<String>) -> Highlight {
        Highlight { from, to, text: text.into(), is_shaded: true }
    }

    /// A time with a bar.
    pub fn bar(from: f64, to: f64, text: impl Into<String>) -> Highlight {
        Highlight { from, to, text: text.into(), is_shaded: false }
    }
}

/// Strips that follow one another in time, with what is marked there.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Row<'a> {
    /// In order of time, without a gap between.
    pub strips: Vec<Strip<'a>>,
    /// In order of time.
    pub marks: Vec<BeatMark>,
    /// In order of time.
    pub highlights: Vec<Highlight>,
    /// What stands before it, such as its time.
    pub caption: String,
}

impl<'a> Row<'a> {
    /// A row of these strips.
    pub fn new(strips: Vec<Strip<'a>>) -> Row<'a> {
        Row { strips, ..Row::default() }
    }

    fn span(&self) -> (f64, f64) {
        (self.strips.first().map_or(0.0, |s| s.from), self.strips.last().map_or(0.0, |s| s.to))
    }

    /// What of the highlights lies within the row.
    fn highlights(&self) -> impl Iterator<Item = (f64, f64, &Highlight)> {
        let (from, to) = self.span();
        let within = self.highlights.iter().filter(move |h| h.from < to && h.to > from);
        within.map(move |h| (h.from.max(from), h.to.min(to), h))
    }
}

/// Widths along a row in which heights are compared, in millimetres.
const BIN: f64 = 2.5;

/// How far a row reaches over and under its base line, in millimetres.
struct Reach {
    /// Bin by bin, from the left edge of the paper on.
    up: Vec<f64>,
    down: Vec<f64>,
    /// Height of each name's base line over the row's, and of the marks'.
    names: Vec<f64>,
    marks: f64,
    /// Depth under the base line at which what is said of highlights begins.
    said: f64,
}

impl Reach {
    fn of(row: &Row, gain: f64) -> Reach {
        let (from, to) = row.span();
        let x = |seconds: f64| MARGIN + (seconds - from) * Scale::SPEED;
        let count = (x(to) / BIN).ceil().max(1.0) as usize + 1;
        let mut reach =
            Reach { up: vec![0.0; count], down: vec![0.0; count], names: Vec::new(), marks: 0.0, said: 0.0 };
        // The calibration pulse and the time stand before the strips.
        reach.put(0.0, MARGIN, gain, CAPTION + 1.5);
        for strip in &row.strips {
            let part = Part::new(strip.lead, strip.from, strip.to);
            let mut under = 0.0_f64;
            let name = Text::new(0.0, 0.0, NAME.0, &strip.lead.name).bold().fit(name_room(strip));
            let end = strip.from + (name.width() + 3.0) / Scale::SPEED;
            for (seconds, height) in part.points().filter(|(_, height)| !height.is_nan()) {
                reach.put(x(seconds), x(seconds), height * gain, -height * gain);
                if seconds < end {
                    under = under.max(height * gain);
                }
            }
            let height = NAME.1.max(under + 1.2);
            reach.put(x(strip.from), x(end), height + 0.8 * NAME.0, 0.0);
            reach.names.push(height);
        }
        let highest = reach.up.iter().copied().fold(0.0, f64::max);
        reach.marks = highest + 0.9;
        if !row.marks.is_empty() {
            reach.put(MARGIN, x(to), reach.marks + 0.8 * MARK, 0.0);
        }
        reach.said = reach.down.iter().copied().fold(0.0, f64::max) + 0.5;
        for (start, end, highlight) in row.highlights() {
            if !highlight.text.is_empty() {
                reach.put(x(start), x(end), 0.0, reach.said + SAID.1);
            }
        }
        reach
    }

    /// Something that reaches so far up and down from one place to another; its neighbours keep away too.
    fn put(&mut self, from: f64, to: f64, up: f64, down: f64) {
        let last = self.up.len() - 1;
        let bin = |x: f64| ((x / BIN) as usize).min(last);
        for i in bin(from).saturating_sub(1)..=(bin(to) + 1).min(last) {
            (self.up[i], self.down[i]) = (self.up[i].max(up), self.down[i].max(down));
        }
    }
}

/// The most that a lead's name may take.
fn name_room(strip: &Strip) -> f64 {
    (Scale::SPEED * (strip.to - strip.from) - 2.0).max(0.0)
}

/// Whole millimetres from the paper's top to the first base line, from each to the next, and from the last to the bottom.
fn distances(reaches: &[Reach]) -> Vec<f64> {
    let none = Reach { up: Vec::new(), down: Vec::new(), names: Vec::new(), marks: 0.0, said: 0.0 };
    let (mut above, mut made) = (&none, Vec::new());
    for below in reaches.iter().chain([&none]) {
        let count = above.down.len().max(below.up.len());
        let at = |heights: &[f64], i: usize| heights.get(i).copied().unwrap_or(0.0);
        let apart = (0..count).map(|i| at(&above.down, i) + at(&below.up, i)).fold(0.0, f64::max);
        made.push((apart + AROUND).ceil().min(1e6));
        above = below;
    }
    made
}

/// Millimetres that rows need together at a gain.
pub(crate) fn height(rows: &[Row], gain: f64) -> f64 {
    let reaches: Vec<Reach> = rows.iter().map(|row| Reach::of(row, gain)).collect();
    distances(&reaches).iter().sum()
}

/// What was drawn of rows.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Drawn {
    /// What lies under the grid.
    pub under: Vec<Group>,
    /// What lies over it.
    pub over: Vec<Group>,
    /// At which scale.
    pub scale: Scale,
    /// Names of leads that were cut off halfway to another row.
    pub cut: Vec<String>,
}

/// Draws rows one below another, from `left` and `top` on, over a height in millimetres.
pub fn draw(rows: &[Row], left: f64, top: f64, height: f64) -> Drawn {
    let least = Scale::GAINS[Scale::GAINS.len() - 1];
    let gain = Scale::GAINS.into_iter().find(|gain| self::height(rows, *gain) <= height).unwrap_or(least);
    let scale = Scale::new(gain);
    let mut drawn = Drawn { under: Vec::new(), over: Vec::new(), scale, cut: Vec::new() };
    let reaches: Vec<Reach> = rows.iter().map(|row| Reach::of(row, gain)).collect();
    let mut distances = distances(&reaches);
    let used: f64 = distances.iter().sum();
    let is_cut = used > height;
    if is_cut {
        distances = shared(&distances, height);
    } else {
        // What is left goes between the rows.
        let spare = ((height - used) / distances.len() as f64).floor().min(SPARE);
        distances.iter_mut().for_each(|distance| *distance += spare);
    }
    let mut base = top;
    let bases: Vec<f64> = distances[..rows.len()]
        .iter()
        .map(|d| {
            base += d;
            base
        })
        .collect();
    for (i, (row, reach)) in rows.iter().zip(&reaches).enumerate() {
        let halfway = |a: f64, b: f64| (a + b) / 2.0;
        let bottom = bases.get(i + 1).map_or(bases[i] + distances[i + 1], |next| halfway(bases[i], *next));
        let above = if i == 0 { top } else { halfway(bases[i - 1], bases[i]) };
        let limits = if is_cut { [above + 0.2, bottom - 0.2] } else { [top, top + height] };
        one(&mut drawn, row, reach, &Band { left, top: above, base: bases[i], bottom, limits });
    }
    drawn
}

/// Distances that do not fit, made smaller, in whole millimetres: the largest give way, so that names and pulses keep their room.
fn shared(distances: &[f64], height: f64) -> Vec<f64> {
    let mut most = height;
    let total = |most: f64| distances.iter().map(|d| d.min(most)).sum::<f64>();
    while most > 1.0 && total(most) > height {
        most -= 1.0;
    }
    distances.iter().map(|d| d.min(most)).collect()
}

/// A row's place on paper.
struct Band {
    left: f64,
    /// Halfway to the rows above and below.
    top: f64,
    base: f64,
    bottom: f64,
    /// What traces may not leave.
    limits: [f64; 2],
}

fn one(drawn: &mut Drawn, row: &Row, reach: &Reach, band: &Band) {
    let (from, _) = row.span();
    let scale = drawn.scale;
    let x = |seconds: f64| band.left + MARGIN + (seconds - from) * scale.speed;
    drawn.over.push(pulse(band.left + SQUARE / 2.0, band.base, scale));
    if !row.caption.is_empty() {
        let caption = Text::new(band.left + 1.0, band.base + CAPTION + 1.0, CAPTION, &row.caption);
        drawn.over.push(Group::new("time", "", vec![caption.fit(MARGIN - 1.5).into()]));
    }
    highlights(drawn, row, band, (band.base + reach.said).min(band.limits[1] - SAID.1), &x);
    for (i, (strip, name)) in row.strips.iter().zip(&reach.names).enumerate() {
        let part = Part::new(strip.lead, strip.from, strip.to);
        let (lines, is_cut) = part.lines(x(0.0), band.base, scale, band.limits);
        if is_cut && !drawn.cut.contains(&strip.lead.name) {
            drawn.cut.push(strip.lead.name.clone());
        }
        drawn.over.push(trace(&strip.lead.name, lines));
        let mut said = Vec::new();
        if i > 0 {
            // Where a lead follows another: short lines over and under the base line.
            let at = x(strip.from);
            let line = |y: f64| vec![[at, y - 1.5], [at, y + 1.5]];
            said.push(Graphic::Path { lines: vec![line(band.base - 2.5), line(band.base + 2.5)], pen: TICK });
        }
        // Where the signal is cut off, under the marks.
        let marks = if row.marks.is_empty() { 0.0 } else { MARK + 0.3 };
        let y = (band.base - name).max(band.limits[0] + 0.8 * NAME.0 + marks);
        let name = Text::new(x(strip.from) + 1.0, y, NAME.0, &strip.lead.name).bold().fit(name_room(strip));
        if part.is_missing() {
            let text = Text::new(x(strip.from) + 1.0, band.base + 3.0, SAID.0, "no samples");
            said.push(text.colour(Colour::GREY).fit(name_room(strip)).into());
        }
        said.push(name.into());
        drawn.over.push(Group::new("lead", &strip.lead.name, said));
    }
    marks(drawn, row, (band.base - reach.marks).max(band.limits[0] + 0.8 * MARK), &x);
}

fn highlights(drawn: &mut Drawn, row: &Row, band: &Band, y: f64, x: &impl Fn(f64) -> f64) {
    let mut free = f64::NEG_INFINITY;
    for (from, to, highlight) in row.highlights() {
        let (left, right) = (x(from), x(to));
        if highlight.is_shaded {
            let place = [left, band.top, right - left, band.bottom - band.top];
            let shade = Graphic::Rectangle { place, fill: SHADE };
            drawn.under.push(Group::new("shade", &highlight.text, vec![shade]));
        } else {
            let bar = Graphic::Path { lines: vec![vec![[left, y + 0.4], [right, y + 0.4]]], pen: BAR };
            drawn.over.push(Group::new("bar", &highlight.text, vec![bar]));
        }
        if highlight.text.is_empty() {
            continue;
        }
        let start = left.max(free) + 1.0;
        let text = Text::new(start, y + 0.9 + SAID.0, SAID.0, &highlight.text).fit(right - start);
        // A few letters say nothing.
        if right - start > 8.0 || text.text == highlight.text {
            free = text.bounds()[2];
            drawn.over.push(Group::new("highlight", "", vec![text.into()]));
        }
    }
}

fn marks(drawn: &mut Drawn, row: &Row, y: f64, x: &impl Fn(f64) -> f64) {
    let (from, to) = row.span();
    let within = |mark: &&BeatMark| mark.seconds >= from && mark.seconds < to;
    let mut placed: Vec<(Text, bool)> = Vec::new();
    for mark in row.marks.iter().filter(within) {
        let size = if mark.is_quiet { 0.8 * MARK } else { MARK };
        let mut text = Text::new(x(mark.seconds), y, size, &mark.text).anchor(Anchor::Middle);
        text.bold = !mark.is_quiet;
        text.colour = if mark.is_quiet { Colour::GREY } else { LOUD };
        // Beats close together: those that stand out stay, side by side.
        while let Some((last, is_quiet)) = placed.last() {
            let over = last.bounds()[2] + 0.3 - text.bounds()[0];
            if over <= 0.0 {
                break;
            }
            if *is_quiet && !mark.is_quiet {
                placed.pop();
            } else {
                text.x += over;
                break;
            }
        }
        let is_moved = text.x > x(mark.seconds) + 0.1;
        if text.bounds()[2] <= x(to) + 2.0 && !(is_moved && mark.is_quiet) {
            placed.push((text, mark.is_quiet));
        }
    }
    if !placed.is_empty() {
        let texts = placed.into_iter().map(|(text, _)| text.into()).collect();
        drawn.over.push(Group::new("beats", "", texts));
    }
}

#[cfg(test)]
mod tests;
