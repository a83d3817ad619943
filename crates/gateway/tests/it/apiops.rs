//! APIOps folders serve traffic as they are: the example, and the sample of the tool itself.

use crate::process::{Folder, Running, address, run};
use bytes::Bytes;
use http::Request;
use serde_json::{Value, json};
use std::path::Path;
use tollgate_testkit::client::{Fetched, fetch, get, post_json, with_header};
use tollgate_testkit::upstream::{HttpUpstream, Transport};

/// An upstream that says what has reached it.
async fn upstream() -> HttpUpstream {
    HttpUpstream::start(Transport::Http1, |request| {
        let headers: serde_json::Map<String, Value> = request
            .headers
            .iter()
            .map(|(name, value)| (name.to_ascii_lowercase(), json!(value)))
            .collect();
        let body = json!({ "method": request.method, "path": request.path, "headers": headers, "body": request.text() });
        http::Response::new(Bytes::from(body.to_string()))
    })
    .await
    .unwrap()
}

async fn call(gateway: std::net::SocketAddr, path: &str, key: Option<&str>) -> Fetched {
    let mut request: Request<Bytes> = get(path);
    if let Some(key) = key {
        request = with_header(request, "ocp-apim-subscription-key", key);
    }
    fetch(gateway, request).await.unwrap()
}

/// Starts a folder on free ports.
fn serve(
    folder: &Path,
    overrides: &Path,
    environment: &[(&str, &str)],
) -> (Running, std::net::SocketAddr) {
    let arguments = [
        "serve",
        folder.to_str().unwrap(),
        "--overrides",
        overrides.to_str().unwrap(),
        "--listen",
        "127.0.0.1:0",
        "--management",
        "127.0.0.1:0",
    ];
    let mut running = Running::start(&arguments, environment);
    let gateway = address(&running.line("serving http://"));
    (running, gateway)
}

#[tokio::test]
async fn the_example_serves_traffic_unmodified() {
    let upstream = upstream().await;
    let url = upstream.url();
    let folder = Folder::new();
    folder.write(
        "configuration.test.yaml",
        &format!(
            "backends:\n  - name: catalog-east\n    properties: {{ url: \"{url}/api\" }}\napis:\n  - name: orders-v2\n    properties: {{ serviceUrl: \"{url}/orders\" }}\nworkspaces:\n  - name: partners\n    apis:\n      - name: stock\n        properties: {{ serviceUrl: \"{url}/stock\" }}\n"
        ),
    );
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/apiops");
    let overrides = Path::new(folder.text()).join("configuration.test.yaml");
    let environment = [
        ("TOLLGATE_NAMED_VALUE_6655AA", "key-of-the-catalog"),
        ("TOLLGATE_SUBSCRIPTION_MOBILE_PRIMARY_KEY", "key-of-mobile"),
    ];
    let (_running, gateway) = serve(&example, &overrides, &environment);
    let key = Some("key-of-mobile");

    let item = call(gateway, "/catalog/items/7", key).await;
    assert_eq!((item.status.as_u16(), item.header("x-item")), (200, "7"));
    let seen = item.json();
    assert_eq!(seen["path"], "/api/v1/items/7");
    assert_eq!(seen["headers"]["x-api-key"], "key-of-the-catalog");
    assert_eq!(seen["headers"]["x-environment"], "dev");
    assert_eq!(seen["headers"]["x-revision"], "1 True");
    assert_eq!(
        seen["headers"]["x-product"],
        "Starter: Developers, People who test"
    );

    let items = call(gateway, "/catalog;rev=2/items", key).await.json();
    assert_eq!(items["path"], "/api/items");
    assert_eq!(items["headers"]["x-revision"], "2 False");
    assert_eq!(call(gateway, "/catalog/items", key).await.status, 404);
    assert_eq!(call(gateway, "/catalog/items/7", None).await.status, 401);

    let order = call(gateway, "/orders/v2/12", key).await;
    assert_eq!(order.json()["path"], "/orders/12");
    // The other version is not in the product.
    assert_eq!(call(gateway, "/orders/v1/12", key).await.status, 401);

    let stock = call(gateway, "/partners/stock/levels", None).await.json();
    assert_eq!(stock["headers"]["x-workspace"], "partners of partners-team");
    assert_eq!(stock["headers"]["x-environment"], "dev");
}

