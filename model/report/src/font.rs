//! Helvetica without its outlines: the widths of its characters, by which text is placed, and its encoding in PDF.
//!
//! The widths are those of Adobe's font metrics for the standard 14 fonts, which every viewer of PDF has. Arial, Liberation Sans and
//! Nimbus Sans have the same ones.

/// Height of the tallest letters over the base line, of the font's size.
pub(crate) const ASCENT: f64 = 0.74;
/// Depth of the deepest letters under it.
pub(crate) const DESCENT: f64 = 0.22;

/// Widths of the characters from the blank to `~`, in thousandths of the size.
const REGULAR: [u16; 95] = [
    278, 278, 355, 556, 556, 889, 667, 191, 333, 333, 389, 584, 278, 333, 278, 278, 556, 556, 556, 556, 556,
    556, 556, 556, 556, 556, 278, 278, 584, 584, 584, 556, 1015, 667, 667, 722, 722, 667, 611, 778, 722, 278,
    500, 667, 556, 833, 722, 778, 667, 778, 722, 667, 611, 722, 667, 944, 667, 667, 611, 278, 278, 278, 469,
    556, 333, 556, 556, 500, 556, 556, 278, 556, 556, 222, 222, 500, 222, 833, 556, 556, 556, 556, 333, 500,
    278, 556, 500, 722, 500, 500, 500, 334, 260, 334, 584,
];
const BOLD: [u16; 95] = [
    278, 333, 474, 556, 556, 889, 722, 238, 333, 333, 389, 584, 278, 333, 278, 278, 556, 556, 556, 556, 556,
    556, 556, 556, 556, 556, 333, 333, 584, 584, 584, 611, 975, 722, 722, 722, 722, 667, 611, 778, 722, 278,
    556, 722, 611, 833, 722, 778, 667, 778, 722, 667, 611, 722, 667, 944, 667, 667, 611, 333, 278, 333, 584,
    556, 333, 556, 611, 556, 611, 556, 333, 611, 611, 278, 278, 556, 278, 889, 611, 611, 611, 611, 389, 556,
    333, 611, 556, 778, 556, 556, 500, 389, 280, 389, 584,
];

/// What code page 1252 has at 0x80 to 0x9f; blanks where it has nothing.
const UPPER: [char; 32] = [
    '€', ' ', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', ' ', 'Ž', ' ', ' ', '‘', '’', '“', '”',
    '•', '–', '—', '˜', '™', 'š', '›', 'œ', ' ', 'ž', 'Ÿ',
];

/// The width of a text of one line, in the unit of `size`.
pub(crate) fn width(text: &str, size: f64, bold: bool) -> f64 {
    size * text.chars().map(|c| f64::from(thousandths(c, bold))).sum::<f64>() / 1000.0
}

fn thousandths(c: char, bold: bool) -> u16 {
    // What is not known is as wide as the font is high: enough for most scripts.
    known(c, bold).unwrap_or(1000)
}

/// The width of a character, of those that are known.
fn known(c: char, bold: bool) -> Option<u16> {
    let ascii = |c: char| Some(if bold { BOLD } else { REGULAR }[c as usize - 32]);
    match c {
        ' '..='~' => ascii(c),
        // Letters with accents are as wide as without.
        'À'..='Å' => ascii('A'),
        'È'..='Ë' => ascii('E'),
        'Ì'..='Ï' | 'ì'..='ï' | '·' => Some(278),
        'Ò'..='Ö' | 'Ø' => ascii('O'),
        'Ù'..='Ü' | 'Ñ' | 'Ç' => ascii('U'),
        'à'..='å' => ascii('a'),
        'è'..='ë' => ascii('e'),
        'ò'..='ö' => ascii('o'),
        'ù'..='ü' | 'µ' => ascii('u'),
        'ñ' => ascii('n'),
        'ç' => ascii('c'),
        'ý' | 'ÿ' => ascii('y'),
        'ß' | 'ø' => Some(611),
        '×' | '±' => Some(584),
        '–' => Some(556),
        '°' => Some(400),
        '²' => Some(333),
        '…' => Some(1000),
        _ => None,
    }
}

