//! WFDB headers, signal files, annotations and MATLAB files.

use super::{Case, golden, name, put};
use std::path::Path;

fn classify(label: &str, path: &Path, more: &[&str], parts: &[&str]) -> Case {
    let weights = golden().0;
    let args = ["classify", "--weights", name(&weights), name(path)];
    let file = path.file_name().expect("a name").to_str().expect("UTF-8");
    Case::new(label, &[&args[..], more].concat(), &[&[file], parts].concat())
}

pub(crate) fn headers(folder: &Path) -> Vec<Case> {
    put(folder, "h.dat", [0; 64]);
    put(folder, "part.hea", "part 1 100 8\nh.dat 16\n");
    put(folder, "other.hea", "other 1 99 8\nh.dat 16\n");
    put(folder, "multi.hea", "multi/1 1 100 8\npart 8\n");
    let whole = "x 1 100 8\nh.dat 16 200 12 0 0 0 0 I\n";
    let mut cases = Vec::new();
    let mut number = 0;
    let mut add = |label: &str, text: &str, parts: &[&str]| {
        number += 1;
        let path = put(folder, &format!("h{number}.hea"), text);
        cases.push(classify(label, &path, &[], parts));
    };
    add("empty", "", &["record line"]);
    add("comments alone", "# nothing\n", &["record line"]);
    add("binary", "\u{1}\u{2}\u{7f}", &["line 1", "number of signals"]);
    add("no signals", "x 0 100 8\n", &["number of signals", "at least 1"]);
    add("signals in words", "x two 100 8\n", &["line 1", "number of signals", "\"two\""]);
    add("2^64 signals", "x 18446744073709551616 100\n", &["line 1", "number of signals"]);
    add("2^60 signals", "x 1152921504606846976 100\nh.dat 16\n", &["1152921504606846976 signal lines"]);
    add("a line short", "x 2 100 8\nh.dat 16\n", &["number of signals", "2 signal lines", "found 1"]);
    add("a line more", &format!("{whole}h.dat 16\n"), &["number of signals", "found 2"]);
    add("rate 0", "x 1 0 8\nh.dat 16\n", &["line 1", "rate", "more than 0"]);
    add("rate NaN", "x 1 NaN 8\nh.dat 16\n", &["line 1", "rate"]);
    add("rate infinite", "x 1 1e999 8\nh.dat 16\n", &["line 1", "rate"]);
    add("negative length", "x 1 100 -8\nh.dat 16\n", &["line 1", "number of samples"]);
    add("no format", "x 1 100 8\nh.dat\n", &["line 2", "a file name and a format"]);
    add("format 17", "x 1 100 8\nh.dat 17\n", &["line 2", "format", "found 17"]);
    add("format in words", "x 1 100 8\nh.dat pcm\n", &["line 2", "format", "\"pcm\""]);
    add("no samples in a frame", "x 1 100 8\nh.dat 16x0\n", &["line 2", "samples per frame"]);
    add("odd skew", "x 1 100 8\nh.dat 16:-1\n", &["line 2", "skew"]);
    add("odd offset", "x 1 100 8\nh.dat 16+x\n", &["line 2", "byte offset"]);
    add("gain NaN", "x 1 100 8\nh.dat 16 NaN\n", &["line 2", "gain"]);
    add("baseline", "x 1 100 8\nh.dat 16 200(x)\n", &["line 2", "baseline"]);
    add("bits", "x 1 100 8\nh.dat 16 200 twelve\n", &["line 2", "ADC resolution"]);
    add("checksum", "x 1 100 8\nh.dat 16 200 12 0 0 x\n", &["line 2", "checksum"]);
    add("up", "x 1 100 8\n../h.dat 16\n", &["line 2", "in the header's folder"]);
    add("absolute", "x 1 100 8\n/dev/zero 16\n", &["line 2", "in the header's folder"]);
    add("two formats", "x 2 100 4\nh.dat 16\nh.dat 212\n", &["line 3", "format", "16 as in"]);
    add("apart", "x 3 100 4\nh.dat 16\nother.hea 16\nh.dat 16\n", &["line 4", "signal file"]);
    add("no segments", "x/0 1 100 8\n", &["number of segments"]);
    add("2^60 segments", "x/1152921504606846976 1 100 8\npart 8\n", &["1152921504606846976 segment lines"]);
    add("segment without a length", "x/1 1 100 8\npart\n", &["line 2", "segment"]);
    add("a segment twice", "x/2 1 100 16\npart 8\npart 8\n", &["line 3", "a second time"]);
    add("segments of segments", "x/1 1 100 8\nmulti 8\n", &["line 2", "a multi-segment one"]);
    add("another rate", "x/1 1 100 8\nother 8\n", &["line 2", "100 samples a second", "found 99"]);
    add("another length", "x/1 1 100 9\npart 9\n", &["line 2", "found 8"]);
    add("sum", "x/1 1 100 9\npart 8\n", &["number of samples", "sum"]);
    add("an overflow of lengths", &format!("x/2 1 100\npart {0}\n~ {0}\n", u64::MAX), &["an overflow"]);
    add("a gap without end", "x/2 1 100\npart 8\n~ 1152921504606846976\n", &["gaps", "at most"]);
    add("gaps alone", "x/1 1 100 9\n~ 9\n", &["gaps only"]);
    add("no segment file", "x/1 1 100 8\nnobody 8\n", &[]);
    cases.last_mut().expect("a case").parts[0] = "nobody.hea: cannot read".to_owned();
    // A record whose header is a segment of itself.
    let path = put(folder, "ring.hea", "ring/1 1 100 8\nring 8\n");
    cases.push(classify("a ring", &path, &[], &["line 2", "a multi-segment one"]));
    cases.push(classify("absent", &folder.join("nowhere.hea"), &[], &["cannot read"]));
    cases
}

