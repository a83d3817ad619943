//! Traces of a running gateway: tokens, headers of the answer, the kept trace, and what does not hold.

use crate::support::*;
use serde_json::Value;
use tollgate_engine::definition::Definition;

async fn traced(change: impl FnOnce(&mut Definition)) -> (Running, std::net::SocketAddr, Backend) {
    let backend = Backend::echo().await;
    let policy = "<policies><inbound><set-variable name=\"n\" value=\"@(context.Tracing)\" /></inbound></policies>";
    let mut definition = definition(&backend.url(), Some(policy));
    change(&mut definition);
    let running = start(definition, |c| {
        c.management = Some(([127, 0, 0, 1], 0).into())
    });
    let management = running.gateway.management().unwrap();
    (running, management, backend)
}

async fn ask(address: std::net::SocketAddr, request: &str) -> String {
    let stream = tokio::net::TcpStream::connect(address).await.unwrap();
    Wire::new(stream).call(request).await
}

fn body(answer: &str) -> Value {
    let text = answer.split_once("\r\n\r\n").unwrap().1;
    serde_json::from_str(text).unwrap_or_else(|e| panic!("{e}: {answer}"))
}

async fn issue(management: std::net::SocketAddr, wanted: &str) -> String {
    let length = wanted.len();
    ask(management, &format!("POST /debug/credentials HTTP/1.1\r\nhost: x\r\ncontent-length: {length}\r\n\r\n{wanted}")).await
}

#[tokio::test]
async fn a_token_for_an_api_gives_the_trace_of_a_request_to_it() {
    let (running, management, _backend) = traced(|_| ()).await;
    let issued = body(
        &issue(
            management,
            r#"{"apiId":"api","credentialsExpireAfter":"PT5M","purposes":["tracing"]}"#,
        )
        .await,
    );
    let token = issued["token"].as_str().unwrap();
    assert_eq!(issued["apiId"], "api");
    let mut wire = running.connect().await;
    let call = |path: &str, token: &str| {
        format!(
            "GET {path} HTTP/1.1\r\nhost: gateway\r\nocp-apim-subscription-key: {KEY}\r\nauthorization: Bearer canary-token\r\napim-debug-authorization: {token}\r\n\r\n"
        )
    };
    let answer = wire.call(&call("/api/a", token)).await;
    assert_eq!(status(&answer), 200);
    assert!(
        !answer.contains(token),
        "the backend, which echoes, was not told the token"
    );
    let id = header(&answer, "apim-trace-id").unwrap().to_owned();
    let mut trace = String::new();
    soon(async {
        // It is there once the request has settled.
        while status(&trace_of(management, &id, &mut trace).await) != 200 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert!(!trace.contains("canary") && !trace.contains(KEY), "{trace}");
    let json = body(&trace);
    assert_eq!(json["matched"]["api"], "api");
    assert_eq!(json["response"]["status"], 200);
    assert!(
        trace.contains("forward-request") && trace.contains(r#""value": "True""#),
        "{trace}"
    );
    // Another API, a token of nobody, none at all.
    let answer = wire.call(&call("/open/a", token)).await;
    assert_eq!(
        header(&answer, "apim-debug-authorization-wrongapi"),
        Some("api")
    );
    assert_eq!(header(&answer, "apim-trace-id"), None);
    let answer = wire.call(&call("/api/a", "x.y")).await;
    assert!(header(&answer, "apim-debug-authorization-invalid").is_some());
    assert_eq!(status(&answer), 200);
    let answer = wire
        .call(&format!(
            "GET /api/a HTTP/1.1\r\nhost: gateway\r\nocp-apim-subscription-key: {KEY}\r\n\r\n"
        ))
        .await;
    assert_eq!(header(&answer, "apim-trace-id"), None);
    assert_eq!(
        status(
            &ask(
                management,
                "GET /debug/traces/nothing HTTP/1.1\r\nhost: x\r\n\r\n"
            )
            .await
        ),
        404
    );
}

async fn trace_of(management: std::net::SocketAddr, id: &str, trace: &mut String) -> String {
    *trace = ask(
        management,
        &format!("GET /debug/traces/{id} HTTP/1.1\r\nhost: x\r\n\r\n"),
    )
    .await;
    trace.clone()
}

#[tokio::test]
async fn what_is_asked_for_wrongly_is_refused() {
    let (_running, management, _backend) = traced(|_| ()).await;
    for (wanted, why) in [
        (r#"{"apiId":"nowhere"}"#, "there is no API `nowhere`"),
        (
            r#"{"apiId":"api","credentialsExpireAfter":"PT2H"}"#,
            "up to PT1H",
        ),
        (
            r#"{"apiId":"api","credentialsExpireAfter":"soon"}"#,
            "no duration",
        ),
        (r#"{"apiId":"api","purposes":["spying"]}"#, "no purpose"),
        ("{", "not understood"),
    ] {
        let answer = issue(management, wanted).await;
        assert_eq!(status(&answer), 400);
        assert!(
            body(&answer)["error"].as_str().unwrap().contains(why),
            "{answer}"
        );
    }
    let answer = ask(
        management,
        "GET /debug/credentials HTTP/1.1\r\nhost: x\r\n\r\n",
    )
    .await;
    assert_eq!(status(&answer), 405);
}

#[tokio::test]
async fn the_older_header_needs_a_subscription_that_may_trace() {
    let (running, management, _backend) = traced(|d| d.subscriptions[0].allow_tracing = true).await;
    let mut wire = running.connect().await;
    let answer = wire.call(&format!("GET /api/a HTTP/1.1\r\nhost: gateway\r\nocp-apim-subscription-key: {KEY}\r\nocp-apim-trace: true\r\n\r\n")).await;
    let place = header(&answer, "ocp-apim-trace-location")
        .unwrap()
        .to_owned();
    let mut trace = String::new();
    let id = place.strip_prefix("/debug/traces/").unwrap();
    soon(async {
        while status(&trace_of(management, id, &mut trace).await) != 200 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert_eq!(body(&trace)["matched"]["subscription"], "team");
    // Without a key there is no subscription that may.
    let answer = wire
        .call("GET /open/a HTTP/1.1\r\nhost: gateway\r\nocp-apim-trace: true\r\n\r\n")
        .await;
    assert_eq!(status(&answer), 200);
    assert_eq!(header(&answer, "ocp-apim-trace-location"), None);
}

#[tokio::test]
async fn a_token_that_has_ended_says_when() {
    let (running, management, _backend) = traced(|_| ()).await;
    let wanted = r#"{"apiId":"open","credentialsExpireAfter":"PT0.001S"}"#;
    let issued = body(&issue(management, wanted).await);
    let token = issued["token"].as_str().unwrap();
    let request = format!(
        "GET /open/a HTTP/1.1\r\nhost: gateway\r\napim-debug-authorization: {token}\r\n\r\n"
    );
    let mut wire = running.connect().await;
    soon(async {
        loop {
            let answer = wire.call(&request).await;
            assert_eq!(status(&answer), 200);
            if let Some(when) = header(&answer, "apim-debug-authorization-expired") {
                assert_eq!(when, issued["expires"]);
                assert_eq!(header(&answer, "apim-trace-id"), None);
                break;
            }
        }
    })
    .await;
}
