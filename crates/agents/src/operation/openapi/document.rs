//! An OpenAPI document as JSON, and what its references mean.
//!
//! What must stay true: only references into the document are followed, and only so many in a row; nothing is loaded.

use serde_json::Value;

/// Most references in a row.
const MOST_HOPS: usize = 16;

/// Which dialect of schemas a document speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// Swagger 2.0: a subset of JSON Schema draft 4.
    V20,
    /// 3.0: an extended subset of draft 5.
    V30,
    /// 3.1 and later: 2020-12.
    V31,
}

/// A document.
#[derive(Clone, Debug)]
pub struct Document {
    /// All of it.
    pub root: Value,
    /// Its dialect.
    pub version: Version,
}

impl Document {
    /// Takes a document, as it was parsed.
    pub fn new(root: Value) -> Document {
        let text = |name: &str| root.get(name).map(plain).unwrap_or_default();
        let version = if text("swagger").starts_with('2') {
            Version::V20
        } else if text("openapi").starts_with("3.0") {
            Version::V30
        } else {
            Version::V31
        };
        Document { root, version }
    }

    /// The value that a local reference points to. The error says why there is none.
    pub fn target(&self, reference: &str) -> Result<&Value, String> {
        let Some(pointer) = reference.strip_prefix('#') else {
            return Err(format!(
                "`$ref: {reference}` leads out of the document and is not followed"
            ));
        };
        let pointer = percent_decoded(pointer);
        self.root
            .pointer(&pointer)
            .ok_or_else(|| format!("`$ref: {reference}` leads to nothing"))
    }

    /// A value, or what its `$ref` points to.
    pub fn resolve<'d>(&'d self, value: &'d Value) -> Result<&'d Value, String> {
        let mut value = value;
        for _ in 0..MOST_HOPS {
            match value.get("$ref").and_then(Value::as_str) {
                Some(reference) => value = self.target(reference)?,
                None => return Ok(value),
            }
        }
        Err(format!("more than {MOST_HOPS} references in a row"))
    }
}

/// A scalar's text.
pub(super) fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// A reference is a URI: its fragment may be escaped.
fn percent_decoded(text: &str) -> String {
    if !text.contains('%') {
        return text.to_owned();
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let code = (*first == b'%')
            .then(|| after.get(..2))
            .flatten()
            .and_then(|hex| std::str::from_utf8(hex).ok())
            .and_then(|hex| u8::from_str_radix(hex, 16).ok());
        match code {
            Some(byte) => {
                bytes.push(byte);
                rest = &after[2..];
            }
            None => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8(bytes).unwrap_or_else(|_| text.to_owned())
}
