//! MCP pass-through over real sockets: what is not held back, who hangs up, which hosts are answered.
//!
//! The upstreams are scripted and wait for ever where something must not be waited for.

use crate::process::PATIENCE;
use crate::scene::{KEY_A, KEY_B, Served, sum, until};
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use serde_json::json;
use std::time::Duration;
use tollgate_testkit::client::{Client, fetch, get, post_json, with_header};
use tollgate_testkit::upstream::{Script, ScriptedUpstream};

/// Longer than any test.
const FOR_EVER: Duration = Duration::from_secs(3600);

const EVENTS: [(&str, &str); 1] = [("content-type", "text/event-stream")];
const PROGRESS: &str = "data: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\",\"params\":{\"progressToken\":1,\"progress\":1}}\n\n";

/// Reads every answer, and says so in it.
const READS: &str = r#"<policies><inbound><base /></inbound><backend /><outbound><set-body>@{
    var body = context.Response.Body.As<Newtonsoft.Json.Linq.JObject>(preserveContent: true);
    body["result"]["read"] = true;
    return body.ToString(Newtonsoft.Json.Formatting.None);
}</set-body></outbound><on-error /></policies>"#;

/// Asks what the answer says, also of streams that answer nothing.
const ASKS: &str = r#"<policies><inbound><base /></inbound><backend /><outbound><choose>
    <when condition="@(context.Response.Body.As<string>(preserveContent: true).Contains("secret"))"><set-body>no</set-body></when>
</choose></outbound><on-error /></policies>"#;

/// Reads nothing.
const PASSES: &str = "<policies><inbound><base /></inbound><backend /><outbound /></policies>";

fn gateway(upstream: &str, policy: &str) -> Served {
    let configuration = format!(
        r#"gateway:
  listen: [{{ address: "127.0.0.1:0" }}]
  management: {{ address: "127.0.0.1:0" }}
  threads: 1
  allowedHosts: [gateway.local]
backends:
  - {{ id: one, url: "{upstream}/mcp" }}
  - {{ id: two, url: "{upstream}/mcp" }}
  - {{ id: both, type: pool, pool: {{ services: [{{ id: one }}, {{ id: two }}] }} }}
apis:
  - {{ id: plain, type: mcp, path: plain, subscriptionRequired: false, serviceUrl: "{upstream}", policy: policy.xml }}
  - {{ id: pooled, type: mcp, path: pooled, subscriptionRequired: false, backendId: both, policy: policy.xml }}
"#
    );
    let files = [
        ("tollgate.yaml", configuration.as_str()),
        ("policy.xml", policy),
    ];
    Served::start(&files, &[])
}

fn call(path: &str, method: &str) -> Request<Bytes> {
    let body = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": { "name": "slow" } });
    let accept = "application/json, text/event-stream";
    with_header(post_json(path, &body), "accept", accept)
}

fn listen(path: &str) -> Request<Bytes> {
    with_header(get(path), "accept", "text/event-stream")
}

