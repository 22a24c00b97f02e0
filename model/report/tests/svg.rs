//! Pages as SVG, taken apart: the grid, the pulse and the traces at their places to a hundredth of a millimetre.

mod harness;

use efficientecg::classify::Settings;
use efficientecg::ecg::{Lead, Record};
use efficientecg_report::{Page, Report, html, svg};
use harness::{Found, TWELVE, check_texts, groups, lines, parse, record, texts};

/// Where the second 0 of the first column is: the paper's left edge and the margin of the pulse.
const LEFT: f64 = 13.5 + 15.0;

fn twelve() -> Found {
    Found::new(record("twelve", &TWELVE, 10.0), "ptbxl-8lead")
}

/// Distances of neighbours in a list of places.
fn steps(mut places: Vec<f64>) -> Vec<f64> {
    places.sort_by(f64::total_cmp);
    places.windows(2).map(|w| w[1] - w[0]).collect()
}

#[test]
fn the_grid_is_millimetre_paper() {
    let text = svg(&twelve().pages());
    let document = parse(&text);
    let root = document.root_element();
    assert_eq!(root.attribute("width"), Some("297mm"));
    assert_eq!(root.attribute("height"), Some("210mm"));
    assert_eq!(root.attribute("viewBox"), Some("0 0 297 210"));
    let grids = groups(&document, "grid");
    assert_eq!(grids.len(), 1);
    let paths = lines(&grids[0].1);
    assert_eq!(paths.len(), 2);
    let (mut upright, mut level) = (Vec::new(), Vec::new());
    for (i, (width, lines)) in paths.iter().enumerate() {
        assert!(*width <= 0.2, "{width}");
        let (mut x, mut y) = (Vec::new(), Vec::new());
        for line in lines {
            assert_eq!(line.len(), 2);
            if (line[0][0] - line[1][0]).abs() < 1e-9 {
                assert!((line[1][1] - line[0][1] - 135.0).abs() < 1e-9, "{line:?}");
                x.push(line[0][0]);
            } else {
                assert!((line[1][0] - line[0][0] - 270.0).abs() < 1e-9, "{line:?}");
                y.push(line[0][1]);
            }
        }
        if i == 1 {
            // The squares of 5 mm.
            assert_eq!((x.len(), y.len()), (55, 28));
            assert!(
                steps([x.clone()].concat()).iter().chain(&steps(y.clone())).all(|s| (s - 5.0).abs() < 1e-9)
            );
        }
        upright.extend(x);
        level.extend(y);
    }
    assert_eq!((upright.len(), level.len()), (271, 136));
    assert!(steps(upright).iter().chain(&steps(level)).all(|s| (s - 1.0).abs() < 1e-9));
}

#[test]
fn twelve_leads_stand_in_their_places() {
    let text = svg(&twelve().pages());
    let document = parse(&text);
    let names = groups(&document, "lead");
    let order: Vec<&str> = names.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(order, ["I", "AVR", "V1", "V4", "II", "AVL", "V2", "V5", "III", "AVF", "V3", "V6", "II"]);
    let mut rows: Vec<Vec<(f64, f64)>> = vec![Vec::new(); 4];
    for (i, (name, group)) in names.iter().enumerate() {
        let said = texts(group);
        assert_eq!(said.len(), 1);
        assert_eq!(&said[0].2, name);
        rows[i / 4].push((said[0].0, said[0].1));
    }
    for row in &rows[..3] {
        // Columns of 2.5 s, 62.5 mm, each name at the beginning of its own.
        for (column, (x, _)) in row.iter().enumerate() {
            assert!((x - LEFT - 1.0 - 62.5 * column as f64).abs() < 0.01, "{row:?}");
        }
    }
    let heights: Vec<f64> = rows.iter().map(|row| row[0].1).collect();
    assert!(heights.windows(2).all(|w| w[1] - w[0] > 15.0), "{heights:?}");
}

/// Base lines of the rows by their pulses, which have to be 10 mm high, or `gain`, and 5 mm wide.
fn bases(document: &roxmltree::Document, gain: f64) -> Vec<f64> {
    let pulses = groups(document, "calibration");
    let base = |(title, group): &(String, roxmltree::Node)| {
        assert_eq!(title, "1 mV, 0.2 s");
        let lines = lines(group);
        let points = &lines[0].1[0];
        let places: Vec<[f64; 2]> =
            points.iter().map(|p| [p[0] - points[1][0], points[1][1] - p[1]]).collect();
        let want = [[-2.5, 0.0], [0.0, 0.0], [0.0, gain], [5.0, gain], [5.0, 0.0], [7.5, 0.0]];
        for (got, want) in places.iter().zip(&want) {
            assert!((got[0] - want[0]).abs() < 0.011 && (got[1] - want[1]).abs() < 0.011, "{places:?}");
        }
        assert_eq!(places.len(), want.len());
        points[0][1]
    };
    pulses.iter().map(base).collect()
}

