//! `forward-request`: sends the request to the backend and waits for the response head.
//!
//! Bodies stream both ways; `buffer-response="true"` sends a response on in larger pieces (an event stream is never held
//! back). `buffer-request-body` keeps the request body so that `retry` can send it again.

use crate::LocalBoxFuture;
use crate::body::{Tap, Tapped};
use crate::compile::{Arg, Compile, Content, Kind, Once, PolicyDef, Scopes, Sections, attribute};
use crate::exchange::{BodyState, Exchange};
use crate::failure::Failure;
use crate::graphql;
use crate::llm_call::is_event_stream;
use crate::mcp;
use crate::services::{HttpVersion, SendOptions};
use crate::step::{Flow, Needs, Step};
use crate::upstream;
use bytes::{Bytes, BytesMut};
use std::time::Duration;
use tollgate_lang::document::Element;
use tollgate_lang::value::Str;

/// The element.
pub const DEF: PolicyDef = PolicyDef {
    name: "forward-request",
    sections: Sections::BACKEND,
    scopes: Scopes::ALL,
    once: Once::Many,
    attributes: &[
        attribute("timeout", Kind::Int(0, i32::MAX as i64), "seconds until the response head must be there").expression().default("300"),
        attribute("timeout-ms", Kind::Int(0, i32::MAX as i64), "the same in milliseconds, instead of `timeout`").expression(),
        attribute("continue-timeout", Kind::Int(0, i32::MAX as i64), "seconds until the backend must have said `100 Continue`, before which no body is sent (HTTP/1.1); without it, and with 0, bodies are sent without asking").expression(),
        attribute("http-version", Kind::OneOf(&["1", "2or1", "2"]), "HTTP version towards the backend").default("1"),
        attribute("follow-redirects", Kind::Bool, "whether to follow redirects, ten at most").expression().default("false"),
        attribute("buffer-request-body", Kind::Bool, "keep the request body so that it can be sent again").default("false"),
        attribute("buffer-response", Kind::Bool, "`true`: what comes of a response of unknown length goes on in pieces of 8 KiB, but of an event stream as it comes; without the attribute every response goes on as it comes"),
        attribute("fail-on-error-status-code", Kind::Bool, "treat a status from 400 to 599 as an error").default("false"),
    ],
    children: &[],
    content: Content::Empty,
    doc: "Sends the request to the backend and waits for the head of its response.",
    compile,
};

/// As many redirects as .NET's client and browsers follow before they suspect a loop.
const MOST_REDIRECTS: u32 = 10;

fn compile(element: &Element, cx: &mut Compile<'_>) -> Option<Box<dyn Step>> {
    cx.exclusive(element, "timeout", "timeout-ms");
    let continue_timeout = match element.attribute("continue-timeout") {
        Some(_) => Some(cx.arg::<i64>(element, "continue-timeout")?),
        None => None,
    };
    let gathers = match element.attribute("buffer-response") {
        Some(_) => cx.literal::<bool>(element, "buffer-response")?,
        None => false,
    };
    let timeout = match element.attribute("timeout-ms") {
        Some(_) => (cx.arg::<i64>(element, "timeout-ms")?, 1),
        None => (cx.arg::<i64>(element, "timeout")?, 1000),
    };
    let version = match &*cx.literal::<Str>(element, "http-version")? {
        "2" => HttpVersion::Http2,
        "2or1" => HttpVersion::Http2Or1,
        _ => HttpVersion::Http1,
    };
    let follow_redirects = cx.arg(element, "follow-redirects")?;
    if cx.literal::<bool>(element, "buffer-request-body")? {
        cx.needs(Needs {
            request_body: true,
            response_body: false,
        });
    }
    let fail_on_error = cx.literal(element, "fail-on-error-status-code")?;
    cx.step(ForwardRequest {
        timeout,
        continue_timeout,
        version,
        follow_redirects,
        gathers,
        fail_on_error,
    })
}

#[derive(Debug)]
struct ForwardRequest {
    /// Value and its milliseconds.
    timeout: (Arg<i64>, u64),
    continue_timeout: Option<Arg<i64>>,
    version: HttpVersion,
    follow_redirects: Arg<bool>,
    /// Whether the response goes on in larger pieces.
    gathers: bool,
    fail_on_error: bool,
}

/// Bytes that go on together.
const PIECE: usize = 8 << 10;

/// Has a response of unknown length go on in pieces, as in API Management.
fn gather(rq: &mut Exchange) {
    let Some(response) = &mut rq.response else {
        return;
    };
    if is_event_stream(&response.headers) {
        return;
    }
    if let BodyState::Streaming(body) = &mut response.body
        && http_body::Body::size_hint(body).exact().is_none()
    {
        let body = std::mem::take(body);
        let tap = Box::new(Gather(BytesMut::new()));
        response.body = BodyState::Streaming(Tapped::wrap(body, vec![tap]));
    }
}

/// What has come since the last piece.
struct Gather(BytesMut);

impl Tap for Gather {
    fn chunk(&mut self, chunk: Bytes) -> Option<Bytes> {
        if self.0.is_empty() && chunk.len() >= PIECE {
            return Some(chunk);
        }
        self.0.extend_from_slice(&chunk);
        (self.0.len() >= PIECE).then(|| self.0.split().freeze())
    }

    fn end(&mut self) -> Option<Bytes> {
        Some(self.0.split().freeze())
    }
}

impl Step for ForwardRequest {
    fn run(&self, _rq: &mut Exchange) -> Flow {
        Flow::Wait
    }

    fn wait<'a>(&'a self, rq: &'a mut Exchange) -> LocalBoxFuture<'a, Flow> {
        Box::pin(async move { self.forward(rq).await.into() })
    }

    fn may_wait(&self) -> bool {
        true
    }
}

impl ForwardRequest {
    async fn forward(&self, rq: &mut Exchange) -> Result<(), Box<Failure>> {
        let (timeout, unit) = &self.timeout;
        let timeout = Duration::from_millis(
            u64::try_from(timeout.get(rq)?)
                .unwrap_or(0)
                .saturating_mul(*unit),
        );
        let continue_timeout = match &self.continue_timeout {
            Some(seconds) => u64::try_from(seconds.get(rq)?).ok().filter(|n| *n > 0),
            None => None,
        };
        let redirects = if self.follow_redirects.get(rq)? {
            MOST_REDIRECTS
        } else {
            0
        };
        // A previous attempt's answer is gone once the next one is made, also when that fails.
        if rq.response.is_some() {
            crate::accounting::drop_answer(rq);
        }
        rq.response = None;
        let options = SendOptions {
            timeout,
            version: self.version,
            continue_timeout: continue_timeout.map(Duration::from_secs),
        };
        if rq.mcp.is_some() && mcp::before(rq, options).await? {
            return Ok(());
        }
        if graphql::execute::forward(rq, options, redirects).await? {
            return Ok(());
        }
        upstream::forward(rq, options, redirects).await?;
        if rq.mcp.is_some() {
            mcp::after(rq).await?;
        } else if self.gathers {
            gather(rq);
        }
        if self.fail_on_error
            && let Some(status) = rq
                .response
                .as_ref()
                .map(|r| r.status)
                .filter(|s| s.is_client_error() || s.is_server_error())
        {
            let mut failure = Failure::refused(
                "",
                "BackendErrorStatusCode",
                status,
                format!("The backend answered {status}."),
            );
            failure.keep_response = true;
            return Err(failure);
        }
        Ok(())
    }
}
