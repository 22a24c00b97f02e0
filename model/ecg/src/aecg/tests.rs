use super::*;
use crate::error::Error;
use crate::wfdb::Code;
use crate::{ReadOptions, Sex};
use std::path::Path;

fn try_read(text: &str, options: &ReadOptions) -> std::result::Result<Record, Error> {
    read(Source::of_bytes(Path::new("a/r.xml"), text.as_bytes(), options))
}

fn open(text: &str) -> Record {
    try_read(text, &ReadOptions::new()).unwrap_or_else(|e| panic!("{e}\n{text}"))
}

fn sequence(code: &str, value: &str) -> String {
    format!("<component><sequence><code code='{code}'/><value>{value}</value></sequence></component>")
}

fn lead(name: &str, digits: &str) -> String {
    let body = format!("<origin value='0' unit='uV'/><scale value='2' unit='uV'/><digits>{digits}</digits>");
    sequence(&format!("MDC_ECG_LEAD_{name}"), &body)
}

fn absolute(head: &str, increment: &str) -> String {
    sequence("TIME_ABSOLUTE", &format!("<head value='{head}'/><increment value='{increment}' unit='s'/>"))
}

fn set(sequences: &[String]) -> String {
    format!("\n<component><sequenceSet>{}</sequenceSet></component>", sequences.concat())
}

fn series(parts: &[String]) -> String {
    format!("<component><series><code code='RHYTHM'/>{}</series></component>", parts.concat())
}

fn file(parts: &[String]) -> String {
    format!("<AnnotatedECG xmlns='urn:hl7-org:v3'>{}</AnnotatedECG>", parts.concat())
}

fn simple(sequences: &[String]) -> String {
    file(&[series(&[set(sequences)])])
}

fn bits(samples: &[f32]) -> Vec<u32> {
    samples.iter().map(|v| v.to_bits()).collect()
}

const NAN: f32 = f32::NAN;

#[test]
fn times_of_every_kind() {
    for (times, rate) in [
        (absolute("20020101", "0.004"), 250.0),
        (sequence("TIME_RELATIVE", "<head value='0' unit='s'/><increment value='4' unit='ms'/>"), 250.0),
        (sequence("TIME_RELATIVE", "<head value='0'/><increment value='4000' unit='us'/>"), 250.0),
        (
            sequence(
                "TIME_RELATIVE",
                "<origin value='0' unit='s'/><scale value='4' unit='ms'/><digits>0 1 2</digits>",
            ),
            250.0,
        ),
        (sequence("TIME_RELATIVE", "<digits>0.0 0.1 0.2</digits>"), 10.0),
        (
            sequence("TIME_ABSOLUTE", "<digits>20020101101010.5 20020101101010.75 20020101101011</digits>"),
            4.0,
        ),
    ] {
        let record = open(&simple(&[times.clone(), lead("II", "1 -2 3")]));
        assert_eq!(record.leads[0].sample_rate, rate, "{times}");
        assert_eq!(record.leads[0].samples, [2.0, -4.0, 6.0]);
        assert_eq!(record.sample_rate, rate);
    }
    // Without times the user's rate counts, and only then.
    let text = simple(&[lead("II", "1 2")]);
    assert_eq!(try_read(&text, &ReadOptions::new().rate(99.0)).map(|r| r.sample_rate).ok(), Some(99.0));
    let text = simple(&[absolute("20020101", "0.5"), lead("II", "1 2")]);
    assert_eq!(try_read(&text, &ReadOptions::new().rate(99.0)).map(|r| r.sample_rate).ok(), Some(2.0));
}

