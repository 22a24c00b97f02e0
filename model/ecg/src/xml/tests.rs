use super::*;
use crate::{ReadOptions, Sex};

fn decoded(bytes: &[u8]) -> Result<Text> {
    encoding::decode(Path::new("r.xml"), bytes.to_vec())
}

fn wide(text: &str, big: bool, mark: bool) -> Vec<u8> {
    let mark = mark.then_some('\u{feff}');
    let units: Vec<u16> = mark.into_iter().chain(text.chars()).collect::<String>().encode_utf16().collect();
    units.iter().flat_map(|u| if big { u.to_be_bytes() } else { u.to_le_bytes() }).collect()
}

#[test]
fn any_encoding() {
    let text = "<a>\u{e4}\u{1d11e}</a>";
    for bytes in [
        text.as_bytes().to_vec(),
        [b"\xef\xbb\xbf", text.as_bytes()].concat(),
        wide(text, false, true),
        wide(text, true, true),
        wide(text, false, false),
        wide(text, true, false),
    ] {
        let read = decoded(&bytes).unwrap_or_else(|e| panic!("{e}"));
        assert_eq!((read.text.as_str(), read.warning), (text, None));
        assert_eq!(root_name(&bytes).as_deref(), Some("a"));
    }
    for name in ["ISO-8859-1", "latin1", "windows-1252"] {
        let head = format!("<?xml version='1.0' encoding = '{name}' ?>");
        let read = decoded(&[head.as_bytes(), b"<a>\xe4</a>"].concat()).unwrap_or_else(|e| panic!("{e}"));
        assert_eq!((read.text, read.warning), (format!("{head}<a>\u{e4}</a>"), None));
    }
    // What is declared, but not so.
    let read =
        decoded(b"<?xml version=\"1.0\" encoding=\"UTF-8\"?><a>\xe4</a>").unwrap_or_else(|e| panic!("{e}"));
    assert!(read.text.ends_with("<a>\u{e4}</a>"));
    assert_eq!(read.warning.as_deref(), Some("byte 41 is not UTF-8; the text is read as ISO-8859-1"));
    let read = decoded(b"<?xml encoding=\"GB2312\"?><a>\xb0\xa1</a>").unwrap_or_else(|e| panic!("{e}"));
    assert!(read.text.ends_with("<a>\u{fffd}\u{fffd}</a>"));
    assert!(read.warning.is_some());
}

#[test]
fn no_text() {
    for (bytes, part) in [
        (&b"<?xml encoding='EBCDIC-CP-US'?><a/>"[..], "the encoding \"ebcdic-cp-us\""),
        (b"\xff\xfe<\0a\0/", "an even number of bytes"),
        (b"\xff\xfe<\0\x00\xd8a\0", "character 2: expected UTF-16, found 0xd800"),
    ] {
        let error = decoded(bytes).expect_err(part).to_string();
        assert!(error.contains(part) && error.lines().count() == 1, "{error}");
    }
}

#[test]
fn the_root_behind_a_prolog() {
    for (text, want) in [
        ("<a:B c='d'/>", Some("B")),
        (
            " \n<?xml version='1.0'?><!-- <x> --><!DOCTYPE q SYSTEM \"a>b\" [<!ELEMENT q (#PCDATA)>]>\n<q>",
            Some("q"),
        ),
        ("<B", None),
        ("<!-- ", None),
        ("II,V1", None),
        ("<", None),
        ("", None),
    ] {
        assert_eq!(root_name(text.as_bytes()).as_deref(), want, "{text}");
    }
}

#[test]
fn limits_are_told_in_one_line() {
    let many = |n: usize, part: &dyn Fn(usize) -> String| (0..n).map(part).collect::<String>();
    let laughs = "<!DOCTYPE a [<!ENTITY b \"ha\"><!ENTITY c \"&b;&b;\">]><a>&c;</a>".to_owned();
    for (text, part) in [
        (laughs, "entities of its own"),
        (format!("<a {}/>", many(300, &|i| format!("b{i}='' "))), "256 attributes of an element"),
        (many(5000, &|i| format!("<a xmlns:b{i}='c'>")), "4096 namespaces"),
        ("<a/>".repeat(5_000_000), "4194304 elements"),
        (format!("<!--{}--><a/>", "=".repeat(5_000_000)), "4194304 attributes"),
        ("<a>&b;</a>".to_owned(), "line 1: XML: expected well-formed text"),
        ("<a>\n<b></a>".to_owned(), "line 2: XML: expected well-formed text"),
        ("<a>\n</a><a/>".to_owned(), "line 2: XML"),
        ("<a>\u{1}</a>".to_owned(), "XML"),
        ("<a b='1' b='2'/>".to_owned(), "XML"),
        ("<a><![CDATA[".to_owned(), "XML"),
    ] {
        let error = parse(Path::new("r.xml"), &text).expect_err(part).to_string();
        assert!(error.contains(part) && error.lines().count() == 1 && error.len() < 500, "{error}");
    }
}

