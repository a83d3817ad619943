//! Access records: what is in them, and what never is.

use crate::support::*;
use std::io::Write;
use std::sync::{Arc, Mutex};
use tracing_subscriber::fmt::MakeWriter;

/// Lines of the whole test binary; each test looks for its own.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Lines;

    fn make_writer(&'a self) -> Lines {
        self.clone()
    }
}

#[tokio::test]
async fn a_record_for_each_request_and_no_secret_in_any() {
    let lines = Lines::default();
    tracing_subscriber::fmt()
        .json()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(lines.clone())
        .init();
    let backend = Backend::echo().await;
    let running = before(&backend);
    let mut wire = running.connect().await;
    let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let answer = wire
        .call(&format!(
            "POST /api/logged?subscription-key=query-canary&a=1 HTTP/1.1\r\nhost: gateway\r\nocp-apim-subscription-key: {KEY}\r\nauthorization: Bearer header-canary\r\ntraceparent: {parent}\r\ncontent-length: 11\r\n\r\nbody-canary"
        ))
        .await;
    assert_eq!(status(&answer), 200);
    let id = header(&answer, "tollgate-request-id").unwrap();
    let mut found = serde_json::Value::Null;
    until(|| {
        let bytes = lines.0.lock().unwrap().clone();
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let line = text
            .lines()
            .find(|l| l.contains("tollgate::access") && l.contains(id));
        found = line.map_or(serde_json::Value::Null, |l| {
            serde_json::from_str(l).unwrap()
        });
        !found.is_null()
    })
    .await;
    let fields = &found["fields"];
    for (name, expected) in [
        ("request_id", id),
        ("trace_id", &parent[3..35]),
        ("method", "POST"),
        ("path", "/api/logged"),
        ("api", "api"),
        ("operation", "any"),
        ("subscription", "team"),
        ("outcome", "answered"),
        ("client_ip", "127.0.0.1"),
    ] {
        assert_eq!(fields[name], expected, "{name} in {found}");
    }
    assert_eq!(fields["status"], 200);
    assert_eq!(fields["attempts"], 1);
    assert_eq!(fields["received_bytes"], 11);
    let text = String::from_utf8_lossy(&lines.0.lock().unwrap()).into_owned();
    let ours: Vec<&str> = text.lines().filter(|l| l.contains("\"tollgate")).collect();
    for secret in [KEY, "query-canary", "header-canary", "body-canary"] {
        assert!(!ours.iter().any(|l| l.contains(secret)), "{secret}");
    }
}