/// Every point of every trace against the record: time by its place, height by the row's pulse.
#[test]
fn traces_are_the_records_samples() {
    let found = twelve();
    let text = svg(&found.pages());
    let document = parse(&text);
    let bases = bases(&document, 10.0);
    assert_eq!(bases.len(), 4);
    let traces = groups(&document, "trace");
    assert_eq!(traces.len(), 13);
    for (i, (name, group)) in traces.iter().enumerate() {
        let lead = found.record.leads.iter().find(|lead| lead.name == *name).expect("a lead");
        let (first, count) = if i == 12 { (0, 5000) } else { (i % 4 * 1250, 1250) };
        let mut strip = lead.samples[first..first + count].to_vec();
        strip.sort_by(f32::total_cmp);
        // Of an even number the mean of the middle two.
        let median = (f64::from(strip[count / 2 - 1]) + f64::from(strip[count / 2])) / 2.0;
        let lines = lines(group);
        let points = &lines[0].1[0];
        assert_eq!((lines[0].1.len(), points.len()), (1, count), "{name}");
        let base = bases[if i == 12 { 3 } else { i / 4 }];
        for (k, point) in points.iter().enumerate() {
            let seconds = (first + k) as f64 / 500.0;
            let x = LEFT + 25.0 * seconds;
            let y = base - 10.0 * (f64::from(lead.samples[first + k]) - median);
            assert!(point[0].is_finite() && (point[0] - x).abs() < 0.006, "{name} {k}: {point:?} {x}");
            assert!(point[1].is_finite() && (point[1] - y).abs() < 0.011, "{name} {k}: {point:?} {y}");
        }
    }
}

/// No text lies over another, none leaves the page, and no trace leaves the paper.
fn check_places(pages: &[Page]) {
    check_texts(pages, 15);
    let text = svg(pages);
    let document = parse(&text);
    for (name, group) in groups(&document, "trace") {
        for point in lines(&group).iter().flat_map(|(_, lines)| lines.iter().flatten()) {
            let inside = (13.5..=283.51).contains(&point[0]) && (45.5..=180.5).contains(&point[1]);
            assert!(inside, "{name}: {point:?}");
        }
    }
}

fn says(pages: &[Page], what: &str) -> bool {
    pages.iter().any(|page| page.texts().any(|t| t.text.contains(what)))
}

