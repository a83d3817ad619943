//! From a tool's arguments to the operation's HTTP request.
//!
//! What must stay true: the method and the host are not here at all, so no argument can choose them; a query parameter
//! that the gateway or the template sets is never set by an argument.

use super::contract::{Body, BodyKind, Location};
use super::input::{Input, Reserved, Target};
use super::style::{self, Writing};
use super::template::Template;
use super::{multipart, text};
use bytes::Bytes;
use http::{HeaderName, HeaderValue};
use serde_json::{Map, Value};

/// The parts of a request that arguments decide.
#[derive(Clone, Debug, PartialEq)]
pub struct HttpParts {
    /// Path below the API's, with its leading `/`, escaped.
    pub path: String,
    /// Query without `?`, escaped.
    pub query: Option<String>,
    /// Headers, without `Content-Type`.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// `Content-Type` and bytes.
    pub body: Option<(String, Bytes)>,
    /// Parameters of the template with their values, not escaped: `context.Request.MatchedParameters`.
    pub matched: Vec<(String, String)>,
}

/// An argument that cannot be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadArgument {
    /// The property.
    pub property: String,
    /// Why.
    pub why: String,
}

impl std::fmt::Display for BadArgument {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "`{}`: {}", text::clean(&self.property, 64), self.why)
    }
}

/// Makes the parts of arguments that fit the input schema.
pub fn request(
    input: &Input,
    template: &Template,
    body: Option<&Body>,
    reserved: &Reserved,
    arguments: &Map<String, Value>,
) -> Result<HttpParts, BadArgument> {
    let mut escaped: Vec<(&str, String)> = Vec::new();
    let mut matched = Vec::new();
    let mut pairs: Vec<(String, String)> = Vec::new();
    let mut headers = Vec::new();
    let mut members = Map::new();
    let mut whole: Option<&Value> = None;
    for binding in &input.bindings {
        let value = match arguments.get(&binding.property) {
            None => continue,
            Some(Value::Null) if !binding.nullable => continue,
            Some(value) => value,
        };
        let bad = |why: String| BadArgument {
            property: binding.property.clone(),
            why,
        };
        let (name, location, writing, json) = match &binding.target {
            Target::Field(name) => {
                members.insert(name.clone(), value.clone());
                continue;
            }
            Target::Body => {
                whole = Some(value);
                continue;
            }
            Target::Parameter {
                name,
                location,
                style,
                explode,
                allow_reserved,
                json,
            } => (
                name.as_str(),
                *location,
                Writing {
                    name,
                    style: *style,
                    explode: *explode,
                    allow_reserved: *allow_reserved,
                },
                *json,
            ),
        };
        let as_json;
        let value = if json {
            as_json = Value::String(value.to_string());
            &as_json
        } else {
            value
        };
        match location {
            Location::Path => {
                let written = style::path(writing, value, template.is_wildcard(name))
                    .map_err(|why| bad(why.to_owned()))?;
                matched.push((name.to_owned(), style::text(value).into_owned()));
                escaped.push((name, written));
            }
            Location::Query => {
                let before = pairs.len();
                style::query(writing, value, &mut pairs).map_err(|why| bad(why.to_owned()))?;
                if let Some((taken, _)) = pairs[before..].iter().find(|(n, _)| {
                    let plain = percent_encoding::percent_decode_str(n).decode_utf8_lossy();
                    reserved.has_query(&plain) || template.fixes(&plain)
                }) {
                    return Err(bad(format!("it may not set the query parameter `{taken}`")));
                }
                let parameter = template.query_parameters().iter().find(|(n, _)| n == name);
                if let Some((_, parameter)) = parameter {
                    matched.push((parameter.clone(), style::text(value).into_owned()));
                }
            }
            Location::Header => {
                let text = style::header(writing.explode, value);
                let value = HeaderValue::from_str(&text)
                    .or_else(|_| HeaderValue::from_bytes(text.as_bytes()))
                    .map_err(|_| bad(String::from("it may not hold control characters")))?;
                let name = HeaderName::from_bytes(name.as_bytes())
                    .map_err(|_| bad(String::from("its header has no valid name")))?;
                headers.push((name, value));
            }
            Location::Cookie => {}
        }
    }
    let path = template
        .fill(|name| {
            escaped
                .iter()
                .find(|(n, _)| *n == name)
                .map(|(_, v)| v.as_str())
        })
        .map_err(|unfilled| BadArgument {
            property: unfilled.parameter,
            why: unfilled.why.to_owned(),
        })?;
    let mut query = template.query().join("&");
    for (name, value) in pairs {
        if !query.is_empty() {
            query.push('&');
        }
        query.push_str(&name);
        query.push('=');
        query.push_str(&value);
    }
    if input.extras {
        for (name, value) in arguments {
            if !input.bindings.iter().any(|b| b.property == *name) {
                members.insert(name.clone(), value.clone());
            }
        }
    }
    let body = match body {
        Some(body) => write_body(body, whole, members)?,
        None => None,
    };
    Ok(HttpParts {
        path,
        query: (!query.is_empty()).then_some(query),
        headers,
        body,
        matched,
    })
}

fn write_body(
    body: &Body,
    whole: Option<&Value>,
    members: Map<String, Value>,
) -> Result<Option<(String, Bytes)>, BadArgument> {
    let bad = |property: &str, why: String| BadArgument {
        property: property.to_owned(),
        why,
    };
    let value = match whole {
        Some(value) => value.clone(),
        None if members.is_empty() && !body.required => return Ok(None),
        None => Value::Object(members),
    };
    let written = match body.kind {
        BodyKind::Json => {
            let kind = if body.media_type.contains('*') {
                String::from("application/json")
            } else {
                body.media_type.clone()
            };
            (kind, Bytes::from(value.to_string()))
        }
        BodyKind::Text => (
            body.media_type.clone(),
            Bytes::from(style::text(&value).into_owned()),
        ),
        BodyKind::Binary => (
            body.media_type.clone(),
            Bytes::from(multipart::decode(&value).map_err(|why| bad("body", why))?),
        ),
        BodyKind::Form => {
            let members = value
                .as_object()
                .ok_or_else(|| bad("body", String::from("expected an object")))?;
            let mut pairs = Vec::new();
            for (name, value) in members {
                let field = body.fields.get(name).cloned().unwrap_or_default();
                let writing = Writing {
                    name,
                    style: field.style,
                    explode: field.explode,
                    allow_reserved: false,
                };
                if value.is_object() && field.style == super::Style::Form {
                    // A form has no way of its own to write an object: one JSON text, as most servers read it.
                    let text = Value::String(value.to_string());
                    style::query(writing, &text, &mut pairs)
                } else {
                    style::query(writing, value, &mut pairs)
                }
                .map_err(|why| bad(name, why.to_owned()))?;
            }
            let pairs: Vec<String> = pairs.into_iter().map(|(n, v)| format!("{n}={v}")).collect();
            (body.media_type.clone(), Bytes::from(pairs.join("&")))
        }
        BodyKind::Multipart => {
            let members = value
                .as_object()
                .ok_or_else(|| bad("body", String::from("expected an object")))?;
            multipart::write(members, &body.fields).map_err(|(name, why)| bad(&name, why))?
        }
    };
    Ok(Some(written))
}
