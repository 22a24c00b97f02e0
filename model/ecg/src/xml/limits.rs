//! What a text may hold before a tree is made of it: a tree takes many times the memory of tags that are short.

use std::path::Path;

use crate::error::{Error, Result};

/// Most elements and texts of a tree. A day of annotated beats has fewer.
pub(crate) const MOST_NODES: u32 = 1 << 22;
/// Most attributes of all elements, most of one element, and most declarations of namespaces. Those of one element are compared
/// each with each, and an element with a namespace keeps those around it.
const MOST_ATTRIBUTES: usize = 1 << 22;
const MOST_OF_ONE: usize = 256;
const MOST_NAMESPACES: usize = 1 << 12;

/// What stands before the root element.
pub(crate) struct Prolog<'t> {
    /// Name of the root element, with its prefix.
    pub(crate) root: Option<&'t str>,
    /// Whether entities are declared.
    entities: bool,
}

/// Reads up to the root element.
pub(crate) fn prolog(text: &str) -> Prolog<'_> {
    let mut rest = text.trim_start();
    let mut entities = false;
    let root = loop {
        let after = |mark: &str| rest.find(mark).map(|at| &rest[at + mark.len()..]);
        let next = if rest.starts_with("<?") {
            after("?>")
        } else if rest.starts_with("<!--") {
            after("-->")
        } else if rest.starts_with("<!") {
            let end = end_of_doctype(rest);
            entities |= rest[..end.unwrap_or(rest.len())].contains("<!ENTITY");
            end.map(|at| &rest[at..])
        } else {
            break rest.strip_prefix('<').and_then(|rest| {
                let end = rest.find(|c: char| c.is_whitespace() || c == '>' || c == '/')?;
                Some(&rest[..end]).filter(|name| !name.is_empty())
            });
        };
        match next {
            Some(next) => rest = next.trim_start(),
            None => break None,
        }
    };
    Prolog { root, entities }
}

/// Past the `>` that is in no quotes and no brackets.
fn end_of_doctype(text: &str) -> Option<usize> {
    let (mut quote, mut depth) = (None, 0_usize);
    for (at, c) in text.bytes().enumerate().skip(1) {
        match (quote, c) {
            (Some(mark), _) if c == mark => quote = None,
            (Some(_), _) => {}
            (None, b'"' | b'\'') => quote = Some(c),
            (None, b'[') => depth += 1,
            (None, b']') => depth = depth.saturating_sub(1),
            (None, b'>') if depth == 0 => return Some(at + 1),
            _ => {}
        }
    }
    None
}

/// Refuses entities, and sizes that would take more memory than the text accounts for.
pub(crate) fn check(path: &Path, text: &str) -> Result<()> {
    let refuse = |item: &str| {
        let fix = "get the file again from the device, or convert it";
        Err(Error::Unsupported { path: path.to_path_buf(), item: format!("XML with {item}"), fix })
    };
    // The tree counts its bytes in 32 bits.
    if u32::try_from(text.len()).is_err() {
        return refuse("more than 4 GiB of text");
    }
    if prolog(text).entities {
        return refuse("entities of its own");
    }
    let (mut nodes, mut attributes, mut namespaces) = (0, 0, 0);
    let mut rest = text.as_bytes();
    let next = |bytes: &[u8]| bytes.iter().position(|c| *c == b'<');
    while let Some(at) = next(rest) {
        rest = &rest[at..];
        nodes += 1;
        if rest.starts_with(b"<!--") {
            let end = rest.windows(3).position(|mark| mark == b"-->");
            // Signs in comments make no attributes, but room is made for them.
            let comment = &rest[..end.unwrap_or(rest.len())];
            attributes += comment.iter().filter(|c| **c == b'=').count();
            nodes += comment.iter().filter(|c| **c == b'<').count();
            rest = &rest[comment.len()..];
        } else {
            let end = next(&rest[1..]).map_or(rest.len(), |at| at + 1);
            let equals = rest[..end].iter().filter(|c| **c == b'=').count();
            if equals > MOST_OF_ONE {
                return refuse(&format!("more than {MOST_OF_ONE} attributes of an element"));
            }
            if equals > 0 {
                namespaces += rest[..end].windows(5).filter(|word| word == b"xmlns").count();
            }
            attributes += equals;
            rest = &rest[end..];
        }
    }
    if nodes > MOST_NODES as usize {
        return refuse(&format!("more than {MOST_NODES} elements"));
    }
    if attributes > MOST_ATTRIBUTES {
        return refuse(&format!("more than {MOST_ATTRIBUTES} attributes"));
    }
    if namespaces > MOST_NAMESPACES {
        return refuse(&format!("more than {MOST_NAMESPACES} namespaces"));
    }
    Ok(())
}
