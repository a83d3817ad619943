//! `context` in templates: the members that API Management documents.
//!
//! What must stay true: what is not there is nil; nothing is read before a template asks for it.

use super::item::{Item, NIL};
use crate::expr::host::{Entity, Field, Host, Message, UrlOf};
use crate::value::Value;

/// An object of `context`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Context,
    Request,
    Response,
    Url(UrlOf),
    Query(UrlOf),
    Headers(Message),
    Matched,
    Variables,
}

/// Members of `context.Request`.
pub(super) const REQUEST: &[&str] = &[
    "Url",
    "Method",
    "OriginalMethod",
    "OriginalUrl",
    "IpAddress",
    "MatchedParameters",
    "HasBody",
    "ClientCertificates",
    "Headers",
];

/// Members of `context.Response`.
pub(super) const RESPONSE: &[&str] = &["StatusCode", "Method", "Headers"];

/// Members of a URL.
pub(super) const URL: &[&str] = &[
    "Scheme",
    "Host",
    "Port",
    "Path",
    "Query",
    "QueryString",
    "ToUri",
    "ToString",
];

/// A member; nil when there is none.
pub(super) fn member(host: &dyn Host, part: Part, name: &str) -> Item {
    let there = |part: Part| Item::Part(part);
    let field = |field: Field| Item::Value(host.field(field).into_value());
    match (part, name) {
        (Part::Context, "Request") => there(Part::Request),
        (Part::Context, "Response") if host.has(Entity::Response) => there(Part::Response),
        (Part::Context, "Variables") => there(Part::Variables),
        (Part::Request, "Url") => there(Part::Url(UrlOf::Request)),
        (Part::Request, "OriginalUrl") => there(Part::Url(UrlOf::Original)),
        (Part::Request, "Method") => field(Field::RequestMethod),
        (Part::Request, "OriginalMethod") => field(Field::RequestOriginalMethod),
        (Part::Request, "IpAddress") => field(Field::RequestIpAddress),
        (Part::Request, "MatchedParameters") => there(Part::Matched),
        (Part::Request, "HasBody") => Item::Value(Value::Bool(host.has(Entity::RequestBody))),
        (Part::Request, "Headers") => there(Part::Headers(Message::Request)),
        (Part::Response, "StatusCode") => field(Field::ResponseStatusCode),
        (Part::Response, "Method") => field(Field::RequestMethod),
        (Part::Response, "Headers") => there(Part::Headers(Message::Response)),
        (Part::Url(url), name) => of_url(host, url, name),
        (Part::Query(url), name) => query(host, url, name),
        (Part::Headers(message), name) => {
            let all = host.headers(message).get_all(name).iter();
            let values: Vec<_> = all.map(|v| String::from_utf8_lossy(v.as_bytes())).collect();
            if values.is_empty() {
                NIL
            } else {
                Item::text(values.join(","))
            }
        }
        (Part::Matched, name) => host
            .matched_parameters()
            .iter()
            .find(|(n, _)| n.eq_ignore_ascii_case(name))
            .map_or(NIL, |(_, v)| Item::text(v.clone())),
        (Part::Variables, name) => host.variable(name).map_or(NIL, |v| Item::from(v.clone())),
        _ => NIL,
    }
}

fn of_url(host: &dyn Host, url: UrlOf, name: &str) -> Item {
    let parts = host.url(url);
    match name {
        "Scheme" => Item::text(parts.scheme),
        "Host" => Item::text(parts.host),
        "Port" => Item::Value(Value::Int(i32::from(parts.port))),
        "Path" => Item::text(parts.path),
        "Query" => Item::Part(Part::Query(url)),
        "QueryString" => Item::text(parts.query_string),
        "ToUri" | "ToString" => Item::text(crate::expr::table::context::url_text(&parts)),
        _ => NIL,
    }
}

/// The values of a query parameter, joined.
fn query(host: &dyn Host, url: UrlOf, name: &str) -> Item {
    let mut found: Option<String> = None;
    host.query(url, &mut |query| {
        let values: Vec<_> = crate::expr::table::web::query_values(query, name).collect();
        if !values.is_empty() {
            found = Some(values.join(","));
        }
    });
    found.map_or(NIL, Item::text)
}