/// An answer that is read until a text has come.
async fn read_until(response: &mut Response<Incoming>, end: &str) -> String {
    let mut text = String::new();
    while !text.contains(end) {
        let frame = tokio::time::timeout(PATIENCE, response.body_mut().frame())
            .await
            .unwrap_or_else(|_| panic!("nothing more came after {text}"))
            .unwrap_or_else(|| panic!("it ended after {text}"))
            .unwrap();
        text.push_str(std::str::from_utf8(&frame.into_data().unwrap_or_default()).unwrap());
    }
    text
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn progress_goes_on_at_once_and_a_caller_that_leaves_is_told_on() {
    let script = Script::chunked(200, &EVENTS)
        .chunk(PROGRESS)
        .delay(FOR_EVER);
    let upstream = ScriptedUpstream::always(script).await.unwrap();
    let mut left = 0;
    for policy in [PASSES, READS] {
        let served = gateway(&upstream.url(), policy);
        for path in ["/plain/mcp", "/pooled/mcp"] {
            let mut caller = Client::connect(served.gateway).await.unwrap();
            let opening = caller.open(call(path, "tools/call"));
            let opened = tokio::time::timeout(PATIENCE, opening).await;
            let mut response = opened
                .expect("the head does not wait for the answer")
                .unwrap();
            assert_eq!(response.status(), 200);
            assert_eq!(response.headers()["content-type"], "text/event-stream");
            assert_eq!(read_until(&mut response, "\n\n").await, PROGRESS);
            assert_eq!(upstream.hang_ups(), left);
            drop((response, caller));
            left += 1;
            until("the server learned that the caller left", async || {
                upstream.hang_ups() == left
            })
            .await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_of_the_server_opens_before_its_first_byte() {
    let upstream = ScriptedUpstream::always(Script::chunked(200, &EVENTS).delay(FOR_EVER))
        .await
        .unwrap();
    let served = gateway(&upstream.url(), ASKS);
    for (at, path) in (0..).zip(["/plain/mcp", "/pooled/mcp"]) {
        let mut caller = Client::connect(served.gateway).await.unwrap();
        let opened = tokio::time::timeout(PATIENCE, caller.open(listen(path))).await;
        let response = opened.expect("the head waits for no event").unwrap();
        assert_eq!(response.status(), 200);
        drop((response, caller));
        until("the server learned that the caller left", async || {
            upstream.hang_ups() == at + 1
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn outbound_runs_on_an_answer_whose_head_is_out() {
    let answer = "id: 7\ndata: {\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}\n\n";
    let late = ": bye\n\n";
    let upstream = ScriptedUpstream::start(move |request| {
        let first = if request.method == "POST" && request.text().contains("tools/call") {
            PROGRESS
        } else {
            ""
        };
        let script = Script::chunked(200, &EVENTS);
        let script = if first.is_empty() {
            script
        } else {
            script.chunk(first).delay(Duration::from_millis(20))
        };
        // Cut in the middle of an event.
        let (head, tail) = answer.split_at(20);
        script.chunk(head).chunk(tail).chunk(late).end()
    })
    .await
    .unwrap();
    let served = gateway(&upstream.url(), READS);
    let read =
        "id: 7\ndata: {\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"read\":true}}\n\n: bye\n\n";
    for (method, expected) in [
        ("tools/call", format!("{PROGRESS}{read}")),
        ("tools/list", read.to_owned()),
    ] {
        let answer = fetch(served.gateway, call("/plain/mcp", method))
            .await
            .unwrap();
        assert_eq!((answer.status.as_u16(), answer.text()), (200, expected));
    }
    let metrics = served.metrics().await;
    let calls = |method| {
        sum(
            &metrics,
            "tollgate_mcp_requests_total",
            &[("method", method)],
        )
    };
    assert_eq!(
        (calls("tools/call"), calls("tools/list")),
        (1, 1),
        "{metrics}"
    );
    let labels = [("api", "plain"), ("tool", "slow")];
    assert_eq!(sum(&metrics, "tollgate_mcp_requests_total", &labels), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_stays_with_its_server_and_its_caller_over_a_reload() {
    let answer = |name: &'static str| {
        move |_: &_| {
            let headers = [
                ("content-type", "application/json"),
                ("mcp-session-id", name),
            ];
            Script::response(200, &headers, r#"{"jsonrpc":"2.0","id":1,"result":{}}"#)
        }
    };
    let one = ScriptedUpstream::start(answer("at-one")).await.unwrap();
    let two = ScriptedUpstream::start(answer("at-two")).await.unwrap();
    let configuration = format!(
        r#"gateway:
  listen: [{{ address: "127.0.0.1:0" }}]
  management: {{ address: "127.0.0.1:0" }}
  threads: 2
backends:
  - {{ id: one, url: "{}/mcp" }}
  - {{ id: two, url: "{}/mcp" }}
  - {{ id: both, type: pool, pool: {{ services: [{{ id: one }}, {{ id: two }}] }} }}
subscriptions:
  - {{ id: team-a, scope: /apis, primaryKey: {{ env: TEAM_A_KEY }} }}
  - {{ id: team-b, scope: /apis, primaryKey: {{ env: TEAM_B_KEY }} }}
apis:
  - {{ id: pooled, type: mcp, path: pooled, backendId: both }}
"#,
        one.url(),
        two.url()
    );
    let served = Served::start(&[("tollgate.yaml", &configuration)], &[]);
    // A connection of its own each time, so that both threads take part.
    let send = async |key: &str, session: Option<&str>| {
        let mut request = with_header(
            call("/pooled/mcp", "ping"),
            "ocp-apim-subscription-key",
            key,
        );
        if let Some(session) = session {
            request = with_header(request, "mcp-session-id", session);
        }
        fetch(served.gateway, request).await.unwrap()
    };
    let mut sessions = Vec::new();
    for _ in 0..2 {
        let opened = send(KEY_A, None).await;
        sessions.push(opened.header("mcp-session-id").to_owned());
    }
    sessions.sort();
    assert_eq!(sessions, ["at-one", "at-two"]);
    let more = configuration.replace("path: pooled", "path: pooled, displayName: Reloaded");
    served.folder.write("tollgate.yaml", &more);
    until("reloaded", async || {
        let metrics = crate::scene::metrics(served.management).await;
        sum(&metrics, "tollgate_configuration_generation", &[]) > 1
    })
    .await;
    for _ in 0..4 {
        for session in &sessions {
            let answer = send(KEY_A, Some(session)).await;
            assert_eq!(answer.header("mcp-session-id"), session);
            let stranger = send(KEY_B, Some(session)).await;
            assert_eq!(stranger.status, 404);
            assert_eq!(stranger.json()["error"]["message"], "Session not found");
        }
    }
    assert_eq!((one.requests().len(), two.requests().len()), (5, 5));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_hosts_of_the_gateway_are_answered_on_loopback() {
    let answer = json!({ "jsonrpc": "2.0", "id": 1, "result": {} });
    let upstream = ScriptedUpstream::always(Script::json(200, &answer))
        .await
        .unwrap();
    let served = gateway(&upstream.url(), PASSES);
    let port = served.gateway.port();
    for (host, origin, expected) in [
        (format!("127.0.0.1:{port}"), None, 200),
        (format!("localhost:{port}"), None, 200),
        (format!("gateway.local:{port}"), None, 200),
        (format!("rebound.example:{port}"), None, 421),
        (String::from("127.0.0.1.nip.example"), None, 421),
        (
            format!("localhost:{port}"),
            Some(format!("http://localhost:{port}")),
            200,
        ),
        (
            format!("localhost:{port}"),
            Some(String::from("http://rebound.example")),
            403,
        ),
    ] {
        let mut request = with_header(call("/plain/mcp", "ping"), "host", &host);
        if let Some(origin) = &origin {
            request = with_header(request, "origin", origin);
        }
        let answer = fetch(served.gateway, request).await.unwrap();
        assert_eq!(answer.status.as_u16(), expected, "{host} {origin:?}");
        if expected == 421 {
            assert_eq!(answer.json()["error"]["message"], "Misdirected Request");
        }
    }
    assert_eq!(upstream.requests().len(), 4);
}
