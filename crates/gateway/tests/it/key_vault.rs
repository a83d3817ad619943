//! Named values from Key Vault, over the network and from a mounted folder.

use crate::process::{Folder, Running, address};
use bytes::Bytes;
use http::Response;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tollgate_testkit::client::{fetch, get};
use tollgate_testkit::upstream::{HttpUpstream, Transport};

/// The metadata service, a vault, and an echo of `x-partner`.
async fn azure(rotated: Arc<AtomicBool>) -> HttpUpstream {
    HttpUpstream::start(Transport::Http1, move |request| {
        let text = if request.path.starts_with("/metadata/identity/oauth2/token") {
            String::from(r#"{"access_token":"the-token","expires_in":"3600"}"#)
        } else if request.path.starts_with("/secrets/partner?") {
            assert_eq!(request.header("authorization"), Some("Bearer the-token"));
            let value = if rotated.load(Ordering::SeqCst) {
                "new"
            } else {
                "old"
            };
            format!(r#"{{"value":"{value}-key"}}"#)
        } else {
            request.header("x-partner").unwrap_or_default().to_owned()
        };
        Response::new(Bytes::from(text))
    })
    .await
    .unwrap()
}

fn write(folder: &Folder, url: &str, key_vault: &str) {
    folder.write(
        "tollgate.yaml",
        &format!(
            r#"gateway:
  listen: [{{ address: "127.0.0.1:0" }}]
  management: {{ address: "127.0.0.1:0" }}
  identity: {{ source: imds, endpoint: "{url}" }}
  keyVault: {key_vault}
namedValues:
  - id: partner
    keyVault: {{ secretIdentifier: "{url}/secrets/partner" }}
apis:
  - id: a
    path: a
    serviceUrl: "{url}"
    subscriptionRequired: false
    operations: [{{ id: all, method: "*", urlTemplate: "/*" }}]
    policy: |
      <policies>
        <inbound>
          <base />
          <set-header name="x-partner" exists-action="override"><value>{{{{partner}}}}</value></set-header>
        </inbound>
      </policies>
"#
        ),
    );
}

async fn seen(gateway: std::net::SocketAddr) -> String {
    fetch(gateway, get("/a/x")).await.unwrap().text()
}

// The vault must answer while the start is waited for.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_secret_of_a_vault_is_read_and_read_again() {
    let rotated = Arc::new(AtomicBool::new(false));
    let azure = azure(rotated.clone()).await;
    let folder = Folder::new();
    write(&folder, &azure.url(), "{ refresh: 1s }");
    let folder_path = folder.text().to_owned();
    let mut running = Running::start(&["serve", &folder_path], &[]);
    let gateway = address(&running.line("serving http://"));
    assert_eq!(seen(gateway).await, "old-key");
    rotated.store(true, Ordering::SeqCst);
    // Said when the new value is in force.
    let running = tokio::task::spawn_blocking(move || {
        running.line("configuration loaded");
        running
    });
    let _running = running.await.unwrap();
    assert_eq!(seen(gateway).await, "new-key");
}

#[tokio::test]
async fn a_mounted_folder_is_a_vault() {
    let azure = azure(Arc::default()).await;
    let folder = Folder::new();
    folder.write("mounted/partner", "mounted-key\n");
    write(&folder, &azure.url(), "{ folder: mounted }");
    let mut running = Running::start(&["serve", folder.text()], &[]);
    let gateway = address(&running.line("serving http://"));
    assert_eq!(seen(gateway).await, "mounted-key");
    folder.write("mounted/partner", "turned-key\n");
    let running = tokio::task::spawn_blocking(move || {
        running.line("configuration loaded");
        running
    });
    let _running = running.await.unwrap();
    assert_eq!(seen(gateway).await, "turned-key");
}
