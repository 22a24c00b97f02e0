//! Annotation files in the MIT format, as annot(5) of the WFDB Applications Guide describes it.
//!
//! 16-bit words, low byte first: the upper six bits are a code, the lower ten a time since the annotation before. Five
//! codes are not annotations: SKIP (59: a signed 32-bit time follows, high word first, and is added), NUM, SUB, CHN
//! (60, 61, 62: fields of the annotation before) and AUX (63: that many bytes of text follow, padded to even). NUM and
//! CHN hold until they change, SUB for one annotation. A zero word ends the file.
//!
//! A file may begin with a comment `## time resolution: 360`: the ticks a second of its times.

use std::io::Read as _;
use std::path::Path;

use super::codes::Code;
use crate::error::{Error, Result};
use crate::opened;
use efficientecg_files as files;

const SKIP: u8 = 59;
const NUM: u8 = 60;
const SUB: u8 = 61;
const CHN: u8 = 62;
const AUX: u8 = 63;
/// Longest time that fits beside a code.
const MAX_STEP: i64 = 0x3ff;
const RESOLUTION: &str = "## time resolution:";

/// One annotation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Annotation {
    /// Time in ticks of the file: most often samples (frames) from the record's start.
    pub time: i64,
    /// What it says.
    pub code: Code,
    /// Subtype, 0 where unused.
    pub subtype: i8,
    /// The signal that it belongs to, 0 where unused.
    pub channel: u8,
    /// A number that users define, 0 where unused.
    pub num: i8,
    /// Auxiliary text, empty where there is none. Often ends in a NUL; see [`Annotation::text`].
    pub aux: Vec<u8>,
}

impl Annotation {
    /// An annotation with nothing but a time and a code.
    pub fn new(time: i64, code: Code) -> Self {
        Self { time, code, subtype: 0, channel: 0, num: 0, aux: Vec::new() }
    }

    /// The auxiliary text up to its NUL, unreadable bytes replaced.
    pub fn text(&self) -> String {
        let end = self.aux.iter().position(|&b| b == 0).unwrap_or(self.aux.len());
        String::from_utf8_lossy(&self.aux[..end]).into_owned()
    }
}

/// The content of an annotation file.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Annotations {
    /// Annotations in the file's order, which is that of time but for rare exceptions.
    pub items: Vec<Annotation>,
    /// Ticks a second, if the file says; else times count the record's frames.
    pub sample_rate: Option<f64>,
    /// What was odd but readable.
    pub warnings: Vec<String>,
}

impl Annotations {
    /// Reads an annotation file (`100.atr`).
    ///
    /// # Errors
    /// The file cannot be read, or ends inside of an annotation.
    pub fn read(path: &Path) -> Result<Self> {
        let (mut file, _) = opened::open(path).map_err(Error::reading(path))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(Error::reading(path))?;
        Self::parse(path, &bytes)
    }

    /// Writes an annotation file. Annotations are written in their order here.
    ///
    /// # Errors
    /// The file cannot be written, two annotations are more than 2^31 ticks apart, or a text is longer than 255 bytes.
    pub fn write(&self, path: &Path) -> Result<()> {
        files::write(path, &self.encode(path)?).map_err(Error::writing(path))
    }

    /// Times of the annotations that mark beats, in the file's order.
    pub fn beats(&self) -> Vec<i64> {
        self.items.iter().filter(|a| a.code.is_beat()).map(|a| a.time).collect()
    }

