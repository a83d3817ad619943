//! Import: a template and an APIOps folder become a `tollgate.yaml` that loads, and what did not carry over is told.

use crate::folder::Folder;
use std::path::Path;
use std::sync::Arc;
use tollgate_control::{Imported, Options, import, load_with};

const TEMPLATE: &str = r#"{
  "$schema": "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#",
  "contentVersion": "1.0.0.0",
  "parameters": {
    "service": { "type": "string" },
    "regions": { "type": "array", "defaultValue": ["east", "west"] },
    "partnerKey": { "type": "securestring" }
  },
  "variables": { "host": "openai.azure.com" },
  "resources": [
    {
      "type": "Microsoft.ApiManagement/service", "name": "[parameters('service')]", "location": "[resourceGroup().location]"
    },
    {
      "type": "Microsoft.ApiManagement/service/backends",
      "name": "[format('{0}/openai-{1}', parameters('service'), parameters('regions')[copyIndex()])]",
      "copy": { "name": "backends", "count": "[length(parameters('regions'))]" },
      "properties": {
        "url": "[format('https://{0}.{1}/openai', parameters('regions')[copyIndex()], variables('host'))]",
        "protocol": "http",
        "credentials": { "managedIdentity": { "resource": "https://cognitiveservices.azure.com" }, "header": {} },
        "circuitBreaker": { "rules": [ { "name": "r", "tripDuration": "PT1M", "acceptRetryAfter": true,
          "failureCondition": { "count": 3, "interval": "PT1M", "statusCodeRanges": [ { "min": 429, "max": 429 } ] } } ] }
      }
    },
    {
      "type": "Microsoft.ApiManagement/service/backends", "name": "[concat(parameters('service'), '/pool')]",
      "properties": { "type": "Pool", "pool": { "services": [
        { "id": "[resourceId('Microsoft.ApiManagement/service/backends', parameters('service'), 'openai-east')]", "priority": 1, "weight": 1 },
        { "id": "/backends/openai-west", "priority": 2 } ] } }
    },
    {
      "type": "Microsoft.ApiManagement/service/namedValues", "name": "[concat(parameters('service'), '/partner-key')]",
      "properties": { "displayName": "partner-key", "secret": true, "value": "[parameters('partnerKey')]" }
    },
    {
      "type": "Microsoft.ApiManagement/service/namedValues", "name": "[concat(parameters('service'), '/host')]",
      "properties": { "displayName": "Host.Name", "value": "[reference('other').host]" }
    },
    {
      "type": "Microsoft.ApiManagement/service/policyFragments", "name": "[concat(parameters('service'), '/stamp')]",
      "properties": { "format": "rawxml", "value": "<fragment><set-header name=\"x-stamp\" exists-action=\"override\"><value>{{Host.Name}}</value></set-header></fragment>" }
    },
    {
      "type": "Microsoft.ApiManagement/service/apis", "name": "[concat(parameters('service'), '/chat')]",
      "properties": {
        "displayName": "Chat: all of it", "path": "chat", "protocols": [ "https" ], "subscriptionRequired": true, "apiRevision": "1",
        "isCurrent": true, "serviceUrl": null, "type": "http", "authenticationSettings": {},
        "subscriptionKeyParameterNames": { "header": "api-key", "query": "api-key" },
        "format": "openapi+json",
        "value": "{\"openapi\": \"3.0.1\", \"info\": {\"title\": \"t\", \"version\": \"1\"}, \"paths\": {\"/completions\": {\"post\": {\"operationId\": \"complete\", \"responses\": {}}}}}"
      },
      "resources": [
        {
          "type": "policies", "name": "policy",
          "properties": { "format": "rawxml", "value": "[concat('<policies>\n  <inbound>\n    <base />\n    <include-fragment fragment-id=\"stamp\" />\n    <set-backend-service backend-id=\"', 'pool', '\" />\n  </inbound>\n</policies>')]" }
        },
        {
          "type": "operations", "name": "models",
          "properties": { "displayName": "Models", "method": "GET", "urlTemplate": "/models/{id}", "templateParameters": [ { "name": "id", "type": "string", "required": true } ] }
        },
        {
          "type": "operations/policies", "name": "models/policy",
          "properties": { "value": "<policies><inbound><base /><rewrite-uri template=\"/v1/models/{id}\" /></inbound></policies>" }
        },
        { "type": "diagnostics", "name": "applicationinsights", "properties": { "loggerId": "x" } }
      ]
    },
    {
      "type": "Microsoft.ApiManagement/service/products", "name": "[concat(parameters('service'), '/ai')]",
      "properties": { "displayName": "AI", "subscriptionRequired": true, "state": "published", "wonder": 7 }
    },
    { "type": "Microsoft.ApiManagement/service/products/apis", "name": "[concat(parameters('service'), '/ai/chat')]" },
    {
      "type": "Microsoft.ApiManagement/service/subscriptions", "name": "[concat(parameters('service'), '/team-a')]",
      "properties": { "displayName": "Team A", "scope": "[format('{0}/products/ai', resourceId('Microsoft.ApiManagement/service', parameters('service')))]", "state": "active", "primaryKey": "written-down" }
    },
    { "type": "Microsoft.ApiManagement/service/caches", "name": "[concat(parameters('service'), '/redis')]", "properties": {} }
  ]
}
"#;

