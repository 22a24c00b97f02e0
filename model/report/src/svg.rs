//! Pages as SVG: one picture in millimetres, the pages one below another.

use crate::font;
use crate::scene::{Anchor, Graphic, Group, Page, Pen, Text};
use std::fmt::Write;

/// Fonts whose letters are as wide as those by which text was placed.
const FONTS: &str = "Helvetica, Arial, 'Liberation Sans', 'Nimbus Sans', Arimo, sans-serif";

/// The pages as one SVG file. Its unit is the millimetre.
pub fn svg(pages: &[Page]) -> String {
    let width = pages.iter().map(|page| page.width).fold(0.0, f64::max);
    let height: f64 = pages.iter().map(|page| page.height).sum();
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}mm\" height=\"{height}mm\" viewBox=\"0 0 {width} {height}\" \
         font-family=\"{FONTS}\">\n"
    );
    let mut top = 0.0;
    for page in pages {
        if top == 0.0 {
            body(&mut out, page);
        } else {
            let _ = writeln!(out, "<g transform=\"translate(0 {top})\">");
            body(&mut out, page);
            out += "</g>\n";
        }
        top += page.height;
    }
    out + "</svg>\n"
}

/// One page as an `<svg>` within another document.
pub(crate) fn inline(page: &Page) -> String {
    let Page { width, height, .. } = page;
    let mut out = format!(
        "<svg width=\"{width}mm\" height=\"{height}mm\" viewBox=\"0 0 {width} {height}\" font-family=\"{FONTS}\">\n"
    );
    body(&mut out, page);
    out + "</svg>\n"
}

fn body(out: &mut String, page: &Page) {
    let Page { width, height, title, .. } = page;
    let _ = writeln!(out, "<title>{}</title>", escape(title));
    let _ = writeln!(out, "<rect width=\"{width}\" height=\"{height}\" fill=\"#fff\"/>");
    page.groups.iter().for_each(|g| group(out, g));
}

fn group(out: &mut String, group: &Group) {
    let _ = writeln!(out, "<g class=\"{}\">", group.class);
    if !group.title.is_empty() {
        let _ = writeln!(out, "<title>{}</title>", escape(&group.title));
    }
    for graphic in &group.graphics {
        match graphic {
            Graphic::Path { lines, pen } => path(out, lines, pen),
            Graphic::Rectangle { place: [x, y, width, height], fill } => {
                let (x, y, width, height) = (Fixed(*x), Fixed(*y), Fixed(*width), Fixed(*height));
                let _ = writeln!(
                    out,
                    "<rect x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" fill=\"{}\"/>",
                    hex(fill)
                );
            }
            Graphic::Text(t) => text(out, t),
        }
    }
    *out += "</g>\n";
}

/// Lines as one path. Points follow each other by differences of rounded places, so roundings do not add up.
fn path(out: &mut String, lines: &[Vec<[f64; 2]>], pen: &Pen) {
    *out += "<path d=\"";
    for line in lines.iter().filter(|line| !line.is_empty()) {
        let [x, y] = line[0];
        let _ = write!(out, "M{} {}l", Fixed(x), Fixed(y));
        let mut last = [hundredths(x), hundredths(y)];
        // A line of one point is a dot by its round ends.
        for (i, point) in line.iter().skip(1).chain((line.len() == 1).then_some(&line[0])).enumerate() {
            let next = point.map(hundredths);
            let [dx, dy] = [next[0] - last[0], next[1] - last[1]];
            let blank = |d: i64, first: bool| if d < 0 || first { "" } else { " " };
            let _ =
                write!(out, "{}{}{}{}", blank(dx, i == 0), Hundredths(dx), blank(dy, false), Hundredths(dy));
            last = next;
        }
    }
    let _ = writeln!(
        out,
        "\" fill=\"none\" stroke=\"{}\" stroke-width=\"{}\" stroke-linecap=\"round\" stroke-linejoin=\"round\"/>",
        hex(&pen.colour),
        pen.width
    );
}

