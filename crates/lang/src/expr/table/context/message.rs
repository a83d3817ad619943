//! Messages of `context`: responses, also those in variables, and bodies.
//!
//! What must stay true: a body that is read without `preserveContent` is gone; bodies are whole when they are read (the host
//! buffers them), so that reading never waits.

use super::super::json::parsed_as;
use super::super::{Row, m};
use super::{Part, field, maybe, part};
use crate::expr::eval::{Args, Cx, R, Throw, throw};
use crate::expr::host::{BodyError, Entity, Field, Message};
use crate::expr::types::Ty;
use crate::value::{Dict, HostObject, Object, Response, Str, Value};
use bytes::Bytes;
use std::any::Any;
use std::rc::Rc;

fn stored<'a>(a: &'a Args<'_>) -> Option<&'a Rc<Response>> {
    if let Some(Value::Response(r)) = a.values.first() {
        Some(r)
    } else {
        None
    }
}

pub(super) const RESPONSE: &[Row] = &[
    m("int StatusCode", |cx, a| match stored(a) {
        Some(r) => Ok(Value::Int(i32::from(r.status))),
        None => field(cx, Field::ResponseStatusCode),
    }),
    m("string StatusReason", |cx, a| match stored(a) {
        Some(r) => Ok(Value::Str(r.reason.clone())),
        None => field(cx, Field::ResponseStatusReason),
    }),
    m(
        "IReadOnlyDictionary<string, string[]> Headers",
        |_, a| match stored(a) {
            Some(r) => Ok(Value::Object(Rc::new(ResponseHeaders(r.clone())))),
            None => part(Part::ResponseHeaders),
        },
    ),
    m("IMessageBody Body", |cx, a| match stored(a) {
        Some(r) => Ok(Value::Object(Rc::new(ResponseBody(r.clone())))),
        None => maybe(cx, Entity::ResponseBody, Part::ResponseBody),
    }),
];

/// Body of `context.Response`; hides the one of `IResponse`, which may be another response.
pub(super) const CONTEXT_RESPONSE: &[Row] =
    &[m("[Reads(ResponseBody)] ResponseBody Body", |cx, _| {
        maybe(cx, Entity::ResponseBody, Part::ResponseBody)
    })];

/// Headers of a response in a variable.
#[derive(Debug)]
pub(crate) struct ResponseHeaders(pub(crate) Rc<Response>);

