//! The outside of a message: kind, id, method, and of the parameters what routing and control need.

use super::{Id, code};
use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::fmt;

/// Kinds of message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A method and an id: wants an answer.
    Request,
    /// A method without an id.
    Notification,
    /// A result or an error.
    Response,
}

/// A message, borrowed from its text. Nothing but what is named here was looked at.
#[derive(Clone, Debug)]
pub struct Envelope<'a> {
    /// The id; a notification has none.
    pub id: Option<Id<'a>>,
    /// The method; a response has none.
    pub method: Option<Cow<'a, str>>,
    /// What is known of `params`.
    pub params: Params<'a>,
    /// A response's result, as JSON.
    pub result: Option<&'a RawValue>,
    /// A response's error, as JSON.
    pub error: Option<&'a RawValue>,
}

/// What is known of `params`.
#[derive(Clone, Debug, Default)]
pub struct Params<'a> {
    /// The whole, as JSON.
    pub json: Option<&'a str>,
    /// `name`: of a tool or prompt.
    pub name: Option<Cow<'a, str>>,
    /// `uri`: of a resource.
    pub uri: Option<Cow<'a, str>>,
    /// `taskId`.
    pub task_id: Option<Cow<'a, str>>,
    /// `arguments`, as JSON.
    pub arguments: Option<&'a RawValue>,
    /// `protocolVersion`: of `initialize`.
    pub protocol_version: Option<Cow<'a, str>>,
    /// `cursor`: of a list.
    pub cursor: Option<Cow<'a, str>>,
    /// `_meta`, when there is one.
    pub meta: Option<Meta<'a>>,
}

/// What is known of `_meta`.
#[derive(Clone, Debug, Default)]
pub struct Meta<'a> {
    /// `io.modelcontextprotocol/protocolVersion`.
    pub protocol_version: Option<Cow<'a, str>>,
    /// `io.modelcontextprotocol/clientCapabilities`, as JSON.
    pub client_capabilities: Option<&'a RawValue>,
    /// `io.modelcontextprotocol/clientInfo`, as JSON.
    pub client_info: Option<&'a RawValue>,
    /// `progressToken`, as JSON.
    pub progress_token: Option<&'a RawValue>,
    /// `traceparent` (W3C trace context).
    pub traceparent: Option<Cow<'a, str>>,
}

/// Why a message is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Malformed {
    /// Not JSON, or not UTF-8.
    NotJson(String),
    /// An array of messages.
    Batch,
    /// JSON, but not a message.
    Invalid(&'static str),
    /// A name that stands twice or in another case.
    Ambiguous(String),
}

impl Malformed {
    /// The JSON-RPC code.
    pub fn code(&self) -> i64 {
        match self {
            Malformed::NotJson(_) => code::PARSE_ERROR,
            _ => code::INVALID_REQUEST,
        }
    }
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Malformed::NotJson(why) => write!(f, "Parse error: {why}"),
            Malformed::Batch => {
                f.write_str("Invalid Request: batches are not supported; send one message")
            }
            Malformed::Invalid(why) => write!(f, "Invalid Request: {why}"),
            Malformed::Ambiguous(name) => write!(
                f,
                "Invalid Request: `{name}` stands twice, or in another case than the protocol's"
            ),
        }
    }
}

