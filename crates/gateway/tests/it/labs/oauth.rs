//! MCP clients that prove themselves: registration, authorization and token end at the gateway, which keeps the identity
//! provider's token and gives the client a sealed session.

use crate::labs::documents;
use crate::scene::{FORWARD, Served};
use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use serde_json::{Value, json};
use tollgate_testkit::client::{Fetched, fetch, get, post_json, with_header};
use tollgate_testkit::upstream::{HttpUpstream, ReceivedRequest, Transport};

const FOLDER: &str = "mcp-client-authorization/src/apim-oauth";
/// RFC 7636, appendix B.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
const REDIRECT: &str = "http://localhost:9/done";
/// 32 and 16 bytes.
const KEY: &str = "AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA=";
const IV: &str = "ZWZnaGlqa2xtbm9wcXJzdA==";
/// `sessionId123` and `sessionId124`, encrypted with them by OpenSSL.
const SEALED: [&str; 2] = ["SJ3s3cEkmBhmAQdWr0jDcg==", "X0bk/rEDU9gvJ+EtmVJZPg=="];

/// Identity endpoint, database, identity provider and MCP server in one.
fn answer(request: &ReceivedRequest) -> Response<Bytes> {
    let (path, query) = request.path.split_once('?').unwrap_or((&request.path, ""));
    let (status, body) = match path {
        "/metadata/identity/oauth2/token" => {
            let resource = query.split('&').find_map(|p| p.strip_prefix("resource="));
            let token = format!("identity-for-{}", resource.unwrap_or("nobody"));
            (200, json!({ "access_token": token, "expires_in": "3600" }))
        }
        "/cosmos/dbs/db/colls/clients/docs" => {
            let full = request.text().contains("no room");
            (if full { 507 } else { 201 }, json!({}))
        }
        "/entra/token" if request.text().contains("code=good") => (
            200,
            json!({ "access_token": "entra-token", "token_type": "Bearer" }),
        ),
        "/entra/token" => (401, json!({ "error": "invalid_grant" })),
        "/weather/mcp" => (200, json!({ "jsonrpc": "2.0", "id": 1, "result": {} })),
        _ => (404, json!({})),
    };
    let mut answer = Response::new(Bytes::from(body.to_string()));
    *answer.status_mut() = StatusCode::from_u16(status).unwrap();
    let json = http::HeaderValue::from_static("application/json");
    answer.headers_mut().insert("content-type", json);
    answer
}

/// The three documents of the lab's authorization server, ours or its own; what they do not hold is ours.
struct Server {
    upstream: HttpUpstream,
    served: Served,
}

impl Server {
    async fn start(metadata: &str, register: &str, callback: &str, weather: &str) -> Server {
        let upstream = HttpUpstream::start(Transport::Http1, answer).await.unwrap();
        let configured = format!(
            r#"gateway:
  listen: [{{ address: "127.0.0.1:0" }}]
  management: {{ address: "127.0.0.1:0" }}
  threads: 2
  identity: {{ source: imds, endpoint: "{url}" }}
policy: global.xml
namedValues:
  - {{ id: APIMGatewayURL, value: "https://gateway.example" }}
  - {{ id: CosmosDbEndpoint, value: "{url}/cosmos" }}
  - {{ id: CosmosDbDatabase, value: db }}
  - {{ id: CosmosDbContainer, value: clients }}
  - {{ id: EntraIDClientId, value: entra-client }}
  - {{ id: OAuthCallbackUri, value: "https://gateway.example/oauth-callback" }}
  - {{ id: EncryptionKey, env: ENCRYPTION_KEY, secret: true }}
  - {{ id: EncryptionIV, env: ENCRYPTION_IV, secret: true }}
apis:
  - id: oauth
    path: ""
    serviceUrl: "{url}/entra"
    subscriptionRequired: false
    operations:
      - {{ id: metadata, method: GET, urlTemplate: /.well-known/oauth-authorization-server, policy: metadata.xml }}
      - {{ id: register, method: POST, urlTemplate: /register, policy: register.xml }}
      - {{ id: authorize, method: GET, urlTemplate: /authorize, policy: authorize.xml }}
      - {{ id: callback, method: GET, urlTemplate: /oauth-callback, policy: callback.xml }}
      - {{ id: token, method: POST, urlTemplate: /token, policy: token.xml }}
  - id: weather
    type: mcp
    path: weather
    serviceUrl: "{url}/weather/mcp"
    subscriptionRequired: false
    policy: weather.xml
"#,
            url = upstream.url()
        );
        let files = [
            ("global.xml", FORWARD),
            ("metadata.xml", metadata),
            ("register.xml", register),
            ("callback.xml", callback),
            ("weather.xml", weather),
            (
                "authorize.xml",
                include_str!("../../documents/labs/oauth/authorize.xml"),
            ),
            (
                "token.xml",
                include_str!("../../documents/labs/oauth/token.xml"),
            ),
            ("tollgate.yaml", &configured),
        ];
        let environment = [("ENCRYPTION_KEY", KEY), ("ENCRYPTION_IV", IV)];
        Server {
            served: Served::start(&files, &environment),
            upstream,
        }
    }

