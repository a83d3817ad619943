//! Text to tree.
//!
//! What must stay true: depth and size are bounded; a scalar keeps its spelling, so `0123` can still become text.

use super::at::Place;
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::{DuplicateKeyPolicy, Location, NonFiniteFloatPolicy, Spanned};
use tollgate_lang::{Diagnostic, Diagnostics, FileId, Span};

/// Deepest nesting.
const DEPTH: usize = 64;

/// A node of the tree. Numbers are unique in a tree.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) id: u32,
    pub(crate) place: Place,
    pub(crate) kind: Kind,
}

/// A mapping's key.
#[derive(Debug)]
pub(crate) struct Key {
    pub(crate) id: u32,
    pub(crate) place: Place,
    pub(crate) text: String,
}

/// Kinds of node.
#[derive(Debug)]
pub(crate) enum Kind {
    Scalar {
        text: String,
        form: Form,
    },
    Sequence(Vec<Node>),
    Mapping(Vec<(Key, Node)>),
    /// Put in for a property that is missing (and reported): reads as whatever is asked for.
    Absent,
}

/// What a plain scalar means.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Form {
    Null,
    Bool(bool),
    Integer(i128),
    Float(f64),
    Text,
}

impl Node {
    pub(crate) fn absent(id: u32, place: Place) -> Node {
        Node {
            id,
            place,
            kind: Kind::Absent,
        }
    }

    /// The value of a mapping's key.
    pub(crate) fn get(&self, key: &str) -> Option<&Node> {
        match &self.kind {
            Kind::Mapping(entries) => entries.iter().find(|(k, _)| k.text == key).map(|(_, v)| v),
            _ => None,
        }
    }

    /// A scalar's spelling.
    pub(crate) fn text(&self) -> Option<&str> {
        match &self.kind {
            Kind::Scalar { text, form } if *form != Form::Null => Some(text),
            _ => None,
        }
    }
}

/// Reads a text. `None` when it is not YAML. An empty text is an empty mapping.
pub(crate) fn parse(file: FileId, text: &str, diagnostics: &mut Diagnostics) -> Option<Node> {
    let raw = match raw(text, DuplicateKeyPolicy::Error) {
        Ok(raw) => raw,
        Err(error) => {
            diagnostics.push(fault(file, text, &error));
            // Double keys do not hide what else is wrong.
            raw(text, DuplicateKeyPolicy::FirstWins).ok()?
        }
    };
    let mut number = 0;
    let mut node = build(raw, text, &mut number);
    if matches!(
        node.kind,
        Kind::Scalar {
            form: Form::Null,
            ..
        }
    ) {
        node.kind = Kind::Mapping(Vec::new());
    }
    Some(node)
}

fn raw(
    text: &str,
    duplicate_keys: DuplicateKeyPolicy,
) -> Result<Spanned<Raw>, serde_saphyr::Error> {
    let options = serde_saphyr::options! {
        with_snippet: false,
        strict_booleans: true,
        duplicate_keys: duplicate_keys,
        non_finite_float_policy: NonFiniteFloatPolicy::AsString,
        budget: serde_saphyr::budget! {
            max_depth: DEPTH,
            max_nodes: 1_000_000,
        },
    };
    serde_saphyr::from_str_with_options(text, options)
}

fn fault(file: FileId, text: &str, error: &serde_saphyr::Error) -> Diagnostic {
    let error = error.without_snippet();
    let message = error.to_string();
    // The place is printed apart.
    let message = message
        .rsplit_once(" at line ")
        .map_or(message.as_str(), |(before, _)| before);
    let (code, message, help) = match message.strip_prefix("duplicate mapping key: ") {
        Some(rest) => {
            let key = rest.split(", set ").next().unwrap_or(rest);
            (
                "TG0402",
                format!("`{key}` stands twice in one mapping"),
                "remove one of the two",
            )
        }
        None if matches!(error, serde_saphyr::Error::MultipleDocuments { .. }) => (
            "TG0401",
            String::from("a second document begins here"),
            "a file holds one document: take out the `---` before it, or make it a file of its own",
        ),
        None => (
            "TG0401",
            format!("not YAML: {message}"),
            "check indentation, quotes and brackets up to this place; nothing after it was read",
        ),
    };
    let at = error
        .location()
        .map_or(0, |location| offset(text, location));
    let end = text[at..]
        .char_indices()
        .nth(1)
        .map_or(text.len(), |(n, _)| at + n);
    Diagnostic::error(code, Span::new(file, at..end), message).help(help)
}

