//! Beats, rhythms and statements of a series of rhythm.

use roxmltree::Node;

use super::code;
use super::place::seconds_between;
use crate::wfdb::{Annotation, Code};
use crate::{Record, Start, xml};
use efficientecg_files::one_line;

/// Beats of ISO 11073-10102, the symbols that WFDB has for them.
const BEATS: [(&str, char); 29] = [
    ("NORMAL", 'N'),
    ("DOMINANT", 'N'),
    ("ABNORMAL", 'Q'),
    ("UNKNOWN", 'Q'),
    ("LEARN", '?'),
    ("ATR_P_C", 'A'),
    ("ATR_P_C_ABERR", 'a'),
    ("ATR_ESC", 'e'),
    ("JUNC_P_C", 'J'),
    ("JUNC_ESC", 'j'),
    ("SV_P_C", 'S'),
    ("SV_P_C_MULT", 'S'),
    ("SV_ESC", 'n'),
    ("V_P_C", 'V'),
    ("V_P_C_MULT", 'V'),
    ("V_P_C_LONG_COUPLED", 'V'),
    ("V_P_C_FUSION", 'F'),
    ("V_P_C_RONT", 'r'),
    ("V_ESC", 'E'),
    ("VENT_ESC", 'E'),
    ("BB_BLK", 'B'),
    ("LBB_BLK", 'L'),
    ("LBB_BLK_COMP", 'L'),
    ("LBB_BLK_INCOMP", 'L'),
    ("RBB_BLK", 'R'),
    ("RBB_BLK_COMP", 'R'),
    ("RBB_BLK_INCOMP", 'R'),
    ("PACED", '/'),
    ("PACED_FUS", 'f'),
];

/// Adds the annotations of a series that begins at `begin` to a record: beats and rhythms in time, statements as comments.
pub(super) fn read(series: Node<'_, '_>, begin: Option<Start>, rate: f64, record: &mut Record) {
    let frame = |seconds: f64| (seconds * rate).round() as i64;
    let sets = xml::children(series, "subjectOf").flat_map(|part| xml::children(part, "annotationSet"));
    let annotations = sets.flat_map(|set| xml::children(set, "component")).flat_map(annotation);
    for node in annotations {
        let value = xml::attribute_of(node, &["value"], "code");
        match code(node) {
            "MDC_ECG_BEAT" => {
                let symbol = value.and_then(|value| beat(value.strip_prefix("MDC_ECG_BEAT_")?));
                let span = span(node, begin).or_else(|| span(qrs(node)?, begin));
                if let (Some(code), Some((low, high))) = (symbol.and_then(Code::from_symbol), span) {
                    record.annotations.push(Annotation::new(frame((low + high) / 2.0), code));
                }
            }
            "MDC_ECG_RHY" => {
                let name = xml::attribute_of(node, &["value"], "displayName").or(value);
                if let (Some(name), Some((low, _))) = (name, span(node, begin)) {
                    // The longest text that an annotation file can hold.
                    let aux: Vec<u8> = name.bytes().take(255).collect();
                    record.annotations.push(Annotation { aux, ..Annotation::new(frame(low), Code::NOTE) });
                }
            }
            "MDC_ECG_INTERPRETATION" => {
                let statements = xml::children(node, "component").flat_map(annotation);
                let texts = statements.filter_map(|part| xml::content_of(part, &["value"]));
                record.comments.extend(texts.map(|text| one_line(&text)));
            }
            _ => {}
        }
    }
}

fn annotation<'a, 'i>(part: Node<'a, 'i>) -> impl Iterator<Item = Node<'a, 'i>> + use<'a, 'i> {
    xml::children(part, "annotation")
}

fn beat(name: &str) -> Option<char> {
    BEATS.iter().find(|(known, _)| name.eq_ignore_ascii_case(known)).map(|(_, symbol)| *symbol)
}

/// The QRS complex among the waves of a beat.
fn qrs<'a, 'i>(beat: Node<'a, 'i>) -> Option<Node<'a, 'i>> {
    let mut waves = xml::children(beat, "component").flat_map(annotation);
    waves.find(|wave| {
        let value = xml::attribute_of(*wave, &["value"], "code");
        matches!(value, Some("MDC_ECG_WAVC_QRSWAVE" | "MDC_ECG_WAVC_RWAVE"))
    })
}

/// The time that an annotation covers, in seconds after the beginning.
fn span(node: Node<'_, '_>, begin: Option<Start>) -> Option<(f64, f64)> {
    let region = xml::find(node, &["support", "supportingROI"])?;
    let bounds = xml::children(region, "component").flat_map(|part| xml::children(part, "boundary"));
    for bound in bounds {
        let value = xml::find(bound, &["value"]);
        let time = |name| {
            let text = xml::find(value?, &[name])?.attribute("value")?;
            match code(bound) {
                "TIME_ABSOLUTE" => Some(seconds_between(xml::timestamp(text)?, begin?)),
                "TIME_RELATIVE" => {
                    let scale = match xml::find(value?, &[name])?.attribute("unit") {
                        Some("ms") => 1e-3,
                        _ => 1.0,
                    };
                    xml::number(text).map(|time| time * scale)
                }
                _ => None,
            }
        };
        match (time("low"), time("high")) {
            (Some(low), Some(high)) => return Some((low, high)),
            (Some(time), None) | (None, Some(time)) => return Some((time, time)),
            (None, None) => {}
        }
    }
    None
}
