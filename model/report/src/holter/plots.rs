//! Intervals as pictures: over time, and each against the one before.

use super::{HolterPages, LEFT, SIZE};
use crate::scene::{Anchor, Colour, Graphic, Group, Page, Pen, Text};
use crate::words;
use efficientecg_ecg::holter::{Lorenz, Tachogram};

const FRAME: Pen = Pen { width: 0.15, colour: Colour(0xc8, 0xcc, 0xd2) };
/// Colours of normal beats and of others, from the rarest cells of a plot to the most frequent ones, which differ for the colour-blind too.
const NORMAL: [Colour; 4] =
    [Colour(0xa6, 0xcd, 0xe6), Colour(0x66, 0xa9, 0xd3), Colour(0x2b, 0x85, 0xbe), Colour(0x00, 0x5b, 0x94)];
const OTHER: [Colour; 4] =
    [Colour(0xf3, 0xc5, 0xa0), Colour(0xe8, 0x9c, 0x66), Colour(0xdb, 0x77, 0x33), Colour(0xb5, 0x4c, 0x00)];
/// Counts from which on a cell has the next colour.
const LEVELS: [u32; 4] = [1, 2, 8, 64];
/// Seconds between marks of time, the first that makes at most so many.
const STEPS: [f64; 8] = [60.0, 300.0, 900.0, 1800.0, 3600.0, 7200.0, 14_400.0, 86_400.0];
const MARKS: f64 = 14.0;
/// Room on the left of a plot for its numbers.
const NUMBERS: f64 = 10.0;
/// The plots of a report: the tachogram's place, the Lorenz plot's.
const OVER_TIME: [f64; 4] = [LEFT + NUMBERS, 28.0, 258.0, 66.0];
const EACH_OTHER: [f64; 4] = [LEFT + NUMBERS, 106.0, 76.0, 76.0];

/// A picture of the shortest, mean and longest interval of each column of time, 270 mm × 90 mm, of a record of this name.
pub fn tachogram(of: &Tachogram, name: &str) -> Page {
    let title = format!("{name}: R-R intervals in seconds, range and mean");
    let heading = Text::new(2.0, 6.0, SIZE, &title).fit(266.0).into();
    let groups =
        vec![Group::new("title", "", vec![heading]), over_time(of, [2.0 + NUMBERS, 10.0, 254.0, 72.0])];
    Page { width: 270.0, height: 90.0, title, groups }
}

/// A picture of each interval against the one before, 100 mm × 110 mm, of a record of this name.
pub fn lorenz(of: &Lorenz, name: &str) -> Page {
    let title = format!("{name}: R-R interval against the one before, s");
    let heading = Text::new(2.0, 6.0, SIZE, &title).fit(96.0).into();
    let groups =
        vec![Group::new("title", "", vec![heading]), each_other(of, [2.0 + NUMBERS, 10.0, 84.0, 84.0])];
    Page { width: 100.0, height: 110.0, title, groups }
}

impl HolterPages<'_> {
    /// The page of both pictures.
    pub(super) fn pictures(&self) -> Page {
        let mut page = self.page(&self.about());
        let heading = |x: f64, y: f64, text: &str| Graphic::from(Text::new(x, y, SIZE, text).bold());
        let beside = EACH_OTHER[0] + EACH_OTHER[2] + 12.0;
        let mut texts = vec![
            heading(LEFT, OVER_TIME[1] - 3.0, "R-R intervals in seconds: range (light) and mean (dark)"),
            heading(LEFT, EACH_OTHER[1] - 3.0, "Each R-R interval against the one before, s"),
        ];
        let said = [
            "A sinus rhythm makes a cloud along the diagonal, as long as the heart rate varies.",
            "Premature beats make clouds of their own beside it; fibrillation fills a wide fan.",
            "Intervals of more than 2 s lie at the edges. The darker, the more often.",
            "Nothing is drawn across what was not assessed.",
        ];
        for (i, line) in said.into_iter().enumerate() {
            let y = EACH_OTHER[1] + 4.0 + 4.4 * i as f64;
            texts.push(Text::new(beside, y, SIZE, line).colour(Colour::GREY).into());
        }
        page.groups.push(over_time(&self.found.tachogram, OVER_TIME));
        page.groups.push(each_other(&self.found.lorenz, EACH_OTHER));
        page.groups.push(Group::new("titles", "", texts));
        page
    }
}