impl Object for ResponseHeaders {
    fn ty(&self) -> Ty {
        Ty::generic(
            "IReadOnlyDictionary",
            vec![Ty::String, Ty::array(Ty::String)],
        )
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
    fn items(&self) -> Option<Vec<Value>> {
        let strings = Ty::array(Ty::String);
        Some(
            self.0
                .headers
                .keys()
                .map(|k| {
                    let values = self
                        .0
                        .headers
                        .get_all(k)
                        .iter()
                        .map(|v| Str::from(String::from_utf8_lossy(v.as_bytes())));
                    super::super::dictionaries::pair(
                        Ty::String,
                        strings.clone(),
                        Value::from(k.as_str()),
                        Value::strings(values),
                    )
                })
                .collect(),
        )
    }
}

/// Body of a response in a variable.
#[derive(Debug)]
struct ResponseBody(Rc<Response>);

impl Object for ResponseBody {
    fn ty(&self) -> Ty {
        Ty::class("IMessageBody")
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// What a body says that was read before.
fn consumed() -> Throw {
    throw(
        "InvalidOperationException",
        "The message body was read before without preserveContent: true, or there is none.",
    )
}

/// The message of the exchange that a body belongs to.
fn message_of(body: &Value) -> Option<Message> {
    match body {
        Value::Host(HostObject(Part::RequestBody)) => Some(Message::Request),
        Value::Host(HostObject(Part::ResponseBody)) => Some(Message::Response),
        _ => None,
    }
}

fn content(cx: &mut Cx<'_>, body: &Value, preserve: bool) -> Result<Bytes, Throw> {
    if let Some(message) = message_of(body) {
        return cx.host.body(message, preserve).map_err(|e| match e {
            BodyError::Consumed | BodyError::Missing => consumed(),
        });
    }
    match body {
        Value::Object(o) => {
            let Some(b) = o.as_any().downcast_ref::<ResponseBody>() else {
                return Err(consumed());
            };
            let mut slot = b.0.body.borrow_mut();
            let taken = if preserve { slot.clone() } else { slot.take() };
            taken.ok_or_else(consumed)
        }
        _ => Err(crate::expr::eval::null_reference()),
    }
}

fn utf8(cx: &mut Cx<'_>, b: &[u8]) -> Result<String, Throw> {
    cx.charge(b.len())?;
    cx.step(b.len() / 256)?;
    Ok(String::from_utf8_lossy(b.strip_prefix(b"\xef\xbb\xbf").unwrap_or(b)).into_owned())
}

/// An exception of the reader, said as API Management says it: with what is wrong in front.
fn said(t: Throw, what: &str) -> Throw {
    match t {
        Throw::Exception(e) => throw(e.class, format!("{what} {}", e.message)),
        bound => bound,
    }
}

/// `As<T>`.
fn body_as(cx: &mut Cx<'_>, a: &Args<'_>) -> R {
    let ty = a.ty(0);
    let class = match &ty {
        Ty::String => "string",
        Ty::Array(of) if **of == Ty::Byte => "byte[]",
        Ty::Class(n @ ("JObject" | "JToken" | "JArray"), _) => n,
        Ty::Class(n @ ("XDocument" | "XElement" | "XNode"), _) => n,
        other => {
            return Err(throw(
                "NotSupportedException",
                format!(
                    "The message body cannot be read as '{}'.",
                    other.full_name()
                ),
            ));
        }
    };
    let preserve = a.bool(1);
    let bytes = content(cx, &a.values[0], preserve)?;
    match class {
        "byte[]" => Ok(Value::Bytes(bytes)),
        "string" => {
            let s = utf8(cx, &bytes)?;
            cx.text(s)
        }
        class => {
            let message = message_of(&a.values[0]).filter(|_| preserve && class.starts_with('J'));
            if let Some(tree) = message.and_then(|m| cx.parsed(m, &bytes))
                && (class == "JToken" || class == tree.class())
            {
                return Ok(Value::Token(tree));
            }
            let s = utf8(cx, &bytes)?;
            if class.starts_with('X') {
                let read = super::super::xml::parsed_as(cx, &s, class);
                return read.map_err(|t| said(t, "The message body is not a valid XML."));
            }
            if s.is_empty() {
                // Only the body of an MCP server's message is there without a byte.
                return Ok(Value::Null);
            }
            let value = parsed_as(cx, &s, class)
                .map_err(|t| said(t, "The message body is not a valid JSON."))?;
            if let (Some(message), Value::Token(tree)) = (message, &value) {
                cx.keep_parsed(message, bytes, tree);
            }
            Ok(value)
        }
    }
}

fn form(cx: &mut Cx<'_>, a: &Args<'_>) -> R {
    let preserve = a.bool(1);
    let bytes = content(cx, &a.values[0], preserve)?;
    let s = utf8(cx, &bytes)?;
    let list = Ty::generic("IList", vec![Ty::String]);
    let d = Dict::new(Ty::generic("Dictionary", vec![Ty::String, list]), true);
    for (k, v) in super::super::web::form_pairs(&s) {
        cx.charge(128)?;
        let key = Value::from(k);
        match d.get(&key) {
            Some(Value::List(l)) => l.items_mut().push(Value::from(v)),
            _ => {
                let l = crate::value::List::new(
                    Ty::generic("List", vec![Ty::String]),
                    vec![Value::from(v)],
                );
                d.insert(key, Value::List(l));
            }
        }
    }
    Ok(Value::Dict(d))
}

pub(super) const BODY: &[Row] = &[
    m("T As<T>(bool preserveContent = false)", |cx, a| {
        body_as(cx, a)
    }),
    m(
        "IDictionary<string, IList<string>> AsFormUrlEncodedContent(bool preserveContent = false)",
        |cx, a| form(cx, a),
    ),
];
