//! What stands over the paper: the record, what was measured, what was found.

use super::{PAPER, Report, Shown};
use crate::rows::SHADE;
use crate::scene::{Anchor, Colour, Graphic, Group, Pen, Text};
use crate::words;
use efficientecg::classify::{EVEN, Unit};
use efficientecg::config::Task;
use efficientecg_ecg::{Sex, quality};

/// Size of text, and from a line to the next.
const SIZE: f64 = 2.9;
const STEP: f64 = 4.2;
/// The base line of the titles, and of the first line under them.
const TITLE: f64 = 12.4;
const FIRST: f64 = 17.6;
/// Where the three columns begin, and their widths.
const LEFT: (f64, f64) = (PAPER[0], 90.0);
const MIDDLE: (f64, f64) = (110.0, 70.0);
const RIGHT: (f64, f64) = (186.0, 97.5);
/// Lines under a title.
const LINES: usize = 7;
/// From a name to its value in the middle column.
const VALUES: f64 = 21.0;
const THIN: Pen = Pen { width: 0.15, colour: Colour::BLACK };
const BAR: Colour = Colour(0x7a, 0x7a, 0x7a);

pub(super) fn groups(report: &Report, shown: &Shown) -> Vec<Group> {
    vec![patient(report, shown), measurements(report), classes(report)]
}

/// What was found, in few words.
pub(super) fn result(report: &Report) -> String {
    let found = report.findings;
    if let Some(reason) = found.reason() {
        return format!("not assessed: {}", reason.name());
    }
    match found.unit {
        Unit::Beat => match found.items.len() {
            1 => "1 beat".to_owned(),
            n => format!("{n} beats"),
        },
        _ => match found.items.first().map(|item| item.labels().collect::<Vec<_>>().join(" + ")) {
            Some(labels) if !labels.is_empty() => labels,
            _ => "no class is likely".to_owned(),
        },
    }
}

fn line(i: usize) -> f64 {
    FIRST + STEP * i as f64
}

fn patient(report: &Report, shown: &Shown) -> Group {
    let record = report.record;
    let (x, width) = LEFT;
    let mut made: Vec<Graphic> = vec![Text::new(x, TITLE, 4.6, &record.name).bold().fit(width).into()];
    let age = report
        .settings
        .age
        .or(record.age)
        .map_or("age not given".to_owned(), |a| format!("{} years", words::number(a)));
    let sex = match report.settings.sex.or(record.sex) {
        Some(Sex::Female) => "female",
        Some(Sex::Male) => "male",
        None => "sex not given",
    };
    let count = record.leads.len();
    let s = if count == 1 { "" } else { "s" };
    let rate = words::number(record.sample_rate);
    let start = record.start.map(|start| format!("recorded {start}"));
    let mut lines = vec![
        format!("{age}, {sex}"),
        format!("{}, {count} lead{s}, {rate} Hz", words::duration(record.seconds())),
    ];
    lines.extend(start);
    let mut said = lines.len();
    for (i, text) in lines.into_iter().enumerate() {
        made.push(Text::new(x, line(i), SIZE, text).fit(width).into());
    }
    if shown.leaves_out() {
        made.extend(overview(report, shown, line(said) - 2.2));
        said += 2;
    }
    for (i, warning) in report.warnings.iter().take(LINES - said).enumerate() {
        let text = Text::new(x, line(said + i), 2.5, format!("Note: {warning}"));
        made.push(text.colour(Colour::GREY).fit(width).into());
    }
    Group::new("record", "", made)
}