#[test]
fn origin_scale_and_unit() {
    let of = |body: &str| {
        let value = sequence("MDC_ECG_LEAD_V1", &format!("{body}<digits>-1 0 1.5</digits>"));
        let record = open(&simple(&[absolute("20020101", "0.1"), value]));
        (record.leads[0].units.clone(), record.leads[0].samples.clone())
    };
    let unit = |name: &str| name.to_owned();
    assert_eq!(
        of("<origin value='10' unit='uV'/><scale value='4.88' unit='uV'/>"),
        (unit("uV"), vec![5.12, 10.0, 17.32])
    );
    assert_eq!(
        of("<origin value='1' unit='mV'/><scale value='2' unit='uV'/>"),
        (unit("uV"), vec![998.0, 1000.0, 1003.0])
    );
    assert_eq!(of("<origin value='0'/><scale value='-0.5' unit='mV'/>"), (unit("mV"), vec![0.5, 0.0, -0.75]));
    assert_eq!(of("<origin value='5' unit='nV'/>"), (unit("nV"), vec![4.0, 5.0, 6.5]));
    // Whole numbers (SLIST_INT) have no unit.
    assert_eq!(of(""), (String::new(), vec![-1.0, 0.0, 1.5]));
    let text = simple(&[absolute("20020101", "0.1"), sequence("MDC_ECG_LEAD_V1", "<digits>7</digits>")]);
    let record = try_read(&text, &ReadOptions::new().unit("mV")).unwrap_or_else(|e| panic!("{e}"));
    assert_eq!((record.leads[0].units.as_str(), &record.leads[0].samples[..]), ("mV", &[7.0][..]));
}

#[test]
fn sets_one_after_another() {
    let one = set(&[absolute("20020101235959", "0.5"), lead("I", "1 2"), lead("II", "3 4")]);
    let two = set(&[absolute("20020102000001", "0.5"), lead("AVR", "5 6"), lead("II", "7 8")]);
    for text in [
        file(&[series(&[one.clone(), two.clone()])]),
        // In any order, and in series of their own.
        file(&[series(&[two.clone(), one.clone()])]),
        file(&[series(&[one]), series(&[two])]),
    ] {
        let record = open(&text);
        assert_eq!(record.start.map(|s| s.to_string()).as_deref(), Some("2002-01-01 23:59:59"));
        let lead = |name: &str| record.leads.iter().find(|lead| lead.name == name).expect("a lead");
        assert_eq!(bits(&lead("I").samples), bits(&[2.0, 4.0, NAN, NAN, NAN, NAN]));
        assert_eq!(bits(&lead("II").samples), bits(&[6.0, 8.0, NAN, NAN, 14.0, 16.0]));
        assert_eq!(bits(&lead("aVR").samples), bits(&[NAN, NAN, NAN, NAN, 10.0, 12.0]));
        assert_eq!(record.leads.len(), 3);
        assert_eq!(record.warnings.len(), 1);
    }
    // Relative times.
    let relative = |head: &str| {
        sequence("TIME_RELATIVE", &format!("<head value='{head}' unit='s'/><increment value='1' unit='s'/>"))
    };
    let record = open(&file(&[series(&[
        set(&[relative("3"), lead("I", "1")]),
        set(&[relative("4"), lead("I", "2")]),
    ])]));
    assert_eq!(record.leads[0].samples, [2.0, 4.0]);
    assert!(record.warnings.is_empty() && record.start.is_none());
    let begin = "<effectiveTime><low value='20020101101010'/></effectiveTime>".to_owned();
    let record = open(&file(&[series(&[begin, set(&[relative("3"), lead("I", "1")])])]));
    assert_eq!(record.start.map(|s| s.to_string()).as_deref(), Some("2002-01-01 10:10:13"));
    // Rates of their own.
    let record = open(&file(&[series(&[
        set(&[relative("0"), lead("I", "1 2")]),
        set(&[absolute("20020101", "0.5"), lead("V1", "1 2 3 4")]),
    ])]));
    assert_eq!(
        (record.sample_rate, record.leads[0].sample_rate, record.leads[1].sample_rate),
        (2.0, 1.0, 2.0)
    );
}

#[test]
fn what_is_there_twice_counts_once() {
    let times = || absolute("20020101", "1");
    let record =
        open(&file(&[series(&[set(&[times(), lead("I", "1 2")]), set(&[times(), lead("I", "8 9 3")])])]));
    assert_eq!(record.leads.len(), 1);
    assert_eq!(record.leads[0].samples, [2.0, 4.0, 6.0]);
    assert_eq!(record.warnings, ["lead I has 2 samples twice; the first ones count"]);
}

