//! The head of an MCP server's answer: its session, its refusals, and what of its body this caller may see.
//!
//! `forward-request` comes here when the head is there, before outbound.

use super::events::{is_coded, is_events, rewriting};
use super::{Endpoint, Source, sessions};
use crate::body::coding::Coding;
use crate::body::{Body, BodyError};
use crate::definition::McpEndpoints;
use crate::exchange::{BodyState, Exchange, forget_body};
use crate::failure::Failure;
use crate::step::Needs;
use bytes::Bytes;
use http::{Method, StatusCode, header};
use tollgate_agents::list::filter_tools;
use tollgate_lang::value::Str;
use tollgate_llm::sse::Event;

/// After the call.
pub(crate) async fn after(rq: &mut Exchange) -> Result<(), Box<Failure>> {
    let Some(endpoint) = rq.mcp.as_deref().map(|call| call.endpoint) else {
        return Ok(());
    };
    if endpoint == Endpoint::Operation {
        return Ok(());
    }
    sessions::note(rq);
    refusal(rq)?;
    if endpoint == Endpoint::Sse {
        message_endpoint(rq)?;
    }
    lists(rq).await
}

/// A server's own challenge would send the caller to the server's issuer with a token that never gets there.
fn refusal(rq: &mut Exchange) -> Result<(), Box<Failure>> {
    let passes_token = rq.mcp.as_deref().is_some_and(|call| call.passes_token);
    let Some(response) = &mut rq.response else {
        return Ok(());
    };
    if !matches!(response.status.as_u16(), 401 | 403) {
        return Ok(());
    }
    response.headers.remove(header::WWW_AUTHENTICATE);
    if response.status == StatusCode::UNAUTHORIZED && !passes_token {
        rq.response = None;
        return Err(Failure::refused(
            "forward-request",
            "BackendAuthorizationFailure",
            StatusCode::BAD_GATEWAY,
            "The MCP server refused the gateway's credentials.",
        ));
    }
    Ok(())
}

/// Takes tools out of lists that the caller may not use.
async fn lists(rq: &mut Exchange) -> Result<(), Box<Failure>> {
    let Some(rules) = super::rules_of(rq) else {
        return Ok(());
    };
    let method = rq.mcp.as_deref().map_or("", |call| call.method());
    // A GET resumes a stream whose request is not known here.
    let may_list = method == "tools/list" || rq.request.original_method == Method::GET;
    let private = rq.mcp.as_deref().is_some_and(super::Call::is_modern);
    let limit = rq.snapshot.gateway.max_buffered_body;
    let Some(response) = &mut rq.response else {
        return Ok(());
    };
    if !may_list || !response.body.is_some() {
        return Ok(());
    }
    if is_events(&response.headers) {
        if is_coded(&response.headers) {
            return Err(unreadable("The server coded its event stream unasked."));
        }
        if let BodyState::Streaming(body) = &mut response.body {
            let body = std::mem::take(body);
            let body = rewriting(body, limit, move |event: Event| {
                if !event.whole {
                    return Err(BodyError::TooLarge(limit));
                }
                let data = event.data();
                let text = data.as_deref().map(String::from_utf8_lossy);
                let allows = |name: &str| rules.allows(name);
                Ok(
                    match text.and_then(|t| filter_tools(&t, &allows, private)) {
                        Some(new) => Bytes::from(event.with_data(&new)),
                        None => event.raw,
                    },
                )
            });
            response.body = BodyState::Streaming(body);
        }
        response.headers.remove(header::CONTENT_LENGTH);
        return Ok(());
    }
    let needs = Needs {
        response_body: true,
        request_body: false,
    };
    rq.buffer(needs, "forward-request").await?;
    let Some(response) = &mut rq.response else {
        return Ok(());
    };
    let BodyState::Buffered(body) = &response.body else {
        return Ok(());
    };
    let plain = match Coding::of(&response.headers).undo(body, limit) {
        Some(plain) => plain,
        None => {
            return Err(unreadable(
                "The server coded its list in a way that cannot be read.",
            ));
        }
    };
    let allows = |name: &str| rules.allows(name);
    if let Some(new) = filter_tools(&String::from_utf8_lossy(&plain), &allows, private) {
        forget_body(&mut response.headers);
        response.body = BodyState::Buffered(Bytes::from(new));
    }
    Ok(())
}

fn unreadable(why: &str) -> Box<Failure> {
    Failure::internal("forward-request", "BackendConnectionFailure", why)
}

