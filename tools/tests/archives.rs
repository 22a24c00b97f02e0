//! Records in zip archives: found, read as their files would be, and archives that lie.

#![cfg(feature = "formats")]

mod harness;

use efficientecg::ecg::{Record, csv};
use harness::{fails, folder, name, program, succeeds, text};
use serde_json::Value;
use std::path::{Path, PathBuf};

/// The record that comes with the program.
fn demo() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("demo/demo")
}

fn crc(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0_u32, |crc, byte| {
        (0..8).fold(
            crc ^ u32::from(*byte),
            |crc, _| if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 },
        )
    })
}

/// A member as it is stored, and what its headers say of it.
#[derive(Clone)]
struct Stored {
    name: String,
    packed: Vec<u8>,
    size: u32,
    crc: u32,
    method: u16,
}

impl Stored {
    fn new(name: &str, bytes: &[u8]) -> Stored {
        Stored {
            name: name.to_owned(),
            packed: bytes.to_vec(),
            size: bytes.len() as u32,
            crc: crc(bytes),
            method: 0,
        }
    }

    /// The same deflated: in blocks that are stored, which need no compressor.
    fn deflated(name: &str, bytes: &[u8]) -> Stored {
        let mut packed = Vec::new();
        let count = bytes.chunks(0xffff).len();
        for (i, block) in bytes.chunks(0xffff).enumerate() {
            let length = block.len() as u16;
            packed.push(u8::from(i + 1 == count));
            packed.extend(length.to_le_bytes());
            packed.extend((!length).to_le_bytes());
            packed.extend(block);
        }
        Stored { packed, method: 8, ..Stored::new(name, bytes) }
    }

    fn fields(&self) -> Vec<u8> {
        let mut out = self.method.to_le_bytes().to_vec();
        out.extend([0; 4]);
        for number in [self.crc, self.packed.len() as u32, self.size] {
            out.extend(number.to_le_bytes());
        }
        out.extend((self.name.len() as u16).to_le_bytes());
        out.extend([0; 2]);
        out
    }
}

/// An archive; `at` changes where the directory says that each member lies.
fn zip(members: &[Stored], at: impl Fn(usize, u32) -> u32) -> Vec<u8> {
    let (mut out, mut directory) = (Vec::new(), Vec::new());
    for (i, member) in members.iter().enumerate() {
        let place = out.len() as u32;
        out.extend(b"PK\x03\x04\x14\0\0\0");
        out.extend(member.fields());
        out.extend(member.name.as_bytes());
        out.extend(&member.packed);
        directory.extend(b"PK\x01\x02\x14\0\x14\0\0\0");
        directory.extend(member.fields());
        directory.extend([0; 10]);
        directory.extend(at(i, place).to_le_bytes());
        directory.extend(member.name.as_bytes());
    }
    let start = out.len() as u32;
    out.extend(&directory);
    out.extend(b"PK\x05\x06\0\0\0\0");
    out.extend([(members.len() as u16).to_le_bytes(); 2].concat());
    out.extend((directory.len() as u32).to_le_bytes());
    out.extend(start.to_le_bytes());
    out.extend([0; 2]);
    out
}

fn put(path: &Path, members: &[Stored]) {
    std::fs::write(path, zip(members, |_, place| place)).expect("written");
}

/// The demo's files, in a folder of the archive.
fn members(inside: &str) -> Vec<Stored> {
    let bytes = |ending: &str| std::fs::read(demo().with_extension(ending)).expect("read");
    let mut members: Vec<Stored> = ["hea", "dat", "atr"]
        .iter()
        .map(|ending| Stored::deflated(&format!("{inside}demo.{ending}"), &bytes(ending)))
        .collect();
    let table =
        csv::bytes(Path::new("t.csv"), &Record::open(demo()).expect("the demo"), ',').expect("a table");
    members.push(Stored::new(&format!("{inside}table.csv"), &table));
    members.push(Stored::new(&format!("{inside}notes.txt"), b"nothing of that kind\n"));
    // What a Mac adds.
    members.push(Stored::new(&format!("__MACOSX/{inside}._demo.hea"), b"\0\x05\x16\x07"));
    members.push(Stored::new("more/", b""));
    members
}

const BEATS: [&str; 6] = ["classify", "--model", "mitbih-beats", "--backend", "cpu", "--json"];

/// Each record's name and beats.
fn findings(args: &[&str]) -> Vec<(String, Value)> {
    let found: Value = serde_json::from_str(&succeeds(&[&BEATS[..], args].concat())).expect("JSON");
    let of = |r: &Value| (r["record"].as_str().expect("a name").to_owned(), r["findings"].clone());
    found.as_array().expect("records").iter().map(of).collect()
}

