//! EDF and BDF files, and tables of samples.

use super::{Case, golden, name, put};
use std::path::Path;

fn classify(label: &str, path: &Path, parts: &[&str]) -> Case {
    let weights = golden().0;
    let args = ["classify", "--weights", name(&weights), name(path)];
    let file = path.file_name().expect("a name").to_str().expect("UTF-8");
    Case::new(label, &args, &[&[file], parts].concat())
}

/// A sound file of one data record: `ECG`, four samples of 16 bits; annotations in 32 bytes.
fn sound() -> Vec<u8> {
    let mut out = String::from("0       ");
    for (text, width) in [
        ("X M 02-MAY-1951 X", 80),
        ("Startdate 02-MAY-2002 X X X", 80),
        ("02.05.02", 8),
        ("10.20.30", 8),
        ("768", 8),
        ("EDF+D", 44),
        ("2", 8),
        ("1", 8),
        ("2", 4),
        ("ECG", 16),
        ("EDF Annotations", 16),
        ("", 160),
        ("mV", 8),
        ("", 8),
        ("-10", 8),
        ("-1", 8),
        ("10", 8),
        ("1", 8),
        ("-1000", 8),
        ("-32768", 8),
        ("1000", 8),
        ("32767", 8),
        ("", 160),
        ("4", 8),
        ("16", 8),
        ("", 64),
    ] {
        out += &format!("{text:width$}");
    }
    let mut out = out.into_bytes();
    for times in [&b"+0\x14\x14\0"[..], b"+1\x14\x14\0"] {
        out.extend([1, 0, 2, 0, 3, 0, 4, 0]);
        out.extend(times);
        out.resize(out.len() + 32 - times.len(), 0);
    }
    out
}

pub(crate) fn edf(folder: &Path) -> Vec<Case> {
    let mut cases = Vec::new();
    let mut number = 0;
    let mut add = |label: &str, bytes: &[u8], parts: &[&str]| {
        number += 1;
        let path = put(folder, &format!("e{number}.edf"), bytes);
        cases.push(classify(label, &path, parts));
    };
    // The text at a place in place of what is there.
    let with = |at: usize, text: &str| {
        let mut bytes = sound();
        bytes[at..at + text.len()].copy_from_slice(text.as_bytes());
        bytes
    };
    // Fields of the first of two signals: its labels, transducers, units and so on lie before.
    let field = |before: usize, text: &str| with(256 + 2 * before, &format!("{text:8}"));
    add("cut in the version", &sound()[..8], &["header", "256 bytes", "found the end"]);
    add("cut in the fixed part", &sound()[..255], &["header", "256 bytes", "1 bytes before"]);
    add("cut in the signals' part", &sound()[..700], &["header of 768 bytes", "68 bytes before"]);
    add("no data records", &sound()[..768], &["data records", "expected 2", "found 768 bytes"]);
    add("cut in a data record", &sound()[..sound().len() - 1], &["data records: expected 2, in 848 bytes"]);
    add("length of the header", &with(184, "512     "), &["length of the header", "768 bytes for 2 signals"]);
    add("number of data records", &with(236, "two     "), &["number of data records", "\"two\""]);
    add("half a data record", &with(236, "1.5     "), &["number of data records"]);
    add("less than none", &with(236, "-2      "), &["number of data records"]);
    add("more than there are", &with(236, "99999999"), &["data records: expected 99999999"]);
    add("none", &with(236, "0       "), &["data records: expected at least 1"]);
    add("a negative duration", &with(244, "-1      "), &["seconds of a data record", "\"-1\""]);
    add("no duration", &with(244, "0       "), &["seconds of a data record: expected more than 0"]);
    add("duration in words", &with(244, "NaN     "), &["seconds of a data record", "NaN"]);
    add("duration infinite", &with(244, "1e999   "), &["seconds of a data record"]);
    add("no signals", &with(252, "0   "), &["number of signals: expected at least 1"]);
    add("signals in words", &with(252, "two "), &["number of signals", "\"two\""]);
    add("9999 signals", &with(252, "9999"), &["length of the header: expected 2560000 bytes"]);
    let mut many = with(252, "9999");
    many[184..192].copy_from_slice(b"2560000 ");
    add("9999 signals that are not there", &many, &["header of 2560000 bytes", "found the end"]);
    add("physical minimum", &field(104, "low"), &["signal 1 (ECG): physical minimum", "\"low\""]);
    add("physical maximum", &field(112, "inf"), &["signal 1 (ECG): physical maximum"]);
    add("digital minimum", &field(120, ""), &["signal 1 (ECG): digital minimum"]);
    add("digital maximum", &field(128, "1e400"), &["signal 1 (ECG): digital maximum"]);
    add("samples in words", &field(216, "four"), &["signal 1 (ECG): samples in a data record", "\"four\""]);
    add("a negative number of samples", &field(216, "-4"), &["samples in a data record"]);
    add("10^8 samples", &field(216, "99999999"), &["data records: expected 2, in 400"]);
    let mut unknown = field(216, "99999999");
    unknown[236..244].copy_from_slice(b"-1      ");
    add("10^8 samples of unknown many", &unknown, &["data records: expected at least 1"]);
    let mut gap = sound();
    let at = gap.len() - 32;
    gap[at..at + 9].copy_from_slice(b"+9e15\x14\x14\0\0");
    add("a gap without end", &gap, &["data record 2: expected a gap of at most"]);
    let mut bdf = sound();
    bdf[..8].copy_from_slice(b"\xffBIOSEMI");
    add("BDF, short", &bdf, &["data records: expected 2"]);
    add("BDF, cut", b"\xffBIOSEMI", &["header", "256 bytes"]);
    add("BDF of zeros", &[&b"\xffBIOSEMI"[..], &[0; 600]].concat(), &["number of data records"]);
    add("no lead that the model has", &sound(), &["lead"]);
    cases.last_mut().expect("a case").parts.remove(0);
    cases
}

