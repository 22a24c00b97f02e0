//! Signal files compressed with FLAC (RFC 9639): formats 508, 516 and 524, of at most 8, 16 and 24 bits a sample.
//!
//! A channel is a signal, all with the same number of samples in a frame. The header's byte offset counts samples here.

use std::io::BufReader;
use std::path::Path;

use super::header::SignalSpec;
use crate::error::{Error, Result};
use crate::opened::Opened;

/// Samples that a file may hold a byte: a constant takes next to none.
const MOST_A_BYTE: u64 = 4096;
/// Samples that it may hold besides.
const FREE_SAMPLES: u64 = 1 << 22;
const FIX: &str = "get the file again, or correct the header";

/// The signals of a group, at most `frames` of each; of `code` bits above 500. `len` is the file's length in bytes.
pub(super) fn read(
    path: &Path,
    file: Opened,
    len: u64,
    code: u16,
    group: &[SignalSpec],
    frames: u64,
) -> Result<Vec<Vec<i32>>> {
    let error = |item: &str, expected: String, found: String| Error::Content {
        path: path.to_path_buf(),
        item: format!("FLAC: {item}"),
        expected,
        found,
        fix: FIX,
    };
    let broken = |e: claxon::Error| match e {
        claxon::Error::IoError(e) => Error::reading(path)(e),
        e => error("stream", "one that can be decoded".into(), e.to_string()),
    };
    let per_frame = group[0].samples_per_frame;
    if let Some(odd) = group.iter().find(|spec| spec.samples_per_frame != per_frame) {
        let expected = format!("{per_frame} for all signals of the file");
        return Err(error("samples in a frame", expected, odd.samples_per_frame.to_string()));
    }
    // Comments would take the memory that they say.
    let options = claxon::FlacReaderOptions { metadata_only: false, read_vorbis_comment: false };
    let mut reader = claxon::FlacReader::new_ext(BufReader::new(file), options).map_err(broken)?;
    let info = reader.streaminfo();
    if info.channels as usize != group.len() {
        return Err(error("channels", format!("{}, one a signal", group.len()), info.channels.to_string()));
    }
    let bits = u32::from(code) - 500;
    if info.bits_per_sample > bits {
        return Err(error("bits a sample", format!("at most {bits}"), info.bits_per_sample.to_string()));
    }
    let wanted = frames.saturating_mul(per_frame.into());
    let most = len.saturating_mul(MOST_A_BYTE).saturating_add(FREE_SAMPLES) / group.len() as u64;
    let mut skip = group[0].byte_offset;
    let mut out: Vec<Vec<i32>> = vec![Vec::new(); group.len()];
    let mut blocks = reader.blocks();
    let mut buffer = Vec::new();
    while (out[0].len() as u64) < wanted
        && let Some(block) = blocks.read_next_or_eof(buffer).map_err(broken)?
    {
        let count = u64::from(block.duration());
        let from = skip.min(count);
        skip -= from;
        let to = count.min(from.saturating_add(wanted - out[0].len() as u64));
        if block.channels() as usize != group.len() {
            return Err(error("channels", "as many in every block".into(), block.channels().to_string()));
        }
        for (channel, out) in out.iter_mut().enumerate() {
            out.extend(&block.channel(channel as u32)[from as usize..to as usize]);
        }
        if out[0].len() as u64 > most {
            return Err(error("samples", format!("at most {most} in {len} bytes"), "more".into()));
        }
        buffer = block.into_buffer();
    }
    Ok(out)
}