/// The record as a bar: what is shown is black, what was not assessed grey, beats of other than the first class are ticks.
fn overview(report: &Report, shown: &Shown, top: f64) -> Vec<Graphic> {
    let (left, width) = (LEFT.0, LEFT.1 - 2.0);
    let seconds = report.record.seconds();
    let x = |at: f64| left + (at / seconds).clamp(0.0, 1.0) * width;
    let mut made = Vec::new();
    for part in report.findings.not_assessed() {
        let place = [x(part.onset), top, x(part.end) - x(part.onset), 2.4];
        made.push(Graphic::Rectangle { place, fill: SHADE });
    }
    for start in &shown.starts {
        let end = (start + crate::layout::SECONDS).min(shown.to);
        let place = [x(*start), top + 1.2, (x(end) - x(*start)).max(0.3), 1.2];
        made.push(Graphic::Rectangle { place, fill: Colour::BLACK });
    }
    // Ticks that would lie on each other are one.
    let mut ticks: Vec<Vec<[f64; 2]>> = Vec::new();
    let items = report
        .findings
        .items
        .iter()
        .filter(|f| report.findings.unit == Unit::Beat && f.class.is_ok_and(|c| c > 0));
    for at in items.map(|f| x(f.seconds)) {
        if ticks.last().is_none_or(|tick| at - tick[0][0] > 0.1) {
            ticks.push(vec![[at, top + 0.1], [at, top + 1.1]]);
        }
    }
    let has_ticks = !ticks.is_empty();
    made.push(Graphic::Path { lines: ticks, pen: Pen { width: 0.1, colour: Colour(0x0b, 0x3d, 0x91) } });
    let frame = [[left, top], [left + width, top], [left + width, top + 2.4], [left, top + 2.4], [left, top]];
    made.push(Graphic::Path { lines: vec![frame.to_vec()], pen: THIN });
    let first = report.config.classes.first().map_or("", String::as_str);
    let ticks = if has_ticks { format!("; blue: beats that are not {first}") } else { String::new() };
    let said =
        format!("{} of {} shown (black){ticks}", words::duration(shown.seconds), words::duration(seconds));
    made.push(Text::new(left, top + 5.4, 2.4, said).colour(Colour::GREY).fit(width).into());
    made
}

/// Names and values of what was measured.
pub(super) fn measured(report: &Report) -> Vec<(&'static str, String)> {
    let found = report.findings;
    let mut made = Vec::new();
    match &found.heart_rate {
        // Of what is no ECG there are no beats to count.
        Some(rate) if found.reason().is_none() => {
            made.push((
                "Heart rate",
                format!("{:.0} /min ({:.0} to {:.0})", rate.median, rate.min, rate.max),
            ));
            made.push(("R-R", format!("{:.0} ms, median", 60_000.0 / rate.median)));
        }
        _ => made.push(("Heart rate, R-R", "not measured".to_owned())),
    }
    made.push(("PR, QRS, QT", "not measured".to_owned()));
    let windows = &found.quality.windows;
    let refused = windows.iter().flatten().count();
    let signal = if report.settings.any_quality {
        "quality not measured, as asked".to_owned()
    } else if let Some(reason) = found.reason() {
        reason.to_string()
    } else if refused == 0 {
        "good enough to be assessed".to_owned()
    } else {
        format!("{refused} of {} windows of {} s not assessed", windows.len(), words::number(quality::WINDOW))
    };
    made.push(("Signal", signal));
    if let Some(fibrillation) = &found.fibrillation {
        let count = fibrillation.episodes.len();
        let plural = if count == 1 { "episode" } else { "episodes" };
        made.push(("AF burden", format!("{:.1} %, {count} {plural}", 100.0 * fibrillation.burden)));
    }
    if !found.missing.is_empty() {
        made.push(("Not known", found.missing.join(", ")));
    }
    made
}

fn measurements(report: &Report) -> Group {
    let (x, width) = MIDDLE;
    let mut made: Vec<Graphic> = vec![Text::new(x, TITLE, 3.3, "Measured").bold().into()];
    for (i, (name, value)) in measured(report).into_iter().take(LINES).enumerate() {
        let name = Text::new(x, line(i), SIZE, name).colour(Colour::GREY);
        let from = VALUES.max(name.width() + 1.5);
        made.push(name.into());
        made.push(Text::new(x + from, line(i), SIZE, value).fit(width - from).into());
    }
    Group::new("measured", "", made)
}

fn classes(report: &Report) -> Group {
    let (x, width) = RIGHT;
    let found = report.findings;
    let badge = Text::new(x + width, TITLE, 2.9, "RESEARCH ONLY").bold().anchor(Anchor::End);
    let room = width - badge.width() - 4.0;
    let title = match found.unit {
        Unit::Beat if found.reason().is_none() => format!("{} classified", result(report)),
        _ if found.reason().is_some() => result(report).replacen('n', "N", 1),
        _ => result(report),
    };
    let mut made: Vec<Graphic> = vec![Text::new(x, TITLE, 3.6, title).bold().fit(room).into(), badge.into()];
    if found.unit == Unit::Beat {
        counts(report, &mut made);
    } else {
        probabilities(report, &mut made);
    }
    Group::new("found", "", made)
}

