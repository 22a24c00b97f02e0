//! What each fuzz target does with its input. Also run by `tests/corpora.rs`, without a fuzzer, on the corpora and on
//! every input that once was a find.
//!
//! A reader may refuse, in one line; it may not panic, overflow, hang, or take memory by a size that is only announced.
//! What it accepts must be whole, and the same again when written and read back.

use efficientecg::config::presets::Setup;
use efficientecg::config::{Config, Feature, Fusion, Stage, Stem};
use efficientecg::ecg::wfdb::{Annotations, Header};
use efficientecg::ecg::{self, ReadOptions, Record, Source};
use efficientecg::inputs::read_inputs;
use efficientecg::npz::{Archive, Array, Class, Packing, read_npy, write_npz};
use efficientecg::packed::pack;
use efficientecg::weights::{Weights, table};
use efficientecg::{Model, Precision};
use std::fmt::{Display, Write as _};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// A message for people: one line, not endless.
pub fn one_line(message: &impl Display) {
    let text = message.to_string();
    let breaks = |c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}');
    assert!(!text.chars().any(breaks), "not one line: {text:?}");
    assert!(text.len() < 10_000, "{} bytes: {text}", text.len());
}

/// Runs a target on one input; more than 5 s of the processor's time is a hang. The clock on the wall would count the time
/// that others have the processor.
pub fn run(target: fn(&[u8]), data: &[u8]) {
    let used = || {
        let t = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
        std::time::Duration::new(t.tv_sec as u64, t.tv_nsec as u32)
    };
    let start = used();
    target(data);
    let spent = used() - start;
    assert!(spent.as_secs() < 5, "a hang: {spent:?}");
}

/// The value, or nothing after a look at the message.
fn good<T, E: Display>(result: Result<T, E>) -> Option<T> {
    result.map_err(|e| one_line(&e)).ok()
}

/// A folder of this process.
fn folder() -> &'static Path {
    static FOLDER: OnceLock<tempfile::TempDir> = OnceLock::new();
    FOLDER.get_or_init(|| tempfile::tempdir().expect("a temporary folder")).path()
}

fn file(name: &str, data: &[u8]) -> PathBuf {
    let path = folder().join(name);
    std::fs::write(&path, data).expect("written");
    path
}

/// Bytes that steer a target, then its data.
struct Steered<'a>(&'a [u8]);

impl Steered<'_> {
    fn byte(&mut self) -> usize {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        usize::from(*first)
    }
}

const CLASSES: [Class; 4] = [Class::Number, Class::Float, Class::Integer, Class::Bytes];

fn whole(array: &Array) {
    assert_eq!(array.shape.iter().product::<usize>(), array.data.len());
}

/// A `.npy` file.
pub fn npy(data: &[u8]) {
    let path = file("x.npy", data);
    for class in CLASSES {
        let Some(array) = good(read_npy(&path, class, None)) else { continue };
        whole(&array);
        let again = folder().join("again.npz");
        write_npz(&again, &[("x", &array)], Packing::Deflated).expect("written");
        let back = Archive::open(&again).and_then(|a| a.read("x", Class::Number, None)).expect("read");
        assert_eq!((&back.shape, bits(&back)), (&array.shape, bits(&array)));
    }
}

fn bits(array: &Array) -> Vec<u64> {
    array.data.to_f64().into_iter().map(f64::to_bits).collect()
}

/// An archive: as it is, or (by the first byte) members of which the data are given, with sound sizes and CRCs.
pub fn npz(data: &[u8]) {
    let mut input = Steered(data);
    let forged;
    let bytes = if input.byte() % 2 == 0 {
        input.0
    } else {
        forged = archive(
            input,
            &["config.npy", "signal.npy", "age.npy", "rhythm.npy", "rhythm_steps.npy", "logits.npy"],
        );
        &forged
    };
    let path = file("x.npz", bytes);
    let Some(archive) = good(Archive::open(&path)) else { return };
    for name in archive.names() {
        for class in [Class::Number, Class::Bytes] {
            good(archive.read(&name, class, None)).iter().for_each(whole);
        }
    }
    let Some(text) = good(archive.config_text()) else { return };
    let Some(config) = good(Config::from_json(&text)) else { return };
    if let Some(inputs) = good(read_inputs(&path, &config)) {
        inputs.check(&config).expect("what was read is checked");
    }
}