    async fn send(&self, request: Request<Bytes>) -> Fetched {
        fetch(self.served.gateway, request).await.unwrap()
    }

    /// What has reached a path of the upstream.
    fn received(&self, path: &str) -> Vec<ReceivedRequest> {
        let all = self.upstream.requests().into_iter();
        all.filter(|r| r.path.split('?').next() == Some(path))
            .collect()
    }

    /// A message to the MCP server.
    async fn call(&self, authorization: Option<&str>) -> Fetched {
        let message = json!({ "jsonrpc": "2.0", "id": 1, "method": "ping" });
        let request = post_json("/weather", &message);
        let mut request = with_header(request, "accept", "application/json, text/event-stream");
        if let Some(value) = authorization {
            request = with_header(request, "authorization", value);
        }
        self.send(request).await
    }

    async fn discovers(&self) {
        let answer = self
            .send(get("/.well-known/oauth-authorization-server"))
            .await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert!(
            answer
                .header("content-type")
                .starts_with("application/json")
        );
        let metadata: Value = answer.json();
        assert_eq!(metadata["token_endpoint"], "https://gateway.example/token");
        assert_eq!(metadata["code_challenge_methods_supported"][0], "S256");
    }

    /// Registers a client and gives its id.
    async fn registers(&self) -> String {
        let client = json!({ "client_name": "inspector", "redirect_uris": [REDIRECT] });
        let answer = self.send(post_json("/register", &client)).await;
        assert!(answer.status.is_success(), "{}", answer.text());
        let registered = answer.json();
        assert_eq!(registered["client_name"], "inspector");
        assert_eq!(registered["redirect_uris"], json!([REDIRECT]));
        let year = registered["client_secret_expires_at"].as_i64().unwrap()
            - registered["client_id_issued_at"].as_i64().unwrap();
        assert_eq!(year, 31_536_000);
        let id = registered["client_id"].as_str().unwrap().to_owned();
        let stored = self.received("/cosmos/dbs/db/colls/clients/docs");
        let stored = stored.last().unwrap();
        assert_eq!(stored.method, "POST");
        assert_eq!(stored.json()["id"], *id);
        let partition = stored.header("x-ms-documentdb-partitionkey");
        assert_eq!(partition, Some(&*format!("[\"{id}\"]")));
        let token = stored.header("authorization").unwrap();
        assert!(
            token.starts_with("type=aad&ver=1.0&sig=identity-for-https"),
            "{token}"
        );
        // What the database refuses is not a client.
        let refused = json!({ "client_name": "no room", "redirect_uris": [REDIRECT] });
        let refused = self.send(post_json("/register", &refused)).await;
        assert_eq!(refused.status, 500, "{}", refused.text());
        assert_eq!(refused.json()["error"], "server_error");
        id
    }

    /// Begins; gives the cookie.
    async fn authorizes(&self, client: &str, state: &str) -> String {
        let path = |client: &str, redirect: &str| {
            get(&format!(
                "/authorize?response_type=code&client_id={client}&redirect_uri={redirect}&state={state}&code_challenge={CHALLENGE}&code_challenge_method=S256"
            ))
        };
        for (client, redirect) in [("stranger", REDIRECT), (client, "http://elsewhere.example")] {
            let refused = self.send(path(client, redirect)).await;
            assert_eq!(refused.status, 400, "{}", refused.text());
        }
        let answer = self.send(path(client, REDIRECT)).await;
        assert_eq!(answer.status, 302, "{}", answer.text());
        let location = answer.header("location");
        assert!(
            location.starts_with("https://login.example/authorize?"),
            "{location}"
        );
        // The provider sees a challenge of the gateway's own.
        assert!(!location.contains(CHALLENGE), "{location}");
        let cookie = answer.header("set-cookie");
        cookie.split(';').next().unwrap().to_owned()
    }

