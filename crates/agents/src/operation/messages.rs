//! What an operation declares of its messages: parameters, bodies and answers, with their schemas and examples.
//!
//! Validation policies hold traffic to it and `mock-response` answers from it. `control` makes it from OpenAPI and from
//! `tollgate.yaml`, the engine compiles it. What must stay true: every `$ref` in a JSON schema is `#/$defs/<name>` with
//! a name of the definitions beside it.

use super::contract::Parameter;
use serde_json::{Map, Value};
use std::sync::Arc;

/// The messages of an operation.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Messages {
    /// Parameters in the path, the query, headers and cookies.
    pub parameters: Vec<Parameter>,
    /// Bodies that a request may have, one for each content type.
    pub request: Vec<Representation>,
    /// `$defs` of the parameters' and the request's schemas.
    pub request_definitions: Map<String, Value>,
    /// Answers by status.
    pub responses: Vec<DeclaredResponse>,
    /// `$defs` of the answers' schemas.
    pub response_definitions: Map<String, Value>,
}

/// A body of one content type.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Representation {
    /// The content type as declared, with parameters.
    pub content_type: String,
    /// Name of the schema, for messages; empty: it has none.
    pub definition: String,
    /// What the body is held to.
    pub schema: Option<BodySchema>,
    /// Bodies as they may be.
    pub examples: Vec<Value>,
}

/// A schema of a body.
#[derive(Clone, Debug, PartialEq)]
pub enum BodySchema {
    /// JSON Schema 2020-12.
    Json(Value),
    /// The text of an XML Schema.
    Xml(Arc<str>),
    /// The schema that was named does not exist; its name is the representation's.
    Missing,
}

/// An answer.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DeclaredResponse {
    /// `200`, a range (`2XX`) or `default`.
    pub status: String,
    /// Its headers.
    pub headers: Vec<Parameter>,
    /// Its bodies, one for each content type.
    pub representations: Vec<Representation>,
}

impl DeclaredResponse {
    /// How exactly it is meant for a status: 3 the code itself, 2 its range, 1 any, 0 not at all.
    pub fn rank(&self, status: u16) -> u8 {
        let declared = self.status.trim();
        if declared.parse() == Ok(status) {
            return 3;
        }
        let bytes = declared.as_bytes();
        let range = bytes.len() == 3
            && bytes[1..].eq_ignore_ascii_case(b"xx")
            && u16::from(bytes[0].wrapping_sub(b'0')) == status / 100;
        match (range, declared.eq_ignore_ascii_case("default")) {
            (true, _) => 2,
            (_, true) => 1,
            _ => 0,
        }
    }
}

impl DeclaredResponse {
    /// Of things with a declaration the one that is meant most exactly for a status.
    pub fn most_exact<T>(
        all: &[T],
        status: u16,
        declared: impl Fn(&T) -> &DeclaredResponse,
    ) -> Option<&T> {
        all.iter()
            .map(|one| (declared(one).rank(status), one))
            .filter(|(rank, _)| *rank > 0)
            .max_by_key(|(rank, _)| *rank)
            .map(|(_, one)| one)
    }
}

impl Messages {
    /// The answer that is declared for a status, the most exact one.
    pub fn response(&self, status: u16) -> Option<&DeclaredResponse> {
        DeclaredResponse::most_exact(&self.responses, status, |r| r)
    }
}
