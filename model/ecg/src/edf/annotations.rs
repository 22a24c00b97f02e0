//! Annotations of EDF+: lists of time, duration and texts, in place of samples.
//!
//! `+12.5[21]0.1[20]QRS[20][0]` is the text `QRS` at 12.5 s for 0.1 s, where `[n]` is the byte of that number. The first list
//! of a data record begins with an empty text, and its time is the record's.

use super::header::text;
use crate::wfdb::{Annotation, Code};

/// Something at a time.
#[derive(Debug, PartialEq)]
pub(super) struct Event {
    /// Seconds after the start that the header gives.
    pub(super) onset: f64,
    pub(super) text: String,
}

/// The annotations in a data record's part of a signal: when the record begins, if it says, and what it holds. The last is
/// whether all of it could be read.
pub(super) fn parse(bytes: &[u8], events: &mut Vec<Event>) -> (Option<f64>, bool) {
    let (mut begins, mut whole) = (None, true);
    for (i, list) in bytes.split(|b| *b == 0).filter(|list| !list.is_empty()).enumerate() {
        let mut parts = list.split(|b| *b == 20);
        let when = parts.next().unwrap_or_default();
        let onset = when.split(|b| *b == 21).next().unwrap_or_default();
        let signed = matches!(onset.first(), Some(b'+' | b'-'));
        let onset = std::str::from_utf8(onset).ok().and_then(|o| o.trim().parse::<f64>().ok());
        let Some(onset) = onset.filter(|o| signed && o.is_finite()) else {
            whole = false;
            continue;
        };
        let texts: Vec<&[u8]> = parts.collect();
        if i == 0 && texts.first().is_some_and(|t| t.is_empty()) {
            begins = Some(onset);
        }
        let texts = texts.into_iter().filter(|t| !t.is_empty());
        events.extend(texts.map(|t| Event { onset, text: text(t) }));
    }
    (begins, whole)
}

/// An annotation as records have it. `leads` are the signals' labels, in order: a text may name the one that it belongs to.
pub(super) fn annotation(event: &Event, time: i64, leads: &[&str]) -> Annotation {
    let (text, lead) = match event.text.rsplit_once("@@") {
        Some((text, lead)) => (text, leads.iter().position(|label| *label == lead.trim())),
        None => (event.text.as_str(), None),
    };
    let channel = lead.and_then(|i| u8::try_from(i).ok()).unwrap_or(0);
    match beat(text.trim()) {
        Some(code) => Annotation { channel, ..Annotation::new(time, code) },
        None => Annotation { channel, aux: text.as_bytes().to_vec(), ..Annotation::new(time, Code::NOTE) },
    }
}

/// The beat that a text stands for: by WFDB's symbol for it, or its meaning.
fn beat(text: &str) -> Option<Code> {
    let mut letters = text.chars();
    if let (Some(symbol), None) = (letters.next(), letters.next()) {
        return Code::from_symbol(symbol).filter(|code| code.is_beat());
    }
    let word = text.to_lowercase().replace(['-', '_'], " ");
    if matches!(word.as_str(), "qrs" | "beat" | "r peak" | "r wave") {
        return Some(Code::UNKNOWN);
    }
    (1..=u8::MAX).map_while(Code::new).find(|code| code.is_beat() && code.meaning() == word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_the_specification() {
        let mut events = Vec::new();
        let bytes = b"+0\x14\x14\0+2\x1530.5\x14Apnea\x14Snore\x14\0-0.65\x14Light off\x14\0\0\0";
        assert_eq!(parse(bytes, &mut events), (Some(0.0), true));
        let event = |onset, text: &str| Event { onset, text: text.to_owned() };
        assert_eq!(events, [event(2.0, "Apnea"), event(2.0, "Snore"), event(-0.65, "Light off")]);
    }

    #[test]
    fn what_is_no_list_is_left_out() {
        for bytes in
            [&b"x"[..], b"12\x14a\x14", b"+\x14a\x14", b"+1e999\x14a\x14", b"\xff\xff", b"+0x1\x14a\x14"]
        {
            let mut events = Vec::new();
            assert_eq!(parse(bytes, &mut events), (None, false), "{bytes:?}");
            assert!(events.is_empty());
        }
    }

    #[test]
    fn beats_by_symbol_and_meaning() {
        let code = |text: &str| {
            let event = Event { onset: 0.0, text: text.to_owned() };
            annotation(&event, 7, &["ECG I", "ECG II"])
        };
        assert_eq!(code("V").code, Code::VENTRICULAR);
        assert_eq!(code("Premature ventricular contraction").code, Code::VENTRICULAR);
        assert_eq!(code("QRS").code, Code::UNKNOWN);
        let note = code("Lights off@@ECG II");
        assert_eq!(
            (note.code, note.channel, note.text().as_str(), note.time),
            (Code::NOTE, 1, "Lights off", 7)
        );
        assert_eq!(code("x@@nobody").channel, 0);
        assert_eq!(code("~").code, Code::NOTE);
    }
}