/// Stored members: a byte for the name, two for the length, the data.
fn archive(mut input: Steered, names: &[&str]) -> Vec<u8> {
    let (mut out, mut directory, mut count) = (Vec::new(), Vec::new(), 0u16);
    while !input.0.is_empty() && count < 100 {
        let name = match input.byte() {
            n if n < 240 => names[n % names.len()].to_owned(),
            n => format!("{n}.npy"),
        };
        let length = input.byte() | input.byte() << 8;
        let (data, rest) = input.0.split_at(length.min(input.0.len()));
        input.0 = rest;
        let mut common = vec![20, 0, 0, 0, 0, 0, 0, 0, 0x21, 0];
        common.extend(crc32fast::hash(data).to_le_bytes());
        common.extend([data.len() as u32; 2].map(u32::to_le_bytes).concat());
        common.extend((name.len() as u16).to_le_bytes());
        common.extend([0; 2]);
        directory.extend(b"PK\x01\x02\x14\0");
        directory.extend(&common);
        directory.extend([0; 10]);
        directory.extend((out.len() as u32).to_le_bytes());
        directory.extend(name.as_bytes());
        out.extend(b"PK\x03\x04");
        out.extend(&common);
        out.extend(name.as_bytes());
        out.extend(data);
        count += 1;
    }
    let start = out.len() as u32;
    out.extend(&directory);
    out.extend(b"PK\x05\x06\0\0\0\0");
    out.extend([count; 2].map(u16::to_le_bytes).concat());
    out.extend((directory.len() as u32).to_le_bytes());
    out.extend(start.to_le_bytes());
    out.extend([0; 2]);
    out
}

/// Records in an archive: as it is, or (by the first byte) files of which the data are given. Each is read.
pub fn zip(data: &[u8]) {
    let mut input = Steered(data);
    let forged;
    let bytes = if input.byte() % 2 == 0 {
        input.0
    } else {
        forged =
            archive(input, &["x.hea", "x.dat", "a/y.hea", "a/x.dat", "t.csv", "x.edf", "x.zip", "../x.hea"]);
        &forged
    };
    let path = file("records.zip", bytes);
    let Some(records) = good(ecg::paths::expand(&path)) else { return };
    assert!(records.iter().all(|record| record.starts_with(&path)));
    for record in records.iter().take(10) {
        good(Record::open(record)).iter().for_each(sound);
    }
}

/// A configuration's text.
pub fn config(data: &[u8]) {
    let Some(config) = good(Config::from_json(&String::from_utf8_lossy(data))) else { return };
    config.check().expect("what was read is checked");
    let text = config.to_json().expect("text");
    assert_eq!(Config::from_json(&text).expect("read back"), config);
    good(config.blocks());
    good(config.lengths(config.samples));
    good(table(&config));
}

/// Packed weights: those of a small network with some bytes changed, or (by the first byte) any bytes after their start.
pub fn packed(data: &[u8]) {
    static WHOLE: OnceLock<Vec<u8>> = OnceLock::new();
    let whole = WHOLE.get_or_init(|| {
        let features = vec![
            Feature::continuous("age", 60.0, 20.0),
            Feature::categorical("sex", ["female", "male"]),
            Feature::sequence("rhythm", 2, 4),
        ];
        let setup =
            Setup::new("fuzz", ["I", "II"], 100.0, 50, ["a", "b"]).fusion(Fusion::new(4, 2, features));
        let mut config = Config::lite(setup);
        // The head's weights are in blocks of f16, the others in rows.
        (config.stem, config.head_channels) = (Stem::new(4, 3, 2), 20);
        config.stages = vec![Stage::new(1, 3, 1, 4, 1), Stage::new(2, 5, 2, 4, 1)];
        let weights =
            Weights::generate(config, |_, shape| vec![0.5; shape.iter().product()]).expect("a network");
        pack(&weights, Precision::F16).expect("packed")
    });
    let mut input = Steered(data);
    let bytes = if input.byte() % 2 == 0 {
        let mut bytes = whole.clone();
        while !input.0.is_empty() {
            let at = (input.byte() | input.byte() << 8) % bytes.len();
            bytes[at] = input.byte() as u8;
        }
        bytes
    } else {
        [&whole[..16], input.0].concat()
    };
    if let Some(model) = good(Model::builder().threads(1).from_bytes(&bytes)) {
        assert_eq!(bytes, *whole, "only what was packed is accepted");
        assert_eq!(model.config().name, "fuzz");
    }
}

