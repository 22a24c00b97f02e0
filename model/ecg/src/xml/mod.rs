//! What the formats in XML share: text of any encoding, its tree within limits, and errors that name a line.
//!
//! ```text
//! encoding.rs  bytes to text
//! limits.rs    what a text may hold before a tree is made of it
//! values.rs    numbers, dates, rates, names of leads
//! base64.rs    bytes in text
//! ```

use roxmltree::{Document, Node, ParsingOptions};
use std::borrow::Cow;
use std::path::Path;

use crate::error::{Error, Result, quote};
use crate::source::Source;

mod base64;
mod encoding;
mod limits;
mod values;

pub(crate) use base64::base64;
pub(crate) use encoding::Text;
pub(crate) use values::{age_in_years, clock, date, lead_name, number, rate, sex, timestamp, volts};

/// What to do about text that is wrong.
pub(crate) const FIX: &str = "correct the file, or get it again";

/// Name of the root element of the file that begins with these bytes, without a prefix.
pub(crate) fn root_name(head: &[u8]) -> Option<String> {
    let text = encoding::beginning(head)?;
    limits::prolog(&text).root.map(|name| name.rsplit(':').next().unwrap_or(name).to_owned())
}

/// The text of a file, in whatever encoding.
pub(crate) fn text(source: Source<'_>) -> Result<Text> {
    let path = source.path();
    encoding::decode(path, source.bytes()?)
}

/// The tree of a text. Entities are not expanded, and the sizes of the tree are limited.
pub(crate) fn parse<'t>(path: &Path, text: &'t str) -> Result<Document<'t>> {
    limits::check(path, text)?;
    let options = ParsingOptions { allow_dtd: true, nodes_limit: limits::MOST_NODES, ..Default::default() };
    Document::parse_with_options(text, options).map_err(|e| Error::Line {
        path: path.to_path_buf(),
        line: e.pos().row as usize,
        item: "XML".into(),
        expected: "well-formed text".into(),
        found: e.to_string().chars().take(200).collect(),
        fix: FIX,
    })
}

/// Something wrong at an element.
pub(crate) fn error(path: &Path, node: Node<'_, '_>, item: &str, expected: &str, found: String) -> Error {
    Error::Line {
        path: path.to_path_buf(),
        line: node.document().text_pos_at(node.range().start).row as usize,
        item: item.to_owned(),
        expected: expected.to_owned(),
        found,
        fix: FIX,
    }
}

/// The elements in `node` of this name, in any namespace.
pub(crate) fn children<'a, 'i>(
    node: Node<'a, 'i>,
    name: &'static str,
) -> impl Iterator<Item = Node<'a, 'i>> + use<'a, 'i> {
    node.children().filter(move |child| child.is_element() && child.tag_name().name() == name)
}

/// The first element at the end of a path of names.
pub(crate) fn find<'a, 'i>(node: Node<'a, 'i>, path: &[&'static str]) -> Option<Node<'a, 'i>> {
    path.iter().try_fold(node, |node, name| children(node, name).next())
}

/// The first element of this name, at any depth.
pub(crate) fn first<'a, 'i>(node: Node<'a, 'i>, name: &str) -> Option<Node<'a, 'i>> {
    node.descendants().find(|node| node.is_element() && node.tag_name().name() == name)
}

/// The element at the end of a path of names, or an error that names what lacks it.
pub(crate) fn need<'a, 'i>(file: &Path, node: Node<'a, 'i>, path: &[&'static str]) -> Result<Node<'a, 'i>> {
    find(node, path).ok_or_else(|| {
        let (item, expected) = (node.tag_name().name(), format!("an element {}", path.join("/")));
        error(file, node, item, &expected, "none".into())
    })
}

/// The text in an element, without the blanks around it and without that of other elements in it.
pub(crate) fn content<'a>(node: Node<'a, '_>) -> Cow<'a, str> {
    let mut parts = node.children().filter(Node::is_text).filter_map(|part| part.text());
    let first = parts.next().unwrap_or_default();
    match parts.next() {
        None => Cow::Borrowed(first.trim()),
        Some(second) => {
            let rest: String = [first, second].into_iter().chain(parts).collect();
            Cow::Owned(rest.trim().to_owned())
        }
    }
}

/// An attribute of the element at the end of a path of names.
pub(crate) fn attribute_of<'a>(node: Node<'a, '_>, path: &[&'static str], name: &str) -> Option<&'a str> {
    find(node, path)?.attribute(name)
}

/// The text of the element at the end of a path of names; `None` where there is none, or where it is empty.
pub(crate) fn content_of<'a>(node: Node<'a, '_>, path: &[&'static str]) -> Option<Cow<'a, str>> {
    find(node, path).map(content).filter(|text| !text.is_empty())
}

/// A finite number that an element must hold, as text or in an attribute.
pub(crate) fn number_in(path: &Path, node: Node<'_, '_>, text: &str) -> Result<f64> {
    let name = node.tag_name().name();
    number(text).ok_or_else(|| error(path, node, name, "a number", quote(text)))
}

/// A rate that an element must hold.
pub(crate) fn positive_in(path: &Path, node: Node<'_, '_>, text: &str) -> Result<f64> {
    let value = number_in(path, node, text)?;
    let name = node.tag_name().name();
    let fits = value > 0.0;
    fits.then_some(value).ok_or_else(|| error(path, node, name, "more than 0", quote(text)))
}

#[cfg(test)]
mod tests;