pub(crate) fn signals(folder: &Path) -> Vec<Case> {
    put(folder, "s.dat", [1; 100]);
    let mut cases = Vec::new();
    let mut number = 0;
    let mut add = |label: &str, text: &str, file: &str, parts: &[&str]| {
        number += 1;
        let path = put(folder, &format!("s{number}.hea"), text);
        let mut case = classify(label, &path, &[], parts);
        case.parts[0] = file.to_owned();
        cases.push(case);
    };
    add("absent", "x 1 100 8\nno.dat 16\n", "no.dat", &["cannot read"]);
    for format in [8, 16, 24, 32, 61, 80, 160, 212, 310, 311] {
        let text = format!("x 1 100 1000\ns.dat {format}\n");
        add(&format!("{format} short"), &text, "s.dat", &["1000 samples", "found 100"]);
    }
    add("2^60", "x 1 100 1152921504606846976\ns.dat 212\n", "s.dat", &["found 100"]);
    add("an overflow", "x 1 100 18446744073709551615\ns.dat 32\n", "s.dat", &["found 100"]);
    add("2^32 in a frame", "x 1 100 1\ns.dat 16x4294967295\n", "s.dat", &["found 100"]);
    add("no length, no frame", "x 1 100\ns.dat 16x4294967295\n", ".hea", &["at least 1 sample"]);
    add("offset", "x 1 100 10\ns.dat 16+99\n", "s.dat", &["found 100"]);
    add("offset beyond", "x 1 100\ns.dat 16+18446744073709551615\n", "s.dat", &["found 100"]);
    #[cfg(not(feature = "flac"))]
    add("FLAC", "x 1 100 10\ns.dat 516\n", "s.dat", &["516 (FLAC)", "xform"]);
    #[cfg(feature = "flac")]
    flac(folder, &mut add);
    add("nothing stored", "x 1 100 10\ns.dat 0\n", "s.dat", &["format 0"]);
    add("a folder", "x 1 100 10\nd-bare 16\n", "d-bare", &["cannot read", "a directory"]);
    add("a lead that is not there", "x 1 100 10\ns.dat 16 200 12 0 0 0 0 Z\n", "lead", &["--lead"]);
    add("a rate out of reach", "x 1 0.001 10\ns.dat 16 200 12 0 0 0 0 L0\n", "lead", &["; "]);
    cases
}