fn text(out: &mut String, text: &Text) {
    let Text { x, y, size, .. } = text;
    let (x, y) = (Fixed(*x), Fixed(*y));
    let _ = write!(out, "<text x=\"{x}\" y=\"{y}\" font-size=\"{size}\" fill=\"{}\"", hex(&text.colour));
    if text.bold {
        *out += " font-weight=\"bold\"";
    }
    match text.anchor {
        Anchor::Start => {}
        Anchor::Middle => *out += " text-anchor=\"middle\"",
        Anchor::End => *out += " text-anchor=\"end\"",
    }
    // Whatever font there is, a text keeps its place.
    if text.text.len() > 1 && font::is_known(&text.text) {
        let _ = write!(out, " textLength=\"{}\" lengthAdjust=\"spacingAndGlyphs\"", Fixed(text.width()));
    }
    let _ = writeln!(out, ">{}</text>", escape(&text.text));
}

fn hex(colour: &crate::scene::Colour) -> String {
    format!("#{:02x}{:02x}{:02x}", colour.0, colour.1, colour.2)
}

/// Text between tags and in attributes. What XML cannot hold, and what would turn the direction of writing, is left out.
pub fn escape(text: &str) -> String {
    let mut made = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => made += "&amp;",
            '<' => made += "&lt;",
            '>' => made += "&gt;",
            '"' => made += "&quot;",
            '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{fffe}' | '\u{ffff}' => {}
            c if c.is_control() => {}
            c => made.push(c),
        }
    }
    made
}

/// Hundredths of a millimetre.
fn hundredths(millimetres: f64) -> i64 {
    (100.0 * millimetres).round() as i64
}

/// Millimetres with two decimals at most.
struct Fixed(f64);

impl std::fmt::Display for Fixed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        Hundredths(hundredths(self.0)).fmt(f)
    }
}

struct Hundredths(i64);

impl std::fmt::Display for Hundredths {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let (whole, rest) = (self.0.unsigned_abs() / 100, self.0.unsigned_abs() % 100);
        match (whole, rest) {
            (whole, 0) => write!(f, "{sign}{whole}"),
            (0, rest) if rest % 10 == 0 => write!(f, "{sign}.{}", rest / 10),
            (0, rest) => write!(f, "{sign}.{rest:02}"),
            (whole, rest) if rest % 10 == 0 => write!(f, "{sign}{whole}.{}", rest / 10),
            (whole, rest) => write!(f, "{sign}{whole}.{rest:02}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scene::Colour;

    #[test]
    fn decimals_are_short_and_right() {
        for (millimetres, text) in
            [(0.0, "0"), (-0.004, "0"), (0.07, ".07"), (-0.5, "-.5"), (12.345_1, "12.35"), (-3.1, "-3.1")]
        {
            assert_eq!(Fixed(millimetres).to_string(), text);
            let back: f64 = text.parse().expect("a number");
            assert!((back - millimetres).abs() <= 0.005 + 1e-9);
        }
    }

    #[test]
    fn roundings_of_a_path_do_not_add_up() {
        let line: Vec<[f64; 2]> =
            (0..1000).map(|i| [f64::from(i) * 0.0694, f64::from(i) * -0.0333]).collect();
        let mut out = String::new();
        path(&mut out, std::slice::from_ref(&line), &Pen { width: 0.1, colour: Colour::BLACK });
        let numbers = out.split('"').nth(1).expect("a path").replace('-', " -").replace(['M', 'l'], " ");
        let numbers: Vec<f64> = numbers.split_whitespace().map(|n| n.parse().expect("a number")).collect();
        assert_eq!(numbers.len(), 2 * line.len());
        let mut at = [0.0; 2];
        for (pair, want) in numbers.chunks_exact(2).zip(&line) {
            at = [at[0] + pair[0], at[1] + pair[1]];
            assert!((at[0] - want[0]).abs() < 0.0051 && (at[1] - want[1]).abs() < 0.0051, "{at:?} {want:?}");
        }
    }

    #[test]
    fn text_is_escaped() {
        assert_eq!(escape("a<b>&\"c\"\u{1b}\u{202e}\n"), "a&lt;b&gt;&amp;&quot;c&quot;");
    }
}