impl<'a> Envelope<'a> {
    /// Reads a message's outside.
    pub fn peek(message: &'a [u8]) -> Result<Envelope<'a>, Malformed> {
        let message = std::str::from_utf8(message)
            .map_err(|_| Malformed::NotJson(String::from("the body is not UTF-8")))?
            .trim_ascii();
        if message.starts_with('[') {
            return match serde_json::from_str::<&RawValue>(message) {
                Ok(_) => Err(Malformed::Batch),
                Err(why) => Err(not_json(&why)),
            };
        }
        if !message.starts_with('{') {
            return match serde_json::from_str::<&RawValue>(message) {
                Ok(_) => Err(Malformed::Invalid("a message is an object")),
                Err(why) => Err(not_json(&why)),
            };
        }
        let raw: RawMessage<'a> = serde_json::from_str(message).map_err(|why| fault(&why))?;
        if raw.jsonrpc.as_deref() != Some("2.0") {
            return Err(Malformed::Invalid("`jsonrpc` must be \"2.0\""));
        }
        let params = match raw.params {
            None => Params::default(),
            Some(json) => {
                let json = json.get();
                if json.starts_with('{') {
                    let mut params: Params<'a> =
                        serde_json::from_str(json).map_err(|why| fault(&why))?;
                    params.json = Some(json);
                    params
                } else {
                    return Err(Malformed::Invalid("`params` must be an object"));
                }
            }
        };
        let id = match raw.id.map(RawValue::get) {
            None => None,
            // An error to a message that nobody could read.
            Some("null") if raw.error.is_some() => None,
            Some(json) => Some(Id::from_json(json).ok_or(Malformed::Invalid(
                "`id` must be a string or a whole number",
            ))?),
        };
        let envelope = Envelope {
            id,
            method: raw.method,
            params,
            result: raw.result,
            error: raw.error,
        };
        let answers =
            usize::from(envelope.result.is_some()) + usize::from(envelope.error.is_some());
        match (&envelope.method, answers) {
            (Some(_), 0) => Ok(envelope),
            (None, 1) if envelope.id.is_some() || envelope.error.is_some() => Ok(envelope),
            _ => Err(Malformed::Invalid(
                "a message has either a `method`, or an `id` with a `result` or an `error`",
            )),
        }
    }

    /// Its kind.
    pub fn kind(&self) -> Kind {
        match (&self.method, self.id) {
            (Some(_), Some(_)) => Kind::Request,
            (Some(_), None) => Kind::Notification,
            (None, _) => Kind::Response,
        }
    }

    /// The method, or nothing for a response.
    pub fn method(&self) -> &str {
        self.method.as_deref().unwrap_or("")
    }

    /// The tool of a `tools/call`.
    pub fn tool(&self) -> Option<&str> {
        (self.method() == "tools/call")
            .then_some(self.params.name.as_deref())
            .flatten()
    }

    /// What `Mcp-Name` mirrors, for the methods that have it. `None`: the method has none. `Some(None)`: the method
    /// has one, and the body does not.
    pub fn mirrored_name(&self) -> Option<Option<&str>> {
        match self.method() {
            "tools/call" | "prompts/get" => Some(self.params.name.as_deref()),
            "resources/read" => Some(self.params.uri.as_deref()),
            "tasks/get" | "tasks/update" | "tasks/cancel" => Some(self.params.task_id.as_deref()),
            _ => None,
        }
    }
}

fn not_json(why: &serde_json::Error) -> Malformed {
    Malformed::NotJson(format!(
        "not JSON at line {}, column {}",
        why.line(),
        why.column()
    ))
}

/// Marks the errors of the readers below that mean an ambiguous name.
const AMBIGUOUS: &str = "ambiguous: ";

fn fault(why: &serde_json::Error) -> Malformed {
    let text = why.to_string();
    if let Some(name) = text.strip_prefix(AMBIGUOUS) {
        let name = name.split(" at line ").next().unwrap_or(name);
        return Malformed::Ambiguous(name.to_owned());
    }
    if why.is_data() {
        return Malformed::Invalid("a member has the wrong type");
    }
    not_json(why)
}

/// Reads members by exact name; each once, and none in another case.
macro_rules! members {
    ($type:ident, $expecting:literal, { $($name:literal => $field:ident),* $(,)? }) => {
        impl<'de: 'a, 'a> Deserialize<'de> for $type<'a> {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Members<'a>(std::marker::PhantomData<&'a ()>);
                impl<'de: 'a, 'a> Visitor<'de> for Members<'a> {
                    type Value = $type<'a>;
                    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                        f.write_str($expecting)
                    }
                    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<$type<'a>, M::Error> {
                        let mut found = $type::default();
                        while let Some(Name(name)) = map.next_key::<Name<'de>>()? {
                            match &*name {
                                $($name => {
                                    if found.$field.is_some() {
                                        return Err(M::Error::custom(format_args!("{AMBIGUOUS}{}", $name)));
                                    }
                                    found.$field = Some(Taken::take(&mut map)?);
                                })*
                                other => {
                                    for known in [$($name),*] {
                                        if other.eq_ignore_ascii_case(known) {
                                            return Err(M::Error::custom(format_args!("{AMBIGUOUS}{known}")));
                                        }
                                    }
                                    map.next_value::<IgnoredAny>()?;
                                }
                            }
                        }
                        Ok(found)
                    }
                }
                deserializer.deserialize_map(Members(std::marker::PhantomData))
            }
        }
    };
}

/// A member's name, borrowed where it has no escapes.
struct Name<'a>(Cow<'a, str>);

impl<'de> Deserialize<'de> for Name<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl<'de> Visitor<'de> for Text {
            type Value = Name<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }
            fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Name<'de>, E> {
                Ok(Name(Cow::Borrowed(text)))
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Name<'de>, E> {
                Ok(Name(Cow::Owned(text.to_owned())))
            }
        }
        deserializer.deserialize_str(Text)
    }
}

/// How a member's value is taken.
trait Taken<'de>: Sized {
    fn take<M: MapAccess<'de>>(map: &mut M) -> Result<Self, M::Error>;
}

impl<'de> Taken<'de> for Cow<'de, str> {
    fn take<M: MapAccess<'de>>(map: &mut M) -> Result<Self, M::Error> {
        map.next_value::<Name<'de>>().map(|name| name.0)
    }
}

impl<'de> Taken<'de> for &'de RawValue {
    fn take<M: MapAccess<'de>>(map: &mut M) -> Result<Self, M::Error> {
        map.next_value()
    }
}

impl<'de> Taken<'de> for Meta<'de> {
    fn take<M: MapAccess<'de>>(map: &mut M) -> Result<Self, M::Error> {
        map.next_value()
    }
}

/// A message's members.
#[derive(Default)]
struct RawMessage<'a> {
    jsonrpc: Option<Cow<'a, str>>,
    id: Option<&'a RawValue>,
    method: Option<Cow<'a, str>>,
    params: Option<&'a RawValue>,
    result: Option<&'a RawValue>,
    error: Option<&'a RawValue>,
}

members!(RawMessage, "a JSON-RPC message", {
    "jsonrpc" => jsonrpc,
    "id" => id,
    "method" => method,
    "params" => params,
    "result" => result,
    "error" => error,
});

members!(Params, "an object", {
    "name" => name,
    "uri" => uri,
    "taskId" => task_id,
    "arguments" => arguments,
    "protocolVersion" => protocol_version,
    "cursor" => cursor,
    "_meta" => meta,
});

members!(Meta, "an object", {
    "io.modelcontextprotocol/protocolVersion" => protocol_version,
    "io.modelcontextprotocol/clientCapabilities" => client_capabilities,
    "io.modelcontextprotocol/clientInfo" => client_info,
    "progressToken" => progress_token,
    "traceparent" => traceparent,
});
