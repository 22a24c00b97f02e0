use super::sections::crc;
use super::*;
use crate::{ReadOptions, Sex};
use std::path::Path;

/// Bodies of sections, by number.
#[derive(Default, Clone)]
struct File(Vec<(u16, Vec<u8>)>);

impl File {
    fn with(mut self, number: u16, body: Vec<u8>) -> File {
        self.0.retain(|(other, _)| *other != number);
        self.0.push((number, body));
        self
    }

    fn bytes(&self) -> Vec<u8> {
        let section = |number: u16, body: &[u8]| {
            let mut out = number.to_le_bytes().to_vec();
            out.extend((body.len() as u32 + 16).to_le_bytes());
            out.extend([20, 20]);
            out.extend(if number == 0 { b"SCPECG" } else { &[0; 6] });
            out.extend(body);
            [crc(&out).to_le_bytes().to_vec(), out].concat()
        };
        let bodies: Vec<_> = self.0.iter().map(|(number, body)| section(*number, body)).collect();
        let first = 16 + 10 * (self.0.len() as u32 + 1);
        let mut pointers = Vec::new();
        let mut place = 7;
        for (number, size) in
            [(0, first)].into_iter().chain(self.0.iter().zip(&bodies).map(|((n, _), b)| (*n, b.len() as u32)))
        {
            pointers.extend(number.to_le_bytes());
            pointers.extend([size, place].map(u32::to_le_bytes).concat());
            place += size;
        }
        let rest = [section(0, &pointers), bodies.concat()].concat();
        let rest = [(rest.len() as u32 + 6).to_le_bytes().to_vec(), rest].concat();
        [crc(&rest).to_le_bytes().to_vec(), rest].concat()
    }

    fn read(&self) -> Record {
        read(Source::of_bytes(Path::new("a/r.scp"), &self.bytes(), &ReadOptions::new()))
            .unwrap_or_else(|e| panic!("{e}"))
    }

    fn error(&self) -> String {
        read(Source::of_bytes(Path::new("a/r.scp"), &self.bytes(), &ReadOptions::new()))
            .expect_err("an error")
            .to_string()
    }
}

fn words(values: &[i16]) -> Vec<u8> {
    values.iter().flat_map(|v| v.to_le_bytes()).collect()
}

/// Section 3 of these leads: code, first and last sample.
fn leads(flags: u8, leads: &[(u8, u32, u32)]) -> Vec<u8> {
    let mut out = vec![leads.len() as u8, flags];
    for (code, first, last) in leads {
        out.extend([*first, *last].map(u32::to_le_bytes).concat());
        out.push(*code);
    }
    out
}

/// Section 5 or 6: nV a unit, µs a sample, differences, bimodal, and bytes of each lead.
fn data(step: u16, interval: u16, differences: u8, bimodal: u8, leads: &[Vec<u8>]) -> Vec<u8> {
    let mut out = [step.to_le_bytes(), interval.to_le_bytes()].concat();
    out.extend([differences, bimodal]);
    leads.iter().for_each(|lead| out.extend((lead.len() as u16).to_le_bytes()));
    out.extend(leads.concat());
    out
}

/// Bytes of `0` and `1`.
fn bits(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(|b| *b != b' ').map(|b| b - b'0').collect();
    digits.chunks(8).map(|c| c.iter().enumerate().fold(0, |byte, (i, bit)| byte | bit << (7 - i))).collect()
}

/// One lead of four samples, as they are.
fn plain() -> File {
    File::default()
        .with(3, leads(4, &[(1, 1, 4)]))
        .with(6, data(2500, 2000, 0, 0, &[words(&[1, -2, 300, -32768])]))
}

#[test]
fn samples_as_they_are() {
    let patient = [
        &[5, 4, 0, 0xa1, 7, 5, 8, 8, 1, 0, 1][..],
        &[25, 4, 0, 0xd1, 7, 5, 8, 26, 3, 0, 9, 10, 11, 255, 0, 0],
    ]
    .concat();
    let file = plain().with(1, patient);
    let record = file.read();
    assert!(record.warnings.is_empty(), "{:?}", record.warnings);
    assert_eq!((record.name.as_str(), record.sample_rate), ("r", 500.0));
    let lead = &record.leads[0];
    assert_eq!((lead.name.as_str(), lead.units.as_str(), lead.sample_rate), ("I", "mV", 500.0));
    assert_eq!(lead.samples, [0.0025, -0.005, 0.75, -81.92]);
    assert_eq!((record.age, record.sex), (Some(48.0), Some(Sex::Male)));
    assert_eq!(record.start.map(|s| s.to_string()).as_deref(), Some("2001-05-08 09:10:11"));
    // An age of its own counts first: 18 months.
    let record = plain().with(1, vec![4, 3, 0, 18, 0, 2, 8, 1, 0, 2]).read();
    assert_eq!((record.age, record.sex), (Some(1.5), Some(Sex::Female)));
    let record = plain().with(1, vec![8, 1, 0, 9, 4, 9, 0, 1]).read();
    assert_eq!((record.age, record.sex), (None, None));
    assert_eq!(record.warnings, ["section 1 ends within a field"]);
}

