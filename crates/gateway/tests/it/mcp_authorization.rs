//! A client that knows nothing but the URL of an MCP server and its own credentials: the 401 leads it to the metadata,
//! the metadata to the issuer, and the issuer's token opens the server.

use crate::mcp_clients::asset;
use crate::process::{Folder, Running, address};
use crate::python::python;
use serde_json::Value;
use tollgate_testkit::simulator::{DEFAULT_CLIENT_ID, DEFAULT_CLIENT_SECRET, DEFAULT_TENANT};

#[test]
fn python_finds_the_issuer_and_gets_in() {
    let mut simulator = Running::start(&["simulate", "--listen", "127.0.0.1:0", "--json"], &[]);
    let line: Value = serde_json::from_str(&simulator.line("simulator")).unwrap();
    let simulated = line["simulator"].as_str().unwrap();
    let issuer = format!("{simulated}/{DEFAULT_TENANT}/v2.0");
    let folder = Folder::new();
    folder.write(
        "api.xml",
        &format!(
            r#"<policies>
  <inbound>
    <base />
    <validate-jwt header-name="Authorization" require-scheme="Bearer" failed-validation-httpcode="401">
      <openid-config url="{issuer}/.well-known/openid-configuration" />
      <audiences><audience>api://docs</audience></audiences>
    </validate-jwt>
    <set-header name="Authorization" exists-action="delete" />
  </inbound>
</policies>"#
        ),
    );
    folder.write(
        "tollgate.yaml",
        &format!(
            r#"gateway:
  listen: [{{ address: "127.0.0.1:0" }}]
  management: {{ address: "127.0.0.1:0" }}
  threads: 2
apis:
  - id: docs
    type: mcp
    path: docs/mcp
    serviceUrl: "{simulated}"
    subscriptionRequired: false
    policy: api.xml
    mcp:
      authorization:
        authorizationServers: ["{issuer}"]
        scopesSupported: ["api://docs/.default"]
"#
        ),
    );
    let mut gateway = Running::start(&["serve", folder.text()], &[]);
    let url = format!(
        "http://{}/docs/mcp",
        address(&gateway.line("serving http://"))
    );
    gateway.line("ready");
    for mode in ["legacy", "auto"] {
        let environment = [
            ("MCP_URL", &*url),
            ("MCP_MODE", mode),
            ("SIMULATOR_URL", simulated),
            ("ISSUER", &*issuer),
            ("CLIENT_ID", DEFAULT_CLIENT_ID),
            ("CLIENT_SECRET", DEFAULT_CLIENT_SECRET),
        ];
        if let Some(out) = python(&asset("clients/mcp_oauth.py"), &environment) {
            assert!(out.trim_end().ends_with("ok"), "{out}");
        }
        // The next one looks at what reaches the server from then on.
        let control = format!("{simulated}/requests");
        let request = http::Request::delete("/requests").body(bytes::Bytes::new());
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let forgot = runtime.block_on(tollgate_testkit::client::fetch(
            address(&control),
            request.unwrap(),
        ));
        assert_eq!(forgot.unwrap().status, 200);
    }
}