#[test]
fn derived_series_and_empty_sequences_are_left_out() {
    let beat = "<component><series><code code='REPRESENTATIVE_BEAT'/></series></component>".to_owned();
    let derived =
        format!("<derivation><derivedSeries>{}</derivedSeries></derivation>", set(&[lead("V6", "1")]));
    let sequences =
        [absolute("20020101", "1"), lead("I", "1"), lead("V1", " "), sequence("MDC_ECG_LEAD_V2", "")];
    let record = open(&file(&[beat, series(&[set(&sequences), derived])]));
    let names: Vec<_> = record.leads.iter().map(|lead| lead.name.as_str()).collect();
    assert_eq!(names, ["I"]);
    assert_eq!(record.warnings.len(), 2, "{:?}", record.warnings);
}

#[test]
fn patient_beats_and_statements() {
    let person = "<componentOf><x><subjectDemographicPerson><administrativeGenderCode code='M'/><birthTime value='19520101'/>\
        </subjectDemographicPerson></x></componentOf>"
        .to_owned();
    let bounds = |kind: &str, low: &str, high: &str, unit: &str| {
        format!(
            "<support><supportingROI><component><boundary><code code='MDC_ECG_LEAD_II'/></boundary></component><component>\
            <boundary><code code='{kind}'/><value><low value='{low}'{unit}/><high value='{high}'{unit}/></value></boundary>\
            </component></supportingROI></support>"
        )
    };
    let note = |code: &str, value: &str, rest: &str| {
        format!("<component><annotation><code code='{code}'/>{value}{rest}</annotation></component>")
    };
    let beat =
        |kind: &str, rest: &str| note("MDC_ECG_BEAT", &format!("<value code='MDC_ECG_BEAT_{kind}'/>"), rest);
    let late = bounds("TIME_ABSOLUTE", "20020101000002", "20020101000002.5", "");
    let early = bounds("TIME_RELATIVE", "200", "400", " unit='ms'");
    let notes = [
        beat("V_P_C", &late),
        beat("NORMAL", &note("MDC_ECG_WAVC", "<value code='MDC_ECG_WAVC_QRSWAVE'/>", &early)),
        // Of another kind, or without a time.
        beat("TELEPATHIC", &early),
        beat("NORMAL", ""),
        beat("NORMAL", &bounds("TIME_ABSOLUTE", "x", "y", "")),
        note("MDC_ECG_RHY", "<value code='MDC_ECG_RHY_AFIB' displayName='AF'/>", &early),
        note(
            "MDC_ECG_INTERPRETATION",
            "",
            &note("MDC_ECG_INTERPRETATION_STATEMENT", "<value>a\nb</value>", ""),
        ),
        note("MDC_ECG_HEART_RATE", "<value value='57' unit='bpm'/>", ""),
    ];
    let subject = format!("<subjectOf><annotationSet>{}</annotationSet></subjectOf>", notes.concat());
    let record =
        open(&file(&[person, series(&[set(&[absolute("20020101", "0.1"), lead("I", "1 2")]), subject])]));
    assert_eq!((record.age, record.sex), (Some(50.0), Some(Sex::Male)));
    let told: Vec<_> = record.annotations.iter().map(|a| (a.time, a.code, a.text())).collect();
    let empty = String::new;
    assert_eq!(
        told,
        [(2, Code::NOTE, "AF".into()), (3, Code::NORMAL, empty()), (23, Code::VENTRICULAR, empty())]
    );
    assert_eq!(record.comments, ["a\\nb"]);
}

