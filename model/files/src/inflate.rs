//! Reading deflated bytes (RFC 1951) through `miniz_oxide`, a chunk at a time.

use miniz_oxide::inflate::stream::{InflateState, inflate};
use miniz_oxide::{DataFormat, MZFlush, MZStatus};
use std::io::{BufRead, Error, ErrorKind, Read};

/// Inflates what `source` holds.
pub(crate) struct Inflate<R> {
    source: R,
    state: Box<InflateState>,
    ended: bool,
}

impl<R: BufRead> Inflate<R> {
    pub(crate) fn new(source: R) -> Inflate<R> {
        Inflate { source, state: InflateState::new_boxed(DataFormat::Raw), ended: false }
    }

    /// Whether bytes are left after the end of the deflated data.
    pub(crate) fn has_more(&mut self) -> std::io::Result<bool> {
        Ok(!self.source.fill_buf()?.is_empty())
    }
}

impl<R: BufRead> Read for Inflate<R> {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        while !self.ended && !out.is_empty() {
            let input = self.source.fill_buf()?;
            let at_end = input.is_empty();
            let step = inflate(&mut self.state, input, out, MZFlush::None);
            self.source.consume(step.bytes_consumed);
            self.ended = step.status == Ok(MZStatus::StreamEnd);
            if step.bytes_written > 0 {
                return Ok(step.bytes_written);
            }
            if self.ended {
                break;
            }
            let stuck = step.bytes_consumed == 0;
            if at_end && stuck {
                return Err(Error::new(ErrorKind::UnexpectedEof, "deflated data are cut off"));
            }
            if stuck || step.status.is_err() {
                return Err(Error::new(ErrorKind::InvalidData, "deflated data are corrupt"));
            }
        }
        Ok(0)
    }
}