fn options() -> Options {
    Options {
        environment: Arc::new(|_| None),
        missing_secrets: true,
        ..Options::default()
    }
}

/// Writes what was imported, and loads it.
fn loads(imported: &Imported) -> (Folder, Vec<String>) {
    let folder = Folder::new();
    for (name, text) in &imported.files {
        folder.write(name.to_str().unwrap(), text);
    }
    let loaded = load_with(folder.path(), &options());
    let faults = loaded.diagnostics.render_compact(&loaded.sources);
    assert!(
        loaded.snapshot.is_some(),
        "{faults}\n{}",
        imported.files[0].1
    );
    let clean = faults.lines().filter(|line| !line.contains("TG0408"));
    let faults = clean.map(str::to_owned).collect();
    (folder, faults)
}

/// Compares with a file of `tests/import`; `UPDATE_EXPECT=1` rewrites it.
fn is_written(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/import")
        .join(name);
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        std::fs::write(&path, text).unwrap();
    }
    assert_eq!(text, std::fs::read_to_string(&path).unwrap_or_default());
}

fn notes(imported: &Imported, folder: &Path) -> Vec<String> {
    let text = imported.diagnostics.render_compact(&imported.sources);
    let text = text.replace(&format!("{}/", folder.display()), "");
    text.lines().map(str::to_owned).collect()
}

#[test]
fn a_template_becomes_a_configuration() {
    let folder = Folder::new();
    let path = folder.write("template.json", TEMPLATE);
    let parameters = folder.write(
        "parameters.json",
        r#"{ "parameters": { "service": { "value": "contoso" }, "partnerKey": { "value": "hunter2" } } }"#,
    );
    let imported = import(&path, Some(&parameters), &options());
    assert_eq!(
        notes(&imported, folder.path()),
        [
            "template.json:12:7: warning[TG0413]: the settings of service `contoso` do not carry over: write listeners and TLS under `gateway`",
            "template.json:38:60: warning[TG0413]: left out: `reference` is known only in a deployment",
            "template.json:47:72: warning[TG0413]: APIs for `https` or `wss` alone are served on listeners without TLS, too: no listener has TLS here",
            "template.json:71:96: warning[TG0413]: `wonder` of product `ai` has no effect",
            "template.json:78:7: warning[TG0413]: cache `redis` has no effect: values and responses are cached in memory",
            "template.json:66:11: warning[TG0413]: diagnostic `applicationinsights` of API `chat` has no effect: `gateway.logs` and the management address say what is logged and counted",
        ]
    );
    let (_written, faults) = loads(&imported);
    assert_eq!(faults, Vec::<String>::new());
    is_written("template.yaml", &imported.files[0].1);
    let names: Vec<&str> = imported
        .files
        .iter()
        .filter_map(|(n, _)| n.to_str())
        .collect();
    assert_eq!(
        names,
        [
            "tollgate.yaml",
            "policies/fragments/stamp.xml",
            "policies/apis/chat.xml",
            "specifications/chat.json",
            "policies/apis/chat/models.xml",
        ]
    );
    let all: String = imported
        .files
        .iter()
        .map(|(_, text)| text.as_str())
        .collect();
    assert!(!all.contains("hunter2") && !all.contains("written-down"));
    let variables: Vec<&str> = imported.variables.iter().map(String::as_str).collect();
    assert_eq!(
        variables,
        [
            "TOLLGATE_NAMED_VALUE_HOST",
            "TOLLGATE_NAMED_VALUE_PARTNER_KEY",
            "TOLLGATE_SUBSCRIPTION_TEAM_A_PRIMARY_KEY",
        ]
    );
}

