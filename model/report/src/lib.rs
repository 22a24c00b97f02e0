//! ECG pages as devices print them.
//!
//! ```text
//! report.rs   pages of a record with its findings; in report/
//!   head.rs   what stands over the paper
//!   foot.rs   what stands under it
//!   facts.rs  the same findings as tables, for people who do not see the pages
//! holter.rs   pages of a record of hours or days; in holter/
//!   summary.rs  its figures and its table of hours
//!   plots.rs    its intervals as pictures
//!   strips.rs   its severest events
//! words.rs    numbers, times and classes in words
//! layout.rs   which leads stand in which row
//! parts.rs    which parts of a long record are shown
//! rows.rs     rows of strips: their places, gains, marks
//! paper.rs    grid, calibration pulse, traces
//! scene.rs    a page in millimetres: paths, rectangles, text
//! font.rs     widths of Helvetica, by which text is placed
//! svg.rs, html.rs, pdf.rs   write a page
//! ```
//!
//! A page is made once, as [`Page`]; three writers write it. Nothing in it depends on the day or the machine: the same record gives the same
//! bytes.

mod font;
mod holter;
mod html;
mod layout;
mod paper;
mod parts;
#[cfg(feature = "pdf")]
mod pdf;
mod report;
mod rows;
mod scene;
mod svg;
mod words;

pub use holter::{EventStrip, HolterPages, lorenz, tachogram};
pub use html::html;
pub use paper::{SQUARE, Scale, paper_grid, pulse};
#[cfg(feature = "pdf")]
pub use pdf::pdf;
pub use report::{Facts, Report};
pub use rows::{BeatMark, Drawn, Highlight, MARGIN, Row, Strip, draw};
pub use scene::{Anchor, Colour, Graphic, Group, Page, Pen, Text};
pub use svg::{escape, svg};
pub use words::meaning;

/// What the README shows is run.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