/// A header, in a folder with the files that it may name: `a` and `b` (records), `x.dat`, `x.mat`.
pub fn header(data: &[u8]) {
    static FILES: OnceLock<()> = OnceLock::new();
    FILES.get_or_init(|| {
        for (name, signals) in [("a", 2), ("b", 1)] {
            let mut text = format!("{name} {signals} 250 8\n");
            (0..signals).for_each(|i| text += &format!("{name}.dat 16 200 12 0 0 0 0 s{i}\n"));
            file(&format!("{name}.hea"), text.as_bytes());
            file(&format!("{name}.dat"), &(0..16 * signals).collect::<Vec<u8>>());
        }
        file("x.dat", &[7; 600]);
        let mut matlab: Vec<u8> = [30u32, 2, 8, 0, 4].iter().flat_map(|v| v.to_le_bytes()).collect();
        matlab.extend(b"val\0");
        matlab.extend([3; 32]);
        file("x.mat", &matlab);
    });
    let text: String = match std::str::from_utf8(data) {
        Ok(text) => text.to_owned(),
        Err(_) => data.iter().map(|b| char::from(*b)).collect(),
    };
    let path = file("x.hea", data);
    let parsed = good(Header::parse(&path, &text));
    if let Some(record) = good(Record::open(&path)) {
        let header = parsed.expect("a header that opens parses");
        assert_eq!(record.leads.len(), header.signal_count);
        assert!(record.leads.iter().any(|l| !l.samples.is_empty()));
        assert!(record.warnings.len() < 10_000);
        record.warnings.iter().for_each(one_line);
    }
}

const FORMATS: [u16; 12] = [8, 16, 24, 32, 61, 80, 160, 212, 310, 311, 0, 516];

/// A record line and `signals` lines that agree, of the format that is the first byte's.
fn lines(input: &mut Steered, data: &str, formats: &[u16]) -> (String, Option<u64>, Vec<usize>) {
    let format = formats[input.byte() % formats.len()];
    let signals = 1 + input.byte() % 4;
    let frames = match input.byte() {
        0..100 => None,
        n => Some((n - 100) as u64 * (1 + input.byte() as u64)),
    };
    let offset = input.byte() * 4;
    let mut text = format!("x {signals} 100 {}\n", frames.unwrap_or(0));
    let mut sizes = Vec::new();
    for _ in 0..signals {
        let (per_frame, skew, initial) = (1 + input.byte() % 5, input.byte() % 9, input.byte());
        let _ = writeln!(text, "{data} {format}x{per_frame}:{skew}+{offset} 200/mV 12 0 {initial} 0 0 lead");
        sizes.push(per_frame);
    }
    (text, frames.filter(|n| *n > 0), sizes)
}

fn open(text: &str, frames: Option<u64>, sizes: &[usize]) {
    let path = file("y.hea", text.as_bytes());
    let Some(record) = good(Record::open(&path)) else { return };
    let first = record.leads[0].samples.len() / sizes[0];
    for (lead, per_frame) in record.leads.iter().zip(sizes) {
        assert_eq!(lead.samples.len(), first * per_frame);
        assert!(lead.samples.iter().all(|x| !x.is_infinite()));
    }
    assert!(frames.is_none_or(|n| n == first as u64));
    record.warnings.iter().for_each(one_line);
}

