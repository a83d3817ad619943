//! `forward-request`: sends the request to the backend and waits for the response head.
//!
//! Bodies stream both ways; `buffer-response` therefore changes nothing here (an event stream is never held back).
//! `buffer-request-body` keeps the request body so that `retry` can send it again.

use crate::LocalBoxFuture;
use crate::compile::{Arg, Compile, Content, Kind, Once, PolicyDef, Scopes, Sections, attribute};
use crate::exchange::Exchange;
use crate::failure::Failure;
use crate::graphql;
use crate::mcp;
use crate::services::{HttpVersion, SendOptions};
use crate::step::{Flow, Needs, Step};
use crate::upstream;
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
        attribute("continue-timeout", Kind::Int(0, i32::MAX as i64), "seconds to wait for `100 Continue`; bodies are sent without asking, so it has no effect").expression(),
        attribute("http-version", Kind::OneOf(&["1", "2or1", "2"]), "HTTP version towards the backend").default("1"),
        attribute("follow-redirects", Kind::Bool, "whether to follow redirects, ten at most").expression().default("false"),
        attribute("buffer-request-body", Kind::Bool, "keep the request body so that it can be sent again").default("false"),
        attribute("buffer-response", Kind::Bool, "no effect: responses always stream").default("true"),
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
    cx.arg::<i64>(element, "continue-timeout");
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
        version,
        follow_redirects,
        fail_on_error,
    })
}

#[derive(Debug)]
struct ForwardRequest {
    /// Value and its milliseconds.
    timeout: (Arg<i64>, u64),
    version: HttpVersion,
    follow_redirects: Arg<bool>,
    fail_on_error: bool,
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
