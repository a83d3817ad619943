//! Callers and backends that mean harm: framing tricks, paths out of bounds, headers that reach too far, leaked secrets.

use crate::support::*;
use std::time::Duration;
use tokio::io::AsyncWriteExt;

/// A backend that always answers with the same bytes.
async fn answering(answer: &'static str) -> Backend {
    Backend::serve(move |mut wire| async move {
        while wire.message().await.is_some() {
            wire.send(answer).await;
        }
    })
    .await
}

fn policy(inbound: &str) -> String {
    format!(
        "<policies><inbound><base />{inbound}</inbound><backend><base /></backend><outbound><base /></outbound><on-error><base /></on-error></policies>"
    )
}

async fn refused(request: &str, expected: u16) {
    let backend = Backend::echo().await;
    let running = before(&backend);
    let mut wire = running.connect().await;
    let answer = wire.call(request).await;
    assert_eq!(status(&answer), expected, "{request:?}: {answer}");
    assert_eq!(backend.accepted(), 0, "{request:?}");
    assert_eq!(running.metric("tollgate_requests_in_flight"), 0);
}

#[tokio::test]
async fn framing_that_two_readers_could_read_differently() {
    for headers in [
        "transfer-encoding: chunked, identity",
        "transfer-encoding: xchunked",
        "transfer-encoding : chunked",
        "content-length: 5, 6",
        "content-length: +5",
        "content-length: -1",
        "content-length: 5\r\n folded: x",
        "x-folded: a\r\n transfer-encoding: chunked",
        "x\0y: a",
        "x-y: a\0b",
        "x-y: a\rb",
    ] {
        refused(
            &format!("POST /open/x HTTP/1.1\r\nhost: a\r\n{headers}\r\n\r\n0\r\n\r\nGET /open/smuggled HTTP/1.1\r\nhost: a\r\n\r\n"),
            400,
        )
        .await;
    }
    refused(
        "POST /open/x HTTP/1.0\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        400,
    )
    .await;
}

#[tokio::test]
async fn both_framings_count_as_chunks_and_close() {
    let backend = Backend::echo().await;
    let running = before(&backend);
    for headers in [
        "content-length: 5\r\ntransfer-encoding: chunked",
        "transfer-encoding: chunked\r\ncontent-length: 5",
    ] {
        let mut wire = running.connect().await;
        wire.send(&format!("POST /open/x HTTP/1.1\r\nhost: a\r\n{headers}\r\n\r\n0\r\n\r\nGET /open/smuggled HTTP/1.1\r\nhost: a\r\n\r\n"))
            .await;
        let all = wire.rest().await;
        assert_eq!(all.matches("HTTP/1.1 200").count(), 1, "{all}");
        assert!(!all.contains("smuggled"), "{all}");
        assert_eq!(header(&all, "connection"), Some("close"), "{all}");
        assert_eq!(header(body(&all), "content-length"), None, "{all}");
    }
}

#[tokio::test]
async fn paths_out_of_bounds() {
    for path in [
        "/open/../api/x",
        "/open/x/..",
        "/open/./x",
        "/open/%2e%2e/x",
        "/open/.%2E/x",
        "/open/x/%2E",
        "/open/a%2f..%2fb",
        "/open/a%2F%2e%2e",
        "/open/a\\..\\b",
        "/open/a%5c..%5Cb",
        "/../open/x",
    ] {
        refused(&format!("GET {path} HTTP/1.1\r\nhost: a\r\n\r\n"), 400).await;
    }
    let backend = Backend::echo().await;
    let running = before(&backend);
    for path in [
        "/a..b/.well-known/...",
        "/gpt-4.1/x.json",
        "/a%2Fb//c",
        "/x?to=../y",
        "/%252e%252e/x",
    ] {
        let answer = running
            .connect()
            .await
            .call(&format!("GET /open{path} HTTP/1.1\r\nhost: a\r\n\r\n"))
            .await;
        assert_eq!(status(&answer), 200, "{path}");
        assert!(
            body(&answer).starts_with(&format!("GET {path} HTTP/1.1\r\n")),
            "{answer}"
        );
    }
}

