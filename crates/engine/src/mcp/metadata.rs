//! Where callers get tokens: protected-resource metadata (RFC 9728), and the challenge that leads to it.
//!
//! What must stay true: what is published is built from the configured URL; a `Host` that anyone may write is believed
//! only where it was checked ([`super::access`]); a policy that answers 401 needs to know nothing of this.

use super::access::{is_known, is_loopback};
use super::{Endpoint, Mcp};
use crate::exchange::{BodyState, Exchange, Response};
use crate::snapshot::{Api, Snapshot};
use crate::step::Flow;
use bytes::Bytes;
use http::{HeaderValue, Method, StatusCode, header};
use serde::Serialize;

/// The path under which metadata stands, at the root and below an API.
const WELL_KNOWN: &str = "/.well-known/oauth-protected-resource";

/// The document.
#[derive(Serialize)]
struct Document<'a> {
    resource: String,
    authorization_servers: &'a [std::sync::Arc<str>],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    scopes_supported: &'a [std::sync::Arc<str>],
    bearer_methods_supported: [&'static str; 1],
    #[serde(skip_serializing_if = "Option::is_none")]
    resource_name: Option<&'a str>,
}

/// Answers a request for metadata by its path at the root, whatever API the path would belong to. `None`: it is none.
pub(crate) fn at_root(rq: &mut Exchange, snapshot: &Snapshot) -> Option<Flow> {
    let path = rq.request.path_and_query.path();
    let rest = path.strip_prefix(WELL_KNOWN)?;
    if !snapshot.publishes_metadata {
        return None;
    }
    let outer = snapshot.gateway.public_url.as_deref().map_or("", path_of);
    // The path form inserts the public path, which what stands before the gateway may have taken off.
    let wanted = rest.strip_prefix(outer).unwrap_or(rest);
    let wanted = wanted.strip_suffix('/').unwrap_or(wanted);
    let mut published = (0u32..).zip(&snapshot.apis).filter(|(_, api)| {
        api.is_current && authorization(api).is_some() && api.serves(rq.request.scheme)
    });
    let found = if wanted.is_empty() {
        // The root form cannot say of which server it is.
        let first = published.next();
        first.filter(|_| published.next().is_none())
    } else {
        published.find(|(_, api)| resource_path(api).eq_ignore_ascii_case(wanted))
    };
    let (index, _) = found?;
    rq.api = Some(index);
    answer(rq)
}

/// The same below the API: `/{api}/.well-known/oauth-protected-resource`, with or without `/mcp` behind.
pub(crate) fn below_api(rq: &mut Exchange) -> Option<Flow> {
    answer(rq)
}

/// Whether the request is for the metadata below its API.
pub(crate) fn is_below(rq: &Exchange) -> bool {
    let path = rq.request.path_and_query.path();
    rq.api()
        .is_some_and(|api| has_metadata_at(api, &path[rq.request.api_path_len..]))
}

/// Whether a path below an API is that of its metadata.
pub(crate) fn has_metadata_at(api: &Api, rest: &str) -> bool {
    authorization(api).is_some()
        && rest
            .strip_prefix(WELL_KNOWN)
            .is_some_and(|rest| matches!(rest, "" | "/" | "/mcp"))
}

fn answer(rq: &mut Exchange) -> Option<Flow> {
    let base = base(rq)?;
    let api = rq.api()?;
    let settings = authorization(api)?;
    let document = Document {
        resource: format!("{base}{}", resource_path(api)),
        authorization_servers: &settings.authorization_servers,
        scopes_supported: &settings.scopes_supported,
        bearer_methods_supported: ["header"],
        resource_name: settings.resource_name.as_deref(),
    };
    let body = serde_json::to_vec(&document).ok()?;
    let mut response = Response::new(StatusCode::OK);
    let headers = &mut response.headers;
    let mut set = |name, value| headers.insert(name, HeaderValue::from_static(value));
    // Pages of any origin may read it: it is public, and browsers' clients begin here.
    set(header::ACCESS_CONTROL_ALLOW_ORIGIN, "*");
    match rq.request.method {
        Method::GET | Method::HEAD => {
            set(header::CONTENT_TYPE, "application/json");
            set(header::CACHE_CONTROL, "public, max-age=300");
            response.body = BodyState::Buffered(Bytes::from(body));
        }
        Method::OPTIONS => {
            set(header::ACCESS_CONTROL_ALLOW_METHODS, "GET, HEAD, OPTIONS");
            set(header::ACCESS_CONTROL_ALLOW_HEADERS, "*");
            response.status = StatusCode::NO_CONTENT;
        }
        _ => {
            set(header::ALLOW, "GET, HEAD, OPTIONS");
            response.status = StatusCode::METHOD_NOT_ALLOWED;
        }
    }
    rq.response = Some(response);
    Some(Flow::Return)
}

