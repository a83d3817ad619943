//! Redirects that `forward-request` follows.

use crate::body::Body;
use crate::failure::Failure;
use crate::snapshot::BaseUrl;
use http::uri::PathAndQuery;
use http::{Uri, header};

pub(super) fn redirect(response: &http::Response<Body>, left: u32) -> Option<String> {
    if left == 0 || !matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
        return None;
    }
    response
        .headers()
        .get(header::LOCATION)?
        .to_str()
        .ok()
        .map(str::to_owned)
}

/// The URL that a `Location` means (RFC 3986, section 4.2), its fragment left out.
pub(crate) fn resolve(
    from: &BaseUrl,
    path: &PathAndQuery,
    location: &str,
) -> Result<(BaseUrl, PathAndQuery), Box<Failure>> {
    let bad = |why: String| {
        Failure::internal(
            "",
            "BackendConnectionFailure",
            format!("The backend redirected to `{location}`: {why}."),
        )
    };
    let location = location.split('#').next().unwrap_or(location);
    let (scheme, authority) = match &from.origin.tls {
        Some(_) => ("https", &from.origin.authority),
        None => ("http", &from.origin.authority),
    };
    let has_scheme = location
        .split_once(':')
        .is_some_and(|(scheme, _)| !scheme.contains(['/', '?']));
    let absolute = if has_scheme {
        location.to_owned()
    } else if location.starts_with("//") {
        format!("{scheme}:{location}")
    } else if location.starts_with('/') {
        format!("{scheme}://{authority}{location}")
    } else {
        let here = path.path();
        let folder = match location.chars().next() {
            None | Some('?') => here,
            _ => &here[..here.rfind('/').map_or(0, |at| at + 1)],
        };
        format!("{scheme}://{authority}{folder}{location}")
    };
    let mut base = BaseUrl::parse(&absolute, from.origin.tls.as_deref()).map_err(bad)?;
    base.origin = base.origin.with(from.origin.connect.clone());
    if base.origin != from.origin {
        // Another host has not earned the exceptions that the backend's settings make, nor the gateway's certificate.
        base = BaseUrl::parse(&absolute, None).map_err(bad)?;
        base.origin = base.origin.with(from.origin.proxy_alone());
    }
    let uri: Uri = absolute
        .parse()
        .map_err(|e: http::uri::InvalidUri| bad(e.to_string()))?;
    let path = uri
        .path_and_query()
        .cloned()
        .unwrap_or_else(|| PathAndQuery::from_static("/"));
    Ok((base, path))
}