#[test]
fn malformed_files_are_one_line() {
    let mut wrong: Vec<String> = Vec::new();
    let times = || absolute("20020101", "0.1");
    let value = |body: &str| simple(&[times(), sequence("MDC_ECG_LEAD_I", body)]);
    let timed = |body: &str| simple(&[sequence("TIME_RELATIVE", body), lead("I", "1 2 3")]);
    let far = file(&[series(&[
        set(&[times(), lead("I", "1")]),
        set(&[absolute("20030101", "0.1"), lead("I", "1")]),
    ])]);
    let many = set(&(0..30_000).map(|i| lead(&format!("X{i}"), "1")).chain([times()]).collect::<Vec<_>>());
    let wide = file(&[series(&[many, set(&[absolute("20020101000100", "0.1"), lead("I", "1")])])]);
    for (label, text, part) in [
        ("nothing in it", file(&[]), "series: expected one of rhythm, with leads, found none"),
        ("no sets", file(&[series(&[])]), "found no lead in it"),
        ("times alone", simple(&[times()]), "found no lead in it"),
        ("beats alone", simple(&[times()]).replace("RHYTHM", "REPRESENTATIVE_BEAT"), "found none"),
        ("cut", simple(&[times(), lead("I", "1")])[..300].to_owned(), "XML: expected well-formed text"),
        ("cut in a name", "<AnnotatedECG xmlns".into(), "XML"),
        ("two roots", format!("{0}{0}", simple(&[times(), lead("I", "1")])), "XML"),
        (
            "entities",
            format!("<!DOCTYPE a [<!ENTITY b 'c'>]>{}", simple(&[])),
            "XML with entities of its own",
        ),
        ("a strange entity", simple(&[times(), lead("I", "&x;")]), "XML"),
        ("a namespace that is not there", "<x:AnnotatedECG/>".into(), "XML"),
        ("no times", simple(&[lead("I", "1")]), "rate"),
        (
            "words",
            simple(&[times(), lead("I", "1 2 x 4")]),
            "line 2: lead I sample 3: expected a number, found \"x\"",
        ),
        ("NaN", simple(&[times(), lead("I", "NaN")]), "lead I sample 1: expected a number"),
        ("endless", simple(&[times(), lead("I", "1e999")]), "lead I sample 1"),
        (
            "beyond f32",
            simple(&[times(), lead("I", "1 1e39")]),
            "sample 2: expected a number in the range of f32",
        ),
        (
            "scale in words",
            value("<scale value='two' unit='uV'/><digits>1</digits>"),
            "scale: expected a number, found \"two\"",
        ),
        ("no scale", value("<scale unit='uV'/><digits>1</digits>"), "scale: expected a number"),
        (
            "scale 0",
            value("<scale value='0' unit='uV'/><digits>1</digits>"),
            "scale: expected a number other than 0",
        ),
        (
            "scale endless",
            value("<scale value='inf' unit='uV'/><digits>1</digits>"),
            "scale: expected a number",
        ),
        (
            "units of two kinds",
            value("<origin value='1' unit='mmHg'/><scale value='1' unit='uV'/><digits>1</digits>"),
            "units of one kind, found \"mmHg\" and \"uV\"",
        ),
        (
            "increment 0",
            simple(&[absolute("20020101", "0"), lead("I", "1")]),
            "increment: expected more than 0 seconds",
        ),
        (
            "increment below 0",
            simple(&[absolute("20020101", "-1"), lead("I", "1")]),
            "increment: expected more than 0",
        ),
        ("increment in words", simple(&[absolute("20020101", "x"), lead("I", "1")]), "increment"),
        (
            "increment of length",
            timed("<head value='0'/><increment value='1' unit='mm'/>"),
            "increment: expected a unit of time",
        ),
        (
            "head in words",
            timed("<head value='x' unit='s'/><increment value='1' unit='s'/>"),
            "head: expected a number",
        ),
        (
            "head far off",
            timed("<head value='1e300' unit='s'/><increment value='1' unit='s'/>"),
            "time: expected less than 30 years",
        ),
        (
            "uneven times",
            timed("<digits>0 1 9</digits>"),
            "times: expected at least 2, rising and evenly spaced",
        ),
        ("falling times", timed("<digits>3 2 1</digits>"), "times: expected at least 2, rising"),
        ("times too near", timed("<digits>0 1e-320 2e-320</digits>"), "times: expected at least 2, rising"),
        ("one time", timed("<digits>1</digits>"), "times: expected at least 2"),
        ("no time", timed("<digits> </digits>"), "times: expected at least 2"),
        ("times in words", timed("<digits>0 x</digits>"), "time: expected a number or a time stamp"),
        ("a gap of a year", far, "times: expected at most 64 times as many samples missing"),
        ("a gap of many leads", wide, "times: expected at most 64 times"),
    ] {
        assert!(recognises(text.as_bytes()), "{label}");
        let error = try_read(&text, &ReadOptions::new()).expect_err(label).to_string();
        let whole = error.starts_with("a/r.xml") && error.contains(part) && error.contains("; ");
        if !whole || error.lines().count() != 1 || error.len() >= 1000 {
            wrong.push(format!("{label}: {error}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