pub(crate) fn annotations(folder: &Path) -> Vec<Case> {
    put(folder, "a.dat", [1; 100]);
    let record = put(folder, "a.hea", "a 1 100 8\na.dat 16\n");
    let mut cases = Vec::new();
    let mut add = |label: &str, bytes: &[u8], part: &str| {
        let kind = format!("n{}", label.replace(' ', ""));
        let path = put(folder, &format!("a.{kind}"), bytes);
        let mut case = classify(label, &record, &["--beats", &kind], &[part]);
        case.parts[0] = path.file_name().expect("a name").to_str().expect("UTF-8").to_owned();
        cases.push(case);
    };
    add("one byte", &[1], "byte 0");
    add("a field of none", &[1, 61 << 2, 0, 0], "a field that belongs to none");
    add("cut skip", &[5, 4, 0, 59 << 2, 1], "byte 4");
    add("cut word", &[5, 4, 5], "byte 2");
    add("cut text", &[5, 4, 200, 63 << 2, b'x'], "a whole text");
    let mut case = classify("absent", &record, &["--beats", "nobody"], &["cannot read"]);
    case.parts[0] = "a.nobody".to_owned();
    cases.push(case);
    cases
}

pub(crate) fn matlab(folder: &Path) -> Vec<Case> {
    let file = |fields: [u32; 5], data: usize| {
        let mut out: Vec<u8> = fields.iter().flat_map(|v| v.to_le_bytes()).collect();
        out.extend(b"val\0");
        out.extend(vec![1; data]);
        out
    };
    let mut cases = Vec::new();
    let mut add = |label: &str, format: u32, bytes: Vec<u8>, parts: &[&str]| {
        let name = format!("m{}", cases.len());
        put(folder, &format!("{name}.mat"), bytes);
        let text = format!("{name} 2 100 8\n{name}.mat {format}+24\n{name}.mat {format}+24\n");
        let path = put(folder, &format!("{name}.hea"), text);
        let mut case = classify(label, &path, &[], parts);
        case.parts[0] = format!("{name}.mat");
        cases.push(case);
    };
    add("empty", 16, vec![], &["length", "at least 20 bytes"]);
    add("text", 16, b"MATLAB 5.0 MAT-file, Platform: GLNXA64".to_vec(), &["type", "save -v4"]);
    add("doubles", 16, file([0, 2, 8, 0, 4], 128), &["type", "30 for signal format 16", "found 0"]);
    add("big-endian", 16, file([1030, 2, 8, 0, 4], 32), &["type", "found 1030"]);
    add("imaginary", 16, file([30, 2, 8, 1, 4], 64), &["imaginary part"]);
    add("a long name", 16, file([30, 2, 8, 0, u32::MAX], 32), &["offset of the data"]);
    add("rows", 16, file([30, 3, 8, 0, 4], 48), &["rows", "found 3"]);
    add("2^32 columns", 16, file([30, 2, u32::MAX, 0, 4], 32), &["found 56"]);
    add("short", 16, file([30, 2, 8, 0, 4], 31), &["found 55"]);
    add("format 212", 212, file([30, 2, 8, 0, 4], 32), &["format", "found 212"]);
    cases
}

/// FLAC files: four samples of 8 bits in one channel, in a block as they are.
#[cfg(feature = "flac")]
fn flac(folder: &Path, add: &mut impl FnMut(&str, &str, &str, &[&str])) {
    // Stream information: blocks of 16, 8 bits, one channel, 1000 Hz, 16 samples.
    let information = [0, 16, 0, 16, 0, 0, 0, 0, 0, 0, 0, 0x3e, 0x80, 0x70, 0, 0, 0, 16];
    let head = |channels: u8, bits: u8| {
        let mut out = b"fLaC\x80\0\0\x22".to_vec();
        out.extend(information);
        out[8 + 12] |= (channels - 1) << 1 | (bits - 1) >> 4;
        out[8 + 13] = ((bits - 1) & 15) << 4;
        out.extend([0; 16]);
        out
    };
    for (i, (label, bytes, part)) in [
        ("no FLAC", b"RIFF0000WAVE".to_vec(), "FLAC: stream"),
        ("FLAC, empty", vec![], "; "),
        ("FLAC, cut", b"fLaC\x80\0".to_vec(), "; "),
        ("FLAC, two channels", head(2, 8), "FLAC: channels: expected 1, one a signal, found 2"),
        ("FLAC, too many bits", head(1, 16), "FLAC: bits a sample: expected at most 8, found 16"),
        ("FLAC, no blocks", head(1, 8), "frames: expected 10, found 0"),
        ("FLAC, blocks of nothing", [head(1, 8), vec![7; 100]].concat(), "FLAC: stream"),
    ]
    .into_iter()
    .enumerate()
    {
        let file = format!("flac{i}.dat");
        put(folder, &file, &bytes);
        add(label, &format!("x 1 100 10\n{file} 508\n"), &file, &[part]);
    }
}