#[test]
fn an_apiops_folder_becomes_a_configuration() {
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/apiops");
    let imported = import(&example, None, &options());
    let (_folder, faults) = loads(&imported);
    assert_eq!(faults, Vec::<String>::new());
    is_written("apiops.yaml", &imported.files[0].1);
    let names: Vec<&str> = imported
        .files
        .iter()
        .filter_map(|(n, _)| n.to_str())
        .collect();
    for expected in [
        "policies/global.xml",
        "policies/apis/catalog.rev2.xml",
        "policies/apis/catalog/get-item.xml",
        "specifications/orders-v1.yaml",
        "workspaces/partners/policies/global.xml",
    ] {
        assert!(names.contains(&expected), "{expected} in {names:?}");
    }
}

#[test]
fn what_is_no_template_is_refused() {
    let folder = Folder::new();
    let path = folder.write("a.json", "{ \"hello\": 1 }");
    let imported = import(&path, None, &options());
    assert_eq!(
        notes(&imported, folder.path()),
        [
            "a.json:1:3: error[TG0414]: this is no ARM template; expected an object with `resources`; build Bicep first: `bicep build main.bicep`"
        ]
    );
    let imported = import(&folder.path().join("none.json"), None, &options());
    assert!(imported.diagnostics.has_errors());
}

/// Operations' contracts, schemas and certificates, of the service and of a workspace.
#[test]
fn contracts_schemas_and_certificates_carry_over() {
    let folder = Folder::new();
    let resource = |kind: &str, name: &str, properties: &str| {
        format!(
            r#"{{ "type": "Microsoft.ApiManagement/service/{kind}", "name": "contoso/{name}", "properties": {properties} }}"#
        )
    };
    let resources = [
        resource(
            "apis",
            "store",
            r#"{ "path": "store", "serviceUrl": "https://store.example" }"#,
        ),
        resource(
            "apis/schemas",
            "store/json",
            r#"{ "contentType": "application/vnd.oai.openapi.components+json", "document": { "components": { "schemas": { "Item": { "type": "object", "required": ["sku"] } } } } }"#,
        ),
        resource(
            "apis/schemas",
            "store/unused",
            r#"{ "contentType": "x", "document": { "components": {} } }"#,
        ),
        resource(
            "apis/operations",
            "store/add",
            r#"{ "displayName": "Add", "method": "POST", "urlTemplate": "/items", "templateParameters": [],
                 "request": { "queryParameters": [], "headers": [{ "name": "x-tenant", "type": "string", "required": true, "values": [] }],
                   "representations": [{ "contentType": "application/json", "schemaId": "json", "typeName": "Item" }, { "contentType": "text/xml", "schemaId": "po" }] },
                 "responses": [{ "statusCode": 400, "representations": [{ "contentType": "application/json", "schemaId": "gone", "typeName": "E" }], "headers": [] }] }"#,
        ),
        resource(
            "apis/operations/policies",
            "store/add/policy",
            r#"{ "format": "rawxml", "value": "<policies><inbound><validate-parameters specified-parameter-action=\"prevent\" unspecified-parameter-action=\"ignore\" /></inbound></policies>" }"#,
        ),
        resource(
            "schemas",
            "po",
            r#"{ "schemaType": "xml", "value": "<xs:schema xmlns:xs=\"http://www.w3.org/2001/XMLSchema\"><xs:element name=\"po\" /></xs:schema>" }"#,
        ),
        resource(
            "certificates",
            "client",
            r#"{ "data": "MIIJ", "password": "hunter2" }"#,
        ),
        resource("workspaces", "pay", r#"{ "displayName": "Pay" }"#),
        resource(
            "workspaces/schemas",
            "pay/charge",
            r#"{ "schemaType": "json", "document": { "type": "object" } }"#,
        ),
        resource(
            "workspaces/certificates",
            "pay/own",
            r#"{ "keyVault": { "secretIdentifier": "https://kv.vault.azure.net/secrets/own" }, "thumbprint": "AA" }"#,
        ),
    ];
    let template = format!(r#"{{ "resources": [{}] }}"#, resources.join(",\n"));
    let path = folder.write("template.json", &template);
    let imported = import(&path, None, &options());
    assert_eq!(
        notes(&imported, folder.path()),
        ["template.json:7:122: warning[TG0413]: schema `gone` is not there: nothing is held to it"]
    );
    let (_written, faults) = loads(&imported);
    assert_eq!(faults, Vec::<String>::new());
    is_written("contracts.yaml", &imported.files[0].1);
    let all: String = imported
        .files
        .iter()
        .map(|(_, text)| text.as_str())
        .collect();
    assert!(!all.contains("hunter2") && !all.contains("MIIJ"));
    assert!(all.contains("\"required\": ["));
}
