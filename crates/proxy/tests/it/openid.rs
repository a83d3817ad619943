//! Documents of OpenID providers as they come over the wire, good and bad.

use crate::support::*;

const KEY_SET: &str = r#"{"keys":[{"kty":"OKP","crv":"Ed25519","alg":"EdDSA","use":"sig","kid":"a","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#;

fn answer(status: &str, more: &str, body: &str) -> String {
    format!(
        "HTTP/1.1 {status}\r\n{more}content-length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// What is at a path; `/good` and `/keys` are in order.
fn document(path: &str, url: &str) -> String {
    let ok = |body: &str| answer("200 OK", "content-type: application/json\r\n", body);
    let configuration = |keys: &str| ok(&format!(r#"{{"issuer":"{url}","jwks_uri":"{keys}"}}"#));
    match path {
        "/good" => configuration(&format!("{url}/keys")),
        "/keys" => ok(KEY_SET),
        "/moved" => answer("302 Found", "location: /good\r\n", ""),
        "/page" => answer(
            "200 OK",
            "content-type: text/html\r\n",
            "<html>sign in</html>",
        ),
        "/large" => ok(&format!(r#"{{"issuer":"{}"}}"#, "x".repeat(300 << 10))),
        "/file" => configuration("file:///etc/passwd"),
        "/no-keys" => configuration(&format!("{url}/empty")),
        "/empty" => ok(r#"{"keys":[{"kty":"oct","k":"c2VjcmV0"}]}"#),
        "/large-keys" => configuration(&format!("{url}/endless")),
        "/endless" => ok(&format!(r#"{{"keys":[],"x":"{}"}}"#, "x".repeat(2 << 20))),
        "/broken" => "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"issuer\"".into(),
        "/tenant" => answer(
            "400 Bad Request",
            "content-type: application/json\r\n",
            r#"{"error":"invalid_tenant","error_description":"AADSTS90002: Tenant 'x' not found.\nTrace"}"#,
        ),
        _ => answer("404 Not Found", "", ""),
    }
}

async fn provider() -> Backend {
    let url: std::sync::Arc<std::sync::OnceLock<String>> = Default::default();
    let known = url.clone();
    let backend = Backend::serve(move |mut wire| {
        let known = known.clone();
        async move {
            while let Some(request) = wire.message().await {
                let path = request.split(' ').nth(1).unwrap().to_owned();
                wire.send(&document(&path, known.get().unwrap())).await;
                if path == "/broken" {
                    return;
                }
            }
        }
    })
    .await;
    url.set(backend.url()).unwrap();
    backend
}

#[tokio::test]
async fn what_is_wrong_with_a_document_is_told_to_operators() {
    let provider = provider().await;
    let bad = [
        ("moved", "redirects are not followed"),
        ("page", "the configuration document is not a JSON object"),
        ("large", "larger than 262144 bytes"),
        ("file", "`jwks_uri`"),
        ("no-keys", "no key in it can check a signature (1 cannot)"),
        ("large-keys", "larger than 1048576 bytes"),
        ("broken", ""),
        (
            "tenant",
            "400 Bad Request: AADSTS90002: Tenant 'x' not found.",
        ),
        ("nothing", "404 Not Found"),
    ];
    let paths = std::iter::once("good").chain(bad.map(|(path, _)| path));
    let configs: String = paths
        .map(|path| format!(r#"<openid-config url="{}/{path}" />"#, provider.url()))
        .collect();
    let policy = format!(
        r#"<policies><inbound><validate-jwt header-name="Authorization">{configs}</validate-jwt></inbound></policies>"#
    );
    let backend = Backend::echo().await;
    let running = start(definition(&backend.url(), Some(&policy)), |_| {});
    let mut wire = running.connect().await;
    let told = soon(async {
        loop {
            let answer = wire.get("/readyz").await;
            if answer.matches("no keys of it are known").count() == bad.len() {
                break serde_json::from_str::<serde_json::Value>(body(&answer)).unwrap();
            }
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    })
    .await;
    for (path, why) in bad {
        let name = format!("OpenID provider {}/{path}", provider.url());
        let text = told["degraded"][&name].as_str().unwrap_or_default();
        assert!(text.contains(why) && !text.is_empty(), "{path}: {text}");
    }
    let metrics = running.gateway.metrics();
    let line = format!(
        "tollgate_openid_keys{{provider=\"{}/good\"}} 1",
        provider.url()
    );
    assert!(metrics.contains(&line), "{metrics}");
}
