//! APIOps folders: what they give, what has no effect, where faults stand.

use crate::folder::Folder;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tollgate_control::{Loaded, Options, load_with};

fn options(environment: &[(&str, &str)]) -> Options {
    let environment: HashMap<String, String> = environment
        .iter()
        .map(|(n, v)| ((*n).to_owned(), (*v).to_owned()))
        .collect();
    Options {
        environment: Arc::new(move |name| environment.get(name).cloned()),
        ..Options::default()
    }
}

/// The faults, one a line, with paths below the folder.
fn faults(loaded: &Loaded, folder: &Path) -> Vec<String> {
    let text = loaded.diagnostics.render_compact(&loaded.sources);
    let text = text.replace(&format!("{}/", folder.display()), "");
    text.lines().map(str::to_owned).collect()
}

fn example() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/apiops")
}

const KEYS: [(&str, &str); 2] = [
    ("TOLLGATE_NAMED_VALUE_6655AA", "catalog-secret"),
    ("TOLLGATE_SUBSCRIPTION_MOBILE_PRIMARY_KEY", "mobile-secret"),
];

#[test]
fn the_example_is_a_configuration() {
    let folder = example();
    let loaded = load_with(&folder, &options(&KEYS));
    assert_eq!(
        faults(&loaded, &folder),
        [
            "apis/catalog/apiInformation.json:9:18: warning[TG0412]: APIs for `https` or `wss` alone are served on listeners without TLS, too: no listener has TLS here",
            "diagnostics/azuremonitor/diagnosticInformation.json:2:3: warning[TG0412]: diagnostic `azuremonitor` has no effect: `gateway.logs` and the management address say what is logged and counted",
            "subscriptions/old/subscriptionInformation.json:2:3: warning[TG0412]: subscription `old` has no key and opens nothing: set `TOLLGATE_SUBSCRIPTION_OLD_PRIMARY_KEY`",
            "tags/public/tagInformation.json:2:3: warning[TG0412]: tag `public` has no effect",
            "tags/public/apis/catalog/tagApiInformation.json:1:1: warning[TG0412]: tag `public` of `catalog` has no effect",
        ]
    );
    let snapshot = loaded.snapshot.unwrap();
    let apis: Vec<String> = snapshot
        .apis
        .iter()
        .map(|a| {
            let version = a.version.as_ref().and_then(|v| v.version.clone());
            format!(
                "{} {:?} {} {} {} {:?}",
                a.id,
                a.path,
                version.unwrap_or_default(),
                a.revision,
                a.is_current,
                a.workspace
            )
        })
        .collect();
    assert_eq!(
        apis,
        [
            r#"catalog "catalog"  1 true None"#,
            r#"catalog "catalog"  2 false None"#,
            r#"orders-v1 "orders" v1 1 true None"#,
            r#"orders-v2 "orders" v2 1 true None"#,
            r#"stock "partners/stock"  1 true Some(0)"#,
        ]
    );
    assert_eq!(loaded.summary.subscriptions, 1);
}

#[test]
fn overrides_replace_properties() {
    let folder = example();
    let mut options = options(&KEYS);
    options.overrides = Some(folder.join("configuration.prod.yaml"));
    let loaded = load_with(&folder, &options);
    let snapshot = loaded.snapshot.unwrap();
    let of = |id: &str| {
        let api = snapshot.apis.iter().find(|a| &*a.id == id).unwrap();
        api.service_url.as_ref().unwrap().path.to_string()
    };
    assert_eq!(
        (of("orders-v1"), of("orders-v2")),
        ("/v1".into(), "/prod/v2".into())
    );
}