#[tokio::test]
async fn connection_names_only_the_callers_own_headers() {
    let backend = Backend::echo().await;
    let policy = policy(r#"<set-header name="x-team"><value>seven</value></set-header>"#);
    let running = start(definition(&backend.url(), Some(&policy)), |_| {});
    let answer = running
        .connect()
        .await
        .call("GET /open/x HTTP/1.1\r\nhost: a\r\nconnection: x-team, x-mine\r\nconnection: keep-alive, x-other\r\nx-mine: 1\r\nx-other: 1\r\nx-team: 8\r\n\r\n")
        .await;
    assert_eq!(header(body(&answer), "x-team"), Some("seven"), "{answer}");
    for gone in ["x-mine", "x-other", "connection"] {
        assert_eq!(header(body(&answer), gone), None, "{answer}");
    }
    let backend = answering("HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: x-a\r\nconnection: x-b\r\nx-a: 1\r\nx-b: 1\r\nx-c: 1\r\n\r\n").await;
    let answer = before(&backend).connect().await.get("/api/x").await;
    assert_eq!(header(&answer, "x-c"), Some("1"), "{answer}");
    for gone in ["x-a", "x-b", "connection"] {
        assert_eq!(header(&answer, gone), None, "{answer}");
    }
}

#[tokio::test]
async fn only_websocket_is_an_upgrade() {
    let backend = Backend::echo().await;
    let running = before(&backend);
    for upgrade in ["h2c", "TLS/1.0", "websocket, h2c"] {
        let answer = running
            .connect()
            .await
            .call(&format!("GET /open/x HTTP/1.1\r\nhost: a\r\nconnection: Upgrade, HTTP2-Settings\r\nhttp2-settings: AAMAAABkAARAAAAAAAIAAAAA\r\nupgrade: {upgrade}\r\n\r\n"))
            .await;
        assert_eq!(status(&answer), 200, "{answer}");
        for gone in ["upgrade", "connection", "http2-settings"] {
            assert_eq!(header(body(&answer), gone), None, "{answer}");
        }
    }
}

#[tokio::test]
async fn a_switch_to_another_protocol_opens_no_tunnel() {
    let backend = answering(
        "HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: h2c\r\n\r\nPRI",
    )
    .await;
    let running = before(&backend);
    let answer = running
        .connect()
        .await
        .call("GET /open/x HTTP/1.1\r\nhost: a\r\nconnection: Upgrade\r\nupgrade: h2c\r\n\r\n")
        .await;
    assert_eq!(status(&answer), 500, "{answer}");
    until(|| backend.open() == 0).await;
    until(|| running.metric("tollgate_requests_in_flight") == 0).await;
}

#[tokio::test]
async fn the_key_stays_here_however_it_is_written() {
    let backend = Backend::echo().await;
    let running = before(&backend);
    for query in [
        format!("subscription-key={KEY}"),
        format!("%73ubscription-key={KEY}&a=1"),
        format!("a=1&SUBSCRIPTION%2DKEY={KEY}"),
    ] {
        let answer = running
            .connect()
            .await
            .call(&format!("GET /api/x?{query} HTTP/1.1\r\nhost: a\r\n\r\n"))
            .await;
        assert_eq!(status(&answer), 200, "{query}");
        assert!(!answer.contains(KEY), "{answer}");
    }
}

#[tokio::test]
async fn every_forwarded_for_is_kept() {
    let backend = Backend::echo().await;
    let running = before(&backend);
    let answer = running
        .connect()
        .await
        .call("GET /open/x HTTP/1.1\r\nhost: a\r\nx-forwarded-for: 1.1.1.1\r\nx-forwarded-for: 2.2.2.2\r\n\r\n")
        .await;
    assert_eq!(
        header(body(&answer), "x-forwarded-for"),
        Some("1.1.1.1, 2.2.2.2, 127.0.0.1")
    );
}

#[tokio::test]
async fn a_host_in_the_target_replaces_the_header() {
    let backend = Backend::echo().await;
    let policy = policy(
        r#"<set-header name="x-host"><value>@(context.Request.Headers.GetValueOrDefault("Host", "none"))</value></set-header>"#,
    );
    let running = start(definition(&backend.url(), Some(&policy)), |_| {});
    let answer = running
        .connect()
        .await
        .call("GET http://other/open/x HTTP/1.1\r\nhost: a\r\n\r\n")
        .await;
    assert_eq!(header(body(&answer), "x-host"), Some("other"), "{answer}");
}

/// The head that backends answer with must not make the caller wait for bytes that never come, or read too few.
#[tokio::test]
async fn lengths_that_do_not_fit() {
    // A length that tells of a body which is not sent with this status.
    let backend =
        answering("HTTP/1.1 304 Not Modified\r\ncontent-length: 100\r\netag: \"x\"\r\n\r\n").await;
    let running = before(&backend);
    let mut wire = running.connect().await;
    for _ in 0..2 {
        wire.send(&get("/api/x")).await;
        assert_eq!(status(&wire.until("\r\n\r\n").await.unwrap()), 304);
    }
    // The backend is asked with HEAD, the caller asked with GET.
    let backend = answering("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n").await;
    let policy = policy("<set-method>HEAD</set-method>");
    let running = start(definition(&backend.url(), Some(&policy)), |_| {});
    let mut wire = running.connect().await;
    for _ in 0..2 {
        let answer = wire.get("/api/x").await;
        assert_eq!(status(&answer), 200);
        assert_eq!(header(&answer, "content-length"), Some("0"), "{answer}");
    }
    // And the other way round.
    wire.send(&get("/api/x").replace("GET", "HEAD")).await;
    let head = wire.until("\r\n\r\n").await.unwrap();
    assert_eq!(header(&head, "content-length"), Some("100"), "{head}");
    assert_eq!(status(&wire.get("/nothing").await), 404);
    // Both framings: chunks count, as RFC 9112, 6.3 says.
    let backend = answering("HTTP/1.1 200 OK\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\n5\r\nwhole\r\n0\r\n\r\n").await;
    let running = before(&backend);
    let mut wire = running.connect().await;
    for _ in 0..2 {
        let answer = wire.get("/api/x").await;
        assert_eq!((status(&answer), body(&answer)), (200, "whole"), "{answer}");
    }
    // Two lengths.
    let backend =
        answering("HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\nabc").await;
    assert_eq!(
        status(&before(&backend).connect().await.get("/api/x").await),
        500
    );
}

#[tokio::test]
async fn answers_before_the_answer() {
    let backend = answering("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\nHTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await;
    assert_eq!(
        body(&before(&backend).connect().await.get("/api/x").await),
        "ok"
    );

    // Without end: the deadline of the call holds.
    let backend = Backend::serve(|mut wire| async move {
        wire.message().await;
        let storm = "HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n".repeat(500);
        while wire.stream.write_all(storm.as_bytes()).await.is_ok() {}
    })
    .await;
    let policy = backend_section(r#"<forward-request timeout-ms="300" />"#);
    let running = start(definition(&backend.url(), Some(&policy)), |_| {});
    assert_eq!(status(&running.connect().await.get("/api/x").await), 500);
    until(|| backend.open() == 0).await;

    // Nobody asked for a switch.
    let backend = answering(
        "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: h2c\r\n\r\n",
    )
    .await;
    let running = before(&backend);
    let answer = running.connect().await.get("/api/x").await;
    assert_eq!(status(&answer), 500, "{answer}");
    until(|| backend.open() == 0).await;
    assert_eq!(running.metric("tollgate_requests_in_flight"), 0);
}

#[tokio::test]
async fn credentials_do_not_follow_a_redirect_to_another_host() {
    let stranger = Backend::echo().await;
    let location = format!("{}/landed?next=https://x/y", stranger.url());
    let home = Backend::serve(move |mut wire| {
        let location = location.clone();
        async move {
            while let Some(request) = wire.message().await {
                let answer = if request.starts_with("GET /go") {
                    assert_eq!(header(&request, "api-key"), Some("backend-secret"), "{request}");
                    format!("HTTP/1.1 307 Temporary Redirect\r\ncontent-length: 0\r\nlocation: {location}\r\n\r\n")
                } else if request.starts_with("GET /near") {
                    String::from("HTTP/1.1 307 Temporary Redirect\r\ncontent-length: 0\r\nlocation: /here?next=https://x/y\r\n\r\n")
                } else {
                    format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{request}", request.len())
                };
                wire.send(&answer).await;
            }
        }
    })
    .await;
    let policy = "<policies><inbound><base /><set-backend-service backend-id=\"home\" /></inbound><backend><forward-request follow-redirects=\"true\" /></backend><outbound><base /></outbound><on-error><base /></on-error></policies>";
    let mut definition = definition(&home.url(), Some(policy));
    definition
        .backends
        .push(tollgate_engine::definition::BackendDefinition {
            span: None,
            workspace: None,
            id: "home".into(),
            kind: tollgate_engine::definition::BackendKind::Single(
                tollgate_engine::definition::SingleBackend {
                    url: home.url().into(),
                    headers: vec![(
                        "api-key".into(),
                        tollgate_engine::definition::Secret::new("backend-secret"),
                    )],
                    ..Default::default()
                },
            ),
        });
    let running = start(definition, |_| {});
    let answer = running.connect().await.get("/api/go").await;
    assert!(
        body(&answer).starts_with("GET /landed?next=https://x/y HTTP/1.1"),
        "{answer}"
    );
    assert!(!answer.contains("backend-secret"), "{answer}");
    let answer = running.connect().await.get("/api/near").await;
    assert!(
        body(&answer).starts_with("GET /here?next=https://x/y HTTP/1.1"),
        "{answer}"
    );
    assert_eq!(
        header(body(&answer), "api-key"),
        Some("backend-secret"),
        "{answer}"
    );
}

#[tokio::test]
async fn old_callers_are_answered_in_their_way() {
    let backend =
        answering("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n")
            .await;
    let running = before(&backend);
    let mut wire = running.connect().await;
    wire.send("GET /open/x HTTP/1.0\r\n\r\n").await;
    let answer = wire.rest().await;
    assert!(
        answer.starts_with("HTTP/1.0 200") || answer.starts_with("HTTP/1.1 200"),
        "{answer}"
    );
    assert_eq!(header(&answer, "transfer-encoding"), None, "{answer}");
    assert_eq!(body(&answer), "abc");
    for method in ["TRACE", "OPTIONS", "PROPFIND"] {
        let answer = running
            .connect()
            .await
            .call(&format!("{method} /open/x HTTP/1.1\r\nhost: a\r\n\r\n"))
            .await;
        assert_eq!(status(&answer), 200, "{method} {answer}");
    }
    until(|| running.metric("tollgate_requests_in_flight") == 0).await;
}

#[tokio::test]
async fn expect_is_answered_only_when_the_body_is_wanted() {
    let backend = Backend::echo().await;
    let running = before(&backend);
    let head = "content-length: 3\r\nexpect: 100-continue\r\n\r\n";
    let mut wire = running.connect().await;
    wire.send(&format!("POST /api/x HTTP/1.1\r\nhost: a\r\n{head}"))
        .await;
    assert_eq!(status(&wire.until("\r\n\r\n").await.unwrap()), 401);
    let mut wire = running.connect().await;
    wire.send(&format!("POST /open/x HTTP/1.1\r\nhost: a\r\n{head}"))
        .await;
    assert_eq!(status(&wire.until("\r\n\r\n").await.unwrap()), 100);
    let answer = wire.call("abc").await;
    assert_eq!(status(&answer), 200);
    assert_eq!(header(body(&answer), "expect"), None, "{answer}");
    assert!(answer.ends_with("abc"));
}

#[tokio::test]
async fn callers_who_leave_at_any_moment_are_settled_once() {
    let backend = Backend::serve(|mut wire| async move {
        while wire.message().await.is_some() {
            tokio::time::sleep(Duration::from_millis(3)).await;
            wire.send("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
                .await;
            for _ in 0..5 {
                tokio::time::sleep(Duration::from_millis(1)).await;
                wire.send("3\r\nabc\r\n").await;
            }
            wire.send("0\r\n\r\n").await;
        }
    })
    .await;
    let policy = policy(
        r#"<set-variable name="b" value="@(context.Request.Body.As&lt;string&gt;(preserveContent: true))" />"#,
    );
    let running = start(definition(&backend.url(), Some(&policy)), |_| {});
    let request = format!(
        "POST /api/x HTTP/1.1\r\nhost: a\r\nocp-apim-subscription-key: {KEY}\r\ncontent-length: 10\r\n\r\n0123456789"
    );
    let mut calls = Vec::new();
    for (number, cut) in (0..request.len())
        .step_by(3)
        .chain([request.len(); 20])
        .enumerate()
    {
        let mut wire = running.connect().await;
        let part = request[..cut].to_owned();
        calls.push(tokio::spawn(async move {
            wire.send(&part).await;
            tokio::time::sleep(Duration::from_millis(number as u64 % 12)).await;
            if number % 2 == 0 {
                socket2::SockRef::from(&wire.stream)
                    .set_linger(Some(Duration::ZERO))
                    .unwrap();
            }
        }));
    }
    for call in calls {
        call.await.unwrap();
    }
    until(|| running.metric("tollgate_connections ") == 0).await;
    until(|| running.metric("tollgate_requests_in_flight") == 0).await;
    until(|| backend.open() as u64 == running.metric("tollgate_upstream_connections")).await;
    assert_eq!(status(&running.connect().await.get("/nothing").await), 404);
}