pub(crate) fn tables(folder: &Path) -> Vec<Case> {
    let mut cases = Vec::new();
    let mut number = 0;
    let mut add = |label: &str, text: &[u8], parts: &[&str]| {
        number += 1;
        let path = put(folder, &format!("c{number}.csv"), text);
        cases.push(classify(label, &path, parts));
    };
    let cell =
        |column: &str, found: &str| format!("line 3: column {column}: expected a number, found \"{found}\"");
    add("empty", b"", &["format", "CSV and TSV", "an empty file"]);
    add("blank lines", b"\n\n\n", &["format"]);
    add("words alone", b"nothing at all\n", &["format", "\"nothing at all"]);
    add("binary", b"time,II\n0,1\n\0\0\0", &["format"]);
    add("UTF-16", b"\xff\xfet\0,\0I\0\n\0", &["format"]);
    add("comments alone", b"# time,II\n# 0,1\n", &["format"]);
    add("a header alone", b"time,II\n", &["table: expected at least 1 line of samples"]);
    add("times alone", b"time\n0\n1\n", &["at least 1 lead"]);
    add("no header", b"0,1\n1,2\n", &["line 1: expected names of leads", "(--leads NAMES)"]);
    add("no rate", b"II,V1\n1,2\n", &["rate", "(--rate HZ)"]);
    add("one time", b"time,II\n0,1\n", &["rate", "(--rate HZ)"]);
    add("a word", b"time,II\n0,1\n1,x\n", &[&cell("2 (II)", "x")]);
    add("a column of another", b"time,II,V1\n0,1,1\n1,1,1.2.3\n", &[&cell("3 (V1)", "1.2.3")]);
    add("infinite", b"time,II\n0,1\n1,inf\n", &[&cell("2 (II)", "inf")]);
    add("too large", b"time,II\n0,1\n1,1e50\n", &[&cell("2 (II)", "1e50")]);
    add("hexadecimal", b"time,II\n0,1\n1,0x10\n", &[&cell("2 (II)", "0x10")]);
    add("decimal commas", b"time;II\n0;1\n1;1,2,3\n", &[&cell("2 (II)", "1,2,3")]);
    add("a cell more", b"time,II\n0,1\n1,1,1\n", &["line 3: number of cells: expected 2 cells, found \"3\""]);
    add("a cell less", b"time,II,V1\n0,1,1\n1,1\n", &["line 3: number of cells: expected 3 cells"]);
    add("no UTF-8", b"time,II\n0,1\n1,\xe9\n", &["line 3: column 2 (II)"]);
    add("an open quote", b"time,II\n0,1\n1,\"1\n2,2\n", &["line 3: column 2 (II)"]);
    add("a time in words", b"time,II\nnow,1\n1,1\n", &["line 2: column 1 (time): expected seconds"]);
    add("a time that is missing", b"time,II\n0,1\n,1\n", &["line 3: column 1 (time)"]);
    add("times that stand", b"time,II\n0,1\n0,1\n0,1\n", &["column 1 (time): expected times that grow"]);
    add("times that fall", b"time,II\n2,1\n1,1\n0,1\n", &["column 1 (time): expected times that grow"]);
    add(
        "a gap in the times",
        b"time,II\n0.00,1\n0.01,1\n0.02,1\n0.05,1\n",
        &["column 1 (time)", "evenly spaced"],
    );
    add("a lead of no name that holds samples", b"time,II,\n0,1,2\n1,1,2\n", &["line 2: number of cells"]);
    let names: String = (0..50_000).map(|i| format!("a{i},")).collect();
    add(
        "50,000 leads",
        format!("{names}\n1\n").as_bytes(),
        &["line 2: number of cells: expected 50000 cells"],
    );
    cases
}
