//! Pages of records of hours and days: figures, hours, pictures and strips in their places, and none over another.

mod harness;

use efficientecg::ecg::holter::{BeatType, Holter, HolterReport, HolterSettings, Lorenz, TachogramBin};
use efficientecg::ecg::{Date, Record, Start};
use efficientecg_report::{BeatMark, EventStrip, HolterPages, Page, html, lorenz, svg, tachogram};
use harness::{check_texts, groups, lines, parse, record, texts};

/// Beats of so many hours at 100 frames a second: one in 0.8 s, with a couplet and a run each hour, and one pause of 3 s.
fn day(hours: i64) -> HolterReport {
    let mut holter = Holter::new(HolterSettings::new(100.0, hours * 360_000));
    holter.unknown(1_000..2_000);
    let mut at = 2_040;
    for i in 0.. {
        let class = match i % 4_000 {
            100 | 101 | 200..=203 => BeatType::Ventricular,
            1_000 => BeatType::Supraventricular,
            _ => BeatType::Normal,
        };
        holter.push(at, class);
        at += if i == 2_000 { 300 } else { 80 };
        if at >= hours * 360_000 {
            break;
        }
    }
    let episode = 100_000..136_000;
    holter.fibrillation(std::slice::from_ref(&episode));
    holter.finish()
}

fn strips(found: &HolterReport) -> Vec<EventStrip> {
    let strip = |event: &efficientecg::ecg::holter::HolterEvent| {
        let (from, seconds) = event.strip();
        let marks = (1..10).map(|i| BeatMark::new(f64::from(i), if i == 5 { "V" } else { "N" }, i != 5));
        EventStrip::new(*event, from, record("strip", &["MLII", "V1", "V5"], seconds), marks.collect())
    };
    found.events.iter().map(strip).collect()
}

fn whole(name: &str) -> Record {
    let mut whole = record(name, &["MLII", "V1", "V5"], 10.0);
    whole.start = Start::new(None, Some(81_000.0));
    whole
}

fn says(pages: &[Page], what: &str) -> bool {
    pages.iter().any(|page| page.texts().any(|t| t.text.contains(what)))
}

#[test]
fn a_day_on_pages() {
    let found = day(24);
    let (strips, whole) = (strips(&found), whole("a day"));
    let made = HolterPages::new(&whole, &found, &strips)
        .limits("It misses half of what it looks for.")
        .episodes(Some(1));
    let pages = made.pages();
    check_texts(&pages, 10);
    let total = &found.total;
    for what in [
        "Holter ECG: a day",
        "RESEARCH ONLY",
        "22:30:00",
        &format!("{} (", total.ventricular.beats),
        "3.00 s at ",
        "1 episode",
        "It misses half of what it looks for.",
        "not a medical device",
        "ventricular run, 4 beats at 75 /min",
        "pause, 3.0 s",
        "25 mm/s",
        &format!("page 1 of {}", pages.len()),
    ] {
        assert!(says(&pages, what), "{what}");
    }
    // A row for each hour of the clock, with its own counts.
    let text = svg(&pages[..1]);
    let document = parse(&text);
    let hours = groups(&document, "hours");
    let cells = texts(&hours[0].1);
    let column = |right: f64| -> Vec<String> {
        let own = cells.iter().filter(|(x, _, _)| (x - 13.5 - right).abs() < 0.01);
        own.map(|(_, _, text)| text.clone()).collect()
    };
    let starts = column(18.0);
    assert_eq!(starts.len(), 1 + found.hours.len());
    assert_eq!(starts[..3], ["hour", "22:30", "23:30"]);
    let beats = column(98.0);
    let want: Vec<String> = found.hours.iter().map(|hour| hour.ventricular.beats.to_string()).collect();
    assert_eq!(beats[2..], want);
    // Without fibrillation nothing is said of it.
    let plain = HolterPages::new(&whole, &found, &strips).pages();
    assert!(says(&plain, "not assessed") && !says(&plain, "episode"));
    // Tables for those who do not see pages.
    let page = html(&made.title(), &pages, &made.facts());
    let document = parse(&page);
    let rows = document.descendants().filter(|n| n.tag_name().name() == "tr").count();
    assert!(rows > 1 + found.hours.len() + found.events.len(), "{rows}");
}

#[test]
fn strips_are_to_scale_with_their_beats() {
    let found = day(2);
    let (strips, whole) = (strips(&found), whole("strips"));
    let pages = HolterPages::new(&whole, &found, &strips).pages();
    let text = svg(&pages);
    let document = parse(&text);
    let paper = groups(&document, "grid").len();
    assert_eq!(paper, pages.len() - 2, "pages of strips are on paper");
    let names: Vec<String> = groups(&document, "lead").into_iter().map(|(name, _)| name).collect();
    // Two leads in ten seconds a row.
    let rows: usize = strips.iter().map(|s| (s.record.seconds() / 10.0 - 0.005).ceil() as usize).sum();
    assert_eq!(names.len(), 2 * rows);
    assert!(names.chunks(2).all(|pair| pair == ["MLII", "V1"]), "{names:?}");
    for (name, group) in groups(&document, "trace") {
        let points: Vec<[f64; 2]> =
            lines(&group).into_iter().flat_map(|(_, l)| l.into_iter().flatten()).collect();
        assert!(points.len() > 100, "{name}");
        for point in points {
            assert!((13.5 + 15.0 - 0.01..=283.51).contains(&point[0]), "{name}: {point:?}");
        }
    }
    // A beat at the fifth second is 125 mm to the right of the first.
    let marks: Vec<(f64, f64, String)> =
        groups(&document, "beats").iter().flat_map(|(_, group)| texts(group)).collect();
    let loud: Vec<&(f64, f64, String)> = marks.iter().filter(|(_, _, text)| text == "V").collect();
    assert_eq!(loud.len(), strips.len());
    assert!(loud.iter().all(|(x, _, _)| (x - 28.5 - 125.0).abs() < 0.01), "{loud:?}");
}

