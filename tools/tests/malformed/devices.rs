//! Files of SCP-ECG and of DICOM: sound ones with some bytes changed.

use super::{Case, golden, name, put};
use std::path::Path;

fn classify(label: &str, path: &Path, parts: &[&str]) -> Case {
    let weights = golden().0;
    let args = ["classify", "--weights", name(&weights), name(path)];
    let file = path.file_name().expect("a name").to_str().expect("UTF-8");
    Case::new(label, &args, &[&[file], parts].concat())
}

fn sound(file: &str) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/golden");
    std::fs::read(folder.join(file)).unwrap_or_else(|e| panic!("{file}: {e}"))
}

fn replace(mut bytes: Vec<u8>, at: usize, new: &[u8]) -> Vec<u8> {
    bytes[at..at + new.len()].copy_from_slice(new);
    bytes
}

pub(crate) fn scp(folder: &Path) -> Vec<Case> {
    let mut cases = Vec::new();
    let mut number = 0;
    let mut add = |label: &str, bytes: &[u8], parts: &[&str]| {
        number += 1;
        let path = put(folder, &format!("s{number}.scp"), bytes);
        cases.push(classify(label, &path, parts));
    };
    let whole = sound("scp/averaged.scp");
    let with = |at: usize, new: &[u8]| replace(whole.clone(), at, new);
    // The pointer to a section, and the section's body.
    let pointer = |section: usize| 22 + 10 * section;
    let place = |section: usize| {
        let at = pointer(section) + 6;
        u32::from_le_bytes(whole[at..at + 4].try_into().expect("4 bytes")) as usize - 1
    };
    let body = |section: usize, at: usize, new: &[u8]| with(place(section) + 16 + at, new);
    let long = u32::MAX.to_le_bytes();
    add("cut in section 0", &whole[..60], &["record: expected 1843 bytes, found 60 bytes"]);
    add("cut in the data", &whole[..1838], &["record: expected 1843 bytes"]);
    add("a longer record", &with(2, &long), &["record: expected 4294967295 bytes"]);
    add("a record of 20 bytes", &with(2, &[20, 0, 0, 0]), &["section 0: length"]);
    add("section 0 longer than the record", &with(10, &long), &["section 0: length", "4294967295"]);
    add("section 0 of 3 bytes", &with(10, &[3, 0, 0, 0]), &["section 0: length", "found 3"]);
    add("no leads", &with(pointer(3) + 2, &[0; 4]), &["section 3: length: expected leads", "found none"]);
    add("no rhythm data", &with(pointer(6) + 2, &[0; 4]), &["section 6: length: expected rhythm data"]);
    add("days", &with(pointer(6), &[12, 0]), &["a record of days (section 12)"]);
    add("no reference beat", &with(pointer(5) + 2, &[0; 4]), &["section 5", "the reference beat"]);
    add("no QRS complexes", &with(pointer(4) + 2, &[0; 4]), &["section 4", "QRS complexes"]);
    add("a pointer behind the end", &with(pointer(6) + 6, &long), &["section 6: pointer", "byte 4294967295"]);
    add("a pointer to byte 0", &with(pointer(6) + 6, &[0; 4]), &["section 6: pointer", "at byte 0"]);
    add("a section of 4 GB", &with(pointer(2) + 2, &long), &["section 2: pointer", "4294967295 bytes"]);
    add("a section of 5 bytes", &with(pointer(2) + 2, &[5, 0, 0, 0]), &["section 2: pointer", "at least 16"]);
    add("another section's place", &with(place(3) + 2, &[7, 0]), &["section 3: number: expected 3, found 7"]);
    add("0 leads", &body(3, 0, &[0]), &["section 3: number of leads: expected at least 1"]);
    add("255 leads", &body(3, 0, &[255]), &["section 3: lead 4: expected 4 bytes"]);
    add("a lead from 0", &body(3, 2, &[0; 4]), &["section 3: lead 1", "0 to 620"]);
    add("a lead that ends before", &body(3, 6, &[0; 4]), &["section 3: lead 1", "1 to 0"]);
    add("a lead of 2^32 samples", &body(3, 6, &long), &["section 6: data of lead 1", "at most"]);
    add("0 tables", &body(2, 0, &[0, 0]), &["section 2: number of tables"]);
    add("65,535 tables", &body(2, 0, &[255, 255]), &["section 2: number of codes of table 1"]);
    add("65,535 QRS complexes", &body(4, 4, &[255, 255]), &["section 4: QRS complex 7: expected"]);
    let zone = 6 + 4 * 14;
    add(
        "zones in no order",
        &body(4, zone + 8, &[50, 0]),
        &["section 4: protected zone 2: expected", "after 77, found 50"],
    );
    add("0 µs", &body(6, 2, &[0, 0]), &["section 6: sample interval"]);
    add("0 µs of the beat", &body(5, 2, &[0, 0]), &["section 5: sample interval"]);
    add("other rates", &body(6, 2, &[0x41, 0x1f]), &["a sample each 8001 µs, of the beat each 2000"]);
    add("averages of 8", &body(6, 2, &16_000_u16.to_le_bytes()), &["a sample each 16000 µs"]);
    add("third differences", &body(6, 4, &[3]), &["section 6: differences: expected 0, 1 or 2, found 3"]);
    add("a lead of 0 bytes", &body(6, 6, &[0, 0]), &["section 6: data of lead 1", "found at most 0 in 0"]);
    add("a lead of 65,535 bytes", &body(6, 6, &[255, 255]), &["section 6: data of lead 1", "65535 bytes"]);
    add("a lead of 60 bytes", &body(6, 6, &[60, 0]), &["section 6: data of lead 1: expected", "in 60 bytes"]);
    add("a beat of 65 s", &body(4, 0, &[255, 255]), &["section 5: data of lead 1: expected 32768 samples"]);
    // Section 2 has no room for a table of its own: one that points into section 3's bytes.
    let mut table = with(pointer(2) + 2, &[20 + 9, 0, 0, 0]);
    for (label, code, part) in [
        ("a prefix of 0 bits", [0, 0, 1, 0, 0, 0, 0, 0, 0], "table 1 code 1: expected a prefix of 1 to 32"),
        ("a prefix of 33 bits", [33, 33, 1, 0, 0, 0, 0, 0, 0], "found 33 bits of 33"),
        ("a prefix longer than its code", [3, 2, 1, 0, 0, 0, 0, 0, 0], "found 3 bits of 2"),
        ("255 bits after a prefix", [1, 255, 1, 0, 0, 0, 0, 0, 0], "found 1 bits of 255"),
        ("a table that is not there", [1, 1, 0, 2, 0, 0, 0, 0, 0], "expected a table of 1 to 1, found 2"),
        ("itself for ever", [1, 1, 0, 1, 0, 0, 0, 0, 0], "section 5: data of lead 1: expected 90 samples"),
    ] {
        // The bytes move section 3 and all after it: behind the record's end they are free.
        let end = table.len();
        let mut bytes = replace(table.clone(), pointer(2) + 6, &(end as u32 + 1).to_le_bytes());
        bytes.extend([0, 0, 2, 0]);
        bytes.extend(29_u32.to_le_bytes());
        bytes.extend([20, 20, 0, 0, 0, 0, 0, 0]);
        bytes.extend([1, 0, 1, 0]);
        bytes.extend(code);
        let length = bytes.len() as u32;
        bytes = replace(bytes, 2, &length.to_le_bytes());
        add(label, &bytes, &["section", part]);
    }
    table.truncate(30);
    add("a front alone", &table, &["record: expected 1843 bytes, found 30"]);
    add("no lead that the model has", &whole, &["lead"]);
    cases.last_mut().expect("a case").parts.remove(0);
    cases
}