#[test]
fn nothing_lies_over_another() {
    let long = "a name of a record, or of a lead, that is much longer than there is room for anywhere on a page of paper, whatever it is";
    check_places(&twelve().pages());
    check_places(&Found::new(record(long, &["MLII", long], 95.0), "beats").pages());
    check_places(&Found::new(record("一二三", &["心电图", "V1"], 30.0), "beats").pages());
    for count in [1, 3, 6, 8, 11, 15, 26] {
        let names: Vec<String> = (0..count).map(|i| format!("E{i}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let found = Found::new(record("others", &names, 25.0), "beats-1lead");
        check_places(&found.pages());
    }
}

#[test]
fn a_large_signal_is_drawn_smaller_and_says_so() {
    let scaled = |factor: f32| {
        let mut record = record("large", &TWELVE, 10.0);
        record.leads.iter_mut().for_each(|lead| lead.samples.iter_mut().for_each(|v| *v *= factor));
        Found::with(record, "ptbxl-8lead", Settings::new().any_quality()).pages()
    };
    for (factor, gain, words) in [(3.0, 5.0, "halved"), (6.0, 2.5, "a quarter"), (60.0, 2.5, "Cut off")] {
        let pages = scaled(factor);
        check_places(&pages);
        assert!(says(&pages, &format!("25 mm/s · {gain} mm/mV")) && says(&pages, words), "{factor}");
        let text = svg(&pages);
        bases(&parse(&text), gain);
    }
}

#[test]
fn missing_samples_are_gaps() {
    let mut made = record("gaps", &["MLII", "V1"], 20.0);
    made.leads[0].samples[1000..1500].fill(f32::NAN);
    made.leads[1].samples.fill(f32::NAN);
    let found = Found::with(made, "beats-1lead", Settings::new());
    let pages = found.pages();
    check_places(&pages);
    assert!(says(&pages, "no samples"));
    let text = svg(&pages);
    let document = parse(&text);
    let traces = groups(&document, "trace");
    let gap = lines(&traces[0].1);
    let [first, second] = &gap[0].1[..] else { panic!("{} lines", gap[0].1.len()) };
    let (end, start) = (first.last().expect("points")[0], second[0][0]);
    assert!(
        (end - LEFT - 25.0 * 1.998).abs() < 0.01 && (start - LEFT - 25.0 * 3.0).abs() < 0.01,
        "{end} {start}"
    );
    assert!(lines(&traces[1].1)[0].1.is_empty());
}

#[test]
fn beats_are_marked_where_they_are() {
    let found = Found::new(record("beats", &["MLII", "V1"], 30.0), "beats");
    let pages = found.pages();
    let text = svg(&pages);
    let document = parse(&text);
    let mut marks: Vec<(f64, String)> = Vec::new();
    for (row, (_, group)) in groups(&document, "beats").iter().enumerate() {
        marks.extend(
            texts(group).into_iter().map(|(x, _, class)| (10.0 * row as f64 + (x - LEFT) / 25.0, class)),
        );
    }
    assert_eq!(marks.len(), found.findings.items.len());
    assert!(marks.len() > 20);
    for ((seconds, class), item) in marks.iter().zip(&found.findings.items) {
        assert!((seconds - item.seconds).abs() < 0.001, "{seconds} {}", item.seconds);
        assert_eq!(*class, item.label());
    }
}

#[test]
fn what_was_not_assessed_is_shaded() {
    let mut made = record("part", &["MLII", "V1"], 40.0);
    for lead in &mut made.leads {
        lead.samples[10_000..].fill(0.25);
    }
    let found = Found::new(made, "beats");
    let parts = found.findings.not_assessed();
    assert_eq!((parts[0].onset, parts[0].end), (20.0, 40.0));
    let pages = found.pages();
    assert!(says(&pages, "not assessed: flat"));
    let text = svg(&pages);
    let document = parse(&text);
    let shades = groups(&document, "shade");
    // Two leads, two rows of time.
    assert_eq!(shades.len(), 4);
    let rect = shades[0].1.children().find(|c| c.tag_name().name() == "rect").expect("a rectangle");
    assert_eq!((rect.attribute("x"), rect.attribute("width")), (Some("28.5"), Some("250")));
}

#[test]
fn names_are_escaped() {
    let name = "<b>&\"name\"</b> ]]>";
    let found = Found::new(record(name, &["a<b", "V1"], 12.0), "beats");
    let pages = found.pages();
    let text = svg(&pages);
    let document = parse(&text);
    let all: Vec<String> =
        groups(&document, "record").iter().flat_map(|(_, g)| texts(g)).map(|t| t.2).collect();
    assert_eq!(all[0], name);
    assert!(groups(&document, "lead").iter().any(|(title, _)| title == "a<b"));
    let text = html(name, &pages, &found.report().facts());
    let document = parse(&text);
    assert!(document.descendants().any(|n| n.has_tag_name("td") && n.text() == Some(name)));
}

#[test]
fn html_stands_alone_and_prints_at_true_size() {
    let found = twelve();
    let text = html("a report", &found.pages(), &found.report().facts());
    assert!(text.starts_with("<!DOCTYPE html>\n"));
    assert!(text.contains("@page { size: A4 landscape; margin: 0 }"));
    for absent in ["http", "<script", "src=", "url(", "@import", "<link"] {
        assert!(!text.contains(absent), "{absent}");
    }
    let document = parse(&text);
    let page = document.descendants().find(|n| n.has_tag_name("svg")).expect("a page");
    assert_eq!((page.attribute("width"), page.attribute("height")), (Some("297mm"), Some("210mm")));
    // The grid within it, as in the file of SVG alone.
    let path = document.descendants().find(|n| n.attribute("class") == Some("grid")).expect("a grid");
    assert_eq!(lines(&path)[1].1.len(), 55 + 28);
    let cells: Vec<&str> =
        document.descendants().filter(|n| n.has_tag_name("td")).filter_map(|n| n.text()).collect();
    for class in ["NORM", "MI", "STTC", "CD", "HYP", "myocardial infarction"] {
        assert!(cells.contains(&class), "{class} in {cells:?}");
    }
    assert!(document.descendants().any(|n| n.has_tag_name("table")));
}

#[test]
fn a_long_record_shows_parts_and_says_what_is_left_out() {
    let found = Found::new(record("long", &["MLII", "V1"], 600.0), "beats");
    let pages = found.pages();
    check_places(&pages);
    assert!((3..=8).contains(&pages.len()), "{} pages", pages.len());
    assert!(says(&pages, "Left out: 8 min 0.0 s; --from and --to show other parts."));
    assert!(says(&pages, "2 min 0.0 s of 10 min 0.0 s shown"));
    let part = found.report().span(Some(300.0), Some(330.0)).pages().expect("pages");
    assert!(part.len() <= 2 && says(&part, "Shown: 0:05:00 to 0:05:30."), "{}", part.len());
    assert!(says(&part, "0:05:20") && !says(&part, "Left out"));
    for (from, to) in
        [(Some(700.0), None), (Some(30.0), Some(20.0)), (Some(-1.0), None), (None, Some(f64::NAN))]
    {
        let Err(error) = found.report().span(from, to).pages() else { panic!("{from:?} to {to:?}") };
        let error = error.to_string();
        assert!(error.starts_with("part to draw: expected") && error.lines().count() == 1, "{error}");
    }
}

#[test]
fn a_page_needs_a_voltage() {
    let mut made = record("pressure", &["ABP", "P1"], 12.0);
    made.leads.iter_mut().for_each(|lead| lead.units = "mmHg".into());
    let settings = Settings::new().lead("*", "ABP").any_lead().any_quality();
    let found = Found::with(made, "beats-1lead", settings);
    let Err(error) = found.report().pages() else { panic!("a page without a voltage") };
    let error = error.to_string();
    assert!(
        error.contains("leads: expected an ECG lead in V, mV, uV or nV") && error.contains("mmHg"),
        "{error}"
    );
    // Beside an ECG a pressure is named, and not drawn.
    let mut mixed = record("mixed", &["II", "ABP"], 12.0);
    mixed.leads[1].units = "mmHg".into();
    let found = Found::new(mixed, "beats-1lead");
    let pages = found.pages();
    assert!(says(&pages, "Not drawn, as no ECG: ABP."));
    let text = svg(&pages);
    assert!(groups(&parse(&text), "trace").iter().all(|(name, _)| name == "II"));
}

#[test]
fn voltages_of_other_units_have_the_same_height() {
    let heights = |factor: f32, units: &str| {
        let made = record("units", &["II"], 10.0);
        let samples = made.leads[0].samples.iter().map(|v| v * factor).collect();
        let lead = Lead::new("II", units, 500.0, samples);
        let found = Found::new(Record::new("units", 500.0, vec![lead]), "beats-1lead");
        let text = svg(&found.pages());
        let document = parse(&text);
        lines(&groups(&document, "trace")[0].1)[0].1[0].clone()
    };
    let (want, got) = (heights(1.0, "mV"), heights(1000.0, "uV"));
    assert_eq!(want.len(), got.len());
    for (a, b) in want.iter().zip(&got) {
        assert!((a[0] - b[0]).abs() < 0.011 && (a[1] - b[1]).abs() < 0.021, "{a:?} {b:?}");
    }
}

/// Records that no device makes, with the findings of another: pages or an error, no panic, and no memory by a length that is only said.
#[test]
fn odd_records_are_drawn_or_refused() {
    let found = Found::new(record("usual", &["II"], 12.0), "beats-1lead");
    let lead = |rate: f64, samples: Vec<f32>| Lead::new("II", "V", rate, samples);
    let leads = [
        lead(360.0, vec![]),
        lead(360.0, vec![1.0]),
        lead(1e-300, vec![1.0, 2.0]),
        lead(1e-3, vec![1.0; 100]),
        lead(1e9, vec![0.5; 1000]),
        lead(f64::INFINITY, vec![0.5; 10]),
        lead(f64::NAN, vec![0.5; 10]),
        lead(360.0, vec![f32::MAX, f32::MIN, f32::INFINITY, f32::NAN, 0.0]),
        lead(360.0, vec![f32::NAN; 5000]),
    ];
    for lead in leads {
        let said = format!("{} Hz, {} samples", lead.sample_rate, lead.samples.len());
        let odd = Record::new("odd", lead.sample_rate, vec![lead]);
        match Report::new(&odd, found.model.config(), &found.settings, &found.findings).pages() {
            Ok(pages) => {
                assert!(pages.len() <= 24, "{said}: {} pages", pages.len());
                let text = svg(&pages);
                assert!(!text.contains("NaN") || said.contains("NaN"), "{said}");
                parse(&text);
            }
            Err(error) => assert_eq!(error.to_string().lines().count(), 1, "{said}: {error}"),
        }
    }
}
