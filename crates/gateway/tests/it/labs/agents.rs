//! Agents behind the gateway.

use super::*;
use http::Request;
use serde_json::json;
use tollgate_testkit::client::{get, post_json};
use tollgate_testkit::upstream::{Script, ScriptedUpstream};

const AGENT: &str = include_str!("../../documents/labs/agent.xml");

/// An agent that is called by A2A.
async fn agent() -> ScriptedUpstream {
    ScriptedUpstream::start(|request| {
        if request.path.ends_with("agent-card.json") {
            return Script::json(
                200,
                &json!({ "name": "titles", "url": "http://agent.example/", "capabilities": { "streaming": true } }),
            );
        }
        let call: Value = serde_json::from_slice(&request.body).unwrap();
        match call["method"].as_str() {
            Some("message/send") => Script::json(
                200,
                &json!({ "jsonrpc": "2.0", "id": call["id"], "result": { "kind": "message", "parts": [{ "kind": "text", "text": "A title" }] } }),
            ),
            _ => Script::sse([r#"{"jsonrpc":"2.0","id":1,"result":{"kind":"status-update","final":true}}"#]),
        }
    })
    .await
    .unwrap()
}

/// `mcp-a2a-agents`: agents are called through the gateway, from the pages of two origins and no others.
#[tokio::test]
async fn an_agent_is_called_from_two_origins() {
    for version in ["v1", "v2"] {
        let path = format!("mcp-a2a-agents/src/a2a_servers/apim-api/{version}/policy.xml");
        for policy in documents(AGENT, &path, &[]) {
            let agent = agent().await;
            let configured = format!(
                r#"gateway:
  listen: [{{ address: "127.0.0.1:0" }}]
  management: {{ address: "127.0.0.1:0" }}
policy: global.xml
apis:
  - id: title-agent
    path: titles
    subscriptionRequired: false
    serviceUrl: "{}"
    policy: api.xml
    operations:
      - {{ id: send, method: POST, urlTemplate: "/*" }}
      - {{ id: card, method: GET, urlTemplate: "/*" }}
"#,
                agent.url()
            );
            let served = Served::start(
                &[
                    ("global.xml", FORWARD),
                    ("api.xml", &policy),
                    ("tollgate.yaml", &configured),
                ],
                &[],
            );
            let send = async |request| fetch(served.gateway, request).await.unwrap();
            let card = send(get("/titles/.well-known/agent-card.json")).await;
            assert_eq!(card.json()["name"], "titles", "{}", card.text());
            let call = json!({ "jsonrpc": "2.0", "id": 7, "method": "message/send", "params": {} });
            let origin = "https://copilotstudio.microsoft.com";
            let answer = send(with_header(post_json("/titles/", &call), "origin", origin)).await;
            assert_eq!(answer.json()["id"], 7, "{}", answer.text());
            assert_eq!(answer.header("access-control-allow-origin"), origin);
            assert_eq!(answer.header("access-control-allow-credentials"), "");
            let call =
                json!({ "jsonrpc": "2.0", "id": 1, "method": "message/stream", "params": {} });
            let stream = send(post_json("/titles/", &call)).await;
            assert!(stream.complete && stream.header("content-type") == "text/event-stream");
            assert_eq!(stream.json_events()[0]["result"]["final"], true);

            let before = agent.requests().len();
            let preflight = |origin: &str| {
                let request = Request::options("/titles/")
                    .header("origin", origin)
                    .header("access-control-request-method", "POST");
                request.body(bytes::Bytes::new()).unwrap()
            };
            let asked = send(preflight("https://copilotstudio.preprod.microsoft.com")).await;
            assert_eq!(asked.status, 200, "{}", asked.text());
            assert_eq!(
                asked.header("access-control-allow-origin"),
                "https://copilotstudio.preprod.microsoft.com"
            );
            let other = send(preflight("https://elsewhere.example")).await;
            assert_eq!(other.header("access-control-allow-origin"), "");
            assert_eq!(agent.requests().len(), before, "the gateway answers these");
        }
    }
}
