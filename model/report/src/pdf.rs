//! Pages as PDF: vectors and text in Helvetica, which every viewer has, so no font is within the file.

use crate::font;
use crate::scene::{Anchor, Colour, Graphic, Page};
use pdf_writer::types::LineCapStyle;
use pdf_writer::types::LineJoinStyle;
use pdf_writer::{Content, Filter, Finish, Name, Pdf, Rect, Ref, Str, TextStr};

/// Points a millimetre.
const POINTS: f64 = 72.0 / 25.4;
const REGULAR: Name<'static> = Name(b"F1");
const BOLD: Name<'static> = Name(b"F2");

/// The pages as one PDF file of this title.
pub fn pdf(title: &str, pages: &[Page]) -> Vec<u8> {
    let mut last = 0;
    let mut next = || {
        last += 1;
        Ref::new(last)
    };
    let (catalog, tree, info, regular, bold) = (next(), next(), next(), next(), next());
    let places: Vec<(Ref, Ref)> = pages.iter().map(|_| (next(), next())).collect();
    let mut pdf = Pdf::new();
    pdf.catalog(catalog).pages(tree).lang(TextStr("en"));
    pdf.pages(tree)
        .kids(places.iter().map(|(page, _)| *page))
        .count(i32::try_from(pages.len()).unwrap_or(i32::MAX));
    pdf.document_info(info).title(TextStr(title)).creator(TextStr("efficientecg"));
    for (id, name) in [(regular, &b"Helvetica"[..]), (bold, b"Helvetica-Bold")] {
        pdf.type1_font(id).base_font(Name(name)).encoding_predefined(Name(b"WinAnsiEncoding"));
    }
    for (page, (id, content_id)) in pages.iter().zip(&places) {
        let mut made = pdf.page(*id);
        made.media_box(Rect::new(0.0, 0.0, (page.width * POINTS) as f32, (page.height * POINTS) as f32));
        made.parent(tree).contents(*content_id);
        let mut resources = made.resources();
        resources.fonts().pair(REGULAR, regular).pair(BOLD, bold);
        resources.finish();
        made.finish();
        let packed = miniz_oxide::deflate::compress_to_vec_zlib(&content(page), 6);
        pdf.stream(*content_id, &packed).filter(Filter::FlateDecode);
    }
    pdf.finish()
}

/// A page's drawing, in millimetres from its top left corner.
fn content(page: &Page) -> Vec<u8> {
    let mut content = Content::new();
    let scale = POINTS as f32;
    content.transform([scale, 0.0, 0.0, -scale, 0.0, (page.height * POINTS) as f32]);
    content.set_line_cap(LineCapStyle::RoundCap).set_line_join(LineJoinStyle::RoundJoin);
    for graphic in page.groups.iter().flat_map(|group| &group.graphics) {
        match graphic {
            Graphic::Path { lines, pen } => {
                let [r, g, b] = rgb(pen.colour);
                content.set_stroke_rgb(r, g, b).set_line_width(pen.width as f32);
                for line in lines {
                    for (i, [x, y]) in line.iter().enumerate() {
                        let (x, y) = (rounded(*x), rounded(*y));
                        if i == 0 {
                            content.move_to(x, y);
                        }
                        if i > 0 || line.len() == 1 {
                            content.line_to(x, y);
                        }
                    }
                }
                content.stroke();
            }
            Graphic::Rectangle { place, fill } => {
                let [r, g, b] = rgb(*fill);
                let [x, y, width, height] = place.map(rounded);
                content.set_fill_rgb(r, g, b).rect(x, y, width, height).fill_nonzero();
            }
            Graphic::Text(text) => {
                let [r, g, b] = rgb(text.colour);
                let (bytes, shown) = font::win_ansi(&text.text);
                let width = font::width(&shown, text.size, text.bold);
                let x = match text.anchor {
                    Anchor::Start => text.x,
                    Anchor::Middle => text.x - width / 2.0,
                    Anchor::End => text.x - width,
                };
                content.begin_text().set_fill_rgb(r, g, b);
                content.set_font(if text.bold { BOLD } else { REGULAR }, text.size as f32);
                content.set_text_matrix([1.0, 0.0, 0.0, -1.0, rounded(x), rounded(text.y)]);
                content.show(Str(&bytes)).end_text();
            }
        }
    }
    content.finish().into_vec()
}

fn rgb(colour: Colour) -> [f32; 3] {
    [colour.0, colour.1, colour.2].map(|part| f32::from(part) / 255.0)
}

/// Micrometres are more than enough.
fn rounded(millimetres: f64) -> f32 {
    ((1000.0 * millimetres).round() / 1000.0) as f32
}