#[test]
fn sums_of_differences() {
    for (differences, stored) in [(1, [5, -7, 10, 0]), (2, [5, -2, 17, -10])] {
        let file = plain().with(6, data(1000, 4000, differences, 0, &[words(&stored)]));
        let record = file.read();
        assert_eq!(record.leads[0].samples, [0.005, -0.002, 0.008, 0.008]);
        assert_eq!(record.sample_rate, 250.0);
    }
}

#[test]
fn the_standards_codes() {
    let values = [0_i16, 1, -1, 2, -8, 8, 9, -128, 127, -129, 32767, -32768];
    let text =
        "0 100 101 1100 1111111101 1111111100 1111111110 00001001 1111111110 10000000 1111111110 01111111
        1111111111 1111111101111111 1111111111 0111111111111111 1111111111 1000000000000000"
            .replace('\n', "");
    let file = plain().with(2, 19_999_u16.to_le_bytes().into()).with(3, leads(4, &[(2, 1, 12)]));
    let record = file.clone().with(6, data(1000, 2000, 0, 0, &[bits(&text)])).read();
    assert_eq!(record.leads[0].samples, values.map(|v| f32::from(v) / 1000.0));
    // 118 bits in 15 bytes leave two zeros, which are values too, but no more.
    let error = file.with(3, leads(4, &[(2, 1, 40)])).with(6, data(1, 1, 0, 0, &[bits(&text)])).error();
    assert!(error.contains("section 6: data of lead 1: expected 40 samples, found 1"), "{error}");
}

#[test]
fn tables_of_the_file_and_changes_between_them() {
    // Table 1: 0 -> 7, 10 -> table 2, 11 -> three more bits added to 100. Table 2: 1 -> -4, 01 -> table 1.
    let code = |prefix, whole, mode, value: i16, bits: u32| {
        [&[prefix, whole, mode][..], &value.to_le_bytes(), &bits.to_le_bytes()].concat()
    };
    let tables = [
        vec![2, 0, 3, 0],
        code(1, 1, 1, 7, 0),
        code(2, 2, 0, 2, 0b01),
        code(2, 5, 1, 100, 0b11),
        vec![2, 0],
        code(1, 1, 1, -4, 1),
        code(2, 2, 0, 1, 0b10),
    ]
    .concat();
    let file = plain().with(2, tables).with(3, leads(4, &[(8, 1, 6), (61, 1, 6)]));
    let data = data(1000, 2000, 0, 0, &[bits("0 11 011 10 1 1 01 0 11 100"), bits("0 0 0 0 10 1 1")]);
    let record = file.with(6, data).read();
    assert_eq!(record.leads[0].samples, [7.0, 103.0, -4.0, -4.0, 7.0, 96.0].map(|v: f32| v / 1000.0));
    // Each lead begins with the first table.
    assert_eq!(record.leads[1].samples, [7.0, 7.0, 7.0, 7.0, -4.0, -4.0].map(|v: f32| v / 1000.0));
    assert_eq!([0, 1].map(|i| record.leads[i].name.as_str()), ["V6", "III"]);
}

/// Section 4: length in ms, fiducial point; QRS complexes (kind, first, fiducial, last) and protected zones.
fn qrs(length: u16, fiducial: u16, complexes: &[(u16, u32, u32, u32)], zones: &[(u32, u32)]) -> Vec<u8> {
    let mut out = words(&[length as i16, fiducial as i16, complexes.len() as i16]);
    for (kind, first, middle, last) in complexes {
        out.extend(kind.to_le_bytes());
        out.extend([*first, *middle, *last].map(u32::to_le_bytes).concat());
    }
    zones.iter().for_each(|(first, last)| out.extend([*first, *last].map(u32::to_le_bytes).concat()));
    out
}

