//! `forward-request continue-timeout`: bodies that wait for `100 Continue`.

use crate::support::*;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

const POST: &str = "POST /open/x HTTP/1.1\r\nhost: gateway\r\ncontent-length: 5\r\n\r\nhello";

fn asking(backend: &Backend, attributes: &str) -> Running {
    let policy = backend_section(&format!("<forward-request {attributes} />"));
    start(definition(&backend.url(), Some(&policy)), |_| ())
}

#[tokio::test]
async fn a_body_goes_out_when_the_backend_wants_it() {
    let backend = Backend::serve(|mut wire| async move {
        while let Some(head) = wire.until("\r\n\r\n").await {
            assert_eq!(header(&head, "content-length"), Some("5"), "{head}");
            if header(&head, "expect") == Some("100-continue") {
                wire.send("HTTP/1.1 100 Continue\r\n\r\n").await;
            }
            assert_eq!(wire.exactly(5).await.as_deref(), Some("hello"));
            wire.send("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")
                .await;
        }
    })
    .await;
    for attributes in [
        "continue-timeout=\"30\"",
        "continue-timeout=\"@(30)\" buffer-request-body=\"true\"",
    ] {
        let running = asking(&backend, attributes);
        let mut wire = running.connect().await;
        for _ in 0..2 {
            let answer = wire.call(POST).await;
            assert_eq!(
                (status(&answer), body(&answer)),
                (200, "ok"),
                "{attributes}"
            );
        }
    }
}

#[tokio::test]
async fn a_backend_that_says_nothing_is_a_timeout_and_gets_no_body() {
    let got = Arc::new(AtomicUsize::new(0));
    let seen = got.clone();
    let backend = Backend::serve(move |mut wire| {
        let seen = seen.clone();
        async move {
            wire.until("\r\n\r\n").await;
            seen.fetch_add(1 + wire.rest().await.len(), Ordering::Relaxed);
        }
    })
    .await;
    let running = asking(&backend, "timeout=\"60\" continue-timeout=\"1\"");
    let mut wire = running.connect().await;
    let code = status(&wire.call(POST).await);
    assert!(code >= 500, "{code}");
    until(|| got.load(Ordering::Relaxed) > 0).await;
    assert_eq!(got.load(Ordering::Relaxed), 1, "bytes behind the head");
}

#[tokio::test]
async fn a_backend_may_answer_without_the_body() {
    let backend = Backend::serve(|mut wire| async move {
        wire.until("\r\n\r\n").await;
        wire.send("HTTP/1.1 401 Unauthorized\r\ncontent-length: 4\r\n\r\nwho?")
            .await;
        wire.rest().await;
    })
    .await;
    let running = asking(&backend, "continue-timeout=\"30\"");
    let mut wire = running.connect().await;
    let answer = wire.call(POST).await;
    assert_eq!((status(&answer), body(&answer)), (401, "who?"));
}

#[tokio::test]
async fn without_a_body_nothing_is_asked() {
    let backend = Backend::serve(|mut wire| async move {
        while let Some(request) = wire.message().await {
            assert_eq!(header(&request, "expect"), None, "{request}");
            wire.send("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
                .await;
        }
    })
    .await;
    let running = asking(&backend, "continue-timeout=\"30\"");
    let mut wire = running.connect().await;
    assert_eq!(status(&wire.get("/open/x").await), 200);
}
