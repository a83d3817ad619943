//! A stored connection to a service that is a tool's backend.

use super::*;
use serde_json::json;
use tollgate_testkit::client::get;
use tollgate_testkit::upstream::{Script, ScriptedUpstream};

const CONNECTION: &str = include_str!("../../documents/labs/stored-connection.xml");

/// The REST API of `model-context-protocol`: a service is called with a token that the gateway keeps.
#[tokio::test]
async fn a_stored_token_opens_the_service() {
    let service = ScriptedUpstream::always(Script::json(200, &json!({ "login": "bot" })));
    let service = service.await.unwrap();
    let values = [("https://api.github.com", &*service.url())];
    let lab = "model-context-protocol/src/github/apim-api/policy.xml";
    for policy in documents(CONNECTION, lab, &values) {
        let configured = r#"gateway:
  listen: [{ address: "127.0.0.1:0" }]
  management: { address: "127.0.0.1:0" }
policy: global.xml
authorizationProviders:
  - id: github
    authorizations: [{ id: bot, accessToken: { env: TEAM_B_KEY } }]
subscriptions:
  - { id: team-a, scope: /apis/github, primaryKey: { env: TEAM_A_KEY } }
apis:
  - id: github
    path: github
    policy: api.xml
    operations: [{ id: user, method: GET, urlTemplate: /user }]
"#;
        let files = [
            ("global.xml", FORWARD),
            ("api.xml", &*policy),
            ("tollgate.yaml", configured),
        ];
        let served = Served::start(&files, &[]);
        let call = async |connection: &str| {
            let request = with_header(get("/github/user"), "ocp-apim-subscription-key", KEY_A);
            let request = with_header(request, "providerid", "github");
            let request = with_header(request, "authorizationid", connection);
            let request = with_header(request, "authorization", "Bearer the-callers-own");
            fetch(served.gateway, request).await.unwrap()
        };
        service.clear();
        let answer = call("bot").await;
        assert_eq!(answer.json()["login"], "bot", "{}", answer.text());
        let seen = service.requests();
        assert_eq!(seen[0].path, "/user");
        let header = |name| seen[0].header(name).unwrap_or_default();
        assert_eq!(header("authorization"), format!("Bearer {KEY_B}"));
        assert_eq!(header("accept"), "application/vnd.github+json");
        assert_eq!(header("user-agent"), "API Management");
        let unknown = call("nobody").await;
        assert_eq!(unknown.status, 500, "{}", unknown.text());
        assert!(!unknown.text().contains("nobody"), "{}", unknown.text());
        assert_eq!(service.requests().len(), 1);
    }
}