#[test]
fn averages_are_spread_and_the_beat_is_added() {
    let file = File::default()
        .with(3, leads(5, &[(1, 1, 24)]))
        .with(4, qrs(10, 3, &[(0, 12, 13, 15), (1, 20, 21, 22)], &[(12, 14), (20, 20)]))
        .with(5, data(2000, 2000, 0, 0, &[words(&[100, 200, 300, 400, 500])]))
        .with(6, data(1000, 8000, 0, 1, &[words(&[8, 16, 1, 2, 3, 40, 41, 42, 9, 5, 70, -80])]));
    let record = file.read();
    assert_eq!((record.sample_rate, record.leads[0].sample_rate), (500.0, 500.0));
    let want = [
        // 11 samples: two averages, 8 and 16, and three as they are.
        [8.0, 8.0, 8.0, 10.0, 12.0, 14.0, 16.0, 16.0, 1.0, 2.0, 3.0].to_vec(),
        // Protected; the beat is added from one before its fiducial point to two after.
        vec![40.0 + 400.0, 41.0 + 600.0, 42.0 + 800.0],
        // Five samples: an average and one as it is; the first has the beat's last.
        vec![9.0 + 1000.0, 9.0, 9.0, 9.0, 5.0],
        // One protected, and four of an average. A beat of another kind is not subtracted.
        vec![70.0, -80.0, -80.0, -80.0, -80.0],
    ]
    .concat();
    let want: Vec<f32> = want.iter().map(|v| v / 1000.0).collect();
    assert_eq!(record.leads[0].samples, want);
    let other = file.clone().with(5, data(2000, 3000, 0, 0, &[words(&[1, 2, 3])])).error();
    assert!(other.contains("section 6: a sample each 8000 µs, of the beat each 3000 µs"), "{other}");
}

#[test]
fn leads_one_after_another_leave_missing_samples() {
    let file = plain()
        .with(3, leads(0, &[(1, 5, 6), (2, 7, 9)]))
        .with(6, data(1000, 2000, 0, 0, &[words(&[1, 2]), words(&[3, 4, 5])]));
    let record = file.read();
    let bits = |i: usize| record.leads[i].samples.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
    let nan = f32::NAN;
    let want = |values: [f32; 5]| values.map(|v| (v / 1000.0).to_bits()).to_vec();
    assert_eq!(bits(0), want([1.0, 2.0, nan, nan, nan]));
    assert_eq!(bits(1), want([nan, nan, 3.0, 4.0, 5.0]));
    let file = plain().with(3, leads(0, &[(1, 1, 4), (2, 4_000_000_000, 4_000_000_001)]));
    let error = file.with(6, data(1, 1, 0, 0, &[words(&[1; 4]), words(&[1; 2])])).error();
    assert!(error.contains("section 3: samples of the leads: expected leads that are missing"), "{error}");
}

#[test]
fn check_sums_and_what_follows_are_told() {
    assert_eq!(crc(b"123456789"), 0x29b1);
    let mut bytes = plain().bytes();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    bytes.extend([0; 3]);
    let record = read(Source::of_bytes(Path::new("r.scp"), &bytes, &ReadOptions::new())).expect("reads");
    assert_eq!(
        record.warnings,
        [
            "3 bytes after the record are left out",
            "the check sum of the file does not fit",
            "the check sum of section 6 does not fit"
        ]
    );
    assert!(recognises(&bytes));
    // Before version 1.3 there was no mark.
    bytes[16..22].fill(0);
    assert!(recognises(&bytes) && recognises(&bytes[..64]));
    for cut in 0..22 {
        assert!(!recognises(&bytes[..cut]), "{cut}");
    }
    assert!(!recognises(&[0; 64]) && !recognises(b"0       "));
    let record = plain().with(6, data(0, 2000, 0, 0, &[words(&[1, 2, 3, 4])])).read();
    assert_eq!((record.leads[0].units.as_str(), &record.leads[0].samples[..2]), ("NU", &[1.0, 2.0][..]));
    assert_eq!(record.warnings, ["the leads are not calibrated: a unit has 0 nV"]);
}

#[test]
fn rates_whose_interval_is_rounded() {
    for (interval, rate) in [(2778, 360.0), (3333, 300.0), (2000, 500.0), (3906, 256.0), (2790, 1e6 / 2790.0)]
    {
        let body = data(2500, interval, 0, 0, &[words(&[1, -2, 300, -32768])]);
        assert_eq!(plain().with(6, body).read().sample_rate, rate, "{interval}");
    }
}
