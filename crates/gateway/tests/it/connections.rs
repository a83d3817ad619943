//! Stored connections: tokens from the environment and from a file that somebody else keeps fresh.

use crate::process::{Folder, Running, address, run};
use crate::scene::until;
use bytes::Bytes;
use http::Response;
use tollgate_testkit::client::{fetch, get};
use tollgate_testkit::upstream::{HttpUpstream, Transport};

const CONFIG: &str = r#"gateway:
  listen: [{ address: "127.0.0.1:0" }]
  management: { address: "127.0.0.1:0" }
authorizationProviders:
  - id: github
    displayName: GitHub
    identityProvider: github
    authorizations:
      - { id: file, authorizationType: OAuth2, accessToken: { file: token.txt }, claims: { login: alice } }
      - { id: variable, accessToken: { env: GITHUB_TOKEN }, expiresOn: "2200-01-31T00:00:00Z" }
apis:
  - id: api
    path: ""
    serviceUrl: "UPSTREAM"
    subscriptionRequired: false
    operations: [{ id: all, method: "*", urlTemplate: "/{connection}" }]
    policy: |
      <policies>
        <inbound>
          <get-authorization-context provider-id="github" authorization-id="@(context.Request.MatchedParameters["connection"])" context-variable-name="auth" />
          <set-header name="Authorization" exists-action="override"><value>@("Bearer " + ((Authorization)context.Variables["auth"]).AccessToken)</value></set-header>
          <set-header name="x-login"><value>@((string)((Authorization)context.Variables["auth"]).Claims.GetValueOrDefault("login", "nobody"))</value></set-header>
        </inbound>
      </policies>
"#;

#[tokio::test]
async fn tokens_come_from_where_the_configuration_says_and_change_with_it() {
    let upstream = HttpUpstream::start(Transport::Http1, |request| {
        let of = |name| request.header(name).unwrap_or_default().to_owned();
        Response::new(Bytes::from(format!(
            "{} {}",
            of("authorization"),
            of("x-login")
        )))
    })
    .await
    .unwrap();
    let folder = Folder::new();
    folder.write("token.txt", "canary-first\n");
    folder.write(
        "tollgate.yaml",
        &CONFIG.replace("UPSTREAM", &upstream.url()),
    );
    let mut running = Running::start(
        &["serve", folder.text()],
        &[("GITHUB_TOKEN", "canary-variable")],
    );
    let gateway = address(&running.line("serving http://"));
    running.line("ready");
    let told = async |path: &str| {
        let answer = fetch(gateway, get(path)).await.unwrap();
        (answer.status.as_u16(), answer.text())
    };
    assert_eq!(
        told("/file").await,
        (200, "Bearer canary-first alice".into())
    );
    assert_eq!(
        told("/variable").await,
        (200, "Bearer canary-variable nobody".into())
    );
    let (status, body) = told("/other").await;
    assert!(status == 500 && !body.contains("other"), "{body}");

    folder.write("token.txt", "canary-second\n");
    until("the new token", async || {
        told("/file").await.1 == "Bearer canary-second alice"
    })
    .await;
    running.signal("TERM");
    running.end();
    let output = running.output();
    assert!(output.contains("AuthorizationContextFailure"), "{output}");
    assert!(!output.contains("canary"), "{output}");
}

#[test]
fn a_token_in_the_file_is_warned_of_and_not_shown() {
    let folder = Folder::new();
    folder.write(
        "tollgate.yaml",
        r#"authorizationProviders:
  - id: github
    authorizations:
      - { id: a, accessToken: canary-literal }
      - { id: a, accesToken: canary-misspelt, expiresOn: soon }
"#,
    );
    let (status, out, err) = run(&["check", folder.text()]);
    assert_eq!(status, Some(1));
    let all = out + &err;
    assert!(!all.contains("canary"), "{all}");
    for said in ["the secret `accessToken` stands in the file", "accesToken"] {
        assert!(all.contains(said), "{said}\n{all}");
    }
}
