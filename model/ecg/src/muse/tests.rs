use super::*;
use crate::{ReadOptions, Sex};

fn lead(name: &str, data: &str) -> String {
    format!(
        "<LeadData><LeadAmplitudeUnitsPerBit>2</LeadAmplitudeUnitsPerBit><LeadAmplitudeUnits>MICROVOLTS</LeadAmplitudeUnits>\
        <LeadID>{name}</LeadID><WaveFormData>{data}</WaveFormData></LeadData>\n"
    )
}

/// 1, −2, 300 and 4, 5, −6.
const ONE: &str = "AQD+/ywB";
const TWO: &str = "BAAFAPr/";

fn rhythm(leads: &[String]) -> String {
    format!(
        "<Waveform><WaveformType>Rhythm</WaveformType><SampleBase>500</SampleBase>{}</Waveform>",
        leads.concat()
    )
}

fn file(parts: &[String]) -> String {
    format!("<RestingECG>\n{}</RestingECG>", parts.concat())
}

fn two() -> String {
    file(&[rhythm(&[lead("I", ONE), lead("II", TWO), lead("V1", ONE)])])
}

fn try_read(text: &str) -> Result<Record> {
    read(Source::of_bytes(Path::new("a/r.xml"), text.as_bytes(), &ReadOptions::new()))
}

fn open(text: &str) -> Record {
    try_read(text).unwrap_or_else(|e| panic!("{e}"))
}

fn names(record: &Record) -> Vec<&str> {
    record.leads.iter().map(|lead| lead.name.as_str()).collect()
}

#[test]
fn limb_leads_are_computed() {
    let record = open(&two());
    assert_eq!(names(&record), ["I", "II", "III", "aVR", "aVL", "aVF", "V1"]);
    let want: [&[f32]; 7] = [
        &[2.0, -4.0, 600.0],
        &[8.0, 10.0, -12.0],
        &[6.0, 14.0, -612.0],
        &[-5.0, -3.0, -294.0],
        &[-2.0, -9.0, 606.0],
        &[7.0, 12.0, -312.0],
        &[2.0, -4.0, 600.0],
    ];
    for (lead, want) in record.leads.iter().zip(want) {
        assert_eq!(lead.samples, want, "{}", lead.name);
        assert_eq!((lead.units.as_str(), lead.sample_rate), ("uV", 500.0));
    }
    assert!(record.warnings.is_empty());
    // What is stored stays as it is.
    let record = open(&file(&[rhythm(&[lead("AVF", ONE), lead("II", TWO), lead("I", ONE)])]));
    assert_eq!(names(&record), ["aVF", "II", "III", "aVR", "aVL", "I"]);
    assert_eq!(record.leads[0].samples, [2.0, -4.0, 600.0]);
    let record = open(&file(&[rhythm(&[lead("II", TWO), lead("V1", ONE)])]));
    assert_eq!(names(&record), ["II", "V1"]);
    // I and II that do not go together.
    for other in [
        lead("II", "AQD+/w=="),
        lead("II", TWO).replace(">2<", ">3<"),
        lead("II", TWO).replace("MICRO", "MILLI"),
    ] {
        let record = open(&file(&[rhythm(&[lead("I", ONE), other])]));
        assert_eq!(names(&record), ["I", "II"]);
        assert!(record.warnings[0].contains("no further limb leads"), "{:?}", record.warnings);
    }
}

#[test]
fn rate_and_what_is_odd() {
    let text = two().replace(
        "<SampleBase>500</SampleBase>",
        "<SampleBase>25</SampleBase><SampleExponent>1</SampleExponent>",
    );
    assert_eq!(open(&text).sample_rate, 250.0);
    let text =
        two().replace("<LeadID>V1", "<LeadOff>TRUE</LeadOff><LeadDataCRC32>7</LeadDataCRC32><LeadID>V1");
    assert_eq!(
        open(&text).warnings,
        ["lead V1: the checksum LeadDataCRC32 does not match the samples", "lead V1: the electrode was off"]
    );
    // The check value of the algorithm.
    assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
    let record = open(&file(&[rhythm(&[lead("I", ONE)]), rhythm(&[lead("II", ONE)])]));
    assert_eq!((names(&record), record.warnings.len()), (vec!["I"], 1));
    let nanovolts = two().replace("MICROVOLTS", "nanovolts");
    assert_eq!(open(&nanovolts).leads[0].units, "nV");
}