#[test]
fn what_is_unknown_is_shaded_and_what_is_no_voltage_is_said() {
    let mut found = day(2);
    let event = found.events[0];
    let (from, seconds) = event.strip();
    found.events.truncate(1);
    found.unknown.push(from + 4.0..from + 6.0);
    // A lead that was read is drawn whatever its name.
    let drawn = record("strip", &["ABP"], seconds);
    let strips = [EventStrip::new(event, from, drawn.clone(), Vec::new())];
    let whole = whole("shaded");
    let pages = HolterPages::new(&whole, &found, &strips).pages();
    check_texts(&pages, 5);
    assert!(says(&pages, "ABP") && says(&pages, "not assessed"));
    let text = svg(&pages);
    let document = parse(&text);
    let shades: Vec<f64> = document
        .descendants()
        .filter(|n| n.tag_name().name() == "rect" && n.attribute("height").is_some_and(|h| h != "4.2"))
        .filter_map(|n| n.attribute("width")?.parse::<f64>().ok())
        .filter(|width| (width - 50.0).abs() < 0.01)
        .collect();
    assert_eq!(shades.len(), 1, "two seconds are 50 mm");
    // In another unit nothing can be drawn to scale.
    let mut counts = drawn;
    counts.leads[0].units = "counts".to_owned();
    let strips = [EventStrip::new(event, from, counts, Vec::new())];
    let pages = HolterPages::new(&whole, &found, &strips).pages();
    check_texts(&pages, 5);
    assert!(says(&pages, "not drawn, as no lead is in a unit of voltage"));
}

#[test]
fn hours_are_of_the_clock_where_the_record_tells_it() {
    let found = day(30);
    let mut whole = whole("a date");
    assert!(says(&HolterPages::new(&whole, &found, &[]).pages(), "hours by the clock"));
    // A date alone says no time.
    whole.start = Start::new(Date::new(2024, 3, 12), None);
    let pages = HolterPages::new(&whole, &found, &[]).pages();
    assert!(
        says(&pages, "times from the start") && says(&pages, "29:00") && !says(&pages, "hours by the clock")
    );
}

#[test]
fn records_of_any_length_and_name() {
    let name = "a name of a record that is much longer than there is room for anywhere on a page of paper "
        .repeat(4);
    for hours in [1, 31, 72] {
        let found = day(hours);
        let strips = strips(&found);
        let pages = HolterPages::new(&whole(&name), &found, &strips).limits(name.clone()).pages();
        check_texts(&pages, 10);
        let of_hours = pages.iter().filter(|page| page.groups.iter().any(|g| g.class == "hours")).count();
        assert_eq!(
            of_hours,
            match hours {
                1 => 1,
                31 => 2,
                _ => 3,
            },
            "{hours}"
        );
    }
    // Nothing at all.
    let found = Holter::new(HolterSettings::new(100.0, 0)).finish();
    let pages = HolterPages::new(&whole("none"), &found, &[]).pages();
    assert_eq!(pages.len(), 2);
    check_texts(&pages, 10);
    assert!(says(&pages, "mean -"));
}

#[test]
fn pictures_show_each_interval_where_it_is() {
    let mut of = Lorenz::default();
    of.normal[80 * Lorenz::SIDE + 90] = 3;
    of.other[10 * Lorenz::SIDE + 199] = 1;
    let text = svg(&[lorenz(&of, "a<&b")]);
    let document = parse(&text);
    let plot = groups(&document, "lorenz");
    let cell = 84.0 / 200.0;
    let dots: Vec<[f64; 2]> = lines(&plot[0].1)
        .into_iter()
        .filter(|(width, _)| (width - cell).abs() < 1e-9)
        .flat_map(|(_, lines)| lines.into_iter().map(|line| line[0]))
        .collect();
    let place = |before: f64, after: f64| [12.0 + (before + 0.5) * cell, 10.0 + 84.0 - (after + 0.5) * cell];
    assert_eq!(dots.len(), 2);
    for (dot, want) in dots.iter().zip([place(10.0, 199.0), place(80.0, 90.0)]) {
        assert!((dot[0] - want[0]).abs() < 0.01 && (dot[1] - want[1]).abs() < 0.01, "{dot:?} {want:?}");
    }
    let mut intervals = day(1).tachogram;
    intervals.bins.iter_mut().for_each(|bin| *bin = TachogramBin::default());
    intervals.bins[10] = TachogramBin { count: 2, min: 0.5, mean: 0.75, max: 1.0 };
    let text = svg(&[tachogram(&intervals, "a<&b")]);
    let document = parse(&text);
    let plot = groups(&document, "tachogram");
    let ranges: Vec<Vec<[f64; 2]>> = lines(&plot[0].1)
        .into_iter()
        .filter(|(width, _)| *width == 0.12)
        .flat_map(|(_, lines)| lines)
        .collect();
    let x = 12.0 + 10.5 / intervals.bins.len() as f64 * 254.0;
    // The scale ends at 1 s.
    let want = [[x, 10.0], [x, 10.0 + 36.0]];
    assert_eq!(ranges.len(), 1);
    for (point, want) in ranges[0].iter().zip(want) {
        assert!((point[0] - want[0]).abs() < 0.01 && (point[1] - want[1]).abs() < 0.01, "{point:?} {want:?}");
    }
}
