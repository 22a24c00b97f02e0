//! One record as WFDB, EDF, CSV, DICOM, aECG and SCP-ECG: the same samples, beats and classes. The last three are written here, as small as they may be.

#![cfg(feature = "formats")]

mod harness;

use efficientecg::ecg::Record;
use harness::{folder, name, succeeds};
use serde_json::Value;
use std::path::{Path, PathBuf};

/// The record that comes with the program, or another whose first 90 s are taken.
fn original() -> PathBuf {
    match std::env::var_os("EFFICIENTECG_RECORD") {
        Some(path) => path.into(),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("demo/demo"),
    }
}

/// Digital values of the leads, whose unit is 5 µV, and their rate.
struct Digital {
    leads: Vec<Vec<i16>>,
    rate: f64,
}

const STEP: f64 = 0.005;
/// Samples of a lead of SCP-ECG, whose length in bytes has 16 bits.
const MOST: usize = 32_400;

impl Digital {
    fn of(record: &Record) -> Digital {
        let values = |samples: &[f32]| -> Vec<i16> {
            let digital = samples.iter().take(MOST).map(|v| (f64::from(*v) / STEP).round() as i16);
            digital.collect()
        };
        let leads = record.leads.iter().map(|lead| values(&lead.samples)).collect();
        Digital { leads, rate: record.sample_rate }
    }

    /// HL7 aECG: FDA, version 1.
    fn aecg(&self) -> String {
        let sequence = |code: &str, value: &str| {
            format!(
                "<component><sequence><code code='{code}'/><value>{value}</value></sequence></component>\n"
            )
        };
        let times = format!("<head value='20020101'/><increment value='{}' unit='s'/>", 1.0 / self.rate);
        let mut sequences = sequence("TIME_ABSOLUTE", &times);
        for (lead, code) in self.leads.iter().zip(["II", "V1"]) {
            let digits: Vec<String> = lead.iter().map(ToString::to_string).collect();
            let value = format!(
                "<origin value='0' unit='mV'/><scale value='{STEP}' unit='mV'/><digits>{}</digits>",
                digits.join(" ")
            );
            sequences += &sequence(&format!("MDC_ECG_LEAD_{code}"), &value);
        }
        format!(
            "<AnnotatedECG xmlns='urn:hl7-org:v3'><component><series><code code='RHYTHM'/><component><sequenceSet>\n\
             {sequences}</sequenceSet></component></series></component></AnnotatedECG>\n"
        )
    }

    /// DICOM: an ambulatory ECG (PS3.3 A.34.5), explicit and little endian.
    fn dicom(&self) -> Vec<u8> {
        let element = |tag: u32, kind: &str, body: &[u8]| {
            let mut body = body.to_vec();
            if body.len() % 2 == 1 {
                body.push(b' ');
            }
            let mut out = [(tag >> 16) as u16, tag as u16].map(u16::to_le_bytes).concat();
            out.extend(kind.bytes());
            if ["SQ", "OW"].contains(&kind) {
                out.extend([0, 0]);
                out.extend((body.len() as u32).to_le_bytes());
            } else {
                out.extend((body.len() as u16).to_le_bytes());
            }
            out.extend(body);
            out
        };
        let item = |body: Vec<u8>| {
            let mut out = vec![0xfe, 0xff, 0x00, 0xe0];
            out.extend((body.len() as u32).to_le_bytes());
            out.extend(body);
            out
        };
        let channel = |name: &str| {
            let unit = item(element(0x0008_0100, "SH", b"mV"));
            item(
                [
                    element(0x003a_0203, "SH", name.as_bytes()),
                    element(0x003a_0210, "DS", STEP.to_string().as_bytes()),
                    element(0x003a_0211, "SQ", &unit),
                ]
                .concat(),
            )
        };
        let samples = self.leads[0].len();
        let frames = (0..samples).flat_map(|i| self.leads.iter().flat_map(move |lead| lead[i].to_le_bytes()));
        let group = [
            element(0x003a_0004, "CS", b"ORIGINAL"),
            element(0x003a_0005, "US", &(self.leads.len() as u16).to_le_bytes()),
            element(0x003a_0010, "UL", &(samples as u32).to_le_bytes()),
            element(0x003a_001a, "DS", self.rate.to_string().as_bytes()),
            element(0x003a_0200, "SQ", &[channel("II"), channel("V1")].concat()),
            element(0x5400_1004, "US", &16_u16.to_le_bytes()),
            element(0x5400_1006, "CS", b"SS"),
            element(0x5400_1010, "OW", &frames.collect::<Vec<u8>>()),
        ];
        let syntax = element(0x0002_0010, "UI", b"1.2.840.10008.1.2.1\0");
        [
            vec![0; 128],
            b"DICM".to_vec(),
            element(0x0002_0000, "UL", &(syntax.len() as u32).to_le_bytes()),
            syntax,
            element(0x0008_0016, "UI", b"1.2.840.10008.5.1.4.1.1.9.1.3\0"),
            element(0x5400_0100, "SQ", &item(group.concat())),
        ]
        .concat()
    }

