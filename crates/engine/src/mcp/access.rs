//! Which web pages may call an MCP server, and under which name a loopback listener answers.
//!
//! Both stop DNS rebinding: a page of a stranger that reaches the gateway as if it were its own host. Callers that are
//! no browsers send no `Origin`. Source: MCP, "security warning" of Streamable HTTP.

use crate::exchange::Exchange;
use crate::failure::Failure;
use http::{StatusCode, header};
use std::net::IpAddr;

/// Refuses a strange `Host` (421, on loopback) and a strange `Origin` (403).
pub(super) fn check(rq: &Exchange) -> Result<(), Box<Failure>> {
    let host = &*rq.request.authority;
    let gateway = &rq.snapshot.gateway;
    let public = gateway.public_url.as_deref().and_then(authority_of);
    let listed = || is_known(rq, host);
    if rq.request.on_loopback && !is_loopback(host) && !listed() {
        return Err(Failure::refused(
            "mcp",
            "HostNotAllowed",
            StatusCode::MISDIRECTED_REQUEST,
            format!(
                "The host `{host}` is not served here: name it in gateway.allowedHosts or gateway.publicUrl."
            ),
        )
        .public("Misdirected Request"));
    }
    let Some(origin) = rq.request.headers.get(header::ORIGIN) else {
        return Ok(());
    };
    let origin = origin.to_str().unwrap_or("").trim();
    let allowed = rq
        .api()
        .and_then(|api| api.mcp.as_ref())
        .is_some_and(|mcp| {
            mcp.allowed_origins
                .iter()
                .any(|o| &**o == "*" || o.eq_ignore_ascii_case(origin))
        });
    // The gateway's own pages. Where its names are known, only those: else a name that a stranger points here would be
    // its own too.
    let known = public.is_some() || !gateway.allowed_hosts.is_empty();
    let same = authority_of(origin).is_some_and(|authority| {
        authority.eq_ignore_ascii_case(host) && (!known || is_loopback(host) || listed())
            || public.is_some_and(|public| public.eq_ignore_ascii_case(authority))
    });
    if allowed || same {
        return Ok(());
    }
    Err(Failure::refused(
        "mcp",
        "OriginNotAllowed",
        StatusCode::FORBIDDEN,
        format!("The origin `{origin}` is not allowed: name it in the API's mcp.allowedOrigins."),
    )
    .public("Forbidden"))
}

/// Whether the configuration names a host as the gateway's.
pub(super) fn is_known(rq: &Exchange, host: &str) -> bool {
    let gateway = &rq.snapshot.gateway;
    let public = gateway.public_url.as_deref().and_then(authority_of);
    public.is_some_and(|public| public.eq_ignore_ascii_case(host))
        || gateway.allowed_hosts.iter().any(|h| is_host(h, host))
}

/// `host[:port]` of a URL or origin.
fn authority_of(url: &str) -> Option<&str> {
    let rest = url.split_once("://")?.1;
    Some(&rest[..rest.find('/').unwrap_or(rest.len())])
}

/// Whether an authority is what was configured: `name` at any port, or `name:port`.
fn is_host(configured: &str, authority: &str) -> bool {
    configured.eq_ignore_ascii_case(authority)
        || configured.eq_ignore_ascii_case(without_port(authority))
}

fn without_port(authority: &str) -> &str {
    match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|b| b.is_ascii_digit()) => host,
        _ => authority,
    }
}

/// Whether an authority is a loopback address or `localhost`.
pub(super) fn is_loopback(authority: &str) -> bool {
    let host = without_port(authority);
    let host = host
        .strip_prefix('[')
        .and_then(|h| h.strip_suffix(']'))
        .unwrap_or(host);
    let named = host.eq_ignore_ascii_case("localhost")
        || host
            .len()
            .checked_sub(".localhost".len())
            .is_some_and(|at| {
                host.is_char_boundary(at) && host[at..].eq_ignore_ascii_case(".localhost")
            });
    named || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_names_are_told_from_those_that_look_alike() {
        for host in [
            "localhost",
            "LOCALHOST:8080",
            "127.0.0.1:1",
            "127.9.9.9",
            "[::1]:80",
            "[::1]",
            "a.localhost",
        ] {
            assert!(is_loopback(host), "{host}");
        }
        for host in [
            "",
            "localhost.evil.com",
            "127.0.0.1.evil.com",
            "evil.com:80",
            "1.2.3.4",
            "[::2]",
            "xlocalhost",
        ] {
            assert!(!is_loopback(host), "{host}");
        }
        assert!(is_host("gw.local", "GW.local:8080") && is_host("gw.local:1", "gw.local:1"));
        assert!(!is_host("gw.local:1", "gw.local:2") && !is_host("gw.local:1", "gw.local"));
        assert_eq!(authority_of("https://a.b:1/c"), Some("a.b:1"));
        assert_eq!(authority_of("null"), None);
    }
}
