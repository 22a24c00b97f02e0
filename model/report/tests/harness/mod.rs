//! What the tests of pages share: records with known samples, what networks find in them, and an SVG taken apart.
#![allow(dead_code)]

use efficientecg::classify::{Findings, Settings};
use efficientecg::ecg::{Lead, Record, synth};
use efficientecg::{Model, Options};
use efficientecg_report::{Page, Report};
use roxmltree::{Document, Node, ParsingOptions};

/// The names of the standard leads in an order that is not the page's.
pub(crate) const TWELVE: [&str; 12] =
    ["V6", "V5", "V4", "V3", "V2", "V1", "AVF", "AVL", "AVR", "III", "II", "I"];

/// A synthetic lead of so many seconds at 500 Hz.
fn heart(seconds: f64) -> Vec<f32> {
    let mut options = synth::SynthOptions::default();
    (options.seconds, options.sample_rate) = (seconds, 500.0);
    let (record, _) = synth::generate(&options).expect("a synthetic record");
    record.leads[0].samples.clone()
}

/// A record of these leads: each the same heart, of another height and on another offset.
pub(crate) fn record(name: &str, leads: &[&str], seconds: f64) -> Record {
    let heart = heart(seconds);
    let lead = |(i, name): (usize, &&str)| {
        let (height, offset) = (0.4 + 0.07 * i as f32, 0.3 * i as f32 - 1.0);
        Lead::new(*name, "mV", 500.0, heart.iter().map(|v| v * height + offset).collect())
    };
    Record::new(name, 500.0, leads.iter().enumerate().map(lead).collect())
}

/// A model and what it finds in a record.
pub(crate) struct Found {
    pub(crate) record: Record,
    pub(crate) model: Model,
    pub(crate) settings: Settings,
    pub(crate) findings: Findings,
}

impl Found {
    pub(crate) fn new(record: Record, model: &str) -> Found {
        Found::with(record, model, Settings::new())
    }

    pub(crate) fn with(record: Record, model: &str, settings: Settings) -> Found {
        let model = Options::new().threads(1).builtin(model).expect("a model");
        let findings = model.classify_with(&record, &settings).expect("classified");
        Found { record, model, settings, findings }
    }

    pub(crate) fn report(&self) -> Report<'_> {
        Report::new(&self.record, self.model.config(), &self.settings, &self.findings)
            .limits("It misses half of what it looks for. Trained on nothing.")
            .more("--from and --to show other parts")
    }

    pub(crate) fn pages(&self) -> Vec<Page> {
        self.report().pages().expect("pages")
    }
}

/// Parses XML, HTML too.
pub(crate) fn parse(text: &str) -> Document<'_> {
    let options = ParsingOptions { allow_dtd: true, ..ParsingOptions::default() };
    Document::parse_with_options(text, options).expect("well-formed")
}

/// Groups of a class with their titles.
pub(crate) fn groups<'a, 'b>(document: &'a Document<'b>, class: &str) -> Vec<(String, Node<'a, 'b>)> {
    let found =
        document.descendants().filter(|n| n.tag_name().name() == "g" && n.attribute("class") == Some(class));
    let title = |n: &Node| {
        n.children()
            .find(|c| c.tag_name().name() == "title")
            .and_then(|t| t.text())
            .unwrap_or_default()
            .to_owned()
    };
    found.map(|n| (title(&n), n)).collect()
}

/// The lines of a group's paths, by the stroke's width.
pub(crate) fn lines(group: &Node) -> Vec<(f64, Vec<Vec<[f64; 2]>>)> {
    let paths = group.children().filter(|c| c.tag_name().name() == "path");
    paths
        .map(|path| {
            let width = path.attribute("stroke-width").expect("a width").parse().expect("a number");
            (width, path_lines(path.attribute("d").expect("a path")))
        })
        .collect()
}

/// `M x y l dx dy …`, as lines of points.
fn path_lines(d: &str) -> Vec<Vec<[f64; 2]>> {
    let mut made = Vec::new();
    for part in d.split('M').skip(1) {
        let (start, rest) = part.split_once('l').expect("a line");
        let numbers = |text: &str| -> Vec<f64> {
            let text = text.replace('-', " -");
            text.split_whitespace().map(|n| n.parse().expect("a number")).collect()
        };
        let mut at: [f64; 2] = numbers(start).try_into().expect("a point");
        let mut line = vec![at];
        for step in numbers(rest).chunks_exact(2) {
            at = [at[0] + step[0], at[1] + step[1]];
            line.push(at);
        }
        made.push(line);
    }
    made
}

/// Texts of a group: left or middle, base line, what it says.
pub(crate) fn texts(group: &Node) -> Vec<(f64, f64, String)> {
    let found = group.children().filter(|c| c.tag_name().name() == "text");
    let number =
        |n: &Node, name: &str| -> f64 { n.attribute(name).expect("a place").parse().expect("a number") };
    found.map(|n| (number(&n, "x"), number(&n, "y"), n.text().unwrap_or_default().to_owned())).collect()
}

/// No text lies over another, none leaves the page, and each page has more than `least` of them.
pub(crate) fn check_texts(pages: &[Page], least: usize) {
    for page in pages {
        let boxes: Vec<([f64; 4], &str)> = page.texts().map(|t| (t.bounds(), t.text.as_str())).collect();
        assert!(boxes.len() > least, "{}", boxes.len());
        for (i, (a, text)) in boxes.iter().enumerate() {
            assert!(a.iter().all(|v| v.is_finite()), "{text}");
            assert!(a[0] >= 5.0 && a[1] >= 5.0 && a[2] <= 292.0 && a[3] <= 205.0, "{text}: {a:?}");
            for (b, other) in &boxes[..i] {
                let over = a[0] < b[2] && b[0] < a[2] && a[1] < b[3] && b[1] < a[3];
                assert!(!over, "{text:?} over {other:?}: {a:?} {b:?}");
            }
        }
    }
}