/// A signal file of any format.
pub fn signals(data: &[u8]) {
    let mut input = Steered(data);
    let (text, frames, sizes) = lines(&mut input, "y.dat", &FORMATS);
    file("y.dat", input.0);
    open(&text, frames, &sizes);
}

/// A MATLAB v4 file as a signal file.
pub fn matlab(data: &[u8]) {
    let mut input = Steered(data);
    let (text, frames, sizes) = lines(&mut input, "y.mat", &[16, 16, 32, 80, 160, 212]);
    file("y.mat", input.0);
    open(&text, frames, &sizes);
}

/// An annotation file.
pub fn annotations(data: &[u8]) {
    let Some(read) = good(Annotations::parse(Path::new("x.atr"), data)) else { return };
    assert!(read.items.len() <= data.len() / 2);
    read.warnings.iter().for_each(one_line);
    let path = folder().join("again.atr");
    if good(read.write(&path)).is_some() {
        let again = Annotations::read(&path).expect("read back");
        assert_eq!((again.items, again.sample_rate), (read.items, read.sample_rate));
    }
}

/// What a reader of one file gives.
fn sound(record: &Record) {
    let rate = |rate: f64| rate > 0.0 && rate.is_finite();
    assert!(rate(record.sample_rate));
    for lead in &record.leads {
        assert!(rate(lead.sample_rate), "{}", lead.sample_rate);
        assert!(!lead.samples.is_empty());
    }
    assert!(record.warnings.len() < 10_000);
    record.warnings.iter().for_each(one_line);
    assert!(record.age.is_none_or(|age| (0.0..=150.0).contains(&age)));
}

/// An EDF or BDF file. What is written of it is read again.
pub fn edf(data: &[u8]) {
    let options = ReadOptions::new();
    let Some(record) = good(ecg::edf::read(Source::of_bytes(Path::new("x.edf"), data, &options))) else {
        return;
    };
    sound(&record);
    for name in ["again.edf", "again.bdf"] {
        let path = folder().join(name);
        if good(ecg::edf::write(&path, &record)).is_some() {
            let again = Record::open(&path).expect("read back");
            let lengths = |r: &Record| r.leads.iter().map(|lead| lead.samples.len()).collect::<Vec<_>>();
            assert_eq!(lengths(&again), lengths(&record));
        }
    }
    good(ecg::wfdb::write_exact(&folder().join("again.hea"), &record));
}

/// A table, with names of its leads or (by the first byte) without. What is written of it is the same again.
pub fn csv(data: &[u8]) {
    let mut input = Steered(data);
    let options = match input.byte() % 3 {
        0 => ReadOptions::new(),
        1 => ReadOptions::new().rate(250.0).unit("uV"),
        _ => ReadOptions::new().leads(["time", "II", "V1"]),
    };
    ecg::csv::recognises(input.0);
    let Some(record) = good(ecg::csv::read(Source::of_bytes(Path::new("x.csv"), input.0, &options))) else {
        return;
    };
    sound(&record);
    let path = folder().join("again.tsv");
    if good(ecg::csv::write(&path, &record)).is_some() {
        let bytes = std::fs::read(&path).expect("written");
        let options = ReadOptions::new().rate(record.sample_rate);
        let again =
            ecg::csv::read(Source::of_bytes(&path, &bytes, &options)).unwrap_or_else(|e| panic!("{e}"));
        let all = |r: &Record| -> Vec<(String, String, Vec<u32>)> {
            let bits = |v: &f32| if v.is_nan() { u32::MAX } else { v.to_bits() };
            let leads = r.leads.iter();
            leads.map(|l| (l.name.clone(), l.units.clone(), l.samples.iter().map(bits).collect())).collect()
        };
        assert_eq!(all(&again), all(&record));
    }
}

/// An XML file of HL7 aECG.
pub fn aecg(data: &[u8]) {
    let options = ReadOptions::new();
    ecg::aecg::recognises(data);
    if let Some(record) = good(ecg::aecg::read(Source::of_bytes(Path::new("x.xml"), data, &options))) {
        sound(&record);
        let length = record.leads.iter().map(|lead| lead.samples.len()).sum::<usize>();
        assert!(length <= (1 << 22) + 64 * data.len(), "{length}");
    }
}

