//! Pages as PDF: their size, the grid in points, and real text.

mod harness;

use efficientecg_report::pdf;
use harness::{Found, TWELVE, record};

const MILLIMETRE: f64 = 72.0 / 25.4;

/// The content streams, inflated.
fn contents(file: &[u8]) -> Vec<String> {
    let mut made = Vec::new();
    let find = |from: usize, what: &[u8]| {
        file[from..].windows(what.len()).position(|w| w == what).map(|at| from + at)
    };
    let mut from = 0;
    while let Some(start) = find(from, b"stream\n") {
        let end = find(start, b"\nendstream").expect("an end");
        let bytes = miniz_oxide::inflate::decompress_to_vec_zlib(&file[start + 7..end]).expect("deflated");
        // Bytes of code page 1252 that are no ASCII do not matter here.
        made.push(bytes.iter().map(|b| char::from(*b)).collect());
        from = end + 10;
    }
    made
}

fn media_boxes(file: &[u8]) -> Vec<[f64; 4]> {
    let text = String::from_utf8_lossy(file);
    let parts = text.split("/MediaBox [").skip(1);
    let numbers = |part: &str| -> Vec<f64> {
        let list = part.split(']').next().expect("an end");
        list.split_whitespace().map(|n| n.parse().expect("a number")).collect()
    };
    parts.map(|part| numbers(part).try_into().expect("four numbers")).collect()
}

#[test]
fn a_page_is_a4_and_its_grid_is_in_millimetres() {
    let found = Found::new(record("twelve", &TWELVE, 10.0), "ptbxl-8lead");
    let file = pdf("a report", &found.pages());
    assert!(file.starts_with(b"%PDF-1.") && file.ends_with(b"%%EOF"));
    let boxes = media_boxes(&file);
    assert_eq!(boxes.len(), 1);
    for (got, want) in boxes[0].iter().zip([0.0, 0.0, 297.0 * MILLIMETRE, 210.0 * MILLIMETRE]) {
        assert!((got - want).abs() < 0.1 * MILLIMETRE, "{boxes:?}");
    }
    let contents = contents(&file);
    assert_eq!(contents.len(), 1);
    // The matrix stands first: millimetres from the top left corner become points from the lower left one.
    let words: Vec<&str> = contents[0].split_whitespace().collect();
    assert_eq!(words[6], "cm");
    let matrix: Vec<f64> = words[..6].iter().map(|n| n.parse().expect("a number")).collect();
    let place = |x: f64, y: f64| {
        [matrix[0] * x + matrix[2] * y + matrix[4], matrix[1] * x + matrix[3] * y + matrix[5]]
    };
    // Lines of two points, in points, by their width.
    let (mut upright, mut level) = (Vec::new(), Vec::new());
    let number = |i: usize| -> f64 { words[i].parse().expect("a number") };
    let mut width = 0.0;
    for i in 6..words.len() {
        match words[i] {
            "w" => width = number(i - 1),
            "l" if width < 0.21 && words[i - 3] == "m" && words.get(i + 3) != Some(&"l") => {
                let (a, b) = (place(number(i - 5), number(i - 4)), place(number(i - 2), number(i - 1)));
                if (a[0] - b[0]).abs() < 1e-6 { upright.push(a[0]) } else { level.push(a[1]) }
            }
            _ => {}
        }
    }
    for (mut places, count) in [(upright, 271), (level, 136)] {
        places.sort_by(f64::total_cmp);
        places.dedup_by(|a, b| (*a - *b).abs() < 1e-3);
        let longest =
            places.chunk_by(|a, b| ((b - a) / MILLIMETRE - 1.0).abs() < 0.01).map(<[f64]>::len).max();
        assert_eq!(longest, Some(count), "{places:?}");
    }
}

/// What the content shows as text: strings in brackets, with backslashes before brackets, or in hexadecimal digits, before `Tj`.
fn shown(content: &str) -> Vec<String> {
    let lines = content.lines().filter_map(|line| line.strip_suffix(" Tj"));
    lines
        .map(|text| {
            if let Some(hex) = text.strip_prefix('<').and_then(|t| t.strip_suffix('>')) {
                let byte = |i: usize| u8::from_str_radix(&hex[i..i + 2], 16).expect("digits");
                (0..hex.len()).step_by(2).map(|i| char::from(byte(i))).collect()
            } else {
                let mut marked = false;
                let inside = &text[1..text.len() - 1];
                inside
                    .chars()
                    .filter(|c| {
                        marked = *c == '\\' && !marked;
                        !marked
                    })
                    .collect()
            }
        })
        .collect()
}

#[test]
fn text_is_text() {
    let found = Found::new(record("Zoë (心) \\", &["MLII", "V1"], 25.0), "beats");
    let pages = found.pages();
    let file = pdf("Zoë's report", &pages);
    let all: Vec<String> = contents(&file).iter().flat_map(|content| shown(content)).collect();
    // Each text of each page, in code page 1252, with a question mark for what it lacks.
    let want: Vec<String> =
        pages.iter().flat_map(|page| page.texts()).map(|t| t.text.replace('心', "?")).collect();
    assert_eq!(all, want);
    for part in ["Zo\u{eb} (?) \\", "MLII", "25 mm/s · 10 mm/mV"] {
        assert!(all.iter().any(|text| text == part), "{part}");
    }
    let text = String::from_utf8_lossy(&file);
    assert!(text.contains("/BaseFont /Helvetica") && text.contains("/WinAnsiEncoding"));
    assert!(!text.contains("/FontFile"), "no font is within the file");
}
