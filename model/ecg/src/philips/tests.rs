use super::*;
use crate::{ReadOptions, Sex};

/// What a file says, each part of which a test may change.
struct File {
    attributes: String,
    signal: String,
    patient: String,
    leads: Vec<Vec<i32>>,
    /// In place of the leads.
    data: Option<String>,
}

fn base64_of(bytes: &[u8]) -> String {
    const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for group in bytes.chunks(3) {
        let bits =
            group.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - group.len()));
        (0..=group.len()).for_each(|i| text.push(char::from(LETTERS[(bits >> (18 - 6 * i) & 63) as usize])));
    }
    text
}

impl File {
    fn new(leads: Vec<Vec<i32>>) -> File {
        File {
            attributes: "dataencoding='Base64' compression='XLI' durationperchannel='40' numberofleads='2' leadlabels='I II'".into(),
            signal: "<samplingrate>100</samplingrate><resolution>5</resolution>".into(),
            patient: String::new(),
            leads,
            data: None,
        }
    }

    fn text(&self) -> String {
        let bytes: Vec<u8> = if self.attributes.contains("XLI") {
            self.leads.iter().flat_map(|lead| xli::tests::encode(lead)).collect()
        } else {
            self.leads.iter().flatten().flat_map(|v| (*v as i16).to_le_bytes()).collect()
        };
        let data = self.data.clone().unwrap_or_else(|| base64_of(&bytes));
        format!(
            "<restingecgdata xmlns='http://www3.medical.philips.com'><dataacquisition date='2010-01-19' time='15:19:22'>\
            <signalcharacteristics>{}</signalcharacteristics></dataacquisition><patient><generalpatientdata>{}\
            </generalpatientdata></patient><waveforms>\n<parsedwaveforms {}>{data}</parsedwaveforms></waveforms></restingecgdata>",
            self.signal, self.patient, self.attributes
        )
    }

    fn try_read(&self) -> Result<Record> {
        read(Source::of_bytes(Path::new("a/r.xml"), self.text().as_bytes(), &ReadOptions::new()))
    }

    fn read(&self) -> Record {
        self.try_read().unwrap_or_else(|e| panic!("{e}"))
    }

    /// With another text in place of one of its attributes or elements.
    fn with(mut self, from: &str, to: &str) -> File {
        assert!(self.attributes.contains(from) || self.signal.contains(from), "{from}");
        self.attributes = self.attributes.replace(from, to);
        self.signal = self.signal.replace(from, to);
        self
    }
}

fn two() -> File {
    File::new(vec![vec![1, 2, -3, 4], vec![100, -200, 300, 0]])
}

#[test]
fn both_versions_describe_samples() {
    let record = two().read();
    assert_eq!((record.sample_rate, record.leads.len(), record.name.as_str()), (100.0, 2, "r"));
    assert_eq!(record.start.map(|s| s.to_string()).as_deref(), Some("2010-01-19 15:19:22"));
    let [i, ii] = &record.leads[..] else { panic!("two leads") };
    assert_eq!(
        (i.name.as_str(), i.units.as_str(), &i.samples[..]),
        ("I", "uV", &[5.0, 10.0, -15.0, 20.0][..])
    );
    assert_eq!((ii.name.as_str(), &ii.samples[..]), ("II", &[500.0, -1000.0, 1500.0, 0.0][..]));
    // Version 1.03, whose leads have their names by the set; a duration that is shorter than what is there.
    let mut file = two()
        .with("compression=", "compressflag='True' compressmethod=")
        .with(" numberofleads='2' leadlabels='I II'", "");
    file.attributes = file.attributes.replace("'40'", "'30'");
    file.signal = "<samplingrate>100</samplingrate><signalresolution>2.5</signalresolution><acquisitiontype>STD-12</acquisitiontype>\
        <numberchannelsallocated>2</numberchannelsallocated><bitspersample>16</bitspersample><signaloffset>1</signaloffset>"
        .into();
    let record = file.read();
    assert_eq!((record.leads[1].name.as_str(), &record.leads[0].samples[..]), ("II", &[0.0, 2.5, -10.0][..]));
    // Of an unknown set they have none.
    file.signal = file.signal.replace("STD-12", "16-LEAD");
    assert_eq!(file.read().leads[1].name, "Channel 2");
}

#[test]
fn limb_leads_are_kept_as_differences() {
    let stored = vec![vec![1, 5], vec![4, -2], vec![0, 1], vec![0, 0], vec![1, 0], vec![0, 3]];
    let names = "leadlabels='I II III aVR aVL aVF'";
    let mut file =
        File::new(stored.clone()).with("leadlabels='I II'", names).with("'2'", "'6'").with("'40'", "'20'");
    file.signal = file.signal.replace(">5<", ">1<");
    let want = [[1.0, 5.0], [4.0, -2.0], [3.0, -8.0], [-2.0, -1.0], [-2.0, 6.0], [3.0, -8.0]];
    let samples = |file: &File| file.read().leads.iter().map(|lead| lead.samples.clone()).collect::<Vec<_>>();
    assert_eq!(samples(&file), want);
    // So they are without compression, unless the third is what the others give.
    file = file.with("compression='XLI'", "");
    assert_eq!(samples(&file), want);
    file.leads = want.iter().map(|lead| lead.iter().map(|v| *v as i32).collect()).collect();
    assert_eq!(samples(&file), want);
    // Other leads are what they are.
    let file = File::new(stored.clone())
        .with("leadlabels='I II'", "leadlabels='V1 V2 V3 V4 V5 V6'")
        .with("'2'", "'6'")
        .with("'40'", "'20'");
    assert_eq!(samples(&file)[2], [0.0, 5.0]);
}