#[test]
fn faults_stand_in_their_files() {
    let folder = Folder::new();
    let write = |name: &str, text: &str| {
        folder.write(name, text);
    };
    write(
        "apis/a/apiInformation.json",
        "{\n  \"properties\": {\n    \"path\": \"a\",\n    \"serviceUrl\": \"nowhere\",\n    \"wonder\": 1\n  }\n}\n",
    );
    write(
        "apis/a/policy.xml",
        "<policies>\n  <inbound><set-heder /><base />{#[STAGE]#}</inbound>\n</policies>\n",
    );
    write("apis/a/operations/gone/policy.xml", "<policies />");
    write("apis/a/specification.wadl", "<application />");
    write(
        "apis/g/apiInformation.json",
        r#"{"properties": {"path": "g", "type": "grpc"}}"#,
    );
    write(
        "backends/b/backendInformation.json",
        "{ \"properties\": {\n \"url\": 7 }",
    );
    write(
        "named values/n/namedValueInformation.json",
        r#"{"properties": {"displayName": "n", "secret": true}}"#,
    );
    write(
        "named values/t/namedValueInformation.json",
        r##"{"properties": {"displayName": "t", "value": "{#[TOKEN]#}"}}"##,
    );
    write(
        "products/p/productInformation.json",
        r#"{"properties": {"displayName": "P"}}"#,
    );
    write(
        "products/p/apis.json",
        r#"[{"name": "a"}, {"name": "g"}, {"name": "z"}]"#,
    );
    write("wikis/w/wikiInformation.json", "{}");
    let loaded = load_with(folder.path(), &options(&[("TOKEN", "told")]));
    assert_eq!(
        faults(&loaded, folder.path()),
        [
            "apis/a/apiInformation.json:4:19: error[TG0406]: expected an absolute URL such as https://host/path; not usable as a URL",
            "apis/a/apiInformation.json:5:5: warning[TG0412]: `wonder` of API `a` has no effect",
            "apis/a/operations/gone/policy.xml:1:1: error[TG0406]: operation `gone` of API `a` has no `method` and `urlTemplate`; expected `method` and `urlTemplate` beside it",
            "apis/a/specification.wadl:1:1: warning[TG0412]: the specification of API `a` is not OpenAPI and not read: the API has no operations",
            "apis/g/apiInformation.json:1:2: warning[TG0412]: API `g` is left out: type `grpc` is not served; callers reach that server without the gateway",
            "backends/b/backendInformation.json:1:1: error[TG0401]: not YAML: unclosed bracket '{'; check indentation, quotes and brackets up to this place; nothing after it was read",
            "named values/n/namedValueInformation.json:1:2: error[TG0408]: environment variable `TOLLGATE_NAMED_VALUE_N` is not set; expected a variable with the value; set it before the gateway starts: `export TOLLGATE_NAMED_VALUE_N=…`",
            "products/p/apis.json:1:33: warning[TG0412]: API `z` of product `p` is not there",
            "wikis:1:1: warning[TG0412]: folder `wikis` has no effect",
            "apis/a/policy.xml:2:13: error[TG0311]: unknown policy `set-heder`; expected a policy element; did you mean `set-header`?",
            "apis/a/policy.xml:2:33: error[TG0408]: environment variable `STAGE` is not set; expected a variable with the value; set it before the gateway starts: `export STAGE=…`",
            "apis/a/policy.xml:2:33: error[TG0113]: text between the elements of `<inbound>`, inside this named value; expected only elements here; remove it, or make it a comment: `<!-- ... -->`",
        ]
    );
}

/// One operation.
const SPECIFICATION: &str = "openapi: 3.0.1\ninfo: {title: a, version: '1'}\npaths: {/x: {get: {operationId: x, responses: {'200': {description: x}}}}}\n";

#[test]
fn a_configuration_file_beside_or_in_it_says_the_rest() {
    let folder = Folder::new();
    let yaml = "gateway: { id: edge }\napiops: { folder: artifacts }\nsubscriptions:\n  - { id: s, scope: /apis/a, primaryKey: { env: KEY } }\n";
    folder.write("tollgate.yaml", yaml);
    folder.write(
        "artifacts/apis/a/apiInformation.json",
        r#"{"properties": {"path": "a", "serviceUrl": "https://a.example"}}"#,
    );
    folder.write("artifacts/apis/a/specification.yaml", SPECIFICATION);
    folder.write("artifacts/policy.xml", "<policies><inbound /></policies>");
    let both = [("KEY", "k")];
    let beside = load_with(folder.path(), &options(&both));
    assert_eq!(faults(&beside, folder.path()), Vec::<String>::new());
    let snapshot = beside.snapshot.unwrap();
    assert_eq!(
        (&*snapshot.gateway.id, snapshot.subscriptions.len()),
        ("edge", 1)
    );
    folder.write("artifacts/tollgate.yaml", "gateway: { id: inside }\n");
    let inside = load_with(&folder.path().join("artifacts"), &options(&both));
    assert_eq!(&*inside.snapshot.unwrap().gateway.id, "inside");
}

