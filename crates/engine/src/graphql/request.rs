//! Reads GraphQL requests: bodies of `POST`, query strings of `GET`.
//!
//! Source: "GraphQL over HTTP" (GraphQL Foundation). What must stay true: what is read is what a server behind the gateway
//! would execute; where servers differ in what they take (a document in the body and in the URL), the request is refused.

use crate::body::coding::Coding;
use crate::exchange::{BodyState, Exchange};
use crate::routing::{decode_query, encode_query};
use bytes::Bytes;
use http::{Method, header};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value as Json};

/// Parameters of a request in a query string.
const PARAMETERS: [&str; 4] = ["query", "variables", "operationName", "extensions"];

/// A request.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GraphQlRequest {
    /// The document.
    #[serde(default, deserialize_with = "or_default")]
    pub query: String,
    /// Which of its operations is meant.
    #[serde(default)]
    pub operation_name: Option<String>,
    /// Values of the operation's variables.
    #[serde(default, deserialize_with = "or_default")]
    pub variables: Map<String, Json>,
    /// What client and server agreed upon.
    #[serde(default)]
    pub extensions: Option<Map<String, Json>>,
}

fn or_default<'de, T: Default + Deserialize<'de>, D: Deserializer<'de>>(
    value: D,
) -> Result<T, D::Error> {
    Ok(Option::<T>::deserialize(value)?.unwrap_or_default())
}

/// The parts of an HTTP request that hold a GraphQL request.
#[derive(Clone, Copy, Debug)]
pub struct Carrier<'a> {
    /// Verb.
    pub method: &'a Method,
    /// `Content-Type`.
    pub content_type: Option<&'a str>,
    /// Query string without `?`.
    pub query: Option<&'a str>,
    /// The body, not compressed.
    pub body: &'a [u8],
}

impl GraphQlRequest {
    /// Reads a request. The error is for the caller.
    pub fn read(carrier: Carrier<'_>) -> Result<GraphQlRequest, String> {
        let query = carrier.query.unwrap_or_default();
        let request = if *carrier.method == Method::GET {
            of_query(query)?
        } else if *carrier.method == Method::POST {
            of_body(carrier, query)?
        } else {
            return Err(format!(
                "A GraphQL request is a GET or a POST, not a {}.",
                carrier.method
            ));
        };
        if request.query.trim().is_empty() {
            return Err(String::from("The request has no `query`."));
        }
        Ok(request)
    }

    /// Reads the request of an exchange, whose body is in memory, if it has no more than `limit` bytes.
    pub(crate) fn of(rq: &Exchange, limit: usize) -> Result<GraphQlRequest, String> {
        let too_long = || format!("The request is larger than {limit} bytes.");
        let is_get = rq.request.method == Method::GET;
        let query = rq.target_query();
        let plain;
        let body: &[u8] = match &rq.request.body {
            _ if is_get => &[],
            BodyState::None => &[],
            BodyState::Streaming(_) => return Err(too_long()),
            BodyState::Consumed => {
                return Err(String::from(
                    "The request's body was read before, and not kept.",
                ));
            }
            BodyState::Buffered(bytes) => {
                plain = Coding::of(&rq.request.headers)
                    .undo(bytes, limit)
                    .ok_or_else(too_long)?;
                &plain
            }
        };
        let size = if is_get {
            query.map_or(0, str::len)
        } else {
            body.len()
        };
        if size > limit {
            return Err(too_long());
        }
        let content_type = rq.request.headers.get(header::CONTENT_TYPE);
        GraphQlRequest::read(Carrier {
            method: &rq.request.method,
            content_type: content_type.and_then(|v| v.to_str().ok()),
            query,
            body,
        })
    }