/// The byte that a location means: its own byte offset, or counted from line and column.
fn offset(text: &str, location: Location) -> usize {
    let bytes = location
        .span()
        .byte_offset()
        .and_then(|n| usize::try_from(n).ok())
        .filter(|n| *n <= text.len());
    let at = bytes.unwrap_or_else(|| {
        let mut start = 0;
        for _ in 1..location.line() {
            match text[start..].find('\n') {
                Some(n) => start += n + 1,
                None => break,
            }
        }
        let column = usize::try_from(location.column().saturating_sub(1)).unwrap_or(0);
        text[start..]
            .char_indices()
            .nth(column)
            .map_or(text.len(), |(n, _)| start + n)
    });
    text.floor_char_boundary(at)
}

fn place(text: &str, location: Location) -> Place {
    let start = offset(text, location);
    let length = location
        .span()
        .byte_len()
        .and_then(|n| usize::try_from(n).ok())
        .unwrap_or(0);
    let end = text.floor_char_boundary(start.saturating_add(length).min(text.len()));
    let clamp = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    Place {
        start: clamp(start),
        end: clamp(end.max(start)),
    }
}

fn next(number: &mut u32) -> u32 {
    *number = number.wrapping_add(1);
    *number
}

fn build(raw: Spanned<Raw>, text: &str, number: &mut u32) -> Node {
    let at = place(text, raw.referenced);
    // The spelling stands where the scalar is defined, which for an alias is elsewhere.
    let spelled = || {
        let at = place(text, raw.defined);
        text.get(at.start as usize..at.end as usize)
            .unwrap_or("")
            .trim()
            .to_owned()
    };
    let id = next(number);
    let scalar = |form| Kind::Scalar {
        text: spelled(),
        form,
    };
    let kind = match raw.value {
        Raw::Null => scalar(Form::Null),
        Raw::Bool(value) => scalar(Form::Bool(value)),
        Raw::Integer(value) => scalar(Form::Integer(value)),
        Raw::Float(value) => scalar(Form::Float(value)),
        Raw::Text(text) => Kind::Scalar {
            text,
            form: Form::Text,
        },
        Raw::Sequence(items) => {
            Kind::Sequence(items.into_iter().map(|n| build(n, text, number)).collect())
        }
        Raw::Mapping(entries) => Kind::Mapping(
            entries
                .into_iter()
                .map(|(key, value)| {
                    let key = Key {
                        id: next(number),
                        place: place(text, key.referenced),
                        text: key.value,
                    };
                    (key, build(value, text, number))
                })
                .collect(),
        ),
    };
    // A block mapping has no end of its own: mark its first key.
    let place = match &kind {
        Kind::Mapping(entries) => entries.first().map_or(at, |(key, _)| key.place),
        _ => at,
    };
    Node { id, place, kind }
}

/// The tree as serde-saphyr gives it.
enum Raw {
    Null,
    Bool(bool),
    Integer(i128),
    Float(f64),
    Text(String),
    Sequence(Vec<Spanned<Raw>>),
    Mapping(Vec<(Spanned<String>, Spanned<Raw>)>),
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Raw, D::Error> {
        deserializer.deserialize_any(RawVisitor)
    }
}

struct RawVisitor;

impl<'de> Visitor<'de> for RawVisitor {
    type Value = Raw;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("YAML")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Raw, E> {
        Ok(Raw::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Raw, E> {
        Ok(Raw::Integer(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Raw, E> {
        Ok(Raw::Integer(value.into()))
    }

    fn visit_i128<E>(self, value: i128) -> Result<Raw, E> {
        Ok(Raw::Integer(value))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Raw, E> {
        Ok(Raw::Float(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Raw, E> {
        Ok(Raw::Text(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Raw, E> {
        Ok(Raw::Text(value))
    }

    fn visit_unit<E>(self) -> Result<Raw, E> {
        Ok(Raw::Null)
    }

    fn visit_none<E>(self) -> Result<Raw, E> {
        Ok(Raw::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Raw, D::Error> {
        Raw::deserialize(deserializer)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Raw, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element()? {
            items.push(item);
        }
        Ok(Raw::Sequence(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Raw, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = map.next_entry()? {
            entries.push(entry);
        }
        Ok(Raw::Mapping(entries))
    }
}