#[test]
fn age_and_sex() {
    for (text, age, sex) in [
        ("<age><years>50</years></age><sex>Male</sex>", Some(50.0), Some(Sex::Male)),
        ("<age><months>6</months></age><sex>Female</sex>", Some(0.5), Some(Sex::Female)),
        (
            "<age defaultage='50'><dateofbirth>1950-01-19</dateofbirth></age><sex>Unknown</sex>",
            Some(60.0),
            None,
        ),
        ("<age><years/><dateofbirth/></age>", None, None),
        ("", None, None),
    ] {
        let mut file = two();
        file.patient = text.into();
        let record = file.read();
        assert_eq!((record.age, record.sex), (age, sex), "{text}");
    }
}

#[test]
fn malformed_files_are_one_line() {
    let mut wrong: Vec<String> = Vec::new();
    let data = |text: &str| {
        let mut file = two();
        file.data = Some(text.into());
        file
    };
    let text = two().text();
    let cases = [
        ("no encoding", two().with("Base64", "Hex"), "the encoding \"Hex\" of samples"),
        ("compression", two().with("XLI", "ZIP"), "the compression \"ZIP\""),
        ("bits", two().with("dataenc", "bitspersample='24' dataenc"), "24\" bits a sample"),
        ("bits in words", two().with("dataenc", "nbitspersample='many' dataenc"), "\"many\" bits a sample"),
        ("no sign", two().with("dataenc", "signalsigned='False' dataenc"), "samples without a sign"),
        (
            "no rate",
            two().with("<samplingrate>100</samplingrate>", ""),
            "samplespersecond: expected more than 0, found none",
        ),
        ("rate 0", two().with(">100<", ">0<"), "expected more than 0, found 0"),
        ("rate in words", two().with(">100<", ">fast<"), "samplingrate: expected a number, found \"fast\""),
        ("endless rate", two().with(">100<", ">inf<"), "samplingrate: expected a number"),
        (
            "no resolution",
            two().with("<resolution>5</resolution>", ""),
            "resolution: expected more than 0, found none",
        ),
        ("resolution below 0", two().with(">5<", ">-5<"), "resolution: expected more than 0, found -5"),
        (
            "resolution beyond f32",
            two().with(">5<", ">1e300<"),
            "resolution: expected samples in the range of f32",
        ),
        ("duration in words", two().with("'40'", "'long'"), "durationperchannel: expected a number"),
        (
            "a duration without end",
            two().with("'40'", "'1e300'"),
            "lead I: expected 18446744073709551615 samples, found 4",
        ),
        ("short", two().with("'40'", "'50'"), "lead I: expected 5 samples, found 4"),
        (
            "a lead less",
            two().with("'2'", "'3'").with("I II", "I II III"),
            "samples: expected 3 leads, found 2",
        ),
        (
            "2^60 leads",
            two().with("'2'", "'1152921504606846976'").with("leadlabels='I II'", ""),
            "1152921504606846976 leads, found 2",
        ),
        ("leads in words", two().with("'2'", "'two'"), "numberofleads: expected a number"),
        ("nothing", data(""), "samples: expected XLI, found 0 bytes"),
        ("no base64", data("%%%"), "samples: expected base64, found the byte 0x25 at 0"),
        ("cut base64", data("AAAAA"), "samples: expected base64, found an incomplete group"),
        (
            "after the padding",
            data("AA==AAAA"),
            "samples: expected base64, found characters after the padding",
        ),
        ("a head alone", data("BQAAAAAAAAA="), "samples: expected XLI, found 0 bytes of the 5 of lead 1"),
        ("2^32 bytes", data("/////wAAAAAAAA=="), "of the 4294967295 of lead 1"),
        ("an unknown code", data("AgAAAAAAAACAAA=="), "found the unknown code 512 in lead 1"),
        ("an empty lead", data("AAAAAAAAAAAAAAAAAAAAAA=="), "lead I: expected 4 samples, found 0"),
        (
            "uncompressed and short",
            two().with("XLI", "none").with("'40'", "'90'"),
            "samples: expected 2 leads, found 0",
        ),
        (
            "uncompressed and empty",
            {
                let mut f = data("").with("XLI", "");
                f.attributes = f.attributes.replace("durationperchannel='40'", "");
                f
            },
            "samples: expected at least 1 a lead",
        ),
    ];
    let mut all: Vec<(&str, String, &str)> =
        cases.iter().map(|(label, file, part)| (*label, file.text(), *part)).collect();
    all.push(("cut", text[..400].to_owned(), "XML: expected well-formed text"));
    all.push((
        "no waveforms",
        text.replace("parsedwaveforms", "x"),
        "restingecgdata: expected an element waveforms/parsedwaveforms",
    ));
    all.push((
        "empty",
        "<restingecgdata/>".into(),
        "expected an element waveforms/parsedwaveforms, found none",
    ));
    all.push(("entities", format!("<!DOCTYPE a [<!ENTITY b 'c'>]>{text}"), "XML with entities of its own"));
    for (label, text, part) in all {
        assert!(recognises(text.as_bytes()), "{label}");
        let read = read(Source::of_bytes(Path::new("a/r.xml"), text.as_bytes(), &ReadOptions::new()));
        let error = read.expect_err(label).to_string();
        let whole = error.starts_with("a/r.xml") && error.contains(part) && error.contains("; ");
        if !whole || error.lines().count() != 1 || error.len() >= 1000 {
            wrong.push(format!("{label}: {error}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