/// HTTP with SSE: the first event names the URL for messages, which must be the gateway's.
fn message_endpoint(rq: &mut Exchange) -> Result<(), Box<Failure>> {
    let limit = rq.snapshot.gateway.max_buffered_body;
    let Some(rewrite) = EndpointEvent::of(rq) else {
        return Ok(());
    };
    let Some(response) = &mut rq.response else {
        return Ok(());
    };
    if !response.status.is_success() || !is_events(&response.headers) {
        return Ok(());
    }
    if is_coded(&response.headers) {
        return Err(unreadable("The server coded its event stream unasked."));
    }
    let BodyState::Streaming(body) = &mut response.body else {
        return Ok(());
    };
    let body: Body = std::mem::take(body);
    let mut rewrite = Some(rewrite);
    let body = rewriting(body, limit, move |event: Event| {
        if event.field("event") != Some(b"endpoint") {
            return Ok(event.raw);
        }
        match rewrite.take() {
            Some(rewrite) => rewrite.apply(&event),
            // A second one would lead messages past the gateway.
            None => Ok(Bytes::new()),
        }
    });
    response.body = BodyState::Streaming(body);
    response.headers.remove(header::CONTENT_LENGTH);
    Ok(())
}

/// What the `endpoint` event becomes.
struct EndpointEvent {
    services: std::rc::Rc<crate::Services>,
    api: Str,
    /// `host[:port]` of the upstream; empty when it is not known which answered.
    authority: Str,
    /// The upstream's path that messages are sent to anyway.
    expected: String,
    /// The upstream's path of the stream, for relative references.
    stream: String,
    /// The gateway's path for messages.
    own: String,
    /// The caller's key, when it stands in the query.
    key: Option<String>,
    session: sessions::Session,
}

impl EndpointEvent {
    fn of(rq: &Exchange) -> Option<EndpointEvent> {
        let api = rq.api()?;
        let Source::PassThrough(McpEndpoints::Sse { sse, message }) = &api.mcp.as_ref()?.source
        else {
            return None;
        };
        let url = match rq.attempts.last().and_then(|a| a.backend) {
            Some(index) => rq.snapshot.server(index).map(|s| s.url.clone()),
            None => match &rq.request.target.base {
                crate::exchange::TargetBase::Url(url) => Some(url.clone()),
                _ => api.service_url.clone(),
            },
        }?;
        let base = super::target::without(super::target::without(&url.path, sse), message);
        let public = rq.snapshot.gateway.public_url.as_deref();
        let outer = public
            .and_then(|url| url.split_once("://"))
            .and_then(|(_, rest)| rest.find('/').map(|at| &rest[at..]))
            .unwrap_or("");
        let own = &rq.request.path_and_query.path()[..rq.request.api_path_len];
        let key = rq
            .request
            .path_and_query
            .query()
            .and_then(|q| crate::routing::query_value(q, &api.key_query))
            .map(|value| {
                let encode = crate::routing::encode_query;
                format!("{}={}", encode(&api.key_query), encode(&value))
            });
        Some(EndpointEvent {
            services: rq.services.clone(),
            api: api.id.clone(),
            authority: url.origin.authority.clone(),
            expected: format!("{base}{message}"),
            stream: format!("{base}{sse}"),
            own: format!("{outer}{own}{message}"),
            key,
            session: sessions::opened(rq, None),
        })
    }

    fn apply(self, event: &Event) -> Result<Bytes, BodyError> {
        let data = event.data();
        let reference = data.as_deref().map(String::from_utf8_lossy);
        let reference = reference.as_deref().unwrap_or("").trim();
        let Some((path, query)) = self.read(reference) else {
            return Err(BodyError::Other(String::from(
                "the server's endpoint event names no path of its own",
            )));
        };
        let elsewhere = (path != self.expected).then(|| Str::from(path.as_str()));
        if query.is_empty() && elsewhere.is_some() {
            return Err(BodyError::Other(format!(
                "the server's endpoint event names {path}, which is not the configured endpoint for messages"
            )));
        }
        let mut own = self.own;
        if !query.is_empty() {
            own.push('?');
            own.push_str(&query);
            let session = self.session.at(elsewhere);
            sessions::keep(&self.services, &sessions::keyed(&self.api, &query), session);
        }
        if let Some(key) = &self.key {
            own.push(if query.is_empty() { '?' } else { '&' });
            own.push_str(key);
        }
        Ok(Bytes::from(event.with_data(&own)))
    }

    /// Path and query of a reference to the upstream itself.
    fn read(&self, reference: &str) -> Option<(String, String)> {
        let reference = reference.split('#').next().unwrap_or(reference);
        let local = match reference.split_once("://") {
            Some((scheme, rest)) if !scheme.contains(['/', '?']) => {
                let (authority, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
                if !authority.eq_ignore_ascii_case(&self.authority) {
                    return None;
                }
                path
            }
            _ if reference.starts_with("//") => return None,
            _ => reference,
        };
        let (path, query) = local.split_once('?').unwrap_or((local, ""));
        let path = match path {
            "" => self.stream.clone(),
            path if path.starts_with('/') => path.to_owned(),
            path => {
                let folder = self.stream.rfind('/').map_or("", |at| &self.stream[..at]);
                format!("{folder}/{path}")
            }
        };
        let plain = |text: &str| text.bytes().all(|b| b.is_ascii_graphic());
        let steps_up = path.split('/').any(|s| s == "." || s == "..");
        (plain(&path) && plain(query) && !steps_up && !reference.is_empty())
            .then(|| (path, query.to_owned()))
    }
}
