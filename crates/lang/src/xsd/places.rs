//! Documents with the places of their elements, attributes and texts.

use crate::value::Str;
use crate::value::xml::Node;
use crate::value::xml::read::{self, Reading};
use std::collections::HashMap;
use std::rc::Rc;

/// Where the parts of a document stand.
#[derive(Debug, Default)]
pub(super) struct Places {
    /// Where a name begins; of an element also where it begins in the end tag.
    all: HashMap<*const Node, (usize, usize)>,
    /// Where each line begins.
    lines: Vec<usize>,
    text: String,
}

/// A fault of a text that is not well-formed: message, line, column.
pub(super) type IllFormed = (String, usize, usize);

/// Reads a document, white space included.
pub(super) fn document(text: &str) -> Result<(Rc<Node>, Places), IllFormed> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut all: HashMap<*const Node, (usize, usize)> = HashMap::new();
    let mut note = |node: &Rc<Node>, _: &Str, place: u64| {
        let place = usize::try_from(place).unwrap_or(usize::MAX);
        let known = all.entry(Rc::as_ptr(node)).or_insert((place, place));
        known.1 = place;
    };
    let reading = Reading {
        keep_space: true,
        plain_text: true,
        note: Some(&mut note),
    };
    let root = read::document_as(text, reading).map_err(ill_formed)?;
    let begins = text.match_indices('\n').map(|(i, _)| i + 1);
    let lines = std::iter::once(0).chain(begins).collect();
    Ok((
        root,
        Places {
            all,
            lines,
            text: text.to_owned(),
        },
    ))
}

/// `... Line 1, position 9.`
fn ill_formed(message: String) -> IllFormed {
    let place = message.rsplit_once(" Line ").and_then(|(said, place)| {
        let (line, column) = place.strip_suffix('.')?.split_once(", position ")?;
        Some((said.to_owned(), line.parse().ok()?, column.parse().ok()?))
    });
    place.unwrap_or((message, 1, 1))
}

impl Places {
    fn at(&self, place: usize) -> (usize, usize) {
        let line = self.lines.partition_point(|l| *l <= place).max(1);
        let begin = self.lines.get(line - 1).copied().unwrap_or(0);
        let before = self.text.get(begin..place).unwrap_or("");
        (line, before.encode_utf16().count() + 1)
    }

    /// Line and column where a name or text begins.
    pub(super) fn start(&self, node: &Node) -> (usize, usize) {
        let known = self.all.get(&std::ptr::from_ref(node));
        self.at(known.map_or(0, |(start, _)| *start))
    }

    /// Line and column of the name in an end tag; of the start tag where there is no other.
    pub(super) fn end(&self, node: &Node) -> (usize, usize) {
        let known = self.all.get(&std::ptr::from_ref(node));
        self.at(known.map_or(0, |(_, end)| *end))
    }
}