/// Letters of base64 for bytes, without padding.
fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for group in bytes.chunks(3) {
        let bits = group.iter().fold(0_u32, |bits, b| bits << 8 | u32::from(*b)) << (8 * (3 - group.len()));
        (0..=group.len()).for_each(|i| text.push(char::from(LETTERS[(bits >> (18 - 6 * i) & 63) as usize])));
    }
    text
}

/// An XML file of Philips: as it is, or (by the first byte) samples, compressed or not, in one that is sound.
pub fn philips(data: &[u8]) {
    let mut input = Steered(data);
    let method = match input.byte() {
        0x80..0x90 => "XLI",
        0x70..0x80 => "",
        _ => {
            xml(data, ecg::philips::recognises, ecg::philips::read);
            return;
        }
    };
    let (leads, duration) = (input.byte() % 14, input.byte());
    let labels = ["I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6", "V7", "V8"];
    let labels = labels[..leads].join(" ");
    let samples = base64(input.0);
    let text = format!(
        "<restingecgdata><waveforms><parsedwaveforms compression='{method}' leadlabels='{labels}' resolution='5' \
        samplespersecond='1000' durationperchannel='{duration}'>{samples}</parsedwaveforms></waveforms></restingecgdata>"
    );
    xml(text.as_bytes(), ecg::philips::recognises, ecg::philips::read);
}

/// An XML file of GE MUSE.
pub fn muse(data: &[u8]) {
    xml(data, ecg::muse::recognises, ecg::muse::read);
}

fn xml(
    data: &[u8],
    recognises: fn(&[u8]) -> bool,
    read: fn(Source<'_>) -> efficientecg::ecg::Result<Record>,
) {
    let options = ReadOptions::new();
    recognises(data);
    if let Some(record) = good(read(Source::of_bytes(Path::new("x.xml"), data, &options))) {
        sound(&record);
        assert!(record.leads.iter().all(|lead| lead.samples.iter().all(|v| v.is_finite())));
    }
}

/// An SCP-ECG file. The record is no longer than what is stored of it allows.
pub fn scp(data: &[u8]) {
    ecg::scp::recognises(data);
    let options = ReadOptions::new();
    if let Some(record) = good(ecg::scp::read(Source::of_bytes(Path::new("x.scp"), data, &options))) {
        sound(&record);
        let samples: usize = record.leads.iter().map(|lead| lead.samples.len()).sum();
        // A bit is a sample at least, of which four are made at most; what is missing is 64 times that, or 2^22.
        assert!(samples <= data.len() * 8 * 4 * 64 + (1 << 22), "{samples}");
        assert!(record.leads.iter().flat_map(|lead| &lead.samples).all(|v| !v.is_infinite()));
    }
}

/// A DICOM file: as it is, or (by the first byte) a data set of that transfer syntax.
pub fn dicom(data: &[u8]) {
    const SYNTAXES: [&str; 4] =
        ["1.2.840.10008.1.2\0", "1.2.840.10008.1.2.1\0", "1.2.840.10008.1.2.2\0", "1.2.840.10008.1.2.1.99"];
    let mut input = Steered(data);
    let forged;
    let bytes = match input.byte().checked_sub(1) {
        None => input.0,
        Some(syntax) => {
            let uid = SYNTAXES[syntax % SYNTAXES.len()];
            let mut head = vec![0; 128];
            head.extend(b"DICM\x02\0\x10\0UI");
            head.extend((uid.len() as u16).to_le_bytes());
            head.extend(uid.as_bytes());
            head.extend(input.0);
            forged = head;
            &forged
        }
    };
    ecg::dicom::recognises(bytes);
    let options = ReadOptions::new();
    if let Some(record) = good(ecg::dicom::read(Source::of_bytes(Path::new("x.dcm"), bytes, &options))) {
        sound(&record);
        assert!(!record.leads.is_empty());
    }
}
