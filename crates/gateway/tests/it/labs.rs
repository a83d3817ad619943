//! The documents of a published collection of labs for API Management with models, through the whole gateway: our own of
//! the same shape, and the originals where a checkout of them lies beside the repository. Each test shows what its lab
//! promises.

mod access;
mod agents;
mod connections;
mod limits;
mod metrics;
mod oauth;
mod pools;
mod routing;
mod tools;

use crate::scene::{FORWARD, KEY_A, KEY_B, Served, chat};
use serde_json::Value;
use std::path::Path;
use tollgate_testkit::client::{Fetched, fetch, with_header};
use tollgate_testkit::simulator::Resource;
use tollgate_testkit::{DeploymentKind, Simulator, SimulatorConfig};

/// Our own document, and the lab's where it is; the placeholders that a lab's program fills in filled in.
fn documents(ours: &str, lab: &str, values: &[(&str, &str)]) -> Vec<String> {
    let ours = filled(ours.to_owned(), values);
    std::iter::once(ours).chain(original(lab, values)).collect()
}

/// The lab's own document where it is, filled in.
fn original(lab: &str, values: &[(&str, &str)]) -> Option<String> {
    let folder = "../../../shared/corpus/policies/Azure-Samples+AI-Gateway/labs";
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder).join(lab);
    path.exists()
        .then(|| filled(std::fs::read_to_string(path).unwrap(), values))
}

fn filled(mut text: String, values: &[(&str, &str)]) -> String {
    for (name, value) in values {
        assert!(text.contains(name), "no {name} in\n{text}");
        text = text.replace(name, value);
    }
    text
}

/// A server that proves itself with the gateway's identity, as the labs' templates declare theirs.
fn server(id: &str, url: &str) -> String {
    format!(
        "  - {{ id: {id}, url: \"{url}\", credentials: {{ managedIdentity: {{ resource: https://cognitiveservices.azure.com }} }} }}\n"
    )
}

/// A gateway with a lab's document on the API `openai`, before simulated providers that only take its identity.
struct Lab {
    served: Served,
    simulator: Simulator,
}

impl Lab {
    /// `configure` writes the lines of `backends:`, and `namedValues:` if need be, for the providers' URL.
    async fn start(policy: &str, configure: impl Fn(&str) -> String) -> Lab {
        // Resources of which one is as good as the other.
        let resources = [
            ("east", "East US"),
            ("north", "North Europe"),
            ("west", "West US"),
        ];
        let unlimited = DeploymentKind::PayAsYouGo {
            tokens_per_minute: None,
        };
        let resource = |(name, region)| Resource::new(name, region, unlimited.clone());
        let simulator = Simulator::start(SimulatorConfig {
            strict_auth: true,
            require_bearer: true,
            resources: resources.map(resource).to_vec(),
            ..SimulatorConfig::default()
        });
        let simulator = simulator.await.unwrap();
        let configured = format!(
            r#"gateway:
  listen: [{{ address: "127.0.0.1:0" }}]
  management: {{ address: "127.0.0.1:0" }}
  threads: 2
  identity: {{ source: imds, endpoint: "{url}" }}
  openId: {{ authorities: {{ "https://login.microsoftonline.com": "{url}" }} }}
policy: global.xml
products:
  - {{ id: gold, apis: [openai] }}
  - {{ id: bronze, apis: [openai] }}
subscriptions:
  - {{ id: team-a, scope: /products/gold, primaryKey: {{ env: TEAM_A_KEY }} }}
  - {{ id: team-b, scope: /products/bronze, primaryKey: {{ env: TEAM_B_KEY }} }}
apis:
  - id: openai
    path: openai
    policy: api.xml
    operations:
      - {{ id: ChatCompletions_Create, method: POST, urlTemplate: "/deployments/{{deployment-id}}/chat/completions" }}
      - {{ id: V1_ChatCompletions_Create, method: POST, urlTemplate: /v1/chat/completions }}
      - {{ id: V1_Responses_Create, method: POST, urlTemplate: /v1/responses }}
      - {{ id: V1_Responses_Get, method: GET, urlTemplate: "/v1/responses/{{response_id}}" }}
backends:
{}"#,
            configure(simulator.url()),
            url = simulator.url()
        );
        let files = [
            ("global.xml", FORWARD),
            ("api.xml", policy),
            ("tollgate.yaml", &configured),
        ];
        Lab {
            served: Served::start(&files, &[]),
            simulator,
        }
    }

    async fn call(&self, key: &str, body: &Value) -> Fetched {
        fetch(self.served.gateway, chat(key, body)).await.unwrap()
    }

    /// What a caller with one more header gets.
    async fn call_with(&self, name: &'static str, value: &str, body: &Value) -> Fetched {
        let request = with_header(chat(KEY_A, body), name, value);
        fetch(self.served.gateway, request).await.unwrap()
    }

    /// Calls that a resource has received, refused ones too.
    fn asked(&self, resource: &str) -> usize {
        let below = format!("/{resource}/");
        let all = self.simulator.requests(1000);
        all.iter().filter(|r| r.path.starts_with(&below)).count()
    }

    /// Calls of an operation that the providers have served.
    fn served(&self, operation: &str) -> usize {
        let usage = self.simulator.usage();
        let served = usage.requests.iter();
        served.filter(|call| call.operation == operation).count()
    }
}