    /// Parses the bytes of the annotation file at `path` (named in errors only).
    ///
    /// # Errors
    /// The bytes end inside of an annotation, or hold a field that belongs to none.
    pub fn parse(path: &Path, bytes: &[u8]) -> Result<Self> {
        let error = |at: usize, expected: &str, found: &str| Error::Content {
            path: path.to_path_buf(),
            item: format!("byte {at}"),
            expected: expected.to_owned(),
            found: found.to_owned(),
            fix: "give an annotation file in the MIT format, whole",
        };
        let word = |at: usize| -> Result<u16> {
            match bytes.get(at..at + 2) {
                Some(pair) => Ok(u16::from_le_bytes([pair[0], pair[1]])),
                None => Err(error(at, "two bytes more", "the end of the file")),
            }
        };
        let mut out = Self::default();
        let (mut time, mut channel, mut num) = (0_i64, 0_u8, 0_i8);
        let mut at = 0;
        loop {
            if at == bytes.len() {
                out.warnings.push("the annotation file has no end mark: it may be cut short".into());
                break;
            }
            let here = at;
            let head = word(at)?;
            at += 2;
            if head == 0 {
                break;
            }
            let (code, value) = ((head >> 10) as u8, head & 0x3ff);
            if code == SKIP {
                let skip = u32::from(word(at)?) << 16 | u32::from(word(at + 2)?);
                time += i64::from(skip as i32);
                at += 4;
                continue;
            }
            if let Some(code) = Code::new(code) {
                time += i64::from(value);
                out.items.push(Annotation { channel, num, ..Annotation::new(time, code) });
                continue;
            }
            let Some(last) = out.items.last_mut() else {
                return Err(error(here, "an annotation", "a field that belongs to none"));
            };
            match code {
                NUM => {
                    num = value as i8;
                    last.num = num;
                }
                SUB => last.subtype = value as i8,
                CHN => {
                    channel = value as u8;
                    last.channel = channel;
                }
                _ => {
                    let end = at + usize::from(value);
                    let text = bytes.get(at..end);
                    last.aux =
                        text.ok_or_else(|| error(here, "a whole text", "the end of the file"))?.to_vec();
                    // Odd texts are padded; a file that ends right after one is let pass.
                    at = (end + end % 2).min(bytes.len());
                }
            }
        }
        out.take_resolution();
        Ok(out)
    }

    /// Takes the comment that states the time resolution out of the annotations.
    fn take_resolution(&mut self) {
        let Some(first) = self.items.first() else {
            return;
        };
        if first.code != Code::NOTE || first.time != 0 {
            return;
        }
        let text = first.text();
        let rate = text
            .strip_prefix(RESOLUTION)
            .and_then(|rate| rate.trim().parse().ok())
            .filter(|rate: &f64| rate.is_finite() && *rate > 0.0);
        if rate.is_some() {
            self.sample_rate = rate;
            self.items.remove(0);
        }
    }

    /// The bytes of an annotation file; `path` is named in errors only.
    ///
    /// # Errors
    /// Two annotations are more than 2^31 ticks apart, or a text is longer than 255 bytes.
    pub fn encode(&self, path: &Path) -> Result<Vec<u8>> {
        let mut out = Writer::default();
        if let Some(rate) = self.sample_rate {
            out.annotation(
                path,
                &Annotation {
                    aux: format!("{RESOLUTION} {rate}").into_bytes(),
                    ..Annotation::new(0, Code::NOTE)
                },
            )?;
        }
        for item in &self.items {
            out.annotation(path, item)?;
        }
        out.word(0, 0);
        Ok(out.bytes)
    }
}

#[derive(Default)]
struct Writer {
    bytes: Vec<u8>,
    time: i64,
    channel: u8,
    num: i8,
}

impl Writer {
    fn word(&mut self, code: u8, value: u16) {
        let word = u16::from(code) << 10 | value & 0x3ff;
        self.bytes.extend(word.to_le_bytes());
    }