/// Leads the caller of a 401 to the metadata, whichever stage or policy refused. A challenge that names metadata itself
/// stays alone.
pub(crate) fn challenge(rq: &mut Exchange) {
    let refused = rq
        .response
        .as_ref()
        .is_some_and(|r| r.status == StatusCode::UNAUTHORIZED);
    if !refused
        || rq
            .mcp
            .as_deref()
            .is_none_or(|c| c.endpoint == Endpoint::Operation)
    {
        return;
    }
    let Some(value) = challenge_of(rq) else {
        return;
    };
    let Some(response) = &mut rq.response else {
        return;
    };
    let there: Vec<HeaderValue> = response
        .headers
        .get_all(header::WWW_AUTHENTICATE)
        .iter()
        .cloned()
        .collect();
    let names = |value: &HeaderValue| {
        let value = String::from_utf8_lossy(value.as_bytes()).to_ascii_lowercase();
        value.contains("resource_metadata")
    };
    if there.iter().any(names) {
        return;
    }
    // Clients read the first.
    response.headers.insert(header::WWW_AUTHENTICATE, value);
    for other in there {
        response.headers.append(header::WWW_AUTHENTICATE, other);
    }
}

fn challenge_of(rq: &Exchange) -> Option<HeaderValue> {
    let base = base(rq)?;
    let api = rq.api()?;
    let settings = authorization(api)?;
    let (origin, outer) = base.split_at(base.len() - path_of(&base).len());
    let mut text = String::from("Bearer ");
    let sent_token = rq
        .mcp
        .as_deref()
        .and_then(|call| call.authorization.as_ref())
        .and_then(|v| v.as_bytes().get(..7))
        .is_some_and(|scheme| scheme.eq_ignore_ascii_case(b"bearer "));
    if sent_token {
        text.push_str(r#"error="invalid_token", "#);
    }
    text.push_str("resource_metadata=\"");
    text.push_str(origin);
    text.push_str(WELL_KNOWN);
    text.push_str(outer);
    text.push_str(&resource_path(api));
    text.push('"');
    if !settings.scopes_supported.is_empty() {
        text.push_str(", scope=\"");
        text.push_str(&settings.scopes_supported.join(" "));
        text.push('"');
    }
    HeaderValue::try_from(text).ok()
}

fn authorization(api: &Api) -> Option<&crate::definition::McpAuthorization> {
    api.mcp
        .as_deref()
        .and_then(|mcp: &Mcp| mcp.authorization.as_ref())
        .filter(|a| !a.authorization_servers.is_empty())
}

/// The path of an API's endpoint on the gateway.
fn resource_path(api: &Api) -> String {
    let mut path = String::new();
    if !api.path.is_empty() {
        path.push('/');
        path.push_str(&api.path);
    }
    if let Some(version) = &api.version
        && version.scheme == crate::definition::VersioningScheme::Segment
        && let Some(version) = &version.version
    {
        path.push('/');
        path.push_str(version);
    }
    let endpoint = match &api.mcp.as_deref().map(|m| &m.source) {
        Some(super::Source::PassThrough(crate::definition::McpEndpoints::Sse { sse, .. })) => sse,
        _ => "/mcp",
    };
    // An API whose path names the endpoint already is called there.
    if !path.ends_with(endpoint) {
        path.push_str(endpoint);
    }
    path
}

/// The gateway's own URL: the configured one, else what the caller wrote where that was checked.
fn base(rq: &Exchange) -> Option<String> {
    if let Some(url) = &rq.snapshot.gateway.public_url {
        return Some(String::from(&**url));
    }
    let host = &*rq.request.authority;
    let checked = (rq.request.on_loopback && is_loopback(host)) || is_known(rq, host);
    checked.then(|| format!("{}://{}", rq.request.scheme, host.to_ascii_lowercase()))
}

/// The path of a URL without a query.
fn path_of(url: &str) -> &str {
    url.find("://")
        .and_then(|at| url[at + 3..].find('/').map(|n| &url[at + 3 + n..]))
        .unwrap_or("")
}