/// The policy documents of the tool's own sample, with the rest of the folder written around them.
#[tokio::test]
async fn the_tools_own_sample_serves_traffic() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../../shared/corpus/policies/Azure+apiops/SampleArtifacts");
    if !corpus.is_dir() {
        return;
    }
    let upstream = upstream().await;
    let url = upstream.url();
    let folder = Folder::new();
    copy(&corpus, "artifacts", &folder);
    let api = |name: &str, more: &str| {
        folder.write(
            &format!("artifacts/apis/{name}/apiInformation.json"),
            &format!(
                r#"{{"properties": {{"path": "{}", "displayName": "{name}", "protocols": ["https"], "serviceUrl": "https://httpbin.org", "subscriptionRequired": false{more}}}}}"#,
                name.split(';').next().unwrap()
            ),
        );
    };
    api("basic-api", "");
    api(
        "revisioned-api",
        r#", "apiRevision": "1", "isCurrent": true"#,
    );
    api("revisioned-api;rev=2", r#", "apiRevision": "2""#);
    let specification = |name: &str, method: &str, path: &str, id: &str| {
        folder.write(
            &format!("artifacts/apis/{name}/specification.yaml"),
            &format!(
                "openapi: 3.0.1\ninfo: {{ title: t, version: '' }}\npaths:\n  {path}:\n    {method}:\n      operationId: {id}\n      responses: {{ '200': {{ description: ok }} }}\n"
            ),
        );
    };
    specification("basic-api", "post", "/items", "create-item");
    specification("revisioned-api", "get", "/revision", "get-revision");
    specification("revisioned-api;rev=2", "get", "/revision", "get-revision");
    for (name, value) in [
        ("allowed-ip-address", "127.0.0.1"),
        ("environment-name", "sample"),
        ("rewrite-search-term", "needle"),
        ("intranet-proxy-url", &*url),
    ] {
        folder.write(
            &format!("artifacts/named values/{name}/namedValueInformation.json"),
            &format!(r#"{{"properties": {{"displayName": "{name}", "value": "{value}"}}}}"#),
        );
    }
    folder.write(
        "artifacts/products/product1/productInformation.json",
        r#"{"properties": {"displayName": "product1"}}"#,
    );
    folder.write(
        "artifacts/products/product1/apis/basic-api/productApiInformation.json",
        "{}",
    );
    folder.write(
        "configuration.test.yaml",
        &format!(
            "apis:\n  - name: basic-api\n    properties: {{ serviceUrl: \"{url}\" }}\n  - name: revisioned-api\n    properties: {{ serviceUrl: \"{url}\" }}\n  - name: revisioned-api;rev=2\n    properties: {{ serviceUrl: \"{url}\" }}\n"
        ),
    );
    let root = Path::new(folder.text());
    let overrides = root.join("configuration.test.yaml");
    let (_running, gateway) = serve(&root.join("artifacts"), &overrides, &[]);
    let current = call(gateway, "/revisioned-api/revision", None).await;
    assert_eq!(current.json()["headers"]["x-revision"], "1");
    let second = call(gateway, "/revisioned-api;rev=2/revision", None)
        .await
        .json();
    assert_eq!(second["headers"]["x-api-revision"], "2");
    assert_eq!(second["path"], "/revision");
    let item = post_json("/basic-api/items", &json!({ "state": "needle" }));
    let created = fetch(gateway, item).await.unwrap().json();
    assert_eq!(created["body"], r#"{"state":"created"}"#);
    assert_eq!(created["headers"]["x-operation"], "create-item");
}

fn copy(from: &Path, to: &str, folder: &Folder) {
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let to = format!("{to}/{}", path.file_name().unwrap().to_str().unwrap());
        if path.is_dir() {
            copy(&path, &to, folder);
        } else {
            folder.write(&to, &std::fs::read_to_string(&path).unwrap());
        }
    }
}

#[test]
fn import_writes_what_check_takes() {
    let folder = Folder::new();
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/apiops");
    let output = Path::new(folder.text()).join("written");
    let (source, to) = (example.to_str().unwrap(), output.to_str().unwrap());
    let (code, out, err) = run(&["import", "azure", source, "-o", to]);
    assert_eq!(code, Some(0), "{out}{err}");
    for expected in [
        "tag `public` has no effect",
        "5 APIs, ",
        "  TOLLGATE_NAMED_VALUE_6655AA",
    ] {
        assert!(out.contains(expected), "{expected} in\n{out}");
    }
    let (code, out, _) = run(&["check", "--without-secrets", to]);
    assert_eq!(code, Some(0), "{out}");
    // What is there is not written over.
    let (code, _, err) = run(&["import", "azure", source, "-o", to]);
    assert_eq!(code, Some(1));
    assert!(err.contains("is not empty"), "{err}");
}
