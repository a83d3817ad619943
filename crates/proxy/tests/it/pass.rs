//! Plain calls: keys, routes, what passes and what does not, connections that are kept.

use crate::support::*;

#[tokio::test]
async fn a_call_passes_with_its_body_and_comes_back() {
    let backend = Backend::echo().await;
    let running = before(&backend);
    let mut wire = running.connect().await;
    let answer = wire
        .call(&format!(
            "POST /api/some/path?q=1 HTTP/1.1\r\nhost: gateway\r\nocp-apim-subscription-key: {KEY}\r\nx-mine: yes\r\ncontent-length: 5\r\n\r\nhello"
        ))
        .await;
    assert_eq!(status(&answer), 200);
    assert_eq!(header(&answer, "x-backend"), Some("echo"));
    assert!(header(&answer, "tollgate-request-id").is_some());
    let seen = body(&answer);
    assert!(
        seen.starts_with("POST /some/path?q=1 HTTP/1.1\r\n"),
        "{seen}"
    );
    assert!(seen.ends_with("hello"));
    assert_eq!(
        header(seen, "host"),
        Some(backend.address.to_string().as_str())
    );
    assert_eq!(header(seen, "x-mine"), Some("yes"));
    assert_eq!(header(seen, "ocp-apim-subscription-key"), None);
    assert_eq!(header(seen, "x-forwarded-for"), Some("127.0.0.1"));
    assert_eq!(header(seen, "traceparent").map(str::len), Some(55));
}

#[tokio::test]
async fn keys_and_routes_are_refused_as_documented() {
    let backend = Backend::echo().await;
    let running = before(&backend);
    let mut wire = running.connect().await;
    let answer = wire
        .call("GET /api/x HTTP/1.1\r\nhost: gateway\r\n\r\n")
        .await;
    assert_eq!(status(&answer), 401);
    assert_eq!(
        body(&answer),
        r#"{ "statusCode": 401, "message": "Access denied due to missing subscription key. Make sure to include subscription key when making requests to an API." }"#
    );
    let answer = wire
        .call("GET /api/x HTTP/1.1\r\nhost: gateway\r\nocp-apim-subscription-key: wrong\r\n\r\n")
        .await;
    assert_eq!(status(&answer), 401);
    assert_eq!(
        body(&answer),
        r#"{ "statusCode": 401, "message": "Access denied due to invalid subscription key. Make sure to provide a valid key for an active subscription." }"#
    );
    let answer = wire.get("/nothing").await;
    assert_eq!(status(&answer), 404);
    assert_eq!(
        body(&answer),
        r#"{ "statusCode": 404, "message": "Resource not found" }"#
    );
    let answer = wire
        .call("GET /open/x HTTP/1.1\r\nhost: gateway\r\n\r\n")
        .await;
    assert_eq!(status(&answer), 200);
    assert_eq!(backend.accepted(), 1);
    assert_eq!(running.settled("answered"), 4);
}

#[tokio::test]
async fn connections_are_kept_on_both_sides() {
    let backend = Backend::echo().await;
    let running = before(&backend);
    let mut wire = running.connect().await;
    for _ in 0..50 {
        assert_eq!(status(&wire.get("/api/x").await), 200);
    }
    assert_eq!(backend.accepted(), 1);
    assert_eq!(running.metric("tollgate_upstream_connections"), 1);
    assert_eq!(running.metric("tollgate_connections "), 1);
    assert_eq!(running.metric("tollgate_requests_in_flight"), 0);
}

#[tokio::test]
async fn every_way_of_framing_keeps_the_connection() {
    let backend = Backend::serve(|mut wire| async move {
        while let Some(request) = wire.message().await {
            let path = request.split(' ').nth(1).unwrap_or_default();
            let answer = match path {
                "/chunked" => "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n",
                "/empty" => "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n",
                "/nothing" => "HTTP/1.1 204 No Content\r\n\r\n",
                "/unchanged" => "HTTP/1.1 304 Not Modified\r\netag: \"1\"\r\n\r\n",
                _ => "HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nabc",
            };
            wire.send(answer).await;
        }
    })
    .await;
    let running = before(&backend);
    let mut wire = running.connect().await;
    for (path, code, expected) in [
        ("/api/chunked", 200, "abcde"),
        ("/api/empty", 200, ""),
        ("/api/length", 200, "abc"),
    ] {
        let answer = wire.get(path).await;
        assert_eq!((status(&answer), body(&answer)), (code, expected), "{path}");
    }
    for (path, code) in [("/api/nothing", 204), ("/api/unchanged", 304)] {
        wire.send(&get(path)).await;
        let head = wire.until("\r\n\r\n").await.unwrap();
        assert_eq!(status(&head), code);
    }
    assert_eq!(status(&wire.get("/api/length").await), 200);
    assert_eq!(backend.accepted(), 1);
}

