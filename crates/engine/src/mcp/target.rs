//! Where a message goes: the backend's URL and the endpoint's path, whichever of both names it.

use super::{Endpoint, Source};
use crate::definition::McpEndpoints;
use crate::exchange::Exchange;
use crate::snapshot::BaseUrl;

/// Base path and path of an endpoint's upstream, unless a policy wrote a path of its own. `None`: an ordinary request.
pub(crate) fn target<'a>(rq: &'a Exchange, url: &'a BaseUrl) -> Option<(&'a str, &'a str)> {
    let call = rq.mcp.as_deref()?;
    if rq.request.target.path.is_some() {
        return None;
    }
    let Source::PassThrough(endpoints) = &rq.api()?.mcp.as_ref()?.source else {
        return None;
    };
    if let Some(path) = &call.bound_path {
        return Some(("", path));
    }
    let base = &*url.path;
    Some(match (endpoints, call.endpoint) {
        (_, Endpoint::Operation) => return None,
        (McpEndpoints::Streamable { message }, _) => (without(base, message), message),
        (McpEndpoints::Sse { sse, .. }, Endpoint::Sse) => (without(base, sse), sse),
        (McpEndpoints::Sse { sse, message }, _) => (without(without(base, message), sse), message),
    })
}

/// A backend's URL may end in the endpoint already.
pub(super) fn without<'a>(base: &'a str, endpoint: &str) -> &'a str {
    base.strip_suffix(endpoint).unwrap_or(base)
}
