//! Outgoing URLs and heads.

use super::headers::text_of;
use super::target::strip_key;
use super::*;
use crate::snapshot::BaseUrl;
use http::{HeaderMap, HeaderName};

#[test]
fn base_path_and_queries_are_joined() {
    let joined =
        |base, path, queries: &[Option<&str>]| join(base, path, queries).unwrap().to_string();
    assert_eq!(joined("", "", &[]), "/");
    assert_eq!(
        joined(
            "/openai",
            "/deployments/x",
            &[None, Some("a=1"), Some("code=2")]
        ),
        "/openai/deployments/x?a=1&code=2"
    );
    assert_eq!(joined("/base", "x", &[Some("")]), "/base/x");
}

#[test]
fn the_key_leaves_the_query_and_nothing_else_does() {
    assert_eq!(
        strip_key("a=1&Subscription-Key=s&b=2", "subscription-key"),
        "a=1&b=2"
    );
    assert_eq!(
        strip_key("subscription-keys=1", "subscription-key"),
        "subscription-keys=1"
    );
    assert_eq!(
        strip_key(
            "a=%20&%73ubscription%2Dkey=s&x-subscription-key=1",
            "subscription-key"
        ),
        "a=%20&x-subscription-key=1"
    );
}

#[test]
fn redirects_resolve_against_the_backend() {
    let from = BaseUrl::parse("https://host:8443/base", None).unwrap();
    let here = PathAndQuery::from_static("/base/a/b?q=1");
    let (to, path) = resolve(&from, &here, "/elsewhere?x=1").unwrap();
    assert_eq!(
        (
            &*to.origin.authority,
            path.as_str(),
            to.origin.tls.is_some()
        ),
        ("host:8443", "/elsewhere?x=1", true)
    );
    let (to, path) = resolve(&from, &here, "http://other/").unwrap();
    assert_eq!(
        (&*to.origin.host, to.origin.port, path.as_str()),
        ("other", 80, "/")
    );
    for (location, host, expected) in [
        ("/in?next=http://x/y", "host", "/in?next=http://x/y"),
        ("c?x", "host", "/base/a/c?x"),
        ("?x", "host", "/base/a/b?x"),
        ("//other:1/x#part", "other", "/x"),
        ("c/d:e", "host", "/base/a/c/d:e"),
    ] {
        let (to, path) = resolve(&from, &here, location).unwrap();
        assert_eq!(
            (&*to.origin.host, path.as_str()),
            (host, expected),
            "{location}"
        );
        assert!(to.origin.tls.is_some());
    }
    assert!(resolve(&from, &here, "javascript:x").is_err());
}

#[test]
fn what_belongs_to_a_connection_stops_here() {
    let mut headers = HeaderMap::new();
    for (name, value) in [
        ("connection", "close, X-Mine"),
        ("connection", "upgrade,,x-second"),
        ("x-mine", "1"),
        ("x-second", "1"),
        ("te", "trailers"),
        ("transfer-encoding", "chunked"),
        ("transfer-encoding", "gzip"),
        ("keep-alive", "timeout=5"),
        ("proxy-connection", "keep-alive"),
        ("proxy-authorization", "Basic x"),
        ("upgrade", "h2c"),
        ("accept", "*/*"),
        ("x-other", "2"),
    ] {
        headers.append(name, HeaderValue::from_static(value));
    }
    hop_by_hop(&mut headers);
    let mut left: Vec<&str> = headers.keys().map(HeaderName::as_str).collect();
    left.sort_unstable();
    assert_eq!(left, ["accept", "x-other"]);
}

#[test]
fn addresses_read_as_the_standard_library_writes_them() {
    for ip in ["0.0.0.0", "1.20.255.100", "109.9.10.99", "2001:db8::1"] {
        let address: std::net::IpAddr = ip.parse().unwrap();
        assert_eq!(text_of(address), address.to_string().into_bytes());
    }
}
