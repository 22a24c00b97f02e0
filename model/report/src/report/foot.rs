//! What stands under the paper: the scale, what was done to the signal, what is left out, the model and its limits.

use super::{PAPER, Report, Shown};
use crate::font;
use crate::layout::Leads;
use crate::rows::Drawn;
use crate::scene::{Anchor, Colour, Graphic, Group, Text};
use crate::words;
use efficientecg_ecg::leads;

const SIZE: f64 = 2.7;
const SMALL: f64 = 2.5;
/// Base lines: the scale; notes; the model; the last line.
const SCALE: f64 = 184.6;
const NOTES: f64 = 188.4;
const MODEL: f64 = 195.2;
const LAST: f64 = 203.2;
const STEP: f64 = 3.4;

/// What was done to the signal before it was drawn.
pub(super) const FILTER: &str =
    "Drawn as recorded, without any filter. The median of each strip lies on its base line.";

pub(super) fn group(
    report: &Report,
    leads: &Leads,
    shown: &Shown,
    drawn: &Drawn,
    number: (usize, usize),
) -> Group {
    let x = PAPER[0];
    let scale = drawn.scale;
    let mut made: Vec<Graphic> = Vec::new();
    let gain = format!("{} mm/s · {} mm/mV", words::number(scale.speed), words::number(scale.gain));
    let gain = Text::new(x, SCALE, SIZE, gain).bold();
    let page = Text::new(x + PAPER[2], SCALE, SIZE, format!("page {} of {}", number.0, number.1))
        .anchor(Anchor::End);
    let from = gain.width() + 5.0;
    made.push(gain.into());
    made.push(Text::new(x + from, SCALE, SIZE, FILTER).fit(PAPER[2] - from - page.width() - 5.0).into());
    made.push(page.into());
    let notes = notes(report, leads, shown, drawn).join(" ");
    for (i, text) in font::wrap(&notes, SMALL, PAPER[2], 2).into_iter().enumerate() {
        made.push(Text::new(x, NOTES + STEP * i as f64, SMALL, text).into());
    }
    for (i, text) in font::wrap(&model(report), SMALL, PAPER[2], 2).into_iter().enumerate() {
        made.push(Text::new(x, MODEL + STEP * i as f64, SMALL, text).colour(Colour::GREY).into());
    }
    let version = format!("efficientecg {}", env!("CARGO_PKG_VERSION"));
    let version = Text::new(x + PAPER[2], LAST, SMALL, version).colour(Colour::GREY).anchor(Anchor::End);
    made.push(Text::new(x, LAST, SIZE, words::CAUTION).bold().fit(PAPER[2] - version.width() - 5.0).into());
    made.push(version.into());
    Group::new("notes", "", made)
}

fn notes(report: &Report, leads: &Leads, shown: &Shown, drawn: &Drawn) -> Vec<String> {
    let mut notes = Vec::new();
    let usual = crate::paper::Scale::GAINS[0];
    if drawn.scale.gain < usual {
        let part = if 2.0 * drawn.scale.gain < usual { "a quarter of the usual" } else { "halved" };
        notes.push(format!("Gain {part}, as the signal is too large for {} mm/mV.", words::number(usual)));
    }
    if !drawn.cut.is_empty() {
        notes.push(format!("Cut off halfway to another row: {}.", drawn.cut.join(", ")));
    }
    if shown.leaves_out() {
        let why = if report.findings.unit == efficientecg::classify::Unit::Beat {
            "its beginning and the parts whose classes are the rarest"
        } else {
            "its beginning, the onsets of episodes, and parts spread evenly"
        };
        let left = words::duration(shown.to - shown.from - shown.seconds);
        let more = if report.more.is_empty() { String::new() } else { format!("; {}", report.more) };
        notes.push(format!("Shown: {why}. Left out: {left}{more}."));
    } else if shown.to - shown.from < report.record.seconds() - 0.05 {
        notes.push(format!("Shown: {} to {}.", words::clock(shown.from), words::clock(shown.to)));
    }
    if !leads.others.is_empty() {
        notes.push(format!("Not drawn, as no ECG: {}.", leads.others.join(", ")));
    }
    notes
}

/// The model, the leads that it read, and its limits.
pub(super) fn model(report: &Report) -> String {
    let config = report.config;
    let mut text = format!("Model {}", config.name);
    if let Ok(read) = leads::select(report.record, &config.leads, &report.settings.leads) {
        let names = config.leads.iter().zip(read).map(|(wanted, place)| {
            let name = &report.record.leads[place].name;
            let same = wanted == "*" || leads::plain(name) == leads::plain(wanted);
            if same { name.clone() } else { format!("{name} as {wanted}") }
        });
        text += &format!(" on {}", names.collect::<Vec<_>>().join(", "));
    }
    text += &format!(" at {} Hz.", words::number(config.sample_rate));
    if report.limits.is_empty() { text } else { text + " " + &report.limits }
}
