//! What an operation takes and gives, as far as a tool needs to know: JSON Schema 2020-12, references local.
//!
//! `control` makes it from OpenAPI 2.0, 3.0 and 3.1. What must stay true: every `$ref` in it is `#/$defs/<name>` with a
//! name of `definitions` (or of the output's own `$defs`).

use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// An operation's contract.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Contract {
    /// A title.
    pub summary: Option<String>,
    /// What it does.
    pub description: Option<String>,
    /// Whether it should not be used any more.
    pub deprecated: bool,
    /// Parameters in the document's order, those of the path item first.
    pub parameters: Vec<Parameter>,
    /// The request's body.
    pub body: Option<Body>,
    /// Why it cannot be a tool, when something is in the way that the rest does not show.
    pub obstacle: Option<String>,
    /// `$defs` of the parameters' and the body's schemas.
    pub definitions: Map<String, Value>,
    /// Schema of the JSON answer of the first 2xx response, with `$defs` of its own.
    pub output: Option<Value>,
}

/// Where a parameter stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Location {
    /// In the path.
    Path,
    /// In the query.
    Query,
    /// A header.
    Header,
    /// A cookie: never a tool's argument.
    Cookie,
}

impl Location {
    /// OpenAPI's own name.
    pub fn as_str(self) -> &'static str {
        match self {
            Location::Path => "path",
            Location::Query => "query",
            Location::Header => "header",
            Location::Cookie => "cookie",
        }
    }
}

/// How arrays and objects are written. Source: OpenAPI 3.1, section 4.8.12, and 2.0's `collectionFormat`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// `a,b`.
    Simple,
    /// `.a.b`.
    Label,
    /// `;name=a,b`.
    Matrix,
    /// `name=a&name=b` or `name=a,b`.
    Form,
    /// `name=a%20b`.
    Space,
    /// `name=a|b`.
    Pipe,
    /// `name=a<tab>b` (2.0 only).
    Tab,
    /// `name[key]=value`.
    DeepObject,
}

/// A parameter.
#[derive(Clone, Debug, PartialEq)]
pub struct Parameter {
    /// Its name on the wire.
    pub name: String,
    /// Where it stands.
    pub location: Location,
    /// Whether it must be given.
    pub required: bool,
    /// How it is written.
    pub style: Style,
    /// Whether each item of an array (each key of an object) is written apart.
    pub explode: bool,
    /// Whether characters with a meaning in URLs stay as they are.
    pub allow_reserved: bool,
    /// Whether the value is written as one JSON text (`content: application/json`).
    pub json: bool,
    /// Its schema: an object or a boolean.
    pub schema: Value,
    /// What it means.
    pub description: Option<String>,
}

/// How a body is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyKind {
    /// JSON.
    Json,
    /// `application/x-www-form-urlencoded`.
    Form,
    /// `multipart/form-data`.
    Multipart,
    /// Text as it is.
    Text,
    /// Bytes, which a tool takes as base64.
    Binary,
}

/// A request's body.
#[derive(Clone, Debug, PartialEq)]
pub struct Body {
    /// `Content-Type`.
    pub media_type: String,
    /// How it is written.
    pub kind: BodyKind,
    /// Whether it must be given.
    pub required: bool,
    /// Its schema.
    pub schema: Value,
    /// What it means.
    pub description: Option<String>,
    /// How the fields of a form are written, where that differs from the defaults.
    pub fields: BTreeMap<String, Field>,
}

/// How a form's field is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// `Content-Type` of its part.
    pub content_type: Option<String>,
    /// Bytes (each item, of an array), which a tool takes as base64.
    pub binary: bool,
    /// As for a parameter.
    pub style: Style,
    /// As for a parameter.
    pub explode: bool,
}

impl Default for Field {
    fn default() -> Field {
        Field {
            content_type: None,
            binary: false,
            style: Style::Form,
            explode: true,
        }
    }
}

impl BodyKind {
    /// How a body of this media type is written; `None`: a tool cannot make one.
    pub fn of(media_type: &str) -> Option<BodyKind> {
        let kind = essence(media_type);
        Some(match kind.as_str() {
            "*/*" | "text/json" => BodyKind::Json,
            "application/x-www-form-urlencoded" => BodyKind::Form,
            "multipart/form-data" => BodyKind::Multipart,
            "application/xml" | "application/graphql" | "application/yaml" => BodyKind::Text,
            _ if is_json(&kind) => BodyKind::Json,
            _ if kind.starts_with("text/") || kind.ends_with("+xml") => BodyKind::Text,
            // Other multipart kinds have parts that an object does not describe.
            _ if kind.starts_with("multipart/") => return None,
            _ if kind.contains('/') => BodyKind::Binary,
            _ => return None,
        })
    }

    /// Which of several media types a tool uses: the lowest.
    pub fn rank(self) -> u8 {
        match self {
            BodyKind::Json => 0,
            BodyKind::Form => 1,
            BodyKind::Multipart => 2,
            BodyKind::Text => 3,
            BodyKind::Binary => 4,
        }
    }
}

/// A media type without its parameters, in lower case.
pub fn essence(media_type: &str) -> String {
    media_type
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase()
}

/// Whether a media type (without parameters, lower case) is JSON.
pub fn is_json(essence: &str) -> bool {
    essence == "application/json" || essence == "text/json" || essence.ends_with("+json")
}