pub(crate) fn dicom(folder: &Path) -> Vec<Case> {
    let mut cases = Vec::new();
    let mut number = 0;
    let mut add = |label: &str, bytes: &[u8], parts: &[&str]| {
        number += 1;
        let path = put(folder, &format!("d{number}.dcm"), bytes);
        cases.push(classify(label, &path, parts));
    };
    let whole = sound("dicom/explicit.dcm");
    // The first element of a tag: 4 bytes, 2 of its type, 2 of its length or 2 zeros and 4 of it.
    let find = |group: u16, element: u16| {
        let tag = [group.to_le_bytes(), element.to_le_bytes()].concat();
        whole.windows(4).position(|window| window == tag).expect("the element")
    };
    let with = |group, element, at: usize, new: &[u8]| replace(whole.clone(), find(group, element) + at, new);
    let waves = find(0x5400, 0x0100);
    add("a preamble alone", &whole[..132], &["the transfer syntax \"\""]);
    add("cut in the description", &whole[..150], &["element (0002,", "expected"]);
    add("cut before the waveforms", &whole[..waves], &["waveforms: expected at least one group"]);
    add("cut in the waveforms", &whole[..whole.len() - 9], &["element (5400,0100): expected", "bytes"]);
    add("cut in a tag", &whole[..waves + 3], &["element (0000,0000): expected 4 bytes, found 3"]);
    add("JPEG", &with(2, 0x10, 8, b"1.2.840.10008.1.2.4\0"), &["transfer syntax \"1.2.840.10008.1.2.4\""]);
    add("implicit, said to be", &with(2, 0x10, 8, b"1.2.840.10008.1.2\0\0\0"), &["element (0008,0016)"]);
    let mut deflated = sound("dicom/deflated.dcm");
    let middle = deflated.len() / 2;
    deflated.truncate(middle);
    add("deflated, cut", &deflated, &["data set: expected deflated bytes"]);
    add("no type", &with(8, 0x2a, 4, b"??"), &["element (0008,002a): expected a type", "3f 3f"]);
    add("a length of 4 GB", &with(0x5400, 0x0100, 8, &[0xfe, 255, 255, 255]), &["expected 4294967294 bytes"]);
    add(
        "open, without an end",
        &with(0x5400, 0x0100, 8, &[255; 4]),
        &["element (0000,0000)", "found 0 bytes"],
    );
    add("an item that is none", &with(0x5400, 0x0100, 12, &[8, 0]), &["element (0008,e000): expected"]);
    add("0 channels", &with(0x3a, 5, 8, &[0, 0]), &["group 1: number of channels: expected at least 1"]);
    add("4 channels", &with(0x3a, 5, 8, &[4, 0]), &["group 1: waveform data: expected 500 samples of 4"]);
    add("2 channels", &with(0x3a, 5, 8, &[2, 0]), &["group 1: channel definitions: expected 2, found 3"]);
    add("65,535 channels", &with(0x3a, 5, 8, &[255, 255]), &["group 1: waveform data", "3000 bytes"]);
    add("channels of 1 byte", &with(0x3a, 5, 6, &[1, 0]), &["expected a type of two letters"]);
    cases_text(&mut add, &with);
    add("0 samples", &with(0x3a, 0x10, 8, &[0; 4]), &["group 1: number of samples: expected at least 1"]);
    add("2^32 samples", &with(0x3a, 0x10, 8, &[255; 4]), &["waveform data: expected 4294967295 samples"]);
    add("a sample more", &with(0x3a, 0x10, 8, &[245, 1, 0, 0]), &["waveform data: expected 501 samples"]);
    add("8 bits", &with(0x5400, 0x1004, 8, &[8, 0]), &["sample interpretation", "\"SS\" of 8"]);
    add("12 bits", &with(0x5400, 0x1004, 8, &[12, 0]), &["sample interpretation", "\"SS\" of 12"]);
    add("µ-law", &with(0x5400, 0x1006, 8, b"MB"), &["sample interpretation", "\"MB\" of 16"]);
    add("no data", &with(0x5400, 0x1010, 0, &[0, 0x54, 0x11, 0x10]), &["waveform data: expected samples"]);
    add("no samples told", &with(0x3a, 0x10, 0, &[0x3a, 0, 0x11, 0]), &["number of samples", "found none"]);
    add("no channels defined", &with(0x3a, 0x200, 2, &[1]), &["channel definitions: expected 3, found 0"]);
    add("an empty sequence", &with(0x5400, 0x0100, 8, &[0; 4]), &["waveforms: expected at least one group"]);
    let nest = [&[8, 0, 0x15, 0x11][..], b"SQ\0\0\xff\xff\xff\xff", &[254, 255, 0, 224, 255, 255, 255, 255]];
    let deep = [&whole[..waves], &nest.concat().repeat(100_000)].concat();
    add("100,000 sequences in one another", &deep, &["element (0008,1115): expected at most 16 sequences"]);
    add("no lead that the model has", &whole, &["lead"]);
    cases.last_mut().expect("a case").parts.remove(0);
    cases
}

/// Numbers in decimals that are none.
fn cases_text(add: &mut impl FnMut(&str, &[u8], &[&str]), with: &impl Fn(u16, u16, usize, &[u8]) -> Vec<u8>) {
    add("a rate in words", &with(0x3a, 0x1a, 8, b"fast"), &["sampling frequency", "\"fast\""]);
    add("a rate of 0", &with(0x3a, 0x1a, 8, b"0000"), &["sampling frequency: expected more than 0"]);
    add("a negative rate", &with(0x3a, 0x1a, 8, b"-500"), &["sampling frequency: expected more than 0"]);
    add("an infinite rate", &with(0x3a, 0x1a, 8, b"inf "), &["sampling frequency", "\"inf\""]);
    add("a sensitivity in words", &with(0x3a, 0x210, 8, b"a lo"), &["channel 1: sensitivity", "\"a lo\""]);
    add("a correction in words", &with(0x3a, 0x212, 8, b"x "), &["channel 1: correction factor", "\"x\""]);
    add("a baseline in words", &with(0x3a, 0x213, 8, b"NA"), &["channel 1: baseline", "\"NA\""]);
}
