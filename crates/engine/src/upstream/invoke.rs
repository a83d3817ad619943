//! A request of a document's own to where calls go: a backend with its credentials and breaker, or a URL (`invoke-request`).

use super::choose::Choice;
use super::send::{Leave, answered, aside, send};
use super::{credentials, host, join, path_and_query};
use crate::accounting::{Place, Purpose, SideCall};
use crate::body::Body;
use crate::exchange::Exchange;
use crate::failure::Failure;
use crate::services::SendOptions;
use bytes::Bytes;
use http::uri::PathAndQuery;
use http::{HeaderMap, Method, Uri, header};

/// Such a request.
pub(crate) struct Invocation<'a> {
    /// The server.
    pub(crate) choice: Choice<'a>,
    /// Path and query.
    pub(crate) path: InvocationPath,
    /// Method.
    pub(crate) method: Method,
    /// Headers; `Host` is added where there is none.
    pub(crate) headers: HeaderMap,
    /// Body.
    pub(crate) body: Bytes,
    /// Limits.
    pub(crate) options: SendOptions,
    /// Whether its answer becomes the caller's.
    pub(crate) answers: bool,
}

/// Where on the server.
pub(crate) enum InvocationPath {
    /// Here.
    Whole(PathAndQuery),
    /// Behind the path of the server's own URL.
    Behind(PathAndQuery),
    /// Where the caller's request would go.
    Current,
}

/// Sends it and gives the answer, which streams. Its breaker has learned of the head; [`Exchange::answering`] is the
/// call's until the body has been read.
pub(crate) async fn invoke(
    rq: &mut Exchange,
    invocation: Invocation<'_>,
) -> Result<http::Response<Body>, Box<Failure>> {
    let choice = invocation.choice;
    let url = choice.url;
    let mut leave = Leave::new(choice.server, choice.permit);
    let query = leave.as_ref().and_then(|l| l.server.query.as_deref());
    let path = match invocation.path {
        InvocationPath::Whole(path) => path,
        InvocationPath::Current => path_and_query(rq, &url, query)?,
        InvocationPath::Behind(path) => {
            let own = Some(path.path()).filter(|p| *p != "/").unwrap_or("");
            join(&url.path, own, &[url.query.as_deref(), path.query(), query])?
        }
    };
    let mut headers = invocation.headers;
    if !headers.contains_key(header::HOST) {
        headers.insert(header::HOST, host(&url)?);
    }
    if let Some(leave) = &leave {
        credentials(rq, leave.server, &mut headers).await?;
    }
    let mut body = invocation.body;
    let place = Place {
        url: &url,
        server: leave.as_ref().map(|leave| (leave.server, leave.backend)),
    };
    let named = (&invocation.method, path.path());
    let timeout = invocation.options.timeout;
    let mut side = SideCall::begin(rq, Purpose::InvokeRequest, place, named, &mut body, timeout)?;
    if let Some(side) = &mut side {
        side.admitted().await?;
    }
    let mut request = http::Request::new(Body::from(body));
    *request.method_mut() = invocation.method;
    *request.uri_mut() = Uri::from(path);
    *request.headers_mut() = headers;
    let sent = send(rq, &url, leave.as_mut(), request, invocation.options).await;
    if !invocation.answers {
        aside(rq);
    }
    match (sent, side) {
        (Ok(response), side) => {
            answered(rq, leave.as_mut(), response.status(), response.headers());
            rq.answering = leave.and_then(Leave::answering);
            Ok(match side {
                Some(side) => side.watch(response),
                None => response,
            })
        }
        (Err(failure), side) => {
            if let Some(side) = side {
                side.unanswered(rq.attempts.last().map(|hop| hop.end));
            }
            Err(failure)
        }
    }
}