/// Whether every character's width is known.
pub(crate) fn is_known(text: &str) -> bool {
    text.chars().all(|c| known(c, false).is_some())
}

/// A text cut to a width, with an ellipsis if it is longer.
pub(crate) fn fit(text: &str, size: f64, bold: bool, most: f64) -> String {
    if width(text, size, bold) <= most {
        return text.to_owned();
    }
    let mut left = most - width("…", size, bold);
    let fits = |c: &char| {
        left -= size * f64::from(thousandths(*c, bold)) / 1000.0;
        left >= 0.0
    };
    let kept: String = text.chars().take_while(fits).collect();
    kept.trim_end().to_owned() + "…"
}

/// A text in lines of at most this width, broken at blanks; the last of `lines` ends in an ellipsis if there is more.
pub(crate) fn wrap(text: &str, size: f64, most: f64, lines: usize) -> Vec<String> {
    let mut made: Vec<String> = Vec::new();
    let mut words = text.split(' ').filter(|word| !word.is_empty()).peekable();
    while let Some(word) = words.next() {
        let mut line = word.to_owned();
        if made.len() + 1 == lines {
            words.by_ref().for_each(|word| line += &format!(" {word}"));
        }
        while let Some(word) = words.peek() {
            let longer = format!("{line} {word}");
            if width(&longer, size, false) > most {
                break;
            }
            line = longer;
            words.next();
        }
        made.push(fit(&line, size, false, most));
    }
    made
}

/// A text in PDF's WinAnsiEncoding, code page 1252, and what it then says. Characters that it lacks become question marks.
#[cfg_attr(not(feature = "pdf"), allow(dead_code))]
pub(crate) fn win_ansi(text: &str) -> (Vec<u8>, String) {
    let byte = |c: char| match c {
        ' '..='~' | '\u{a0}'..='ÿ' => u8::try_from(u32::from(c)).ok(),
        // The Greek letter of micro, which units are written with.
        'μ' => Some(0xb5),
        _ => UPPER.iter().position(|other| *other == c).map(|place| 0x80 + place as u8),
    };
    text.chars().map(|c| byte(c).map_or((b'?', '?'), |byte| (byte, c))).unzip()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn widths_of_the_standard_fonts() {
        // By hand of the metrics: H 722, e 556 twice, l 222, v 500, t 278, i 222, c 500, a 556.
        assert!((width("Helvetica", 10.0, false) - 41.12).abs() < 1e-9);
        assert!((width("Wav", 1.0, true) - (0.944 + 0.556 + 0.556)).abs() < 1e-9);
    }

    #[test]
    fn a_text_that_is_cut_fits() {
        let long = "A name of a record that is much too long";
        for most in [5.0, 11.0, 23.4] {
            let cut = fit(long, 3.0, true, most);
            assert!(cut.ends_with('…') && width(&cut, 3.0, true) <= most, "{cut}");
        }
        assert_eq!(fit("short", 3.0, false, 50.0), "short");
        let lines = wrap("one two three four five six seven", 3.0, 20.0, 3);
        assert_eq!(lines, ["one two three", "four five six", "seven"]);
        let lines = wrap("one two three four five six seven", 3.0, 20.0, 2);
        assert!(lines.len() == 2 && lines[1].ends_with('…'), "{lines:?}");
        assert!(wrap("a_single_word_without_blanks", 3.0, 20.0, 2)[0].ends_with('…'));
    }

    #[test]
    fn code_page_1252() {
        let (bytes, text) = win_ansi("Müller – 5 µV·…€");
        assert_eq!((&bytes[..], &text[..]), (&b"M\xfcller \x96 5 \xb5V\xb7\x85\x80"[..], "Müller – 5 µV·…€"));
        assert_eq!(win_ansi("心电\u{81}\n"), (b"????".to_vec(), "????".to_owned()));
    }
}