#[test]
fn records_of_an_archive_are_those_of_a_folder() {
    let folder = folder();
    let path = folder.path().join("a.zip");
    put(&path, &members("inside/"));
    let beats = findings(&[name(&demo())]).remove(0).1;
    assert!(beats.as_array().is_some_and(|b| b.len() == 110));
    let both = [("demo".to_owned(), beats.clone()), ("table".to_owned(), beats.clone())];
    assert_eq!(findings(&[name(&path)]), both);
    assert_eq!(findings(&[name(folder.path())]), both);
    assert_eq!(findings(&[name(&path.join("inside/*"))]), both);
    assert_eq!(findings(&[name(&folder.path().join("*.zip"))]), both);
    // One of them, by any of its names.
    for record in ["inside/demo", "inside/demo.hea", "inside/demo.dat", "inside/d*"] {
        assert_eq!(findings(&[name(&path.join(record))]), both[..1], "{record}");
    }
    assert_eq!(findings(&[name(&path.join("inside/table.csv"))]), both[1..]);
    // Annotations lie beside the record there too.
    let given = findings(&[name(&path.join("inside/demo")), "--beats", "atr"]);
    assert_eq!(given, findings(&[name(&demo()), "--beats", "atr"]));
    let out = folder.path().join("o.csv");
    succeeds(&["convert", name(&path.join("inside/demo")), name(&out)]);
    let leads = |path: &Path| Record::open(path).expect("reads").leads;
    assert_eq!(leads(&out), leads(&demo()));
    // An archive of one record is that record.
    let one = folder.path().join("one.zip");
    put(&one, &members("")[..3]);
    assert_eq!(leads(&one), leads(&demo()));
    // The command that reads part by part reads these as a whole.
    let day = |record: &Path| {
        let args = ["holter", "--model", "beats", "--backend", "cpu", "--json", name(record)];
        serde_json::from_str::<Value>(&succeeds(&args)).expect("JSON")
    };
    let want = day(&demo());
    assert_eq!(day(&one)["total"], want["total"]);
    assert_eq!(day(&path.join("inside/demo")), want);
    fails(2, &["convert", name(&path), name(&out)], &["a.zip: records: expected an archive of one, found 2"]);
}

#[test]
fn what_is_wrong_with_an_archive_is_one_line() {
    let folder = folder();
    let whole = members("");
    let path = folder.path().join("w.zip");
    let record = path.join("demo");
    let classify = |path: &Path, bytes: &[u8], parts: &[&str]| {
        std::fs::write(folder.path().join("w.zip"), bytes).expect("written");
        fails(2, &[&BEATS[..], &[name(path)]].concat(), parts);
    };
    let good = zip(&whole, |_, place| place);
    classify(
        &path,
        &good[..good.len() / 2],
        &["w.zip: cannot read: archive: expected a complete zip archive"],
    );
    classify(&path, b"", &["w.zip: cannot read: archive", "an empty file"]);
    classify(&path, &[b"PK\x03\x04".to_vec(), vec![0; 100]].concat(), &["archive"]);
    classify(&path, &zip(&whole[4..5], |_, place| place), &["records: expected at least one, found none"]);
    classify(&path.join("nobody"), &good, &["nobody", "no such file"]);
    classify(&path.join("demo.atr"), &good, &["format: expected one of"]);
    let with = |change: &dyn Fn(&mut Vec<Stored>)| {
        let mut members = whole.clone();
        change(&mut members);
        zip(&members, |_, place| place)
    };
    // Signals without a header, a header without signals.
    classify(&record, &with(&|m| drop(m.remove(0))), &["w.zip/demo", "no such file"]);
    classify(
        &record,
        &with(&|m| drop(m.remove(1))),
        &["demo.dat: cannot read: the archive has no such file"],
    );
    // A header that leads out of the archive.
    let out = with(&|m| {
        let text = std::fs::read_to_string(demo().with_extension("hea")).expect("read");
        m[0] = Stored::new("demo.hea", text.replace("demo.dat", "../demo.dat").as_bytes());
    });
    classify(&record, &out, &["expected one in the header's folder"]);
    for (change, parts) in [
        (&(|m: &mut Vec<Stored>| m[1].crc ^= 1) as &dyn Fn(&mut Vec<Stored>), "demo.dat: cannot read: a CRC"),
        (&|m| m[1].size += 1, "demo.dat: cannot read: 1 bytes too few"),
        (&|m| m[1].size -= 1, "demo.dat: cannot read: more data than announced"),
        // Sizes are not believed: this would be 4 GB.
        (&|m| m[1].size = u32::MAX - 1, "sizes that agree"),
        (&|m| m[1].packed[0] = 7, "demo.dat: cannot read: deflated data are corrupt"),
        (&|m| m[1].method = 99, "compression method 99"),
        (&|m| m[4] = m[0].clone(), "each name once"),
        (&|m| m[2].name = "..".to_owned(), "110"),
    ] {
        let bytes = with(&change);
        if parts == "110" {
            // A name that leads elsewhere is the name of nothing here.
            std::fs::write(&path, bytes).expect("written");
            assert!(succeeds(&[&BEATS[..], &[name(&record)]].concat()).contains("\"record\""));
        } else {
            classify(&record, &bytes, &[parts]);
        }
    }
    classify(
        &record,
        &zip(&whole, |i, place| if i == 1 { place - 20 } else { place }),
        &["bytes of its own"],
    );
    classify(&record, &zip(&whole, |i, place| if i == 1 { u32::MAX - 9 } else { place }), &["lies within"]);
    // In a folder, what is no archive is told too.
    std::fs::write(&path, b"no archive").expect("written");
    let output = program().args([&BEATS[..], &[name(folder.path())]].concat()).output().expect("starts");
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("w.zip: cannot read: archive"), "{}", text(&output.stderr));
}
