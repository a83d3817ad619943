//! Messages of `graphql-transport-ws`: JSON objects with a `type`.
//!
//! What must stay true: what is no message of the protocol closes the socket with the protocol's own code, and the reason
//! says what was wrong.

use super::Close;
use crate::graphql::error::{self, Error};
use crate::graphql::request::GraphQlRequest;
use serde::Deserialize;
use serde_json::{Map, Value as Json, json};

/// What a client says.
#[derive(Debug)]
pub(super) enum Message {
    ConnectionInit,
    /// With its payload.
    Ping(Option<Map<String, Json>>),
    Pong,
    Subscribe(String, Box<GraphQlRequest>),
    Complete(String),
}

#[derive(Deserialize)]
struct Raw {
    #[serde(rename = "type")]
    kind: String,
    id: Option<String>,
    payload: Option<Json>,
}

fn invalid(why: impl Into<String>) -> Close {
    Close::because(4400, why.into())
}

impl Message {
    pub(super) fn read(text: &str) -> Result<Message, Close> {
        let Raw { kind, id, payload } =
            serde_json::from_str(text).map_err(|why| invalid(format!("Invalid message: {why}")))?;
        let id = || match id {
            Some(id) if !id.is_empty() => Ok(id),
            _ => Err(invalid(format!("A message `{kind}` needs an `id`."))),
        };
        let object = |payload| match payload {
            None => Ok(None),
            Some(Json::Object(object)) => Ok(Some(object)),
            Some(_) => Err(invalid(format!(
                "The payload of `{kind}` is not an object."
            ))),
        };
        Ok(match &*kind {
            "connection_init" => {
                object(payload)?;
                Message::ConnectionInit
            }
            "ping" => Message::Ping(object(payload)?),
            "pong" => {
                object(payload)?;
                Message::Pong
            }
            "subscribe" => {
                let id = id()?;
                let request: Box<GraphQlRequest> =
                    serde_json::from_value(payload.unwrap_or_default())
                        .map_err(|why| invalid(format!("The payload of `subscribe`: {why}")))?;
                if request.query.trim().is_empty() {
                    return Err(invalid("The payload of `subscribe` has no `query`."));
                }
                Message::Subscribe(id, request)
            }
            "complete" => Message::Complete(id()?),
            _ => return Err(invalid(format!("There is no message `{kind}`."))),
        })
    }
}

pub(super) fn acknowledged() -> String {
    json!({ "type": "connection_ack" }).to_string()
}

pub(super) fn pong(payload: Option<Map<String, Json>>) -> String {
    match payload {
        Some(payload) => json!({ "type": "pong", "payload": payload }).to_string(),
        None => json!({ "type": "pong" }).to_string(),
    }
}

pub(super) fn next(id: &str, payload: &Map<String, Json>) -> String {
    json!({ "id": id, "type": "next", "payload": payload }).to_string()
}

pub(super) fn error(id: &str, errors: &[Error]) -> String {
    json!({ "id": id, "type": "error", "payload": error::list(errors) }).to_string()
}

pub(super) fn complete(id: &str) -> String {
    json!({ "id": id, "type": "complete" }).to_string()
}