#[tokio::test]
async fn a_backend_that_closes_is_connected_again() {
    // Says nothing of closing: the pooled connection is stale when it is taken.
    let backend = Backend::serve(|mut wire| async move {
        if wire.message().await.is_some() {
            wire.send("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")
                .await;
        }
    })
    .await;
    let running = before(&backend);
    let mut wire = running.connect().await;
    for round in 1..=10 {
        let answer = wire
            .call(&format!(
                "POST /api/x HTTP/1.1\r\nhost: gateway\r\nocp-apim-subscription-key: {KEY}\r\ncontent-length: 1\r\n\r\n1"
            ))
            .await;
        assert_eq!(status(&answer), 200);
        until(|| backend.open() == 0).await;
        assert_eq!(backend.accepted(), round);
    }
}

#[tokio::test]
async fn built_in_endpoints_answer_without_a_key() {
    let backend = Backend::echo().await;
    let running = start(definition(&backend.url(), None), |c| {
        c.management = Some(([127, 0, 0, 1], 0).into());
    });
    let mut wire = running.connect().await;
    let plain = |path: &str| format!("GET {path} HTTP/1.1\r\nhost: gateway\r\n\r\n");
    let answer = wire.call(&plain("/status-0123456789abcdef")).await;
    assert_eq!(
        (status(&answer), body(&answer)),
        (200, "Service Operational")
    );
    assert_eq!(status(&wire.call(&plain("/livez")).await), 200);
    let ready = wire.call(&plain("/readyz")).await;
    assert_eq!(status(&ready), 200);
    assert!(body(&ready).contains(r#""generation":1"#), "{ready}");
    assert_eq!(status(&wire.call(&plain("/metrics")).await), 404);

    let management = running.gateway.management().unwrap();
    let stream = tokio::net::TcpStream::connect(management).await.unwrap();
    let mut wire = Wire::new(stream);
    let metrics = wire.call(&plain("/metrics")).await;
    assert_eq!(status(&metrics), 200);
    assert!(metrics.contains("tollgate_configuration_generation 1"));
    // OpenMetrics: the last bucket of a histogram is `+Inf`; the call above has settled.
    assert!(metrics.contains(r#"tollgate_request_duration_seconds_bucket{le="+Inf","#));
    assert!(metrics.ends_with("# EOF\n"));
    running.gateway.health().degrade("counters", "no store");
    let ready = wire.call(&plain("/readyz")).await;
    assert_eq!(status(&ready), 200);
    assert!(body(&ready).contains("no store"));
    running.snapshots.refuse("tollgate.yaml:3: no");
    let ready = wire.call(&plain("/readyz")).await;
    assert!(body(&ready).contains("tollgate.yaml:3: no"));
    running.gateway.announce_drain();
    assert_eq!(status(&wire.call(&plain("/readyz")).await), 503);
    assert_eq!(status(&wire.call(&plain("/livez")).await), 200);
}

#[tokio::test]
async fn head_keeps_its_length_and_has_no_body() {
    let backend = Backend::serve(|mut wire| async move {
        while let Some(request) = wire.message().await {
            assert!(request.starts_with("HEAD /x"), "{request}");
            wire.send("HTTP/1.1 200 OK\r\ncontent-length: 1234\r\n\r\n")
                .await;
        }
    })
    .await;
    let running = before(&backend);
    let mut wire = running.connect().await;
    for _ in 0..3 {
        wire.send(&get("/api/x").replace("GET", "HEAD")).await;
        let head = wire.until("\r\n\r\n").await.unwrap();
        assert_eq!(
            (status(&head), header(&head, "content-length")),
            (200, Some("1234"))
        );
    }
    assert_eq!(backend.accepted(), 1);
}

#[tokio::test]
async fn a_caller_who_expects_to_be_told_is_told() {
    let backend = Backend::echo().await;
    let running = before(&backend);
    let mut wire = running.connect().await;
    wire.send(&format!(
        "POST /api/x HTTP/1.1\r\nhost: a\r\nocp-apim-subscription-key: {KEY}\r\nexpect: 100-continue\r\ncontent-length: 5\r\n\r\n"
    ))
    .await;
    let told = wire.until("\r\n\r\n").await.unwrap();
    assert_eq!(status(&told), 100);
    wire.send("hello").await;
    let answer = wire.message().await.unwrap();
    assert_eq!(status(&answer), 200);
    assert!(body(&answer).ends_with("hello"));
    assert_eq!(header(body(&answer), "expect"), None);
}

#[tokio::test]
async fn pipelined_calls_are_answered_in_order() {
    let backend = Backend::echo().await;
    let running = before(&backend);
    let mut wire = running.connect().await;
    let calls: String = (0..20).map(|n| get(&format!("/api/{n}"))).collect();
    wire.send(&calls).await;
    for number in 0..20 {
        let answer = wire.message().await.unwrap();
        assert!(
            body(&answer).starts_with(&format!("GET /{number} ")),
            "{answer}"
        );
    }
}