    fn annotation(&mut self, path: &Path, item: &Annotation) -> Result<()> {
        let error = |what: &str, expected: &str, found: String| Error::Content {
            path: path.to_path_buf(),
            item: format!("annotation at {}: {what}", item.time),
            expected: expected.to_owned(),
            found,
            fix: "correct the annotation before writing",
        };
        let mut step = item.time.saturating_sub(self.time);
        // Code 0 beside a time of 0 is the file's end mark.
        if item.code.number() == 0 {
            return Err(error("code", "1 to 58", "0".into()));
        }
        if !(0..=MAX_STEP).contains(&step) {
            let skip = i32::try_from(step)
                .map_err(|_| error("time since the one before", "below 2^31", step.to_string()))?;
            self.word(SKIP, 0);
            self.bytes.extend(((skip >> 16) as u16).to_le_bytes());
            self.bytes.extend((skip as u16).to_le_bytes());
            step = 0;
        }
        self.word(item.code.number(), step as u16);
        self.time = item.time;
        if item.subtype != 0 {
            // Negative fields fill all ten bits.
            self.word(SUB, i16::from(item.subtype) as u16);
        }
        if item.channel != self.channel {
            self.channel = item.channel;
            self.word(CHN, u16::from(item.channel));
        }
        if item.num != self.num {
            self.num = item.num;
            self.word(NUM, i16::from(item.num) as u16);
        }
        if !item.aux.is_empty() {
            let len = item.aux.len();
            if len > 255 {
                return Err(error("text", "at most 255 bytes", len.to_string()));
            }
            self.word(AUX, len as u16);
            self.bytes.extend(&item.aux);
            if len % 2 == 1 {
                self.bytes.push(0);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(bytes: &[u8]) -> Result<Annotations> {
        Annotations::parse(Path::new("x.atr"), bytes)
    }

    /// N at 5; V at 5 + 70000 - 3 with subtype -1, channel 1, num 2, text "abc"; A 1023 later, channel and num held.
    #[rustfmt::skip]
    const BYTES: &[u8] = &[
        5, 1 << 2,
        0, 59 << 2, 0x01, 0x00, 0x6d, 0x11, // skip 65536 + 0x116d = 69997
        0, 5 << 2,
        0xff, 61 << 2 | 3, 1, 62 << 2, 2, 60 << 2,
        3, 63 << 2, b'a', b'b', b'c', 0,
        0xff, 8 << 2 | 3,
        0, 0,
    ];

    #[test]
    fn bytes_by_hand() {
        let read = parse(BYTES).expect("a sound file");
        let ventricular = Annotation {
            subtype: -1,
            channel: 1,
            num: 2,
            aux: b"abc".to_vec(),
            ..Annotation::new(70002, Code::VENTRICULAR)
        };
        let atrial = Annotation { channel: 1, num: 2, ..Annotation::new(71025, Code::ATRIAL) };
        assert_eq!(read.items, [Annotation::new(5, Code::NORMAL), ventricular, atrial]);
        assert!(read.warnings.is_empty());
        assert_eq!(read.beats(), [5, 70002, 71025]);
        assert_eq!(read.encode(Path::new("x")).expect("writable"), BYTES);
    }

    #[test]
    fn times_may_go_back() {
        let mut notes = Annotations { sample_rate: Some(360.0), ..Annotations::default() };
        for time in [100, 40, 40, 1_000_000, 0] {
            notes.items.push(Annotation::new(time, Code::NORMAL));
        }
        let bytes = notes.encode(Path::new("x")).expect("writable");
        assert_eq!(parse(&bytes).expect("a sound file"), notes);
    }

    #[test]
    fn damage_is_an_error_or_a_warning() {
        for cut in 1..BYTES.len() - 1 {
            match parse(&BYTES[..cut]) {
                Ok(read) => assert_eq!(read.warnings.len(), 1, "cut at {cut}"),
                Err(e) => assert!(e.to_string().starts_with("x.atr: byte "), "{e}"),
            }
        }
        assert!(parse(&[1, 61 << 2, 0, 0]).is_err(), "a field before any annotation");
        assert!(parse(&[1]).is_err());
    }

    #[test]
    fn what_cannot_be_written_is_refused() {
        let refused = |item: Annotation| {
            let notes = Annotations { items: vec![item], ..Annotations::default() };
            assert!(notes.encode(Path::new("x")).is_err());
        };
        refused(Annotation::new(i64::MAX, Code::NORMAL));
        refused(Annotation::new(5000, Code::new(0).expect("a code")));
        refused(Annotation { aux: vec![b'x'; 256], ..Annotation::new(0, Code::NOTE) });
    }
}