#[test]
fn patient_and_start() {
    let tests = "<TestDemographics><AcquisitionDate>02-29-2024</AcquisitionDate><AcquisitionTime>08:09:10</AcquisitionTime></TestDemographics>";
    for (patient, age, sex) in [
        (
            "<PatientAge>65</PatientAge><AgeUnits>YEARS</AgeUnits><Gender>MALE</Gender>",
            Some(65.0),
            Some(Sex::Male),
        ),
        (
            "<PatientAge>6</PatientAge><AgeUnits>MONTHS</AgeUnits><Gender>FEMALE</Gender>",
            Some(0.5),
            Some(Sex::Female),
        ),
        ("<DateofBirth>02-29-1964</DateofBirth><Gender>UNKNOWN</Gender>", Some(60.0), None),
        ("<PatientAge/>", None, None),
    ] {
        let patient = format!("<PatientDemographics>{patient}</PatientDemographics>{tests}");
        let record = open(&two().replacen("<Waveform>", &format!("{patient}<Waveform>"), 1));
        assert_eq!((record.age, record.sex), (age, sex), "{patient}");
        assert_eq!(record.start.map(|s| s.to_string()).as_deref(), Some("2024-02-29 08:09:10"));
    }
}

#[test]
fn malformed_files_are_one_line() {
    let mut wrong: Vec<String> = Vec::new();
    let two = two();
    let change = |from: &str, to: &str| {
        assert!(two.contains(from), "{from}");
        two.replace(from, to)
    };
    let exponent = |text: &str| {
        change(
            "<SampleBase>500</SampleBase>",
            &format!("<SampleBase>500</SampleBase><SampleExponent>{text}</SampleExponent>"),
        )
    };
    for (label, text, part) in [
        ("empty", file(&[]), "Waveform: expected one of the WaveformType Rhythm, found no Waveform"),
        ("a median alone", change("Rhythm", "Median"), "found \"Median\""),
        ("no leads", file(&[rhythm(&[])]), "Waveform: expected at least 1 LeadData"),
        ("cut", two[..200].to_owned(), "XML: expected well-formed text"),
        ("entities", format!("<!DOCTYPE RestingECG [<!ENTITY b 'c'>]>{two}"), "XML with entities of its own"),
        ("an entity", change(ONE, "&b;"), "XML: expected well-formed text"),
        ("no rate", change("<SampleBase>500</SampleBase>", ""), "Waveform: expected an element SampleBase"),
        ("rate 0", change(">500<", ">0<"), "SampleBase: expected more than 0, found \"0\""),
        ("rate in words", change(">500<", ">often<"), "SampleBase: expected a number, found \"often\""),
        ("endless rate", change(">500<", ">1e999<"), "SampleBase: expected a number"),
        (
            "a rate beyond numbers",
            exponent("9").replace(">500<", ">1e305<"),
            "SampleBase: expected a finite rate, found inf",
        ),
        (
            "a rate of nothing",
            exponent("-9").replace(">500<", ">1e-320<"),
            "SampleBase: expected a finite rate, found 0",
        ),
        ("exponent", exponent("300"), "SampleExponent: expected a whole number up to 9"),
        ("half an exponent", exponent("0.5"), "SampleExponent: expected a whole number"),
        ("exponent in words", exponent("x"), "SampleExponent: expected a number"),
        ("no name", change("<LeadID>II</LeadID>", ""), "LeadData: expected an element LeadID"),
        (
            "no scale",
            change("<LeadAmplitudeUnitsPerBit>2</LeadAmplitudeUnitsPerBit>", ""),
            "expected an element LeadAmplitudeUnitsPerBit",
        ),
        ("scale 0", change(">2<", ">0<"), "lead I: expected LeadAmplitudeUnitsPerBit that is neither 0"),
        ("scale endless", change(">2<", ">1e300<"), "lead I: expected LeadAmplitudeUnitsPerBit"),
        ("scale in words", change(">2<", ">two<"), "LeadAmplitudeUnitsPerBit: expected a number"),
        ("no samples", change(TWO, ""), "lead II: expected at least 1 sample of 2 bytes, found 0 bytes"),
        (
            "half a sample",
            change(TWO, "AAAA"),
            "lead II: expected at least 1 sample of 2 bytes, found 3 bytes",
        ),
        ("no data", change("WaveFormData", "Data"), "LeadData: expected an element WaveFormData"),
        ("no base64", change(TWO, "A*AA"), "lead II: expected base64, found the byte 0x2a at 1"),
        ("cut base64", change(TWO, "AAAAA"), "lead II: expected base64, found an incomplete group"),
        (
            "three bytes a sample",
            change("<LeadID>II", "<LeadSampleSize>3</LeadSampleSize><LeadID>II"),
            "lead II with \"3\" bytes a sample",
        ),
        (
            "short",
            change("<LeadID>II", "<LeadSampleCountTotal>4</LeadSampleCountTotal><LeadID>II"),
            "lead II: expected 4 samples, found 3",
        ),
        (
            "2^60 samples",
            change(
                "<LeadID>II",
                "<LeadSampleCountTotal>1152921504606846976</LeadSampleCountTotal><LeadID>II",
            ),
            "found 3",
        ),
    ] {
        assert!(recognises(text.as_bytes()), "{label}");
        let error = try_read(&text).expect_err(label).to_string();
        let whole = error.starts_with("a/r.xml") && error.contains(part) && error.contains("; ");
        if !whole || error.lines().count() != 1 || error.len() >= 1000 {
            wrong.push(format!("{label}: {error}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