    /// Comes back from the identity provider; gives the code for the client.
    async fn returns(&self, cookie: &str, state: &str) -> String {
        let back = |code: &str, cookie: &str| {
            let request = get(&format!("/oauth-callback?code={code}&state={state}"));
            with_header(request, "cookie", cookie)
        };
        let stranger = self.send(back("good", "other=1")).await;
        assert_eq!(stranger.status, 400, "{}", stranger.text());
        assert_eq!(stranger.json()["error"], "invalid_state");
        let refused = self.send(back("bad", cookie)).await;
        assert_eq!(refused.status, 401, "{}", refused.text());
        assert_eq!(refused.json()["error"], "token_error");
        let answer = self.send(back("good", &format!("a=b; {cookie}"))).await;
        assert_eq!(answer.status, 302, "{}", answer.text());
        assert!(
            answer
                .header("set-cookie")
                .starts_with("__Host-MCP_CONSENT_STATE=;")
        );
        let asked = self.received("/entra/token");
        let asked = asked.last().unwrap().text();
        for part in [
            "client_id=entra-client",
            "grant_type=authorization_code",
            "client_assertion=identity-for-api",
        ] {
            assert!(asked.contains(part), "no {part} in {asked}");
        }
        let verifier = asked.split("code_verifier=").nth(1).unwrap();
        assert_eq!(verifier.split('&').next().unwrap().len(), 43, "{asked}");
        let location = answer.header("location");
        let rest = location.strip_prefix(&format!("{REDIRECT}?code=")).unwrap();
        let (code, told) = rest.split_once("&state=").unwrap();
        assert_eq!(told, state);
        code.to_owned()
    }

    /// Trades the code for a token.
    async fn trades(&self, code: &str) -> String {
        let form = |verifier: &str| {
            let body =
                format!("grant_type=authorization_code&code={code}&code_verifier={verifier}");
            let mut request = Request::new(Bytes::from(body));
            *request.method_mut() = Method::POST;
            *request.uri_mut() = "/token".parse().unwrap();
            with_header(request, "content-type", "application/x-www-form-urlencoded")
        };
        let thief = self.send(form("guessed")).await;
        assert_eq!(thief.status, 400, "{}", thief.text());
        let answer = self.send(form(VERIFIER)).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let token = answer.json()["access_token"].as_str().unwrap().to_owned();
        assert!(!token.contains("entra"), "{token}");
        // A code is good once.
        assert_eq!(self.send(form(VERIFIER)).await.status, 400);
        token
    }
}

/// Our own document, and the lab's.
fn original_or_ours(ours: &str, name: &str) -> Vec<String> {
    documents(ours, &format!("{FOLDER}/{name}"), &[])
}

#[tokio::test]
async fn a_client_registers_authorizes_and_calls() {
    let metadata = original_or_ours(
        include_str!("../../documents/labs/oauth/metadata.xml"),
        "oauthmetadata-get.policy.xml",
    );
    let register = original_or_ours(
        include_str!("../../documents/labs/oauth/register.xml"),
        "register.policy.xml",
    );
    let callback = original_or_ours(
        include_str!("../../documents/labs/oauth/callback.xml"),
        "oauth-callback.policy.xml",
    );
    let weather = include_str!("../../documents/labs/oauth/server.xml");
    for ((metadata, register), callback) in metadata.iter().zip(&register).zip(&callback) {
        let server = Server::start(metadata, register, callback, weather).await;
        server.discovers().await;
        let nobody = server.call(None).await;
        assert_eq!(nobody.status, 401, "{}", nobody.text());
        assert!(nobody.header("www-authenticate").starts_with("Bearer"));
        let client = server.registers().await;
        let cookie = server.authorizes(&client, "state-1").await;
        let code = server.returns(&cookie, "state-1").await;
        let token = server.trades(&code).await;
        assert_eq!(server.call(Some("Bearer forged")).await.status, 401);
        assert_eq!(
            server
                .call(Some(&format!("Bearer {}", SEALED[0])))
                .await
                .status,
            401
        );
        assert!(server.received("/weather/mcp").is_empty());
        let answer = server.call(Some(&format!("Bearer {token}"))).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        // The server behind sees the identity provider's token, never the session.
        let calls = server.received("/weather/mcp");
        assert_eq!(calls.len(), 1);
        assert_eq!(calls[0].header("authorization"), Some("Bearer entra-token"));
    }
}

/// The lab's own document for its MCP server takes one session, by name.
#[tokio::test]
async fn the_labs_server_takes_the_session_that_it_names() {
    let name = "mcp-client-authorization/src/weather/apim-mcp-server/policy.xml";
    let Some(weather) = documents("", name, &[]).into_iter().nth(1) else {
        // Our own document for the same is in the test above.
        return;
    };
    let nothing = "<policies><inbound><base /></inbound></policies>";
    let server = Server::start(nothing, nothing, nothing, &weather).await;
    for (authorization, status, why) in [
        (None, 401, "no access token provided"),
        (Some(SEALED[1]), 401, "token is not valid"),
        (Some(SEALED[0]), 200, ""),
    ] {
        let authorization = authorization.map(|token| format!("Bearer {token}"));
        let answer = server.call(authorization.as_deref()).await;
        assert_eq!(answer.status, status, "{}", answer.text());
        assert!(answer.text().contains(why), "{}", answer.text());
    }
    assert_eq!(server.received("/weather/mcp").len(), 1);
}