/// What a workspace has of its own, and what Azure's tools leave in a folder beside what counts.
#[test]
fn a_workspace_has_certificates_and_schemas() {
    let folder = Folder::new();
    let write = |name: &str, text: &str| {
        folder.write(name, text);
    };
    let own = "workspaces/pay/";
    write(
        &format!("{own}apis/a/apiInformation.json"),
        r#"{"properties": {"path": "a", "serviceUrl": "https://a.example", "subscriptionRequired": false}}"#,
    );
    write(
        &format!("{own}apis/a/policy.xml"),
        r#"<policies><inbound><validate-content unspecified-content-type-action="ignore" max-size="9" size-exceeded-action="prevent"><content type="application/json" validate-as="json" action="prevent" schema-id="charge" /></validate-content><authentication-certificate certificate-id="own" /></inbound></policies>"#,
    );
    write(
        &format!("{own}schemas/charge/schemaInformation.json"),
        r#"{"properties": {"schemaType": "json", "document": {"value": "{\"type\": \"object\"}"}}}"#,
    );
    write(&format!("{own}apis/a/specification.yaml"), SPECIFICATION);
    write(
        &format!("{own}certificates/own/certificateInformation.json"),
        r#"{"properties": {"subject": "CN=own", "keyVault": {"secretIdentifier": "https://kv.vault.azure.net/secrets/own", "lastStatus": {"code": "Success"}}}}"#,
    );
    write(
        &format!("{own}subscriptions/till/subscriptionInformation.json"),
        r#"{"properties": {"scope": "/workspaces/pay/apis", "state": "active"}}"#,
    );
    write(
        "apis/feed/apiInformation.json",
        r#"{"properties": {"path": "feed", "type": "websocket", "serviceUrl": "wss://feed.example"}}"#,
    );
    write(
        "apis/feed/operations/onHandshake/policy.xml",
        "<policies><inbound><rate-limit calls=\"{#[CALLS]#}\" renewal-period=\"60\" /></inbound></policies>",
    );
    write(
        "backends/mesh/backendInformation.json",
        r#"{"properties": {"url": "fabric:/app/service", "protocol": "http"}}"#,
    );
    write(
        "configuration.prod.yaml",
        "workspaces:\n  - name: pay\n    apis:\n      - name: a\n        properties: { serviceUrl: \"https://prod.example\" }\n",
    );
    let with = |missing_secrets: bool| Options {
        missing_secrets,
        overrides: Some(folder.path().join("configuration.prod.yaml")),
        ..options(&[("CALLS", "3")])
    };
    let mesh = "backends/mesh/backendInformation.json:1:2: warning[TG0412]: backend `mesh` is left out: `fabric:/app/service` is known in a Service Fabric cluster alone; give the service's own URL";
    let till = "workspaces/pay/subscriptions/till/subscriptionInformation.json:1:2";
    let key = "TOLLGATE_SUBSCRIPTION_PAY_TILL_PRIMARY_KEY";
    let loaded = load_with(folder.path(), &with(false));
    assert_eq!(
        faults(&loaded, folder.path()),
        [
            String::from(mesh),
            format!(
                "{till}: warning[TG0412]: subscription `till` has no key and opens nothing: set `{key}`"
            ),
        ]
    );
    let snapshot = loaded.snapshot.unwrap();
    let of = |id: &str| snapshot.apis.iter().find(|a| &*a.id == id).unwrap();
    assert_eq!(
        &*of("a").service_url.as_ref().unwrap().origin.host,
        "prod.example"
    );
    let handshake = &of("feed").operations[0];
    assert_eq!(
        (&*handshake.id, &*handshake.method, &*handshake.url_template),
        ("onHandshake", "GET", "/*")
    );
    // Where secrets have stand-ins, a subscription without a key has one.
    let loaded = load_with(folder.path(), &with(true));
    assert_eq!(
        faults(&loaded, folder.path()),
        [
            String::from(mesh),
            format!(
                "{till}: warning[TG0408]: environment variable `{key}` is not set; expected a variable with the value; set it before the gateway starts: `export {key}=…`"
            ),
        ]
    );
    assert_eq!(loaded.snapshot.unwrap().subscriptions.len(), 1);
}