/// The tachogram in a place: left, top, width and height.
fn over_time(of: &Tachogram, [left, top, width, height]: [f64; 4]) -> Group {
    let known = || of.bins.iter().filter(|bin| bin.count > 0);
    let most = (known().map(|bin| bin.max).fold(1.0, f64::max) * 2.0).ceil() / 2.0;
    let seconds = of.width * of.bins.len() as f64;
    let x = |at: f64| left + at / seconds * width;
    let y = |rr: f64| top + (1.0 - rr / most) * height;
    let mut made = Vec::new();
    // Lines half a second apart, or so far that there are ten at most.
    let line = [0.5, 1.0, 5.0, 10.0, 60.0].into_iter().find(|line| most / line <= 10.0).unwrap_or(most);
    for i in 0..=(most / line) as usize {
        let rr = i as f64 * line;
        made.push(Graphic::Path { lines: vec![vec![[left, y(rr)], [left + width, y(rr)]]], pen: FRAME });
        let number = Text::new(left - 1.5, y(rr) + 0.9, 2.5, format!("{rr:.1}")).anchor(Anchor::End);
        made.push(number.into());
    }
    let step = STEPS.into_iter().find(|step| seconds / step <= MARKS).unwrap_or(seconds / MARKS);
    for i in 0..=(seconds / step) as usize {
        let at = i as f64 * step;
        let (hours, minutes) = ((at / 3600.0) as u64, (at / 60.0) as u64 % 60);
        let anchor = if x(at) > left + width - 8.0 { Anchor::End } else { Anchor::Middle };
        let text = Text::new(x(at), top + height + 4.0, 2.5, format!("{hours}:{minutes:02}"));
        made.push(text.anchor(anchor).into());
    }
    let column = |i: usize| x((i as f64 + 0.5) * of.width);
    let mut ranges = Vec::new();
    let mut means: Vec<Vec<[f64; 2]>> = vec![Vec::new()];
    for (i, bin) in of.bins.iter().enumerate() {
        if bin.count == 0 {
            means.push(Vec::new());
            continue;
        }
        ranges.push(vec![[column(i), y(bin.max)], [column(i), y(bin.min)]]);
        if let Some(line) = means.last_mut() {
            line.push([column(i), y(bin.mean)]);
        }
    }
    means.retain(|line| !line.is_empty());
    made.push(Graphic::Path { lines: ranges, pen: Pen { width: 0.12, colour: NORMAL[0] } });
    made.push(Graphic::Path { lines: means, pen: Pen { width: 0.25, colour: NORMAL[3] } });
    Group::new("tachogram", "R-R intervals over time", made)
}

/// The Lorenz plot in a square place.
fn each_other(of: &Lorenz, [left, top, width, height]: [f64; 4]) -> Group {
    let cell = width / Lorenz::SIDE as f64;
    let longest = Lorenz::SIDE as f64 * Lorenz::CELL;
    let mut made = Vec::new();
    for i in 0..=4_u32 {
        let share = f64::from(i) / 4.0;
        let (x, y) = (left + share * width, top + (1.0 - share) * height);
        let lines = vec![vec![[x, top], [x, top + height]], vec![[left, y], [left + width, y]]];
        made.push(Graphic::Path { lines, pen: FRAME });
        let number = words::decimals(Some(share * longest), 1);
        made.push(Text::new(x, top + height + 4.0, 2.5, &number).anchor(Anchor::Middle).into());
        made.push(Text::new(left - 1.5, y + 0.9, 2.5, number).anchor(Anchor::End).into());
    }
    for (cells, colours) in [(&of.other, OTHER), (&of.normal, NORMAL)] {
        for (i, colour) in colours.into_iter().enumerate() {
            let level = LEVELS[i]..LEVELS.get(i + 1).copied().unwrap_or(u32::MAX);
            let mut lines = Vec::new();
            // Cells of a row that touch are one line; the pen's round ends stay within its cells.
            for (row, counts) in cells.chunks(Lorenz::SIDE).enumerate() {
                let x = left + (row as f64 + 0.5) * cell;
                let mut at = 0;
                for part in counts.chunk_by(|a, b| level.contains(a) == level.contains(b)) {
                    let end = at + part.len();
                    if level.contains(&part[0]) {
                        let y = |place: usize| top + height - (place as f64 + 0.5) * cell;
                        let line = [[x, y(at)], [x, y(end - 1)]];
                        lines.push(if end - at == 1 { vec![line[0]] } else { line.to_vec() });
                    }
                    at = end;
                }
            }
            if !lines.is_empty() {
                made.push(Graphic::Path { lines, pen: Pen { width: cell, colour } });
            }
        }
    }
    let legend = top + height + 9.0;
    let normal = Text::new(left, legend, 2.5, "normal beats").colour(NORMAL[3]);
    let other = Text::new(left + 25.0, legend, 2.5, "with other beats").colour(OTHER[3]);
    made.extend([normal.into(), other.into()]);
    Group::new("lorenz", "R-R intervals, each against the one before", made)
}
