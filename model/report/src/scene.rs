//! A page in millimetres: paths, rectangles and text, from the top left corner. It is made once; [`svg`](crate::svg),
//! [`html`](crate::html) and [`pdf`](crate::pdf) write it.

use crate::font;

/// A page.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Page {
    /// Its width in millimetres.
    pub width: f64,
    /// Its height in millimetres.
    pub height: f64,
    /// What it shows, for people who do not see it.
    pub title: String,
    /// What is drawn, from the first to the topmost.
    pub groups: Vec<Group>,
}

impl Page {
    /// A4 on its side.
    pub fn a4_landscape(title: impl Into<String>) -> Page {
        Page { width: 297.0, height: 210.0, title: title.into(), groups: Vec::new() }
    }

    /// Every text on it.
    pub fn texts(&self) -> impl Iterator<Item = &Text> {
        self.groups.iter().flat_map(|group| &group.graphics).filter_map(|graphic| match graphic {
            Graphic::Text(text) => Some(text),
            _ => None,
        })
    }
}

/// What belongs together on a page, such as the trace of one lead.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Group {
    /// What it is: `grid`, `trace`, …; the class of an SVG's group.
    pub class: &'static str,
    /// Which one it is, such as the lead's name; may be empty.
    pub title: String,
    /// What is drawn.
    pub graphics: Vec<Graphic>,
}

impl Group {
    /// A group of this class and title.
    pub fn new(class: &'static str, title: impl Into<String>, graphics: Vec<Graphic>) -> Group {
        Group { class, title: title.into(), graphics }
    }
}

/// Something that is drawn.
#[derive(Clone, Debug, PartialEq)]
pub enum Graphic {
    /// Lines through points `[x, y]`. Each is a line of its own; one of a single point is a dot.
    Path {
        /// The points of each line.
        lines: Vec<Vec<[f64; 2]>>,
        /// How they are drawn.
        pen: Pen,
    },
    /// A rectangle.
    Rectangle {
        /// Left, top, width and height.
        place: [f64; 4],
        /// What fills it.
        fill: Colour,
    },
    /// A line of text.
    Text(Text),
}

/// How lines are drawn.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pen {
    /// Millimetres.
    pub width: f64,
    /// Its colour.
    pub colour: Colour,
}

/// Red, green and blue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Colour(pub u8, pub u8, pub u8);

impl Colour {
    /// Black.
    pub const BLACK: Colour = Colour(0, 0, 0);
    /// Dark grey, for what is said in a low voice.
    pub const GREY: Colour = Colour(90, 90, 90);
}

/// Where a text is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Anchor {
    /// At its left end.
    Start,
    /// At its middle.
    Middle,
    /// At its right end.
    End,
}

/// A line of text in Helvetica, or a font of its widths.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Text {
    /// Where it is held.
    pub x: f64,
    /// Its base line.
    pub y: f64,
    /// The font's size in millimetres.
    pub size: f64,
    /// Which part of it is at `x`.
    pub anchor: Anchor,
    /// Whether it is bold.
    pub bold: bool,
    /// Its colour.
    pub colour: Colour,
    /// What it says.
    pub text: String,
}

impl Text {
    /// A black text that begins at `x` and stands on `y`.
    pub fn new(x: f64, y: f64, size: f64, text: impl Into<String>) -> Text {
        let text = text.into();
        Text { x, y, size, anchor: Anchor::Start, bold: false, colour: Colour::BLACK, text }
    }

    /// Makes it bold.
    pub fn bold(mut self) -> Text {
        self.bold = true;
        self
    }

    /// Gives it a colour.
    pub fn colour(mut self, colour: Colour) -> Text {
        self.colour = colour;
        self
    }

    /// Holds it elsewhere.
    pub fn anchor(mut self, anchor: Anchor) -> Text {
        self.anchor = anchor;
        self
    }

    /// Cuts it to a width, with an ellipsis.
    pub fn fit(mut self, width: f64) -> Text {
        self.text = font::fit(&self.text, self.size, self.bold, width);
        self
    }

    /// Its width in millimetres.
    pub fn width(&self) -> f64 {
        font::width(&self.text, self.size, self.bold)
    }

    /// Its left, top, right and bottom, with room for ascenders and descenders.
    pub fn bounds(&self) -> [f64; 4] {
        let width = self.width();
        let left = match self.anchor {
            Anchor::Start => self.x,
            Anchor::Middle => self.x - width / 2.0,
            Anchor::End => self.x - width,
        };
        [left, self.y - font::ASCENT * self.size, left + width, self.y + font::DESCENT * self.size]
    }
}

impl From<Text> for Graphic {
    fn from(text: Text) -> Graphic {
        Graphic::Text(text)
    }
}