    /// The body of a `POST` of it.
    pub fn to_body(&self) -> Bytes {
        let mut object = Map::new();
        object.insert(String::from("query"), Json::from(self.query.as_str()));
        if let Some(name) = &self.operation_name {
            object.insert(String::from("operationName"), Json::from(name.as_str()));
        }
        if !self.variables.is_empty() {
            object.insert(
                String::from("variables"),
                Json::Object(self.variables.clone()),
            );
        }
        if let Some(extensions) = &self.extensions {
            object.insert(String::from("extensions"), Json::Object(extensions.clone()));
        }
        Bytes::from(Json::Object(object).to_string())
    }

    /// A query string with this document in the place of the one that was there; all else stays.
    pub fn over_query(&self, query: &str) -> String {
        let pairs = query.split('&').filter(|pair| !pair.is_empty());
        let pairs = pairs.map(|pair| match name(pair).as_str() {
            "query" => format!("query={}", encode_query(&self.query)),
            _ => pair.to_owned(),
        });
        pairs.collect::<Vec<_>>().join("&")
    }
}

impl GraphQlRequest {
    /// A query string without the parameters of a request.
    pub(crate) fn without_parameters(query: &str) -> String {
        let pairs = query.split('&');
        let pairs = pairs.filter(|pair| !PARAMETERS.contains(&name(pair).as_str()));
        pairs.collect::<Vec<_>>().join("&")
    }
}

fn name(pair: &str) -> String {
    let name = pair.split_once('=').map_or(pair, |(name, _)| name);
    decode_query(name).into_owned()
}

/// The value of a parameter; one that stands twice is refused, because servers differ in which one counts.
fn parameter(query: &str, wanted: &str) -> Result<Option<String>, String> {
    let mut values = query.split('&').filter_map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (decode_query(name) == wanted).then(|| decode_query(value).into_owned())
    });
    let found = values.next();
    if values.next().is_some() {
        return Err(format!("The URL has more than one `{wanted}`."));
    }
    Ok(found.filter(|value| !value.is_empty()))
}

fn of_query(query: &str) -> Result<GraphQlRequest, String> {
    let object = |wanted: &str| match parameter(query, wanted)? {
        None => Ok(None),
        Some(text) => serde_json::from_str::<Option<Map<String, Json>>>(&text)
            .map_err(|_| format!("`{wanted}` in the URL is not a JSON object.")),
    };
    Ok(GraphQlRequest {
        query: parameter(query, "query")?.unwrap_or_default(),
        operation_name: parameter(query, "operationName")?,
        variables: object("variables")?.unwrap_or_default(),
        extensions: object("extensions")?,
    })
}

fn of_body(carrier: Carrier<'_>, query: &str) -> Result<GraphQlRequest, String> {
    for wanted in PARAMETERS {
        if query.split('&').any(|pair| name(pair) == wanted) {
            return Err(format!(
                "A POST has its GraphQL request in the body: `{wanted}` cannot stand in the URL."
            ));
        }
    }
    let essence = carrier.content_type.unwrap_or("application/json");
    let essence = essence.split(';').next().unwrap_or_default().trim();
    if essence.eq_ignore_ascii_case("application/graphql") {
        let query = std::str::from_utf8(carrier.body)
            .map_err(|_| String::from("The request's body is not UTF-8."))?;
        return Ok(GraphQlRequest {
            query: query.to_owned(),
            ..GraphQlRequest::default()
        });
    }
    let lower = essence.to_ascii_lowercase();
    if lower != "application/json" && !lower.ends_with("+json") {
        return Err(format!(
            "A GraphQL request is `application/json`, not `{essence}`."
        ));
    }
    let body = carrier
        .body
        .strip_prefix(b"\xef\xbb\xbf")
        .unwrap_or(carrier.body);
    let first = body.iter().find(|byte| !byte.is_ascii_whitespace());
    if first == Some(&b'[') {
        return Err(String::from(
            "The request's body is a batch: send each GraphQL request on its own.",
        ));
    }
    serde_json::from_slice(body).map_err(|why| match why.classify() {
        serde_json::error::Category::Data => {
            format!("The request's body is not a GraphQL request: {why}.")
        }
        _ => String::from("The request's body is not JSON."),
    })
}

#[cfg(test)]
mod tests;