/// Beats of each class, and those without one.
pub(super) fn counted(report: &Report) -> Vec<(String, &'static str, usize)> {
    let items = &report.findings.items;
    let classes = &report.config.classes;
    let count = |class: usize| items.iter().filter(|f| f.class == Ok(class)).count();
    let mut made: Vec<_> = classes
        .iter()
        .enumerate()
        .map(|(i, class)| {
            (
                class.clone(),
                words::meaning(report.findings.unit, class, classes).unwrap_or_default(),
                count(i),
            )
        })
        .collect();
    let refused = items.iter().filter(|f| f.class.is_err()).count();
    if refused > 0 {
        made.push(("-".to_owned(), "not assessed", refused));
    }
    made
}

fn counts(report: &Report, made: &mut Vec<Graphic>) {
    let (x, width) = RIGHT;
    let all = report.findings.items.len().max(1) as f64;
    let rows = counted(report);
    for (i, (class, meaning, count)) in rows.iter().take(LINES).enumerate() {
        let name = Text::new(x, line(i), SIZE, class).bold().fit(18.0);
        let from = 7.0_f64.max(name.width() + 2.0);
        made.push(name.into());
        made.push(Text::new(x + from, line(i), SIZE, *meaning).fit(width - 34.0 - from).into());
        made.push(Text::new(x + width - 18.0, line(i), SIZE, count.to_string()).anchor(Anchor::End).into());
        let share = format!("{:.1} %", 100.0 * *count as f64 / all);
        made.push(Text::new(x + width, line(i), SIZE, share).anchor(Anchor::End).into());
    }
}

/// How a probability becomes a class, in words.
pub(super) fn rule(report: &Report) -> String {
    match report.config.task {
        Task::Multilabel => format!("a class is given from {EVEN:.2} on (the line), each by itself"),
        _ => "the most probable class is given".to_owned(),
    }
}

fn probabilities(report: &Report, made: &mut Vec<Graphic>) {
    let (x, width) = RIGHT;
    let Some(item) = report.findings.items.first().filter(|item| item.class.is_ok()) else { return };
    let classes = &report.config.classes;
    let labels: Vec<&str> = item.labels().collect();
    let mut order: Vec<usize> = (0..classes.len().min(item.probabilities.len())).collect();
    if order.len() >= LINES {
        // More than there are lines: the most probable ones.
        order.sort_by(|a, b| item.probabilities[*b].total_cmp(&item.probabilities[*a]));
        order.truncate(LINES - 1);
    }
    const LENGTH: f64 = 24.0;
    let bar = x + width - LENGTH;
    for (i, class) in order.iter().enumerate() {
        let p = f64::from(item.probabilities[*class]);
        let mut name = Text::new(x, line(i), SIZE, &classes[*class]);
        let is_given = labels.contains(&classes[*class].as_str());
        name.bold = is_given;
        let name = name.fit(24.0);
        let from = 13.0_f64.max(name.width() + 2.0);
        made.push(name.into());
        let meaning = words::meaning(report.findings.unit, &classes[*class], classes).unwrap_or_default();
        made.push(Text::new(x + from, line(i), SIZE, meaning).fit(bar - 10.0 - x - from).into());
        made.push(Text::new(bar - 2.0, line(i), SIZE, format!("{p:.2}")).anchor(Anchor::End).into());
        let place = [bar, line(i) - 2.1, LENGTH * p, 2.2];
        made.push(Graphic::Rectangle { place, fill: if is_given { Colour::BLACK } else { BAR } });
        let (top, bottom) = (line(i) - 2.1, line(i) + 0.1);
        let frame = [[bar, top], [bar + LENGTH, top], [bar + LENGTH, bottom], [bar, bottom], [bar, top]];
        let mut lines = vec![frame.to_vec()];
        if report.config.task == Task::Multilabel {
            let at = bar + LENGTH * f64::from(EVEN);
            lines.push(vec![[at, top - 0.7], [at, bottom + 0.7]]);
        }
        made.push(Graphic::Path { lines, pen: THIN });
    }
    let last = line(order.len());
    let more = classes.len() - order.len();
    let more = if more > 0 { format!("; {more} more classes are less probable") } else { String::new() };
    let text = Text::new(x, last, 2.4, format!("Probabilities: {}{more}", rule(report)));
    made.push(text.colour(Colour::GREY).fit(width).into());
}
