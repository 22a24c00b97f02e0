use super::*;
use crate::{Lead, ReadOptions};

/// An element to write.
#[derive(Clone)]
enum Value {
    Text(&'static str, String),
    Short(u16),
    Long(u32),
    Bytes(&'static str, Vec<u8>),
    Items(Vec<Vec<(u32, Value)>>),
}
use Value::{Bytes, Items, Long, Short, Text};

fn text(kind: &'static str, text: &str) -> Value {
    Text(kind, text.to_owned())
}

/// A way to write elements.
#[derive(Clone, Copy)]
struct Form {
    syntax: Syntax,
    /// Sequences end with delimiters.
    open: bool,
}

const FORMS: [(&str, Form); 6] = {
    let big = Syntax { explicit: true, big_endian: true };
    [
        ("1.2.840.10008.1.2", Form { syntax: Syntax::IMPLICIT, open: false }),
        ("1.2.840.10008.1.2", Form { syntax: Syntax::IMPLICIT, open: true }),
        ("1.2.840.10008.1.2.1", Form { syntax: Syntax::EXPLICIT, open: false }),
        ("1.2.840.10008.1.2.1", Form { syntax: Syntax::EXPLICIT, open: true }),
        ("1.2.840.10008.1.2.1.99", Form { syntax: Syntax::EXPLICIT, open: true }),
        ("1.2.840.10008.1.2.2", Form { syntax: big, open: false }),
    ]
};

impl Form {
    fn short(self, value: u16) -> [u8; 2] {
        if self.syntax.big_endian { value.to_be_bytes() } else { value.to_le_bytes() }
    }

    fn long(self, value: u32) -> [u8; 4] {
        if self.syntax.big_endian { value.to_be_bytes() } else { value.to_le_bytes() }
    }

    fn tag(self, tag: u32) -> Vec<u8> {
        [self.short((tag >> 16) as u16), self.short(tag as u16)].concat()
    }

    fn set(self, elements: &[(u32, Value)]) -> Vec<u8> {
        elements.iter().flat_map(|(tag, value)| self.element(*tag, value)).collect()
    }

    fn element(self, tag: u32, value: &Value) -> Vec<u8> {
        let (kind, mut body) = match value {
            Text(kind, text) => (*kind, text.clone().into_bytes()),
            Short(value) => ("US", self.short(*value).into()),
            Long(value) => ("UL", self.long(*value).into()),
            Bytes(kind, bytes) => (*kind, bytes.clone()),
            Items(items) => ("SQ", items.iter().flat_map(|item| self.item(item)).collect()),
        };
        if body.len() % 2 == 1 {
            body.push(b' ');
        }
        let open = self.open && kind == "SQ";
        let mut out = self.tag(tag);
        let length = if open { u32::MAX } else { body.len() as u32 };
        if !self.syntax.explicit {
            out.extend(self.long(length));
        } else if matches!(kind, "SQ" | "OW" | "OB" | "UN") {
            out.extend(kind.bytes().chain([0, 0]));
            out.extend(self.long(length));
        } else {
            out.extend(kind.bytes());
            out.extend(self.short(length as u16));
        }
        out.extend(body);
        if open {
            out.extend(self.tag(0xfffe_e0dd));
            out.extend([0; 4]);
        }
        out
    }

    fn item(self, elements: &[(u32, Value)]) -> Vec<u8> {
        let body = self.set(elements);
        let mut out = self.tag(0xfffe_e000);
        out.extend(self.long(if self.open { u32::MAX } else { body.len() as u32 }));
        out.extend(body);
        if self.open {
            out.extend(self.tag(0xfffe_e00d));
            out.extend([0; 4]);
        }
        out
    }
}

fn channel(meaning: &str, sensitivity: &str, unit: &str) -> Vec<(u32, Value)> {
    vec![
        (0x003a_0203, text("SH", "label")),
        (0x003a_0208, Items(vec![vec![(0x0008_0104, text("LO", meaning))]])),
        (0x003a_0210, text("DS", sensitivity)),
        (0x003a_0211, Items(vec![vec![(0x0008_0100, text("SH", unit))]])),
        (0x003a_0212, text("DS", "2 ")),
        (0x003a_0213, text("DS", "-1.5")),
    ]
}

/// Two channels of 16 bits and these samples.
fn group(form: Form, samples: &[i16]) -> Vec<(u32, Value)> {
    let data = samples.iter().flat_map(|v| form.short(*v as u16)).collect();
    vec![
        (0x003a_0004, text("CS", "ORIGINAL")),
        (0x003a_0005, Short(2)),
        (0x003a_0010, Long(samples.len() as u32 / 2)),
        (0x003a_001a, text("DS", "250")),
        (0x003a_0020, text("SH", "RHYTHM")),
        (
            0x003a_0200,
            Items(vec![channel("Lead I (Einthoven)", "1.25", "uV"), channel("Lead aVR", "0.5", "mV")]),
        ),
        (0x5400_1004, Short(16)),
        (0x5400_1006, text("CS", "SS")),
        (0x5400_100a, Bytes("OW", form.short(-999_i16 as u16).into())),
        (0x5400_1010, Bytes("OW", data)),
    ]
}

fn object(groups: Vec<Vec<(u32, Value)>>) -> Vec<(u32, Value)> {
    vec![
        (0x0008_0016, text("UI", "1.2.840.10008.5.1.4.1.1.9.1.1")),
        (0x0008_002a, text("DT", "20130125105919.500")),
        (0x0010_0030, text("DA", "19710125")),
        (0x0010_0040, text("CS", "F")),
        (0x0011_0010, Bytes("UN", vec![1, 2, 3])),
        (0x5400_0100, Items(groups)),
    ]
}

fn file(uid: &str, form: Form, elements: &[(u32, Value)]) -> Vec<u8> {
    let mut out = [&[0; PREAMBLE][..], MARK].concat();
    let plain = Form { syntax: Syntax::EXPLICIT, open: false };
    let uid_element = plain.element(0x0002_0010, &text("UI", uid));
    out.extend(plain.element(0x0002_0000, &Long(uid_element.len() as u32)));
    out.extend(uid_element);
    let data = form.set(elements);
    out.extend(if uid.ends_with(".99") { miniz_oxide::deflate::compress_to_vec(&data, 6) } else { data });
    out
}

fn open(bytes: &[u8]) -> Result<Record> {
    read(Source::of_bytes(Path::new("a/r.dcm"), bytes, &ReadOptions::new()))
}

fn explicit(elements: &[(u32, Value)]) -> Result<Record> {
    open(&file(FORMS[2].0, FORMS[2].1, elements))
}

/// Elements with one of them changed.
fn with(mut elements: Vec<(u32, Value)>, tag: u32, value: Value) -> Vec<(u32, Value)> {
    elements.retain(|(other, _)| *other != tag);
    elements.push((tag, value));
    elements
}

fn samples(lead: &Lead) -> Vec<u32> {
    lead.samples.iter().map(|v| v.to_bits()).collect()
}

#[test]
fn every_transfer_syntax_gives_the_same() {
    for (uid, form) in FORMS {
        let bytes = file(uid, form, &object(vec![group(form, &[0, 1, -2, -999, 32767, -32768])]));
        let record = open(&bytes).unwrap_or_else(|e| panic!("{uid}: {e}"));
        assert!(record.warnings.is_empty(), "{uid}: {:?}", record.warnings);
        assert_eq!((record.name.as_str(), record.sample_rate), ("r", 250.0));
        let [first, second] = &record.leads[..] else { panic!("two leads") };
        assert_eq!((first.name.as_str(), first.units.as_str()), ("I", "uV"));
        assert_eq!((second.name.as_str(), second.units.as_str()), ("aVR", "mV"));
        assert_eq!(first.samples, [-1.5, -6.5, 81916.0], "{uid}");
        assert_eq!(samples(second), [-0.5, f32::NAN, -32769.5].map(f32::to_bits), "{uid}");
        assert_eq!((record.age, record.sex), (Some(42.0), Some(Sex::Female)));
        assert_eq!(record.start.map(|s| s.to_string()).as_deref(), Some("2013-01-25 10:59:19.500"));
        // Without the preamble too.
        assert_eq!(open(&bytes[PREAMBLE + 4..]).expect("reads").leads[0].samples, first.samples);
        assert!(recognises(&bytes) && recognises(&bytes[PREAMBLE + 4..]) && !recognises(&bytes[..131]));
        // Cut anywhere it is an error, or a record with a warning.
        for end in (0..bytes.len()).step_by(7) {
            if let Ok(record) = open(&bytes[..end]) {
                assert!(!record.warnings.is_empty(), "{uid} {end}");
            }
        }
    }
}

#[test]
fn samples_of_8_16_and_32_bits() {
    let form = FORMS[2].1;
    let wide: Vec<u8> = [1, -2, 70_000, i32::MIN].iter().flat_map(|v| form.long(*v as u32)).collect();
    for (bits, word, data, want) in [
        (8, "SB", vec![1, 254, 127, 128], [1.0, -2.0, 127.0, -128.0]),
        (8, "UB", vec![1, 254, 127, 128], [1.0, 254.0, 127.0, 128.0]),
        (16, "US", vec![1, 0, 254, 255, 0, 0, 0, 128], [1.0, 65534.0, 0.0, 32768.0]),
        (32, "SL", wide, [1.0, -2.0, 70_000.0, i32::MIN as f32]),
    ] {
        let mut elements = with(group(form, &[0; 4]), 0x5400_1004, Short(bits));
        elements = with(elements, 0x5400_1006, text("CS", word));
        elements = with(elements, 0x5400_100a, Bytes("OB", vec![0; usize::from(bits) / 8]));
        elements = with(elements, 0x5400_1010, Bytes("OB", data));
        let record = explicit(&object(vec![elements])).unwrap_or_else(|e| panic!("{word}: {e}"));
        let got = [0, 1, 0, 1].iter().enumerate().map(|(i, lead)| {
            let scale = [2.5, 1.0][*lead];
            (record.leads[*lead].samples[i / 2] + 1.5) / scale
        });
        assert_eq!(got.collect::<Vec<f32>>(), want, "{word}");
    }
}

#[test]
fn the_longest_original_group_and_those_with_it() {
    let form = FORMS[2].1;
    let named = |samples: &[i16], label: &str, origin: &str| {
        let group = with(group(form, samples), 0x003a_0020, text("SH", label));
        with(group, 0x003a_0004, text("CS", origin))
    };
    let median = named(&[7; 40], "MEDIAN", "DERIVED");
    let short = named(&[1; 8], "SHORT", "ORIGINAL");
    let long = named(&[2; 12], "LONG", "ORIGINAL");
    let slow = with(named(&[3; 6], "SLOW", "ORIGINAL"), 0x003a_001a, text("DS", "125"));
    let pressure = with(
        named(&[4; 60], "PRESSURE", "ORIGINAL"),
        0x003a_0200,
        Items(vec![channel("Aortic pressure", "1", "mm[Hg]"), channel("Venous pressure", "1", "mm[Hg]")]),
    );
    let late = with(named(&[5; 12], "LATE", "ORIGINAL"), 0x0018_1068, text("DS", "2500"));
    let record = explicit(&object(vec![median, short, long, pressure, slow, late.clone()])).expect("reads");
    assert_eq!(record.sample_rate, 250.0);
    let told: Vec<_> = record.leads.iter().map(|l| (l.name.as_str(), l.sample_rate, l.samples[0])).collect();
    assert_eq!(told, [("I", 250.0, 3.5), ("aVR", 250.0, 0.5), ("I", 125.0, 6.0), ("aVR", 125.0, 1.5)]);
    assert_eq!(
        record.warnings,
        ["group 2 \"SHORT\" is left out", "group 4 \"PRESSURE\" is left out", "group 6 \"LATE\" is left out"]
    );
    let record = explicit(&object(vec![late])).expect("reads");
    assert_eq!(record.start.map(|s| s.to_string()).as_deref(), Some("2013-01-25 10:59:22"));
}

#[test]
fn channels_without_calibration_or_a_lead_s_name() {
    let form = FORMS[2].1;
    let channels =
        vec![vec![], vec![(0x003a_0203, text("SH", "ECG lead V1")), (0x003a_0210, text("DS", "3"))]];
    let elements = with(group(form, &[1, 2]), 0x003a_0200, Items(channels));
    let record = explicit(&object(vec![elements])).expect("reads");
    let told: Vec<_> =
        record.leads.iter().map(|l| (l.name.as_str(), l.units.as_str(), l.samples[0])).collect();
    assert_eq!(told, [("channel 1", "NU", 1.0), ("V1", "NU", 2.0)]);
    assert_eq!(record.warnings, ["2 channels are not calibrated"]);
}

#[test]
fn ages_and_times() {
    for (text, want) in
        [("042Y", Some(42.0)), ("006M", Some(0.5)), ("42", None), ("999Y", None), ("-1Y", None), ("Y", None)]
    {
        assert_eq!(years(text), want, "{text}");
    }
    for (text, want) in [
        ("105919", Some(39559.0)),
        ("10:59:19", Some(39559.0)),
        ("105919.5+0100", Some(39559.5)),
        ("10", Some(36000.0)),
        ("1059", Some(39540.0)),
        ("250000", None),
        ("1", None),
        ("", None),
        ("ab", None),
        ("10é9", None),
    ] {
        assert_eq!(time(text), want, "{text}");
    }
    assert_eq!(date("2013.01.25").map(|d| d.to_string()).as_deref(), Some("2013-01-25"));
    for text in ["", "20130230", "2013", "é30125", "2013012é"] {
        assert_eq!(date(text), None, "{text}");
    }
}

#[test]
fn sequences_end_and_nest_within_bounds() {
    let form = FORMS[3].1;
    let mut deep = Vec::new();
    for _ in 0..100_000 {
        deep.extend(form.tag(0x0040_b020));
        deep.extend(*b"SQ\0\0\xff\xff\xff\xff");
        deep.extend(form.tag(0xfffe_e000));
        deep.extend([255; 4]);
    }
    let mut bytes = file(FORMS[3].0, form, &[]);
    bytes.extend(deep);
    let error = open(&bytes).expect_err("too deep").to_string();
    assert!(error.contains("element (0040,b020): expected at most 16 sequences"), "{error}");
    // A deflated data set that holds much more than it has.
    let mut bytes = file(FORMS[4].0, form, &[]);
    bytes.truncate(bytes.len() - 2);
    bytes.extend(miniz_oxide::deflate::compress_to_vec(&vec![0; 1 << 26], 9));
    let error = open(&bytes).expect_err("a bomb").to_string();
    assert!(error.contains("data set: expected deflated bytes that hold at most"), "{error}");
}
