//! Operations of a REST API as tools of an MCP server.

use super::*;
use crate::process::Running;
use serde_json::json;
use tollgate_testkit::client::{post_json, with_bearer};
use tollgate_testkit::simulator::{DEFAULT_TENANT, MintOptions};
use tollgate_testkit::upstream::{Script, ScriptedUpstream};

const SERVER: &str = include_str!("../../documents/labs/mcp-server.xml");
const AUDIENCE: &str = "https://azure-api.net/authorization-manager";

/// A REST service with a catalogue and orders.
async fn shop() -> ScriptedUpstream {
    ScriptedUpstream::start(|request| match (&*request.method, &*request.path) {
        ("GET", "/products?category=lamps") => {
            Script::json(200, &json!([{ "id": "l1", "name": "Lamp" }]))
        }
        ("POST", "/orders") => Script::json(201, &json!({ "order": 7 })),
        _ => Script::json(404, &json!({ "error": "nothing there" })),
    })
    .await
    .unwrap()
}

fn configuration(shop: &str, simulator: &str) -> String {
    format!(
        r#"gateway:
  listen: [{{ address: "127.0.0.1:0" }}]
  management: {{ address: "127.0.0.1:0" }}
  openId: {{ authorities: {{ "https://login.microsoftonline.com": "{simulator}" }} }}
policy: global.xml
apis:
  - id: shop
    path: shop
    subscriptionRequired: false
    serviceUrl: "{shop}"
    specification: shop.yaml
  - id: shop-mcp
    type: mcp
    path: shop-mcp
    subscriptionRequired: false
    policy: api.xml
    mcpTools:
      - {{ name: list_products, operationId: listProducts, description: Products of a category }}
      - {{ operationId: placeOrder }}
"#
    )
}

const SPECIFICATION: &str = r#"openapi: 3.0.3
info: { title: Shop, version: "1" }
paths:
  /products:
    get:
      operationId: listProducts
      parameters:
        - { name: category, in: query, required: true, schema: { type: string } }
      responses: { "200": { description: products } }
  /orders:
    post:
      operationId: placeOrder
      description: Places an order
      requestBody:
        required: true
        content:
          application/json:
            schema:
              type: object
              required: [sku, quantity]
              properties: { sku: { type: string }, quantity: { type: integer, minimum: 1 } }
      responses: { "201": { description: placed } }
"#;

/// `mcp-from-api`, and the like lab of a private MCP server: the tools of a REST API for callers with a token of Entra ID,
/// each of whom is traced.
#[tokio::test]
async fn operations_are_tools_for_those_with_a_token() {
    let labs = [
        "mcp-from-api/src/product-catalog/mcp-server/policy.xml",
        "ai-foundry-private-mcp/src/place-order/mcp-server/policy.xml",
    ];
    let mut policies = documents(SERVER, labs[0], &[]);
    policies.extend(original(labs[1], &[]));
    for policy in policies {
        let (shop, simulator) = (shop().await, Simulator::start(SimulatorConfig::default()));
        let simulator = simulator.await.unwrap();
        let configured = configuration(&shop.url(), simulator.url());
        let files = [
            ("global.xml", FORWARD),
            ("api.xml", &*policy),
            ("shop.yaml", SPECIFICATION),
            ("tollgate.yaml", &configured),
        ];
        let mut served = Served::start(&files, &[]);
        let token = async |audience: &str| {
            // The provider's document is that of version 1, and names the issuer of such tokens.
            let issuer = format!("{}/{DEFAULT_TENANT}/", simulator.url());
            let claims = json!({ "iss": issuer, "tid": DEFAULT_TENANT, "aud": audience, "email": "ann@shop.example" });
            let claims = claims.as_object().unwrap().clone();
            let options = MintOptions::default();
            simulator.mint(claims, &options).await.unwrap()
        };
        let gateway = served.gateway;
        let send = async |token: Option<&str>, method: &str, params: Value| {
            let message = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
            let request = post_json("/shop-mcp/mcp", &message);
            let request = with_header(request, "accept", "application/json, text/event-stream");
            let request = with_header(request, "mcp-protocol-version", "2025-11-25");
            let request = with_header(request, "agent-id", "shopper");
            let request = match token {
                None => request,
                Some(token) => with_bearer(request, token),
            };
            fetch(gateway, request).await.unwrap()
        };
        let hello = json!({ "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": { "name": "t", "version": "1" } });
        let other = token("https://management.azure.com/").await;
        for wrong in [None, Some("nonsense"), Some(&*other)] {
            let refused = send(wrong, "initialize", hello.clone()).await;
            assert_eq!(refused.status, 401, "{}", refused.text());
            assert!(
                refused.text().contains("Unauthorized."),
                "{}",
                refused.text()
            );
        }
        assert!(shop.requests().is_empty());

        let right = token(AUDIENCE).await;
        let right = Some(&*right);
        let begun = send(right, "initialize", hello).await;
        assert_eq!(begun.status, 200, "{}", begun.text());
        assert_eq!(begun.json()["result"]["protocolVersion"], "2025-11-25");
        traced(&mut served.running);
        let tools = send(right, "tools/list", json!({})).await.json();
        let tools = tools["result"]["tools"].as_array().unwrap().clone();
        let names: Vec<&str> = tools.iter().map(|t| t["name"].as_str().unwrap()).collect();
        assert_eq!(names, ["list_products", "placeOrder"]);
        assert_eq!(tools[0]["inputSchema"]["required"], json!(["category"]));
        assert_eq!(tools[1]["description"], "Places an order");

        let call = json!({ "name": "list_products", "arguments": { "category": "lamps" } });
        let lamps = send(right, "tools/call", call).await.json();
        let text = lamps["result"]["content"][0]["text"].as_str().unwrap();
        assert!(text.contains("Lamp"), "{lamps}");
        let call = json!({ "name": "placeOrder", "arguments": { "sku": "l1", "quantity": 2 } });
        let placed = send(right, "tools/call", call).await.json();
        assert_ne!(placed["result"]["isError"], true, "{placed}");
        let asked = shop.requests();
        let order: Value = serde_json::from_slice(&asked.last().unwrap().body).unwrap();
        assert_eq!(order, json!({ "sku": "l1", "quantity": 2 }));
        let call = json!({ "name": "list_products", "arguments": { "category": "hats" } });
        let failed = send(right, "tools/call", call).await.json();
        assert_eq!(failed["result"]["isError"], true, "{failed}");
    }
}

/// The trace names agent and user.
fn traced(running: &mut Running) {
    let line = running.line("MCP trace info");
    for part in ["shopper", "ann@shop.example"] {
        assert!(line.contains(part), "{line}");
    }
}
