//! `subscriptions/listen` (2026-07-28): a stream that says when the tools have changed.
//!
//! The only change there is comes with a new configuration. What must stay true: the first message acknowledges what
//! was asked for and is served; every message names the subscription; the stream ends with the request's result.

use super::{Tools, respond};
use crate::LocalBoxFuture;
use crate::body::{Body, BodyError};
use crate::exchange::{BodyState, Exchange, Response};
use crate::mcp::Source;
use crate::services::Services;
use crate::snapshot::Snapshot;
use bytes::Bytes;
use http::{HeaderName, HeaderValue, StatusCode, header};
use http_body::Frame;
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;
use tollgate_agents::jsonrpc::{self, Envelope, Id, code};
use tollgate_lang::value::Str;

/// How often a stream looks for a new configuration and for the end of the gateway.
const LOOK: Duration = Duration::from_secs(1);
/// Looks between two comments that keep the connection alive.
const LOOKS_PER_COMMENT: u32 = 15;
/// Looks until the stream ends: the client opens another.
const MOST_LOOKS: u32 = 3600;

/// Opens the stream.
pub(super) fn answer(rq: &mut Exchange, envelope: &Envelope<'_>, tools: &Tools) {
    let asked = envelope
        .params
        .json
        .and_then(|params| serde_json::from_str::<Value>(params).ok());
    let asked = asked
        .as_ref()
        .and_then(|params| params.get("notifications"));
    let Some(asked) = asked.filter(|a| a.is_object()) else {
        let text = "Invalid params: `notifications` is not an object";
        respond::error(rq, code::INVALID_PARAMS, text, None);
        return;
    };
    let tools_changes = asked.get("toolsListChanged") == Some(&Value::Bool(true));
    let Some(id) = rq
        .mcp
        .as_deref()
        .and_then(|call| call.id())
        .map(|id| Box::from(id.json()))
    else {
        return;
    };
    let mut stream = Listen {
        services: rq.services.clone(),
        server: rq.api().map_or_else(|| Str::from(""), |api| api.id.clone()),
        id,
        digest: tools_changes.then_some(tools.digest),
        looks: 0,
        ready: VecDeque::new(),
        wait: rq.services.clock.sleep(LOOK),
        ended: false,
    };
    let honoured = if tools_changes {
        json!({"toolsListChanged": true})
    } else {
        json!({})
    };
    stream.notify("notifications/subscriptions/acknowledged", Some(honoured));
    let mut response = Response::new(StatusCode::OK);
    for (name, value) in [
        (header::CONTENT_TYPE, "text/event-stream"),
        (header::CACHE_CONTROL, "no-cache"),
        (HeaderName::from_static("x-accel-buffering"), "no"),
    ] {
        response
            .headers
            .insert(name, HeaderValue::from_static(value));
    }
    response.body = BodyState::Streaming(Body::Stream(Box::pin(stream)));
    rq.response = Some(response);
}

struct Listen {
    services: Rc<Services>,
    /// Id of the server's API.
    server: Str,
    /// Of the request, as JSON: it names the subscription.
    id: Box<str>,
    /// Of the tools that the client knows, if it wants to hear of others.
    digest: Option<u64>,
    looks: u32,
    ready: VecDeque<Bytes>,
    wait: LocalBoxFuture<'static, ()>,
    ended: bool,
}

impl Listen {
    fn notify(&mut self, method: &str, notifications: Option<Value>) {
        let id = serde_json::from_str(&self.id).unwrap_or(Value::Null);
        let mut params = json!({"_meta": {"io.modelcontextprotocol/subscriptionId": id}});
        if let Some(notifications) = notifications {
            params["notifications"] = notifications;
        }
        self.send(&jsonrpc::notification(method, &params.to_string()));
    }

    fn send(&mut self, message: &str) {
        self.ready
            .push_back(Bytes::from(format!("event: message\ndata: {message}\n\n")));
    }

    /// The digest of the tools in force; `None` when the server is there no more.
    fn current(&self, snapshot: &Snapshot) -> Option<u64> {
        let api = snapshot.apis.iter().find(|api| api.id == self.server)?;
        match &api.mcp.as_deref()?.source {
            Source::Tools(tools) => Some(tools.digest),
            Source::PassThrough(_) => None,
        }
    }

    fn look(&mut self) {
        self.looks += 1;
        let around = self.services.around.clone();
        let current = self.current(&around.snapshot());
        if let (Some(known), Some(current)) = (self.digest, current)
            && known != current
        {
            self.digest = Some(current);
            self.notify("notifications/tools/list_changed", None);
        }
        if self.looks >= MOST_LOOKS || around.is_ending() || current.is_none() {
            self.end();
        } else if self.looks.is_multiple_of(LOOKS_PER_COMMENT) {
            self.ready.push_back(Bytes::from_static(b":\n\n"));
        }
    }

    /// The request's own result, after which the client may listen again.
    fn end(&mut self) {
        let result = format!(
            r#"{{"resultType":"complete","_meta":{{"io.modelcontextprotocol/subscriptionId":{}}}}}"#,
            self.id
        );
        if let Some(id) = Id::from_json(&self.id.clone()) {
            self.send(&jsonrpc::result(id, &result));
        }
        self.ended = true;
    }
}

impl http_body::Body for Listen {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        loop {
            if let Some(ready) = self.ready.pop_front() {
                return Poll::Ready(Some(Ok(Frame::data(ready))));
            }
            if self.ended {
                return Poll::Ready(None);
            }
            std::task::ready!(self.wait.as_mut().poll(cx));
            self.wait = self.services.clock.sleep(LOOK);
            self.look();
        }
    }
}
