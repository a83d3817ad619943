//! Networks, and whose word on addresses is taken.

use super::*;
use http::HeaderValue;

fn check(peer: &str, forwarded: &[&'static str], expected: &str) {
    let trusted: Vec<Network> = ["10.0.0.0/8", "::1", "192.168.1.1"]
        .iter()
        .map(|n| n.parse().unwrap())
        .collect();
    let mut headers = HeaderMap::new();
    for value in forwarded {
        headers.append(X_FORWARDED_FOR.clone(), HeaderValue::from_static(value));
    }
    assert_eq!(
        client_ip(peer.parse().unwrap(), &headers, &trusted),
        expected.parse::<IpAddr>().unwrap(),
        "{peer} {forwarded:?}"
    );
}

#[test]
fn only_trusted_proxies_are_believed() {
    check("1.2.3.4", &["9.9.9.9"], "1.2.3.4");
    check("10.1.1.1", &["9.9.9.9"], "9.9.9.9");
    check("10.1.1.1", &["6.6.6.6, 9.9.9.9, 10.2.2.2"], "9.9.9.9");
    check("10.1.1.1", &["6.6.6.6", "9.9.9.9:4711"], "9.9.9.9");
    check("10.1.1.1", &["nonsense"], "10.1.1.1");
    check("10.1.1.1", &["nonsense, 10.3.3.3"], "10.3.3.3");
    check("::1", &["[2001:db8::1]"], "2001:db8::1");
    check("10.1.1.1", &[], "10.1.1.1");
}

#[test]
fn networks_are_checked_when_read() {
    for bad in ["10.0.0.0/33", "a", "::/129", "10.0.0.0/-1"] {
        assert!(bad.parse::<Network>().is_err(), "{bad}");
    }
    let all: Network = "0.0.0.0/0".parse().unwrap();
    assert!(all.contains("255.1.2.3".parse().unwrap()));
    assert!(!all.contains("::2".parse().unwrap()));
    assert!(all.contains("::ffff:1.2.3.4".parse().unwrap()));
}
