//! Entry point for fuzzing: any bytes go in, and what must hold for every input is asserted.
//!
//! `fuzz/` calls it with coverage guidance, the property tests at the end with random data.

#[cfg(test)]
mod tests;

use crate::forwarded::{Network, client_ip};
use crate::random::Random;
use crate::request::has_dot_segment;
use crate::trace_context::{continue_trace, trace_id};
use http::{HeaderMap, HeaderName, HeaderValue, header};
use std::net::{IpAddr, Ipv4Addr};
use tollgate_engine::upstream::forget_named_by_connection;

/// Reads the head of a request: the first line is the path, each further one a header.
///
/// # Panics
/// When no valid trace goes on, when a header that `Connection` names is left, when an address is believed that no
/// trusted proxy has told, or when a path has a dot segment that was not found.
pub fn head(data: &[u8]) {
    let mut lines = data.split(|byte| *byte == b'\n');
    let path = String::from_utf8_lossy(lines.next().unwrap_or_default());
    let decoded = percent_encoding::percent_decode_str(&path).decode_utf8_lossy();
    let dots = |text: &str| text.split(['/', '\\']).any(|s| s == "." || s == "..");
    assert_eq!(has_dot_segment(&path), dots(&decoded), "{path}");

    let mut headers = HeaderMap::new();
    for line in lines {
        let colon = line.iter().position(|byte| *byte == b':');
        let Some((name, value)) = colon.map(|at| (&line[..at], &line[at + 1..])) else {
            continue;
        };
        if let (Ok(name), Ok(value)) = (
            HeaderName::from_bytes(name.trim_ascii()),
            HeaderValue::from_bytes(value.trim_ascii()),
        ) {
            headers.append(name, value);
        }
    }
    let peer = IpAddr::from(Ipv4Addr::LOCALHOST);
    let trusted: Vec<Network> = ["127.0.0.0/8", "::/1", "0.0.0.0/0"]
        .iter()
        .filter_map(|text| text.parse().ok())
        .collect();
    assert_eq!(client_ip(peer, &headers, &[]), peer);
    assert_eq!(client_ip(peer, &headers, &trusted[1..2]), peer);
    client_ip(peer, &headers, &trusted);
    forget_named_by_connection(&mut headers);
    for value in headers.get_all(header::CONNECTION) {
        for name in value.to_str().unwrap_or_default().split(',') {
            let name = name.trim().to_ascii_lowercase();
            assert!(
                ["", "close", "keep-alive", "upgrade", "connection"].contains(&&*name)
                    || !headers.contains_key(&name),
                "{name}"
            );
        }
    }
    continue_trace(&mut headers, &Random::seeded());
    assert!(trace_id(&headers).is_some());
}