    /// SCP-ECG: sections 0, 3 and 6, without compression.
    fn scp(&self) -> Vec<u8> {
        let samples = self.leads[0].len() as u32;
        let mut leads = vec![self.leads.len() as u8, 4];
        for code in [2, 3] {
            leads.extend([1, samples].map(u32::to_le_bytes).concat());
            leads.push(code);
        }
        let interval = (1e6 / self.rate).round() as u16;
        let mut data = [(STEP * 1e6) as u16, interval].map(u16::to_le_bytes).concat();
        data.extend([0, 0]);
        self.leads.iter().for_each(|lead| data.extend((2 * lead.len() as u16).to_le_bytes()));
        self.leads.iter().for_each(|lead| lead.iter().for_each(|v| data.extend(v.to_le_bytes())));
        let section = |number: u16, body: &[u8]| {
            let mut out = number.to_le_bytes().to_vec();
            out.extend((body.len() as u32 + 16).to_le_bytes());
            out.extend([20, 20]);
            out.extend(if number == 0 { b"SCPECG" } else { &[0; 6] });
            out.extend(body);
            [crc(&out).to_le_bytes().to_vec(), out].concat()
        };
        let bodies = [section(3, &leads), section(6, &data)];
        let mut pointers = Vec::new();
        let mut place = 7;
        for (number, size) in [(0, 16 + 30), (3, bodies[0].len() as u32), (6, bodies[1].len() as u32)] {
            pointers.extend(u16::to_le_bytes(number));
            pointers.extend([size, place].map(u32::to_le_bytes).concat());
            place += size;
        }
        let rest = [section(0, &pointers), bodies.concat()].concat();
        let rest = [(rest.len() as u32 + 6).to_le_bytes().to_vec(), rest].concat();
        [crc(&rest).to_le_bytes().to_vec(), rest].concat()
    }
}

/// CRC-CCITT.
fn crc(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0xffff, |rest, byte| {
        (0..8).fold(rest ^ u16::from(*byte) << 8, |rest: u16, _| {
            if rest & 0x8000 == 0 { rest << 1 } else { rest << 1 ^ 0x1021 }
        })
    })
}

/// Places and classes of the beats.
fn beats(path: &Path, leads: &str) -> Vec<(i64, String)> {
    let args =
        ["classify", "--model", "mitbih-beats", "--backend", "cpu", "--json", name(path), "--lead", leads];
    let found: Value = serde_json::from_str(&succeeds(&args)).expect("JSON");
    let rows = found[0]["findings"].as_array().expect("beats").clone();
    let class = |row: &Value| row["class"].as_str().unwrap_or("-").to_owned();
    rows.iter().map(|row| (row["sample"].as_i64().expect("a sample"), class(row))).collect()
}

#[test]
fn one_record_in_six_formats() {
    let folder = folder();
    let at = |file: &str| folder.path().join(file);
    let digital = Digital::of(&Record::open(original()).expect("a record"));
    std::fs::write(at("r.xml"), digital.aecg()).expect("written");
    std::fs::write(at("r.dcm"), digital.dicom()).expect("written");
    std::fs::write(at("r.scp"), digital.scp()).expect("written");
    // The others have no patient either, as age and sex have a say.
    for file in ["r.csv", "r.edf", "r.hea"] {
        succeeds(&["convert", name(&at("r.dcm")), name(&at(file))]);
    }
    let first = Record::open(at("r.hea")).expect("reads");
    for (lead, digital) in first.leads.iter().zip(&digital.leads) {
        assert_eq!(lead.samples.len(), digital.len());
        for (sample, digital) in lead.samples.iter().zip(digital) {
            assert!((f64::from(*sample) - f64::from(*digital) * STEP).abs() < 1e-6, "{sample}");
        }
    }
    let want = beats(&at("r.hea"), "MLII=II");
    let classes = |class: &str| want.iter().filter(|(_, c)| c == class).count();
    assert!(want.len() > 90 && classes("N") > 80, "{want:?}");
    for file in ["r.csv", "r.edf", "r.dcm", "r.xml", "r.scp"] {
        let record = Record::open(at(file)).expect("reads");
        assert!(record.warnings.is_empty(), "{file}: {:?}", record.warnings);
        // A scale in mV and one in other units may round a sample to the next float.
        assert_eq!(record.leads.len(), first.leads.len());
        for (lead, want) in record.leads.iter().zip(&first.leads) {
            let same = |(a, b): (&f32, &f32)| (a - b).abs() <= 1e-6 * b.abs();
            assert!(lead.samples.len() == want.samples.len(), "{file}");
            assert!(lead.samples.iter().zip(&want.samples).all(same), "{file}: {}", lead.name);
            assert!((lead.sample_rate - want.sample_rate).abs() < 1e-6, "{file}: {}", lead.sample_rate);
        }
        assert_eq!(beats(&at(file), "MLII=II"), want, "{file}");
    }
}