#[test]
fn depth_takes_no_stack() {
    let text = format!("{}{}", "<a>".repeat(500_000), "</a>".repeat(500_000));
    let document = parse(Path::new("r.xml"), &text).unwrap_or_else(|e| panic!("{e}"));
    assert!(first(document.root(), "b").is_none());
    assert!(parse(Path::new("r.xml"), &"<a>".repeat(500_000)).is_err());
}

#[test]
fn elements_and_their_text() {
    let text = "<x:a xmlns:x='u'><b> 1<!-- 2 -->3<![CDATA[4]]> </b><c><b>5</b></c></x:a>";
    let document = parse(Path::new("r.xml"), text).unwrap_or_else(|e| panic!("{e}"));
    let root = document.root_element();
    assert_eq!(content_of(root, &["b"]).as_deref(), Some("134"));
    assert_eq!(content_of(root, &["c", "b"]).as_deref(), Some("5"));
    assert_eq!(content_of(root, &["c"]), None);
    assert_eq!(children(root, "b").count(), 1);
    let error = need(Path::new("r.xml"), root, &["c", "d"]).expect_err("none").to_string();
    assert!(error.contains("line 1: a: expected an element c/d, found none"), "{error}");
}

#[test]
fn rates_of_increments() {
    for (text, scale, want) in [
        ("0.002", 1.0, 500.0),
        ("2", 1e-3, 500.0),
        ("0.00278", 1.0, 360.0),
        ("0.0027778", 1.0, 360.0),
        ("0.003", 1.0, 1000.0 / 3.0),
        ("0.00390625", 1.0, 256.0),
        ("1e-3", 1.0, 1000.0),
        ("0.001", 1.0, 1000.0),
        ("4000", 1e-6, 250.0),
        ("0.0078125", 1.0, 128.0),
    ] {
        let got = rate(text, scale).expect("a rate");
        assert!((got - want).abs() <= 1e-9 * want, "{text}: {got}");
    }
    for text in ["0", "-0.002", "NaN", "inf", "", "1e-400", "x"] {
        assert_eq!(rate(text, 1.0), None, "{text}");
    }
}

#[test]
fn times_dates_and_names() {
    let stamp = |text| timestamp(text).map(|start| start.to_string());
    assert_eq!(stamp("20021122091000.250+0100").as_deref(), Some("2002-11-22 09:10:00.250"));
    assert_eq!(stamp("20021122091000").as_deref(), Some("2002-11-22 09:10:00"));
    assert_eq!(stamp("200211220910").as_deref(), Some("2002-11-22 09:10:00"));
    assert_eq!(stamp("20021122").as_deref(), Some("2002-11-22"));
    for text in ["", "2002", "20021322", "432432", "x", "2002112\u{e4}"] {
        assert_eq!(stamp(text), None, "{text}");
    }
    let day = |text| date(text).map(|day| day.to_string());
    assert_eq!(day("1950-01-02").as_deref(), Some("1950-01-02"));
    assert_eq!(day("01-02-1950").as_deref(), Some("1950-01-02"));
    assert_eq!(day("1/2/1950").as_deref(), Some("1950-01-02"));
    assert_eq!(day("1950-01-02T03:04:05").as_deref(), Some("1950-01-02"));
    assert_eq!((day("1950"), day("50-01-02"), day("")), (None, None, None));
    assert_eq!(
        (clock("07:27:34"), clock("7:27"), clock("25:00:00"), clock("")),
        (Some(26_854.0), Some(26_820.0), None, None)
    );
    assert_eq!(
        (age_in_years(6.0, "MONTHS"), age_in_years(50.0, ""), age_in_years(200.0, "")),
        (Some(0.5), Some(50.0), None)
    );
    assert_eq!((sex("M"), sex("Female"), sex("UN")), (Some(Sex::Male), Some(Sex::Female), None));
    let names: Vec<_> =
        ["MDC_ECG_LEAD_II", "MDC_ECG_LEAD_AVL", "avr", "V3R"].into_iter().map(lead_name).collect();
    assert_eq!(names, ["II", "aVL", "aVR", "V3R"]);
    assert_eq!(
        (volts("uV"), volts("mV"), volts("nV"), volts("V"), volts("bpm")),
        (Some(-6), Some(-3), Some(-9), Some(0), None)
    );
}

#[test]
fn a_source_is_read_whole() {
    let options = ReadOptions::new();
    let read =
        text(Source::of_bytes(Path::new("r.xml"), b"<a/>", &options)).unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(read.text, "<a/>");
}
